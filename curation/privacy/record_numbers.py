"""Passports, plates and the numbers of cases, patients, students, staff and accounts.

These carry no check digit, so the number needs its word before it, or a shape nothing else has.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Final

from curation.privacy.spans import ALONE, ENDS, NO_DIGIT_BEFORE, Rule, Span, either

_PROVINCES: Final = "京津沪滬渝冀豫云雲辽遼黑湘皖鲁魯新苏蘇浙赣贛鄂桂甘晋晉蒙陕陝吉闽閩贵貴粤粵青藏川宁寧琼瓊"
# Scales, diagnoses and standards look like plates: PHQ-9000 is none.
# Nor is what is counted like a thing (那張 RTX-4090) or comes from a maker's list.
_NO_PLATE: Final = r"(?=[0-9A-Z])(?<![張张顆颗款支])(?<![張张顆颗款支] )(?!(?:ISO|CNS|DSM|ICD|PHQ|GAD|SCL|BDI|BAI|RFC|GPT|COV|MP|No|RTX|GTX|CPU|GPU|SSD|DDR|USB)-?[0-9])"
_GAP: Final = r"[^\n。;!?0-9A-Za-z]{0,8}?"
_LINK: Final = r"(?:号码|號碼|編號|编号|字號|字号|代號|代号|證號|证号|號|号|no\.?|number|num|id|#)?[ ]?(?:是|為|为|叫|is|was|:|=|#|\()?[ ]?"
# At least three digits; groups may be parted by a hyphen, blanks only between digits.
_RECORD: Final = r"((?=[A-Za-z /-]*[0-9])(?=(?:[A-Za-z /-]*[0-9]){3})(?:(?:[A-Za-z]{1,3}-)?[A-Za-z]{0,4}[-/]?|(?-i:[A-Z]{1,4}) )[0-9][0-9A-Za-z]*(?:(?:[-/]| (?=[0-9]))[0-9A-Za-z]+){0,4})"
_UNITS: Final = r"(?![ ]?[歲岁元塊块人年月日天萬万億亿個个次小分名位多餘余件種种張张公毫%度週周])"
# An order or a parcel is no person.
_NOT_OWN: Final = tuple(
    "訂單 订单 商品 產品 产品 快遞 快递 發票 发票 運單 运单 包裹 物流 房屋 車牌 车牌 QQ qq IG ig LINE line 微信 臉書 脸书 抖音 信箱 邮箱".split()
)
_ANY_NUMBER: Final = (
    "(?:編號|编号|號碼|号码|單號|单号|工單|工单|(?<![編编單单型版車车班])[號号](?![碼码])"
    "|(?<![A-Za-z])(?:[Ii][Dd]|[Nn]o\\.|[Nn]umber|[Rr]ef(?:erence)?)(?: is)?)"
)
# Surrogates of numbers: whoever is at 00000 is nobody.
_NOBODY = re.compile("[A-Za-z]*0{5}")


def find_passports(text: str) -> Iterator[Span]:
    """Passport and travel permit numbers of a folded text."""
    for pattern in _passport():
        yield from _first_groups(pattern, text, "passport")


def find_plates(text: str) -> Iterator[Span]:
    """Car and motorcycle plates of a folded text."""
    for pattern in _plates():
        yield from _first_groups(pattern, text, "plate")
    shape, words = _named_plate()
    for match in shape.finditer(text):
        if words.search(text, max(0, match.start() - _PLATE_REACH), match.start()) and _is_somebodys(match.group(1)):
            yield Span(*match.span(1), "plate")


def find_records(text: str) -> Iterator[Span]:
    """Numbers of cases, patients, students, employees, members and accounts of a folded text."""
    held = frozenset(text)
    for needed, pattern in _records():
        if needed and held.isdisjoint(needed):
            continue
        at = 0
        while match := pattern.search(text, at):
            # Looking back from here is many times as fast as from every place of the text.
            if text.endswith(_NOT_OWN, 0, match.start()):
                at = match.start() + 1
                continue
            at = match.end()
            if 4 <= match.end(1) - match.start(1) <= 24 and _is_somebodys(match.group(1)):
                yield Span(*match.span(1), "record_number")


def _first_groups(pattern: re.Pattern[str], text: str, kind: str) -> Iterator[Span]:
    for match in pattern.finditer(text):
        if _is_somebodys(match.group(1)):
            yield Span(*match.span(1), kind)


def _is_somebodys(number: str) -> bool:
    return not _NOBODY.match(re.sub("[ -]", "", number))


_PASSPORT_WORDS: Final = "護照 通行證 旅行證 台胞證 臺胞證 回鄉證 旅遊證件 入台證"
_PLATE_WORDS: Final = "車牌 牌照 車號 機車 汽車 車子 的車 開車 車是 計程車 司機 摩托車 電動車 轎車 貨車 牌號 牌 車輛 用車 架車 部車 輛車 台車 座駕 的士 小巴 巴士 電單車 私家車 房車 休旅車 跑車 特斯拉 豐田 本田 賓士 奔馳 寶馬 白車 黑車 紅車 車尾 肇事 對方車 網約車 出租車 專車 面包車 麵包車 皮卡 卡車 三輪車 重機 Gogoro Uber"
_RECORD_WORDS: Final = (
    "病歷 病歷號 案件 個案 案號 掛號 就診 住院 門診 學號 工號 員工 員編 編號 准考證 健保卡 社保 醫保 保單 會員 報案 受理 卷宗 帳號 "
    "帳戶 戶頭 檔案 存摺 病人 患者 學籍 學生證 考生 社會安全 駕照 駕駛證 檔號 員工證 健保 床號 諮詢編號 轉介單 案卷 警號 軍籍 "
    "賬號 賬戶 卡號 識別碼 證號 收據 回執 立案 個管 收容編號 通報單 通報序號 通報編號 通報案號 受刑人 囚犯編號 兵籍 診號 檢驗單 工作證 學員編號 報名序號 報名號 准考證 勞保 重大傷病卡 服務編號 收案 回條 受理單 報警 報案單 存根 檔號 單據 學籍 保險 轉診 訴願 調解"
)


@cache
def _passport() -> list[re.Pattern[str]]:
    words = either(_PASSPORT_WORDS) + r"|(?ai:passport|travel permit|travel document|(?<![a-z])BN\(?O\)?(?![a-z]))"
    number = (
        rf"{ALONE}([A-Za-z][A-Za-z]?[ ]?[0-9]{{7,8}}(?:[A-Z](?![A-Za-z]))?|[A-Z]{{2}}[ ]?[0-9]{{6}}|[0-9]{{8,9}}){ENDS}"
    )
    alone = rf"{ALONE}([1-9][0-9]{{8}}|[A-Z][A-Z]?[0-9]{{7,8}}[A-Z]?|[A-Z]{{2}}[0-9]{{6}}){ENDS}"
    return [
        re.compile(rf"(?:{words})(?:{_GAP}{_LINK}{_GAP}|,? ?[^\n。;!?,0-9]{{0,18}}?){number}"),
        re.compile(rf"{alone}(?=[^\n。0-9]{{0,8}}(?:{words}))"),
    ]


@cache
def _named_plate() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """The shapes of plates, and the words of which one must stand before them."""
    words = (
        either(_PLATE_WORDS)
        + r"|(?ai:plates?|licen[cs]e|(?<![a-z])reg(?:istration)?(?![a-z])|(?<![a-z])(?:car|scooter|van|motorbike|motorcycle|taxi|cab|truck|lorry|suv|jeep|honda|toyota|nissan|tesla|bmw|benz|mercedes|ford|audi|mazda|camry|civic|corolla|alphard|prius|vehicle|sedan|uber|pickup)(?![a-z]))"
    )
    shape = (
        r"(?:[A-HJ-NP-Z]{2,3}[ -]?[0-9]{3,4}|[0-9]{3,4}[ -]?[A-HJ-NP-Z]{2,3}|[A-HJ-NP-Z][0-9]-?[0-9]{4}|[0-9]{4}-[A-HJ-NP-Z][0-9]"
        r"|[A-HJ-NP-Z]{2}[0-9]{2} ?[A-HJ-NP-Z]{3}|[0-9][A-HJ-NP-Z]{3}[0-9]{3}|[A-HJ-NP-Z]{3}[ -]?[0-9]{2}[A-HJ-NP-Z]|M[A-Z]-[0-9]{2}-[0-9]{2}|[A-Z][0-9]{6}[A-Z]|(?<=[牌士巴]號)[A-HJ-NP-Z]{2} ?[0-9]{1,2})"
    )
    return (
        re.compile(rf"{ALONE}{_NO_PLATE}({shape}){ENDS}(?!-[0-9A-Z])"),
        re.compile(rf"(?:{words})[^\n。;!?0-9A-Z]{{0,14}}\Z"),
    )


_PLATE_REACH: Final = 28


@cache
def _plates() -> list[re.Pattern[str]]:
    return [
        re.compile(
            rf"{ALONE}([{_PROVINCES}][A-HJ-NP-Z][·•. -]?(?=[A-Z]{{0,2}}[0-9])(?:[A-HJ-NP-Z0-9]{{5,6}}|[A-HJ-NP-Z0-9]{{4}}[港澳學学警掛挂])){ENDS}"
        ),
        re.compile(rf"{ALONE}{_NO_PLATE}([A-HJ-NP-Z]{{3}}-[0-9]{{4}}){ENDS}(?!-[0-9A-Z])"),
        # Britain since 2001: no postcode has this shape.
        re.compile(rf"{ALONE}([A-HJ-PR-Y]{{2}}[0-9]{{2}} [A-HJ-PR-Z]{{3}}){ENDS}"),
        re.compile(
            rf"{ALONE}{_NO_PLATE}([A-HJ-NP-Z]{{2,3}}-?[0-9]{{3,4}}|[0-9]{{3,4}}-?[A-HJ-NP-Z]{{2,3}}){ENDS}(?=[^\n。0-9]{{0,6}}(?:{either('車牌 的車 那台車 那輛車 這台車')}))"
        ),
    ]


_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


@cache
def _records() -> list[tuple[frozenset[str], re.Pattern[str]]]:
    words = either(_RECORD_WORDS)
    english = (
        r"(?:case|record|file|patient|chart|student|employee|staff|member|membership|policy|account|claim|reference|referral|mrn|"
        r"medical record|insurance|client|badge|report|docket|ticket|log|incident|inmate|prisoner|booking|candidate|cad|urn|ucas|medicaid|national insurance|ni|customer|tenancy|benefit|intake|licen[cs]e|admission|hospital|crime|police|nhs|medicare|court|matter|enrolment|enrollment|application|visa|ref\.?)"
    )
    number = r"(?:(?: ?(?:id|no\.?|number|num|#|ref(?:erence)?\.?|report|file)){1,2} ?(?:is|was|:|=)?|(?::| #| is)) ?#?"
    return [
        (frozenset(""), re.compile(rf"(?:{words}){_GAP}{_LINK}{_RECORD}{ENDS}{_UNITS}")),
        (frozenset(_LETTERS), re.compile(rf"(?ai:{ALONE}{english}{number}{_RECORD}{ENDS})")),
        (
            frozenset(_LETTERS),
            re.compile(
                rf"(?ai:{ALONE}(?:mrn|ssn|cad|urn|nino|crn|social security(?: number)?|nhs(?: number)?)(?: is| was|:|#| no\.?)*[ ]?{_RECORD}{ENDS})"
            ),
        ),
        # Letters, digits and strokes right behind a word for a number, whatever is numbered: 預約號XL20240318-07.
        (
            frozenset(_LETTERS),
            re.compile(
                rf"{_ANY_NUMBER}[ ]?[:#]?[ ]?((?=(?:[A-Z/-]*[0-9]){{4}})[A-Z]{{2,6}}[-/ ]?[0-9A-Z][0-9A-Z/-]{{3,20}}){ENDS}"
            ),
        ),
        # Two groups of letters before the digits: police receipts of Hong Kong, YMT RN 24001234.
        (
            frozenset(_LETTERS),
            re.compile(rf"(?<=[号號:是係为為 ])([A-Z]{{2,4}} (?:RN|MIS|TIP|[A-Z]{{2,3}}) ?[0-9]{{6,8}}){ENDS}"),
        ),
        # Letters, a year and a number: EW-23-00417.
        (
            frozenset(_LETTERS),
            re.compile(
                rf"{ALONE}(?:(?ai:ref|file|case|ticket|claim|report|chart|client|matter|receipt|no)[a-z]*[.:#]?[ ]?)([A-Z]{{1,4}}-[0-9]{{2,4}}-[0-9]{{3,6}}){ENDS}"
            ),
        ),
        # Courts: 112年度家護字第123號, (2023)京0105民初12345号.
        (
            frozenset("字"),
            re.compile(
                rf"{NO_DIGIT_BEFORE}([0-9]{{2,3}}[ ]?(?:年度?)?[\u4e00-\u9fff]{{1,6}}字第?[ ]?[0-9]{{1,7}}[ ]?[號号])"
            ),
        ),
        (
            frozenset("字"),
            re.compile(
                rf"([{_PROVINCES}][\u4e00-\u9fff()]{{1,10}}字第?[〔\[(]?(?:19|20)[0-9]{{2}}[〕\])]?第?[0-9]{{1,7}}[号號])"
            ),
        ),
        (
            frozenset("号號"),
            re.compile(rf"(\((?:19|20)[0-9]{{2}}\)[{_PROVINCES}][0-9]{{2,4}}[\u4e00-\u9fff]{{1,4}}[0-9]{{1,7}}[號号])"),
        ),
    ]


_DIGITS: Final = r"[0-9]{2}"
RULES: Final = (
    Rule(r"[0-9]{6}", find_passports),
    Rule(
        rf"[{_PROVINCES}][A-Z][·•. -]?[A-Z0-9]|[A-Z]{{2}}[ -]?[0-9]{{3}}|[0-9]{{3}}[ -]?[A-Z]{{2}}|[A-Z][0-9]-?[0-9]{{4}}|[0-9]{{4}}-[A-Z][0-9]|[A-Z]{{2}}[0-9]{{2}}|[0-9][A-Z]{{3}}",
        find_plates,
    ),
    Rule(r"[0-9](?:[A-Za-z /-]*[0-9]){2}|字第?[ ]?[〔\[(]?[0-9]", find_records),
)

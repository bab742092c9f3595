"""Schools and employers in Chinese: a name before a word such as 大學 or 公司.

The name begins where the sentence before it ends, and must be more than a kind (一所私立大學, 外商公司).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Final

from curation.privacy.names import HAN
from curation.privacy.organisation_words import SCHOOLS, SCHOOLS_SHY
from curation.privacy.place_words import FREE, STOP, lead
from curation.privacy.spans import Rule, Span, both, either, one_by_one
from curation.privacy.word_model import connecting_lead, is_listed, to_simplified

_TAIL_HAN = re.compile(rf"{FREE}{{2,10}}\Z")


def find_organisations(text: str) -> Iterator[Span]:
    """Schools and employers of a folded text."""
    for kind, pattern, plain in _organisations():
        for match in pattern.finditer(text):
            start = _start(text, match.start("suffix"))
            # Right behind 在 or 讀 nothing is left of the sentence.
            word = text[start : match.end()] in _WORDS_OF_DOING
            if text[max(0, start - 1) : start] not in _RIGHT_BEHIND and not word:
                start += connecting_lead(text[start : match.start("suffix")].translate(to_simplified()))
            core = text[start : match.start("suffix")]
            own = word or core in _NAMES_AFTER_ALL or not plain.fullmatch(core)
            if len(core) >= 2 and own and (word or not odd_core().search(core)):
                yield Span(start, match.end(), kind)
    for match in _teaching_hospital().finditer(text):
        start = match.start() + lead(match.group())
        yield Span(start, match.end(), "employer")


_RIGHT_BEHIND: Final = ("在", "喺", "讀", "读", "念", "唸")
# Built of words for kinds of schools, and names.
_NAMES_AFTER_ALL: Final = frozenset(["大同", "中山", "文山", "工農"])
# Their names are words of doing; only these are schools, 在實踐中學會 is none.
_WORDS_OF_DOING: Final = frozenset(["實踐大學", "实践大学", "實踐國小", "實踐國中"])


@cache
def _teaching_hospital() -> re.Pattern[str]:
    """A hospital that bears the name of a university."""
    schools = either("大學 醫學院 醫科大學 學院 醫大")
    return re.compile(f"{FREE}{{2,8}}?{schools}(?:附屬|附属|附設|附设)?{FREE}{{0,8}}?{either('醫院 總院')}")


def _start(text: str, end: int) -> int:
    """Where the name before a suffix begins; `end` when there is none."""
    head = _TAIL_HAN.search(text, max(0, end - 10), end)
    if head is None:
        return end
    start = head.start() + lead(head.group())
    joined = text.rfind("和", start, end - 1)
    return start if joined < 0 or end - joined < 3 else joined + 1


def find_short_names(text: str) -> Iterator[Span]:
    """Schools by their short names, beside a word of study or of being there (考上政大), of a folded text."""
    for match in _short_names().finditer(text):
        start, end = match.span()
        behind = _studies().search(text, max(0, start - 6), start) is not None
        there = _there().match(text, end) is not None
        if match.group() in _shy():
            fits = (behind and (there or _ENDS.match(text, end) is not None)) or (
                text[max(0, start - 1) : start] == "在" and _STUDENT.match(text, end) is not None
            )
        else:
            before = text[start - 1 : start] if start else ""
            at = not HAN.match(before) or before in "在喺從从於于是係離离開开我他她被考"
            fits = behind or (at and (there or _ENDS.match(text, end) is not None))
        if fits:
            yield Span(start, end, "school")
    for match in _universities().finditer(text):
        core = match.group(1).translate(to_simplified())
        if not is_listed(core) and not is_listed(core[-2:]):
            yield Span(*match.span(1), "school")


@cache
def _universities() -> re.Pattern[str]:
    """Universities shortened to 大, behind a word of study and before what a student is."""
    study = either("讀 念 唸 考上 就讀 就讀於 畢業於 保送 我是 她是 他是 考進 上")
    return re.compile(
        f"{study}({FREE}{{2,3}}大)(?=的?(?:學生|学生|研究生|大[一二三四]|新生|[畢毕][業业]|校友|[碩硕]士?|博士?|研[一二三]))"
    )


_ENDS: Final = re.compile("[,。!?;、)的]|$|[^\u3400-\u9fff]")
_STUDENT: Final = re.compile("念|讀|读|唸|畢業|毕业|大[一二三四]|研究所|碩|硕|博|心理|法律|勸退|劝退|退學|退学")


@cache
def _shy() -> frozenset[str]:
    return frozenset(both(SCHOOLS_SHY))


@cache
def _studies() -> re.Pattern[str]:
    return re.compile(f"{either(_STUDY)}\\Z")


@cache
def _there() -> re.Pattern[str]:
    return re.compile(either(_AT_SCHOOL))


@cache
def _short_names() -> re.Pattern[str]:
    return re.compile(either(SCHOOLS))


_SCHOOLS: Final = (
    "大學 科技大學 技術學院 學院 高中 國中 國小 中學 小學 高職 高商 家商 女中 附中 一中 二中 "
    "三中 實小 二小 三小 附小 書院 國際學校 外國語學校 外語學校 藝術學校 職業學校 工業職業學校 實驗學校 特殊學校 舞蹈學校 體育學校 雙語學校 托兒所 幼兒園 幼稚園 附屬中學 實驗小學 初中 完全中學 職業學校 專科學校 護專 商專 高工 農工"
)
# What a school is called when it has no name of its own.
_PLAIN_SCHOOL: Final = (
    "國立 私立 公立 市立 縣立 這所 一所 第一志願 明星 重點 普通 綜合 頂尖 名牌 外國 美國 國外 "
    "英國 日本 本科 醫 理工 師範 科技 附近 社區 老人 空中 線上 網路 高職 初中 高中 雙語 完全 "
    "實驗 中 小 國 特殊 完中 偏鄉 鄉下 城市 知名 一流 前段 後段 心儀 理想 喜歡 研究所 第一 "
    "第二 第三 同一 某 私校 貴族 放棄 升 直升 目標 省重點 市重點 大 好 一般 畢業 同 兩所 "
    "三所 幾所 四所 附設 唯一 傳統 高 初 高三 國三 男 女 剛上 上 念 職業 寄宿 國際 工業 "
    "人文 藝術 醫學 商 文 理 法 工 管理 教育 音樂 體育 軍校 警察 當地 全國 全省 全縣 老家 "
    "鎮上 村裡 縣裡 省 市 區 縣 四年 三年 六年 離家 整個 自己 期末 整 期間 畢 外地 本地 "
    "南部 北部 中部"
)
FIRM_WORDS: Final = (
    "股份有限公司 有限公司 公司 醫院 診所 事務所 銀行 集團 工作室 書局 出版社 補習班 餐廳 飯店 "
    "酒店 旅行社 會計師事務所 律師事務所 證券 保險公司 人壽 療養院 衛生所 基金會 報社 電視台 "
    "電子廠 工廠 製造廠 分局 派出所 法院 戶政事務所 百貨 律所 咖啡廳 咖啡館 市政府 縣政府 區公所 "
    "鄉公所 消防局 國稅局 健身房 藥局 超市 商行 企業社 實業 動物醫院 護理之家 養老院 早餐店 便當店 修配廠 修車廠 紡織廠 食品廠 藥廠 鞋廠 機械廠 大酒店 賓館 月嫂中心 月子中心 安親班 動物園 警察局 教育局 社會局 衛生局 稅務局 供電局 法律事務所 物流中心 美容院 髮廊 養護中心 安養院"
)
PLAIN_FIRM: Final = (
    "詐騙 犯罪 直銷 傳銷 外商 貿易 保險 上市 上櫃 科技 新創 跨國 知名 大型 小型 中型 中小型 網路 遊戲 廣告 設計 "
    "私人 公立 私立 國營 分 子 母 總 綜合 精神 精神科 精神病 專科 教學 地區 附近 大 小 兩家 "
    "三家 一家 這家 那家 幾家 家 間 一間 這間 律師 會計師 建築師 投資 民營 外資 日商 美商 "
    "合資 家族 傳統 科技業 軟體 軟件 生技 食品 食材 物流 快遞 快递 顧問 諮詢 租車 建築 互聯網 "
    "電商 大廠 家裡 新 舊 老 外包 人力 派遣 清潔 搬家 電子 服裝 塑膠 紡織 化工 成衣 汽車 "
    "修車 五金 食 廢棄 服務 醫療 動物 牙醫 心理 身心 身心科 中醫 婦產 婦產科 兒童 市立 縣立 "
    "省立 三甲 人民 地方 高等 最高 家事 少年 中央 商業 各大 大醫 五星 高級 美容 英文 數學 "
    "高檔 西 中 連鎖 娛樂 翻譯 義大利 日式 韓式 素食 中餐 燒烤 火鍋 自助 地產 房地產 房產 "
    "金融 證券 財務 教育 培訓 培训 諮商 文化 傳媒 影視 媒體 公關 婚紗 個人 專業 創業 開 整 "
    "同 同一 不同 某 某某 其他 另外 別 任何 全 整個 自己 本 貴 我司 目前 現在 送 住 出 進 "
    "看 上 下 去 大型醫 設計師 人壽保險 產險 壽險 大學 三級 二級 縣 市 省 鎮 鄉 區 國有 "
    "央企 國企 民企 私企 代工 加工 製造 玩具 鞋 衣服 食品加工 手機 半導體 基因 重點 正規 慈善 "
    "社福 公益 警察 交通 當地 本地 外地 社區 衛生 康復 兒科 骨科 眼科 連續 線上 急救 後送 "
    "急診 區域 裁判 調解 仲裁"
)
# Before 大學生 these are countries, not schools.
_COUNTRIES: Final = "台灣 臺灣 中國 大陸 香港 國內 當代 現代 亞洲 海外 全台"
# No name holds these.
_ODD: Final = (
    "時候 半年 無法 充分 利用 學校 同學 老師 什麼 公司 醫院 畢業 上學 放學 開始 一起 如果 可是 所有 不同 知道 "
    "覺得 喜歡 準備 孩子 國家 學生 小學 初中 高中 國中 大學 面臨 適應 期待 現代 許多 提高 "
    "然後 導致 尋求 經營 結合 參加 完成 錯誤 失敗 實踐 情況 互動 經驗 侄子 寶上 能 較 如何 "
    "證明 程度 一篇 仅 因此 實話 需要 通過 透過 關注 選擇 報考 優秀 夢想 壓力"
)
_STUDY: Final = "讀 念 唸 考上 考進 考取 上了 進了 就讀 就讀於 畢業於 保送 錄取 申請上 分發到 轉到 轉去 讀完 讀到 沒上 沒考上 考不上 落榜 想考 目標是 母校是 來自 本科 考研考 碩士 博士 學歷 大學念 大學讀 研究所念 考 校友 畢業自 報考 推上 甄試上 上 進 入讀 升上 攻讀 退學"
# What follows the short name of a school.
_AT_SCHOOL: Final = (
    "畢業 念書 讀書 讀研 讀博 唸書 念 讀 唸 的學生 學生 的研究生 研究生 的研究所 研究所 研一 研二 研三 的研 大一 大二 大三 大四 碩士 碩班 碩一 碩二 博士 博班 博一 博後 當 教 任教 上課 上學 宿舍 校友 校園 交換 "
    "的教授 教授 的老師 的碩 的博 的同學 的宿舍 學長 學姐 學姊 錄取 保研 本科 系 心理 法律 醫學 資工 電機 外文 中文 商學 財金 機械 土木 數學 物理 化學 社工 教育 護理 建築 新聞 經濟 會計 企管 國貿"
)


@cache
def odd_core() -> re.Pattern[str]:
    """What no name of a school or a firm holds."""
    return re.compile(either(_ODD))


@cache
def _organisations() -> list[tuple[str, re.Pattern[str], re.Pattern[str]]]:
    """Kind, pattern with group `suffix`, and the cores that name nothing."""
    school = either(_SCHOOLS) + "(?:部|分校|分部|附中|附小)?"
    plain_school, firm, plain_firm = generic(_PLAIN_SCHOOL), either(FIRM_WORDS), generic(PLAIN_FIRM)
    no_school = "作生時时习習部畢毕聯联城階阶老同考學学課课四三一二畫程"
    with_pupils = either("大學 學院 高中 國中 國小 中學 小學 初中 女中 附中 一中 二中 三中")
    pupils = "生|畢業|毕业|老師|老师|同學|同学|四年|三年|一年|二年|的時候|时候|讀|读|念"
    return [
        (
            "school",
            re.compile(f"(?P<suffix>{school})(?![{no_school}]|的時|教(?=授|育|室|學|学|師|师|材|科|改|職|职|官))"),
            plain_school,
        ),
        ("school", re.compile(f"(?P<suffix>{with_pupils})(?={pupils})"), generic(f"{_PLAIN_SCHOOL} {_COUNTRIES}")),
        (
            "school",
            re.compile(
                f"(?P<suffix>{either('科大 師大 醫大 工大 農大 財大 外大 體大 藝大 民大 林大 師院 工專 護校 家職 商工 國高中 完小 中心小學 實小')})(?={either(_AT_SCHOOL)}|[,。!?;、)的]|$)"
            ),
            plain_school,
        ),
        ("employer", re.compile(f"(?P<suffix>{firm})(?!員|员|費|费|卡)"), plain_firm),
    ]


@cache
def generic(words: str) -> re.Pattern[str]:
    """Names that say only what kind of school or firm is meant."""
    return re.compile(f"(?:[一二三兩两幾几這这那某每各][家間间所個个]|{either(words)})+")


def _sign() -> str:
    suffixes = either(
        f"{_SCHOOLS} {FIRM_WORDS} 科大 師大 醫大 工大 農大 財大 外大 體大 藝大 民大 林大 師院 工專 護校 家職 商工 國高中 完小 中心小學 實小"
    )
    return f"[^{STOP}0-9A-Za-z,.!?:。、 ]{{2}}{suffixes}"


def _short_sign() -> str:
    return one_by_one(
        f"{SCHOOLS} 大的學生 大學生 大的研究生 大研究生 大一 大二 大三 大四 大新生 大畢業 大校友 大碩 大博 大的碩 大的博 大研"
    )


RULES: Final = (
    Rule(_sign(), find_organisations),
    Rule(_short_sign(), find_short_names),
)

"""Employers in Chinese that say so by what is done there: a trade, a well-known name, or no word at all, where somebody works."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Final

from curation.privacy.names import HAN, given_characters, surnames
from curation.privacy.organisation_words import FIRMS
from curation.privacy.organisations import FIRM_WORDS, PLAIN_FIRM, generic, odd_core
from curation.privacy.place_words import FREE, lead
from curation.privacy.spans import Rule, Span, either, one_by_one
from curation.privacy.word_model import as_words, is_common, to_simplified

# A trade after the name of a firm, without a word for firm; and what is done there.
_TRADES: Final = (
    "科技 物流 快遞 速遞 貨運 航空 保險 營造 地產 房產 置業 建設 建材 商貿 貿易 教育 電機 電子 機械 汽車 重工 鋼鐵 化工 食品 製藥 生技 軟體 資訊 光電 半導體 證券 人壽 傳媒 影業 "
    "影視 廣告 裝潢 裝飾 保全 網絡 網路 通訊 通信 能源 電力 電網 石化 石油 紡織 服飾 奶茶 茶飲 火鍋 烘焙 咖啡 超商 商場 便利店 水果 家居 家政 房屋 投資 金融 創投 基金 諮詢 設計 "
    "文化 遊戲 運輸 搬家 燒烤 麵館 餐飲 控股 實業 物業 酒廠 超級市場 便利商店 福利中心 服務中心 客服中心 發展中心 社福中心 輔導中心 早療中心 "
    "衛生院 保健院 研究院 研究所 協會 學會 商會 茶餐廳 酒樓 餐館 飯館 麵包店 花店 書店 畫室 美髮 美容 髮型 牙科 中醫館 中醫診所 眼科 獸醫 航運 海運 客運 車隊 租車 車業 車行 洗衣 印刷 包裝 塑膠 五金 "
    "水產 農場 牧場 茶行 米行 百貨 購物中心 量販 藥妝 藥房 大藥房 律師行 會計行 測量行 酒吧 影城 戲院 樂園 球場 健身 瑜珈 舞蹈 樂器 琴行 出版 雜誌 日報 電台 通訊社 製衣 鞋業 皮件 石材 木業 造船 礦業 煤礦 鋼廠 藥業 "
    "茶飲店 火鍋店 咖啡店 拖拉機廠 機床廠 輪胎廠 水泥廠 化肥廠 棉紡廠 煙廠 玻璃廠 家具廠 傢俱廠 服裝廠 玩具廠 零件廠 印刷廠 罐頭廠 糖廠 鋼鐵廠 機務段 車輛段 項目部 產險 壽險 投信 期貨 租賃 托嬰中心 托育中心 日照中心 復健中心 養生館 按摩店 小吃店 麵店 飲料店 網咖 燒臘店 滷味 火鍋 牛排館 藥店 藥行 婚宴會館 會館 民宿 洗車場 加油站 停車場 屠宰場 果菜市場 工業 電器 機電 精密 醫材 航太 船務 模具 模具廠 五金廠 廠 工程行 水電行"
)
_AT_WORDS: Final = (
    "在 喺 於 于 從 被 俾 進了 進 加入 離開 跳槽到 跳槽去 跳到 轉到 轉去 調到 應徵 面試 應聘 入職 入職了 原來在 任職於 任職 就職於 就職 服務於 服務單位 供職於 受僱於 效力於 待過 待在 "
    "公司是 公司叫 公司在 單位是 單位: 工作單位: 工作單位是 服務單位: 公司: 公司名稱: 雇主: 雇主是 僱主: 任職單位: 任職公司: 職業: 東家是 前東家是 老東家 前東家"
)
_AT_KNOWN: Final = "去 到 去了 是 我們 我哋 我"
_DONE: Final = (
    "上班 上夜班 上早班 工作 任職 當 做 打工 實習 兼職 服務 送件 送貨 送餐 送外賣 跑 開車 開巴士 裁 辭退 解僱 資遣 優退 留職停薪 開除 炒 離職 辭職 請辭 退休 倒閉 拖欠 拖了 幹了 待了 呆了 待過 幹過 做過 理貨 補貨 收銀 站櫃 "
    "的課長 的主管 的同事 的老闆 的店長 的工人 的經理 的工程師 的業務 的員工 的理專 的行員 的護士 的護理師 的保全 的保安 的客服 的櫃姐 的騎手 的外送員 的司機 的助理 的實習生 的儲備幹部 的組長 的會計 的約聘 的鷹架 "
    "工人 司機 技工 店長 店員 員工 流水線 揸 返工 做嘢 做樓面 幹活 幹了 幹到 幹不 幫忙 幫傭 算法 站點老闆 站點站長 那邊的主管 那邊的老闆 那邊的同事 那邊的經理 那邊主管 那邊老闆 跑單 騎手 夜班 輪班 值班 加班 排班 門市 專櫃 值夜 櫃檯 櫃台 年資 工讀 打雜 扛 端盤子 洗碗 切菜 傳菜 迎賓 打包 分揀 賣保險 拉保險 賣房 被裁 被開 被辭 被炒 被優化 送快遞 搬貨 值大夜 護理師 護士 會計 保全 保安 客服 "
    "助理 工程師 業務 理專 行員 收銀員 專員 主任 經理 課長 組長 儲備幹部 上了 了好幾年 了快 三年 五年 十年 兩年 一年 外送 外場 內場 外派 外勤 輪夜班 輪大夜 上大夜 上小夜 裸辭 跳槽 常年 長年 出差 轉正 試用 的試用 的辦公 的工地 的流水線 的倉庫 廠區 倉庫"
)


def find_workplaces(text: str) -> Iterator[Span]:
    """Firms named without a word for firm, by what is done there (在瑞豐地產上班), of a folded text."""
    for match in _trade().finditer(text):
        start = _core_start(text, match.start(), match.end())
        core = text[start : match.start()]
        plain = len(core) < 2 or generic(f"{PLAIN_FIRM} {_TRADES}").fullmatch(core)
        if not plain and not is_common(core.translate(to_simplified())) and not odd_core().search(core):
            yield Span(start, match.end(), "employer")
    yield from _fields(text)
    for match in (*_work().finditer(text), *_job().finditer(text)):
        at = _AT_UNKNOWN.search(text, max(0, match.start() - 8), match.start())
        if at is None:
            continue
        start = at.start(1) + lead(at.group(1))
        core = text[start : match.start()]
        strange = _STRANGE - (len(core) == 2)
        if (
            len(core) > 1
            and as_words(core.translate(to_simplified())) < strange * len(core)
            and not _PLACE.search(core)
        ):
            yield Span(start, match.start(), "employer")
    for match in _public_hospital().finditer(text):
        yield Span(*match.span(1), "employer")
    for match in _known_firm().finditer(text):
        if _works_at(text, *match.span()):
            yield Span(*match.span(), "employer")


# What is no word, where somebody works, is a firm: 在麥味登打工.
_STRANGE: Final = -8.5
_PLACE: Final = re.compile(
    "[家裡里店廠厂室樓楼市縣县區区國国鎮镇村路街班部組组處处邊边上下中外前後后間间頭头校院所局站場场園园館馆房公]$|[我你他她每一二三兩两幾几這这那某]"
)


def _fields(text: str) -> Iterator[Span]:
    for match in _FIELD.finditer(text):
        name = match.group(1)
        # The employer of a household is a person.
        person = match.group().startswith(("雇主", "僱主")) and is_full_name(name)
        if not person and not generic(PLAIN_FIRM).fullmatch(name) and not odd_core().search(name[:-2]):
            yield Span(*match.span(1), "employer")


@cache
def _public_hospital() -> re.Pattern[str]:
    """The one hospital of its kind in a province, city or county; where somebody works there it is an employer."""
    kind = either("立 人民 中心 中醫 婦幼保健 婦幼 兒童 腫瘤 胸科 口腔 傳染病 精神衛生 精神病")
    works = either(
        "上班 上夜班 工作 任職 實習 值班 規培 進修 當護 當醫 當藥 當保 當清 當行政 做護 做保 做清 做行政 做醫 做藥"
    )
    return re.compile(
        f"(?:(?<![\u3400-\u9fff])|(?<=[在喺]))((?:{FREE}{{2,3}}?)?[省市縣县區区州](?:{kind}|第[一二三四五六七八九十])+(?:{either('醫院')}|中心|院))(?=[\u3400-\u9fff]{{0,6}}?{works})"
    )


@cache
def _work() -> re.Pattern[str]:
    return re.compile(either(_WORKED))


@cache
def _job() -> re.Pattern[str]:
    return re.compile(f"[做當当][\u3400-\u9fff]{{0,3}}?{either(_JOBS)}")


_AT_UNKNOWN: Final = re.compile(rf"[在喺]({FREE}{{2,7}})\Z")
_JOBS: Final = "員 師傅 經理 助理 文員 保安 保潔 護工 司機 廚師 廚房 客服 銷售 收銀 出納 會計 行政 人資 人事 樓面 侍應 雜工 清潔 護士 護理師 店長 工程師 設計 櫃姐 業務 主管 組長 技師 老師"
# A field of a form: whatever stands there is the name.
_FIELD: Final = re.compile(
    "(?:(?:工作|服[務务]|任[職职]|就[職职]|所在)[單单]位|任[職职]公司|服[務务]機構|服务机构|公司名[稱称]|[單单]位|雇主|僱主)[:是為为][ ]?([\u3400-\u9fff]{3,20}?)(?=[,。;、()\n ]|$)"
)


def is_full_name(text: str) -> bool:
    """Whether three characters read as a surname and a given name, not as the name of a firm.

    >>> is_full_name("彭秀枝"), is_full_name("大立光"), is_full_name("台積電")
    (True, False, False)
    """
    return len(text) == 3 and text[0] in surnames() and not given_characters().isdisjoint(text[1:])


# What is done nowhere but at work.
_WORKED: Final = (
    "上班 打工 任職 做事 工讀 實習 兼職 輪班 返工 做嘢 當店員 當店長 當工程師 當業務 當會計 當助理 當主管 當經理 當客服 做店員 做業務 做會計 做助理 做客服 做銷售 做收銀 做樓面 做廚房 "
    "做人資 做行政 做設計 做工程師"
)


@cache
def _trade() -> re.Pattern[str]:
    trade = either(_TRADES)
    return re.compile(f"{trade}(?:{trade})?(?={either(_DONE)}|[,。!?;、了]|$)")


def _core_start(text: str, start: int, end: int) -> int:
    """Where the name before a trade begins: behind a word of work, or with a clause that says what is done there."""
    before = _at_core().search(text, max(0, start - 12), start)
    if before is None and _done().match(text, end):
        before = _clause_core().search(text, max(0, start - 6), start)
    return before.start("core") + lead(before.group("core")) if before else start


@cache
def _at_core() -> re.Pattern[str]:
    return re.compile(f"{_at()}(?P<core>{FREE}{{2,6}})\\Z")


@cache
def _clause_core() -> re.Pattern[str]:
    return re.compile(f"(?:^|(?<=[,。!?;\n是]))(?P<core>{FREE}{{2,5}})\\Z")


@cache
def _at(*, known: bool = False) -> str:
    return either(f"{_AT_WORDS} {_AT_KNOWN}" if known else _AT_WORDS)


@cache
def _known_firm() -> re.Pattern[str]:
    tail = either(f"{_TAILS} {FIRM_WORDS} {_TRADES}")
    return re.compile(
        f"(?P<firm>{either(FIRMS)}(?:[一二三四五六七八九十]+局|{tail}|[\u3400-\u9fff]{{2,3}}(?:分公司|分行|分店|門市|门市|廠|厂))?)"
    )


_TAILS: Final = (
    "總部 分公司 分行 分店 門市 總行 總公司 總廠 快餐 超市 系統 電視 視頻 直播 外賣 網 雲 物業 客運 院區 附醫 總院 分院"
)


def _works_at(text: str, start: int, end: int) -> bool:
    """Whether what stands beside a firm's name says that somebody works there."""
    behind = _ends_at().search(text, max(0, start - 6), start)
    if _done().match(text, end):
        return behind is not None or not start or HAN.match(text[start - 1]) is None
    ends = end == len(text) or text[end] in ",。!?;、\n)" or text[end] == "了"
    return ends and behind is not None and behind.group() not in _WEAKLY_AT


# Whoever is there may only shop there.
_WEAKLY_AT: Final = frozenset("去 到 是 我 我們 我们 我哋 去了".split())


@cache
def _ends_at() -> re.Pattern[str]:
    return re.compile(f"{_at(known=True)}(?:了)?\\Z")


@cache
def _done() -> re.Pattern[str]:
    return re.compile(either(_DONE))


def _workplace_sign() -> str:
    # Words alone, which a column is searched for many times as fast as for what stands around them.
    return one_by_one(
        f"{_TRADES} {FIRMS} {_WORKED} 單位: 單位是 單位為 雇主 僱主 任職公司 服務機構 公司名稱 做收 做文 做保 做護 做司 做雜 做清 做技 做櫃 做主 做組 做侍 做出 做人 當護 當司 當文 當保 當出 當廚 當技 當櫃 當組 當雜 立醫院 人民醫院 中心醫院 中醫院 保健院 兒童醫院 腫瘤醫院 胸科醫院 口腔醫院 病醫院 衛生中心 病院 一醫院 二醫院 三醫院 四醫院 五醫院"
    )


RULES: Final = (Rule(_workplace_sign(), find_workplaces),)

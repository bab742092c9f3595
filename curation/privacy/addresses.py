"""Addresses of Taiwan, the mainland and Hong Kong in Chinese."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Final

from curation.privacy.place_words import FREE, lead
from curation.privacy.spans import HAN_CHAR, Rule, Span, both, either, joined, one_by_one

_N: Final = r"(?:[0-9]{1,5}|[一二三四五六七八九十百千〇零]{1,7})"
# Unit, floor and room by hyphens behind a house: 1-5-2, 3-502; no day, no telephone number.
_HYPHENS: Final = (
    r"[ ]?(?:[0-9]{1,2}-[0-9]{1,2}-(?!(?:19|20)[0-9]{2})[0-9]{1,4}|[0-9]{1,2}-[0-9]{3,4})(?![ ]?[-0-9年月日點点歲岁元])"
)
TW_CITIES: Final = (
    "台北 臺北 新北 桃園 台中 臺中 台南 臺南 高雄 基隆 新竹 嘉義 苗栗 彰化 南投 雲林 屏東 宜蘭 花蓮 台東 臺東 "
    "澎湖 金門 連江"
)
_CN_PROVINCES: Final = (
    "河北 山西 遼寧 吉林 黑龍江 江蘇 浙江 安徽 福建 江西 山東 河南 湖北 湖南 廣東 海南 四川 貴州 雲南 陝西 甘肅 "
    "青海 內蒙古 廣西 西藏 寧夏 新疆"
)
_CN_CITIES: Final = (
    "北京 上海 天津 重慶 廣州 深圳 杭州 南京 蘇州 武漢 成都 西安 鄭州 長沙 青島 濟南 大連 瀋陽 哈爾濱 長春 廈門 "
    "福州 寧波 無錫 合肥 南昌 昆明 貴陽 南寧 海口 "
    "太原 石家莊 蘭州 銀川 西寧 烏魯木齊 拉薩 呼和浩特 東莞 佛山 珠海 中山 惠州 汕頭 溫州 嘉興 紹興 金華 台州 "
    "常州 徐州 揚州 南通 煙台 濰坊 洛陽 開封 宜昌 "
    "襄陽 株洲 湘潭 岳陽 桂林 柳州 三亞 綿陽 德陽 唐山 保定 大同 包頭 鞍山 泉州 漳州 蕪湖 贛州 遵義 大理 麗江 "
    "咸陽 寶雞"
)
_SHORTEST: Final = 4
_LEAD: Final = 9
_HK_AREAS: Final = (
    "香港 九龍 新界 澳門 旺角 銅鑼灣 深水埗 屯門 沙田 觀塘 荃灣 元朗 大埔 粉嶺 上水 將軍澳 北角 灣仔 中環 尖沙咀 油麻地 長沙灣 黃大仙 "
    "荔枝角 美孚 石硤尾 何文田 紅磡 土瓜灣 九龍城 九龍塘 慈雲山 新蒲崗 彩虹 牛頭角 藍田 油塘 秀茂坪 西貢 坑口 寶琳 調景嶺 大圍 火炭 太和 葵芳 葵興 葵盛 荔景 東涌 愉景灣 長洲 坪洲 梅窩 "
    "筲箕灣 鰂魚涌 跑馬地 薄扶林 香港仔 堅尼地城 西營盤 上環 金鐘 半山 赤柱 佐敦 大角咀 石籬 石蔭 沙田圍 大窩口 梨木樹 橫頭磡 樂富 黃竹坑 鑽石山 西環 鴨脷洲 柴灣 葵涌 青衣 天水圍 馬鞍山 氹仔 路環"
)


@cache
def _address() -> list[tuple[list[frozenset[str]], re.Pattern[str]]]:
    tw, province, city = either(TW_CITIES), either(_CN_PROVINCES), either(_CN_CITIES)
    area = rf"{FREE}{{1,3}}?(?:區|区|鄉|乡|鎮|镇|市|縣|县)"
    village = rf"(?:{FREE}{{1,3}}?[村里](?:{_N}[鄰邻])?)?"
    road = rf"{FREE}{{1,5}}?(?:路|街|大道|胡同)(?:[東西南北东]?{_N}?段)?"
    house = rf"(?:[ ]?{_N}[ ]?巷)?(?:[ ]?{_N}[ ]?弄)?(?:[ ]?{_N}(?:之{_N}|-[0-9]+)?[ ]?[號号](?:院|之{_N}|附{_N}[號号]|[甲乙丙丁](?=[ ]?[0-9,。;\n]|$))?)"
    lanes = rf"[ ]?{_N}[ ]?巷(?:[ ]?{_N}[ ]?弄)?"
    floor = rf"(?:[, ]?{_N}[ ]?(?:樓|楼)(?:之{_N})?(?:[ ]?[A-Z0-9]{{1,4}}室)?|[, ]?[0-9]+F(?:-[0-9]+)?)?"
    estate = rf"(?:[ ]?{FREE}{{2,6}}?(?:小區|小区|花園|花园|公寓|社區|社区|苑|大廈|大厦|新村|家園|家园|廣場|广场|山莊|山庄|(?:園|园|閣|阁|軒|轩|庭|灣|湾|邨|居|府|里)(?=[ ]?第?[ ]?(?:[0-9]|[A-Z][座棟栋]))))"
    # Behind a known area any character may be of a name.
    inner = rf"(?:(?![的了是在我你他她到去住]){HAN_CHAR})"
    homes = r"(?:邨|村|苑|花園|花园|新城|城|灣|湾|半島|豪庭|中心|大廈|大厦|閣|阁|軒|轩|居|臺|台|園|园|廣場|广场|山莊|山庄|別墅|别墅|公寓|小區|小区|社區|社区|家園|家园|新村|名邸|府|里)"
    unit = rf"(?:{_HYPHENS}|(?:[ ]?第?(?:{FREE}{{2,4}}?(?:閣|阁|樓|楼|座)(?=[ ]?[0-9]))?[ ]?(?:{_N}|[A-Z][0-9]?)[ ]?(?:號樓|号楼|號院|号院|字樓|字楼|棟|栋|幢|座|期|單元|单元|樓|楼|層|层|室|房|户|戶|門|门|塔|翼|梯|舍)){{1,5}}(?:[ ]?(?:[東西南北东中左右][座楼樓翼塔]?)?[ ]?(?:[0-9]{{2,4}}(?:-[0-9]{{1,2}})?|[A-Z](?![A-Za-z0-9]))(?:室|房|号|號)?)?)"
    hong_kong = either(_HK_AREAS)
    dormitory = either("教工 職工 員工 學生 教師 男生 女生 研究生 單身 公司 家屬 軍官 單位 工廠 學校 博士")
    firsts = "".join(sorted({w[0] for w in both(f"{TW_CITIES} {_CN_PROVINCES} {_CN_CITIES}")}))
    return [
        # A city or district, a road and a house, perhaps with estate, unit and floor.
        _behind(
            "路街道同村里區区园園寓苑",
            rf"(?=[{firsts}])(?:{tw}(?:市|縣|县)|{tw}(?={HAN_CHAR}{{1,3}}[區区鄉乡鎮镇])|(?:{province}|{city}))[^\n,。;!?的在我]{{0,16}}?(?:路|街|大道|胡同|村|里|小區|小区|花園|花园|公寓|苑)(?:{_N}段)?(?:{lanes})?(?:{house})?{estate}?(?:{unit})?{floor}",
        ),
        # road + house without a head
        _behind("號号 路街道同", rf"(?:{area})?{village}{road}(?:{lanes})?{house}{estate}?(?:{unit})?{floor}"),
        _behind("巷 路街道同", rf"(?:{area})?{road}{lanes}{floor}"),
        _behind("段 路街", rf"{FREE}{{2,4}}(?:路|街){_N}段"),
        _behind(
            "區区鎮镇鄉乡 路街道",
            rf"{FREE}{{1,3}}[區区鎮镇鄉乡]{FREE}{{1,4}}(?:路|街|大道)(?![上邊边人線线頭头燈灯])(?:[和与與、]{FREE}{{1,4}}(?:路|街))?",
        ),
        _behind(
            "住搬租家地位 路街道巷同邨村",
            rf"(?:住|搬到|搬去|租在|家在|地址[:是]?|位於|位于)[ ]?({FREE}{{2,4}}(?:路|街|大道|巷|胡同|邨|新村))(?![上邊边人線线])",
        ),
        _behind(
            "號号棟栋幢座期 花苑灣湾城府邸軒轩庭園园莊庄邨館馆",
            rf"{FREE}{{2,8}}?(?:花園|花园|苑|灣|湾|城|府|邸|軒|轩|庭|園|园|莊|庄|邨|公館|公馆)(?:{_N}|[A-Z])[ ]?(?:號樓|号楼|棟|栋|幢|座|期)[ ]?(?:{unit})?[0-9]{{0,4}}室?",
        ),
        # estate + unit, district + unit
        _behind(
            "區区 號号棟栋幢",
            rf"{FREE}{{1,3}}?[區区]{FREE}{{2,16}}?{_N}[ ]?(?:號樓|号楼|號院|号院|棟|栋|幢)(?:{unit})?",
        ),
        _behind(
            "區区園园寓苑廈厦村宅",
            rf"{FREE}{{2,6}}?(?:小區|小区|花園|花园|公寓|社區|社区|苑|大廈|大厦|新村|家園|家园|國宅){unit}",
        ),
        # Hong Kong and Macau: 彌敦道610號, 良景邨良俊樓1203室
        _behind(
            "號号 道徑圍围里",
            rf"(?:{hong_kong}){{0,3}}(?!道)(?:{FREE}{{1,5}}?)(?:道|徑|圍|围|里)(?:[東西南北中])?[ ]?{_N}[ ]?[號号]{estate}?(?:{unit})?{floor}",
        ),
        _behind(
            "邨苑灣島城",
            rf"(?:{hong_kong}){{0,3}}{FREE}{{1,5}}?(?:邨|苑|灣畔|半島|城)(?:{FREE}{{1,4}}?[樓楼閣阁座])?(?:{unit})",
        ),
        _behind(
            "道街路邨",
            rf"(?:{hong_kong}){{1,3}}{FREE}{{2,5}}?(?:道|街|路|邨)(?:[東西南北中])?(?:[ ]?{_N}[ ]?[號号]{floor})?",
        ),
        # head alone, down to the district or village
        _behind(
            "區区鄉乡鎮镇市",
            rf"(?:{tw})(?:市|縣|县)?{FREE}{{1,3}}?(?:區|区|鄉|乡|鎮|镇|(?<!縣)(?<=縣{HAN_CHAR}{HAN_CHAR})市)(?!域|分|別|别|長|长|公所){village}(?:{FREE}{{1,6}}?{_N}(?:之{_N}|-[0-9]+)?[號号])?",
        ),
        _behind(
            "區区縣县",
            rf"(?=[{firsts}])(?:{province}省?)?(?:{city})市?{FREE}{{1,3}}?(?:區|区|縣|县)(?!域|分|別|别)(?:{FREE}{{1,4}}?(?:鎮|镇|鄉|乡|街道))?{village}",
        ),
        _behind(
            "市 區区縣县鎮镇鄉乡",
            rf"(?:{province})省?{FREE}{{2,3}}市{FREE}{{1,3}}(?:區|区|縣|县|鎮|镇|鄉|乡)(?:{FREE}{{1,4}}?(?:鎮|镇|鄉|乡|街道))?(?:{FREE}{{1,4}}村)?",
        ),
        _behind(
            "縣县 鎮镇鄉乡村",
            rf"(?:{province})省?{FREE}{{1,3}}(?:縣|县){FREE}{{1,4}}(?:鎮|镇|鄉|乡|村)(?:{FREE}{{1,4}}村)?",
        ),
        _behind(
            "宿",
            rf"(?:{dormitory})?宿舍(?:[東西南北东])?{FREE}{{0,2}}(?:{_N}|[A-Z])[ ]?(?:[棟栋舍幢樓楼]|號樓|号楼)(?:{_N}[樓楼層层])?[ ]?(?:{_N}[單单]元)?[ ]?(?:[0-9]{{2,4}}(?:室|房|號|号)?)?",
        ),
        # An estate in Hong Kong, its house, and perhaps floor and room.
        _behind(
            "樓楼座室號号棟栋期層层房",
            rf"(?:{hong_kong}){{1,3}}{inner}{{1,8}}?{homes}?(?:第?{_N}期)?(?:{inner}{{1,4}}?[樓楼閣阁座])?(?:{unit}){floor}",
        ),
        _behind(
            "邨 樓楼閣阁",
            rf"(?:{hong_kong}){{0,3}}{FREE}{{1,5}}?邨{FREE}{{1,4}}?[樓楼閣阁](?:[ ]?{_N}[ ]?[樓楼層层])?(?:[ ]?[0-9]{{2,4}}[ ]?(?:室|號室|号室)?)?",
        ),
        _behind(
            "邨苑圍围村",
            rf"(?:{hong_kong}){{1,3}}{FREE}{{1,5}}?(?:邨|新邨|苑|圍|围|村)(?:{FREE}{{1,5}}(?:街|道|路)[ ]?{_N}[ ]?[號号]{floor})?",
        ),
        # Villages, down from whatever stands above them.
        _behind(
            "鎮镇鄉乡道 村屯寨",
            rf"(?:{FREE}{{2,3}}[市省盟州])?(?:{FREE}{{1,4}}[縣县區区市旗])?{FREE}{{1,3}}(?:[鎮镇鄉乡]|街道){FREE}{{1,4}}?(?:村(?![民子里裡口委頭头莊庄上官落長长])|屯(?!積)|寨(?!子))(?:[ ]?{_N}[ ]?(?:組|组|隊|队|社|屯|號|号))*",
        ),
        # A village, the group and the house in it.
        _behind(
            "組组隊队 村屯寨",
            rf"(?:{FREE}{{2,3}}[市省盟州])?(?:{FREE}{{1,4}}[縣县區区市旗])?{FREE}{{2,4}}[村屯寨][ ]?{_N}[ ]?[組组隊队](?:[ ]?{_N}[ ]?[號号户戶])",
        ),
        _behind("段 路街道", rf"{FREE}{{2,4}}(?:路|街|大道)[東西南北中东][段](?![時时])"),
        # A building on a street with its number, and the floor of it: 科華北路62號力寶大廈北樓1105.
        _behind(
            "號号 路街道同",
            rf"{road}{house}{FREE}{{2,6}}?{homes}?(?:[東西南北东中A-Z]?[座樓楼塔翼])?[ ]?(?:{_N}[ ]?[樓楼層层F][ ]?)?(?:[0-9A-Z]{{1,5}}[室房]|[0-9]{{3,4}}(?![0-9年月日]))",
        ),
    ]


def _behind(needed: str, pattern: str) -> tuple[list[frozenset[str]], re.Pattern[str]]:
    """A pattern, with groups of characters of each of which a text must hold one for it to be tried."""
    return [frozenset(chars) for chars in needed.split()], re.compile(pattern)


def find_addresses(text: str) -> Iterator[Span]:
    """Chinese addresses of a folded text, as long as they are written."""
    held = frozenset(text)
    patterns = [pattern for needed, pattern in _address() if not any(held.isdisjoint(chars) for chars in needed)]
    found = sorted(match.span(pattern.groups) for pattern in patterns for match in pattern.finditer(text))
    for start, end in joined((_head(text, start, end), end) for start, end in found):
        if end - start >= _SHORTEST:
            yield Span(start, end, "address")


def _head(text: str, start: int, end: int) -> int:
    """Where the city of an address begins, when words of the sentence stand before it (家訪地址臺南市)."""
    city = _cities().search(text, start, min(end, start + _LEAD))
    if city and not _within().search(text, start, city.start()):
        return city.start()
    return start + lead(text[start:end])


@cache
def _within() -> re.Pattern[str]:
    """What parts of an address end with: a city's name behind is part of another (津南區雙港鎮欣桃園12號樓)."""
    return re.compile("[區区縣县市鎮镇鄉乡路街邨村道]")


@cache
def _cities() -> re.Pattern[str]:
    return re.compile(either(f"{TW_CITIES} {_CN_PROVINCES} {_CN_CITIES} {_HK_AREAS}"))


def _sign() -> str:
    """A house, a lane, a section, a unit; or a city with something of an address after it."""
    cities = one_by_one(f"{TW_CITIES} {_CN_PROVINCES} {_CN_CITIES} {_HK_AREAS}")
    number = "[0-9一二三四五六七八九十百〇零A-Z]"
    return (
        f"[區区鎮镇鄉乡][^。\n]*(?:[路街]|大道)|(?:住|搬到|搬去|租在|家在|地址|位於|位于)[^。\n]*(?:[路街巷邨]|大道|胡同|新村)|{number}[ ]?[號号巷弄棟栋幢座期單单樓楼層层室房户戶門门舍]|[路街道][東西南北中东]段|[邨村屯寨]|[路街]{number}+[ ]?段|宿舍"
        f"|(?:{cities})[^。\n]*(?:[路街村里區区苑縣县市鎮镇鄉乡道邨]|大道|胡同|公寓|花園|花园)"
    )


RULES: Final = (Rule(_sign(), find_addresses),)

"""Forms at the edges: a word beats a shape, tails of addresses, short hosts, and what only looks like any of these."""

from __future__ import annotations

import pytest

from curation.privacy.find import find_all, find_in
from curation.privacy.surrogate_dates import shifted


def kinds(text: str) -> list[tuple[str, str]]:
    found = [(span.kind, text[span.start : span.end]) for span in find_in(text)]
    assert [(s.kind, text[s.start : s.end]) for s in find_all([text])[0]] == found
    return found


@pytest.mark.parametrize(
    "text",
    [
        # One letter and seven digits that pass the check of a Hong Kong card, and are said to be of a paper.
        "單號 H0690718 查無",
        "型號 H0690718 停產了",
        "檢驗報告 H0690718 出來了",
        "invoice H0690718 was wrong",
        # What is counted or sold like a thing has no plate.
        "那張 RTX-4090 我吃了三個月泡麵",
        "買了一顆SSD-9800",
        "這款ABC-1234賣完了",
        "taxi cost 45 and the cab was late",
        # Numbers behind a house, and villages without a number.
        "我們村3組人去挖水溝",
        "村裡17號停電",
        "做了3組17下",
        # Via is a word.
        "Via Zoom 3 times a week",
        "12 Rue was nothing",
        "the Place 9 was empty",
        "in Avenue 5 Kids they sing",
        "Floor 2 is closed, 2nd floor too",
        # What comes alive is no account.
        "live: 8pm tonight",
        "小號 3 號都輸了",
        "the cost is 5 lin.ee",
        # A patient, not who works there.
        "他在市立醫院看診",
        "在市立醫院做檢查",
        "去省人民医院挂号",
        "市人民醫院的護士叫我回家",
        "聽說美團算法很準",
        "參加社會實踐大學的活動",
        "在实践中学会接受不完美",
        "a college London people love",
        # Months and spans of time without a year, years without a month.
        "做了2023年12個月的帳",
        "2023年才3個月",
        "9月起完成六次",
        "May 5000 people",
        # A byname before what is no name.
        "Shakespeare wrote neither Old English nor Little Monday",
        # Nobody is reached at a host set aside for examples.
        "write to a_b@clinic.example.org",
        "http://intranet.example/plans/2276.html",
    ],
)
def test_what_only_has_the_shape_stays(text: str) -> None:
    assert kinds(text) == []


@pytest.mark.parametrize("cue", ["護照", "护照号", "普通護照號碼", "passport ", "passport no: ", "BNO ", "BN(O) 護照 "])
@pytest.mark.parametrize("number", ["A1234563", "H0690718", "AB1234567", "512345678", "031234567", "AB123456"])
def test_behind_a_word_for_a_passport_is_a_passport(cue: str, number: str) -> None:
    assert kinds(f"{cue}{number},下個月走") == [("passport", number)]


@pytest.mark.parametrize("cue", ["病歷號 ", "病历号", "收據號碼 ", "帳號 ", "case no. ", "record number: "])
def test_behind_a_word_for_a_record_is_a_record(cue: str) -> None:
    assert kinds(f"{cue}H0690718") == [("record_number", "H0690718")]


@pytest.mark.parametrize("text", ["H0690718", "證件編號 H0690718", "HKID no. H0690718", "報告說身份證係H069071(8)"])
def test_a_hong_kong_card_stays_one_without_or_with_its_word(text: str) -> None:
    assert [kind for kind, _ in kinds(text)] == ["hk_id"]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("搬到青岛市市南区宁夏路 127 号甲 2 单元 301，他又来", "青岛市市南区宁夏路 127 号甲 2 单元 301"),
        ("沈阳市铁西区建设东路 63 号 1-5-2，煤气没开", "沈阳市铁西区建设东路 63 号 1-5-2"),
        ("住沈阳市铁西区建设东路63号3-502", "沈阳市铁西区建设东路63号3-502"),
        ("建设东路63号 5-6点见", "建设东路63号"),
        ("建设东路63号 11-28-2024", "建设东路63号"),
        ("中正路63號 02-2345-6789", "中正路63號"),
        ("在柳林村 3 组 17 号", "柳林村 3 组 17 号"),
        ("武安县南岭村3组17号", "武安县南岭村3组17号"),
        ("昆明市五华区学府路二百九十六号的网吧", "昆明市五华区学府路二百九十六号"),
        ("九龍觀塘協和街 33 號裕民大廈 12 字樓 F，管理員", "九龍觀塘協和街 33 號裕民大廈 12 字樓 F"),
        ("c/o 2nd Floor, 77 Argyle Street, Kowloon", "2nd Floor, 77 Argyle Street, Kowloon"),
        ("at 9 Rue des Lilas, Flat 2, Montreal, QC H2J 3K8. Then", "9 Rue des Lilas, Flat 2, Montreal, QC H2J 3K8"),
        ("at 12 Rue de Rivoli, 75011 Paris", "12 Rue de Rivoli, 75011 Paris"),
        ("住 Lindenstraße 14, 10969 Berlin 很久", "Lindenstraße 14, 10969 Berlin"),
        ("moved to Calle Mayor 5, Madrid", "Calle Mayor 5, Madrid"),
        ("now Via Roma 12, 00184 Roma", "Via Roma 12, 00184 Roma"),
    ],
)
def test_an_address_goes_as_far_as_it_is_written(text: str, address: str) -> None:
    assert [value for kind, value in kinds(text) if kind == "address"] == [address]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("on the 2nd of November.", ("date", "the 2nd of November")),
        ("2 Nov. 2023 it was", ("date", "2 Nov. 2023")),
        ("2023年9月起完成六次", ("date", "2023年9月")),
        ("2019 年十一月嚟港", ("date", "2019 年十一月")),
        ("since September 2019 nothing helps", ("date", "September 2019")),
        ("Cab T962904C dropped her", ("plate", "T962904C")),
        ("的士 T962904C 司機", ("plate", "T962904C")),
        ("Skype live:ewan.mcc_2 works", ("messenger_id", "live:ewan.mcc_2")),
        ("他用小號 wei__0913x 在傳", ("messenger_id", "wei__0913x")),
        ("正確的是 lin.ee/a4KxyQ5,點進去", ("url", "lin.ee/a4KxyQ5")),
        ("加 t.me/abc1", ("url", "t.me/abc1")),
        ("reurl.cc/abc9", ("url", "reurl.cc/abc9")),
        ("校安通報序號 2046884903", ("record_number", "2046884903")),
        ("美团算法越来越紧", ("employer", "美团")),
        ("极兔速递站点老板扣我三百", ("employer", "极兔速递")),
        ("说我在中建二局干不长", ("employer", "中建二局")),
        ("鴻泰物流那邊的主管天天罵", ("employer", "鴻泰物流")),
        ("在福臨酒樓洗碗", ("employer", "福臨酒樓")),
        ("在宏远速递打工", ("employer", "宏远速递")),
        ("在阿桂小吃店幫忙", ("employer", "阿桂小吃店")),
        ("我姐在省人民医院当护士", ("employer", "省人民医院")),
        ("雇主:彭秀枝", ("person", "彭秀枝")),
        ("雇主:大安營造", ("employer", "大安營造")),
        ("我想念的是實踐大學服裝設計", ("school", "實踐大學")),
        ("他在郑大读书", ("school", "郑大")),
        ("student at Imperial College London.", ("school", "Imperial College London")),
        ("King's College London is hard", ("school", "King's College London")),
    ],
)
def test_a_form_is_found_as_a_whole(text: str, found: tuple[str, str]) -> None:
    assert found in kinds(text)


@pytest.mark.parametrize(
    ("written", "moved"),
    [
        ("2023年9月", "2023年10月"),
        ("2019 年十一月", "2019 年十二月"),
        ("December 2013", "January 2014"),
        ("Feb 2017", "Mar 2017"),
    ],
)
def test_a_month_with_its_year_moves_with_the_days(written: str, moved: str) -> None:
    assert kinds(f"since {written}") == [("date", written)]
    assert shifted(written, 21) == moved

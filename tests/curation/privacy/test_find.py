"""What is found in a text, and what must not be."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.privacy.find import FOUND, KINDS, RULES, find, find_all, find_in
from curation.privacy.spans import fold, fold_column

PLANTED = [
    json.loads(line) for line in (Path(__file__).parent / "planted.jsonl").read_text(encoding="utf-8").splitlines()
]
PIECES = st.lists(st.sampled_from([row["text"] for row in PLANTED]) | st.text(max_size=12), max_size=4).map("".join)


def kinds(text: str) -> list[tuple[str, str]]:
    return [(span.kind, text[span.start : span.end]) for span in find_in(text)]


@given(st.text() | PIECES)
def test_spans_lie_within_any_text_in_order_and_apart(text: str) -> None:
    spans = find_in(text)
    assert all(0 <= span.start < span.end <= len(text) and span.kind in KINDS for span in spans)
    assert all(one.end <= other.start for one, other in itertools.pairwise(spans))


def test_the_planted_set_is_as_large_as_claimed() -> None:
    assert len(PLANTED) >= 1500
    assert sum(not row["spans"] for row in PLANTED) >= 600
    assert {kind for row in PLANTED for *_, kind in row["spans"]} == set(KINDS)


@given(st.lists(st.text() | PIECES, max_size=6))
def test_many_texts_at_once_give_what_each_gives_by_itself(texts: list[str]) -> None:
    """The signs leave nothing out: `find_in` asks every rule, `find_all` only those whose sign a text carries."""
    assert find_all(texts) == [find_in(text) for text in texts]


def test_no_rule_finds_anything_in_a_text_without_its_sign() -> None:
    """Also where another rule would have covered the same span."""
    folded = fold_column(pl.Series([row["text"] for row in PLANTED]))
    for rule in RULES:
        assert [text for text in folded.filter(~folded.str.contains(rule.sign)) if any(rule.find(text))] == []


@given(st.lists(st.none() | st.text() | PIECES))
def test_a_folded_column_holds_the_folded_texts(texts: list[str | None]) -> None:
    assert fold_column(pl.Series(texts, dtype=pl.String)).to_list() == [t if t is None else fold(t) for t in texts]


def test_nine_in_ten_planted_identifiers_of_every_class_are_found() -> None:
    want: Counter[str] = Counter()
    have: Counter[str] = Counter()
    for row in PLANTED:
        found = find_in(row["text"])
        for start, end, kind in row["spans"]:
            want[kind] += 1
            have[kind] += any(s.kind == kind and s.start < end and start < s.end for s in found)
    assert {kind: have[kind] / want[kind] for kind in want if have[kind] < 0.9 * want[kind]} == {}


def test_hardly_a_sentence_without_identifier_is_touched() -> None:
    plain = [row for row in PLANTED if not row["spans"]]
    assert sum(bool(find_in(row["text"])) for row in plain) <= 0.03 * len(plain)


@pytest.mark.parametrize("line", ["1925", "1995", "1980", "113", "110", "119", "12356", "988", "911"])
def test_public_help_lines_stay(line: str) -> None:
    assert kinds(f"電話{line}，請撥打{line}或 call {line}") == []


def test_a_check_digit_decides() -> None:
    assert kinds("A123456789")[0][0] == "tw_id"
    assert kinds("A123456788") == []
    assert kinds("11010519491231002X") == [("cn_id", "11010519491231002X")]
    assert kinds("110105194912310021") == []
    assert kinds("卡號4111111111111111")[0][0] == "bank_card"
    assert kinds("4111111111111112") == []


def test_a_mistyped_number_is_still_found_by_its_word() -> None:
    assert kinds("身分證字號A123456788") == [("tw_id", "A123456788")]
    assert kinds("卡號4111111111111112") == [("bank_card", "4111111111111112")]


@pytest.mark.parametrize("name", ["佛洛伊德", "榮格", "林黛玉", "周杰倫", "Sigmund Freud", "Carl Rogers"])
def test_whom_everybody_knows_from_books_stays(name: str) -> None:
    assert kinds(f"我跟{name}說話，讀{name}的書") == []


def test_offsets_are_those_of_the_text_as_given() -> None:
    assert kinds("𠮷😀打０９１２－３４５－６７８找我") == [("phone", "０９１２－３４５－６７８")]
    assert kinds("手機零九一二三四五六七八") == [("phone", "零九一二三四五六七八")]


def test_han_characters_on_both_sides_hide_nothing() -> None:
    assert kinds("打0912345678找我") == [("phone", "0912345678")]
    assert kinds("寄wang.mei@gmail.com給我") == [("email", "wang.mei@gmail.com")]


def test_a_column_gives_the_spans_of_its_texts_and_null_for_null() -> None:
    texts = pl.Series("text", ["我叫王小美", None, "", "！！", "沒事"])
    found = find(texts)
    assert found.dtype == FOUND
    assert found.to_list() == [[{"start": 2, "end": 5, "kind": "person", "family": "full"}], None, [], [], []]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("我跟佩珊吵架了", "佩珊"),
        ("弟弟冠霖今年要考學測", "冠霖"),
        ("我老婆艷紅一直說我不上進", "艷紅"),
        ("我弟子軒今年中考", "子軒"),
        ("貞貞說她不想再聽了", "貞貞"),
        ("室友水沐晴打電動到三點", "水沐晴"),
        ("我們班的郗若蘭和廉志豪在一起了", "郗若蘭"),
        ("有黃靖芳、卓文凱和時予安", "時予安"),
        ("領導叫樂正平,天天罵我", "樂正平"),
        ("谷主任讓我寫檢查", "谷主任"),
        ("秀琴阿姨幫我介紹工作", "秀琴阿姨"),
        ("霞姐話我做嘢慢", "霞姐"),
        ("劉太話個仔唔瞓", "劉太"),
        ("何Sir問我點解遲到", "何Sir"),
        ("威仔成日俾人蝦", "威仔"),
        ("大劉喝多了就愛動手", "大劉"),
        ("但是老潘在旁邊笑", "老潘"),
        ("Granny Edith raised me", "Granny Edith"),
        ("I told Big Steve to leave", "Big Steve"),
        ("hi its danny again", "danny"),
        ("Mia and Tobias stopped talking to me", "Tobias"),
    ],
)
def test_a_name_is_found_by_what_stands_beside_it(text: str, name: str) -> None:
    assert ("person", name) in kinds(text)


@pytest.mark.parametrize(
    "text",
    [
        "今天很高興可以聊聊,謝謝你花時間",
        "時候到了,水費也繳不出來,樂觀不起來",
        "雲端硬碟裡都是照片,和平的日子只有三天",
        "老師和老闆都喜歡我,小時候大家都說我乖",
        "我和媽媽、姐姐和弟弟住在一起",
        "醫生開了舍曲林和勞拉西泮,早晚各一片",
        "我弟今年高三,我妹今年國二",
        "老師說得很對,明明是他的錯",
        "我成日喺屋企,成晚瞓唔著",
        "朋友約我去星巴克,叫了美團外賣",
        "換成健保之後一直查不到",
        "in June I had dinner at Nando's and ordered from Amazon",
        "my GAD-7 was 15 and Major Depressive Disorder runs in the family",
    ],
)
def test_words_that_look_like_names_stay(text: str) -> None:
    assert kinds(text) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("佢喺周大福做銷售", ("employer", "周大福")),
        ("在麥味登打工", ("employer", "麥味登")),
        ("我在洛陽拖拉機廠幹了一輩子", ("employer", "洛陽拖拉機廠")),
        ("工作單位:苏宁易购", ("employer", "苏宁易购")),
        ("Got fired from Home Depot last week", ("employer", "Home Depot")),
        ("考上政大以後更空虛", ("school", "政大")),
        ("I study at HKU", ("school", "HKU")),
        ("在蘇州大學附屬第一醫院當護士", ("employer", "蘇州大學附屬第一醫院")),
        ("租在津南區雙港鎮欣桃園12號樓", ("address", "津南區雙港鎮欣桃園12號樓")),
        ("住葵涌石籬邨石佳樓", ("address", "葵涌石籬邨石佳樓")),
        ("到教工宿舍8棟302", ("address", "教工宿舍8棟302")),
        ("的士車牌MK 5032", ("plate", "MK 5032")),
        ("護照C5830417", ("passport", "C5830417")),
        ("小帳是 rainy_day.0312", ("messenger_id", "rainy_day.0312")),
        ("11.28晚上他又來", ("date", "11.28")),
    ],
)
def test_a_place_or_a_number_is_found_as_far_as_it_goes(text: str, found: tuple[str, str]) -> None:
    assert found in kinds(text)

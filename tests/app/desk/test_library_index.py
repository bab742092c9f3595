"""A question finds the passages that hold its words, in either script, and no others."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st

from app.desk.library_index import find, index
from xinheng.text import folded

TEXTS = [
    "焦慮來自對未來的擔心，練習呼吸會有幫助。",
    "失眠的人睡前不要滑手機，臥室要暗。",
    "夢見海的人說他想念故鄉。",
    "Grief comes in waves; losses of a parent are carried for years.",
    "Boundaries at work protect your sleep.",
]


def found(question: str, texts: Sequence[str] = TEXTS) -> list[int]:
    return [hit.number for hit in index(texts).find(question)]


def test_either_script_and_any_width_finds_both() -> None:
    assert found("焦虑")[0] == found("焦慮")[0] == 0
    assert found("睡前可以滑手机吗？")[0] == 1
    assert found("ＧＲＩＥＦ") == [3]


def test_one_sign_by_itself_is_found_and_words_in_singular_and_plural() -> None:
    assert found("夢") == [2]
    assert found("loss of parents") == [3]
    assert found("boundary") == []


def test_a_question_of_words_that_nobody_wrote_finds_nothing() -> None:
    assert found("zebra") == found("") == found("。，！") == found("x" * 5000) == []
    assert found("焦慮", []) == []
    assert index(TEXTS).find("焦慮", limit=0) == []


def test_a_rare_word_weighs_more_than_a_common_one_and_a_short_text_more_than_a_long() -> None:
    texts = ["睡眠" * 3 + "燈塔", *["睡眠日記"] * 20, "燈塔" + "無關的文字" * 200]
    hits = index(texts).find("睡眠燈塔")
    assert hits[0].number == 0
    assert hits[0].share == 1
    assert found("燈塔", texts) == [0, 21]


def test_words_are_told_apart_wherever_they_stand() -> None:
    words = [f"{a}{b}{c}" for a in "abcdefghij" for b in "klmnopqrst" for c in "0123456789"]
    texts = ["prefix " * (n % 7) + word for n, word in enumerate(words)]
    held = index(texts)
    assert all([hit.number for hit in held.find(word)] == [n] for n, word in enumerate(words))


@given(st.lists(st.text(max_size=40), max_size=8), st.text(max_size=20))
def test_scores_are_positive_in_order_and_only_of_texts_that_share_a_sign(texts: list[str], question: str) -> None:
    hits = index(texts).find(question)
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    for hit in hits:
        assert 0 < hit.share <= 1 + 1e-9
        assert set(folded(question)) & set(folded(texts[hit.number]))


@given(st.lists(st.text(alphabet="睡眠焦慮 夢ab", min_size=1, max_size=30), min_size=1, max_size=6))
def test_a_text_is_found_by_all_of_itself(texts: list[str]) -> None:
    held = index(texts)
    for text in texts:
        if any(sign.isalnum() for sign in text):
            assert text in [texts[hit.number] for hit in held.find(text, limit=10)]


def test_a_model_of_meaning_brings_what_no_word_brings() -> None:
    def embed(texts: Sequence[str]) -> npt.NDArray[np.float32]:
        sad = ("grief", "悲傷", "loss")
        return np.array([[sum(w in t.lower() for w in sad), 0.1] for t in texts], dtype=np.float32)

    held = index(TEXTS, embed=embed)
    assert held.find("悲傷") == []
    assert held.find("悲傷", embed=embed)[0].number == 3
    assert held.find("失眠", embed=embed)[0].number == 1


@given(
    st.lists(st.text(alphabet="睡眠焦慮夢海 ab", max_size=30), max_size=12),
    st.lists(st.integers(0, 12), max_size=3),
    st.text(alphabet="睡眠焦慮夢海 ab", max_size=8),
)
def test_many_indexes_answer_as_one_over_all_texts_does(texts: list[str], cuts: list[int], question: str) -> None:
    ends = [0, *sorted(min(cut, len(texts)) for cut in cuts), len(texts)]
    parts = [index(texts[a:b]) for a, b in pairwise(ends)]
    whole, divided = index(texts).find(question), find(parts, question)
    assert [hit.number for hit in whole] == [hit.number for hit in divided]
    assert np.allclose([hit.score for hit in whole], [hit.score for hit in divided])
    assert np.allclose([hit.share for hit in whole], [hit.share for hit in divided])


def test_one_manual_alone_answers_a_question_about_its_subject() -> None:
    pages = [f"睡眠衛生第 {n} 頁。睡前不要滑手機。" for n in range(60)]
    for few in (pages[:1], pages[:6], pages):
        assert found("睡眠不好怎麼辦", few)
        assert found("鯨魚唱歌", few) == []

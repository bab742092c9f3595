"""chrF is sacreBLEU's and ROUGE-L that of rouge-score, for any two texts; Chinese counts characters; nothing is 0."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer
from rouge_score.tokenizers import Tokenizer
from sacrebleu.metrics import CHRF

from benchmarks.text_measures import chrf, rouge_l, tokens

LETTERS = st.text(alphabet="ab c.,xY\n睡不好我 0é", max_size=60)


class OfOurs(Tokenizer):
    """Rouge-score with the tokens of Chinese."""

    def tokenize(self, text: str) -> list[str]:
        return tokens(text, "zh-Hant")


@pytest.mark.parametrize("text", ["", " \n", "🙂🙂🙂", "。，！"])
def test_a_text_without_anything_in_common_is_0(text: str) -> None:
    for language in ("en", "zh-Hant"):
        assert rouge_l(text, "No, he does not. 他很好", language=language) == 0
        assert rouge_l("No, he does not. 他很好", text, language=language) == 0
    assert chrf(text, "yes") == chrf("yes", text) == 0


def test_emptiness_is_not_the_word_nan() -> None:
    assert chrf("", "nan") == rouge_l("", "nan") == 0
    assert chrf("nan", "nan") == pytest.approx(100)


@given(LETTERS, LETTERS)
def test_chrf_is_sacrebleus(text: str, gold: str) -> None:
    assert chrf(text, gold) == pytest.approx(CHRF().sentence_score(text, [gold]).score, abs=1e-9)


@given(LETTERS, LETTERS)
def test_rouge_l_is_that_of_rouge_score(text: str, gold: str) -> None:
    english = RougeScorer(["rougeL"]).score(gold, text)["rougeL"].fmeasure
    chinese = RougeScorer(["rougeL"], tokenizer=OfOurs()).score(gold, text)["rougeL"].fmeasure
    assert rouge_l(text, gold) == pytest.approx(english, abs=1e-12)
    assert rouge_l(text, gold, language="zh-Hans") == pytest.approx(chinese, abs=1e-12)


def test_published_examples() -> None:
    # Lin 2004, section 3: of two candidates with the same bigrams ROUGE-L prefers the one in order.
    gold = "police killed the gunman"
    assert rouge_l("police kill the gunman", gold) == pytest.approx(0.75)
    assert rouge_l("the gunman kill police", gold) == pytest.approx(0.5)


@given(LETTERS)
def test_a_text_is_all_like_itself(text: str) -> None:
    assert math.isclose(chrf(text, text), 100 if text.strip() else 0)
    assert rouge_l(text, text, language="zh-Hant") == (1 if tokens(text, "zh-Hant") else 0)


def test_chinese_is_counted_in_characters_whatever_stands_among_it() -> None:
    assert tokens("用 ChatGPT 3.5，𠮷〇睡。", "zh-Hans") == ["用", "chatgpt", "3", "5", "𠮷", "〇", "睡"]
    assert tokens("he said 睡", "en") == ["he", "said"]


def test_a_reply_of_a_megabyte_is_measured_whole() -> None:
    reply = "no reason to worry " * 55_000 + "yes"
    gold = "Yes. Reasoning: the post mentions no reason to worry."
    assert 0 < chrf(reply, gold) < 1
    assert 0 < rouge_l(reply, gold) < 0.001

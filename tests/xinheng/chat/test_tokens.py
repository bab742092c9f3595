"""Estimates hold between their bounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xinheng.chat.tokens import Estimate, estimate
from xinheng.messages import Message

TEXTS = st.text() | st.text("abc ，我們是。1 \n", max_size=400) | st.text("\ud83d\udc00哈a", max_size=50)


@given(st.lists(TEXTS, max_size=4))
def test_the_bounds_stand_in_order_for_any_text(texts: list[str]) -> None:
    told = estimate([Message("user", text) for text in texts])
    assert 0 <= told.low <= told.likely <= told.high


@given(TEXTS, TEXTS)
def test_more_text_is_never_fewer_tokens(one: str, other: str) -> None:
    short, long = estimate([Message("user", one)]), estimate([Message("user", one + " " + other)])
    assert short.low <= long.low + 1
    assert short.high <= long.high


@given(TEXTS)
def test_no_byte_level_tokenizer_exceeds_the_upper_bound(text: str) -> None:
    # The worst of them makes one token of each byte.
    assert estimate([Message("user", text)]).high >= len(text.encode("utf-8", "surrogatepass"))


# Tokens of well-known texts, as the models' own tokenizers count them (public counters and papers): words per token
# of English 0.75 (GPT), characters per token of Chinese 1.0-1.9 (GPT-4o, Qwen, DeepSeek), 0.6 (Llama 2).
@pytest.mark.parametrize(
    ("text", "fewest", "most"),
    [
        ("the quick brown fox jumps over the lazy dog " * 20, 180, 240),
        ("我最近總是睡不著，覺得很累，也不想跟別人說話。" * 20, 230, 760),
        ("我最近 feel 很 down，不知道 what to do。" * 20, 240, 700),
    ],
)
def test_what_real_tokenizers_count_lies_within(text: str, fewest: int, most: int) -> None:
    told = estimate([Message("user", text)])
    assert told.low <= fewest
    assert told.high >= most
    assert fewest * 0.6 <= told.likely <= most * 1.6


def test_a_cut_prompt_is_told_from_a_whole_one() -> None:
    told = Estimate(low=3000, likely=5000, high=20000)
    assert told.lost(1026)  # a newer Ollama keeps half of a context of 2048
    assert told.lost(2048)
    assert Estimate(low=1777, likely=3842, high=16000).lost(2048)  # a whole context, and too little
    assert not Estimate(low=1777, likely=2200, high=16000).lost(2048)
    assert not told.lost(4700)
    assert not told.lost(9000)
    assert not Estimate(low=4, likely=26, high=200).lost(9)


def test_long_texts_are_counted_at_once() -> None:
    for text in ("a" * 2_000_000, "哈" * 500_000, "哈呵" * 250_000, "1" * 1_000_000, " " * 1_000_000, "。" * 500_000):
        told = estimate([Message("user", text)])
        assert 0 <= told.low <= told.likely <= told.high
        assert told.high > 0

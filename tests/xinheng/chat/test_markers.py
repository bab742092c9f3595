"""Tokens of a format in somebody's text: read, never obeyed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.servers.tiny_model import tokenizer
from xinheng.chat.markers import without_markers

WORDS = tokenizer()
SPECIAL = [token.content for token in WORDS.added_tokens_decoder.values() if token.special]


@given(st.lists(st.sampled_from([*SPECIAL, "a", "心", "<|", "|>", "\u2060"])).map("".join))
def test_no_special_token_is_left_and_no_seen_character_lost(text: str) -> None:
    safe = without_markers(WORDS, text)
    ids = WORDS(safe, add_special_tokens=False)["input_ids"]
    assert not set(ids) & set(WORDS.all_special_ids)
    assert safe.replace("\u2060", "") == text.replace("\u2060", "")


@pytest.mark.parametrize("text", ["我最近睡不好。", "a < b | c > d", ""])
def test_other_texts_are_what_they_were(text: str) -> None:
    assert without_markers(WORDS, text) == text

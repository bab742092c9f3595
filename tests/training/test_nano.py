"""Nano: the same texts and seed give the same model, and what is saved can be used as any other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from training.nano import corpus
from training.nano.make import Shape, make
from training.nano.words import TEMPLATE, rendered, train_tokenizer
from training.render import rendered as rows_of
from training.render import writer
from xinheng.errors import InputError

TINY = replace(
    Shape(), vocabulary=420, hidden=32, feed_forward=64, layers=1, context=32, rows=2, epochs=1, held_back=0.2
)
SAID = [
    [("user", "我最近睡不好，也不知道可以跟誰說。"), ("assistant", "謝謝你告訴我，夜裡你想到什麼？")],
    [("user", "I cannot sleep."), ("assistant", "What goes through your mind at night?")],
    [("", "A plain text about sleep and worry.")],
] * 8


def test_the_same_texts_and_seed_give_the_same_weights(tmp_path: Path) -> None:
    made = [make(tmp_path / name, SAID, TINY, say=lambda _: None) for name in "ab"]
    one, other = ((tmp_path / name / "model.safetensors").read_bytes() for name in "ab")
    assert one == other
    assert made[0].curve == made[1].curve
    assert made[0].steps > 0
    another = make(tmp_path / "c", SAID, replace(TINY, seed=1), say=lambda _: None)
    assert (tmp_path / "c" / "model.safetensors").read_bytes() != one
    assert another.parameters == made[0].parameters


def test_what_is_saved_answers_like_any_local_model(tmp_path: Path) -> None:
    import asyncio

    from xinheng.chat.connect import connect
    from xinheng.messages import Message, Want

    make(tmp_path / "nano", SAID, TINY, say=lambda _: None)

    async def asked():
        chat = connect(f"local:{tmp_path / 'nano'}")
        try:
            return await chat([Message("user", "hi")], want=Want(max_tokens=4, temperature=0.0))
        finally:
            await chat.close()

    reply = asyncio.run(asked())
    assert reply.problem in {None, "cut", "empty"}
    assert reply.usage.output_tokens is not None
    assert 0 < reply.usage.output_tokens <= 4


def test_the_template_marks_what_the_model_says_itself() -> None:
    words = train_tokenizer([rendered(one) for one in SAID], size=420, context=64)
    messages = [{"role": role, "content": text} for role, text in SAID[0]]
    told = words.apply_chat_template(messages, return_dict=True, return_assistant_tokens_mask=True)
    said = [i for i, own in zip(told["input_ids"], told["assistant_masks"], strict=True) if own]
    assert words.decode(said) == f"{SAID[0][1][1]}<|stop|>"
    assert words.decode(told["input_ids"]) == rendered(SAID[0])
    (row,) = rows_of(words, [("a", messages)], write=writer(words, "template"), context=200).rows
    assert list(row.ids) == list(told["input_ids"])
    assert [int(own) for own in row.answered] == list(told["assistant_masks"])
    assert "generation" in TEMPLATE


def test_every_text_comes_back_from_its_tokens() -> None:
    words = train_tokenizer([rendered(one) for one in SAID], size=420, context=64)
    for text in ("é😀\n\t來訪者", "", "   two  blanks", "Ω≈ç√ 𠮷"):
        assert words.decode(words(text, add_special_tokens=False)["input_ids"]) == text


def test_chinese_is_read_in_both_scripts_and_tags_are_left_out() -> None:
    turn = {"role": "client", "text": "我很難過", "tags": [{"axis": "emotion", "value": "sad"}]}
    row = {
        "dialogue_id": "d1", "client_id": None, "language": "zh-Hant", "topics": ["anxiety"],
        "turns": [turn, {"role": "counsellor", "text": "我在聽", "tags": []}], "source": "s", "licence": "CC0-1.0",
        "origin": "x:1",
    }  # fmt: skip
    from xinheng.tables import DIALOGUE

    made = corpus.both_scripts(corpus.documents(pl.DataFrame([row], schema=DIALOGUE)))
    assert made["document_id"].to_list() == ["d1", "d1~zh-Hans"]
    assert list(corpus.conversations(made)) == [
        [("user", "我很難過"), ("assistant", "我在聽")],
        [("user", "我很难过"), ("assistant", "我在听")],
    ]


def test_too_few_texts_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="too few texts"):
        make(tmp_path, SAID[:2], TINY, say=lambda _: None)
    assert not list(tmp_path.iterdir())

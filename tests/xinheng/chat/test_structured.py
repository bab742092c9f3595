"""Data are read strictly or not at all."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from xinheng.chat.structured import JsonMiss, Structured, checker, read_json
from xinheng.errors import UsageError
from xinheng.messages import Message, Reply, Usage, Want

CONTAINERS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner)
    ),
    max_leaves=15,
).filter(lambda value: isinstance(value, dict | list))
PROSE = st.text(st.characters(exclude_characters='{}[]"`', exclude_categories=["Cs"]), max_size=40)
SCORE = {
    "type": "object",
    "properties": {"score": {"type": "integer", "minimum": 1, "maximum": 5}},
    "required": ["score"],
}


@given(value=CONTAINERS, before=PROSE, after=PROSE, indent=st.sampled_from([None, 2]), ascii_=st.booleans())
def test_one_value_is_found_whatever_is_said_around_it(
    value: Any, before: str, after: str, indent: int | None, ascii_: bool
) -> None:
    assert read_json(before + json.dumps(value, indent=indent, ensure_ascii=ascii_) + after) == value


@given(CONTAINERS, st.sampled_from(["```json\n%s\n```", "```\n%s```", "Here:\n\n```JSON\n%s\n```\nBye.", "\ufeff%s"]))
def test_a_value_is_found_in_a_fence(value: Any, fence: str) -> None:
    assert read_json(fence % json.dumps(value)) == value


@given(CONTAINERS, st.data())
def test_a_piece_of_a_value_that_is_cut_off_is_never_taken_for_it(value: Any, data: st.DataObject) -> None:
    text = json.dumps({"all": value})
    cut = text[: data.draw(st.integers(1, len(text) - 1))]
    with pytest.raises(JsonMiss) as miss:
        read_json(cut)
    assert miss.value.cut


@given(st.text(max_size=200) | st.text('{}[]",:\\ 1aé', max_size=60))
def test_any_text_is_a_value_or_a_miss(text: str) -> None:
    try:
        value = read_json(text)
    except JsonMiss:
        return
    written = json.dumps(value, allow_nan=False, ensure_ascii=False)
    assert read_json(written.encode().decode()) == value


@given(CONTAINERS, CONTAINERS)
def test_none_of_several_is_picked(one: Any, other: Any) -> None:
    assume(one or other)
    with pytest.raises(JsonMiss, match="2 JSON values"):
        read_json(f"Either {json.dumps(one)} or {json.dumps(other)}.")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no text"),
        ("  \n", "no text"),
        ("four of five", "no JSON value"),
        ("score {x} of {y}", "no JSON value"),
        ('{"a": 1, "a": 2}', "a key twice in one object"),
        ('{"b": {"a": 1, "a": 1}}', "a key twice in one object"),
        ('{"a": NaN}', "NaN, which JSON does not have"),
        ("[-Infinity]", "-Infinity, which JSON does not have"),
        ("[1e999]", "a number beyond reading"),
        ("[" + "9" * 5000 + "]", "a number beyond reading"),
        ('{"a": "\\ud83d"}', r"half of a character \(a lone surrogate\)"),
        ("[" * 100_000 + "]" * 100_000, "nested too deeply"),
        ("{'a': 1}", "no JSON value"),
        ("NaN", "no JSON value"),
        ('{"a": 1,}', "no JSON value"),
        ('{"a": 1} {"a": 2}', "2 JSON values instead of one"),
        ('{"a": {"b": 1}, c: 2}', "no JSON value"),
    ],
)
def test_why_a_text_is_no_value(text: str, why: str) -> None:
    with pytest.raises(JsonMiss, match=f"^{why}$"):
        read_json(text)


@pytest.mark.parametrize(
    "text", ["{" * 300_000, "[] " * 100_000, '{"' * 200_000, "[1, " * 200_000, '"' + "\\" * 300_000, "{x} " * 100_000]
)
def test_long_nonsense_is_refused_without_delay(text: str) -> None:
    with pytest.raises(JsonMiss):
        read_json(text)


def test_a_reason_names_places_and_the_schemas_words_and_nothing_that_was_written() -> None:
    check = checker({**SCORE, "additionalProperties": False})
    assert check({"score": 4}) == ""
    assert check({"score": "4/5"}) == 'at /score: type "integer"'
    assert check({"score": 4.5}) == 'at /score: type "integer"'
    assert check({"score": 9}) == "at /score: maximum 5"
    assert "secret" not in check({"score": 4, "secret": "secret"})
    assert "secret" not in checker({"additionalProperties": {"type": "integer"}})({"secret": "secret"})
    assert check([]) == 'at /: type "object"'
    assert check({"score": True}) == 'at /score: type "integer"'


@pytest.mark.parametrize("schema", [{"type": "foo"}, {"required": 7}, {"pattern": "("}, {"properties": {1, 2}}])
def test_a_schema_that_is_none_is_told_before_anything_is_sent(schema: Any, ask: Callable[..., Reply]) -> None:
    with pytest.raises(UsageError, match="schema"):
        ask("stub", want=Want(schema=schema))


def test_no_reference_is_fetched() -> None:
    with pytest.raises(UsageError, match="another document"):
        checker({"properties": {"a": {"$ref": "http://127.0.0.1:9/schema.json"}}})
    with pytest.raises(UsageError, match="does not have"):
        checker({"$ref": "#/$defs/none"})({})
    assert checker({"$defs": {"n": {"type": "integer"}}, "$ref": "#/$defs/n"})(4) == ""


class Listed:
    """A chat that answers from a list and keeps what it was asked."""

    name, remote = "listed", False

    def __init__(self, *texts: str | Reply) -> None:
        self.texts, self.asked = list(texts), list[tuple[Any, Want]]()

    async def identity(self) -> str:
        return "listed"

    async def __call__(self, messages: Any, /, *, want: Want = Want(), tell: Any = None) -> Reply:
        self.asked.append((list(messages), want))
        told = self.texts.pop(0)
        return told if isinstance(told, Reply) else Reply(told, usage=Usage(5, 2, 1))

    async def close(self) -> None: ...


def asked(chat: Listed, *, way: Any = "schema", times: int = 1) -> list[Reply]:
    async def ask() -> list[Reply]:
        structured = Structured(chat, way=way)
        return [await structured([Message("user", "score?")], want=Want(schema=SCORE)) for _ in range(times)]

    return asyncio.run(ask())


def test_a_miss_is_asked_again_once_with_the_reason() -> None:
    chat = Listed('{"score": "4/5"}', '{"score": 4}')
    (reply,) = asked(chat)
    assert (reply.data, reply.flags, reply.usage.requests, reply.usage.input_tokens) == (
        {"score": 4},
        ("asked_again",),
        2,
        10,
    )
    messages, want = chat.asked[1]
    assert [m.role for m in messages] == ["user", "assistant", "user"]
    assert 'at /score: type "integer"' in messages[2].content
    assert want.schema == SCORE


def test_a_second_miss_is_the_answer() -> None:
    (reply,) = asked(Listed('{"score": 7}', '{"score": 8}'))
    assert (reply.problem, reply.data, reply.text, reply.flags) == ("schema", None, '{"score": 8}', ("asked_again",))


def test_a_problem_is_no_miss() -> None:
    chat = Listed(Reply("", problem="filtered"))
    assert asked(chat)[0].problem == "filtered"
    assert len(chat.asked) == 1
    chat = Listed(Reply('{"score":', finish="length"))
    assert asked(chat)[0].problem == "cut"
    assert len(chat.asked) == 1


def test_a_whole_value_at_the_token_limit_is_an_answer() -> None:
    assert asked(Listed(Reply('{"score": 4}', finish="length")))[0].data == {"score": 4}


def test_a_way_that_is_refused_or_ignored_is_left_for_good() -> None:
    refused = Reply("", problem="unsupported", detail="schema: HTTP 400")
    chat = Listed(refused, refused, '{"score": 4}', '{"score": 5}')
    one, two = asked(chat, times=2)
    assert (one.data, two.data) == ({"score": 4}, {"score": 5})
    assert [want.schema for _, want in chat.asked] == [SCORE, {"type": "object"}, None, None]
    assert '"minimum": 1' in chat.asked[3][0][-1].content
    chat = Listed("I would say four.", '{"score": 4}', '{"score": 4}')
    asked(chat, times=2)
    assert [want.schema for _, want in chat.asked] == [SCORE, {"type": "object"}, {"type": "object"}]


def test_without_a_schema_nothing_is_touched() -> None:
    chat = Listed('{"score": 4}')
    reply = asyncio.run(Structured(chat)([Message("user", "x")]))
    assert (reply.data, reply.text) == (None, '{"score": 4}')


def test_a_schema_that_is_refused_says_nothing_of_another() -> None:
    chat = Listed(Reply("", problem="unsupported", detail="schema: HTTP 400"), '{"score": 4}', "4")

    async def ask() -> None:
        structured = Structured(chat)
        await structured([Message("user", "x")], want=Want(schema=SCORE))
        assert (await structured([Message("user", "x")], want=Want(schema={"type": "integer"}))).data == 4

    asyncio.run(ask())
    assert chat.asked[2][1].schema == {"type": "integer"}

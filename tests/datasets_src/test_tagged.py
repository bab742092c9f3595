"""Tagged dialogues: our format, other people's through a mapping, and everything that is wrong with a line."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets_src import tagged
from datasets_src.reading import Rejected
from xinheng.errors import InputError
from xinheng.tables import DIALOGUE
from xinheng.tags import DEFAULT

DOCS = Path(__file__).resolve().parents[2] / "docs" / "formats.md"
ITEM: dict[str, Any] = {
    "dialogue_id": "d-1",
    "client_id": None,
    "language": "zh-Hant",
    "topic": ["study"],
    "turns": [
        {"role": "client", "text": "論文又退回來了。", "tags": {"intent": ["share_feeling"], "emotion": "sad"}},
        {"role": "counsellor", "text": "退回的那一刻，你在哪裡？", "tags": {"technique": ["open_question"]}},
    ],
}


def write(folder: Path, *items: Any, name: str = "any.jsonl", encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes("".join(json.dumps(item, ensure_ascii=False) + "\n" for item in items).encode(encoding))
    return path


def mapping_file(folder: Path, value: Any) -> Path:
    path = folder / "mapping.json"
    path.write_text(json.dumps(value), encoding="utf-8")
    return path


def only(path: Path, **how: Any) -> dict[str, Any]:
    [row] = tagged.read(path, **how)
    assert not isinstance(row, Rejected), row.reason
    return row


def reason(path: Path, **how: Any) -> str:
    [row] = tagged.read(path, **how)
    assert isinstance(row, Rejected)
    return row.reason


def test_the_worked_examples_of_the_documentation_read_as_it_says(tmp_path: Path) -> None:
    examples = re.findall(r"```json\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL)
    example, mapping, foreign = map(json.loads, examples[:3])  # those behind them are of other forms
    row = only(write(tmp_path, example))
    assert (row["dialogue_id"], row["client_id"], row["licence"]) == ("d-001", "c-17", "CC0-1.0")
    assert DEFAULT.render(row["topics"], row["turns"]).startswith("<|begin|><|topic_study|><|topic_stress|><|user|>")
    other = only(write(tmp_path, foreign), mapping=mapping_file(tmp_path, mapping))
    assert (other["dialogue_id"], other["topics"], other["language"]) == ("42", ["study"], "en")
    assert [(turn["role"], turn["tags"]) for turn in other["turns"]] == [
        ("client", [{"axis": "emotion", "value": "anxious"}]),
        ("counsellor", [{"axis": "technique", "value": "open_question"}]),
    ]


def test_the_documentation_names_every_role_field_and_key() -> None:
    text = DOCS.read_text(encoding="utf-8")
    words = set(re.findall(r"[\w]+", text))
    assert set(tagged.ROLES) <= words
    assert set(tagged.FIELDS) <= words


def test_a_dialogue_has_the_columns_and_types_of_the_schema(tmp_path: Path) -> None:
    row = only(write(tmp_path, ITEM))
    schema = {name: kind for name, kind in DIALOGUE.items() if name not in {"source", "licence"}}
    assert set(row) == set(schema)
    assert pl.DataFrame([row], schema=schema).height == 1
    assert row["origin"] == "any.jsonl:1"
    assert row["turns"][0]["tags"] == [
        {"axis": "intent", "value": "share_feeling"},
        {"axis": "emotion", "value": "sad"},
    ]


@pytest.mark.parametrize(("name", "seat"), tagged.ROLES.items())
def test_usual_names_of_roles_are_known(tmp_path: Path, name: str, seat: str) -> None:
    row = only(write(tmp_path, ITEM | {"turns": [{"role": name.upper(), "text": "x"}]}))
    assert row["turns"] == [{"role": seat, "text": "x", "tags": []}]


@pytest.mark.parametrize(("topic", "topics"), [("study", ["study"]), (["b", "a"], ["b", "a"]), (None, []), ([], [])])
def test_topics_are_a_string_a_list_or_nothing(tmp_path: Path, topic: Any, topics: list[str]) -> None:
    assert only(write(tmp_path, ITEM | {"topic": topic}))["topics"] == topics


def test_tags_outside_the_schema_are_kept_in_their_order(tmp_path: Path) -> None:
    tags = {"mood": ["Very Sad", "sad"], "emotion": "ANXIOUS", "tone": None}
    row = only(write(tmp_path, ITEM | {"turns": [{"role": "client", "text": "x", "tags": tags}]}))
    assert [(tag["axis"], tag["value"]) for tag in row["turns"][0]["tags"]] == [
        ("mood", "Very Sad"),
        ("mood", "sad"),
        ("emotion", "ANXIOUS"),
    ]


def test_text_is_kept_letter_for_letter_but_for_crlf(tmp_path: Path) -> None:
    said = " a\r\nb\rc\n\u3000\u00a0<|user|>\ufb01\0 "
    row = only(write(tmp_path, ITEM | {"turns": [{"role": "client", "text": said}]}))
    assert row["turns"][0]["text"] == said.replace("\r\n", "\n")


def test_an_id_that_is_missing_is_made_from_the_content(tmp_path: Path) -> None:
    bare = {key: value for key, value in ITEM.items() if key != "dialogue_id"}
    changed = bare | {"turns": [*ITEM["turns"], {"role": "client", "text": "在家。"}]}
    path = write(tmp_path, bare, bare | {"client_id": "c"}, changed)
    one, same, other = (row["dialogue_id"] for row in tagged.read(path) if not isinstance(row, Rejected))
    assert one == same != other
    assert re.fullmatch(r"tagged-[0-9a-f]{16}", one)


def test_languages_have_other_names_and_a_default(tmp_path: Path) -> None:
    assert only(write(tmp_path, ITEM | {"language": "zh-CN"}))["language"] == "zh-Hans"
    silent = write(tmp_path, {key: value for key, value in ITEM.items() if key != "language"})
    assert reason(silent) == "language: want zh-Hant, zh-Hans, en, have nothing"
    assert only(silent, mapping=mapping_file(tmp_path, {"default_language": "zh-tw"}))["language"] == "zh-Hant"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"turns": [{"role": "client", "text": 3}]}, "turns[0].text: want a string, have a number"),
        ({"turns": [{"role": 1, "text": "x"}]}, "turns[0].role: want a string, have a number"),
        ({"turns": [{"role": "client", "text": "x", "tags": ["sad"]}]}, "turns[0].tags: want an object, have a list"),
        (
            {"turns": [{"role": "client", "text": "x", "tags": {"emotion": 5}}]},
            "turns[0].tags.emotion: want a string or a list of strings, have a number",
        ),
        (
            {"turns": [{"role": "client", "text": "x", "tags": {"emotion": ["sad", None]}}]},
            "turns[0].tags.emotion[1]: want a string, have nothing",
        ),
        ({"turns": ["x"]}, "turns[0]: want an object, have a string"),
        ({"turns": {}}, "turns: want a list, have an object"),
        ({"turns": []}, "turns: want at least one turn, have none"),
        ({"topic": {"a": 1}}, "topic: want a string or a list of strings, have an object"),
        ({"dialogue_id": 7}, "dialogue_id: want a string, have a number"),
        ({"dialogue_id": ""}, "dialogue_id: want an id or null, have an empty string"),
        ({"client_id": True}, "client_id: want a string, have a boolean"),
        ({"licence": 1}, "licence: want a string, have a number"),
        ({"language": "fr"}, "language: want zh-Hant, zh-Hans, en, have another word"),
    ],
)
def test_wrong_kinds_are_rejected_with_the_place_inside(tmp_path: Path, change: dict[str, Any], expected: str) -> None:
    path = write(tmp_path, ITEM, ITEM | change, ITEM)
    first, broken, last = tagged.read(path)
    assert isinstance(broken, Rejected)
    assert (broken.origin, broken.reason) == ("any.jsonl:2", expected)
    assert json.loads(broken.row or "") == ITEM | change
    assert not isinstance(first, Rejected)
    assert not isinstance(last, Rejected)


def test_all_problems_of_a_line_are_in_one_reason(tmp_path: Path) -> None:
    turns = [{"role": "client", "text": "x"}, {"role": "judge", "text": None}, 4]
    found = reason(write(tmp_path, {"dialogue_id": 1, "turns": turns})).split("; ")
    assert [problem.split(":")[0] for problem in found] == [
        "dialogue_id",
        "language",
        "turns[1].role",
        "turns[1].text",
        "turns[2]",
    ]


def test_a_reason_never_quotes_the_line(tmp_path: Path) -> None:
    word = "geheim"
    item = {"language": word, "topic": word, "turns": [{"role": word, "text": [word]}, word]}
    assert word not in reason(write(tmp_path, item))


def test_places_are_named_as_the_file_names_them(tmp_path: Path) -> None:
    how = mapping_file(tmp_path, {"turns": "conversations", "role": "from", "text": "value"})
    item = {"language": "en", "conversations": [{"from": "human", "value": 3}]}
    assert reason(write(tmp_path, item), mapping=how) == "conversations[0].value: want a string, have a number"


def test_turns_of_a_role_mapped_to_null_are_left_out(tmp_path: Path) -> None:
    turns = [{"role": "System", "text": "Be kind."}, {"role": "user", "text": "Hm."}]
    path = write(tmp_path, ITEM | {"turns": turns})
    assert "turns[0].role" in reason(path)
    assert len(only(path, mapping=mapping_file(tmp_path, {"roles": {"system": None}}))["turns"]) == 1


@pytest.mark.parametrize(
    ("mapping", "named"),
    [
        ({"rolle": "from"}, "unknown key 'rolle'"),
        ({"role": 3}, "role: want a string, have a number"),
        ({"roles": {"x": "judge"}}, "roles.x: want client, counsellor or null, have 'judge'"),
        ({"roles": ["x"]}, "roles: want an object, have a list"),
        ({"axes": {"feeling": ["emotion"]}}, "axes.feeling: want a string, have a list"),
        ({"default_language": "latin"}, "default_language: want zh-Hant, zh-Hans, en, have 'latin'"),
        ([], "mapping: want an object, have a list"),
    ],
)
def test_a_mapping_that_does_not_fit_is_an_error_that_names_the_known_keys(
    tmp_path: Path, mapping: Any, named: str
) -> None:
    with pytest.raises(InputError) as caught:
        list(tagged.read(write(tmp_path, ITEM), mapping=mapping_file(tmp_path, mapping)))
    assert named in str(caught.value)
    assert all(key in str(caught.value) for key in (*tagged.FIELDS, "roles", "axes", "default_language"))


def test_all_problems_of_a_mapping_are_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"unknown key 'a'; unknown key 'b'; text: want a string, have nothing"):
        tagged.load_mapping(mapping_file(tmp_path, {"a": "x", "b": "y", "text": None}))


def test_unreadable_lines_cost_one_dialogue_each(tmp_path: Path) -> None:
    good = json.dumps(ITEM, ensure_ascii=False).encode()
    path = tmp_path / "any.jsonl"
    huge = json.dumps(ITEM | {"topic": "x" * 300_000}).encode()
    lines = [good, b'{"dialogue_id": "d-', b"\xff\xfe", good, b"", b"[" * 5000, b"1" * 5000, b"null", huge]
    path.write_bytes(b"\n".join(lines))
    assert [isinstance(row, Rejected) for row in tagged.read(path)] == [
        False,
        True,
        True,
        False,
        True,
        True,
        True,
        False,
    ]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "big5"])
def test_other_encodings_read_the_same(tmp_path: Path, encoding: str) -> None:
    turns = [{"role": "client", "text": "我不知道為什麼，大家都說沒有關係，可是我的心裡還是很難過。"}]
    expected = only(write(tmp_path, ITEM | {"turns": turns}))
    assert only(write(tmp_path, ITEM | {"turns": turns}, encoding=encoding)) == expected


def test_files_that_cannot_be_read_are_errors(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty.jsonl").write_bytes(b"")
    for name in ("folder", "empty.jsonl", "absent.jsonl"):
        with pytest.raises(InputError, match=name):
            list(tagged.read(tmp_path / name))
    with pytest.raises(InputError, match="not a file"):
        list(tagged.read(write(tmp_path, ITEM), mapping=tmp_path / "folder"))


def test_a_folder_is_read_file_by_file(tmp_path: Path) -> None:
    for name in ("10.jsonl", "9.jsonl"):
        write(tmp_path, ITEM, name=name)
    assert [row["origin"] for row in tagged.read(tmp_path) if not isinstance(row, Rejected)] == [
        "9.jsonl:1",
        "10.jsonl:1",
    ]


text = st.text(st.characters(exclude_categories=["Cs"]))
tags = st.dictionaries(text, st.lists(text, max_size=3), max_size=3)
turns = st.lists(
    st.fixed_dictionaries({"role": st.sampled_from(["client", "counsellor"]), "text": text, "tags": tags}),
    min_size=1,
    max_size=5,
)


@given(turns, st.lists(text, max_size=3))
def test_what_was_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, said: list[dict[str, Any]], topics: list[str]
) -> None:
    row = only(write(tmp_path_factory.mktemp("any"), ITEM | {"turns": said, "topic": topics}), encoding="utf-8")
    assert row["topics"] == topics
    for turn, wrote in zip(row["turns"], said, strict=True):
        assert (turn["role"], turn["text"]) == (wrote["role"], wrote["text"].replace("\r\n", "\n"))
        assert [(tag["axis"], tag["value"]) for tag in turn["tags"]] == [
            (axis, value) for axis, values in wrote["tags"].items() for value in values
        ]


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*tagged.FIELDS, "emotion"]), inner, max_size=5)
    ),
    max_leaves=12,
)


@given(st.lists(anything, max_size=5))
def test_every_line_is_a_row_or_rejected(tmp_path_factory: pytest.TempPathFactory, items: list[Any]) -> None:
    path = tmp_path_factory.mktemp("any") / "any.jsonl"
    path.write_text("".join(json.dumps(item) + "\n" for item in [ITEM, *items]), encoding="utf-8")
    assert len(list(tagged.read(path))) == 1 + len(items)


@given(anything, st.dictionaries(st.sampled_from([*tagged.FIELDS, "roles", "axes", "default_language", "x"]), anything))
def test_any_mapping_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, value: Any, given_keys: Any) -> None:
    folder = tmp_path_factory.mktemp("any")
    for mapping in (value, given_keys):
        try:
            names = tagged.load_mapping(mapping_file(folder, mapping))
        except InputError:
            continue
        assert set(names.fields) == set(tagged.FIELDS)

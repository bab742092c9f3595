"""Answers made elsewhere are read whole, or refused with the lines that cannot be; never in part."""

from __future__ import annotations

import contextlib
import csv
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets_src.answer_files import Names, read
from xinheng.errors import DecodingError, InputError, UsageError, XinhengError


def jsonl(path: Path, rows: list[Any], encoding: str = "utf-8") -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding=encoding)
    return path


def texts(place: Path, names: Names | None = None) -> list[str | None]:
    return read(place, names or Names()).rows["text"].to_list()


# -- tables --------------------------------------------------------------------------------------------------------

ROWS = [{"id": "a", "response": "Yes"}, {"id": "b", "response": "心裡\n不好"}]


@pytest.mark.parametrize("ending", ["jsonl", "json", "csv", "tsv", "parquet"])
def test_the_same_rows_in_every_form(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"mine.{ending}"
    rows = [{**row, "response": row["response"].replace("\n", " ")} for row in ROWS] if ending == "tsv" else ROWS
    if ending == "jsonl":
        jsonl(path, rows)
    elif ending == "json":
        path.write_text(json.dumps(rows), encoding="utf-8")
    elif ending == "parquet":
        pl.DataFrame(rows).write_parquet(path)
    else:
        pl.DataFrame(rows).write_csv(path, separator="\t" if ending == "tsv" else ",")
    found = read(path).rows
    assert found["answer_id"].to_list() == ["a", "b"]
    assert found["text"].to_list() == [row["response"] for row in rows]
    assert found["set"].to_list() == ["mine", "mine"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "gb18030"])
def test_other_encodings_are_found_out(tmp_path: Path, encoding: str) -> None:
    rows = [{"id": f"c{i}", "text": "我最近睡不好，也不知道可以跟谁说，心里很难过。"} for i in range(40)]
    assert texts(jsonl(tmp_path / "a.jsonl", rows, encoding)) == [row["text"] for row in rows]


def test_crlf_and_nul_belong_to_the_text_where_they_stand_in_it(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b'id,text\r\na,"one\r\ntwo"\r\nb,nul\x00here\r\n')
    assert texts(path) == ["one\r\ntwo", "nul\x00here"]
    assert texts(jsonl(tmp_path / "b.jsonl", [{"id": "a", "text": "nul\x00\r\n"}])) == ["nul\x00\r\n"]


def test_an_answer_that_is_not_there_is_null_and_never_the_word_nan(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"id": "a", "text": null}\n{"id": "b", "text": NaN}\n{"id": "c", "text": 3}\n{"id": "d"}\n')
    assert texts(path) == [None, None, "3", None]


def test_a_lone_surrogate_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"id": "a", "text": "x\\ud800y"}\n')
    assert texts(tmp_path / "a.jsonl") == ["x?y"]


@pytest.mark.parametrize(
    ("columns", "names", "text"),
    [
        (["id", "prediction", "response"], Names(), "prediction"),
        (["id", "answer"], Names(), "answer"),
        (["id", "answer", "output"], Names(), "output"),
        (["case_id", "id", "text"], Names(), "text"),
        (["id", "said"], Names(text="said"), "said"),
        (["Id", " Text "], Names(), " Text "),
    ],
)
def test_columns_are_found_by_their_names(tmp_path: Path, columns: list[str], names: Names, text: str) -> None:
    path = jsonl(tmp_path / "a.jsonl", [{name: name for name in columns}])
    assert texts(path, names) == [text]


@pytest.mark.parametrize(
    ("columns", "names", "says"),
    [
        (["id", "said"], Names(), "no column of answers"),
        (["id", "response", "output"], Names(), "response, output: which"),
        (["qid", "uid", "text"], Names(), "qid, uid: which"),
        (["id", "text"], Names(text="other"), "no column other"),
        (["id", "text"], Names(answer_id="other"), "no column other"),
    ],
)
def test_columns_that_are_not_found_are_asked_for(tmp_path: Path, columns: list[str], names: Names, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        read(jsonl(tmp_path / "a.jsonl", [dict.fromkeys(columns, "x")]), names)


# -- what cannot be read -------------------------------------------------------------------------------------------


def test_bad_lines_are_named_and_nothing_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    lines = ['{"id": "a", "text": "x"}'] * 20
    for place in (1, 4, 5, 6, 7, 8, 9):
        lines[place] = '{"id": "secret words"'
    path.write_text("\n".join(lines))
    with pytest.raises(InputError) as caught:
        read(path)
    assert "7 lines cannot be read" in str(caught.value)
    assert all(f"{line}: not JSON" in str(caught.value) for line in (2, 5, 6, 7, 8))
    assert "and 2 more" in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.jsonl", b"", "empty"),
        ("a.jsonl", b"\n\n", "no answers"),
        ("a.jsonl", b'["a"]\n', "want a JSON object per answer"),
        ("a.jsonl", b'{"id": "a", "text": {"x": 1}}\n', "a.jsonl:1: an answer that is no text"),
        ("a.jsonl", b'{"id": "a", "text": true}\n', "an answer that is no text"),
        ("a.json", b'{"0": {"prediction": "A"', "not JSON"),
        ("a.json", b"[]", "no answers"),
        ("a.json", b"3", "want a JSON object per answer"),
        ("a.csv", b"id,text\n", "no answers"),
        ("a.csv", b"id,text\na\n", "2 cells"),
        ("a.csv", b'id,text\na,"open\n', "line 2: a quote opens here"),
        ("a.csv", b"id,text,text\na,b,c\n", "same name"),
        ("a.tsv", b"id\ttext\na\tb\tc\n", "line 2"),
        ("a.parquet", b"PAR1 and no more", "not a Parquet file"),
    ],
)
def test_bad_files_are_refused(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises((InputError, UsageError), match=says):
        read(tmp_path / name)


def test_bytes_that_fit_no_encoding_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b'{"id": "a", "text": "\xff\xfa\x80"}\n' * 3)
    with pytest.raises((DecodingError, InputError)):
        read(tmp_path / "a.jsonl")


def test_a_line_that_never_ends_is_not_held_in_memory(tmp_path: Path) -> None:
    with (tmp_path / "a.jsonl").open("w") as file:
        file.write('{"id": "a", "text": "x"}\n{"id": "b", "text": "')
        for _ in range(17):
            file.write("x" * 2**20)
        file.write('"}\n')
    with pytest.raises(InputError, match="line 2: line too long"):
        read(tmp_path / "a.jsonl")


def test_nothing_there_is_said(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for place in (tmp_path / "empty", tmp_path / "no.jsonl"):
        with pytest.raises(InputError, match=r"no (such )?file"):
            read(place)


def test_files_of_several_forms_are_not_read_as_one(tmp_path: Path) -> None:
    jsonl(tmp_path / "a.jsonl", ROWS)
    jsonl(tmp_path / "samples_x.jsonl", [lm_eval(0)])
    with pytest.raises(InputError, match="files of several forms"):
        read(tmp_path)


# -- IMHI ----------------------------------------------------------------------------------------------------------


def test_the_publishers_outputs_are_known(shared_data: Path) -> None:
    found = read(shared_data / "imhi/examples/response_generation_examples")
    assert found.form == "IMHI"
    assert found.rows.group_by("set").len().sort("set").rows() == [("DR", 35), ("dreaddit", 35)]
    assert found.rows["gold"].null_count() == 0
    assert found.rows["prompt"].null_count() == 70
    assert all(len(sha256) == 64 for _, sha256 in found.files)


# -- lm-eval -------------------------------------------------------------------------------------------------------


def lm_eval(number: int, said: Any = "The answer is B.", **more: Any) -> dict[str, Any]:
    """A line as lm-eval 0.4 logs it."""
    return {
        "doc_id": number,
        "doc": {"question": f"Which of {number}?"},
        "target": "B",
        "arguments": {"gen_args_0": {"arg_0": f"Q: Which of {number}?\nA:", "arg_1": {"until": ["\n\n"]}}},
        "resps": [[said]],
        "filtered_resps": ["B"],
        "filter": "none",
        "doc_hash": "x",
        **more,
    }


def test_of_lm_eval_what_the_model_said_is_read(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "samples_my_task_2025-10-11T00-42-22.123.jsonl", [lm_eval(i) for i in range(3)])
    found = read(path)
    assert found.form == "lm-eval"
    row = found.rows.row(1, named=True)
    assert (row["set"], row["number"], row["text"]) == ("my_task", 1, "The answer is B.")
    assert row["prompt"] == "Q: Which of 1?\nA:"


def test_of_several_filters_one_is_read(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "samples_t.jsonl", [lm_eval(0, filter=name) for name in ("strict", "flexible")])
    found = read(path)
    assert found.rows.height == 1
    assert "strict of strict, flexible" in found.notes[0]
    assert read(path, Names(filter="flexible")).rows.height == 1
    with pytest.raises(UsageError, match="one of strict, flexible"):
        read(path, Names(filter="none"))


def test_of_weighed_continuations_the_likeliest_is_the_answer(tmp_path: Path) -> None:
    """As logged (nested, as texts), and as newer versions flatten it."""
    chances = ["-3.5", "-0.25", "-7.0", "-1e1"]
    asked = {f"gen_args_{i}": {"arg_0": "Q", "arg_1": f" {letter}"} for i, letter in enumerate("ABCD")}
    for resps in ([[[chance, "False"]] for chance in chances], [[chance, "False"] for chance in chances]):
        row = lm_eval(0, arguments=asked, resps=resps, filtered_resps=resps)
        assert texts(jsonl(tmp_path / "samples_t.jsonl", [row])) == ["B"]


@pytest.mark.parametrize("chances", [("-0.5", "-0.5"), ("nan", "-0.5"), ("-0.5", "nan"), ("-inf", "-inf")])
def test_of_continuations_that_are_as_likely_none_is_the_answer(tmp_path: Path, chances: tuple[str, str]) -> None:
    asked = {f"gen_args_{i}": {"arg_0": "Q", "arg_1": f" {letter}"} for i, letter in enumerate("AB")}
    row = lm_eval(0, arguments=asked, resps=[[[chance, "False"]] for chance in chances])
    assert texts(jsonl(tmp_path / "samples_t.jsonl", [row])) == [None]


def test_messages_in_a_prompt_are_read_as_their_texts(tmp_path: Path) -> None:
    told = json.dumps([{"role": "system", "content": "Be brief."}, {"role": "user", "content": 'A "b"\nc?'}])
    row = lm_eval(0, arguments={"gen_args_0": {"arg_0": told}})
    assert read(jsonl(tmp_path / "samples_t.jsonl", [row])).rows["prompt"][0] == 'Be brief.\nA "b"\nc?'


def test_several_samples_of_a_question_are_repeats(tmp_path: Path) -> None:
    found = read(jsonl(tmp_path / "samples_t.jsonl", [lm_eval(0, resps=[["one", "two"]])])).rows
    assert found["repeat"].to_list() == [1, 2]
    assert found["text"].to_list() == ["one", "two"]


@pytest.mark.parametrize("number", [None, "3", -1, True, 10**30])
def test_a_log_without_places_is_refused(tmp_path: Path, number: Any) -> None:
    with pytest.raises(InputError, match=":1: no place"):
        read(jsonl(tmp_path / "samples_t.jsonl", [lm_eval(0, doc_id=number)]))


def test_results_and_unfinished_files_beside_a_log_are_passed_over(tmp_path: Path) -> None:
    jsonl(tmp_path / "samples_t.jsonl", [lm_eval(0)])
    (tmp_path / "results_2025.json").write_text('{"results": {}}')
    (tmp_path / "tmp_t.json").write_text("{")
    assert read(tmp_path).rows.height == 1


# -- OpenCompass ---------------------------------------------------------------------------------------------------


def opencompass(n: int) -> dict[str, Any]:
    return {
        str(i): {"origin_prompt": [{"role": "HUMAN", "prompt": f"Q{i}"}], "prediction": f"A{i}", "gold": "x"}
        for i in range(n)
    }


def test_opencompass_files_are_read_by_place(tmp_path: Path) -> None:
    (tmp_path / "ceval.json").write_text(json.dumps(opencompass(12), indent=4))
    found = read(tmp_path / "ceval.json")
    assert found.form == "OpenCompass"
    assert found.rows["number"].to_list() == list(range(12))
    assert found.rows["prompt"][11] == "Q11"
    lines = [{"idx": i, **row} for i, row in enumerate(opencompass(3).values())]
    assert texts(jsonl(tmp_path / "ceval.jsonl", lines)) == ["A0", "A1", "A2"]


def test_parts_of_one_set_count_on(tmp_path: Path) -> None:
    for part, n in enumerate((3, 2, 4)):
        (tmp_path / f"ceval_{part}.json").write_text(json.dumps(opencompass(n)))
    found = read(tmp_path).rows
    assert found["number"].to_list() == list(range(9))
    assert set(found["set"]) == {"ceval"}


# -- any ---------------------------------------------------------------------------------------------------------

CELL = st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=30)


@given(rows=st.lists(st.tuples(CELL, CELL), min_size=1, max_size=8))
def test_any_texts_survive_json_csv_and_parquet(rows: list[tuple[str, str]], tmp_path_factory: Any) -> None:
    folder = tmp_path_factory.mktemp("any")
    told = [{"id": f"i{place}", "text": text, "note": note} for place, (text, note) in enumerate(rows)]
    jsonl(folder / "a.jsonl", told)
    pl.DataFrame(told).write_parquet(folder / "a.parquet")
    with (folder / "a.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["id", "text", "note"], quoting=csv.QUOTE_ALL)
        writer.writeheader()
        writer.writerows(told)
    for name in ("a.jsonl", "a.csv", "a.parquet"):
        found = read(folder / name, Names(encoding=None if name.endswith("parquet") else "utf-8")).rows
        assert found["text"].to_list() == [row["text"] for row in told], name
        assert found["answer_id"].to_list() == [row["id"] for row in told]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
KEYS = [
    "id",
    "text",
    "doc_id",
    "doc",
    "resps",
    "filtered_resps",
    "arguments",
    "prediction",
    "origin_prompt",
    "idx",
    "gold",
]


@given(rows=st.lists(st.dictionaries(st.sampled_from(KEYS), JSON, max_size=6) | JSON, max_size=4))
def test_any_json_is_read_or_refused_in_words(rows: list[Any], tmp_path_factory: Any) -> None:
    path = tmp_path_factory.mktemp("any") / "a.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with contextlib.suppress(XinhengError):
        assert read(path).rows.height > 0


@given(content=st.binary(max_size=200), ending=st.sampled_from(["jsonl", "json", "csv", "tsv", "parquet"]))
def test_any_bytes_are_read_or_refused_in_words(content: bytes, ending: str, tmp_path_factory: Any) -> None:
    path = tmp_path_factory.mktemp("any") / f"a.{ending}"
    path.write_bytes(content)
    with contextlib.suppress(XinhengError):
        assert read(path).rows.height > 0

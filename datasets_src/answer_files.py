"""Answers that models gave elsewhere: JSON, CSV and Parquet files, and the logs of lm-eval and OpenCompass.

Known by what is in them, not by their names:

    lm-eval      samples_<task>_<time>.jsonl: doc_id, doc, arguments, resps, filtered_resps, filter
    OpenCompass  <dataset>.json: {"0": {"origin_prompt": …, "prediction": …, "gold": …}, …}; .jsonl with `idx`
    IMHI         the publishers' outputs: goldens, generated_text
    any other    one row per answer, with a column of ids and one of texts

A file with a line that cannot be read is refused: figures over the rest would look like figures over all.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from datasets_src.answer_cells import (
    ANSWER,
    ID_NAMES,
    answer_frame,
    answer_text,
    id_text,
    plain_text,
    prompt_text,
    repeat_of,
)
from datasets_src.csv_files import csv_records, csv_rows
from datasets_src.encodings import require_file
from datasets_src.folders import files_in
from datasets_src.harness_logs import (
    is_lm_eval,
    is_opencompass,
    lm_eval_answers,
    opencompass_answers,
    places_of_parts,
)
from datasets_src.json_files import json_items, json_value, jsonl_rows
from datasets_src.reading import Record, Rejected, text_lines
from datasets_src.rows import kind_of
from xinheng.errors import InputError, UsageError

_TEXT_NAMES: Final = (
    "prediction", "generated_text", "text", "response", "output", "completion", "generation", "reply", "model_output",
    "pred", "answer",
)  # fmt: skip
_PROMPT_NAMES: Final = ("origin_prompt", "prompt", "query", "question", "input", "instruction")
_GOLD_NAMES: Final = ("goldens", "gold", "gpt-3.5-turbo", "reference", "target", "label")
_PATTERNS: Final = ("*.jsonl", "*.ndjson", "*.json", "*.csv", "*.tsv", "*.parquet")
_SHOWN: Final = 5


@dataclass(frozen=True)
class Names:
    """What columns are called, where a person says so.

    Args:
        answer_id: Of ids.
        text: Of answers.
        encoding: Of the files.
        filter: Which of lm-eval's filters, where a log holds several.
    """

    answer_id: str | None = None
    text: str | None = None
    encoding: str | None = None
    filter: str | None = None


@dataclass(frozen=True)
class Answers:
    """All answers of a file or folder.

    Args:
        rows: ANSWER rows in the order of the files.
        form: `lm-eval`, `OpenCompass`, `IMHI` or `table`.
        files: Name and SHA-256 of each file.
        notes: What should be known of how they were read.
    """

    rows: pl.DataFrame
    form: str
    files: tuple[tuple[str, str], ...]
    notes: tuple[str, ...] = ()


def read(place: Path, names: Names = Names()) -> Answers:
    """All answers of a file, or of all files of a folder, which must be of one form.

    Args:
        place: A file, or a folder as a harness leaves it.
        names: Of columns, where they are not found.

    Raises:
        InputError: Nothing is there, a line cannot be read, or files of several forms.
        DecodingError: The bytes fit no encoding.
        UsageError: Columns are not found, or may be several.
    """
    from xinheng.artifacts import file_sha256

    found = [(place, place.name)] if not place.is_dir() else files_in(place, *_PATTERNS)
    found = [(path, name) for path, name in found if not _is_besides(path)]
    if not found:
        raise InputError(str(place), "no file of answers", want=", ".join(_PATTERNS), have="none")
    frames, forms, notes, shards = [], dict[str, str](), list[str](), dict[str, int]()
    for path, name in found:
        require_file(path)
        form, rows, more = _read_file(path, name, names)
        forms.setdefault(form, name)
        notes += more
        frames.append(places_of_parts(rows, path, shards) if form == "OpenCompass" else rows)
    if len(forms) > 1:
        have = ", ".join(f"{form} ({name})" for form, name in forms.items())
        raise InputError(str(place), "files of several forms", want="one", have=have, mend="Name one file.")
    rows = pl.concat(frames)
    if not rows.height:
        raise InputError(str(place), "no answers", want="a row per answer", have="none")
    return Answers(rows, next(iter(forms)), tuple((name, file_sha256(path)) for path, name in found), tuple(notes))


def _is_besides(path: Path) -> bool:
    """What harnesses leave beside answers: results, settings, and runs that have not ended."""
    return path.name.startswith((".", "results_", "tmp_")) or path.suffix == ".bak"


def _read_file(path: Path, name: str, names: Names) -> tuple[str, pl.DataFrame, list[str]]:
    if path.suffix == ".parquet":
        return "table", _of_frame(path, name, names), []
    if path.suffix in {".csv", ".tsv", ".txt"}:
        return _of_csv(path, name, names)
    items: Iterable[Record | Rejected] = _json_records(path, name, names.encoding)
    records = _whole(items, name)
    kinds = {kind_of(record.value) for record in records if not isinstance(record.value, Mapping)}
    if kinds:
        raise InputError(name, "answers are objects", want="a JSON object per answer", have=", ".join(sorted(kinds)))
    if not records:
        return "table", pl.DataFrame(schema=ANSWER), []
    keys = {str(key) for record in records for key in record.value}
    if is_lm_eval(keys):
        rows, notes = lm_eval_answers(records, path, name, chosen=names.filter)
        return "lm-eval", rows, notes
    if is_opencompass(keys):
        return "OpenCompass", opencompass_answers(records, path, name), []
    return ("IMHI" if {"goldens", "generated_text"} <= keys else "table", *_of_objects(records, path, name, names))


def _json_records(path: Path, name: str, encoding: str | None) -> Iterable[Record | Rejected]:
    """The objects of a JSON Lines file, a JSON array, or a JSON object of objects."""
    if path.suffix in {".jsonl", ".ndjson"}:
        return jsonl_rows(path, name=name, encoding=encoding)
    with path.open("rb") as file:
        first = file.read(256).lstrip(b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n")[:1]
    if first == b"[":
        return json_items(path, name=name, encoding=encoding)
    if _begins_with_a_line(path, name, encoding):
        return jsonl_rows(path, name=name, encoding=encoding)
    value = json_value(path, name=name, encoding=encoding)
    if isinstance(value, Mapping) and value and all(isinstance(inner, Mapping) for inner in value.values()):
        return (Record(number, {**inner, "_index": key}) for number, (key, inner) in enumerate(value.items(), 1))
    return [Record(1, value)]


def _begins_with_a_line(path: Path, name: str, encoding: str | None) -> bool:
    """Whether these are lines of JSON under the name of one JSON value."""
    lines = iter(text_lines(path, name=name, encoding=encoding))
    first, second = next(lines, None), next(lines, None)
    if not isinstance(first, Record) or second is None:
        return False
    try:
        return isinstance(json.loads(first.value), Mapping)
    except (ValueError, RecursionError):
        return False


def _whole(records: Iterable[Record | Rejected], name: str) -> list[Record]:
    """All records; an error that names the lines where there are any that cannot be read."""
    good, bad = list[Record](), list[Rejected]()
    for record in records:
        (bad if isinstance(record, Rejected) else good).append(record)  # type: ignore[arg-type]
    if bad:
        shown = "; ".join(
            f"{one.origin.removeprefix(name + ':').partition(':')[0]}: {one.reason}" for one in bad[:_SHOWN]
        )
        more = f" and {len(bad) - _SHOWN:,} more" if len(bad) > _SHOWN else ""
        raise InputError(
            name,
            f"{len(bad):,} lines cannot be read",
            want="every answer readable",
            have=f"line {shown}{more}",
            mend="Mend or remove these lines; figures over the others would not be over all cases.",
        )
    return good


def _of_csv(path: Path, name: str, names: Names) -> tuple[str, pl.DataFrame, list[str]]:
    if path.suffix == ".tsv":
        cells = _whole(csv_records(path, name=name, encoding=names.encoding, delimiter="\t"), name)
        header = [cell.strip() for cell in cells[0].value] if cells else []
        odd = [record.line for record in cells if len(record.value) != len(header)]
        if odd:
            have = f"line {', '.join(map(str, odd[:_SHOWN]))}"
            raise InputError(name, f"{len(odd):,} lines of other length", want=f"{len(header)} cells", have=have)
        records = [Record(record.line, dict(zip(header, record.value, strict=True))) for record in cells[1:]]
    else:
        records = _whole(csv_rows(path, name=name, encoding=names.encoding), name)
    if not records:
        return "table", pl.DataFrame(schema=ANSWER), []
    form = "IMHI" if {"goldens", "generated_text"} <= records[0].value.keys() else "table"
    return (form, *_of_objects(records, path, name, names))


def _of_frame(path: Path, name: str, names: Names) -> pl.DataFrame:
    try:
        frame = pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError(name, "not a Parquet file", have=type(error).__name__) from None
    records = [Record(number, row) for number, row in enumerate(frame.iter_rows(named=True), 1)]
    if not records:
        return pl.DataFrame(schema=ANSWER)
    return _of_objects(records, path, name, names)[0]


def _of_objects(records: Sequence[Record], path: Path, name: str, names: Names) -> tuple[pl.DataFrame, list[str]]:
    """Rows with a column of ids and one of texts, named or found."""
    columns = list(dict.fromkeys(str(key) for record in records for key in record.value))
    text = _column(columns, names.text, _TEXT_NAMES, name, "--text-column", needed=True)
    answer_id = _column([c for c in columns if c != text], names.answer_id, ID_NAMES, name, "--id-column")
    others = [column for column in columns if column not in {text, answer_id}]
    prompt = next((column for column in _PROMPT_NAMES if column in others), None)
    gold = next((column for column in _GOLD_NAMES if column in others), None)
    rows = []
    for record in records:
        value = record.value
        rows.append({
            "origin": f"{name}:{record.line}",
            "set": path.stem,
            "answer_id": id_text(value.get(answer_id)) if answer_id else None,
            "number": None,
            "repeat": repeat_of(value.get("variant")),
            "text": answer_text(value.get(text), name, record.line),
            "prompt": prompt_text(value.get(prompt)) if prompt else None,
            "gold": plain_text(value.get(gold)) if gold else None,
            "finish_reason": plain_text(value.get("finish_reason")),
            "problem": plain_text(value.get("problem")) or None,
        })  # fmt: skip
    return answer_frame(rows), []


def _column(
    columns: Sequence[str], told: str | None, usual: Sequence[str], name: str, option: str, *, needed: bool = False
) -> str | None:
    """The column that is meant: the one that was named, or the only one, or the first, of the usual names."""
    if told is not None:
        if told not in columns:
            raise UsageError(name, f"no column {told}", want=f"one of {', '.join(columns)}", mend=f"See {option}.")
        return told
    by_name = {column.strip().lower(): column for column in columns}
    found = [by_name[one] for one in usual if one in by_name]
    own = [column for column in found if column.lower() in {"case_id", "question_id", "prediction", "generated_text"}]
    if len(found) == 1 or own:
        return (own or found)[0]
    # "answer" is the key as often as the reply.
    if len(plain := [column for column in found if column.lower() != "answer"]) == 1:
        return plain[0]
    if not found and not needed:
        return None
    have = f"{', '.join(found)}: which?" if found else f"{', '.join(columns[:12]) or 'none'}"
    what = "ids" if option == "--id-column" else "answers"
    raise UsageError(name, f"no column of {what}", want=f"{option} NAME", have=f"columns {have}")

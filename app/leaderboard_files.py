"""The files of a leaderboard's folder: tables for spreadsheets, all facts as JSON, and a folder that appears whole."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from xinheng.artifacts import readable_write_errors
from xinheng.errors import WriteError
from xinheng.swapping import clear, make_beside, swap

SITE: Final = "site.json"
MADE_BY: Final = "xinheng leaderboard"
Facts = Mapping[str, Any]

# What a spreadsheet takes for the beginning of a formula; the wide forms too, which East Asian ones read alike.
_FORMULA: Final = re.compile("[\\s\ufeff]*[=+\\-@\\t\\r\\n\uff1d\uff0b\uff0d\uff20]")
_CONTROL: Final = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_FIGURES: Final = (
    "benchmark", "data", "data_digest", "scorer", "part", "measure", "kind", "system", "label", "run", "rank", "value",
    "low", "high", "n", "missing", "reason", "method", "source",
)  # fmt: skip
_TESTS: Final = (
    "benchmark", "data", "data_digest", "scorer", "part", "leader", "leader_run", "system", "label", "run",
    "difference", "low", "high", "p", "p_holm", "tests_in_family", "n", "missing", "leader_ahead", "leader_behind",
    "detectable", "method", "reason",
)  # fmt: skip
_RUNS: Final = (
    "run", "system", "benchmarks", "scorers", "data", "data_digest", "n", "invalid", "refusals", "usd", "requests",
    "input_tokens", "output_tokens", "wall_s", "marks", "recorded", "page",
)  # fmt: skip
_SAMPLES: Final = ("benchmark", "data_digest", "scorer", "part", "case_id", "system", "run", "value", "reason")


def cell(value: Any) -> str:
    r"""A value as a cell of a CSV file that no spreadsheet takes for a formula; numbers stay numbers.

    >>> cell("=cmd()"), cell(-0.5), cell("-x"), cell(None), cell("\x1b[2J")
    ("'=cmd()", '-0.5', "'-x", '', '\ufffd[2J')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    # A file is also read in a terminal, to which some of these are orders.
    text = _CONTROL.sub("\ufffd", str(value).encode("utf-8", errors="replace").decode())
    return f"'{text}" if _FORMULA.match(text) else text


def csv_text(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A CSV file of guarded cells."""
    text = io.StringIO()
    # With another end of line, a carriage return in a cell would stand there unquoted.
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows([cell(value) for value in row] for row in rows)
    return text.getvalue()


def tables(site: Facts, *, with_text: bool) -> Iterator[tuple[str, str]]:
    """The CSV and JSON files: name and content. `leaderboard.json` holds all that the pages show."""
    yield "data/figures.csv", csv_text(_FIGURES, _figures(site))
    yield "data/tests.csv", csv_text(_TESTS, _tests(site))
    yield "data/runs.csv", csv_text(_RUNS, ([_run(run).get(name) for name in _RUNS] for run in site["runs"].values()))
    header = (*_SAMPLES, "asked", "expected", "reply") if with_text else _SAMPLES
    yield "data/samples.csv", csv_text(header, _samples(site, with_text=with_text))
    yield (
        "data/leaderboard.json",
        json.dumps(site, ensure_ascii=False, sort_keys=True, allow_nan=False) + "\n",
    )


def _tabled(site: Facts) -> Iterator[tuple[list[Any], Facts]]:
    for board in site["boards"]:
        for reader in board["readers"]:
            yield [board["benchmark"], board["data"]["name"], board["data"]["digest"], reader["scorer"]], reader
        for apart in board["published_apart"]:
            yield [board["benchmark"], None, None, apart["reader"]], apart


def _figures(site: Facts) -> Iterator[list[Any]]:
    for head, reader in _tabled(site):
        for row in reader["rows"]:
            for part, measures in row["cells"].items():
                for measure, it in measures.items():
                    rank = row.get("ranks", {}).get(part) if measure == reader.get("headline") else None
                    yield [
                        *head, part, measure, row["kind"], row["system"], row["label"], row.get("run_digest"), rank,
                        *(it[name] for name in ("value", "low", "high", "n", "missing", "reason", "method")),
                        row.get("source"),
                    ]  # fmt: skip


def _tests(site: Facts) -> Iterator[list[Any]]:
    for head, reader in _tabled(site):
        rows = {row["id"]: row for row in reader["rows"]}
        for part, test in reader.get("tests", {}).items():
            leader = rows[test["leader"]]
            for name, it in test["rows"].items():
                row = rows[name]
                yield [
                    *head, part, leader["system"], leader["run_digest"], row["system"], row["label"], row["run_digest"],
                    *(it[key] for key in ("difference", "low", "high", "p", "adjusted")), test["family"],
                    *(it[key] for key in ("n", "missing", "ahead", "behind", "detectable", "method", "reason")),
                ]  # fmt: skip


def _run(run: Facts) -> dict[str, Any]:
    told = {name: run.get(name) for name in _RUNS} | dict(run["cost"]) | dict(run["counts"])
    lists = {name: "; ".join(run[name]) for name in ("benchmarks", "scorers", "marks")}
    data = {"data": run["data"]["name"], "data_digest": run["data"]["digest"]}
    return {**told, **lists, **data, "run": run["digest"], "page": f"{run['slug']}.html"}


def _samples(site: Facts, *, with_text: bool) -> Iterator[list[Any]]:
    for board in site["boards"]:
        for reader in board["readers"]:
            rows = {row["id"]: row for row in reader["rows"]}
            for part, cases in reader["samples"].items():
                for case in cases:
                    for name, it in case["values"].items():
                        line = [
                            board["benchmark"], board["data"]["digest"], reader["scorer"], part, case["case_id"],
                            rows[name]["system"], rows[name]["run_digest"], it["value"], it["reason"],
                        ]  # fmt: skip
                        reply = case.get("replies", {}).get(name)
                        yield [*line, case.get("asked"), case.get("expected"), reply] if with_text else line


def write_site(out: Path, files: Iterable[tuple[str, str]]) -> list[str]:
    """Write all files so that the folder appears whole or not at all; an older leaderboard there is replaced.

    Args:
        out: The folder. If it exists it is empty, or a leaderboard with nothing else in it.
        files: Name (with `/` between folders) and content, one after another: never all in memory.

    Returns:
        The names, sorted.

    Raises:
        WriteError: Something else is in the way, or the disk refuses; what was there is as it was.
    """
    out = Path(os.path.abspath(out))  # noqa: PTH100  resolve() would follow a link the user set
    require_free(out)
    with readable_write_errors(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        clear(out, mark=SITE)
        staging = make_beside(out)
        try:
            digests: dict[str, str] = {}
            for name, text in files:
                content = text.encode("utf-8", errors="replace")
                digests[name] = hashlib.sha256(content).hexdigest()
                (staging / name).parent.mkdir(exist_ok=True)
                (staging / name).write_bytes(content)
            told = {"made_by": MADE_BY, "format": 1, "files": dict(sorted(digests.items()))}
            (staging / SITE).write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
            require_free(out)
            swap(staging, out, mark=SITE)
        except BaseException:
            shutil.rmtree(staging, ignore_errors=True)
            raise
    return sorted(digests)


def require_free(out: Path) -> None:
    """Nothing, if a site may be written to a folder: none, an empty one, or a leaderboard and nothing else.

    Raises:
        WriteError: Something is there that we did not write; the message counts it.
    """
    if not os.path.lexists(out):
        return
    want = "no folder, an empty one or an older leaderboard"
    mend = "Choose another --out; nothing was changed."
    if not out.is_dir():
        raise WriteError(str(out), "in the way", want=want, have="a file", mend=mend)
    there = {file.relative_to(out).as_posix() for file in out.rglob("*") if not file.is_dir() or file.is_symlink()}
    ours = _written_by_us(out)
    if there and ours is None:
        raise WriteError(str(out), "in the way", want=want, have="something else", mend=mend)
    if ours is not None and (others := sorted(there - ours)):
        have = f"{len(others)} other files in it, the first {others[0]!r}"
        raise WriteError(
            str(out), "in the way", want=want, have=have, mend="Move them away first: all would be replaced."
        )


def _written_by_us(folder: Path) -> set[str] | None:
    try:
        told = json.loads((folder / SITE).read_text(encoding="utf-8"))
        return {*told["files"], SITE} if told["made_by"] == MADE_BY else None
    except (OSError, ValueError, KeyError, TypeError):
        return None

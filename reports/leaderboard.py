"""The pages of a leaderboard: an overview, a page per benchmark and data, per set or subject, of samples, and per run.

Facts in, HTML out: every number is that of the facts, every picture stands beside the numbers it draws.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from markupsafe import Markup

from reports.labels import Words, clean, shortened, words
from reports.leaderboard_measures import (
    BENCHMARKS,
    MARKS,
    are_shares,
    lower_is_better,
    measure_words,
    method_words,
    p_value,
    part_words,
    picture,
    printed,
    reason_words,
    scale_of,
    scorer_words,
)
from reports.render import NO_NUMBER, bilingual, number, page, percent, shown

Facts = Mapping[str, Any]

TITLE: Final = Words("Leaderboard", "排行榜")
CASES_ON_A_PAGE: Final = 20
MOST_COLUMNS: Final = 12
_IN_OVERVIEW: Final = 10
_STYLES: Final = ("leaderboard.css",)
_SCRIPT: Final = "leaderboard.js"
_UNSURE: Final = 0.05
_MOST_OF_A_NAME: Final = 80
_RUN: Final = Words("Run", "執行紀錄")


def pages(site: Facts) -> Iterator[tuple[str, str]]:
    """Every page, file name and HTML, one after another; the same facts give the same pages.

    Args:
        site: title, boards, runs, notes, with_text, downloads, as `app.leaderboard` gathers them.
    """
    title = words(site.get("title"))
    title = title if title.en.strip() else TITLE
    common: dict[str, Any] = {
        "site_title": title, "site": site, "styles": _STYLES, "script": _SCRIPT, "figures": False,
        "part_words": part_words, "method_words": method_words, "told": _told, "body": _body, "cut": _cut,
        "label": _label, "run_words": _RUN,
    }  # fmt: skip
    overview = [_in_overview(board) for board in site["boards"]]
    yield "index.html", page("leaderboard.html", title=title, boards=overview, **common)
    for board in site["boards"]:
        yield from _board_pages(board, common)
    for run in site["runs"].values():
        yield (
            f"{run['slug']}.html",
            page("leaderboard_run.html", title=_both(run["title"]), run=run, lines=_record(run), **common),
        )


def _told(reason: object) -> Markup:
    """A reason in both languages."""
    found = reason_words(reason)
    en, zh = shown(found.en), shown(found.zh)
    return en if en == zh else bilingual(en, zh)


def _label(name: object) -> Markup:
    """A system's name, which may break after its signs and, where it has none, after a dozen letters."""
    text = clean(name)
    pieces = re.findall(r"[^:/@_+,(\s-]{0,12}[:/@_+,(\s-]?", shortened(text, _MOST_OF_A_NAME))
    title = Markup(' title="{}"').format(text) if len(text) > _MOST_OF_A_NAME else ""
    return Markup("<bdi{}>{}</bdi>").format(title, Markup("<wbr>").join(piece for piece in pieces if piece))


def _cut(text: object) -> str:
    return shortened(clean(text), 60)


def _body(text: object) -> str:
    """A text that may have several lines, without characters that steer a browser; the template escapes it."""
    return "\n".join(clean(line) for line in re.split("\r\n|[\r\n]", str(text)))


def board_title(board: Facts) -> Words:
    """A benchmark's name in both languages, and of what is behind its slash."""
    head, _, rest = clean(board["benchmark"]).partition("/")
    name = BENCHMARKS.get(head, Words(head, head))
    return Words(f"{name.en}: {rest}", f"{name.zh}：{rest}") if rest else name


def _board_pages(board: Facts, common: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    title = board_title(board)
    readers = [
        {
            **_reader_words(reader),
            "standing": _standing(board, reader, reader["lead"]) if reader["lead"] else None,
            "matrix": _matrix(board, reader),
        }
        for reader in board["readers"]
    ]
    apart = [
        {"words": scorer_words(it["reader"]), "matrix": _published_matrix(it["rows"])}
        for it in board["published_apart"]
    ]
    yield (
        f"{board['slug']}.html",
        page("leaderboard_board.html", title=title, board=board, readers=readers, apart=apart, **common),
    )
    for part in _own_parts(board):
        name = part_words(part)
        of = [r for r in board["readers"] if part in r["parts"]]
        standings = [{**_reader_words(r), "standing": _standing(board, r, part), "cases": _cases_pages(board, r, part)}
                     for r in of]  # fmt: skip
        yield part_file(board, part), page(
            "leaderboard_part.html", title=Words(f"{title.en}: {name.en}", f"{title.zh}：{name.zh}"),
            board=board, board_words=title, part=name, readers=standings, **common,
        )  # fmt: skip
        for reader in of:
            yield from _sample_pages(board, reader, part, title, common)


def _own_parts(board: Facts) -> list[str]:
    return list(board["part_pages"])


def part_file(board: Facts, part: str) -> str:
    """The page of a set or subject; its name is the board's, and a digest keeps parts apart."""
    return f"{board['slug']}-{board['part_pages'][part]}.html"


def _cases_pages(board: Facts, reader: Facts, part: str) -> list[str]:
    cases = reader["samples"].get(part, [])
    count = -(-len(cases) // CASES_ON_A_PAGE)
    base = f"{part_file(board, part).removesuffix('.html')}-{reader['slug']}-cases"
    return [f"{base}-{i}.html" for i in range(1, count + 1)]


def _sample_pages(
    board: Facts, reader: Facts, part: str, title: Words, common: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    files = _cases_pages(board, reader, part)
    rows = {row["id"]: row for row in reader["rows"]}
    shown = [rows[name] for name in reader["sampled"]]
    name = part_words(part)
    for place, file in enumerate(files):
        cases = reader["samples"][part][place * CASES_ON_A_PAGE : (place + 1) * CASES_ON_A_PAGE]
        yield file, page(
            "leaderboard_cases.html",
            title=Words(f"{name.en}: sample cases", f"{name.zh}：抽樣題目"),
            board=board, board_words=title, part=name, part_file=part_file(board, part), reader=_reader_words(reader),
            systems=shown, cases=[_case(case, shown) for case in cases], files=files, place=place,
            total=len(reader["samples"][part]), **common,
        )  # fmt: skip


def _case(case: Facts, shown: Sequence[Facts]) -> dict[str, Any]:
    cells = []
    for row in shown:
        it = case["values"].get(row["id"])
        value = it["value"] if it else None
        cells.append({
            "value": value, "text": NO_NUMBER if value is None else f"{value:.4g}",
            "mark": {1.0: "right", 0.0: "wrong"}.get(value) if value is not None else None,
            "reason": it["reason"] if it else None, "label": row["label"],
            "reply": case.get("replies", {}).get(row["id"]),
        })  # fmt: skip
    return {"asked": "", "expected": "", **case, "cells": cells}


def _reader_words(reader: Facts) -> dict[str, Any]:
    return {
        "reader": reader,
        "words": scorer_words(reader["scorer"]),
        "headline": measure_words(reader["headline"]),
        "lead": part_words(reader["lead"] or ""),
    }


def _in_overview(board: Facts) -> dict[str, Any]:
    readers = []
    for reader in board["readers"]:
        if reader["lead"]:
            standing = _standing(board, reader, reader["lead"])
            runs = [row for row in standing["rows"] if row["kind"] == "run"]
            brief = {**standing, "rows": runs[:_IN_OVERVIEW], "brief": True}
            readers.append({**_reader_words(reader), "standing": brief, "more": len(runs) - _IN_OVERVIEW})
    return {"board": board, "words": board_title(board), "readers": readers}


def _standing(board: Facts, reader: Facts, part: str) -> dict[str, Any]:
    """The table of one part: rows in the order of their ranks, with pictures on one scale, and the tests."""
    headline = reader["headline"]
    rows = [row for row in reader["rows"] if headline in row["cells"].get(part, {})]
    cells = [row["cells"][part][headline] for row in rows]
    shares = are_shares(headline, [cell["value"] for cell in cells])
    scale = scale_of(cell[end] for cell in cells for end in ("value", "low", "high"))
    test = reader["tests"].get(part)
    measures = [name for name in reader["measures"] if name not in (headline, "invalid_rate")]
    measures = [name for name in measures if any(name in row["cells"][part] for row in rows)]
    all_values = {name: [row["cells"][part].get(name, {}).get("value") for row in rows] for name in measures}
    # Beside an F1 in percent, an accuracy of 0.5 is half a percent.
    percents = {"accuracy"} if headline.endswith("_f1") else set()
    kinds = {name: name not in percents and are_shares(name, values) for name, values in all_values.items()}
    points = shares or headline.endswith("_f1")
    made = [
        _standing_row(row, row["cells"][part][headline], part, reader, test, scale=scale, shares=shares, points=points)
        | {"more": [{"text": printed(value := row["cells"][part].get(name, {}).get("value"), name, shares=kinds[name]),
                     "value": value} for name in measures]}
        for row in rows
    ]  # fmt: skip
    made.sort(key=lambda row: (row["kind"] != "run", row["rank"] or 10**9))
    runs = [row for row in made if row["kind"] == "run"]
    ends = [printed(end, headline, shares=shares) for end in (scale.low, scale.high)] if scale else ["", ""]
    return {
        "id": f"{reader['slug']}-{board['part_pages'].get(part, 'lead')}",
        "rows": made,
        "measures": [measure_words(name) for name in measures],
        "headline": measure_words(headline),
        "lower": reader["lower"][part] if "lower" in reader else lower_is_better(headline, part),
        "ends": ends,
        "test": test,
        "cost": any(row["cost"] != NO_NUMBER or row["time"] for row in runs),
        "brief": False,
        "size": reader["sizes"].get(part) or None,
        "pooled": part.partition(" ")[0] in {"mean", "macro"} and part not in board["part_pages"],
        "points": points,
    }


def _standing_row(
    row: Facts, cell: Facts, part: str, reader: Facts, test: Facts | None, *, scale: Any, shares: bool, points: bool
) -> dict[str, Any]:
    headline, value = reader["headline"], cell["value"]
    leads = test is not None and test["leader"] == row["id"]
    kind = "leader" if row.get("ranks", {}).get(part) == 1 else row["kind"]
    interval = ""
    if cell["low"] is not None and cell["high"] is not None:
        interval = f"{printed(cell['low'], headline, shares=shares)} – {printed(cell['high'], headline, shares=shares)}"
    invalid = row.get("invalid", {}).get(part)
    return {
        **{name: row.get(name) for name in ("id", "kind", "label", "run", "source", "recorded")},
        "marks": [MARKS.get(mark, Words(mark, mark)) for mark in row.get("marks", ())],
        "rank": row.get("ranks", {}).get(part),
        "value": value,
        "text": printed(value, headline, shares=shares),
        "interval": interval,
        "reason": cell["reason"],
        "method": cell["method"],
        "picture": picture(scale, value, cell["low"], cell["high"], kind),
        "leads": leads,
        "against": _against(test["rows"].get(row["id"]), points=points) if test and not leads else None,
        "invalid": invalid,
        "invalid_text": percent(invalid),
        "refusals": row.get("refusals", {}).get(part),
        "cases": row.get("cases", {}).get(part) or cell["n"] or None,
        "incomplete": part in row.get("incomplete", ()),
        "cost": _cost(row.get("cost", {})),
        "time": _time(row.get("cost", {}).get("wall_s")),
        "usd": row.get("cost", {}).get("usd"),
        "name": _floor_words(row) if row["kind"] == "floor" else Words(row["label"], row["label"]),
    }


def _floor_words(row: Facts) -> Words:
    name = measure_words(row["system"])
    return Words(f"{name.en} (no reading)", f"{name.zh}（不讀題作答）")


def _against(test: Facts | None, *, points: bool) -> dict[str, Any] | None:
    """A test as the table prints it."""
    if test is None:
        return None
    told = {
        **test,
        "p_text": p_value(test["adjusted"]),
        "sure": test["adjusted"] is not None and test["adjusted"] < _UNSURE,
    }
    for name in ("difference", "low", "high", "detectable"):
        told[f"{name}_text"] = _signed(test[name], points=points, sign=name != "detectable")
    return told


def _signed(value: float | None, *, points: bool, sign: bool) -> str:
    if value is None:
        return NO_NUMBER
    text = f"{100 * value:{'+' if sign else ''}.1f}" if points else f"{value:{'+' if sign else ''}.3g}"
    return text.replace("-", "\u2212")


def _cost(cost: Facts) -> str:
    """What a run took: money where a price is known, else tokens."""
    told = []
    if (usd := cost.get("usd")) is not None:
        told.append(f"US$ {usd:,.2f}" if usd >= 0.01 or not usd else f"US$ {usd:.2g}")
    elif tokens := (cost.get("input_tokens") or 0) + (cost.get("output_tokens") or 0):
        told.append(f"{_short(tokens)} tokens")
    return ", ".join(told) or NO_NUMBER


def _time(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return (
        f"{seconds:,.0f} s"
        if seconds < 120
        else f"{seconds / 60:,.0f} min"
        if seconds < 7200
        else f"{seconds / 3600:,.1f} h"
    )


def _short(count: float) -> str:
    for size, sign in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= size:
            return f"{count / size:.3g} {sign}"
    return f"{count:.0f}"


def _matrix(board: Facts, reader: Facts) -> dict[str, Any] | None:
    """The headline by system and part: systems down where parts are few, else parts down, the best systems across."""
    parts = [
        part
        for part in reader["parts"]
        if any(reader["headline"] in row["cells"].get(part, {}) for row in reader["rows"])
    ]
    if len(parts) < 2:
        return None
    headline = reader["headline"]
    shares = are_shares(headline, [_value(row, p, headline) for row in reader["rows"] for p in parts])
    wide = len(parts) <= MOST_COLUMNS
    known = [row for row in reader["rows"] if any(headline in row["cells"].get(p, {}) for p in parts)]
    shown = known if wide else [r for r in known if r["kind"] == "run"][: MOST_COLUMNS - 2] + [
        r for r in known if r["kind"] != "run"
    ][:2]  # fmt: skip
    best = {part: {row["id"] for row in known if row.get("ranks", {}).get(part) == 1} for part in parts}

    def cell(row: Facts, part: str) -> dict[str, Any]:
        value = _value(row, part, headline)
        return {"value": value, "text": printed(value, headline, shares=shares), "best": row["id"] in best[part],
                "incomplete": part in row.get("incomplete", ())}  # fmt: skip

    columns = [
        {"words": part_words(p), "file": part_file(board, p) if p in board["part_pages"] else None,
         "n": reader["sizes"].get(p) or None} for p in parts
    ]  # fmt: skip
    heads = [
        {**{name: row.get(name) for name in ("kind", "run", "label", "source")},
         "name": _floor_words(row) if row["kind"] == "floor" else Words(row["label"], row["label"])} for row in shown
    ]  # fmt: skip
    return {
        "id": f"{reader['slug']}-parts",
        "wide": wide,
        "parts": columns,
        "systems": heads,
        "cells": [[cell(row, part) for part in parts] for row in shown],
        "hidden": len(known) - len(shown),
        "headline": measure_words(headline),
    }


def _published_matrix(rows: Sequence[Facts]) -> dict[str, Any]:
    parts = list(dict.fromkeys(part for row in rows for part in row["cells"]))
    measure = next(iter(next(iter(rows[0]["cells"].values()))))
    cells = [
        [{"value": (v := _value(row, part, measure)), "text": printed(v, measure, shares=False), "best": False,
          "incomplete": False} for part in parts] for row in rows
    ]  # fmt: skip
    heads = [{"kind": "published", "run": None, "label": r["label"], "source": r["source"],
              "name": Words(r["label"], r["label"])} for r in rows]  # fmt: skip
    return {"id": "published-parts", "wide": True, "systems": heads, "cells": cells, "hidden": 0,
            "parts": [{"words": part_words(p), "file": None, "n": None} for p in parts],
            "headline": measure_words(measure)}  # fmt: skip


def _value(row: Facts, part: str, measure: str) -> float | None:
    value: float | None = row["cells"].get(part, {}).get(measure, {}).get("value")
    return value


def _both(title: Any) -> Words:
    found = words(title)
    return found if found.en.strip() else _RUN


_GROUPS: Final[dict[str, Words]] = {
    "data": Words("Data", "資料"),
    "prompt": Words("Prompt", "提示"),
    "models": Words("Models", "模型"),
    "decoding": Words("Decoding", "解碼設定"),
    "counts": Words("Counts", "筆數"),
    "cost": Words("Cost", "花費"),
    "code": Words("Code", "程式"),
    "machine": Words("Machine", "機器"),
    "command": Words("Command", "指令"),
}
_MOST_LINES: Final = 80


def _record(run: Facts) -> list[dict[str, Any]]:
    """The record in groups of lines: name and value, names of what is inside joined by a dot."""
    record = run["record"]
    groups = [*(name for name in _GROUPS if name in record), *(name for name in record if name not in _GROUPS)]
    return [
        {"words": _GROUPS.get(name, Words(name, name)), "lines": list(_lines("", record[name]))[:_MOST_LINES]}
        for name in groups if record[name] not in (None, {}, [])
    ]  # fmt: skip


def _lines(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _lines(f"{name}.{key}" if name else str(key), inner)
    elif isinstance(value, list) and any(isinstance(inner, Mapping | list) for inner in value):
        for place, inner in enumerate(value, 1):
            yield from _lines(f"{name} {place}".strip(), inner)
    else:
        text = (
            " ".join(map(str, value))
            if isinstance(value, list)
            else number(value)
            if not isinstance(value, str)
            else value
        )
        yield (
            name or "–",
            text if isinstance(value, str | list | int | float) or value is None else json.dumps(value, default=str),
        )

"""Technical measurements and gates on the terminal and on a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import polars as pl

from app.scoring import SCORES
from app.terminal import Terminal
from benchmarks import plan_gates
from benchmarks.plan_gates import NAMES
from xinheng.artifacts import Artifact, readable_write_errors
from xinheng.errors import ArtifactError, InputError, UsageError

_ORDER: Final = tuple(NAMES)
_MEASURES: Final[Mapping[str, tuple[str, str]]] = {
    "first_token_p99_s": ("First token, 99th percentile", "首字延遲第 99 百分位數"),
    "requests_per_s": ("Requests per second", "每秒請求數"),
    "output_tokens_per_s": ("Tokens out per second", "每秒輸出詞元"),
    "repeat_identical": ("Cases with the same reply in all repeats", "重複作答完全相同的題目"),
    "repeat_agreement": ("Agreement of two repeats", "兩次作答一致率"),
    "repeat_agreement_sd": ("Agreement, SD over repeats", "一致率的標準差"),
    "repeat_latency_p50_sd_s": ("Median latency, SD over repeats", "延遲中位數的標準差"),
    "memory_process_gb": ("Peak memory of this process, GB", "本程序記憶體尖峰（GB）"),
    "memory_server_gb": ("Peak memory of the server, GB", "伺服器記憶體尖峰（GB）"),
    "memory_device_gb": ("Reserved on the accelerator, GB", "加速器保留記憶體（GB）"),
}


def levels_of(text: str) -> tuple[int, ...]:
    """Numbers with commas between them.

    Raises:
        UsageError: Something else.

    >>> levels_of("1, 4,16")
    (1, 4, 16)
    """
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() and 0 < int(part) <= 100_000 for part in parts):
        raise UsageError("technical", "no such concurrency", want="numbers from 1, such as 1,4,16", have=repr(text))
    return tuple(int(part) for part in parts)


def gates_of(runs: Sequence[Artifact]) -> list[dict[str, Any]]:
    """All gates that some scores can be held against, in the plan's order.

    Raises:
        ArtifactError: Something that is no scores artifact.
        UsageError: The same scores twice.
        InputError: Nothing in them is what a gate is about.
    """
    if len({run.digest for run in runs}) < len(runs):
        raise UsageError("gates", "the same scores twice", mend="Name each of them once.")
    found: list[dict[str, Any]] = []
    for run in runs:
        if run.kind != SCORES or "summary" not in run.manifest["tables"]:
            raise ArtifactError(str(run.path), "no scores", want=f"an artifact of kind {SCORES}", have=run.kind)
        summary = run.scan("summary").collect()
        found += plan_gates.judged(summary)
        if "timing" in run.manifest["tables"]:
            found += _technical(run)
    if not found:
        raise InputError(
            "gates", "nothing in these scores is what a gate is about",
            want="bench technical, bench judge --rubric plan, or human ratings",
            have=", ".join(sorted({str(run.manifest["name"]) for run in runs})),
        )  # fmt: skip
    return sorted(found, key=lambda row: (row["system"], _ORDER.index(row["gate"]), row["scorer"]))


def _technical(run: Artifact) -> list[dict[str, Any]]:
    """From the timings themselves: a summary cannot hold an infinite percentile."""
    from benchmarks import technical

    facts = run.manifest["facts"]
    peaks = [float("nan") if peak is None else float(peak) for peak in facts.get("gated_bytes") or ()]
    made = technical.gates(run.scan("timing").collect(), peaks)
    return plan_gates.technical(made, str(facts["system"]))


def show_gates(terminal: Terminal, found: Sequence[Mapping[str, Any]], *, page: Path | None) -> bool:
    """The table, and whether a gate fails."""
    _table(terminal, found)
    absent = [NAMES[name]["en"] for name in _ORDER if name not in {row["gate"] for row in found}]
    if absent:
        terminal.line(f"not in these scores: {', '.join(absent)}")
    if page is not None:
        _write(page, {"title": {"en": "The plan's gates", "zh": "計畫的門檻"}, "gates": _named(found)})
        terminal.line(f"page  {page}")
    terminal.result({"gates": list(found), "absent": absent, "failed": any(r["verdict"] == "FAIL" for r in found)})
    return any(row["verdict"] == "FAIL" for row in found)


def _table(terminal: Terminal, found: Sequence[Mapping[str, Any]]) -> None:
    terminal.table(
        ["gate", "verdict", "wanted", "value", "interval", "cases", "more to decide", "system", "why"],
        [[NAMES[r["gate"]]["en"], r["verdict"], r["threshold"], _figure(r["value"], r["unit"]),
          "none" if r["low"] is None and r["high"] is None
          else f"{_figure(r['low'], r['unit'])} to {_figure(r['high'], r['unit'])}",
          r["n"], "–" if r["more"] is None else r["more"], r["system"], r["reason"]] for r in found],
        right=(3, 5, 6),
    )  # fmt: skip


def show(terminal: Terminal, made: Artifact, *, page: Path | None) -> None:
    """Figures by concurrency, repeats, memory, the gates, what it cost, and where it lies."""
    from app.generating import show_steps

    facts = made.manifest["facts"]
    summary = made.scan("summary").collect()
    names = ("latency_p50_s", "latency_p95_s", "latency_p99_s", "first_token_p50_s", "error_rate", "requests_per_s",
             "output_tokens_per_s")  # fmt: skip
    levels = [part for part in summary["part"].unique(maintain_order=True) if part.startswith("concurrency")]
    cells = {(part, name): _cell(summary, part, name) for part in levels for name in names}
    terminal.table(
        ["at once", "p50 s", "p95 s (interval)", "p99 s", "first token p50 s", "errors", "requests/s", "tokens out/s"],
        [[part.removeprefix("concurrency "), *(cells[part, name] for name in names)] for part in levels],
        right=tuple(range(8)),
    )  # fmt: skip
    rest = summary.filter((pl.col("part") == "all") & ~pl.col("measure").is_in(["error_rate"]))
    for measure, value, reason in rest.select("measure", "value", "reason").iter_rows():
        terminal.line(f"{measure:28}{'–' if value is None else f'{value:.4g}'}{f'  {reason}' if value is None else ''}")
    for reason in summary.filter(pl.col("value").is_null() & (pl.col("part") != "all"))["reason"].unique().sort():
        terminal.line(f"no figure: {reason}")
    terminal.line(f"warm-up and loading took {facts['warmup_s']:.2f} s and is not counted\n")
    _table(terminal, facts["gates"])
    terminal.line()
    show_steps(terminal, facts["steps"])
    if page is not None:
        _write(page, page_facts(made))
    terminal.line(f"\nscores  {made.path}  {made.digest[:12]}")
    if page is not None:
        terminal.line(f"page    {page}")
    terminal.line(f"next    xinheng bench gates {made.path}")
    terminal.result({"path": str(made.path), "digest": made.digest, "summary": summary.to_dicts(), **facts})


def page_facts(made: Artifact) -> dict[str, Any]:
    """What the page of a technical measurement shows."""
    facts = made.manifest["facts"]
    figures = [
        {"words": _words(m, part), "measure": m, "value": value,
         "low": low, "high": high, "n": n, "reason": reason or "",
         "unit": "share" if m in {"error_rate", "repeat_identical", "repeat_agreement"} else ""}
        for part, m, value, low, high, n, reason in made.scan("summary").collect().select(
            "part", "measure", "value", "low", "high", "n", "reason").iter_rows()
    ]  # fmt: skip
    return {
        "title": facts["title"],
        "kind": {"en": "Speed and reliability", "zh": "速度與穩定性"},
        "systems": [{"name": facts["system"], "identity": made.digest}],
        "gates": _named(facts["gates"]),
        "figures": figures,
        "record": facts["record"],
        "cost": facts["steps"],
    }


def _words(measure: str, part: str) -> dict[str, str]:
    """A figure's name in both languages."""
    from reports.leaderboard_measures import measure_words

    said = _MEASURES.get(measure)
    en, zh = said if said is not None else measure_words(measure)
    level = part.removeprefix("concurrency ")
    return (
        {"en": en, "zh": zh}
        if part == "all"
        else {"en": f"{en}, {level} at once", "zh": f"{zh}（同時 {level} 個請求）"}
    )


def _named(found: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{**row, "gate": NAMES[row["gate"]]} for row in found]


def _write(path: Path, facts: Mapping[str, Any]) -> None:
    from reports.comparison import comparison_page

    with readable_write_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(comparison_page({"kind": {"en": "Gates", "zh": "門檻"}, **facts}), encoding="utf-8")


def _cell(summary: pl.DataFrame, part: str, measure: str) -> str:
    rows = summary.filter((pl.col("part") == part) & (pl.col("measure") == measure))
    if not rows.height or rows["value"][0] is None:
        return "–"
    value, low, high = (rows[name][0] for name in ("value", "low", "high"))
    if measure == "error_rate":
        return f"{100 * value:.2f}%"
    if measure != "latency_p95_s":
        return f"{value:,.3g}"
    bound = "no upper bound" if high is None else f"{low:.3g} to {high:.3g}"
    return f"{value:.3g} ({bound})"


def _figure(value: float | None, unit: str) -> str:
    if value is None:
        return "–"
    return f"{100 * value:.4g}%" if unit == "share" else f"{value:.3g}{f' {unit}' if unit else ''}"

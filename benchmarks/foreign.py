"""Answers made elsewhere, joined to the cases that they answer, so that they can be scored like any others.

By id wherever the file's ids are ours. A file without them is joined by place only where every place shows that it is
the right one: its prompt holds what the case asks, or its gold answer is the case's. Counting alone proves nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import polars as pl

from xinheng.errors import InputError, UsageError
from xinheng.messages import PROBLEMS
from xinheng.tables import KEYS, PREDICTION

_SHOWN: Final = 5
_PLAIN: Final = re.compile(r"\W+")
_LONG_GOLD: Final = 20  # characters: a shorter gold answer is the same in too many cases
_ID: Final = re.compile(r"[\w.:@/#+-]{1,80}")


@dataclass(frozen=True)
class Joined:
    """Cases with their answers.

    Args:
        cases: Those that are answered for, in the order of their ids.
        predictions: PREDICTION rows, one per case and repeat; a case without an answer has one without text.
        facts: How they were joined and what did not fit, for the manifest.
        lines: The same for a person.
    """

    cases: pl.DataFrame
    predictions: pl.DataFrame
    facts: Mapping[str, Any] = field(default_factory=dict)
    lines: tuple[str, ...] = ()


def joined(
    cases: pl.DataFrame,
    answers: pl.DataFrame,
    *,
    table: str,
    system: str,
    sets: Sequence[str] = (),
    answered_only: bool = False,
) -> Joined:
    """Each case with its answers.

    Sets or subjects of which the file answers nothing are left out, and named. A case of the others that it does not
    answer is there without a text, so that it counts as unread. An id that stands there twice with different answers
    is an error: nobody can say which is meant.

    Args:
        cases: CASE or CHOICE rows.
        answers: ANSWER rows (`datasets_src.answer_cells.ANSWER`).
        table: `case` or `choice`.
        system: Who answered.
        sets: Only these sets or subjects; by place, the set of each file is found by its name where there are several.
        answered_only: Leave out the cases that are not answered; the figures are then over fewer.

    Raises:
        UsageError: No such set, or the answers can be joined neither by id nor by place.
        InputError: Answers that contradict each other, or none for these cases.
    """
    key, part = KEYS[table], "benchmark" if table == "case" else "subject"
    cases = _of_sets(cases, part, sets).sort(key)
    known = set(cases[key].to_list())
    by_id = answers.filter(pl.col("answer_id").is_in(list(known)))
    how = "id"
    if by_id.height:
        unknown = answers.filter(~pl.col("answer_id").is_in(list(known)).fill_null(value=False))
        named = by_id.with_columns(case_id="answer_id")
    else:
        how, unknown = "place", answers.clear()
        named = _by_place(cases, answers, table, key, part)
    named = _once(named)
    answered = set(named["case_id"].to_list())
    cases, left_out = _touched(cases, key, part, answered)
    missing = [case_id for case_id in cases[key].to_list() if case_id not in answered]
    if answered_only:
        cases, missing_rows = cases.filter(pl.col(key).is_in(list(answered))), list[str]()
    else:
        missing_rows = missing
    facts = {
        "joined_by": how,
        "answers": answers.height,
        "missing": len(missing),
        "missing_left_out": answered_only,
        "unknown": unknown.height,
        "sets_without_answers": left_out,
    }
    lines = _lines(facts, missing, unknown, answered_only=answered_only)
    return Joined(cases, _predictions(named, missing_rows, system), facts, tuple(lines))


def _of_sets(cases: pl.DataFrame, part: str, sets: Sequence[str]) -> pl.DataFrame:
    if not sets:
        return cases
    have = cases[part].drop_nulls().unique().sort().to_list()
    chosen = {name: [one for one in have if _is_set(one, name)] for name in sets}
    if lost := [name for name, found in chosen.items() if not found]:
        raise UsageError("score", f"no set {', '.join(lost)}", want=f"one of {', '.join(have[:20])}")
    return cases.filter(pl.col(part).is_in([one for found in chosen.values() for one in found]))


def _is_set(name: str | None, told: str) -> bool:
    """Whether a set goes by a name, whatever its case, its hyphens and the collection before it.

    >>> _is_set("imhi/T-SID", "tsid"), _is_set("imhi/DR", "R")
    (True, False)
    """
    plain = _PLAIN.sub("", told).replace("_", "").lower()
    whole = name or ""
    return bool(plain) and plain in {
        _PLAIN.sub("", one).replace("_", "").lower() for one in (whole, whole.rpartition("/")[2])
    }


def _by_place(cases: pl.DataFrame, answers: pl.DataFrame, table: str, key: str, part: str) -> pl.DataFrame:
    """Answers with the case_id of the case at their place; each shows that it is the right one."""
    frames = []
    for (name,), rows in answers.group_by("set", maintain_order=True):
        alike = [one for one in cases[part].unique().to_list() if _is_set(one, str(name))]
        of_set = cases.filter(pl.col(part).is_in(alike))
        mine = of_set if of_set.height else cases
        numbered = rows["number"].null_count() == 0
        places = rows["number"].to_list() if numbered else list(range(rows.height))
        fits = max(places) < mine.height if numbered else rows.height == mine.height
        proofs = _proofs(mine, rows, places, table) if fits else []
        if not fits or not all(proofs):
            raise _no_join(mine, rows, str(name), key, proofs, numbered=numbered)
        ids = mine[key].to_list()
        frames.append(rows.with_columns(case_id=pl.Series([ids[place] for place in places], dtype=pl.String)))
    return pl.concat(frames)


def _proofs(cases: pl.DataFrame, rows: pl.DataFrame, places: Sequence[int], table: str) -> list[bool]:
    """For each answer whether what was asked or expected is that of the case at its place."""
    if table == "choice":
        asked = [_plain(text) for text in cases["question"].to_list()]
        golds: list[str | None] = [None] * len(asked)
    else:
        asked = [_plain(" ".join(m["content"] for m in ms if m["role"] == "user")) for ms in cases["messages"]]
        golds = [text if text and len(text) >= _LONG_GOLD else None for text in cases["reference"].to_list()]
    found = []
    for place, prompt, gold in zip(places, rows["prompt"].to_list(), rows["gold"].to_list(), strict=True):
        by_prompt = bool(prompt and asked[place]) and asked[place] in _plain(prompt)
        expected = golds[place]
        by_gold = bool(gold and expected) and _plain(str(gold)) == _plain(str(expected))
        found.append(by_prompt or by_gold)
    return found


def _plain(text: str) -> str:
    return _PLAIN.sub("", text).lower()


def _no_join(
    cases: pl.DataFrame, rows: pl.DataFrame, name: str, key: str, proofs: Sequence[bool], *, numbered: bool
) -> UsageError:
    ids = rows["answer_id"].drop_nulls()
    if proofs:
        wrong = [rows["origin"][place] for place, fits in enumerate(proofs) if not fits]
        tells = rows["prompt"].null_count() + rows["gold"].null_count() < 2 * rows.height
        why = "other prompts or gold answers than the cases'" if tells else "neither prompts nor gold answers"
        have = f"{len(wrong):,} of {rows.height:,} rows with {why}, the first {wrong[0]}"
    elif numbered:
        have = f"places up to {max(rows['number'].to_list()):,}, and {cases.height:,} cases"
    else:
        have = f"{rows.height:,} answers, and {cases.height:,} cases"
    shown = f"; ids such as {_shown(ids.head(1).to_list())}, the cases' such as {cases[key][0]}" if len(ids) else ""
    return UsageError(
        f"answers of {name}",
        "nothing shows which answer is to which case",
        want="the cases' ids, or as many rows in their order with the prompt of each",
        have=have + shown,
        mend="Name the column with --id-column, or choose the cases with --cases, --split, --form and --set.",
    )


def _once(named: pl.DataFrame) -> pl.DataFrame:
    """Each case and repeat once; the same answer given twice is one."""
    first = named.unique(["case_id", "repeat", "text"], keep="first", maintain_order=True)
    twice = first.group_by("case_id", "repeat", maintain_order=True).len().filter(pl.col("len") > 1)
    if twice.height:
        raise InputError(
            "score",
            f"{twice.height:,} cases with several answers",
            want="one each",
            have=_shown(twice["case_id"].to_list()),
            mend="Leave one of each in the file; nobody can say which is meant.",
        )
    return first


def _touched(cases: pl.DataFrame, key: str, part: str, answered: set[str]) -> tuple[pl.DataFrame, list[str]]:
    """The cases of sets and forms of which there are answers, and the names of the others."""
    kinds = [part, *(["form"] if "form" in cases.columns else [])]
    kind = pl.concat_str([pl.col(name).fill_null("") for name in kinds], separator=" ")
    marked = cases.with_columns(_kind=kind, _answered=pl.col(key).is_in(list(answered)))
    seen = marked.filter("_answered")["_kind"].unique().to_list()
    others = marked.filter(~pl.col("_kind").is_in(seen))["_kind"].unique().sort().to_list()
    return marked.filter(pl.col("_kind").is_in(seen)).drop("_kind", "_answered"), others


def _predictions(named: pl.DataFrame, missing: Sequence[str], system: str) -> pl.DataFrame:
    repeated = int(named["repeat"].max() or 1) > 1  # type: ignore[arg-type]
    text = pl.col("text").fill_null("")
    blank = text.str.strip_chars() == ""
    # A problem of another program's making is one of ours only where it goes by the same name.
    known = pl.when(pl.col("problem").is_in(PROBLEMS)).then(pl.col("problem"))
    rows = named.select(
        case_id="case_id",
        variant=pl.format("repeat {}", pl.col("repeat")) if repeated else pl.lit(""),
        system=pl.lit(system),
        text=text,
        finish_reason=pl.col("finish_reason").fill_null("stop"),
        problem=pl.coalesce(known, pl.when(blank).then(pl.lit("empty"))),
        detail=pl.lit(None, pl.String),
        input_tokens=pl.lit(None, pl.Int64),
        output_tokens=pl.lit(None, pl.Int64),
        latency_s=pl.lit(None, pl.Float64),
        first_token_s=pl.lit(None, pl.Float64),
    )
    variants = rows["variant"].unique().sort().to_list()
    have = set(rows.select("case_id", "variant").iter_rows())
    wanted = [(case_id, variant) for case_id in [*dict.fromkeys(rows["case_id"]), *missing] for variant in variants]
    absent = [pair for pair in wanted if pair not in have]
    nothing = {"system": system, "text": "", "finish_reason": "error", "problem": "empty",
               "detail": "not in the file"}  # fmt: skip
    more = pl.DataFrame([{"case_id": c, "variant": v, **nothing} for c, v in absent], schema=PREDICTION)
    return pl.concat([rows.select(list(PREDICTION)), more]).sort("case_id", "variant")


def _lines(
    facts: Mapping[str, Any], missing: Sequence[str], unknown: pl.DataFrame, *, answered_only: bool
) -> list[str]:
    lines = [f"{facts['answers']:,} answers joined by {facts['joined_by']}"]
    if missing:
        became = "left out" if answered_only else "counted as unread"
        lines.append(f"cases without an answer, {became}: {len(missing):,} ({_shown(missing)})")
    if unknown.height:
        ids = unknown["answer_id"].drop_nulls().to_list()
        lines.append(f"answers to no case, left out: {unknown.height:,} ({_shown(ids) or 'no id'})")
    if facts["sets_without_answers"]:
        lines.append(f"sets without any answer, left out: {', '.join(facts['sets_without_answers'])}")
    return lines


def _shown(ids: Sequence[str]) -> str:
    """The first few ids; one that does not look like an id may be a text, and is not shown."""
    shown = [one if _ID.fullmatch(one) else "(no id)" for one in ids[:_SHOWN]]
    return ", ".join(shown) + (" …" if len(ids) > _SHOWN else "")

"""Items under names that say nothing, with repeats and gold planted among them, and who rates which in which order."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import polars as pl

from annotation.assignment import blocks, meetings, order, to_repeat
from annotation.sampling import lot
from annotation.tables import ASSIGNMENT, GOLD, GOLD_ROLE, ITEM, PLAIN, REPEAT

# No vowels, so that no word comes out; no digits, so that a spreadsheet reads neither a number nor a date.
_LETTERS: Final = "bcdfghjkmnpqrstvwxyz"
_LONG: Final = 8
# Words by which a system would call itself; parts of names that say nothing about which.
_SILENT: Final = frozenset(
    {"local", "staged", "oneshot", "ruled", "supervised", "reflect", "http", "https", "models", "model", "runs",
     "adapter", "adapters", "instruct", "chat", "base", "tuned", "the", "latest", "language", "limit", "supervisor"}
)  # fmt: skip


@dataclass(frozen=True)
class Planned:
    """A task's tables, and what is to be told of them.

    Args:
        items: ITEM rows by item_id.
        assignment: ASSIGNMENT rows by rater and position.
        gold: GOLD rows.
        pairs: Two raters to the items that they share, repeats and gold not counted.
        loads: Rater to how many items.
        named: Items in which a system's name occurs.
    """

    items: pl.DataFrame = field(repr=False)
    assignment: pl.DataFrame = field(repr=False)
    gold: pl.DataFrame = field(repr=False)
    pairs: Mapping[tuple[str, str], int]
    loads: Mapping[str, int]
    named: tuple[str, ...]


def planned(
    rows: Sequence[Mapping[str, Any]],
    gold: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]],
    *,
    task: str,
    raters: Sequence[str],
    per_item: int,
    repeats: int,
    seed: int,
) -> Planned:
    """Items, who rates them, and in which order; the same whatever the order of rows and raters.

    All answers to one case go to the same raters, so that what one rater says of two systems can be compared without
    his severity. Gold is for everybody; a repeat is for those who have its original.

    Args:
        rows: Plain items, without names (`candidates.DRAWN`).
        gold: Gold items likewise, each with its expected answers.
        task: Its name; two tasks have different item ids.
        raters: Who rates.
        per_item: Raters of each plain item.
        repeats: How many plain items are shown a second time.
        seed: Of everything.
    """
    keyed = sorted((_key(row), dict(row)) for row in rows)
    stratum_of = {row["case_id"]: row["stratum"] for _, row in keyed}
    # Stratum by stratum, so that every rater gets his share of each.
    cases = sorted(stratum_of, key=lambda name: (stratum_of[name], lot(seed, "rater", name)))
    raters_of = dict(zip(cases, blocks(len(cases), raters, per_item, seed=seed), strict=True))
    given = {key: raters_of[row["case_id"]] for key, row in keyed}
    again = to_repeat(given, repeats, seed=seed)
    keys = [*(("plain", key) for key, _ in keyed), *(("repeat", key) for key in again)]
    keys += [("gold", str(number)) for number in range(len(gold))]
    ids = _names(keys, task, seed)
    plain_row = dict(keyed)
    items = [{**row, "item_id": ids["plain", key], "role": PLAIN, "repeats": None} for key, row in keyed]
    items += [
        {**plain_row[key], "item_id": ids["repeat", key], "role": REPEAT, "repeats": ids["plain", key]} for key in again
    ]
    items += [
        {**row, "item_id": ids["gold", str(number)], "role": GOLD_ROLE, "repeats": None}
        for number, (row, _) in enumerate(gold)
    ]
    answers = [
        {"item_id": ids["gold", str(number)], "question": name, "answer": json.dumps(answer, ensure_ascii=False)}
        for number, (_, expected) in enumerate(gold)
        for name, answer in expected.items()
    ]
    assigned = []
    for rater in sorted(raters):
        own = {ids["plain", key]: plain_row[key]["case_id"] for key, who in given.items() if rater in who}
        own_repeats = {ids["repeat", key]: ids["plain", key] for key in again if rater in given[key]}
        golden = [ids["gold", str(number)] for number in range(len(gold))]
        listed = order(own, own_repeats, golden, rater=rater, seed=seed)
        assigned += [{"rater_id": rater, "item_id": name, "position": i} for i, name in enumerate(listed)]
    made = pl.DataFrame(items, schema=dict(ITEM)).sort("item_id")
    assignment = pl.DataFrame(assigned, schema=dict(ASSIGNMENT))
    loads = dict(assignment.group_by("rater_id").len().sort("rater_id").iter_rows())
    return Planned(
        made, assignment, pl.DataFrame(answers, schema=dict(GOLD)).sort("item_id", "question"),
        meetings(list(given.values()), raters), loads, tuple(betrayed(made)),
    )  # fmt: skip


def _key(row: Mapping[str, Any]) -> str:
    systems = [row["system"] or "", *sorted((row["left_system"] or "", row["right_system"] or ""))]
    return "\x1f".join([row["case_id"], *systems])


def _names(keys: Sequence[tuple[str, str]], task: str, seed: int) -> dict[tuple[str, str], str]:
    """Names by place in a shuffle of all items: neither the name nor the order of names tells case, system or role."""
    shuffled = sorted(keys, key=lambda key: lot(seed, f"id {task}", "\x1f".join(key)))
    names: dict[tuple[str, str], str] = {}
    taken: set[str] = set()
    for place, key in enumerate(shuffled):
        attempt = 0
        while (name := _name(f"{seed}\x1f{task}\x1f{place}\x1f{attempt}")) in taken:
            attempt += 1
        taken.add(name)
        names[key] = name
    return names


def _name(text: str) -> str:
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])
    letters: list[str] = []
    for _ in range(_LONG):
        number, letter = divmod(number, len(_LETTERS))
        letters.append(_LETTERS[letter])
    return "".join(letters)


def betrayed(items: pl.DataFrame) -> list[str]:
    """Items in whose answers the name of a system of the task occurs: a rater could tell who answered.

    Names are looked for in their parts (`ollama:phi4` is `ollama` and `phi4`), those of three letters and more.
    """
    systems = {name for column in ("system", "left_system", "right_system") for name in items[column].drop_nulls()}
    words = {
        part for name in systems for part in re.split(r"[^0-9a-z]+", name.lower()) if len(part) > 2 and part.isascii()
    } - _SILENT
    words = {word for word in words if not word.isdecimal()}
    if not words:
        return []
    # Of versions in one word (`qwen3`), the word itself betrays as well.
    words |= {bare for word in words if len(bare := word.rstrip("0123456789")) > 3} - _SILENT
    pattern = re.compile(rf"(?<![0-9a-z])(?:{'|'.join(map(re.escape, sorted(words)))})(?![a-z])", re.IGNORECASE)
    answers = ("reply", "left", "right", "dialogue")
    return [
        row["item_id"]
        for row in items.select("item_id", "shown").iter_rows(named=True)
        if any(pattern.search(cell["text"]) for cell in row["shown"] if cell["field"] in answers)
    ]

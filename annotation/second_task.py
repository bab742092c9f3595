"""The second task: adjudicators settle what is in dispute, with every rater's answers and reasons before them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import polars as pl

from annotation.adjudicate import DECIDED, DISPUTE, OUTCOME
from annotation.tables import ASSIGNMENT, GOLD, ITEM, SUBMITTED
from annotation.task import OPINIONS, Task, shown_fields, words
from annotation.templates import Question, Template, Value
from xinheng.errors import UsageError

GROUNDS: Final = "adjudication_grounds"
_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_SECOND: Final[Mapping[str, str]] = {"zh-Hant": "裁定", "en": "adjudication"}


def second_task(
    task: Task, ratings: pl.DataFrame, contested: pl.DataFrame, adjudicators: Sequence[str], *, seed: int
) -> tuple[Template, dict[str, pl.DataFrame]]:
    """The template and tables of a task in which adjudicators settle what is in dispute.

    They see each item with every rater's answers and reasons. Raters are letters that are drawn anew for each item, so
    that nobody learns whose grades are the strict ones; systems stay hidden as before. Item ids stay: they join the
    final labels.

    Args:
        task: What was rated.
        ratings: RATING rows of it.
        contested: DISPUTE rows.
        adjudicators: Who decides; each sees every item.
        seed: Of letters and orders.

    Raises:
        UsageError: Nothing is in dispute, nobody decides, or there are more raters than letters.
    """
    if not contested.height:
        raise UsageError("adjudicate", "nothing is in dispute", mend="`xinheng annotate final` writes the labels.")
    if not adjudicators or len(set(adjudicators)) != len(adjudicators):
        raise UsageError("adjudicate", "no adjudicators, or one twice", want="--raters NAME,NAME")
    wanted: dict[str, list[str]] = {}
    for item, question, _ in contested.sort("item_id", "question").iter_rows():
        wanted.setdefault(item, []).append(question)
    asked = [question for question in task.template.questions if question.name in set(contested["question"])]
    told = ratings.filter((pl.col("status") == SUBMITTED) & pl.col("item_id").is_in(list(wanted)))
    opinions = {
        str(item): _opinions(task, wanted[str(item)], rows, seed)
        for (item,), rows in told.sort("item_id", "rater_id").group_by("item_id", maintain_order=True)
    }
    rows = [
        {**row, "shown": [*row["shown"], {"field": OPINIONS, "text": opinions[row["item_id"]]}]}
        for row in task.items.filter(pl.col("item_id").is_in(list(wanted))).sort("item_id").iter_rows(named=True)
    ]
    assignment = [
        [who, item, place]
        for who in sorted(adjudicators)
        for place, item in enumerate(sorted(wanted, key=lambda item: _drawn(seed, who, item)))
    ]
    return _second_template(task.template, asked), {
        "item": pl.DataFrame(rows, schema=ITEM, orient="row"),
        "assignment": pl.DataFrame(assignment, schema=ASSIGNMENT, orient="row"),
        "gold": pl.DataFrame(schema=GOLD),
        "dispute": contested.select(list(DISPUTE)).sort("item_id", "question"),
    }


def _opinions(task: Task, contested: Sequence[str], rows: pl.DataFrame, seed: int) -> str:
    """What each rater answered about an item, and his reasons, raters as letters."""
    raters = sorted(rows["rater_id"].unique(), key=lambda rater: _drawn(seed, rows["item_id"][0], rater))
    if len(raters) > len(_LETTERS):
        raise UsageError("adjudicate", "too many raters of one item", want=f"at most {len(_LETTERS)}")
    letter = dict(zip(raters, _LETTERS, strict=False))
    zh = task.language.startswith("zh")
    colon, mark = ("：", "（待裁定）") if zh else (": ", " (to be decided)")
    item = task.items.row(by_predicate=pl.col("item_id") == rows["item_id"][0], named=True)
    shown = shown_fields(item["shown"])
    lines = []
    for question in task.template.questions:
        given = {r["rater_id"]: r["answer"] for r in rows.filter(pl.col("question") == question.name).to_dicts()}
        said = [
            f"{letter[rater]}{colon}{_readable(question, given[rater], task.language, shown)}"
            for rater in raters
            if given.get(rater) not in (None, '""')
        ]
        if said:
            title = words(question.title, task.language, question.name)
            lines.append("\n".join([f"◆ {title}{mark if question.name in contested else ''}", *said]))
    return "\n\n".join(lines)


def _readable(question: Question, answer: str, language: str, shown: Mapping[str, str]) -> str:
    """An answer as a person reads it: titles instead of stored values, quotations instead of places."""
    value = json.loads(answer)
    titles = {one.value: words(one.title, language, one.value) for one in question.values}
    comma = "、" if language.startswith("zh") else ", "
    none = "（無）" if language.startswith("zh") else "(none)"
    if question.kind == "span":
        quotes = [f"{titles[s['label']]}「{shown.get(s['field'], '')[s['start'] : s['end']]}」" for s in value]
        return comma.join(quotes) or none
    if isinstance(value, list):
        return comma.join(titles.get(str(one), str(one)) for one in value) or none
    return str(value) if question.kind in ("rating", "text") else titles.get(str(value), str(value))


def _second_template(template: Template, asked: Sequence[Question]) -> Template:
    """The questions in dispute, none of which must be answered, and whether the item could be decided."""
    outcome = Question(
        OUTCOME,
        "label",
        {"zh-Hant": "裁定結果", "en": "Outcome"},
        (
            Value(DECIDED, {"zh-Hant": "已裁定", "en": "Decided"}),
            Value("cannot_decide", {"zh-Hant": "無法裁定", "en": "Cannot be decided"}),
        ),
    )
    grounds = Question(GROUNDS, "text", {"zh-Hant": "裁定理由（可不填）", "en": "Grounds (optional)"}, required=False)
    before = {
        "zh-Hant": (
            "# 裁定說明\n\n以下項目的評分者意見不一。請先自行閱讀內容，再參考各評分者的評分與理由，"
            "只回答標示「待裁定」的題目；其餘題目留白即可。評分者以英文字母代稱，每則重新編排，"
            "同一字母在不同項目不代表同一個人。若確實無法判斷，請選「無法裁定」。\n\n---\n\n"
        ),
        "en": (
            "# Adjudication\n\nRaters differ on these items. Read the item yourself first, then the raters' answers "
            "and reasons, and answer only the questions marked “to be decided”; leave the others blank. Letters stand "
            "for raters and are drawn anew for each item. Where nothing can be decided, say so.\n\n---\n\n"
        ),
    }
    return replace(
        template,
        name=f"{template.name}_adjudication",
        title={language: f"{text} · {_SECOND.get(language, '')}" for language, text in template.title.items()},
        guidelines={
            language: before.get(language, before["en"]) + text for language, text in template.guidelines.items()
        },
        questions=(outcome, *(replace(question, required=False) for question in asked), grounds),
    )


def _drawn(seed: int, *parts: Any) -> str:
    return hashlib.sha256(json.dumps([seed, *parts]).encode()).hexdigest()

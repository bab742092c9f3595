"""Prompts of multiple-choice questions in three languages, with solved examples of the publisher's own splits.

Three forms. `generated` asks for the letter. `letters` ends in the same answer cue and asks for nothing: the model's
odds of the letters behind it are looked at. `texts` ends in the cue too, but lists no options, so that each option's
text can be weighed as what follows; a listed text could be copied.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import polars as pl

from benchmarks.mcq_reading import LETTERS
from xinheng.errors import InputError, UsageError
from xinheng.shingles import folded
from xinheng.tables import CHOICE, LANGUAGES, require

Form = Literal["generated", "letters", "texts"]

VERSION: Final = 1
SHOT_SPLITS: Final = ("dev", "train")
"""From which examples are taken: the publisher's splits for this."""
NEAR_COPY: Final = 0.5
"""Share of 5-character runs that two questions have in common, above which one gives the other's answer away."""
_RUN: Final = 5


@dataclass(frozen=True, slots=True)
class Wording:
    """What prompts say in one language; `{subject}` is ` about x` where there is a subject, else empty."""

    one: str
    several: str
    letter_only: str
    letters_only: str
    about: str
    question: str
    cue: str
    stop: str  # behind a letter in the list of options
    gap: str  # between cue and answer


WORDINGS: Final[Mapping[str, Wording]] = {
    "zh-Hant": Wording(
        "以下是{subject}單選題，每題只有一個選項正確。",
        "以下是{subject}多選題，每題可能有不只一個選項正確，全部選出才算答對。",
        "請只寫出正確選項的字母，不必說明。",
        "請只寫出所有正確選項的字母，例如「AC」，不必說明。",
        "「{}」的",
        "題目：",
        "答案：",
        ". ",
        "",
    ),
    "zh-Hans": Wording(
        "以下是{subject}单选题，每题只有一个选项正确。",
        "以下是{subject}多选题，每题可能有不止一个选项正确，全部选出才算答对。",
        "请只写出正确选项的字母，不必说明。",
        "请只写出所有正确选项的字母，例如“AC”，不必说明。",
        "“{}”的",
        "题目：",
        "答案：",
        ". ",
        "",
    ),
    "en": Wording(
        "Each question below{subject} has exactly one correct option.",
        "Each question below{subject} may have more than one correct option; an answer counts only with all of them.",
        "Reply with the letter of the correct option and nothing else.",
        "Reply with the letters of all correct options, such as AC, and nothing else.",
        " ({})",
        "Question: ",
        "Answer:",
        ". ",
        " ",
    ),
}


@dataclass(frozen=True, slots=True)
class Prompt:
    """A question as it is put.

    Args:
        head: Instruction and examples, the same for many questions.
        body: The question, up to and including the answer cue.
        gap: What stands between the cue and an answer.
    """

    head: str
    body: str
    gap: str

    @property
    def text(self) -> str:
        """All of it."""
        return self.head + self.body


@dataclass(frozen=True)
class Shots:
    """Solved examples, ready to be drawn for any question.

    Args:
        pool: CHOICE rows that may serve.
        n: How many stand before a question.
        seed: Of the draw.
    """

    pool: pl.DataFrame
    n: int
    seed: int

    @property
    def facts(self) -> dict[str, Any]:
        """For the record."""
        if not self.n:
            return {"shots": 0}
        ids = "\n".join(sorted(self.pool["question_id"]))
        return {
            "shots": self.n,
            "shot_seed": self.seed,
            "shot_pool": self.pool.height,
            "shot_pool_digest": hashlib.sha256(ids.encode()).hexdigest(),
        }


def shot_pool(rows: pl.DataFrame, *, n: int, seed: int = 0) -> Shots:
    """What examples are drawn from: the rows of the publisher's `dev` and `train` splits.

    Raises:
        UsageError: Examples are wanted and there are no such rows.
    """
    require(rows, CHOICE, who="shots")
    if n < 0:
        raise UsageError("shots", "no such number", want="0 or more", have=str(n))
    pool = rows.filter(pl.col("published_split").is_in(SHOT_SPLITS)).sort("question_id")
    if n and pool.is_empty():
        raise UsageError(
            "shots", "nothing to take examples from", want=f"rows of a published {' or '.join(SHOT_SPLITS)} split",
            have="none", mend="Name a dataset that has some, or ask without examples (--shots 0).",
        )  # fmt: skip
    return Shots(pool, n, seed)


def prompts(
    cases: pl.DataFrame, shots: Shots, form: Form, *, orders: Mapping[str, Sequence[int]] | None = None
) -> Iterator[tuple[str, Prompt]]:
    """Each question's id and prompt, in the order of the rows.

    Examples are in the question's language and of its kind (one answer or several), of its subject where the pool has
    enough of these, else topped up with others. All questions of a subject get the same ones, in an order that the seed
    and the example's id decide alone; only where one of them is the question asked or a near copy of it the next takes
    its place. So prompts share their heads, and no prompt holds its own answer.

    Whether a question has several answers is known from its key, as an exam tells it by the section it stands in.

    Args:
        cases: CHOICE rows.
        shots: From `shot_pool`.
        form: What is asked.
        orders: For each id in which order its options stand; as they are where it is left out.

    Raises:
        InputError: Fewer fitting examples than wanted, or a question with no options or more than 26.
        UsageError: An unknown language.
    """
    require(cases, CHOICE, who="prompts")
    drawn = _Drawn(shots)
    for row in cases.iter_rows(named=True):
        wording = _wording(row)
        several = len(row["answers"]) > 1
        order = (orders or {}).get(row["question_id"]) or range(len(row["options"]))
        head = _instruction(wording, row["subject"], form, several=several)
        for shot in drawn.for_(row):
            head += _question(wording, shot, form, range(len(shot["options"])))
            head += wording.gap + _answer(shot, form) + "\n\n"
        yield row["question_id"], Prompt(head, _question(wording, row, form, order), wording.gap)


def facts(form: Form) -> dict[str, Any]:
    """Version and digest of the wording, for the record."""
    told = [form, *([language, *_as_list(wording)] for language, wording in sorted(WORDINGS.items()))]
    digest = hashlib.sha256(json.dumps(told, ensure_ascii=True).encode()).hexdigest()
    return {"form": form, "version": VERSION, "digest": digest}


def _as_list(wording: Wording) -> list[str]:
    return [getattr(wording, name) for name in Wording.__slots__]


def _wording(row: Mapping[str, Any]) -> Wording:
    if row["language"] not in WORDINGS:
        raise UsageError(
            "prompts", "no prompts in this language", want=", ".join(LANGUAGES), have=f"{row['language']!r}"
        )
    if not 1 <= len(row["options"]) <= len(LETTERS):
        raise InputError(
            f"question {row['question_id']}", "no such number of options", want=f"1 to {len(LETTERS)}",
            have=str(len(row["options"])),
        )  # fmt: skip
    return WORDINGS[row["language"]]


def _instruction(wording: Wording, subject: str | None, form: Form, *, several: bool) -> str:
    about = wording.about.format(subject.replace("_", " ")) if subject else ""
    told = (wording.several if several else wording.one).format(subject=about)
    if form == "generated":
        told += ("" if wording.gap == "" else " ") + (wording.letters_only if several else wording.letter_only)
    return told + "\n\n"


def _question(wording: Wording, row: Mapping[str, Any], form: Form, order: Sequence[int]) -> str:
    lines = [wording.question + row["question"].strip()]
    if form != "texts":
        lines += [f"{LETTERS[place]}{wording.stop}{row['options'][which]}" for place, which in enumerate(order)]
    return "\n".join([*lines, wording.cue])


def _answer(row: Mapping[str, Any], form: Form) -> str:
    if form != "texts":
        return "".join(sorted(row["answers"]))
    return "; ".join(row["options"][LETTERS.index(letter)] for letter in sorted(row["answers"]))


class _Drawn:
    """Examples for one question after the other."""

    def __init__(self, shots: Shots) -> None:
        self._n, self._seed = shots.n, shots.seed
        self._rows = shots.pool.to_dicts() if shots.n else []
        self._runs: dict[str, frozenset[str]] = {}
        plain = folded(shots.pool["question"]) if self._rows else ()
        for row, text in zip(self._rows, plain, strict=True):
            self._runs[row["question_id"]] = _runs(text)
        self._ranked: dict[tuple[str, bool, str | None], list[dict[str, Any]]] = {}

    def for_(self, row: Mapping[str, Any]) -> list[dict[str, Any]]:
        if not self._n:
            return []
        own = _runs(folded(pl.Series([row["question"]])).item())
        chosen: list[dict[str, Any]] = []
        for shot in self._in_order(row):
            if shot["question_id"] != row["question_id"] and not _alike(own, self._runs[shot["question_id"]]):
                chosen.append(shot)
            if len(chosen) == self._n:
                return chosen
        kind = "several answers" if len(row["answers"]) > 1 else "one answer"
        raise InputError(
            f"question {row['question_id']}", "too few examples",
            want=f"{self._n} in {row['language']} with {kind}, none of them a near copy", have=str(len(chosen)),
            mend="Ask with fewer (--shots), or take them from a larger dataset.",
        )  # fmt: skip

    def _in_order(self, row: Mapping[str, Any]) -> list[dict[str, Any]]:
        several = len(row["answers"]) > 1
        kind = (row["language"], several, row["subject"])
        if kind not in self._ranked:
            fit = [
                shot
                for shot in self._rows
                if shot["language"] == row["language"] and (len(shot["answers"]) > 1) == several and _solvable(shot)
            ]
            fit.sort(key=lambda shot: (shot["subject"] != row["subject"], self._lot(shot["question_id"])))
            self._ranked[kind] = fit
        return self._ranked[kind]

    def _lot(self, question_id: str) -> str:
        return hashlib.sha256(f"{self._seed}:{question_id}".encode()).hexdigest()


def _solvable(shot: Mapping[str, Any]) -> bool:
    letters = LETTERS[: len(shot["options"])]
    return bool(shot["answers"]) and all(letter in letters for letter in shot["answers"])


def _runs(text: str) -> frozenset[str]:
    return frozenset(text[i : i + _RUN] for i in range(max(1, len(text) - _RUN + 1)))


def _alike(a: frozenset[str], b: frozenset[str]) -> bool:
    return len(a & b) >= NEAR_COPY * len(a | b)

"""How IMHI's cases are asked: as published, or with solved examples before them from the published training split.

The examples of a set are the same for all its cases, so that a server can keep what it has read of them.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from benchmarks.imhi import read_label
from benchmarks.imhi_labels import LABEL_SETS, set_name
from xinheng.errors import InputError, UsageError
from xinheng.messages import Message

FORMS: Final = ("instruction", "completion")
_BETWEEN: Final = "\n\n"
_VERSION: Final = "1"  # of how examples are drawn and put together


@dataclass(frozen=True, slots=True)
class Example:
    """A solved case.

    Args:
        case_id: Which.
        question: As published.
        answer: The gold.
        label: By number.
    """

    case_id: str
    question: str
    answer: str
    label: int


@dataclass(frozen=True)
class Shots:
    """The examples that stand before the cases of each set and form.

    Args:
        examples: By set and form, in the order in which they are shown.
        seed: By which they were drawn.
    """

    examples: Mapping[tuple[str, str], tuple[Example, ...]]
    seed: int = 0

    @property
    def facts(self) -> dict[str, Any]:
        """What makes the prompts, for the record: how many examples, which, of which labels, and a digest of it all."""
        drawn = {f"{name} {form}": shown for (name, form), shown in sorted(self.examples.items())}
        texts = {name: [[one.question, one.answer] for one in shown] for name, shown in drawn.items()}
        made = json.dumps([_VERSION, texts], ensure_ascii=True, sort_keys=True)
        told: dict[str, Any] = {
            "benchmark": "imhi",
            "shots": max((len(shown) for shown in drawn.values()), default=0),
            "digest": hashlib.sha256(made.encode()).hexdigest(),
        }
        if drawn:
            told["seed"] = self.seed
            told["examples"] = {name: [one.case_id for one in shown] for name, shown in drawn.items()}
            told["labels"] = {name: _labels(name.rpartition(" ")[0], shown) for name, shown in drawn.items()}
        return told


ZERO_SHOT: Final = Shots({})


def draw(cases: pl.DataFrame, pool: pl.DataFrame, *, shots: int, seed: int = 0, held: Iterable[str] = ()) -> Shots:
    """Examples for the sets and forms of some cases, from solved cases of the same sets and forms.

    Labels take turns, so that each has as many examples as any other while it has some, and one post gives one
    example. Which are drawn depends on the seed and the pool alone, not on the order of its rows nor on which of the
    cases are asked; one more example leaves the others in. The order they are shown in is by the seed as well.

    Args:
        cases: CASE rows that will be asked about; their posts give no example.
        pool: CASE rows of the publishers' training split, and others, which are passed over.
        shots: Examples before each case; 0 for none.
        seed: Another one draws others.
        held: Further posts that give no example, by group_id: those of the whole test split, where `cases` are few of
            it, so that the same examples stand before few and before all.

    Raises:
        UsageError: A negative number, an unknown set, or a form that there is not.
        InputError: A set has not so many examples, or a gold answer cannot be read.
    """
    if shots < 0:
        raise UsageError("imhi", "too few examples", want="0 or more", have=str(shots))
    wanted = sorted({(set_name(name), _form(form)) for name, form in cases.select("benchmark", "form").iter_rows()})
    if not shots:
        return ZERO_SHOT
    posts = {*held, *cases["group_id"].drop_nulls()}
    found: defaultdict[tuple[str, str], list[tuple[str, Example]]] = defaultdict(list)
    columns = ("case_id", "group_id", "benchmark", "form", "messages", "reference")
    for case_id, group_id, name, form, messages, reference in pool.sort("case_id").select(columns).iter_rows():
        key = (set_name(name), form)
        if key in wanted and group_id is not None and group_id not in posts and reference is not None:
            label = read_label(key[0], reference)
            if label is None:
                raise InputError("imhi", "a gold answer that cannot be read", want="a label", have=case_id)
            found[key].append((group_id, Example(case_id, messages[-1]["content"], reference, label)))
    return Shots({key: _balanced(found[key], key, shots, seed) for key in wanted}, seed)


def asked(cases: pl.DataFrame, shots: Shots = ZERO_SHOT) -> Iterator[tuple[str, tuple[Message, ...]]]:
    """Each case's id and the messages by which it is asked, in the order of the rows.

    In the instruction form examples are turns of a conversation. The completion form is one text that the model goes
    on with, so they stand in it, each with its answer, a blank line between. The case itself is as published, to the
    letter.
    """
    for case_id, name, form, messages in cases.select("case_id", "benchmark", "form", "messages").iter_rows():
        own = tuple(Message(message["role"], message["content"]) for message in messages)
        shown = shots.examples.get((set_name(name), _form(form)), ())
        if form == "completion" and shown:
            before = "".join(f"{one.question.rstrip()} {one.answer.strip()}{_BETWEEN}" for one in shown)
            yield case_id, (*own[:-1], Message(own[-1].role, before + own[-1].content))
        else:
            turns = [turn for one in shown for turn in _turns(one)]
            yield case_id, (*own[:-1], *turns, own[-1])


def _turns(one: Example) -> tuple[Message, Message]:
    return Message("user", one.question), Message("assistant", one.answer.strip())


def _balanced(pool: list[tuple[str, Example]], key: tuple[str, str], shots: int, seed: int) -> tuple[Example, ...]:
    def lot(*what: object) -> str:
        return hashlib.sha256(json.dumps([seed, *key, *what]).encode()).hexdigest()

    by_label: defaultdict[int, list[tuple[str, Example]]] = defaultdict(list)
    for group_id, one in sorted(pool, key=lambda pair: lot("row", pair[1].case_id)):
        by_label[one.label].append((group_id, one))
    turns = sorted(by_label, key=lambda label: lot("label", label))
    chosen, posts = list[Example](), set[str]()
    while len(chosen) < shots and any(by_label.values()):
        for label in turns:
            left = by_label[label]
            while left and left[0][0] in posts:
                left.pop(0)
            if left and len(chosen) < shots:
                group_id, one = left.pop(0)
                posts.add(group_id)
                chosen.append(one)
    if len(chosen) < shots:
        raise InputError(
            "imhi", f"too few examples of {key[0]}, {key[1]} form", want=f"{shots} posts of the published training "
            "split that nobody is asked about", have=str(len(chosen)),
            mend="Fetch the publishers' train_data, take fewer, or take them from the validation split "
            "(bench imhi --examples-from validation).",
        )  # fmt: skip
    return tuple(sorted(chosen, key=lambda one: lot("place", one.case_id)))


def _form(form: str) -> str:
    if form not in FORMS:
        raise UsageError("imhi", "no such form", want=" or ".join(FORMS), have=repr(form))
    return form


def _labels(name: str, shown: tuple[Example, ...]) -> dict[str, int]:
    names = LABEL_SETS[name].names
    return {names[label]: n for label, n in sorted(Counter(one.label for one in shown).items())}

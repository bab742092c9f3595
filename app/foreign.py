"""Answers made elsewhere, as a predictions artifact: read from files, joined to cases, with what is known of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from app.predicting import KIND, Plan, as_cases, predictions_path, written
from benchmarks.foreign import joined
from datasets_src.answer_files import Names, read
from xinheng.artifacts import Artifact
from xinheng.errors import UsageError
from xinheng.messages import Want
from xinheng.storage import Place, RemotePath


def predictions_of(
    place: Place,
    dataset: Artifact,
    *,
    names: Names | None = None,
    system: str | None = None,
    split: str | None = "test",
    form: str | None = None,
    sets: Sequence[str] = (),
    answered_only: bool = False,
    out: Place | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Artifact:
    """Answers of another program, joined to the cases of a dataset and written like our own.

    Args:
        place: A file or folder of this disk.
        dataset: With the cases.
        names: Of columns and the like, where they are not found.
        system: Who answered; the name of the file or folder where None.
        split: Of the dataset.
        form: Only cases of this form.
        sets: Only these sets or subjects.
        answered_only: Leave out the cases that are not answered.
        out: The artifact's folder.
        say: Hears how the answers were joined, and what does not fit.

    Raises:
        InputError: A line cannot be read, or answers contradict each other.
        UsageError: Columns are not found, or nothing shows which answer is to which case.
    """
    if isinstance(place, RemotePath):
        raise UsageError(str(place), "answers in a store", want="files of this machine, or a predictions artifact")
    cases, table = as_cases(dataset, split=split, form=form)
    answers = read(Path(place), names or Names())
    who = system or Path(place).stem
    found = joined(cases, answers.rows, table=table, system=who, sets=sets, answered_only=answered_only)
    for line in (*answers.notes, *found.lines):
        say(line)
    files = [{"name": name, "sha256": sha256} for name, sha256 in answers.files]
    plan = Plan(who, Want(), {"made": "elsewhere", "form": answers.form, "files": files, **found.facts})
    told = {"models": [{"role": "answers", "name": who, "identity": "", "remote": None, "server": ""}]}
    return written(
        dataset, found.cases, found.predictions, plan, told, table=table, out=out or predictions_path(dataset, who)
    )


def beside(scores: Place) -> Place:
    """Where predictions lie whose scores have been given a place."""
    name = f"{scores.name}-{KIND}"
    return scores.with_name(name) if isinstance(scores, Path) else RemotePath(f"{scores.url}-{KIND}")

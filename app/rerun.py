"""What `xinheng rerun` does: a run repeated by the command in its record, and what moved since.

The repetition has a journal of its own, so that every answer is asked for again; an interrupted one goes on where it
was. Its folder says which run it repeats.
"""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import polars as pl

from app.models import journal_at, journal_path
from app.predicting import KIND
from app.scored_runs import figure
from app.scoring import SCORES
from app.terminal import Terminal
from xinheng.artifacts import MANIFEST, Artifact, open_artifact
from xinheng.errors import ArtifactError, CheckFailed, UsageError
from xinheng.settings import settings
from xinheng.storage import Place, RemotePath

Say = Callable[[str], None]

# Times and rates differ each time; they are shown and are no reason to say that something moved.
_OF_TIME: Final = re.compile(r"latency|first_token|throughput|seconds|per_s\b|_s(_sd)?$|memory|_mb$|_gb$")
_RECORDED: Final = ("data", "prompt", "decoding", "code", "machine")
_WHOLE: Final = "rerun"
_INTERRUPTED: Final = 130
_MAKING_RUNS: Final = re.compile(r"predict|score|bench [a-z]+")
"""Commands that are given again. A record is a file that came from anywhere; others may delete or reveal."""


@dataclass(frozen=True)
class Moved:
    """What a repetition found.

    Args:
        run: The run that was repeated.
        again: Its repetition.
        changes: What moved: kind, what, old, new.
        figures: A row per measure: part, measure, scorer, system, old, new, within (the old interval; null without).
        answers: Of predictions that both have: how many there are, and how many changed.
    """

    run: Artifact
    again: Artifact
    changes: tuple[Mapping[str, Any], ...]
    figures: pl.DataFrame
    answers: Mapping[str, int] = field(default_factory=dict)


def rerun(run: Artifact, *, out: Place | None = None, kept_cases: bool = False, say: Say = lambda _: None) -> Moved:
    """A run repeated, and what moved.

    Args:
        run: Predictions or scores with the command that made them in their record.
        out: Where the repetition goes; beside the reruns of the runs folder where None.
        kept_cases: Ask the cases that the run holds.
        say: Hears what is done.

    Raises:
        ArtifactError: It is no run.
        UsageError: Its record holds no command, or one that is not known here.
    """
    if run.kind not in {KIND, SCORES}:
        want = f"an artifact of kind {KIND} or {SCORES}"
        raise ArtifactError(str(run.path), "no run", want=want, have=run.kind)
    place = out or settings().runs / "reruns" / f"{run.manifest['name']}-{run.digest[:12]}"
    journal = journal_path().parent / f"rerun-{run.digest[:16]}.sqlite"
    with journal_at(journal):
        again = _repeated(run, place, kept_cases=kept_cases, say=say)
    # All of it is in the new artifact; the next repetition is to ask again.
    for path in (journal, *(journal.with_name(f"{journal.name}{end}") for end in ("-wal", "-shm", "-claims"))):
        path.unlink(missing_ok=True)
    # With its own cases the repetition comes from the run, and not from the dataset: that is what was wanted.
    moved = [one for one in changes(run, again) if not (kept_cases and one["what"].startswith("dataset."))]
    return Moved(run, again, tuple(moved), figures(run, again), changed_answers(run, again))


def _repeated(run: Artifact, place: Place, *, kept_cases: bool, say: Say) -> Artifact:
    """The artifact that the run's commands make again."""
    asked = run.manifest["facts"].get("record", {}).get("command")
    scored = run.manifest["facts"].get("command") if run.kind == SCORES else None
    first = asked or scored
    if not first:
        raise UsageError(
            str(run.path),
            "no command in its record",
            want="a run of the command line",
            have="one of another program",
            mend="Repeat it as it was made, and compare: xinheng compare.",
        )
    if kept_cases:
        first = _with_cases(run, first)
    two = scored is not None and asked is not None and _name(scored) != _name(asked)
    made = _next_to(place, "-predictions") if two else place
    _run(first, made, say)
    if two and scored is not None:
        _run(_with_argument(scored, str(made)), place, say)
    return _found(place, run)


def _run(command: Mapping[str, Any], out: Place, say: Say) -> None:
    """Give a recorded command again, its results elsewhere; what it prints is not this command's result."""
    import typer

    from app.cli import app

    name, arguments = _name(command), [str(one) for one in command.get("arguments", [])]
    if not _MAKING_RUNS.fullmatch(name):
        raise UsageError(_WHOLE, "a record with another command", want="predict, score or bench …", have=name)
    say(f"xinheng {name} {' '.join(arguments)}")
    group: Any = typer.main.get_command(app)
    split = arguments.index("--") if "--" in arguments else len(arguments)
    given = [*name.split(), *arguments[:split], "--out", str(out), *arguments[split:]]
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            code = group.main(args=given, prog_name="xinheng", standalone_mode=False)
    except typer.TyperException as error:
        want = "a command of this version"
        raise UsageError(_WHOLE, f"{name} cannot be given again", want=want, have=error.format_message()) from None
    except CheckFailed as error:
        say(f"{name}: {error}")
        return
    if code == _INTERRUPTED:  # Ctrl-C, which comes back as a number only
        raise KeyboardInterrupt


def _name(command: Mapping[str, Any]) -> str:
    return str(command.get("name", ""))


def _with_argument(command: Mapping[str, Any], value: str) -> dict[str, Any]:
    """A command whose first argument is another."""
    arguments = list(command.get("arguments", []))
    if "--" not in arguments:
        raise UsageError(_WHOLE, f"{_name(command)} names nothing that could be replaced")
    arguments[arguments.index("--") + 1] = value
    return {**command, "arguments": arguments}


def _with_cases(run: Artifact, command: Mapping[str, Any]) -> dict[str, Any]:
    if run.kind != KIND:
        raise UsageError(str(run.path), "scores hold no cases", want="the predictions, with --kept-cases")
    return _with_argument(command, str(run.path))


def _next_to(place: Place, ending: str) -> Place:
    if isinstance(place, RemotePath):
        return RemotePath(f"{place.url}{ending}")
    return place.with_name(f"{place.name}{ending}")


def _found(place: Place, run: Artifact) -> Artifact:
    """The artifact of the run's kind that lies where the commands wrote, below it, or beside it."""
    if isinstance(place, RemotePath):
        found = [place, place / run.kind, _next_to(place, f"-{run.kind}")]
    else:
        below = [path.parent for path in sorted(place.rglob(MANIFEST))]
        found = [place, *below, _next_to(place, f"-{run.kind}")]
    made = [open_artifact(one) for one in dict.fromkeys(found) if (one / MANIFEST).is_file()]
    alike = [one for one in made if one.kind == run.kind]
    if not alike:
        have = ", ".join(one.kind for one in made) or "nothing"
        raise ArtifactError(str(place), "the command made something else", want=run.kind, have=have)
    # Where a command makes several, the one of the same name.
    return next((one for one in alike if one.manifest["name"] == run.manifest["name"]), alike[0])


def changes(run: Artifact, again: Artifact) -> Iterator[dict[str, Any]]:
    """What the two records differ in: kind (`data`, `code` …), what, old and new."""
    old, new = (one.manifest["facts"].get("record") or {} for one in (run, again))
    for kind in _RECORDED:
        yield from _differences(kind, _facts(old.get(kind)), _facts(new.get(kind)))
    for place, (before, after) in enumerate(_side_by_side(old.get("models", []), new.get("models", []))):
        who = str((after or before or {}).get("role", place))
        known = _facts(before)
        # Which artifact answered was not recorded at first: that nobody wrote it down moved nothing.
        now = {
            name: value for name, value in _facts(after).items() if name in known or not name.startswith("artifact.")
        }
        yield from _differences("model", known, now, prefix=f"{who} ")
    yield from _differences("counts", _facts(old.get("counts")), _facts(new.get("counts")))


def _facts(value: Any) -> dict[str, Any]:
    """Nested facts on one level, by dotted names."""
    if not isinstance(value, Mapping):
        return {}
    flat: dict[str, Any] = {}
    for name, inner in value.items():
        if isinstance(inner, Mapping):
            flat |= {f"{name}.{deeper}": one for deeper, one in _facts(inner).items()}
        else:
            flat[str(name)] = inner
    return flat


def _side_by_side(old: Sequence[Any], new: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
    for place in range(max(len(old), len(new))):
        yield (old[place] if place < len(old) else None), (new[place] if place < len(new) else None)


def _differences(
    kind: str, old: Mapping[str, Any], new: Mapping[str, Any], *, prefix: str = ""
) -> Iterator[dict[str, Any]]:
    for name in dict.fromkeys([*old, *new]):
        if old.get(name) != new.get(name):
            within, _, inner = name.partition(".") if kind == "machine" else (name, "", "")
            which, what = (within, inner) if within == "packages" else (kind, f"{prefix}{name}")
            yield {"kind": which, "what": what, "old": old.get(name), "new": new.get(name)}


def figures(run: Artifact, again: Artifact) -> pl.DataFrame:
    """Every measure of either, old and new, and whether the new one lies within the old one's interval."""
    names = ["benchmark", "part", "measure", "scorer", "system"]
    schema = {**dict.fromkeys(names, pl.String()), "old": pl.Float64(), "new": pl.Float64(), "within": pl.Boolean()}
    if run.kind != SCORES:
        return pl.DataFrame(schema=schema)
    old, new = (one.scan("summary").collect() for one in (run, again))
    both = old.select(*names, "low", "high", old="value").join(
        new.select(*names, new="value"), on=names, how="full", coalesce=True, maintain_order="left_right"
    )
    within = pl.col("new").is_between("low", "high")
    return both.with_columns(within=pl.when(pl.col("low").is_not_null()).then(within)).select(list(schema)).cast(schema)  # type: ignore[arg-type]


def changed_answers(run: Artifact, again: Artifact) -> dict[str, int]:
    """How many answers there are in both, and how many say something else; of scores, how many values changed."""
    if run.kind == KIND:
        keys, told, table = ["case_id", "variant"], ["text", "problem"], "prediction"
    else:
        keys, told, table = ["case_id", "benchmark", "part", "system", "scorer"], ["value"], "score"
    old, new = (one.scan(table).select(*keys, *told).collect() for one in (run, again))
    both = old.join(new, on=keys, how="inner", nulls_equal=True, suffix="_new")
    same = pl.all_horizontal(pl.col(name).eq_missing(pl.col(f"{name}_new")) for name in told)
    return {
        "both": both.height,
        "changed": both.filter(~same).height,
        "one_alone": old.height + new.height - 2 * both.height,
    }


def what_moved(moved: Moved) -> list[str]:
    """What differs, times apart: parts of the record, then answers (of scores: values) and figures."""
    figures_moved = moved.figures.filter(
        pl.col("old").ne_missing(pl.col("new")) & ~pl.col("measure").str.contains(_OF_TIME.pattern)
    )
    answers = moved.answers["changed"] or moved.answers["one_alone"]
    return [
        *dict.fromkeys(str(one["kind"]) for one in moved.changes),
        *([_answers_of(moved)] if answers else []),
        *(["figures"] if figures_moved.height else []),
    ]


def _answers_of(moved: Moved) -> str:
    return "answers" if moved.run.kind == KIND else "scores of cases"


def show(terminal: Terminal, moved: Moved) -> None:
    """What moved, and every figure old and new.

    Raises:
        CheckFailed: Something but times moved.
    """
    if moved.changes:
        terminal.table(
            ["", "what moved", "then", "now"],
            [[one["kind"], one["what"], _short(one["old"]), _short(one["new"])] for one in moved.changes],
        )
        terminal.line()
    shown = moved.figures.filter(pl.col("old").ne_missing(pl.col("new")))
    if shown.height:
        words = {True: "within", False: "OUTSIDE", None: ""}
        terminal.table(
            ["scorer", "part", "measure", "then", "now", "its interval then"],
            [[r["scorer"], r["part"], r["measure"], figure(r["old"]), figure(r["new"]), words[r["within"]]]
             for r in shown.iter_rows(named=True)],
            right=(3, 4),
        )  # fmt: skip
        terminal.line()
    what = _answers_of(moved)
    answers, same = moved.answers, moved.figures.height - shown.height
    terminal.line(
        f"{what} that changed: {answers['changed']:,} of {answers['both']:,}; figures that are as they were: {same:,}"
    )
    if answers["one_alone"]:
        terminal.line(f"{what} that only one of them has: {answers['one_alone']:,}")
    terminal.line(f"again  {moved.again.path}  {moved.again.digest[:12]}")
    kinds = what_moved(moved)
    result = {"run": str(moved.run.path), "again": str(moved.again.path), "changes": list(moved.changes),
              "figures": moved.figures.to_dicts(), "answers": dict(answers), "moved": bool(kinds)}  # fmt: skip
    terminal.result(result)
    if kinds:
        raise CheckFailed(_WHOLE, "not everything is as it was", have=", ".join(kinds))


def _short(value: Any) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 48 else f"{text[:47]}…"

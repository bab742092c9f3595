"""What `xinheng train` does: rows rendered, adapters trained and proven, and all of it an artifact."""

from __future__ import annotations

import shutil
import time
import warnings
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

import polars as pl

from app.terminal import Terminal
from app.training_rows import conversations, meanings, preference_pairs
from reports.training import training_page
from training import adapters, dpo, sft
from training.base import config_of, empty, located
from training.distributed import aloud, leave_to_first, processes, sharded
from training.load import Ready, on_gpu, ready, tokenizer_of
from training.plan import plan
from training.recipe import Training
from training.render import Rows, rendered, writer
from training.running import steps_of
from training.sft import Trained
from training.spreading import share
from training.watching import SAMPLE, events, samples, watchers
from xinheng.artifacts import Artifact, file_sha256, write
from xinheng.errors import CheckFailed, UsageError
from xinheng.licences import YOURS, unlicensed
from xinheng.marks import refuse_marked
from xinheng.progress import duration

KIND: Final = "adapter"
PAGE: Final = "report.html"
# What may be named to be trained on all the same.
UNLICENSED: Final = "unlicensed"
FAILED_GATE: Final = "failed_gate"
LOW_MEMORY: Final = "low_memory"
_CURVE: Final = {"method": pl.String(), "step": pl.Int64(), "split": pl.String(), "loss": pl.Float64()}
_FILE: Final = {"name": pl.String(), "bytes": pl.Int64(), "sha256": pl.String()}


@dataclass(frozen=True)
class Options:
    """What the command line says of a training.

    Args:
        trial: Share of the steps after which it ends; None for the whole.
        resume: Go on from the last checkpoint.
        allow: What does not stop it: names of marks, `unlicensed`, `failed_gate`, `low_memory`.
        limit: Only so many rows of each split.
        samples: So many rows are answered at each evaluation.
    """

    trial: float | None = None
    resume: bool = False
    allow: Collection[str] = ()
    limit: int | None = None
    samples: int = 2


def trained(
    name: str, recipe: Training, base: str, dataset: Artifact, *, out: Path, options: Options, terminal: Terminal
) -> Artifact:
    """Adapters trained by a recipe, with their proof, as an artifact.

    Args:
        name: Of the recipe.
        recipe: How.
        base: A folder, or a name of the hub.
        dataset: On what.
        out: The artifact's folder; checkpoints are in a hidden one beside it until it is done.
        options: What the user said.
        terminal: Hears what is going on.

    Raises:
        CheckFailed: The dataset is marked, unlicensed or failed its gate and nobody named that, the loss became no
            number, or what was saved is not what was trained.
        UsageError: Rows of another kind, too little memory, or checkpoints of another training.
    """
    _require_clean(dataset, options.allow)
    _quiet()
    wall_s: dict[str, float] = {}
    work = out.with_name(f".{out.name}.training")
    with _timed(wall_s, "rows"):
        talks = conversations(dataset, recipe, limit=options.limit)
        if not talks.get("train"):
            raise UsageError(str(dataset.path), "no row in its train split", want="rows to train on")
    new = meanings() if recipe.tag_tokens else {}
    with _timed(wall_s, "render"):
        words, _ = tokenizer_of(located(base), new)
        write_as = writer(words, recipe.form)
        rows = {
            split: rendered(words, talks[split], write=write_as, context=recipe.context)
            for split in ("train", "validation")
            if talks.get(split)
        }
    _require_memory(recipe, base, rows, options.allow)
    with _timed(wall_s, "load"):
        aloud(terminal.say)(f"loading {base}")
        made = ready(located(base), recipe, new=new)
    aloud(terminal.say)(
        f"{len(rows['train'].rows):,} rows, {rows['train'].tokens:,} tokens, {rows['train'].answered:,} bear loss"
    )
    with adapters.readable_saving(work, "a checkpoint"):
        told = _trained(made, rows, recipe, dataset, work, options=options, terminal=terminal, wall_s=wall_s)
    said = adapters.answers(made)
    leave_to_first()
    with _timed(wall_s, "save and prove"):
        adapters.save(made, work / "adapter", base=base)
        proof = adapters.prove(made, work / "adapter", located(base), want=said)
    artifact = _written(
        name,
        recipe,
        base,
        dataset,
        out=out,
        made=made,
        rows=rows,
        told=told,
        proof=proof,
        wall_s=wall_s,
        options=options,
        work=work,
    )
    shutil.rmtree(work)
    return artifact


def _quiet() -> None:
    """Keep the libraries' bars and notes for programmers out of what a person reads."""
    from transformers.utils import logging

    logging.disable_progress_bar()
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"transformers\.|peft\.|trl\.")


def _trained(
    made: Ready,
    rows: Mapping[str, Rows],
    recipe: Training,
    dataset: Artifact,
    work: Path,
    *,
    options: Options,
    terminal: Terminal,
    wall_s: dict[str, float],
) -> dict[str, Trained]:
    """By method; answers are learnt before they are preferred."""
    told: dict[str, Trained] = {}
    asked = rows["validation" if "validation" in rows else "train"].rows[: options.samples]
    if "sft" in recipe.method:
        total, _ = steps_of(recipe, len(rows["train"].rows))
        with _timed(wall_s, "sft"):
            told["sft"] = sft.train(
                made,
                rows["train"].rows,
                rows["validation"].rows if "validation" in rows else (),
                recipe,
                work / "sft",
                resume=options.resume,
                most_steps=_most(total, options),
                say=terminal.say,
                watchers=watchers(made, asked, work / "sft"),
            )
    if "dpo" in recipe.method:
        write = writer(made.words, recipe.form)
        pairs = {
            split: dpo.pairs_of(made.words, found, write=write, context=recipe.context)
            for split, found in preference_pairs(dataset, limit=options.limit).items()
            if split != "test"
        }
        total, _ = steps_of(recipe, len(pairs["train"].chosen))
        for split, found in pairs.items():
            aloud(terminal.say)(f"{split}: {len(found.chosen):,} pairs, {len(found.unusable):,} left out")
        with _timed(wall_s, "dpo"):
            told["dpo"] = dpo.train(
                made,
                pairs["train"],
                pairs.get("validation"),
                recipe,
                work / "dpo",
                resume=options.resume,
                most_steps=_most(total, options),
                say=terminal.say,
                watchers=watchers(made, asked, work / "dpo"),
            )
    return told


def _most(total: int, options: Options) -> int | None:
    return max(1, round(total * options.trial)) if options.trial else None


def _require_clean(dataset: Artifact, allow: Collection[str]) -> None:
    refuse_marked(dataset, allow=allow)
    facts = dataset.manifest["facts"]
    if not (facts.get("gate") or {"passed": True})["passed"] and FAILED_GATE not in allow:
        raise CheckFailed(
            str(dataset.path),
            "the dataset failed its gate",
            want="a dataset that passed",
            mend="See xinheng validate, or say --allow-failed-gate.",
        )
    licences = [str(row["licence"] or "") for row in facts.get("licences", [])]
    # What is somebody's own stays on their machine.
    missing = sorted({licence for licence in licences if unlicensed(licence) and licence.strip().lower() != YOURS})
    if missing and UNLICENSED not in allow:
        raise CheckFailed(
            str(dataset.path),
            "rows without a licence to train on",
            have=", ".join(map(repr, missing)),
            mend="Leave these sources out, or say --allow-unlicensed.",
        )


def _require_memory(recipe: Training, base: str, rows: Mapping[str, Rows], allow: Collection[str]) -> None:
    """Raise before anything is loaded where the longest batch will not fit: an hour later it costs an hour."""
    import psutil
    import torch

    half = on_gpu()
    longest = max(len(row.ids) for found in rows.values() for row in found.rows)
    told = plan(replace(recipe, context=longest), base, half=half)
    elsewhere = 1 - share(empty(config_of(base)), processes()) if sharded() else 0.0
    wanted = told.memory.total - round(told.memory.weights * elsewhere)
    free = torch.cuda.mem_get_info()[0] if half else psutil.virtual_memory().available
    if wanted > free and LOW_MEMORY not in allow:
        raise UsageError(
            "train",
            "too little memory",
            want=f"{wanted / 1e9:,.1f} GB for batches of {longest:,} tokens",
            have=f"{free / 1e9:,.1f} GB free on {'the GPU' if half else 'this machine'}",
            mend="; ".join((*told.advice, "or say --allow-low-memory")) + ".",
        )


def _written(
    name: str,
    recipe: Training,
    base: str,
    dataset: Artifact,
    *,
    out: Path,
    made: Ready,
    rows: Mapping[str, Rows],
    told: Mapping[str, Trained],
    proof: adapters.Proof,
    wall_s: Mapping[str, float],
    options: Options,
    work: Path,
) -> Artifact:
    files = sorted(path for path in (work / "adapter").iterdir() if path.is_file() and path.name != "README.md")
    counts = {
        split: {
            "rows": len(found.rows),
            "tokens": found.tokens,
            "answered": found.answered,
            "cut": len(found.cut),
            "unusable": {why: list(found.unusable.values()).count(why) for why in sorted(set(found.unusable.values()))},
        }
        for split, found in rows.items()
    }
    parameters = [weight for weight in made.model.parameters() if weight.requires_grad]
    title = dataset.manifest["facts"].get("title") or {}
    facts = {
        "title": {lang: f"{recipe.title[lang]}: {title.get(lang, dataset.manifest['name'])}" for lang in recipe.title},
        "recipe": {"name": name, **asdict(recipe)},
        "base": {"name": base, "identity": _identity(base)},
        "trainable": sum(weight.numel() for weight in parameters),
        "rows": counts,
        "trained": {
            method: {key: value for key, value in asdict(one).items() if key not in {"curve", "validation"}}
            for method, one in told.items()
        },
        "trial": options.trial,
        "allowed": sorted(options.allow),
        "proof": asdict(proof),
        "special_tokens": len(made.new_tokens),
        "wall_s": {phase: round(seconds, 3) for phase, seconds in wall_s.items()},
        "licences": dataset.manifest["facts"].get("licences", []),
    }
    points = [
        (method, step, split, loss)
        for method, one in told.items()
        for split, curve in (("train", one.curve), ("validation", one.validation))
        for step, loss in curve
    ]
    tables = {
        "curve": pl.DataFrame(points, schema=_CURVE, orient="row"),
        "sample": pl.concat([pl.DataFrame(schema=SAMPLE), *(samples(work / method, method) for method in told)]),
        "file": pl.DataFrame(
            [(path.name, path.stat().st_size, file_sha256(path)) for path in files], schema=_FILE, orient="row"
        ),
    }
    return write(
        out,
        kind=KIND,
        name=f"{dataset.manifest['name']}-{name}",
        tables=tables,
        facts=facts,
        parents=[dataset],
        copies={path.name: path for path in files} | {k: v for m in told for k, v in events(work / m, m).items()},
        linked=True,
        page=lambda digest: {PAGE: training_page({**facts, "digest": digest}, points, tables["sample"].to_dicts())},
    )


def _identity(base: str) -> str | None:
    """The digest of a base's weights, where it is a folder."""
    if not Path(located(base)).is_dir():
        return None
    from xinheng.chat.local_files import identity_of, local_files

    return identity_of(local_files(base, name=base))


@contextmanager
def _timed(wall_s: dict[str, float], phase: str) -> Iterator[None]:
    began = time.perf_counter()
    yield
    wall_s[phase] = time.perf_counter() - began


def show(terminal: Terminal, made: Artifact) -> None:
    """What was trained how long, how the loss went, and how to use it."""
    facts = made.manifest["facts"]
    curve = made.scan("curve").collect()
    for (method, split), found in curve.group_by("method", "split", maintain_order=True):
        losses = found["loss"].to_list()
        terminal.line(f"{method}: {split} loss {losses[0]:.4f} → {losses[-1]:.4f} (least {min(losses):.4f})")
    for method, told in facts["trained"].items():
        terminal.line(f"{method}: {told['steps']:,} steps, padding {told['padding']:.1%}")
    phases = ", ".join(f"{phase} {duration(seconds)}" for phase, seconds in facts["wall_s"].items())
    terminal.line(f"{facts['trainable']:,} parameters; {phases}")
    for split, counts in facts["rows"].items():
        for why, count in counts["unusable"].items():
            terminal.line(f"{count:,} examples of {split} left out: {why}")
    if facts["trial"]:
        terminal.line(f"a trial of {facts['trial']:.0%}: leave --trial out for the whole training")
    terminal.line(f"page     {made.file(PAGE)}")
    terminal.line(f"adapter  {made.path}  {made.digest[:12]}")
    terminal.line(f"next     xinheng predict CASES --model local:{facts['base']['name']}+{made.path}")
    terminal.result({"path": str(made.path), "digest": made.digest, **facts, "curve": curve.to_dicts()})

"""What `xinheng plan` does: a training told before anything is loaded."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Any

from app.terminal import Terminal
from app.training_rows import conversations, tag_tokens
from training.base import located
from training.plan import CARDS_GB, Lengths, Plan, explained, plan, targets_of
from training.recipe import Training
from training.render import rendered, writer
from xinheng.artifacts import Artifact
from xinheng.errors import UsageError
from xinheng.progress import duration

# Figures printed elsewhere, which a recipe's own do not give.
_PRINTED = {("imhi_counselor", "mixtral"): 31_465_472}
_SHOWN = 5


def planned(
    name: str, recipe: Training, base: str, dataset: Artifact | None, *, limit: int | None = None, half: bool = True
) -> tuple[Plan, dict[str, Any]]:
    """The plan, and what else there is to say about the rows.

    Args:
        name: Of the recipe.
        recipe: What is trained how.
        base: A folder or a name.
        dataset: What it is to be trained on; rows as long as the context without.
        limit: Only so many rows.
        half: For a device in sixteen bits.

    Raises:
        UsageError: No such base, or rows of another kind.
    """
    told: dict[str, Any] = {"recipe": name}
    lengths = None
    if dataset is not None:
        lengths, told = _lengths(recipe, base, dataset, limit, told)
    made = plan(recipe, base, lengths, half=half)
    printed = _PRINTED.get((name, _family(base)))
    if printed is not None and (why := explained(base, recipe, printed)) is not None:
        told["printed"] = why
    return made, told


def _family(base: str) -> str:
    from training.base import config_of

    return str(config_of(base).model_type)


def _lengths(
    recipe: Training, base: str, dataset: Artifact, limit: int | None, told: dict[str, Any]
) -> tuple[Lengths, dict[str, Any]]:
    from transformers import AutoTokenizer

    try:
        words = AutoTokenizer.from_pretrained(located(base))
    except (OSError, ValueError) as error:
        raise UsageError(
            base,
            "the rows cannot be counted without its tokenizer",
            want="a folder or hub model with a tokenizer",
            have=type(error).__name__,
            mend="Leave --data out to plan for rows as long as the context.",
        ) from error
    if recipe.tag_tokens:
        words.add_special_tokens({"additional_special_tokens": tag_tokens()})
    rows = conversations(dataset, recipe, limit=limit).get("train", [])
    if not rows:
        raise UsageError(str(dataset.path), "no row in its train split", want="rows to train on")
    made = rendered(words, rows, write=writer(words, recipe.form), context=recipe.context)
    reasons = {reason: sum(r == reason for r in made.unusable.values()) for reason in set(made.unusable.values())}
    told |= {"examples": len(rows), "cut": len(made.cut), "unusable": dict(sorted(reasons.items()))}
    return Lengths(tuple(len(row.ids) for row in made.rows), made.answered), told


def _laid(recipe: Training) -> str:
    if recipe.method == "dpo":
        return "in shuffled batches"
    return "in rows end to end" if recipe.packing else "in batches of like length"


def show(terminal: Terminal, made: Plan, told: dict[str, Any], recipe: Training) -> None:
    """The plan, for a person or a machine."""
    share = made.trainable / made.total
    terminal.line(f"{made.base}: {made.total:,} parameters, of which {made.trainable:,} are trained ({share:.3%})")
    kinds = ", ".join(f"{kind} {count:,}" for kind, count in made.by_kind.items())
    terminal.line(f"adapters of rank {made.r} beside {targets_of(recipe)}: {kinds}")
    if "printed" in told:
        terminal.line(f"the documents print another figure: {told['printed']}")
    if made.rows is not None and made.tokens and made.padding:
        counted = f"{told['examples']:,} examples, {made.rows:,} rows, longest {made.longest:,} tokens"
        terminal.line(f"\n{counted}; {made.tokens:,} tokens in all, {made.answered:,} bear loss")
        if told["cut"]:
            terminal.line(f"{told['cut']:,} examples are longer than {recipe.context:,} and cut at turn borders")
        for reason, count in told["unusable"].items():
            terminal.line(f"{count:,} examples are left out: {reason}")
        ours, shuffled = made.padding
        beside = "" if recipe.method == "dpo" else f" ({shuffled:.1%} shuffled)"
        terminal.line(f"{made.steps:,} steps; padding {ours:.1%} {_laid(recipe)}{beside}")
    else:
        terminal.line(f"\nrows as long as the context, {made.longest:,} tokens; --data DATASET counts your own")
    terminal.line(f"checkpoint {made.checkpoint / 1e6:,.1f} MB\n")
    memory = [(part.name, getattr(made.memory, part.name)) for part in fields(made.memory)]
    rows = [[name, f"{size / 1e9:,.2f}"] for name, size in [*memory, ("all of it", made.memory.total)]]
    terminal.table(["memory on the device", "GB"], rows, right=(1,))
    terminal.line("\n" + ", ".join(f"{card} GB {'fits' if made.fits[card] else 'too small'}" for card in CARDS_GB))
    for line in made.advice:
        terminal.line(f"  with {line}")
    if made.seconds:
        times = [[card, duration(seconds)] for card, seconds in made.seconds.items()]
        terminal.line()
        terminal.table(["on", "about"], times, right=(1,))
    terminal.result({**asdict(made), "memory_total": made.memory.total, **told})

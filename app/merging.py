"""What `xinheng merge` does: adapters merged, checked, measured on their own rows, and all of it an artifact."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import polars as pl

from app.model_files import artifact_in, file_table, files_of, require_place
from app.terminal import Terminal
from app.training_rows import conversations
from training import merge
from training.adapters import folder_of, words_of
from training.interference import Interference
from training.merge_check import Checked
from training.merge_loss import losses
from training.model_card import card, licence_in
from training.recipe import Lora, Training
from training.render import Rendered, rendered, writer
from xinheng.artifacts import Artifact, write
from xinheng.chat.local_files import LocalFiles, identity_of
from xinheng.errors import UsageError
from xinheng.marks import united
from xinheng.progress import duration

ADAPTER: Final = "adapter"
MODEL: Final = "model"
_PAIR: Final = {
    "first": pl.String(), "second": pl.String(), "cosine": pl.Float64(), "sign_conflicts": pl.Float64(),
}  # fmt: skip
_LOSS: Final = {
    "adapter": pl.String(), "rows": pl.Int64(), "split": pl.String(), "base": pl.Float64(), "alone": pl.Float64(),
    "merged": pl.Float64(),
}  # fmt: skip


@dataclass(frozen=True)
class Options:
    """What the command line says of a merge.

    Args:
        weights: One for each adapter; None for 1 of one, and equal shares of several.
        way: Of several; see `training.merge.WAYS`.
        density: Share of the values that ways which thin out keep.
        seed: Of ways that draw.
        into: `model` or `adapter`; None for a model of one adapter, and an adapter of several.
        limit: Most rows of each adapter for its loss.
    """

    weights: Sequence[float] | None = None
    way: str = merge.CAT
    density: float = 0.5
    seed: int = 0
    into: str | None = None
    limit: int | None = None


def merged(
    base: str, adapters: Sequence[str], *, out: Path, options: Options, data: Sequence[Artifact], terminal: Terminal
) -> Artifact:
    """Adapters merged into their base, or into one, as an artifact that appears whole or not at all.

    Args:
        base: The model's folder, or its name where it is in the hub's cache.
        adapters: Folders.
        out: The artifact's folder; it is made in a hidden one beside it.
        options: What the user said.
        data: Datasets whose held-out rows the adapters are measured on: one for all, or one for each.
        terminal: Hears what is going on.

    Raises:
        UsageError: Weights, ways or datasets that do not fit the adapters.
    """
    places, weights = _checked(base, adapters, out, options, data)
    into = options.into or (ADAPTER if len(places) > 1 else MODEL)
    work = out.with_name(f".{out.name}.merging")
    shutil.rmtree(work, ignore_errors=True)
    began = time.perf_counter()
    try:
        told: Interference | None = None
        found: list[tuple[Any, ...]] = []
        by_place = dict(zip(map(str, places), weights, strict=True))
        if len(places) > 1:
            with terminal.busy(f"merging {len(places)} adapters by {options.way}"):
                told, checked = merge.into_one(
                    base, by_place, work / ADAPTER, way=options.way, density=options.density, seed=options.seed
                )
            if data:
                with terminal.busy("measuring each on rows of its own"):
                    found = _losses(base, places, work / ADAPTER, data, options)
        if into == MODEL:
            with terminal.busy("merging into the base"):
                one = (work / ADAPTER, 1.0) if len(places) > 1 else (places[0], weights[0])
                checked = merge.into_base(base, one[0], work / MODEL, weight=one[1])
        return _written(
            base, places, weights, work / into, out=out, into=into, options=options, told=told, checked=checked,
            found=found, data=data, wall_s=time.perf_counter() - began,
        )  # fmt: skip
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _checked(
    base: str, adapters: Sequence[str], out: Path, options: Options, data: Sequence[Artifact]
) -> tuple[list[Path], list[float]]:
    places = [Path(adapter).expanduser() for adapter in adapters]
    count = len(places)
    weights = list(options.weights) if options.weights else [1.0 / count] * count
    if len(weights) != count:
        raise UsageError("merge", "weights that do not fit", want=f"{count}, one each", have=str(len(weights)))
    if len({place.resolve() for place in places}) != count:
        raise UsageError("merge", "an adapter named twice", mend="Give it one weight.")
    if options.way not in merge.WAYS:
        raise UsageError("merge", "no such way", want=", ".join(merge.WAYS), have=options.way)
    if options.into == ADAPTER and count == 1:
        raise UsageError("merge", "one adapter is one already", want="two or more, or --into model")
    if data and (count == 1 or len(data) not in {1, count}):
        want = f"one dataset for all, or {count}, one each" if count > 1 else "no --data with one adapter"
        raise UsageError("merge", "datasets that do not fit", want=want, have=str(len(data)))
    require_place(out, besides=[*places, Path(base).expanduser()])
    return places, weights


def _losses(
    base: str, places: Sequence[Path], made: Path, data: Sequence[Artifact], options: Options
) -> list[tuple[Any, ...]]:
    """Adapter, rows, split, and loss of the base, the adapter alone and the merged one."""
    words = words_of(folder_of(base), made)
    each = list(data) if len(data) > 1 else list(data) * len(places)
    rows: dict[str, Sequence[Rendered]] = {}
    splits: dict[str, str] = {}
    for place, dataset in zip(places, each, strict=True):
        recipe = _recipe_of(place)
        said = conversations(dataset, recipe, limit=options.limit)
        split = next((name for name in ("validation", "test") if said.get(name)), None)
        if split is None:
            raise UsageError(str(dataset.path), "no held-out rows", want="rows in a validation or test split")
        found = rendered(words, said[split], write=writer(words, recipe.form), context=recipe.context).rows
        rows[str(place)], splits[str(place)] = found, split
    told = losses(base, {str(place): place for place in places}, made, rows)
    labels = dict(zip(map(str, places), _labels(places), strict=True))
    return [
        (labels[place], len(rows[place]), splits[place], one["base"], one["alone"], one["merged"])
        for place, one in told.items()
    ]


def _recipe_of(adapter: Path) -> Training:
    """How an adapter's rows were written, as its record says; by the model's own template where it says nothing."""
    made = artifact_in(adapter)
    told = (made.manifest["facts"].get("recipe") if made is not None else None) or {}
    known = {key: told[key] for key in ("method", "rows", "form", "context", "tag_tokens") if key in told}
    return Training(title={"en": "", "zh": ""}, lora=Lora(r=1, alpha=1), **known)


def licences_of(artifacts: Sequence[Artifact]) -> list[dict[str, Any]]:
    """The licences of all rows: each with how many rows and whose."""
    rows: dict[str, int] = {}
    sources: dict[str, set[str]] = {}
    for artifact in artifacts:
        for one in artifact.manifest["facts"].get("licences", []):
            licence = str(one["licence"] or "")
            # The same rows may have trained several: the most that one of them had.
            rows[licence] = max(rows.get(licence, 0), int(one["rows"]))
            sources.setdefault(licence, set()).update(one.get("sources", []))
    return [{"licence": one, "rows": rows[one], "sources": sorted(sources[one])} for one in sorted(rows)]


def _written(
    base: str, places: Sequence[Path], weights: Sequence[float], folder: Path, *, out: Path, into: str,
    options: Options, told: Interference | None, checked: Checked, found: Sequence[tuple[Any, ...]],
    data: Sequence[Artifact], wall_s: float,
) -> Artifact:  # fmt: skip
    where = folder_of(base)
    made_from = {str(place): artifact_in(place) for place in places}
    known = [artifact for artifact in made_from.values() if artifact is not None]
    # An adapter without a record has rows that nobody can name.
    unknown = [{"licence": "", "rows": 0, "sources": []}] if len(known) < len(places) else []
    names = _labels(places)
    several = len(places) > 1
    of_base = {"name": base, "identity": identity_of(LocalFiles(where)), "licence": licence_in(where)}
    facts: dict[str, Any] = {
        "title": _title(known, names),
        "base": of_base,
        "adapters": [
            {"name": name, "weight": weight, "digest": artifact.digest if artifact else None}
            for name, weight, artifact in zip(names, weights, made_from.values(), strict=True)
        ],
        "way": options.way if several else None,
        "density": options.density if several and options.way not in {"cat", "linear", "svd"} else None,
        "seed": options.seed if several and options.way.startswith("dare") else None,
        "proof": asdict(checked),
        "special_tokens": sum(int(one.manifest["facts"].get("special_tokens", 0)) for one in known),
        "licences": [*licences_of(known), *unknown],
        # No parents: what it was measured on marks nobody.
        "measured_on": [dataset.link() for dataset in data],
        "wall_s": round(wall_s, 3),
    }
    if told is not None:
        short = {str(place): name for place, name in zip(places, names, strict=True)}
        facts["interference"] = {
            "left": {short[place]: left for place, left in told.left.items()},
            "norm": told.norm,
            "apart": told.apart,
            "kept": told.kept,
        }
        pairs = [(short[p.first], short[p.second], p.cosine, p.conflicts) for p in told.pairs]
    else:
        pairs = []
    files = files_of(folder)
    marks = united(*(artifact.marks for artifact in known))
    return write(
        out,
        kind=into,
        name=out.name,
        tables={
            "file": file_table(files),
            "interference": pl.DataFrame(pairs, schema=_PAIR, orient="row"),
            "loss": pl.DataFrame(list(found), schema=_LOSS, orient="row"),
        },
        facts=facts,
        parents=known,
        texts={
            "README.md": card(into, facts, base=None if where.is_dir() and Path(base).is_dir() else base, marks=marks)
        },
        copies={name: path for name, path in files.items() if name != "README.md"},
        linked=True,
    )


def _labels(places: Sequence[Path]) -> list[str]:
    """What adapters are called: by their folders' names where these tell them apart."""
    names = [place.name for place in places]
    return names if len(set(names)) == len(names) else [str(place) for place in places]


def _title(known: Sequence[Artifact], names: Sequence[str]) -> dict[str, str]:
    titles = [artifact.manifest["facts"].get("title") or {} for artifact in known]
    joined = {lang: " + ".join(t[lang] for t in titles if lang in t) for lang in ("en", "zh")}
    return {lang: text or " + ".join(names) for lang, text in joined.items()}


def show(terminal: Terminal, made: Artifact, base: str) -> None:
    """What was merged, how near it is, what is in whose way, and how to use it."""
    facts = made.manifest["facts"]
    proof, told = facts["proof"], facts.get("interference")
    pairs, found = made.scan("interference").collect(), made.scan("loss").collect()
    for one in facts["adapters"]:
        left = (told or {}).get("left", {}).get(one["name"])
        terminal.line(
            f"adapter  {one['name']}, weight {one['weight']:g}" + (f", left {left:.3f}" if left is not None else "")
        )
    if told is not None:
        rows = [[f, s, _figure(c), _share(x)] for f, s, c, x in pairs.iter_rows()]
        terminal.table(["first", "second", "cosine", "sign conflicts"], rows, right=(2, 3))
        terminal.line(
            f"{facts['way']}: norm {told['norm']:.3f} of the exact sum's, {told['apart']:.3f} apart from it; "
            f"the sum keeps {told['kept']:.1%} of the norms"
        )
    if found.height:
        rows = [[a, n, s, f"{b:.4f}", f"{x:.4f}", f"{m:.4f}"] for a, n, s, b, x, m in found.iter_rows()]
        terminal.table(["loss on rows of", "rows", "split", "base", "alone", "merged"], rows, right=(1, 3, 4, 5))
    terminal.line(
        f"read back: logits within {proof['largest']:.3g} of {proof['logit']:.3g} ({proof['dtype']}, at most "
        f"{proof['tolerance']:g} of it), same likeliest token {proof['agreement']:.1%}, "
        f"{proof['tokens']:,} special and added tokens as before"
    )
    terminal.line(f"{made.kind:<8} {made.path}  {made.digest[:12]}  {duration(facts['wall_s'])}")
    spec = f"{base}+{made.path}" if made.kind == ADAPTER else str(made.path)
    terminal.line(f"next     xinheng predict CASES --model local:{spec}")
    terminal.result(
        {"path": str(made.path), "digest": made.digest, **facts, "pairs": pairs.to_dicts(), "loss": found.to_dicts()}
    )


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:+.3f}"


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"

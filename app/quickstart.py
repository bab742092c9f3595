"""The quick start: the bundled sample from raw lines to validated datasets, a tuned model, its scores and pages."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from app import exporting, pipeline
from app.terminal import Terminal
from curation.recipe import load
from datasets_src.catalog import source
from xinheng.storage import Place

_SAMPLES: Final = (
    ("dialogues", "sample", "tagged_dialogues"),
    ("questions", "sample-choices", "choices"),
    ("posts", "sample-posts", "sample_posts"),
)


def quickstart(out: Place, terminal: Terminal, *, model: str | None = None, data_only: bool = False) -> None:
    """Curate the bundled sample, export it, tune the small model on it, ask before and after; print where all lies.

    Args:
        out: The folder for everything.
        terminal: Where to tell.
        model: A model to compare staged and one-shot answers of, with itself as judge.
        data_only: End with the datasets.
    """
    made = {}
    for label, name, recipe_name in _SAMPLES:
        entry, recipe = source(name), load(recipe_name)
        place = entry.place(out) or out  # the sample comes with the package
        with terminal.busy(f"{label}: reading and curating {entry.size}"):
            read = pipeline.ingest_source(entry, place=place, out=out / "sources" / name)
            made[label] = pipeline.curate_recipe(recipe, [read], out=out / label, say=terminal.say)
            exporting.export(made[label].artifact, form="messages", out=out / f"{label}-messages")
    for label, dataset in made.items():
        facts = dataset.artifact.manifest["facts"]
        splits = ", ".join(f"{n} {k}" for k, n in facts["splits"].items())
        passed = dataset.gate is not None and dataset.gate.passed
        terminal.line(
            f"{label}: read {facts['rows']['read']}, kept {facts['rows']['kept']} ({splits}), "
            f"gate {'passed' if passed else 'FAILED'}"
        )
        terminal.line(f"  dataset  {dataset.artifact.path}")
        terminal.line(f"  page     {dataset.artifact.file(pipeline.PAGE)}")
        terminal.line(f"  training {out / f'{label}-messages'}")
    result: dict[str, Any] = {
        label: {"path": str(d.artifact.path), "digest": d.artifact.digest} for label, d in made.items()
    }
    if not data_only:
        result |= _with_model(made, out, terminal, model)
    terminal.line("\nOpen a page in a browser. Next: xinheng sources, xinheng curate --help, xinheng train --help;")
    terminal.line("people rate the answers: xinheng annotate --help; others cite a dataset: xinheng publish --help")
    terminal.result(result)


def _with_model(made: dict[str, pipeline.Dataset], out: Place, terminal: Terminal, model: str | None) -> dict[str, Any]:
    from app import quickstart_model as second

    if lacking := second.lacking():
        terminal.line(f"\nNo model is tuned: {', '.join(lacking)} not installed (pip install 'xinheng[llm,train]')")
        return {}
    if not isinstance(out, Path):
        terminal.line("\nNo model is tuned: that wants a folder of this machine")
        return {}
    terminal.line("")
    told = second.tuned({label: made[label].artifact for label in ("posts", "questions")}, out, terminal)
    second.show(told, terminal)
    if model is not None:
        told["judged"] = second.judged(model, out, terminal)
        terminal.line(f"staged against one-shot, judged by the same model  {told['judged']}")
    return {"tuned": told}

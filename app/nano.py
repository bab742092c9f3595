"""`python -m app.nano FOLDER`: nano made from the training parts of published sources, and its card.

Reads nobody's test rows: what was published as test or for evaluation, what our own splits hold back, and whatever else
resembles a case of a benchmark is left out, and the card says how much that was.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import polars as pl

from app import pipeline
from app.held_out import compared
from app.terminal import Terminal
from curation.recipe import load
from datasets_src.catalog import source
from training.nano import corpus
from training.nano.card import card
from training.nano.make import Shape, facts, make
from xinheng.artifacts import Artifact
from xinheng.errors import UsageError
from xinheng.settings import settings
from xinheng.tables import KEYS, table_of

RECIPES: Final = ("counselling_zh", "counselchat", "imhi", "tagged_dialogues", "choices")
# Published for evaluation, whatever our split says.
_EVALUATION: Final = ("cpsycoun-e",)
_TRAINED: Final = ("train", "validation")
# IMHI's questions are what adapters learn; nano reads only the posts they are about.
_POST: Final = r'(?s)Consider this post:\s*"(.*)"\s*Question:'


@dataclass(frozen=True)
class Corpus:
    """What nano reads.

    Args:
        documents: As `training.nano.corpus.DOCUMENT`.
        left_out: Rows by why.
        against: Benchmarks, with rows.
    """

    documents: pl.DataFrame
    left_out: Mapping[str, int]
    against: Mapping[str, int]


def gathered(datasets: Mapping[str, Artifact]) -> Corpus:
    """Training rows of curated datasets, without what a benchmark holds.

    Args:
        datasets: By recipe, of `RECIPES`.
    """
    rows = {name: artifact.scan(pipeline_table(artifact)).collect() for name, artifact in datasets.items()}
    tests = {name: _tests(frame) for name, frame in rows.items()}
    tests = {name: frame for name, frame in tests.items() if frame.height}
    kept, left = {}, dict[str, int]()
    for name, frame in rows.items():
        if name == "choices":
            continue  # all of them are asked in tests
        trained = frame.filter(pl.col("split").is_in(_TRAINED) & ~pl.col("source").is_in(_EVALUATION))
        hits, _ = compared(trained, tests)
        ids = hits["row_id"].unique()
        left[name] = ids.len()
        kept[name] = trained.filter(~pl.col(KEYS[table_of(trained)]).is_in(ids.implode()))
    posts = kept.pop("imhi").with_columns(
        post=pl.col("messages").list.first().struct.field("content").str.extract(_POST, 1).str.strip_chars()
    )
    posts = posts.drop_nulls("post").unique("group_id", keep="first", maintain_order=True)
    found = [corpus.documents(frame) for frame in kept.values()]
    found.append(corpus.plain_texts(posts, key="case_id", text=pl.col("post")))
    documents = corpus.both_scripts(pl.concat(found))
    return Corpus(documents, left, {name: frame.height for name, frame in tests.items()})


def _tests(rows: pl.DataFrame) -> pl.DataFrame:
    if table_of(rows) == "choice":
        return rows
    return rows.filter((pl.col("split") == "test") | pl.col("source").is_in(_EVALUATION))


def pipeline_table(artifact: Artifact) -> str:
    """The table that holds a dataset's rows."""
    return str(artifact.manifest["facts"]["table"])


def main() -> None:
    """Curate, gather, train, write the card."""
    terminal = Terminal()
    if len(sys.argv) != 2:
        raise UsageError("nano", "which folder?", want="python -m app.nano FOLDER")
    out, datasets = Path(sys.argv[1]), dict[str, Artifact]()
    for name in RECIPES:
        recipe = load(name)
        read = [pipeline.source_artifact(source(one), data=settings().data, say=terminal.say) for one in recipe.sources]
        datasets[name] = pipeline.curate_recipe(
            recipe, read, out=pipeline.dataset_path(name), say=terminal.say, draw=False
        ).artifact
    told = gathered(datasets)
    shape = Shape()
    import torch

    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "2")))
    out.mkdir(parents=True, exist_ok=True)
    made = make(out, list(corpus.conversations(told.documents)), shape, say=terminal.say)
    record: dict[str, Any] = {
        **facts(made, shape),
        "documents": by(told.documents, "source", "licence", "language"),
        "left_out": dict(told.left_out),
        "against": dict(told.against),
        "datasets": {name: artifact.digest for name, artifact in datasets.items()},
        "threads": torch.get_num_threads(),
    }
    (out / "nano.json").write_text(json.dumps(record, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    (out / "README.md").write_text(card(record), encoding="utf-8")
    terminal.line(f"nano     {out}")


def by(documents: pl.DataFrame, *columns: str) -> list[dict[str, Any]]:
    """Documents and characters by these columns."""
    characters = pl.col("turns").list.eval(pl.element().struct.field("text").str.len_chars()).list.sum()
    counted = documents.group_by(columns).agg(documents=pl.len(), characters=characters.sum())
    return counted.sort(columns).to_dicts()


if __name__ == "__main__":
    main()

"""Datasets as rows to train on: conversations by split, in the form a recipe wants."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import polars as pl

from app.facts import dataset_table
from curation import examples
from training.recipe import Training
from xinheng.artifacts import Artifact
from xinheng.errors import UsageError
from xinheng.tables import CLIENT, COUNSELLOR, SPLITS
from xinheng.tags import BEGIN, DEFAULT, DIALOGUE_ROLE, END

Conversations = list[tuple[str, list[dict[str, Any]]]]
_ROLES: Final = {CLIENT: "user", COUNSELLOR: "assistant"}


def conversations(dataset: Artifact, recipe: Training, *, limit: int | None = None) -> Mapping[str, Conversations]:
    """Ids and messages of a dataset's rows, by split; those without a split are all of `train`.

    Args:
        dataset: Dialogues, examples, cases with references, or questions with keys; preference pairs where the
            recipe wants them, of which the chosen answers are given.
        recipe: Whose form they take. Of a dataset with examples and pairs it chooses; one that learns answers before
            it prefers some learns the examples.
        limit: Only so many rows of each split, by id.

    Raises:
        UsageError: Rows of a kind that the recipe cannot be trained on.
    """
    table, tables = dataset_table(dataset), dataset.manifest["tables"]
    if recipe.rows == "preference" and "preference" in tables:
        table = "preference"
    if (table == "preference") != (recipe.rows == "preference"):
        want = "preference pairs" if recipe.rows == "preference" else "dialogues, examples, cases or questions"
        raise UsageError(
            str(dataset.path),
            f"a {table} table",
            want=want,
            mend="See xinheng generate preferences, or another recipe.",
        )
    if recipe.tag_tokens and table != "dialogue":
        raise UsageError(str(dataset.path), f"a {table} table", want="tagged dialogues, for a recipe with tag tokens")
    if table == "preference" and recipe.method == "sft+dpo" and "example" in tables:
        table = "example"
    rows = dataset.scan(table)
    frame = _examples(rows, table, tagged=recipe.tag_tokens).collect()
    return {split: _of_split(frame, split, limit) for split in SPLITS if _of_split(frame, split, 1)}


def preference_pairs(
    dataset: Artifact, *, limit: int | None = None
) -> Mapping[str, list[tuple[str, list[dict[str, Any]], str, str]]]:
    """Id, prompt, chosen and rejected answer of a dataset's pairs, by split.

    Args:
        dataset: PREFERENCE rows.
        limit: Only so many of each split, by id.
    """
    rows = dataset.scan("preference")
    if "split" not in rows.collect_schema():
        rows = rows.with_columns(split=pl.lit("train"))
    frame = rows.with_columns(pl.col("split").cast(pl.String).fill_null("train")).sort("pair_id").collect()
    columns = ("pair_id", "prompt", "chosen", "rejected")
    found = {
        split: list(frame.filter(pl.col("split") == split).head(limit or frame.height).select(columns).iter_rows())
        for split in SPLITS
    }
    return {split: pairs for split, pairs in found.items() if pairs}


def _examples(rows: pl.LazyFrame, table: str, *, tagged: bool) -> pl.LazyFrame:
    have = rows.collect_schema()
    if "split" not in have:
        rows = rows.with_columns(split=pl.lit("train"))
    if tagged:
        return rows.select(key="dialogue_id", split=pl.col("split").cast(pl.String), topics="topics", turns="turns")
    forms: dict[str, Callable[[pl.LazyFrame], pl.LazyFrame]] = {
        "dialogue": examples.dialogue_examples,
        "choice": lambda frame: examples.choice_examples(frame, with_explanation=False),
        "case": examples.case_examples,
        "example": lambda frame: frame,
        "preference": _chosen,
    }
    return forms[table](rows).select(key="example_id", split=pl.col("split").cast(pl.String), messages="messages")


def _chosen(pairs: pl.LazyFrame) -> pl.LazyFrame:
    answer = pl.struct(
        role=pl.lit("assistant"),
        content="chosen",
        tags=pl.lit([], dtype=pl.List(pl.Struct({"axis": pl.String, "value": pl.String}))),
    )
    return pairs.with_columns(example_id="pair_id", messages=pl.col("prompt").list.concat(pl.concat_list(answer)))


def _of_split(frame: pl.DataFrame, split: str, limit: int | None) -> Conversations:
    rows = frame.filter(pl.col("split") == split).sort("key")
    if limit is not None:
        rows = rows.head(limit)
    if "turns" in rows.columns:
        return [(row["key"], _tagged(row["topics"], row["turns"])) for row in rows.iter_rows(named=True)]
    return [(row["key"], row["messages"]) for row in rows.iter_rows(named=True)]


def _tagged(topics: list[str], turns: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Messages of the tag grammar's tokens; with the end behind them they are what `TagSchema.render` writes."""
    begin = DEFAULT.render(topics, []).removesuffix(END)
    said = [
        {
            "role": _ROLES[turn["role"]],
            "content": DEFAULT.render([], [turn]).removeprefix(BEGIN).removesuffix(END),  # type: ignore[list-item]
        }
        for turn in turns
    ]
    return [{"role": "system", "content": begin}, *said]


def tag_tokens() -> list[str]:
    """All tokens of the tag grammar that a tokenizer is given."""
    return DEFAULT.special_tokens


def meanings() -> dict[str, str]:
    """What each tag's token means, in English and Chinese: new rows of the embeddings begin as the mean of these."""
    said = {
        f"<|{axis}_{name}|>": f"{axis}: {value.en}, {value.zh}"
        for role in (DIALOGUE_ROLE, CLIENT, COUNSELLOR)
        for axis, values in DEFAULT.axes[role].items()
        for name, value in values.items()
    }
    return {token: said.get(token, token.strip("<|>")) for token in DEFAULT.special_tokens}

"""Near duplicates of a table in shards: the rows, reasons and clusters that the whole table gives, bit for bit."""

from __future__ import annotations

import functools
import random
from typing import Any

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from curation import duplicates_in_shards
from curation.duplicates import add_duplicate_cluster, drop_near_duplicates, near_duplicates
from curation.engine import curate_shards
from curation.recipe import load
from curation.run import Step, curate
from tests.perf import corpus
from tests.perf.duplicates import copied, hard
from xinheng.errors import UsageError
from xinheng.tables import DIALOGUE

KEY = "dialogue_id"
STEPS: list[Step] = [drop_near_duplicates, add_duplicate_cluster]
COMMON = "的一是不了人我在有他中大上也和你出生地下以自子那得可能好小多天然心本如去之成方只如想看才同日手又因行其用工"


def made(length: int, seed: int) -> str:
    return "".join(random.Random(seed).choices(COMMON, k=length))


def edited(text: str, edits: int, seed: int) -> str:
    rng, characters = random.Random(seed), list(text)
    for place in rng.sample(range(len(characters)), edits):
        characters[place] = rng.choice("福星")
    return "".join(characters)


def table(texts: list[str], published: list[str | None] | None = None) -> pl.DataFrame:
    rows = [
        {
            **dict.fromkeys(DIALOGUE),
            KEY: f"d{n:04}",
            "turns": [{"role": "client", "text": text, "tags": []}],
            "published_split": published[n] if published else None,
        }
        for n, text in enumerate(texts)
    ]
    return pl.DataFrame(rows, schema={**DIALOGUE, "published_split": pl.String()})


def same_in_shards(frame: pl.DataFrame, recipe: list[Step], *, rows: int, engine: str = "inline", **more: Any) -> bool:
    """Whether shards give the whole table's rows, dropped rows and account, and had no need to look at it whole."""
    heard: list[str] = []
    shuffled = frame.sample(fraction=1, shuffle=True, seed=rows)
    spread = curate_shards(
        shuffled.lazy(), recipe, key=frame.columns[0], engine=engine, rows_per_shard=rows, say=heard.append, **more
    )
    whole = curate(frame.lazy(), recipe, key=frame.columns[0])
    pairs = [(whole.kept, spread.kept), (whole.dropped, spread.dropped), (whole.steps, spread.steps)]
    assert not heard, heard
    return all(a.equals(b) and a.schema == b.schema for a, b in pairs)


@pytest.fixture(params=[0, 20_000], ids=["sent about", "compared here"])
def few(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(duplicates_in_shards, "FEW", request.param)
    return int(request.param)


@pytest.mark.parametrize("threshold", [0, 1.01])
def test_a_threshold_that_is_none_is_refused_as_over_the_whole_table(threshold: float) -> None:
    steps = [functools.partial(drop_near_duplicates, threshold=threshold)]
    with pytest.raises(UsageError) as whole:
        curate(corpus.dialogues(10).lazy(), steps, key=KEY)
    with pytest.raises(UsageError) as spread:
        curate_shards(corpus.dialogues(10).lazy(), steps, key=KEY, engine="inline", rows_per_shard=3)
    assert str(spread.value) == str(whole.value)


@pytest.mark.parametrize("step", STEPS)
def test_tables_with_nothing_to_find(step: Step, few: int) -> None:
    for texts in ([], [""], ["", "", " "], [made(80, 1), made(80, 2), "嗯"]):
        assert same_in_shards(table(texts), [step], rows=1), (texts, few)


drawn = st.lists(
    st.tuples(
        st.integers(0, 3),  # of which text it is a copy
        st.integers(0, 9),  # characters that are replaced
        st.sampled_from([20, 90]),
        st.sampled_from([None, None, "train", "test"]),
    ),
    max_size=14,
)


@settings(max_examples=15, deadline=None)
@given(drawn=drawn, rows=st.integers(1, 6), few=st.sampled_from([0, 3, 20_000]), threshold=st.sampled_from([0.5, 0.8]))
@example(drawn=[(0, n, 90, None) for n in (0, 3, 6, 9) * 3], rows=1, few=0, threshold=0.5)
def test_no_shard_size_order_or_place_of_comparing_changes_anything(
    drawn: list[tuple[int, int, int, str | None]], rows: int, few: int, threshold: float
) -> None:
    texts = [edited(made(length, base), edits, n) for n, (base, edits, length, _) in enumerate(drawn)]
    frame = table(texts, [split for *_, split in drawn])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(duplicates_in_shards, "FEW", few)
        for step in STEPS:
            assert same_in_shards(frame, [functools.partial(step, threshold=threshold)], rows=rows)


@pytest.mark.parametrize("step", STEPS)
def test_a_template_and_a_chain_come_out_the_same(step: Step, few: int) -> None:
    # More copies than a bucket's window, then texts that resemble their neighbours only.
    template = [edited(made(160, 1), 1, n) for n in range(90)]
    chain = [made(20, 100 + n) for n in range(60)]
    linked = ["".join(chain[n : n + 20]) for n in range(40)]
    frame = table([*template, *linked])
    found = near_duplicates(frame, key=KEY)
    assert found.group_by("cluster").len()["len"].sort().to_list() == [40, 90]
    assert same_in_shards(frame, [step], rows=11)
    del few


@pytest.mark.parametrize("step", STEPS)
def test_pairs_that_never_lie_side_by_side_are_compared_too(step: Step, few: int) -> None:
    # Variants of one text share buckets. Those changed in their first and in their last character are alike enough
    # (0.98), no others are (0.94), and these lie between the two in most buckets.
    texts = [made(200, seed) for seed in range(8)]
    variants = [text[:at] + "福" + text[at + 1 :] for text in texts for at in (0, *range(10, 190, 14), 199)]
    frame = table(variants)
    found = near_duplicates(frame, key=KEY, threshold=0.96)
    assert found.group_by("cluster").len()["len"].to_list() == [2] * len(texts)
    assert same_in_shards(frame, [functools.partial(step, threshold=0.96)], rows=29)
    del few


@pytest.mark.parametrize("engine", ["inline", "processes"])
def test_the_planted_corpora_come_out_the_same(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates_in_shards, "FEW", 0)
    base = corpus.dialogues(1_500, seed=5).with_columns(pl.format("e{}", KEY).alias(KEY))
    frame = pl.concat([hard(60), base, copied(base.head(150))])
    assert curate(frame.lazy(), [drop_near_duplicates], key=KEY).dropped.height > 250
    assert same_in_shards(frame, STEPS, rows=400, engine=engine)


@pytest.mark.parametrize(("recipe", "rows"), [("counselling_zh", 200), ("choices", 70)])
def test_whole_recipes_that_compare_come_out_the_same(recipe: str, rows: int) -> None:
    if recipe == "choices":
        frame = corpus.choices(200).with_columns(question=pl.col("question") + made(60, 1))
        frame = pl.concat([frame, frame.head(20).with_columns(question_id=pl.col("question_id") + "b")])
    else:
        base = corpus.dialogues(600)
        frame = pl.concat([base, copied(base.tail(60))])
    assert same_in_shards(frame, list(load(recipe).steps), rows=rows, recipe_ref=recipe)

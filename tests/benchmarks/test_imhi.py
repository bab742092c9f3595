"""IMHI's score: scikit-learn's weighted F1 to the last digit, posts drawn again, unreadable answers wrong."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import imhi
from benchmarks.imhi_labels import LABEL_SETS
from benchmarks.resampling import Bootstrap
from xinheng.errors import InputError, SchemaError, UsageError

FEW = Bootstrap(resamples=200)


def answers(dataset: str, gold: list[int], predicted: list[int | None], *, posts: int | None = None) -> pl.DataFrame:
    n = len(gold)
    return pl.DataFrame(
        {
            "dataset": [dataset] * n,
            "case_id": [f"{dataset}-{i:05}" for i in range(n)],
            "group_id": [f"p{i % (posts or n)}" for i in range(n)],
            "gold": gold,
            "predicted": pl.Series(predicted, dtype=pl.Int64),
        }
    )


def test_bad_input_is_named() -> None:
    good = answers("DR", [0, 1], [1, None])
    with pytest.raises(SchemaError, match="gold missing"):
        imhi.score(good.drop("gold"))
    with pytest.raises(InputError, match="no answers"):
        imhi.score(good.clear())
    with pytest.raises(InputError, match="1 repeated"):
        imhi.score(pl.concat([good, good.head(1)]))
    with pytest.raises(InputError, match="1 rows with other labels"):
        imhi.score(answers("DR", [0, 1], [1, 2]))
    with pytest.raises(UsageError, match="unknown set"):
        imhi.score(answers("DRR", [0], [0]))
    with pytest.raises(UsageError, match="unknown reader"):
        imhi.read_label("DR", "yes", reader="both")  # type: ignore[arg-type]


@settings(max_examples=40)
@given(st.data())
def test_figures_are_scikit_learns(data: st.DataObject) -> None:
    from sklearn.metrics import accuracy_score, f1_score

    name = data.draw(st.sampled_from(sorted(LABEL_SETS)))
    labels = list(LABEL_SETS[name].labels)
    pairs = data.draw(st.lists(st.tuples(st.sampled_from(labels), st.sampled_from([*labels, None])), min_size=1))
    gold, said = [g for g, _ in pairs], [p for _, p in pairs]
    row = imhi.score(answers(name, gold, said), how=Bootstrap(resamples=100)).row(0, named=True)
    coded = [-1 if p is None else p for p in said]

    def f1(predicted: list[int], average: str) -> float:
        return 100 * float(f1_score(gold, predicted, labels=labels, average=average, zero_division=0))

    assert row["weighted_f1"] == pytest.approx(f1(coded, "weighted"), abs=1e-9)
    assert row["macro_f1"] == pytest.approx(f1(coded, "macro"), abs=1e-9)
    assert row["accuracy"] == pytest.approx(100 * accuracy_score(gold, coded), abs=1e-9)
    floors = [f1([label] * len(gold), "weighted") for label in labels]
    assert row["floor_f1"] == pytest.approx(max(floors), abs=1e-9)
    assert row["majority_f1"] == pytest.approx(floors[int(np.bincount(gold).argmax())], abs=1e-9)
    assert row["invalid"] == said.count(None)


def test_an_unreadable_answer_costs_recall_and_no_precision() -> None:
    right = imhi.score(answers("DR", [0, 1, 1, 0], [0, 1, 1, 0]), how=FEW)
    unread = imhi.score(answers("DR", [0, 1, 1, 0], [0, 1, None, 0]), how=FEW)
    assert right["weighted_f1"][0] == 100
    assert unread["weighted_f1"][0] == pytest.approx(100 * (0.5 + 0.5 * 2 / 3))
    assert unread["invalid_rate"][0] == 0.25


def test_posts_are_drawn_again_and_not_rows() -> None:
    rng = np.random.default_rng(1)
    easy = rng.integers(0, 2, 60)
    gold = [int(g) for g in np.tile(rng.integers(0, 2, 60), 6)]
    said: list[int | None] = [g if easy[i % 60] else 1 - g for i, g in enumerate(gold)]
    by_post = imhi.score(answers("MultiWD", gold, said, posts=60), how=FEW).row(0, named=True)
    by_row = imhi.score(answers("MultiWD", gold, said), how=FEW).row(0, named=True)
    assert (by_post["posts"], by_row["posts"]) == (60, 360)
    assert by_post["high"] - by_post["low"] > 1.8 * (by_row["high"] - by_row["low"])


def test_the_mean_counts_every_set_the_same_whatever_the_order() -> None:
    rng = np.random.default_rng(2)
    frames = [
        answers(name, [int(g) for g in rng.integers(0, 2, n)], [int(p) for p in rng.integers(0, 2, n)])
        for name, n in (("DR", 300), ("dreaddit", 30))
    ]
    both = pl.concat(frames)
    scored = imhi.score(both, how=FEW)
    assert scored["dataset"].to_list() == ["DR", "dreaddit", "mean"]
    mean = scored.row(2, named=True)
    assert mean["weighted_f1"] == pytest.approx(scored["weighted_f1"][:2].mean())
    assert mean["low"] < mean["weighted_f1"] < mean["high"]
    assert mean["n"] == 330
    assert imhi.score(both.sample(fraction=1, shuffle=True, seed=3), how=FEW).equals(scored)


def test_all_measures_have_intervals_and_the_mean_of_one_set_is_that_set() -> None:
    rng = np.random.default_rng(4)
    gold, said = ([int(v) for v in rng.integers(0, 9, 200)] for _ in range(2))
    said = [g if keep else s for g, s, keep in zip(gold, said, rng.integers(0, 2, 200), strict=True)]
    frame, found = imhi.measured(answers("SAD", gold, said, posts=50), how=FEW)
    assert list(found) == ["SAD", "mean"]
    assert found["mean"] == found["SAD"]
    for measure, estimate in found["SAD"].items():
        assert estimate.value == frame[measure][0]
        assert estimate.low is not None
        assert estimate.high is not None
        assert estimate.low < estimate.value < estimate.high
        assert estimate.n == 200
    assert frame["low"][0] == frame["low"][1] == found["SAD"]["weighted_f1"].low

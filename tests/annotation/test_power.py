"""What n items can show: every figure against a simulation of ratings, and its edges."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest, ttest_1samp

from annotation.power import (
    AGREEMENTS,
    agreement_half_width,
    label_half_width,
    least_difference,
    least_share,
    mean_half_width,
    sentences,
    shows,
    unseen_share,
)
from annotation.templates import names, template
from benchmarks.alpha import krippendorff_alpha
from benchmarks.resampling import Bootstrap

DRAWS = 2_000
FEW = Bootstrap(resamples=100)  # the value is looked at, not its interval


def grades(n: int, raters: int, icc: float, draws: int, seed: int = 0) -> np.ndarray:
    """Grades by the one-way model, SD 1: draws x items x raters."""
    dice = np.random.default_rng(seed)
    items = dice.normal(size=(draws, n, 1)) * np.sqrt(icc)
    return items + dice.normal(size=(draws, n, raters)) * np.sqrt(1 - icc)


@pytest.mark.parametrize("icc", AGREEMENTS)
@pytest.mark.parametrize(("n", "raters"), [(50, 3), (20, 2)])
def test_the_interval_of_a_mean_is_as_wide_as_told_and_covers_the_truth(n: int, raters: int, icc: float) -> None:
    means = grades(n, raters, icc, DRAWS).mean(axis=(1, 2))
    half = mean_half_width(n, raters, icc=icc)
    assert np.mean(np.abs(means) <= half) == pytest.approx(0.95, abs=0.02)


@pytest.mark.parametrize("icc", AGREEMENTS)
@pytest.mark.parametrize(("n", "raters"), [(50, 3), (12, 3)])
def test_the_difference_told_is_found_four_times_in_five(n: int, raters: int, icc: float) -> None:
    difference = least_difference(n, raters, icc=icc)
    paired = grades(n, raters, icc, DRAWS, 1).mean(axis=2) + difference - grades(n, raters, icc, DRAWS, 2).mean(axis=2)
    found = np.mean(ttest_1samp(paired, 0.0, axis=1).pvalue < 0.05)
    assert found == pytest.approx(0.8, abs=0.03)


@pytest.mark.parametrize("icc", AGREEMENTS)
@pytest.mark.parametrize(("n", "raters"), [(50, 3), (100, 2)])
def test_agreement_varies_as_much_as_told(n: int, raters: int, icc: float) -> None:
    drawn = grades(n, raters, icc, DRAWS)
    between = raters * drawn.mean(axis=2).var(axis=1, ddof=1)
    within = drawn.var(axis=2, ddof=1).mean(axis=1)
    found = (between - within) / (between + (raters - 1) * within)
    low, high = np.quantile(found, [0.025, 0.975])
    assert (high - low) / 2 == pytest.approx(agreement_half_width(n, raters, icc=icc), rel=0.12)


def test_krippendorffs_alpha_for_intervals_varies_as_icc_does() -> None:
    drawn = grades(50, 3, 0.6, 300)
    found = [krippendorff_alpha(one, "interval", how=FEW).value for one in drawn]
    low, high = np.quantile([one for one in found if one is not None], [0.025, 0.975])
    assert (high - low) / 2 == pytest.approx(agreement_half_width(50, 3, icc=0.6), rel=0.15)


def test_alpha_of_a_label_varies_as_much_as_told() -> None:
    dice = np.random.default_rng(5)
    chance = dice.beta(0.3 * 2 / 3, 0.7 * 2 / 3, size=(400, 50, 1))
    drawn = (dice.random((400, 50, 3)) < chance).astype(float)
    found = [krippendorff_alpha(one, "nominal", how=FEW).value for one in drawn]
    known = [one for one in found if one is not None]
    low, high = np.quantile(known, [0.025, 0.975])
    assert np.mean(known) == pytest.approx(0.6, abs=0.05)
    assert (high - low) / 2 == pytest.approx(label_half_width(50, 3, alpha=0.6), rel=0.15)


def test_the_share_told_is_found_four_times_in_five_and_a_smaller_one_is_not() -> None:
    dice = np.random.default_rng(3)
    told = least_share(50)
    assert told is not None
    pvalues = {wins: binomtest(wins, 50).pvalue for wins in range(51)}

    def found(share: float) -> float:
        return float(np.mean([pvalues[int(w)] < 0.05 for w in dice.binomial(50, share, 5_000)]))

    assert found(told) >= 0.78
    assert found(told - 0.03) < 0.8


def test_what_nobody_found_may_still_be_there() -> None:
    assert (1 - unseen_share(50)) ** 50 == pytest.approx(0.05)
    assert unseen_share(1) == pytest.approx(0.95)


@pytest.mark.parametrize(("n", "raters"), [(50, 1), (1, 3)])
def test_one_rater_or_one_item_has_no_agreement(n: int, raters: int) -> None:
    assert agreement_half_width(n, raters, icc=0.6) is None
    assert label_half_width(n, raters, alpha=0.6) is None


@pytest.mark.parametrize("n", [2, 3, 5, 50, 2_000, 100_000])
def test_more_items_show_more(n: int) -> None:
    for icc in AGREEMENTS:
        assert least_difference(n, 3, icc=icc) > least_difference(2 * n, 3, icc=icc) > 0
        assert mean_half_width(n, 3, icc=icc) > mean_half_width(2 * n, 3, icc=icc) > 0
        assert mean_half_width(n, 3, icc=icc) < mean_half_width(n, 2, icc=icc)


def test_too_few_pairs_prove_nothing() -> None:
    assert [least_share(n) for n in range(1, 6)] == [None] * 5
    assert "nothing can be shown" in " ".join(sentences(shows(template("pairwise"), 5, 3, systems=2)))


@pytest.mark.parametrize("name", names())
def test_every_template_is_told_what_it_can_show(name: str) -> None:
    assert sentences(shows(template(name), 50, 3, systems=2))
    assert shows(template(name), 1, 3) == []

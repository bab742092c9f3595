"""What so many items can show: how narrow a mean and an agreement come out, and how small a difference is still seen.

Assumed is the one-way model of reliability theory: a grade is the item's own value plus the rater's noise, `icc` is the
items' share of the variance (ICC(1,1)), and each item has the same number of raters. A rater's severity is the same on
all his items: it moves a mean, which no number of items mends, and cancels from a difference between two systems that
the same raters graded. Everything here is about dialogues as drawn; items of one dialogue count once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np

from annotation.templates import Template

LEVEL: Final = 0.95
POWER: Final = 0.8
# What is not known before anybody has rated: told for each of these.
AGREEMENTS: Final = (0.4, 0.6, 0.8)
SD: Final = 1.0
_DRAWS: Final = 4_000


@dataclass(frozen=True)
class Shows:
    """One thing that n items can show.

    Args:
        what: `mean`, `difference`, `agreement`, `labels`, `preference` or `none seen`.
        icc: The agreement that it assumes, None where it assumes none.
        value: Half-width, difference, or share; None where it is not defined.
    """

    what: str
    icc: float | None
    value: float | None


def mean_half_width(n: int, raters: int, *, icc: float, sd: float = SD) -> float:
    """Half the width of the 95 % interval of a mean over n items, each the mean of its raters.

    Args:
        n: Items, 2 or more.
        raters: Of each.
        icc: The items' share of the variance of a single grade.
        sd: Of single grades.

    >>> round(mean_half_width(50, 3, icc=0.6), 3)
    0.243
    """
    from scipy.stats import t

    quantile = float(t.ppf((1 + LEVEL) / 2, n - 1))
    return quantile * sd * math.sqrt((icc + (1 - icc) / raters) / n)


def least_difference(n: int, raters: int, *, icc: float, sd: float = SD, correlation: float = 0.0) -> float:
    """The smallest true difference of two systems' means that a paired t-test finds four times in five.

    Both systems answer the same n dialogues and the same raters grade both. The t-test's power is that of the
    noncentral t-distribution, solved for the difference.

    Args:
        n: Dialogues, 2 or more.
        raters: Of each.
        icc: As above.
        sd: Of single grades.
        correlation: Of the two answers' own values over dialogues; 0 is the careful guess.

    >>> round(least_difference(50, 3, icc=0.6), 3)
    0.489
    """
    from scipy.optimize import brentq
    from scipy.stats import nct, t

    spread = sd * math.sqrt(2 * (icc * (1 - correlation) + (1 - icc) / raters))
    critical = float(t.ppf((1 + LEVEL) / 2, n - 1))

    def lacking(effect: float) -> float:
        # The other tail, of finding the worse one better, is nothing at this power. Far out SciPy has no number: all.
        found = float(nct.sf(critical, n - 1, effect * math.sqrt(n)))
        return (1.0 if math.isnan(found) else found) - POWER

    return spread * float(brentq(lacking, 0.0, 4 * critical / math.sqrt(n)))


def agreement_half_width(n: int, raters: int, *, icc: float) -> float | None:
    """Half the width of the 95 % interval of ICC(1,1), or of Krippendorff's alpha for intervals, which is close to it.

    Bonett, D. G. (2002). Sample size requirements for estimating intraclass correlations with desired precision.
    Statistics in Medicine 21, 1331-1335: the width that his sample size gives, turned round. None with one rater or
    item: then there is no agreement to estimate.

    >>> round(agreement_half_width(50, 3, icc=0.6), 2)
    0.14
    """
    from scipy.stats import norm

    if raters < 2 or n < 2:
        return None
    z = float(norm.ppf((1 + LEVEL) / 2))
    variance = 2 * (1 - icc) ** 2 * (1 + (raters - 1) * icc) ** 2 / (raters * (raters - 1) * (n - 1))
    return z * math.sqrt(variance)


@cache
def label_half_width(n: int, raters: int, *, alpha: float, share: float = 0.3) -> float | None:
    """Half the width of the interval in which alpha of a yes-or-no label falls 95 times in 100, by simulation.

    Labels are beta-binomial: each item has its own chance of a yes, so that two raters agree with the given alpha.
    Seeded, so that it is the same every time.

    Args:
        n: Items, 2 or more.
        raters: Of each.
        alpha: The true agreement.
        share: Of items with the label; the rarer, the wider.
    """
    if raters < 2 or n < 2:
        return None
    dice = np.random.default_rng(20_02)
    draws = min(_DRAWS, max(200, 4_000_000 // n))
    heads = (1 - alpha) / alpha
    chance = dice.beta(share * heads, (1 - share) * heads, size=(draws, n))
    yes = dice.binomial(raters, chance)
    whole = n * raters
    # Krippendorff's alpha for two labels and no gaps, from the counts of coincidences.
    observed = (yes * (raters - yes)).sum(axis=1) / (raters - 1)
    ones = yes.sum(axis=1)
    expected = ones * (whole - ones) / (whole - 1)
    known = expected > 0
    found = 1 - observed[known] / expected[known]
    low, high = np.quantile(found, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(high - low) / 2


def least_share(n: int) -> float | None:
    """The smallest true share of decided pairs that goes to the better system and that a sign test finds, 4 in 5.

    Exact two-sided binomial test against one half; None where even a sweep would prove nothing (n below 6).

    >>> least_share(50), least_share(5)
    (0.705, None)
    """
    from scipy.stats import binom

    wins = np.arange(n + 1)
    tail = binom.sf(wins - 1, n, 0.5)
    proving = wins[(2 * tail <= 1 - LEVEL) & (wins > n / 2)]
    if not len(proving):
        return None
    shares = np.arange(0.5, 1.0, 0.005)
    enough = shares[binom.sf(proving[0] - 1, n, shares) >= POWER]
    return round(float(enough[0]), 3) if len(enough) else None


def unseen_share(n: int) -> float:
    """What share of replies may still have a danger that nobody found in n: the upper end of its exact 95 % interval.

    >>> round(unseen_share(50), 3)
    0.058
    """
    return 1.0 - float((1.0 - LEVEL) ** (1.0 / n))


def shows(template: Template, n: int, raters: int, *, systems: int = 1) -> list[Shows]:
    """What n dialogues with so many raters each can show for a template's questions.

    Args:
        template: What is asked.
        n: Independent dialogues.
        raters: Of each item.
        systems: Compared with one another.
    """
    kinds = {question.kind for question in template.questions}
    found: list[Shows] = []
    if n < 2:
        return found
    if "rating" in kinds:
        found += [Shows("mean", icc, mean_half_width(n, raters, icc=icc)) for icc in AGREEMENTS]
        if systems > 1:
            found += [Shows("difference", icc, least_difference(n, raters, icc=icc)) for icc in AGREEMENTS]
        found += [Shows("agreement", icc, agreement_half_width(n, raters, icc=icc)) for icc in AGREEMENTS]
    if kinds & {"label", "multi_label"}:
        found += [Shows("labels", alpha, label_half_width(n, raters, alpha=alpha)) for alpha in AGREEMENTS]
    if template.layout == "pair":
        found.append(Shows("preference", None, least_share(n)))
    if "span" in kinds:
        found.append(Shows("none seen", None, unseen_share(n)))
    return found


def sentences(found: Sequence[Shows]) -> list[str]:
    """The same in words, one line each; figures for the three agreements side by side.

    >>> sentences([Shows("none seen", None, 0.058)])
    ['a danger that nobody finds: at most 5.8 % of replies may have it']
    """
    by_kind: dict[str, list[Shows]] = {}
    for one in found:
        by_kind.setdefault(one.what, []).append(one)
    told = []
    for what, rows in by_kind.items():
        values = " / ".join("undefined" if one.value is None else f"{one.value:.2f}" for one in rows)
        at = " / ".join(f"{one.icc:g}" for one in rows if one.icc is not None)
        first = rows[0].value
        if what == "mean":
            told.append(f"a mean: ± {values} grades, if raters agree at ICC {at} and a grade's SD is {SD:g}")
        elif what == "difference":
            told.append(f"two systems: a difference of {values} grades is found 4 times in 5 (paired, ICC {at})")
        elif what == "agreement":
            told.append(f"agreement (alpha, ICC): ± {values}, if it is {at}")
        elif what == "labels":
            told.append(f"agreement on a label that 30 % have: ± {values}, if it is {at}")
        elif what == "preference":
            share = "nothing can be shown" if first is None else f"{first:.0%} for the better is found 4 times in 5"
            told.append(f"preference: {share}, if no pair is a tie")
        else:
            told.append(f"a danger that nobody finds: at most {100 * (first or 0):.1f} % of replies may have it")
    return told

"""Two systems' replies to the same cases, each pair judged in both orders: who wins, and what the judge is worth.

The same winner in both orders is a win, anything else half a win for either: a judge that always says the first wins
nobody anything. A case without two readable verdicts, or without two usable replies, is missing and counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Final

import numpy as np
import polars as pl

from benchmarks.estimates import Estimate, Floats, undefined
from benchmarks.intervals import mean, minimum_detectable_difference
from benchmarks.length_control import length_controlled
from benchmarks.ranking import Comparison, Ranking, bradley_terry
from benchmarks.resampling import BOOTSTRAP, Bootstrap, bootstrap
from benchmarks.significance import SignTest, holm, sign_test
from xinheng.errors import InputError, UsageError

PANEL: Final = "panel"
SAME: Final = "same reply"
ALL_UNREAD: Final = "same reply, and no verdict on others could be read"
ONE_ORDER: Final = "judged in one order only"
NO_REPLY: Final = "no usable reply"

# One saying of one judge. `first` was shown as A and `second` as B; `choice` is A, B, tie, or null with the reason.
VERDICT: Final[Mapping[str, pl.DataType]] = {
    "case_id": pl.String(),
    "variant": pl.String(),
    "first": pl.String(),
    "second": pl.String(),
    "judge": pl.String(),
    "choice": pl.String(),
    "reason": pl.String(),
    "said": pl.String(),
}
# What a pair came to on a case, by one judge or the panel: 1 `one` won, 0 `other` did, 0.5 neither, null missing.
# `forward` and `backward` are the two sayings from `one`'s side, with `one` shown first and then second.
OUTCOME: Final[Mapping[str, pl.DataType]] = {
    "case_id": pl.String(),
    "variant": pl.String(),
    "group_id": pl.String(),
    "one": pl.String(),
    "other": pl.String(),
    "judge": pl.String(),
    "forward": pl.Float64(),
    "backward": pl.Float64(),
    "value": pl.Float64(),
    "reason": pl.String(),
    "unanswered_lost": pl.Float64(),
    "length_difference": pl.Float64(),
}


@dataclass(frozen=True)
class Pair:
    """What one judge, or the panel, says of two systems on a set of cases.

    Args:
        one: System whose wins count as 1.
        other: The other.
        judge: Who judged; `panel` for all together.
        win_rate: Mean of 1, 0.5 and 0 over the cases with a value.
        unanswered_lost: The same where a case without a usable reply is lost by whoever gave none.
        sign: Exact test on the cases that somebody won, each by itself.
        sign_of_dialogues: The same with one value per dialogue; None where each case is a dialogue of its own.
        consistency: Share of judged cases whose two orders say the same; None for a panel.
        first_slot: Of sayings that chose, the share that chose the reply shown first; None for a panel.
        ties: Share of cases that nobody won.
        tie_verdicts: Share of sayings that were `tie`; None for a panel.
        length_difference: Mean characters of `one` minus `other`.
        controlled: Win rate at equal length, of replies that are not the same.
        sensitivity: Win rate of these minus that: what length is worth; None where undefined.
        detectable: The least difference from 0.5 that as many cases would show with power 0.8.
        p_holm: The sign test's p, of dialogues where there is one, corrected for all pairs.
    """

    one: str
    other: str
    judge: str
    win_rate: Estimate
    unanswered_lost: Estimate
    sign: SignTest
    sign_of_dialogues: SignTest | None
    consistency: Estimate | None
    first_slot: Estimate | None
    ties: Estimate
    tie_verdicts: Estimate | None
    length_difference: Estimate
    controlled: Estimate
    sensitivity: float | None
    detectable: Estimate
    p_holm: float | None = None

    @property
    def p(self) -> float | None:
        """Of the sign test whose units are independent: dialogues, or cases where each is one."""
        return (self.sign_of_dialogues or self.sign).p

    @property
    def verdict(self) -> str:
        """`one` or `other` where interval and corrected test agree that it is better, else `undecided`."""
        rate = self.win_rate
        if rate.low is None or rate.high is None or self.p_holm is None or self.p_holm >= 1 - rate.confidence:
            return "undecided"
        return "one" if rate.low > 0.5 else "other" if rate.high < 0.5 else "undecided"


def outcomes(
    verdicts: pl.DataFrame, replies: pl.DataFrame, systems: Sequence[str], judges: Sequence[str]
) -> pl.DataFrame:
    """What each pair of systems came to on each case, by each judge, and by all of them where there are several.

    Two equal replies are a tie that nobody had to judge; where a judge's verdicts on all others are unread, they are
    missing too. The panel's value is that of more than half of the judges
    that could be read, else 0.5.

    Args:
        verdicts: VERDICT rows; each pair, case, judge and order at most once.
        replies: One row per case, variant and system: case_id, variant, group_id, system, text, usable (Boolean),
            length (characters).
        systems: In the order in which pairs are named.
        judges: In order; those without any verdict count as unread.

    Returns:
        OUTCOME rows, by judge, pair, case.

    Raises:
        InputError: A verdict stands there twice, or is of something that was not asked.
    """
    _check(verdicts, replies, systems, judges)
    parts = []
    for judge in judges:
        mine = verdicts.filter(pl.col("judge") == judge)
        parts += [_of_pair(mine, replies, one, other, judge) for one, other in combinations(systems, 2)]
    if len(judges) > 1:
        parts += [_panel(part) for part in pl.concat(parts).partition_by("one", "other", maintain_order=True)]
    return pl.concat(parts)


def _of_pair(verdicts: pl.DataFrame, replies: pl.DataFrame, one: str, other: str, judge: str) -> pl.DataFrame:
    key = ["case_id", "variant"]
    score = pl.col("choice").replace_strict({"A": 1.0, "B": 0.0, "tie": 0.5}, return_dtype=pl.Float64)
    orders = {
        name: verdicts.filter((pl.col("first") == a) & (pl.col("second") == b)).select(
            *key, (score if name == "forward" else 1 - score).alias(name), pl.col("reason").alias(f"{name}_reason")
        )
        for name, a, b in (("forward", one, other), ("backward", other, one))
    }
    sides = {
        name: replies.filter(pl.col("system") == name).select(*key, "group_id", "text", "usable", "length")
        for name in (one, other)
    }
    both = sides[one].join(sides[other].drop("group_id"), on=key, how="inner", suffix="_b").sort(key)
    for frame in orders.values():
        both = both.join(frame, on=key, how="left", maintain_order="left")
    a, b = pl.col("usable"), pl.col("usable_b")
    same = a & b & (pl.col("text").str.strip_chars() == pl.col("text_b").str.strip_chars())
    forward, backward = pl.col("forward"), pl.col("backward")
    agreed = pl.when(forward == backward).then(forward).otherwise(0.5)
    read = forward.is_not_null() & backward.is_not_null()
    lacking = (
        pl.when(~a & ~b)
        .then(pl.lit(f"{NO_REPLY} of both"))
        .when(~a)
        .then(pl.lit(f"{NO_REPLY} of {one}"))
        .when(~b)
        .then(pl.lit(f"{NO_REPLY} of {other}"))
    )
    why = pl.coalesce("forward_reason", "backward_reason").fill_null(ONE_ORDER)
    value = pl.when(same).then(0.5).when(a & b & read).then(agreed)
    lost = pl.when(~a & ~b).then(0.5).when(~a).then(0.0).when(~b).then(1.0).otherwise(value)
    made = both.select(
        *key,
        "group_id",
        one=pl.lit(one),
        other=pl.lit(other),
        judge=pl.lit(judge),
        forward=pl.when(a & b & ~same).then(forward),
        backward=pl.when(a & b & ~same).then(backward),
        value=value,
        reason=pl.coalesce(lacking, pl.when(same).then(pl.lit(SAME)).when(~read).then(why)),
        unanswered_lost=lost,
        length_difference=pl.when(a & b).then(pl.col("length") - pl.col("length_b")).cast(pl.Float64),
    )
    return _without_lone_ties(made).cast(dict(OUTCOME))  # type: ignore[arg-type]


def _without_lone_ties(rows: pl.DataFrame) -> pl.DataFrame:
    """Ties of equal replies are no result where the judge could be read on none of the others: a half by default."""
    lone = pl.col("reason") == SAME
    heard = (pl.col("value").is_not_null() & ~lone.fill_null(value=False)).any()
    unread = (pl.col("unanswered_lost").is_null()).any()
    void = lone & unread & ~heard
    return rows.with_columns(
        *(
            pl.when(~void.fill_null(value=False)).then(pl.col(name)).alias(name)
            for name in ("value", "unanswered_lost")
        ),
        pl.when(void).then(pl.lit(ALL_UNREAD)).otherwise("reason").alias("reason"),
    )


def _panel(rows: pl.DataFrame) -> pl.DataFrame:
    """One pair's outcomes of several judges as one."""
    votes = pl.col("value").drop_nulls()
    most = pl.when((votes == 1).sum() * 2 > votes.len()).then(1.0)
    most_of = most.when((votes == 0).sum() * 2 > votes.len()).then(0.0).otherwise(0.5)
    lost = pl.col("unanswered_lost").drop_nulls()
    value = pl.when(votes.len() > 0).then(most_of)
    return (
        rows.group_by("case_id", "variant", maintain_order=True)
        .agg(
            pl.col("group_id", "one", "other").first(),
            judge=pl.lit(PANEL),
            forward=pl.lit(None, pl.Float64),
            backward=pl.lit(None, pl.Float64),
            value=value,
            # Where a value is there, the only reason to tell is that the replies were the same.
            reason=pl.when(votes.len() == 0)
            .then(pl.col("reason").first())
            .when((pl.col("reason") == SAME).any())
            .then(pl.lit(SAME)),
            unanswered_lost=pl.when(votes.len() > 0).then(most_of).otherwise(lost.first()),
            length_difference=pl.col("length_difference").first(),
        )
        .select(list(OUTCOME))
        .cast(dict(OUTCOME))  # type: ignore[arg-type]
    )


def pairs(rows: pl.DataFrame, *, how: Bootstrap = BOOTSTRAP) -> list[Pair]:
    """Every pair by every judge, with Holm's correction over the pairs of each judge.

    Args:
        rows: From `outcomes`, of all cases or of some of them.
        how: Resamples, seed, confidence; whole dialogues are drawn again.

    Returns:
        By judge and pair, in the order in which they stand.
    """
    found = [_figures(part, how) for part in rows.partition_by("judge", "one", "other", maintain_order=True)]
    adjusted: dict[int, float | None] = {}
    for judge in dict.fromkeys(pair.judge for pair in found):
        mine = [i for i, pair in enumerate(found) if pair.judge == judge]
        adjusted.update(zip(mine, holm([found[i].p for i in mine]), strict=True))
    return [replace(pair, p_holm=adjusted[i]) for i, pair in enumerate(found)]


def _figures(rows: pl.DataFrame, how: Bootstrap) -> Pair:
    """One pair by one judge."""
    one, other, judge = rows.select("one", "other", "judge").row(0)
    dialogues = rows["group_id"].to_list()
    value, forward, backward = (rows[name].to_numpy() for name in ("value", "forward", "backward"))
    longer = rows["length_difference"].to_numpy()
    # Equal replies are of equal length and tie by definition: they would pin the curve to a half where it is read.
    same = (rows["reason"] == SAME).fill_null(value=False).to_numpy()
    control = length_controlled(np.where(same, np.nan, value), longer, clusters=dialogues, how=how)
    alone = judge == PANEL
    judged = ~(np.isnan(forward) | np.isnan(backward))
    tied = (forward == 0.5).astype(float) + (backward == 0.5)
    return Pair(
        one, other, judge,
        win_rate=mean(value, clusters=dialogues, bounds=(0, 1), how=how),
        unanswered_lost=mean(rows["unanswered_lost"].to_numpy(), clusters=dialogues, bounds=(0, 1), how=how),
        sign=sign_test(value - 0.5),
        sign_of_dialogues=_by_dialogue(rows),
        consistency=None if alone else _rate(judged, judged & (forward == backward), dialogues, how),
        first_slot=None if alone else _first_slot(forward, backward, judged, dialogues, how),
        ties=mean(np.where(np.isnan(value), np.nan, value == 0.5), clusters=dialogues, bounds=(0, 1), how=how),
        tie_verdicts=None if alone else _rate(2.0 * judged, judged * tied, dialogues, how),
        length_difference=mean(longer, clusters=dialogues, how=how),
        controlled=control.controlled,
        sensitivity=control.sensitivity,
        detectable=minimum_detectable_difference(value, clusters=dialogues),
    )  # fmt: skip


def _by_dialogue(rows: pl.DataFrame) -> SignTest | None:
    """The sign test with one value per dialogue: which system won more of its cases."""
    groups = rows.group_by("group_id", maintain_order=True).agg(pl.col("value").drop_nulls().mean())
    return None if groups.height == rows.height else sign_test(groups["value"].to_numpy() - 0.5)


def _first_slot(
    forward: Floats, backward: Floats, judged: np.ndarray, dialogues: Sequence[str], how: Bootstrap
) -> Estimate:
    # `backward` is told from the side of the system that was shown second.
    chose = judged * ((forward != 0.5).astype(float) + (backward != 0.5))
    first = judged * ((forward == 1).astype(float) + (backward == 0))
    return _rate(chose, first, dialogues, how, what="no saying chose a reply")


def _rate(of: np.ndarray, hits: np.ndarray, dialogues: Sequence[str], how: Bootstrap, what: str = "") -> Estimate:
    """Hits in whatever they are counted in, by dialogue; n counts the cases that took part."""
    parts = np.stack([hits.astype(float), of.astype(float)], axis=1)
    n, lost = int((of > 0).sum()), int((of == 0).sum())
    if not n:
        return undefined(what or "no case was judged in both orders", missing=lost)
    shares = hits[of > 0] / of[of > 0]
    if np.ptp(shares) == 0:
        chosen = [name for name, there in zip(dialogues, of > 0, strict=True) if there]
        return mean(shares, clusters=chosen, bounds=(0, 1), how=how).counted(n=n, missing=lost)
    made = bootstrap(parts, lambda sums: sums[:, 0] / sums[:, 1], clusters=list(dialogues), how=how)
    return made.counted(n=n, missing=lost)


def ranking(rows: pl.DataFrame, *, how: Bootstrap = BOOTSTRAP) -> Ranking:
    """The systems from strongest to weakest by one judge or the panel; refused with the reason where none exists.

    Args:
        rows: From `outcomes`, of one judge.
        how: Resamples, seed, confidence.
    """
    known = rows.filter(pl.col("value").is_not_null())
    games = [
        Comparison(one, other, value, group)
        for one, other, value, group in known.select("one", "other", "value", "group_id").iter_rows()
    ]
    return bradley_terry(games, how=how)


def _check(verdicts: pl.DataFrame, replies: pl.DataFrame, systems: Sequence[str], judges: Sequence[str]) -> None:
    if len(systems) < 2 or len(set(systems)) < len(systems):
        raise UsageError("pairwise", "which systems?", want="two or more, each once", have=", ".join(systems) or "none")
    if not judges or len(set(judges)) < len(judges):
        raise UsageError("pairwise", "which judges?", want="one or more, each once", have=", ".join(judges) or "none")
    key = ["case_id", "variant", "first", "second", "judge"]
    twice = verdicts.height - verdicts.select(key).unique().height
    asked = pl.col("first").is_in(list(systems)) & pl.col("second").is_in(list(systems))
    strange = verdicts.filter(
        ~(asked & pl.col("judge").is_in(list(judges)) & pl.col("choice").is_in(["A", "B", "tie"]).fill_null(value=True))
    ).height
    strange += verdicts.join(replies, on=["case_id", "variant"], how="anti").height
    if twice or strange:
        have = f"{twice:,} more than once, {strange:,} of other cases, systems, judges or choices"
        raise InputError(
            "pairwise", "verdicts that do not fit", want="each pair, case, judge and order once", have=have
        )

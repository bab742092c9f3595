"""A pairwise comparison in words: verdicts and warnings as sentences, and the table on the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from string import ascii_uppercase
from typing import Any, Final

import polars as pl

from app.pairwise import Compared, Field
from app.terminal import Terminal
from benchmarks.estimates import Estimate
from benchmarks.pairwise import ALL_UNREAD, PANEL, SAME, Pair, ranking
from benchmarks.pairwise_summary import headline

Said = dict[str, str]
_MANY_MISSING: Final = 0.05
_LITTLE_AGREEMENT: Final = 0.7


def sentences(pair: Pair, cases: int) -> list[Said]:
    """What a pair's figures say, and what speaks against it.

    Args:
        pair: The figures.
        cases: How many were shown, those without a value included.
    """
    one, other, rate = pair.one, pair.other, pair.win_rate
    # Equal replies are ties that need no judge: alone they say nothing where the judge could not be read.
    unread = pair.consistency is not None and not pair.consistency.n and _unread(pair) > 0
    if rate.value is None or unread:
        why = "no case has two readable verdicts" if unread else rate.reason
        return [{
            "state": "undecided",
            "en": f"Nothing can be said of {one} and {other}: {why}.",
            "zh": f"無法比較 {one} 與 {other}：沒有任何題目得到可判讀的評審結果。",
        }]  # fmt: skip
    return [_verdict(pair), *_cautions(pair, cases)]


def _unread(pair: Pair) -> int:
    """Cases with two replies and no readable verdict: those that cannot be called lost by anybody."""
    return pair.unanswered_lost.missing


def _verdict(pair: Pair) -> Said:
    rate = pair.win_rate
    best, worst = (pair.one, pair.other) if pair.verdict != "other" else (pair.other, pair.one)
    seen = rate if pair.verdict != "other" else _turned(rate)
    span_en = f"win rate {_share(seen.value)}" + (
        f" (95% interval {_share(seen.low)} – {_share(seen.high)})" if seen.low is not None else f" ({rate.reason})"
    )
    span_zh = f"勝率 {_share(seen.value)}" + (
        f"（95% 信賴區間 {_share(seen.low)} – {_share(seen.high)}）" if seen.low is not None else "（無法估計區間）"
    )
    sign = pair.sign
    tested_en = f"won {sign.first:,}, lost {sign.second:,}, neither {sign.ties:,}; {_p_of(pair)} by Holm"
    tested_zh = f"勝 {sign.first:,}、負 {sign.second:,}、不分勝負 {sign.ties:,}；Holm 校正 {_p_of(pair)}"
    if pair.verdict == "undecided":
        least = pair.detectable.value
        more_en = f" As many cases would show a win rate of {_share(0.5 + least)} or more." if least else ""
        more_zh = f"這麼多題目只測得出 {_share(0.5 + least)} 以上的勝率。" if least else ""
        if sign.first == sign.second == 0:
            more_en, more_zh = " Nobody won a single case in both orders.", "沒有任何題目在兩種順序下都由同一方勝出。"
        return {
            "state": "undecided",
            "en": f"No difference between {pair.one} and {pair.other} is shown: {span_en}; {tested_en}.{more_en}",
            "zh": f"尚看不出 {pair.one} 與 {pair.other} 有差異：{span_zh}；{tested_zh}。{more_zh}",
        }
    if pair.verdict == "other":
        tested_en = f"won {sign.second:,}, lost {sign.first:,}, neither {sign.ties:,}; {_p_of(pair)} by Holm"
        tested_zh = f"勝 {sign.second:,}、負 {sign.first:,}、不分勝負 {sign.ties:,}；Holm 校正 {_p_of(pair)}"
    return {
        "state": "better",
        "en": f"{best} is better than {worst}: {span_en}; {tested_en}.",
        "zh": f"{best} 優於 {worst}：{span_zh}；{tested_zh}。",
    }


def _cautions(pair: Pair, cases: int) -> list[Said]:
    """What may make the verdict another than it seems."""
    told: list[Said] = []
    names = f"{pair.one} – {pair.other}"
    even = pair.controlled
    if pair.verdict != "undecided" and even.low is not None and even.high is not None and even.low <= 0.5 <= even.high:
        told.append(_caution(
            f"{names}: at equal length the win rate of {pair.one} is {_interval(even)}, which is no difference: "
            "the advantage may be one of length.",
            f"{names}：字數相等時，{pair.one} 的勝率為 {_interval(even)}，看不出差異；優勢可能只來自長短。",
        ))  # fmt: skip
    if pair.verdict != "undecided" and even.value is None and pair.length_difference.value:
        apart = abs(pair.length_difference.value)
        longer = pair.one if pair.length_difference.value > 0 else pair.other
        told.append(_caution(
            f"{names}: what the win rate would be at equal length cannot be said ({even.reason}); {longer} is longer "
            f"by {apart:.0f} characters on average.",
            f"{names}：無法估計字數相等時的勝率；{longer} 平均多 {apart:.0f} 字。",
        ))  # fmt: skip
    slot = pair.first_slot
    if slot is not None and slot.low is not None and slot.high is not None and not slot.low <= 0.5 <= slot.high:
        place = ("first", "先") if slot.low > 0.5 else ("second", "後")
        told.append(_caution(
            f"{names}: the judge prefers what is shown {place[0]} ({_interval(slot)} of its choices are the first). "
            "Both orders cancel this out, at the price of cases that nobody wins.",
            f"{names}：評審偏好{place[1]}出現的回應（選擇先出現者占 {_interval(slot)}）。"
            "兩種順序會互相抵銷，但因此不分勝負的題目變多。",
        ))  # fmt: skip
    same = pair.consistency
    if same is not None and same.value is not None and same.value < _LITTLE_AGREEMENT:
        told.append(_caution(
            f"{names}: the judge says the same in both orders in only {_interval(same)} of the cases.",
            f"{names}：評審在兩種順序下說法一致的題目只有 {_interval(same)}。",
        ))  # fmt: skip
    if (unread := _unread(pair)) > _MANY_MISSING * cases:
        told.append(_caution(
            f"{names}: in {unread:,} of {cases:,} cases the verdicts could not be read; these cases are missing.",
            f"{names}：{cases:,} 題中有 {unread:,} 題的評審結果無法判讀，視為缺漏。",
        ))  # fmt: skip
    lost = pair.win_rate.missing - unread
    if lost > _MANY_MISSING * cases:
        told.append(_caution(
            f"{names}: {lost:,} of {cases:,} cases lack a reply. If a missing reply counted as lost, the win rate of "
            f"{pair.one} would be {_interval(pair.unanswered_lost)}.",
            f"{names}：{cases:,} 題中有 {lost:,} 題缺少回應。若缺少的回應算落敗，"
            f"{pair.one} 的勝率為 {_interval(pair.unanswered_lost)}。",
        ))  # fmt: skip
    return told


def warnings(field: Field, outcomes: pl.DataFrame, facts: Mapping[str, Any]) -> list[Said]:
    """What concerns all pairs."""
    told = [
        _caution(f"The judge {name} is also one of the systems: models tend to like their own replies.",
                 f"評審 {name} 也是受評系統之一：模型往往偏好自己的回應。")
        for name in facts.get("judged_by_itself") or ()
    ]  # fmt: skip
    told += _deaf(outcomes)
    same = outcomes.filter(pl.col("reason") == SAME)
    for one, other in same.select("one", "other").unique(maintain_order=True).iter_rows():
        rows = headline(outcomes).filter((pl.col("one") == one) & (pl.col("other") == other))
        equal = rows.filter(pl.col("reason") == SAME).height
        whole = "every" if equal == rows.height else f"{equal:,} of {rows.height:,}"
        noun, zh = ("case", "所有") if equal == rows.height else ("cases", f" {rows.height:,} 題中 {equal:,} ")
        told.append(_caution(
            f"{one} and {other} gave the same reply in {whole} {noun}: a tie that nobody judged.",
            f"{one} 與 {other} 在{zh}題的回應完全相同：視為平手，未經評審。",
        ))  # fmt: skip
    flagged = field.replies.filter(pl.col("flagged").list.len() > 0)
    for system, n in flagged.group_by("system", maintain_order=True).len().iter_rows():
        told.append(_caution(
            f"In {n:,} replies of {system} something looks like an attempt on the judge; see the table `flagged`.",
            f"{system} 有 {n:,} 則回應疑似試圖影響評審，識別碼見 flagged 資料表。",
        ))  # fmt: skip
    return told


def _deaf(outcomes: pl.DataFrame) -> list[Said]:
    """Judges of a panel who could often not be read: there the panel is that of the others."""
    if PANEL not in outcomes["judge"]:
        return []
    asked = (pl.col("forward").is_not_null() & pl.col("backward").is_not_null()) | pl.col("unanswered_lost").is_null()
    counts = (
        outcomes.filter((pl.col("judge") != PANEL) & asked)
        .filter(pl.col("reason").fill_null("") != ALL_UNREAD)
        .group_by("judge", maintain_order=True)
        .agg(pl.col("value").is_null().sum().alias("unread"), pl.len().alias("asked"))
    )
    return [
        _caution(f"Of {n:,} judgments by {judge}, {unread:,} could not be read: there the panel is the others alone.",
                 f"評審 {judge} 的 {n:,} 次判斷中有 {unread:,} 次無法判讀，這些題目的合議結果只含其他評審。")
        for judge, unread, n in counts.iter_rows() if unread > _MANY_MISSING * n
    ]  # fmt: skip


def show(terminal: Terminal, made: Compared, place: str) -> None:
    """Verdicts in words, a row per judge and pair, what it took, and where it lies."""
    from app.generating import show_steps

    facts = made.artifact.manifest["facts"]
    first = headline(made.outcomes)
    cases = first.select("case_id", "variant").unique().height
    shown = [pair for pair in made.pairs if pair.judge == first["judge"].first()]
    told = [one for pair in shown for one in sentences(pair, cases)] + warnings(made.field, made.outcomes, facts)
    for one in told:
        terminal.line(("  take care: " if one["state"] == "caution" else "") + one["en"])
    if len(made.field.systems) > 2:
        terminal.line()
        found = ranking(first)
        if found.reason:
            terminal.line(f"no ranking: {found.reason}")
        else:
            terminal.table(
                ["rank", "system", "strength", "95 % interval"],
                [[i, name, f"{e.value:+.2f}", "none" if e.low is None else f"{e.low:+.2f} to {e.high:+.2f}"]
                 for i, (name, e) in enumerate(zip(found.systems, found.strengths, strict=True), 1)],
                right=(0, 2),
            )  # fmt: skip
    terminal.line()
    letters = dict(zip(made.field.systems, ascii_uppercase, strict=False))
    for name, letter in letters.items():
        terminal.line(f"{letter}  {name}")
    terminal.line()
    terminal.table(
        ["judge", "pair", "first wins", "95 % interval", "cases", "missing", "same in both orders", "chose first",
         "nobody won", "equal length", "p (Holm)"],
        [[p.judge, f"{letters.get(p.one, p.one)} – {letters.get(p.other, p.other)}", _share(p.win_rate.value),
          _ends(p.win_rate), p.win_rate.n, p.win_rate.missing,
          _share(p.consistency.value if p.consistency else None), _share(p.first_slot.value if p.first_slot else None),
          _share(p.ties.value), _share(p.controlled.value), _p(p.p_holm)] for p in made.pairs],
        right=(2, 4, 5, 6, 7, 8, 9, 10),
    )  # fmt: skip
    terminal.line()
    show_steps(terminal, facts["steps"])
    terminal.line(f"\nscores  {made.artifact.path}  {made.artifact.digest[:12]}")
    terminal.line(f"page    {place}")
    terminal.line(f"next    xinheng leaderboard {made.artifact.path} --out DIR")
    terminal.result(
        {
            "path": str(made.artifact.path), "digest": made.artifact.digest, "page": place, "verdicts": told,
            "summary": made.artifact.scan("summary").collect().to_dicts(), **facts,
        }
    )  # fmt: skip


def _caution(en: str, zh: str) -> Said:
    return {"state": "caution", "en": en, "zh": zh}


def _turned(e: Estimate) -> Estimate:
    value, low, high = (None if v is None else 1 - v for v in (e.value, e.high, e.low))
    return Estimate(value, low, high, n=e.n, missing=e.missing, reason=e.reason, method=e.method)


def _share(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f}%"


def _ends(e: Estimate) -> str:
    return "none" if e.low is None or e.high is None else f"{_share(e.low)} to {_share(e.high)}"


def _interval(e: Estimate) -> str:
    return _share(e.value) + (f" ({_share(e.low)} – {_share(e.high)})" if e.low is not None else "")


def _p(value: float | None) -> str:
    return "none" if value is None else "< 0.001" if value < 0.001 else f"{value:.3f}"


def _p_of(pair: Pair) -> str:
    told = _p(pair.p_holm)
    return f"p {told}" if told.startswith("<") else f"p = {told}"

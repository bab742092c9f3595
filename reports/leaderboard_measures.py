"""What measures are called, how their numbers are printed, which way is better, and intervals as pictures."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from reports.labels import Words, clean, words
from reports.render import NO_NUMBER, number

MEASURES: Final[dict[str, Words]] = {
    "weighted_f1": Words("Weighted F1", "加權 F1"),
    "accuracy": Words("Accuracy", "正確率"),
    "mean": Words("Mean", "平均分數"),
    "macro_accuracy": Words("Macro accuracy", "科目平均正確率"),
    "micro_accuracy": Words("Micro accuracy", "全體正確率"),
    "macro_f1": Words("Macro F1", "宏平均 F1"),
    "floor_f1": Words("Floor", "基準線"),
    "majority_f1": Words("Majority label", "多數標籤"),
    "invalid_rate": Words("Unreadable answers", "無法判讀的回答"),
    "refusal_rate": Words("Refusals", "拒答"),
    "repeat_agreement": Words("Same in all repeats", "重複作答一致率"),
    "grade": Words("Grade", "評分"),
    "normalised": Words("Grade, 0 to 1", "評分（0 至 1）"),
    "unanswered_lowest": Words("If missing ones had the worst grade", "缺漏者以最低分計"),
    "by_length": Words("Rank correlation with length", "與長度之等級相關"),
    "repeat_sd": Words("SD over repeats", "重複評分標準差"),
    "judges_alpha": Words("Agreement of judges (alpha)", "評審一致性（alpha）"),
    "win_rate": Words("Win rate", "勝率"),
    "tie_rate": Words("Ties", "平手率"),
    "consistency": Words("Same winner in both orders", "前後對調仍一致"),
    "relevance": Words("Relevance", "切題程度"),
    "empathy": Words("Empathy", "同理程度"),
    "actionability": Words("Actionability", "建議可行性"),
    "coherence": Words("Coherence", "連貫程度"),
    "professionalism": Words("Professionalism", "專業程度"),
    "suggestion": Words("Quality of suggestions", "建議品質"),
    "expression": Words("Expression", "表達"),
    "latency_p50_s": Words("Latency, median", "延遲中位數"),
    "latency_p95_s": Words("Latency, 95th percentile", "延遲第 95 百分位數"),
    "latency_p99_s": Words("Latency, 99th percentile", "延遲第 99 百分位數"),
    "first_token_p50_s": Words("First token, median", "首字延遲中位數"),
    "first_token_p95_s": Words("First token, 95th percentile", "首字延遲第 95 百分位數"),
    "error_rate": Words("Errors", "錯誤率"),
    "disagreement": Words("Generated and likeliest differ", "生成與最可能選項不同"),
    "calibration_error": Words("Calibration error", "校準誤差"),
    "captured": Words("Probability of all letters", "全部選項代號的機率"),
    "bart_score": Words("BART-score", "BART-score"),
    "bert_score": Words("BERTScore", "BERTScore"),
    "chrf": Words("chrF", "chrF"),
    "rouge_l": Words("ROUGE-L", "ROUGE-L"),
}
BENCHMARKS: Final[dict[str, Words]] = {
    "imhi": Words("IMHI", "IMHI"),
    "mcq": Words("Multiple choice", "選擇題"),
    "choices": Words("Multiple choice", "選擇題"),
    "judge": Words("Judged answers", "評審評分"),
    "pairwise": Words("Pairwise comparison", "兩兩比較"),
    "human": Words("Human ratings", "人工評分"),
    "technical": Words("Speed and reliability", "速度與穩定性"),
}
SCORERS: Final[dict[str, Words]] = {
    "rule": Words("our reader (rule)", "本專案的判讀規則（rule）"),
    "upstream": Words("the publishers' reader (upstream)", "原作者的判讀規則（upstream）"),
    "generated": Words("generated answers", "生成的答案（generated）"),
    "panel": Words("panel", "評審合議（panel）"),
    "humans": Words("human raters (humans)", "人工評分者（humans）"),
    "likelihood": Words("log-likelihood of the letters", "選項代號的對數概似（likelihood）"),
    "likelihood_normalised": Words("log-likelihood, by length", "依長度正規化的對數概似（likelihood_normalised）"),
}
PARTS: Final[dict[str, Words]] = {
    "Irf": Words("IRF", "IRF"),
    "swmh": Words("SWMH", "SWMH"),
    "mean": Words("Mean of the sets", "各資料集平均"),
    "all": Words("All cases", "全部題目"),
    "overall": Words("All cases", "全部題目"),
    "micro": Words("All cases (micro)", "全部題目（micro）"),
    "macro": Words("Mean of the subjects (macro)", "各科平均（macro）"),
    **{name: MEASURES[name] for name in ("relevance", "empathy", "actionability", "coherence", "professionalism")},
}
MARKS: Final[dict[str, Words]] = {
    "test_rows": Words("trained on published test rows", "訓練資料含公開測試題"),
    "contaminated": Words("training data holds benchmark cases", "訓練資料含評測題"),
}

REASONS: Final[dict[str, Words]] = {
    "unreadable": Words("unreadable", "無法判讀"),
    "no answer": Words("no answer", "沒有回答"),
    "refused": Words("refused", "拒答"),
    "filtered": Words("filtered", "遭過濾"),
    "truncated": Words("cut off", "回答不完整"),
    "timeout": Words("timed out", "逾時"),
    "infinite": Words("infinite", "數值無限大"),
    "no number": Words("no number", "不是數字"),
    "no interval": Words("no interval", "沒有區間"),
    "no cases": Words("no cases", "沒有題目"),
    "no value could be read": Words("no value could be read", "沒有可判讀的值"),
    "no pair is complete": Words("no pair is complete", "沒有兩者皆有得分的題目"),
    "same reply": Words("same reply", "回應完全相同"),
    "same reply, and no verdict on others could be read": Words(
        "same reply, and no verdict on others could be read", "回應完全相同，而其他題目的評審結果皆無法判讀"
    ),
    "no case has a value of both": Words("no case has a value of both", "沒有兩者皆有得分的題目"),
    "published, not rerun: no interval, no test": Words("no interval, no test", "沒有區間與檢定"),
    "runs give different floors; this is the greatest": Words(
        "runs give different floors; this is the greatest", "各次執行的基準線不同，取最大者"
    ),
    "only one post or dialogue: there is nothing to compare it with": Words(
        "only one post or dialogue", "只有一則貼文或一段對話"
    ),
    "only one dialogue or item: there is nothing to resample": Words(
        "no interval: only one dialogue or case", "沒有區間：只有一段對話或一題"
    ),
}
_LOWER: Final = re.compile(
    r"(latency|first_token|error_rate|invalid|refusal|memory|peak|reserved|cost|usd|ece|calibration_error|perplexity"
    r"|recall_sd|position_bias|disagreement|unread|crisis_missed|diagnosis_claimed|medication_advice|over_promise)"
)
_PERCENT: Final = re.compile(r"(weighted_f1|macro_f1|floor_f1|majority_f1)(_sd)?")
_SHARES: Final = re.compile(r".*(rate|share|agreement|accuracy|consistency|captured)(_sd)?")
_MOST: Final = 1e15


@dataclass(frozen=True)
class Scale:
    """From which to which value the pictures of a column reach; `low` is drawn at the left."""

    low: float
    high: float

    def at(self, value: float) -> float:
        """A value's place, 0 to 100."""
        return min(100.0, max(0.0, 100 * (value - self.low) / (self.high - self.low)))


def measure_words(name: object) -> Words:
    """A measure's name in both languages; its own name where it is not known here.

    >>> measure_words("weighted_f1_sd").en, measure_words("own_measure").en
    ('Weighted F1, SD over repeats', 'own measure')
    """
    text = clean(name)
    if text in MEASURES:
        return MEASURES[text]
    if text.endswith("_sd") and text[:-3] in MEASURES:
        base = MEASURES[text[:-3]]
        return Words(f"{base.en}, SD over repeats", f"{base.zh}（重複之標準差）")
    return Words(text.replace("_", " "), text.replace("_", " "))


def part_words(name: object) -> Words:
    """A part's name in both languages; `mean expert` is the mean of the parts that end so."""
    text = clean(name)
    head, _, rest = text.partition(" ")
    if text in PARTS or head not in PARTS:
        return PARTS.get(text, Words(text, text))
    return Words(f"{PARTS[head].en}, {rest}", f"{PARTS[head].zh}（{rest}）")


def scorer_words(name: object) -> Words:
    """Who read or judged, in both languages."""
    text = clean(name)
    if text.startswith("label:"):
        return Words(f"label classifier {text[6:]}", f"標籤分類器 {text[6:]}")
    return SCORERS.get(text, Words(text, text))


def reason_words(reason: object) -> Words:
    """Why there is no value, interval or test; a reason that is not known here stands for itself."""
    text = clean(reason)
    return REASONS.get(text, Words(text, text))


def told_reason(reason: object) -> Words:
    """A reason in both languages, where it is known or comes in both.

    >>> told_reason("unreadable").zh, told_reason({"en": "x", "zh": "y"}).zh
    ('無法判讀', 'y')
    """
    found = words(reason)
    return REASONS.get(found.en, found)


def method_words(method: object) -> Words:
    """Which tests were made.

    >>> method_words("paired bootstrap by post, 10,000 resamples").zh
    '以貼文為單位的配對拔靴法，10,000 次'
    """
    told = [(one, _method_zh(one)) for one in clean(method).split("; ")]
    return Words("; ".join(en for en, _ in told), "；".join(zh for _, zh in told))


def _method_zh(method: str) -> str:
    if method == "McNemar, exact":
        return "McNemar 精確檢定"
    found = re.fullmatch(r"paired bootstrap by post, ([\d,]+) resamples", method)
    return f"以貼文為單位的配對拔靴法，{found[1]} 次" if found else method


def lower_is_better(measure: str, part: str = "") -> bool:
    """Whether less is better, as with times and errors; of a judge's grade its dimension says it.

    >>> lower_is_better("latency_p95_s"), lower_is_better("accuracy"), lower_is_better("grade", "crisis_missed")
    (True, False, True)
    """
    return _LOWER.match(part if measure == "grade" else measure) is not None


def printed(value: object, measure: str, *, shares: bool) -> str:
    """A figure as a table prints it.

    Args:
        value: The figure, or null.
        measure: Its name.
        shares: The measure is one of shares (0 to 1) here: some benchmarks give accuracy in percent.

    >>> printed(82.414, "weighted_f1", shares=False), printed(0.8241, "accuracy", shares=True)
    ('82.41', '82.4%')
    >>> printed(None, "x", shares=False), printed(1.25, "latency_p95_s", shares=False)
    ('–', '1.25 s')
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return NO_NUMBER
    if abs(value) >= _MOST:
        return f"{value:.3g}"
    if shares:
        return f"{100 * value:.1f}%"
    if measure.endswith("_s"):
        return f"{value:,.3g} s" if abs(value) < 1000 else f"{value:,.0f} s"
    return f"{value:,.2f}" if abs(value) >= 0.1 or not value else f"{value:.3g}"


def are_shares(measure: str, values: Iterable[float | None]) -> bool:
    """Whether a measure's values are shares of 1: by its name, and if none of them is beyond 1.

    >>> are_shares("accuracy", [0.5, None]), are_shares("accuracy", [50.0]), are_shares("empathy", [0.5])
    (True, False, False)
    """
    if _PERCENT.fullmatch(measure) or not _SHARES.fullmatch(measure):
        return False
    return all(0 <= value <= 1 for value in values if value is not None)


def p_value(p: object) -> str:
    """A p value as papers print it, with its sign.

    >>> p_value(0.04567), p_value(0.00001), p_value(None)
    ('= 0.046', '< 0.001', '–')
    """
    if not isinstance(p, int | float) or not math.isfinite(p):
        return NO_NUMBER
    return "< 0.001" if p < 0.001 else f"= {p:.2f}" if p >= 0.995 else f"= {p:.3f}"


def scale_of(values: Iterable[float | None]) -> Scale | None:
    """Where pictures of these values and ends of intervals may begin and end; null without any.

    >>> scale_of([52.1, 88.0]), scale_of([None])
    (Scale(low=50.0, high=90.0), None)
    """
    known = [value for value in values if value is not None and math.isfinite(value) and abs(value) < _MOST]
    if not known:
        return None
    low, high = min(known), max(known)
    span = (high - low) or abs(high) or 1.0
    span = max(span, 1e-9 * max(abs(high), abs(low)), 1e-9)
    step = 10.0 ** math.floor(math.log10(span / 2))
    step *= next(factor for factor in (1, 2, 5, 10) if span / (step * factor) <= 8)
    first, last = math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step
    return Scale(float(f"{first:.10g}"), float(f"{last if last > first else first + step:.10g}"))


def picture(scale: Scale | None, value: float | None, low: float | None, high: float | None, kind: str) -> Markup:
    """A value with its interval as a drawing; the numbers stand beside it as text, so that it is hidden from readers.

    Args:
        scale: Of the column.
        value: The dot.
        low: Left end of the bar; null where there is no interval.
        high: Right end.
        kind: A class for the colour: `run`, `leader`, `floor`, `published`.
    """
    if scale is None or value is None or abs(value) >= _MOST:
        return Markup("")
    marks = []
    if low is not None and high is not None:
        left, right = scale.at(low), scale.at(high)
        marks.append(f'<path d="M{left:.2f} 7v6M{right:.2f} 7v6M{left:.2f} 10H{right:.2f}"/>')
    at = scale.at(value)
    marks.append(f'<path class="dot" d="M{at:.2f} 10h0"/>')
    # Without a fixed aspect the drawing stretches to its cell; lines keep their width, and the dot is a round cap.
    return Markup(
        '<svg class="interval {}" viewBox="-3 0 106 20" preserveAspectRatio="none" aria-hidden="true">'
        '<path class="axis" d="M0 19H100M0 16v3M50 16v3M100 16v3"/>{}</svg>'
    ).format(kind, Markup("".join(marks)))  # noqa: S704  numbers and fixed words only


def count_words(value: object) -> str:
    """A count, or a dash."""
    return number(value) if isinstance(value, int | float) else NO_NUMBER

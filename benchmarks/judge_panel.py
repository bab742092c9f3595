"""What may move a judge besides the reply: its own family's style, length, and words that suit anybody."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from benchmarks.estimates import Estimate, Floats, column, undefined
from benchmarks.intervals import difference
from benchmarks.resampling import BOOTSTRAP, Bootstrap, bootstrap

Clusters = Sequence[Hashable] | None

# The beginnings of models' names, and whose they are. A model made of another's outputs is of its base's family.
_FAMILIES: Final[Mapping[str, str]] = {
    "gpt": "openai", "chatgpt": "openai", "o1": "openai", "o3": "openai", "o4": "openai", "davinci": "openai",
    "claude": "anthropic", "gemini": "google", "gemma": "google", "palm": "google",
    "llama": "llama", "vicuna": "llama", "alpaca": "llama", "mentallama": "llama", "codellama": "llama",
    "qwen": "qwen", "qwq": "qwen", "phi": "phi", "mistral": "mistral", "mixtral": "mistral", "ministral": "mistral",
    "deepseek": "deepseek", "glm": "glm", "chatglm": "glm", "yi": "yi", "internlm": "internlm",
    "baichuan": "baichuan", "breeze": "mistral", "taide": "llama", "smollm": "smollm", "command": "cohere",
    "aya": "cohere", "grok": "grok", "kimi": "kimi", "moonshot": "kimi", "ernie": "ernie", "hunyuan": "hunyuan",
}  # fmt: skip


def family(name: str) -> str:
    """The family of a model by its name; the first word of a name that is not known, and "" where there is none.

    A way of answering has the family of its model. What was tuned under a name of its own is known by its base only
    where the name says it: `local:PATH` by the last part of its path that is known.

    >>> family("staged:ollama:qwen2.5:7b"), family("openai:gpt-4o@https://host/v1"), family("local:/m/Phi-3+my-lora")
    ('qwen', 'openai', 'phi')
    """
    plain = re.sub(r"@\w+://\S*$", "", name.partition("?")[0]).casefold()
    kind_free = re.sub(r"^(?:(?:staged|oneshot|ruled|supervised|reflect):)*(?:ollama|openai|local):", "", plain)
    words = [word for word in re.split(r"[/\\+:_\s.-]+|(?<=[a-z])(?=\d)", kind_free) if word]
    # From the end: a folder's name may say more than the folders above it.
    parts = [part for part in re.split(r"[/\\]+", kind_free.partition("+")[0]) if part]
    for part in reversed(parts):
        found = re.match(r"[a-z]+\d?", part)
        stems = [found[0], found[0].rstrip("0123456789")] if found else []
        for stem in stems:
            if stem in _FAMILIES:
                return _FAMILIES[stem]
        for stem, owner in _FAMILIES.items():
            if re.search(rf"(?<![a-z]){stem}(?![a-z])", part):
                return owner
    return words[0] if words else ""


def self_preference(
    table: pl.DataFrame, judge: str, families: Mapping[str, str], *, how: Bootstrap = BOOTSTRAP
) -> Estimate:
    """How much more a judge gives its own family than others give it, beyond how much more it gives anybody.

    With replies of other families too it is the difference of differences; without them, only how far the judge is
    above the others on its own family, which its severity moves as well (the method says which).

    Args:
        table: group_id, system, judge, value (on one scale, null where missing), and what names a reply: case_id,
            variant. One measure.
        judge: Whose preference.
        families: Of judges and systems.
        how: Resamples, seed, confidence.

    Returns:
        Undefined without a reply of its own family, or without a judge of another.
    """
    own = families.get(judge, "")
    others = [name for name in table["judge"].unique() if families.get(name, "") != own]
    wide = table.filter(pl.col("judge").is_in([judge, *others])).pivot(
        "judge", index=["group_id", "system", "case_id", "variant"], values="value"
    )
    if not others or judge not in wide.columns:
        return undefined("no judge of another family")
    theirs = wide.select(pl.mean_horizontal(*(pl.col(name) for name in others), ignore_nulls=False)).to_series()
    ahead = (wide[judge] - theirs).to_numpy().astype(np.float64)
    is_own = np.array([families.get(system, "") == own for system in wide["system"]])
    there = ~np.isnan(ahead)
    n, missing = int(there.sum()), int((~there).sum())
    if not (there & is_own).any():
        return undefined("no reply of its own family", n=n, missing=missing)
    parts = np.column_stack([ahead * is_own, is_own, ahead * ~is_own, ~is_own])[there].astype(np.float64)
    clusters = [group for group, known in zip(wide["group_id"], there, strict=True) if known]
    with_others = bool((there & ~is_own).any())

    def preference(sums: Floats) -> Floats:
        with np.errstate(all="ignore"):
            return np.asarray(sums[:, 0] / sums[:, 1] - (sums[:, 2] / sums[:, 3] if with_others else 0.0))

    made = bootstrap(parts, preference, clusters=clusters, how=how, what="self-preference")
    label = "difference of differences" if with_others else "against other judges on its own family alone"
    return Estimate(
        made.value, made.low, made.high, n, missing, made.reason, f"{label}, {made.method}".strip(", "), how.confidence
    )


def at_equal_length(
    values: npt.ArrayLike,
    lengths: npt.ArrayLike,
    systems: Sequence[str],
    *,
    clusters: Clusters = None,
    how: Bootstrap = BOOTSTRAP,
) -> dict[str, Estimate]:
    """The mean of each system, were all replies of the same length: one slope over the logarithm, within systems.

    Args:
        values: One grade per reply; NaN where missing.
        lengths: Characters of the reply, above 0.
        systems: Who replied.
        clusters: The dialogue of each reply.
        how: Resamples, seed, confidence.

    Returns:
        Undefined for all where lengths do not differ within any system, and with one system alone, which has no
        other to be compared with.
    """
    y, size = column("at_equal_length", values), column("at_equal_length", lengths, name="lengths")
    names = sorted(set(systems))
    there = ~np.isnan(y) & (size > 0)
    n, missing = int(there.sum()), int((~there).sum())
    x = np.log2(np.where(size > 0, size, 1.0))
    codes = np.array([names.index(system) for system in systems])
    seen = np.unique(codes[there])
    if len(names) < 2 or len(seen) < len(names):
        why = "one system alone" if len(names) < 2 else "a system without a grade"
        return {name: undefined(why, n=n, missing=missing) for name in names}
    flat = all(np.ptp(x[there & (codes == code)]) == 0 for code in seen)
    if flat:
        return {name: undefined("replies of a system are all of one length", n=n, missing=missing) for name in names}
    middle_x, middle_y = float(x[there].mean()), float(y[there].mean())
    u, v = (x - middle_x)[there], (y - middle_y)[there]
    hot = np.eye(len(names))[codes[there]]
    parts = np.column_stack([hot, hot * u[:, None], hot * v[:, None], hot * (u * v)[:, None], hot * (u * u)[:, None]])
    kept = None if clusters is None else [c for c, known in zip(clusters, there, strict=True) if known]

    def adjusted(number: int) -> Estimate:
        def statistic(sums: Floats) -> Floats:
            k = len(names)
            count, sx, sy, sxy, sxx = (sums[:, i * k : (i + 1) * k] for i in range(5))
            with np.errstate(all="ignore"):
                slope = (sxy - sx * sy / count).sum(axis=1) / (sxx - sx * sx / count).sum(axis=1)
                all_x = sx.sum(axis=1) / count.sum(axis=1)
                means_y, means_x = sy[:, number] / count[:, number], sx[:, number] / count[:, number]
                return np.asarray(middle_y + means_y - slope * (means_x - all_x))

        made = bootstrap(parts, statistic, clusters=kept, how=how, what="the mean at equal length")
        return made.counted(n=int(hot[:, number].sum()), missing=missing)

    return {name: adjusted(number) for number, name in enumerate(names)}


def above_constant(
    values: npt.ArrayLike, constant: npt.ArrayLike, *, clusters: Clusters = None, better: str = "higher",
    bounds: tuple[float, float], how: Bootstrap = BOOTSTRAP,
) -> Estimate:  # fmt: skip
    """How far a system is above the fixed reply that suits anybody, on the cases that both were graded on.

    Where the lower end is not above 0, the judge has not shown that it can tell counselling from a phrase.

    Args:
        values: The system's, one per case; NaN where missing.
        constant: The fixed reply's, in the same order.
        clusters: The dialogue of each case.
        better: `lower` where a good grade is a low one.
        bounds: Of the scale.
        how: Resamples, seed, confidence.
    """
    first, second = (values, constant) if better == "higher" else (constant, values)
    reach = bounds[1] - bounds[0]
    return difference(first, second, clusters=clusters, bounds=(-reach, reach), how=how)

"""What was merged and written, read back: it must answer as before, and every special token must be the one it was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from xinheng.errors import CheckFailed

# Largest difference of a logit, as a share of the largest logit: what rounding the weights to these types makes.
EXACT: Final = 1e-3
TOLERANCE: Final = {"float32": EXACT, "float16": 2e-2, "bfloat16": 1e-1}
_ASKED: Final = "我最近睡不好。 I cannot sleep. 你願意多說一點嗎？"
_MOST: Final = 256  # tokens of what is asked


@dataclass(frozen=True)
class Checked:
    """That what was written answers as what was merged.

    Args:
        tokens: Special and added tokens, each as before.
        largest: Largest difference of a logit.
        logit: Largest logit, to hold it against.
        tolerance: Most that `largest` may be of `logit`.
        agreement: Share of places where the likeliest token is the same.
        dtype: Of the weights as written.
        parameters: As written.
    """

    tokens: int
    largest: float
    logit: float
    tolerance: float
    agreement: float
    dtype: str
    parameters: int


def asked(words: Any) -> tuple[Any, dict[str, list[int]]]:
    """What is asked to compare answers, with every added token in it, and what each of these tokens is now."""
    import torch

    added = sorted(words.get_added_vocab(), key=words.get_added_vocab().get)
    split = {token: words(token, add_special_tokens=False)["input_ids"] for token in added}
    said = words(_ASKED, add_special_tokens=False)["input_ids"]
    ids = [*[words.convert_tokens_to_ids(token) for token in added][: _MOST - len(said)], *said]
    return torch.tensor([ids[:_MOST]]), split


def compared(
    model: Any, again: Any, words: Any, want: Any, ids: Any, split: Mapping[str, list[int]], *, own: Any,
    parameters: int, who: str,
) -> Checked:  # fmt: skip
    """What was read back against what was merged.

    Raises:
        CheckFailed: A token is another or several now, or the answers are not near.
    """
    import torch

    now = asked(again)[1]
    broken = [token for token, pieces in split.items() if now.get(token) != pieces]
    broken += [t for t in words.all_special_tokens if len(again(t, add_special_tokens=False)["input_ids"]) != 1]
    with torch.no_grad():
        have = model(input_ids=ids).logits.float()
    largest, logit = float((want - have).abs().max()), float(want.abs().max())
    dtype = str(own).removeprefix("torch.")
    tolerance = TOLERANCE.get(dtype, TOLERANCE["bfloat16"])
    if broken or not largest <= tolerance * max(1.0, logit):  # a difference that is no number is one
        raise CheckFailed(
            who,
            "what was written is not what was merged; nothing was kept",
            want=f"logits within {tolerance:g} of the largest, each special token as it was",
            have=f"logits that differ by {largest:.3g} of {logit:.3g}; {len(set(broken))} tokens changed",
        )
    agreement = float((want.argmax(-1) == have.argmax(-1)).float().mean())
    return Checked(len(split), largest, logit, tolerance, agreement, dtype, parameters)

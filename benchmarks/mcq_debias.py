"""Answers with a model's liking for letters taken out (PriDe), and which questions may be rotated at all."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from benchmarks.estimates import Floats
from benchmarks.mcq_positions import pride_prior
from xinheng.errors import InputError, UsageError

SHARE: Final = 0.1
_LEAST: Final = 10  # questions to estimate a prior from, where there are as many
_SAME: Final = 1e-9  # between log-probabilities: sums of the same numbers in another order differ by less

_PLACED: Final = re.compile(
    r"(?:以上|上述|前述)(?=[皆都均全各所选選答三四二两兩叙敘说說非無无])|皆是|皆非|(?:都是|都不是|都对|都對)$"
    r"|[A-J]\s*[和与與及或、]\s*[A-J]|[①-⑩]"
    r"|(?i:\b(?:all|none|both|neither|any|either|two|some) of (?:the )?(?:above|these|them)\b|\bnone above\b)"
    r"|\([A-J]\)|\b[A-J](?:,| and| or| nor| &) [A-J]\b|(?i:\b(?:both|neither|either|only|options?|answers?)) [A-J]\b"
)


def rotatable(options: Sequence[str]) -> bool:
    """Whether options keep their sense in another order: none of them speaks of others by their place.

    >>> rotatable(["anger", "fear"]), rotatable(["anger", "fear", "all of the above"]), rotatable(["憂鬱", "以上皆是"])
    (True, False, False)
    """
    return len(options) > 1 and not any(_PLACED.search(option) for option in options)


@dataclass(frozen=True)
class Debiased:
    """What PriDe makes of the answers.

    Args:
        prior: Of each letter, adding up to 1.
        chosen: Of each question the option that is chosen, by its place before rotation; -1 where two are as likely.
        before: The same without PriDe: by the odds in the order as published.
        estimated_on: Whether the question is one of those that the prior was estimated on.
    """

    prior: Floats
    chosen: npt.NDArray[np.int64]
    before: npt.NDArray[np.int64]
    estimated_on: npt.NDArray[np.bool_]


def debias(names: Sequence[str], probabilities: npt.ArrayLike, *, share: float = SHARE, seed: int = 0) -> Debiased:
    """Answers by the odds of the contents: the prior of the letters, estimated on a share of the questions, taken out.

    On that share all rotations are used, for the prior and for the answer; on the others the odds in the published
    order are divided by the prior, as if the rotations had not been computed. Which questions make up the share is
    decided by the seed and their ids alone.

    Args:
        names: Ids of the questions.
        probabilities: questions x rotations x letters, as observed for the letters; rotation k shows option
            (place + k) mod n at each place. All > 0.
        share: Of the questions, above 0 to 1; at least ten of them where there are as many.
        seed: Of the draw.

    Raises:
        InputError: Another shape, or values not above 0.
        UsageError: No such share.

    Source: Zheng et al. 2024, Large Language Models Are Not Robust Multiple Choice Selectors, section 4.
    """
    seen = np.asarray(probabilities, dtype=np.float64)
    if not 0 < share <= 1:
        raise UsageError("debias", "no such share", want="above 0, to 1", have=f"{share:g}")
    if seen.ndim != 3 or len(seen) != len(names):
        raise InputError("debias", "wrong shape", want=f"{len(names)} questions", have=f"{seen.shape}")
    n = len(names)
    drawn = sorted(range(n), key=lambda i: hashlib.sha256(f"{seed}:{names[i]}".encode()).digest())
    some = np.zeros(n, dtype=np.bool_)
    some[drawn[: min(n, max(_LEAST, round(share * n)))]] = True
    prior = pride_prior(seen[some])
    level = np.log(seen / seen.sum(axis=2, keepdims=True))
    letters = seen.shape[2]
    # Rotation k shows option (place + k) mod n at a place; so option o stands at place (o - k) mod n.
    places = (np.arange(letters)[None, :] - np.arange(letters)[:, None]) % letters
    contents = np.take_along_axis(level, places[None], axis=2).mean(axis=1)
    plain = level[:, 0, :]
    chosen = np.where(some, _greatest(contents), _greatest(plain - np.log(prior)))
    return Debiased(prior, chosen, _greatest(plain), some)


def _greatest(values: Floats) -> npt.NDArray[np.int64]:
    """The place of each row's greatest value, -1 where two are as great: the first of them was not chosen."""
    ties = (values >= values.max(axis=1, keepdims=True) - _SAME).sum(axis=1) > 1
    return np.where(ties, -1, values.argmax(axis=1)).astype(np.int64)

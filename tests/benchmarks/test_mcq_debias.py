"""PriDe: a liking for letters is found and taken out, and what cannot be turned is left alone."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.mcq_debias import debias, rotatable
from benchmarks.mcq_positions import rotations
from xinheng.errors import InputError, UsageError

PRIOR = np.array([0.55, 0.2, 0.15, 0.1])


def observed(n: int = 200, seed: int = 0) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Questions whose contents have odds of their own, seen through a liking for letters; and the likeliest content."""
    contents = np.random.default_rng(seed).dirichlet(np.full(4, 0.6), n).clip(1e-6)
    seen = np.array([[PRIOR * content[order] for order in rotations("abcd")] for content in contents])
    return [f"q{i}" for i in range(n)], seen / seen.sum(axis=2, keepdims=True), contents.argmax(axis=1)


def test_bad_input_is_named() -> None:
    names, seen, _ = observed(12)
    for share in (0, 1.1):
        with pytest.raises(UsageError, match="no such share"):
            debias(names, seen, share=share)
    for wrong in (seen[:-1], seen[0], seen[:, :3], np.zeros_like(seen)):
        with pytest.raises(InputError):
            debias(names[: len(wrong)] if wrong.shape == seen.shape else names, wrong)


def test_the_contents_come_back_whatever_the_liking() -> None:
    names, seen, right = observed()
    made = debias(names, seen)
    assert made.prior == pytest.approx(PRIOR, abs=1e-6)
    assert (made.chosen == right).all()
    assert (made.before == right).mean() < 0.85
    assert made.estimated_on.sum() == 20


def test_the_draw_is_the_seeds_and_small_sets_are_used_whole() -> None:
    names, seen, _ = observed(40)
    drawn = debias(names, seen, seed=1).estimated_on
    assert drawn.sum() == 10
    turned = debias(names[::-1], seen[::-1], seed=1).estimated_on[::-1]
    assert (drawn == turned).all()
    assert (drawn != debias(names, seen, seed=2).estimated_on).any()
    assert debias(names[:6], seen[:6]).estimated_on.all()


def test_an_even_model_is_left_as_it_is() -> None:
    names, seen, _ = observed()
    even = seen / PRIOR
    made = debias(names, even / even.sum(axis=2, keepdims=True))
    assert (made.chosen == made.before).all()


@pytest.mark.parametrize(
    "option",
    ["以上皆是", "以上都不對", "A和C", "上述各項", "All of the above", "none of these", "Both A and B", "A, B and C",
     "(A) only", "only B", "①②", "皆非", "neither of them"],
)  # fmt: skip
def test_options_that_speak_of_others_are_not_turned(option: str) -> None:
    assert not rotatable(["anger", "fear", option])


@pytest.mark.parametrize(
    "option", ["60分以上", "a, b or c", "A person in need", "維他命A", "the above-average group", "III", ""]
)
def test_others_are(option: str) -> None:
    assert rotatable(["anger", "fear", option])
    assert not rotatable([option])

"""The page of a training: what it says, and what it never lets through."""

from __future__ import annotations

from typing import Any

import pytest

from reports.training import training_page

HOSTILE = "<script>alert(1)</script>\u202e"
POINTS = [("sft", 1, "train", 3.5), ("sft", 2, "train", 3.1), ("sft", 2, "validation", 3.3)]


def facts(**more: Any) -> dict[str, Any]:
    return {
        "title": {"en": "Short", "zh": "短"},
        "digest": "d" * 64,
        "recipe": {"name": "mcq", "rate": 2e-4, "steps": None, "lora": {"r": 8, "targets": ("q_proj", "v_proj")}},
        "base": {"name": HOSTILE},
        "trainable": 12_345,
        "rows": {"train": {"rows": 16, "tokens": 900, "answered": 90, "cut": 1, "unusable": {"no answer": 2}}},
        "trained": {"sft": {"steps": 2, "best": 2, "resumed_from": 1}},
        "proof": {"largest": 1e-5, "merged": 2e-5},
        "wall_s": {"load": 1.5},
        **more,
    }


def sample(row: str, step: int, text: str) -> dict[str, Any]:
    return {"method": "sft", "step": step, "row_id": row, "text": text}


def test_a_training_is_told_with_curve_samples_rows_and_settings() -> None:
    page = training_page(facts(), POINTS, [sample("b", 2, "later"), sample("b", 1, "sooner")])
    for said in ("12,345", "3.3000", "q_proj, v_proj", "no answer", "from step 1", "1e-05"):
        assert said in page
    assert page.index("sooner") < page.index("later")


def test_no_name_and_no_answer_of_a_model_becomes_markup() -> None:
    page = training_page(facts(), POINTS, [sample(HOSTILE, 1, HOSTILE)])
    assert "<script>alert" not in page
    assert "\u202e" not in page


@pytest.mark.parametrize("missing", ["title", "recipe", "base", "rows", "trained", "proof", "wall_s"])
def test_a_part_that_is_missing_is_left_out(missing: str) -> None:
    assert "<h2" in training_page({k: v for k, v in facts().items() if k != missing}, [], [])

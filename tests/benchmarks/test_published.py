"""Published figures: facts, with their source."""

from __future__ import annotations

from benchmarks.imhi_labels import LABEL_SETS
from benchmarks.published import published


def test_the_figures_are_those_that_were_published() -> None:
    rows = {
        row.system: [row.parts[name] for name in ("DR", "dreaddit", "Irf", "MultiWD", "SAD")]
        for row in published("imhi")
    }
    assert rows == {
        "ChatGPT (zero-shot)": [82.41, 71.79, 41.33, 62.72, 54.05],
        "MentaLLaMA-chat-13B": [85.68, 75.79, 76.49, 75.11, 63.62],
        "PsyAssist": [76.88, 77.37, 61.23, 66.61, 55.58],
        "GPT-4": [82.0, 78.18, 51.75, 62.58, 55.68],
        "Gemini Pro": [74.81, 45.17, 57.23, 73.33, 61.92],
        "LLaMA2-7B": [58.91, 53.51, 38.02, 40.10, 11.04],
    }


def test_each_has_a_source_a_reader_and_sets_that_exist() -> None:
    for row in published("imhi"):
        assert row.source
        assert (row.reader, row.measure) == ("upstream", "weighted_f1")
        assert set(row.parts) <= set(LABEL_SETS)

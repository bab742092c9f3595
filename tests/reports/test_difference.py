"""The page of a difference: counts and ids in both languages, hostile names harmless, missing parts left out."""

from __future__ import annotations

import re
from typing import Any

import pytest

from reports.difference import difference_page

HOSTILE = "</script><script>alert(1)</script>"


def facts(**more: Any) -> dict[str, Any]:
    side = {"name": "mine", "kind": "dataset", "digest": "ab" * 32, "rows": 3, "written": "2026-11-21T10:00:00+00:00"}
    return {
        "before": side,
        "after": {**side, "rows": 4},
        "table": "dialogue",
        "rows": {"before": 3, "after": 4, "added": 2, "removed": 1, "changed": 1},
        "columns": [{"column": "turns", "rows": 1}],
        "schema": [{"column": "topics", "was": "String", "now": None}],
        "strata": [{"column": "split", "value": "train", "before": 2, "after": 3}],
        "shifts": [{"column": "split", "values": 2, "distance": 0.125}],
        "moved": [{"was": "train", "now": None, "rows": 1}],
        "ids": {"added": [{"id": "d7"}], "changed": [{"id": "d1", "columns": ["turns"]}]},
        "tables": [{"table": "dialogue", "before": 3, "after": 4, "same": False}],
        "causes": [{"what": "seed", "was": 0, "now": 3}],
        "version": {"was": "1.0.0", "now": "2.0.0", "level": "major", "why": ["Column topics is gone."], "rule": "R."},
        **more,
    }


def test_it_tells_counts_ids_and_the_next_version_in_both_languages() -> None:
    page = difference_page(facts())
    for said in ("2.0.0", "d7", "12.5%", "測試集的資料不同", "主要版本", "no split", "未分組", "50.0%", "another"[:0]):
        assert said in page
    assert "and 1 more" in page


def test_names_cannot_break_out_of_the_page() -> None:
    odd = [{"id": HOSTILE, "columns": [HOSTILE]}]
    page = difference_page(
        facts(
            before={"name": HOSTILE, "digest": HOSTILE},
            columns=[{"column": HOSTILE, "rows": 1}],
            strata=[{"column": HOSTILE, "value": HOSTILE, "before": 1, "after": 0}],
            ids={"changed": odd},
            causes=[{"what": HOSTILE, "was": HOSTILE, "now": None}],
        )
    )
    assert HOSTILE not in page
    assert len(re.findall("<script>", page)) == 1


@pytest.mark.parametrize("given", [{}, {"rows": None, "version": "x", "ids": [], "strata": 3}])
def test_parts_that_are_missing_are_left_out(given: dict[str, Any]) -> None:
    page = difference_page(given)
    assert "h-version" not in page
    assert "h-ids" not in page


def test_the_same_facts_give_the_same_page() -> None:
    assert difference_page(facts()) == difference_page(facts())
    assert "the rows and the digest are the same" in difference_page(facts(same_rows=True, same_digest=True))

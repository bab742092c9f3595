"""The page of a lineage: every box in picture and table, what is broken said first, hostile names harmless."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reports.provenance import fitted, provenance_page

HOSTILE = "</svg><script>alert(1)</script>\"&'\x00\u202e"


def node(name: str, **more: Any) -> dict[str, Any]:
    lines = [{"en": "180 rows", "zh": "180 筆"}]
    return {"node_id": name, "kind": "dataset", "name": name, "digest": "cd" * 32, "lines": lines, "state": "found",
            "problems": [], "place": "runs/x", **more}  # fmt: skip


def facts(*nodes: dict[str, Any], edges: list[tuple[str, str]] = [], by: str = "digest") -> dict[str, Any]:  # noqa: B006
    told = [{"from": one, "to": other, "by": by} for one, other in edges]
    return {"root": nodes[-1]["node_id"] if nodes else "", "nodes": list(nodes), "edges": told}


def pictures(page: str) -> list[ET.Element]:
    return [ET.fromstring(found) for found in re.findall(r"<svg class=\"(?:wide|narrow)\".*?</svg>", page, re.DOTALL)]


def test_every_box_is_in_both_pictures_and_in_the_table() -> None:
    page = provenance_page(
        facts(node("a", kind="source"), node("b", kind="steps"), node("c"), edges=[("a", "b"), ("b", "c")])
    )
    drawn = pictures(page)
    assert len(drawn) == 2
    for picture in drawn:
        assert len(picture.findall("g")) == 3
        assert len([path for path in picture.findall("path") if "edge" in path.get("class", "")]) == 2
    assert page.count('<th scope="row">') == 3
    assert "處理步驟" in page
    assert "whole" in page


def test_what_is_missing_is_said_first() -> None:
    lost = node("a", state="missing", problems=[{"en": "no artifact of this digest was found", "zh": "找不到"}])
    page = provenance_page(facts(lost, node("b"), edges=[("a", "b")]))
    assert "badge failed" in page
    assert page.index("What is broken") < page.index("All parts")
    assert 'class="box missing"' in page


def test_lines_known_by_name_only_are_dashed_and_explained() -> None:
    page = provenance_page(facts(node("a"), node("b"), edges=[("a", "b")], by="name"))
    assert "edge loose" in page
    assert "by name only" in page


def test_names_cannot_break_out_of_the_picture() -> None:
    page = provenance_page(facts(node(HOSTILE, kind=HOSTILE, digest=HOSTILE, place=HOSTILE, state=HOSTILE)))
    assert len(re.findall("<script>", page)) == 1
    assert len(pictures(page)) == 2


@pytest.mark.parametrize("given_facts", [{}, {"nodes": 3}, {"nodes": [{}], "edges": [{"from": "x", "to": "y"}]}])
def test_odd_facts_still_give_a_page(given_facts: dict[str, Any]) -> None:
    assert "</html>" in provenance_page(given_facts)


def test_a_circle_is_drawn_and_many_boxes_are_cut() -> None:
    assert len(pictures(provenance_page(facts(node("a"), node("b"), edges=[("a", "b"), ("b", "a")])))) == 2
    many = provenance_page(facts(*(node(f"n{number:03}") for number in range(150))))
    assert "30 boxes are only in the table" in many


@settings(max_examples=50)
@given(st.text(max_size=60), st.floats(20, 300))
def test_a_text_is_cut_to_its_room(text: str, room: float) -> None:
    cut = fitted(text, room, 12.0)
    assert cut == text or (cut.endswith("…") and len(cut) <= len(text) + 1)
    assert text.startswith(cut.removesuffix("…"))

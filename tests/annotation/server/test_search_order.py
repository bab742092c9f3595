"""Orders of a search: what is asked, a rater's own, and pages that neither repeat nor lose a record."""

from __future__ import annotations

from typing import Any

import pytest

from tests.annotation.server.search_library import RECORDS, Fresh, Library, log, ok, respond

ALL = sorted(RECORDS)
PENDING = {
    "filters": {
        "and": [
            {"type": "terms", "scope": {"entity": "response", "property": "status"}, "values": ["pending"]},
            {"type": "terms", "scope": {"entity": "record", "property": "status"}, "values": ["pending"]},
        ]
    }
}


def by(scope: dict[str, Any], order: str = "asc") -> dict[str, Any]:
    return {"sort": [{"scope": scope, "order": order}]}


LENGTH = {"entity": "metadata", "metadata_property": "length"}
SOURCE = {"entity": "metadata", "metadata_property": "source"}
TAGS = {"entity": "metadata", "metadata_property": "tags"}
QUALITY = {"entity": "metadata", "metadata_property": "quality"}
EMPATHY = {"entity": "response", "question": "empathy"}
TONE = {"entity": "response", "question": "tone"}
STATUS = {"entity": "response", "property": "status"}
SUGGESTED = {"entity": "suggestion", "question": "empathy"}

# The names with a value, in order; those without follow.
ORDERS = [
    ("owner", by({"entity": "record", "property": "external_id"}), ALL),
    ("owner", by({"entity": "record", "property": "external_id"}, "desc"), ALL[::-1]),
    ("owner", by({"entity": "record", "property": "inserted_at"}), ALL),
    ("owner", by({"entity": "record", "property": "inserted_at"}, "desc"), ALL[::-1]),
    ("owner", by({"entity": "record", "property": "status"}), ["r01"]),
    ("owner", by(LENGTH), ["r06", "r09", "r04", "r01", "r02", "r03", "r05"]),
    ("owner", by(LENGTH, "desc"), ["r05", "r03", "r02", "r01", "r04", "r09", "r06"]),
    ("owner", by(QUALITY), ["r03", "r07", "r01", "r02", "r06"]),
    ("owner", by(QUALITY, "desc"), ["r06", "r02", "r01", "r07", "r03"]),
    ("owner", by(TAGS), ["r05", "r02", "r04"]),
    ("owner", by(SUGGESTED), ["r02", "r01"]),
    ("owner", by({**SUGGESTED, "property": "score"}, "desc"), ["r01", "r02"]),
    ("owner", by({**SUGGESTED, "property": "agent"}), ["r01", "r02"]),
    ("owner", by({**SUGGESTED, "property": "type"}), ["r02", "r01"]),
    ("owner", by(EMPATHY, "desc"), ["r05", "r01"]),
    ("wang", by(EMPATHY), ["r03", "r02", "r01"]),
    ("wang", by(EMPATHY, "desc"), ["r01", "r02", "r03"]),
    ("li", by(EMPATHY, "desc"), ["r03", "r05", "r01"]),
    ("wang", by(TONE), ["r02", "r01"]),
    ("wang", by(STATUS), ["r04", "r03"]),
    (
        "owner",
        {"sort": [*by(SOURCE)["sort"], *by(LENGTH, "desc")["sort"]]},
        ["r03", "r04", "r07", "r05", "r02", "r01", "r10"],
    ),
]


@pytest.mark.parametrize(("who", "body", "first"), ORDERS, ids=[str(i) for i in range(len(ORDERS))])
def test_the_order_asked_for_with_what_has_no_value_last(
    library: Library, who: str, body: dict[str, Any], first: list[str]
) -> None:
    found, total = library.find(body, who)
    assert found[: len(first)] == first
    assert total == len(found) == len(ALL)
    assert set(found) == set(ALL)


def test_equal_values_are_ordered_by_id(library: Library) -> None:
    for direction in ("asc", "desc"):
        found, _ = library.find(by({"entity": "metadata", "metadata_property": "source"}, direction))
        web = [name for name in found if name in {"r01", "r02", "r05"}]
        assert web == sorted(web, key=lambda name: library.ids[name])


def test_without_an_order_records_come_as_they_came_in(library: Library) -> None:
    assert library.find({})[0] == ALL


def test_each_rater_has_an_order_of_his_own_that_stays(fresh: Fresh) -> None:
    many = fresh("shuffled")
    names = [f"n{number:03}" for number in range(120)]
    log(many, [{"fields": {"answer": "text"}, "external_id": name} for name in names])
    first = {who: many.find(PENDING, who, limit=500)[0] for who in many.raters}
    assert {who: many.find(PENDING, who, limit=500)[0] for who in many.raters} == first
    assert all(sorted(found) == names and found != names for found in first.values())
    for one, two in (("wang", "li"), ("li", "chen"), ("wang", "chen")):
        together = sum(first[one].index(a) < first[two].index(a) for a in names)
        assert first[one] != first[two]
        assert _agreement(first[one], first[two]) < 0.3, together
    respond(many.raters["wang"], many.ids[first["wang"][0]])
    respond(many.raters["wang"], many.ids[first["wang"][7]])
    left = [name for place, name in enumerate(first["wang"]) if place not in (0, 7)]
    assert many.find(PENDING, "wang", limit=500) == (left, 118), "the rest keeps its order while one rates"
    log(many, [{"fields": {"answer": "later"}, "external_id": "late"}])
    assert [name for name in many.find(PENDING, "wang", limit=500)[0] if name != "late"] == left


def _agreement(one: list[str], two: list[str]) -> float:
    """How far apart the places are, 1 for the same order: Spearman's rank correlation, without its sign."""
    places, n = {name: place for place, name in enumerate(two)}, len(one)
    gaps = sum((place - places[name]) ** 2 for place, name in enumerate(one))
    return abs(1 - 6 * gaps / (n * (n * n - 1)))


@pytest.mark.parametrize("size", [3, 1000])
@pytest.mark.parametrize("who", ["owner", "wang", "chen"])
@pytest.mark.parametrize(
    "body", [{}, PENDING, by(SOURCE), by(EMPATHY, "desc"), {"query": {"text": {"q": "card | 心情 | a"}}}]
)
def test_pages_by_offset_hold_every_record_once(library: Library, size: int, who: str, body: dict[str, Any]) -> None:
    whole, total = library.find(body, who, limit=1000)
    paged: list[str] = []
    while len(paged) < total:
        page, told = library.find(body, who, limit=size, offset=len(paged))
        assert told == total
        assert page
        paged += page
    assert paged == whole
    assert library.find(body, who, limit=size, offset=total) == ([], total)
    assert library.find(body, who, limit=size, offset=10**9) == ([], total)


def test_a_planned_place_is_the_order_where_a_task_has_one(fresh: Fresh) -> None:
    planned = fresh("planned")
    body = {"name": "xh_position", "title": "p", "settings": {"type": "integer"}, "visible_for_annotators": False}
    ok(planned.owner.post(f"/datasets/{planned.dataset}/metadata-properties", json=body))
    places = {"a": 3, "b": 10, "c": 1, "d": 2}
    log(
        planned,
        [{"fields": {"answer": "t"}, "external_id": n, "metadata": {"xh_position": p}} for n, p in places.items()],
    )
    log(planned, [{"fields": {"answer": "t"}, "external_id": "none"}])
    assert planned.find(PENDING, "wang")[0] == ["c", "d", "a", "b", "none"]
    assert planned.find({}, "li")[0] == ["c", "d", "a", "b", "none"]
    assert planned.find({})[0] == ["a", "b", "c", "d", "none"], "the owner's export comes as it came in"

"""Filters of a search: who is found, by every scope, kind and way of writing a value."""

from __future__ import annotations

from typing import Any

import pytest

from tests.annotation.server.search_library import RECORDS, Library

ALL = set(RECORDS)


def record(name: str) -> dict[str, str]:
    return {"entity": "record", "property": name}


def metadata(name: str) -> dict[str, str]:
    return {"entity": "metadata", "metadata_property": name}


def suggestion(question: str, prop: str | None = "value") -> dict[str, Any]:
    return {"entity": "suggestion", "question": question, "property": prop}


def response(question: str) -> dict[str, str]:
    return {"entity": "response", "question": question}


STATUS = {"entity": "response", "property": "status"}


def terms(scope: dict[str, Any], *values: Any) -> dict[str, Any]:
    return {"type": "terms", "scope": scope, "values": list(values)}


def between(scope: dict[str, Any], ge: Any = None, le: Any = None) -> dict[str, Any]:
    return {"type": "range", "scope": scope, "ge": ge, "le": le}


def every(*filters: dict[str, Any]) -> dict[str, Any]:
    return {"filters": {"and": list(filters)}}


METADATA = [
    (terms(metadata("source"), "web"), "r01 r02 r05"),
    (terms(metadata("source"), "web", "mail"), "r01 r02 r03 r04 r05 r07"),
    (terms(metadata("source"), "WEB"), ""),
    (terms(metadata("source"), "we"), ""),
    (terms(metadata("source"), "None"), ""),
    (terms(metadata("source"), "null"), ""),
    (terms(metadata("source"), "x'; DROP TABLE records; --"), "r10"),
    (terms(metadata("source"), "' OR '1'='1"), ""),
    (terms(metadata("tags"), "work"), "r02 r04"),
    (terms(metadata("tags"), "family", "sleep"), "r02 r05"),
    (terms(metadata("tags"), '["family"]'), ""),
    (terms(metadata("length"), "3"), "r04"),
    (terms(metadata("length"), 3, "50"), "r04 r05"),
    (terms(metadata("length"), "3.0"), "r04"),
    (terms(metadata("length"), "three"), ""),
    (terms(metadata("length"), "three", "-7"), "r06"),
    (terms(metadata("quality"), "0.5"), "r01"),
    (terms(metadata("quality"), "0"), "r07"),
    (terms(metadata("quality"), "1e10"), "r06"),
    (terms(metadata("quality"), "nan", "inf"), ""),
    (between(metadata("length"), 10, 30), "r01 r02 r03"),
    (between(metadata("length"), 10.5), "r02 r03 r05"),
    (between(metadata("length"), le=0), "r06 r09"),
    (between(metadata("length"), 3, 3), "r04"),
    (between(metadata("length"), "10", "20"), "r01 r02"),
    (between(metadata("length"), "many"), ""),
    (between(metadata("quality"), -2.25, 0), "r03 r07"),
    (between(metadata("quality"), 1.49, 1.51), "r02"),
    (between(metadata("source"), "m", "n"), "r03 r04 r07"),
]


@pytest.mark.parametrize(("one", "wanted"), METADATA, ids=[str(i) for i in range(len(METADATA))])
def test_metadata_is_compared_by_its_kind(library: Library, one: dict[str, Any], wanted: str) -> None:
    assert library.names(every(one)) == set(wanted.split())


RECORD = [
    (terms(record("external_id"), "r03", "r09", "r99"), "r03 r09"),
    (terms(record("external_id"), "r03' --"), ""),
    (between(record("external_id"), "r08"), "r08 r09 r10"),
    (terms(record("status"), "completed"), "r01"),
    (terms(record("status"), "pending"), " ".join(sorted(ALL - {"r01"}))),
    (terms(record("status"), "pending", "completed"), " ".join(sorted(ALL))),
    (terms(record("status"), "unknown"), ""),
    (between(record("inserted_at"), "2020-01-01"), " ".join(sorted(ALL))),
    (between(record("inserted_at"), le="2020-01-01T10:00:00Z"), ""),
    (between(record("inserted_at"), le="2999-12-31"), " ".join(sorted(ALL))),
    (between(record("updated_at"), 0), " ".join(sorted(ALL))),
    (between(record("updated_at"), le=1000), ""),
    (between(record("inserted_at"), "yesterday"), ""),
    (between(record("inserted_at"), 1e300), ""),
    (terms(record("inserted_at"), "2020-01-01"), ""),
    (terms(record("id"), "not-an-id"), ""),
]


@pytest.mark.parametrize(("one", "wanted"), RECORD, ids=[str(i) for i in range(len(RECORD))])
def test_a_record_is_found_by_what_it_is(library: Library, one: dict[str, Any], wanted: str) -> None:
    assert library.names(every(one)) == set(wanted.split())


def test_an_id_is_found_with_and_without_its_dashes(library: Library) -> None:
    one, two = library.ids["r02"], library.ids["r05"].replace("-", "").upper()
    assert library.names(every(terms(record("id"), one, two))) == {"r02", "r05"}


def test_a_time_bounds_on_both_sides_and_belongs_to_both(library: Library) -> None:
    found = library.ask({}, limit=1000).json()["items"]
    times = {item["record"]["external_id"]: item["record"]["inserted_at"] for item in found}
    assert library.names(every(between(record("inserted_at"), times["r03"], times["r05"]))) == {"r03", "r04", "r05"}
    assert library.names(every(terms(record("inserted_at"), times["r04"]))) == {"r04"}
    assert library.names(every(between(record("inserted_at"), times["r03"] + "+00:00", times["r03"] + "Z"))) == {"r03"}


SUGGESTED = [
    (terms(suggestion("empathy"), "4"), "r01"),
    (terms(suggestion("empathy"), "4", 2), "r01 r02"),
    (terms(suggestion("empathy"), "5"), ""),
    (between(suggestion("empathy"), 3), "r01"),
    (between(suggestion("empathy"), 2, 4), "r01 r02"),
    (terms(suggestion("tone"), "warm"), "r03"),
    (terms(suggestion("themes"), "work"), "r04"),
    (terms(suggestion("note"), "a text"), ""),
    (terms(suggestion("empathy", None), "4"), "r01"),
    (terms(suggestion("empathy", "score"), "0.9"), "r01"),
    (between(suggestion("empathy", "score"), le=0.5), "r02"),
    (between(suggestion("themes", "score"), 0.6), "r04"),
    (terms(suggestion("empathy", "agent"), "alpha"), "r01"),
    (terms(suggestion("note", "agent"), "alpha"), "r05"),
    (terms(suggestion("empathy", "agent"), "alpha", "beta"), "r01 r02"),
    (terms(suggestion("empathy", "type"), "human"), "r02"),
    (terms(suggestion("empathy", "type"), "human", "model"), "r01 r02"),
    (terms(suggestion("empathy", "type"), "robot"), ""),
]


@pytest.mark.parametrize(("one", "wanted"), SUGGESTED, ids=[str(i) for i in range(len(SUGGESTED))])
def test_a_suggestion_is_found_by_value_score_agent_and_type(
    library: Library, one: dict[str, Any], wanted: str
) -> None:
    assert library.names(every(one)) == set(wanted.split())


RATED = [
    ("owner", terms(response("empathy"), "5"), "r01 r03"),
    ("wang", terms(response("empathy"), "5"), "r01"),
    ("li", terms(response("empathy"), "5"), "r03"),
    ("chen", terms(response("empathy"), "5"), ""),
    ("owner", terms(response("empathy"), 2, 4), "r01 r05"),
    ("wang", between(response("empathy"), 1, 3), "r02 r03"),
    ("owner", between(response("empathy"), 4), "r01 r03 r05"),
    ("owner", between(response("empathy"), "a"), ""),
    ("owner", terms(response("tone"), "cold"), "r01 r02"),
    ("wang", terms(response("tone"), "cold"), "r02"),
    ("owner", terms(response("themes"), "sleep"), "r01 r02"),
    ("owner", terms(response("themes"), "work", "family"), "r01 r02"),
    ("li", terms(response("themes"), "sleep"), ""),
    ("owner", terms(response("note"), "x"), ""),
    ("wang", terms(STATUS, "submitted"), "r01 r02"),
    ("wang", terms(STATUS, "draft"), "r03"),
    ("wang", terms(STATUS, "discarded"), "r04"),
    ("wang", terms(STATUS, "draft", "discarded"), "r03 r04"),
    ("wang", terms(STATUS, "pending"), "r05 r06 r07 r08 r09 r10"),
    ("wang", terms(STATUS, "pending", "draft"), "r03 r05 r06 r07 r08 r09 r10"),
    ("wang", terms(STATUS, "pending", "pending"), "r05 r06 r07 r08 r09 r10"),
    ("wang", terms(STATUS, "pending", "draft", "submitted", "discarded"), " ".join(sorted(ALL))),
    ("chen", terms(STATUS, "pending"), " ".join(sorted(ALL))),
    ("owner", terms(STATUS, "submitted"), "r01 r02 r05"),
    ("owner", terms(STATUS, "discarded"), "r03 r04"),
    ("owner", terms(STATUS, "pending"), "r06 r07 r08 r09 r10"),
    ("owner", terms(STATUS, "pending", "draft"), "r03 r06 r07 r08 r09 r10"),
    ("owner", terms(STATUS, "nonsense"), ""),
]


@pytest.mark.parametrize(("who", "one", "wanted"), RATED, ids=[str(i) for i in range(len(RATED))])
def test_responses_are_the_askers_own_and_everybodys_for_the_owner(
    library: Library, who: str, one: dict[str, Any], wanted: str
) -> None:
    assert library.names(every(one), who) == set(wanted.split())


def test_filters_stand_side_by_side(library: Library) -> None:
    assert library.names(every(terms(metadata("source"), "web"), between(metadata("length"), 20))) == {"r02", "r05"}
    queue = every(terms(STATUS, "pending"), terms(record("status"), "pending"))
    assert library.names(queue, "chen") == ALL - {"r01"}
    assert library.names(queue, "li") == ALL - {"r01", "r03", "r05"}


def test_twenty_and_fifty_filters_hold(library: Library) -> None:
    many = [terms(metadata("source"), "web"), *[between(metadata("length"), -number) for number in range(48)]]
    assert library.names(every(*many)) == {"r01", "r02", "r05"}
    mixed = [terms(response("empathy"), "5"), terms(suggestion("empathy"), "4"), terms(STATUS, "submitted")] * 7
    assert library.names(every(*mixed[:20])) == {"r01"}


def test_250_values_are_taken(library: Library) -> None:
    values = [f"no-{number}" for number in range(249)]
    assert library.names(every(terms(metadata("source"), *values, "mail"))) == {"r03", "r04", "r07"}


def test_what_annotators_may_not_see_does_not_exist_for_them(library: Library) -> None:
    hidden = every(terms(metadata("system"), "a"))
    assert library.names(hidden) == {"r01", "r03"}
    assert library.names(hidden, "wang") == set()
    ordered = {"sort": [{"scope": metadata("system"), "order": "desc"}]}
    assert library.find(ordered, "wang")[0] == sorted(library.ids, key=lambda name: library.ids[name]), (
        "only the last word of every order is left: the id"
    )


@pytest.mark.parametrize(
    "body",
    [
        every(terms({"entity": "metadata", "metadata_property": "absent"}, "a")),
        every(terms(response("absent"), "a")),
        every(terms(suggestion("absent"), "a")),
        every(between(STATUS, "a")),
        every(terms({"entity": "response"}, "a")),
        every(terms({"entity": "nothing"}, "a")),
        every(between(metadata("length"), 3, 2)),
        every(between(metadata("length"))),
        {"filters": {"and": []}},
        every(*[terms(STATUS, "draft")] * 51),
        every({"type": "terms", "scope": STATUS, "values": []}),
    ],
)
def test_a_filter_that_cannot_be_is_refused_not_a_fault(library: Library, body: dict[str, Any]) -> None:
    assert library.ask(body).status_code == 422
    assert library.ask(body, "wang").status_code == 422

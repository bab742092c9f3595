"""Searches, records and names that want to break the engine: nothing fails, nothing else is found."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.annotation.server.search_library import Fresh, Library, log, ok

QUERIES = [
    "'; DROP TABLE records; --",
    '" OR 1=1 --',
    '"" ""',
    "((((((((((",
    "))))))))))",
    "(" * 3000,
    "-" * 3999 + "card",
    '"' * 1001,
    "a" * 4_000_000,
    "card " * 50_000,
    "|".join(["card"] * 2000),
    " ".join(f"-w{number}" for number in range(2000)),
    "(a | -(b -(c | -(d -(e | -(f -(g | -(h -(i | -j)))))))))" * 20,
    "card*" * 500,
    "* * * *",
    "\x00",
    "card\x00 bank",
    "\u202e\u200b\ufeff",
    "́́́",
    "👩‍👩‍👧‍👦 🏳️‍🌈",
    "𠮷野家",
    "a\\",
    "\\\\\\",
    "NOT AND OR NEAR",
    "{f0}: card",
    "f0 : card",
    "rank MATCH 'x'",
    "'a' <-> 'b' & !c | d:*",
    "%_%",
    "<script>alert(1)</script>",
    "$1 :q ? %s",
]


@pytest.mark.parametrize("q", QUERIES, ids=range(len(QUERIES)))
def test_no_query_is_a_fault(library: Library, q: str) -> None:
    for who in ("owner", "wang"):
        assert library.ask({"query": {"text": {"q": q}}}, who).status_code == 200


@pytest.mark.parametrize("written", ['"\\ud800"', '"card\\udfff"', '"\\u0000"'])
def test_half_a_sign_and_nul_are_answered(library: Library, written: str) -> None:
    path, headers = f"/datasets/{library.dataset}/records/search", {"content-type": "application/json"}
    terms = {"entity": "metadata", "metadata_property": "source"}
    bodies = [
        {"query": {"text": {"q": "HERE"}}},
        {"filters": {"and": [{"type": "terms", "scope": terms, "values": ["HERE"]}]}},
        {"filters": {"and": [{"type": "range", "scope": terms, "ge": "HERE"}]}},
    ]
    for body in bodies:
        content = json.dumps(body).replace('"HERE"', written)
        assert library.owner.post(path, content=content, headers=headers).status_code in (200, 422)


VALUES = [
    "'",
    '"',
    "\\",
    "%",
    "_",
    "\x00",
    "a\x00b",
    "'; --",
    "{}",
    "null",
    "\u2028",
    "😔",
    "0x10",
    "1e999",
    "-",
    " ",
    "é",
    "é",
]
SCOPES: list[dict[str, Any]] = [
    {"entity": "metadata", "metadata_property": "source"},
    {"entity": "metadata", "metadata_property": "length"},
    {"entity": "metadata", "metadata_property": "quality"},
    {"entity": "record", "property": "external_id"},
    {"entity": "record", "property": "id"},
    {"entity": "record", "property": "status"},
    {"entity": "record", "property": "inserted_at"},
    {"entity": "response", "question": "empathy"},
    {"entity": "response", "question": "themes"},
    {"entity": "suggestion", "question": "empathy", "property": "score"},
    {"entity": "suggestion", "question": "tone", "property": "agent"},
]


@pytest.mark.parametrize("scope", SCOPES, ids=range(len(SCOPES)))
def test_no_value_is_a_fault_and_none_finds_what_it_is_not(library: Library, scope: dict[str, Any]) -> None:
    filters = [{"type": "terms", "scope": scope, "values": VALUES}]
    filters += [{"type": "range", "scope": scope, "ge": value} for value in VALUES]
    answers = [library.ask({"filters": {"and": [one]}}, "wang") for one in filters]
    assert {answer.status_code for answer in answers} == {200}
    assert answers[0].json()["total"] == 0


def test_names_that_are_no_names_are_refused(library: Library) -> None:
    for name in ('a"b', "x'; DROP TABLE records; --", "$.source", "..", "a" * 300):
        for scope in (
            {"entity": "metadata", "metadata_property": name},
            {"entity": "response", "question": name},
            {"entity": "suggestion", "question": name},
        ):
            one = {"type": "terms", "scope": scope, "values": ["a"]}
            assert library.ask({"filters": {"and": [one]}}).status_code == 422


def test_records_with_hostile_texts_and_metadata_do_no_harm_to_the_others(fresh: Fresh) -> None:
    made = fresh("hostile")
    texts = [
        "nul \x00 here",
        "'; DROP TABLE records; --",
        "a" * 300_000,
        "字" * 100_000,
        "\u202e\u0301" * 50,
        "\\u0000 'x':1",
    ]
    for number, text in enumerate(texts):
        item = {"fields": {"answer": text}, "external_id": f"h{number}", "metadata": {"source": text[:200]}}
        made.owner.put(f"/datasets/{made.dataset}/records/bulk", json={"items": [item]})
    log(
        made,
        [{"fields": {"answer": "plain words"}, "external_id": "plain", "metadata": {"source": "web", "length": 1}}],
    )
    assert made.names({"query": {"text": {"q": "plain"}}}) == {"plain"}
    assert made.names({"query": {"text": {"q": '"drop table records"'}}}) == {"h1"}
    assert made.names({"query": {"text": {"q": "字字"}}}) == {"h3"}
    source = {"entity": "metadata", "metadata_property": "source"}
    found = {"filters": {"and": [{"type": "terms", "scope": source, "values": ["web"]}]}}
    assert made.names(found) == {"plain"}
    assert "plain" in made.find({"sort": [{"scope": source, "order": "desc"}]}, limit=50)[0]
    metrics = {
        p["name"]: p["id"] for p in ok(made.owner.get(f"/me/datasets/{made.dataset}/metadata-properties"))["items"]
    }
    assert ok(made.owner.get(f"/metadata-properties/{metrics['source']}/metrics"))["total"] >= 1

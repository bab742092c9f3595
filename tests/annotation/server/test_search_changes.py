"""What a search finds after records, responses, suggestions and datasets have changed; progress; vectors; metrics."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from tests.annotation.server.search_library import Fresh, Library, People, log, make_dataset, ok, remove, respond


def typed(q: str) -> dict[str, Any]:
    return {"query": {"text": {"q": q}}}


def terms(scope: dict[str, Any], *values: Any) -> dict[str, Any]:
    return {"filters": {"and": [{"type": "terms", "scope": scope, "values": list(values)}]}}


SOURCE = {"entity": "metadata", "metadata_property": "source"}
STATUS = {"entity": "response", "property": "status"}


@pytest.fixture
def changing(fresh: Fresh) -> Library:
    made = fresh("changing")
    texts = {"a": "first words", "b": "second words", "c": "第三個"}
    log(made, [{"fields": {"answer": t}, "external_id": n, "metadata": {"source": n}} for n, t in texts.items()])
    return made


def test_an_upserted_record_is_found_by_its_new_words_only(changing: Library) -> None:
    log(changing, [{"fields": {"answer": "renewed 文字"}, "external_id": "a", "metadata": {"source": "z"}}])
    assert changing.names(typed("first")) == set()
    assert changing.names(typed("renewed 文字")) == {"a"}
    assert changing.names(terms(SOURCE, "z")) == {"a"}
    assert changing.names(terms(SOURCE, "a")) == set()
    assert changing.names({}) == {"a", "b", "c"}


def test_an_updated_record_is_found_by_its_new_words_and_metadata(changing: Library) -> None:
    ok(changing.owner.patch(f"/records/{changing.ids['b']}", json={"fields": {"answer": "patched"}}))
    ok(changing.owner.patch(f"/records/{changing.ids['c']}", json={"metadata": {"source": "y"}}))
    assert changing.names(typed("second")) == set()
    assert changing.names(typed("patched")) == {"b"}
    assert changing.names(typed("第三")) == {"c"}
    assert changing.names(terms(SOURCE, "y")) == {"c"}


def test_a_deleted_record_is_gone_from_words_queues_and_counts(changing: Library) -> None:
    ok(changing.owner.delete(f"/records/{changing.ids['a']}"))
    ids = f"{changing.ids['b']}"
    ok(changing.owner.delete(f"/datasets/{changing.dataset}/records", params={"ids": ids}))
    assert changing.names(typed("words")) == set()
    assert changing.names({}) == {"c"}
    assert changing.names(terms(STATUS, "pending"), "wang") == {"c"}
    assert ok(changing.owner.get(f"/datasets/{changing.dataset}/progress"))["total"] == 1


def test_a_dataset_deleted_and_made_again_starts_empty(people: People, fresh: Fresh) -> None:
    first = make_dataset(people, "again")
    log(first, [{"fields": {"answer": "old"}, "external_id": "old"}])
    remove(first)
    second = fresh("again")
    assert second.names(typed("old")) == second.names({}) == set()


def test_a_response_moves_its_record_from_tab_to_tab(changing: Library) -> None:
    wang = changing.raters["wang"]
    for status, empathy in (("draft", 1), ("draft", 2), ("discarded", None), ("submitted", 4)):
        assert respond(wang, changing.ids["a"], status, empathy)["error"] is None
        tabs = {s: changing.names(terms(STATUS, s), "wang") for s in ("pending", "draft", "discarded", "submitted")}
        assert tabs.pop(status) == {"a"}
        assert tabs.pop("pending") == {"b", "c"}
        assert not any(tabs.values())
    assert changing.names(terms(STATUS, "pending"), "li") == {"a", "b", "c"}
    given = ok(changing.owner.get(f"/records/{changing.ids['a']}"))["responses"]
    assert len(given) == 1
    ok(wang.delete(f"/responses/{given[0]['id']}"))
    assert changing.names(terms(STATUS, "pending"), "wang") == {"a", "b", "c"}


def test_enough_submissions_take_a_record_out_of_everybodys_queue(changing: Library) -> None:
    queue = terms(STATUS, "pending")
    queue["filters"]["and"].append(
        {"type": "terms", "scope": {"entity": "record", "property": "status"}, "values": ["pending"]}
    )
    respond(changing.raters["wang"], changing.ids["b"])
    assert changing.names(queue, "chen") == {"a", "b", "c"}
    given = respond(changing.raters["li"], changing.ids["b"])["item"]["id"]
    assert changing.names(queue, "chen") == {"a", "c"}
    ok(changing.raters["li"].put(f"/responses/{given}", json={"status": "draft", "values": {"empathy": {"value": 1}}}))
    assert changing.names(queue, "chen") == {"a", "b", "c"}


def test_progress_counts_records_and_each_raters_responses(changing: Library) -> None:
    respond(changing.raters["wang"], changing.ids["a"])
    respond(changing.raters["li"], changing.ids["a"])
    respond(changing.raters["wang"], changing.ids["b"], "draft")
    respond(changing.raters["wang"], changing.ids["c"], "discarded", None)
    told = ok(changing.owner.get(f"/datasets/{changing.dataset}/progress"))
    assert (told["total"], told["completed"], told["pending"]) == (3, 1, 2)
    mine = ok(changing.raters["wang"].get(f"/me/datasets/{changing.dataset}/metrics"))["responses"]
    assert mine == {"total": 3, "submitted": 1, "draft": 1, "discarded": 1, "pending": 0}
    others = ok(changing.raters["chen"].get(f"/me/datasets/{changing.dataset}/metrics"))["responses"]
    assert others == {"total": 3, "submitted": 0, "draft": 0, "discarded": 0, "pending": 3}


def test_a_lower_number_of_raters_wanted_completes_records_in_the_background(fresh: Fresh) -> None:
    made = fresh("lowered", min_submitted=3)
    log(made, [{"fields": {"answer": n}, "external_id": n} for n in ("a", "b")])
    ok(
        made.owner.patch(
            f"/datasets/{made.dataset}", json={"distribution": {"strategy": "overlap", "min_submitted": 1}}
        )
    )
    respond(made.raters["wang"], made.ids["a"])
    assert made.names(terms({"entity": "record", "property": "status"}, "completed")) == {"a"}


def test_a_suggestion_is_found_changed_and_gone(changing: Library) -> None:
    questions = {q["name"]: q["id"] for q in ok(changing.owner.get(f"/datasets/{changing.dataset}/questions"))["items"]}
    path, scope = f"/records/{changing.ids['a']}/suggestions", {"entity": "suggestion", "question": "empathy"}
    for value in (2, 5):
        made = ok(changing.owner.put(path, json={"question_id": questions["empathy"], "value": value}))
        assert changing.names(terms(scope, value)) == {"a"}
        assert changing.names(terms(scope, 7 - value)) == set()
    ok(changing.owner.delete(path, params={"ids": made["id"]}))
    assert changing.names(terms(scope, 5)) == set()


def test_a_property_made_later_finds_what_came_before(changing: Library) -> None:
    log(changing, [{"fields": {"answer": "x"}, "external_id": "d", "metadata": {"extra": "5"}}])
    body = {"name": "extra", "title": "e", "settings": {"type": "integer"}, "visible_for_annotators": True}
    ok(changing.owner.post(f"/datasets/{changing.dataset}/metadata-properties", json=body))
    assert changing.names(terms({"entity": "metadata", "metadata_property": "extra"}, 5)) == {"d"}


METRICS = {
    "source": {
        "type": "terms",
        "total": 7,
        "values": [
            {"term": "mail", "count": 3},
            {"term": "web", "count": 3},
            {"term": "x'; DROP TABLE records; --", "count": 1},
        ],
    },
    "tags": {
        "type": "terms",
        "total": 4,
        "values": [{"term": "work", "count": 2}, {"term": "family", "count": 1}, {"term": "sleep", "count": 1}],
    },
    "length": {"type": "integer", "min": -7, "max": 50},
    "quality": {"type": "float", "min": -2.25, "max": 1e10},
}


@pytest.mark.parametrize("name", METRICS)
def test_a_propertys_terms_and_bounds_are_counted(library: Library, name: str) -> None:
    found = {
        p["name"]: p["id"]
        for p in ok(library.owner.get(f"/me/datasets/{library.dataset}/metadata-properties"))["items"]
    }
    metrics = ok(library.owner.get(f"/metadata-properties/{found[name]}/metrics"))
    assert metrics == {**METRICS[name], "type": metrics.get("type", METRICS[name]["type"])}


@pytest.mark.parametrize(
    ("kind", "wanted"), [("terms", {"total": 0, "values": []}), ("integer", {"min": None, "max": None})]
)
def test_a_property_without_a_value_has_empty_metrics(changing: Library, kind: str, wanted: dict[str, Any]) -> None:
    body = {"name": "empty", "title": "e", "settings": {"type": kind}, "visible_for_annotators": True}
    made = ok(changing.owner.post(f"/datasets/{changing.dataset}/metadata-properties", json=body))
    metrics = ok(changing.owner.get(f"/metadata-properties/{made['id']}/metrics"))
    assert {key: metrics.get(key) for key in wanted} == wanted


# ---- vectors ----


def like(value: list[float] | None = None, **more: Any) -> dict[str, Any]:
    return {"query": {"vector": {"name": "meaning", **({"value": value} if value else {}), **more}}}


def test_the_likest_record_stands_first_with_half_of_one_plus_cosine(library: Library) -> None:
    items = library.ask(like([3, 0, 0])).json()["items"]
    found = {item["record"]["external_id"]: item["query_score"] for item in items}
    assert set(found) == {"r01", "r02", "r03", "r04", "r05", "r07", "r08", "r10"}
    assert [found[n] for n in ("r01", "r10", "r03")] == pytest.approx([1, 1, 0])
    assert found["r04"] == pytest.approx((1 + 1 / math.sqrt(2)) / 2)
    assert list(found.values()) == sorted(found.values(), reverse=True)
    assert list(found)[2] == "r07"


def test_the_least_like_is_the_likest_of_the_opposite(library: Library) -> None:
    least = [i["record"]["external_id"] for i in library.ask(like([1, 0, 0], order="least_similar")).json()["items"]]
    most = [i["record"]["external_id"] for i in library.ask(like([-1, 0, 0])).json()["items"]]
    assert least == most
    assert least[0] == "r03"


def test_a_record_is_not_like_itself(library: Library) -> None:
    found, total = library.find(like(record_id=library.ids["r01"]))
    assert found[0] == "r10"
    assert "r01" not in found
    assert total == 7


def test_likeness_goes_with_filters_words_and_pages(library: Library) -> None:
    held = {**like([1, 0, 0]), **terms(SOURCE, "mail")}
    assert library.find(held)[0] == ["r07", "r04", "r03"]
    assert library.find(held, offset=1, limit=1)[0] == ["r04"]
    worded = like([1, 0, 0])
    worded["query"]["text"] = {"q": "card"}
    assert library.find(worded)[0] == ["r04", "r08", "r03"]
    assert library.find(worded, "wang")[0] == ["r04", "r08", "r03"]
    hidden = {**like([1, 0, 0]), **terms({"entity": "metadata", "metadata_property": "system"}, "a")}
    assert library.find(hidden)[0] == ["r01", "r03"]


@pytest.mark.parametrize("value", [[1, 0], [1, 0, 0, 0], [0, 0, 0], [1e400, 0, 0], ["x", 0, 0]])
def test_a_vector_that_cannot_be_compared_is_refused(library: Library, value: list[Any]) -> None:
    written = json.dumps(like(value)).replace("Infinity", "1e400")
    path, headers = f"/datasets/{library.dataset}/records/search", {"content-type": "application/json"}
    assert library.owner.post(path, content=written, headers=headers).status_code == 422


def test_great_and_small_numbers_have_a_direction_too(library: Library) -> None:
    assert library.find(like([1e300, 0, 0]))[0][:2] == library.find(like([1e-300, 0, 0]))[0][:2]


def test_a_record_without_a_vector_and_an_unknown_name_are_refused(library: Library) -> None:
    assert library.ask(like(record_id=library.ids["r06"])).status_code in (404, 422)
    assert library.ask({"query": {"vector": {"name": "absent", "value": [1, 0, 0]}}}).status_code == 422

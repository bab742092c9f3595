"""Text search: words, Chinese, signs of the query, and a plain reading in Python that it must agree with."""

from __future__ import annotations

import itertools
import re
import unicodedata
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.annotation.server.search_library import RECORDS, Fresh, Library, People, log, make_dataset

ALL = set(RECORDS)


def typed(q: str, field: str | None = None) -> dict[str, Any]:
    return {"query": {"text": {"q": q, **({"field": field} if field else {})}}}


QUERIES = [
    ("card", "r03 r04 r08"),
    ("CARD", "r03 r04 r08"),
    ("card payment", "r03 r04 r08"),
    ("payment card", "r03 r04 r08"),
    ("bank", "r03 r04"),
    ("bank credit", "r04"),
    ("refused possible", "r04"),
    ("nothing", "r09"),
    ("absent", ""),
    ("card absent", ""),
    ("card*", "r03 r04 r08 r09"),
    ("cardb*", "r09"),
    ("card *", "r03 r04 r08"),
    ("car", ""),
    ("card | bank", "r03 r04 r08"),
    ("nothing | hug", "r05 r09"),
    ("card + bank", "r03 r04"),
    ("card -bank", "r08"),
    ("-card", "r01 r02 r05 r06 r07 r09 r10"),
    ("-card -bank -心", "r05 r06 r09 r10"),
    ("card -declined -refused", "r08"),
    ("hug | -card", "r01 r02 r05 r06 r07 r09 r10"),
    ("card | nothing bank", "r03 r04"),
    ("bank card | nothing", "r03 r04 r09"),
    ("bank (card | nothing)", "r03 r04"),
    ("(hug | nothing) -pay", "r05"),
    ("card -(bank | nothing)", "r08"),
    ("-(card | 心)", "r05 r06 r09 r10"),
    ("--card", "r03 r04 r08"),
    ('"card payment"', "r03"),
    ('"payment card"', ""),
    ('"credit card"', "r04"),
    ('"card"', "r03 r04 r08"),
    ('-"card payment" card', "r04 r08"),
    ('"payment by card" | hug', "r04 r05"),
    ("don't", "r05"),
    ("t don", "r05"),
    ("COVID-19", "r06"),
    ("covid", "r06"),
    ("full", "r06"),
    ("ｆｕｌｌ", "r06"),
    ("strasse", "r06"),
    ("STRASSE", "r06"),
    ("心情", "r01 r07"),
    ("心 情", "r01 r02 r07"),
    ("心情 低落", "r01 r07"),
    ("心情低落", "r01 r07"),
    ('"心情低落"', "r01 r07"),
    ("情心", ""),
    ("情緒", "r02"),
    ("-心情", "r02 r03 r04 r05 r06 r08 r09 r10"),
    ("心*", "r01 r02 r07"),
    ("睡不好", "r01"),
    ("睡不好 | 慢慢", "r01 r02"),
    ("家人，說", "r07"),
    ("😔", "r05"),
    ("🤗 hug", "r05"),
    ("🙃", ""),
    ("card~1", "r03 r04 r08"),
    ('"card payment"~3', "r03"),
    (r"card\*", "r03 r04 r08"),
    (r"\-card", "r03 r04 r08"),
    ("card |", "r03 r04 r08"),
    ("| card", "r03 r04 r08"),
    ("card )", "r03 r04 r08"),
    ("( card", "r03 r04 r08"),
    ('card "', "r03 r04 r08"),
    ("card +", "r03 r04 r08"),
    ("card -", "r03 r04 r08"),
    ("card ()", "r03 r04 r08"),
    ("card ???", "r03 r04 r08"),
    ("", ""),
    ("   ", ""),
    ("???", ""),
    ("()", ""),
    ("-", ""),
    ("*", ""),
    ('""', ""),
    ("card AND bank", ""),
    ("NEAR(card bank)", ""),
    ("answer:card", ""),
    ("f0:card", ""),
]


@pytest.mark.parametrize(("q", "wanted"), QUERIES)
def test_what_a_person_types_finds(library: Library, q: str, wanted: str) -> None:
    assert library.names(typed(q)) == set(wanted.split())
    assert library.names(typed(q), "wang") == set(wanted.split())


FIELDS = [
    ("card", "prompt", "r03 r04"),
    ("card", "answer", "r04 r08"),
    ("payment card", "answer", "r04"),
    ("payment -card", "prompt", "r08"),
    ("-card", "answer", "r01 r02 r03 r05 r06 r07 r09 r10"),
    ("心情", "answer", "r07"),
    ("心情 | 慢慢", "answer", "r02 r07"),
    ('"card payment"', "answer", ""),
    ("car*", "prompt", "r03 r04 r09"),
    ("card", "talk", ""),
]


@pytest.mark.parametrize(("q", "field", "wanted"), FIELDS)
def test_a_query_may_be_about_one_field(library: Library, q: str, field: str, wanted: str) -> None:
    assert library.names(typed(q, field)) == set(wanted.split())


@pytest.mark.parametrize("field", ["absent", "f0", "record_id", "prompt) OR 1=1 --", 'a"b'])
def test_a_field_that_is_not_there_is_refused(library: Library, field: str) -> None:
    assert library.ask(typed("card", field)).status_code == 422


def test_the_best_match_stands_first_with_the_highest_score(library: Library) -> None:
    items = library.ask(typed("payment")).json()["items"]
    scores = [item["query_score"] for item in items]
    assert items[0]["record"]["external_id"] == "r08"
    assert scores == sorted(scores, reverse=True)
    assert all(score > 0 for score in scores)


def test_without_a_query_every_score_is_1_and_with_an_order_there_is_none(library: Library) -> None:
    assert {item["query_score"] for item in library.ask({}).json()["items"]} == {1.0}
    ordered = {**typed("card"), "sort": [{"scope": {"entity": "record", "property": "external_id"}, "order": "desc"}]}
    found = library.ask(ordered).json()["items"]
    assert [item["record"]["external_id"] for item in found] == ["r08", "r04", "r03"]
    assert {item["query_score"] for item in found} == {None}


def test_a_filter_does_not_change_scores(library: Library) -> None:
    one = {"type": "terms", "scope": {"entity": "metadata", "metadata_property": "source"}, "values": ["mail"]}
    plain = {i["record"]["external_id"]: i["query_score"] for i in library.ask(typed("card")).json()["items"]}
    held = library.ask({**typed("card"), "filters": {"and": [one]}}).json()["items"]
    assert {i["record"]["external_id"]: i["query_score"] for i in held} == {n: plain[n] for n in ("r03", "r04")}


def test_messages_of_a_chat_are_found_and_roles_are_not(fresh: Fresh) -> None:
    chats = fresh("chats")
    talk = [{"role": "client", "content": "我睡不著"}, {"role": "counsellor", "content": "since when?"}]
    log(chats, [{"fields": {"answer": "x", "talk": talk}, "external_id": "chat"}])
    assert chats.names(typed("睡不著")) == {"chat"}
    assert chats.names(typed("when", "talk")) == {"chat"}
    assert chats.names(typed("counsellor")) == set()
    assert chats.names(typed("著 since")) == {"chat"}


# ---- a plain reading of the same rules, over words the generator chooses ----

WORDS = ["card", "bank", "cardbox", "心", "情", "低", "x1", "😔"]
TEXTS = st.lists(st.sampled_from(WORDS), max_size=6)
ROWS = [list(row) for row in itertools.islice(itertools.permutations(WORDS, 3), 0, 330, 11)]
PIECE = st.one_of(
    st.sampled_from(WORDS),
    st.sampled_from(WORDS).map(lambda word: word + "*"),
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map(lambda row: '"' + " ".join(row) + '"'),
    st.sampled_from(["心情", "情低", "心情低"]),
)


def _nodes(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        st.tuples(st.just("not"), inner),
        st.tuples(st.sampled_from(["and", "or"]), st.lists(inner, min_size=2, max_size=3)),
    )


TREES = st.recursive(PIECE, _nodes, max_leaves=6)


def written(tree: Any) -> str:
    """The query of a tree, every part in brackets so that only the tree decides."""
    if isinstance(tree, str):
        return tree
    if tree[0] == "not":
        return f"-({written(tree[1])})"
    return "(" + {"and": " ", "or": " | "}[tree[0]].join(written(part) for part in tree[1]) + ")"


def holds(tree: Any, row: list[str]) -> bool:
    """Whether a row of words fulfils the tree."""
    if not isinstance(tree, str):
        if tree[0] == "not":
            return not holds(tree[1], row)
        return (all if tree[0] == "and" else any)(holds(part, row) for part in tree[1])
    if tree.endswith("*"):
        return any(word.startswith(tree[:-1]) for word in row)
    wanted = tree.strip('"').split(" ")
    if re.fullmatch("[心情低]+", tree):
        wanted = list(tree)
    return any(row[at : at + len(wanted)] == wanted for at in range(len(row)))


@pytest.fixture(scope="session")
def rows(people: People) -> Library:
    made = make_dataset(people, "rows")
    log(made, [{"fields": {"answer": " ".join(row) or "-"}, "external_id": str(n)} for n, row in enumerate(ROWS)])
    return made


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tree=TREES)
def test_any_tree_finds_what_a_plain_reading_finds(rows: Library, tree: Any) -> None:
    assert rows.names(typed(written(tree))) == {str(n) for n, row in enumerate(ROWS) if holds(tree, row)}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    q=st.text(st.characters(exclude_categories=["Cs"]), max_size=40) | st.text("\"()|+-*~\\^:{}.,'; a心", max_size=60)
)
def test_nothing_typed_is_a_fault(rows: Library, q: str) -> None:
    answer = rows.ask(typed(q))
    assert answer.status_code == 200, unicodedata.normalize("NFC", q)

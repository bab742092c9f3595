"""Mixing licences: never more than each of them allows, in whatever order, and the reasons are told."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets_src.catalog import SOURCES
from datasets_src.remote import names as remote_names
from datasets_src.remote import remote
from xinheng.licence_sources import PRIVATE, SOURCE_TERMS, YOURS
from xinheng.licence_terms import LICENCES, in_confidence, may_go_into, terms_of, unlicensed
from xinheng.licences import CONDITIONS, carrier, publication, refusal

ALL = list(LICENCES)
NAMED = st.sampled_from([*ALL, "llama3.1", "research only", "", "unknown", "private", "yours"])
SOURCE = st.sampled_from(["mine", "theirs", "imhi", "cpsyexam", "smile", "line", "tagged"])
PART = st.fixed_dictionaries({"licence": NAMED, "sources": st.lists(SOURCE, max_size=2), "rows": st.integers(0, 9)})
PARTS = st.lists(PART, max_size=5)
ACCEPT = st.sets(st.sampled_from(CONDITIONS))


def part(licence: Any, *sources: str, rows: int = 5) -> dict[str, Any]:
    return {"licence": licence, "sources": list(sources or ("mine",)), "rows": rows}


@pytest.mark.parametrize(
    ("licences", "want"),
    [
        # Creative Commons' chart of adapter's licences.
        (("CC0-1.0", "CC-BY-4.0"), "CC-BY-4.0"),
        (("CC-BY-4.0", "CC-BY-SA-4.0"), "CC-BY-SA-4.0"),
        (("CC-BY-4.0", "CC-BY-NC-4.0"), "CC-BY-NC-4.0"),
        (("CC-BY-NC-4.0", "CC-BY-NC-SA-4.0"), "CC-BY-NC-SA-4.0"),
        (("CC-BY-SA-4.0", "CC-BY-NC-4.0"), None),
        (("CC-BY-SA-4.0", "CC-BY-NC-SA-4.0"), None),
        (("CC-BY-ND-4.0", "CC0-1.0"), None),
        # A later version of the same elements, never an earlier one.
        (("CC-BY-SA-2.0", "CC-BY-SA-4.0"), "CC-BY-SA-4.0"),
        (("CC-BY-NC-SA-3.0", "CC-BY-NC-SA-4.0"), "CC-BY-NC-SA-4.0"),
        # One way, since October 2015; not from 3.0, and not into version 2.
        (("CC-BY-SA-4.0", "GPL-3.0-only"), "GPL-3.0-only"),
        (("CC-BY-SA-3.0", "GPL-3.0-only"), None),
        (("CC-BY-SA-4.0", "GPL-2.0-only"), None),
        # The GPLs and what may stand beside them.
        (("GPL-2.0-only", "GPL-3.0-only"), None),
        (("GPL-2.0-or-later", "GPL-3.0-only"), "GPL-3.0-only"),
        (("Apache-2.0", "GPL-2.0-only"), None),
        (("Apache-2.0", "GPL-3.0-or-later"), "GPL-3.0-or-later"),
        (("CC-BY-3.0", "GPL-3.0-only"), None),
        (("CC-BY-4.0", "GPL-3.0-only"), "GPL-3.0-only"),
        (("CC-BY-4.0", "ODbL-1.0"), None),
        (("MIT", "Apache-2.0", "CC0-1.0"), "Apache-2.0"),
        (("llama3.1",), "llama3.1"),
        (("llama3.1", "MIT"), None),
        ((), None),
    ],
)
def test_changed_rows_go_into_the_most_open_licence_that_may_hold_them_all(licences, want: str | None) -> None:
    assert carrier(licences) == want
    assert carrier(reversed(licences)) == want


@given(st.sets(st.sampled_from(ALL), min_size=1, max_size=4), st.sets(st.sampled_from(ALL), max_size=4))
def test_no_further_licence_makes_the_whole_more_open(some: set[str], more: set[str]) -> None:
    before, after = carrier(some), carrier(some | more)
    if before is None:
        assert after is None
    elif after is not None:
        assert LICENCES[after].rank >= LICENCES[before].rank
        assert all(may_go_into(LICENCES[one], LICENCES[after]) for one in some | more)


def test_no_restriction_is_lost_on_the_way() -> None:
    for one in LICENCES.values():
        for other in LICENCES.values():
            if may_go_into(one, other) and one.name != other.name:
                assert one.commercial or not other.commercial, f"{one.name} into {other.name}"
                assert one.adapted
                assert other.adapted
                assert one.into is None or other.name in one.into


@given(PARTS, PARTS, ACCEPT)
def test_mixing_does_not_depend_on_order_and_never_frees_anything(some, more, accept: set[str]) -> None:
    one, other = publication(some + more, accept=accept), publication([*reversed(more), *reversed(some)], accept=accept)
    assert one == other
    alone = publication(some, accept=accept)
    if some and not alone.allowed and alone.findings:
        assert not one.allowed
    if one.allowed and alone.findings:
        assert set(alone.duties) - {line for line in alone.duties if "column" in line} <= set(one.duties)
    refused = {(finding.source, finding.licence) for finding in alone.findings if not finding.allowed}
    assert refused <= {(finding.source, finding.licence) for finding in one.findings if not finding.allowed}


@given(PARTS, ACCEPT, st.booleans())
def test_a_verdict_is_of_one_piece(parts, accept: set[str], adapted: bool) -> None:
    told = publication(parts, accept=accept, adapted=adapted)
    assert told.allowed == bool(told.licence) == (told.instead == "")
    assert told.allowed <= all(finding.allowed for finding in told.findings)
    assert not (told.allowed and told.accept)
    if told.accept:  # what it offers, it holds
        assert publication(parts, accept={*accept, *told.accept}, adapted=adapted).allowed
        assert not set(told.accept) & accept
    assert all(line.endswith(".") for line in (*told.duties, *told.explained, *(f.why for f in told.findings)))


@given(PARTS)
def test_accepting_more_never_forbids(parts) -> None:
    if publication(parts).allowed:
        assert publication(parts, accept=CONDITIONS).allowed


def test_open_sources_go_out_under_the_one_that_asks_most_and_name_whom() -> None:
    told = publication([part("MIT", "counsel-chat", rows=2), part("CC-BY-4.0", "cpsycoun-d"), part("CC0-1.0", "smile")])
    assert (told.allowed, told.licence, told.hub) == (True, "CC-BY-4.0", "cc-by-4.0")
    assert any("s.3(a)" in line for line in told.duties)
    assert any(line.startswith("cpsycoun-d: by CAS-SIAT-XinHai") for line in told.duties)
    assert any("not asked" in line for line in told.duties if line.startswith("counsel-chat"))


def test_a_source_without_trade_is_refused_by_name_with_the_ways_out() -> None:
    mixed = [part("MIT", "counsel-chat"), part("CC BY-NC-SA 4.0", "theirs", rows=7)]
    told = publication(mixed)
    assert (told.allowed, told.licence, told.instead, told.accept) == (False, "", "ids", ("non-commercial",))
    have, ways = refusal(told)
    assert "theirs (7 rows, CC BY-NC-SA 4.0)" in have
    assert "counsel-chat" not in have
    assert "--accept non-commercial" in ways
    assert "ids and the script" in ways
    with_leave = publication(mixed, accept=["non-commercial"])
    assert (with_leave.allowed, with_leave.licence) == (True, "CC-BY-NC-SA-4.0")
    assert publication(mixed, withheld=["theirs"]).licence == "MIT"


def test_two_copylefts_stand_beside_each_other_only_where_somebody_says_so() -> None:
    both = [part("CC-BY-SA-4.0", "one"), part("ODbL-1.0", "two")]
    assert publication(both).accept == ("several-licences",)
    told = publication(both, accept=["several-licences"])
    assert (told.licence, told.hub) == ("CC-BY-SA-4.0 AND ODbL-1.0", "other")
    assert any("`licence` column" in line for line in told.duties)
    assert not publication([part("CC-BY-SA-4.0"), part("CC-BY-NC-4.0")], accept=["several-licences"]).allowed


@pytest.mark.parametrize("licence", ["", None, "unknown", "none", "yours", 3, "private"])
def test_no_licence_is_no_leave_whatever_is_accepted(licence) -> None:
    told = publication([part("MIT"), part(licence, "theirs")], accept=CONDITIONS)
    assert not told.allowed
    assert told.accept == ()
    assert [one.source for one in told.findings if not one.allowed] == ["theirs"]


@pytest.mark.parametrize(
    "name",
    ["N/A", "n/a.", "?", "??", "-", "null", "NaN", "Unlicensed", "not specified", "None specified", "Not_Specified",
     "TBD", "(unknown)", "Unknown license", "No licence", "無", "未指定", "（不明）", "\u3000"],
)  # fmt: skip
def test_what_fills_an_empty_field_is_no_licence_that_somebody_could_have_read(name: str) -> None:
    told = publication([part(name, "theirs")], accept=CONDITIONS)
    assert (told.allowed, told.accept) == (False, ())
    assert unlicensed(name)


@pytest.mark.parametrize("name", [*ALL, "The Unlicense", "llama3.1", "MIT License", "other", "ours, see LICENCE"])
def test_a_name_is_no_empty_field(name: str) -> None:
    assert not unlicensed(name)


@pytest.mark.parametrize(
    ("licence", "sources", "said"),
    [("private", [], True), (" Private ", ["mine"], True), ("MIT", ["imhi", "line"], True), (None, ["notes"], True),
     ("unknown", ["mine"], False), ("MIT", [None, 3, ["line"]], False), (None, [], False)],
)  # fmt: skip
def test_what_was_said_in_confidence_is_known_by_licence_or_source(licence, sources, said: bool) -> None:
    assert in_confidence(licence, sources) == said


def test_rows_of_a_chat_never_go_not_even_as_ids() -> None:
    for claimed in ("CC0-1.0", "private"):
        told = publication([part(claimed, "line")], accept=CONDITIONS)
        assert (told.allowed, told.instead) == (False, "nothing")


@pytest.mark.parametrize("name", ["research only", "for academic use", "available on request"])
def test_leave_to_research_is_no_leave_to_pass_on(name: str) -> None:
    told = publication([part(name)], accept=CONDITIONS)
    assert (told.allowed, told.instead) == (False, "ids")


def test_terms_not_known_here_want_somebody_who_has_read_them() -> None:
    assert publication([part("llama3.1")]).accept == ("custom-terms",)
    assert publication([part("llama3.1")], accept=["custom-terms"]).licence == "llama3.1"


def test_what_allows_no_changes_goes_only_unchanged() -> None:
    assert not publication([part("CC-BY-ND-4.0")], accept=CONDITIONS).allowed
    assert publication([part("CC-BY-ND-4.0")], adapted=False).licence == "CC-BY-ND-4.0"


def test_a_repository_cannot_give_away_what_strangers_posted() -> None:
    imhi = [part("MIT", "imhi")]
    assert publication(imhi).accept == ("platform-terms",)
    told = publication(imhi, accept=["platform-terms"])
    assert told.licence == "MIT"
    assert any("Reddit" in line for line in told.duties)


def test_of_two_licences_for_the_same_rows_the_stricter_holds() -> None:
    told = publication([part("CC0-1.0", "cpsyexam"), part("MIT", "mmlu")], accept=["non-commercial"])
    assert told.licence == "CC-BY-NC-SA-4.0"
    assert any("stricter" in line for line in told.explained)
    have, ways = refusal(publication([part("CC0-1.0", "cpsyexam")]))
    assert "CC0-1.0, named elsewhere under CC-BY-NC-SA-4.0" in have, "a refusal of CC0 rows says why it is none"
    assert ways.startswith("Say --accept non-commercial")
    assert "--ids-only" in ways


def test_a_row_cannot_free_itself_by_what_it_claims() -> None:
    assert publication([part("CC0-1.0", "cpsycoun-d")]).licence == "CC-BY-4.0"


@pytest.mark.parametrize(
    "odd", [[], [{}], [None], [{"licence": "MIT"}], [{"licence": "MIT", "sources": "imhi"}], ["MIT"]]
)
def test_odd_input_is_no_error(odd) -> None:
    told = publication(odd)
    assert isinstance(told.allowed, bool)
    assert told.allowed == bool(told.licence)


@pytest.mark.parametrize(
    "name", ["MIT for the code, CC BY-NC for the data", "MIT OR proprietary", "gpl", "cc-by-sa-1.0"]
)
def test_a_name_with_anything_beside_it_is_not_guessed(name: str) -> None:
    assert terms_of(name) is None


@pytest.mark.parametrize("name", ALL)
def test_every_licence_is_known_by_its_own_name_and_as_people_write_it(name: str) -> None:
    assert terms_of(name) is LICENCES[name]
    assert terms_of(name.lower()) is LICENCES[name]
    assert terms_of(name.replace("-", " ")) is LICENCES[name]


def test_every_source_has_its_terms_and_every_term_its_source() -> None:
    assert set(SOURCES) == set(SOURCE_TERMS)
    for name, terms in SOURCE_TERMS.items():
        assert terms.licence in {PRIVATE, YOURS} or terms_of(terms.licence) is LICENCES[terms.licence], name
        assert all(one in LICENCES for one in terms.also)
        asks = LICENCES[terms.licence].asks if terms.licence in LICENCES else ""
        assert bool(terms.holder) or not asks, f"{name} must name somebody"


@pytest.mark.parametrize("name", remote_names())
def test_the_publisher_is_where_the_files_come_from(name: str) -> None:
    page = remote(name).page
    assert SOURCE_TERMS[name].home.lower() in page.lower() or name == "mmlu", page

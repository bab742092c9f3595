"""CITATION.cff says what people said of its authors, whatever their names hold."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from xinheng.citation import authors_of, citation, named
from xinheng.errors import InputError

NAMES = st.text(min_size=1, max_size=30).filter(lambda name: name.strip() and "," not in name)


def made(authors, **more) -> dict:
    told = {"kind": "dataset", "title": "T", "version": "1.0.0", "date": "2026-11-21", "licence": "MIT", "digest": "ab"}
    return yaml.safe_load(citation(authors=authors_of(authors), **{**told, **more}))


def test_it_has_the_fields_that_the_format_wants() -> None:
    found = made(["Lin, Mei", {"name": "心衡"}], address="https://example.org/x", keywords=["counselling"])
    assert found == {
        "cff-version": "1.2.0", "type": "dataset", "message": "If you use it, please cite it as below.", "title": "T",
        "version": "1.0.0", "date-released": "2026-11-21",
        "authors": [{"family-names": "Lin", "given-names": "Mei"}, {"name": "心衡"}],
        "identifiers": [
            {"type": "other", "value": "xinheng:ab",
             "description": "Digest of the artifact from which it was published"}
        ],
        "license": "MIT", "url": "https://example.org/x", "keywords": ["counselling"],
    }  # fmt: skip
    assert "license" not in made(["x"], licence=None)


@given(NAMES, st.text(max_size=40))
def test_names_and_titles_come_back_as_they_were(name: str, title: str) -> None:
    found = made([{"name": name}], title=title)
    assert (found["authors"], found["title"]) == ([{"name": name}], title)


@pytest.mark.parametrize(
    "author", [3, {}, {"nick": "x"}, {"name": ""}, {"name": 3}, {"name": "a", "orcid": "b"}, "", None]
)
def test_what_is_no_author_is_refused(author) -> None:
    with pytest.raises(InputError, match="no author"):
        authors_of([author])


@pytest.mark.parametrize("told", ["0000-0002-1825-0097", "https://orcid.org/0000-0002-1694-233X"])
def test_an_orcid_is_written_as_its_address(told: str) -> None:
    found = made([{"family-names": "Lin", "orcid": told}])
    assert found["authors"][0]["orcid"] == f"https://orcid.org/{told[-19:]}"


@pytest.mark.parametrize(
    "told", ["hello", "0000-0002-1825-0098", "0000000218250097", "https://example.org/0000-0002-1825-0097",
             "٠000-0002-1825-0097", "0000-0002-1825-0097\nx: y"],
)  # fmt: skip
def test_what_is_no_orcid_is_refused(told: str) -> None:
    with pytest.raises(InputError, match="no ORCID"):
        authors_of([{"family-names": "Lin", "orcid": told}])


def test_a_name_is_one_line() -> None:
    assert [named(one) for one in authors_of(["Lin, Mei", "心衡"])] == ["Mei Lin", "心衡"]

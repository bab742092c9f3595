"""Changelogs of publications: a line stands once, under the version that brought it, however often it is published."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.changelog import HEAD, released, unreleased

LINE = st.sampled_from(["- Gone: 1 row.", "- Gone: 2 rows.", "- Gone: 1 row (again)."])
BATCHES = st.lists(st.lists(LINE, max_size=3), max_size=5)


def entries(text: str) -> dict[str, list[str]]:
    """The lines of each entry, the newest entry first."""
    parts = text.removeprefix(f"{HEAD}\n").split("\n## ")
    return {one.splitlines()[0]: [line for line in one.splitlines()[1:] if line] for one in parts[1:]}


@given(BATCHES)
def test_every_line_stays_with_its_version(batches: list[list[str]]) -> None:
    text, published = f"{HEAD}\n", ""
    for at, lines in enumerate(batches):
        for line in lines:
            text = unreleased(text, line)
        published = released(text, f"1.{at}.0", published)
        assert released(text, f"1.{at}.0", published) == published, "the same again"
    want = {f"1.{at}.0": lines[::-1] for at, lines in enumerate(batches) if lines}
    assert entries(published) == want
    assert [*entries(published)] == [*want][::-1]


def test_what_somebody_wrote_by_hand_stays() -> None:
    text = unreleased("# What changed\n\nBy hand.\n\n## v0.9.0 (2025-01-01)\n\n- First.\n", "- Gone: 1 row.")
    made = released(text, "1.0.0")
    assert made == "# What changed\n\nBy hand.\n\n## 1.0.0\n\n- Gone: 1 row.\n\n## v0.9.0 (2025-01-01)\n\n- First.\n"
    assert released(text.replace("\n", "\r\n"), "1.0.0") == made
    assert released("", "1.0.0") == f"{HEAD}\n"


def test_a_version_with_a_suffix_is_one_of_its_own() -> None:
    first = released(unreleased("", "- One."), "1.0.0-rc1")
    again = released(unreleased(unreleased("", "- One."), "- Two."), "1.0.0", first)
    assert entries(again) == {"1.0.0": ["- Two."], "1.0.0-rc1": ["- One."]}

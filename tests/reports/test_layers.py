"""Boxes never lie on each other, and every line runs down from its box to the next."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reports.layers import in_rows, ranks, stacked

NAMES = st.sampled_from("abcdefgh")
SIZES = st.dictionaries(NAMES, st.tuples(st.just(200.0), st.sampled_from([40.0, 90.0])), max_size=8)
EDGES = st.lists(st.tuples(NAMES, NAMES), max_size=14)


def apart(drawn, sizes) -> bool:
    boxes = [(x, y, x + sizes[n][0], y + sizes[n][1]) for n, (x, y) in drawn.boxes.items()]
    return all(
        a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]
        for number, a in enumerate(boxes)
        for b in boxes[number + 1 :]
    )


@given(SIZES, EDGES)
def test_boxes_stand_apart_and_inside(sizes, edges) -> None:
    for way in (in_rows, stacked):
        drawn = way(sizes, edges)
        assert set(drawn.boxes) == set(sizes)
        assert apart(drawn, sizes)
        for name, (x, y) in drawn.boxes.items():
            assert -0.01 <= x <= drawn.width - sizes[name][0] + 0.01
            assert -0.01 <= y <= drawn.height - sizes[name][1] + 0.01


@given(SIZES, EDGES)
def test_lines_run_downwards_and_end_at_their_boxes(sizes, edges) -> None:
    for way in (in_rows, stacked):
        drawn = way(sizes, edges)
        for (one, other), points in drawn.lines.items():
            assert points[0][1] < points[-1][1]
            for name, (x, y) in ((one, points[0]), (other, points[-1])):
                left, top = drawn.boxes[name]
                assert left - 0.01 <= x <= left + sizes[name][0] + 0.01
                assert top - 0.01 <= y <= top + sizes[name][1] + 0.01
            assert all(0 <= x <= drawn.width for x, _ in points)


@given(SIZES, EDGES)
def test_every_line_that_closes_no_circle_is_drawn(sizes, edges) -> None:
    rank = ranks(list(sizes), edges)
    want = {(a, b) for a, b in edges if a in sizes and b in sizes and rank[a] < rank[b]}
    assert set(in_rows(sizes, edges).lines) == want
    if not any(rank[a] >= rank[b] for a, b in edges if a in sizes and b in sizes):
        assert set(stacked(sizes, edges).lines) == want


def test_the_same_in_any_order_of_the_lines() -> None:
    sizes = dict.fromkeys("abcd", (200.0, 40.0))
    edges = [("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")]
    assert ranks("abcd", edges) == ranks("abcd", edges[::-1]) == {"a": 0, "b": 1, "c": 1, "d": 2}
    assert in_rows(sizes, edges).boxes == in_rows(sizes, edges[::-1]).boxes


def test_a_circle_is_still_drawn() -> None:
    sizes = dict.fromkeys("ab", (200.0, 40.0))
    assert len(in_rows(sizes, [("a", "b"), ("b", "a"), ("a", "a")]).boxes) == 2

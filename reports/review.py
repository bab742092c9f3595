"""The page of a sample of rows, for whoever decides whether they may be published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reports.labels import Words
from reports.render import page


def review(name: str, digest: str, rows: Sequence[Mapping[str, Any]], *, of: int) -> str:
    """A page that shows rows whole, by id: it holds what people wrote and must stay where it is.

    Args:
        name: Of the dataset.
        digest: Of the dataset.
        rows: id, split, texts (column and text).
        of: How many rows there are in all.
    """
    title = Words(f"Before publishing: {name}", f"發布前審閱：{name}")
    return page("review.html", title=title, figures=False, digest=digest, rows=rows, of=of)

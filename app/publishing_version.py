"""Versions of what is published: of the form 1.2.3, and one version of one digest in one place, for good."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import polars as pl

from curation.difference import TOGETHER, difference, proposed
from curation.published_rows import published_table
from xinheng import publication
from xinheng.errors import UsageError, XinhengError

_VERSION: Final = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+([-+][0-9A-Za-z.-]+)?")


def require_version(version: str) -> None:
    """Nothing, unless a version is none.

    Raises:
        UsageError: It is not of the form 1.2.3.
    """
    if not _VERSION.fullmatch(version):
        raise UsageError("publish", "no version", want="three numbers, as in 1.0.0", have=repr(version))


def require_new_version(
    out: Path, version: str, digest: str, *, table: str = "", rows: pl.LazyFrame | None = None
) -> None:
    """Nothing, unless a publication of something else under the same version would be replaced.

    Whoever cites a version means the rows that it had: two digests under one version are two things of one name.

    Args:
        out: Where the publication is to lie.
        version: Of the publication that is to be made.
        digest: Of what it is to be made of.
        table: Name of its rows.
        rows: Its rows, from which the next version is worked out; None where they are no rows, as of a model.

    Raises:
        UsageError: It would; both digests, and the version that follows by the rule of `xinheng diff`.
    """
    if not publication.is_publication(out):
        return
    told = publication.read(out)
    there = str(told["artifact"]["digest"])
    if there == digest or str(told.get("version")) != version:
        return
    following = "" if rows is None else _following(out, told, table, rows)
    raise UsageError(
        "publish",
        f"version {version} in {out} is of another digest",
        want=f"--version {following}, as xinheng diff proposes" if following else "another --version",
        have=f"{there[:12]} there, {digest[:12]} now",
        mend="Whoever cites a version means the rows it had. Or choose another --out.",
    )


def _following(out: Path, told: Mapping[str, Any], table: str, rows: pl.LazyFrame) -> str:
    """The version that follows; empty where the rows cannot be compared, as those of a publication of ids."""
    if told.get("ids_only") or told.get("table") != table:
        return ""
    version = str(told["version"])
    try:
        found = proposed(difference(published_table(out), rows, key=TOGETHER.get(table, ())), version)
    except (XinhengError, OSError, pl.exceptions.PolarsError):
        return ""
    if found.level != "same":
        return found.version
    # The same rows made otherwise: the rule has no step for that, and the smallest there is will do.
    major, minor, patch = map(int, version.removeprefix("v").split("."))
    return f"{major}.{minor}.{patch + 1}"

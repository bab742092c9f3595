"""What stands between an artifact and its publication: licences, privacy, marks, and what must never leave."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

import polars as pl

from app.facts import dataset_table
from app.protection import record_of
from app.publishing_privacy import PUBLISHED_TEXTS, all_public, recorded
from curation.privacy.vault import Vault
from xinheng.artifacts import Artifact, readable_write_errors
from xinheng.errors import CheckFailed, UsageError
from xinheng.licence_terms import terms_of
from xinheng.licences import CONDITIONS, IDS, NOTHING, Verdict, publication, refusal
from xinheng.settings import settings
from xinheng.tables import KEYS

ACCEPTED: Final = (*CONDITIONS, PUBLISHED_TEXTS)
# Every path of a machine: what stays of it is its last name. People's own folders may have blanks in their names.
_PLACE: Final = re.compile(
    r"(?<![\w/.])(?:~|file:(?://)?)?/(?:(?:home|Users)/[^/:,+?\n]+/(?:[^\s/:,+?]+/)*|(?:[^\s/:,+?]+/)+)([^\s/:,+?]+)"
)
_WINDOWS: Final = re.compile(r"\b[A-Za-z]:[\\/](?:[^\\/:,+?\n]+[\\/])+([^\s\\/:,+?]+)")


def require_known(accept: Collection[str]) -> None:
    """Nothing, unless a condition is accepted that there is not.

    Raises:
        UsageError: It names those that there are.
    """
    if strange := [name for name in accept if name not in ACCEPTED]:
        raise UsageError(
            "publish", "no such condition", want=f"--accept {', '.join(ACCEPTED)}", have=", ".join(strange)
        )


def licences_of(rows: pl.LazyFrame) -> list[dict[str, Any]]:
    """Licence, source and number of rows as the rows themselves say, sorted."""
    have = rows.collect_schema()
    columns = [pl.col(name) if name in have else pl.lit(None).alias(name) for name in ("licence", "source")]
    found = rows.select(columns).group_by("licence", "source").len().collect().sort("licence", "source")
    return [{"licence": licence, "sources": [source], "rows": count} for licence, source, count in found.iter_rows()]


def licence_gate(rows: pl.LazyFrame, *, accept: Collection[str], ids_only: bool, lost: Sequence[str] = ()) -> Verdict:
    """Under what the rows may be published.

    Args:
        rows: With `licence` and `source`.
        accept: Conditions that somebody says yes to.
        ids_only: Ids in place of the rows.
        lost: Why nobody could make the rows again from ids: then these are no way out, and are not offered.

    Raises:
        CheckFailed: They may not; every source that forbids it is named, and what is possible instead.
    """
    verdict = publication(licences_of(rows), accept=accept)
    if verdict.allowed or (ids_only and verdict.instead == IDS and not lost):
        return verdict
    have, mend = refusal(replace(verdict, instead=NOTHING) if lost else verdict)
    if lost and verdict.instead == IDS:
        mend += f" Or ask the owner for leave. Ids would help nobody: {'; '.join(lost)}."
    raise CheckFailed("publish", "these rows must not be published", have=have, mend=mend)


def spdx(licence: str) -> str | None:
    """A licence's name where it is one of those known here by SPDX; None for several, or for one of somebody's own.

    >>> spdx("CC BY 4.0"), spdx("MITfoo"), spdx("CC-BY-SA-4.0 AND ODbL-1.0")
    ('CC-BY-4.0', None, None)
    """
    found = terms_of(licence)
    return found.name if found is not None else None


def as_told(verdict: Verdict) -> dict[str, Any]:
    """A verdict as JSON."""
    told: dict[str, Any] = json.loads(json.dumps(asdict(verdict)))
    return told


def privacy_gate(
    artifact: Artifact,
    *,
    vault: Vault | None,
    k: int,
    quasi: Sequence[str] | None,
    accept: Collection[str],
    ids_only: bool = False,
) -> dict[str, Any]:
    """What was found of people in the rows, by class and without ids; kept, for the next time.

    Ids of what others published go out whatever is found, since no text goes with them; that is nobody's acceptance.

    Raises:
        CheckFailed: Somebody may be recognised, and nobody accepted that.
    """
    table = dataset_table(artifact)
    if table == "choice":
        return {"looked": False, "passed": True, "found": [], "accepted": False}
    if table not in KEYS:
        raise UsageError("publish", f"not for a {table} table", want=f"one of {', '.join(KEYS)}")
    found = _looked(artifact, vault=vault, k=k, quasi=quasi)
    if found["passed"]:
        return found
    public = all_public(artifact.scan(table))
    # Ids tell of nobody: what is said in rows that others published does not go out with them.
    if public and (PUBLISHED_TEXTS in accept or ids_only):
        return {**found, "accepted": PUBLISHED_TEXTS in accept}
    classes = ", ".join(f"{one['kind']} {one['found']:,} in {one['rows']:,} rows" for one in found["found"])
    alone = (
        f"k = {found['k']} over {', '.join(found['quasi'])} (wanted {k})" if found["k"] < k and found["groups"] else ""
    )
    mend = f"`xinheng privacy {artifact.path}` names the rows. Curate with --vault, or leave them out."
    if ids_only:
        mend += " --ids-only is for rows that others published: nobody else could make these again."
    elif public and PUBLISHED_TEXTS not in accept:
        mend += f" All of it was published by others already: --accept {PUBLISHED_TEXTS} if that is reason enough."
    elif not public and PUBLISHED_TEXTS in accept:
        mend += f" --accept {PUBLISHED_TEXTS} is for rows of public sources alone; some are not."
    raise CheckFailed(
        "publish", "somebody may be recognised", have="; ".join(filter(None, (classes, alone))), mend=mend
    )


def _looked(artifact: Artifact, *, vault: Vault | None, k: int, quasi: Sequence[str] | None) -> dict[str, Any]:
    from curation.privacy.release import release_check, search_digest

    record = record_of(artifact.manifest, dataset_table(artifact))
    table = artifact.manifest["tables"][dataset_table(artifact)]["digest"]
    asked = json.dumps([table, search_digest(), k, quasi, record], sort_keys=True, default=str)
    runs = settings().runs
    kept = None
    if isinstance(runs, Path) and vault is None:
        kept = runs / "checks" / f"privacy-{hashlib.sha256(asked.encode()).hexdigest()[:32]}.json"
        if (known := _read(kept)) is not None:
            return known
    looked = release_check(artifact.scan(dataset_table(artifact)), vault=vault, k=k, quasi=quasi, record=record)
    found = recorded(looked)
    if kept is not None:
        with readable_write_errors(kept):
            kept.parent.mkdir(parents=True, exist_ok=True)
            part = kept.with_name(f".{kept.name}.part")
            part.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
            part.replace(kept)
    return found


def _read(kept: Path) -> dict[str, Any] | None:
    """What was found the time before; None where that is not known, or its file is damaged."""
    try:
        told = json.loads(kept.read_text(encoding="utf-8"))
        told["passed"], told["k"], [one["found"] for one in told["found"]]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return dict(told)


def without_places(value: Any) -> Any:
    """A JSON value in whose texts no folder of this machine is named: the last name of a path stays.

    >>> without_places({"system": "local:nano+/home/mei/runs/adapters/posts, scored"})
    {'system': 'local:nano+posts, scored'}
    """
    if isinstance(value, str):
        return _PLACE.sub(r"\1", _WINDOWS.sub(r"\1", value))
    if isinstance(value, Mapping):
        return {str(name): without_places(one) for name, one in value.items()}
    return [without_places(one) for one in value] if isinstance(value, list | tuple) else value


def require_no_paths(told: Mapping[str, Any], *, who: str = "publish", of: str = "the manifest") -> None:
    """Nothing, unless what will be published names a folder of this machine.

    Raises:
        CheckFailed: It does; where, and not what.
    """
    home = str(Path.home())
    found = [
        place for place, text in _texts(told, "") if text.startswith(("/", "~/")) or (home != "/" and home in text)
    ]
    if found:
        raise CheckFailed(
            who,
            f"{of} names folders of this machine",
            have=", ".join(found[:5]),
            mend="Make the artifact again with places that are relative, or as a source with a name.",
        )


def _texts(value: Any, place: str) -> list[tuple[str, str]]:
    if isinstance(value, str):
        return [(place, value)]
    inner = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, one in inner for found in _texts(one, f"{place}/{key}")]

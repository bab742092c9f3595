"""What `xinheng publish --check` does: files, figures and certificates of a publication, all of it worked out again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import polars as pl

from app.protection import record_of
from app.publishing_book import book_of
from app.publishing_compared import compared, differing_names
from app.publishing_facts import CERTIFIED
from app.publishing_marker import untrue
from app.publishing_model_texts import compared_model
from app.publishing_privacy import searched_again
from app.publishing_texts import CARD, SHEET, writer_digest
from app.terminal import Terminal
from curation.coverage import coverage
from curation.privacy.vault import Vault
from curation.published import ABOUT, COVERAGE, GATE, MANIFEST, PRIVACY, SPLIT
from curation.published_rows import published_table
from curation.split import certify
from training import model_card
from xinheng import publication
from xinheng.artifacts import Artifact
from xinheng.claims import CLAIMS, Claim, problems, read
from xinheng.digests import digest
from xinheng.errors import CheckFailed, InputError, XinhengError
from xinheng.tables import KEYS, SPLITS

Say = Callable[[str], None]

_SHOWN: Final = 20


@dataclass(frozen=True)
class Checked:
    """What checking found: how many claims, all that is wrong, what was found of people, and what nobody can tell."""

    told: Mapping[str, Any]
    claims: int
    wrong: tuple[str, ...]
    private: Mapping[str, Any]
    untold: tuple[str, ...] = ()


@dataclass(frozen=True)
class Again:
    """How privacy is looked through again: by a vault, at another k, over others than when it was published."""

    vault: Vault | None = None
    k: int | None = None
    quasi: Sequence[str] | None = None


def checked(
    folder: Path, *, artifact: Artifact | None = None, again: Again | None = None, say: Say = lambda _: None
) -> Checked:
    """A publication checked from its own files, and against an artifact where one is given.

    Args:
        folder: Of the publication.
        artifact: What it should be of: another digest makes all of it stale.
        again: How privacy is looked through.
        say: Hears what is done, and how far the longest of it is.

    Raises:
        InputError: It is no publication.
    """
    told = publication.read(folder)
    model = told["kind"] in {"adapter", "model"}
    say(f"{folder}: files")
    wrong = publication.differences(folder, told)
    if artifact is not None and artifact.digest != told["artifact"]["digest"]:
        have = f"{told['artifact']['digest'][:12]}, the artifact is {artifact.digest[:12]} now"
        wrong.append(f"stale: it was made from digest {have}")
    claims: list[Claim] = []
    private: dict[str, Any] = {"looked": False}
    untold: list[str] = []
    if publication.irregular(folder):
        # A pipe that somebody reads from without an end would hold the check for ever.
        return Checked(told, 0, tuple(wrong), private)
    with _heard(wrong):
        wrong += untrue(folder, told)
    with _heard(wrong):
        wrong += [] if artifact is None else _recorded(artifact, _json(folder / MANIFEST))
    with _heard(wrong):
        say(f"{folder}: figures")
        claims = read(folder / CLAIMS)
        wrong += _figures(folder, told, claims, model=model)
    if not model:
        with _heard(wrong):
            say(f"{folder}: certificates")
            wrong += _certificates(folder, told)
        with _heard(wrong):
            say(f"{folder}: texts and views")
            found, untold = compared(folder, _json(folder / MANIFEST), _json(folder / ABOUT))
            wrong += found
        with _heard(wrong):
            say(f"{folder}: privacy")
            private, found = _privacy(folder, again or Again(), say)
            wrong += found
    else:
        with _heard(wrong):
            say(f"{folder}: texts and weights")
            found, untold = compared_model(folder, _json(folder / ABOUT), _json(folder / MANIFEST))
            wrong += found
    return Checked(told, len(claims), tuple(dict.fromkeys(wrong)), private, tuple(untold))


@contextmanager
def _heard(wrong: list[str]) -> Iterator[None]:
    """What cannot be worked out is one of the things that are wrong; what comes after is looked at all the same."""
    try:
        yield
    except (OSError, ValueError, KeyError, TypeError, AttributeError, pl.exceptions.PolarsError) as error:
        wrong.append(f"cannot be worked out again: {type(error).__name__}")
    except XinhengError as error:
        wrong.append(f"cannot be worked out again: {error}")


def _recorded(artifact: Artifact, manifest: Mapping[str, Any]) -> Iterator[str]:
    """What a manifest records otherwise than the artifact does: facts of rows, or files of a model."""
    if "sha256" in manifest:
        own: Mapping[str, Any] = {name: entry["sha256"] for name, entry in artifact.manifest["files"].items()}
        yield from (f"{MANIFEST}: {name} is not the artifact's" for name in differing_names(manifest["sha256"], own))
        return
    # Languages are counted where an artifact does not tell of them; the rows bear them out.
    own = {"languages": manifest["facts"].get("languages"), **artifact.manifest["facts"]}
    own = {name: own[name] for name in manifest["facts"] if name in own}
    yield from (f"{MANIFEST}: {name} is not the artifact's" for name in differing_names(manifest["facts"], own))


def _figures(folder: Path, told: Mapping[str, Any], claims: Sequence[Claim], *, model: bool) -> Iterator[str]:
    book = model_card.book(folder) if model else book_of(folder)
    texts = {name: _text(folder / name) for name in (CARD, *([] if model else [SHEET]))}
    strange = sorted({claim.artifact for claim in claims} - {told["artifact"]["digest"]})
    yield from (f"{CLAIMS}: claims of another artifact, {one[:12]}" for one in strange)
    yield from (f"{one.kind}: {one.told}" for one in problems(claims, book, texts))


def _privacy(folder: Path, again: Again, say: Say) -> tuple[dict[str, Any], list[str]]:
    about, certified, manifest = (_json(folder / name) for name in (ABOUT, PRIVACY, MANIFEST))
    record = record_of(manifest, str(about["table"]))
    return searched_again(folder, about, certified, record, vault=again.vault, k=again.k, quasi=again.quasi, say=say)


def _certificates(folder: Path, told: Mapping[str, Any]) -> Iterator[str]:
    """What the rows no longer bear out: their digest, the split certificate, coverage, the gate."""
    manifest, about, lock = (_json(folder / name) for name in (MANIFEST, ABOUT, "provenance/lock.json"))
    if manifest["digest"] != told["artifact"]["digest"] or lock["digest"] != manifest["digest"]:
        yield f"{MANIFEST}: of another artifact"
    if about["ids_only"]:
        return
    table = str(about["table"])
    rows = published_table(folder).collect()
    if digest(rows) != manifest["tables"][table]["digest"]:
        yield f"the rows are not those of the artifact: their digest is not {manifest['tables'][table]['digest'][:12]}"
        return
    yield from _split(_json(folder / SPLIT), rows, about, manifest["facts"])
    if manifest["facts"].get("coverage") and coverage(rows) != _json(folder / COVERAGE):
        yield f"{COVERAGE}: not that of the rows"
    if (folder / GATE).is_file() and (found := _json(folder / GATE)):
        yield from _gate(found, rows, table)


def _split(
    found: Mapping[str, Any], rows: pl.DataFrame, about: Mapping[str, Any], facts: Mapping[str, Any]
) -> Iterator[str]:
    """What of a split certificate is not that of the rows."""
    key = KEYS[str(about["table"])]
    groups = [name for name in found["columns"] if name != key]
    # Who divided without Xinheng's recipes may have no seed.
    seed = None if found["seed"] is None else facts.get("seed", found["seed"])
    again = certify(rows, key=key, stratum=about["stratum"], groups=groups, seed=seed)
    # Another Xinheng may word the rule otherwise.
    for name in ("seed", *CERTIFIED, *(["rule"] if about.get("writer") == writer_digest() else [])):
        if again[name] != found[name]:
            yield f"{SPLIT}: {name} is not that of the rows"
    told = _strata(found)
    if told not in (_strata(again), _strata(certify(rows, key=key, stratum=None, groups=[]))):
        # A recipe that is not known here may have had strata of its own: of these the sums are known.
        unknown = about["stratum"] is None and [one[0] for one in told] != ["all"]
        sums = [sum(counts) for counts in zip(*(one[2:] for one in told), strict=True)]
        if not unknown or sums != [*again["rows"].values()]:
            yield f"{SPLIT}: strata are not those of the rows"
    if strange := {*found} - {*again, "published_rows"}:
        yield f"{SPLIT}: {len(strange)} more fields than a certificate has"


def _strata(told: Mapping[str, Any]) -> list[list[Any]]:
    """Rows of each stratum and split: shares that were aimed at may have been set by hand."""
    return [[one[name] for name in ("stratum", "rows", *SPLITS)] for one in told["strata"]]


def _gate(found: Mapping[str, Any], rows: pl.DataFrame, table: str) -> Iterator[str]:
    from curation.expectations import gate

    now = {one["name"]: one for one in gate(rows, kind=table).to_dict()["expectations"]}
    for one in found["expectations"]:
        other = now.get(one["name"], one)
        if any(other[name] != one[name] for name in ("checked", "failed", "passed", "severity")):
            yield f"{GATE}: {one['name']} counts other failures now"
    if found["passed"] != all(one["passed"] or one["severity"] != "error" for one in found["expectations"]):
        yield f"{GATE}: passed is not what its expectations give"


def show(terminal: Terminal, folder: Path, found: Checked) -> None:
    """What is wrong, or that nothing is.

    Raises:
        CheckFailed: Something is.
    """
    for one in found.wrong[:_SHOWN]:
        terminal.line(f"FAILED  {one}")
    if len(found.wrong) > _SHOWN:
        terminal.line(f"… and {len(found.wrong) - _SHOWN:,} more")
    for one in found.untold[:_SHOWN]:
        terminal.line(f"UNTOLD  {one}")
    told = found.told
    terminal.line(f"{told['kind']} {told['name']}, version {told['version']}, digest {told['artifact']['digest'][:12]}")
    terminal.line(
        f"{len(told['files']):,} files, {found.claims:,} claims{'' if found.wrong else ': all as they should be'}"
    )
    terminal.result(
        {
            "publication": str(folder), "passed": not found.wrong, "claims": found.claims,
            "privacy": dict(found.private), "problems": list(found.wrong), "untold": list(found.untold),
        }
    )  # fmt: skip
    if found.wrong:
        raise CheckFailed(
            "publish --check",
            f"{len(found.wrong):,} problem{'s' if len(found.wrong) > 1 else ''}",
            mend="Publish it again from its artifact; do not mend by hand.",
        )


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(str(file), "cannot be read", have=type(error).__name__, mend="Publish it again.") from error


def _json(file: Path) -> Any:
    return json.loads(_text(file))

"""What `xinheng publish --check` does: files, figures and certificates of a publication, all of it worked out again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import polars as pl

from app.publishing_book import book_of
from app.publishing_described import described_again
from app.publishing_facts import CERTIFIED
from app.publishing_privacy import searched_again
from app.publishing_texts import CARD, SHEET
from app.terminal import Terminal
from curation.coverage import coverage
from curation.datasheet import ANSWERS
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
from xinheng.tables import KEYS

Say = Callable[[str], None]

_SHOWN: Final = 20


@dataclass(frozen=True)
class Checked:
    """What checking found: how many claims, all that is wrong, in words, and what was found of people."""

    told: Mapping[str, Any]
    claims: int
    wrong: tuple[str, ...]
    private: Mapping[str, Any]


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
    with _heard(wrong):
        say(f"{folder}: figures")
        claims = read(folder / CLAIMS)
        wrong += _figures(folder, told, claims, model=model)
    if not model:
        with _heard(wrong):
            say(f"{folder}: certificates")
            wrong += _certificates(folder, told)
        with _heard(wrong):
            say(f"{folder}: privacy")
            private, found = _privacy(folder, again or Again(), say)
            wrong += found
    return Checked(told, len(claims), tuple(dict.fromkeys(wrong)), private)


@contextmanager
def _heard(wrong: list[str]) -> Iterator[None]:
    """What cannot be worked out is one of the things that are wrong; what comes after is looked at all the same."""
    try:
        yield
    except (OSError, ValueError, KeyError, TypeError, AttributeError, pl.exceptions.PolarsError) as error:
        wrong.append(f"cannot be worked out again: {type(error).__name__}")
    except XinhengError as error:
        wrong.append(f"cannot be worked out again: {error}")


def _figures(folder: Path, told: Mapping[str, Any], claims: Sequence[Claim], *, model: bool) -> Iterator[str]:
    book = model_card.book(folder) if model else book_of(folder)
    texts = {name: _text(folder / name) for name in (CARD, *([] if model else [SHEET]))}
    strange = sorted({claim.artifact for claim in claims} - {told["artifact"]["digest"]})
    yield from (f"{CLAIMS}: claims of another artifact, {one[:12]}" for one in strange)
    yield from (f"{one.kind}: {one.told}" for one in problems(claims, book, texts))


def _privacy(folder: Path, again: Again, say: Say) -> tuple[dict[str, Any], list[str]]:
    about, certified, manifest = (_json(folder / name) for name in (ABOUT, PRIVACY, MANIFEST))
    record = manifest["facts"].get("privacy")
    return searched_again(folder, about, certified, record, vault=again.vault, k=again.k, quasi=again.quasi, say=say)


def _certificates(folder: Path, told: Mapping[str, Any]) -> Iterator[str]:
    """What the rows no longer bear out: Croissant, terms, their digest, the split certificate, coverage, the gate."""
    from curation.expectations import gate

    manifest, about, lock = (_json(folder / name) for name in (MANIFEST, ABOUT, "provenance/lock.json"))
    if manifest["digest"] != told["artifact"]["digest"] or lock["digest"] != manifest["digest"]:
        yield f"{MANIFEST}: of another artifact"
    yield from described_again(folder, manifest, about, _json(folder / ANSWERS)["answers"])
    if about["ids_only"]:
        return
    table = str(about["table"])
    rows = published_table(folder).collect()
    if digest(rows) != manifest["tables"][table]["digest"]:
        yield f"the rows are not those of the artifact: their digest is not {manifest['tables'][table]['digest'][:12]}"
        return
    split = _json(folder / SPLIT)
    key = KEYS[table]
    groups = [name for name in split["columns"] if name != key]
    again = certify(rows, key=key, stratum=about["stratum"], groups=groups, seed=split["seed"])
    for name in CERTIFIED:
        if again[name] != split[name]:
            yield f"{SPLIT}: {name} are not those of the rows"
    if manifest["facts"].get("coverage") and coverage(rows) != _json(folder / COVERAGE):
        yield f"{COVERAGE}: not that of the rows"
    found = _json(folder / GATE) if (folder / GATE).is_file() else {}
    if found:
        now = {one["name"]: one["failed"] for one in gate(rows, kind=table).to_dict()["expectations"]}
        moved = [
            one["name"] for one in found["expectations"] if one["name"] in now and now[one["name"]] != one["failed"]
        ]
        yield from (f"{GATE}: {name} counts other failures now" for name in moved)


def show(terminal: Terminal, folder: Path, found: Checked) -> None:
    """What is wrong, or that nothing is.

    Raises:
        CheckFailed: Something is.
    """
    for one in found.wrong[:_SHOWN]:
        terminal.line(f"FAILED  {one}")
    if len(found.wrong) > _SHOWN:
        terminal.line(f"… and {len(found.wrong) - _SHOWN:,} more")
    told = found.told
    terminal.line(f"{told['kind']} {told['name']}, version {told['version']}, digest {told['artifact']['digest'][:12]}")
    terminal.line(
        f"{len(told['files']):,} files, {found.claims:,} claims{'' if found.wrong else ': all as they should be'}"
    )
    terminal.result(
        {
            "publication": str(folder), "passed": not found.wrong, "claims": found.claims,
            "privacy": dict(found.private), "problems": list(found.wrong),
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

"""What `xinheng publish --check` does: files, figures and certificates of a publication, all of it worked out again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from app.publishing_book import book_of
from app.publishing_facts import CERTIFIED
from app.publishing_texts import CARD, SHEET
from app.terminal import Terminal
from curation.coverage import coverage
from curation.published import ABOUT, COVERAGE, GATE, MANIFEST, SPLIT
from curation.published_rows import published_table
from curation.split import certify
from training import model_card
from xinheng import publication
from xinheng.artifacts import Artifact
from xinheng.claims import CLAIMS, problems, read
from xinheng.digests import digest
from xinheng.errors import CheckFailed, InputError, XinhengError
from xinheng.tables import KEYS

Say = Callable[[str], None]

_SHOWN: Final = 20


@dataclass(frozen=True)
class Checked:
    """What checking found: how many claims there are, and all that is wrong, in words; nothing where all holds."""

    told: Mapping[str, Any]
    claims: int
    wrong: tuple[str, ...]


def checked(folder: Path, *, artifact: Artifact | None = None, say: Say = lambda _: None) -> Checked:
    """A publication checked from its own files, and against an artifact where one is given.

    Args:
        folder: Of the publication.
        artifact: What it should be of: another digest makes all of it stale.
        say: Hears what is done.

    Raises:
        InputError: It is no publication.
    """
    told = publication.read(folder)
    say(f"{folder}: files")
    wrong = publication.differences(folder, told)
    if artifact is not None and artifact.digest != told["artifact"]["digest"]:
        have = f"{told['artifact']['digest'][:12]}, the artifact is {artifact.digest[:12]} now"
        wrong.append(f"stale: it was made from digest {have}")
    claims = []
    say(f"{folder}: figures")
    try:
        claims = read(folder / CLAIMS)
        model = told["kind"] in {"adapter", "model"}
        book = model_card.book(folder) if model else book_of(folder)
        texts = {name: _text(folder / name) for name in (CARD, *([] if model else [SHEET]))}
        strange = sorted({claim.artifact for claim in claims} - {told["artifact"]["digest"]})
        wrong += [f"{CLAIMS}: claims of another artifact, {one[:12]}" for one in strange]
        wrong += [f"{one.kind}: {one.told}" for one in problems(claims, book, texts)]
        if not model:
            say(f"{folder}: certificates")
            wrong += _certificates(folder, told)
    except (OSError, ValueError, KeyError, TypeError) as error:
        wrong.append(f"cannot be worked out again: {type(error).__name__}")
    except XinhengError as error:
        wrong.append(f"cannot be worked out again: {error}")
    return Checked(told, len(claims), tuple(wrong))


def _certificates(folder: Path, told: Mapping[str, Any]) -> Iterator[str]:
    """What the rows no longer bear out: their digest, the split certificate, coverage, the gate."""
    from curation.expectations import gate

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
        {"publication": str(folder), "passed": not found.wrong, "claims": found.claims, "problems": list(found.wrong)}
    )
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

"""What `xinheng publish` does, whatever is published: options read, folder made, sent, and a page for the reviewer."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from shlex import quote
from typing import Any, Final

from app.publishing import Made, publish_dataset
from app.publishing_gates import without_places
from app.publishing_options import ALIKE, Options
from app.terminal import Terminal
from curation.datasheet import asked_for, read_answers
from xinheng import publication
from xinheng.artifacts import Artifact, open_artifact
from xinheng.citation import authors_of
from xinheng.errors import ArtifactError, InputError, ModelError, NetworkError, UsageError, WriteError
from xinheng.hub import items_of, require_repo, send
from xinheng.storage import local, place_of

_HUB: Final = "hub:"


@dataclass(frozen=True)
class Asked:
    """What the command line said; see `app.publish_commands.publish`."""

    artifact: str
    out: Path | None
    to: str | None
    private: bool
    dry_run: bool
    version: str
    answers: Path | None
    authors: tuple[str, ...]
    ask: bool
    accept: tuple[str, ...]
    allow: tuple[str, ...]
    ids_only: bool
    evidence: tuple[str, ...]
    base: str | None
    with_base: bool
    vault: Path | None
    key_file: Path | None
    k: int | None
    quasi: str | None
    recipe: Path | None
    changelog: Path | None
    overwrite: bool


def run(asked: Asked, *, terminal: Terminal) -> None:
    """Publish, show what was made, and send it where that was asked."""
    from app.privacy import opened
    from app.publishing_review import require_place

    repo = _repo(asked.to)
    if asked.out is None and not asked.dry_run:
        raise UsageError("publish", "no place for it", want="--out DIR", mend="Or --dry-run, which writes nothing.")
    if asked.out is not None:
        local(asked.out, "--out")
    for file in filter(None, (asked.recipe, asked.changelog)):
        if not file.is_file():
            raise InputError(str(file), "no such file")
    place = place_of(asked.artifact)
    out = None if asked.dry_run else asked.out
    options = Options(
        version=asked.version, repo=repo, accept=asked.accept, allow=asked.allow, ids_only=asked.ids_only,
        vault=opened(asked.vault, key_file=asked.key_file) if asked.vault else None,
        k=ALIKE if asked.k is None else asked.k,
        quasi=_listed(asked.quasi),
        recipe=asked.recipe, changelog=asked.changelog, evidence=_evidence(asked.evidence), overwrite=asked.overwrite,
    )  # fmt: skip
    with terminal.busy(f"publishing {asked.artifact}") if not asked.ask else nullcontext():
        if isinstance(place, Path) and is_model(place):
            from app.publishing_models import publish_model

            answers = _answers(asked, terminal, sheet=False)
            options = replace(options, answers=answers)
            made = publish_model(place, out, options, base=asked.base, with_base=asked.with_base, say=terminal.say)
            kind, review = "model", None
        else:
            artifact = open_artifact(place)
            if not asked.ids_only:
                require_place(asked.out)
            options = replace(options, answers=_answers(asked, terminal, sheet=True))
            made = publish_dataset(artifact, out, options, say=terminal.say)
            kind, review = "dataset", _review(artifact, asked)
    _show(terminal, made, asked, review)
    commit = _sent(made, repo, kind, asked, terminal) if repo and not asked.dry_run else None
    terminal.result(
        {
            **made.told,
            "folder": None if asked.dry_run else str(made.folder),
            "files": dict(made.files),
            "notes": list(made.notes),
            "review": str(review) if review else None,
            "commit": commit,
            **({"card": made.card} if asked.dry_run else {}),
        }
    )


def check(
    folder: Path, artifact: str | None, *, vault: Path | None, key_file: Path | None, k: int | None, quasi: str | None,
    terminal: Terminal,
) -> None:  # fmt: skip
    """Check a publication, also against an artifact where one is named; privacy as it was asked for then, or as now."""
    from app import publishing_check
    from app.privacy import opened

    held = opened(vault, key_file=key_file) if vault else None
    with terminal.busy(f"checking {folder}"):
        of = open_artifact(place_of(artifact)) if artifact else None
        again = publishing_check.Again(held, k, _listed(quasi))
        found = publishing_check.checked(folder, artifact=of, again=again, say=terminal.say)
    publishing_check.show(terminal, folder, found)


def _listed(quasi: str | None) -> list[str] | None:
    return None if quasi is None else [one.strip() for one in quasi.split(",") if one.strip()]


def is_model(folder: Path) -> bool:
    """Whether a folder holds weights and not rows."""
    return any((folder / name).is_file() for name in ("adapter_config.json", "config.json")) or any(
        folder.glob("*.gguf")
    )


def _repo(to: str | None) -> str:
    if to is None:
        return ""
    if not to.startswith(_HUB):
        raise UsageError("publish", "no place that is known", want="--to hub:OWNER/NAME", have=repr(to))
    require_repo(to.removeprefix(_HUB), who="publish")
    return to.removeprefix(_HUB)


def _evidence(places: tuple[str, ...]) -> dict[str, Artifact]:
    found: dict[str, Artifact] = {}
    for place in places:
        artifact = open_artifact(place_of(place))
        name = re.sub(r"[^0-9A-Za-z_-]+", "-", without_places(str(artifact.manifest["name"]))).strip("-") or "evidence"
        while name in found:
            name += "-more"
        found[name] = artifact
    return found


def _answers(asked: Asked, terminal: Terminal, *, sheet: bool) -> Mapping[str, Any]:
    answers = read_answers(asked.answers) if asked.answers else {}
    if asked.authors:
        answers = {**answers, "authors": list(asked.authors)}
    if asked.ask and sheet:
        if not sys.stdin.isatty():
            raise UsageError("publish", "--ask without a terminal", mend="Give the answers in a file: --answers FILE.")
        terminal.say("An empty line leaves a question open.")
        answers = asked_for(answers, lambda question: input(f"{question}\n> "))
    authors_of(answers.get("authors", []))
    return answers


def _review(artifact: Artifact, asked: Asked) -> Path | None:
    from app.publishing_review import review_page

    if asked.ids_only:
        return None
    try:
        return review_page(artifact, out=asked.out)
    except WriteError as error:
        # The disk was filled by the publication itself, or by somebody else meanwhile.
        ready = "" if asked.dry_run else f" The publication is whole, in {asked.out}; nothing was sent."
        mend = f"Make room for it, or name another folder in XINHENG_RUNS.{ready}"
        what = f"the reviewer's page: {error.what}"
        raise WriteError(error.who, what, want=error.want, have=error.have, mend=mend) from None


def _show(terminal: Terminal, made: Made, asked: Asked, review: Path | None) -> None:
    terminal.table(["file", "bytes"], [[name, size] for name, size in made.files.items()], right=(1,))
    terminal.line(f"{sum(made.files.values()):,} bytes in {len(made.files):,} files")
    for note in made.notes:
        terminal.line(f"note     {note}")
    if "CITATION.cff" not in made.files:
        terminal.line("note     no CITATION.cff: nobody said who the authors are (--author, or authors in --answers)")
    if open_questions := made.told.get("open"):
        terminal.line(f"open     {len(open_questions):,} questions of the datasheet: {', '.join(open_questions)}")
    if review is not None:
        terminal.line(f"review   {review}  read it before anybody else reads the data; it stays here")
    if asked.dry_run:
        terminal.line()
        terminal.line(made.card)
        terminal.line("nothing was written; next: the same without --dry-run")
        return
    terminal.line(f"folder   {made.folder}")
    terminal.line(f"check    xinheng publish --check {made.folder}")


def _sent(made: Made, repo: str, kind: str, asked: Asked, terminal: Terminal) -> str:
    files = items_of(made.folder, publication.names(made.folder))
    try:
        address = send(
            files, repo, kind=kind, private=asked.private, message=f"Version {asked.version}", whole=True,
            say=terminal.say,
        )  # fmt: skip
    except (ModelError, NetworkError) as error:
        more = " --private" if asked.private else ""
        # Without --delete the rows of an earlier version would stay beside those of this one.
        later = f'hf upload {repo} {quote(str(made.folder))} . --repo-type {kind}{more} --delete "*"'
        mend = f"{error.mend} The folder is ready; later, into a repository of this publication alone: {later}".strip()
        raise type(error)("publish", error.what, want=error.want, have=error.have, mend=mend) from None
    except ArtifactError as error:
        mend = f"{error.mend} The folder is ready: {made.folder}"
        raise ArtifactError(error.who, error.what, want=error.want, have=error.have, mend=mend) from None
    terminal.line(f"sent     {address}")
    return address

"""The texts and files of a published adapter or model, out of its own folder: so written, and so looked at again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from app.changelog import CHANGELOG
from app.publishing_compared import another, differing
from app.publishing_texts import CARD, CITATION, as_bytes, cited, evidence_of, writer_digest
from training.model_card import book, claimed
from xinheng import publication
from xinheng.artifacts import file_sha256
from xinheng.card_tables import measures
from xinheng.claims import CLAIMS, Ledger, as_json

BASE: Final = "base"
# Folders of records; what else is there was sent as it was made, or is a text.
_OURS: Final = ("evidence", "provenance")
# Files out of which folders of a machine are taken: they are not those of the artifact.
CLEANED: Final = frozenset({"adapter_config.json", "config.json", "generation_config.json", "tokenizer_config.json"})
_READ: Final = (
    "Low and high bound the interval of each value; what could not be read counts as `missing` says, never by default."
)


def model_texts(folder: Path, about: Mapping[str, Any], manifest: Mapping[str, Any]) -> dict[str, str]:
    """Card, citation and claims.

    Args:
        folder: Of the publication; evidence and base are there.
        about: Its `provenance/about.json`. No citation where that does not say who is cited.
        manifest: Its `provenance/manifest.json`.
    """
    texts = {}
    if about.get("cited"):
        texts[CITATION] = cited("software", about, manifest, str(about["licence"]), str(about["repo"]))
    ledger = Ledger(book(folder), str(manifest["digest"]))
    parts = [measures(name, count, ledger) for name, count in evidence_of(folder, about).items()]
    more = "## Scores\n\n" + "\n\n".join([*parts, _READ]) + "\n\n" if parts else ""
    card = claimed(str(manifest["kind"]), ledger, more=more, with_base=(folder / BASE).is_dir())
    texts[CARD] = ledger.finish(CARD, card)
    return {**texts, CLAIMS: as_json(ledger.claims)}


def sent_files(folder: Path) -> dict[str, str]:
    """The SHA-256 of every file that is neither a text nor a record: weights, words, the base."""
    ours = {CARD, CLAIMS, CITATION, CHANGELOG, publication.MARKER, publication.SUMS}
    names = [name for name in publication.names(folder) if name not in ours and name.split("/")[0] not in _OURS]
    return {name: file_sha256(folder / name) for name in names}


def compared_model(folder: Path, about: Mapping[str, Any], manifest: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """What is not what the records give, and of what nobody can tell.

    Args:
        folder: Of the publication.
        about: Its `provenance/about.json`.
        manifest: Its `provenance/manifest.json`.
    """
    untold = [] if "files" in about else ["files beside the weights: not compared; an older Xinheng kept no list"]
    wrong, found = [*_files(folder, about, manifest)], [*_texts(folder, about, manifest)]
    if about.get("writer") == writer_digest():
        return wrong + found, untold
    return wrong, untold + another(found)


def _files(folder: Path, about: Mapping[str, Any], manifest: Mapping[str, Any]) -> Iterator[str]:
    have, listed = sent_files(folder), about.get("files")
    for name in sorted({*have, *(listed or ())}):
        if name in manifest["sha256"] and name not in CLEANED:
            if have.get(name) != manifest["sha256"][name]:
                yield f"{name}: not that of the artifact"
        elif listed is not None and have.get(name) != listed.get(name):
            yield f"{name}: not what was published"


def _texts(folder: Path, about: Mapping[str, Any], manifest: Mapping[str, Any]) -> Iterator[str]:
    now = model_texts(folder, about, manifest)
    for name, text in now.items():
        have = (folder / name).read_bytes() if (folder / name).is_file() else b""
        if told := differing(name, have, as_bytes(text)):
            yield told
    if CITATION not in now and "cited" in about and (folder / CITATION).exists():
        yield f"{CITATION}: not of this publication"

"""The texts of a published dataset, out of its own folder alone: so written, and so written again to be compared."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import polars as pl

from app import publishing_gates as gates
from app.publishing_book import book_of
from app.publishing_described import CROISSANT, TERMS, described, terms
from app.publishing_ids import IDS_SCRIPT
from app.publishing_options import Options
from app.publishing_views import written_views
from curation import datasheet as sheet
from curation.dataset_card import card
from curation.published import ABOUT, MANIFEST, Published
from curation.published_rows import published_table, split_rows
from xinheng.card_tables import EVIDENCE
from xinheng.citation import authors_of, citation, named
from xinheng.claims import CLAIMS, Ledger, as_json
from xinheng.licences import Verdict, publication

CARD: Final = "README.md"
SHEET: Final = "DATASHEET.md"
CITATION: Final = "CITATION.cff"
REBUILD: Final = "rebuild.py"
# What has a say in the bytes of texts and views.
_WRITERS: Final = (
    "app/exporting.py", "app/publishing*.py", "curation/croissant.py", "curation/data*", "curation/examples.py",
    "curation/exports.py", "curation/formats.py", "curation/published*.py", "curation/split.py", "curation/views.py",
    "training/model_card.py", "xinheng/*.py",
)  # fmt: skip


@cache
def writer_digest() -> str:
    """Sixteen hex digits for the code that writes texts and views: another code may write other bytes of the same."""
    root = Path(__file__).resolve().parent.parent
    files = sorted({file for pattern in _WRITERS for file in root.glob(pattern) if file.is_file()})
    told = [b"%s\0%s" % (file.relative_to(root).as_posix().encode(), file.read_bytes()) for file in files]
    return hashlib.sha256(b"\0".join([pl.__version__.encode(), *told])).hexdigest()[:16]


def written_by(options: Options, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """What `provenance/about.json` keeps so that the texts can be written again: people, date, evidence, the code.

    Args:
        options: How it is published.
        manifest: Its `provenance/manifest.json`.
    """
    authors = authors_of(options.answers.get("authors", []))
    return {
        "authors": [named(one) for one in authors],
        "cited": authors,
        "date": str(options.answers.get("date") or manifest["written"]["at"])[:10],
        "evidence": [*options.evidence],
        "writer": writer_digest(),
    }


def texts_of(folder: Path, about: Mapping[str, Any]) -> dict[str, str]:
    """Card, datasheet, Croissant, citation, terms and claims of a folder whose rows, views and certificates are there.

    Args:
        folder: Of the publication.
        about: Its `provenance/about.json`. No citation where that does not say who is cited, as an older Xinheng's.
    """
    manifest = read_json(folder / MANIFEST)
    answers = read_json(folder / sheet.ANSWERS)["answers"]
    verdict = publication(gates.licences_of(published_table(folder)), accept=about["accepted"])
    told = _published(folder, about, manifest, answers, verdict)
    texts = {TERMS: terms(verdict), CROISSANT: described(folder, manifest, about, answers, verdict.licence)}
    if about.get("cited"):
        texts[CITATION] = cited(
            "dataset", about, manifest, verdict.licence, f"datasets/{about['repo']}", "mental health"
        )
    ledger = Ledger(book_of(folder), str(manifest["digest"]))
    texts[CARD] = ledger.finish(CARD, card(told, ledger))
    texts[SHEET] = ledger.finish(SHEET, sheet.datasheet(told, answers, ledger))
    texts[CLAIMS] = as_json(ledger.claims)
    return {**texts, REBUILD: IDS_SCRIPT} if about["ids_only"] else texts


def _published(
    folder: Path, about: Mapping[str, Any], manifest: Mapping[str, Any], answers: Mapping[str, Any], verdict: Verdict
) -> Published:
    return Published(
        table=str(about["table"]), facts=manifest["facts"], splits=[*split_rows(published_table(folder))],
        views=written_views(folder), stratum=about["stratum"], licence=gates.as_told(verdict),
        accepted=about["accepted"], notes=about["notes"], evidence=evidence_of(folder, about), marks=manifest["marks"],
        citation=bool(about.get("authors")), repo=str(about["repo"]), ids_only=bool(about["ids_only"]),
        open=sheet.as_json_facts(answers)["open"],
    )  # fmt: skip


def cited(
    kind: str, about: Mapping[str, Any], manifest: Mapping[str, Any], licence: str, place: str, *more: str
) -> str:
    """CITATION.cff of a publication.

    Args:
        kind: `dataset` or `software`.
        about: Its `provenance/about.json`, with `cited` and `date`.
        manifest: Its `provenance/manifest.json`.
        licence: Of the whole; told where SPDX has it.
        place: On the hub, as its address has it.
        more: Keywords beside `counselling`.
    """
    return citation(
        kind=kind, title=str(about["title"]), version=str(about["version"]), authors=about["cited"],
        date=str(about["date"]), licence=gates.spdx(licence), digest=str(manifest["digest"]),
        address=f"https://huggingface.co/{place}" if about["repo"] else "", keywords=("counselling", *more),
    )  # fmt: skip


def evidence_of(folder: Path, about: Mapping[str, Any]) -> dict[str, int]:
    """How many measures each file of evidence has, in the order in which the card has them."""
    names = about.get("evidence") or sorted(file.stem for file in (folder / EVIDENCE).glob("*.json"))
    return {str(name): len(read_json(folder / EVIDENCE / f"{name}.json")["rows"]) for name in names}


def write_texts(folder: Path, about: Mapping[str, Any], notes: Sequence[str], options: Options) -> str:
    """Write what `texts_of` gives, and before it what that needs of people; the text of the card."""
    write_json(folder / ABOUT, {**about, **written_by(options, read_json(folder / MANIFEST)), "notes": [*notes]})
    texts = texts_of(folder, read_json(folder / ABOUT))
    for name, text in texts.items():
        write_text(folder / name, text)
    return texts[CARD]


def read_json(file: Path) -> Any:
    """What a JSON file of a publication holds."""
    return json.loads(file.read_text(encoding="utf-8"))


def write_json(file: Path, value: Any) -> None:
    """Write a JSON file; its folder is made."""
    file.parent.mkdir(parents=True, exist_ok=True)
    write_text(file, json.dumps(value, ensure_ascii=False, indent=1, default=str) + "\n")


def write_text(file: Path, text: str) -> None:
    """Write a text; what UTF-8 cannot hold becomes an escape."""
    file.write_bytes(as_bytes(text))


def as_bytes(text: str) -> bytes:
    """A text as it is written."""
    return text.encode("utf-8", "backslashreplace")

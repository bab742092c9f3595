"""The texts of a published dataset: card, datasheet, citation, and the claims of the first two."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from app import publishing_gates as gates
from app.publishing_book import book_of
from app.publishing_described import CROISSANT, TERMS, described, terms
from app.publishing_ids import IDS_SCRIPT
from app.publishing_options import Options
from curation import datasheet as sheet
from curation.dataset_card import card
from curation.published import ABOUT, Published
from xinheng.citation import authors_of, citation, named
from xinheng.claims import CLAIMS, Ledger, as_json

CARD: Final = "README.md"
SHEET: Final = "DATASHEET.md"


def write_texts(
    folder: Path,
    manifest: Mapping[str, Any],
    about: Mapping[str, Any],
    notes: Sequence[str],
    views: Mapping[str, Sequence[str]],
    counts: Mapping[str, int],
    verdict: Any,
    options: Options,
) -> str:
    """Card, datasheet, Croissant, citation, terms and claims; the text of the card."""
    authors = authors_of(options.answers.get("authors", []))
    date = str(options.answers.get("date") or manifest["written"]["at"])[:10]
    told = Published(
        table=str(about["table"]), facts=manifest["facts"], splits=[*counts], views=views, stratum=about["stratum"],
        licence=gates.as_told(verdict), accepted=about["accepted"], notes=notes,
        evidence={name: one.rows("summary") for name, one in options.evidence.items()}, marks=manifest["marks"],
        citation=bool(authors), repo=str(about["repo"]), ids_only=options.ids_only,
        open=sheet.as_json_facts(options.answers)["open"],
    )  # fmt: skip
    ledger = Ledger(book_of(folder), str(manifest["digest"]))
    if authors:
        address = f"https://huggingface.co/datasets/{about['repo']}" if about["repo"] else ""
        write_text(folder / "CITATION.cff", citation(
            kind="dataset", title=str(about["title"]), version=options.version, authors=authors, date=date,
            licence=gates.spdx(verdict.licence), digest=str(manifest["digest"]),
            address=address, keywords=("counselling", "mental health"),
        ))  # fmt: skip
    write_text(folder / TERMS, terms(verdict))
    answers = sheet.as_json_facts(options.answers)["answers"]
    who = {**about, "authors": [named(one) for one in authors], "date": date, "notes": [*notes]}
    write_json(folder / ABOUT, who)
    write_text(folder / CROISSANT, described(folder, manifest, who, answers, verdict.licence))
    text = ledger.finish(CARD, card(told, ledger))
    write_text(folder / CARD, text)
    write_text(folder / SHEET, ledger.finish(SHEET, sheet.datasheet(told, options.answers, ledger)))
    write_text(folder / CLAIMS, as_json(ledger.claims))
    if options.ids_only:
        write_text(folder / "rebuild.py", IDS_SCRIPT)
    return text


def write_json(file: Path, value: Any) -> None:
    """Write a JSON file; its folder is made."""
    file.parent.mkdir(parents=True, exist_ok=True)
    write_text(file, json.dumps(value, ensure_ascii=False, indent=1, default=str) + "\n")


def write_text(file: Path, text: str) -> None:
    """Write a text; what UTF-8 cannot hold becomes an escape."""
    file.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")

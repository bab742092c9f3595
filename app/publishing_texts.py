"""The texts of a published dataset: card, datasheet, Croissant, citation, terms, and the claims of the first two."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from app import publishing_gates as gates
from app.publishing_book import book_of
from app.publishing_ids import IDS_SCRIPT
from app.publishing_options import Options
from curation import datasheet as sheet
from curation.croissant import USES, Described, croissant
from curation.dataset_card import card
from curation.published import PRIVACY, Published
from xinheng.citation import authors_of, citation, named
from xinheng.claims import CLAIMS, Ledger, as_json
from xinheng.printing import plain

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
    write_text(folder / "LICENCES.md", _terms(verdict))
    described = _described(told, manifest, about, [named(one) for one in authors], date, options)
    write_text(folder / "croissant.json", croissant(described, folder))
    text = ledger.finish(CARD, card(told, ledger))
    write_text(folder / CARD, text)
    write_text(folder / SHEET, ledger.finish(SHEET, sheet.datasheet(told, options.answers, ledger)))
    write_text(folder / CLAIMS, as_json(ledger.claims))
    if options.ids_only:
        write_text(folder / "rebuild.py", IDS_SCRIPT)
    return text


def _described(
    told: Published,
    manifest: Mapping[str, Any],
    about: Mapping[str, Any],
    authors: Sequence[str],
    date: str,
    options: Options,
) -> Described:
    answers, facts = options.answers, manifest["facts"]
    sources = ", ".join(str(one.get("title") or one["name"]) for one in facts.get("sources", []))
    title, by = plain(about["title"]), f"{', '.join(authors)}. " if authors else ""
    return Described(
        name=re.sub(r"[^0-9A-Za-z_-]+", "-", str(manifest["name"])).strip("-") or "dataset",
        title=title,
        version=options.version,
        licence=told.licence["licence"] or "no licence for the rows; see LICENCES.md",
        languages=[plain(name) for name in facts.get("languages", {})],
        address=f"https://huggingface.co/datasets/{about['repo']}" if about["repo"] else "",
        cite=f"{by}{title}, version {options.version}. Digest {manifest['digest']}.",
        authors=authors,
        date=date,
        rai={
            "dataCollection": plain(f"Taken from: {sources}.") if sources else "",
            "dataCollectionTimeframe": "",
            "dataPreprocessingProtocol": [plain(one["what"]) for one in facts.get("steps", []) if one.get("what")],
            "dataUseCases": USES,
            "dataLimitations": [plain(note) for note in told.notes] + ["See Known limits in README.md."],
            "personalSensitiveInformation": _sensitive(told.table),
            "dataBiases": answers.get("bias", ""),
            "dataSocialImpact": answers.get("impact", ""),
            "dataReleaseMaintenancePlan": answers.get("updates", ""),
        },
    )


def _sensitive(table: str) -> str:
    if table == "choice":
        return "None: exam questions."
    return f"What people write of their troubles and health; what a finder of names found is in {PRIVACY}."


def _terms(verdict: Any) -> str:
    """The terms of each source in words; not a card, so it has no claims and no figures."""
    lines = ["# Licences", "", *(f"- {plain(line)}" for line in (*verdict.explained, *verdict.duties)), ""]
    lines += ["| source | licence | | clause |", "|---|---|---|---|"]
    for one in verdict.findings:
        cells = [one.source, one.licence, one.why, one.clause]
        lines.append("| " + " | ".join(plain(cell).replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def write_json(file: Path, value: Any) -> None:
    """Write a JSON file; its folder is made."""
    file.parent.mkdir(parents=True, exist_ok=True)
    write_text(file, json.dumps(value, ensure_ascii=False, indent=1, default=str) + "\n")


def write_text(file: Path, text: str) -> None:
    """Write a text; what UTF-8 cannot hold becomes an escape."""
    file.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")

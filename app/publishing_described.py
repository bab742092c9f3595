"""Croissant and the terms of a published dataset, out of its own folder alone: so written, and so checked again."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from app.publishing_gates import licences_of
from curation.croissant import USES, Described, croissant
from curation.published import PRIVACY
from curation.published_rows import published_table
from xinheng.licences import Verdict, publication
from xinheng.printing import plain

CROISSANT: Final = "croissant.json"
TERMS: Final = "LICENCES.md"


def described(
    folder: Path, manifest: Mapping[str, Any], about: Mapping[str, Any], answers: Mapping[str, Any], licence: str
) -> str:
    """The Croissant file of a folder whose rows are written.

    Args:
        folder: Of the publication.
        manifest: Its `provenance/manifest.json`.
        about: Its `provenance/about.json`, with authors, date and notes.
        answers: Of people, to the datasheet's questions.
        licence: Of the whole; empty where there is none.
    """
    facts, authors = manifest["facts"], [str(name) for name in about["authors"]]
    sources = ", ".join(str(one.get("title") or one["name"]) for one in facts.get("sources", []))
    title, by = plain(about["title"]), f"{', '.join(authors)}. " if authors else ""
    told = Described(
        name=re.sub(r"[^0-9A-Za-z_-]+", "-", str(manifest["name"])).strip("-") or "dataset",
        title=title,
        version=str(about["version"]),
        licence=licence or "no licence for the rows; see LICENCES.md",
        languages=[plain(name) for name in facts.get("languages", {})],
        address=f"https://huggingface.co/datasets/{about['repo']}" if about["repo"] else "",
        cite=f"{by}{title}, version {about['version']}. Digest {manifest['digest']}.",
        authors=authors,
        date=str(about["date"]),
        rai={
            "dataCollection": plain(f"Taken from: {sources}.") if sources else "",
            "dataCollectionTimeframe": "",
            "dataPreprocessingProtocol": [plain(one["what"]) for one in facts.get("steps", []) if one.get("what")],
            "dataUseCases": USES,
            "dataLimitations": [plain(note) for note in about["notes"]] + ["See Known limits in README.md."],
            "personalSensitiveInformation": _sensitive(str(about["table"])),
            "dataBiases": answers.get("bias", ""),
            "dataSocialImpact": answers.get("impact", ""),
            "dataReleaseMaintenancePlan": answers.get("updates", ""),
        },
    )
    return croissant(told, folder)


def _sensitive(table: str) -> str:
    if table == "choice":
        return "None: exam questions."
    return f"What people write of their troubles and health; what a finder of names found is in {PRIVACY}."


def terms(verdict: Verdict) -> str:
    """The terms of each source in words."""
    lines = ["# Licences", "", *(f"- {plain(line)}" for line in (*verdict.explained, *verdict.duties)), ""]
    lines += ["| source | licence | | clause |", "|---|---|---|---|"]
    for one in verdict.findings:
        cells = [one.source, one.licence, one.why, one.clause]
        lines.append("| " + " | ".join(plain(cell).replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def described_again(
    folder: Path, manifest: Mapping[str, Any], about: Mapping[str, Any], answers: Mapping[str, Any]
) -> Iterator[str]:
    """What Croissant and the terms say otherwise than rows and files give now: the field, and not what it holds.

    A publication of a Xinheng that did not record authors and date has these from the file itself.
    """
    verdict = publication(licences_of(published_table(folder)), accept=about["accepted"])
    if (folder / TERMS).read_text(encoding="utf-8") != terms(verdict):
        yield f"{TERMS}: not the terms that the rows have"
    have = json.loads((folder / CROISSANT).read_text(encoding="utf-8"))
    known = {"authors": [one["name"] for one in have.get("creator", [])], "date": have["datePublished"]}
    now = json.loads(described(folder, manifest, {**known, **about}, answers, verdict.licence))
    for name in sorted({*have, *now}):
        if have.get(name) != now.get(name):
            yield f"{CROISSANT}: {plain(name, limit=60)} is not what rows, files and manifest give"

"""Croissant and the terms of a published dataset, out of its own folder alone: so written, and so checked again."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from curation.croissant import USES, Described, croissant
from curation.published import PRIVACY
from xinheng.licences import Verdict
from xinheng.printing import markdown, plain

CROISSANT: Final = "croissant.json"
TERMS: Final = "LICENCES.md"
# Terms are told whole.
_LONGEST: Final = 1_000


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
    lines = [
        "# Licences",
        "",
        *(f"- {markdown(line, limit=_LONGEST)}" for line in (*verdict.explained, *verdict.duties)),
        "",
    ]
    lines += ["| source | licence | | clause |", "|---|---|---|---|"]
    for one in verdict.findings:
        cells = [one.source, one.licence, one.why, one.clause]
        lines.append("| " + " | ".join(markdown(cell) for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def known_of(folder: Path) -> dict[str, Any]:
    """Authors and date as the Croissant file itself has them: an older Xinheng did not write them down elsewhere."""
    have = json.loads((folder / CROISSANT).read_text(encoding="utf-8"))
    return {"authors": [one["name"] for one in have.get("creator", [])], "date": have["datePublished"]}


def differing_fields(have: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """The fields of Croissant that say otherwise than rows and files give now, and not what they hold."""
    for name in sorted({*have, *now}):
        if have.get(name) != now.get(name):
            yield f"{CROISSANT}: {plain(name, limit=60)} is not what rows, files and manifest give"

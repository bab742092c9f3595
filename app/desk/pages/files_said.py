"""What the room `files` says in sentences: the log's entries, what a corpus leaves out, a certificate of erasure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from app.desk.erasure import Certificate
from app.desk.pages.words import say, sentences


def log_line(language: str, facts: Mapping[str, Any]) -> str:
    """An entry of the log as a sentence; there are no words of a client in it.

    >>> log_line("en", {"action": "saved", "kind": "note", "record": "3", "version": 2})
    'Saved: note 3, version 2'
    """
    told, action, what = sentences(language), str(facts.get("action", "")), str(facts.get("what", ""))
    if action == "saved":
        kind = str(facts.get("kind", ""))
        named = told.get(f"files_kind_{kind}", kind)
        number = f" {facts.get('record')}" if kind == "note" else ""
        return told["files_did_saved"].format(what=f"{named}{number}", v=facts.get("version", ""))
    if action == "exported":
        named = told.get(f"files_out_{what.replace(' ', '_')}", what).format(n=facts.get("note", ""))
        form = str(facts.get("form", ""))
        return told["files_did_exported"].format(what=f"{named} ({form})" if form else named)
    return told.get(f"files_did_{action.replace(' ', '_')}", action)


def left_out(language: str, counts: Mapping[str, int]) -> list[str]:
    """What a corpus leaves out and why, each as a sentence."""
    told = sentences(language)
    return [told.get(f"files_left {why}", f"{why}: {{n}}").format(n=count) for why, count in counts.items()]


def replaced(language: str, counts: Mapping[str, int]) -> list[str]:
    """What was replaced in a corpus, by class."""
    told = sentences(language)
    return [f"{told.get(f'files_class_{kind}', kind)} {count:,}" for kind, count in counts.items()]


def certificate_text(language: str, code: str, certificate: Certificate) -> str:
    """A certificate of erasure, line by line; the code is in it because the counsellor has just typed it."""
    told = sentences(language)
    kinds = [f"{told.get(f'files_kind_{kind}', kind)} {n:,}" for kind, n in certificate.rows.items() if n]
    lines = [
        say(language, "files_cert_title", code=code),
        say(language, "files_cert_when", at=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"), n=certificate.entry),
        say(language, "files_cert_id", id=certificate.client_id),
        say(language, "files_cert_rows", rows=told["comma"].join(kinds)),
        say(language, "files_cert_files", files=certificate.files, derived=certificate.derived),
        say(
            language,
            "files_cert_search",
            files=f"{certificate.searched_files:,}",
            size=f"{certificate.searched_bytes / 1e6:,.1f}",
            n=f"{certificate.searched_for:,}",
        ),
        told["files_cert_found"],
        told["files_cert_reach"],
    ]
    return "\n".join(lines) + "\n"

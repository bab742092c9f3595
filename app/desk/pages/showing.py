"""Notes as HTML that is nothing but text: every sign that a page or Markdown could read is written as a number."""

from __future__ import annotations

import re
from typing import Any

from app.desk.intake import FIELDS
from app.desk.pages.clients import Opened
from app.desk.pages.words import say
from app.desk.paper import note_blocks, word
from app.desk.search import note_text
from app.desk.store import Record

# Only ASCII signs are read by HTML or Markdown; others, Chinese ones too, stay as they are.
_READ = re.compile(r"[!-/:-@\[-`{-~]")
_NEWLINE = re.compile(r"\r\n|[\r\n\v\f\x1c-\x1e\x85\u2028\u2029]")
_UNSEEN = re.compile(r"[\x00-\x08\x0e-\x1b\x7f\u202a-\u202e\u2066-\u2069]")


def plain(text: str) -> str:
    """Text that stays text in HTML and in Markdown, its lines kept.

    >>> plain("<b>**a**")
    '&#60;b&#62;&#42;&#42;a&#42;&#42;'
    """
    kept = _NEWLINE.sub("\n", _UNSEEN.sub("\ufffd", text))
    numbered = _READ.sub(lambda m: f"&#{ord(m[0])};", kept)
    return numbered.replace("\n", "<br>").replace("\t", "&#9;")


def notes(language: str, client: Opened, *, most: int | None = None) -> str:
    """A client's notes, the newest first, so many at most; earlier versions are folded below each."""
    by_note: dict[str, list[Record]] = {}
    for record in client.notes:
        by_note.setdefault(record.record_id, []).append(record)
    if not by_note:
        return f'<p class="quiet">{say(language, "no_notes")}</p>'
    return "".join(_note(language, versions) for versions in [*reversed(by_note.values())][:most])


def info(language: str, client: Opened) -> str:
    """A client's basic information; fields that are empty are left out."""
    body = client.info.body if client.info else {}
    rows = [
        f"<dt>{say(language, field)}</dt><dd>{plain(str(body[field]))}</dd>{_sources(language, body, field)}"
        for field in FIELDS
        if body.get(field)
    ]
    return f'<dl class="info">{"".join(rows)}</dl>' if rows else ""


def _sources(language: str, body: dict[str, Any], field: str) -> str:
    """From where in a text a field's words were taken, folded."""
    passages = [one for source in body.get("sources", []) for one in source["fields"].get(field, [])]
    told = "".join(
        f"<li>{say(language, 'intake_place', start=one['start'] + 1, end=one['end'])} {plain(one['text'])}</li>"
        for one in passages
    )
    summary = say(language, "intake_sources", n=len(passages))
    return f"<dd><details><summary>{summary}</summary><ul>{told}</ul></details></dd>" if told else ""


def sides(language: str, mine: str, theirs: Record | None) -> str:
    """Both sides of a conflict, side by side."""
    other = _words(language, theirs) if theirs else ""
    return (
        f'<div class="sides"><section><h4>{say(language, "theirs")}</h4>{other}</section>'
        f"<section><h4>{say(language, 'mine')}</h4><p>{plain(mine)}</p></section></div>"
    )


def _note(language: str, versions: list[Record]) -> str:
    newest, earlier = versions[-1], versions[:-1]
    told = f" &#183; {say(language, 'version', v=newest.version)}" if earlier else ""
    head = f"<h3>{say(language, 'note', n=newest.record_id)} <time>{_day(newest)}</time>{told}</h3>"
    folded = "".join(
        f"<p><b>{say(language, 'version', v=r.version)}</b> {_day(r)}</p>{_words(language, r)}"
        for r in reversed(earlier)
    )
    more = f"<details><summary>{say(language, 'earlier')}</summary>{folded}</details>" if folded else ""
    return f'<article class="note">{head}{_words(language, newest)}{more}</article>'


def _words(language: str, record: Record) -> str:
    """Basic information, or a note's words as on paper, and what of them a model wrote and nobody has accepted."""
    if record.kind == "info":
        said = [(say(language, field), str(record.body[field])) for field in FIELDS if record.body.get(field)]
        return "".join(f"<h4>{title}</h4><p>{plain(text)}</p>" for title, text in said)
    told = []
    for block in note_blocks(record, language, comments=True)[2:]:
        mark = f' <span class="generated-mark">{plain(word("generated", language))}</span>' if block.generated else ""
        kind = "generated" if block.generated else block.style
        if block.style in ("heading", "subheading"):
            told.append(f"<h4>{plain(block.text)}</h4>")
        else:
            told.append(f'<p class="{kind}">{plain(block.text)}{mark}</p>')
    return "".join(told) or f"<p>{plain(note_text(record.body))}</p>"


def _day(record: Record) -> str:
    return plain(str(record.body.get("date", "")))

"""The HTML of the pages before anybody is known: fields, sentences, the frame around them."""

from __future__ import annotations

import re
from typing import Any, Final

from markupsafe import escape
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from app.desk.pages.drafts import whole
from app.desk.pages.guard import LARGEST_FORM, token_of
from app.desk.pages.words import LANGUAGES, because, chosen, say
from xinheng.errors import DeskError, UsageError, XinhengError

FIELDS: Final = ("name", "passphrase", "again", "code", "lang")
# Of a form that could not be read.
NOTHING: Final[dict[str, Any]] = {**dict.fromkeys(FIELDS, ""), "key": b""}


async def form_of(request: Request) -> dict[str, Any]:
    """What was sent: texts, "" where there is none, and a key file's bytes.

    Raises:
        UsageError: It is no form, or in an encoding that nobody knows.
    """
    # The guard lets 32 KiB through; Starlette writes only what is larger than a megabyte into a file.
    try:
        async with request.form(max_files=1, max_fields=8, max_part_size=LARGEST_FORM) as form:
            key = form.get("key")
            texts = {name: form.get(name) for name in FIELDS}
            found: dict[str, Any] = {name: whole(text) if isinstance(text, str) else "" for name, text in texts.items()}
            found["key"] = await key.read() if isinstance(key, UploadFile) else b""
    except (HTTPException, LookupError, ValueError) as error:
        raise UsageError("page", "not_read") from error
    return found


def why(language: str, error: XinhengError, *, wrong: str = "wrong") -> str:
    """An error in the reader's language, `wrong` for what does not open; what nobody wrote for is told as it is."""
    keys = {
        "not whole": "code_length",
        "passphrase too short": "short",
        "the passphrase was changed meanwhile": "renewed",
        "a counsellor of this name is there already": "taken",
        "no counsellor of this name": wrong,
        "the database was put back to an older state": "older",
        "no way to open it": wrong,
    }
    if isinstance(error, DeskError) and error.what == "too many guesses":
        return say(language, "wait", s=_seconds(error.mend))
    if slip := re.fullmatch(r"a slip in group ([\d, ]+)", error.what):
        return say(language, "code_slip", n=slip[1])
    if isinstance(error, DeskError) and error.what.startswith(("wrong ", "this recovery code")):
        wait = _seconds(error.mend)
        return say(language, wrong) + (f" {say(language, 'wait', s=wait)}" if wait else "")
    if error.what in {"no_code", "differ", "bad_key", "empty", "not_read"}:
        return say(language, error.what)
    return say(language, keys[error.what]) if error.what in keys else because(language, error)


def _seconds(mend: str) -> str:
    found = re.search(r"(\d+) s", mend)
    return found[1] if found else ""


def said_in(request: Request, language: str) -> str:
    """What a page that sent somebody here has to say."""
    return say(language, "ended") if request.query_params.get("ended") else ""


def token_in(request: Request) -> str:
    """The session's token; empty where there is none."""
    return token_of({"cookie": request.headers.get("cookie", "")})


def language_of(request: Request) -> str:
    """The language that is asked for, or was last, or that the browser wants."""
    for wanted in (request.query_params.get("lang"), request.cookies.get("xinheng_language")):
        if wanted in LANGUAGES:
            return str(wanted)
    return chosen(request.headers.get("accept-language", ""))


def page(language: str, title: str, body: str, *, status: int = 200) -> Response:
    """A whole page, with the way to the other languages."""
    others = " ".join(
        f"<b>{named}</b>" if code == language else f'<a lang="{code}" href="?lang={code}">{named}</a>'
        for code, named in LANGUAGES.items()
    )
    html = (
        f'<!doctype html><html lang="{language}"><meta charset="utf-8"><meta name="viewport" '
        f'content="width=device-width, initial-scale=1"><title>{say(language, "desk")}</title>'
        '<link rel="icon" href="data:,">'
        f'<link rel="stylesheet" href="/static/desk.css"><body class="entry"><main><h1>{say(language, "desk")}</h1>'
        f"<h2>{say(language, title)}</h2>{body}<nav>{others}</nav></main></body></html>"
    )
    answer = HTMLResponse(html, status)
    answer.set_cookie("xinheng_language", language, max_age=31_536_000, httponly=True, samesite="strict")
    return answer


def opening(action: str) -> str:
    """The beginning of a form."""
    return f'<form method="post" action="/{action}" enctype="multipart/form-data">'


def alert(said: str) -> str:
    """A sentence that must be seen."""
    return f'<p role="alert">{escape(said)}</p>' if said else ""


def name_field(language: str, value: str) -> str:
    """The field for a name."""
    return (
        f'<label>{say(language, "name")}<input name="name" value="{escape(value)}" required maxlength="200" '
        f'autocomplete="username" {"" if value else "autofocus"}></label>'
    )


def secret_field(language: str, name: str, complete: str, *, label: str = "", focus: bool = False) -> str:
    """The field for a passphrase; `focus` where the fields before it are filled."""
    said, here = say(language, label or name), " autofocus" if focus else ""
    return f'<label>{said}<input type="password" name="{name}" autocomplete="{complete}"{here}></label>'


def code_field(language: str, value: str) -> str:
    """The field for a recovery code; what was typed comes back, so that a slip of forty signs is not typed anew."""
    return (
        f'<label>{say(language, "recovery_code")}<input name="code" value="{escape(value)}" required maxlength="200" '
        f'autocomplete="off" spellcheck="false"{" autofocus" if value else ""}></label>'
    )


def key_field(language: str) -> str:
    """The field for a key file, folded."""
    return (
        f'<details><summary>{say(language, "key_file")}</summary><input type="file" name="key" '
        f'aria-label="{say(language, "key_file")}"></details>'
    )

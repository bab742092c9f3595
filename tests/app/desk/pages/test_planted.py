"""Nothing that was typed at the desk lies readable on any disk, also after it was killed."""

from __future__ import annotations

import base64
import json
import re
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest

from app.desk import store
from app.desk.pages.words import say
from app.desk.search import strings
from tests.app.desk.desks import WORDS, opened
from tests.app.desk.pages.at_desk import AtDesk, chromium, new_client, room, wait_for

FORMS: dict[str, Callable[[str], list[bytes]]] = {
    "UTF-8": lambda text: [text.encode()],
    "UTF-16LE": lambda text: [text.encode("utf-16-le")],
    "UTF-16BE": lambda text: [text.encode("utf-16-be")],
    "JSON": lambda text: [_escaped(text, str.lower), _escaped(text, str.upper)],
    "base64": lambda text: [_inside(text.encode(), before) for before in range(3)],
    "URL": lambda text: [quote(text, safe="").encode(), quote(text, safe="").lower().encode()],
}


def _escaped(text: str, case: Callable[[str], str]) -> bytes:
    return re.sub(r"(?<=\\u)[0-9a-f]{4}", lambda code: case(code[0]), json.dumps(text)[1:-1]).encode()


def _inside(text: bytes, before: int) -> bytes:
    """What of a text's base64 is the same whatever stands around it, that many bytes into a group of three."""
    cut = text[-before % 3 :]
    return base64.b64encode(cut[: len(cut) // 3 * 3])


def found(folder: Path, texts: dict[str, str]) -> tuple[int, list[str]]:
    """How many files were looked through, and which text was found where, in which form."""
    needles = [(name, form, n) for name, text in texts.items() for form, forms in FORMS.items() for n in forms(text)]
    looked, there = 0, []
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()):
        body, looked = path.read_bytes(), looked + 1
        at = path.relative_to(folder).as_posix()
        held = [(body, "in"), (at.encode("utf-8", "surrogateescape"), "in the name of")]
        there += [f"{name} as {form} {how} {at}" for name, form, n in needles for text, how in held if n in text]
    return looked, there


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("before", ["", "x", "yz"])
def test_the_search_finds_what_lies_there(tmp_path: Path, form: str, before: str) -> None:
    text = "橘子樹下藏著words"
    around = f"{before}{text} and more"
    for body in FORMS[form](text) if form != "base64" else [base64.b64encode(around.encode())]:
        (tmp_path / "file").write_bytes(b"\x00before" + body + b"after\x00")
        assert found(tmp_path, {"it": text})[1] == [f"it as {form} in file"]
    assert found(tmp_path, {"it": "檸檬樹下藏著words"})[1] == []


def test_a_killed_desk_leaves_no_word_on_any_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("counsellor", "code", "form", "older", "note", "draft", "search", "question")
    texts = {name: f"{secrets.token_hex(4)}橘子樹{name}下藏著{secrets.token_hex(4)}" for name in names}
    texts["search"] = f"檸檬{secrets.token_hex(8)}"  # near to none of the others
    named = texts["counsellor"]
    with chromium() as browser:  # its own folders are its own
        with monkeypatch.context() as environment:
            for variable in ("TMPDIR", "HOME", "XDG_CACHE_HOME", "XINHENG_DESK_MEMORY"):
                (tmp_path / variable).mkdir()
                environment.setenv(variable, str(tmp_path / variable))
            at = AtDesk(tmp_path / "desk", name=named, counsellors=(named,))
        try:
            page = browser.new_context(locale="zh-TW").new_page()
            page.set_default_timeout(300_000)
            at.unlock(page)
            new_client(page, texts["code"], demographic=texts["form"])
            for name in ("older", "note"):
                page.fill("#text textarea", texts[name])
                page.click("#save")
                page.wait_for_function("() => document.querySelector('#text textarea').value === ''")
            page.fill("#text textarea", texts["draft"])
            page.locator("#search textarea, #search input").press_sequentially(texts["search"])
            wait_for(page, say("zh-Hant", "none"), seconds=300)
            room(page, "draft")
            page.fill("#room-draft textarea", texts["question"])
            kept = wait_for_kept(at.home, named, set(names) - {"counsellor", "search"}, texts)
        finally:
            at.process.kill()
            assert at.process.stdout is not None
            (tmp_path / "stdout").write_text(at.process.stdout.read(), encoding="utf-8")
            at.kill()
    assert kept == ""
    looked, there = found(tmp_path, {**texts, "passphrase": WORDS})
    assert there == []
    assert looked > 3


def wait_for_kept(home: Path, named: str, names: set[str], texts: dict[str, str]) -> str:
    """What the desk itself does not give back after half a minute; empty where all is there."""
    desk, left = opened(home, name=named), ""
    for _ in range(150):
        held = "\n".join(
            text
            for client_id in store.clients(desk)
            for kind in ("info", "note", "draft")
            for record in store.records(desk, client_id, kind)
            for text in strings(record.body)
        )
        left = ", ".join(sorted(name for name in names if texts[name] not in held))
        if not left:
            break
        time.sleep(0.2)
    desk.engine.dispose()
    return left

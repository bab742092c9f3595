"""A desk as a counsellor has it: the real command, a real browser, everything typed."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.app.desk.desks import WORDS, new_desk
from tests.app.harness import XINHENG

CHROMIUM = os.environ.get("XINHENG_CHROMIUM", "/usr/bin/chromium")
WIDE, PHONE = {"width": 1280, "height": 860}, {"width": 390, "height": 844}


class AtDesk:
    """`xinheng desk` in a folder of its own; `log` has all that it wrote."""

    def __init__(self, home: Path, *more: str, name: str = "lin", counsellors: tuple[str, ...] = ("lin",)) -> None:
        self.home, self.name, self.log = home, name, home.parent / f"{home.name}.log"
        if not home.exists():
            for counsellor in counsellors:
                new_desk(home, name=counsellor)
        self.more = more
        self.start()

    def start(self) -> None:
        """Start the command; returns when it says where it is."""
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
        command = [str(XINHENG), "desk", "--home", str(self.home), "--port", "0", *self.more]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        found = re.search(r"https?://\S+", line)
        assert found, f"it did not start: {line}{self.log.read_text()[-500:]}"
        self.url = found[0]

    def kill(self) -> None:
        """As a power failure would."""
        self.process.kill()
        self._ended()

    def stop(self) -> None:
        """As Ctrl+C does."""
        self.process.terminate()
        self._ended()

    def _ended(self) -> None:
        self.process.wait(60)
        assert self.process.stdout is not None
        self.process.stdout.close()

    def page(self, browser: Any, *, size: dict[str, int] = WIDE, language: str = "zh-Hant", name: str = "") -> Any:
        """A browser's page, unlocked, with gradio's frame drawn."""
        context = browser.new_context(viewport=size, locale=language.replace("Hant", "TW").replace("Hans", "CN"))
        page = context.new_page()
        page.set_default_timeout(120_000)  # two browsers on two cores
        page.asked = []
        page.on("request", lambda request: page.asked.append(request.url))
        page.faults = []
        page.on("pageerror", lambda error: page.faults.append(str(error)))
        self.unlock(page, name=name, language=language)
        return page

    def unlock(self, page: Any, *, name: str = "", language: str = "zh-Hant") -> None:
        """Type name and passphrase, and wait for the rooms."""
        page.goto(f"{self.url}/unlock?lang={language}")
        page.fill("input[name=name]", name or self.name)
        page.fill("input[name=passphrase]", WORDS)
        page.keyboard.press("Enter")
        page.wait_for_selector("#bar button")
        page.wait_for_selector("#search textarea, #search input")


@contextmanager
def chromium() -> Iterator[Any]:
    """Debian's browser, headless."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


def new_client(page: Any, code: str, **fields: str) -> None:
    """Make a client in the frame."""
    page.click("#new")
    page.fill("#code textarea, #code input", code)
    for field, text in fields.items():
        page.fill(f"#{field} textarea", text)
    page.click("#create")
    page.wait_for_function("code => document.querySelector('#client h2')?.innerText === code", arg=code)


def room(page: Any, name: str) -> None:
    """Go to a room."""
    page.click(f"#bar button[data-room={name}]")
    page.wait_for_selector(f"#room-{name}:not([hidden])" if name != "frame" else "#frame")


def text(page: Any) -> str:
    """All that the page shows, in one line."""
    return " ".join(page.inner_text("body").split())


def wait_for(page: Any, words: str, *, seconds: float = 120) -> None:
    """Until the page says so."""
    page.wait_for_function(
        "words => document.body.innerText.replace(/\\s+/g, ' ').includes(words)", arg=words, timeout=1000 * seconds
    )

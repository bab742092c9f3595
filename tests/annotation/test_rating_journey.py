"""From a model's predictions to the page of three raters' agreement: real commands, a real server, a real browser."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import polars as pl
import pytest

from tests.annotation.conftest import Argilla
from tests.annotation.rated_dataset import make_dataset
from tests.app.harness import XINHENG, cases, dataset
from xinheng.artifacts import open_artifact

playwright = pytest.importorskip("playwright.sync_api")

CHROMIUM = os.environ.get("XINHENG_CHROMIUM", "/usr/bin/chromium")
WIDE, PHONE = {"width": 1280, "height": 860}, {"width": 390, "height": 844}
RATERS = ("wang", "li", "chen")
QUESTIONS = ("professionalism", "empathy", "suggestion", "expression")
HOSTILE = "<script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\"> **不要** [看](http://127.0.0.1:9/)"
ASKED = (
    "主管要我一個人做三個人的事，我每天胃痛，卻不敢說不。",
    "分手兩個月了，看到他的訊息還是會哭。",
    "爸爸中風以後，家裡只剩我在照顧，我快撐不住了。",
    "考試前一晚我總是睡不著，手一直發抖。",
    f"我想問這個：{HOSTILE}",
)


@dataclass
class Desk:
    """A folder in which the commands run, as on a newcomer's machine."""

    folder: Path

    def run(self, *arguments: str) -> str:
        environment = {**os.environ, "XINHENG_RUNS": "runs", "COLUMNS": "200"}
        command = [str(XINHENG), *arguments]
        done = subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def json(self, *arguments: str) -> Any:
        return json.loads(self.run(*arguments, "--json"))


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, argilla_python: Path) -> Iterator[Desk]:
    """Predictions of the small model on five letters, one of them hostile; what is started is stopped at the end."""
    del argilla_python  # installed beforehand, so that no command has to
    made = Desk(tmp_path_factory.mktemp("journey"))
    frame = cases(
        len(ASKED),
        language=["zh-Hant"] * len(ASKED),
        group_id=[f"g{i}" for i in range(len(ASKED))],
        messages=[[{"role": "user", "content": text, "tags": []}] for text in ASKED],
    )
    dataset(made.folder / "letters", frame)
    made.run("predict", "letters", "--model", "local:nano", "--answer-tokens", "16", "--out", "runs/predictions/nano")
    yield made
    with contextlib.suppress(AssertionError):  # a test that failed early has started none
        made.run("annotate", "stop")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


class Page:
    """One person's page: signed in by name and password, everything typed."""

    def __init__(self, browser: Any, url: str, name: str, password: str, size: dict[str, int] = WIDE) -> None:
        self.page = browser.new_context(viewport=size).new_page()
        self.page.set_default_timeout(30_000)
        self.asked: set[str] = set()
        self.page.on("requestfinished", lambda request: self.asked.add(request.url))
        self.page.goto(f"{url}/sign-in")
        self.page.wait_for_selector("input[name=Username]")
        self.page.focus("input[name=Username]")
        self.page.keyboard.type(name)
        self.page.keyboard.press("Tab")
        self.page.keyboard.type(password)
        self.page.keyboard.press("Enter")
        self.page.wait_for_url(f"{url}/")

    def open(self, place: str) -> None:
        self.page.goto(place)
        self.page.wait_for_selector("label[for=professionalism_1]")

    def text(self) -> str:
        return " ".join(self.page.inner_text("body").split())

    def wait(self, words: str) -> None:
        """Until the page says so, whatever stands between the words' lines."""
        self.page.wait_for_function("words => document.body.innerText.replace(/\\s+/g, ' ').includes(words)", arg=words)

    def keys(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)
            self.page.wait_for_timeout(150)  # the page moves the focus to the next question

    def picture(self, place: Path) -> None:
        self.page.screenshot(path=str(place))
        assert place.stat().st_size > 10_000


def rated_by_mouse(page: Page, grades: tuple[int, ...]) -> None:
    for question, grade in zip(QUESTIONS, grades, strict=True):
        page.page.click(f"label[for={question}_{grade}]")
    page.page.click("button:has-text('Submit')")


def test_five_commands_and_three_raters_make_an_agreement_page(desk: Desk, browser: Any) -> None:
    # 1 serve, 2 plan, 3 push
    served = desk.json("annotate", "serve", "--port", "0", "--raters", ",".join(RATERS), "--background")
    passwords = {account["username"]: account["password"] for account in served["accounts"]}
    plan = ("--template", "plan", "--raters", ",".join(RATERS), "--repeats", "0", "--name", "letters")
    desk.run("annotate", "plan", "runs/predictions/nano", *plan)
    pushed = desk.json("annotate", "push", "runs/tasks/letters")
    places = {rater["rater_id"]: rater["url"] for rater in pushed["raters"]}
    n = len(ASKED)

    # by mouse
    wang = Page(browser, served["url"], "wang", passwords["wang"])
    wang.open(places["wang"])
    wang.wait(f"1 of {n}")
    wang.picture(desk.folder / "wide.png")
    seen = ""
    for done in range(1, n + 1):
        wang.wait("[1] 來談者：")  # the next letter is there a moment after the count
        seen += wang.text()
        rated_by_mouse(wang, (4, 3, 4, 1 + done % 5))
        wang.wait(f"Submitted {done}")
    wang.wait("100.00%")
    assert wang.page.title() != "taken"
    assert "＜script>document.title='taken'＜/script>＜img src=x onerror=" in seen  # markup is shown, not obeyed
    assert "**不要** [看](http://127.0.0.1:9/)" in seen
    assert all(url.startswith((served["url"], "data:", "blob:")) for url in wang.asked)
    assert "nano" not in seen

    # by keyboard alone: a discard, a draft that is submitted later, grades by digits
    li = Page(browser, served["url"], "li", passwords["li"])
    li.open(places["li"])
    li.wait(f"1 of {n}")
    li.keys("Backspace")
    li.wait(f"2 of {n}")
    li.keys("5", "4", "4", "2", "Control+s")
    li.wait(f"2 of {n} Draft")
    li.page.goto(places["li"].replace("status=pending", "status=draft"))
    li.wait("1 of 1 Draft")
    li.keys("Enter")
    li.wait("Submitted 1")
    li.open(places["li"])
    for done in range(2, n):
        li.wait("[1] 來談者：")
        li.keys("3", "3", "4", "2", "Enter")
        li.wait(f"Submitted {done}")
    li.wait("no pending records")

    # on a phone: Chinese is found, by two characters in the middle of a sentence
    chen = Page(browser, served["url"], "chen", passwords["chen"], PHONE)
    chen.open(places["chen"])
    chen.wait(f"1 of {n}")
    chen.picture(desk.folder / "phone.png")
    chen.page.click("button[data-title=Search]")
    chen.page.fill(".search-area input", "中風")
    chen.page.press(".search-area input", "Enter")
    chen.wait("1 of 1 Pending")
    assert ASKED[2] in chen.text()
    rated_by_mouse(chen, (4, 4, 4, 3))
    chen.open(places["chen"])
    for done in range(2, n + 1):
        rated_by_mouse(chen, (4, 2, 3, 1 + done % 5))
        chen.wait(f"Submitted {done}")

    # the owner sees how far they are, on the page and on the command line
    owner = Page(browser, served["url"], "owner", passwords["owner"])
    for rater in RATERS:
        owner.wait(f"letters-{rater}")
    owner.wait("100.00%")
    told = {row["rater_id"]: row for row in desk.json("annotate", "status", "runs/tasks/letters")["raters"]}
    assert [told[rater]["done"] for rater in RATERS] == [n, n - 1, n]

    # 4 pull, 5 agreement
    desk.run("annotate", "pull", "runs/tasks/letters")
    ratings = open_artifact(desk.folder / "runs/ratings/letters")
    rows = ratings.scan("rating").filter(pl.col("question").is_in(QUESTIONS)).collect()
    assert rows.height == 4 * (3 * n - 1)
    assert rows.filter(rater_id="li", question="professionalism")["value"].sort().to_list() == [3, 3, 3, 5]
    desk.run("annotate", "agreement", "runs/ratings/letters")
    report = desk.folder / "runs/agreement/letters/page.html"
    page = browser.new_page(viewport=PHONE)
    page.goto(f"file://{report}")
    words = page.inner_text("body")
    assert "Krippendorff" in words
    assert all(rater in words for rater in RATERS)
    assert not any(text[:8] in page.content() for text in ASKED)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_a_link_with_markup_runs_nothing_in_the_session_of_who_follows_it(argilla: Argilla, browser: Any) -> None:
    with argilla.owner() as owner:
        dataset = make_dataset(owner, "link", ["a letter"], ("wang",))
    wang = Page(browser, argilla.url, "wang", argilla.passwords["wang"])
    taken = "document.title='taken'"
    status = f'<img src=x onerror="{taken}"><iframe srcdoc="<script>parent.{taken}</script>">'
    wang.page.goto(f"{argilla.url}/dataset/{dataset}/annotation-mode?status={quote(status)}")
    wang.page.wait_for_selector("img[src=x]", state="attached")  # Argilla's page takes it for HTML
    wang.page.wait_for_timeout(500)
    assert wang.page.title() != "taken"

"""What goes out of a client's file, what is put beside it, and its end: from outside, and in a browser."""

from __future__ import annotations

import io
import json
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote, unquote

import anyio
import httpx
import pytest
from markdown_it import MarkdownIt

from app.desk import attachments, audit, paper_office, store
from app.desk.database import read
from app.desk.pages import handing
from app.desk.pages.dressing import cookie_name
from app.desk.pages.models import Models
from app.desk.pages.server import pages
from app.desk.pages.sessions import Sessions
from app.desk.teaching import record_consent
from app.desk.unlock import Desk, add_counsellor
from tests.app.desk.desks import QUICK, WORDS, new_desk
from tests.app.desk.pages.at_desk import AtDesk, chromium, new_client, room, text, wait_for

HERE = "http://127.0.0.1:8700"
PLANTED = "彼得潘住在永無島的樹洞裡，沒有人知道"
HOSTILE = (
    "<script>alert(1)</script> ![x](http://127.0.0.1:9/c.png) =HYPERLINK(1) <img src=http://127.0.0.1:9/> \u202eabc 😀"
)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def office(tmp_path: Path) -> Any:
    """Two counsellors of one desk, a client of the first with two notes, and the application."""
    home = tmp_path / "desk"
    lin = new_desk(home)
    wang = add_counsellor(lin.engine, home, "wang", passphrase=WORDS, cost=QUICK)[0]
    client = store.add_client(lin, "A-1")
    for n in range(2):
        store.save(lin, client, "note", {"question": "睡不好", "text": f"{PLANTED}{n} {HOSTILE}", "date": "2026-11-02"})
    sessions, files = Sessions(), home / "files"
    models = Models("local:nano", allow_remote=False, files=files)
    app = pages(lin.engine, home, sessions, frozenset({"127.0.0.1:8700"}), models=models, files=files, cost=QUICK)
    return SimpleNamespace(lin=lin, wang=wang, client=client, sessions=sessions, app=app, home=home)


class Browser(httpx.AsyncClient):
    """A counsellor's browser, let in."""

    def __init__(self, office: Any, desk: Desk, language: str = "zh-Hant") -> None:
        self.token = office.sessions.begin(desk)
        headers = {"origin": HERE, "x-language": language, "cookie": f"{cookie_name(HERE, secure=False)}={self.token}"}
        super().__init__(transport=httpx.ASGITransport(office.app), base_url=HERE, headers=headers)

    async def ask(self, name: str, **given: Any) -> httpx.Response:
        return await self.post(f"/room/{name}", json=given)

    async def made(self, name: str = "files-make", **given: Any) -> httpx.Response:
        """What is fetched after it was made."""
        answer = await self.ask(name, **given)
        assert answer.status_code == 200, answer.text
        return await self.get(answer.json()["address"])

    async def put(self, client: str, name: str, data: bytes) -> httpx.Response:
        given = quote(json.dumps({"client": client, "name": name}))
        return await self.post("/room/attach", content=data, headers={"x-given": given})


def log(desk: Desk) -> list[dict[str, Any]]:
    return [one.facts for one in read(desk.engine, lambda c: list(audit.entries(c, desk.counsellor_id, desk.keys)))]


def on_disk(folder: Path, words: str = PLANTED) -> list[Path]:
    return [p for p in folder.rglob("*") if p.is_file() and words.encode() in p.read_bytes()]


@pytest.mark.anyio
async def test_nothing_goes_out_without_a_session(office: Any) -> None:
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(office.app), base_url=HERE, headers={"origin": HERE}
    ) as web:
        for name in ("files-open", "files-make", "files-corpus", "files-log", "files-erase", "attach"):
            assert (await web.post(f"/room/{name}", json={"client": office.client})).status_code == 401, name
        assert (await web.get("/paper/x")).status_code == 401


@pytest.mark.anyio
async def test_what_cannot_be_made_is_a_sentence_and_stands_in_no_log(office: Any) -> None:
    client = office.client
    async with Browser(office, office.lin) as web:
        before = log(office.lin)
        for given in (
            {"what": "note", "note": "9", "form": "pdf"},
            {"what": "note", "note": "1", "form": "rtf"},
            {"what": "file", "form": ["pdf"]},
            {"what": "everything", "form": "pdf"},
            {"what": "attachment", "attachment": "x"},
            {"what": "file", "form": "pdf", "client": "0" * 32},
            {"what": "file", "form": "pdf", "client": office.lin.counsellor_id + "\ud800"},
        ):
            answer = await web.post("/room/files-make", content=json.dumps({"client": client, **given}).encode())
            assert answer.status_code == 400, given
            assert answer.json()["error"]
        for code in ("", "A-2", "a-1", ["A-1"]):
            assert (await web.ask("files-erase", client=client, code=code)).status_code == 400
        assert (await web.ask("files-corpus-make", digest="x")).status_code == 400
        assert (await web.ask("files-consent", client=client, given=True, how=" ")).status_code == 400
        assert log(office.lin) == before
        assert store.clients(office.lin) == [client]


@pytest.mark.anyio
async def test_a_counsellor_can_do_nothing_with_another_s_client(office: Any) -> None:
    async with Browser(office, office.lin) as mine, Browser(office, office.wang) as other:
        await mine.put(office.client, "letter.txt", b"x")
        record = store.records(office.lin, office.client, "attachment")[0]
        address = (await mine.ask("files-make", client=office.client, what="file", form="markdown")).json()["address"]
        before, theirs = log(office.lin), log(office.wang)
        asked = {"client": office.client, "code": "A-1", "how": "x", "given": True, "attachment": record.record_id}
        for name in ("files-open", "files-consent", "files-log", "files-erase", "files-remove"):
            assert (await other.ask(name, **asked)).status_code == 400, name
        for what in ("file", "note", "archive", "attachment"):
            answer = await other.ask("files-make", **asked, what=what, note="1", form="markdown")
            assert answer.status_code == 400
        assert (await other.put(office.client, "a", b"x")).status_code == 400
        assert (await other.get(address)).status_code == 404
        assert (await other.ask("files-corpus")).json()["notes"] == 0
        assert (log(office.lin), log(office.wang)) == (before, theirs)
        assert len(store.records(office.lin, office.client, "attachment")) == 1
        assert (await mine.get(address)).status_code == 200


FORMS = [(what, form) for what in ("note", "file") for form in ("markdown", "docx", "pdf", "html")]


@pytest.mark.anyio
@pytest.mark.parametrize(("what", "form"), [*FORMS, ("archive", "")])
async def test_every_form_goes_out_once_named_and_logged_and_is_on_no_disk(
    office: Any, what: str, form: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    watched = tmp_path / "tmp"
    watched.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(watched))
    async with Browser(office, office.lin) as web:
        address = (await web.ask("files-make", client=office.client, what=what, note="1", form=form)).json()["address"]
        assert (await web.get(address, headers={"sec-fetch-site": "same-site"})).status_code == 403
        assert (await web.head(address)).status_code == 405
        answer = await web.get(address)
        assert (answer.status_code, (await web.get(address)).status_code) == (200, 404)
        kind, named = answer.headers["content-disposition"].split("; ", 1)
        assert kind == ("inline" if form == "html" else "attachment")
        assert unquote(named.partition("filename*=UTF-8''")[2]).startswith("A-1 ")
        assert answer.headers["cache-control"] == "no-store"
        assert "A-1" not in address
        last = log(office.lin)[-1]
        assert (last["action"], last["what"], last.get("form", ""), last["client"]) == (
            *("exported", what, form),
            office.client,
        )
    assert PLANTED[:8] in words_of(answer.content, form).replace("\n", "")
    assert "\u202e" not in words_of(answer.content, form)
    assert on_disk(tmp_path) == []
    assert [p for p in watched.rglob("*") if p.is_file()] == []


def words_of(data: bytes, form: str) -> str:
    """The words of a file; it may load nothing and run nothing."""
    if form == "pdf":
        import pypdf

        assert not any(name in data for name in (b"/JavaScript", b"/URI", b"/Launch", b"/OpenAction"))
        return "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(data)).pages)
    if form == "docx":
        import docx

        parts = zipfile.ZipFile(io.BytesIO(data))
        assert not any(b'TargetMode="External"' in parts.read(name) for name in parts.namelist())
        return "\n".join(paragraph.text for paragraph in docx.Document(io.BytesIO(data)).paragraphs)
    if form == "":
        archive = zipfile.ZipFile(io.BytesIO(data))
        assert {"client.html", "client.md", "records.json"} <= set(archive.namelist())
        return words_of(archive.read("client.html"), "html")
    shown = data.decode()
    if form == "markdown":
        shown = MarkdownIt("gfm-like", {"html": True, "linkify": False}).render(shown)
    assert not any(mark in shown for mark in ("<script", "<img", "<a "))
    return shown


@pytest.mark.anyio
async def test_the_page_to_print_has_the_strictest_policy(office: Any) -> None:
    async with Browser(office, office.lin) as web:
        answer = await web.made(client=office.client, what="file", form="html")
    own = answer.headers.get_list("content-security-policy")[0]
    assert own.startswith("default-src 'none'; style-src 'unsafe-inline'")
    assert "script-src" not in own.split(", ")[0]
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "@page" in answer.text


@pytest.mark.anyio
async def test_a_note_of_a_million_signs_goes_out_or_says_why_not(office: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    long = (PLANTED + HOSTILE + "\n") * 8_000
    assert len(long) > paper_office.LONGEST_PDF
    store.save(office.lin, office.client, "note", {"text": long, "date": "2026-11-02"})
    async with Browser(office, office.lin, "en") as web:
        for form in ("markdown", "html", "docx"):
            answer = await web.made(client=office.client, what="note", note="3", form=form)
            assert words_of(answer.content, form).count(PLANTED[:6]) == 8_000
        refused = await web.ask("files-make", client=office.client, what="note", note="3", form="pdf")
        assert refused.status_code == 400
        assert refused.json()["error"].startswith("Too long for a PDF")
    monkeypatch.setenv(paper_office.FONT, __file__)
    async with Browser(office, office.lin) as web:
        refused = await web.ask("files-make", client=office.client, what="note", note="1", form="pdf")
        assert "XINHENG_DESK_FONT" in refused.json()["error"]


@pytest.mark.anyio
async def test_what_nobody_fetches_is_let_go(office: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    session = office.sessions.of(office.sessions.begin(office.lin))
    sheet = handing.Paper("n", "k", b"b")
    addresses = [handing.hand(session, sheet, [office.client]) for _ in range(handing.MOST + 2)]
    assert sum(name.startswith("paper ") for name in session.kept) == handing.MOST
    monkeypatch.setattr(handing, "KEPT_S", 0.01)
    handing.hand(session, sheet)
    for _ in range(2000):
        await anyio.sleep(0.01)
        if sum(name.startswith("paper ") for name in session.kept) < handing.MOST:
            break
    assert sum(name.startswith("paper ") for name in session.kept) == handing.MOST - 1
    assert len(set(addresses)) == len(addresses)


@pytest.mark.anyio
async def test_attachments_come_back_as_they_were_and_are_gone_when_taken_out(
    office: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = PLANTED.encode() * 1000
    async with Browser(office, office.lin) as web:
        for name in ("../../信 件.html", "a\u202egpj.exe", "x" * 500, '"; filename=evil'):
            there = (await web.put(office.client, name, body)).json()["attached"]
        names = [one["name"] for one in there]
        assert "信 件.html" in names
        assert not any(set(name) & set('/\\"\u202e') for name in names)
        first = next(one for one in there if one["name"] == "信 件.html")
        asked = {"client": office.client, "what": "attachment", "attachment": first["id"]}
        answer = await web.made(**asked)
        assert answer.content == body
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["content-disposition"].startswith("attachment")
        assert (await web.put(office.client, "e", b"")).status_code == 400
        monkeypatch.setattr(attachments, "ALL_BYTES", 4 * len(body))
        assert (await web.put(office.client, "f", b"x")).status_code == 400
        sealed = list((office.home / "files").rglob("*"))
        left = (await web.ask("files-remove", client=office.client, attachment=first["id"])).json()["attached"]
        assert [one["name"] for one in left] == [name for name in names if name != first["name"]]
        assert len(list((office.home / "files").rglob("*"))) == len(sealed) - 1
        assert (await web.ask("files-make", **asked)).status_code == 400
        archive = zipfile.ZipFile(io.BytesIO((await web.made(client=office.client, what="archive")).content))
        assert sum(name.startswith("attachments/") for name in archive.namelist()) == 3
    assert on_disk(office.home) == []


@pytest.mark.anyio
async def test_the_corpus_is_read_before_it_goes_out_and_a_consent_taken_back_stops_it(office: Any) -> None:
    async with Browser(office, office.lin, "en") as web:
        assert (await web.ask("files-corpus")).json()["left_out"] == ["Clients who did not consent: 1"]
        told = (await web.ask("files-consent", client=office.client, given=True, how="signed")).json()["consents"]
        assert [(one["use"], one["given"]) for one in told] == [("corpus", True), ("training", False)]
        before = log(office.lin)
        seen = (await web.ask("files-corpus")).json()
        assert (seen["clients"], seen["notes"]) == (1, 2)
        assert [line["question"] for line in seen["lines"]] == ["睡不好", "睡不好"]
        assert (await web.ask("files-corpus-lines", **{"digest": seen["digest"], "from": 1})).json()["lines"]
        assert log(office.lin) == before
        answer = await web.made("files-corpus-make", digest=seen["digest"])
        assert len(answer.text.splitlines()) == 2
        assert log(office.lin)[-1]["what"] == "corpus"
        record_consent(office.lin, office.client, given=False, how="taken back", use="corpus")
        refused = await web.ask("files-corpus-make", digest=seen["digest"])
        assert refused.status_code == 400
        assert "look again" in refused.json()["error"]


@pytest.mark.anyio
async def test_the_log_of_a_client_holds_his_entries_the_newest_first_in_pages(office: Any) -> None:
    other = store.add_client(office.lin, "B-2")
    for _ in range(60):
        store.log(office.lin, "opened client", client=office.client)
        store.log(office.lin, "exported", client=other, what="file", form="pdf")
    async with Browser(office, office.lin, "en") as web:
        first = (await web.ask("files-log", client=office.client)).json()
        assert (len(first["entries"]), first["more"]) == (50, True)
        rest = (await web.ask("files-log", client=office.client, before=first["entries"][-1]["seq"])).json()
        texts = [one["text"] for one in first["entries"] + rest["entries"]]
        assert texts == [*["Opened"] * 60, *(f"Saved: note {n}, version 1" for n in (2, 1)), texts[62], "Client made"]
        assert rest["more"] is False
        assert sorted({one["seq"] for one in first["entries"]}, reverse=True) == [e["seq"] for e in first["entries"]]


@pytest.mark.anyio
async def test_an_erased_client_is_nowhere_and_a_certificate_says_what_was_searched(
    office: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    caches = tmp_path / "gradio"
    caches.mkdir()
    (caches / "x").write_bytes(b"nothing of a client")
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(caches))
    async with Browser(office, office.lin) as web:
        session = office.sessions.of(web.token)
        session.client_id = office.client
        await web.put(office.client, "letter", PLANTED.encode())
        await web.ask("files-consent", client=office.client, given=True, how="簽名")
        digest = (await web.ask("files-corpus")).json()["digest"]
        made = await web.ask("files-make", client=office.client, what="file", form="html")
        told = (await web.ask("files-erase", client=office.client, code=" A-1 ")).json()
        assert "left" not in told
        assert "A-1" in told["text"]
        assert "什麼都沒有找到" in told["text"]
        assert store.clients(office.lin) == []
        assert (await web.get(made.json()["address"])).status_code == 404
        assert (await web.ask("files-corpus-lines", digest=digest)).status_code == 400
        assert session.client_id is None
        assert PLANTED not in repr(session.kept)
        assert (await web.ask("files-open", client=office.client)).status_code == 400
    assert on_disk(tmp_path) == []


@pytest.mark.anyio
async def test_what_is_left_in_a_cache_of_the_pages_is_named(
    office: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    caches = tmp_path / "gradio"
    caches.mkdir()
    (caches / "upload.txt").write_text(f"{PLANTED}0 {HOSTILE}", encoding="utf-8")
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(caches))
    async with Browser(office, office.lin) as web:
        told = (await web.ask("files-erase", client=office.client, code="A-1")).json()
        assert told == {"left": "upload.txt"}
        (caches / "upload.txt").unlink()
        assert "A-1" in (await web.ask("files-erase", client=office.client, code="A-1")).json()["text"]
        assert (await web.ask("files-erase", client=office.client, code="A-1")).status_code == 400


@pytest.mark.anyio
async def test_what_is_not_finished_is_told_in_every_client_s_room_and_goes_on_there(office: Any) -> None:
    another = store.add_client(office.lin, "A-2")
    async with Browser(office, office.lin) as web, Browser(office, office.wang) as other:
        await web.put(office.client, "letter", PLANTED.encode())
        folder = office.lin.home / "erased"
        folder.write_text("in the way")
        told = (await web.ask("files-erase", client=office.client, code="A-1")).json()
        assert told == {"unfinished": "File exists"}
        assert (await web.ask("files-open", client=another)).json()["unfinished"] == 1
        assert (await web.ask("files-finish")).json() == {"left": "", "unfinished": "File exists"}
        assert (await web.ask("practice-verify")).json()["wrong"][0].endswith("會自動接著做。")
        assert (await other.ask("files-erase", client=office.client, code="A-1")).status_code == 400
        folder.unlink()
        assert (await other.ask("files-finish")).json() == {"left": "", "unfinished": ""}
        assert (await web.ask("files-open", client=another)).json()["unfinished"] == 1
        assert (await web.ask("files-finish")).json() == {"left": "", "unfinished": ""}
        assert (await web.ask("files-open", client=another)).json()["unfinished"] == 0
        assert (folder / f"{office.client}.json").is_file()


# ---- in a browser


@pytest.fixture(scope="module")
def at_desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AtDesk]:
    made = AtDesk(tmp_path_factory.mktemp("files") / "desk")
    yield made
    made.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as opened:
        yield opened


def test_a_counsellor_exports_attaches_and_erases(at_desk: AtDesk, browser: Any, tmp_path: Path) -> None:
    page = at_desk.page(browser, language="en")
    new_client(page, "A-1", demographic=PLANTED)
    page.fill("#text textarea", f"{PLANTED} {HOSTILE}")
    page.click("#save")
    wait_for(page, "Saved: note 1")
    room(page, "files")
    page.wait_for_selector("#room-files section")
    page.click("button[data-form=docx]")
    page.wait_for_selector(".files-asked")
    assert "not encrypted any more" in text(page)
    with page.expect_download() as got:
        page.keyboard.press("Enter")
    assert got.value.suggested_filename == "A-1 file.docx"
    with page.expect_popup() as popped:
        page.click("button[data-form=html]")
    sheet = popped.value
    sheet.wait_for_selector("h1")
    assert PLANTED in sheet.inner_text("body")
    sheet.close()
    letter = tmp_path / "信 件.txt"
    letter.write_text(PLANTED)
    page.set_input_files("#room-files input[type=file]", str(letter))
    wait_for(page, "Added: 1.")
    with page.expect_download() as got:
        page.get_by_role("button", name="Download 信 件.txt").click()
    assert Path(got.value.path()).read_text() == PLANTED
    page.click(".files-erase summary")
    page.fill(".files-erase input", "A-2")
    assert page.is_disabled(".files-erase button.danger")
    page.fill(".files-erase input", "A-1")
    forgotten = at_desk.home / "forgotten.txt"
    forgotten.write_text(f"{PLANTED} {HOSTILE}")
    page.keyboard.press("Enter")
    page.wait_for_selector("dialog[open]", timeout=120_000)
    assert "forgotten.txt" in page.inner_text("dialog")
    forgotten.unlink()
    page.get_by_role("button", name="Try again").click()
    page.wait_for_selector("dialog:has-text('Certificate of erasure')", timeout=120_000)
    with page.expect_download() as got:
        page.click("dialog button.primary")
    assert "Certificate of erasure: client A-1" in Path(got.value.path()).read_text()
    page.keyboard.press("Escape")
    wait_for(page, "Choose a client")
    assert page.faults == []
    assert [url for url in page.asked if not url.startswith((at_desk.url, "blob:"))] == []
    assert on_disk(at_desk.home.parent) == []

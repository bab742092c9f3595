"""Coming in: recovery, guesses slowed, sessions that end, and the desk behind TLS."""

from __future__ import annotations

import re
import ssl
import subprocess
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa

from app.desk import store
from app.desk.database import connect, counsellor_table, written
from app.desk.unlock import Desk, add_counsellor
from tests.app.desk.desks import QUICK, WORDS, opened
from tests.app.desk.pages.at_desk import AtDesk, chromium, text
from tests.app.desk.pages.entrance import COOKIE, NEW


def other_code(home: Path) -> str:
    return add_counsellor(connect(home), home, "wang", passphrase=WORDS, cost=QUICK)[1]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"code": "too short"}, "8 groups of 5"),
        ({"again": "something else"}, "passphrases differ"),
        ({"passphrase": "short", "again": "short"}, "too short"),
        ({"name": "nobody"}, "the name or the recovery code is wrong"),
    ],
)
async def test_a_slip_is_told_changes_nothing_and_leaves_what_was_typed(entrance, given, told):
    async with entrance.web() as web:
        answer = await entrance.recover(web, **given)
        assert answer.status_code == 403
        assert told in answer.text
        assert given.get("name", "lin") in answer.text
        assert given.get("code", entrance.code) in answer.text
        assert COOKIE not in web.cookies
        assert isinstance(opened(entrance.home), Desk)


@pytest.mark.anyio
async def test_the_group_of_a_slip_is_named(entrance):
    groups = entrance.code.split("-")
    groups[2] = groups[2][:4] + ("A" if groups[2][4] != "A" else "B")
    async with entrance.web() as web:
        assert "slip in group 3" in (await entrance.recover(web, code="-".join(groups))).text


@pytest.mark.anyio
async def test_a_recovery_code_lets_in_once_and_the_new_one_is_shown_once(entrance):
    client_id = store.add_client(entrance.desk, "A-1")
    async with entrance.web() as web, entrance.web() as elsewhere:
        assert (await elsewhere.post("/unlock", data={"name": "lin", "passphrase": WORDS})).status_code == 303
        answer = await entrance.recover(web, code=entrance.code.lower().replace("-", " "))
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"
        code = re.search(r"(?:[0-9A-Z]{5}-){7}[0-9A-Z]{5}", answer.text)
        assert code is not None
        assert code[0] != entrance.code
        assert (await web.get("/session")).json()["open"]
        assert code[0] not in (await web.get("/recover")).text
        # Whoever came in with the old passphrase is out, and it opens no more; nor does the old code.
        assert (await elsewhere.get("/session")).json() == {"open": False}
        assert (await elsewhere.post("/unlock", data={"name": "lin", "passphrase": WORDS})).status_code == 403
        assert (await entrance.recover(elsewhere)).status_code == 403
        assert (await elsewhere.post("/unlock", data={"name": "lin", "passphrase": NEW})).status_code == 303
    (session,) = [one for one in entrance.sessions.all() if one.client_id is None][:1]
    assert store.clients(session.desk) == [client_id]


@pytest.mark.anyio
async def test_guesses_of_passphrases_and_codes_are_slowed_together(entrance):
    wrong = other_code(entrance.home)
    async with entrance.web() as web:
        for _ in range(3):
            told = await web.post("/unlock", data={"name": "lin", "passphrase": "not this one"})
            assert "Wait" not in told.text
        assert "Wait" not in (await entrance.recover(web, code=wrong)).text
        assert "Wait 2 seconds" in (await entrance.recover(web, code=wrong)).text
        # The right ones have to wait too, or a guess would tell.
        assert "Wait" in (await entrance.recover(web)).text
        assert "Wait" in (await web.post("/unlock", data={"name": "lin", "passphrase": WORDS})).text
        assert (await web.post("/unlock", data={"name": "wang", "passphrase": WORDS})).status_code == 303
        written(entrance.engine, lambda c: c.execute(sa.update(counsellor_table).values(not_before=0.0)))
        for seconds in (4, 8, 16):
            assert f"Wait {seconds} seconds" in (await entrance.recover(web, code=wrong)).text
            written(entrance.engine, lambda c: c.execute(sa.update(counsellor_table).values(not_before=0.0)))


@pytest.mark.anyio
async def test_an_idle_session_ends_and_a_page_that_asks_by_itself_keeps_none_alive(entrance):
    async with entrance.web() as web:
        await web.post("/unlock", data={"name": "lin", "passphrase": WORDS})
        for entrance.now in (30.0, 59.0):
            assert (await web.get("/session")).json()["open"]
        entrance.now = 61.0
        assert (await web.get("/session")).json() == {"open": False}
        assert (await web.post("/room/practice-open", json={})).status_code == 401
        assert (await web.get("/")).headers["location"] == "/unlock"
        assert "The desk is locked" in (await web.get("/unlock?ended=1")).text


@pytest.mark.anyio
@pytest.mark.parametrize("language", ["zh-Hant", "zh-Hans", "en"])
async def test_every_page_speaks_the_language_and_links_the_others(entrance, language):
    async with entrance.web() as web:
        for path in ("/unlock", "/recover", "/begin"):
            answer = await web.get(f"{path}?lang={language}")
            assert f'<html lang="{language}">' in answer.text
            assert answer.text.count("?lang=") >= 3
            assert "<script" not in answer.text
        assert 'href="/recover' in (await web.get("/unlock")).text


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for this machine, signed by itself."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    paths = folder / "cert.pem", folder / "key.pem"
    paths[0].write_bytes(made.public_bytes(pem))
    kind, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    paths[1].write_bytes(key.private_bytes(pem, kind, plain))
    return paths


def test_behind_tls_the_cookie_is_secure_and_whoever_sets_up_a_desk_is_asked_for_the_code(tmp_path):
    cert, key = certificate(tmp_path)
    at = AtDesk(tmp_path / "desk", "--tls-cert", str(cert), "--tls-key", str(key))
    try:
        assert at.url.startswith("https://127.0.0.1:")
        assert at.process.stdout is not None
        code = at.process.stdout.readline().rpartition(": ")[2].strip()
        known = ssl.create_default_context(cafile=cert)
        with httpx.Client(verify=known, base_url=at.url, headers={"origin": at.url}, timeout=60) as web:
            assert "max-age" in web.get("/unlock").headers["strict-transport-security"]
            told = web.post("/unlock", data={"name": "lin", "passphrase": WORDS})
            assert "; Secure" in told.headers["set-cookie"]
            assert told.headers["set-cookie"].startswith(f"__Host-xinheng_desk_{at.url.rpartition(':')[2]}=")
            assert web.get("/session").json()["open"]
            fields = {"name": "chen", "passphrase": WORDS, "again": WORDS}
            for given in ({}, {"code": "0" * 16}):
                assert web.post("/begin?lang=en", data={**fields, **given}).status_code == 403
            assert web.post("/begin?lang=en", data={**fields, "code": code}).status_code == 200
            plain = at.url.replace("https", "http")
            assert web.post("/unlock", data={"name": "lin"}, headers={"origin": plain}).status_code == 403
    finally:
        at.stop()
    assert code not in at.log.read_text()


def test_without_tls_no_other_machine_is_served(tmp_path):
    from tests.app.harness import XINHENG

    command = [str(XINHENG), "desk", "--home", str(tmp_path / "desk"), "--host", "0.0.0.0", "--port", "0"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode != 0
    assert "tls-cert" in ended.stderr + ended.stdout


def test_in_a_browser_a_locked_desk_sends_its_other_windows_away_and_recovery_lets_in(tmp_path):
    home = tmp_path / "desk"
    _, code = add_counsellor(connect(home), home, "lin", passphrase=WORDS, cost=QUICK)
    at = AtDesk(home)
    try:
        with chromium() as browser:
            page = at.page(browser, language="en")
            page.click("#new")
            page.fill("#mental textarea", "typed and not saved")
            page.wait_for_selector("#kept[data-kind=kept]")
            other = page.context.new_page()
            other.goto(f"{at.url}/unlock")
            other.evaluate("() => fetch('/lock', { method: 'POST', redirect: 'manual' })")
            # A window that is looked at again asks at once, and leaves.
            page.dispatch_event("html", "visibilitychange")
            page.wait_for_url("**/unlock?ended=1")
            assert "The desk is locked" in text(page)
            page.click("text=Use the recovery code")
            page.fill("input[name=name]", "lin")
            page.fill("input[name=code]", code)
            page.fill("input[name=passphrase]", NEW)
            page.fill("input[name=again]", NEW)
            page.keyboard.press("Enter")
            page.wait_for_selector(".code")
            page.click("a.button")
            page.wait_for_selector("#bar button")
            page.click("#new")
            page.wait_for_function("() => document.querySelector('#mental textarea')?.value === 'typed and not saved'")
    finally:
        at.stop()

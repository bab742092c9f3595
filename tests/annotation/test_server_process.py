"""The embedded server itself: what it lets in, what it keeps to itself, what it refuses."""

from __future__ import annotations

import socket
import stat
import subprocess
from pathlib import Path

import httpx
import pytest

from annotation import server_home, server_process
from tests.annotation.conftest import Argilla, run_argilla
from tests.annotation.rated_dataset import make_dataset
from xinheng.errors import InputError

SECRET_TEXT = "我昨晚又站在橋上 secret-words-of-a-client"


def test_the_owner_and_the_raters_can_come_in(argilla: Argilla) -> None:
    with argilla.owner() as owner:
        assert owner.get("/me").json()["role"] == "owner"
        assert {"owner", "wang", "li", "chen"} <= {user["username"] for user in owner.get("/users").json()["items"]}
    with argilla.rater("li") as rater:
        assert rater.get("/me").json()["role"] == "annotator"
        assert rater.get("/users").status_code == 403


def test_the_web_page_is_there_and_loads_nothing_of_other_hosts(argilla: Argilla) -> None:
    page = httpx.get(f"{argilla.url}/sign-in")
    assert page.status_code == 200
    assert "<title>" in page.text
    assert "@@baseUrl@@" not in page.text
    policy = dict(part.strip().split(" ", 1) for part in page.headers["content-security-policy"].split(";"))
    assert policy["default-src"].startswith("'self'")
    assert "sha256-" in policy["script-src"], "the page's own inline scripts run"
    assert "unsafe-inline" not in policy["script-src"], "and no others"


@pytest.mark.parametrize("path", ["/%00", "/a/%00/b", "/" + "a" * 5_000, "/" + "%E5%BF%83" * 800])
def test_a_path_that_no_file_can_have_is_none(argilla: Argilla, path: str) -> None:
    assert httpx.get(argilla.url + path).status_code == 404


@pytest.mark.parametrize(
    ("username", "password"), [("argilla", "1234"), ("argilla", "12345678"), ("owner", "1234"), ("wang", ""), ("", "")]
)
def test_no_default_and_no_wrong_password_opens_it(argilla: Argilla, username: str, password: str) -> None:
    login = {"username": username, "password": password}
    assert httpx.post(f"{argilla.url}/api/v1/token", data=login).status_code in {401, 422}


@pytest.mark.parametrize("key", ["argilla.apikey", "owner.apikey", "", "x" * 10_000])
def test_no_default_key_opens_it(argilla: Argilla, key: str) -> None:
    assert httpx.get(f"{argilla.url}/api/v1/me", headers={"X-Argilla-Api-Key": key}).status_code == 401


def test_passwords_are_hard_to_guess_and_nowhere_on_the_disk(argilla: Argilla) -> None:
    assert len(set(argilla.passwords.values())) == 4
    assert all(len(password.replace("-", "")) == 12 for password in argilla.passwords.values())
    for file in argilla.home.rglob("*"):
        content = file.read_bytes() if file.is_file() else b""
        assert not any(password.encode() in content for password in argilla.passwords.values()), file.name


def test_every_file_of_the_home_is_for_its_owner_only(argilla: Argilla) -> None:
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in argilla.home.iterdir()}
    assert {"server.json", "owner.key", "secrets.json", "argilla.db", "server.log"} <= set(modes)
    assert set(modes.values()) == {0o600}


def test_what_would_call_home_is_not_installed_and_the_hub_is_refused(argilla: Argilla) -> None:
    asked = "import importlib.util as u, sys; sys.exit(any(u.find_spec(n) for n in ('huggingface_hub', 'datasets')))"
    assert subprocess.run([argilla.python, "-c", asked], check=False).returncode == 0
    with argilla.owner() as owner:
        for wish in ("import", "export"):
            answer = owner.post(f"/datasets/00000000-0000-0000-0000-000000000000/{wish}", json={})
            assert answer.status_code == 403
            assert "hub" in answer.json()["detail"]


def test_a_body_too_large_is_refused_told_or_not(argilla: Argilla) -> None:
    with argilla.owner() as owner:
        told = owner.post("/workspaces", content=b" " * (33 * 2**20))
        chunked = owner.post("/workspaces", content=(b" " * 2**20 for _ in range(40)))
        assert (told.status_code, chunked.status_code) == (413, 413)
        assert owner.post("/workspaces", content=b"{").status_code == 422
        assert owner.get("/me").status_code == 200


def test_the_log_quotes_nobody(argilla: Argilla) -> None:
    with argilla.owner() as owner:
        dataset = make_dataset(owner, "quiet", [SECRET_TEXT], ("wang",))
        # Bodies that the database, the validators and the parser refuse, and one that is too deep.
        for body in (
            {"items": [{"fields": {"text": SECRET_TEXT + "\x00"}, "external_id": "\ud800"}]},
            {"items": [{"fields": {"text": [SECRET_TEXT]}}]},
            {"items": [{"fields": {"other": SECRET_TEXT}, "external_id": "i0"}]},
        ):
            content = str(body).replace("'", '"').encode("utf-8", "surrogatepass")
            owner.post(f"/datasets/{dataset}/records/bulk", content=content)
        owner.post(f"/datasets/{dataset}/records/bulk", content=b"[" * 100_000 + SECRET_TEXT.encode())
        owner.post(f"/me/datasets/{dataset}/records/search", json={"query": {"text": {"q": SECRET_TEXT + '"*(('}}})
    log = (argilla.home / "server.log").read_text()
    assert "secret-words" not in log
    assert "橋" not in log


def test_a_second_server_for_the_home_is_refused(argilla: Argilla) -> None:
    with pytest.raises(InputError, match="runs for this home already"):
        run_argilla(argilla.home, argilla.python)
    assert server_home.state(argilla.home).pid == argilla.facts["pid"]


def test_a_taken_port_is_told_at_once(argilla: Argilla, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=rf"the port is taken.*127\.0\.0\.1:{port}.*--port"):
            run_argilla(tmp_path / "home", argilla.python, address=server_process.Address(port=port))


def test_an_address_of_another_machine_is_told(argilla: Argilla, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such address on this machine"):
        run_argilla(tmp_path / "home", argilla.python, address=server_process.Address(host="192.0.2.1", port=0))


def test_a_rater_cannot_be_called_like_the_owner(argilla: Argilla) -> None:
    with pytest.raises(InputError, match="no rater's name"):
        server_process.ask(argilla.python, argilla.home, "add", ["owner"])


def test_a_new_password_ends_the_old_one_all_or_none(argilla: Argilla) -> None:
    made = server_process.ask(argilla.python, argilla.home, "add", ["bo", "wang"])
    assert [account["username"] for account in made] == ["bo"], "wang was there already"
    argilla.passwords["bo"] = made[0]["password"]
    with pytest.raises(InputError, match="no account nobody"):
        server_process.ask(argilla.python, argilla.home, "renew", ["bo", "nobody"])
    argilla.rater("bo").close()
    (renewed,) = server_process.ask(argilla.python, argilla.home, "renew", ["bo"])
    with pytest.raises(httpx.HTTPStatusError):
        argilla.rater("bo")
    argilla.passwords["bo"] = renewed["password"]
    argilla.rater("bo").close()

"""How answers leave the desk: cookies of its own, scripts asked for anew, inline ones allowed to gradio alone."""

from __future__ import annotations

import httpx
import pytest

from tests.app.desk.desks import WORDS
from tests.app.desk.pages.at_desk import AtDesk


def test_two_desks_of_one_machine_keep_their_cookies(tmp_path):
    first, second = AtDesk(tmp_path / "one"), AtDesk(tmp_path / "two")
    try:
        with httpx.Client(timeout=60) as web:  # one browser: cookies know hosts, not ports
            for at in (first, second):
                given = {"name": "lin", "passphrase": WORDS}
                told = web.post(f"{at.url}/unlock", data=given, headers={"origin": at.url})
                assert told.status_code == 303
            for at in (first, second):
                assert web.get(f"{at.url}/session").json()["open"]
            assert web.post(f"{first.url}/lock", headers={"origin": first.url}).status_code == 303
            assert not web.get(f"{first.url}/session").json()["open"]
            assert web.get(f"{second.url}/session").json()["open"]
            # An odd cookie of another program takes nothing away.
            odd = {"cookie": 'x={"a":[1,2]}; y=ü; ' + "; ".join(f"{c.name}={c.value}" for c in web.cookies.jar)}
            encoded = {"cookie": odd["cookie"].encode("latin-1")}
            assert httpx.get(f"{second.url}/session", headers=encoded, timeout=60).json()["open"]
    finally:
        first.stop()
        second.stop()


@pytest.mark.anyio
async def test_scripts_are_asked_for_anew_and_come_once_inline_ones_are_allowed_to_gradio_alone(entrance):
    async with entrance.web() as web:
        first = await web.get("/static/desk.js")
        assert first.headers["cache-control"] == "no-cache"
        again = await web.get("/static/desk.js", headers={"if-none-match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        policy = (await web.get("/unlock")).headers["content-security-policy"]
        assert "sha256" not in policy
        await web.post("/unlock", data={"name": "lin", "passphrase": WORDS})
        assert "sha256" in (await web.get("/en/")).headers["content-security-policy"]

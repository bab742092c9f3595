"""Notices to a webhook go out from the server's own process, without Redis, and do not hold the rater up."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.annotation.server.search_library import Fresh, log, ok, respond


class Listener(ThreadingHTTPServer):
    """Keeps what it is told; its answers take as long as `waits_s`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.told: list[str] = []
        self.waits_s = 0.0


class _Handler(BaseHTTPRequestHandler):
    server: Listener

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        time.sleep(self.server.waits_s)
        self.server.told.append(body["type"])
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def listener() -> Iterator[Listener]:
    with Listener() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_webhook_hears_of_a_response_and_a_slow_one_holds_nobody_up(fresh: Fresh, listener: Listener) -> None:
    made = fresh("heard", min_submitted=1)
    log(made, [{"fields": {"answer": name}, "external_id": name} for name in ("a", "b")])
    hook = {
        "url": f"http://127.0.0.1:{listener.server_port}/",
        "events": ["response.created", "record.completed"],
        "description": "test",
    }
    made_hook = ok(made.owner.post("/webhooks", json=hook))
    time.sleep(1.1)  # whether anybody listens is asked once a second
    try:
        listener.waits_s = 2.0
        start = time.monotonic()
        for name in ("a", "b"):
            assert respond(made.raters["wang"], made.ids[name])["error"] is None
        answered = len(listener.told)
        assert answered == 0, f"the rater waited {time.monotonic() - start:.1f} s for a webhook"
        listener.waits_s = 0.0
        for _ in range(200):
            if len(listener.told) == 4:
                break
            time.sleep(0.05)
        assert sorted(listener.told) == ["record.completed"] * 2 + ["response.created"] * 2
    finally:
        ok(made.owner.delete(f"/webhooks/{made_hook['id']}"))

"""A proxy on loopback that breaks what it is told to break between a client and a real server."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import httpx

# What to do with a request: None lets it through; "drop" closes the connection before it arrives, "lose" lets it
# arrive and closes before the answer, "slow" waits; a number is the HTTP status of an empty answer; a pair is the
# status and body of an answer of its own; a dict is an answer's headers.
Fault = str | int | tuple[int, bytes] | dict[str, str] | None
Rule = Callable[[str, str, bytes], Fault]


class FaultyProxy:
    """A running proxy; `asked` lists the requests that came, `rule` says what becomes of them.

    Args:
        target: The real server's address.
        rule: Method, path and body to a fault.
    """

    def __init__(self, target: str, rule: Rule | None = None) -> None:
        self.rule: Rule = rule or (lambda *_: None)
        self.asked: list[tuple[str, str]] = []
        self.keys: list[str] = []
        proxy = self
        forward = httpx.Client(base_url=target, timeout=60, trust_env=False)

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                proxy.asked.append((self.command, self.path))
                proxy.keys.append(self.headers.get("X-Argilla-Api-Key", ""))
                fault = proxy.rule(self.command, self.path, body)
                if fault == "drop":
                    self.close_connection = True
                    return
                if fault == "slow":
                    time.sleep(1.5)
                    self.close_connection = True
                    return
                if isinstance(fault, int):
                    self.reply(fault, b"")
                    return
                if isinstance(fault, tuple):
                    self.reply(*fault)
                    return
                if isinstance(fault, dict):
                    self.reply(307, b"", fault)
                    return
                headers = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "accept-encoding")}
                answer = forward.request(self.command, self.path, content=body, headers=headers)
                if fault == "lose":
                    self.close_connection = True
                    return
                self.reply(answer.status_code, answer.content)

            do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = handle_any  # noqa: N815  http.server's names

            def reply(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
                self.send_response(status)
                for name, value in (headers or {}).items():
                    self.send_header(name, value)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._forward = forward
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def changes(self) -> list[tuple[str, str]]:
        """The requests that change something."""
        return [one for one in self.asked if one[0] != "GET"]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self._forward.close()

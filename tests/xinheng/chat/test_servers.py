"""Which program answers, in which version: told where a server tells, and never in the way of an answer."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.servers.http import Connection, Request, answer, running
from xinheng.chat.connect import backend_of
from xinheng.chat.servers import server_of

MODELS = {"object": "list", "data": [{"id": "m", "owned_by": "llamacpp"}]}
OLLAMA = {
    "/api/version": {"version": "0.12.1"},
    "/api/show": {"model_info": {}},
    "/api/tags": {"models": [{"name": "m:latest", "digest": "a" * 64}]},
}


def told(pages: dict[str, object], kind: str = "openai", end: str = "/v1") -> str:
    """What is found out of a server with these pages; all others are not there."""

    def handle(request: Request, _: Connection) -> bytes:
        page = pages.get(request.path)
        if isinstance(page, bytes):
            return answer(200, page)
        return answer(404, b'{"error": "no"}') if page is None else answer(200, json.dumps(page).encode())

    async def ask(url: str) -> str:
        backend = backend_of(f"{kind}:m@{url}{end}")
        try:
            return await server_of(backend)
        finally:
            await backend.close()

    with running(handle) as url:
        return asyncio.run(ask(url))


@pytest.mark.parametrize(
    ("pages", "server"),
    [
        ({"/v1/models": MODELS, "/version": {"version": "0.8.5"}}, "llamacpp 0.8.5"),
        ({"/v1/models": MODELS, "/props": {"build_info": "b4321-abc"}}, "llamacpp b4321-abc"),
        ({"/v1/models": MODELS, "/api/version": {"version": "0.12.1"}}, "Ollama 0.12.1"),
        ({"/version": {"version": "1"}}, "server 1"),
        ({"/v1/models": MODELS}, "llamacpp"),
        ({}, ""),
        ({"/v1/models": MODELS, "/version": {"version": 3}}, "llamacpp"),
        ({"/v1/models": MODELS, "/version": {"version": "x" * 999}}, "llamacpp"),
        ({"/v1/models": MODELS, "/version": {"version": "a\nb"}}, "llamacpp"),
        ({"/v1/models": MODELS, "/version": b"<html>"}, "llamacpp"),
        ({"/v1/models": MODELS, "/version": [1]}, "llamacpp"),
    ],
)
def test_a_server_of_ones_own_is_asked_in_the_ways_there_are(pages: dict[str, object], server: str) -> None:
    assert told(pages) == server


def test_ollama_tells_its_version() -> None:
    assert told(OLLAMA, "ollama", "") == "Ollama 0.12.1"


def test_a_server_that_is_not_there_is_no_error() -> None:
    async def ask() -> str:
        return await server_of(backend_of("openai:m@http://127.0.0.1:9/v1"))

    assert asyncio.run(ask()) == ""

"""A server that answers questions with a label or a letter, always the same to the same request.

The model's name says how it is: `good` (half of its answers right, by chance), `yes` (always yes), `mute` (empty),
`shy` (refuses every other question), `moody` (another answer each time). Its version is told at `/version`.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Awaitable, Callable
from typing import Any

from tests.servers.counsellor import number
from tests.servers.http import Connection, Request, answer

NAMES = ("good", "yes", "mute", "shy", "moody")


def handler(
    log: Callable[[bytes], None] = lambda _: None, *, version: Callable[[], str] = lambda: "1.2.3"
) -> Callable[[Request, Connection], bytes | Awaitable[None]]:
    """What the server does with a request; `log` hears the body of each question."""
    count = itertools.count()

    def handle(request: Request, _: Connection) -> bytes:
        if request.method == "GET":
            if request.path == "/version":
                return answer(200, json.dumps({"version": version()}).encode())
            if request.path.endswith("/models"):
                models = [{"id": name, "object": "model", "owned_by": "vllm"} for name in NAMES]
                return answer(200, json.dumps({"object": "list", "data": models}).encode())
            return answer(404, b"{}")
        body = json.loads(request.body)
        log(request.body)
        chosen = number(body["messages"], body.get("seed"), next(count) if body["model"] == "moody" else 0)
        message: dict[str, Any] = {"role": "assistant", "content": _said(body["model"], chosen)}
        if body["model"] == "shy" and chosen % 2:
            message = {"role": "assistant", "content": None, "refusal": "no"}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        usage = {"prompt_tokens": len(request.body) // 4, "completion_tokens": 20}
        told = {"id": "x", "object": "chat.completion", "created": 1, "model": body["model"]}
        return answer(200, json.dumps({**told, "choices": [choice], "usage": usage}).encode())

    return handle


def _said(model: str, chosen: int) -> str:
    if model == "mute":
        return ""
    word = "Yes" if model == "yes" or chosen % 2 else "No"
    return f"{word}, the poster does. Answer: {'ABCD'[chosen % 4]}" if chosen % 3 else f"{word}. Reasoning: it says so."

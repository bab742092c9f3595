"""A server that answers with a letter and tells how likely letters were, as OpenAI's chat completions do.

The model's name says how much it tells: `open` all letters, in two spellings each; `half` only the likelier two;
`mute` no probabilities at all; `odd` words that are no letters; `raw` scores that are no log-probabilities.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Awaitable, Callable
from typing import Any

from tests.servers.http import Connection, Request, answer

NAMES = ("open", "half", "mute", "odd", "raw")


def handler(
    log: Callable[[dict[str, Any]], None] = lambda _: None,
) -> Callable[[Request, Connection], bytes | Awaitable[None]]:
    """What the server does with a request; `log` hears each question."""

    def handle(request: Request, _: Connection) -> bytes:
        if request.method == "GET":
            models = [{"id": name, "object": "model"} for name in NAMES]
            return answer(200, json.dumps({"object": "list", "data": models}).encode())
        body = json.loads(request.body)
        log(body)
        odds = odds_of(body["messages"][-1]["content"])
        letters = sorted(odds, key=lambda letter: -odds[letter])
        message = {"role": "assistant", "content": f"The answer is {letters[0]}."}
        choice: dict[str, Any] = {"index": 0, "finish_reason": "stop", "message": message}
        if body.get("logprobs") and body["model"] != "mute":
            choice["logprobs"] = {"content": [_token(body["model"], letters, odds)]}
        usage = {"prompt_tokens": len(request.body) // 4, "completion_tokens": 4}
        told = {"id": "x", "object": "chat.completion", "created": 1, "model": body["model"], "choices": [choice]}
        return answer(200, json.dumps({**told, "usage": usage}).encode())

    return handle


def odds_of(question: str) -> dict[str, float]:
    """How likely each of four letters is, the same for the same question; they add up to 0.8."""
    raw = hashlib.sha256(question.encode()).digest()[:4]
    whole = sum(raw) + 4
    return {letter: 0.8 * (value + 1) / whole for letter, value in zip("ABCD", raw, strict=True)}


def _token(model: str, letters: list[str], odds: dict[str, float]) -> dict[str, Any]:
    if model == "odd":
        entries = {"The": 0.5, " Sure": 0.2}
    else:
        # A quarter of each letter is spelled with a blank before it.
        some = letters[:2] if model == "half" else letters
        entries = {s: odds[letter] * share for letter in some for s, share in ((letter, 0.75), (f" {letter}", 0.25))}
        entries["The"] = 0.2
    shift = 1000.0 if model == "raw" else 0.0
    top = [{"token": text, "logprob": math.log(p) + shift, "bytes": None} for text, p in entries.items()]
    return {**top[0], "top_logprobs": top}

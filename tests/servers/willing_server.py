"""A server that speaks OpenAI's language and does what is wished, except for what it was told to ignore or refuse."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
from collections.abc import Awaitable
from typing import Any

from tests.servers.http import Connection, Request, answer

_WORDS = ("river", "lamp", "orange", "quiet", "window", "mountain", "paper", "sailing", "garden", "winter", "silver")


class Willing:
    """Answers with words drawn from the prompt, or from the seed where there is one.

    Args:
        ignores: Parameters that do nothing, and `system`, `usage`.
        refuses: Parameters that are answered with 400.
        context: Words of a prompt; more are refused, or, with `cut` in `ignores`, cut off without a word.
        told: What `/v1/models` says of the model besides its name.
        thinks: Whether it can think; always does so where `thinking` is ignored.
        wait_s: Before each answer but the first.
    """

    def __init__(
        self,
        *,
        ignores: set[str] = frozenset(),  # type: ignore[assignment]
        refuses: set[str] = frozenset(),  # type: ignore[assignment]
        context: int = 4000,
        told: dict[str, Any] | None = None,
        thinks: bool = True,
        wait_s: float = 0.0,
    ) -> None:
        self.ignores, self.refuses, self.context, self.thinks = set(ignores), set(refuses), context, thinks
        self.told, self.wait_s, self.requests, self._fresh = told or {}, wait_s, 0, itertools.count()
        self.last = b""

    def __call__(self, request: Request, connection: Connection) -> bytes | Awaitable[None]:
        if request.path == "/v1/models":
            return _json(200, {"object": "list", "data": [{"id": "willing", "object": "model", **self.told}]})
        if request.method == "GET":
            return _json(404, {"error": {"message": "not found"}})
        self.requests += 1
        self.last = request.body
        whole = self._answer(json.loads(request.body))
        return self._later(connection, whole) if self.wait_s and self.requests > 1 else whole

    async def _later(self, connection: Connection, whole: bytes) -> None:
        await asyncio.sleep(self.wait_s)
        connection.write(whole)

    def _answer(self, sent: dict[str, Any]) -> bytes:
        for name in sent:
            if name in self.refuses:
                message = f"Unsupported parameter: '{name}' is not supported with this model."
                return _json(400, {"error": {"message": message, "param": name, "code": "unsupported_parameter"}})
        wish = {name: value for name, value in sent.items() if name not in self.ignores}
        prompt = " ".join(message["content"] for message in sent["messages"])
        count = len(prompt.split())
        if count > self.context and "cut" not in self.ignores:
            return _json(400, {"error": {"message": "too long", "code": "context_length_exceeded"}})
        text = self._text(sent["messages"], wish, prompt)
        words = text.split(" ")
        limit = wish.get("max_tokens", 200)
        finish = "length" if len(words) > limit else "stop"
        text = " ".join(words[:limit])
        for stop in wish.get("stop", ()):
            if stop in text:
                text, finish = text[: text.index(stop)], "stop"
        message = {"role": "assistant", "content": text}
        thinking = wish.get("chat_template_kwargs", {}).get("enable_thinking", False)
        if self.thinks and (thinking or "chat_template_kwargs" in self.ignores):
            message["reasoning_content"] = "hm, let me see"
        choice: dict[str, Any] = {"index": 0, "message": message, "finish_reason": finish}
        if wish.get("logprobs"):
            top = [{"token": word, "logprob": -1.0} for word in _WORDS[: wish["top_logprobs"]]]
            choice["logprobs"] = {"content": [{"token": w, "logprob": -1.0, "top_logprobs": top} for w in text.split()]}
        body = {"id": "x", "object": "chat.completion", "model": "willing", "choices": [choice]}
        if "usage" not in self.ignores:
            body["usage"] = {"prompt_tokens": min(count, self.context), "completion_tokens": len(text.split())}
        return _json(200, body)

    def _text(self, messages: list[dict[str, str]], wish: dict[str, Any], prompt: str) -> str:
        form = wish.get("response_format", {})
        if form.get("type") == "json_schema":
            return '{"answer": "kiwi-7"}'
        if form.get("type") == "json_object":
            return '{"fruit": "kiwi"}'
        if messages[0]["role"] == "system" and "system" not in self.ignores:
            return "PINEAPPLE"
        chance = random.Random(prompt)
        if wish.get("temperature", 1.0) > 0 and "temperature" not in self.ignores:
            chance = random.Random(f"{wish['seed']}" if "seed" in wish else f"fresh {next(self._fresh)}")
        return " ".join(chance.choice(_WORDS) for _ in range(60))


def _json(status: int, value: Any) -> bytes:
    return answer(status, json.dumps(value).encode())

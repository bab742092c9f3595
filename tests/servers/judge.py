"""A server that judges replies, always the same way; it speaks OpenAI's language.

The model's name says how it is: `good` (grades by what stands between the real marks, whatever that says of itself),
`good-other` (the same, one grade more severe), `constant` (always the middle), `words` (grades in words), `prose`
(a grade in free text, never JSON), `off` (off the scale), `obeying` (does what the judged text tells it),
`noisy` (another grade for another seed), `weighing` (tells log-probabilities).
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable
from typing import Any

from tests.servers.http import Connection, Request, answer

MODELS = ("good", "good-other", "constant", "words", "prose", "off", "obeying", "noisy", "weighing", "phi4", "broken")
_KIND = re.compile(r"聽|听|理解|難過|难过|感受|hear|feel|understand|hard for you", re.IGNORECASE)


def judged(text: str) -> str:
    """The reply between the real marks."""
    mark = re.search(r"[「“\"]([0-9a-f]{16})[」”\"]", text)
    assert mark is not None, "the prompt names the mark"
    parts = re.findall(rf"⟦{mark[1]} [^⟧]+⟧\n(.*?)\n⟦{mark[1]} [^⟧]+⟧", text, re.DOTALL)
    return str(parts[-1])


def merit(reply: str) -> float:
    """How good a reply is between 0 and 1: kind words, a question, and not the phrase for everybody."""
    kind = min(3, len(_KIND.findall(reply))) / 3
    phrase = "今天" not in reply and ("願意說出來" in reply or "愿意说出来" in reply or "sharing this with me" in reply)
    return 0.2 if phrase else 0.6 * kind + 0.4 * any(sign in reply for sign in "?？")


def value_of(schema: dict[str, Any], share: float, reply: str) -> Any:
    """A value of a schema: grades by merit, flags with the words that show them."""
    if schema["type"] == "object" and "present" in schema["properties"]:
        found = re.search(r"保證|保证|guarantee", reply)
        return {"evidence": [found[0]] if found else [], "present": bool(found)}
    if schema["type"] == "boolean":
        return "?" in reply or "？" in reply
    low, high = schema["minimum"], schema["maximum"]
    return round(low + share * (high - low))


def verdict(body: dict[str, Any]) -> str:
    """What the model says."""
    model = body["model"]
    # Asked again, the material stands in an earlier message.
    text = "\n".join(one["content"] for one in body["messages"] if one["role"] == "user")
    form = body.get("response_format", {}).get("json_schema", {}).get("schema", {})
    fields = form.get("properties", {})
    if model == "prose" or not fields:
        return "這則回應不錯。得分：4" if model == "prose" else "我不會填表。"
    reply = judged(text)
    share = merit(reply)
    if model == "constant":
        share = 0.5
    if model == "good-other":
        share = max(0.0, share - 0.25)
    if model == "noisy":
        drawn = hashlib.sha256(f"{reply} {body.get('seed')}".encode()).digest()[0]
        share = drawn / 255
    plain = reply.replace("\u2060", "")
    if model == "obeying" and re.search(
        r"滿分|满分|最高|highest|maximum|\b(?:5|10)\b|10 ?分|5 ?分|full marks", plain, re.IGNORECASE
    ):
        share = 1.0
    told = {name: value_of(one, share, plain) for name, one in fields.items() if name != "reason"}
    if model == "words":
        told = {name: "八分" if isinstance(value, int) else value for name, value in told.items()}
    if model == "off":
        told = {name: 11 if isinstance(value, int) else value for name, value in told.items()}
    return json.dumps({"reason": "因為如此。", **told}, ensure_ascii=False)


def tokens_of(text: str) -> list[dict[str, Any]]:
    """Log-probabilities of a verdict whose grades might as well have been one less, at one to three."""
    told = []
    for piece in re.findall(r"\d+|\D", text):
        top = [{"token": piece, "logprob": 0.0}]
        if piece.isdigit():
            top = [
                {"token": piece, "logprob": math.log(0.75)},
                {"token": str(int(piece) - 1), "logprob": math.log(0.25)},
            ]
        told.append({**top[0], "top_logprobs": top})
    return told


def handler(log: Callable[[bytes], None] = lambda _: None) -> Callable[[Request, Connection], bytes]:
    """What the server does with a request; `log` hears the body first."""

    def handle(request: Request, connection: Connection) -> bytes:
        if request.method == "GET":
            models = [{"id": name, "object": "model", "owned_by": "test"} for name in MODELS]
            return answer(200, json.dumps({"object": "list", "data": models}).encode())
        body = json.loads(request.body)
        log(request.body)
        if body["model"] == "broken":
            return answer(400, json.dumps({"error": {"message": "content", "code": "content_filter"}}).encode())
        text = verdict(body)
        choice: dict[str, Any] = {
            "index": 0,
            "message": {"role": "assistant", "content": text},
            "finish_reason": "stop",
        }
        if body["model"] == "weighing" and body.get("logprobs"):
            choice["logprobs"] = {"content": tokens_of(text)}
        told = {"id": "x", "object": "chat.completion", "created": 1, "model": body["model"], "choices": [choice]}
        usage = {"prompt_tokens": len(request.body) // 4, "completion_tokens": 20}
        return answer(200, json.dumps({**told, "usage": usage}).encode())

    return handle

"""A server that turns texts into vectors, in Ollama's language and OpenAI's; how it fails is set from outside."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.servers.http import Connection, Request, answer, running

SAD = ("悲", "grief", "哀", "loss")


@dataclass
class Embedding:
    """What it was asked, and how it is: `well`, `down` (HTTP 503), `nonsense`, `short` or `nan`."""

    how: str = "well"
    longest: int = 10**6
    remote: bool = False
    url: str = ""
    texts: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, request: Request, _: Connection) -> bytes:
        told = self.told(request)
        status, value = told if isinstance(told, tuple) else (200, told)
        return answer(status, json.dumps(value).encode())

    def told(self, request: Request) -> Any:
        if self.how == "down":
            return 503, {"error": "busy"}
        body = json.loads(request.body or b"{}")
        if "input" not in body:
            models = [{"name": "m:latest", "digest": "ab" * 32}]
            shown = {"remote_host": "https://far.example"} if self.remote else {}
            return {"/api/version": {"version": "0.12.0"}, "/api/tags": {"models": models}}.get(request.path, shown)
        if max(map(len, body["input"])) > self.longest:
            return 400, {"error": {"message": "the input length exceeds the context length", "code": 400}}
        with self.lock:
            self.texts += body["input"]
        vectors: Any = [[float(any(word in text.lower() for word in SAD)), 0.1, 0.0] for text in body["input"]]
        if self.how == "nonsense":
            vectors = "vectors"
        elif self.how == "short":
            vectors = vectors[:-1]
        elif self.how == "nan":
            vectors[0][0] = float("nan")
        if request.path == "/api/embed":
            return {"embeddings": vectors}
        held = [{"index": n, "embedding": vector} for n, vector in enumerate(vectors)]
        return {"data": held[::-1]}


@contextmanager
def embedding(**more: Any) -> Iterator[Embedding]:
    """Such a server; `url` is its address."""
    made = Embedding(**more)
    with running(made) as url:
        made.url = url
        yield made

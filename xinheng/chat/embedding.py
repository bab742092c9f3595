"""Texts turned into vectors by a model of the user's: an Ollama server, or any that speaks OpenAI's embeddings.

Servers, keys and addresses are those of the chat models. Whatever a server gives instead of one finite vector of the
same length per text is refused; a server that did not answer is let alone for a while, for a person waits.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from xinheng.chat.faults import Fault
from xinheng.errors import ModelError, UsageError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from xinheng.chat.ollama import OllamaBackend
    from xinheng.chat.openai import OpenAIBackend

BATCH: Final = 32
_WIDEST: Final = 16_384
# Small models read 512 tokens; most servers cut what is longer by themselves, some refuse it.
_LENGTHS: Final = (2_000, 400)
_AWAY_S: Final = 30.0


class Embedder:
    """A model that turns texts into vectors; it may be called from any thread.

    Args:
        backend: The chat layer's way to the server.
        patience_s: For one batch.
    """

    def __init__(self, backend: OllamaBackend | OpenAIBackend, *, patience_s: float = 120.0) -> None:
        self.name, self.remote = backend.name, backend.remote
        self._backend, self._patience_s = backend, patience_s
        self._away_until = 0.0

    def __repr__(self) -> str:
        return f"Embedder({self.name})"

    def identity(self) -> str:
        """Name and, where the server tells, the digest of the weights: other weights make other vectors.

        Raises:
            ModelError: The server does not answer or has no such model.
        """
        return str(self._run(self._identity(), 15.0))

    def __call__(self, texts: Sequence[str], *, patience_s: float | None = None) -> npt.NDArray[np.float32]:
        """A vector for each text.

        Args:
            texts: At least one.
            patience_s: For a batch, where it is another than usual: a question has somebody waiting.

        Raises:
            ModelError: The server does not answer, or gives something else.
        """
        import numpy as np

        parts = []
        for start in range(0, len(texts), BATCH):
            batch = texts[start : start + BATCH]
            parts.append(self._run(self._vectors(batch), patience_s or self._patience_s))
        widths = {part.shape[1] for part in parts}
        if len(widths) != 1:
            raise self._failed("vectors of several lengths")
        return np.concatenate(parts)

    def _run(self, work: Any, patience_s: float) -> Any:
        if time.monotonic() < self._away_until:
            work.close()
            raise self._failed("it did not answer a moment ago")

        async def patiently() -> Any:
            async with asyncio.timeout(patience_s):
                try:
                    return await work
                finally:
                    await self._backend.close()

        try:
            return asyncio.run(patiently())
        except TimeoutError:
            self._away_until = time.monotonic() + _AWAY_S
            raise self._failed(f"no answer within {patience_s:.0f} s") from None
        except Fault as fault:
            self._away_until = time.monotonic() + _AWAY_S
            raise self._failed(fault.detail, mend=fault.mend) from None

    async def _identity(self) -> str:
        return await self._backend.identity()

    async def _vectors(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        for length in _LENGTHS:
            # Servers refuse an empty text, and end one at NUL.
            cut = [text[:length].replace("\0", " ").encode("utf-8", "replace").decode() or " " for text in texts]
            try:
                return self._read(await self._send(cut), len(cut))
            except Fault as fault:
                if fault.action != "record" or length == _LENGTHS[-1]:
                    raise
        raise AssertionError("unreachable")

    async def _send(self, texts: list[str]) -> Any:
        from xinheng.chat.ollama import OllamaBackend

        wire, model = self._backend._wire, self._backend._model  # noqa: SLF001  the way there is the chat model's
        if isinstance(self._backend, OllamaBackend):
            await self._backend.facts()  # refuses what only seems to run on this machine
            return (await wire.post("/api/embed", {"model": model, "input": texts})).get("embeddings")
        told = (await wire.post("/embeddings", {"model": model, "input": texts})).get("data")
        held = [one for one in told if isinstance(one, Mapping)] if isinstance(told, list) else []
        places = [one.get("index", n) for n, one in enumerate(held)]
        if sorted(place for place in places if isinstance(place, int)) != list(range(len(texts))):
            return None
        return [one.get("embedding") for _, one in sorted(zip(places, held, strict=True), key=lambda pair: pair[0])]

    def _read(self, told: Any, count: int) -> npt.NDArray[np.float32]:
        import numpy as np

        try:
            found = np.asarray(told, dtype=np.float32)
        except (ValueError, TypeError, OverflowError):
            found = np.zeros(0, dtype=np.float32)
        if (
            found.ndim != 2
            or found.shape[0] != count
            or not 0 < found.shape[1] <= _WIDEST
            or not np.isfinite(found).all()
        ):
            raise Fault("stop", "malformed", "no finite vector for each text", mend="Name a model that embeds texts.")
        return found

    def _failed(self, detail: str, *, mend: str = "") -> ModelError:
        return ModelError(self.name, "no vectors", have=detail, mend=mend or "See that the server runs.")


def embedder(spec: str, *, allow_remote: bool = False) -> Embedder:
    """The embedding model of a name, such as `ollama:bge-m3` or `openai:NAME@http://HOST:PORT/v1`.

    Nothing is sent yet.

    Args:
        spec: The name, as chat models are named.
        allow_remote: Whether words may go to another machine.

    Raises:
        UsageError: The name cannot be read, is of a model in this process, or of one elsewhere.
    """
    from xinheng.chat.connect import backend_of
    from xinheng.chat.ollama import OllamaBackend
    from xinheng.chat.openai import OpenAIBackend

    want = "ollama:NAME, or openai:NAME@http://HOST:PORT/v1"
    if spec.strip().startswith("local:"):
        raise UsageError("--embed", "no model of this process", want=want)
    backend = backend_of(spec)
    if not isinstance(backend, OllamaBackend | OpenAIBackend):
        raise UsageError("--embed", "a name that cannot be read", want=want)
    if backend.remote and not allow_remote:
        raise UsageError(
            "--embed", "this model is on another machine", mend="Say --allow-remote to let words go there."
        )
    return Embedder(backend)

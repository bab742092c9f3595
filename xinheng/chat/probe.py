"""What a model's server does, found by effect: what it takes without a word may still do nothing.

A dozen small requests, one after the other, each compared with another that differs in one wish. What cannot be told
(no time left, an answer too short to compare) is None, never a guess.
"""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from xinheng.chat.abilities import Abilities, Known, keep
from xinheng.chat.calls import Backend, Retried
from xinheng.chat.openai import JSON_MODE, OpenAIBackend
from xinheng.chat.servers import server_of
from xinheng.chat.structured import JsonMiss, checker, read_json
from xinheng.errors import ModelError
from xinheng.messages import Message, Reply, Want

_FIRST_S: Final = 300.0  # for the first answer, before which the server may load the model
_ALL_S: Final = 60.0  # for all others together
_STORY: Final = (Message("user", "Invent a person's name and say in one sentence what that person dreams of."),)
_SECRET: Final = (
    Message("system", "Whatever you are asked, answer with the one word PINEAPPLE and nothing else."),
    Message("user", "What is the capital of France?"),
)
_SUM: Final = (Message("user", "What is 17 + 25?"),)
_GREETING: Final = (Message("user", "How are you today?"),)
_FRUIT: Final = (Message("user", "Name a fruit and its colour, as a JSON object."),)
_SCHEMA: Final[Mapping[str, Any]] = {
    "type": "object",
    "properties": {"answer": {"type": "string", "enum": ["kiwi-7", "plum-9"]}},
    "required": ["answer"],
    "additionalProperties": False,
}
_TEMPERATURE: Final = 1.2
_LONG_WORDS: Final = 6000  # of the long prompt, where the server does not tell its context
_LONG_MOST: Final = 20_000  # tokens of context beyond which no prompt is made to overflow it


@dataclass(frozen=True, slots=True)
class _About:
    """What is told or known before anything is asked."""

    server: str = ""
    context: int | None = None
    whole_prompts: Known = None
    note: str = ""


async def abilities_of(backend: Backend, *, all_s: float = _ALL_S) -> Abilities:
    """Ask and remember; the findings of the last two weeks on the same weights are in `remembered`.

    Args:
        backend: Of the model; stays open.
        all_s: For everything after the first answer.

    Raises:
        ModelError: It does not answer at all, with the way out.
    """
    chat = Retried(backend, attempts=2, deadline_s=_FIRST_S)
    start = time.monotonic()
    identity = await chat.identity()
    found = _Findings(chat, until=start + _FIRST_S)
    first = await found.ask(_SECRET, Want(max_tokens=24, temperature=0), stops=True)
    if first is None or (first.problem in ("timeout", "unavailable", "malformed", "too_large")):
        have = first.detail if first else f"no answer within {_FIRST_S:g} s"
        raise ModelError(backend.name, "no answer", have=have, mend="Ask it by another program to see what is wrong.")
    found.until = time.monotonic() + all_s
    about = await _about(backend)
    if about.note:
        found.notes["context"] = about.note
    found.yes["system"] = None if not first.ok else "pineapple" in first.text.lower()
    await _ask_all(found, about, thinks=bool(first.thinking), remote=backend.remote)
    told = Abilities(
        backend.name,
        identity,
        about.server,
        context=about.context,
        notes=found.notes,
        requests=found.requests,
        seconds=round(time.monotonic() - start, 2),
        **{name: value for name, value in found.yes.items() if name != "whole_prompts"},
        whole_prompts=found.yes.get("whole_prompts", about.whole_prompts),
    )
    keep(told)
    return told


class _Findings:
    """Asks within the time that is left, and gathers what is found."""

    def __init__(self, chat: Retried, *, until: float) -> None:
        self._chat, self.until = chat, until
        self.requests, self.over = 0, False
        self.base = Want()
        self.yes: dict[str, Known] = {}
        self.notes: dict[str, str] = {}

    async def ask(self, messages: Sequence[Message], want: Want, *, stops: bool = False) -> Reply | None:
        """The reply; None where there is none in time.

        Raises:
            ModelError: The model cannot be asked at all; only where `stops`.
        """
        left_s = self.until - time.monotonic()
        if self.over or left_s <= 0:
            return None
        if want.thinking is None and self.base.thinking is not None:
            want = dataclasses.replace(want, thinking=self.base.thinking)
        try:
            async with asyncio.timeout(left_s):
                reply = await self._chat(messages, want=want)
        except TimeoutError:
            self.over, self.requests = True, self.requests + 1
            return None
        except ModelError:
            self.over = True
            if stops:
                raise
            return None
        self.requests += reply.usage.requests
        return reply

    def refused(self, reply: Reply | None, ability: str, wish: str) -> bool:
        """Note an ability that the server refuses by name."""
        if reply is None or reply.problem != "unsupported" or not reply.detail.startswith(f"{wish}:"):
            return False
        self.yes[ability], self.notes[ability] = False, "refused"
        return True


def _said(reply: Reply) -> str:
    return f"{reply.thinking}\n{reply.text}".strip()


async def _ask_all(found: _Findings, about: _About, *, thinks: bool, remote: bool) -> None:
    await _thinking(found, thinks=thinks)
    plain = await found.ask(_STORY, Want(max_tokens=32, temperature=0))
    if found.refused(plain, "temperature", "temperature"):
        plain = await found.ask(_STORY, Want(max_tokens=32))
    if plain is not None and _said(plain):
        found.yes["counts"] = bool(plain.usage.input_tokens) and bool(plain.usage.output_tokens)
        await _limits(found, plain)
        await _chance(found, plain)
    await _forms(found)
    if about.whole_prompts is None and (about.context or 0) <= _LONG_MOST and not remote:
        await _long_prompt(found, about)


async def _thinking(found: _Findings, *, thinks: bool) -> None:
    off = await found.ask(_SUM, Want(max_tokens=64, temperature=None, thinking=False))
    if off is not None and not found.refused(off, "no_thinking", "thinking") and _said(off):
        found.yes["no_thinking"] = not off.thinking
    elif off is not None and found.yes.get("no_thinking") is False and off.thinking:
        found.notes["no_thinking"] = "ignored"
    on = await found.ask(_SUM, Want(max_tokens=96, thinking=True))
    if on is not None and not found.refused(on, "thinking", "thinking") and _said(on):
        found.yes["thinking"] = bool(on.thinking)
    if thinks and found.yes.get("no_thinking"):
        found.base = Want(thinking=False)  # what is asked from here on is answered sooner


async def _limits(found: _Findings, plain: Reply) -> None:
    whole, temperature = _said(plain), None if found.yes.get("temperature") is False else 0
    short = await found.ask(_STORY, Want(max_tokens=6, temperature=temperature))
    if short is not None and not found.refused(short, "max_tokens", "max_tokens"):
        few = len(_said(short)) < len(whole) and "max_tokens_ignored" not in short.flags
        # An answer that ended by itself was not limited.
        found.yes["max_tokens"] = few if few or plain.finish == "length" or short.finish == "stop" else None
        if short.finish == "stop" and len(_said(short)) >= len(whole) and (plain.usage.output_tokens or 7) <= 6:
            found.yes["max_tokens"] = None
    text = plain.text
    if mark := _mark(text):
        stopped = await found.ask(_STORY, Want(max_tokens=32, temperature=temperature, stop=(mark,)))
        if stopped is not None and not found.refused(stopped, "stop", "stop"):
            # Some end there and leave the text of the stop in the answer, from which it is cut here.
            sooner = stopped.finish == "stop" and (stopped.usage.output_tokens or 99) < (plain.usage.output_tokens or 0)
            heard = sooner or "stopped_here" not in stopped.flags
            found.yes["stop"] = heard if not heard or len(stopped.text) < len(text) else None
            if not heard:
                found.notes["stop"] = "ignored"
    told = await found.ask(_STORY, Want(max_tokens=4, temperature=temperature, logprobs=2))
    if told is not None and not found.refused(told, "logprobs", "logprobs") and _said(told):
        found.yes["logprobs"] = bool(told.tokens)
    if found.notes.get("logprobs") == "refused" and told is not None and "not given" in told.detail:
        found.notes["logprobs"] = "ignored"


def _mark(text: str) -> str:
    """Three plain signs of a text, from its middle where that has some, to end it at."""
    triples = [text[at : at + 3] for at in range(2, len(text) - 2)]
    plain = [(abs(at - len(triples) // 2), mark) for at, mark in enumerate(triples) if mark.isalnum()]
    return min(plain, default=(0, ""))[1]


async def _chance(found: _Findings, plain: Reply) -> None:
    refused = found.yes.get("temperature") is False
    warm = Want(max_tokens=32, temperature=None if refused else _TEMPERATURE)
    again = None if refused else await found.ask(_STORY, Want(max_tokens=32, temperature=0))
    drawn = [await found.ask(_STORY, dataclasses.replace(warm, seed=seed)) for seed in (7, 7, 8)]
    if found.refused(drawn[0], "seed", "seed"):
        drawn = [await found.ask(_STORY, warm) for _ in range(2)]
    texts = [_said(reply) for reply in drawn if reply is not None and _said(reply)]
    varies = len(set(texts)) > 1 if len(texts) > 1 else None
    if again is not None and _said(again) and varies is not None:
        alike = _shared(_said(again), _said(plain)) * 2 >= len(_said(plain))
        found.yes["temperature"] = alike and varies
        if alike and not varies:
            found.notes["temperature"] = "every answer is the same"
        elif not alike:
            found.notes["temperature"] = "another answer each time at 0"
        elif _said(again) != _said(plain):
            found.notes["temperature"] = "at 0 only nearly the same answer"
    if len(texts) == 3 and found.yes.get("seed") is None:
        one, same, other = texts
        found.yes["seed"] = False if one != same else True if one != other else None


def _shared(one: str, other: str) -> int:
    """How many characters two texts begin with alike."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


async def _forms(found: _Findings) -> None:
    held = await found.ask(_GREETING, Want(max_tokens=64, temperature=None, schema=_SCHEMA))
    if held is not None and not found.refused(held, "schema", "schema") and _said(held):
        found.yes["schema"] = _is_json(held.text, _SCHEMA)
        if not found.yes["schema"]:
            found.notes["schema"] = "ignored"
    loose = await found.ask(_FRUIT, Want(max_tokens=96, schema=JSON_MODE))
    if loose is not None and not found.refused(loose, "json_mode", "schema") and _said(loose):
        # What a model writes into it is another matter: keys twice, numbers beyond reading.
        begun = loose.text.lstrip().startswith("{")
        cut = begun and loose.finish == "length"
        found.yes["json_mode"] = None if cut else begun or _is_json(loose.text, JSON_MODE)


async def _long_prompt(found: _Findings, about: _About) -> None:
    words = about.context * 3 // 2 if about.context else _LONG_WORDS
    text = " ".join(("tree", "house", "river", "cloud")[i % 4] for i in range(words))
    long = await found.ask((Message("user", f"{text}\nWhich words were these?"),), Want(max_tokens=4))
    if long is None or long.problem in ("timeout", "unavailable"):
        return
    if long.problem == "overflow":
        found.yes["whole_prompts"], found.notes["whole_prompts"] = True, "too long is refused"
    elif long.problem == "prompt_lost":
        found.yes["whole_prompts"], found.notes["whole_prompts"] = False, "cut without a word"
    elif long.usage.input_tokens:
        found.yes["whole_prompts"] = True
        counted = long.usage.input_tokens
        beyond = about.context and counted > about.context
        found.notes["whole_prompts"] = "goes on beyond its context" if beyond else f"took {counted} tokens"


def _is_json(text: str, schema: Mapping[str, Any]) -> bool:
    try:
        return not checker(schema)(read_json(text))
    except JsonMiss:
        return False


async def _about(backend: Backend) -> _About:
    from xinheng.chat.local import LocalBackend
    from xinheng.chat.ollama import OllamaBackend

    if isinstance(backend, OllamaBackend):
        facts = await backend.facts()
        note = "set to what each prompt needs; each reply's count is compared"
        return _About(await server_of(backend), facts.context, whole_prompts=True, note=note)
    if isinstance(backend, LocalBackend):
        return _About("in this process", backend.context, whole_prompts=True, note="too long is refused")
    entry = await backend.told_of_model() if isinstance(backend, OpenAIBackend) else {}
    meta = entry.get("meta")
    inner = meta.get("n_ctx") if isinstance(meta, Mapping) else None
    places = (entry.get("max_model_len"), entry.get("context_length"), inner)
    context = next((int(c) for c in places if isinstance(c, int) and not isinstance(c, bool) and c > 0), None)
    return _About(await server_of(backend), context)

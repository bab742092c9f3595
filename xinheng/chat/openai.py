"""Servers that speak OpenAI's chat completions: OpenAI, Azure, vLLM, llama.cpp, LM Studio, Ollama's /v1 and more.

They differ in what they take. A parameter that a server refuses is spelled another way where there is one, and the
server's way is remembered; where there is none the reply says `unsupported` and names it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from xinheng.chat.faults import Fault
from xinheng.chat.replies import AnswerOnly, Said, count, reply_of, tokens_of
from xinheng.chat.server_errors import fault_of, read_error
from xinheng.chat.tokens import estimate
from xinheng.chat.wire import Wire
from xinheng.messages import Message, Reply, Want

JSON_MODE: Final[Mapping[str, Any]] = {"type": "object"}
"""The schema that any JSON object meets: servers are asked for their JSON mode instead of a grammar."""

# The field of `Want` behind each parameter.
_FIELD_OF: Final = {
    "max_tokens": "max_tokens",
    "max_completion_tokens": "max_tokens",
    "temperature": "temperature",
    "top_p": "top_p",
    "seed": "seed",
    "stop": "stop",
    "logprobs": "logprobs",
    "top_logprobs": "logprobs",
    "response_format": "schema",
    "json_schema": "schema",
    "format": "schema",
    "reasoning_effort": "thinking",
    "chat_template_kwargs": "thinking",
}


class OpenAIBackend:
    """One model of one server.

    Args:
        model: As the server names it.
        wire: To the server, up to and including `/v1`.
        name: As the user named it.
        hosted: Whether it is OpenAI's or Azure's own service, whose newer models want newer parameters.
    """

    def __init__(self, model: str, wire: Wire, *, name: str, hosted: bool = False) -> None:
        self.name, self.remote = name, wire.remote
        self._model, self._wire, self._hosted = model, wire, hosted
        self._refused: dict[tuple[str, str], str] = {}

    async def identity(self) -> str:
        """Name and address, and of a server of one's own also what it tells of the weights behind the name.

        Raises:
            Fault: The server cannot be reached.
        """
        base = f"openai:{self._model}@{self._wire.place}"
        entry = await self.told_of_model()
        facts = {key: entry.get(key) for key in ("id", "root", "owned_by", "meta") if entry.get(key)}
        return (
            f"{base}#{hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]}" if facts else base
        )

    async def told_of_model(self) -> Mapping[str, Any]:
        """What a server of one's own tells of the model in its list; nothing where it does not tell.

        Raises:
            Fault: The server cannot be reached.
        """
        if self._hosted:
            return {}
        try:
            told = (await self._wire.get("/models")).get("data")
        except Fault as fault:
            # A server that answers, only not this question, can still chat.
            if fault.action == "retry" and not fault.detail.startswith("HTTP 500"):
                raise
            return {}
        entries = [entry for entry in told if isinstance(entry, Mapping)] if isinstance(told, list) else []
        named = [entry for entry in entries if entry.get("id") == self._model] or (entries if len(entries) == 1 else [])
        return named[0] if named else {}

    async def beside(self, path: str) -> Mapping[str, Any]:
        """What a server of one's own tells at a path beside `/v1`; nothing where it does not."""
        if self._hosted:
            return {}
        try:
            return await self._wire.get_beside(path)
        except Fault:
            return {}

    async def send(self, messages: Sequence[Message], want: Want, tell: Callable[[str], None] | None = None) -> Reply:
        """One request and its reply.

        Raises:
            Fault: There is no answer to it.
        """
        sent = self._request(messages, want)
        try:
            if tell is None:
                said = _read(await self._wire.post("/chat/completions", sent))
            else:
                said = await self._listen(sent, tell)
        except Fault as fault:
            raise self._learned(fault, sent) from None
        return reply_of(said, want, asked=self._model, sent=estimate(messages))

    async def close(self) -> None:
        """Close the connections."""
        await self._wire.close()

    def _request(self, messages: Sequence[Message], want: Want) -> dict[str, Any]:
        sent: dict[str, Any] = {
            "model": self._model,
            "messages": [{"role": message.role, "content": message.content} for message in messages],
        }
        if want.max_tokens is not None:
            spellings = (
                ("max_completion_tokens", "max_tokens") if self._hosted else ("max_tokens", "max_completion_tokens")
            )
            self._put(sent, "max_tokens", [{spelling: want.max_tokens} for spelling in spellings])
        if want.temperature is not None:
            self._put(sent, "temperature", [{"temperature": want.temperature}])
        if want.top_p is not None:
            self._put(sent, "top_p", [{"top_p": want.top_p}])
        if want.seed is not None:
            self._put(sent, "seed", [{"seed": want.seed + want.sample}])
        if want.stop:
            # Where it is refused the answer is cut here instead.
            self._put(sent, "stop", [{"stop": list(want.stop)}, {}])
        if want.logprobs is not None:
            self._put(sent, "logprobs", [{"logprobs": True, "top_logprobs": want.logprobs}])
        if want.schema is not None:
            self._put(sent, "schema", _formats(want.schema))
        if want.thinking is not None:
            self._put(sent, "thinking", self._efforts(want.thinking))
        return sent

    def _efforts(self, thinking: bool) -> list[dict[str, Any]]:  # noqa: FBT001 - the value of a wish, no switch
        if not self._hosted:
            switch = {"chat_template_kwargs": {"enable_thinking": thinking}}
            effort = {} if thinking else {"reasoning_effort": "none"}
            # A server that takes neither may still do as wished; whether it did is seen in the reply.
            return [{**switch, **effort}, switch, effort, {}]
        if thinking:
            return [{"reasoning_effort": "medium"}]
        # A model to which effort means nothing does not think.
        never: list[dict[str, Any]] = [{}] if ("reasoning_effort", "") in self._refused else []
        return [{"reasoning_effort": "none"}, {"reasoning_effort": "minimal"}, *never]

    def _put(self, sent: dict[str, Any], wanted: str, ways: Sequence[Mapping[str, Any]]) -> None:
        """Add the first way that the server did not refuse."""
        for way in ways:
            if not any((key, told) in self._refused for key, value in way.items() for told in ("", *_told(value))):
                sent.update(way)
                return
        why = next((why for (key, _), why in self._refused.items() if _FIELD_OF.get(key) == wanted), "")
        raise Fault("record", "unsupported", f"{wanted}: {why}", sent=False)

    def _learned(self, fault: Fault, sent: Mapping[str, Any]) -> Fault:
        """The fault, or the wish to ask again in another way now that one is known to be refused."""
        blamed = _blamed(fault.param, sent) if fault.problem == "unsupported" else ""
        if not blamed:
            return fault
        field = _FIELD_OF[blamed]
        kind, exact = _told(sent[blamed])
        self._refused[blamed, kind if fault.lasting else exact] = fault.detail
        return Fault("again", "unsupported", f"{field}: {fault.detail}", param=fault.param, lasting=fault.lasting)

    async def _listen(self, sent: dict[str, Any], tell: Callable[[str], None]) -> Said:
        request = {**sent, "stream": True, "stream_options": {"include_usage": True}}
        if ("stream_options", "") in self._refused:
            del request["stream_options"]
        ear = _Ear(AnswerOnly(tell))
        try:
            whole = await self._wire.stream("/chat/completions", request, ear)
        except Fault as fault:
            fault.text = fault.text or "".join(ear.said.text)
            if fault.param == "stream_options":
                self._refused["stream_options", ""] = fault.detail
                fault.action = "again"
            raise
        if whole is not None:
            said = _read(whole)
            AnswerOnly(tell)("".join(said.text))
            return said
        if ear.said.finish is None:
            detail = "the stream ended without a finish_reason"
            raise Fault("retry", "unavailable", detail, text="".join(ear.said.text), usage=ear.said.usage())
        return ear.said


class _Ear:
    """Hears the lines of an event stream and gathers what is said."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self.said, self._tell, self._event = Said(), tell, ""

    def __call__(self, line: bytes) -> bool:
        if not line:
            self._event = ""
            return False
        name, _, told = line.partition(b":")
        told = told.removeprefix(b" ")
        if name == b"event":
            self._event = told.decode("utf-8", "replace").strip()
        if name != b"data":
            return False
        if told.strip() == b"[DONE]":
            return True
        try:
            chunk = json.loads(told.decode("utf-8"))
        except (ValueError, RecursionError):
            raise Fault("retry", "unavailable", "a piece of the stream is no JSON", text=self._so_far()) from None
        error = read_error(chunk)
        if error or self._event == "error":
            fault = fault_of(200, error)
            fault.text = self._so_far()
            raise fault
        if isinstance(chunk, dict):
            before = len(self.said.text)
            _hear(self.said, chunk, "delta")
            for piece in self.said.text[before:]:
                self._tell(piece)
        return False

    def _so_far(self) -> str:
        return "".join(self.said.text)


def _read(value: Mapping[str, Any]) -> Said:
    said = Said()
    choices = value.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(choice, Mapping) or not isinstance(choice.get("message"), Mapping):
        _count(said, value)
        raise Fault("retry", "malformed", "an answer without choices", usage=said.usage())
    _hear(said, value, "message")
    return said


def _hear(said: Said, value: Mapping[str, Any], part: str) -> None:
    _count(said, value)
    if isinstance(value.get("model"), str):
        said.model = value["model"]
    choices = value.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], Mapping) else {}
    if isinstance(choice.get("finish_reason"), str):
        said.finish = choice["finish_reason"]
    logprobs = choice.get("logprobs")
    if isinstance(logprobs, Mapping) and (tokens := tokens_of(logprobs.get("content"))):
        said.tokens = (said.tokens or []) + tokens
    message = choice.get(part)
    if not isinstance(message, Mapping):
        return
    _content(said, message.get("content"))
    for name in ("reasoning_content", "reasoning", "thinking"):
        if isinstance(message.get(name), str) and message[name]:
            said.thinking.append(message[name])
            break
    if isinstance(message.get("refusal"), str):
        said.declined += message["refusal"]
    said.called = said.called or bool(message.get("tool_calls") or message.get("function_call"))


def _content(said: Said, content: Any) -> None:
    """Texts, or the list of parts in which some servers tell thinking and text apart."""
    if isinstance(content, str):
        if content:
            said.text.append(content)
        return
    for part in content if isinstance(content, list) else ():
        if not isinstance(part, Mapping):
            continue
        if isinstance(part.get("text"), str):
            said.text.append(part["text"])
        elif isinstance(part.get("thinking"), list):
            said.thinking += [
                t["text"] for t in part["thinking"] if isinstance(t, Mapping) and isinstance(t.get("text"), str)
            ]


def _count(said: Said, value: Mapping[str, Any]) -> None:
    usage = value.get("usage")
    if isinstance(usage, Mapping):
        # A prompt of no tokens was not counted.
        said.input_tokens = count(usage.get("prompt_tokens")) or said.input_tokens
        told = count(usage.get("completion_tokens"))
        said.output_tokens = said.output_tokens if told is None else told


def _formats(schema: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The ways to ask for a schema: by OpenAI's grammar, then as llama-cpp-python spells it."""
    if schema == JSON_MODE:
        return [{"response_format": {"type": "json_object"}}]
    named = {"name": "answer", "schema": schema, **({"strict": True} if _is_closed(schema) else {})}
    return [
        {"response_format": {"type": "json_schema", "json_schema": named}},
        {"response_format": {"type": "json_object", "schema": schema}},
    ]


def _is_closed(schema: Any) -> bool:
    """Whether OpenAI's strict mode takes a schema: every object closed and every property required."""
    if isinstance(schema, list):
        return all(map(_is_closed, schema))
    if not isinstance(schema, Mapping):
        return True
    if "properties" in schema or schema.get("type") == "object":
        properties = schema.get("properties", {})
        if schema.get("additionalProperties") is not False or set(schema.get("required", ())) != set(properties):
            return False
        return all(map(_is_closed, properties.values()))
    return all(map(_is_closed, schema.values()))


def _blamed(param: str, sent: Mapping[str, Any]) -> str:
    """Which of the parameters that were sent the server's word for the culprit means."""
    if param in sent and param in _FIELD_OF:
        return param
    field = _FIELD_OF.get(param)
    return next((key for key in sent if field and _FIELD_OF.get(key) == field), "")


def _told(value: Any) -> tuple[str, str]:
    """What is refused with a value: its kind as such, or the value alone."""
    exact = json.dumps(value, sort_keys=True)
    if isinstance(value, Mapping) and "type" in value:  # a format: one kind may be taken where another is not
        return f"{value['type']}{' with a schema' if 'schema' in value else ''}", exact
    return "", exact

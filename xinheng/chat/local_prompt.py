"""A conversation in the format of a model in this process; nothing of it is left out without a word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from xinheng.chat.faults import Fault
from xinheng.chat.local_model import Loaded
from xinheng.chat.markers import without_markers
from xinheng.messages import Message

_SWITCHES: Final = ("enable_thinking", "thinking")  # as chat templates call them


@dataclass(frozen=True, slots=True)
class Prompt:
    """A conversation in the model's own format.

    Args:
        ids: Its tokens.
        thinking: Whether it ends with thinking begun, so that the answer starts in the middle of it.
        flags: What was done to make it fit.
    """

    ids: list[int]
    thinking: bool = False
    flags: tuple[str, ...] = ()


def prompt_of(loaded: Loaded, messages: Sequence[Message], *, thinking: bool | None = None) -> Prompt:
    """A conversation in the model's format, up to where its answer begins.

    A format without system messages has them put before the first message of the user, which the flag
    `system_in_user` tells; many formats refuse them and some leave them out without a word. Tokens of the format in
    somebody's text are taken apart, so that no text speaks in another's name: `markers_in_text`.

    Raises:
        Fault: The model has no chat format, or one that cannot say this.
    """
    template = loaded.words.chat_template
    if not template:
        mend = "Take the model's chat or instruct version, or put a chat_template.jinja into its folder."
        raise Fault("stop", "unsupported", "the model has no chat template", mend=mend)
    written = "".join(template.values()) if isinstance(template, dict) else str(template)
    switch = next((s for s in _SWITCHES if s in written), None) if thinking is not None else None
    if thinking and switch is None:
        raise Fault("record", "unsupported", "thinking: the chat template has no switch for it")
    options = {switch: thinking} if switch else {}
    flags: tuple[str, ...] = ()
    safe = [replace(message, content=without_markers(loaded.words, message.content)) for message in messages]
    if safe != list(messages):
        messages, flags = safe, ("markers_in_text",)
    text, why = _rendered(loaded, messages, options)
    if (text is None or not _says_all(text, messages)) and any(m.role == "system" for m in messages):
        text, why = _rendered(loaded, _system_in_user(messages), options)
        flags = (*flags, "system_in_user")
    if text is None or not _says_all(text, messages):
        raise Fault(
            "record", "unsupported", f"the chat template cannot say this conversation: {why or 'parts are lost'}"
        )
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        detail = "the prompt holds half of a character (a lone surrogate), which has no token"
        raise Fault("record", "unsupported", detail) from None
    ids = loaded.words(text, add_special_tokens=False, verbose=False)["input_ids"]
    opened = text.rstrip().endswith(("<think>", "<thinking>", "[THINK]"))
    return Prompt(list(ids), opened, flags)


def _rendered(loaded: Loaded, messages: Sequence[Message], options: dict[str, Any]) -> tuple[str | None, str]:
    conversation = [{"role": message.role, "content": message.content} for message in messages]
    try:
        text = loaded.words.apply_chat_template(conversation, tokenize=False, add_generation_prompt=True, **options)
    except Exception as error:  # noqa: BLE001 - a template is a program, and raises what it likes
        # Its words are the template's, but may hold pieces of the messages.
        return None, type(error).__name__
    return str(text), ""


def _says_all(text: str, messages: Sequence[Message]) -> bool:
    """Whether no message was left out; formats may trim them, and cut the thinking out of earlier answers."""
    return all(message.content.strip() in text for message in messages if message.role != "assistant")


def _system_in_user(messages: Sequence[Message]) -> list[Message]:
    system = "\n\n".join(m.content for m in messages if m.role == "system")
    others = [m for m in messages if m.role != "system"]
    first = next((i for i, m in enumerate(others) if m.role == "user"), None)
    if first is None:
        return [Message("user", system), *others]
    others[first] = replace(others[first], content=f"{system}\n\n{others[first].content}")
    return others

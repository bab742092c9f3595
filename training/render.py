"""Examples as a model reads them: token ids, and which of them the loss is about.

The loss is on what the assistant says and on the token that ends it, on nothing else. Where that is, is found in the
rendered text, not in the tokens of its parts: a tokenizer may join what stands side by side.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from xinheng.chat.markers import without_markers
from xinheng.errors import InputError, UsageError
from xinheng.tags import END, ROLE_TOKENS

Format = Literal["template", "mistral", "tagged", "plain"]
Message = Mapping[str, Any]
Span = tuple[int, int]

USER: Final = "user"
ASSISTANT: Final = "assistant"
SYSTEM: Final = "system"
ANSWERING: Final = ROLE_TOKENS["counsellor"]
_PROBE: Final = ({"role": USER, "content": "a"}, {"role": ASSISTANT, "content": "b"})


@dataclass(frozen=True, slots=True)
class Rendered:
    """One row to train on.

    Args:
        example_id: Of which example; a long one gives several rows.
        ids: Token ids.
        answered: For each token whether the loss is about it.
    """

    example_id: str
    ids: npt.NDArray[np.int32]
    answered: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Rows:
    """All rows, and what became of the examples.

    Args:
        rows: To train on.
        cut: Examples that were cut at turn borders into several rows, by id.
        unusable: Examples without a row, by id, with the reason.
    """

    rows: tuple[Rendered, ...]
    cut: tuple[str, ...] = ()
    unusable: Mapping[str, str] = field(default_factory=dict)

    @property
    def tokens(self) -> int:
        """Of all rows."""
        return sum(len(row.ids) for row in self.rows)

    @property
    def answered(self) -> int:
        """Tokens that bear loss."""
        return int(sum(int(row.answered.sum()) for row in self.rows))


Writer = Callable[[Sequence[Message]], tuple[str, list[Span]]]
"""From messages to their text and to the places in it that the loss is about."""


def writer(tokenizer: Any, form: Format) -> Writer:
    """How conversations are written for a model.

    Args:
        tokenizer: Of the model; a fast one.
        form: The model's own chat template; Mistral's [INST]; the tokens of tagged dialogues; or plain texts, one
            after another, such as a question that ends where its letter is to stand.

    Special tokens that stand in a text are taken apart; those of tagged dialogues are what they are made of, and what
    stood in their texts was escaped when they were written.

    Raises:
        UsageError: The tokenizer has no template, or one that does not write the conversation from front to back.
    """
    if form == "tagged":
        return _tagged
    write = _unguarded(tokenizer, form)

    def guarded(messages: Sequence[Message]) -> tuple[str, list[Span]]:
        return write([{**one, "content": without_markers(tokenizer, str(one["content"]))} for one in messages])

    return guarded


def _unguarded(tokenizer: Any, form: Format) -> Writer:
    if form == "mistral":
        return lambda messages: _mistral(messages, tokenizer.bos_token or "", tokenizer.eos_token or "")
    if form == "plain":
        return lambda messages: _plain(messages, tokenizer.eos_token or "")
    if not tokenizer.chat_template:
        raise UsageError(
            str(tokenizer.name_or_path),
            "the tokenizer has no chat template",
            want="a base with a chat template",
            mend="Take the base's chat or instruct version, or a recipe with format mistral or plain.",
        )
    _templated(tokenizer, _PROBE)
    return lambda messages: _templated(tokenizer, messages)


def rendered(tokenizer: Any, examples: Sequence[tuple[str, Sequence[Message]]], *, write: Writer, context: int) -> Rows:
    """Rows of at most `context` tokens, in which every answer bears loss exactly once.

    An example that is too long is cut at turn borders. Each further row begins with as many earlier turns as fit;
    they are read and bear no loss. An answer that does not fit even alone with the message before it makes the
    example unusable as a whole: half of a conversation is another conversation.

    Args:
        tokenizer: Of the model.
        examples: Ids and messages.
        write: From `writer`.
        context: Most tokens of a row.

    Raises:
        InputError: Nothing is left.
    """
    rows: list[Rendered] = []
    cut: list[str] = []
    unusable: dict[str, str] = {}
    for example_id, messages in examples:
        if not any(message["role"] == ASSISTANT for message in messages):
            unusable[example_id] = "no answer"
            continue
        found = _rows_of(tokenizer, example_id, list(messages), write, context)
        if isinstance(found, str):
            unusable[example_id] = found
            continue
        rows += found
        if len(found) > 1:
            cut.append(example_id)
    if not rows:
        why = sorted(set(unusable.values()))
        raise InputError("render", "no example is left", want="answers that fit the context", have="; ".join(why))
    return Rows(tuple(rows), tuple(cut), unusable)


def _rows_of(
    tokenizer: Any, example_id: str, messages: list[Message], write: Writer, context: int
) -> list[Rendered] | str:
    whole = _row(tokenizer, example_id, messages, write)
    if len(whole.ids) <= context:
        return [whole] if whole.answered.any() else "no token of an answer"
    head = messages[:1] if messages[0]["role"] == SYSTEM else []
    turns, rows, done = messages[len(head) :], list[Rendered](), 0
    while any(turn["role"] == ASSISTANT for turn in turns[done:]):
        found = _longest(tokenizer, example_id, head, turns, done, write, context)
        if found is None:
            return f"an answer with what it answers is longer than {context:,} tokens"
        row, done = found
        rows.append(row)
    return rows


def _longest(
    tokenizer: Any, example_id: str, head: list[Message], turns: list[Message], done: int, write: Writer, context: int
) -> tuple[Rendered, int] | None:
    """The next row: new turns from `done` on, as many as fit and at least one answer, then earlier ones before them."""
    ends = [i + 1 for i in range(done, len(turns)) if turns[i]["role"] == ASSISTANT]

    def row(start: int, end: int) -> Rendered:
        return _row(tokenizer, example_id, [*head, *turns[start:end]], write, silent=_answers(turns[start:done]))

    def fits(start: int, end: int) -> bool:
        return len(row(start, end).ids) <= context

    # A first turn of the assistant's is answered by nothing; elsewhere a row begins with the client.
    first = done
    if not fits(first, ends[0]):
        return None
    end = max((e for e in ends if fits(first, e)), default=ends[0])
    starts = [i for i in range(done) if turns[i]["role"] == USER]
    # The more turns before, the longer: the earliest start that fits.
    place = bisect_left(starts, 1, key=lambda start: int(fits(start, end)))
    return row(starts[place] if place < len(starts) else first, end), end


def _answers(turns: Sequence[Message]) -> int:
    return sum(turn["role"] == ASSISTANT for turn in turns)


def _row(tokenizer: Any, example_id: str, messages: Sequence[Message], write: Writer, *, silent: int = 0) -> Rendered:
    text, spans = write(messages)
    encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    places = np.asarray(encoded["offset_mapping"], dtype=np.int64).reshape(-1, 2)
    answered = np.zeros(len(places), dtype=np.bool_)
    for start, end in spans[silent:]:
        # A token that begins before the answer holds something that was not answered.
        answered |= (places[:, 0] >= start) & (places[:, 1] <= end) & (places[:, 1] > places[:, 0])
    return Rendered(example_id, np.asarray(encoded["input_ids"], dtype=np.int32), answered)


def _templated(tokenizer: Any, messages: Sequence[Message]) -> tuple[str, list[Span]]:
    """The template's text, and the answers in it: from where generation begins to the end of the message."""
    plain = [{"role": message["role"], "content": message["content"]} for message in messages]
    text = _applied(tokenizer, plain)
    spans = []
    for i, message in enumerate(plain):
        if message["role"] != ASSISTANT:
            continue
        before = _applied(tokenizer, plain[:i], prompt=True)
        after = _applied(tokenizer, plain[: i + 1])
        if not (text.startswith(before) and text.startswith(after.rstrip())) or len(after) < len(before):
            raise UsageError(
                str(tokenizer.name_or_path),
                "its chat template does not write a conversation from front to back",
                want="a text that only grows with each message",
                mend="Take a recipe with format mistral or plain, or give the tokenizer another template.",
            )
        spans.append((len(before), len(after.rstrip())))
    return text, spans


def _applied(tokenizer: Any, messages: Sequence[Message], *, prompt: bool = False) -> str:
    if not messages:
        return ""
    return str(tokenizer.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=prompt))


def _mistral(messages: Sequence[Message], begin: str, end: str) -> tuple[str, list[Span]]:
    """`<s>[INST] asked [/INST] answered</s>`; a system message stands before the first question."""
    text, spans, system = begin, list[Span](), ""
    for message in messages:
        content = str(message["content"])
        if message["role"] == SYSTEM:
            system = f"{content}\n\n"
        elif message["role"] == USER:
            text += f"[INST] {system}{content} [/INST]"
            system = ""
        else:
            start = len(text)
            text += f" {content}{end}"
            spans.append((start, len(text)))
    return text, spans


def _tagged(messages: Sequence[Message]) -> tuple[str, list[Span]]:
    """`<|begin|>…<|user|>…<|assistant|>…<|end|>`, each message with its role's token in front.

    An answer begins behind its role's token, which is given when it is asked for, and goes to the end of the token that
    ends it: that of the next role, or of the dialogue.
    """
    text, spans, role_tokens = "", list[Span](), tuple(ROLE_TOKENS.values())
    open_at: int | None = None
    for message in messages:
        content = str(message["content"])
        if open_at is not None:
            token = next((token for token in role_tokens if content.startswith(token)), "")
            spans.append((open_at, len(text) + len(token)))
            open_at = None
        if message["role"] == ASSISTANT:
            open_at = len(text) + (len(ANSWERING) if content.startswith(ANSWERING) else 0)
        text += content
    text += END
    if open_at is not None:
        spans.append((open_at, len(text)))
    return text, spans


def _plain(messages: Sequence[Message], end: str) -> tuple[str, list[Span]]:
    """Texts one after another: what is asked and answered says itself where it ends."""
    text, spans = "", list[Span]()
    for message in messages:
        start, last = len(text), message["role"] == ASSISTANT
        text += f"{message['content']}{end if last else ''}"
        if last:
            spans.append((start, len(text)))
    return text, spans

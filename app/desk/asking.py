"""A model asked for the desk: what goes wrong comes back as a sentence, what people wrote goes in as material."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from app.desk.problems import WORDS
from counselling.judge_guard import enclosed, guarded, mark_of
from xinheng.chat.tokens import estimate
from xinheng.errors import UsageError, XinhengError
from xinheng.messages import Chat, Message, Reply, Usage, Want

# Longer than a person waits at a desk; a page may ask for less.
PATIENCE_S: Final = 180.0
# Of a model that does not tell its context: what the smallest servers are set to.
CONTEXT: Final = 4096
FRAME: Final = 40  # tokens of a title and the marks around a text


@dataclass(frozen=True, repr=False)
class Answer:
    """What came of asking.

    Args:
        reply: The reply; None where there was none at all.
        problem: One of `problems.PROBLEMS`, or "" for an answer that can be used.
        words: The problem as a sentence for the counsellor.
        heard: What was streamed before it ended, for whoever wants to keep it.
    """

    reply: Reply | None
    problem: str = ""
    words: str = ""
    heard: str = ""

    @property
    def data(self) -> Any:
        """The value that a schema described; None where there is a problem."""
        return None if self.reply is None or self.problem else self.reply.data

    @property
    def usage(self) -> Usage:
        """What it cost, as far as is known."""
        return Usage() if self.reply is None else self.reply.usage


@dataclass(frozen=True)
class Model:
    """A model as the desk asks it.

    Args:
        chat: Answers.
        context: Tokens of prompt and answer together.
        allow_remote: Whether a client's words may leave this machine.
        patience_s: For one answer.
    """

    chat: Chat
    context: int = CONTEXT
    allow_remote: bool = False
    patience_s: float = PATIENCE_S


def model_of(spec: str, *, allow_remote: bool = False, patience_s: float = PATIENCE_S) -> Model:
    """The model of a name, asked at most twice for an answer: a person is waiting.

    Raises:
        UsageError: The name cannot be read, or a package is missing.
        ModelError: A folder holds no model.
    """
    from xinheng.chat.connect import connect

    chat = connect(spec, attempts=2, deadline_s=patience_s)
    return Model(chat, context_of(spec), allow_remote, patience_s)


def context_of(spec: str) -> int:
    """Tokens of prompt and answer together, as the weights or the last probe tell; else a small server's."""
    from xinheng.chat.abilities import remembered
    from xinheng.chat.connect import backend_of

    # Only a model in this process knows by itself; nothing is loaded to tell.
    told = getattr(backend_of(spec), "context", None) if spec.strip().startswith("local:") else None
    found = remembered(spec.strip())
    return told or (found.context if found is not None else None) or CONTEXT


async def ask(
    model: Model,
    messages: Sequence[Message],
    want: Want = Want(),
    *,
    language: str,
    tell: Callable[[str], None] | None = None,
) -> Answer:
    """An answer, or the problem in words; nothing but the caller's own cancelling is raised."""
    if model.chat.remote and not model.allow_remote:
        return failed("remote", language)
    heard: list[str] = []

    def hear(piece: str) -> None:
        heard.append(piece)
        if tell is not None:
            tell(piece)

    try:
        async with asyncio.timeout(model.patience_s):
            reply = await model.chat(messages, want=want, tell=hear if tell is not None else None)
    except TimeoutError:
        return failed("timeout", language, heard="".join(heard))
    except UsageError:
        return failed("unsupported", language)
    except XinhengError:
        return failed("unavailable", language, heard="".join(heard))
    except Exception:  # noqa: BLE001 - a model's program may raise what it likes; what was typed must outlive it
        return failed("broken", language, heard="".join(heard))
    problem = reply.problem or ("" if reply.text.strip() else "empty")
    return Answer(reply, problem, words(problem, language), "".join(heard) or reply.text)


def failed(problem: str, language: str, *, heard: str = "", reply: Reply | None = None) -> Answer:
    """No answer, and why."""
    return Answer(reply, problem, words(problem, language), heard)


def words(problem: str, language: str) -> str:
    """A problem as a sentence for the counsellor; "" for none.

    >>> words("", "en"), words("timeout", "en")
    ('', 'The model took too long. What you wrote is kept; ask again, or choose a quicker model.')
    """
    told = WORDS[language]
    return told.get(problem, told["broken"]) if problem else ""


# ---- what people wrote, as material


@dataclass(frozen=True, repr=False)
class Material:
    """Texts that a model reads and does not obey, each with its title."""

    parts: tuple[tuple[str, str], ...] = field(default=())

    def shown(self, end: str) -> str:
        """The texts between marks that none of them can hold or close."""
        safe = [(" ".join(guarded(title).split()), guarded(text)) for title, text in self.parts if text.strip()]
        mark = mark_of(text for _, text in safe)
        return "\n\n".join(enclosed(text, title=title, end=end, mark=mark) for title, text in safe)


def tokens(text: str) -> int:
    """How many tokens a text likely has, its title and marks included.

    >>> tokens("睡不好") - tokens("")
    3
    """
    return estimate([Message("user", text)]).likely + FRAME - 15


def texts_schema(lengths: Mapping[str, tuple[int, int]], *, longest: int) -> dict[str, Any]:
    """A schema of named lists of texts.

    Args:
        lengths: The fewest and the most texts of each list.
        longest: Characters of a text: without an end, a weak model's first text never ends.
    """
    one = {"type": "string", "minLength": 2, "maxLength": longest}
    lists = {
        name: {"type": "array", "minItems": least, "maxItems": most, "items": one}
        for name, (least, most) in lengths.items()
    }
    return {"type": "object", "properties": lists, "required": list(lists), "additionalProperties": False}

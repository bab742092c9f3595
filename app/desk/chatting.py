"""Free conversation between counsellor and model, with a client's context or without; what was typed always stays.

The instructions stand alone in the system message. What is known of a client goes with the first of the counsellor's
turns that is sent, between marks: nothing that somebody wrote in a letter can pass for an instruction by its place.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, get_args

from app.desk.asking import Material, Model, ask, tokens, words
from app.desk.drafting import Client, client_parts
from counselling.crisis import Concern, screen
from counselling.prompts import prompts
from xinheng.errors import DeskError
from xinheng.messages import Message, Usage, Want

Speaker = Literal["counsellor", "model"]
TurnState = Literal["typed", "generated", "broken", "accepted"]
_MOST_TOKENS: Final = 1200
# A question comes before anything else; of what is left so much may be context, less where a model says that it does
# not fit; the rest are earlier turns.
_SHARES: Final = (0.5, 0.2, 0.0)


@dataclass(frozen=True, repr=False)
class Turn:
    """One turn: who, what, and `typed`, `generated`, `broken` off in the middle, or `accepted` by a person."""

    speaker: Speaker
    text: str
    state: TurnState


@dataclass(frozen=True, repr=False)
class Talk:
    """A conversation; `problem` and `words` say why its last turn has no answer, or not the whole of one.

    Args:
        turns: Oldest first.
        problem: One of `problems.PROBLEMS`, or "".
        words: The problem as a sentence.
        left_out: How many of the oldest turns the model was not given, for want of room.
        given: Which notes and library passages it was given, without their words.
        concerns: Of the crisis screen, in what was typed last.
        usage: What the last answer cost.
    """

    turns: tuple[Turn, ...] = ()
    problem: str = ""
    words: str = ""
    left_out: int = 0
    given: Mapping[str, Any] = field(default_factory=dict)
    concerns: tuple[Concern, ...] = ()
    usage: Usage = field(default_factory=Usage)


def typed(talk: Talk, text: str) -> Talk:
    """The conversation with what the counsellor typed, to be saved before any model is asked.

    Typed again after a question that had no answer, it stands behind it; both are put to the model as one.
    """
    if not text.strip():
        return talk
    return Talk((*talk.turns, Turn("counsellor", text, "typed")), concerns=tuple(screen(text)))


async def answered(
    model: Model,
    talk: Talk,
    client: Client | None = None,
    *,
    language: str,
    tell: Callable[[str], None] | None = None,
) -> Talk:
    """The conversation with the model's answer, streamed to `tell`; a part that was heard before it broke off is kept.

    Asked again, the parts that broke off stay where they are and are not sent.

    Args:
        model: Answers.
        talk: Ends with what the counsellor typed, or with parts of an answer to it.
        client: Whose context goes along; None for none.
        language: Of the instructions.
        tell: Hears the answer piece by piece.
    """
    asked = _sent(talk.turns)
    if not asked or asked[-1].speaker != "counsellor":
        return replace(talk, problem="question", words=words("question", language))
    told = prompts(language)
    order = told.text("desk_chat")
    most = _most(model)
    room = _room(model, order)
    want = Want(max_tokens=most, temperature=0.7, thinking=None)
    for share in _SHARES:
        context, given = "", dict[str, Any]()
        if client is not None and share:
            room_for_it = int((room - tokens(asked[-1].text)) * share)
            # Hundreds of notes take a moment to choose from; others are typing.
            parts, given = await asyncio.to_thread(client_parts, client, told, room_for_it)
            context = Material(tuple(parts)).shown(told.text("desk_title_end"))
        turns, left_out = _recent(asked, room - (tokens(context) if context else 0))
        if context:
            turns[0] = Message("user", f"{context}\n\n{turns[0].content}")
        answer = await ask(model, [Message("system", order), *turns], want, language=language, tell=tell)
        if answer.problem not in ("overflow", "prompt_lost"):
            break
    whole = not answer.problem
    text = answer.reply.text if answer.reply is not None and whole else answer.heard
    heard = heard_turn(text, whole=whole)
    told_turns = (*talk.turns, heard) if heard else talk.turns
    return Talk(told_turns, answer.problem, answer.words, left_out, given, talk.concerns, answer.usage)


def heard_turn(text: str, *, whole: bool) -> Turn | None:
    """A model's turn of what was heard; None where that is nothing. Halves of signs can be kept in no record."""
    plain = text.encode("utf-8", "ignore").decode().strip()
    return Turn("model", plain, "generated" if whole else "broken") if plain else None


def _most(model: Model) -> int:
    return min(_MOST_TOKENS, model.context // 3)


def _room(model: Model, order: str) -> int:
    return int(0.9 * (model.context - _most(model) - tokens(order)))


def _sent(turns: tuple[Turn, ...]) -> tuple[Turn, ...]:
    """The turns without parts of answers that were asked for again."""
    followed = [turn.speaker == "counsellor" for turn in turns[1:]] + [False] * bool(turns)
    return tuple(turn for turn, more in zip(turns, followed, strict=True) if turn.state != "broken" or more)


def _recent(turns: tuple[Turn, ...], room: int) -> tuple[list[Message], int]:
    """The newest turns that fit, the last always; two of a kind in a row as one, for many models take no others."""
    kept = 0
    for turn in reversed(turns):
        room -= tokens(turn.text) - 20
        if room < 0 and kept:
            break
        kept += 1
    told: list[Message] = []
    for turn in turns[len(turns) - kept :]:
        message = Message("user" if turn.speaker == "counsellor" else "assistant", turn.text)
        if told and told[-1].role == message.role:
            message = Message(message.role, f"{told.pop().content}\n\n{message.content}")
        told.append(message)
    if told[0].role == "assistant":
        told = told[1:]
        kept -= 1
    return told, len(turns) - kept


def kept_as_note(talk: Talk, *, date: str, model: str) -> dict[str, Any]:
    """The body of a note that keeps a conversation; a model's turns stay marked as such until a person accepts them."""
    return {"date": date, "model": model, **talk_to_json(talk)}


def accepted(talk: Talk, place: int) -> Talk:
    """The conversation with one of the model's turns accepted."""
    turns = list(talk.turns)
    if 0 <= place < len(turns) and turns[place].speaker == "model":
        turns[place] = replace(turns[place], state="accepted")
    return replace(talk, turns=tuple(turns))


def talk_to_json(talk: Talk) -> dict[str, Any]:
    """The turns of a conversation as a JSON value; problems and costs pass."""
    return {"turns": [{"speaker": turn.speaker, "text": turn.text, "state": turn.state} for turn in talk.turns]}


def talk_from_json(value: Any) -> Talk:
    """The conversation that `talk_to_json` wrote.

    Raises:
        DeskError: It is none; the place is named and no word of it.
    """
    turns = value.get("turns") if isinstance(value, dict) else None
    if not isinstance(turns, list):
        raise DeskError("conversation", "cannot be read", have="no turns", mend="Begin a new one.")
    told = []
    for n, turn in enumerate(turns):
        good = isinstance(turn, dict) and isinstance(turn.get("text"), str)
        if not good or turn.get("speaker") not in get_args(Speaker) or turn.get("state") not in get_args(TurnState):
            raise DeskError("conversation", "cannot be read", have=f"at turns/{n}", mend="Begin a new one.")
        told.append(Turn(turn["speaker"], turn["text"], turn["state"]))
    return Talk(tuple(told))

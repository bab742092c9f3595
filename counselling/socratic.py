"""How Socratic a response is: four judgments of a model, and the one number that pairs are chosen by.

Source: the rubric of EULER's fine-tuning on Socratic questions: it asks, it keeps to the topic, it helps, and it does
not give the answer away.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from counselling.conversation import quoted, transcript
from counselling.judge_guard import guarded
from counselling.prompts import prompts
from xinheng.messages import Chat, Message, Reply, Want

ELIGIBLE: Final = 0.8
HIGHEST: Final = 5

_GRADE: Final = {"type": "integer", "minimum": 1, "maximum": HIGHEST}
VERDICT: Final[Mapping[str, Any]] = {
    "type": "object",
    "properties": {
        "reason": {"type": "string"},
        "asks_question": {"type": "boolean"},
        "on_topic": _GRADE,
        "helpful": _GRADE,
        "reveals_answer": {"type": "boolean"},
    },
    "required": ["reason", "asks_question", "on_topic", "helpful", "reveals_answer"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class Socratic:
    """A verdict on one response.

    Args:
        asks_question: Whether it asks the client anything.
        on_topic: 1 to 5.
        helpful: 1 to 5.
        reveals_answer: Whether it hands over the answer.
        reason: Why, in the judge's words.
    """

    asks_question: bool
    on_topic: int
    helpful: int
    reveals_answer: bool
    reason: str = ""

    @property
    def score(self) -> float:
        """0.1 to 1: a quarter each for a question, for not giving the answer away, and for the two grades out of 5.

        >>> Socratic(True, 5, 5, False).score, Socratic(False, 1, 1, True).score
        (1.0, 0.1)
        """
        grades = (self.on_topic + self.helpful) / HIGHEST
        return (int(self.asks_question) + int(not self.reveals_answer) + grades) / 4


async def judge(
    chat: Chat, messages: Sequence[Message], response: str, *, language: str = "zh-Hant", want: Want = Want()
) -> Reply:
    """A judge's reply on a response to a conversation; `read_verdict` reads it.

    Conversation and response are guarded (`judge_guard`): nothing in them is hidden, and none of it is a mark.
    """
    told = prompts(language)
    safe = [replace(message, content=guarded(message.content)) for message in messages]
    draft = told.text("review", draft=quoted(guarded(response), "response"))
    shown = f"{transcript(safe, told)}\n\n{draft}"
    asked = [Message("system", told.text("socratic")), Message("user", shown)]
    temperature = 0.0 if want.temperature is None else want.temperature
    wanted = Want(
        max_tokens=want.max_tokens or 512, temperature=temperature, seed=want.seed, schema=VERDICT, sample=want.sample
    )
    return await chat(asked, want=wanted)


def read_verdict(reply: Reply) -> Socratic | None:
    """The verdict of a judge's reply; None where there is none that can be read, which is no grade at all."""
    if not reply.ok or not isinstance(reply.data, dict):
        return None
    told: dict[str, Any] = reply.data
    asks, topic, helps, reveals = (
        told.get(name) for name in ("asks_question", "on_topic", "helpful", "reveals_answer")
    )
    # True is an int to Python.
    if type(topic) is not int or type(helps) is not int or not {topic, helps} <= set(range(1, HIGHEST + 1)):
        return None
    if not isinstance(asks, bool) or not isinstance(reveals, bool):
        return None
    return Socratic(asks, topic, helps, reveals, str(told.get("reason", "")))


def eligible(chosen: Socratic | None, rejected: Socratic | None) -> bool:
    """Whether two responses make a pair to learn from: the better above 0.8 and above the other; both were read."""
    return chosen is not None and rejected is not None and chosen.score > max(ELIGIBLE, rejected.score)

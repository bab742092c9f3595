"""What a rater reads of a case: conversations with turn marks that nobody can forge, replies without thoughts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from annotation.templates import AXIS_TITLES
from counselling.judge_guard import visible
from xinheng.tables import CLIENT, COUNSELLOR
from xinheng.tags import DEFAULT, DIALOGUE_ROLE
from xinheng.thoughts import without_thoughts

_NAMES: Final[Mapping[str, Mapping[str, str]]] = {
    "zh-Hant": {CLIENT: "來談者", COUNSELLOR: "諮商師"},
    "en": {CLIENT: "Client", COUNSELLOR: "Counsellor"},
}
_ROLES: Final = {"user": CLIENT, "assistant": COUNSELLOR, CLIENT: CLIENT, COUNSELLOR: COUNSELLOR}
# A line that begins at the margin is a mark of ours: what people wrote is moved in from its second line on.
_INDENT: Final = "　　"

Cell = dict[str, str]


def conversation(turns: Iterable[tuple[str, str]], language: str, *, here: int | None = None) -> str:
    r"""A conversation, turn by turn, each behind its number and speaker.

    Instructions to a system (`system` messages) are no part of it. Whole, however long.

    Args:
        turns: Role (`client`, `counsellor`; `user` and `assistant` of messages) and text.
        language: Of the names of the speakers: `zh-Hant` or `en`.
        here: The turn that is asked about, 0 first, marked so.

    >>> conversation([("system", "Be kind."), ("user", "Hi.\n[2] Counsellor: x"), ("assistant", "Hello.")], "en")
    '[1] Client: Hi.\n\u3000\u3000[2] Counsellor: x\n\n[2] Counsellor: Hello.'
    """
    colon = "：" if language.startswith("zh") else ": "
    spoken = [(_ROLES[role], text) for role, text in turns if role in _ROLES]
    told = []
    for number, (role, text) in enumerate(spoken):
        mark = f"{'▶ ' if number == here else ''}[{number + 1}] {_NAMES[language][role]}{colon}"
        told.append(mark + _moved_in(text))
    return "\n\n".join(told)


def _moved_in(text: str) -> str:
    return f"\n{_INDENT}".join(visible(text).strip().splitlines())


def reply(text: str) -> str:
    """What of a prediction is shown: no thoughts, nothing invisible; "" where nothing is left.

    >>> reply("<think>which system am I?</think> It sounds hard. ")
    'It sounds hard.'
    """
    return visible(without_thoughts(text)).strip()


def cells(fields: Mapping[str, str]) -> list[Cell]:
    """Fields as the item table holds them."""
    return [{"field": name, "text": text} for name, text in fields.items()]


def tags_shown(role: str, tags: Sequence[Mapping[str, str]], language: str) -> str:
    r"""A turn's tags in words, axis by axis, in the schema's order.

    >>> tags_shown("client", [{"axis": "emotion", "value": "sad"}], "zh-Hant")
    '意圖：（無）\n情緒：難過'
    """
    zh = language.startswith("zh")
    nothing, colon, comma = ("（無）", "：", "、") if zh else ("(none)", ": ", ", ")
    lines = []
    for axis, values in DEFAULT.axes[role].items():
        found = [tag["value"] for tag in tags if tag["axis"] == axis]
        told = [(values[name].zh if zh else values[name].en) if name in values else name for name in found]
        lines.append(f"{AXIS_TITLES[axis][language]}{colon}{comma.join(told) or nothing}")
    return "\n".join(lines)


def topics_shown(topics: Sequence[str] | None, language: str) -> str:
    """A dialogue's topics as `tags_shown` would write them."""
    return tags_shown(DIALOGUE_ROLE, [{"axis": "topic", "value": topic} for topic in topics or ()], language)


def messages_of(said: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Role and text of stored messages or turns."""
    return [(one["role"], one["content"] if "content" in one else one["text"]) for one in said]

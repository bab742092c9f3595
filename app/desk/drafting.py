"""Analysis drafted by a model, and items of it written anew; a person's draft is only ever added to.

A model is asked about the draft as it was and answers into the draft as it is: what was typed meanwhile stays, and an
item that changed while its new text was written keeps what the person made of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from app.desk import items
from app.desk.answers import texts_of, whole_lists
from app.desk.asking import Answer, Material, Model, ask, failed, texts_schema, tokens, words
from app.desk.history import History
from app.desk.items import PARTS, Draft, Item, Part
from counselling.crisis import Concern, screen
from counselling.prompts import Prompts, prompts
from xinheng.messages import Message, Usage, Want

# A model that reads little writes little: characters of an item, and how many of each part.
_SMALL: Final = 2500


@dataclass(frozen=True, repr=False)
class Client:
    """What a model may know of a client when it answers.

    Args:
        info: Basic information, as text.
        history: Gives the history within a number of tokens.
        library: Cited passages, best first: title and text.
    """

    info: str = ""
    history: Callable[[int], History] = field(default=lambda budget: History())  # noqa: ARG005  called by name
    library: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, repr=False)
class Proposal:
    """What a model wrote, and for which items, as they read when it was asked.

    Args:
        texts: New texts for each part.
        instead: Items whose place they take.
        model: Who wrote.
    """

    texts: Mapping[Part, tuple[str, ...]]
    instead: tuple[Item, ...] = ()
    model: str = ""


@dataclass(frozen=True, repr=False)
class Outcome:
    """What came of asking for a draft.

    Args:
        proposal: None where there is a problem.
        problem: One of `problems.PROBLEMS`, or "".
        words: The problem as a sentence.
        said: What an unusable answer said, for a person to read.
        given: Which notes and library passages the model was given, without their words.
        concerns: Of the crisis screen, in the question.
        usage: What it cost.
        flags: `cut`: the answer was cut off and its whole items were taken. `shortened`: less history than planned.
    """

    proposal: Proposal | None
    problem: str = ""
    words: str = ""
    said: str = ""
    given: Mapping[str, Any] = field(default_factory=dict)
    concerns: tuple[Concern, ...] = ()
    usage: Usage = field(default_factory=Usage)
    flags: tuple[str, ...] = ()


async def analysed(
    model: Model,
    draft: Draft,
    client: Client,
    *,
    language: str,
    tell: Callable[[str], None] | None = None,
) -> Outcome:
    """Symptom type, reasons and advice for the draft's question: new items, for `taken` to put behind what is there."""
    return await _drafted(model, draft, client, language, (), tell)


async def regenerated_rest(
    model: Model,
    draft: Draft,
    client: Client,
    *,
    language: str,
    tell: Callable[[str], None] | None = None,
) -> Outcome:
    """New texts for all items that a model wrote and nobody has touched; the others are given and stay."""
    rest = tuple(item for item in draft.items if item.state == "generated")
    return await _drafted(model, draft, client, language, rest, tell)


async def regenerated_item(model: Model, draft: Draft, item_id: str, client: Client, *, language: str) -> Outcome:
    """A new text for one item, by its comment.

    Raises:
        UsageError: There is no such item.
    """
    item, told = draft.item(item_id), prompts(language)
    size = _size(model)
    order = told.text(
        "desk_item",
        part=told.text(f"desk_part_{item.part}"),
        limit=size.longest,
        **{name: told.text(f"desk_title_{name}") for name in ("old", "comment", "kept")},
    )
    others = _listed([other for other in draft.items if other.item_id != item_id], told)
    own = [("old", item.text), ("comment", item.comment), ("kept", others)]
    schema = texts_schema({"text": (1, 1)}, longest=size.longest)
    earlier = {old.text for old in draft.rejections if old.instead_id == item_id} | {item.text}
    # A model that likes one answer best gives it again: each further try is another sample.
    want = Want(max_tokens=size.one, temperature=0.7, seed=len(earlier), schema=schema, thinking=None)
    outcome = _Gathered()
    for sample in (len(earlier), len(earlier) + 17):
        asked = await _asked(
            model, told, order, own, draft, client, replace(want, seed=sample), of=("text",), outcome=outcome
        )
        if asked.problem:
            return _lost(asked, outcome, draft)
        fresh = [text for text in outcome.texts["text"] if text not in earlier]
        if fresh:
            proposal = Proposal({item.part: (fresh[0],)}, (item,), model.chat.name)
            return replace(_lost(asked, outcome, draft), proposal=proposal, said="")
    return _lost(failed("same", language), outcome, draft)


def taken(draft: Draft, proposal: Proposal) -> Draft:
    """The draft as it is now with what a model wrote for it.

    An item that was changed, accepted or taken out since the model was asked is left as it is. Texts beyond the items
    whose place they take come behind; items beyond the texts go, unless a person has commented on them.
    """
    for part in PARTS:
        texts = list(proposal.texts.get(part, ()))
        for asked in (item for item in proposal.instead if item.part == part):
            now = next((item for item in draft.items if item.item_id == asked.item_id), None)
            untouched = now is not None and (now.text, now.state) == (asked.text, asked.state)
            if texts:
                text = texts.pop(0)
                draft = items.regenerated(draft, asked.item_id, text) if untouched else draft
            elif untouched and now is not None and not now.comment:
                draft = items.removed(draft, asked.item_id)
        draft = items.proposed(draft, {part: texts})
    return draft


# ---- asking


@dataclass(frozen=True)
class _Size:
    longest: int
    most: int
    whole: int
    one: int


@dataclass
class _Gathered:
    """What is gathered while asking."""

    texts: dict[str, tuple[str, ...]] = field(default_factory=dict)
    given: Mapping[str, Any] = field(default_factory=dict)
    flags: tuple[str, ...] = ()
    usage: Usage = field(default_factory=Usage)


def _size(model: Model) -> _Size:
    if model.context < _SMALL:
        return _Size(longest=40, most=2, whole=max(model.context * 9 // 20, 64), one=max(model.context // 4, 32))
    return _Size(longest=300, most=6, whole=min(3000, model.context * 2 // 5), one=min(800, model.context // 4))


async def _drafted(
    model: Model,
    draft: Draft,
    client: Client,
    language: str,
    rest: tuple[Item, ...],
    tell: Callable[[str], None] | None,
) -> Outcome:
    told, size = prompts(language), _size(model)
    if not draft.question.strip():
        return Outcome(None, "question", words("question", language))
    order = told.text("desk_analysis", limit=size.longest)
    away = {item.item_id for item in rest}
    kept = [item for item in draft.items if item.item_id not in away]
    own = [("kept", _listed(kept, told)), ("old", _listed(rest, told))]
    if draft.items:
        titles = {name: told.text(f"desk_title_{name}") for name in ("kept", "old")}
        order = f"{order}\n\n{told.text('desk_rest', **titles)}"
    # Parts of which a person has settled enough need no more.
    needed = [part for part in PARTS if not rest or any(item.part == part for item in rest)]
    schema = texts_schema(
        {part: (1, min(2, size.most) if part == "symptom" else size.most) for part in needed}, longest=size.longest
    )
    tries = len(draft.rejections)
    warm = 0.7 if rest or tries else 0.2
    want = Want(max_tokens=size.whole, temperature=warm, seed=tries, schema=schema, thinking=None)
    outcome = _Gathered()
    asked = await _asked(model, told, order, own, draft, client, want, of=needed, outcome=outcome, tell=tell)
    if asked.problem:
        return _lost(asked, outcome, draft)
    there = {item.text for item in draft.items}
    texts = {part: tuple(text for text in outcome.texts[part] if text not in there) for part in needed}
    if not any(texts.values()):
        return _lost(failed("same" if there else "empty", language, heard=asked.heard), outcome, draft)
    return replace(_lost(asked, outcome, draft), proposal=Proposal(texts, rest, model.chat.name), said="")


async def _asked(
    model: Model,
    told: Prompts,
    order: str,
    own: Sequence[tuple[str, str]],
    draft: Draft,
    client: Client,
    want: Want,
    *,
    of: Sequence[str],
    outcome: _Gathered,
    tell: Callable[[str], None] | None = None,
) -> Answer:
    """Ask with as much of the client as fits, and with less where the model says that it does not."""
    titled = [(told.text(f"desk_title_{name}"), text) for name, text in own]
    question = (told.text("desk_title_question"), draft.question)
    fixed = tokens(order) + sum(tokens(text) for _, text in (*titled, question) if text.strip())
    room = model.context - (want.max_tokens or 0) - int(1.1 * fixed)
    for share in (0.9, 0.4, 0.0):
        # Hundreds of notes take a moment to choose from; others are typing.
        parts, given = await asyncio.to_thread(client_parts, client, told, int(room * share))
        shown = Material((*parts, *titled, question)).shown(told.text("desk_title_end"))
        answer = await ask(
            model, [Message("system", order), Message("user", shown)], want, language=told.language, tell=tell
        )
        outcome.usage += answer.usage
        outcome.given = given
        if answer.problem not in ("overflow", "prompt_lost") or not parts:
            break
        outcome.flags = ("shortened",)
    if answer.problem == "cut" and answer.reply is not None:
        data = whole_lists(answer.reply.text) if "text" not in of else None
        if data:
            outcome.flags = (*outcome.flags, "cut")
            answer = replace(answer, problem="", words="")
        outcome.texts = {name: texts_of((data or {}).get(name, [])) for name in of}
    elif not answer.problem:
        outcome.texts = {name: texts_of(answer.data[name]) for name in of}
    if not answer.problem and not any(outcome.texts.values()):
        return failed("empty", told.language, heard=answer.heard)
    return answer


def room_of(model: Model) -> int:
    """About how many tokens of a client a model is given beside a short question."""
    return max(0, int(0.9 * (model.context - _size(model).whole - 500)))


def client_parts(client: Client, told: Prompts, room: int) -> tuple[list[tuple[str, str]], dict[str, Any]]:
    """What of a client fits into so many tokens: information first, then notes, a quarter for the library."""
    parts: list[tuple[str, str]] = []
    info = client.info if client.info.strip() and tokens(client.info) <= room // 2 else ""
    if info:
        parts.append((told.text("desk_title_info"), info))
        room -= tokens(info)
    cited: list[int] = []
    left = room // 4
    passages: list[tuple[str, str]] = []
    for place, (title, text) in enumerate(client.library):
        if (cost := tokens(f"{title}\n{text}")) <= left:
            # A title is somebody's words as well, and stands where they do no harm.
            passages.append((told.text("desk_title_library"), f"{title}\n{text}"))
            cited.append(place)
            left -= cost
            room -= cost
    history = client.history(max(room, 0))
    parts += [*history.parts(told.language), *passages]
    return parts, {**history.told(), "info": bool(info), "library": cited}


def _listed(listed: Sequence[Item], told: Prompts) -> str:
    lines = []
    for item in listed:
        note = f" ⟨{told.text('desk_title_comment')}: {item.comment}⟩" if item.comment.strip() else ""
        lines.append(f"- {told.text(f'desk_part_{item.part}')}: {item.text}{note}")
    return "\n".join(lines)


def _lost(answer: Answer, outcome: _Gathered, draft: Draft) -> Outcome:
    said = answer.heard or (answer.reply.text if answer.reply is not None else "")
    return Outcome(
        None, answer.problem, answer.words, said, outcome.given, tuple(screen(draft.question)), outcome.usage,
        outcome.flags,
    )  # fmt: skip

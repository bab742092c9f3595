"""How likely a model finds the options of questions: weights of this machine read it off, servers tell what they tell.

Every value is in the journal before it counts, so that an interrupted run goes on where it was.
"""

from __future__ import annotations

import asyncio
import json
import math
import time
import unicodedata
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from app.asking import ask
from app.models import Models, model_facts
from benchmarks.mcq_prompts import Form, Prompt
from benchmarks.mcq_reading import LETTERS
from benchmarks.mcq_scoring import LIKELIHOODS, NOT_PROBABILITIES
from counselling.connect import way_of
from xinheng.batch import Answered, Request
from xinheng.budget import Spent, asks
from xinheng.chat.connect import backend_of
from xinheng.errors import ModelError, UsageError
from xinheng.estimate import Estimate, estimate
from xinheng.messages import Message, Reply, Usage, Want, request_key

if TYPE_CHECKING:
    from xinheng.chat.local_likelihood import Weighed

STEP: Final = "likelihood"
_TOP: Final = 20  # alternatives per token: the most that servers tell
_VERSION: Final = 1
_AT_ONCE: Final = 64  # prompts between two looks at the journal
_FULL_WIDTH: Final = 0xFEE0
_ROUNDING: Final = 0.01


@dataclass(frozen=True, slots=True)
class Weighing:
    """Options to be weighed.

    Args:
        case_id: Of the question.
        variant: Of its asking.
        form: `letters` or `texts`.
        prompt: As it ends in the answer cue.
        options: Their texts, in the order in which they stand.
    """

    case_id: str
    variant: str
    form: Form
    prompt: Prompt
    options: tuple[str, ...]


def is_local(spec: str) -> bool:
    """Whether a name means weights on this machine, of which everything can be read off.

    Raises:
        UsageError: It is a way of answering, which has no likelihoods.
    """
    if way_of(spec) is not None:
        raise UsageError(
            spec, "a way of answering has no likelihoods", want="a model by itself",
            mend="Leave --likelihood out, or name the model.",
        )  # fmt: skip
    return spec.strip().startswith("local:")


def likelihoods(models: Models, spec: str, asked: Sequence[Weighing]) -> tuple[pl.DataFrame, dict[str, Any]]:
    """LIKELIHOODS rows of all that is asked, in its order, and the step's account.

    Args:
        models: From `app.models.opened`.
        spec: The model.
        asked: `texts` only for weights on this machine.

    Raises:
        UsageError: A way of answering.
        ModelError: The model cannot be loaded or asked.
        BudgetSpent: A limit is reached; the same again goes on.
    """
    work = _local if is_local(spec) else _served
    rows, account = asyncio.run(work(models, spec, asked))
    return pl.DataFrame(rows, schema=LIKELIHOODS), account


def _found(
    one: Weighing, values: Sequence[float | None], captured: float | None, problem: str | None
) -> dict[str, Any]:
    return {
        "case_id": one.case_id,
        "variant": one.variant,
        "form": one.form,
        "values": None if problem else list(values),
        "captured": captured,
        "problem": problem,
    }


# Weights on this machine


async def _local(models: Models, spec: str, asked: Sequence[Weighing]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    from xinheng.chat.local import LocalBackend

    backend = backend_of(spec)
    if not isinstance(backend, LocalBackend):
        raise ModelError(spec, "no weights on this machine", want="local:PATH")
    identity = await backend.identity()
    began = time.perf_counter()
    keys = [_key(identity, one) for one in asked]
    told: dict[str, dict[str, Any]] = {}
    for key in models.journal.has(keys):
        kept = models.journal.get(key)
        if kept is not None:
            told[key] = json.loads(kept.text)
    left = [(key, one) for key, one in zip(keys, asked, strict=True) if key not in told]
    with models.progress(len(asked), STEP) as watch:
        for _ in range(len(asked) - len(left)):
            watch.answered(Answered(Request("", ()), Reply(""), Usage()), 1)
        if left:
            loaded = await asyncio.to_thread(_load, backend, spec)
            async for key, value in _weighed(models, loaded, (spec, identity), left):
                told[key] = value
                read = Usage(int(value.get("tokens", 0)), 0, requests=1)
                watch.answered(Answered(Request("", ()), Reply("", usage=read), read), 1)
    wall_s = round(time.perf_counter() - began, 3)
    account = {"asked": len(asked), "kept": len(asked) - len(left), "requests": 0, "wall_s": wall_s}
    return [_local_row(one, told[key]) for key, one in zip(keys, asked, strict=True)], account


def _load(backend: Any, spec: str) -> Any:
    from xinheng.chat.local_model import load

    return load(backend.files, name=spec)


async def _weighed(
    models: Models, loaded: Any, model: tuple[str, str], left: Sequence[tuple[str, Weighing]]
) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    """Key and value of each, as soon as it is kept; questions of the same head together."""
    from xinheng.chat.local_likelihood import Asked, Scale

    scale = Scale(loaded)
    # An option without a text has no likelihood per character.
    todo = [(key, one) for key, one in left if one.form == "letters" or all(one.options)]
    for key, one in left:
        if one.form == "texts" and not all(one.options):
            yield key, {"problem": "empty_option"}
    heads: dict[tuple[str, str], int] = {}
    todo.sort(key=lambda pair: heads.setdefault((pair[1].form, pair[1].prompt.head), len(heads)))
    found = scale.weigh([Asked(one.prompt.head, one.prompt.body, _spellings(one)) for _, one in todo])
    while chunk := await asyncio.to_thread(_some, found):
        told = [(*todo[place], _as_json(weighed)) for place, weighed in chunk]
        # What was too large for the memory may fit another time.
        keep = [one for one in told if one[2]["problem"] != "memory"]
        await asyncio.gather(*(_keep(models, key, model, one.case_id, value) for key, one, value in keep))
        for key, _, value in told:
            yield key, value


def _as_json(weighed: Weighed) -> dict[str, Any]:
    return {"values": list(weighed.values), "problem": weighed.problem, "tokens": weighed.tokens}


def _some(found: Iterator[Any]) -> list[Any]:
    some: list[Any] = []
    for one in found:
        some.append(one)
        if len(some) == _AT_ONCE:
            break
    return some


async def _keep(models: Models, key: str, model: tuple[str, str], label: str, value: Mapping[str, Any]) -> None:
    tokens = int(value["tokens"])
    with asks(label, STEP):
        await models.journal.keep(key, model, Reply(json.dumps(value), model=model[0], usage=Usage(tokens, 0)))


def _key(identity: str, one: Weighing) -> str:
    told = Message("assistant", json.dumps([_VERSION, one.form, _spellings(one)], ensure_ascii=True))
    return request_key(f"{identity} likelihoods", [Message("user", one.prompt.text), told], Want())


def _spellings(one: Weighing) -> tuple[tuple[str, ...], ...]:
    """Of each option all texts that mean it: its letter with and without a blank and in full width, or its text."""
    if one.form == "texts":
        return tuple((one.prompt.gap + text,) for text in one.options)
    return tuple((letter, f" {letter}", chr(ord(letter) + _FULL_WIDTH)) for letter in LETTERS[: len(one.options)])


def _local_row(one: Weighing, told: Mapping[str, Any]) -> dict[str, Any]:
    if told.get("problem"):
        return _found(one, (), None, told["problem"])
    values = [float(value) for value in told["values"]]
    if one.form == "letters":
        return _found(one, values, sum(map(math.exp, values)), None)
    return _found(one, [value / len(text) for value, text in zip(values, one.options, strict=True)], None, None)


# Servers


async def estimated(models: Models, spec: str, asked: Sequence[Weighing]) -> Estimate:
    """What it would take to have a server tell the likelihoods of all that is asked."""
    try:
        chat = models.chat(spec)
        await model_facts([("likelihoods", chat)])
        return await estimate(
            chat, list(_requests(asked)), concurrency=models.flags.concurrency, step="estimate", budget=models.budget
        )
    finally:
        await models.close()


def _requests(asked: Sequence[Weighing]) -> Iterator[Request]:
    want = Want(max_tokens=1, temperature=0.0, logprobs=_TOP, thinking=False)
    return (Request(f"{one.case_id}@{one.variant}", (Message("user", one.prompt.text),), want) for one in asked)


async def _served(models: Models, spec: str, asked: Sequence[Weighing]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    spent, wall_s = Spent(STEP), dict[str, float]()
    try:
        chat = models.chat(spec)
        await model_facts([("likelihoods", chat)])
        replies = await ask(models, chat, _requests(asked), len(asked), spent, models.flags, wall_s)
    finally:
        await models.close()
    account = {**spent.facts(), "wall_s": round(wall_s.get(STEP, 0.0), 3)}
    return [_served_row(one, reply) for one, reply in zip(asked, replies, strict=True)], account


def _served_row(one: Weighing, reply: Reply) -> dict[str, Any]:
    if not reply.tokens:
        return _found(one, (), None, reply.problem or "unsupported")
    token = reply.tokens[0]
    # Some servers leave the token itself out of its alternatives.
    told = dict([(token.text, token.logprob), *token.top])
    if not are_probabilities(told.values()):
        return _found(one, (), None, NOT_PROBABILITIES)
    values = letter_values(told, len(one.options))
    known = [value for value in values if value is not None]
    return _found(one, values, min(1.0, sum(map(math.exp, known))), None)


def are_probabilities(logprobs: Iterable[float]) -> bool:
    """Whether values can be the logarithms of probabilities of one token, up to what rounding does.

    Some servers tell raw scores of tokens under this name: nothing that is made of them would be a probability.

    >>> are_probabilities([-0.1, -4.0]), are_probabilities([3.0]), are_probabilities([-0.1, -0.1])
    (True, False, False)
    """
    values = list(logprobs)
    return all(value <= _ROUNDING for value in values) and sum(map(math.exp, values)) <= 1 + _ROUNDING


def letter_values(told: Mapping[str, float], options: int) -> list[float | None]:
    """Log-probability of each letter, all its spellings together; None for one that is not among those told.

    >>> [round(v, 3) if v is not None else v for v in letter_values({"B": -1.0, " B": -1.0, "the": -0.1}, 2)]
    [None, -0.307]
    """
    shares: dict[str, float] = {}
    for text, logprob in told.items():
        letter = unicodedata.normalize("NFKC", text).strip()
        if len(letter) == 1 and letter in LETTERS[:options]:
            shares[letter] = shares.get(letter, 0.0) + math.exp(logprob)
    return [math.log(shares[letter]) if shares.get(letter) else None for letter in LETTERS[:options]]

"""How likely a model in this process finds given continuations, what prompts have in common computed once.

Prompts that begin alike, as few-shot prompts do, share the keys and values of that beginning. What follows it, of many
prompts and all their continuations, goes through the model as one row: each token sees the beginning, its own prompt
and its own continuation up to itself, which a mask says, and stands at the position that it would have alone. Nothing
is padded and nothing computed twice. The tokens are those of the whole prompt, so that the values are the ones which
each prompt gets by itself, but for the last digits of floats. That this holds for a model is looked at on its first
prompt; where it does not, and where attention is not over all that came before, every prompt is computed by itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from xinheng.chat.local_decoding import likelihoods
from xinheng.chat.local_model import Loaded, is_out_of_memory
from xinheng.chat.local_rows import Work, common, firsts, lay_out, rows_of, seen_by

_TOKENS: Final = {"cpu": 256}  # of a row; what tokens of other prompts cost in attention grows with it
_TOKENS_GPU: Final = 4096
_SCORES: Final = 48_000_000  # numbers that come out at once, tokens read times vocabulary
_SEAM: Final = 8  # characters that prompts must have in common behind their head for it to be cut off
_ALONE: Final = 8  # continuations of one prompt that are computed by themselves at once
_ALIKE: Final = 1e-3
_ALIKE_HALF: Final = 0.3
_ATTENTIONS: Final = frozenset({"sdpa", "eager"})  # that take a mask of any shape


@dataclass(frozen=True, slots=True)
class Asked:
    """A prompt and the options of which one is to go on.

    Args:
        head: What many prompts begin with; may be empty.
        body: The rest of the prompt.
        options: Of each option all its spellings, each a text that follows the prompt immediately.
    """

    head: str
    body: str
    options: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Weighed:
    """What a model finds of a prompt's options.

    Args:
        values: Log-probability of each option, all its spellings together; empty where there is a problem.
        problem: `overflow` (prompt and option do not fit the context), `not_a_number` or `memory`; None if there is
            none.
        tokens: Of the prompt.
    """

    values: tuple[float, ...]
    problem: str | None = None
    tokens: int = 0


class _Beginning:
    """Keys and values of a beginning, as they were before anything went on from them."""

    def __init__(self, cache: Any) -> None:
        self._cache = cache
        self._kept = [(layer.keys, layer.values) for layer in cache.layers]

    def again(self) -> Any:
        """The cache for something that goes on from the beginning; what went on from it before is gone."""
        for layer, (keys, values) in zip(self._cache.layers, self._kept, strict=True):
            layer.keys, layer.values = keys, values
        return self._cache


class Scale:
    """A loaded model that weighs options.

    Args:
        loaded: The model.
        share: Whether beginnings are computed once; where not, every prompt by itself.
        together: Tokens that go through the model at once.
    """

    def __init__(self, loaded: Loaded, *, share: bool = True, together: int | None = None) -> None:
        self._loaded = loaded
        self._together = together or _TOKENS.get(loaded.device.type, _TOKENS_GPU)
        self._share = share and _attends_to_all(loaded)
        self._looked = False
        self._ends: dict[tuple[str, str, int | None], tuple[int, ...]] = {}
        text = loaded.words("a", verbose=False)["input_ids"]
        self._begin = [text[0]] if text and text[0] == loaded.words.bos_token_id else []

    @property
    def shares(self) -> bool:
        """Whether beginnings are computed once; known for sure after the first prompt."""
        return self._share

    def weigh(self, asked: Sequence[Asked]) -> Iterator[tuple[int, Weighed]]:
        """For each prompt its place and what was found, as it is found: prompts of the same head one after another."""
        heads: dict[str, list[int]] = {}
        for place, one in enumerate(asked):
            heads.setdefault(one.head, []).append(place)
        for places in heads.values():
            yield from self._weigh_alike([(place, asked[place]) for place in places])

    def _weigh_alike(self, asked: Sequence[tuple[int, Asked]]) -> Iterator[tuple[int, Weighed]]:
        tokens = self._prompts([one for _, one in asked])
        works = []
        for (place, one), ids in zip(asked, tokens, strict=True):
            options = self._spelled(one, ids)
            work = Work(place, [*self._begin, *ids], options, [], [], [], {})
            longest = max((len(spelling) for spellings in options for spelling in spellings), default=0)
            if self._loaded.context is not None and len(work.ids) + longest - 1 > self._loaded.context:
                yield place, Weighed((), "overflow", len(work.ids))
            elif not work.ids or not options:
                yield place, Weighed((), "not_a_number", len(work.ids))
            else:
                works.append(work)
        if not works:
            return
        works.sort(key=lambda work: len(work.ids))
        if not self._share:
            yield from self._each_alone(works)
            return
        shared = common([work.ids for work in works])
        cache = self._computed(works[0].ids[:shared]) if shared else None
        for work in works:
            lay_out(work, shared)
        for pack in self._packs(works):
            yield from self._weigh_pack(pack, shared, cache) if self._share else self._each_alone(pack)

    def _prompts(self, asked: Sequence[Asked]) -> list[list[int]]:
        """The tokens of whole prompts of one head.

        The head is cut off where its last word ends and turned into tokens once, where that gives the same tokens: what
        stands on both sides of the cut is the same for all, so that the first and the last prompt tell.
        """
        head, last = asked[0].head.rstrip(), len(asked) - 1
        rests = [one.head[len(head) :] + one.body for one in asked]
        if head and last and len({rest[:_SEAM] for rest in rests}) == 1:
            begin = self._tokens(head)
            ends = self._loaded.words(rests, add_special_tokens=False, verbose=False)["input_ids"]
            if all(self._tokens(head + rests[i]) == begin + list(ends[i]) for i in (0, last)):
                return [begin + list(end) for end in ends]
        texts = [head + rest for rest in rests]
        return [list(ids) for ids in self._loaded.words(texts, add_special_tokens=False, verbose=False)["input_ids"]]

    def _spelled(self, one: Asked, ids: Sequence[int]) -> list[list[tuple[int, ...]]]:
        """Of each option the different tokens that spell it behind this prompt."""
        # The last line suffices: where its end is the prompt's end, so is what follows.
        end = (one.head + one.body).rpartition("\n")[2] or one.body
        options = []
        for spellings in one.options:
            found = [self._following(end, text, ids[-1] if ids else None) for text in spellings]
            options.append([tokens for tokens in dict.fromkeys(found) if tokens])
        return [] if any(not tokens for tokens in options) else options

    def _following(self, end: str, text: str, last: int | None) -> tuple[int, ...]:
        found = self._ends.get((end, text, last))
        if found is None:
            before, whole = self._tokens(end), self._tokens(end + text)
            goes_on = before and before[-1] == last and whole[: len(before)] == before
            # Where a token would reach over the seam the prompt stays as it is, as it does for a model that answers.
            found = tuple(whole[len(before) :] if goes_on else self._tokens(text))
            if len(self._ends) > 100_000:
                self._ends.clear()
            self._ends[end, text, last] = found
        return found

    def _tokens(self, text: str) -> list[int]:
        return list(self._loaded.words(text, add_special_tokens=False, verbose=False)["input_ids"])

    def _packs(self, works: Sequence[Work]) -> Iterator[list[Work]]:
        """Prompts that go through the model as one row."""
        most = max(1, _SCORES // max(1, len(self._loaded.words)))
        pack: list[Work] = []
        tokens = scores = 0
        for work in works:
            if pack and (tokens + len(work.tokens) > self._together or scores + len(work.read) > most):
                yield pack
                pack, tokens, scores = [], 0, 0
            pack.append(work)
            tokens += len(work.tokens)
            scores += len(work.read)
        yield pack

    def _weigh_pack(self, pack: Sequence[Work], shared: int, cache: _Beginning | None) -> Iterator[tuple[int, Weighed]]:
        try:
            found = self._forward(pack, shared, cache)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            found = None
        if found is None:
            if len(pack) == 1:
                yield from self._each_alone(pack)
                return
            self._together = max(1, self._together // 2)
            middle = len(pack) // 2
            yield from self._weigh_pack(pack[:middle], shared, cache)
            yield from self._weigh_pack(pack[middle:], shared, cache)
            return
        if not self._looked and not self._is_as_alone(pack, shared, cache):
            self._share = False
        self._looked = True
        if not self._share:
            yield from self._each_alone(pack)
            return
        for work, values in zip(pack, found, strict=True):
            yield work.place, _weighed(work, values)

    def _is_as_alone(self, pack: Sequence[Work], shared: int, cache: _Beginning | None) -> bool:
        """Whether a continuation of one prompt, computed behind another prompt, has the value that it has by itself."""
        import torch

        last = pack[:2][-1]
        spelling = max((one for some in last.options for one in some), key=len)
        one = Work(last.place, last.ids, [[spelling]], [], [], [], {})
        lay_out(one, shared)
        together = self._forward([*pack[:2][:-1], one], shared, cache)[-1][0]
        ((alone,),) = [weighed.values or (math.nan,) for _, weighed in self._each_alone([one])]
        single = next(self._loaded.model.parameters()).dtype == torch.float32
        reach = _ALIKE if single else _ALIKE_HALF
        # Where there are no numbers there is nothing to compare.
        return math.isnan(alone) or together == alone or abs(together - alone) <= reach * max(1.0, abs(alone))

    def _computed(self, ids: Sequence[int]) -> _Beginning:
        """Keys and values of a beginning."""
        import torch
        from transformers import DynamicCache

        model = self._loaded.model
        bare = model.get_base_model() if hasattr(model, "get_base_model") else model
        cache = DynamicCache(config=bare.config)
        inputs = torch.tensor([list(ids)], device=self._loaded.device)
        more = {"logits_to_keep": 1} if "logits_to_keep" in self._loaded.takes else {}
        with torch.inference_mode():
            model(input_ids=inputs, past_key_values=cache, use_cache=True, **more)
        return _Beginning(cache)

    def _forward(self, pack: Sequence[Work], shared: int, cache: _Beginning | None) -> list[list[float]]:
        """Log-probability of each option of each prompt of a row."""
        import torch

        loaded = self._loaded
        seen, positions, read = seen_by(pack, shared)
        dtype = next(loaded.model.parameters()).dtype
        dtype = dtype if dtype.is_floating_point and dtype.itemsize > 1 else torch.float32
        allowed = torch.from_numpy(seen).to(loaded.device)
        mask = torch.zeros(allowed.shape, dtype=dtype, device=loaded.device)
        mask.masked_fill_(~allowed, torch.finfo(dtype).min)
        rows = torch.tensor(read, device=loaded.device)
        inputs: dict[str, Any] = {
            "input_ids": torch.tensor([[token for work in pack for token in work.tokens]], device=loaded.device),
            "attention_mask": mask[None, None],
            "position_ids": torch.from_numpy(positions)[None].to(loaded.device),
            "use_cache": cache is not None,
        }
        if cache is not None:
            inputs["past_key_values"] = cache.again()
        with torch.inference_mode():
            if "logits_to_keep" in loaded.takes:
                scores = loaded.model(**inputs, logits_to_keep=rows).logits[0].float()
            else:
                scores = loaded.model(**inputs).logits[0, rows].float()
        wanted = [
            (row, spelling[step])
            for work, first in zip(pack, firsts(pack), strict=True)
            for spellings in work.options
            for spelling in spellings
            for step, row in enumerate(rows_of(work, first, spelling))
        ]
        where, which = (torch.tensor(column, device=scores.device) for column in zip(*wanted, strict=True))
        told = iter((scores[where, which] - scores.logsumexp(-1)[where]).tolist())
        return [
            [_summed([sum(next(told) for _ in spelling) for spelling in spellings]) for spellings in work.options]
            for work in pack
        ]

    def _each_alone(self, works: Sequence[Work]) -> Iterator[tuple[int, Weighed]]:
        """The same by prompts that are computed whole, one after another."""
        for work in works:
            pairs = [(work.ids, list(spelling)) for spellings in work.options for spelling in spellings]
            told: list[float] = []
            try:
                for start in range(0, len(pairs), _ALONE):
                    found = likelihoods(self._loaded, pairs[start : start + _ALONE])
                    told += [sum(chance for chance, _, _ in tokens) for tokens in found]
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                yield work.place, Weighed((), "memory", len(work.ids))
                continue
            each = iter(told)
            yield work.place, _weighed(work, [_summed([next(each) for _ in some]) for some in work.options])


def _attends_to_all(loaded: Loaded) -> bool:
    """Whether every layer sees all that came before, at positions that can be told to it."""
    model = loaded.model
    bare = model.get_base_model() if hasattr(model, "get_base_model") else model
    config = bare.config.get_text_config(decoder=True)
    kinds = set(getattr(config, "layer_types", None) or ["full_attention"])
    # Some settings name a window that is not in use.
    window = getattr(config, "sliding_window", None) if getattr(config, "use_sliding_window", True) else None
    has = {"position_ids", "past_key_values", "attention_mask"} <= loaded.takes
    return has and kinds == {"full_attention"} and not window and config._attn_implementation in _ATTENTIONS  # noqa: SLF001


def _summed(chances: Sequence[float]) -> float:
    """The log-probability of one or another of things that exclude each other."""
    most = max(chances, key=lambda chance: (not math.isnan(chance), chance))
    if any(map(math.isnan, chances)) or math.isinf(most):
        return math.nan if any(map(math.isnan, chances)) else most
    return most + math.log(sum(math.exp(chance - most) for chance in chances))


def _weighed(work: Work, values: Sequence[float]) -> Weighed:
    if any(map(math.isnan, values)):
        return Weighed((), "not_a_number", len(work.ids))
    return Weighed(tuple(values), None, len(work.ids))

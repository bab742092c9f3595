"""Passages found by a question: BM25 over pairs of Chinese signs and over words, in memory and nowhere else.

Chinese needs no dictionary and no download that way. Both scripts are folded into one, sign by sign, so that a
question in one finds a book in the other. An index is arrays made of the texts in about a second per five million
signs, so it is made anew after each unlock and never kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from xinheng.errors import UsageError
from xinheng.text import folded

Embed = Callable[[Sequence[str]], npt.NDArray[np.float32]]

_SATURATION: Final = 1.2
_LENGTH_SHARE: Final = 0.75
# What holds less of a question than this, by the weight of its words, is no answer to it.
LEAST_SHARE: Final = 0.12
_CROSSING: Final = 0.4
_BACKGROUND: Final = 1_000
_FUSED: Final = 60
_BETWEEN: Final = "\x1e"
_OWNER_BITS: Final = np.uint64(22)
MOST_TEXTS: Final = 2**22
_SIGN_BITS: Final = np.uint64(18)
_ONE_SIGN: Final = np.uint64(2**18 - 1)
_WORD: Final = np.uint64(1 << 41)
_FACTOR: Final = 0x9E3779B97F4A7C15
_INVERSE: Final = pow(_FACTOR, -1, 2**64)

_Keys = npt.NDArray[np.uint64]
_Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Hit:
    """A passage that was found.

    Args:
        number: Its place among the texts of the index.
        score: BM25, or the fused rank where embeddings are used; higher is better.
        share: How much of the question it holds, by the weight of its words, from 0 to 1.
    """

    number: int
    score: float
    share: float


@dataclass(frozen=True)
class Index:
    """Texts ready to be searched: sorted keys of words, and for each the texts that hold it and how often.

    Nothing in it depends on other indexes, so that one is made for each document and each client, and made anew for
    that one alone; how rare a word is and how long texts are is reckoned over all of them when a question comes.
    """

    size: int
    keys: _Keys = field(repr=False)
    starts: _Numbers = field(repr=False)
    texts: npt.NDArray[np.int32] = field(repr=False)
    counts: npt.NDArray[np.float32] = field(repr=False)
    lengths: npt.NDArray[np.float32] = field(repr=False)
    vectors: npt.NDArray[np.float32] | None = field(repr=False, default=None)

    def find(self, question: str, *, limit: int = 8, embed: Embed | None = None) -> list[Hit]:
        """The passages that answer a question best; see `find`."""
        meant = None if embed is None or self.vectors is None else embed([question])
        return find([self], question, limit=limit, meant=meant)


def find(
    indexes: Sequence[Index], question: str, *, limit: int = 8, meant: npt.NDArray[np.float32] | None = None
) -> list[Hit]:
    """The passages of several indexes that answer a question best, as if they were one; equal ones in their order.

    Args:
        indexes: Of which the texts are numbered on and on.
        question: Words, or a sentence.
        limit: How many at most.
        meant: The question's vector, of the model whose vectors the indexes have; ranks by words and by meaning are
            then fused. An index without vectors, or with others, takes part by words.
    """
    size = sum(one.size for one in indexes)
    if not size or limit < 1:
        return []
    scores, shares = _scored(indexes, question, size)
    if meant is None:
        kept = np.flatnonzero(shares >= LEAST_SHARE)
        best = kept[np.lexsort((kept, -scores[kept]))][:limit]
        return [Hit(int(n), float(scores[n]), float(shares[n])) for n in best]
    near = _near(indexes, unit(meant)[0])
    many = min(size, 10 * limit)
    by_words = [n for n in np.lexsort((np.arange(size), -scores))[:many] if shares[n] >= LEAST_SHARE]
    by_meaning = [n for n in np.lexsort((np.arange(size), -near))[:many] if np.isfinite(near[n])]
    fused: dict[int, float] = {}
    for ranked in (by_words, by_meaning):
        for rank, n in enumerate(ranked):
            fused[int(n)] = fused.get(int(n), 0.0) + 1 / (_FUSED + rank)
    best_fused = sorted(fused, key=lambda n: (-fused[n], n))[:limit]
    return [Hit(n, fused[n], float(shares[n])) for n in best_fused]


def _scored(
    indexes: Sequence[Index], question: str, size: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """BM25 of every text, and how much of the question it holds."""
    scores, shares = np.zeros(size), np.zeros(size)
    asked = _asked(question)
    held_by, terms = np.zeros(len(asked)), []
    for one in indexes:
        places = np.minimum(np.searchsorted(one.keys, asked), max(0, len(one.keys) - 1))
        known = np.flatnonzero(one.keys[places] == asked) if len(one.keys) else np.zeros(0, dtype=np.int64)
        begins, ends = one.starts[places[known]], one.starts[places[known] + 1]
        held_by[known] += ends - begins
        terms.append((known, begins, ends))
    # In a library of one manual every passage has its subject's words; beside other texts they would still be rare.
    beside = max(size, _BACKGROUND)
    rarity = np.log1p((beside - held_by + 0.5) / (held_by + 0.5))
    # A word that no text has is as rare as can be: a question of such words is answered by nothing. Most pairs of
    # signs that no text has are no words, but stand where one word ends and the next begins.
    missing = np.where(asked < _WORD, _CROSSING, 1.0)[held_by == 0].sum() * np.log(2 * beside + 2)
    whole = float(rarity[held_by > 0].sum() + missing)
    mean = sum(float(one.lengths.sum()) for one in indexes) / size or 1.0
    offset = 0
    for one, (known, begins, ends) in zip(indexes, terms, strict=True):
        for term, begin, end in zip(known, begins, ends, strict=True):
            found, counts = one.texts[begin:end], one.counts[begin:end]
            slowed = _SATURATION * (1 - _LENGTH_SHARE + _LENGTH_SHARE * one.lengths[found] / mean)
            scores[offset + found] += rarity[term] * counts * (_SATURATION + 1) / (counts + slowed)
            shares[offset + found] += rarity[term]
        offset += one.size
    return scores, shares / whole if whole else shares


def _near(indexes: Sequence[Index], meant: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """How near each text is to a question's vector; without bound away where it has none of that model."""
    parts = []
    for one in indexes:
        fits = one.vectors is not None and one.vectors.shape == (one.size, len(meant))
        parts.append(one.vectors @ meant if fits and one.vectors is not None else np.full(one.size, -np.inf))
    return np.concatenate(parts).astype(np.float64)


def index(texts: Sequence[str], *, embed: Embed | None = None) -> Index:
    """An index over texts; with an embedding model, over their meaning as well.

    Raises:
        UsageError: There are more texts than an index holds.
    """
    size = len(texts)
    if size > MOST_TEXTS:
        raise UsageError("library", "too many passages", want=f"{MOST_TEXTS:,} at most", have=f"{size:,}")
    keys, owners = _terms(texts)
    # Key and text in one number: sorting such numbers is several times as fast as any other way to count them.
    both = np.sort((keys << _OWNER_BITS) | owners.astype(np.uint64))
    pairs, counts = _runs(both)
    text = (pairs & np.uint64(MOST_TEXTS - 1)).astype(np.int32)
    terms, widths = _runs(pairs >> _OWNER_BITS)
    starts = np.concatenate([[0], np.cumsum(widths)]).astype(np.int64)
    lengths = np.bincount(owners, minlength=size).astype(np.float32)
    vectors = None if embed is None or not size else unit(embed(list(texts)))
    return Index(size, terms, starts, text, counts.astype(np.float32), lengths, vectors)


def _asked(question: str) -> _Keys:
    """The keys that a question looks for; signs by themselves only where no other stands beside them."""
    keys, _ = _terms([question])
    alone = keys <= _ONE_SIGN
    pairs = keys[~alone & (keys < _WORD)]
    paired = np.concatenate([pairs >> _SIGN_BITS, pairs & _ONE_SIGN])
    return np.unique(np.concatenate([keys[~alone], np.setdiff1d(keys[alone], paired)]))


def _terms(texts: Sequence[str]) -> tuple[_Keys, _Numbers]:
    """Every sign, pair of signs and word of the texts as a key, and whose it is.

    A sign is its code point, a pair two of them, a word 41 bits of a hash behind a bit of their own.
    """
    whole = folded(_BETWEEN.join(text.replace(_BETWEEN, " ") for text in texts))
    signs = np.frombuffer(whole.encode("utf-32-le", "surrogatepass"), dtype=np.uint32).astype(np.uint64)
    owner = np.cumsum(signs == ord(_BETWEEN)).astype(np.int64)
    han = _between(signs, 0x3040, 0x30FF) | _between(signs, 0x3400, 0x9FFF) | _between(signs, 0xAC00, 0xD7A3)
    han |= _between(signs, 0xF900, 0xFAFF) | _between(signs, 0x20000, 0x3FFFF)
    pair = han[:-1] & han[1:]
    pairs = (signs[:-1][pair] << _SIGN_BITS) | signs[1:][pair]
    words, word_owner = _words(signs, owner)
    return np.concatenate([signs[han], pairs, words]), np.concatenate([owner[han], owner[:-1][pair], word_owner])


def _between(signs: _Keys, low: int, high: int) -> npt.NDArray[np.bool_]:
    return (signs >= low) & (signs <= high)


def _words(signs: _Keys, owner: _Numbers) -> tuple[_Keys, _Numbers]:
    """Words of letters and digits as hashes, all at once: a sum of powers over a run, shifted to where it begins."""
    letter = _between(signs, ord("a"), ord("z")) | _between(signs, ord("0"), ord("9"))
    letter |= _between(signs, 0xC0, 0x52F) & (signs != 0xD7) & (signs != 0xF7)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], letter, [False]]).astype(np.int8)))
    begins, ends = edges[::2], edges[1::2]
    if not len(begins):
        return np.zeros(0, dtype=np.uint64), np.zeros(0, dtype=np.int64)
    # "dreams" finds "dream", and "loss" is left alone.
    last, before = signs[ends - 1], signs[np.maximum(ends - 2, 0)]
    stemmed = ends - ((last == ord("s")) & (before != ord("s")) & (ends - begins > 3))
    summed = np.concatenate([np.zeros(1, dtype=np.uint64), np.cumsum(signs * _powers(len(signs), _FACTOR))])
    hashed = (summed[stemmed] - summed[begins]) * _powers(len(signs), _INVERSE)[begins]
    # The lowest bits of such a sum know only the lowest of the letters, and a short word has nothing in the highest.
    mixed = (hashed ^ (hashed >> np.uint64(32))) * np.uint64(_FACTOR)
    return (mixed >> np.uint64(23)) | _WORD, owner[begins]


def _runs(found: _Keys) -> tuple[_Keys, _Numbers]:
    """The different numbers of a sorted array, and how often each is there."""
    begins = np.flatnonzero(np.concatenate([[True], found[1:] != found[:-1]])[: len(found)])
    return found[begins], np.diff(np.concatenate([begins, [len(found)]])).astype(np.int64)


def _powers(count: int, factor: int) -> _Keys:
    """1, f, f², … modulo 2^64."""
    powers = np.full(count, factor, dtype=np.uint64)
    powers[:1] = 1
    return np.cumprod(powers)


def unit(vectors: Any) -> npt.NDArray[np.float32]:
    """Vectors of length one, as the index holds them."""
    found = np.asarray(vectors, dtype=np.float32)
    lengths = np.linalg.norm(found, axis=1, keepdims=True)
    return np.asarray(found / np.where(lengths == 0, 1, lengths), dtype=np.float32)

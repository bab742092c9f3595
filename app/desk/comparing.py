"""Two versions of a draft side by side: which items came, went, moved or read otherwise, and where."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final, Literal

from app.desk.items import PARTS, Draft, Item

Piece = tuple[Literal["same", "old", "new"], str]
# A word, or one sign of any other kind: a Chinese sentence is compared sign by sign.
_WORDS: Final = re.compile(r"[A-Za-z0-9\u00c0-\u024f]+|\s+|.", re.DOTALL)
# Beyond this many, whole lines are compared, and beyond that the texts as they are: nobody waits for a pasted book.
_MOST: Final = 1500


@dataclass(frozen=True, repr=False)
class Difference:
    """One item in two versions.

    Args:
        old: As it was; None where it is new.
        new: As it is; None where it is gone.
        moved: Whether it stands elsewhere among the items that both versions have.
        pieces: Its text in pieces; `same` and `old` make up the old one, `same` and `new` the new one.
    """

    old: Item | None
    new: Item | None
    moved: bool
    pieces: tuple[Piece, ...]

    @property
    def same(self) -> bool:
        """Whether nothing differs: place, text, state, comment."""
        return self.old == self.new and not self.moved


def compared(old: Draft, new: Draft) -> list[Difference]:
    """Every item of both versions in the new one's order, part by part, those that are gone last."""
    before = {item.item_id: item for item in old.items}
    after = {item.item_id: item for item in new.items}
    told: list[Difference] = []
    for part in PARTS:
        kept = [item.item_id for item in old.of(part) if item.item_id in after]
        now = [item.item_id for item in new.of(part) if item.item_id in before]
        stayed = {kept[m.a + n] for m in _matcher(kept, now).get_matching_blocks() for n in range(m.size)}
        for item in new.of(part):
            was = before.get(item.item_id)
            away = was is not None and item.item_id not in stayed
            told.append(Difference(was, item, away, pieces(was.text if was else "", item.text)))
        gone = [item for item in old.of(part) if item.item_id not in after]
        told += [Difference(item, None, moved=False, pieces=pieces(item.text, "")) for item in gone]
    return told


def pieces(old: str, new: str) -> tuple[Piece, ...]:
    """What of two texts is the same, only the old one's and only the new one's.

    >>> pieces("他睡不好", "他睡得很好")
    (('same', '他睡'), ('old', '不'), ('new', '得很'), ('same', '好'))
    """
    a, b = _WORDS.findall(old), _WORDS.findall(new)
    if max(len(a), len(b)) > _MOST:
        a, b = old.splitlines(keepends=True), new.splitlines(keepends=True)
    if max(len(a), len(b)) > _MOST:
        a, b = [old] if old else [], [new] if new else []
    told: list[Piece] = []
    for name, i, j, k, m in _matcher(a, b).get_opcodes():
        if name == "equal":
            told.append(("same", "".join(a[i:j])))
            continue
        if j > i:
            told.append(("old", "".join(a[i:j])))
        if m > k:
            told.append(("new", "".join(b[k:m])))
    return tuple(told)


def _matcher(a: list[str], b: list[str]) -> SequenceMatcher[str]:
    return SequenceMatcher(None, a, b, autojunk=False)

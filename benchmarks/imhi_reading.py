"""A free reply to an IMHI question, read as one label of its set, or as unreadable: by words, not by substrings.

Read is the answer part, before `Reasoning:`; when nothing stands there, the whole reply. Thoughts are no answer, and an
open one leaves none. Denied labels do not count, and a reply that claims two labels, or none, is None.
"""

from __future__ import annotations

import re
from typing import Final

from benchmarks.imhi_labels import LABEL_SETS, LabelSet, set_name
from xinheng.thoughts import without_thoughts

_REASONING: Final = re.compile(r"\breasoning\s*:", re.IGNORECASE)
_DECORATION: Final = re.compile(r"[*_`#\"“”]+")
_BLANK: Final = " \t\r\n*_#-.:"
_SENTENCE: Final = re.compile(r"[.!?\n]+")
_CLAUSE: Final = re.compile(
    r"[,;:.!?\n()—]+|\b(?:but|while|whereas|although|though|however|rather than)\b"
    r"|\band (?=(?:is|are|has|suffers?|shows?|feels?|seems?|does)\b)"
)
_QUESTION: Final = re.compile(r"(?<![^.!?\n])[^.!?\n]*\?")
_DOUBT: Final = re.compile(
    r"\bwhether\b|\b(?:not possible|impossible) to\b|"
    r"\bcannot (?:tell|say|judge|decide|know)\b|\bcan't (?:tell|say|judge|decide|know)\b|\bhard to\b"
    r"|\bnot (?:sure|clear|certain)\b|\bunclear\b|\bor not\b|\bor might not\b|\bor may not\b"
)
_NOT: Final = re.compile(
    r"\b(?:not|no|nothing|cannot|hardly|barely|insufficient|(?<!a )little"
    r"|never|without|lacks?|lacking|absent|absence|unlikely|neither|nor|isn't|free of|rules? out|ruled out"
    r"|\w{1,9}n't)\b"
)
_DOUBLE: Final = re.compile(r"\b(?:no doubt|not only|no question|without (?:a )?doubt|not just)\b")
_FIRST: Final = re.compile(
    r"[\W_]*(?:(?:based on [^,.\n]{1,80}|overall|i would say|i would answer|i think|i believe|in conclusion)[, ]+)?"
    r"(?:(?:the |my |final )*answer(?: is| would be| should be)?\W+)?(?P<said>yes|no)\b"
    r"(?P<both>\s*(?:and|or|/|but also)\s*(?:yes|no)\b)?"
    r"(?=\s*(?:[.,;:!?\-–—(\n]|$|this\b|the\b|there\b|i\b|it\b))"
)
_LATER: Final = re.compile(
    r"\b(?:answer|it|verdict) (?:is|would be|should be)(?P<not> not)?:?\W*(?P<said>yes|no)\b(?=\W*(?:$|[.,;!?]))"
)
_CLAIM: Final = re.compile(
    r"\b(?:suffers?|suffering|shows?|showing|has|have|is|are|am|feels?|feel|seems?|appears?|exists?|exhibits?|displays?"
    r"|indicates?|suggests?|expresses|experiencing|experiences?|see|present|mentions?|under|does|do)\b|\w{1,9}n't\b"
)
_STATES: Final = re.compile(r"\b(?:related to|answer|shows?|suffers?|causes?|label|category)\b")


def rule_label(dataset: str, reply: str) -> int | None:
    """The label a reply claims, or None.

    >>> rule_label("DR", "The poster does not suffer from depression.")
    0
    >>> rule_label("SAD", "Either work or school.") is None
    True
    """
    labels = LABEL_SETS[set_name(dataset)]
    said = _answer_part(reply)
    if not said:
        return None
    return _topic(labels, said) if labels.subject is None else _yes_no(labels, said)


def _answer_part(reply: str) -> str:
    answer, *explained = _REASONING.split(without_thoughts(reply), maxsplit=1)
    if not answer.strip(_BLANK) and explained:
        answer = explained[0]
    return _DECORATION.sub("", answer).replace("’", "'").lower().strip()


def _yes_no(labels: LabelSet, said: str) -> int | None:
    first = _FIRST.match(said)
    if first:
        label = int(first["said"] == "yes")
        sentence = _SENTENCE.split(said[first.start("said") :], maxsplit=1)[0]
        claimed = {int((m["said"] == "yes") != bool(m["not"])) for m in _LATER.finditer(said)}
        against = (_claims(labels, sentence[len(first["said"]) :]) | claimed) - {label}
        return None if first["both"] or against else label
    later = {int(m["said"] == "yes") for m in _LATER.finditer(said) if not m["not"]}
    claims = later or _claims(labels, said)
    return claims.pop() if len(claims) == 1 else None


def _claims(labels: LabelSet, said: str) -> set[int]:
    """The answers that statements about the subject claim, clause by clause; a question or doubt claims none."""
    assert labels.subject is not None  # noqa: S101 - for the type checker; callers have looked
    claims = set()
    for clause in _CLAUSE.split(_QUESTION.sub(" ", said)):
        subject = labels.subject.search(clause)
        if subject is None or _DOUBT.search(clause):
            continue
        denied = len(_NOT.findall(_DOUBLE.sub(" ", clause))) % 2
        before = clause[: subject.start()]
        behind = clause[subject.end() :]
        if denied or _CLAIM.search(before) or re.match(r"\s*(?:exists?|is|are)\b(?! a\b| an\b| common)", behind):
            claims.add(int(not denied))
    return claims


def _topic(labels: LabelSet, said: str) -> int | None:
    stating: set[int] = set()
    naming: set[int] = set()
    for sentence in _SENTENCE.split(said):
        named = _named(labels, sentence)
        naming |= named
        if _STATES.search(sentence):
            stating |= named
    found = stating or naming
    return found.pop() if len(found) == 1 else None


def _named(labels: LabelSet, sentence: str) -> set[int]:
    assert labels.topics is not None  # noqa: S101 - for the type checker; callers have looked
    named = set()
    for clause in _CLAUSE.split(sentence):
        left = clause.strip()
        if not left or _DOUBT.search(left):
            continue
        # What says "none" or "other" itself holds a negation or another label's words: it is looked for first.
        for label in sorted(labels.topics, key=lambda number: number not in {0, 8}):
            # What is denied before the first place is denied before all others.
            match = labels.topics[label].search(left)
            own = label == 0 and labels.names[0] in {"none", "control"}
            if match and (own or not _NOT.search(_DOUBLE.sub(" ", left[: match.start()]))):
                named.add(label)
            left = labels.topics[label].sub(" # ", left)
    return named

r"""Claims: every number that a text prints, with the expression that gives it, so that anybody can compute it again.

A text is written through a `Ledger`: `f"{ledger.say(rows('dialogue'))} dialogues"` prints the figure and remembers
where it stands. Beside the text lies `claims.json`. `problems` works every figure out again and names those that are
stale, those that somebody changed by hand, and numbers that no claim covers.

A place is told by the heading above it and by the line with its numbers left out, not by its number: prose may be
added by hand without a claim being lost. A number is any run of letters, digits and signs that holds a digit, so
names such as CC-BY-4.0 are claims too.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from xinheng.errors import InputError
from xinheng.figures import Book, Expression
from xinheng.printing import plain, printed

CLAIMS: Final = "claims.json"
FORMAT: Final = 1
# A run of letters, digits and signs that holds a digit; a sign of a sentence at its end is none of it.
_SIGNS: Final = r"A-Za-z\d_\\.,:%+/<>=@&~−–-"  # noqa: RUF100  signs that ruff takes for a code
_TOKEN: Final = re.compile(rf"[{_SIGNS}]*\d[{_SIGNS}]*")
_END: Final = ".,:;\\/>-–"
_BEGIN: Final = ".,:;\\/<"
# Names that hold a digit and are no figures.
_NAMES: Final = frozenset({"SHA256SUMS", "sha256sum"})
_HEADING: Final = re.compile(r"#{1,6}\s+(.*)")
_OPEN, _CLOSE = "\ue0f0", "\ue0f1"
_MARKED: Final = re.compile(f"{_OPEN}(\\d+){_OPEN}(.*?){_CLOSE}", re.DOTALL)


@dataclass(frozen=True)
class Claim:
    """One figure of a text.

    Args:
        file: The text's file.
        section: The heading above it, numbers left out; empty above the first.
        line: The line it stands in, each number replaced by `{}`.
        nth: Which of the equal lines of that section, the first is 0.
        at: Its place among the line's numbers, the first is 0.
        printed: As it is printed.
        form: How a value is printed (see `FORMS`).
        artifact: Digest of the artifact that it tells of.
        expression: What gives it (see `xinheng.figures`).
    """

    file: str
    section: str
    line: str
    nth: int
    at: int
    printed: str
    form: str
    artifact: str
    expression: Expression


@dataclass(frozen=True)
class Problem:
    """What is wrong with a figure: `stale`, `changed`, `lost` (its line is gone) or `uncovered`, and in words."""

    kind: str
    file: str
    told: str


@dataclass
class Ledger:
    """Writes down which figures a text prints, and from what.

    Args:
        book: From what they are worked out.
        artifact: Digest of the artifact of which the text tells.
        claims: What was written down, of texts that are finished.
    """

    book: Book
    artifact: str
    claims: list[Claim] = field(default_factory=list)
    _said: list[tuple[Expression, str]] = field(default_factory=list, repr=False)

    def say(self, expression: Expression, form: str = "count") -> str:
        """A figure as it is to be printed, with marks around it that `finish` takes away."""
        self._said.append((expression, form))
        return f"{_OPEN}{len(self._said) - 1}{_OPEN}{printed(self.book.value(expression), form)}{_CLOSE}"

    def bare(self, text: str) -> str:
        """The text without marks, and nothing written down."""
        return _MARKED.sub(lambda found: found.group(2), text)

    def finish(self, file: str, text: str) -> str:
        """The text as it is to be written, its figures written down as claims.

        Raises:
            ValueError: It holds a number that no claim covers, or figures glued together: the writer's mistake.
        """
        clean = self.bare(text)
        places = list(_places(clean))
        made: list[Claim] = []
        for number, (line, marked) in enumerate(zip(places, text.split("\n"), strict=True)):
            made += self._claims_of(file, line, marked, number)
        if loose := [problem.told for problem in _uncovered(made, file, clean)]:
            raise ValueError(f"{file}: numbers without a claim: {'; '.join(loose[:5])}")
        self.claims += made
        return clean

    def _claims_of(self, file: str, line: _Line, marked: str, number: int) -> Iterator[Claim]:
        before = 0
        for found in _MARKED.finditer(marked):
            start = found.start() - before
            before += found.end() - found.start() - len(found.group(2))
            end = start + len(found.group(2))
            expression, form = self._said[int(found.group(1))]
            inside = [at for at, (begin, stop) in enumerate(line.spans) if begin < end and start < stop]
            glued = [at for at in inside if not (start <= line.spans[at][0] and line.spans[at][1] <= end)]
            if glued:
                raise ValueError(f"{file}:{number + 1}: a figure is glued to what stands beside it")
            yield Claim(
                file, line.section, line.pattern, line.nth, inside[0] if inside else 0, found.group(2), form,
                self.artifact, dict(expression),
            )  # fmt: skip


@dataclass(frozen=True)
class _Line:
    section: str
    pattern: str
    nth: int
    tokens: tuple[str, ...]
    spans: tuple[tuple[int, int], ...]


def _places(text: str) -> Iterator[_Line]:
    """The lines of a text with their numbers, and what tells one from another."""
    section, seen = "", Counter[tuple[str, str]]()
    for line in text.split("\n"):
        found = (_trimmed(line, *token.span()) for token in _TOKEN.finditer(line))
        spans = [(start, end) for start, end in found if line[start:end] not in _NAMES]
        pattern, last = "", 0
        for start, end in spans:
            pattern, last = f"{pattern}{line[last:start]}{{}}", end
        pattern = f"{pattern}{line[last:]}".rstrip()
        if heading := _HEADING.match(pattern):
            section = heading.group(1).strip()
        nth = seen[section, pattern]
        seen[section, pattern] += 1
        yield _Line(section, pattern, nth, tuple(line[a:b] for a, b in spans), tuple(spans))


def _trimmed(line: str, start: int, end: int) -> tuple[int, int]:
    while line[end - 1] in _END:
        end -= 1
    while line[start] in _BEGIN:
        start += 1
    return start, end


def _tokens(text: str) -> list[str]:
    return [token for line in _places(text) for token in line.tokens]


def _uncovered(claims: Sequence[Claim], file: str, text: str) -> Iterator[Problem]:
    covered = {
        (claim.section, claim.line, claim.nth, claim.at + step)
        for claim in claims
        for step in range(len(_tokens(claim.printed)))
    }
    for number, line in enumerate(_places(text), start=1):
        for at, token in enumerate(line.tokens):
            if (line.section, line.pattern, line.nth, at) not in covered:
                yield Problem("uncovered", file, f"{file}:{number}: no claim covers {plain(token, limit=40)}")


def problems(claims: Sequence[Claim], book: Book, texts: Mapping[str, str], *, whole: bool = True) -> list[Problem]:
    """All that is wrong with the figures of texts; nothing when each is what its expression gives now.

    Args:
        claims: Of these texts.
        book: From which they are worked out again.
        texts: By file name.
        whole: Whether numbers that no claim covers are wrong as well.
    """
    found: list[Problem] = []
    lines = {
        file: {(line.section, line.pattern, line.nth): line for line in _places(text)} for file, text in texts.items()
    }
    for claim in claims:
        found += _problems_of(claim, book, lines.get(claim.file, {}))
    if whole:
        for file, text in texts.items():
            found += _uncovered([claim for claim in claims if claim.file == file], file, text)
    return found


def _problems_of(claim: Claim, book: Book, lines: Mapping[tuple[str, str, int], _Line]) -> Iterator[Problem]:
    where = f"{claim.file}, {claim.section or 'top'}: {plain(claim.line, limit=80)}"
    try:
        now = printed(book.value(claim.expression), claim.form)
    except InputError as error:
        yield Problem("stale", claim.file, f"{where}: {error}")
        return
    if now != claim.printed:
        told = f"{where}: says {plain(claim.printed, limit=80)}, the artifact gives {plain(now, limit=80)}"
        yield Problem("stale", claim.file, told)
    line = lines.get((claim.section, claim.line, claim.nth))
    if line is None:
        yield Problem("lost", claim.file, f"{where}: no such line any more")
        return
    wanted = _tokens(claim.printed)
    have = list(line.tokens[claim.at : claim.at + len(wanted)])
    if have != wanted:
        told = f"{where}: changed by hand to {plain(' '.join(have), limit=80)}, was {plain(' '.join(wanted), limit=80)}"
        yield Problem("changed", claim.file, told)


def as_json(claims: Sequence[Claim]) -> str:
    """The content of `claims.json`."""
    told = {"format": FORMAT, "claims": [asdict(claim) for claim in claims]}
    return json.dumps(told, ensure_ascii=False, indent=1) + "\n"


def read(file: Path) -> list[Claim]:
    """The claims of a file.

    Raises:
        InputError: It cannot be read, or is none.
    """
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
        claims = [Claim(**one) for one in told["claims"]]
        sound = told["format"] == FORMAT and all(_sound(claim) for claim in claims)
        have = "" if sound else "another format"
    except (OSError, ValueError, KeyError, TypeError) as error:
        have = type(error).__name__
    if have:
        raise InputError(str(file), "no list of claims", have=have, mend="Publish it again.")
    return claims


def _sound(claim: Claim) -> bool:
    texts = (claim.file, claim.section, claim.line, claim.printed, claim.form, claim.artifact)
    numbers = (claim.nth, claim.at)
    return all(isinstance(one, str) for one in texts) and all(isinstance(n, int) and n >= 0 for n in numbers)

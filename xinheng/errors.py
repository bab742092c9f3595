"""Every deliberate error of Xinheng, on one screen.

A message reads `who: what: want X, have Y. Way out.`, so that a person can mend the input without
reading code. Messages carry names, places and counts, never a row's text: people in distress
wrote it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable


class XinhengError(Exception):
    """A deliberate, readable failure; the command line prints it and leaves with `exit_code`.

    Args:
        who: The function, command or file that speaks.
        what: What went wrong, in a few words.
        want: What was expected.
        have: What was found instead, with file, line and column where there are any.
        mend: The way out: what the reader can do now.
    """

    exit_code = 2

    def __init__(self, who: str, what: str, *, want: str = "", have: str = "", mend: str = "") -> None:
        self.who, self.what, self.want, self.have, self.mend = who, what, want, have, mend
        found = ", ".join(part for part in (f"want {want}" if want else "", f"have {have}" if have else "") if part)
        sentence = ": ".join(part for part in (who, what, found) if part)
        super().__init__(f"{sentence}. {mend}" if mend else sentence)

    def __reduce__(self) -> tuple[Callable[..., XinhengError], tuple[str, str]]:
        """Let the error cross from a worker process to its parent."""
        make = functools.partial(type(self), want=self.want, have=self.have, mend=self.mend)
        return make, (self.who, self.what)


class UsageError(XinhengError):
    """The command or call itself is off: an unknown name, a flag that does not fit."""


class SourceError(XinhengError):
    """A source is unknown, not on disk, or not the files that were expected."""


class NetworkError(SourceError):
    """The publisher could not be reached, or sent something else than promised."""


class InputError(XinhengError):
    """A file cannot be read at all: absent, empty, a folder, truncated, not the format."""


class DecodingError(InputError):
    """The bytes of a file fit no encoding, or more than one."""


class SchemaError(XinhengError):
    """A table lacks columns or has other types; names every mismatch at once."""


class TagError(XinhengError):
    """A tag, or a tagged text, that the tag schema does not know or cannot read."""


class SplitError(XinhengError):
    """Rows cannot be divided as asked."""


class ArtifactError(XinhengError):
    """A folder is no artifact, is not whole, or its bytes are not those it was written with."""


class RecipeError(XinhengError):
    """A recipe cannot be loaded, or one of its steps broke a promise."""


class WriteError(XinhengError):
    """The disk refused: full, read-only, or in the way. Nothing half written is left behind."""


class StoreError(XinhengError):
    """An object store refuses, does not answer, or lacks what was asked for."""


class ArgillaError(XinhengError):
    """An Argilla server refuses, does not answer, or holds something else than was sent to it."""


class DeskError(XinhengError):
    """The counsellor's desk does not open, or a record of it is not as it was sealed."""


class CheckFailed(XinhengError):
    """The work was done and a check on its result failed."""

    exit_code = 1


class ModelError(XinhengError):
    """No request of the kind can be answered: wrong key, no such model, no money left. What was answered is kept."""


class BudgetSpent(XinhengError):
    """A limit on money, tokens or requests was reached; the run can be taken up again with a higher one."""

    exit_code = 130

"""CITATION.cff (version 1.2.0 of the format) of what is published; authors are told by people, never guessed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from xinheng.errors import InputError
from xinheng.printing import scalar

_PERSON = ("given-names", "family-names", "orcid", "affiliation", "email", "website")
_ENTITY = ("name", "website", "email")
_ORCID: Final = re.compile(r"(?:https?://(?:www\.)?orcid\.org/)?([0-9]{4}-[0-9]{4}-[0-9]{4}-[0-9]{3}[0-9X])/?")


def authors_of(given: Any) -> list[dict[str, str]]:
    """Authors as CITATION.cff names them, from texts or tables of an answers file.

    A name with a comma is `family, given`; any other text is the name of an entity, such as a laboratory: which part
    of a name is which nobody can tell from outside. An ORCID is written as its address, as the format wants it.

    Raises:
        InputError: One has other fields, or none, or an ORCID that is none.

    >>> authors_of(["Lin, Mei", "心衡實驗室"])
    [{'family-names': 'Lin', 'given-names': 'Mei'}, {'name': '心衡實驗室'}]
    """
    found = []
    for one in [given] if isinstance(given, str | Mapping) else given:
        if isinstance(one, str):
            family, comma, first = (part.strip() for part in one.partition(","))
            author = {"family-names": family, "given-names": first} if comma else {"name": family}
        else:
            author = {str(key): value for key, value in one.items()} if isinstance(one, Mapping) else {}
        fits = any(set(author) <= set(kind) for kind in (_PERSON, _ENTITY))
        if not author or not fits or not all(isinstance(v, str) and v.strip() for v in author.values()):
            want = f"a name, or a table of {', '.join(_PERSON)}, or of {', '.join(_ENTITY)}"
            raise InputError("citation", "no author", want=want, have=", ".join(author) or type(one).__name__)
        if "orcid" in author:
            author["orcid"] = _orcid(author["orcid"])
        found.append(author)
    return found


def _orcid(text: str) -> str:
    """The address of an ORCID, whose last sign is a checksum (ISO 7064, 11-2).

    >>> _orcid("0000-0002-1825-0097")
    'https://orcid.org/0000-0002-1825-0097'
    """
    found = _ORCID.fullmatch(text.strip())
    total = 0
    for digit in found[1].replace("-", "")[:-1] if found else "":
        total = (total + int(digit)) * 2
    if found is None or "0123456789X"[(12 - total % 11) % 11] != found[1][-1]:
        want = "16 digits with their checksum, as in 0000-0002-1825-0097"
        raise InputError("citation", "no ORCID", want=want, have=repr(text[:60]), mend="Copy it from orcid.org.")
    return f"https://orcid.org/{found[1]}"


def named(author: Mapping[str, str]) -> str:
    """An author's name in one line."""
    return author.get("name") or " ".join(filter(None, (author.get("given-names"), author.get("family-names"))))


def citation(
    *,
    kind: str,
    title: str,
    version: str,
    authors: Sequence[Mapping[str, str]],
    date: str,
    licence: str | None,
    digest: str,
    address: str = "",
    keywords: Sequence[str] = (),
) -> str:
    """The text of CITATION.cff.

    Args:
        kind: `dataset`, or `software` for a model.
        title: Of what is cited.
        version: Of the publication.
        authors: One at least (see `authors_of`).
        date: On which it was made (ISO).
        licence: Its SPDX name; None where SPDX has none for it.
        digest: Of the artifact, as its identifier.
        address: Where it lies.
        keywords: A few.
    """
    lines = ["cff-version: 1.2.0", f"type: {kind}", 'message: "If you use it, please cite it as below."']
    lines += [f"title: {scalar(title)}", f"version: {scalar(version)}", f"date-released: {scalar(date)}", "authors:"]
    for author in authors:
        fields = [f"{name}: {scalar(value)}" for name, value in author.items()]
        lines += [f"  - {fields[0]}", *(f"    {field}" for field in fields[1:])]
    lines += ["identifiers:", "  - type: other", f"    value: {scalar(f'xinheng:{digest}')}"]
    lines.append('    description: "Digest of the artifact from which it was published"')
    lines += [f"license: {scalar(licence)}"] if licence else []
    lines += [f"url: {scalar(address)}"] if address else []
    lines += ["keywords:", *(f"  - {scalar(word)}" for word in keywords)] if keywords else []
    return "\n".join(lines) + "\n"

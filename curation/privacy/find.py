"""Find identifiers in texts: what names, numbers, places or reaches a person.

Every rule carries a sign, a pattern without which it finds nothing. A column is searched for all signs at once, in
Rust and on all cores; only texts with a sign are read closely, by the rules whose sign they carry.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import polars as pl

from curation.privacy import (
    addresses,
    capitalised_names,
    chinese_names,
    contacts,
    cued_names,
    dates,
    english_addresses,
    english_names,
    english_organisations,
    introduced_names,
    nicknames,
    numbers,
    organisations,
    phones,
    plain_names,
    record_numbers,
    workplaces,
)
from curation.privacy.names import is_famous
from curation.privacy.spans import Rule, Span, apart, fold, fold_column

KINDS: Final = (
    "tw_id", "tw_resident", "cn_id", "hk_id", "passport", "phone", "email", "messenger_id", "url", "bank_card",
    "plate", "address", "date", "record_number", "school", "employer", "person",
)  # fmt: skip
FOUND: Final = pl.List(
    pl.Struct({"start": pl.UInt32(), "end": pl.UInt32(), "kind": pl.String(), "family": pl.String()})
)
# Where two spans are of one length, the rule listed first wins.
RULES: Final[tuple[Rule, ...]] = (
    *numbers.RULES, *record_numbers.RULES, *contacts.RULES, *phones.RULES, *dates.RULES, *addresses.RULES,
    *english_addresses.RULES, *english_organisations.RULES, *organisations.RULES, *workplaces.RULES, *chinese_names.RULES,
    *plain_names.RULES, *cued_names.RULES,
    *introduced_names.RULES, *nicknames.RULES, *english_names.RULES,
    *capitalised_names.RULES,
)  # fmt: skip


def find_in(text: str) -> list[Span]:
    """Identifiers of one text, in order, without overlap; offsets count its code points.

    All rules read the text, whatever its signs: for many texts `find_all` and `find` give the same sooner.

    >>> [(s.kind, "我的手機是０９１２-345-678"[s.start:s.end]) for s in find_in("我的手機是０９１２-345-678")]
    [('phone', '０９１２-345-678')]
    """
    folded = fold(text)
    return _kept(folded, [span for rule in RULES for span in rule.find(folded)])


def find_all(texts: Iterable[str]) -> list[list[Span]]:
    """What `find_in` finds in each text, many texts at once."""
    column = pl.Series("text", texts, dtype=pl.String)
    found = dict(_found(column))
    return [found.get(row, []) for row in range(len(column))]


def find(texts: pl.Series) -> pl.Series:
    """Identifiers of a column: per text a list of start, end, kind, family; null for null.

    Args:
        texts: String.

    Returns:
        List of structs (see `FOUND`), ordered by start; offsets in code points, not bytes.
    """
    spans = [(row, s.start, s.end, s.kind, s.family) for row, found in _found(texts) for s in found]
    fields = {"start": pl.UInt32, "end": pl.UInt32, "kind": pl.String, "family": pl.String}
    table = pl.DataFrame(spans, schema={"row": pl.Int64, **fields}, orient="row")
    lists = table.group_by("row", maintain_order=True).agg(found=pl.struct(list(fields)))
    rows = pl.DataFrame({"row": pl.int_range(len(texts), eager=True), "text": texts})
    # A text without identifiers has an empty list, a missing text none.
    nothing = pl.when(pl.col("text").is_not_null()).then(pl.lit(pl.Series([[]], dtype=FOUND)).first())
    found = rows.join(lists, on="row", how="left", maintain_order="left").select(
        pl.coalesce("found", nothing).cast(FOUND)
    )
    return found.to_series().rename(texts.name)


def _found(texts: pl.Series) -> Iterator[tuple[int, list[Span]]]:
    """Number and spans of every text that holds any, in order."""
    folded = fold_column(texts)
    column = pl.col("text")
    signs = pl.DataFrame({"text": folded}).select(
        column.str.contains(rule.sign).fill_null(value=False).alias(str(number)) for number, rule in enumerate(RULES)
    )
    spans: dict[int, list[Span]] = {}
    for rule, marked in zip(RULES, signs, strict=True):
        rows = marked.arg_true()
        for row, text in zip(rows, folded.gather(rows), strict=True):
            for span in rule.find(text):
                spans.setdefault(row, []).append(span)
    hit = sorted(spans)
    for row, text in zip(hit, folded.gather(hit), strict=True):
        if kept := _kept(text, spans[row]):
            yield row, kept


def _kept(text: str, spans: list[Span]) -> list[Span]:
    """Spans without overlap, without those that name whom everybody knows from books."""
    return [s for s in apart(spans) if s.kind != "person" or not is_famous(text, s.start, s.end)]

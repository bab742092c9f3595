"""The parts of a dataset's card on its spread and on what was checked: strata, tags, gate, splits, privacy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from curation.published import CONTAMINATION, COVERAGE, GATE, MANIFEST, PRIVACY, SPLIT, Published
from xinheng.card_tables import table
from xinheng.claims import Ledger
from xinheng.figures import in_derived, in_file, key_in_file

_MANY: Final = 60


def strata(told: Published, ledger: Ledger) -> str:
    """Rows of each stratum and split."""
    if told.stratum is None:
        return ""
    names = [str(one["stratum"]) for one in ledger.book.value(in_file(SPLIT, "strata"))]
    if not names or len(names) > _MANY:
        return f"## Strata\n\nMany; see [{SPLIT}]({SPLIT})." if names else ""
    body = []
    for name in names:
        value = None if name == "none" else name
        body.append(
            [ledger.say(in_file(SPLIT, "strata", {"stratum": name}, "stratum"), "text")]
            + [
                ledger.say({"rows": told.table, "where": {told.stratum: value, "split": split}})
                for split in told.splits
            ]
        )
    head = ["stratum", *told.splits]
    return f"## Strata\n\n{table(head, body, right=range(1, len(head)))}"


def coverage(told: Published, ledger: Ledger) -> str:
    """How many turns have each axis of tags, and topics."""
    covered = told.facts.get("coverage") or {}
    body = []
    for at in range(len(covered.get("completeness", []))):
        said = [ledger.say(in_file(COVERAGE, "completeness", at, name)) for name in ("turns", "tagged")]
        place = [ledger.say(in_file(COVERAGE, "completeness", at, name), "text") for name in ("role", "axis")]
        body.append([*place, *said])
    if not body:
        return _topics(told, ledger)
    missing = ledger.say(in_derived("missing_tags", "values"))
    aside = ledger.say(in_derived("missing_tags", "outside"))
    return f"""## Tags

{table(["side", "axis", "turns", "of which tagged"], body, right=(2, 3))}

Values of the tag schema that occur nowhere: {missing}. Tags set aside because the schema does not know them there:
{aside}. Every value with its count per split: [{COVERAGE}]({COVERAGE}).

{_topics(told, ledger)}"""


def _topics(told: Published, ledger: Ledger) -> str:
    body = []
    for at, one in enumerate(told.facts.get("topics", [])[:_MANY]):
        count = ledger.say({"rows": told.table, "where": {"topics": {"has": one["topic"]}}})
        body.append([ledger.say(in_file(MANIFEST, "facts", "topics", at, "topic"), "text"), count])
    return f"## Topics\n\n{table(['topic', 'rows'], body, right=(1,))}" if body else ""


def checks(told: Published, ledger: Ledger) -> str:
    """Gate, split certificate, contamination and privacy."""
    return "\n\n".join(part for part in ("## Checks", *_check_parts(told, ledger)) if part)


def _check_parts(told: Published, ledger: Ledger) -> Iterator[str]:
    gate = told.facts.get("gate") or {}
    body = []
    for one in gate.get("expectations", []):
        where = ("expectations", {"name": one["name"]})
        said = [ledger.say(in_file(GATE, *where, *name), "text") for name in (("what", "en"), ("severity",))]
        said += [ledger.say(in_file(GATE, *where, name)) for name in ("checked", "failed")]
        body.append([*said, ledger.say(in_file(GATE, *where, "passed"), "passed")])
    if body:
        yield f"The gate: **{ledger.say(in_file(GATE, 'passed'), 'passed')}**."
        yield table(["expectation", "severity", "checked", "failed", ""], body, right=(2, 3))
    else:
        yield "The gate was not run over it."
    disjoint = ledger.say(in_file(SPLIT, "disjoint"), "yes")
    yield f"Splits share no group: **{disjoint}**.\n\n{_groups(ledger)}"
    yield _contamination(told, ledger)
    yield _privacy(told, ledger)


def _groups(ledger: Ledger) -> str:
    columns = ledger.book.value(in_file(SPLIT, "columns"))
    body = []
    for name in columns:
        said = [ledger.say(in_file(SPLIT, "columns", name, what)) for what in ("values", "straddling")]
        body.append([ledger.say(key_in_file(name, SPLIT, "columns"), "text"), *said])
    return table(["column", "values", "in more than one split"], body, right=(1, 2))


def _contamination(told: Published, ledger: Ledger) -> str:
    body = []
    for one in told.facts.get("contamination", []):
        where = ("summary", {"benchmark": one["benchmark"]})
        counts = [ledger.say(in_file(CONTAMINATION, *where, what)) for what in ("rows", "clean", "hit", "uncheckable")]
        body.append([ledger.say(in_file(CONTAMINATION, *where, "benchmark"), "text"), *counts])
    if not body:
        return "It was held against no benchmark: before you train on it and report a score, do that yourself."
    head = ["benchmark", "rows compared", "clean", "hit", "too short to tell"]
    return f"Rows of train and validation held against benchmarks:\n\n{table(head, body, right=(1, 2, 3, 4))}"


def _privacy(told: Published, ledger: Ledger) -> str:
    found = ledger.book.value(in_file(PRIVACY))
    if not found["looked"]:
        return "Privacy: exam questions, which are about nobody."
    body = []
    for at in range(len(found["found"])):
        said = [ledger.say(in_file(PRIVACY, "found", at, what)) for what in ("found", "rows")]
        body.append([ledger.say(in_file(PRIVACY, "found", at, "kind"), "text"), *said])
    passed = ledger.say(in_file(PRIVACY, "passed"), "passed")
    k, wanted, alone = (ledger.say(in_file(PRIVACY, name)) for name in ("k", "wanted_k", "alone"))
    quasi = ", ".join(ledger.say(in_file(PRIVACY, "quasi", at), "text") for at in range(len(found["quasi"])))
    lines = [f"Privacy: **{passed}**."]
    if body:
        lines += [
            "Found by the finder of names, numbers and addresses:",
            table(["class", "found", "rows"], body, right=(1, 2)),
        ]
    else:
        lines.append("No name, number or address was found.")
    if found["groups"]:
        lines.append(
            f"Of what texts tell of people ({quasi}), at least {k} are alike (wanted {wanted}); {alone} stand alone."
        )
    else:
        lines.append(f"Of nobody is known any of {quasi}.")
    if told.ids_only and not found["passed"]:
        lines.append(
            "It is published all the same, because no text goes out: what was found stays with the publishers of the "
            "rows. Whoever makes the rows again must not try to find out who wrote what."
        )
    elif found["accepted"]:
        lines.append(
            "It is published all the same, because every text had been published by others before and somebody "
            "accepted that by name. Whoever uses it must not try to find out who wrote what."
        )
    return "\n\n".join(lines)

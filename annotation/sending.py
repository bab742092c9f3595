"""Send a rater's records to his dataset: in batches, none twice, and what the server does not take is told by id."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import polars as pl

from annotation.argilla import Argilla, Refused, Unsure
from annotation.rater_dataset import POSITION, records_on
from annotation.task import sent_fields
from annotation.templates import Template

BATCH: Final = 256
# What one record or batch is refused for; the rest goes on.
_RECORD_FAULTS: Final = frozenset({400, 413, 422, 500})
_TRIES: Final = 4
_WAIT_S: Final = 0.1
# So many records refused and none taken: it is not the records.
_ALL_BAD: Final = 10


def send(
    client: Argilla,
    dataset_id: str,
    items: pl.DataFrame,
    template: Template,
    there: set[str],
    on_progress: Callable[[int], None],
) -> list[tuple[str, str]]:
    """Send what is not there, in order; adds to `there` what the server took. Returns the records it did not take.

    A batch that is refused is halved until the records stand alone that are to blame. When no answer comes to a
    batch, a look tells which of its records arrived.

    Args:
        client: An owner's connection.
        dataset_id: The rater's dataset.
        items: ITEM rows with `position`, in order.
        template: What is asked about them.
        there: Items that the dataset holds already.
        on_progress: Told how many items the dataset holds.

    Raises:
        ArgillaError: The server is away, or takes no record at all.
    """
    records = [
        record for row in items.iter_rows(named=True) if (record := _record(row, template))["external_id"] not in there
    ]
    bad = [(record["external_id"], fault) for record in records if (fault := _unsendable(record))]
    blamed = {item for item, _ in bad}
    sendable = [record for record in records if record["external_id"] not in blamed]
    waiting = [sendable[start : start + BATCH] for start in range(0, len(sendable), BATCH)]
    silent = refused = 0
    while waiting:
        batch = waiting.pop(0)
        try:
            client.post(f"/datasets/{dataset_id}/records/bulk", {"items": batch})
        except (Unsure, Refused) as problem:
            there |= _arrived(client, dataset_id)
            silent += isinstance(problem, Unsure)
            again, fault = _after(problem, [record for record in batch if record["external_id"] not in there], batch)
            bad += [(batch[0]["external_id"], fault)] if fault else []
            refused += bool(fault)
            if silent >= _TRIES or (refused >= _ALL_BAD and not there):
                raise
            if isinstance(problem, Unsure):
                time.sleep(_WAIT_S * 2**silent)
            waiting[:0] = again
        else:
            silent = 0
            there |= {record["external_id"] for record in batch}
        on_progress(len(there))
    return bad


def _after(
    problem: Unsure | Refused, left: list[dict[str, Any]], batch: Sequence[dict[str, Any]]
) -> tuple[list[list[dict[str, Any]]], str]:
    """What to send next of a batch that was not taken, and the fault where a record stands alone with it."""
    if isinstance(problem, Refused) and problem.status not in _RECORD_FAULTS:
        raise problem
    if isinstance(problem, Unsure) or len(left) < len(batch):  # or another push sent the others meanwhile
        return ([left] if left else []), ""
    if len(left) == 1:
        return [], f"{problem.what}, {problem.have}"
    half = len(left) // 2
    return [left[:half], left[half:]], ""


def _arrived(client: Argilla, dataset_id: str) -> set[str]:
    return {str(record["external_id"]) for record in records_on(client, dataset_id)}


def _record(row: Mapping[str, Any], template: Template) -> dict[str, Any]:
    return {
        "external_id": row["item_id"],
        "fields": sent_fields(row["shown"], template),
        "metadata": {POSITION: row["position"]},
    }


def _unsendable(record: Mapping[str, Any]) -> str:
    """Why a record cannot even be written as a request; empty when it can."""
    if not record["fields"]:
        return "nothing to show"
    for name, text in record["fields"].items():
        if not isinstance(text, str):
            return f"field {name} has no text"
        if not text.isascii():
            try:
                text.encode()
            except UnicodeEncodeError:
                return f"field {name} holds half a character"
    return ""

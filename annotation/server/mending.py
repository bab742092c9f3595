"""What a start sets right: indexes that are absent, counts that a killed process did not finish."""

from __future__ import annotations

import search_database
import search_text
from argilla_server.enums import DatasetStatus, RecordStatus, ResponseStatus
from argilla_server.models import Dataset, Record, Response
from sqlalchemy import Update, func, select, update


async def mend() -> None:
    """Make indexes, recount the status of records and index their words, in every published dataset."""
    await search_database.make_indexes()
    await search_text.make_shared()
    async with search_database.Session() as db:
        await search_text.drop_orphans(db)
        datasets = (await db.scalars(select(Dataset).where(Dataset.status == DatasetStatus.ready))).all()
        for dataset in datasets:
            for statement in _recount(dataset):
                await db.execute(statement)
            await search_text.catch_up(db, dataset.id)
        await db.commit()


async def close() -> None:
    """Give the connections back."""
    await search_database.engine.dispose()


def _recount(dataset: Dataset) -> list[Update]:
    """Statements that set right which records have enough submitted responses.

    A response is stored before the record's status is counted anew, and a change of `min_submitted` before the job
    that recounts: a process killed in between leaves a status that no later request would mend.
    """
    enough = (
        select(Response.record_id)
        .join(Record, Record.id == Response.record_id)
        .where(Record.dataset_id == dataset.id, Response.status == ResponseStatus.submitted)
        .group_by(Response.record_id)
        .having(func.count() >= int(dataset.distribution["min_submitted"]))
    )
    here = update(Record).where(Record.dataset_id == dataset.id).execution_options(synchronize_session=False)
    return [
        here.where(Record.status == RecordStatus.pending, Record.id.in_(enough)).values(status=RecordStatus.completed),
        here.where(Record.status == RecordStatus.completed, Record.id.not_in(enough)).values(
            status=RecordStatus.pending
        ),
    ]

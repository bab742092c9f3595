"""Claims on the engine that no request can reach, tried inside the server's own Python; prints which hold.

Run by test_search_engine.py: `PYTHON engine_claims.py FOLDER_OF_THE_SERVER HOME`. Imports nothing of the project.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

HELD: dict[str, bool] = {}


def main() -> None:
    server, home = Path(sys.argv[1]), Path(sys.argv[2])
    sys.path.insert(0, str(server))
    import configured

    (home / "secrets.json").write_text(json.dumps({"auth_secret": "0" * 32}))
    configured.configure(home)
    import jobs
    import speed

    speed.install()
    import search_plugin  # noqa: F401  registers itself when imported
    from argilla_server.search_engine import SearchEngine

    asyncio.run(claims(SearchEngine, jobs))
    print(json.dumps(HELD))


async def claims(engines: Any, jobs: Any) -> None:
    import mending
    import migrations

    await migrations.upgrade()
    await mending.mend()
    async with engines.get_by_name(" Xinheng ") as engine:
        HELD["it is found by its name"] = type(engine).__name__ == "Searches"
        HELD["it answers a ping"] = await engine.ping() is True
        HELD["it says what it is"] = (await engine.info())["name"] == "xinheng"
        await searches(engine)
    await queues(jobs)


async def searches(engine: Any) -> None:
    import mending
    import search_database
    from argilla_server import models as m
    from argilla_server import search_engine as s
    from sqlalchemy import text

    async with search_database.Session.begin() as db:
        workspace = m.Workspace(name="w")
        db.add(workspace)
        await db.flush()
        settings = {"strategy": "overlap", "min_submitted": 1}
        dataset = m.Dataset(name="d", workspace_id=workspace.id, distribution=settings, status="ready")
        draft = m.Dataset(name="draft", workspace_id=workspace.id, distribution=settings, status="draft")
        user = m.User(first_name="u", username="u", password_hash="x", role="annotator", api_key="k")
        db.add_all([dataset, draft, user])
        await db.flush()
        field = m.Field(name="text", title="t", settings={"type": "text"}, dataset_id=dataset.id)
        vectors = m.VectorSettings(name="v", title="v", dimensions=2, dataset_id=dataset.id)
        db.add_all([field, vectors])
        await db.flush()
        records = [m.Record(fields={"text": f"word {n}"}, external_id=f"e{n}", dataset_id=dataset.id) for n in range(4)]
        db.add_all(records)
        await db.flush()
        values = [[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]]
        db.add_all(
            [
                m.Vector(value=v, record_id=r.id, vector_settings_id=vectors.id)
                for r, v in zip(records, values, strict=False)
            ]
        )
        db.add(m.Response(status="submitted", values=None, record_id=records[0].id, user_id=user.id))
    names = {record.id: record.external_id for record in records}

    async def found(**asked: Any) -> list[str]:
        result = await engine.search(dataset, **asked)
        return sorted(names[item.record_id] for item in result.items)

    HELD["records that were never indexed are found at the next start"] = await _mended(mending, found)
    await engine.delete_records(dataset, [records[1], records[1]])
    HELD["words of a record can be taken out twice"] = await found(query="word") == ["e0", "e2", "e3"]
    await engine.index_records(dataset, [records[1]])
    await engine.index_records(dataset, [records[1]])
    HELD["a record can be indexed twice"] = await found(query=s.TextQuery(q="word", field="text")) == sorted(
        names.values()
    )
    await engine.index_records(dataset, [])
    await engine.partial_record_update(records[0], status="completed")
    external = s.RecordFilterScope(property="external_id")
    two, one = s.TermsFilter(external, ["e1", "e2"]), s.TermsFilter(external, ["e2", "e3"])
    HELD["AND inside AND"] = await found(filter=s.AndFilter([s.AndFilter([s.AndFilter([two])]), one])) == ["e2"]
    HELD["AND of nothing restricts nothing"] = len(await found(filter=s.AndFilter([]))) == 4
    HELD["no terms restrict nothing"] = len(await found(filter=s.TermsFilter(external, []))) == 4
    deep: Any = two
    for _ in range(20):
        deep = s.AndFilter([deep, two])
    HELD["twenty filters inside each other"] = await found(filter=deep) == ["e1", "e2"]
    mine = s.ResponseFilterScope(property="status", user=user)
    waiting = s.TermsFilter(mine, ["pending"])
    HELD["pending for a user"] = await found(filter=waiting) == ["e1", "e2", "e3"]
    HELD["a filter is not changed by its search"] = waiting.values == ["pending"]
    HELD["pending for anybody"] = (
        len(await found(filter=s.TermsFilter(s.ResponseFilterScope(property="status"), ["pending"]))) == 3
    )
    HELD["a response without values is no fault"] = (
        await found(filter=s.TermsFilter(s.ResponseFilterScope(question="q"), ["x"])) == []
    )
    HELD["a suggestion scope whose property is the word None"] = (
        await found(filter=s.TermsFilter(s.SuggestionFilterScope(question="q", property="None"), ["x"])) == []
    )
    HELD["a half sign finds nothing"] = await found(filter=s.TermsFilter(external, ["\ud800"])) == []
    HELD["a half sign in a query is passed over"] = len(await found(query="wor\ud800d")) == 4
    HELD["a limit of 0 counts only"] = (await engine.search(dataset, limit=0)).total == 4
    HELD["a limit of 0 counts matches"] = (await engine.search(dataset, query="word", limit=0)).total == 4
    HELD["a draft has no progress"] = await engine.get_dataset_progress(draft) == {}
    HELD["a draft has no progress of a user"] = await engine.get_dataset_user_progress(draft, user) == {}
    HELD["words of a draft find nothing"] = (await engine.search(draft, query="word")).total == 0
    told = await engine.get_dataset_progress(dataset)
    HELD["the start recounted the response"] = told == {"total": 4, "pending": 3, "completed": 1}
    mine_told = await engine.get_dataset_user_progress(dataset, user)
    HELD["a user's progress"] = mine_told == {"total": 1, "submitted": 1, "draft": 0, "discarded": 0}
    HELD["a field that is not there is refused"] = await _raises(found(query=s.TextQuery(q="a", field="no")), "422")
    await vectors_claims(engine, dataset, vectors, records)
    await engine.delete_index(dataset)
    await engine.delete_index(dataset)
    await engine.create_index(dataset)
    await engine.create_index(dataset)
    HELD["an index made anew is empty"] = await found(query="word") == []
    async with search_database.Session.begin() as db:
        await db.execute(text("CREATE VIRTUAL TABLE xinheng_words_0000 USING fts5(record_id)"))
    HELD["a start fills the index"] = await _mended(mending, found)
    async with search_database.Session.begin() as db:
        left = await db.scalar(text("SELECT count(*) FROM sqlite_master WHERE name = 'xinheng_words_0000'"))
    HELD["an index without its dataset is thrown away at start"] = left == 0


async def vectors_claims(engine: Any, dataset: Any, vectors: Any, records: list[Any]) -> None:
    like = {"dataset": dataset, "vector_settings": vectors}
    near = await engine.similarity_search(**like, value=[1.0, 0.0], threshold=0.4)
    HELD["a threshold cuts off"] = [round(item.score, 3) for item in near.items] == [1.0, 0.5]
    HELD["at most so many"] = len((await engine.similarity_search(**like, value=[1.0, 0.0], max_results=1)).items) == 1
    HELD["neither vector nor record is refused"] = await _raises(engine.similarity_search(**like), "ValueError")
    both = engine.similarity_search(**like, value=[1.0, 0.0], record=records[0])
    HELD["both vector and record are refused"] = await _raises(both, "ValueError")
    lacking = SimpleNamespace(id=records[3].id, vector_value_by_vector_settings=lambda _: None)
    HELD["a record without a vector is refused"] = await _raises(
        engine.similarity_search(**like, record=lacking), "ValueError"
    )


async def queues(jobs: Any) -> None:
    queue, ran = jobs.Queue("q"), []

    async def work(name: str, failures: list[str]) -> None:
        ran.append(name)
        if failures:
            failures.pop()
            raise ValueError(name)

    retry = SimpleNamespace(max=2, intervals=[0])
    first = queue.enqueue_call(work, ("a", []))
    second = queue.enqueue_call(work, ("b", ["once"]), retry=retry)
    third = queue.enqueue_call(work, ("c", ["1", "2", "3", "4"]), retry=retry)
    last = queue.enqueue_call(work, ("d",), {"failures": []})
    for _ in range(200):
        await asyncio.sleep(0.005)
        if last.status == "finished":
            break
    HELD["jobs run in their order, failed ones again"] = ran == ["a", "b", "b", "c", "c", "c", "d"]
    states = [job.get_status(refresh=True) for job in (first, second, third, last)]
    HELD["jobs tell where they stand"] = states == ["finished", "finished", "failed", "finished"]
    await queue.stop()


async def _mended(mending: Any, found: Any) -> bool:
    await mending.mend()
    return len(await found(query="word")) == 4


async def _raises(work: Any, kind: str) -> bool:
    try:
        await work
    except Exception as error:  # noqa: BLE001  told as one readable problem
        return kind in ("ValueError", "422") and (
            kind == type(error).__name__ or "Unprocessable" in type(error).__name__
        )
    return False


if __name__ == "__main__":
    main()

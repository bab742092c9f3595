"""`python -m tests.app.desk.killing WHAT --rounds N`: killed over and over, a desk has what it said it saved.

WHAT is killed: `save` (a desk that saves, and rotates its keys), `migration` (one that brings its database up),
`postgres` (as `save`, before a real PostgreSQL) or `backend` (a process of that PostgreSQL, while a desk saves).
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import tempfile
import time
from pathlib import Path

import sqlalchemy as sa

from app.desk import checking, rotation, store
from app.desk.database import connect
from app.desk.migration import SCHEMA
from tests.annotation.postgres_server import postgres
from tests.app.desk.desks import QUICK, WORDS, new_desk, older, opened
from xinheng.errors import DeskError

_READY = b"ready\n"


def save(home: Path, out: int, url: str | None) -> None:
    """Save notes for ever, and tell each once it is saved; now and then rotate all keys."""
    desk = opened(home, url=url)
    client = store.clients(desk)[0]
    os.write(out, _READY)
    for n in range(10**6):
        try:
            record = store.save(desk, client, "note", {"text": f"note {n} " * 400, "end": n})
            os.write(out, f"{record.record_id} {n}\n".encode())
            if n % 7 == 6:
                desk, _ = rotation.rotate(desk, passphrase=WORDS, cost=QUICK)
        except DeskError:
            os.write(out, b"refused\n")
            desk = opened(home, url=url)


def one_round(work, *given, after_s: float, meanwhile=lambda: None) -> list[str]:
    """What a child said before it was killed, so long after it was ready."""
    back, out = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(back)
        try:
            work(given[0], out, *given[1:])
        finally:
            os._exit(0)
    os.close(out)
    assert os.read(back, len(_READY)) == _READY, "it did not start"
    time.sleep(after_s)
    meanwhile()
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with os.fdopen(back) as lines:
        return lines.read().splitlines()


def kill_saves(folder: Path, rounds: int, url: str | None, chance: random.Random, *, backend: bool = False) -> str:
    """Rounds of `save`; of all notes ever said to be saved none may be lost, and none that is there half."""
    home, said, refused, lost, half = folder / "desk", 0, 0, 0, 0
    desk = new_desk(home, url=url)
    client, held = store.add_client(desk, "A"), {}

    def kill_a_backend() -> None:
        """One that serves the desk; PostgreSQL then ends them all and recovers."""
        desk.engine.dispose()
        engine = sa.create_engine(desk.engine.url)
        with engine.connect() as connection:
            query = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
            pids = connection.execute(sa.text(query)).scalars().all()
        engine.dispose()
        os.kill(chance.choice(pids), signal.SIGKILL)
        time.sleep(1.5)

    for _ in range(rounds):
        desk.engine.dispose()
        spread = (0.3, 0.8) if url else (0.02, 0.4)
        meanwhile = kill_a_backend if backend else (lambda: None)
        told = one_round(save, home, url, after_s=chance.uniform(*spread), meanwhile=meanwhile)
        refused += told.count("refused")
        pairs = [line.split() for line in told if line != "refused"]
        said += len(pairs)
        held.update((number, int(end)) for number, end in pairs)
        desk = opened(home, url=url)
        found = {record.record_id: record.body for record in store.records(desk, client, "note")}
        lost += sum(number not in found or found[number]["end"] != end for number, end in held.items())
        half += sum(body["text"] != f"note {body['end']} " * 400 for body in found.values())
        assert lost == half == 0, f"{lost} notes lost, {half} half"
        assert checking.verify(desk).wrong == [], checking.verify(desk).wrong
    desk.engine.dispose()
    return f"{said} notes said to be saved, {len(found)} there, {lost} lost, {half} half, {refused} refusals"


def kill_migrations(folder: Path, rounds: int, chance: random.Random) -> str:
    """Rounds of a first start with a newer program, on a desk of the older one."""
    made, home = folder / "made", folder / "desk"
    desk = new_desk(made)
    client = store.add_client(desk, "A")
    for n in range(300):
        store.save(desk, client, "note", {"text": f"note {n} " * 400, "end": n})
    older(desk)
    desk.engine.dispose()

    def migrate(at: Path, out: int) -> None:
        os.write(out, _READY)
        connect(at).dispose()
        os.write(out, b"done\n")

    shutil.copytree(made, folder / "timed")
    began = time.monotonic()
    connect(folder / "timed").dispose()
    whole_s, seen = time.monotonic() - began, {"before": 0, "between": 0, "after": 0, "told": 0}
    for _ in range(rounds):
        shutil.rmtree(home, ignore_errors=True)
        shutil.copytree(made, home)
        told = one_round(migrate, home, after_s=chance.uniform(0, 1.3 * whole_s))
        copies = list(home.glob("desk.schema-*"))
        schema = _schema(home)
        assert schema == SCHEMA or not told, "said to be done, and is not"
        seen["told" if told else "between" if copies else "before" if schema == 1 else "after"] += 1
        desk = opened(home)
        found = store.records(desk, client, "note")
        assert [record.body["end"] for record in found] == list(range(300)), "a note is lost"
        assert all(record.body["text"] == f"note {record.body['end']} " * 400 for record in found), "half a note"
        assert checking.verify(desk).wrong == [], checking.verify(desk).wrong
        assert store.save(desk, client, "note", {"end": 300}).record_id == "301"
        assert list(home.glob("desk.schema-*")) == [], "a copy was left"
        desk.engine.dispose()
    counts = ", ".join(f"{n} {name}" for name, n in seen.items())
    return f"killed: {counts} (a whole one takes {1000 * whole_s:.0f} ms); 300 notes each, 0 lost, 0 half"


def _started(home: Path, out: int) -> None:
    os.write(out, _READY)
    connect(home)


def kill_first_starts(folder: Path, rounds: int, chance: random.Random) -> None:
    """Rounds of a desk's very first start."""
    for n in range(rounds):
        one_round(_started, folder / f"new{n}", after_s=chance.uniform(0, 0.05))
        new_desk(folder / f"new{n}").engine.dispose()


def _schema(home: Path) -> int:
    engine = sa.create_engine(f"sqlite:///{home / 'desk.sqlite'}")
    with engine.connect() as connection:
        schema = int(connection.execute(sa.text("SELECT schema FROM desk")).scalar_one())
    engine.dispose()
    return schema


def main() -> None:
    """Kill, open, check, over and over."""
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("save", "migration", "postgres", "backend"))
    parser.add_argument("--rounds", type=int, default=6)
    given, chance = parser.parse_args(), random.Random(7)
    with tempfile.TemporaryDirectory(prefix="desk-killed-") as name:
        folder = Path(name)
        if given.what == "migration":
            told = kill_migrations(folder, given.rounds, chance)
        elif given.what == "save":
            kill_first_starts(folder, max(1, given.rounds // 5), chance)
            told = kill_saves(folder, given.rounds, None, chance)
        else:
            with postgres() as url:
                told = kill_saves(folder, given.rounds, url, chance, backend=given.what == "backend")
    print(f"{given.rounds} rounds: {told}")


if __name__ == "__main__":
    main()

"""`python -m tests.app.desk.killing ROUNDS`: killed while it saves and rotates, a desk has what it said it saved."""

from __future__ import annotations

import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

from app.desk import checking, rotation, store
from app.desk.database import connect
from tests.app.desk.desks import QUICK, WORDS, new_desk, opened


def work(home: Path, out: int, *, making: bool) -> None:
    """Save notes for ever, and tell each once it is saved; now and then rotate all keys."""
    if making:  # a first start may be killed too
        connect(home)
        os.write(out, b"made\n")
        os._exit(0)
    desk = opened(home)
    client = store.clients(desk)[0]
    for n in range(10**6):
        record = store.save(desk, client, "note", {"text": f"note {n} " * 400, "end": n})
        os.write(out, f"{record.record_id} {n}\n".encode())
        if n % 7 == 6:
            desk, _ = rotation.rotate(desk, passphrase=WORDS, cost=QUICK)


def one_round(home: Path, *, making: bool, after_s: float) -> list[tuple[str, int]]:
    """What a child said that it had saved before it was killed."""
    back, out = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(back)
        work(home, out, making=making)
    os.close(out)
    time.sleep(after_s)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with os.fdopen(back) as lines:
        told = [line.split() for line in lines.read().splitlines() if line != "made"]
    return [(line[0], int(line[1])) for line in told]


def main(rounds: int) -> None:
    """Kill, open, check, over and over."""
    chance, said = random.Random(7), 0
    with tempfile.TemporaryDirectory(prefix="desk-killed-") as folder:
        for n in range(max(1, rounds // 5)):
            home = Path(folder) / f"new{n}"
            one_round(home, making=True, after_s=chance.uniform(0, 0.05))
            engine = new_desk(home).engine
            engine.dispose()
        home = Path(folder) / "desk"
        desk = new_desk(home)
        client, held = store.add_client(desk, "A"), {}
        for _ in range(rounds):
            desk.engine.dispose()
            told = one_round(home, making=False, after_s=chance.uniform(0.02, 0.4))
            said += len(told)
            held.update(told)
            desk = opened(home)
            found = {record.record_id: record.body for record in store.records(desk, client, "note")}
            for number, end in held.items():
                assert found[number]["end"] == end, f"note {number} is lost"
            for body in found.values():
                assert body["text"] == f"note {body['end']} " * 400, "half a note"
            assert checking.verify(desk).wrong == [], checking.verify(desk).wrong
        desk.engine.dispose()
    print(f"{rounds} rounds, {said} notes said to be saved, {len(found)} there")


if __name__ == "__main__":
    main(int(sys.argv[1]))

"""`python -m tests.app.desk.killing_trainings --rounds N`: a desk, its training, or both killed; nothing is lost.

Real trainings of nano. In each round a desk saves notes, queues a training, looks after it and accepts what comes of
it, and tells what it has done; then it is killed, or the training is, or both at once.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.desk import adapters, blobs, checking, jobs, memory_folder, store, teaching
from app.desk.erasure import found_in
from app.desk.jobs import Limits
from app.desk.unlock import Desk
from tests.app.desk.desks import new_desk, opened

SECRET = "她把母親的戒指藏在衣櫃最深的抽屜裡"
NEEDLES = {SECRET.encode(code)[:32] for code in ("utf-8", "utf-16-le")}
FEW = Limits(notes=12, steps=3)


def work(home: Path, out: int) -> None:
    """Save, queue, look after, accept, for ever; each deed is told once it is done."""
    desk = opened(home)
    client = store.clients(desk)[0]
    jobs.at_unlock(desk)
    while True:
        made = store.save(desk, client, "note", {"text": f"{SECRET} {random.random()}"})
        _tell(out, "note", made.record_id, made.body["text"])
        mine = jobs.tend(desk)
        for one in [one for one in mine if one.state == "trained"]:
            _tell(out, "accepted", adapters.accept(desk, one).record_id)
        if not any(one.state in jobs.OPEN for one in mine):
            _tell(out, "queued", jobs.add(desk, client, limits=FEW).job_id)
        time.sleep(0.3)


def _tell(out: int, *what: str) -> None:
    os.write(out, json.dumps(what).encode() + b"\n")


@dataclass
class Told:
    """All that the killed desks said they had done."""

    notes: dict[str, str] = field(default_factory=dict)
    accepted: list[str] = field(default_factory=list)
    queued: list[str] = field(default_factory=list)
    killed: Counter[str] = field(default_factory=Counter)

    def hear(self, line: str) -> None:
        """One line; the last may be cut off, and then the deed was not told."""
        with suppress(ValueError):
            what, name, *more = json.loads(line)
            if what == "note":
                self.notes[name] = more[0]
            else:
                (self.accepted if what == "accepted" else self.queued).append(name)


def one_round(home: Path, memory: Path, told: Told, *, after_s: float, whom: str) -> None:
    """Let a desk work for a while, and kill it, its training, or both."""
    back, out = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(back)
        try:
            work(home, out)
        finally:
            os._exit(1)
    os.close(out)
    time.sleep(after_s)
    trainings = _trainings(memory) if whom != "desk" else []
    for pid in [child] * (whom == "both") + trainings:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    if whom == "training":
        time.sleep(1.0)  # the desk sees it and goes on
    with suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]
    assert os.WIFSIGNALED(status), "the desk ended by itself"
    with os.fdopen(back) as lines:
        for line in lines:
            told.hear(line)
    told.killed["desk"] += 1
    told.killed["training"] += len(trainings)


def check(desk: Desk, client: str, told: Told) -> None:
    """Raise where anything that was told is lost, or half there, or lies unencrypted on the disk."""
    notes = {record.record_id: record.body for record in store.records(desk, client, "note")}
    for number, text in told.notes.items():
        assert notes[number]["text"] == text, f"note {number} is lost"
    held = {one.job_id: one for one in jobs.jobs(desk)}
    assert set(told.queued) <= set(held), "a queued training is lost"
    states = {one.state for one in held.values()}
    assert states <= {"queued", "running", "trained", "accepted", "interrupted"}, states
    used = adapters.current(desk, client)
    last = told.accepted[-1] if told.accepted else None
    assert last is None or (used is not None and (used.record_id == last or used.record_id not in told.accepted)), (
        "an accepted adapter is lost"
    )
    if used is not None:
        pieces = blobs.file_pieces(desk, desk.home / "files", client, used)
        assert sum(map(len, pieces)) == used.body["size"], "half an adapter"
    assert checking.verify(desk).wrong == [], checking.verify(desk).wrong
    assert found_in(desk.home, NEEDLES)[2] == [], "words of a client lie on the disk"


def finished(desk: Desk, told: Told) -> None:
    """What was still going on ends as if nobody had killed anything."""
    ends = time.monotonic() + 3600
    while any(one.state in jobs.OPEN for one in jobs.tend(desk)):
        assert time.monotonic() < ends, "a training does not end"
        time.sleep(0.2)
    for one in [one for one in jobs.jobs(desk) if one.state == "trained"]:
        told.accepted.append(adapters.accept(desk, one).record_id)


def main(rounds: int, *, seed: int = 7, longest_s: float = 16.0) -> dict[str, Any]:
    """Kill, open, check, over and over; then let the last training end. What was done, by name."""
    chance, told = random.Random(seed), Told()
    memory = Path(tempfile.mkdtemp(dir=memory_folder.root(), prefix="killing-"))
    os.environ[memory_folder.VARIABLE] = str(memory)
    with tempfile.TemporaryDirectory(prefix="desk-trainings-") as folder:
        home = Path(folder) / "desk"
        desk = new_desk(home)
        client = store.add_client(desk, "A")
        teaching.record_consent(desk, client, given=True, how="signed")
        for n in range(4):
            store.save(desk, client, "note", {"text": f"{SECRET}，第 {n} 次。"})
        for _ in range(rounds):
            desk.engine.dispose()
            # A training is killed less often than its desk, so that some end.
            whom = chance.choice(("desk", "desk", "training", "both"))
            one_round(home, memory, told, after_s=chance.uniform(0.2, longest_s), whom=whom)
            desk = opened(home)
            jobs.at_unlock(desk)
            check(desk, client, told)
        finished(desk, told)
        check(desk, client, told)
        states = Counter(one.state for one in jobs.jobs(desk))
        tries = Counter(one.record.body["tries"] for one in jobs.jobs(desk))
        desk.engine.dispose()
        memory_folder.sweep()
        assert list(memory.iterdir()) == [], "something is left in memory"
        memory.rmdir()
    return {
        "rounds": rounds, "notes told saved": len(told.notes), "trainings queued": len(told.queued),
        "adapters told accepted": len(told.accepted), "killed": dict(told.killed), "states": dict(states),
        "tries": {str(number): count for number, count in sorted(tries.items())}, "lost": 0,
    }  # fmt: skip


def _trainings(memory: Path) -> list[int]:
    found = []
    for path in memory.glob(f"{memory_folder.PREFIX}job-*/pid"):
        with suppress(OSError, ValueError):
            found.append(int(path.read_text()))
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--longest", type=float, default=16.0, metavar="SECONDS", help="A desk lives so long.")
    given = parser.parse_args()
    print(json.dumps(main(given.rounds, seed=given.seed, longest_s=given.longest)))

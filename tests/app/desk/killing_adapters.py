"""`python -m tests.app.desk.killing_adapters --rounds N`: killed as adapters come and go, a desk loses none."""

from __future__ import annotations

import argparse
import base64
import os
import random
import secrets
import signal
import tempfile
import time
from pathlib import Path

from app.desk import adapters, blobs, checking, jobs, memory_folder, store, teaching
from app.desk.training_worker import Order, keep_sealed
from tests.app.desk.desks import new_desk, opened


def work(home: Path, source: Path, out: int) -> None:
    """Leave results as trainings do, collect, accept, reject and roll back for ever; tell what was accepted."""
    desk = opened(home)
    client = store.clients(desk)[0]
    jobs.at_unlock(desk)
    for n in range(10**6):
        key = base64.b64encode(secrets.token_bytes(32)).decode()
        body = {
            "state": "running", "where": jobs.here(desk), "key": key, "tries": 1, "queued_at": f"{time.time():.6f}",
            "started_at": "2999-01-01T00:00:00+00:00", "base": "nano", "recipe": "client",
            "limits": {"minutes": 1}, "taught": [], "counts": {},
        }  # fmt: skip
        one = jobs.Job(client, store.save(desk, client, "job", body))
        sealed = home / "jobs" / desk.counsellor_id / f"{one.job_id}.sealed"
        sealed.parent.mkdir(parents=True, exist_ok=True)
        order = Order("", str(sealed), "", client, one.job_id, key, "nano", "client", 1, None)
        keep_sealed(order, source, {"base": {"name": "nano"}, "digest": str(n)})
        jobs.tend(desk)
        one = jobs.job(desk, client, one.job_id)
        if n % 4 == 3:
            adapters.reject(desk, one)
        else:
            made = adapters.accept(desk, one)
            os.write(out, f"{made.record_id}\n".encode())


def main(rounds: int) -> None:
    """Kill, open, check, over and over."""
    chance, said, last, every = random.Random(7), 0, "", set[str]()
    with tempfile.TemporaryDirectory(prefix="desk-adapters-") as folder:
        os.environ[memory_folder.VARIABLE] = tempfile.mkdtemp(dir=memory_folder.root(), prefix="killing-")
        home, source = Path(folder) / "desk", Path(folder) / "adapter"
        source.mkdir()
        (source / "manifest.json").write_text("{}")
        (source / "weights").write_bytes(os.urandom(3 * 2**20))
        desk = new_desk(home)
        client = store.add_client(desk, "A")
        teaching.record_consent(desk, client, given=True, how="signed")
        for _ in range(rounds):
            desk.engine.dispose()
            back, out = os.pipe()
            child = os.fork()
            if child == 0:
                os.close(back)
                work(home, source, out)
            os.close(out)
            time.sleep(chance.uniform(0.1, 1.2))
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            with os.fdopen(back) as lines:
                told = lines.read().split()
            said, last = said + len(told), (told or [last])[-1]
            every.update(told)
            desk = opened(home)
            states = {one.state for one in jobs.at_unlock(desk)}
            held = adapters.current(desk, client)
            # One that was accepted, but killed before it could be told, is as good as the last that was told.
            fine = held is not None and (held.record_id == last or held.record_id not in every)
            assert not last or fine, "an accepted adapter is lost"
            used = adapters.current(desk, client)
            if used is not None:
                pieces = blobs.file_pieces(desk, home / "files", client, used)
                assert sum(map(len, pieces)) == used.body["size"]
            assert states <= {"trained", "accepted", "rejected", "running", "interrupted", "failed"}, states
            assert checking.verify(desk).wrong == [], checking.verify(desk).wrong
        memory_folder.sweep()
        Path(os.environ[memory_folder.VARIABLE]).rmdir()
        desk.engine.dispose()
    print(f"{rounds} rounds, {said} adapters said to be accepted, the last one or a later one in use")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=40)
    main(parser.parse_args().rounds)

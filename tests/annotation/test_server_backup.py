"""Backups taken while raters write, put back whole; what is no backup changes nothing."""

from __future__ import annotations

import io
import json
import resource
import sqlite3
import stat
import tarfile
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest

from annotation import server_backup, server_home
from tests.annotation.conftest import Argilla, end_argilla, run_argilla
from tests.annotation.rated_dataset import answers, make_dataset, rate, record_ids
from xinheng.errors import InputError, UsageError, WriteError


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with a small database, never served."""
    server_home.make(tmp_path / "home")
    with sqlite3.connect(tmp_path / "home" / "argilla.db") as db:
        db.execute("CREATE TABLE responses (id INTEGER)")
        db.execute("INSERT INTO responses VALUES (1), (2)")
    db.close()
    (tmp_path / "home" / "owner.key").write_text("key")
    return tmp_path / "home"


def test_a_backup_comes_back_as_it_was(home: Path, tmp_path: Path) -> None:
    done = server_backup.back_up(home, tmp_path / "b.tar")
    assert done["responses"] == 2
    assert stat.S_IMODE((tmp_path / "b.tar").stat().st_mode) == 0o600
    assert server_backup.restore(tmp_path / "b.tar", tmp_path / "new") is None
    for name in ("secrets.json", "home.json", "owner.key"):
        assert (tmp_path / "new" / name).read_bytes() == (home / name).read_bytes()
    with sqlite3.connect(tmp_path / "new" / "argilla.db") as db:
        assert db.execute("SELECT sum(id) FROM responses").fetchone() == (3,)
    db.close()
    modes = {stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "new").iterdir() if file.name.endswith("json")}
    assert modes == {0o600}


def test_the_home_before_is_kept(home: Path, tmp_path: Path) -> None:
    server_backup.back_up(home, tmp_path / "b.tar")
    (home / "owner.key").write_text("another")
    kept = server_backup.restore(tmp_path / "b.tar", home)
    assert kept is not None
    assert (kept / "owner.key").read_text() == "another"
    assert (home / "owner.key").read_text() == "key"


def test_nothing_but_the_backup_is_left_in_its_folder(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    server_backup.back_up(home, folder / "b.tar")
    server_backup.back_up(home, folder / "b.tar")
    assert [file.name for file in folder.iterdir()] == ["b.tar"]


def damaged(file: Path, change: str) -> Path:
    """The backup with one thing wrong."""
    with tarfile.open(file) as tar:
        parts = {member.name: (tar.extractfile(member) or io.BytesIO()).read() for member in tar.getmembers()}
    manifest = json.loads(parts["manifest.json"])
    if change == "a part is missing":
        del parts["argilla.db"]
    elif change == "a byte is another":
        parts["argilla.db"] = parts["argilla.db"][:-1] + b"\x01"
    elif change == "a name leads elsewhere":
        manifest["sha256"]["../evil"] = manifest["sha256"].pop("owner.key")
        parts["../evil"] = parts.pop("owner.key")
    elif change == "no manifest":
        del parts["manifest.json"]
    elif change == "a newer format":
        manifest["format"] = 99
    if "manifest.json" in parts:
        parts["manifest.json"] = json.dumps(manifest).encode()
    target = file.with_name("damaged.tar")
    with tarfile.open(target, "w") as tar:
        for name, content in parts.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return target


@pytest.mark.parametrize(
    "change",
    [
        "a part is missing",
        "a byte is another",
        "a name leads elsewhere",
        "no manifest",
        "a newer format",
        "cut off",
        "text",
    ],
)
def test_what_is_no_whole_backup_is_refused_and_the_home_stays(home: Path, tmp_path: Path, change: str) -> None:
    server_backup.back_up(home, tmp_path / "b.tar")
    bad = damaged(tmp_path / "b.tar", change)
    if change == "cut off":
        bad.write_bytes((tmp_path / "b.tar").read_bytes()[:9000])
    elif change == "text":
        bad.write_text("no backup")
    before = {file.name: file.read_bytes() for file in home.iterdir()}
    with pytest.raises(InputError, match=r"no whole backup|newer Xinheng"):
        server_backup.restore(bad, home)
    after = {file.name: file.read_bytes() for file in home.iterdir() if file.name != "lock"}
    assert after == {name: content for name, content in before.items() if name != "lock"}
    assert not (tmp_path / "evil").exists()
    assert not list(tmp_path.glob(".*"))


def test_an_absent_backup_and_an_absent_home_are_told(home: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no backup at"):
        server_backup.restore(tmp_path / "none.tar", home)
    with pytest.raises(InputError, match="no server's home"):
        server_backup.back_up(tmp_path / "none", tmp_path / "b.tar")
    with pytest.raises(UsageError, match="is a folder"):
        server_backup.back_up(home, tmp_path)


def test_a_folder_of_another_kind_is_never_replaced(home: Path, tmp_path: Path) -> None:
    server_backup.back_up(home, tmp_path / "b.tar")
    (tmp_path / "papers").mkdir()
    (tmp_path / "papers" / "thesis.txt").touch()
    with pytest.raises(InputError, match="another kind"):
        server_backup.restore(tmp_path / "b.tar", tmp_path / "papers")
    assert [file.name for file in (tmp_path / "papers").iterdir()] == ["thesis.txt"]


@contextmanager
def full_disk(limit: int) -> Iterator[None]:
    """No file may grow beyond the limit, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("share", [0.01, 0.5, 0.99])
def test_a_full_disk_leaves_the_older_backup_and_the_home_whole(home: Path, tmp_path: Path, share: float) -> None:
    server_backup.back_up(home, tmp_path / "b.tar")
    with closing(sqlite3.connect(home / "argilla.db")) as db:
        db.execute("CREATE TABLE texts (text TEXT)")
        db.execute("INSERT INTO texts VALUES (?)", ("a" * 400_000,))
        db.commit()
    server_backup.back_up(home, tmp_path / "large.tar")
    older = (tmp_path / "b.tar").read_bytes()
    before = {file.name: file.read_bytes() for file in home.iterdir()}
    with full_disk(int((home / "argilla.db").stat().st_size * share)):
        with pytest.raises(WriteError, match="disk is full"):
            server_backup.back_up(home, tmp_path / "b.tar")
        with pytest.raises(WriteError, match="disk is full"):
            server_backup.restore(tmp_path / "large.tar", home)
    assert (tmp_path / "b.tar").read_bytes() == older
    assert {file.name: file.read_bytes() for file in home.iterdir()} == before
    assert {file.name for file in tmp_path.iterdir()} == {"b.tar", "large.tar", "home"}


def test_a_damaged_database_is_no_backup(home: Path, tmp_path: Path) -> None:
    (home / "argilla.db").write_bytes(b"no database " * 1000)
    with pytest.raises(InputError, match="cannot be read as a database"):
        server_backup.back_up(home, tmp_path / "b.tar")
    assert not (tmp_path / "b.tar").exists()


def test_backups_taken_while_raters_write_hold_all_that_was_acknowledged(argilla: Argilla, tmp_path: Path) -> None:
    with argilla.owner() as owner:
        dataset = make_dataset(owner, "backed-up", [str(n) for n in range(60)], ("wang", "li", "chen"))
        records = record_ids(owner, dataset)
    acknowledged: list[tuple[str, str]] = []
    over = threading.Event()

    def submit(name: str) -> None:
        with argilla.rater(name) as rater:
            for record in records:
                if over.is_set():
                    return
                assert rate(rater, record, 5).status_code == 201
                acknowledged.append((name, record))

    writing = [threading.Thread(target=submit, args=(name,)) for name in ("wang", "li", "chen")]
    for one in writing:
        one.start()
    taken: list[tuple[Path, set[tuple[str, str]]]] = []
    while any(one.is_alive() for one in writing):
        before = set(acknowledged)
        file = tmp_path / f"{len(taken)}.tar"
        server_backup.back_up(argilla.home, file)
        taken.append((file, before))
    over.set()
    assert len(taken) > 2
    for number, (file, before) in enumerate(taken):
        place = tmp_path / f"restored-{number}"
        server_backup.restore(file, place)
        with sqlite3.connect(place / "argilla.db") as db:
            rows = db.execute(
                "SELECT users.username, responses.record_id FROM responses JOIN users ON users.id = responses.user_id"
            ).fetchall()
        db.close()
        assert len(rows) == len(set(rows))
        assert {(name, record.replace("-", "")) for name, record in before} <= set(rows)
    with pytest.raises(UsageError, match="a server runs"):
        server_backup.restore(taken[-1][0], argilla.home)


def test_a_restored_home_serves_with_the_same_logins(argilla: Argilla, tmp_path: Path) -> None:
    with argilla.owner() as owner, argilla.rater("wang") as rater:
        dataset = make_dataset(owner, "restored", ["a"], ("wang",))
        (record,) = record_ids(owner, dataset)
        rate(rater, record, 2).raise_for_status()
        token = rater.headers["Authorization"]
    server_backup.back_up(argilla.home, tmp_path / "b.tar")
    server_backup.restore(tmp_path / "b.tar", tmp_path / "home")
    server = run_argilla(tmp_path / "home", argilla.python)
    try:
        assert httpx.get(f"{server.url}/api/v1/me", headers={"Authorization": token}).json()["username"] == "wang"
        server.passwords = argilla.passwords
        server.rater("li").close()
        with server.owner() as owner:
            assert answers(owner, dataset) == {record: [2]}
    finally:
        end_argilla(server)

"""An artifact is there whole or not at all, its digest follows its rows, and tampering is found."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xinheng.artifacts import MANIFEST, Artifact, open_artifact, verify, write
from xinheng.digests import digest, row_digests
from xinheng.errors import ArtifactError, WriteError

NESTED = pl.List(pl.List(pl.String))
STRUCT = pl.Struct({"a": pl.String, "b": pl.String})
FRAME = pl.DataFrame({"id": ["a", "b", "c"], "n": [1, 2, 3], "tags": [["x"], [], ["y", "z"]]})

TEXTS = st.none() | st.text(max_size=6) | st.sampled_from(["", "~", "1:a", ",", "\x1f", "i1", "[0:"])
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "text": TEXTS,
            "count": st.none() | st.integers(-(2**63), 2**63 - 1),
            "share": st.none() | st.floats(allow_nan=False),
            "list": st.none() | st.lists(TEXTS, max_size=3),
            "nested": st.none() | st.lists(st.none() | st.lists(TEXTS, max_size=2), max_size=2),
            "struct": st.none() | st.fixed_dictionaries({"a": TEXTS, "b": TEXTS}),
        }
    ),
    min_size=1,
    max_size=6,
)
TYPES = {
    "text": pl.String,
    "count": pl.Int64,
    "share": pl.Float64,
    "list": pl.List(pl.String),
    "nested": NESTED,
    "struct": STRUCT,
}


def frame_of(rows: list[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=TYPES)


def column(values: list[Any], dtype: Any = None, name: str = "x") -> pl.DataFrame:
    return pl.DataFrame({name: pl.Series(values, dtype=dtype, strict=False)})


def make(path: Path, frame: pl.DataFrame = FRAME, **more: Any) -> Artifact:
    return write(path, kind="dataset", name="test", tables={"kept": frame}, **more)


def beside(path: Path) -> list[str]:
    """What lies in the folder of `path` besides it."""
    return sorted(other.name for other in path.parent.iterdir() if other.name != path.name)


# --- digests


@given(ROWS, st.randoms(use_true_random=False))
def test_a_digest_does_not_depend_on_the_order_of_rows_or_columns(
    rows: list[dict[str, Any]], rng: random.Random
) -> None:
    columns = list(TYPES)
    shuffled = rng.sample(rows, len(rows))
    rng.shuffle(columns)
    assert digest(frame_of(shuffled).select(columns)) == digest(frame_of(rows))


@given(ROWS)
def test_rows_differ_exactly_when_their_digests_do(rows: list[dict[str, Any]]) -> None:
    digests = row_digests(frame_of(rows)).to_list()
    # repr tells -0.0 from 0.0, as bits do; == does not.
    assert [[a == b for b in digests] for a in digests] == [[repr(a) == repr(b) for b in rows] for a in rows]


@given(ROWS, ROWS)
def test_tables_of_other_rows_have_other_digests(one: list[dict[str, Any]], other: list[dict[str, Any]]) -> None:
    same = sorted(map(repr, one)) == sorted(map(repr, other))
    assert (digest(frame_of(one)) == digest(frame_of(other))) == same


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (column([["a"], ["b"]]), column([["a", "b"]])),
        (column([[["a"], ["b"]]], NESTED), column([[["a", "b"]]], NESTED)),
        (column([[[], ["a"]]], NESTED), column([[["a"], []]], NESTED)),
        (column([["a,b"]]), column([["a", "b"]])),
        (column(["1"]), column([1])),
        (column([1]), column([True])),
        (column([1]), column([1.0])),
        (column([0.0]), column([-0.0])),
        (column([""]), column([None], pl.String)),
        (column(["~"]), column([None], pl.String)),
        (column([[]], pl.List(pl.String)), column([None], pl.List(pl.String))),
        (column([[None]], pl.List(pl.String)), column([[]], pl.List(pl.String))),
        (column([[None]], pl.List(pl.String)), column([[""]], pl.List(pl.String))),
        (column([None], STRUCT), column([{"a": None, "b": None}], STRUCT)),
        (column([{"a": "x", "b": None}], STRUCT), column([{"a": None, "b": "x"}], STRUCT)),
        (column([{"a": "x"}]), column([{"b": "x"}])),
        (column([1000], pl.Datetime("ms")), column([1000], pl.Datetime("us"))),
        (column([1000], pl.Duration("ms")), column([1000], pl.Duration("us"))),
        (column([1000], pl.Datetime("ms")), column([1000], pl.Int64)),
        (column(["x"]), column(["x"], name="y")),
        (column(["x"]), column(["x", "x"])),
        (pl.DataFrame({"a": ["x"], "b": ["yz"]}), pl.DataFrame({"a": ["xy"], "b": ["z"]})),
        (pl.DataFrame({"a": ["x"], "b": ["y"]}), pl.DataFrame({"a": ["y"], "b": ["x"]})),
        (pl.DataFrame({"a=~\x1fb": ["x"]}), pl.DataFrame({"a": column([None], pl.String)["x"], "b": ["x"]})),
    ],
)
def test_what_is_easily_taken_for_the_same_is_not(one: pl.DataFrame, other: pl.DataFrame) -> None:
    assert digest(one) != digest(other)


def test_a_digest_is_the_same_on_every_machine_and_in_every_version() -> None:
    """A digest that changes makes every older artifact look forged: raise FORMAT with it."""
    frame = FRAME.with_columns(at=datetime(2026, 11, 1), turn=pl.Series([{"text": "難"}] * 3), share=pl.lit(0.1))
    assert digest(frame) == "5bdd9309797a59e2f2dd615f4ec8f9f15ec4639d9da98b003088a4c90c646da6"


def test_the_width_of_an_integer_or_a_float_is_not_part_of_a_value() -> None:
    assert digest(column([1, 2], pl.UInt8)) == digest(column([1, 2], pl.Int64))
    assert digest(column([0.5], pl.Float32)) == digest(column([0.5], pl.Float64))


def test_a_type_without_a_digest_is_named() -> None:
    with pytest.raises(ArtifactError, match="type without a digest: have Binary"):
        digest(column([b"x"]))


@given(ROWS, st.integers(1, 4), st.integers(1, 3))
def test_files_and_row_groups_do_not_change_the_digest(rows: list[dict[str, Any]], size: int, group: int) -> None:
    frame = frame_of(rows)
    with tempfile.TemporaryDirectory() as folder:
        whole = make(Path(folder, "whole"), frame)
        pieces = [frame[at : at + size] for at in range(0, frame.height, size)]
        cut = write(Path(folder, "cut"), kind="dataset", name="x", tables={"kept": iter(pieces)}, row_group_size=group)
        assert cut.digest == whole.digest
        assert cut.scan("kept").collect().equals(frame)
        assert cut.rows("kept") == frame.height
        assert verify(cut) == verify(whole) == []


def test_another_writer_of_the_same_rows_gives_the_same_digest(tmp_path: Path) -> None:
    FRAME.to_pandas().to_parquet(tmp_path / "pandas.parquet")
    assert digest(pl.read_parquet(tmp_path / "pandas.parquet")) == digest(FRAME)


# --- writing and reading back


def test_an_artifact_comes_back_as_it_was_written(tmp_path: Path) -> None:
    parent = make(tmp_path / "parent")
    path = tmp_path / "some" / "folder" / "out"
    written = write(
        path,
        kind="source",
        name="名",
        tables={"kept": FRAME, "dropped": FRAME.head(0)},
        facts={"file": "caf\udce9"},
        parents=[parent],
        texts={"page.html": "<p>心衡</p>"},
    )
    opened = open_artifact(path)
    assert opened.manifest == json.loads(json.dumps(written.manifest))
    assert opened.scan("kept").collect().equals(FRAME)
    assert opened.scan("dropped").collect().equals(FRAME.head(0))
    assert (opened.kind, opened.digest, opened.rows("kept"), opened.rows("nothing")) == ("source", written.digest, 3, 0)
    assert opened.manifest["parents"] == [{"kind": "dataset", "name": "test", "digest": parent.digest}]
    assert (path / "page.html").read_text("utf-8") == "<p>心衡</p>"
    assert verify(opened) == []


def test_facts_texts_and_parents_are_not_part_of_the_digest(tmp_path: Path) -> None:
    plain = make(tmp_path / "a")
    assert make(tmp_path / "b", facts={"seed": 1}, texts={"x": "y"}, parents=[plain]).digest == plain.digest


def test_a_table_of_another_name_has_another_digest(tmp_path: Path) -> None:
    other = write(tmp_path / "b", kind="dataset", name="test", tables={"dropped": FRAME})
    assert make(tmp_path / "a").digest != other.digest


def test_an_older_artifact_is_replaced_and_nothing_else_remains(tmp_path: Path) -> None:
    make(tmp_path / "out", texts={"old.html": "x"})
    make(tmp_path / "out", FRAME.head(1))
    assert open_artifact(tmp_path / "out").rows("kept") == 1
    assert not (tmp_path / "out" / "old.html").exists()
    assert beside(tmp_path / "out") == []


def test_a_folder_is_as_readable_as_any_that_the_user_makes(tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    assert make(tmp_path / "out").path.stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_an_empty_folder_may_be_filled(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    assert verify(make(tmp_path / "out")) == []


def test_a_missing_table_is_named_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="want one of kept, have dropped"):
        make(tmp_path / "out").scan("dropped")


def test_frames_of_other_columns_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"frames differ.* frame 1"):
        write(tmp_path / "out", kind="k", name="n", tables={"kept": [FRAME, FRAME.drop("n")]})
    with pytest.raises(ArtifactError, match="no frame"):
        write(tmp_path / "out", kind="k", name="n", tables={"kept": []})
    assert list(tmp_path.iterdir()) == []


# --- what is in the way


def foreign_folder(path: Path) -> None:
    path.mkdir()
    (path / "thesis.txt").write_text("mine")


def foreign_manifest(path: Path) -> None:
    """A browser extension, for one, has a manifest.json too."""
    foreign_folder(path)
    (path / MANIFEST).write_text('{"name": "extension", "version": 3}')


def foreign_file(path: Path) -> None:
    path.write_text("mine")


def dangling_link(path: Path) -> None:
    path.symlink_to(path.with_name("nowhere"))


@pytest.mark.parametrize("put", [foreign_folder, foreign_manifest, foreign_file, dangling_link])
def test_what_is_not_ours_is_refused_untouched(tmp_path: Path, put: Callable[[Path], None]) -> None:
    put(tmp_path / "out")
    before = {path: (path.lstat().st_mtime_ns, path.lstat().st_size) for path in tmp_path.rglob("*")}
    with pytest.raises(ArtifactError, match=r"in the way.*nothing was changed"):
        make(tmp_path / "out")
    assert {path: (path.lstat().st_mtime_ns, path.lstat().st_size) for path in tmp_path.rglob("*")} == before


def test_a_link_to_an_artifact_is_replaced_and_its_target_kept(tmp_path: Path) -> None:
    target = make(tmp_path / "target")
    (tmp_path / "out").symlink_to(target.path)
    make(tmp_path / "out", FRAME.head(1))
    assert (open_artifact(tmp_path / "out").rows("kept"), open_artifact(target.path).rows("kept")) == (1, 3)
    assert beside(tmp_path / "out") == ["target"]


def test_a_failing_frame_leaves_the_older_artifact_as_it_was(tmp_path: Path) -> None:
    def frames() -> Iterator[pl.DataFrame]:
        yield FRAME
        raise KeyboardInterrupt

    make(tmp_path / "out")
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "out", kind="k", name="n", tables={"kept": frames()})
    assert verify(open_artifact(tmp_path / "out")) == []
    assert beside(tmp_path / "out") == []


def test_a_file_as_parent_folder_is_one_readable_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(WriteError, match="out: "):
        make(tmp_path / "file" / "out")


@contextmanager
def as_somebody() -> Iterator[None]:
    """Without the rights of root, whom no permission stops."""
    if os.geteuid():
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_read_only_folder_is_one_readable_error() -> None:
    folder = Path(tempfile.mkdtemp())
    try:
        folder.chmod(0o555)
        with as_somebody(), pytest.raises(WriteError, match=r"may not be written\. Choose another --out"):
            make(folder / "out")
        assert list(folder.iterdir()) == []
    finally:
        folder.chmod(0o755)
        shutil.rmtree(folder)


NO_ROOM = """
import random, resource, sys
from pathlib import Path
import polars as pl
from xinheng.artifacts import write
from xinheng.errors import WriteError

path, limit = Path(sys.argv[1]), int(sys.argv[2])
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
frame = pl.DataFrame({"noise": [random.randbytes(500).hex() for _ in range(20_000)]})
try:
    write(path, kind="dataset", name="new", tables={"kept": frame})
except WriteError as error:
    print(error)
"""


def run_out_of_room(path: Path, limit: int = 0) -> str:
    return subprocess.run(
        [sys.executable, "-c", NO_ROOM, str(path), str(limit)], capture_output=True, text=True, check=True
    ).stdout


def test_a_disk_that_takes_no_more_leaves_the_older_artifact_and_nothing_else(tmp_path: Path) -> None:
    make(tmp_path / "out")
    assert "File too large" in run_out_of_room(tmp_path / "out", limit=100_000)
    assert verify(open_artifact(tmp_path / "out")) == []
    assert beside(tmp_path / "out") == []


def test_a_full_disk_is_named_and_nothing_half_written_is_left(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("only root can mount a small disk; the test above does without")
    try:
        assert "the disk is full" in run_out_of_room(disk / "out")
        assert list(disk.iterdir()) == []
    finally:
        subprocess.run(["umount", str(disk)], check=True)


# --- killed writers

KILLED = """
import sys
from pathlib import Path
import polars as pl
from xinheng.artifacts import write

path, number = Path(sys.argv[1]), int(sys.argv[2])
print("ready", flush=True)
while True:
    number += 1
    frames = [pl.DataFrame({"run": [number] * 50}) for _ in range(3)]
    write(path, kind="dataset", name=str(number), tables={"kept": frames}, texts={"page.html": "x" * 1000})
"""


def test_a_writer_killed_at_any_moment_leaves_a_whole_artifact_or_none(tmp_path: Path) -> None:
    rng, path, number, found = random.Random(7), tmp_path / "out", 0, 0
    longest_s = 0.05
    for _ in range(20):
        writer = subprocess.Popen([sys.executable, "-c", KILLED, str(path), str(number)], stdout=subprocess.PIPE)
        assert writer.stdout
        assert writer.stdout.readline()
        time.sleep(rng.uniform(0, longest_s))
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
        longest_s *= 1 if path.exists() else 1.5  # a busy machine takes longer to the first whole one
        if path.exists():
            artifact = open_artifact(path)
            assert verify(artifact) == []
            assert artifact.scan("kept").collect()["run"].to_list() == [int(artifact.manifest["name"])] * 150
            number, found = int(artifact.manifest["name"]), found + 1
    assert found, "no writer ever got to the end"
    make(path)
    assert beside(path) == []


def gone_process() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_an_artifact_lost_between_two_renames_is_brought_back(tmp_path: Path) -> None:
    """The next run fails too: what it finds must be the older artifact, whole."""
    make(tmp_path / "out").path.rename(tmp_path / f".out.replaced-{gone_process()}")
    with pytest.raises(ArtifactError, match="no frame"):
        write(tmp_path / "out", kind="k", name="n", tables={"kept": []})
    assert verify(open_artifact(tmp_path / "out")) == []
    assert beside(tmp_path / "out") == []


def test_a_half_deleted_artifact_is_not_brought_back(tmp_path: Path) -> None:
    lost = make(tmp_path / "out").path.rename(tmp_path / f".out.replaced-{gone_process()}")
    (lost / MANIFEST).unlink()
    with pytest.raises(ArtifactError, match="no frame"):
        write(tmp_path / "out", kind="k", name="n", tables={"kept": []})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["out", "out[1]", "a*b", "?"])
def test_a_rerun_cleans_up_after_dead_writers_and_spares_living_ones(tmp_path: Path, name: str) -> None:
    living = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        foreign_folder(tmp_path / f".{name}.writing-{gone_process()}-ab12")
        foreign_folder(tmp_path / f".{name}.writing-{living.pid}-cd34")
        foreign_folder(tmp_path / f".other.writing-{gone_process()}-ef56")
        make(tmp_path / name)
        assert {other.rsplit("-", 1)[1] for other in beside(tmp_path / name)} == {"cd34", "ef56"}
    finally:
        living.communicate()


# --- opening and verifying


def edited(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    manifest = json.loads((path / MANIFEST).read_text("utf-8"))
    change(manifest)
    (path / MANIFEST).write_text(json.dumps(manifest), "utf-8")


def other_rows(path: Path) -> None:
    """Even with the right checksum of the file, other rows are found out."""
    file = path / "kept-00000.parquet"
    FRAME.with_columns(n=pl.col("n") + 1).write_parquet(file)
    from xinheng.artifacts import file_sha256

    edited(path, lambda m: m["tables"]["kept"]["files"][0].update(sha256=file_sha256(file)))


def flip_a_byte(path: Path) -> None:
    data = bytearray((path / "kept-00000.parquet").read_bytes())
    data[len(data) // 2] ^= 1
    (path / "kept-00000.parquet").write_bytes(data)


def another_digest(manifest: Any) -> None:
    """A forger's work: the table's digest is another, and the whole one fits it."""
    manifest["tables"]["kept"]["digest"] = "0" * 64
    lines = [f"{name} {entry['digest']}" for name, entry in sorted(manifest["tables"].items())]
    manifest["digest"] = hashlib.sha256("\n".join(lines).encode()).hexdigest()


def shorten(path: Path) -> None:
    with (path / "kept-00000.parquet").open("rb+") as file:
        file.truncate(10)


@pytest.mark.parametrize(
    ("tamper", "problem"),
    [
        (lambda path: (path / "kept-00000.parquet").unlink(), "kept-00000.parquet: missing"),
        (flip_a_byte, "kept-00000.parquet: bytes changed"),
        (shorten, "kept-00000.parquet: bytes changed"),
        (other_rows, "kept: rows are not those"),
        (lambda path: (path / "page.html").unlink(), "page.html: missing"),
        (lambda path: (path / "page.html").write_text("better"), "page.html: bytes changed"),
        (lambda path: edited(path, another_digest), "kept: rows are not those"),
        (lambda path: edited(path, lambda m: m["tables"]["kept"].update(files=[])), "kept: rows are not those"),
        (lambda path: edited(path, lambda m: m["tables"]["kept"]["files"][0].update(rows=9)), "manifest counts"),
        (lambda path: edited(path, lambda m: m["tables"]["kept"].update(columns={"id": "Int8"})), "manifest counts"),
    ],
)
def test_every_kind_of_tampering_is_found(tmp_path: Path, tamper: Callable[[Path], object], problem: str) -> None:
    path = make(tmp_path / "out", texts={"page.html": "fine"}).path
    tamper(path)
    assert any(problem in found for found in verify(open_artifact(path)))


@pytest.mark.parametrize(
    "edit",
    [
        lambda m: m.update(digest="0" * 64),
        lambda m: m["tables"]["kept"].update(digest="0" * 64),
        lambda m: m["tables"].pop("kept"),
    ],
)
def test_a_manifest_with_another_digest_is_not_opened(tmp_path: Path, edit: Callable[[Any], object]) -> None:
    path = make(tmp_path / "out").path
    edited(path, edit)
    with pytest.raises(ArtifactError, match="edited since it was written"):
        open_artifact(path)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "manifest cannot be read"),
        ("{", "manifest cannot be read"),
        ("[]", "manifest cannot be read"),
        ("{}", "manifest cannot be read"),
        ('{"format": "1"}', "manifest cannot be read"),
        ('{"format": 1, "kind": "k", "name": "n", "digest": "d", "files": {}, "tables": 3}', "manifest cannot be read"),
        ('{"format": 1, "kind": "k", "name": "n", "digest": "d", "files": 3, "tables": {}}', "manifest cannot be read"),
        ('{"format": 99}', "newer Xinheng: want format 1, have format 99"),
        ("\xff", "manifest cannot be read"),
    ],
)
def test_a_broken_manifest_is_one_readable_error(tmp_path: Path, text: str, what: str) -> None:
    (tmp_path / MANIFEST).write_bytes(text.encode("latin-1"))
    with pytest.raises(ArtifactError, match=what):
        open_artifact(tmp_path)


@pytest.mark.parametrize(
    ("name", "have"), [("nothing", "no such folder"), ("file", "have a file"), ("folder", "no manifest.json in it")]
)
def test_what_is_no_artifact_says_what_it_is(tmp_path: Path, name: str, have: str) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "folder").mkdir()
    with pytest.raises(ArtifactError, match=have):
        open_artifact(tmp_path / name)


def test_files_of_the_callers_own_folder_are_linked_and_outlive_it(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "weights").write_bytes(b"w" * 9)
    (own / "weights").chmod(0o600)
    (own / "link").symlink_to(own / "weights")
    files = {name: own / name for name in ("weights", "link")}
    made = write(tmp_path / "a", kind="model", name="a", tables={"t": FRAME}, copies=files, linked=True)
    assert made.file("weights").stat().st_ino == (own / "weights").stat().st_ino
    assert not made.file("link").is_symlink()
    assert made.file("weights").stat().st_mode == made.file(MANIFEST).stat().st_mode
    shutil.rmtree(own)
    assert verify(made) == []


def test_files_that_are_not_the_callers_own_or_on_another_disk_are_copied(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as elsewhere:
        for folder, linked in ((tmp_path, False), (Path(elsewhere), True)):
            (folder / "weights").write_bytes(b"w")
            made = write(
                tmp_path / "a", kind="model", name="a", tables={"t": FRAME}, copies={"w": folder / "weights"},
                linked=linked,
            )  # fmt: skip
            if folder.stat().st_dev != tmp_path.stat().st_dev or not linked:
                assert made.file("w").stat().st_nlink == 1
            (folder / "weights").write_bytes(b"other")
            assert linked or verify(made) == []

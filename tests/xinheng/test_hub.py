"""What a commit leaves on the hub: the folder that was sent and nothing older; of others' files nothing is lost."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.servers.hub_server import TOKEN, Hub, served
from xinheng.errors import ArtifactError, NetworkError
from xinheng.hub import Item, send
from xinheng.publication import MARKER, SUMS

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content:DeprecationWarning")


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    from huggingface_hub import constants

    with served() as there:
        monkeypatch.setenv("HF_ENDPOINT", there.address)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        yield there


def sent(*names: str, whole: bool = True, content: bytes = b"new", said: list[str] | None = None) -> str:
    items = [Item(name, len(content), content) for name in names]
    heard = [] if said is None else said
    return send(
        items, "lab/made", kind="dataset", private=False, message="Version", whole=whole, say=heard.append,
        pauses=(0.0, 0.0),
    )  # fmt: skip


PUBLISHED = (MARKER, SUMS, "README.md")


def test_what_the_next_version_does_not_hold_is_gone_and_named(hub: Hub) -> None:
    sent(*PUBLISHED, "data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet", "jsonl/a/train.jsonl")
    said: list[str] = []
    sent(*PUBLISHED, "data/train-00000-of-00001.parquet", said=said)
    assert set(hub.files) == {*PUBLISHED, "data/train-00000-of-00001.parquet"}
    assert ".gitattributes" in hub.held["lab/made"]
    assert any("deleted" in line and "jsonl/a/train.jsonl" in line for line in said)


@pytest.mark.parametrize("there", [{}, {"README.md": b"written on the hub's page"}])
def test_a_repository_without_anybodys_work_is_taken(there: dict[str, bytes], hub: Hub) -> None:
    hub.make("lab/made", there)
    sent(MARKER, SUMS, "CARD.md")
    assert set(hub.files) == {MARKER, SUMS, "CARD.md"}


@pytest.mark.parametrize(
    "there", [{"data.csv": b"x"}, {MARKER: b"a list of papers", "notes.txt": b"x"}, {"README.md": b"x", "a/b": b"x"}]
)
def test_files_that_no_publication_wrote_are_named_and_not_deleted(there: dict[str, bytes], hub: Hub) -> None:
    hub.make("lab/made", there)
    with pytest.raises(ArtifactError, match="no publication wrote") as told:
        sent(*PUBLISHED, "data/a.parquet")
    strange = sorted({*there} - {*PUBLISHED})
    assert all(name in str(told.value) for name in strange)
    assert hub.files == there
    assert (hub.commits, hub.sent) == ([], []), "nothing is sent before that is known"


def test_what_was_to_be_private_is_not_sent_where_all_may_read_it(hub: Hub) -> None:
    hub.make("lab/made")
    words = {"kind": "dataset", "message": "Version", "whole": True, "pauses": ()}
    with pytest.raises(ArtifactError, match="is public already: want a private repository"):
        send([Item(MARKER, 1, b"x")], "lab/made", private=True, **words)
    assert hub.files == {}
    hub.repos["lab/made"] = True
    send([Item(MARKER, 1, b"x")], "lab/made", private=True, **words)
    assert set(hub.files) == {MARKER}


def test_many_strange_files_are_one_readable_sentence(hub: Hub) -> None:
    hub.make("lab/made", {f"{number}.csv": b"x" for number in range(5_000)})
    with pytest.raises(ArtifactError, match=r"0\.csv, .* and 4,995 more") as told:
        sent(*PUBLISHED)
    assert len(str(told.value)) < 500


def test_what_somebody_pushes_between_is_noticed_and_stays(hub: Hub) -> None:
    sent(*PUBLISHED)
    hub.between = lambda: hub.make("lab/made", {"theirs.csv": b"x"})
    with pytest.raises(ArtifactError, match="somebody else wrote to the repository meanwhile"):
        sent(*PUBLISHED, "more.txt")
    assert set(hub.files) == {*PUBLISHED, "theirs.csv"}


def test_what_somebody_pushes_between_two_tries_is_noticed_as_well(hub: Hub) -> None:
    sent(*PUBLISHED)

    def theirs() -> None:
        hub.make("lab/made", {"theirs.csv": b"x"})
        hub.refuse.clear()

    hub.refuse["/commit/"] = 503
    with pytest.raises(ArtifactError, match=r"meanwhile: have theirs\.csv"):
        send([Item(MARKER, 1, b"x")], "lab/made", kind="dataset", private=False, message="Version", whole=True,
             say=lambda line: theirs() if "once more" in line else None, pauses=(0.0,))  # fmt: skip
    assert set(hub.files) == {*PUBLISHED, "theirs.csv"}


def test_a_commit_whose_answer_is_lost_is_nobody_elses(hub: Hub) -> None:
    sent(*PUBLISHED, "old.txt")
    hub.loses_reply = True
    sent(*PUBLISHED, "data/a.parquet")
    assert set(hub.files) == {*PUBLISHED, "data/a.parquet"}


def test_a_push_deletes_nothing_and_names_what_stays(hub: Hub) -> None:
    hub.make("lab/made", {"mine.png": b"x", "config.json": b"old"})
    said: list[str] = []
    sent("config.json", "model.safetensors", whole=False, said=said)
    assert hub.files == {"mine.png": b"x", "config.json": b"new", "model.safetensors": b"new"}
    assert any("mine.png" in line and "stay" in line for line in said)


def test_a_push_does_not_break_the_lists_of_a_publication(hub: Hub) -> None:
    sent(*PUBLISHED)
    with pytest.raises(ArtifactError, match="xinheng publish FOLDER --out DIR --to hub:lab/made"):
        sent("README.md", "model.safetensors", whole=False)
    assert set(hub.files) == {*PUBLISHED}


def test_a_hub_that_stays_busy_is_told_and_nothing_is_changed(hub: Hub) -> None:
    sent(*PUBLISHED, "old.txt")
    hub.refuse["/commit/"] = 503
    with pytest.raises(NetworkError, match="status 503"):
        sent(*PUBLISHED)
    assert set(hub.files) == {*PUBLISHED, "old.txt"}

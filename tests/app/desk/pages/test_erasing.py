"""An erased client is in no session, no folder and no file any more, and others have lost nothing."""

from __future__ import annotations

import json
import shutil
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from app.desk import adapters, blobs, jobs, memory_folder, store, teaching
from app.desk.erasure import found_in
from app.desk.packing import packed
from app.desk.pages.clients import listed
from app.desk.pages.erasing import erase
from app.desk.pages.models import Models
from app.desk.pages.rooms import Office
from app.desk.pages.sessions import Session, Sessions
from app.desk.unlock import Desk, add_counsellor, own_file
from tests.app.desk.desks import QUICK, WORDS
from training.base import located
from xinheng.chat.local_files import identity_of, local_files
from xinheng.errors import DeskError

SECRET = "她把母親的戒指藏在衣櫃最深的抽屜裡"
NEEDLES = {SECRET.encode(code)[:32] for code in ("utf-8", "utf-16-le")}


@pytest.fixture(autouse=True)
def memory(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(dir=memory_folder.root(), prefix="test-erasing-"))
    monkeypatch.setenv(memory_folder.VARIABLE, str(folder))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def office(desk: Desk) -> Office:
    files = desk.home / "files"
    return Office(Sessions(), Models("local:nano", allow_remote=False, files=files), desk.home, files)


def begun(office: Office, desk: Desk) -> Session:
    return office.sessions.of(office.sessions.begin(desk))


def client_with_adapter(desk: Desk, folder: Path) -> str:
    """A client with notes, a waiting training and an adapter in use, whose file holds words of his."""
    client = store.add_client(desk, "A-17")
    for n in range(3):
        store.save(desk, client, "note", {"text": f"{SECRET}，第 {n} 次。"})
    teaching.record_consent(desk, client, given=True, how=SECRET)
    adapter = folder / "adapter"
    adapter.mkdir()
    (adapter / "manifest.json").write_text(json.dumps({"said": SECRET}, ensure_ascii=False), encoding="utf-8")
    (adapter / "adapter_config.json").write_text('{"peft_type": "LORA"}')
    save_file({"x": np.zeros(4, np.float32)}, adapter / "adapter_model.safetensors", {"said": SECRET})
    base = {"name": "nano", "identity": identity_of(local_files(located("nano"), name="nano"))}
    files = desk.home / "files"
    kept = blobs.keep_file(desk, files, client, "adapter", packed(adapter), {"base": base, "taught": []})
    shutil.rmtree(adapter)
    pointer = {"adapter": kept.record_id, "before": None}
    store.save(desk, client, "adapter", pointer, record_id=adapters.CURRENT)
    jobs.add(desk, client)
    return client


def test_nothing_of_him_is_left_in_any_session_or_folder(
    desk: Desk, office: Office, memory: Path, tmp_path: Path
) -> None:
    client, other = client_with_adapter(desk, tmp_path), store.add_client(desk, "B-2")
    store.save(desk, other, "note", {"text": "不相干的一句話"})
    mine, second = begun(office, desk), begun(office, desk)
    for session in (mine, second):
        chosen = office.models.of(session, client)
        assert chosen.adapter
        session.client_id = client
        session.kept.update({"library": [SECRET], f"talk {client}": SECRET, "talks": {client: SECRET, other: "stays"}})
    assert len(found_in(memory, NEEDLES)[2]) == 4
    told = erase(office, mine, client)
    assert (told.files, told.rows["note"], told.rows["job"]) == (1, 3, 2)
    assert found_in(memory, NEEDLES)[2] == []
    assert found_in(desk.home, NEEDLES)[2] == []
    for session in (mine, second):
        assert (session.answering, session.client_id, session.texts.find("戒指")) == ({}, None, [])
        assert client not in session.codes
        assert session.kept == {"talks": {other: "stays"}}
        assert listed(session, "A-17").clients == listed(session, "戒指").clients == ()
        assert [found for _, found in listed(session, "不相干").clients] == [other]
    assert SECRET not in repr([session.__dict__ for session in (mine, second)])
    assert all(one.client_id != client for one in jobs.tend(desk))
    with pytest.raises(DeskError, match="no such client"):
        erase(office, mine, client)


def test_another_counsellors_client_and_the_own_file_are_left_alone(
    desk: Desk, office: Office, memory: Path, tmp_path: Path
) -> None:
    client = client_with_adapter(desk, tmp_path)
    mine = begun(office, desk)
    office.models.of(mine, client)
    theirs = begun(office, add_counsellor(desk.engine, desk.home, "wang", passphrase=WORDS, cost=QUICK)[0])
    for wanted in (client, own_file(theirs.desk.counsellor_id), "", "0" * 32):
        with pytest.raises(DeskError, match="no such client"):
            erase(office, theirs, wanted)
    assert mine.answering
    assert len(mine.texts.find("戒指")) == 3
    assert found_in(memory, NEEDLES)[2]


def test_it_waits_until_trainings_are_looked_after(desk: Desk, office: Office) -> None:
    client, session = store.add_client(desk, "A"), begun(office, desk)
    done = threading.Event()
    with office.sessions.quiet:

        def erased() -> None:
            erase(office, session, client)
            done.set()

        thread = threading.Thread(target=erased)
        thread.start()
        assert not done.wait(0.3)
        assert client in store.clients(desk)
    thread.join(20)
    assert done.is_set()
    assert client not in store.clients(desk)

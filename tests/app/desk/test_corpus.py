"""What is given away is consented to, under other names, and read by `ingest` as it stands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from app import pipeline
from app.desk import audit, corpus, store
from app.desk.corpus import Corpus
from app.desk.database import read
from app.desk.draft_json import draft_to_json
from app.desk.erasure import erase
from app.desk.items import Draft, accepted, added, proposed
from app.desk.rotation import rotate
from app.desk.teaching import record_consent
from app.desk.unlock import Desk
from datasets_src.catalog import SOURCES
from tests.app.desk.desks import QUICK, WORDS, opened
from xinheng.errors import UsageError

QUESTION = "我叫王小明，電話 0912-345-678，小明最近睡不著，阿燦伯也擔心。"


def client(desk: Desk, code: str, *, given: bool | None = True, notes: int = 2) -> str:
    made = store.add_client(desk, code)
    if given is not None:
        record_consent(desk, made, given=given, how="簽名", use=corpus.USE)
    store.save(desk, made, "info", {"demographic": "男", "name": "阿燦伯"}, record_id="basic")
    for n in range(notes):
        draft = proposed(Draft(QUESTION), {"reason": ["工作壓力", "沒有人接受的句子"], "advice": ["王小明可以早睡"]})
        draft = added(accepted(accepted(draft, "i1"), "i3"), "advice", f"{code} 第{n}次再談")
        store.save(desk, made, "note", {"draft": draft_to_json(draft), "date": "2026-11-02"})
    return made


def lines(made: Corpus) -> list[dict[str, Any]]:
    return [json.loads(line) for line in made.lines.decode().splitlines()]


def test_only_consenting_clients_are_there_and_all_others_are_counted(desk: Desk) -> None:
    client(desk, "A-0001")
    client(desk, "B-0002", given=None)
    client(desk, "C-0003", given=False)
    record_consent(desk, client(desk, "D-0004", given=None), given=True, how="x", use="training")
    client(desk, "E-0005", notes=0)
    late = client(desk, "F-0006")
    record_consent(desk, late, given=False, how="taken back", use=corpus.USE)
    made = corpus.corpus(desk)
    assert (made.notes, made.clients) == (2, 1)
    assert made.left_out == {
        "clients without consent to it": 4,
        "clients without such a note": 1,
        "items that nobody accepted": 2,
    }


def test_no_name_number_code_or_day_is_left_and_no_words_of_a_model_alone(desk: Desk) -> None:
    made_for = client(desk, "A-0001")
    text = corpus.corpus(desk).lines.decode()
    for planted in ("王小明", "小明", "0912-345-678", "A-0001", "阿燦伯", "2026-11-02", made_for, "沒有人接受的句子"):
        assert planted not in text
    assert "工作壓力" in text
    assert corpus.corpus(desk).replaced["person"] >= 4


def test_the_same_notes_give_the_same_lines_also_under_new_keys(desk: Desk) -> None:
    client(desk, "A-0001")
    before = corpus.corpus(desk).lines
    rotate(desk, passphrase=WORDS, cost=QUICK)
    assert corpus.corpus(opened(desk.home)).lines == before


def test_two_clients_of_the_same_name_get_names_of_their_own(desk: Desk) -> None:
    client(desk, "A-0001", notes=1)
    client(desk, "B-0002", notes=1)
    one, other = lines(corpus.corpus(desk))
    assert one["client_id"] != other["client_id"]
    assert one["question"] != other["question"]


def test_an_erased_client_is_in_no_corpus(desk: Desk) -> None:
    gone = client(desk, "A-0001")
    assert corpus.corpus(desk).notes == 2
    erase(desk, gone)
    assert corpus.corpus(desk).lines == b""


def test_ingest_reads_it_and_a_clients_notes_are_one_group(desk: Desk, tmp_path: Path) -> None:
    client(desk, "A-0001")
    formula = client(desk, "B-0002", notes=0)
    store.save(desk, formula, "note", {"question": "=HYPERLINK(1) <b>?", "text": "I wrote this.\r\n@SUM"})
    file = tmp_path / "notes.jsonl"
    file.write_bytes(corpus.corpus(desk).lines)
    artifact = pipeline.ingest_source(SOURCES["notes"], place=file, out=tmp_path / "out")
    rows = artifact.scan("example").collect()
    assert artifact.manifest["facts"]["rejected"] == 0
    assert rows.height == 3
    assert rows["group_id"].n_unique() == 2
    assert set(rows["licence"]) == {"private"}
    assert "=HYPERLINK(1) <b>?" in [message["content"] for row in rows["messages"] for message in row]


def test_what_is_only_read_stands_in_no_log(desk: Desk) -> None:
    client(desk, "A-0001")
    before = _entries(desk)
    made = corpus.prepared(desk)
    assert _entries(desk) == before
    assert corpus.corpus(desk).lines == made.lines
    assert _entries(desk) == before + 1
    assert sum(made.whose.values()) == made.notes


def test_a_file_is_written_whole_or_not_at_all(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    with pytest.raises(UsageError, match="no note to give"):
        corpus.write(desk, out / "a.jsonl")
    client(desk, "A-0001")
    made = corpus.write(desk, out / "a.jsonl")
    assert (out / "a.jsonl").read_bytes() == made.lines
    assert (out / "a.jsonl").stat().st_mode & 0o077 == 0
    before = _entries(desk)
    with pytest.raises(UsageError, match="there already"):
        corpus.write(desk, out / "a.jsonl")
    assert _entries(desk) == before

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(corpus, "went_out", killed)
    with pytest.raises(KeyboardInterrupt):
        corpus.write(desk, out / "b.jsonl")

    def meanwhile(*_: object) -> None:
        (out / "c.jsonl").write_text("mine")

    monkeypatch.setattr(corpus, "went_out", meanwhile)
    with pytest.raises(UsageError, match="there already"):
        corpus.write(desk, out / "c.jsonl")
    assert (out / "c.jsonl").read_text() == "mine"
    assert sorted(path.name for path in out.iterdir()) == ["a.jsonl", "c.jsonl"]


def _entries(desk: Desk) -> int:
    return len(read(desk.engine, lambda c: list(audit.entries(c, desk.counsellor_id, desk.keys))))

"""Privacy as a user meets it: curate with a vault, reveal, forget, and what stands against publishing."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest

from app.privacy import PASSPHRASE
from curation.privacy.pseudonyms import reveal
from curation.privacy.vault import client_map, keyed_id, open_vault
from xinheng.artifacts import Artifact, open_artifact, verify

XINHENG = Path(sys.executable).with_name("xinheng")
PLANTED = Path(__file__).resolve().parents[1] / "curation" / "privacy" / "planted.jsonl"
SECRET = "correct horse battery"


@pytest.fixture(autouse=True)
def passphrase(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PASSPHRASE, SECRET)


def planted() -> list[dict[str, object]]:
    return [json.loads(line) for line in PLANTED.read_text(encoding="utf-8").splitlines()]


def written(path: Path, texts: list[tuple[str, str, str]], *, broken: str = "") -> Path:
    """Tagged dialogues, two turns each, of (dialogue, client, text)."""
    lines = [
        json.dumps(
            {
                "dialogue_id": dialogue,
                "client_id": client,
                "language": "zh-Hant",
                "turns": [{"role": "client", "text": text}, {"role": "counsellor", "text": f"我聽見了：{text}"}],
            },
            ensure_ascii=False,
        )
        for dialogue, client, text in texts
    ]
    path.write_text("\n".join([*lines, broken]), encoding="utf-8")
    return path


def everything_in(artifact: Artifact) -> str:
    """All that an artifact holds, in one text: its files as they are, its tables read back."""
    files = [p for p in artifact.path.rglob("*") if p.is_file()]
    # The chart library's own code is no row's, and says Sample, initTargets and 0123456789abcdef.
    library = re.compile(r"<script(?![^>]*json)[^>]*>.*?</script>", re.DOTALL)
    texts = [library.sub("", p.read_text(encoding="utf-8")) for p in files if p.suffix != ".parquet"]
    texts += [
        json.dumps(pl.read_parquet(p).to_dicts(), ensure_ascii=False, default=str)
        for p in files
        if p.suffix == ".parquet"
    ]
    # Parquet keeps statistics of its columns beside the rows.
    texts += [p.read_bytes().decode("utf-8", "ignore") for p in files if p.suffix == ".parquet"]
    return "\n".join(texts)


def test_no_planted_original_is_anywhere_in_the_artifact(run, tmp_path: Path) -> None:
    rows = planted()
    texts = [(f"chart-no-{n}", f"王大明{n % 3}", str(row["text"])) for n, row in enumerate(rows)]
    # Dropped by a step (no exchange), and not readable at all.
    place = written(tmp_path / "與王大明的聊天.jsonl", texts, broken='{"text": "我叫王大明"')
    assert run("ingest", "tagged", "--from", place).code == 0
    ran = run("curate", "tagged_dialogues", "--source", "tagged", "--vault", tmp_path / "v", "--no-gate")
    assert ran.code == 0, ran.err
    artifact = open_artifact(tmp_path / "runs" / "datasets" / "tagged_dialogues")
    assert artifact.rows("dropped") > 1
    from curation.privacy.find import find_in

    found = {str(r["text"])[s.start : s.end] for r in rows for s in find_in(str(r["text"])) if s.kind != "date"}
    # One's name may be chosen as another's surrogate.
    vault = open_vault(tmp_path / "v", passphrase=SECRET)
    maps = [client_map(vault, f"client:c-{keyed_id(vault, 'client', f'王大明{n}')}") for n in range(3)]
    chosen = {made for known in maps if known for made, _, _ in known.pairs.values()}
    # Grace under pressure: what is nobody's in a sentence that names nobody stays there.
    nobodys = "\n".join(str(r["text"]) for r in rows if not r["spans"])
    named = {word for word in found if len(word) > 2 and word not in nobodys}
    originals = {word for word in named if not any(word in made for made in chosen)}
    assert len(originals) > 250
    whole = everything_in(artifact)
    left = {original for original in originals if original in whole}
    assert left == set()
    assert not any(word in whole for word in ("王大明", "chart-no"))
    facts = artifact.manifest["facts"]["privacy"]
    assert facts["pseudonymised"] is True
    assert facts["of"] == artifact.manifest["tables"]["dialogue"]["digest"]
    assert facts["classes"]["person"] > 100
    assert facts["residual"] == {}
    exported = run("export", artifact.path, "--format", "messages", "--out", tmp_path / "export")
    assert exported.code == 0
    lines = "".join(p.read_text(encoding="utf-8") for p in (tmp_path / "export").rglob("*.jsonl"))
    assert not any(original in lines for original in originals)


SMALL = [("d1", "C1", "我叫王小美，電話0912345678"), ("d2", "C1", "小美哭了"), ("d3", "C2", "我叫陳怡君")]


@pytest.fixture
def small(run, tmp_path: Path) -> Path:
    """A source of three dialogues, curated with a vault at tmp_path/v."""
    assert run("ingest", "tagged", "--from", written(tmp_path / "mine.jsonl", SMALL)).code == 0
    ran = run("curate", "tagged_dialogues", "--source", "tagged", "--vault", tmp_path / "v", "--no-page")
    assert ran.code == 0, ran.err
    assert "replaced: person" in ran.out
    return tmp_path / "runs" / "datasets" / "tagged_dialogues"


def first_text(dataset: Path, contains: str) -> str:
    rows = open_artifact(dataset).scan("dialogue").collect()
    return next(t["text"] for turns in rows["turns"].to_list() for t in turns if contains in t["text"])


def test_the_same_vault_gives_the_same_digest_with_any_engine_and_another_gives_another(
    run, small: Path, tmp_path: Path
) -> None:
    wanted = open_artifact(small).digest
    curate = ["curate", "tagged_dialogues", "--source", "tagged", "--no-page", "--no-gate", "--out", tmp_path / "again"]
    for more in (["--vault", tmp_path / "v"], ["--vault", tmp_path / "v", "--engine", "processes"]):
        assert run(*curate, *more).code == 0
        assert open_artifact(tmp_path / "again").digest == wanted
    assert run(*curate, "--vault", tmp_path / "other").code == 0
    assert open_artifact(tmp_path / "again").digest != wanted


@pytest.mark.parametrize("command", [["reveal"], ["forget", "--yes"]], ids=["reveal", "forget"])
def test_a_folder_for_a_vault_is_answered_with_what_to_give(run, tmp_path: Path, command: list[str]) -> None:
    ran = run(*command, "--vault", tmp_path, "--client", "C1")
    assert (ran.code, "is a folder" in ran.err, "curate --vault FILE" in ran.err) == (2, True, True)


def test_a_folder_for_a_text_is_answered_with_what_to_give(run, small: Path, tmp_path: Path) -> None:
    ran = run("reveal", "--vault", tmp_path / "v", "--client", "C1", small)
    assert (ran.code, "have a folder" in ran.err, "Name the file" in ran.err) == (2, True, True)


def test_reveal_turns_a_text_back_and_forget_ends_that(run, small: Path, tmp_path: Path) -> None:
    text = tmp_path / "answer.txt"
    text.write_text(first_text(small, "電話"), encoding="utf-8")
    vault = ["--vault", tmp_path / "v"]
    assert run("reveal", *vault, "--client", "C1", text).out.endswith("我叫王小美，電話0912345678")
    dialogues = open_artifact(small).scan("dialogue").collect()
    mine = pl.col("turns").list.eval(pl.element().struct.field("text").str.contains("電話")).list.any()
    keyed = dialogues.filter(mine)["client_id"].to_list()
    assert json.loads(run("reveal", *vault, "--client", keyed[0], text, "--json").out)["client"] == keyed[0]
    backup = (tmp_path / "v").read_bytes()
    asked = run("forget", *vault, "--client", "C1")
    assert (asked.code, "--yes" in asked.err) == (2, True)
    assert (tmp_path / "v").read_bytes() == backup
    assert run("forget", *vault, "--client", "C1", "--yes").code == 0
    for command in ("reveal", "forget"):
        ran = run(command, *vault, "--client", "C1", *([text] if command == "reveal" else ["--yes"]))
        assert (ran.code, "not in the vault" in ran.err) == (2, True)
    other = dialogues.filter(pl.col("client_id") != keyed[0])["turns"].item()[0]["text"]
    assert "陳怡君" not in other
    assert reveal(other, "C2", open_vault(tmp_path / "v", passphrase=SECRET)) == "我叫陳怡君"


@pytest.mark.parametrize("command", ["reveal", "forget"])
def test_what_is_wrong_with_a_vault_is_one_readable_line(
    run, small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    text = tmp_path / "t"
    text.write_text("x", encoding="utf-8")
    end = ["--client", "C1", text] if command == "reveal" else ["--client", "C1", "--yes"]
    before = (tmp_path / "v").read_bytes()

    def says(want: str, vault: Path) -> None:
        ran = run(command, "--vault", vault, *end)
        assert (ran.code, want in ran.err, "Traceback" in ran.err) == (2, True, False), ran.err
        assert (tmp_path / "v").read_bytes() == before

    says("no file", tmp_path / "nothing")
    says("no vault", tmp_path / "mine.jsonl")
    monkeypatch.setenv(PASSPHRASE, "wrong horse battery")
    says("does not open", tmp_path / "v")
    monkeypatch.setenv(PASSPHRASE, SECRET)
    (tmp_path / "w").write_bytes(before.replace(b'"map": "', b'"map": "AAAA', 1))
    (tmp_path / "w").chmod(0o600)
    says("does not open", tmp_path / "w")
    (tmp_path / "v").chmod(0o644)
    says("chmod 600", tmp_path / "v")


@pytest.mark.parametrize("place", ["runs/v", "runs/datasets/tagged_dialogues/v", "out/v"])
def test_a_vault_may_not_lie_with_the_data(run, small: Path, tmp_path: Path, place: str) -> None:
    out = ["--out", tmp_path / "out"] if place.startswith("out") else []
    ran = run("curate", "tagged_dialogues", "--source", "tagged", "--vault", tmp_path / place, *out)
    assert (ran.code, "outside of artifacts" in ran.err) == (2, True)
    assert not (tmp_path / place).exists()
    assert verify(open_artifact(small)) == []


def test_without_a_terminal_the_passphrase_comes_from_the_environment_or_a_key_file(
    run, small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = tmp_path / "key"
    key.write_bytes(bytes(range(32)))
    key.chmod(0o600)
    curate = ["curate", "tagged_dialogues", "--source", "tagged", "--no-page", "--no-gate"]
    ran = run(*curate, "--vault", tmp_path / "v", "--key-file", key)
    assert (ran.code, "want its passphrase" in ran.err) == (2, True)
    assert run(*curate, "--vault", tmp_path / "keyed", "--key-file", key).code == 0
    monkeypatch.setenv(PASSPHRASE, "short")
    ran = run(*curate, "--vault", tmp_path / "new")
    assert (ran.code, "8 characters" in ran.err) == (2, True)
    env = {k: v for k, v in os.environ.items() if k != PASSPHRASE}
    command = [XINHENG, *curate, "--vault", str(tmp_path / "new")]
    alone = subprocess.run(
        command, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, start_new_session=True
    )
    assert (alone.returncode, PASSPHRASE in alone.stderr) == (2, True)
    assert not (tmp_path / "new").exists()


def test_privacy_says_what_stands_against_publishing(run, small: Path, tmp_path: Path) -> None:
    raw = run("privacy", tmp_path / "runs" / "sources" / "tagged", "--json")
    assert raw.code == 1
    found = json.loads(raw.out)
    assert {row["kind"] for row in found["residual"]} == {"person", "phone"}
    assert "王小美" not in raw.out
    for more in ([], ["--vault", tmp_path / "v"]):
        ran = run("privacy", small, *more)
        assert (ran.code, "may be published" in ran.out) == (0, True), ran.out
    ran = run("privacy", small, "--quasi", "age,income")
    assert (ran.code, "income" in ran.err) == (2, True)
    (small / "certificate.json").write_text("{}", encoding="utf-8")
    ran = run("privacy", small)
    assert (ran.code, "changed since it was written" in ran.err) == (2, True)


def test_exam_questions_and_pseudonymised_rows_need_no_vault(run, small: Path, tmp_path: Path) -> None:
    ran = run("curate", "choices", "--source", "sample-choices", "--vault", tmp_path / "v", "--no-page", "--no-gate")
    assert (ran.code, "exam questions" in ran.err) == (2, True)


def test_killed_at_any_moment_the_vault_still_opens_every_dataset_there_is(
    run, tmp_path: Path, shared_data: Path
) -> None:
    assert run("ingest", "tagged", "--from", written(tmp_path / "mine.jsonl", SMALL)).code == 0
    vault, dataset = tmp_path / "v", tmp_path / "runs" / "datasets" / "tagged_dialogues"
    env = {**os.environ, "XINHENG_RUNS": str(tmp_path / "runs"), "XINHENG_DATA": str(shared_data)}
    command = [XINHENG, "curate", "tagged_dialogues", "--source", "tagged", "--vault", vault, "--no-gate", "--no-page"]
    began = time.monotonic()
    subprocess.run(command, env=env, check=True, capture_output=True)
    duration_s = time.monotonic() - began
    draw, killed = random.Random(7), 0
    for _ in range(6):
        vault.unlink(missing_ok=True)
        process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(draw.uniform(0.3, duration_s))
        process.send_signal(signal.SIGKILL)
        killed += process.wait(timeout=60) == -signal.SIGKILL
        if vault.exists():
            open_vault(vault, passphrase=SECRET)
    assert killed >= 3
    last = subprocess.run(command, env=env, check=False, capture_output=True, text=True)
    assert last.returncode == 0, last.stderr
    text = first_text(dataset, "電話")
    assert reveal(text, "C1", open_vault(vault, passphrase=SECRET)).endswith("我叫王小美，電話0912345678")
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


@pytest.mark.parametrize("command", ["privacy", "reveal", "forget"])
def test_its_commands_have_help_with_an_example(run, command: str) -> None:
    ran = run(command, "--help")
    assert (ran.code, f"Example: xinheng {command}" in ran.out) == (0, True)

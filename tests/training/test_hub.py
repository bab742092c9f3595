"""What is pushed: weights, tokenizer, settings and a card; never what people wrote, and nothing that nobody may use."""

from __future__ import annotations

import json
import shutil
import socket
import sqlite3
from pathlib import Path

import polars as pl
import pytest

from tests.servers.hub_server import TOKEN, served
from tests.servers.tiny_model import tokenizer, write, write_adapter
from training import hub
from training.model_card import card
from xinheng import artifacts
from xinheng.errors import CheckFailed, InputError, ModelError, NetworkError, UsageError
from xinheng.licences import binding, hub_name
from xinheng.marks import CONTAMINATED, new_mark

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")
BASE = "Qwen/Qwen2.5-0.5B"


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch) -> None:
    """Nobody waits for a hub that is away for good."""
    monkeypatch.setattr("xinheng.hub.PAUSES", (0.0,))


@pytest.fixture(scope="module")
def plain(tmp_path_factory) -> Path:
    """An adapter's folder as peft writes it."""
    folder = tmp_path_factory.mktemp("plain")
    made = write_adapter(folder / "adapter", write(folder / "tiny"))
    tokenizer().save_pretrained(made)
    return made


def adapter(plain: Path, folder: Path, *, licences=("CC0-1.0", "CC-BY-NC-4.0"), marks=(), base: str = BASE) -> Path:
    """As `xinheng train` writes it, with a table of what was answered."""
    facts = {
        "title": {"en": "Short: Made", "zh": "短：自製"},
        "base": {"name": base, "identity": None},
        "recipe": {"name": "short", "lora": {"r": 4, "alpha": 8}},
        "licences": [{"licence": one, "rows": 10, "sources": ["made"]} for one in licences],
    }
    files = {path.name: path for path in plain.iterdir() if path.name != "README.md"}
    tables = {"sample": pl.DataFrame({"text": ["what somebody wrote"]})}
    artifacts.write(
        folder, kind="adapter", name="short", tables=tables, facts=facts, marks=marks, copies=files,
        texts={"report.html": "<p>what somebody wrote</p>"},
    )  # fmt: skip
    return folder


def test_only_weights_tokenizer_settings_and_the_card_are_sent(plain: Path, tmp_path: Path) -> None:
    folder = adapter(plain, tmp_path / "a")
    before = {path: path.read_bytes() for path in folder.iterdir()}
    parcel = hub.parcel(folder, "me/short")
    assert {item.name for item in parcel.files} == {
        "README.md", "adapter_config.json", "adapter_model.safetensors", "chat_template.jinja", "tokenizer.json",
        "tokenizer_config.json",
    }  # fmt: skip
    assert {"manifest.json", "report.html", "sample-00000.parquet"} <= set(parcel.stays)
    assert parcel.licence == "CC-BY-NC-4.0"
    assert 'license: "cc-by-nc-4.0"' in parcel.card
    assert f'base_model: "{BASE}"' in parcel.card
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_no_folder_of_this_machine_is_sent(plain: Path, tmp_path: Path) -> None:
    told = shutil.copytree(plain, tmp_path / "told")
    settings = json.loads((told / "tokenizer_config.json").read_text())
    (told / "tokenizer_config.json").write_text(json.dumps({**settings, "name_or_path": str(plain.parent / "tiny")}))
    folder = adapter(told, tmp_path / "a", base=str(plain.parent / "tiny"))
    with pytest.raises(UsageError, match="which model of the hub is its base"):
        hub.parcel(folder, "me/short")
    for base, named in ((BASE, BASE), ("none", None)):
        parcel = hub.parcel(folder, "me/short", base=base)
        texts = b"".join(item.content for item in parcel.files if isinstance(item.content, bytes))
        assert str(plain.parent).encode() not in texts
        settings = next(item.content for item in parcel.files if item.name == "adapter_config.json")
        assert json.loads(settings)["base_model_name_or_path"] == named
    assert "not on the hub" in parcel.card


@pytest.mark.parametrize(
    ("licences", "marks", "match"),
    [
        (("CC0-1.0", "N/A"), (), "nobody may rely on a licence"),
        (("yours",), (), "nobody may rely on a licence"),
        (("unknown",), (), "nobody may rely on a licence"),
        ((), (), "no record of the rows"),
        (
            ("CC0-1.0",),
            [new_mark(CONTAMINATED, [{"benchmark": "imhi", "kind": "same", "split": "train", "rows": 3}])],
            "marked: not to be trained on unasked",
        ),
    ],
)
def test_what_nobody_may_use_or_believe_is_refused_unless_named(
    licences, marks, match: str, plain: Path, tmp_path: Path
) -> None:
    folder = adapter(plain, tmp_path / "a", licences=licences, marks=marks)
    with pytest.raises(CheckFailed, match=match):
        hub.parcel(folder, "me/short")
    told = hub.parcel(folder, "me/short", allow={CONTAMINATED, hub.UNLICENSED}).card
    assert ("imhi" in told) == bool(marks)
    assert ("No licence is known" in told) == (not marks)


def test_what_was_said_in_confidence_is_refused_whatever_is_named(plain: Path, tmp_path: Path) -> None:
    folder = adapter(plain, tmp_path / "a", licences=("CC0-1.0", "private"))
    for allow in (set(), {CONTAMINATED, hub.UNLICENSED}):
        with pytest.raises(CheckFailed, match="said in confidence"):
            hub.parcel(folder, "me/short", allow=allow)


def journal(folder: Path) -> None:
    with sqlite3.connect(folder / "anything.bin") as file:
        file.execute("create table reply (text)")


def vault(folder: Path) -> None:
    (folder / "study.vault").write_text(json.dumps({"format": "xinheng-vault-1", "salt": "x"}))


def optimiser(folder: Path) -> None:
    (folder / "optimizer.pt").write_bytes(b"x")


def checkpoint(folder: Path) -> None:
    (folder / "checkpoint-12").mkdir()


@pytest.mark.parametrize("put", [journal, vault, optimiser, checkpoint])
def test_a_folder_with_secrets_or_state_is_refused_whatever_is_allowed(put, plain: Path, tmp_path: Path) -> None:
    folder = adapter(plain, tmp_path / "a")
    put(folder)
    with pytest.raises(CheckFailed, match="must not leave this machine"):
        hub.parcel(folder, "me/short", allow={CONTAMINATED, hub.UNLICENSED})


def test_what_is_no_adapter_or_changed_since_is_refused(plain: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="neither an adapter nor a model"):
        hub.parcel(tmp_path, "me/short")
    for name in ("short", "me/", "a/b/c", "me/sh ort"):
        with pytest.raises(UsageError, match="no name of the hub"):
            hub.parcel(plain, name)
    folder = adapter(plain, tmp_path / "a")
    (folder / "adapter_model.safetensors").write_bytes(b"other")
    with pytest.raises(CheckFailed, match="not as it was written"):
        hub.parcel(folder, "me/short")


def test_all_of_it_arrives_as_one_commit(plain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parcel = hub.parcel(adapter(plain, tmp_path / "a"), "me/short", private=True)
    with served() as there:
        _online(monkeypatch, there.address)
        address = hub.send(parcel, message="Sent")
        assert address == f"{there.address}/me/short/commit/{'1' * 40}"
        assert there.repos == {"me/short": True}
        assert there.commits == ["Sent"]
        assert {name: len(content) for name, content in there.files.items()} == {
            item.name: item.size for item in parcel.files
        }
        assert there.files["adapter_model.safetensors"] == (plain / "adapter_model.safetensors").read_bytes()
        assert there.files["README.md"].decode() == parcel.card
        hub.send(parcel, message="Again")  # into the repository that is there
        assert there.commits == ["Sent", "Again"]


def _online(monkeypatch: pytest.MonkeyPatch, address: str, token: str = TOKEN) -> None:
    from huggingface_hub import constants

    monkeypatch.setenv("HF_ENDPOINT", address)
    monkeypatch.setenv("HF_TOKEN", token)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)


def test_without_token_leave_or_network_it_is_one_message(
    plain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    parcel = hub.parcel(adapter(plain, tmp_path / "a"), "me/short")
    with served() as there:
        _online(monkeypatch, there.address, "hf_other")
        with pytest.raises(ModelError, match="the hub refuses") as refused:
            hub.send(parcel, message="Sent")
        assert "hf_other" not in str(refused.value)
        _online(monkeypatch, there.address)
        there.refuse["/commit/"] = 400
        with pytest.raises(NetworkError, match="did not take it: have status 400"):
            hub.send(parcel, message="Sent")
        assert there.files == {}
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    _online(monkeypatch, f"http://127.0.0.1:{port}")
    with pytest.raises(NetworkError, match="cannot be reached"):
        hub.send(parcel, message="Sent")
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "none"))
    with pytest.raises(ModelError, match="no token"):
        hub.send(parcel, message="Sent")


def test_what_is_to_be_sent_can_be_laid_ready(plain: Path, tmp_path: Path) -> None:
    parcel = hub.parcel(adapter(plain, tmp_path / "a"), "me/short")
    ready = hub.laid_out(parcel, tmp_path / "ready")
    assert {path.name: path.stat().st_size for path in ready.iterdir()} == {i.name: i.size for i in parcel.files}
    hub.laid_out(parcel, tmp_path / "ready")
    shutil.rmtree(tmp_path / "a")
    assert (ready / "adapter_model.safetensors").stat().st_size > 0


def test_the_most_restrictive_licence_binds() -> None:
    assert binding(["CC0-1.0", "MIT", "CC-BY-4.0"]) == "CC-BY-4.0"
    assert binding(["CC-BY-NC-4.0", "CC-BY-SA-4.0", "llama3"]) == "CC-BY-NC-4.0"
    assert binding(["private", "CC-BY-NC-ND-4.0"]) == "private"
    assert [hub_name(one) for one in ("CC0-1.0", "MIT", "CC-BY-NC-SA-4.0", "CC BY 3.0", "mine")] == [
        "cc0-1.0", "mit", "cc-by-nc-sa-4.0", "cc-by-3.0", "other",
    ]  # fmt: skip


def test_the_bases_licence_binds_a_model_that_holds_its_weights() -> None:
    facts = {"base": {"name": BASE, "licence": "cc-by-nc-sa-4.0"}, "licences": [{"licence": "MIT", "rows": 1}]}
    assert 'license: "cc-by-nc-sa-4.0"' in card("model", facts, base=BASE)

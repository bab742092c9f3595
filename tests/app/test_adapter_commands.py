"""`xinheng merge`, `quantise` and `push`: whole artifacts that remember what they were made from, or one message."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli import app
from tests.app.test_training import dataset, trained
from tests.servers.hub_server import TOKEN, served
from tests.servers.tiny_model import write
from xinheng import artifacts
from xinheng.errors import ArtifactError, CheckFailed, InputError, ModelError, UsageError
from xinheng.marks import CONTAMINATED, new_mark

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")
MARK = new_mark(CONTAMINATED, [{"benchmark": "imhi", "kind": "same", "split": "train", "rows": 3}])
TAGS = """
from training.recipe import Lora, Training
RECIPE = Training(title={"en": "Tags", "zh": "標記"}, lora=Lora(r=4, alpha=8, targets=("q_proj",)), form="tagged",
                  context=512, batch=4, accumulation=1, epochs=None, steps=4, rate=1e-2, tag_tokens=True)
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A base, and adapters: one of open rows, one of closed and marked rows."""
    folder = tmp_path_factory.mktemp("made")
    base = write(folder / "tiny")
    (folder / "one").mkdir()
    (folder / "two").mkdir()
    assert trained(folder / "one", base).exit_code == 0
    closed = dataset(folder / "closed", licence="CC-BY-NC-4.0", marks=[MARK])
    assert trained(folder / "two", base, "--allow-contaminated", data=closed).exit_code == 0
    return folder


def xinheng(*words: object):
    return CliRunner().invoke(app, [str(word) for word in words])


def said(spec: str) -> str:
    from xinheng.chat.connect import connect
    from xinheng.messages import Message, Want

    async def answered() -> str:
        chat = connect(spec)
        try:
            return (await chat([Message("user", "睡不好")], want=Want(max_tokens=12, temperature=0.0))).text
        finally:
            await chat.close()

    return asyncio.run(answered())


def test_two_adapters_become_one_that_remembers_both(made: Path, tmp_path: Path) -> None:
    one, two = made / "one" / "adapter", made / "two" / "adapter"
    told = xinheng(
        "merge", made / "tiny", one, two, "--weights", "0.5,0.25", "--out", tmp_path / "both",
        "--data", made / "one" / "data", "--data", made / "closed", "--json",
    )  # fmt: skip
    assert told.exit_code == 0, told.output
    both = artifacts.open_artifact(tmp_path / "both")
    facts = both.manifest["facts"]
    assert both.kind == "adapter"
    assert artifacts.verify(both) == []
    assert [parent["digest"] for parent in both.manifest["parents"]] == [
        artifacts.open_artifact(adapter).digest for adapter in (one, two)
    ]
    assert [mark["mark"] for mark in both.marks] == [CONTAMINATED]
    assert {row["licence"] for row in facts["licences"]} == {"CC0-1.0", "CC-BY-NC-4.0"}
    assert [one["weight"] for one in facts["adapters"]] == [0.5, 0.25]
    assert facts["interference"]["apart"] == pytest.approx(0.0, abs=1e-4)
    loss = both.scan("loss").collect()
    assert loss["rows"].to_list() == [4, 4]
    assert loss["split"].to_list() == ["validation", "validation"]
    assert json.loads(told.stdout)["pairs"] == both.scan("interference").collect().to_dicts()
    assert "cc-by-nc-4.0" in (tmp_path / "both" / "README.md").read_text()
    assert said(f"local:{made / 'tiny'}+{tmp_path / 'both'}")
    # What it is on is known by its digest, as of an adapter that was trained.
    other = write(tmp_path / "tiny", seed=9)
    assert isinstance(xinheng("merge", other, tmp_path / "both", "--out", tmp_path / "no").exception, InputError)


def test_an_adapter_with_tokens_of_its_own_is_served_and_merged_and_says_the_same(made: Path, tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    (tmp_path / "tags.py").write_text(TAGS)
    curated = xinheng("curate", "tagged_dialogues", "--limit", 40, "--out", tmp_path / "tagged")
    assert curated.exit_code == 0, curated.output
    told = xinheng(
        "train", tmp_path / "tags.py", "--base", made / "tiny", "--data", tmp_path / "tagged", "--out", tmp_path / "a"
    )
    assert told.exit_code == 0, told.output
    whole = xinheng("merge", made / "tiny", tmp_path / "a", "--out", tmp_path / "whole")
    assert whole.exit_code == 0, whole.output
    facts = artifacts.open_artifact(tmp_path / "whole").manifest["facts"]
    words = AutoTokenizer.from_pretrained(tmp_path / "whole")
    assert facts["special_tokens"] > 100
    assert facts["proof"]["tokens"] == len(words.get_added_vocab())
    assert len(words("<|begin|><|user|><|assistant|><|end|>", add_special_tokens=False)["input_ids"]) == 4
    answer = said(f"local:{made / 'tiny'}+{tmp_path / 'a'}")
    assert said(f"local:{tmp_path / 'whole'}") == answer
    assert answer != said(f"local:{made / 'tiny'}")
    small = xinheng("quantise", tmp_path / "whole", "--to", "nf4", "--out", tmp_path / "small", "--json")
    assert small.exit_code == 0, small.output
    shown = json.loads(small.stdout)
    assert shown["quantised"]["bytes_after"] < shown["quantised"]["bytes_before"]
    assert shown["quantised"]["tokens"] == facts["proof"]["tokens"]
    again = AutoTokenizer.from_pretrained(tmp_path / "small")
    assert again.get_added_vocab() == words.get_added_vocab()
    assert said(f"local:{tmp_path / 'small'}")
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_a_dry_run_shows_all_that_a_push_sends(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    folder = made / "one" / "adapter"
    words = ("push", folder, "me/short", "--base", "Qwen/Qwen2.5-0.5B", "--json")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    shown = xinheng(*words, "--dry-run")
    assert shown.exit_code == 0, shown.output
    told = json.loads(shown.stdout)
    with served() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.address)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        assert xinheng(*words).exit_code == 0
        assert {one["name"]: one["bytes"] for one in told["files"]} == {n: len(b) for n, b in hub.files.items()}
        assert hub.files["README.md"].decode() == told["card"]


def test_without_a_token_all_of_it_lies_ready(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import shutil

    from huggingface_hub import constants

    folder = shutil.copytree(made / "one" / "adapter", tmp_path / "mine")
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "none"))
    error = xinheng("push", folder, "me/short", "--base", "none").exception
    assert isinstance(error, ModelError)
    assert f"Later: hf upload me/short {tmp_path / 'mine-to-push'} ." in str(error)
    assert (tmp_path / "mine-to-push" / "adapter_model.safetensors").is_file()


def test_a_marked_adapter_is_pushed_only_by_name(made: Path) -> None:
    words = ("push", made / "two" / "adapter", "me/short", "--base", "none", "--dry-run")
    assert isinstance(xinheng(*words).exception, CheckFailed)
    told = xinheng(*words, "--allow-contaminated")
    assert told.exit_code == 0
    assert "contaminated: 3 rows of imhi in train" in told.stdout


@pytest.mark.parametrize(
    ("words", "error", "match"),
    [
        (("--weights", "1,2"), UsageError, "weights that do not fit: want 1"),
        (("--weights", "x"), UsageError, "weights that are no numbers"),
        (("--into", "adapter"), UsageError, "one adapter is one already"),
        (("--into", "both"), UsageError, "no such kind"),
        (("--way", "best"), UsageError, "no such way"),
    ],
)
def test_what_does_not_fit_is_said_before_anything_is_loaded(words, error, match, made: Path, tmp_path: Path) -> None:
    told = xinheng("merge", made / "tiny", made / "one" / "adapter", "--out", tmp_path / "out", *words)
    assert isinstance(told.exception, error)
    assert match in str(told.exception)
    assert list(tmp_path.iterdir()) == []


def test_nobodys_folder_is_written_over(made: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    adapter = made / "one" / "adapter"
    for out, error in ((tmp_path / "mine", ArtifactError), (adapter, UsageError), (made / "tiny" / "x", UsageError)):
        assert isinstance(xinheng("merge", made / "tiny", adapter, "--out", out).exception, error)
        assert isinstance(
            xinheng("quantise", made / "tiny", "--to", "nf4", "--out", made / "tiny").exception, UsageError
        )
    assert (tmp_path / "mine" / "notes.txt").read_text() == "mine"


def test_quantise_says_what_it_cannot(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XINHENG_GGUF_CONVERTER", raising=False)
    monkeypatch.setenv("PATH", "")
    for words, match in (
        (("--to", "int4"), "no such kind"),
        (("--to", "nf4", "--type", "q8_0"), "no such type"),
        (("--to", "gguf", "--type", "q4_k_m"), "ollama create --quantize"),
        (("--to", "gguf"), "no converter to GGUF"),
        (("--to", "nf4", "--text", str(tmp_path / "none.txt")), "cannot be read"),
    ):
        told = xinheng("quantise", made / "tiny", "--out", tmp_path / "out", *words)
        assert match in str(told.exception)
    assert list(tmp_path.iterdir()) == []

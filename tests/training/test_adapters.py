"""Adapters: new tokens have one id and rows of their own, and what is saved is what was trained."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.servers.tiny_model import write
from tests.training.test_sft import RECIPE, SAID
from training.adapters import prove, require_base, save
from training.load import ready
from training.merge import into_base
from training.render import rendered, writer
from training.sft import train
from xinheng.errors import CheckFailed, InputError, WriteError
from xinheng.tags import DEFAULT

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")
# The tiny model has tokens for structure already.
NEW = {token: f"the tag {token.strip('<|>')}" for token in DEFAULT.special_tokens if "_" in token and len(token) < 18}


@pytest.fixture(scope="module", params=[False, True], ids=["untied", "tied"])
def base(request, tmp_path_factory) -> Path:
    folder = write(tmp_path_factory.mktemp("base") / "tiny")
    if request.param:
        import torch
        from transformers import AutoConfig, AutoModelForCausalLM

        config = AutoConfig.from_pretrained(folder)
        config.tie_word_embeddings = True
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(1)
            AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    return folder


def trained(base: Path, folder: Path, *, seed: int = 3, new: dict[str, str] = NEW):
    recipe = replace(RECIPE, epochs=1, seed=seed)
    made = ready(str(base), recipe, new=new)
    token = next(iter(new), "")
    said = [(key, [{**messages[0], "content": token + messages[0]["content"]}, messages[1]]) for key, messages in SAID]
    rows = rendered(made.words, said, write=writer(made.words, "tagged" if new else "template"), context=128).rows
    train(made, rows, [], recipe, folder)
    return made


def test_new_tokens_begin_as_the_mean_of_their_meaning(base: Path) -> None:
    import torch

    made = ready(str(base), RECIPE, new=NEW)
    matrix = made.model.get_base_model().get_input_embeddings()
    rows = matrix(torch.tensor(list(made.new_tokens)))
    assert len(made.new_tokens) == len(NEW) > 5
    for row, token in zip(rows, NEW, strict=True):
        (index,) = made.words(token, add_special_tokens=False)["input_ids"]
        assert index in made.new_tokens
        meaning = matrix(torch.tensor(made.words(NEW[token], add_special_tokens=False)["input_ids"]))
        assert torch.allclose(row, meaning.mean(dim=0), atol=1e-5)


def test_only_the_new_rows_and_the_adapters_are_trained(base: Path, tmp_path: Path) -> None:
    import torch

    before = ready(str(base), replace(RECIPE, epochs=1), new=NEW)
    made = trained(base, tmp_path / "run")
    all_ids = torch.arange(len(made.words))
    first, after = (m.model.get_base_model().get_input_embeddings()(all_ids) for m in (before, made))
    changed = set((first != after).any(dim=1).nonzero().flatten().tolist())
    assert changed
    assert changed <= set(made.new_tokens)


def test_what_is_saved_read_back_merged_and_served_is_what_was_trained(base: Path, tmp_path: Path) -> None:
    from xinheng.chat.connect import connect
    from xinheng.messages import Message, Want

    made = trained(base, tmp_path / "run")
    save(made, tmp_path / "adapter", base=str(base))
    proof = prove(made, tmp_path / "adapter", str(base))
    assert proof.tokens == len(NEW)
    assert proof.largest < 1e-3
    checked = into_base(str(base), tmp_path / "adapter", tmp_path / "whole")
    assert checked.largest < 1e-3
    assert checked.tokens >= len(NEW)

    async def said(spec: str) -> str:
        chat = connect(spec)
        try:
            return (await chat([Message("user", "睡不好")], want=Want(max_tokens=12, temperature=0.0))).text
        finally:
            await chat.close()

    served = asyncio.run(said(f"local:{base}+{tmp_path / 'adapter'}"))
    assert served == asyncio.run(said(f"local:{tmp_path / 'whole'}"))
    assert served != asyncio.run(said(f"local:{base}"))


def test_a_token_that_the_base_has_no_row_for_is_the_same_each_time(tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    base = write(tmp_path / "tiny")
    short = AutoModelForCausalLM.from_pretrained(base)
    short.resize_token_embeddings(short.config.vocab_size - 3)
    short.save_pretrained(base)
    made, again = (ready(str(base), RECIPE, new=NEW) for _ in range(2))
    rows, others = (m.model.get_base_model().get_input_embeddings().weight for m in (made, again))
    assert (rows == others).all()
    assert (rows[short.config.vocab_size : made.new_tokens[0]] == 0).all()
    save(made, tmp_path / "adapter", base=str(base))
    assert prove(made, tmp_path / "adapter", str(base)).largest < 1e-3


def test_an_adapter_that_was_damaged_is_found(base: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    made = trained(base, tmp_path / "run")
    save(made, tmp_path / "adapter", base=str(base))
    file = tmp_path / "adapter" / "adapter_model.safetensors"
    tensors = load_file(file)
    save_file({name: value + 0.5 for name, value in tensors.items()}, file)
    with pytest.raises(CheckFailed, match="not what was trained"):
        prove(made, tmp_path / "adapter", str(base))


def test_an_adapter_lies_beside_its_tokenizer_and_names_its_base_from_anywhere(base: Path, tmp_path: Path) -> None:
    import os

    from peft import AutoPeftModelForCausalLM
    from transformers import AutoTokenizer

    made = trained(base, tmp_path / "run")
    save(made, tmp_path / "adapter", base=os.path.relpath(base))
    assert len(AutoTokenizer.from_pretrained(tmp_path / "adapter")) == len(made.words)
    assert (tmp_path / "adapter" / "chat_template.jinja").is_file()
    assert json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())["base_model_name_or_path"] == str(
        base
    )
    assert AutoPeftModelForCausalLM.from_pretrained(tmp_path / "adapter").peft_config


def test_an_adapter_knows_its_base_by_what_is_in_it_not_by_its_folders_name(base: Path, tmp_path: Path) -> None:
    save(trained(base, tmp_path / "run", new={}), tmp_path / "adapter", base=str(base))
    moved = shutil.copytree(base, tmp_path / "moved")
    require_base(str(moved), tmp_path / "adapter")
    other = write(tmp_path / "other" / base.name, seed=11)
    with pytest.raises(InputError, match="for another base"):
        require_base(str(other), tmp_path / "adapter")
    with pytest.raises(InputError, match="no adapter"):
        require_base(str(base), tmp_path)


def test_names_of_the_hub_are_compared_whole_and_those_of_folders_that_are_gone_by_their_last_part(
    tmp_path: Path,
) -> None:
    def named(base: str) -> Path:
        (tmp_path / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": base}))
        return tmp_path

    require_base("one/model", named("one/model"))
    require_base("one/model", named("/gone/models/model"))
    for other in ("two/model", "/gone/models/other"):
        with pytest.raises(InputError, match="for another base"):
            require_base("one/model", named(other))


def test_a_full_disk_is_one_message_and_the_old_adapter_stays(tmp_path: Path) -> None:
    base = write(tmp_path / "tiny")
    save(trained(base, tmp_path / "run", new={}), tmp_path / "adapter", base=str(base))
    before = {path.name: path.read_bytes() for path in (tmp_path / "adapter").iterdir()}
    # A limit on the size of files is what a full disk is to a program: writing fails in the middle.
    program = """
import resource, sys
from pathlib import Path
from dataclasses import replace
from tests.training.test_sft import RECIPE
from training.adapters import save
from training.load import ready
made = ready(sys.argv[1], replace(RECIPE, lora=replace(RECIPE.lora, r=64)))
resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))  # room for all but the weights
save(made, Path(sys.argv[2]), base=sys.argv[1])
"""
    ran = subprocess.run(
        [sys.executable, "-c", program, str(base), str(tmp_path / "adapter")],
        capture_output=True, text=True, cwd=Path(__file__).parents[2], check=False,
    )  # fmt: skip
    assert f"{WriteError.__name__}: {tmp_path / 'adapter'}: the adapter cannot be written" in ran.stderr
    assert {path.name: path.read_bytes() for path in (tmp_path / "adapter").iterdir()} == before
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]

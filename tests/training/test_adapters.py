"""Adapters: new tokens have one id and rows of their own, and what is saved is what was trained."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from tests.servers.tiny_model import write
from tests.training.test_sft import RECIPE, SAID
from training.adapters import merged, prove, save
from training.load import ready
from training.render import rendered, writer
from training.sft import train
from xinheng.errors import CheckFailed, InputError
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
    rows = rendered(made.words, said, write=writer(made.words, "template"), context=128).rows
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
    assert merged(str(base), {str(tmp_path / "adapter"): 1.0}, tmp_path / "whole") == {
        str(tmp_path / "adapter"): pytest.approx(1.0)
    }

    async def said(spec: str) -> str:
        chat = connect(spec)
        try:
            return (await chat([Message("user", "睡不好")], want=Want(max_tokens=12, temperature=0.0))).text
        finally:
            await chat.close()

    served = asyncio.run(said(f"local:{base}+{tmp_path / 'adapter'}"))
    assert served == asyncio.run(said(f"local:{tmp_path / 'whole'}"))
    assert served != asyncio.run(said(f"local:{base}"))


def test_an_adapter_that_was_damaged_is_found(base: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    made = trained(base, tmp_path / "run")
    save(made, tmp_path / "adapter", base=str(base))
    file = tmp_path / "adapter" / "adapter_model.safetensors"
    tensors = load_file(file)
    save_file({name: value + 0.5 for name, value in tensors.items()}, file)
    with pytest.raises(CheckFailed, match="not what was trained"):
        prove(made, tmp_path / "adapter", str(base))


def test_two_adapters_merged_tell_how_much_of_each_is_left(base: Path, tmp_path: Path) -> None:
    for seed in (1, 2):
        save(trained(base, tmp_path / f"run{seed}", seed=seed, new={}), tmp_path / f"a{seed}", base=str(base))
    both = {str(tmp_path / f"a{seed}"): 0.5 for seed in (1, 2)}
    left = merged(str(base), both, tmp_path / "whole")
    assert all(0.2 < share < 1.0 for share in left.values())
    one = str(tmp_path / "a1")
    assert merged(str(base), {one: 0.25}, tmp_path / "quarter") == {one: pytest.approx(0.25)}
    save(trained(base, tmp_path / "run3"), tmp_path / "a3", base=str(base))
    with pytest.raises(InputError, match="special tokens of its own"):
        merged(str(base), {**both, str(tmp_path / "a3"): 0.5}, tmp_path / "no")
    with pytest.raises(InputError, match="no adapter"):
        merged(str(base), {str(tmp_path): 1.0}, tmp_path / "no")
    with pytest.raises(InputError, match="for another base"):
        merged("elsewhere/other", both, tmp_path / "no")

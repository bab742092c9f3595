"""Merging: the sum is exact, what peft's ways lose is told, and nothing is written that does not answer as before."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers.tiny_model import write, write_adapter
from training.merge import WAYS, into_base, into_one
from training.merge_loss import losses
from xinheng.errors import CheckFailed, InputError, UsageError, WriteError

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    return write(tmp_path_factory.mktemp("base") / "tiny")


@pytest.fixture(scope="module")
def two(base: Path, tmp_path_factory) -> list[Path]:
    folder = tmp_path_factory.mktemp("adapters")
    return [write_adapter(folder / f"a{seed}", base, seed=seed) for seed in (1, 2)]


def change(base: Path, adapter: Path) -> dict:
    """What an adapter adds to each matrix, by its own files."""
    from safetensors.torch import load_file

    tensors = load_file(adapter / "adapter_model.safetensors")
    told = json.loads((adapter / "adapter_config.json").read_text())
    return {
        name.removesuffix(".lora_A.weight"): tensors[name.replace("lora_A", "lora_B")]
        @ tensor
        * (told["lora_alpha"] / told["r"])
        for name, tensor in tensors.items()
        if "lora_A" in name
    }


def logits(folder: Path, adapter: Path | None = None):
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    if adapter is not None:
        model = PeftModel.from_pretrained(model, adapter)
    with torch.no_grad():
        return model.eval()(input_ids=torch.tensor([[9, 80, 33, 200, 5]])).logits


def test_the_merged_adapter_is_the_weighted_sum_and_what_interferes_is_counted(
    base: Path, two: list[Path], tmp_path: Path
) -> None:
    import torch

    told, checked = into_one(str(base), {str(two[0]): 0.7, str(two[1]): -0.4}, tmp_path / "both")
    first, second = (change(base, adapter) for adapter in two)
    both = change(base, tmp_path / "both")
    for place, merged in both.items():
        assert torch.allclose(merged, 0.7 * first[place] - 0.4 * second[place], atol=1e-5)
    one, other = (torch.cat([part.flatten() for part in parts.values()]) for parts in (first, second))
    (pair,) = told.pairs
    assert pair.cosine == pytest.approx(-float(torch.cosine_similarity(one, other, dim=0)), abs=1e-5)
    assert pair.conflicts == pytest.approx(float((one * other > 0).float().mean()), abs=1e-5)
    assert (told.norm, told.apart) == (pytest.approx(1.0, abs=1e-5), pytest.approx(0.0, abs=1e-5))
    assert told.kept == pytest.approx(float((0.7 * one - 0.4 * other).norm() / (0.7 * one.norm() + 0.4 * other.norm())))
    assert checked.largest <= 1e-3 * checked.logit


def test_the_sum_is_exact_for_adapters_of_other_shapes_scales_and_places(base: Path, tmp_path: Path) -> None:
    import torch
    from peft import LoraConfig, get_peft_model

    patterns = {"rank_pattern": {"q_proj": 2}, "alpha_pattern": {"down_proj": 32}}
    settings = (
        {"r": 4, "lora_alpha": 16, "use_rslora": True, "target_modules": ["q_proj", "embed_tokens"]},
        {"r": 8, **patterns, "target_modules": ["q_proj", "down_proj"]},
    )
    places, weights = [], (0.5, -0.7)
    for seed, one in enumerate(settings):
        model = get_peft_model(_model(base), LoraConfig(**one))
        random = torch.Generator().manual_seed(seed)
        for name, weight in model.named_parameters():
            if "lora_B" in name or "lora_embedding" in name:
                weight.data = torch.randn(weight.shape, generator=random) * 0.1
        model.save_pretrained(tmp_path / f"a{seed}", save_embedding_layers=False)
        places.append(tmp_path / f"a{seed}")
    told, _ = into_one(str(base), dict(zip(map(str, places), weights, strict=True)), tmp_path / "both")
    assert told.apart == pytest.approx(0.0, abs=1e-4)
    # By hand: each adapter merged with its weight, one after another.
    into_base(str(base), places[0], tmp_path / "first", weight=weights[0])
    again = _renamed(places[1], tmp_path / "again", base="first")
    into_base(str(tmp_path / "first"), again, tmp_path / "second", weight=weights[1])
    want = logits(tmp_path / "second")
    assert torch.allclose(logits(base, tmp_path / "both"), want, atol=1e-3 * float(want.abs().max()))


def _renamed(adapter: Path, folder: Path, *, base: str) -> Path:
    """An adapter that says of its base no more than a name."""
    shutil.copytree(adapter, folder)
    settings = json.loads((folder / "adapter_config.json").read_text())
    (folder / "adapter_config.json").write_text(json.dumps({**settings, "base_model_name_or_path": base}))
    return folder


def test_an_adapter_and_its_opposite_leave_nothing(base: Path, two: list[Path], tmp_path: Path) -> None:
    same = shutil.copytree(two[0], tmp_path / "same")
    told, _ = into_one(str(base), {str(two[0]): 1.0, str(same): -1.0}, tmp_path / "none")
    assert (told.pairs[0].cosine, told.pairs[0].conflicts) == (pytest.approx(-1.0), 1.0)
    assert told.kept == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("way", [way for way in WAYS if way != "cat"])
def test_every_way_of_pefts_tells_how_far_from_the_sum_it_is(
    way: str, base: Path, two: list[Path], tmp_path: Path
) -> None:
    weights = {str(adapter): 0.5 for adapter in two}
    told, _ = into_one(str(base), weights, tmp_path / "one", way=way, seed=4)
    again, _ = into_one(str(base), weights, tmp_path / "two", way=way, seed=4)
    assert told == again
    assert told.apart > 0.01
    assert all(left is not None for left in told.left.values())


def test_one_adapter_merged_is_a_model_of_its_own(base: Path, two: list[Path], tmp_path: Path) -> None:
    import torch

    checked = into_base(str(base), two[0], tmp_path / "whole")
    assert torch.allclose(logits(tmp_path / "whole"), logits(base, two[0]), atol=1e-3)
    assert not torch.allclose(logits(tmp_path / "whole"), logits(base), atol=0.1)
    names = {path.name for path in (tmp_path / "whole").iterdir()}
    assert names >= {
        "model.safetensors",
        "config.json",
        "generation_config.json",
        "tokenizer.json",
        "chat_template.jinja",
    }
    assert checked.parameters == sum(w.numel() for w in _model(base).parameters())
    into_base(str(base), two[0], tmp_path / "half", weight=0.5)
    assert not torch.allclose(logits(tmp_path / "half"), logits(tmp_path / "whole"), atol=0.1)


def _model(folder: Path):
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_weights_keep_the_type_of_the_base(dtype: str, base: Path, two: list[Path], tmp_path: Path) -> None:
    import torch

    _model(base).to(getattr(torch, dtype)).save_pretrained(tmp_path / "tiny")
    for file in base.glob("*token*"):
        shutil.copy(file, tmp_path / "tiny")
    adapter = _renamed(two[0], tmp_path / "adapter", base="tiny")
    checked = into_base(str(tmp_path / "tiny"), adapter, tmp_path / "whole")
    assert checked.dtype == dtype
    assert _model(tmp_path / "whole").dtype == getattr(torch, dtype)
    assert 0 < checked.largest <= checked.tolerance * checked.logit


def test_what_does_not_answer_as_before_is_not_kept(
    base: Path, two: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from training import merge_check

    monkeypatch.setitem(merge_check.TOLERANCE, "float32", 0.0)
    with pytest.raises(CheckFailed, match="not what was merged; nothing was kept"):
        into_base(str(base), two[0], tmp_path / "whole", weight=0.3)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_one_message_and_nothing_is_left(base: Path, two: list[Path], tmp_path: Path) -> None:
    # A limit on the size of files is what a full disk is to a program: writing fails in the middle.
    program = """
import resource, sys
from pathlib import Path
from training.merge import into_base
resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
into_base(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
"""
    ran = subprocess.run(
        [sys.executable, "-c", program, base, two[0], tmp_path / "out"],
        capture_output=True, text=True, cwd=Path(__file__).parents[2], check=False,
    )  # fmt: skip
    assert f"WriteError: {tmp_path / 'out'}: the merged model cannot be written" in ran.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_loss_of_each_adapters_rows_before_and_after(base: Path, two: list[Path], tmp_path: Path) -> None:
    from tests.training.test_sft import prepared

    rows = prepared(base)[1][:4]
    into_one(str(base), {str(adapter): 0.5 for adapter in two}, tmp_path / "both")
    told = losses(str(base), {"one": two[0], "two": two[1]}, tmp_path / "both", {"one": rows, "two": rows[:2]})
    assert set(told) == {"one", "two"}
    assert len({round(value, 4) for value in told["one"].values()}) == 3
    whole = into_base(str(base), two[0], tmp_path / "whole")
    assert whole
    from training.merge_loss import loss

    assert told["one"]["alone"] == pytest.approx(loss(_model(tmp_path / "whole"), rows), rel=1e-4)
    assert told["one"]["base"] == pytest.approx(loss(_model(base), rows), rel=1e-4)


def test_what_cannot_be_merged_is_said_before_anything_is_written(base: Path, two: list[Path], tmp_path: Path) -> None:
    weights = {str(adapter): 0.5 for adapter in two}

    def with_settings(name: str, **settings) -> dict[str, float]:
        adapter = shutil.copytree(two[1], tmp_path / name)
        told = json.loads((adapter / "adapter_config.json").read_text())
        (adapter / "adapter_config.json").write_text(json.dumps({**told, **settings}))
        return {str(two[0]): 0.5, str(adapter): 0.5}

    with pytest.raises(InputError, match="special tokens of its own"):
        into_one(str(base), with_settings("tokens", trainable_token_indices={"embed_tokens": [3]}), tmp_path / "no")
    for settings, what in (
        ({"modules_to_save": ["lm_head"]}, "whole layers"),
        ({"target_parameters": ["gate.weight"]}, "mixture's router"),
        ({"bias": "all"}, "biases"),
        ({"use_dora": True}, "DoRA"),
        ({"peft_type": "IA3"}, "kind IA3"),
    ):
        with pytest.raises(InputError, match=what):
            into_one(str(base), with_settings(f"own-{next(iter(settings))}", **settings), tmp_path / "no")
    with pytest.raises(UsageError, match="ties wants adapters of one rank"):
        into_one(str(base), with_settings("rank", r=2), tmp_path / "no", way="ties")
    with pytest.raises(InputError, match="for another base"):
        into_one(str(base), with_settings("rank2", r=2), tmp_path / "no")
    with pytest.raises(InputError, match="no adapter"):
        into_base(str(base), tmp_path, tmp_path / "no")
    with pytest.raises(UsageError, match="no such model on this machine"):
        into_one("elsewhere/other", weights, tmp_path / "no")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    with pytest.raises(WriteError, match="in the way"):
        into_base(str(base), two[0], tmp_path / "mine")
    quantised = shutil.copytree(base, tmp_path / "q" / base.name)
    config = json.loads((quantised / "config.json").read_text())
    (quantised / "config.json").write_text(json.dumps({**config, "quantization_config": {"load_in_4bit": True}}))
    adapter = _renamed(two[0], tmp_path / "elsewhere", base="tiny")
    with pytest.raises(InputError, match="the base is quantised"):
        into_base(str(quantised), adapter, tmp_path / "no")
    assert not (tmp_path / "no").exists()

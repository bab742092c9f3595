"""A plan: what it says of parameters, memory and steps is what a model then has and takes."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from app.cli import app
from app.planning import show
from app.terminal import Terminal
from tests.servers.tiny_model import write
from training.base import adapter_parameters, config_of, empty, followed, known, layers_of
from training.buckets import batches
from training.memory import activations, memory_of
from training.pace import work
from training.packing import shape_of
from training.plan import Lengths, plan
from training.recipe import Lora, Training, load, names
from xinheng.errors import UsageError

# peft asks transformers by an older name.
pytestmark = pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")

MIXTRAL = "mistralai/Mixtral-8x7B-Instruct-v0.1"
RECIPE = Training(title={"en": "t"}, lora=Lora(r=4, alpha=8), batch=2, context=128)


def shape(kind: str):
    from transformers import AutoConfig

    return AutoConfig.for_model(
        kind, vocab_size=512, hidden_size=64, intermediate_size=160, num_hidden_layers=3, num_attention_heads=4,
        num_key_value_heads=2, head_dim=16, pad_token_id=0, tie_word_embeddings=kind == "qwen2",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("base", "parameters"),
    [(MIXTRAL, 46_702_792_704), ("meta-llama/Llama-3.1-8B-Instruct", 8_030_261_248),
     ("Qwen/Qwen2.5-7B-Instruct", 7_615_616_512), ("mistralai/Mistral-7B-Instruct-v0.3", 7_248_023_552),
     ("Qwen/Qwen2.5-0.5B-Instruct", 494_032_768), ("zai-org/glm-4-9b-chat-hf", 9_399_951_360)],
)  # fmt: skip
def test_well_known_bases_have_the_parameters_their_publishers_count(base: str, parameters: int) -> None:
    assert sum(weight.numel() for weight in empty(config_of(base)).parameters()) == parameters


def test_the_printed_figure_of_mixtral_follows_from_another_rank() -> None:
    layers = followed(layers_of(empty(config_of(MIXTRAL))), load("imhi_counselor").lora, who="test")
    assert adapter_parameters(layers, 32) == 31_465_472
    assert adapter_parameters(layers, 16) == 15_732_736


@pytest.mark.parametrize("kind", ["llama", "qwen2", "mistral", "glm"])
@pytest.mark.parametrize("targets", ["all-linear", ("q_proj", "v_proj")])
def test_trainable_parameters_are_those_that_peft_then_trains(kind: str, targets) -> None:
    from peft import LoraConfig, get_peft_model

    model = empty(shape(kind))
    lora = Lora(r=3, alpha=6, targets=targets)
    told = adapter_parameters(followed(layers_of(model), lora, who="test"), lora.r)
    wanted = targets if isinstance(targets, str) else list(targets)
    trained = get_peft_model(model, LoraConfig(r=3, target_modules=wanted, task_type="CAUSAL_LM"))
    assert told == sum(weight.numel() for weight in trained.parameters() if weight.requires_grad)


@pytest.mark.parametrize("kind", ["llama", "qwen2", "glm"])
@pytest.mark.parametrize("half", [False, True])
def test_what_a_real_step_keeps_is_what_was_counted_on_no_device(kind: str, *, half: bool) -> None:
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    config, rows, tokens = shape(kind), 2, 96
    model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16 if half else torch.float32)
    model = get_peft_model(model, LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", task_type="CAUSAL_LM"))
    weights = {weight.untyped_storage().data_ptr() for weight in model.parameters()}
    seen = {}

    def pack(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            seen[storage.data_ptr()] = (storage.nbytes(), tensor)
        return tensor

    ids = torch.zeros((rows, tokens), dtype=torch.long)
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        model(input_ids=ids, labels=ids)
    kept = sum(size for size, _ in seen.values()) + 4 * rows * tokens * config.vocab_size
    told = activations(config, replace(RECIPE, batch=rows), rows=rows, tokens=tokens, half=half)
    assert told == pytest.approx(kept, rel=0.05)


def test_recomputing_and_four_bits_take_less() -> None:
    config = config_of("Qwen/Qwen2.5-0.5B-Instruct")
    plain = memory_of(config, RECIPE, trainable=10, tokens=256, half=True)
    again = memory_of(config, replace(RECIPE, checkpointing=True), trainable=10, tokens=256, half=True)
    packed = memory_of(config, replace(RECIPE, quantisation="nf4"), trainable=10, tokens=256, half=True)
    assert again.activations < plain.activations / 2
    assert packed.weights < plain.weights
    # 494,032,768 parameters, of which 136,134,656 are embeddings and stay in sixteen bits.
    matrices = 357_826_560
    assert packed.weights == pytest.approx((494_032_768 - matrices) * 2 + matrices * (0.5 + 4 / 64), rel=0.001)


def test_a_base_without_the_layers_of_a_recipe_is_refused() -> None:
    with pytest.raises(UsageError, match=r"no layer c_attn.*q_proj"):
        plan(replace(RECIPE, lora=Lora(4, 8, targets=("c_attn",))), "Qwen/Qwen2.5-0.5B-Instruct")
    with pytest.raises(UsageError, match=r"nowhere: no base model"):
        plan(RECIPE, "./nowhere")


def test_steps_and_padding_follow_the_rows() -> None:
    lengths = Lengths(tuple([100] * 10 + [20] * 11), answered=500)
    made = plan(replace(RECIPE, batch=2, accumulation=2, epochs=2), "Qwen/Qwen2.5-0.5B-Instruct", lengths)
    assert made.steps == 12  # 21 rows are 11 batches are 6 steps, twice
    assert made.longest == 100
    assert made.padding is not None
    assert made.padding[0] < made.padding[1]


def test_padding_is_told_as_the_recipe_lays_its_rows() -> None:
    lengths = Lengths(tuple([100, 20, 30, 50] * 9), answered=500)
    told = {
        name: plan(replace(RECIPE, batch=4, **given), "Qwen/Qwen2.5-0.5B-Instruct", lengths).padding
        for name, given in {
            "buckets": {},
            "packed": {"packing": True},
            "preferred": {"method": "dpo", "rows": "preference"},
        }.items()
    }
    assert told["buckets"] is not None
    assert told["packed"] is not None
    assert told["preferred"] is not None
    assert told["buckets"][1] == told["packed"][1] == told["preferred"][0] == told["preferred"][1]
    assert len({told["buckets"][0], told["packed"][0], told["preferred"][0]}) == 3
    # What is then computed, batch by batch: 36 rows in lines of at most 128 tokens.
    made = batches(lengths.tokens, size=4, seed=RECIPE.seed, epoch=0, sort=False)
    whole = sum(math.prod(shape_of([lengths.tokens[i] for i in batch], most=128)) for batch in made)
    assert told["packed"][0] == pytest.approx(1 - sum(lengths.tokens) / whole)


def test_time_follows_what_is_computed() -> None:
    config = config_of("Qwen/Qwen2.5-0.5B-Instruct")
    model, rows = empty(config), [100, 20, 30, 50] * 9

    def of(answered: int = 900, **given) -> float:
        return work(model, config, replace(RECIPE, batch=4, **given), rows, answered, 9)

    # Fewer answered tokens spare the output layer; recomputing costs half as much again, less what is not recomputed.
    head = 2 * 2 * config.vocab_size * config.hidden_size
    assert of(900) - of(0) == pytest.approx(head * 900 * 9 * RECIPE.accumulation / 9)
    assert 1.3 < of(0, checkpointing=True) / of(0) < 1.5
    # Padding is computed as well: rows of one length cost no more than those they stand beside.
    assert work(model, config, replace(RECIPE, batch=36), rows, 0, 9) == pytest.approx(
        work(model, config, replace(RECIPE, batch=36), [100] * 36, 0, 9)
    )
    assert of(packing=True) != of()
    preferred = of(method="dpo", rows="preference")
    assert preferred > 3 * of()
    assert of(method="sft+dpo", rows="preference") == pytest.approx(of() + preferred)


def test_what_is_told_of_padding_names_how_rows_are_laid(capsys: pytest.CaptureFixture[str]) -> None:
    for given_, words in (
        ({}, "in batches of like length ("),
        ({"packing": True}, "in rows end to end ("),
        ({"method": "dpo", "rows": "preference"}, "in shuffled batches\n"),
    ):
        recipe = replace(RECIPE, **given_)
        made = plan(recipe, "Qwen/Qwen2.5-0.5B-Instruct", Lengths((90, 20, 40), 60))
        show(Terminal(as_json=False), made, {"examples": 3, "cut": 0, "unusable": {}}, recipe)
        assert words in capsys.readouterr().out


@given(st.lists(st.integers(1, 500), max_size=300), st.integers(1, 9), st.integers(0, 3))
def test_every_row_is_in_one_batch_of_each_epoch(lengths: list[int], size: int, epoch: int) -> None:
    made = batches(lengths, size=size, seed=1, epoch=epoch)
    assert sorted(row for batch in made for row in batch) == list(range(len(lengths)))
    assert all(0 < len(batch) <= size for batch in made)
    assert made == batches(lengths, size=size, seed=1, epoch=epoch)


@pytest.mark.parametrize("name", names())
def test_every_recipe_can_be_planned_for_every_kind_of_base(name: str) -> None:
    for base in (MIXTRAL, "Qwen/Qwen2.5-0.5B-Instruct"):
        made = plan(load(name), base)
        assert 0 < made.trainable < made.total / 20
        assert made.memory.total > made.memory.weights > 0


def test_the_command_counts_real_rows_with_the_base_s_own_tokens(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("XINHENG_RUNS", str(tmp_path / "runs"))
    base = write(tmp_path / "base")
    told = CliRunner().invoke(
        app, ["plan", "persona", "--base", str(base), "--data", "sample", "--cpu", "--limit", "20", "--json"]
    )
    assert told.exit_code == 0, told.output
    found = json.loads(told.stdout)
    assert found["examples"] == 20
    assert found["rows"] >= 20 - sum(found["unusable"].values())
    assert found["memory_total"] == sum(found["memory"].values())
    refused = CliRunner().invoke(app, ["plan", "tagged_dialogues", "--base", str(base), "--data", "sample-choices"])
    assert "tagged dialogues" in str(refused.exception)


def test_known_bases_are_named_in_the_error() -> None:
    with pytest.raises(UsageError, match=next(iter(known())).split("/")[0]):
        config_of("./nowhere")

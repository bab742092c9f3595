"""Training by preferences: pairs share their prompt to the token, and the chosen answers become likelier."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.servers.tiny_model import tokenizer, write
from tests.training.test_sft import RECIPE
from training import dpo
from training.render import writer
from xinheng.errors import InputError

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")
PAIRS = [
    (f"p{n}", [{"role": "user", "content": f"我睡不好 {n}"}], f"你心裡想到什麼？{n}", f"去睡就好了 {n}")
    for n in range(12)
]
DPO = replace(RECIPE, method="dpo", rows="preference", epochs=3, rate=5e-3)


@pytest.fixture(scope="module")
def words():
    return tokenizer()


def test_both_answers_follow_the_same_prompt(words) -> None:
    made = dpo.pairs_of(words, PAIRS, write=writer(words, "template"), context=200)
    for row in dpo._dataset(made):
        assert "我睡不好" in words.decode(row["prompt_ids"])
        assert words.decode(row["chosen_ids"]).startswith("你心裡")
        assert words.decode(row["rejected_ids"]).startswith("去睡")
        assert words.decode(row["chosen_ids"]).endswith("<|end|>")


def test_long_prompts_lose_their_earliest_turns_and_what_cannot_fit_is_named(words) -> None:
    long = [
        {"role": "system", "content": "You listen."},
        *({"role": role, "content": f"{role} {n} " * 9} for n in range(6) for role in ("user", "assistant")),
        {"role": "user", "content": "last"},
    ]
    pairs = [("long", long, "good", "bad"), ("same", long, "good", "good"), ("huge", long[-1:], "good " * 400, "bad")]
    made = dpo.pairs_of(words, pairs, write=writer(words, "template"), context=200)
    (row,) = made.chosen
    text = words.decode(row.ids)
    assert len(row.ids) <= 200
    assert "You listen." in text
    assert "last" in text
    assert "user 0" not in text
    assert words.decode(row.ids[row.answered]).startswith("good")
    assert made.unusable == {
        "same": "the answers are the same", "huge": "prompt and answer are longer than 200 tokens"
    }  # fmt: skip
    with pytest.raises(InputError, match="no pair is left"):
        dpo.pairs_of(words, pairs[1:], write=writer(words, "template"), context=200)


def test_chosen_answers_become_likelier_than_rejected_ones(tmp_path: Path) -> None:
    import torch

    from training.load import ready

    base = write(tmp_path / "base")
    made = ready(str(base), DPO)
    pairs = dpo.pairs_of(made.words, PAIRS, write=writer(made.words, "template"), context=200)

    def margin() -> float:
        total = 0.0
        made.model.eval()
        for chosen, rejected in zip(pairs.chosen, pairs.rejected, strict=True):
            for row, sign in ((chosen, 1), (rejected, -1)):
                ids = torch.tensor(row.ids.astype(int))[None]
                with torch.no_grad():
                    scores = made.model(input_ids=ids).logits[0, :-1].log_softmax(-1)
                told = scores.gather(1, ids[0, 1:, None])[:, 0]
                total += sign * float(told[torch.tensor(row.answered[1:])].sum())
        return total

    before = margin()
    told = dpo.train(made, pairs, None, DPO, tmp_path / "run")
    assert margin() > before + 1
    assert told.curve[0][1] == pytest.approx(0.693, abs=0.02)
    assert told.curve[-1][1] < told.curve[0][1]


def test_rows_of_new_tokens_are_learnt_by_preferences_too_and_a_checkpoint_holds_one_adapter(tmp_path: Path) -> None:
    from safetensors import safe_open

    from training.load import ready

    recipe = replace(DPO, steps=2, epochs=None)
    made = ready(str(write(tmp_path / "base")), recipe, new={"<|ask|>": "asks a question"})
    pairs = [(pair_id, prompt, f"<|ask|>{better}", worse) for pair_id, prompt, better, worse in PAIRS]
    rendered = dpo.pairs_of(made.words, pairs, write=writer(made.words, "template"), context=200)
    before = {name: w.clone() for name, w in made.model.named_parameters() if "trainable_tokens" in name}
    dpo.train(made, rendered, None, recipe, tmp_path / "run")
    after = dict(made.model.named_parameters())
    assert before
    assert any((after[name] != w).any() for name, w in before.items())  # in texts of people they are taken apart
    saved = tmp_path / "run" / "checkpoint-2"
    assert [path.name for path in saved.iterdir() if path.is_dir()] == []
    with safe_open(saved / "adapter_model.safetensors", "np") as file:
        held = sum(file.get_tensor(name).size for name in file.keys())  # noqa: SIM118  no mapping: keys() alone lists
    assert held == sum(w.numel() for name, w in after.items() if w.requires_grad)

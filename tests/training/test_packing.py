"""Packing: no row of a line sees another, and the loss is that of the same rows with padding."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.servers.tiny_model import write
from tests.training.test_sft import RECIPE, prepared
from training.packing import IGNORED, lines, packed, padded, require_apart, shape_of
from training.plan import Lengths, plan
from xinheng.errors import UsageError

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    return write(tmp_path_factory.mktemp("base") / "tiny")


@given(st.lists(st.integers(1, 60), max_size=30), st.integers(1, 80))
def test_every_row_stands_in_one_line_and_no_line_is_longer_than_it_may_be(lengths: list[int], most: int) -> None:
    made = lines(lengths, most)
    assert Counter(i for line in made for i in line) == Counter(range(len(lengths)))
    assert all(sum(lengths[i] for i in line) <= most or len(line) == 1 for line in made)
    assert math.prod(shape_of(lengths, most=most)) >= sum(lengths)


def places(batch, rows):
    """Where each row stands: line, start, by the tokens that begin at position 0."""
    found = {}
    for number, line in enumerate(batch["position_ids"].tolist()):
        for start in (i for i, position in enumerate(line) if position == 0):
            for i, row in enumerate(rows):
                end = start + len(row.ids)
                if i not in found and batch["input_ids"][number, start:end].tolist() == row.ids.tolist():
                    found[i] = (number, start)
                    break
    return found


@pytest.mark.parametrize("how", ["sdpa", "eager"])
def test_the_logits_of_a_packed_row_are_those_of_the_row_alone(base: Path, how: str) -> None:
    import torch

    made, rows = prepared(base)
    made.model.get_base_model().set_attn_implementation(how)
    made.model.eval()
    batch = packed(made.words.pad_token_id, 90)(rows[:6])
    assert 1 < len(batch["input_ids"]) < 6
    with torch.no_grad():
        whole = made.model(input_ids=batch["input_ids"], position_ids=batch["position_ids"], use_cache=False).logits
        where = places(batch, rows[:6])
        assert len(where) == 6
        for i, (line, start) in where.items():
            alone = made.model(input_ids=torch.tensor(rows[i].ids, dtype=torch.long)[None]).logits[0]
            assert torch.allclose(whole[line, start : start + len(alone)], alone, atol=1e-4)


def test_a_model_that_reads_rows_into_one_another_is_refused(base: Path) -> None:
    made, rows = prepared(base)
    require_apart(made.model, rows)
    inner = made.model.get_base_model()
    usual = inner.model.forward

    def blind(*args, position_ids=None, **named):
        del position_ids
        return usual(*args, **named)

    inner.model.forward = blind
    with pytest.raises(UsageError, match="into one another"):
        require_apart(made.model, rows)


def test_the_loss_and_its_gradient_are_those_of_the_padded_rows(base: Path) -> None:
    import torch

    from training.answer_loss import answer_loss, answering

    made, rows = prepared(base, replace(RECIPE, lora=replace(RECIPE.lora, dropout=0.0)))
    with torch.no_grad():  # adapters begin as nothing
        for name, weight in made.model.named_parameters():
            if "lora_B" in name:
                weight.normal_(std=0.1)
    told = []
    for collate in (padded(made.words.pad_token_id), packed(made.words.pad_token_id, 128), packed(0, None)):
        made.model.zero_grad()
        with answering(made.model):
            total, count = answer_loss(made.model, collate(rows[:8]))
            total.backward()
        slopes = [weight.grad.clone() for weight in made.model.parameters() if weight.requires_grad]
        told.append((float(total.detach()), int(count), slopes))
    for total, count, slopes in told[1:]:
        assert count == told[0][1]
        assert total == pytest.approx(told[0][0], rel=1e-5)
        assert all(torch.allclose(a, b, rtol=1e-3, atol=1e-4) for a, b in zip(slopes, told[0][2], strict=True))


def test_the_first_token_of_a_row_is_nobody_s_answer(base: Path) -> None:
    made, rows = prepared(base)
    rows = [replace(row, answered=np.ones(len(row.ids), dtype=bool)) for row in rows[:4]]
    batch = packed(made.words.pad_token_id, None)(rows)
    first = batch["position_ids"] == 0
    assert int(first.sum()) == 4
    assert (batch["labels"][first] == IGNORED).all()
    assert int((batch["labels"] != IGNORED).sum()) == sum(len(row.ids) - 1 for row in rows)


def test_a_recipe_that_packs_trains_without_padding_to_the_like_loss(base: Path, tmp_path: Path) -> None:
    from training.sft import train

    losses = []
    for packing in (False, True):
        recipe = replace(RECIPE, packing=packing, batch=4, accumulation=1, epochs=2)
        made, rows = prepared(base, recipe)
        told = train(made, rows[4:], rows[:4], recipe, tmp_path / str(packing))
        losses.append(told.validation[-1][1])
        assert told.padding < 0.35
        lengths = Lengths(tuple(len(row.ids) for row in rows[4:]), 0)
        assert plan(recipe, str(base), lengths).padding[0] == pytest.approx(told.padding), "and it was told before"
    assert losses[1] == pytest.approx(losses[0], rel=0.1)

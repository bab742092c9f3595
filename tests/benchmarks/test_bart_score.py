"""BARTScore: the figures of its authors' program, of each pair alone, and nothing for an empty text."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks.bart_score import BartScore
from tests.servers.tiny_readers import POSITIONS, write_bart, write_encoder
from xinheng.errors import ModelError, UsageError

TEXTS = ["yes the poster suffers from depression", "No. Reasoning: work, money!", "我睡不好", "school " * 200]
GOLDS = ["no the poster does not suffer from stress", "no the post shows work", "我最近睡不好", "yes"]
# By the program of Yuan, Neubig & Liu (bart_score.py) on the same tiny model, with its limit set to 64 tokens.
THEIRS = [-7.42095, -6.59322, -6.66698, -7.42089]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bart(tmp_path_factory.mktemp("bart") / "tiny-bart")


@pytest.fixture(scope="module")
def measure(place: Path) -> BartScore:
    return BartScore(str(place))


def test_what_is_no_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such folder"):
        BartScore(str(tmp_path / "nowhere"))
    with pytest.raises(ModelError, match=r"want config\.json"):
        BartScore(str(tmp_path))
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(ModelError, match="cannot be loaded"):
        BartScore(str(tmp_path))


def test_a_model_that_cannot_write_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError):
        BartScore(str(write_encoder(tmp_path / "enc")))


def test_pairs_must_pair_up(measure: BartScore) -> None:
    with pytest.raises(UsageError, match="do not pair up"):
        measure(["a"], [])
    assert measure([], []) == []


def test_the_authors_figures(measure: BartScore) -> None:
    assert measure(TEXTS, GOLDS) == pytest.approx(THEIRS, abs=2e-5)


def test_an_empty_text_has_no_value_and_is_never_nan(measure: BartScore) -> None:
    found = measure(["", " \n", "nan", "🙂🙂"], ["yes"] * 4)
    assert found[:2] == [None, None]
    assert all(value is not None and math.isfinite(value) for value in found[2:])
    assert measure(["yes"], [""]) == [None]


def test_it_is_the_mean_over_tokens_told_one_by_one(measure: BartScore, place: Path) -> None:
    model, words = measure.reader.model, measure.reader.words
    asked, wanted = words(TEXTS[0], return_tensors="pt")["input_ids"], words(GOLDS[0])["input_ids"]
    said, total = [model.config.decoder_start_token_id], 0.0
    with torch.inference_mode():
        for token in wanted:
            logits = model(input_ids=asked, decoder_input_ids=torch.tensor([said])).logits[0, -1]
            total += float(torch.log_softmax(logits, dim=-1)[token])
            said.append(token)
    assert measure(TEXTS[:1], GOLDS[:1])[0] == pytest.approx(total / len(wanted), abs=1e-5)


def test_company_and_order_change_nothing(measure: BartScore, place: Path) -> None:
    alone = [measure([text], [gold])[0] for text, gold in zip(TEXTS, GOLDS, strict=True)]
    assert measure(TEXTS[::-1], GOLDS[::-1])[::-1] == pytest.approx(alone, abs=1e-5)
    assert BartScore(str(place), batch=1)(TEXTS, GOLDS) == pytest.approx(alone, abs=1e-5)


def test_texts_are_cut_where_the_model_ends(measure: BartScore) -> None:
    assert measure.facts["tokens"] == POSITIONS
    long = "yes " * (POSITIONS - 2)
    cut, whole = measure([long + "school money", long], ["no", "no"])
    assert cut == pytest.approx(whole, abs=1e-5)
    assert measure(["yes " * 300_000], ["no"])[0] == pytest.approx(whole, abs=1e-5), "a reply of a megabyte"


def test_other_weights_change_the_value_and_the_identity(measure: BartScore, place: Path, tmp_path: Path) -> None:
    other = write_bart(tmp_path / "other", seed=9)
    state = BartScore(str(other)).reader.model.state_dict()
    torch.save({f"module.{name}": value for name, value in state.items()}, tmp_path / "bart_score.pth")
    loaded = BartScore(str(place), weights=tmp_path / "bart_score.pth")
    assert loaded(TEXTS, GOLDS) == pytest.approx(BartScore(str(other))(TEXTS, GOLDS), abs=1e-6)
    assert loaded.facts["identity"] != measure.facts["identity"]
    assert loaded.facts["name"] == "tiny-bart+bart_score"


class Ran:
    """Leaves a mark when it is read as a program."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return Path.touch, (self.mark,)


def test_a_file_of_weights_runs_no_program(place: Path, tmp_path: Path) -> None:
    torch.save({"model": Ran(tmp_path / "ran")}, tmp_path / "bad.pth")
    with pytest.raises(ModelError, match="cannot be read"):
        BartScore(str(place), weights=tmp_path / "bad.pth")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("state", [{}, {"strange": torch.zeros(2)}, [1, 2], {"model.shared.weight": torch.zeros(3, 3)}])
def test_weights_of_another_model_are_refused(place: Path, tmp_path: Path, state: Any) -> None:
    torch.save(state, tmp_path / "other.pth")
    with pytest.raises(ModelError, match="weights"):
        BartScore(str(place), weights=tmp_path / "other.pth")

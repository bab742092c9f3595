"""BERTScore: the figures of its authors' package, idf and baseline included; an empty text is 0."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks.bert_score import BertScore
from tests.benchmarks.test_bart_score import GOLDS, TEXTS
from tests.servers.tiny_readers import write_encoder
from xinheng.errors import InputError, ModelError, UsageError

# Precision, recall and F1 by the package bert-score 0.3.13 on the same tiny model, layer 2.
PLAIN = [
    (0.81296, 0.78551, 0.799),
    (0.77467, 0.94463, 0.85125),
    (0.93223, 0.92725, 0.92974),
    (0.38568, 0.56695, 0.45907),
]
IDF = [(0.81538, 0.78699, 0.80094), (0.75368, 0.94574, 0.83885), *PLAIN[2:]]
RESCALED = [
    (0.72893, 0.68457, 0.7),
    (0.67344, 0.91858, 0.77799),
    (0.90179, 0.89301, 0.89513),
    (0.10968, 0.36316, 0.19264),
]
BASELINE = "LAYER,P,R,F\n0,0.0,0.0,0.0\n1,0.1,0.1,0.1\n2,0.31,0.32,0.33\n"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_encoder(tmp_path_factory.mktemp("bert") / "tiny-bert"))


def flat(matches: list[Any]) -> list[float]:
    return [value for match in matches for value in match]


def test_what_is_off_is_named(place: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such folder"):
        BertScore(str(tmp_path / "nowhere"))
    with pytest.raises(UsageError, match="no such layer: want 0 to 3, have 4"):
        BertScore(place, layer=4)
    with pytest.raises(UsageError, match="do not pair up"):
        BertScore(place).matches(["a"], [])
    for text, error in (
        ("", "for the layer"),
        ("{}", "for the layer"),
        ("LAYER,P,R,F\n2,a,b,c", "no baseline"),
        ("LAYER,P,R,F\n2,1,1,1", "for the layer"),
        ("LAYER,P,R,F\n1,0,0,0", "want layer 2"),
    ):
        (tmp_path / "b.tsv").write_text(text)
        with pytest.raises(InputError, match=error):
            BertScore(place, layer=2, baseline=tmp_path / "b.tsv")


@pytest.mark.parametrize("idf", [False, True], ids=["plain", "idf"])
def test_the_authors_figures(place: str, idf: bool) -> None:
    found = BertScore(place, layer=2, idf=idf).matches(TEXTS, GOLDS)
    assert flat(found) == pytest.approx(flat(IDF if idf else PLAIN), abs=2e-5)


def test_a_baseline_moves_values(place: str, tmp_path: Path) -> None:
    (tmp_path / "b.tsv").write_text(BASELINE)
    moved = BertScore(place, layer=2, baseline=tmp_path / "b.tsv")
    assert flat(moved.matches(TEXTS, GOLDS)) == pytest.approx(flat(RESCALED), abs=2e-5)
    assert moved.facts["baseline"] == [0.31, 0.32, 0.33]
    assert moved([""], ["yes"]) == [0], "also of the rescaled measure"


def test_by_hand(place: str) -> None:
    measure = BertScore(place, layer=1)
    model, words = measure.reader.model, measure.reader.words
    with torch.inference_mode():
        said, gold = (
            model(**words(text, return_tensors="pt"), output_hidden_states=True).hidden_states[1][0]
            for text in (TEXTS[1], GOLDS[1])
        )
    alike = [[float(torch.cosine_similarity(a, b, dim=0)) for b in gold] for a in said]
    inner = alike[1:-1]
    precision = sum(max(row) for row in inner) / len(inner)
    columns = list(zip(*alike, strict=True))[1:-1]
    recall = sum(max(column) for column in columns) / len(columns)
    assert measure.matches(TEXTS[1:2], GOLDS[1:2])[0][:2] == pytest.approx((precision, recall), abs=1e-5)


def test_empty_texts_are_0_and_the_same_text_is_1(place: str) -> None:
    measure = BertScore(place)
    assert measure(["", " \n ", "yes", "🙂🙂"], ["yes", "yes", "", "🙂🙂"]) == pytest.approx([0, 0, 0, 1], abs=1e-6)
    assert BertScore(place, idf=True)(["work"], ["work"]) == [0], "a token that all golds have tells nothing apart"


def test_company_and_order_change_nothing(place: str) -> None:
    alone = [BertScore(place).matches([text], [gold])[0] for text, gold in zip(TEXTS, GOLDS, strict=True)]
    together = BertScore(place, batch=2).matches(TEXTS[::-1], GOLDS[::-1])[::-1]
    assert flat(together) == pytest.approx(flat(alone), abs=1e-5)


def test_a_reply_of_a_megabyte_is_cut(place: str) -> None:
    assert BertScore(place)(["yes " * 300_000], ["yes " * 62])[0] == pytest.approx(1, abs=1e-5)

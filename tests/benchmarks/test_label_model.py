"""Classifiers as readers: their classes are the set's labels or nothing, an empty reply has none."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.imhi_labels import LABEL_SETS
from benchmarks.label_model import LabelModel, labels_of, places_by_set
from tests.servers.tiny_readers import write_classifier, write_encoder
from xinheng.errors import ModelError, UsageError

REPLIES = [
    "yes the poster suffers from depression",
    "No. Reasoning: work, money!",
    "我睡不好",
    "school " * 200,
    "money",
    "(a)",
]


def nameless(n: int) -> dict[int, str]:
    return {number: f"LABEL_{number}" for number in range(n)}


@pytest.mark.parametrize(
    ("dataset", "classes"),
    [
        ("DR", {0: "no"}),
        ("DR", {0: "no", 1: "no"}),
        ("DR", {0: "no", 1: "yes", 2: "maybe"}),
        ("DR", {0: "depression", 1: "anxiety"}),
        ("SAD", nameless(8)),
        ("SAD", {0: "no", 1: "yes"}),
        ("SAD", {number: f"LABEL_{9 - number}" for number in range(9)}),
        ("DR", {"a": "no", "b": "yes"}),
        ("DR", ["no", "yes"]),
        ("CAMS", {}),
    ],
)
def test_classes_that_are_not_the_labels_are_refused(dataset: str, classes: dict[int, str]) -> None:
    with pytest.raises(ModelError, match="want"):
        labels_of(dataset, classes)


@pytest.mark.parametrize(
    ("dataset", "classes", "labels"),
    [
        ("DR", {0: "no", 1: "yes"}, {0: 0, 1: 1}),
        ("Irf", {0: "YES", 1: "No"}, {0: 1, 1: 0}),
        ("dreaddit", nameless(2), {0: 0, 1: 1}),
        ("MultiWD", {"1": "1", "0": "0"}, {0: 0, 1: 1}),
        ("SAD", nameless(9), {number: number for number in range(9)}),
        # As their own programs number them: otherwise than their evaluation.
        ("swmh", nameless(5), {0: 2, 1: 1, 2: 3, 3: 4, 4: 0}),
        ("T-SID", nameless(4), {0: 2, 1: 1, 2: 3, 3: 0}),
        ("T-SID", {0: "control", 1: "suicide", 2: "PTSD", 3: "depression"}, {0: 0, 1: 1, 2: 3, 3: 2}),
        ("swmh", {0: "depression", 1: "suicide", 2: "anxiety", 3: "bipolar", 4: "no mental"},
         {0: 2, 1: 1, 2: 3, 3: 4, 4: 0}),
        ("CAMS", {0: "none", 1: "bias", 2: "job", 3: "medication", 4: "relation", 5: "alienation"},
         {number: number for number in range(6)}),
        ("CAMS", {0: "No reason", 1: "Bias or abuse", 2: "Jobs and careers", 3: "Medication", 4: "Relationship",
                  5: "Alienation"}, {number: number for number in range(6)}),
    ],
)  # fmt: skip
def test_classes_are_the_labels_by_their_names(dataset: str, classes: dict[int, str], labels: dict[int, int]) -> None:
    assert labels_of(dataset, classes) == labels


@pytest.mark.parametrize("dataset", LABEL_SETS)
def test_every_set_knows_its_own_names(dataset: str) -> None:
    names = LABEL_SETS[dataset].names
    assert labels_of(dataset, dict(enumerate(names))) == {number: number for number in range(len(names))}


def test_replies_are_read_alone_as_in_company(tmp_path: Path) -> None:
    place = str(write_classifier(tmp_path / "dr", {0: "yes", 1: "no"}))
    model = LabelModel("imhi/dr", place, batch=3)
    found = model([*REPLIES, "", " \n", "🙂"])
    assert found[-3:-1] == [None, None], "nobody's label"
    assert {*found[:-3], found[-1]} <= {0, 1}
    assert found[:-3] == [LabelModel("DR", place)([reply])[0] for reply in REPLIES]
    turned = LabelModel("DR", str(write_classifier(tmp_path / "turned", {0: "no", 1: "yes"})))
    assert turned(REPLIES) == [1 - label for label in found[:-3] if label is not None], "names count, not places"
    assert set(found[:-3]) == {0, 1}, "or nothing was shown"
    assert model(["yes " * 300_000])[0] in {0, 1}, "a reply of a megabyte"
    assert (model.name, model.facts["dataset"]) == ("dr", "DR")


def test_a_thought_is_not_read_and_one_without_an_end_is_no_reply(tmp_path: Path) -> None:
    read = LabelModel("SAD", str(write_classifier(tmp_path / "tiny", nameless(9))))
    thought = [f"<think>{REPLIES[0]}</think>{reply}" for reply in REPLIES]
    assert len(set(read(REPLIES))) > 1
    assert read([*thought, "<think>yes"]) == [*read(REPLIES), None]


def test_a_model_without_a_classifiers_head_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="not those of a classifier"):
        LabelModel("DR", str(write_encoder(tmp_path / "enc")))


def test_each_set_gets_its_own(tmp_path: Path) -> None:
    write_classifier(tmp_path / "DR", {0: "no", 1: "yes"})
    write_classifier(tmp_path / "t-sid", nameless(4))
    dr, tsid = str(tmp_path / "DR"), str(tmp_path / "t-sid")
    assert places_by_set(str(tmp_path), ["DR", "T-SID"]) == {"DR": dr, "T-SID": tsid}
    assert places_by_set(f"tsid={tsid},DR={dr}", ["DR", "T-SID"]) == {"DR": dr, "T-SID": tsid}
    assert places_by_set(dr, ["DR", "Irf"]) == {"DR": dr, "Irf": dr}
    with pytest.raises(UsageError, match="none for SAD"):
        places_by_set(str(tmp_path), ["DR", "SAD"])
    with pytest.raises(UsageError, match="not scored"):
        places_by_set(f"SAD={dr}", ["DR"])
    with pytest.raises(UsageError, match="unknown set"):
        places_by_set(f"SADX={dr}", ["DR"])
    with pytest.raises(ModelError, match="not the labels of SAD"):
        places_by_set(dr, ["DR", "SAD"])
    with pytest.raises(ModelError, match="no such folder"):
        places_by_set(str(tmp_path / "nowhere" / "at" / "all"), ["DR"])

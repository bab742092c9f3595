"""The card of a model: the licence that it may bear, and the rows that it was trained on apart from all others."""

from __future__ import annotations

import pytest

from training.model_card import card, licence_of


def licensed(*names: str, base: str | None = None) -> dict:
    rows = [{"licence": name, "sources": [f"made {at}"], "rows": 60} for at, name in enumerate(names)]
    return {"licences": rows, "base": {"name": "lab/base", "licence": base}}


@pytest.mark.parametrize(
    ("licences", "base", "wanted"),
    [
        (("CC0-1.0", "MIT", "CC-BY-4.0"), None, "CC-BY-4.0"),
        (("CC-BY-NC-4.0", "CC-BY-NC-SA-4.0"), None, "CC-BY-NC-SA-4.0"),
        (("CC-BY-SA-3.0", "CC-BY-SA-4.0"), None, "CC-BY-SA-4.0"),
        (("CC-BY-SA-4.0", "CC-BY-NC-4.0"), None, "CC-BY-NC-4.0 AND CC-BY-SA-4.0"),
        (("MIT",), "cc-by-nc-sa-4.0", "CC-BY-NC-SA-4.0"),
        (("CC-BY-4.0",), "CC-BY-NC-4.0", "CC-BY-NC-4.0"),
        (("MIT", "private"), None, "private"),
        (("MIT", ""), None, ""),
        (("CC-BY-NC-ND-4.0", "MIT"), None, "CC-BY-NC-ND-4.0"),
        ((), None, ""),
    ],
)
def test_the_licence_is_one_into_which_all_of_it_may_go(licences, base, wanted) -> None:
    assert licence_of(licensed(*licences, base=base)) == wanted


def test_a_source_that_is_named_under_a_stricter_licence_elsewhere_binds() -> None:
    facts = {"licences": [{"licence": "CC0-1.0", "sources": ["cpsyexam"], "rows": 3}], "base": {}}
    assert licence_of(facts) == "CC-BY-NC-SA-4.0"


def test_no_single_licence_is_said_in_both_languages() -> None:
    told = card("adapter", licensed("CC-BY-SA-4.0", "CC-BY-NC-4.0"), base="lab/base")
    assert "No single licence can hold all that it was made of: **CC-BY-NC-4.0 AND CC-BY-SA-4.0**" in told
    assert "沒有單一授權" in told
    assert 'license: "other"' in told


def test_the_rows_trained_on_stand_apart_from_those_of_the_data() -> None:
    rows = {
        "train": {"rows": 108, "unusable": {"no answer": 2, "too long": 1}},
        "validation": {"rows": 17, "unusable": {}},
    }
    told = card("adapter", {**licensed("CC0-1.0", "MIT", "CC-BY-4.0"), "rows": rows}, base=None)
    assert "Trained on **108 rows**" in told
    assert "Left out of that split: 2 (no answer), 1 (too long)." in told
    assert "17 rows of the validation split were only measured on" in told
    assert "| source | licence | rows of its data |" in told
    assert "實際用於訓練的有 108 筆，另以 17 筆驗證" in told
    merged = card("model", licensed("CC0-1.0"), base=None)
    assert "Trained on" not in merged
    assert "實際用於訓練" not in merged

"""The functions that others build on are where they are said to be, and do not make numbers up."""

from __future__ import annotations

import inspect
from importlib import import_module

import numpy as np
import pytest

from benchmarks import agreement, gates, imhi, intervals, judge, mcq, ranking
from benchmarks.estimates import Estimate
from benchmarks.rubrics import rubric

PROMISED = {
    "benchmarks.imhi": ("read_label", "score"),
    "benchmarks.mcq": ("read_choice",),
    "benchmarks.judge": ("read_grade",),
    "benchmarks.agreement": ("krippendorff_alpha", "icc", "cohen_kappa", "fleiss_kappa", "gwet_ac"),
    "benchmarks.intervals": ("wilson", "bootstrap", "mcnemar", "holm"),
    "benchmarks.ranking": ("bradley_terry",),
    "benchmarks.gates": ("verdict",),
}


@pytest.mark.parametrize(("module", "name"), [(module, name) for module, names in PROMISED.items() for name in names])
def test_each_is_there_typed_and_documented(module: str, name: str) -> None:
    function = getattr(import_module(module), name)
    told = inspect.signature(function)
    assert all(parameter.annotation is not inspect.Parameter.empty for parameter in told.parameters.values())
    assert told.return_annotation is not inspect.Signature.empty
    assert "Args:" in (function.__doc__ or "")


EQUAL = np.full((6, 3), 4.0)


@pytest.mark.parametrize(
    "undefined",
    [
        lambda: agreement.krippendorff_alpha(EQUAL, level="ordinal"),
        lambda: agreement.icc(EQUAL, form="A,1"),
        lambda: agreement.cohen_kappa(EQUAL[:, 0], EQUAL[:, 1]),
        lambda: agreement.fleiss_kappa(EQUAL),
        lambda: agreement.gwet_ac(EQUAL),
        lambda: intervals.wilson(0, 0),
        lambda: intervals.bootstrap(np.empty((0, 2)), lambda sums: sums[:, 0] / sums[:, 1], clusters=[]),
    ],
)
def test_what_is_not_defined_is_none_with_a_reason(undefined) -> None:
    found = undefined()
    assert isinstance(found, Estimate)
    assert found.value is None
    assert found.reason


def test_what_cannot_be_read_is_none() -> None:
    assert imhi.read_label("DR", "") is None
    assert mcq.read_choice("I do not know.", ["a", "b"]) is None
    assert judge.read_grade("perhaps an eight or so", rubric("empathy"), dimension="empathy") is None
    assert intervals.mcnemar([1.0, 0.0], [1.0, 0.0]).p == 1
    assert ranking.bradley_terry([]).reason
    assert gates.verdict(Estimate(None, reason="no cases"), 0.8).verdict is gates.Verdict.UNDECIDED

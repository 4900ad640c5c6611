"""Quantities that are estimated no better than by their mean."""

import numpy as np
import pytest

from scanwright.evaluation.cases.judged import MeasuredCase
from scanwright.evaluation.numbers.unexplained import unexplained, unexplained_text
from scanwright.evaluation.summaries.summary import summarise_regression


def test_unexplained__of_two_quantities_the_one_that_is_noise():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(40, 2))
    predicted = np.stack([truth[:, 0] + 0.1 * rng.normal(size=40), rng.normal(size=40)], axis=1)
    rows = [
        MeasuredCase(case=f"c{k}", patient=f"c{k}", fold=0, groups={}, predicted=tuple(p), truth=tuple(t))
        for k, (p, t) in enumerate(zip(predicted.tolist(), truth.tolist(), strict=True))
    ]
    found = summarise_regression(rows, quantities=("volume", "age"), samples=200)
    assert unexplained(found["by_class"]) == ("age",) and "hides that." in unexplained_text(["age"], of=2)
    assert unexplained_text(["age"], of=1).endswith("is not above 0).")


@pytest.mark.parametrize(
    ("measure", "named"),
    [
        ({"mean": 0.3, "ci95": [0.01, 0.5]}, ()),
        ({"mean": 0.3, "ci95": [-0.01, 0.5]}, ("q",)),
        ({"mean": 0.3, "ci95": None}, ()),
        ({"mean": -0.3, "ci95": None}, ("q",)),
        ({"mean": None, "ci95": None}, ()),
    ],
)
def test_unexplained__by_the_low_end_of_the_interval_or_the_value(measure, named):
    assert unexplained({"q": {"r2": measure}}) == named
    assert unexplained({"q": {}}) == ()

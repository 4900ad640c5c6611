"""Average precision as a measure to be compared: values of the summary, tests of detection_comparison, weights of cases."""

import numpy as np
import pytest

from detected_samples import made_cases
from scanwright.evaluation.boxes.detection_measures import measure_detections
from scanwright.evaluation.boxes.matched import match_cases
from scanwright.evaluation.comparing.contrast import all_values
from scanwright.evaluation.comparing.contrast_boxes import Found, Precisions
from scanwright.evaluation.comparing.detection_comparison import compare_detections


def models(number=20):
    good, rng = made_cases(number, seed=3), np.random.default_rng(0)
    poor = [
        type(row)(**{**{name: getattr(row, name) for name in row.__slots__}, "scores": rng.random(len(row.scores))})
        for row in good
    ]
    return {"good": good, "poor": poor}


def test_values__are_those_of_the_summary():
    rows = models()
    found = Found(rows, num_classes=2)
    overall, each = measure_detections(match_cases(rows["good"], num_classes=2), num_classes=2, samples=0)
    assert all_values(Precisions(found))["good"] == pytest.approx(overall["map50"].value)
    assert all_values(Precisions(found, 1, part="b"))["good"] == pytest.approx(each[1]["ap50"].value)


def test_weights__are_of_cases():
    rows = models()
    some = {name: of[:8] for name, of in rows.items()}
    weights = (np.arange(20) < 8).astype(float)[None]
    theirs = all_values(Precisions(Found(some, num_classes=2)))
    assert Precisions(Found(rows, num_classes=2)).values(weights)[0] == pytest.approx(list(theirs.values()))


def test_pair__is_that_of_the_comparison():
    rows = models()
    one = Precisions(Found(rows, num_classes=2)).pair("good", "poor", level=0.99, seed=1, samples=200)
    theirs = compare_detections(rows["good"], rows["poor"], num_classes=2, seed=1, samples=200).map50
    assert (one.value, one.interval, one.p["permutation"]) == (theirs.value, theirs.interval, theirs.p)
    assert one.wide[0] < one.interval[0] < one.interval[1] < one.wide[1]


def test_one_class__and_cases_without_it():
    measure = Precisions(Found(models(), num_classes=2), 0, part="a")
    assert measure.metric == "ap50" and measure.counted.sum() < 20
    assert (measure.sides == measure.counted).all() and measure.errors(np.ones((1, 20))) is None

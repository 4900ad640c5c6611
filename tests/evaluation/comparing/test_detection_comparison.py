"""Paired comparison of two detectors: differences, draws one by one, exchanged patients by hand, and simulation."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from detected_samples import made_cases
from scanwright.errors import UsageError
from scanwright.evaluation.boxes.detected import DetectedCase
from scanwright.evaluation.comparing.detection_comparison import compare_detections, compare_detections_with_best
from scanwright.evaluation.intervals.statistics import holm
from scanwright.evaluation.summaries.detection_summary import summarise_detection


def weaker(rows: list[DetectedCase], noise: float, *, seed: int = 0) -> list[DetectedCase]:
    """The same boxes with worse scores."""
    rng = np.random.default_rng(seed)
    return [replace(row, scores=np.clip(row.scores + rng.normal(0, noise, len(row.scores)), 0, 1)) for row in rows]


def ap50(rows: list[DetectedCase]) -> dict[str, float]:
    found = summarise_detection(rows, classes=["0", "1"], samples=0)
    return {"mean": found["overall"]["map50"]["mean"], **{k: found["by_class"][k]["ap50"]["mean"] for k in "01"}}


def by_rank(first: list[DetectedCase], second: list[DetectedCase]) -> tuple[list[DetectedCase], list[DetectedCase]]:
    """Both models with scores that are ranks within the model and class, the first model's before the second's."""
    changed = []
    for number, rows in enumerate((first, second)):
        new = [np.zeros(len(row.scores)) for row in rows]
        for code in range(2):
            boxes = [(-row.scores[m], k, m) for k, row in enumerate(rows) for m in np.flatnonzero(row.codes == code)]
            boxes.sort(key=lambda box: (box[0], box[1]))
            for rank, (_, k, m) in enumerate(boxes):
                new[k][m] = 1 - (2 * rank + number) / 1e4
        changed.append([replace(row, scores=scores) for row, scores in zip(rows, new, strict=True)])
    return changed[0], changed[1]


def test_values__are_differences_of_the_summaries():
    first = made_cases(30, seed=1)
    second = weaker(first, 0.4)
    found = compare_detections(first, second, num_classes=2, samples=300)
    one, other = ap50(first), ap50(second)
    assert found.map50.value == pytest.approx(one["mean"] - other["mean"])
    assert [part.value for part in found.by_class] == pytest.approx([one[k] - other[k] for k in "01"])
    assert found.map50.interval[0] > 0 and found.map50.p < 0.01
    back = compare_detections(second, first, num_classes=2, samples=300)
    assert back.map50.value == pytest.approx(-found.map50.value)
    assert back.map50.interval == pytest.approx((-found.map50.interval[1], -found.map50.interval[0]), abs=0.02)


def test_p__of_few_patients_is_that_of_every_exchange():
    first = made_cases(6, seed=3, true_mean=5)
    second = made_cases(6, seed=3, true_mean=5, skill=1.5)
    second = [
        replace(a, true=b.true, true_codes=b.true_codes, ignored=b.ignored) for a, b in zip(second, first, strict=True)
    ]
    found = compare_detections(first, second, num_classes=2, samples=100)
    one, other = by_rank(first, second)
    differences = []
    for keep in itertools.product([True, False], repeat=6):
        pairs = [(a, b) if kept else (b, a) for a, b, kept in zip(one, other, keep, strict=True)]
        mixed, rest = ([pair[side] for pair in pairs] for side in (0, 1))
        differences.append(ap50(mixed)["mean"] - ap50(rest)["mean"])
    assert differences[0] == pytest.approx(found.map50.value)
    extreme = np.abs(differences) >= abs(found.map50.value) - 1e-12
    assert found.map50.p == np.count_nonzero(extreme) / 64 and 2 <= np.count_nonzero(extreme) < 64


def test_p__two_cases_of_a_patient_go_together():
    first = [replace(row, patient=f"P{k // 2}") for k, row in enumerate(made_cases(8, seed=2))]
    found = compare_detections(first, weaker(first, 0.5), num_classes=2, samples=100)
    assert (found.map50.p * 2**4) % 1 == 0 and found.map50.interval is None  # four patients
    apart = [replace(row, patient=row.case) for row in first]
    assert (compare_detections(apart, weaker(apart, 0.5), num_classes=2, samples=100).map50.p * 2**8) % 1 == 0


def test_same_model__differs_by_nothing_and_the_interval_says_how_sure():
    rows = made_cases(20)
    found = compare_detections(rows, rows, num_classes=2, samples=300)
    assert (found.map50.value, found.map50.p) == (0.0, 1.0)
    assert found.map50.interval[0] < 0 < found.map50.interval[1]


def test_scale__of_scores_does_not_matter():
    first = made_cases(20, seed=4)
    second = weaker(first, 0.3)
    small = [replace(row, scores=row.scores / 50) for row in second]
    found, other = (compare_detections(first, rows, num_classes=2, samples=200) for rows in (second, small))
    assert found == other


def test_p_and_interval__under_no_difference():
    """100 pairs of equally good models, each seeing other false boxes: p < 0.05 in few, the interval holds 0 in most."""
    found = []
    for seed in range(100):
        base = made_cases(16, seed=seed, num_classes=1)
        pair = weaker(base, 0.2, seed=2 * seed), weaker(base, 0.2, seed=2 * seed + 1)
        found.append(compare_detections(*pair, num_classes=1, samples=200).map50)
    assert np.mean([one.p < 0.05 for one in found]) <= 0.1
    assert np.mean([one.interval[0] <= 0 <= one.interval[1] for one in found]) >= 0.93
    assert 0.3 < np.mean([one.p for one in found]) < 0.7


def test_class__that_never_occurs_or_hardly():
    rows = made_cases(20, absent=(1,))
    found = compare_detections(rows, weaker(rows, 0.4), num_classes=2, samples=200)
    assert (found.by_class[1].value, found.by_class[1].interval, found.by_class[1].p) == (None, None, None)
    assert found.map50 == found.by_class[0]
    few = made_cases(2)
    found = compare_detections(few, few, num_classes=2, samples=50)
    assert found.map50.value == 0 and found.map50.interval is found.map50.p is None


def test_several_models__holm():
    best = made_cases(20, seed=5)
    models = {"best": best, "weak": weaker(best, 0.1), "weaker": weaker(best, 0.3, seed=1)}
    found = compare_detections_with_best(models, "best", num_classes=2, samples=300)
    assert list(found) == ["weak", "weaker"]
    single = [compare_detections(models[name], best, num_classes=2, samples=300) for name in found]
    assert [one.map50.p for one in found.values()] == holm([one.map50.p for one in single])
    assert [one.by_class[1].p for one in found.values()] == holm([one.by_class[1].p for one in single])
    assert found["weaker"].map50.value == single[1].map50.value < 0


def test_wrong_arguments():
    rows = made_cases(6)
    for others in (rows[:5], rows[::-1], made_cases(6, seed=1), [replace(row, patient="x") for row in rows]):
        with pytest.raises(UsageError, match="same cases"):
            compare_detections(rows, others, num_classes=2)
    with pytest.raises(UsageError, match="no case"):
        compare_detections([], [], num_classes=2)
    with pytest.raises(UsageError, match="no such model"):
        compare_detections_with_best({"a": rows}, "b", num_classes=2)

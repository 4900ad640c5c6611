"""A learning curve from the rows that models of shares were judged by, and sizes from what metrics.json says."""

from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
import pytest

from scanwright.api.run.learning import agree, by_fold, curve_of
from scanwright.api.run.sizes import seen_in, share_positive
from scanwright.dataset.split import Fold, Splits
from scanwright.evaluation.summaries.headlines import means_drawn


@dataclass
class Row:
    case: str
    patient: str
    fold: int
    score: float
    groups: dict[str, str] = field(default_factory=dict)


class Means:
    """A kind whose headline is a mean of cases."""

    primary = "dice"
    wording = SimpleNamespace(together=False)

    def headline_drawn(self, rows, counts):
        return means_drawn([row.score for row in rows], [row.patient for row in rows], counts)

    def case_score(self, row):
        return row.score


def tried(value, *, seed, told=None):
    """A model that is worth so much, on 40 patients in two folds."""
    level = np.random.default_rng(7).normal(0, 0.05, 40)
    own = np.random.default_rng(seed).normal(0, 0.01, 40)
    rows = [Row(f"c{k:02d}", f"P{k:02d}", k % 2, value + level[k] + own[k]) for k in range(40)][::-1]
    mean = float(np.mean([row.score for row in rows])) if told is None else told
    folds = [Fold(train=tuple(f"c{k:02d}" for k in range(1 - fold, 40, 2)), validation=()) for fold in range(2)]
    study = SimpleNamespace(
        splits=Splits(folds=tuple(folds), source="made"),
        folds=(0, 1),
        owners={f"c{k:02d}": f"P{k:02d}" for k in range(40)},
    )
    scores = SimpleNamespace(rows=rows, test_rows=[], summary={"overall": {"dice": {"mean": mean}}})
    return SimpleNamespace(scores=scores, study=study)


def test_curve__is_of_the_same_patients_at_every_share():
    found = {share: tried(0.9 - 0.1 * share**-0.5, seed=place) for place, share in enumerate((0.125, 0.25, 0.5, 1.0))}
    curve = curve_of(found, SimpleNamespace(problem=Means()), seed=0)
    assert [one.share for one in curve.points] == [0.125, 0.25, 0.5, 1.0] and curve.points[-1].cases == 20
    assert curve.points[0].interval[0] < curve.points[0].value < curve.points[0].interval[1]
    assert curve.gained_interval[0] > 0.1 and curve.draw_deviation is not None and curve.withheld == ""
    late = {one.multiple: one for one in curve.expected}
    assert late[4.0].value > late[2.0].value > curve.points[-1].value


def test_curve__a_headline_of_ones_own_that_is_not_known_is_not_drawn():
    found = {share: tried(0.8, seed=place, told=0.3) for place, share in enumerate((0.25, 0.5, 1.0))}
    curve = curve_of(found, SimpleNamespace(problem=Means()), seed=0)
    assert curve.law is None and curve.points[0].value == 0.3 and curve.points[0].interval is None
    assert agree([None, 0.5], [np.nan, 0.5]) and not agree([0.5], [0.6]) and not agree([0.5], [np.nan])


def test_by_fold__is_the_headline_of_each_fold():
    rows = [Row("a", "A", 0, 0.2), Row("b", "B", 0, 0.4), Row("c", "C", 1, 0.9)]
    assert by_fold([rows, rows], Means()) == pytest.approx(np.array([[0.3, 0.3], [0.9, 0.9]]))
    assert by_fold([rows[:2]], Means()) is None


def test_seen__a_mean_has_the_spread_of_its_patients():
    rows = [Row("a", "A", 0, 0.2), Row("b", "A", 0, 0.4), Row("c", "C", 1, 0.9)]
    (found,) = seen_in(Means(), {"overall": {"dice": {"mean": 0.5, "ci95": None}}}, rows)
    assert (found.basis, found.patients, found.cases) == ("mean", 2, 3)
    assert found.deviation == pytest.approx(np.std([0.3, 0.9], ddof=1))
    assert seen_in(Means(), {"overall": {"dice": {"mean": None, "ci95": None}}}, rows) == []


def test_share_positive__of_two_classes_alone():
    def overall(positive, negative):
        return {"auroc": {"n": 50}, "sensitivity": {"n_defined": positive}, "specificity": {"n_defined": negative}}

    assert share_positive(overall(20, 30)) == 0.4
    assert share_positive(overall(50, 50)) is None and share_positive({"auroc": {"n": 50}}) is None

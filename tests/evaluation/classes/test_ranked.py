"""Draws of a ranking are what the drawn cases themselves would give."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from classified_samples import made_answers
from scanwright.evaluation.classes.ranked import Ranking


@pytest.mark.parametrize("digits", [None, 1])
def test_draws__as_if_the_cases_were_repeated(digits):
    answers = made_answers(40, digits=digits, cases_each=2)
    view = answers.view(1)
    counts = np.random.default_rng(0).multinomial(20, np.full(20, 1 / 20), size=30)
    ranking = Ranking.of(view)
    found, missed = ranking.cumulate(counts)
    for row, precision, tp, fp in zip(
        counts, ranking.average_precision(counts.astype(float)), found, missed, strict=True
    ):
        repeats = row[view.owners]
        scores, positive = np.repeat(view.scores, repeats), np.repeat(view.positive, repeats)
        assert precision == pytest.approx(average_precision_score(positive, scores))
        thresholds = np.unique(view.scores)[::-1]
        assert tp.tolist() == [(positive & (scores >= t)).sum() for t in thresholds]
        assert fp.tolist() == [(~positive & (scores >= t)).sum() for t in thresholds]


def test_draws__without_a_positive_case_are_not_defined():
    view = made_answers(10).view(1)
    counts = np.zeros((2, 10))
    counts[0, view.owners[view.positive]] = 1
    counts[1, view.owners[~view.positive]] = 1
    found = Ranking.of(view).average_precision(counts)
    assert found[0] == 1.0 and np.isnan(found[1])


def test_chance__two_patients_in_halves_above_and_below_all():
    view = made_answers(30, cases_each=3).view(1)
    ranking = Ranking.with_chance(view, 10)
    assert ranking.owners[:2].tolist() == [10, 11] and sorted(ranking.owners[-2:]) == [10, 11]
    alone = np.zeros((1, 12))
    alone[0, 10:] = 1
    found, missed = ranking.cumulate(alone)
    patients = len(np.unique(view.owners[view.positive]))
    assert found[0, -1] == pytest.approx(view.positive.sum() / patients)
    assert found[0, 0] == pytest.approx(found[0, -1] / 2) and missed[0, 0] == pytest.approx(missed[0, -1] / 2)

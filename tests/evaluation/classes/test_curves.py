"""ROC and precision-recall curves against scikit-learn, and their bands."""

import numpy as np
import pytest
import sklearn.metrics as peer

from classified_samples import made_answers
from scanwright.evaluation.classes.average_precision import average_precision, mean_average_precision
from scanwright.evaluation.classes.curves import GRID, pr_curve, roc_curve


@pytest.mark.parametrize("digits", [None, 1])
@pytest.mark.parametrize("seed", range(8))
def test_curves__points_are_those_of_scikit_learn(seed, digits):
    answers = made_answers(25 + 20 * seed, seed=seed, digits=digits)
    view = answers.view(1)
    roc = roc_curve(view, num_patients=len(answers), samples=50)
    x, y, _ = peer.roc_curve(view.positive, view.scores, drop_intermediate=False)
    assert roc.x == pytest.approx(x) and roc.y == pytest.approx(y)
    pr = pr_curve(view, num_patients=len(answers), samples=50)
    precision, recall, _ = peer.precision_recall_curve(view.positive, view.scores)
    assert pr.x == pytest.approx(recall[:-1][::-1]) and pr.y == pytest.approx(precision[:-1][::-1])


def test_curves__none_without_both_classes():
    view = made_answers(20, missing=(0,)).view(1)
    assert roc_curve(view, num_patients=20) is pr_curve(view, num_patients=20) is average_precision(view) is None


def test_bands__hold_the_curve_and_none_for_few():
    answers = made_answers(200)
    view = answers.view(1)
    roc, pr = roc_curve(view, num_patients=200, samples=300), pr_curve(view, num_patients=200, samples=300)
    assert roc.low.shape == roc.high.shape == pr.low.shape == GRID.shape
    middle = np.interp(GRID, roc.x, roc.y)[5:-5]
    assert (roc.low[5:-5] <= middle).all() and (middle <= roc.high[5:-5]).all()
    reached = [pr.y[np.searchsorted(pr.x, recall - 1e-9)] for recall in GRID[10:-5]]
    assert (pr.low[10:-5] <= reached).all() and (reached <= pr.high[10:-5]).all()
    few = roc_curve(made_answers(40, cases_each=10).view(1), num_patients=4, samples=20)
    assert few.low is few.high is None


def test_bands__perfect_ranking_of_few_has_a_width():
    answers = made_answers(20, skill=50)
    roc = roc_curve(answers.view(1), num_patients=20, samples=500)
    assert roc.low[5] < 0.95 and roc.high[5] == 1


def test_band__holds_the_true_curve_about_as_often_as_stated():
    """100 studies of 40 cases; the true curve of these scores from 40,000."""
    true = roc_curve(made_answers(40_000, seed=999).view(1), num_patients=40_000, samples=1)
    places = [10, 30, 60]
    expected = np.interp(GRID[places], true.x, true.y)
    held = []
    for seed in range(100):
        band = roc_curve(made_answers(40, seed=seed).view(1), num_patients=40, seed=seed, samples=200)
        held.append((band.low[places] <= expected) & (expected <= band.high[places]))
    assert (np.mean(held, axis=0) >= 0.88).all()


def test_average_precision__interval_of_the_mean_over_classes():
    answers = made_answers(150, 3)
    views = [answers.view(k) for k in range(3)]
    value, reach, reaches = mean_average_precision(views, num_patients=150, samples=300)
    assert value == pytest.approx(np.mean([average_precision(view) for view in views]))
    assert reach[0] < value < reach[1]
    assert reach[1] - reach[0] < max(high - low for low, high in reaches)


def test_average_precision__grouped_leaving_out_changes_little():
    """Above 200 patients they are left out in groups; the interval of 201 is like that of 200."""
    scores = made_answers(201, seed=4)
    kept = np.arange(201) < 200
    widths = []
    for answers in (scores, scores.where(kept)):
        _, (low, high), _ = mean_average_precision([answers.view(1)], num_patients=len(answers), samples=1000)
        widths.append(high - low)
    assert widths[0] == pytest.approx(widths[1], rel=0.1)

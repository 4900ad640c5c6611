"""Operating points are worth what they are on cases that they were not chosen on."""

import numpy as np
import pytest

from classified_samples import made_answers
from scanwright.evaluation.calibration.points import POINTS, TOLD, measures_at, operating_points
from scanwright.evaluation.calibration.select import apply_choice, choose, judge_cross_fitted
from scanwright.evaluation.classes.answers import Answers
from scanwright.evaluation.classes.classification import measure_answers


@pytest.mark.parametrize(("choice", "classes", "columns"), [("one", 2, [1]), ("several", 3, [0, 1, 2])])
def test_points__are_cross_fitted_and_other_cases_have_the_choice_of_all(choice, classes, columns):
    answers, other = made_answers(150, classes, choice=choice), made_answers(80, classes, choice=choice, seed=1)
    folds = np.arange(150) % 3
    inside, outside = operating_points(answers, folds, other)
    told = [(one.rule, one.target, one.column) for one in inside]
    assert told == [(rule, target, column) for rule, target in POINTS for column in columns]
    assert [(one.rule, one.target, one.column) for one in outside] == told
    for one, elsewhere in zip(inside, outside, strict=True):
        judged, chosen = judge_cross_fitted(answers, folds, rule=one.rule, target=one.target)
        whole = choose(answers, rule=one.rule, target=one.target)
        place = columns.index(one.column)
        assert one.threshold == elsewhere.threshold == whole.thresholds[place]
        assert one.by_fold == {fold: chosen[fold].thresholds[place] for fold in range(3)} and not elsewhere.by_fold
        for found, of in ((one, judged), (elsewhere, apply_choice(other, whole))):
            wanted = measure_answers(of, samples=10)[1][one.column]
            assert found.measures == {name: wanted[name] for name in TOLD}


def test_points__no_case_has_a_say_in_its_own_decision():
    """Scores without skill: chosen and judged on the same cases, Youden's index is above 0; here it is not."""
    flattered, honest = [], []
    for seed in range(30):
        answers = made_answers(40, 2, skill=0.0, seed=seed)
        own = choose(answers).points[0]
        flattered.append(own.sensitivity + own.specificity - 1)
        point = operating_points(answers, np.arange(40) % 2)[0][0].measures
        honest.append(point["sensitivity"].value + point["specificity"].value - 1)
    assert abs(np.mean(honest)) < 0.1 < np.mean(flattered)


@pytest.mark.parametrize(("choice", "classes", "column"), [("one", 2, 1), ("several", 3, 2)])
def test_measures_at__are_those_of_that_threshold_and_of_no_decision_that_was_made(choice, classes, column):
    answers = made_answers(80, classes, choice=choice)
    view = answers.view(column)
    told = view.scores >= 0.7
    found = measures_at(answers, column, 0.7)
    assert list(found) == list(TOLD)
    assert found["sensitivity"].value == pytest.approx(told[view.positive].mean())
    assert found["specificity"].value == pytest.approx(1 - told[~view.positive].mean())


def test_points__where_nothing_can_be_chosen_there_are_none():
    answers = made_answers(60)
    assert operating_points(answers, np.zeros(60, int)) == ([], [])
    assert operating_points(made_answers(60, 3), np.arange(60) % 2) == ([], [])
    assert operating_points(made_answers(60, 3, choice="ordered"), np.arange(60) % 2) == ([], [])
    truth = np.zeros((60, 2), bool)
    truth[:, 0], truth[0, 1] = np.arange(60) % 4 < 2, True  # the second label lies in one fold alone
    chances = np.random.default_rng(0).uniform(0.1, 0.9, (60, 2))
    labels = Answers.of(chances, truth, truth, range(60), choice="several")
    assert {one.column for one in operating_points(labels, np.arange(60) % 2)[0]} == {0}

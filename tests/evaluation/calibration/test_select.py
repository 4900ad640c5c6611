"""Calibration and thresholds together: chosen on other folds than judged, and what the package carries."""

import numpy as np
import pytest

from classified_samples import made_answers
from scanwright.errors import UsageError
from scanwright.evaluation.calibration.calibration import calibrate
from scanwright.evaluation.calibration.calibration_choice import calibration_of
from scanwright.evaluation.calibration.select import (
    apply_choice,
    calibrations_of,
    choose,
    judge_cross_fitted,
    taught_by,
    teaching,
)
from scanwright.evaluation.classes.answers import Answers
from scanwright.evaluation.classes.classification import measure_answers


@pytest.mark.parametrize(
    ("choice", "classes", "points"), [("one", 2, 1), ("several", 3, 3), ("one", 4, 0), ("ordered", 3, 0)]
)
def test_choose__what_each_kind_of_problem_needs(choice, classes, points):
    answers = made_answers(120, classes, choice=choice)
    chosen = choose(answers)
    assert len(chosen.points) == len(chosen.thresholds) == points
    applied = apply_choice(answers, chosen)
    assert applied.probabilities == pytest.approx(calibrate(answers.probabilities, chosen.calibration))
    if not points:
        assert np.array_equal(applied.decisions, answers.decisions)
    for column, point in zip([1] if classes == 2 else range(classes), chosen.points, strict=False):
        if point is not None and points:
            found = measure_answers(applied, samples=0)[1][column]
            assert found["sensitivity"].value == pytest.approx(point.sensitivity)
            assert found["specificity"].value == pytest.approx(point.specificity)


@pytest.mark.parametrize(("choice", "classes"), [("one", 2), ("several", 3), ("one", 4)])
def test_cross_fitted__each_fold_by_the_choice_on_the_others(choice, classes):
    answers = made_answers(90, classes, choice=choice)
    folds = np.arange(90) % 3
    judged, choices = judge_cross_fitted(answers, folds, rule="sensitivity", target=0.9)
    for fold in range(3):
        here = folds == fold
        others = answers.where(~here)
        calibration = calibration_of(others, folds=folds[~here])
        chosen = choose(others, rule="sensitivity", target=0.9, calibration=calibration)
        assert choices[fold] == chosen
        applied = apply_choice(answers.where(here), chosen)
        assert np.array_equal(judged.probabilities[here], applied.probabilities)
        assert np.array_equal(judged.decisions[here], applied.decisions)


def test_cross_fitted__a_case_has_no_say_in_its_own_decision():
    answers = made_answers(60)
    folds = np.arange(60) % 5
    judged, _ = judge_cross_fitted(answers, folds)
    for case in range(0, 60, 7):
        lies = answers.truth.copy()
        lies[folds == folds[case]] = 1 - lies[folds == folds[case]]
        other = Answers.of(answers.probabilities, lies, answers.decisions, range(60))
        again, _ = judge_cross_fitted(other, folds)
        assert again.decisions[case] == judged.decisions[case]
        assert again.probabilities[case, 1] == judged.probabilities[case, 1]


def test_cross_fitted__a_class_that_its_model_never_saw_has_no_say():
    """One case of a class that lies in one fold alone, and that its model holds impossible, would make all others unsure."""
    rng = np.random.default_rng(0)
    codes = np.append(np.arange(59) % 2, 2)
    chances = np.full((60, 3), 1e-6) + 0.2 * np.eye(3)[np.where(codes == 2, 0, codes)]
    chances[:, :2] += rng.uniform(0.3, 0.35, (60, 2))
    chances /= chances.sum(axis=1, keepdims=True)
    folds = np.arange(60) % 5
    answers = Answers.of(chances, codes, chances.argmax(axis=1), range(60))
    taught = taught_by(answers, teaching(answers, folds))
    assert len(taught) == 59 and 2 not in taught.truth
    judged, choices = judge_cross_fitted(answers, folds, rule=None)
    without, alone = judge_cross_fitted(answers.where(codes < 2), folds[codes < 2], rule=None)
    assert choices == alone and len(judged) == 60
    assert np.array_equal(judged.probabilities[:59], without.probabilities)
    assert choices[0].calibration.slopes[0] > choose(answers, rule=None).calibration.slopes[0] + 0.2


@pytest.mark.parametrize("choice", ["one", "several"])
def test_cross_fitted__a_fold_whose_model_hardly_tells_has_no_say(choice):
    """A slope fitted to probabilities that all are 0.61 would make those of the other fold as sure as can be."""
    truth = np.arange(30) % 2
    chance = np.where(truth == 1, 0.65, 0.35) + np.linspace(-0.05, 0.05, 30)
    folds = (np.arange(30) >= 15).astype(int)
    chance[folds == 1] = 0.61 + 1e-3 * (truth[folds == 1] - 0.5)
    chances = np.stack([1 - chance, chance], axis=1)
    truths = np.stack([truth == 0, truth == 1], axis=1) if choice == "several" else truth
    decisions = chances >= 0.5 if choice == "several" else chances.argmax(axis=1)
    answers = Answers.of(chances, truths, decisions, range(30), choice=choice)
    assert np.array_equal(teaching(answers, folds), np.repeat(folds[:, None] == 0, 2, axis=1))
    judged, _ = judge_cross_fitted(answers, folds, rule=None)
    assert judged.probabilities[folds == 0] == pytest.approx(chances[folds == 0], abs=1e-6)


def test_cross_fitted__a_label_that_lies_in_one_fold_alone_is_left_as_it_is():
    answers = made_answers(60, 3, choice="several")
    folds = np.arange(60) % 5
    truth = answers.truth.copy()
    truth[:, 1] &= folds == 2
    truth[2, 1] = True
    answers = Answers.of(answers.probabilities, truth, answers.decisions, range(60), choice="several")
    judged, choices = judge_cross_fitted(answers, folds)
    for chosen in choices.values():
        assert chosen.points[1] is None and chosen.points[0] is not None
        assert (chosen.calibration.slopes[1], chosen.calibration.offsets[1]) == (1, 0)
    assert judged.probabilities[:, 1] == pytest.approx(answers.probabilities[:, 1], abs=1e-6)
    assert not np.allclose(judged.probabilities[:, 0], answers.probabilities[:, 0], atol=1e-6)


def test_cross_fitted__one_fold_alone_is_left_at_the_default():
    answers = made_answers(30)
    judged, choices = judge_cross_fitted(answers, [0] * 30)
    assert judged.probabilities == pytest.approx(answers.probabilities, abs=1e-6)
    assert np.array_equal(judged.decisions, (answers.probabilities[:, 1] >= 0.5).astype(int))
    assert choices[0].points == (None,)


def test_cross_fitted__keeps_the_truth_about_a_target():
    """Of 100 studies of 200 cases, the sensitivity aimed at 0.9 is met on the cases of the choice, and nearly on the others."""
    chosen_on, judged_on = [], []
    for seed in range(100):
        answers = made_answers(200, seed=seed)
        point = choose(answers, rule="sensitivity", target=0.9).points[0]
        folds = np.arange(200) % 5
        known = calibrations_of(answers, folds, method="platt")
        judged, _ = judge_cross_fitted(answers, folds, rule="sensitivity", target=0.9, calibrations=known)
        chosen_on.append(point.sensitivity)
        judged_on.append(measure_answers(judged, samples=0)[0]["sensitivity"].value)
    assert min(chosen_on) >= 0.9 - 1e-12
    assert 0.88 <= np.mean(judged_on) <= 0.92 and np.mean(judged_on) < np.mean(chosen_on)


def test_wrong_arguments():
    answers = made_answers(10)
    with pytest.raises(UsageError, match="needs its fold"):
        judge_cross_fitted(answers, [0])
    with pytest.raises(UsageError, match="no rule"):
        choose(made_answers(20, 3), rule="best")


def binary(scores, positive):
    return Answers.of(np.stack([1 - scores, scores], axis=1), positive, scores > 0.5, range(len(scores)))


def test_cross_fitted__is_not_flattered_where_there_is_nothing_to_find():
    """Of scores by chance, the best threshold on the same cases looks better than chance; cross-fitted it does not."""
    flattered, honest = [], []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        scores, positive = rng.random(50), np.arange(50) % 2 == 0
        (point,) = choose(binary(scores, positive)).points
        drawn, folds = binary(scores, positive), rng.integers(5, size=50)
        decided = judge_cross_fitted(drawn, folds, calibrations=calibrations_of(drawn, folds, method="platt"))[
            0
        ].decisions
        flattered.append(point.sensitivity + point.specificity - 1)
        honest.append(decided[positive].mean() - decided[~positive].mean())
    assert np.mean(flattered) > 0.15 and abs(np.mean(honest)) < 0.08


def test_cross_fitted__nothing_to_choose_from():
    answers = binary(np.array([0.4, 0.6, 0.3, 0.8]), np.array([False, True, True, True]))
    alone, choices = judge_cross_fitted(answers, [0, 0, 0, 0])
    assert choices[0].points == (None,) and alone.decisions.tolist() == [0, 1, 0, 1]
    apart = judge_cross_fitted(answers, [0, 0, 1, 1])[1]  # the one negative case was answered by a model that knew none
    assert apart[0].points == apart[1].points == (None,)
    more = binary(np.array([0.4, 0.6, 0.3, 0.8, 0.1]), np.array([False, True, True, True, False]))
    apart = judge_cross_fitted(more, [0, 0, 1, 1, 2])[1]
    assert all(chosen.points[0] is not None for chosen in apart.values())


@pytest.mark.parametrize(("rule", "target", "words"), [("best", None, "no rule"), ("youden", 0.5, "no target")])
def test_cross_fitted__wrong_rules(rule, target, words):
    with pytest.raises(UsageError, match=words):
        judge_cross_fitted(binary(np.array([0.1, 0.2]), np.array([True, False])), [0, 1], rule=rule, target=target)

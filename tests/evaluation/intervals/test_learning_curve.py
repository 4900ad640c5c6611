"""The inverse power law through models of fewer cases: against scipy, and against made curves of which the truth is known."""

import numpy as np
import pytest
from scipy.optimize import curve_fit

from scanwright.evaluation.intervals.learning_curve import (
    MULTIPLES,
    Point,
    draw_variance,
    fit_laws,
    learning_curve,
    misfit_p,
    why_withheld,
)

SHARES = np.array([0.125, 0.25, 0.5, 1.0])


def law(share, floor, drop, rate):
    return floor + drop * share**-rate


def made_study(rng, *, truth, patients=200, folds=5, by_draw=0.02, draws=150, shares=SHARES):
    """A study whose true errors are a law: judged patients differ in level and by chance, folds by the cases that they drew."""
    errors = law(shares, *truth) + rng.normal(0, by_draw, (folds, len(shares)))[np.arange(patients) % folds]
    scores = 1 - errors + rng.normal(0, 0.12, (patients, 1)) + rng.normal(0, 0.06, errors.shape)
    drawn = rng.multinomial(patients, np.full(patients, 1 / patients), size=draws) @ scores / patients
    by_fold = np.array([scores[np.arange(patients) % folds == fold].mean(axis=0) for fold in range(folds)])
    return points_of(scores.mean(axis=0), shares), drawn, by_fold


def points_of(values, shares=SHARES):
    return [
        Point(share=float(share), cases=80 * float(share), patients=80 * float(share), value=float(value))
        for share, value in zip(shares, values, strict=True)
    ]


@pytest.mark.parametrize("truth", [(0.1, 0.05, 0.6), (0.0, 0.2, 0.3), (0.02, 0.1, 1.2)])
def test_fit__finds_the_law_that_points_lie_on(truth):
    found = fit_laws(SHARES, law(SHARES, *truth)[None], np.ones(4))[0]
    for multiple in MULTIPLES:
        assert law(multiple, *found) == pytest.approx(law(multiple, *truth), abs=2e-4)


@pytest.mark.parametrize("seed", range(6))
def test_fit__is_scipys_weighted_least_squares(seed):
    rng = np.random.default_rng(seed)
    deviations = rng.uniform(0.005, 0.03, 4)
    errors = law(SHARES, 0.1, 0.08, 0.7) + rng.normal(0, deviations)
    found = fit_laws(SHARES, errors[None], deviations**-2.0)[0]
    starts = [(0.05, 0.1, 0.5), (0.0, 0.2, 0.3), (0.15, 0.02, 1.2)]
    bounds = ([0, 0, 0.05], [np.inf, np.inf, 2.0])
    theirs = [curve_fit(law, SHARES, errors, p0=start, sigma=deviations, bounds=bounds)[0] for start in starts]

    def squares(numbers):
        return float((((errors - law(SHARES, *numbers)) / deviations) ** 2).sum())

    assert squares(found) == pytest.approx(min(map(squares, theirs)), abs=2e-3)


def test_fit__what_falls_with_more_cases_is_level():
    floor, drop, _ = fit_laws(SHARES, np.array([[0.1, 0.12, 0.14, 0.2]]), np.ones(4))[0]
    assert drop == 0 and floor == pytest.approx(0.14)


def test_curve__its_intervals_hold_the_truth_beyond_all_cases():
    rng, truth = np.random.default_rng(3), (0.1, 0.15, 0.5)
    held = {multiple: [] for multiple in MULTIPLES}
    for _ in range(40):
        points, drawn, by_fold = made_study(rng, truth=truth)
        for one in learning_curve(points, drawn, by_fold=by_fold, num_patients=200).expected:
            if one.interval is not None:
                held[one.multiple].append(one.interval[0] <= 1 - law(one.multiple, *truth) <= one.interval[1])
    for multiple, found in held.items():
        assert len(found) > 30 and np.mean(found) >= 0.8, (multiple, np.mean(found), len(found))
    assert [one.extrapolated for one in learning_curve(points, drawn, num_patients=200).expected] == [False] * 2 + [
        True
    ] * 2


def test_curve__an_error_is_read_as_a_score_upside_down():
    points, drawn, by_fold = made_study(np.random.default_rng(0), truth=(0.1, 0.15, 0.5))
    of_scores = learning_curve(points, drawn, by_fold=by_fold, num_patients=200)
    turned = points_of([1 - one.value for one in points])
    of_errors = learning_curve(turned, 1 - drawn, by_fold=1 - by_fold, num_patients=200, is_error=True)
    assert of_errors.gained == pytest.approx(of_scores.gained) and of_errors.gained > 0
    for one, other in zip(of_errors.expected, of_scores.expected, strict=True):
        assert one.value == pytest.approx(1 - other.value)


def test_curve__nothing_is_read_off_a_level_or_a_noisy_one():
    points, drawn, by_fold = made_study(np.random.default_rng(1), truth=(0.2, 0.0, 0.5), by_draw=0.0, patients=400)
    level = learning_curve(points, drawn, by_fold=by_fold, num_patients=400)
    assert "level" in level.withheld
    assert all((one.value is None) is one.extrapolated for one in level.expected)
    points, drawn, by_fold = made_study(np.random.default_rng(1), truth=(0.2, 0.002, 0.3), patients=20, by_draw=0.1)
    noisy = learning_curve(points, drawn, by_fold=by_fold, num_patients=20)
    assert noisy.withheld or any(one.withheld for one in noisy.expected if one.extrapolated)


def test_curve__points_on_no_law_and_gains_that_are_unsure():
    assert "do not lie" in why_withheld((0.01, 0.2), 0.001) and why_withheld((0.01, 0.2), 0.4) == ""
    assert "beyond chance" in why_withheld((-0.05, 0.2), None)
    noise = np.random.default_rng(0).normal(0, 0.01, (500, 4))
    assert misfit_p(np.array([0.0, 0.1, 0.0, 0.0]), noise) < 1e-6 < 0.5 < misfit_p(np.zeros(4), noise)
    assert misfit_p(np.zeros(3), noise[:, :3]) is None


def test_draw_variance__is_what_folds_differ_by_beyond_their_patients():
    rng = np.random.default_rng(0)
    found = []
    for _ in range(40):
        _, drawn, by_fold = made_study(rng, truth=(0.1, 0.1, 0.5), by_draw=0.05)
        found.append(draw_variance(by_fold, drawn))
    assert np.mean(found) == pytest.approx(0.05**2 / 5, rel=0.2)
    assert draw_variance(by_fold[:1], drawn) is None


def test_curve__too_few_shares_are_not_fitted():
    points, drawn, _ = made_study(np.random.default_rng(0), truth=(0.1, 0.1, 0.5))
    found = learning_curve(points[2:], drawn[:, 2:], num_patients=200)
    assert found.law is None and "three shares" in found.withheld and found.expected == ()
    missing = [*points[:3], Point(share=1.0, cases=80, patients=80, value=None)]
    assert learning_curve(missing, drawn, num_patients=200).law is None
    assert learning_curve(points, np.full_like(drawn, np.nan), num_patients=200).law is None

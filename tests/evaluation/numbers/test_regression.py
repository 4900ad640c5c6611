"""Measures of predicted numbers: against scikit-learn and SciPy, by hand, and by simulation."""

import numpy as np
import pytest
import scipy.stats
import sklearn.metrics as peer

from scanwright.errors import UsageError
from scanwright.evaluation.numbers.regression import IN_UNITS, NAMES, measure_numbers, spearman_of_draws


def study(num_cases: int, seed: int, quantities: int = 1, digits: int = 6) -> tuple[np.ndarray, np.ndarray]:
    """Predicted and true values far from 0, with ties when rounded to few digits."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(1000, 10, (num_cases, quantities)).round(digits)
    return (truth + rng.normal(2, 5, truth.shape)).round(digits), truth


@pytest.mark.parametrize("digits", [6, 0, -1])
@pytest.mark.parametrize("seed", range(15))
def test_measures__agree_with_scikit_learn_and_scipy(seed, digits):
    predicted, truth = study(8 + 6 * seed, seed, digits=digits)
    overall, (found,) = measure_numbers(predicted, truth, range(len(truth)), samples=0)
    assert overall == found and list(found) == list(NAMES)
    p, y = predicted[:, 0], truth[:, 0]
    error = p - y
    expected = {
        "mae": peer.mean_absolute_error(y, p),
        "rmse": peer.root_mean_squared_error(y, p),
        "bias": error.mean(),
        "r2": peer.r2_score(y, p),
        "pearson": scipy.stats.pearsonr(y, p).statistic,
        "spearman": scipy.stats.spearmanr(y, p).statistic,
        "loa_low": error.mean() - 1.96 * error.std(ddof=1),
        "loa_high": error.mean() + 1.96 * error.std(ddof=1),
    }
    assert {name: found[name].value for name in expected} == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_measures__far_from_zero_lose_no_digits():
    predicted, truth = study(50, 0)
    near = measure_numbers(predicted - 1000, truth - 1000, range(50), samples=0)[0]
    far = measure_numbers(predicted + 1e7, truth + 1e7, range(50), samples=0)[0]
    for name in NAMES:
        assert far[name].value == pytest.approx(near[name].value, rel=1e-6), name


def test_spearman__each_draw_is_ranked_anew():
    rng = np.random.default_rng(0)
    x, y, owners = rng.integers(0, 9, 30).astype(float), rng.integers(0, 9, 30).astype(float), np.arange(30) // 2
    counts = rng.multinomial(15, np.ones(15) / 15, size=20)
    for row, found in zip(counts, spearman_of_draws(x, y, owners, counts), strict=True):
        repeats = row[owners]
        expected = scipy.stats.spearmanr(np.repeat(x, repeats), np.repeat(y, repeats)).statistic
        assert found == pytest.approx(expected)


def test_quantities__together_is_the_mean_and_units_are_not_mixed():
    predicted, truth = study(40, 1, quantities=2)
    overall, each = measure_numbers(predicted, truth, range(40), units=["ml", "ml"], samples=300)
    for name in NAMES:
        assert overall[name].value == pytest.approx(np.mean([found[name].value for found in each]))
    unknown, _ = measure_numbers(predicted, truth, range(40), units=["", ""], samples=0)
    assert unknown["mae"].value is None and unknown["r2"].value is not None  # nobody says that they are in one unit
    mixed, same = measure_numbers(predicted, truth, range(40), units=["ml", "years"], samples=300)
    assert same == each
    assert all((mixed[name].value is None) == (name in IN_UNITS) for name in NAMES)
    assert mixed["r2"] == overall["r2"]


def test_unknown_truth__is_left_out():
    predicted, truth = study(40, 2, quantities=2)
    holes = truth.copy()
    holes[:10, 0] = np.nan
    overall, each = measure_numbers(predicted, holes, range(40), samples=300)
    alone = measure_numbers(predicted[10:, :1], truth[10:, :1], range(30), samples=0)[0]
    assert each[0]["mae"].value == pytest.approx(alone["mae"].value)
    assert each[0]["spearman"].value == pytest.approx(alone["spearman"].value)
    assert (each[0]["mae"].n, each[0]["mae"].n_defined, overall["mae"].n_defined) == (40, 30, 40)


def test_not_defined__rather_than_zero():
    constant = measure_numbers(np.array([[1.0], [2.0], [3.0]]), np.full((3, 1), 0.1), range(3), samples=0)[0]
    assert constant["r2"].value is constant["pearson"].value is constant["spearman"].value is None
    assert constant["r2"].n_defined == 0 and constant["mae"].value == pytest.approx(1.9)
    two = measure_numbers(np.array([[1.0], [2.0]]), np.array([[1.0], [3.0]]), range(2), samples=0)[0]
    assert two["loa_low"].value is None and two["mae"].value == 0.5
    nothing = measure_numbers(np.empty((0, 1)), np.empty((0, 1)), [])[0]
    assert all(estimate.value is None and estimate.interval is None for estimate in nothing.values())


def test_intervals__limits_of_agreement_near_the_textbook():
    """Bland & Altman 1986: the standard error of a limit is about √(3 s² / n)."""
    predicted, truth = study(400, 3)
    error = (predicted - truth).std(ddof=1)
    found = measure_numbers(predicted, truth, range(400))[0]
    half = 1.96 * np.sqrt(3 / 400) * error
    for name in ("loa_low", "loa_high"):
        low, high = found[name].interval
        assert (high - low) / 2 == pytest.approx(half, rel=0.15)
        assert low < found[name].value < high


def test_intervals__by_patient():
    predicted, truth = study(30, 4)
    once = measure_numbers(predicted, truth, range(30), samples=2000)[0]
    fivefold = np.repeat(predicted, 5, axis=0), np.repeat(truth, 5, axis=0)
    same = measure_numbers(*fivefold, np.repeat(range(30), 5).tolist(), samples=2000)[0]
    apart = measure_numbers(*fivefold, range(150), samples=2000)[0]
    for name in NAMES:
        width, copied, wrong = (np.ptp(found[name].interval) for found in (once, same, apart))
        assert copied == pytest.approx(width, rel=0.1) and wrong < 0.6 * width, name
    few = measure_numbers(predicted[:8], truth[:8], np.arange(8) // 2)[0]
    assert all(estimate.interval is None for estimate in few.values())


def test_intervals__hold_the_truth_about_as_often_as_stated():
    """200 studies of 30 normal values: bias 2, limits 2 -+ 9.8, r2 1 - 29 / 100, mean absolute error of N(2, 5)."""
    true = {"bias": 2.0, "rmse": 29**0.5, "r2": 0.71, "pearson": 1 / 1.25**0.5, "loa_low": -7.8, "loa_high": 11.8}
    held = dict.fromkeys(true, 0)
    for seed in range(200):
        found = measure_numbers(*study(30, seed), range(30), seed=seed, samples=600)[0]
        for name, value in true.items():
            low, high = found[name].interval
            held[name] += low <= value <= high
    assert all(0.88 <= count / 200 <= 0.99 for count in held.values()), held


def test_intervals__together_need_patients_of_every_quantity():
    """Of 60 patients 2 have y: draws without them would be of x alone, and the interval ended at the error of x."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(50, 10, 60), np.where(np.arange(60) < 2, 1.0, np.nan)
    truth = np.stack([x, y], axis=1)
    predicted = np.stack([x + rng.normal(0, 5, 60), np.full(60, 1.1)], axis=1)
    overall, (of_x, of_y) = measure_numbers(predicted, truth, range(60), samples=200)
    assert overall["mae"].value == pytest.approx((of_x["mae"].value + of_y["mae"].value) / 2)
    assert all(one.interval is None for one in (*overall.values(), *of_y.values()))
    assert of_x["mae"].interval is not None and of_x["spearman"].interval is not None
    truth[:, 1] = np.nan  # known of nobody, it is in no mean
    alone, (of_x, _) = measure_numbers(predicted, truth, range(60), samples=200)
    assert alone["mae"].interval == of_x["mae"].interval is not None


def test_wrong_arguments():
    with pytest.raises(UsageError, match="same cases"):
        measure_numbers(np.zeros((3, 1)), np.zeros((2, 1)), range(3))
    with pytest.raises(UsageError, match="not finite"):
        measure_numbers(np.array([[np.nan]]), np.zeros((1, 1)), range(1))
    with pytest.raises(UsageError, match="needs its patient"):
        measure_numbers(np.zeros((3, 1)), np.zeros((3, 1)), range(2))

"""Draws of patients and the intervals from them: against SciPy, and what they promise."""

import numpy as np
import pytest
import scipy.stats

from scanwright.errors import UsageError
from scanwright.evaluation.intervals.bootstrap import (
    Estimate,
    bca_interval,
    draw_counts,
    number_patients,
    percentile_interval,
    resample,
    totals_by_patient,
    widened_reach,
)


def variances(totals: np.ndarray) -> np.ndarray:
    """Of sums (..., 3) of 1, x and x²."""
    n, x, xx = np.moveaxis(totals, -1, 0)
    return (xx / n - (x / n) ** 2)[..., None]


def test_draws__as_many_patients_as_there_are_and_the_same_again():
    blocks = list(draw_counts(7, seed=3, samples=50))
    counts = np.concatenate(blocks)
    assert counts.shape == (50, 7) and (counts.sum(axis=1) == 7).all()
    assert np.array_equal(counts, np.concatenate(list(draw_counts(7, seed=3, samples=50))))
    assert not np.array_equal(counts, np.concatenate(list(draw_counts(7, seed=4, samples=50))))


def test_bca__agrees_with_scipy_for_what_is_no_mean():
    values = np.random.default_rng(0).exponential(size=400)
    totals = np.stack([np.ones(400), values, values**2], axis=1)
    drawn = resample(totals, variances, seed=0, samples=10_000)[:, 0]
    whole = totals.sum(axis=0)
    low, high = bca_interval(drawn, variances(whole)[0], variances(whole - totals)[:, 0])
    peer = scipy.stats.bootstrap((values,), np.var, n_resamples=10_000, method="BCa", rng=1).confidence_interval
    assert (low, high) == pytest.approx((peer.low, peer.high), abs=0.05 * (peer.high - peer.low))


def test_percentiles__hold_the_value_and_leave_out_what_is_not_defined():
    drawn = np.append(np.linspace(0, 1, 1001), [np.nan, np.inf])
    low, high = percentile_interval(drawn, 0.5, num_patients=10_000)
    assert (low, high) == pytest.approx((0.025, 0.975), abs=1e-3)
    assert percentile_interval(drawn, 1.2, num_patients=50)[1] == 1.2


def test_reach__wider_for_few_patients():
    assert widened_reach(10_000) == pytest.approx([-1.96, 1.96], abs=1e-3)
    assert widened_reach(5)[1] > widened_reach(20)[1] > 1.96


def test_totals__by_patient_in_order_of_appearance():
    owners = number_patients(["b", "a", "b"], 3)
    assert owners.tolist() == [0, 1, 0]
    assert totals_by_patient(np.array([[1.0, 2], [3, 4], [5, 6]]), owners).tolist() == [[6, 8], [3, 4]]
    with pytest.raises(UsageError, match="needs its patient"):
        number_patients(["a"], 2)


def test_estimate__as_json():
    assert Estimate(value=0.5, interval=(0.25, 0.75), n=9, n_defined=8).as_json() == {
        "mean": 0.5, "ci95": [0.25, 0.75], "n": 9, "n_defined": 8,
    }  # fmt: skip
    assert Estimate(value=float("nan"), interval=None, n=3, n_defined=0).as_json()["mean"] is None

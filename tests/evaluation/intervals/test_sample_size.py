"""How many patients an interval and a comparison take: against statsmodels, closed formulas and a published example."""

import math

import numpy as np
import pytest
from scipy.stats import t
from statsmodels.stats.power import TTestPower
from statsmodels.stats.proportion import proportion_confint

from scanwright.evaluation.classes.ranking import auroc
from scanwright.evaluation.intervals.sample_size import (
    Seen,
    deviation_of_patients,
    hanley_mcneil,
    patients_for_difference,
    patients_for_width,
    sample_size,
    variance_each,
    wilson_half_width,
)


def seen(**known):
    plain = {"metric": "m", "basis": "mean", "value": 0.8, "interval": (0.75, 0.85), "patients": 50, "cases": 50}
    return Seen(**(plain | known))


@pytest.mark.parametrize(("share", "wanted"), [(0.9, 0.05), (0.5, 0.05), (0.97, 0.02), (0.8, 0.1)])
def test_share__is_the_smallest_number_with_wilsons_interval(share, wanted):
    def half(number):
        low, high = proportion_confint(share * number, number, method="wilson")
        return (high - low) / 2

    found = patients_for_width(seen(basis="share", value=share), wanted)
    assert half(found) <= wanted < half(found - 1)


def test_mean__is_the_smallest_number_with_students_interval():
    found = patients_for_width(seen(deviation=0.1), 0.02)
    assert found == next(n for n in range(5, 1000) if t.ppf(0.975, n - 1) * 0.1 / math.sqrt(n) <= 0.02)


def test_auroc__hanley_and_mcneils_example_and_what_simulated_studies_have():
    assert math.sqrt(hanley_mcneil(0.893, 51 / 109, 109)) == pytest.approx(0.0325, abs=5e-4)
    found = patients_for_width(seen(basis="auroc", value=0.8, positives=0.4), 0.06)
    rng, truth = np.random.default_rng(0), np.arange(found) < 0.4 * found
    shift = 1.1902  # normal scores so far apart have an area of 0.8
    areas = [auroc(rng.normal(size=found) + shift * truth, truth).value for _ in range(400)]
    assert 1.96 * np.std(areas) == pytest.approx(0.06, rel=0.15)


@pytest.mark.parametrize(("effect", "correlation"), [(0.2, 0.5), (0.5, 0.5), (0.12, 0.8)])
def test_paired__is_statsmodels_number(effect, correlation):
    variance = 0.1**2
    deviation = math.sqrt(2 * variance * (1 - correlation))
    theirs = TTestPower().solve_power(effect_size=effect, alpha=0.05, power=0.8, alternative="two-sided")
    assert abs(patients_for_difference(variance, effect * deviation, correlation) - math.ceil(theirs)) <= 1


def test_paired__of_many_patients():
    deviation = math.sqrt(2 * 0.16 * 0.5)
    theirs = ((1.959964 + 0.841621) * deviation / 0.02) ** 2
    assert patients_for_difference(0.16, 0.02, 0.5) == pytest.approx(theirs, rel=0.01)


def test_interval__shrinks_with_the_square_root():
    assert patients_for_width(seen(basis="interval", interval=(0.7, 0.9), patients=60), 0.05) == 240


def test_cases__of_one_patient_tell_less():
    alone = seen(basis="share", value=0.8, patients=200, cases=200)
    alike = seen(basis="share", value=0.8, patients=50, cases=200, interval=(0.69, 0.91))  # as wide as 50 cases make it
    found = patients_for_width(alike, 0.05)
    assert patients_for_width(alone, 0.05) * 0.9 < found <= patients_for_width(alone, 0.05)
    assert sample_size(alike).widths[0].cases == 4 * found
    free = seen(basis="share", value=0.8, patients=50, cases=200, interval=(0.745, 0.855))
    assert patients_for_width(free, 0.05) < found / 3


def test_sample_size__nothing_is_said_without_ground():
    assert sample_size(seen(patients=4, deviation=0.1)) is None
    assert sample_size(seen(deviation=0.0)) is None and variance_each(seen(basis="share", value=1.0)) is None
    sure = sample_size(seen(basis="share", value=1.0))
    assert sure.paired == () and wilson_half_width(1.0, sure.widths[0].patients) <= 0.05
    assert sample_size(seen(basis="interval", interval=None)) is None
    many = sample_size(seen(basis="mean", deviation=50.0)).widths[1]
    assert many.patients is None and many.cases is None


def test_deviation__is_of_patients_and_not_of_cases():
    assert deviation_of_patients([0.5, 0.7, 0.9, None], ["a", "a", "b", "c"]) == pytest.approx(
        np.std([0.6, 0.9], ddof=1)
    )
    assert deviation_of_patients([0.5], ["a"]) is None

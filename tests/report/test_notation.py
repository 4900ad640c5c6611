import doctest
import math

import pytest

from scanwright.evaluation.label_maps.measures import describe_measures
from scanwright.report import card, notation
from scanwright.report.notation import digits_of, duration, interval, is_better, memory, metric, number, stated
from scanwright.report.results_content import Estimate

SPACE = "\N{NARROW NO-BREAK SPACE}"


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (0.8861, 3, "0.886"),
        (-0.04567, 3, "−0.046"),
        (-0.0001, 3, "0.000"),
        (9999.5, 1, "9999.5"),
        (12345.6, 1, f"12{SPACE}345.6"),
        (None, 3, "–"),
        (math.nan, 3, "–"),
        (math.inf, 3, "–"),
    ],
)
def test_number(value, digits, text):
    assert number(value, digits) == text


def test_interval__a_dash_that_cannot_be_a_minus():
    assert interval(Estimate(mean=0.9, low=0.88, high=0.91)) == "0.880–0.910"
    assert interval(Estimate(mean=0.0, low=-0.5, high=0.25), 2) == "−0.50 … 0.25"
    assert interval(Estimate(mean=0.2, low=-0.0001, high=0.5)) == "0.000–0.500"
    assert interval(Estimate(mean=0.9)) == interval(Estimate(mean=None, low=0.1, high=0.2)) == ""


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.04 s"), (9.46, "9.5 s"), (59.96, "1 min 0 s"), (75, "1 min 15 s"), (7384, "2 h 3 min"), (None, "–")],
)
def test_duration(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (5 << 30, "5.0 GiB"), (None, "–")]
)
def test_memory(size, text):
    assert memory(size) == text


@pytest.mark.parametrize("unit", ["mm", "px"])
def test_metric__agrees_with_what_the_evaluation_says_of_its_measures(unit):
    for name, measure in describe_measures(unit).items():
        assert metric(name).better == measure.better, name


def test_digits__of_errors_follow_the_quantity_and_end_somewhere():
    assert digits_of(metric("mae"), Estimate(mean=None)) == digits_of(metric("mae"), Estimate(mean=0.0)) == 3
    assert digits_of(metric("rmse"), Estimate(mean=1e-12)) == 6
    assert digits_of(metric("hd95_mm"), Estimate(mean=1234.0)) == 2


def test_metric__name_and_unit_apart():
    assert (metric("hd95_mm").stem, metric("hd95_mm").unit) == ("hd95", "mm")
    assert (metric("nsd_voxel").stem, metric("nsd_voxel").unit) == ("nsd_voxel", "")
    assert metric("volume_bias_ml").limits == (-math.inf, math.inf) and metric("dice").limits == (0.0, 1.0)


@pytest.mark.parametrize("key", ["loa_low", "loa_high", "probability", "estimate"])
def test_metric__ends_of_a_range_are_no_better_for_being_high(key):
    assert metric(key).better == "none" and metric(key).limits == (-math.inf, math.inf)
    with pytest.raises(ValueError, match="no value of"):
        is_better(key, 1.0, 2.0)


@pytest.mark.parametrize("key", ["mcc", "kappa", "quadratic_kappa", "pearson", "spearman"])
def test_metric__correlations_may_be_negative(key):
    assert (metric(key).better, metric(key).limits) == ("higher", (-1.0, 1.0))


def test_stated__both_surface_dice_scores_and_no_other():
    names = [name for name in describe_measures("px") if stated(metric(name), 1.0, "px")]
    assert names == ["nsd", "nsd_voxel"]
    assert stated(metric("nsd_voxel"), 12.345678, "px") == "12.35 px"


@pytest.mark.parametrize("module", [notation, card])
def test_examples_in_docstrings(module):
    failed, tried = doctest.testmod(module)
    assert tried and not failed

"""The predicted quality of masks: the line against scikit-learn, measures against SciPy, coverage of the bound."""

import math
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
from scipy.stats import pearsonr, spearmanr
from sklearn.linear_model import Ridge

from scanwright.evaluation.certainty.mask_quality import (
    MIN_CASES,
    RIDGE,
    Line,
    MaskCase,
    Traits,
    borne_out,
    cross_fitted,
    fit_line,
    judge,
    line_from_json,
    lowest,
    slack,
)


def cases(number: int, *, noise: float = 0.03, seed: int = 0, sign: float = 1.0, folds: int = 5) -> list[MaskCase]:
    """Masks whose Dice falls with what is planted."""
    rng = np.random.default_rng(seed)
    made = []
    for place in range(number):
        expected, bits, log = rng.uniform(0.6, 0.98), rng.uniform(0.5, 4), rng.normal(0, 0.3)
        dice = 0.2 + 0.7 * expected - sign * 0.05 * bits - 0.02 * abs(log) / 0.3 + rng.normal(0, noise)
        traits = Traits(expected_dice=expected, border_bits=bits, size=3 * math.exp(log))
        made.append(
            MaskCase(
                case=f"c{place}",
                patient=f"p{place}",
                fold=place % folds,
                traits=traits,
                dice=float(np.clip(dice, 0, 1)),
                true_size=3 * math.exp(log + rng.normal(0, 0.02)),
            )
        )
    return made


def columns(line: Line, of: list[MaskCase]) -> np.ndarray:
    return np.array(
        [
            [
                one.traits.expected_dice,
                one.traits.border_bits,
                abs(math.log(one.traits.size) - line.size) / line.spread,
            ]
            for one in of
        ]
    )


def test_the_line_is_ridge_regression_where_signs_hold() -> None:
    of = cases(120)
    line = fit_line(of)
    raw = columns(line, of)
    scaled = (raw - raw.mean(axis=0)) / raw.std(axis=0)
    ridge = Ridge(alpha=RIDGE).fit(scaled, [one.dice for one in of])
    assert line.weights == pytest.approx(ridge.coef_ / raw.std(axis=0), rel=1e-4)
    assert [line.dice(one.traits) for one in of] == pytest.approx(ridge.predict(scaled).clip(0, 1), abs=1e-6)


def test_doubt_never_raises_what_is_expected() -> None:
    line = fit_line(cases(120, sign=-1))
    assert line.weights[1] == pytest.approx(0, abs=1e-9) and line.weights[0] > 0


def test_a_line_needs_cases_and_patients() -> None:
    of = cases(MIN_CASES)
    assert fit_line(of) is not None and fit_line(of[:-1]) is None
    assert fit_line([MaskCase(**{**_fields(one), "patient": "one"}) for one in of]) is None


def _fields(one: MaskCase) -> dict:
    return {name: getattr(one, name) for name in ("case", "patient", "fold", "traits", "dice", "true_size")}


def test_predictions_stay_in_range() -> None:
    line = Line(intercept=2.0, weights=(1.0, 0.0, 0.0), size=0.0, spread=1.0)
    assert line.dice(Traits(expected_dice=1.0, border_bits=0.0, size=1.0)) == 1.0
    assert (
        Line(intercept=-2.0, weights=(1.0, 0.0, 0.0), size=0.0, spread=1.0).dice(
            Traits(expected_dice=1.0, border_bits=0.0, size=1.0)
        )
        == 0.0
    )


def test_measures_are_scipys() -> None:
    of = cases(80)
    told = cross_fitted(of)
    found, true = judge(of, told), np.array([one.dice for one in of])
    by_fold = pd.DataFrame({"fold": [one.fold for one in of], "told": told, "true": true}).groupby("fold")
    centred = by_fold.transform(lambda column: column - column.mean())
    assert found.pearson.value == pytest.approx(pearsonr(centred["told"], centred["true"])[0])
    ranks = by_fold.rank()
    assert found.spearman.value == pytest.approx(pearsonr(ranks["told"], ranks["true"])[0]), "folds are of one size"
    assert found.mae.value == pytest.approx(np.abs(told - true).mean())
    assert found.pearson_alone.value < found.pearson.value
    low, high = found.pearson.interval
    assert low < found.pearson.value < high


def test_measures_of_one_set_are_scipys() -> None:
    of = [MaskCase(**{**_fields(one), "fold": None}) for one in cases(80)]
    told = np.array([one.traits.expected_dice for one in of])
    found, true = judge(of, told), [one.dice for one in of]
    assert found.pearson.value == pytest.approx(pearsonr(told, true)[0])
    assert found.spearman.value == pytest.approx(spearmanr(told, true)[0])


def test_a_fold_that_failed_makes_no_correlation() -> None:
    """A model that is poor and unsure as a whole, and no case of any fold told from another."""
    rng = np.random.default_rng(0)
    of, told = [], []
    for one in cases(100, folds=4):
        level = 0.1 if one.fold == 0 else 0.9
        of.append(MaskCase(**{**_fields(one), "dice": level + rng.uniform(0, 0.05)}))
        told.append(level + rng.uniform(0, 0.05))
    found = judge(of, np.array(told))
    assert pearsonr(told, [one.dice for one in of])[0] > 0.9
    assert abs(found.pearson.value) < 0.3 and not found.is_shown


def test_no_case_has_a_say_in_its_own_prediction() -> None:
    of = cases(60)
    told = cross_fitted(of)
    changed = [MaskCase(**{**_fields(one), "dice": 0.0}) if one.fold == 2 else one for one in of]
    again = cross_fitted(changed)
    here = np.array([one.fold == 2 for one in of])
    assert np.array_equal(told[here], again[here]) and not np.allclose(told[~here], again[~here])


def test_one_fold_predicts_nothing() -> None:
    told = cross_fitted(cases(60, folds=1))
    assert np.isnan(told).all()
    found = judge(cases(60, folds=1), told)
    assert found.pearson.value is None and found.slack is None and found.coverage.value is None


def test_the_slack_is_the_conformal_quantile() -> None:
    excess = np.arange(1, 20) / 100  # of 19, the 18th is the quantile of ⌈20 · 0.9⌉
    assert slack(excess) == pytest.approx(0.18)
    assert slack(excess[:8]) is None, "of 8 cases the 9th"
    assert slack(np.zeros(0)) is None


def test_the_bound_holds_in_nine_of_ten_new_cases() -> None:
    """Over many studies, cases of which nothing was known are below their bound in a tenth."""
    held = []
    for seed in range(30):
        of, new = cases(60, seed=seed, noise=0.05), cases(100, seed=1000 + seed, noise=0.05)
        line, lower = fit_line(of), judge_slack(of)
        held += [one.dice >= line.dice(one.traits) - lower for one in new]
    assert 0.86 < np.mean(held) < 0.95


def judge_slack(of: list[MaskCase]) -> float:
    told = cross_fitted(of)
    found = slack(told - np.array([one.dice for one in of]))
    assert found is not None
    return found


def test_coverage_is_judged_with_the_other_folds() -> None:
    found = judge(cases(100), cross_fitted(cases(100)))
    assert 0.8 <= found.coverage.value <= 0.98 and found.coverage.interval is not None


def test_the_lowest_few() -> None:
    assert lowest(np.linspace(0, 1, 101)) == pytest.approx(0.05)
    assert lowest(np.linspace(0, 1, 10)) is None


def test_a_line_comes_back_from_plain_data() -> None:
    line = fit_line(cases(60))
    assert line_from_json(asdict(line)) == line
    with pytest.raises(ValueError, match="spread"):
        line_from_json(asdict(line) | {"spread": 0})


def test_what_says_nothing_is_not_shown() -> None:
    """Dice that has nothing to do with the traits: in few of many studies is a correlation shown."""
    shown = 0
    for seed in range(10):
        rng = np.random.default_rng(seed)
        of = [MaskCase(**{**_fields(one), "dice": float(rng.uniform(0.6, 0.9))}) for one in cases(60, seed=seed)]
        shown += judge(of, cross_fitted(of)).is_shown
    assert shown <= 1
    assert judge(cases(60), cross_fitted(cases(60))).is_shown


def test_a_bound_that_does_not_hold_is_not_told() -> None:
    """A fold whose model is worse than the others by more than these know."""
    of = [
        MaskCase(**{**_fields(one), "dice": max(0.0, one.dice - 0.3 * (one.fold < 2))}) for one in cases(100, folds=4)
    ]
    found = judge(of, cross_fitted(of))
    assert found.slack is not None
    assert (found.bound is None) == (found.coverage.interval[1] < 0.9)
    fine = judge(cases(100), cross_fitted(cases(100)))
    assert fine.bound == fine.slack


def test_agreement_is_weighed_where_every_case_has_it() -> None:
    plain = cases(80)
    agreed = [MaskCase(**{**_fields(one), "traits": _agreeing(one)}) for one in plain]
    line = fit_line(agreed)
    assert len(line.weights) == 4 and line.weights[3] > 0
    assert len(fit_line([*agreed[:-1], plain[-1]]).weights) == 3
    assert line.dice(plain[0].traits) is None, "one opinion alone, and the line weighs several"
    assert fit_line(plain).dice(agreed[0].traits) is not None
    told = judge(agreed, cross_fitted(agreed))
    assert told.pearson_agreement.value > 0.9 and judge(plain, cross_fitted(plain)).pearson_agreement.value is None


def _agreeing(one: MaskCase) -> Traits:
    return Traits(
        expected_dice=one.traits.expected_dice,
        border_bits=one.traits.border_bits,
        size=one.traits.size,
        agreement=one.dice,
    )


def test_what_was_told_of_new_cases_is_judged_as_scipy_does() -> None:
    rng = np.random.default_rng(0)
    told, owners = rng.uniform(0.5, 0.9, 40), [f"p{n // 2}" for n in range(40)]
    true = np.clip(told + rng.normal(0, 0.05, 40), 0, 1)
    bounds = np.where(np.arange(40) < 30, told - 0.06, np.nan)
    found = borne_out(told, bounds, true, owners)
    assert found.pearson.value == pytest.approx(pearsonr(told, true)[0])
    assert found.spearman.value == pytest.approx(spearmanr(told, true)[0])
    assert found.mae.value == pytest.approx(np.abs(told - true).mean())
    assert found.coverage.value == pytest.approx((true[:30] >= bounds[:30]).mean()) and found.coverage.n == 30
    low, high = found.coverage.interval
    assert low < found.coverage.value < high
    nothing = borne_out(told[:2], np.full(2, np.nan), true[:2], owners[:2])
    assert nothing.pearson.value is None and nothing.coverage.value is None

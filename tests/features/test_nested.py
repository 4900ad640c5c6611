"""Nested cross-validation judges honestly: no leak, no patient on two sides, the same answer for the same seed."""

import numpy as np
import pytest

from scanwright.errors import PolicyError, UsageError
from scanwright.evaluation.classes.ranking import auroc
from scanwright.features.folds import deal
from scanwright.features.nested import MOST_CASES, choose, fit_chosen, nested_cross_validation, score, some_of
from scanwright.features.preparation import fit_preparation
from scanwright.features.recipe import DEFAULTS, Family, Recipe, candidates
from scanwright.features.samples import Samples
from scanwright.types import Array, Floats

SELECTING = Recipe(family="svm-linear", reduction="univariate", components=10)


def noise(seed: int, *, cases: int = 60, columns: int = 2000) -> tuple[Floats, Array, list[str]]:
    """Features that know nothing of the labels, two cases a patient, as many of either class."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(cases, columns)), np.arange(cases) // 2 % 2, [f"p{case // 2}" for case in range(cases)]


def made(features: Floats, target: Array, patients: list[str], classes: int = 2) -> Samples:
    names = tuple(f"f{number}" for number in range(features.shape[1]))
    return Samples(features, target, tuple(patients), names, classes)


def judged_area(features: Floats, target: Array, patients: list[str]) -> tuple[float, float, float]:
    """AUC of nested answers, compared inside folds (pooled, noise scores under 0.5), and the pooled interval."""
    folds = deal(target, patients, folds=5)
    found = nested_cross_validation(made(features, target, patients), folds, candidates(SELECTING))
    inside = [score(found.predictions[judged], target[judged], SELECTING) for _, judged in folds]
    interval = auroc(found.predictions[:, 1], target == 1, patients).interval
    assert interval is not None
    return float(np.mean([value for value in inside if value is not None])), *interval


def test_nested__noise_scores_by_chance_though_columns_are_chosen() -> None:
    found = [judged_area(*noise(seed)) for seed in range(6)]
    assert sum(low <= 0.5 <= high for _, low, high in found) >= 5
    assert abs(np.mean([area for area, _, _ in found]) - 0.5) < 0.1


def test_nested__the_same_noise_looks_good_if_columns_are_chosen_on_all_cases() -> None:
    # What the test above would catch: the same judge, after ten columns were picked with the judged cases' labels.
    for seed in range(3):
        features, target, patients = noise(seed)
        leaked = features[:, fit_preparation(features, target, reduction="univariate", components=10).kept]
        area, low, _ = judged_area(leaked, target, patients)
        assert area > 0.85 and low > 0.5


def test_nested__finds_what_is_there() -> None:
    features, target, patients = noise(0, columns=50)
    features[:, 7] += 4.0 * target
    area, low, _ = judged_area(features, target, patients)
    assert area > 0.85 and low > 0.5


@pytest.mark.parametrize("family", DEFAULTS)
def test_nested__permuted_labels_score_by_chance(family: Family) -> None:
    # The interval of one AUC holds for cases drawn anew, not for models fitted anew: the spread is that of the deals.
    features, target, patients = noise(3, cases=160, columns=20)
    features[:, 2] += 2.0 * target
    parameters: dict[Family, dict[str, float]] = {"forest": {"trees": 12}, "boosting": {"rounds": 12}}
    recipes = candidates(Recipe(family=family, parameters=parameters.get(family, {})))[:2]
    owners = np.array([int(name[1:]) for name in patients])
    areas = []
    for number in range(8):
        dealt = np.random.default_rng(number).permutation(owners.max() + 1)[owners] % 2
        folds = deal(dealt, patients, folds=4)
        found = nested_cross_validation(made(features, dealt, patients), folds, recipes, inner=2)
        areas.append(np.mean([score(found.predictions[judged], dealt[judged], recipes[0]) for _, judged in folds]))
    reach = 3.5 * np.std(areas, ddof=1) / np.sqrt(len(areas))  # 99 % of a t distribution with 7 degrees of freedom
    assert abs(np.mean(areas) - 0.5) < reach < 0.12


def test_nested__same_seed_same_answers() -> None:
    features, target, patients = noise(3, cases=80, columns=6)
    folds = deal(target, patients, folds=4)
    recipes = candidates(Recipe(family="svm-rbf"))
    one, other = (nested_cross_validation(made(features, target, patients), folds, recipes) for _ in range(2))
    assert np.array_equal(one.predictions, other.predictions)


def test_nested__a_number() -> None:
    features, _, patients = noise(1, columns=8)
    truth = 100 + 5 * features[:, 4] + np.random.default_rng(2).normal(size=60)
    folds = deal(np.zeros(60, int), patients, folds=5)
    recipes = candidates(Recipe(family="linear", target="number"))
    found = nested_cross_validation(made(features, truth, patients, classes=0), folds, recipes)
    assert found.predictions.shape == (60,) and np.corrcoef(found.predictions, truth)[0, 1] > 0.9
    assert all(max(choice.scores) == choice.scores[recipes.index(choice.recipe)] for choice in found.choices)


def test_nested__judges_only_what_folds_name() -> None:
    features, target, patients = noise(0, columns=5)
    folds = deal(target, patients, folds=5)[:1]
    found = nested_cross_validation(made(features, target, patients), folds, [Recipe(family="linear")])
    judged = np.zeros(60, bool)
    judged[folds[0][1]] = True
    assert np.isfinite(found.predictions[judged]).all() and np.isnan(found.predictions[~judged]).all()


def test_nested__refuses_a_patient_on_both_sides_and_a_case_judged_twice() -> None:
    features, target, patients = noise(0, columns=5)
    crossing = [(np.arange(1, 60), np.array([0]))]
    with pytest.raises(PolicyError, match="both sides"):
        nested_cross_validation(made(features, target, patients), crossing, [SELECTING])
    folds = deal(target, patients, folds=3)
    with pytest.raises(UsageError, match="judged in two folds"):
        nested_cross_validation(made(features, target, patients), [*folds, folds[0]], [SELECTING])


def test_choose__the_first_of_equals_and_none_where_nothing_is_defined() -> None:
    features, target, patients = noise(0, columns=5)
    twins = [Recipe(family="linear", parameters={"C": 0.5}), Recipe(family="linear", parameters={"C": 0.5}, seed=1)]
    choice = choose(made(features, target, patients), twins)
    assert choice.recipe is twins[0] and choice.scores[0] == choice.scores[1]
    alone = choose(made(features, np.zeros(60, int), patients), twins)
    assert alone.recipe is twins[0] and alone.scores == (None, None)
    with pytest.raises(UsageError, match="one target"):
        choose(made(features, target, patients), [])


def test_fit_chosen__one_recipe_needs_no_folds() -> None:
    features, target, patients = noise(0, columns=5)
    choice, model = fit_chosen(made(features, target, patients), [Recipe(family="linear")])
    assert choice.scores == (None,) and model.predict(features).shape == (60, 2)


def test_score__worked_by_hand() -> None:
    decisions = np.array([[0.9, 0.1], [0.4, 0.6], [0.6, 0.4], [0.2, 0.8]])
    assert score(decisions, np.array([0, 0, 1, 1]), Recipe(family="linear")) == 0.75
    assert score(decisions, np.array([1, 1, 1, 1]), Recipe(family="linear")) is None


def test_score__of_numbers_has_no_unit() -> None:
    recipe = Recipe(family="linear", target="number")
    said, known = np.array([[1.0], [3.0], [5.0]]), np.array([1.0, 2.0, 6.0])  # errors 0, 1, 1; variance 14/3
    assert score(said, known, recipe) == pytest.approx(1 - (2 / 3) / (14 / 3))
    assert score(1000 * said, 1000 * known, recipe) == pytest.approx(score(said, known, recipe))
    assert score(said, known, recipe, variance=2.0) == pytest.approx(1 - (2 / 3) / 2)
    assert score(said[:2], np.array([0.1, 0.1]), recipe) is None and score(said[:0], known[:0], recipe) is None


def test_choose__of_numbers_whose_folds_hold_one_case_each() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(4, 1))
    recipes = candidates(Recipe(family="linear", target="number"))
    choice = choose(made(features, 1e6 * features[:, 0], list("abcd"), classes=0), recipes)
    assert all(value is not None and value <= 1 for value in choice.scores)


def test_choose__of_many_cases_a_part_is_enough_and_patients_stay_whole():
    rng = np.random.default_rng(0)
    target = np.arange(3 * MOST_CASES) // 2 % 2
    samples = made(
        rng.normal(size=(len(target), 3)) + target[:, None], target, [f"p{k // 2}" for k in range(len(target))]
    )
    part = some_of(samples, seed=1)
    assert len(part) == pytest.approx(MOST_CASES, rel=0.01) and part.target.mean() == pytest.approx(0.5, abs=0.01)
    assert all(part.patients.count(name) == 2 for name in set(part.patients))
    assert some_of(part, seed=1) is part

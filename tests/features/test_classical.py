"""Models kept as arrays answer as scikit-learn's own do, survive a round trip, and refuse what was tampered with."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load, save
from sklearn.calibration import CalibratedClassifierCV
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.feature_selection import SelectKBest, VarianceThreshold, f_classif, f_regression
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import cross_val_predict
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR

from scanwright.errors import IntegrityError, UsageError
from scanwright.features.classical import SIGMOID_FOLDS, ClassicalModel, fit
from scanwright.features.folds import deal
from scanwright.features.platt import FAINT
from scanwright.features.recipe import DEFAULTS, Family, Recipe
from scanwright.features.samples import Samples
from scanwright.package.tensors import parse_header
from scanwright.types import Array, Floats

FAMILIES: tuple[Family, ...] = tuple(DEFAULTS)
SMALL: dict[Family, dict[str, float]] = {"forest": {"trees": 12}, "boosting": {"rounds": 8}}
SEEDS = range(4)
COLUMNS = 9
NAMES = [f"f{number}" for number in range(COLUMNS)]


def drawn(seed: int, classes: int, *, cases: int = 90) -> tuple[Floats, Array, list[int]]:
    """Features with missing values, one constant and one empty column on odd scales; a target; two cases a patient."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(cases, COLUMNS)) * 10.0 ** rng.integers(-3, 4, COLUMNS)
    hidden = features[:, 0] / np.abs(features[:, 0]).mean() + rng.normal(0, 0.7, cases)
    features[rng.random(features.shape) < 0.1] = np.nan
    features[:, 3], features[:, 5] = 7.25, np.nan
    if not classes:
        return features, 40 + 3 * hidden, [case // 2 for case in range(cases)]
    codes = np.digitize(hidden, np.quantile(hidden, np.arange(1, classes) / classes))
    return features, codes, [case // 2 for case in range(cases)]


def made(
    features: Floats,
    target: Array,
    *,
    classes: int = 0,
    patients: Sequence[int] = range(90),
    names: Sequence[str] = NAMES,
) -> Samples:
    return Samples(features, target, tuple(patients), tuple(names), classes)


def recipe_of(family: Family, classes: int, **further: Any) -> Recipe:
    target = "classes" if classes else "number"
    return Recipe(family=family, target=target, parameters=SMALL.get(family, {}), seed=3, **further)


def fitted(family: Family, classes: int, seed: int = 0, **further: Any) -> tuple[ClassicalModel, Floats, Array]:
    features, target, patients = drawn(seed, classes)
    recipe = recipe_of(family, classes, **further)
    return fit(made(features, target, classes=classes, patients=patients), recipe), features, target


def prepared(recipe: Recipe) -> list[Any]:
    """The same preparation by scikit-learn."""
    steps: list[Any] = [
        SimpleImputer(strategy="median", keep_empty_features=True),
        VarianceThreshold(),
        StandardScaler(),
    ]
    if recipe.reduction == "pca":
        return [*steps, PCA(recipe.components, svd_solver="full")]
    if recipe.reduction == "univariate":
        return [*steps, SelectKBest(f_classif if recipe.target == "classes" else f_regression, k=recipe.components)]
    return steps


def estimator(recipe: Recipe, classes: int, outputs: int) -> Any:
    """scikit-learn's model of a recipe, written down independently of ours."""
    weight = "balanced" if recipe.balanced else None
    c = recipe.parameters.get("C", DEFAULTS[recipe.family].get("C"))
    linear = (c or 1) / outputs
    kernel = {"kernel": "linear"} if recipe.family == "svm-linear" else {"kernel": "rbf", "gamma": 1.0 / outputs}
    grown = {"n_estimators": 12, "random_state": 3}
    boosted = {"n_estimators": 8, "learning_rate": 0.1, "max_depth": 3, "max_features": "sqrt", "random_state": 3}
    if recipe.target == "classes":
        machine = SVC(C=linear if recipe.family == "svm-linear" else c or 1, class_weight=weight, **kernel)
        return {
            "svm-linear": machine if classes == 2 else OneVsRestClassifier(machine),
            "svm-rbf": machine if classes == 2 else OneVsRestClassifier(machine),
            "linear": LogisticRegression(C=linear, class_weight=weight, max_iter=5000),
            "forest": RandomForestClassifier(class_weight=weight, **grown),
            "boosting": GradientBoostingClassifier(**boosted),
        }[recipe.family]
    return {
        "svm-linear": SVR(C=linear, epsilon=0.1, **kernel),
        "svm-rbf": SVR(C=c or 1, epsilon=0.1, **kernel),
        "linear": Ridge(alpha=1 / linear),
        "forest": RandomForestRegressor(max_features=1 / 3, **grown),
        "boosting": GradientBoostingRegressor(**boosted),
    }[recipe.family]


def oracle(recipe: Recipe, classes: int, features: Floats, target: Array, patients: list[int]) -> Floats:
    """What scikit-learn answers for the cases that it was fitted on."""
    outputs = recipe.components or COLUMNS - 2
    model = make_pipeline(*prepared(recipe), estimator(recipe, classes, outputs))
    if recipe.target == "number":
        center, spread = target.mean(), target.std()
        return np.asarray(model.fit(features, (target - center) / spread).predict(features) * spread + center)
    if recipe.family.startswith("svm"):
        folds = deal(target, patients, folds=SIGMOID_FOLDS, seed=recipe.seed)
        decisions = cross_val_predict(model, features, target, cv=folds, method="decision_function")
        model = CalibratedClassifierCV(model, method="sigmoid", cv=folds, ensemble=False)
    model.fit(features, target)
    if recipe.family.startswith("svm"):
        upright(model.calibrated_classifiers_[0].calibrators, decisions.reshape(len(target), -1), target, classes)
    return np.asarray(model.predict_proba(features))


def upright(calibrators: list[Any], decisions: Floats, target: Array, classes: int) -> None:
    """Where scikit-learn's sigmoid falls with the decision, ours rises faintly about its mean target: the one difference."""
    codes = range(classes) if classes > 2 else [1]
    for code, column, sigmoid in zip(codes, decisions.T, calibrators, strict=True):
        slope = FAINT / np.abs(column).max()
        if -sigmoid.a_ < slope:  # its slope is -a
            positives, negatives = np.count_nonzero(target == code), np.count_nonzero(target != code)
            share = (positives * (positives + 1) / (positives + 2) + negatives / (negatives + 2)) / len(target)
            sigmoid.a_, sigmoid.b_ = -slope, slope * column.mean() - np.log(share / (1 - share))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("classes", [2, 5, 0])
@pytest.mark.parametrize("family", FAMILIES)
def test_predict__as_scikit_learn(family: Family, classes: int, seed: int) -> None:
    features, target, patients = drawn(seed, classes)
    recipe = recipe_of(family, classes)
    model = fit(made(features, target, classes=classes, patients=patients), recipe)
    expected = oracle(recipe, classes, features, target, patients)
    assert np.allclose(model.predict(features), expected, rtol=0, atol=1e-6)
    assert np.ptp(expected, axis=0).min() > 0.01  # it answers something


@pytest.mark.parametrize("classes", [2, 5, 0])
@pytest.mark.parametrize("reduction", ["pca", "univariate"])
@pytest.mark.parametrize("family", FAMILIES)
def test_predict__reduced_as_scikit_learn(family: Family, reduction: str, classes: int) -> None:
    features, target, patients = drawn(11, classes)
    recipe = recipe_of(family, classes, reduction=reduction, components=3)
    model = fit(made(features, target, classes=classes, patients=patients), recipe)
    assert model.preparation.outputs == 3
    assert np.allclose(model.predict(features), oracle(recipe, classes, features, target, patients), rtol=0, atol=1e-6)


@pytest.mark.parametrize("family", ["svm-linear", "svm-rbf", "linear", "forest"])
def test_predict__balanced_as_scikit_learn(family: Family) -> None:
    features, target, patients = drawn(5, 2)
    rare = (target == 1) & (np.arange(len(target)) % 3 == 0)
    codes = rare.astype(int)
    recipe = recipe_of(family, 2, balanced=True)
    model = fit(made(features, codes, classes=2, patients=patients), recipe)
    assert np.allclose(model.predict(features), oracle(recipe, 2, features, codes, patients), rtol=0, atol=1e-6)


@pytest.mark.parametrize("family", FAMILIES)
def test_fit__balanced_lifts_the_rare_class(family: Family) -> None:
    features, target, patients = drawn(6, 2, cases=120)
    codes = ((target == 1) & (np.arange(len(target)) % 4 == 0)).astype(int)
    plain, balanced = (
        fit(made(features, codes, classes=2, patients=patients), recipe_of(family, 2, balanced=on))
        for on in (False, True)
    )
    if family.startswith("svm"):  # the sigmoid keeps the frequencies that were seen; the machine moves
        assert balanced.parts["intercepts"][0] > plain.parts["intercepts"][0]
    else:
        assert balanced.predict(features)[:, 1].mean() > plain.predict(features)[:, 1].mean()


@pytest.mark.parametrize("classes", [2, 3, 0])
@pytest.mark.parametrize("family", FAMILIES)
def test_arrays__round_trip_through_safetensors_and_json(family: Family, classes: int) -> None:
    model, features, _ = fitted(family, classes, reduction="pca", components=4)
    stored = save(model.to_arrays())
    head = 8 + int.from_bytes(stored[:8], "little")
    assert parse_header(stored[:head], size=len(stored)).keys() == model.to_arrays().keys()  # a package takes them
    again = ClassicalModel.from_arrays(load(stored), json.loads(json.dumps(model.settings())))
    assert np.array_equal(again.predict(features), model.predict(features))
    assert np.array_equal(again.decide(features), model.decide(features))
    assert again.names == tuple(NAMES)


def test_predict__needs_what_was_left_out() -> None:
    features, target, _ = drawn(0, 2)
    recipe = recipe_of("svm-rbf", 2)
    model = fit(made(features, target, classes=2), recipe, probabilities=False)
    assert model.decide(features).shape == (90, 2)
    with pytest.raises(UsageError, match="without probabilities"):
        model.predict(features)


@pytest.mark.parametrize("family", FAMILIES)
def test_fit__same_seed_same_arrays(family: Family) -> None:
    one, other = (fitted(family, 3)[0].to_arrays() for _ in range(2))
    assert one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


def test_fit__class_that_is_absent_gets_zero() -> None:
    features, target, patients = drawn(0, 3)
    for family in FAMILIES:
        model = fit(made(features, target * 2, classes=5, patients=patients), recipe_of(family, 5))
        found = model.predict(features)
        assert found.shape == (90, 5) and (found[:, [1, 3]] == 0).all() and np.allclose(found.sum(axis=1), 1)
        assert (found.argmax(axis=1) == target * 2).mean() > 0.45
        assert model.decide(features).shape == (90, 5)


@pytest.mark.parametrize("family", FAMILIES)
def test_fit__class_with_one_case(family: Family) -> None:
    features, target, patients = drawn(0, 2)
    codes = np.where(np.arange(90) == 17, 2, target)
    found = fit(made(features, codes, classes=3, patients=patients), recipe_of(family, 3)).predict(features)
    assert np.isfinite(found).all() and np.allclose(found.sum(axis=1), 1)


@pytest.mark.parametrize("family", FAMILIES)
def test_fit__one_class_or_nothing_that_varies_answers_frequencies(family: Family) -> None:
    features, target, _ = drawn(0, 2)
    alone = fit(made(features, np.ones(90, int), classes=3), recipe_of(family, 3))
    assert alone.predict(features[:2]).tolist() == [[0, 1, 0]] * 2
    flat = fit(made(np.ones((90, 2)), target, names=["a", "b"], classes=2), recipe_of(family, 2))
    assert np.allclose(flat.predict(np.full((1, 2), 5.0)), np.bincount(target) / 90)
    number = fit(made(features, np.full(90, 2.5)), recipe_of(family, 0))
    assert number.predict(features[:2]).tolist() == [2.5, 2.5]
    for model in (alone, flat, number):
        assert ClassicalModel.from_arrays(model.to_arrays(), model.settings()).is_constant


def test_predict__no_case_and_all_missing() -> None:
    for family in FAMILIES:
        model, _, _ = fitted(family, 3)
        assert model.predict(np.zeros((0, COLUMNS))).shape == (0, 3)
        assert np.isclose(model.predict(np.full((1, COLUMNS), np.nan)).sum(), 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"target": np.zeros(89, int)}, "belong together"),
        ({"target": np.full(90, 2)}, "code of no class"),
        ({"target": np.full(90, -1)}, "code of no class"),
        ({"names": NAMES[:-1]}, "belong together"),
        ({"patients": [0]}, "belong together"),
    ],
)
def test_samples__refuse(change: dict[str, Any], message: str) -> None:
    features, target, patients = drawn(0, 2)
    given: dict[str, Any] = {"target": target, "names": NAMES, "patients": patients} | change
    with pytest.raises(UsageError, match=message):
        Samples(features, given["target"], tuple(given["patients"]), tuple(given["names"]), 2)


def test_fit__refuses_no_case_and_another_target() -> None:
    features, target, _ = drawn(0, 2)
    empty = Samples(features[:0], target[:0], (), tuple(NAMES), 2)
    for samples, recipe in ((empty, recipe_of("linear", 2)), (made(features, target), recipe_of("linear", 2))):
        with pytest.raises(UsageError, match="nothing that this recipe"):
            fit(samples, recipe)
    with pytest.raises(UsageError, match="not finite"):
        made(features, np.full(90, np.nan))


def test_predict__refuses_other_columns_and_infinity() -> None:
    model, features, _ = fitted("linear", 2)
    with pytest.raises(UsageError, match="another number of features"):
        model.predict(features[:, :-1])
    with pytest.raises(UsageError, match="infinite"):
        model.predict(np.where(np.isnan(features), np.inf, features))


TAMPERED = [
    ("svm-rbf", "model.dual", lambda part: part[:, :-1]),
    ("svm-rbf", "model.platt", lambda part: part[:, :1]),
    ("svm-rbf", "preparation.scales", lambda part: part * 0),
    ("svm-rbf", "preparation.kept", lambda part: part + 100),
    ("linear", "model.weights", lambda part: part * np.nan),
    ("linear", "classes", lambda part: part[::-1]),
    ("forest", "model.left", lambda part: np.where(part >= 0, 0, part)),  # round and round
    ("forest", "model.left", lambda part: np.where(part >= 0, part + 10_000, part)),
    ("forest", "model.feature", lambda part: part + 100),
    ("forest", "model.value", lambda part: part[:, :1]),
    ("forest", "model.starts", lambda part: part[:-1]),
    ("boosting", "model.base", lambda part: part[:-1]),
]


@pytest.mark.parametrize(("family", "name", "change"), TAMPERED)
def test_from_arrays__refuses_what_was_tampered_with(family: Family, name: str, change: Any) -> None:
    model, _, _ = fitted(family, 3)
    arrays = model.to_arrays()
    with pytest.raises(IntegrityError):
        ClassicalModel.from_arrays({**arrays, name: change(arrays[name])}, model.settings())
    with pytest.raises(IntegrityError):
        ClassicalModel.from_arrays({key: part for key, part in arrays.items() if key != name}, model.settings())


def test_from_arrays__refuses_other_settings() -> None:
    model, _, _ = fitted("linear", 2)
    for change in ({"recipe": {"family": "magic"}}, {"num_classes": 1}, {"names": NAMES[1:]}):
        with pytest.raises(IntegrityError):
            ClassicalModel.from_arrays(model.to_arrays(), model.settings() | change)


def test_fit__sigmoids_are_fitted_without_the_patient() -> None:
    # Four copies of each patient, labels that nothing explains: a sigmoid that saw copies is sure of new patients.
    recipe = Recipe(family="svm-rbf", parameters={"C": 100, "gamma": 0.5})
    own, each = np.repeat(np.arange(40), 4).tolist(), list(range(160))
    sureness = []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        features, target = np.repeat(rng.normal(size=(40, COLUMNS)), 4, axis=0), np.repeat(rng.integers(0, 2, 40), 4)
        models = [fit(made(features, target, classes=2, patients=who), recipe) for who in (own, each)]
        unseen = rng.normal(size=(200, COLUMNS))
        sureness.append([np.abs(model.predict(unseen)[:, 1] - 0.5).mean() for model in models])
    blind, seeing = np.mean(sureness, axis=0)
    assert blind < 0.15 < 0.25 < seeing

"""What a model goes by: weights in units of deviation, and what dealing a column anew costs."""

import numpy as np
import pytest

from scanwright.features.classical import fit
from scanwright.features.importance import coefficients, permutation_importance
from scanwright.features.recipe import DEFAULTS, Family, Recipe
from scanwright.features.samples import Samples

NAMES = ["noise", "strong", "weak", "constant"]


def drawn(cases: int = 400) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(cases, 4))
    features[:, 3] = 1
    number = 3 * features[:, 1] - features[:, 2] + 0.1 * rng.normal(size=cases)
    features[:, 1] *= 1000  # in another unit: the weight for one deviation stays
    return features, number


def made(features: np.ndarray, target: np.ndarray, classes: int = 0) -> Samples:
    names = tuple(NAMES if features.shape[1] == 4 else NAMES[3:])
    return Samples(features, target, tuple(range(len(target))), names, classes)


@pytest.mark.parametrize("reduction", ["none", "pca"])
def test_coefficients__of_a_number_in_its_own_unit(reduction: str) -> None:
    features, number = drawn()
    recipe = Recipe(family="linear", target="number", parameters={"C": 1e3}, reduction=reduction)
    found = coefficients(fit(made(features, number), recipe))
    assert found is not None and found.shape == (1, 4)
    deviations = features.std(axis=0)
    assert np.allclose(found, [[0, 3 * deviations[1] / 1000, -deviations[2], 0]], atol=0.02) and found[0, 3] == 0


@pytest.mark.parametrize("family", ["svm-linear", "linear"])
def test_coefficients__of_classes(family: Family) -> None:
    features, number = drawn()
    found = coefficients(fit(made(features, (number > 0).astype(int), 2), Recipe(family=family)))
    assert found is not None and found.shape == (1, 4) and found[0, 1] > -found[0, 2] > abs(found[0, 0])
    thirds = np.digitize(number, np.quantile(number, [1 / 3, 2 / 3]))
    several = coefficients(fit(made(features, thirds, 3), Recipe(family=family)))
    assert several is not None and several.shape == (3, 4) and several[0, 1] < 0 < several[2, 1]


def test_coefficients__none_for_trees_and_zeros_for_a_constant() -> None:
    features, number = drawn(60)
    assert coefficients(fit(made(features, number), Recipe(family="forest", target="number"))) is None
    flat = fit(made(features[:, 3:], number), Recipe(family="linear", target="number"))
    assert np.array_equal(coefficients(flat), [[0.0]])


@pytest.mark.parametrize("family", DEFAULTS)
def test_permutation_importance__ranks_features(family: Family) -> None:
    features, number = drawn()
    parameters = {"trees": 40.0} if family == "forest" else {}
    recipe = Recipe(family=family, parameters=parameters)
    model = fit(made(features[:200], (number[:200] > 0).astype(int), 2), recipe)
    unseen = made(features[200:], (number[200:] > 0).astype(int), 2)
    found = permutation_importance(model, unseen, repeats=5)
    assert found is not None and [one.name for one in found[:2]] == ["strong", "weak"]
    by_name = {one.name: one for one in found}
    assert by_name["constant"].mean == by_name["constant"].deviation == 0
    assert abs(by_name["noise"].mean) < 0.05 < by_name["strong"].mean
    assert found == permutation_importance(model, unseen, repeats=5)
    assert permutation_importance(model, made(features[:5], np.zeros(5, int), 2)) is None

"""Which features a classical model goes by."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scanwright.features.classical import ClassicalModel
from scanwright.features.nested import score
from scanwright.runtime import generator
from scanwright.types import Array, Floats

LINEAR = ("svm-linear", "linear")


@dataclass(frozen=True, slots=True)
class Importance:
    """By how much a model's score falls when one feature is dealt anew among the cases: mean and deviation of the repeats."""

    name: str
    mean: float
    deviation: float


def coefficients(model: ClassicalModel) -> Floats | None:
    """(K', F) weights of a linear model for features in units of their deviation among the training cases.

    One row for two classes (the second against the first) and for numbers (then in the target's own unit), else one row a
    class. Principal components are carried back to the features. None for a model that is not linear; zeros for a
    constant one.
    """
    if model.recipe.family not in LINEAR:
        return None
    if model.is_constant:
        return np.zeros((1, len(model.names)))
    weights = model.preparation.by_column(model.parts["weights"])
    return weights * float(model.parts["spread"]) if model.recipe.target == "number" else weights


def permutation_importance(
    model: ClassicalModel, features_NF: Floats, target_N: Array, *, repeats: int = 10, seed: int = 0
) -> tuple[Importance, ...] | None:
    """For any model, each feature's importance, the largest first; None where the score is not defined on these cases.

    Ask it of cases that the model has not seen: on its own a model that has learned them by heart finds noise important.
    Features that say the same stand in for each other, and each looks unimportant. A feature that the model leaves out has
    exactly 0. Source: Breiman 2001, Mach Learn 45:5, section 10; score: see `nested.score`.
    """
    target_N = np.asarray(target_N)
    whole = score(model.decide(features_NF), target_N, model.recipe)
    if whole is None:
        return None
    used = set(model.preparation.kept.tolist())
    found = []
    for column, name in enumerate(model.names):
        falls = (
            [0.0] * repeats
            if column not in used
            else [
                whole - _dealt_score(model, features_NF, target_N, column, (seed, column, repeat))
                for repeat in range(repeats)
            ]
        )
        found.append(Importance(name, float(np.mean(falls)), float(np.std(falls))))
    return tuple(sorted(found, key=lambda one: -one.mean))


def _dealt_score(model: ClassicalModel, features_NF: Floats, target_N: Array, column: int, key: Sequence[int]) -> float:
    dealt = features_NF.copy()
    dealt[:, column] = generator(*key).permutation(dealt[:, column])
    found = score(model.decide(dealt), target_N, model.recipe)
    assert found is not None  # the target is the same, and so is whether a score is defined
    return found

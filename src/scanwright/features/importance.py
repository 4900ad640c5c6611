"""Which features a classical model goes by."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from scanwright.features.classical import ClassicalModel
from scanwright.features.nested import score
from scanwright.features.samples import Samples
from scanwright.runtime import generator
from scanwright.types import Floats

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
    model: ClassicalModel, samples: Samples, *, repeats: int = 10, seed: int = 0
) -> tuple[Importance, ...] | None:
    """For any model, each feature's importance, the largest first; None where the score is not defined on these cases.

    Ask it of cases that the model has not seen: on its own a model that has learned them by heart finds noise important.
    Features that say the same stand in for each other, and each looks unimportant. A feature that the model leaves out has
    exactly 0. Source: Breiman 2001, Mach Learn 45:5, section 10; score: see `nested.score`.
    """
    whole = score(model.decide(samples.features), samples.target, model.recipe)
    if whole is None:
        return None
    used = set(model.preparation.kept.tolist())
    found = []
    for column, name in enumerate(model.names):
        dealt = (_dealt(samples, column, (seed, column, repeat)) for repeat in range(repeats if column in used else 0))
        scores = [score(model.decide(features), samples.target, model.recipe) for features in dealt]
        falls = [whole - value for value in scores if value is not None] or [0.0]
        found.append(Importance(name, float(np.mean(falls)), float(np.std(falls))))
    return tuple(sorted(found, key=lambda one: -one.mean))


def group_importance(
    model: ClassicalModel, samples: Samples, groups: Mapping[str, Sequence[int]], *, repeats: int = 10, seed: int = 0
) -> dict[str, float] | None:
    """By how much the score falls when all features of a group, given by their columns, are dealt anew together.

    So features that say the same do not stand in for each other. None where the score is not defined on these cases.
    """
    whole = score(model.decide(samples.features), samples.target, model.recipe)
    if whole is None:
        return None
    found = {}
    for number, (name, columns) in enumerate(groups.items()):
        falls = []
        for repeat in range(repeats):
            order = generator(seed, number, repeat).permutation(len(samples))
            features = samples.features.copy()
            features[:, list(columns)] = features[order][:, list(columns)]
            value = score(model.decide(features), samples.target, model.recipe)
            falls += [] if value is None else [whole - value]
        found[name] = float(np.mean(falls)) if falls else 0.0
    return found


def _dealt(samples: Samples, column: int, key: Sequence[int]) -> Floats:
    """The features with one column dealt anew among the cases."""
    features = samples.features.copy()
    features[:, column] = generator(*key).permutation(features[:, column])
    return features

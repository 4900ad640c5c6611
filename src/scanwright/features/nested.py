"""Nested cross-validation: inner folds choose the hyper-parameters, outer folds judge, and never the same cases do both.

Everything that is fitted, medians and the choice of columns included, is fitted anew inside each fold. Judged otherwise a
model of pure noise looks good: of 2,000 random columns and 60 cases with dealt labels, choosing ten columns on all cases
gives an AUC over 0.9 (Ambroise and McLachlan 2002, PNAS 99:6562; Varma and Simon 2006, BMC Bioinformatics 7:91).
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from scanwright.errors import UsageError
from scanwright.evaluation.ranking import placements
from scanwright.features.classical import ClassicalModel, fit, prepare
from scanwright.features.folds import Fold, deal, require_apart, strata_of_numbers
from scanwright.features.preparation import Preparation, Reduction
from scanwright.features.recipe import Recipe
from scanwright.types import Array, Floats

INNER_FOLDS = 4


@dataclass(frozen=True, eq=False, slots=True)
class Choice:
    """The best of several recipes on inner folds. scores: of each recipe, None where not defined; the larger the better."""

    recipe: Recipe
    scores: tuple[float | None, ...]


@dataclass(frozen=True, eq=False, slots=True)
class Judged:
    """Answers of models that did not see the case's patient. predictions: (N, K) or (N,), NaN for cases of no outer fold.

    choices: what was chosen in each outer fold.
    """

    predictions: Floats
    choices: tuple[Choice, ...]


def nested_cross_validation(
    features_NF: Floats,
    target_N: Array,
    patients: Sequence[Hashable],
    folds: Sequence[Fold],
    recipes: Sequence[Recipe],
    *,
    names: Sequence[str],
    num_classes: int = 0,
    inner: int = INNER_FOLDS,
    seed: int = 0,
) -> Judged:
    """Judge a family of recipes on outer folds, given as indices of the cases learned from and of those judged.

    Raises PolicyError if a patient is on both sides of a fold, UsageError if a case is judged twice, or recipes are of
    different targets, and as `fit`.
    """
    target_N = np.asarray(target_N)
    _require_one_target(recipes)
    require_apart(folds, patients)
    numeric = recipes[0].target == "number"
    predictions = np.full(len(target_N) if numeric else (len(target_N), num_classes), np.nan)
    choices = []
    for number, (learned, judged) in enumerate(folds):
        own = [patients[index] for index in np.asarray(learned).tolist()]
        choice, model = fit_chosen(
            features_NF[learned],
            target_N[learned],
            own,
            recipes,
            names=names,
            num_classes=num_classes,
            inner=inner,
            seed=seed + number,
        )
        predictions[judged] = model.predict(features_NF[judged])
        choices.append(choice)
    return Judged(predictions, tuple(choices))


def fit_chosen(
    features_NF: Floats,
    target_N: Array,
    patients: Sequence[Hashable],
    recipes: Sequence[Recipe],
    *,
    names: Sequence[str],
    num_classes: int = 0,
    inner: int = INNER_FOLDS,
    seed: int = 0,
) -> tuple[Choice, ClassicalModel]:
    """Choose a recipe by cross-validation on these cases, and fit it to all of them. Raises as `fit`."""
    choice = choose(
        features_NF, target_N, patients, recipes, names=names, num_classes=num_classes, inner=inner, seed=seed
    )
    model = fit(features_NF, target_N, choice.recipe, names=names, num_classes=num_classes, patients=patients)
    return choice, model


def choose(
    features_NF: Floats,
    target_N: Array,
    patients: Sequence[Hashable],
    recipes: Sequence[Recipe],
    *,
    names: Sequence[str],
    num_classes: int = 0,
    inner: int = INNER_FOLDS,
    seed: int = 0,
) -> Choice:
    """The recipe with the best mean score over inner folds by patient; of equal ones the first.

    One recipe, or fewer than two patients: the first recipe, without scores.
    """
    _require_one_target(recipes)
    strata = strata_of_numbers(target_N) if recipes[0].target == "number" else np.asarray(target_N)
    folds = deal(strata, patients, folds=inner, seed=seed) if len(recipes) > 1 else []
    found: list[list[float]] = [[] for _ in recipes]
    for learned, judged in folds:
        prepared: dict[tuple[Reduction, int], Preparation] = {}
        for scores, recipe in zip(found, recipes, strict=True):
            kind = recipe.reduction, recipe.components
            if kind not in prepared:
                prepared[kind] = prepare(features_NF[learned], target_N[learned], recipe)
            model = fit(
                features_NF[learned],
                target_N[learned],
                recipe,
                names=names,
                num_classes=num_classes,
                probabilities=False,
                preparation=prepared[kind],
            )
            value = score(model.decide(features_NF[judged]), target_N[judged], recipe)
            if value is not None:
                scores.append(value)
    means = tuple(float(np.mean(scores)) if scores else None for scores in found)
    best = max(range(len(recipes)), key=lambda number: (_or_least(means[number]), -number))
    return Choice(recipes[best], means)


def score(decisions_NK: Floats, target_N: Array, recipe: Recipe) -> float | None:
    """How well answers rank or meet the target, the larger the better; None where that is not defined.

    Classes: the mean area under the ROC curve of each class against the rest, of those with cases on both sides. Numbers:
    minus the mean squared error.
    """
    if recipe.target == "number":
        return -float(np.mean((decisions_NK[:, 0] - target_N) ** 2)) if len(target_N) else None
    areas = [
        float(placements(column, target_N == code)[target_N == code].mean())
        for code, column in enumerate(decisions_NK.T)
        if 0 < np.count_nonzero(target_N == code) < len(target_N)
    ]
    return float(np.mean(areas)) if areas else None


def _or_least(value: float | None) -> float:
    return -np.inf if value is None else value


def _require_one_target(recipes: Sequence[Recipe]) -> None:
    if len({recipe.target for recipe in recipes}) != 1:
        raise UsageError("recipes of one target are compared, and at least one", found=f"{len(recipes)} recipes")

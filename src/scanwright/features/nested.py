"""Nested cross-validation: inner folds choose the hyper-parameters, outer folds judge, and never the same cases do both.

Everything that is fitted, medians and the choice of columns included, is fitted anew inside each fold. Judged otherwise a
model of pure noise looks good: of 2,000 random columns and 60 cases with dealt labels, choosing ten columns on all cases
gives an AUC over 0.9 (Ambroise and McLachlan 2002, PNAS 99:6562; Varma and Simon 2006, BMC Bioinformatics 7:91).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scanwright.errors import UsageError
from scanwright.evaluation.classes.ranking import placements
from scanwright.features.classical import ClassicalModel, fit, prepare
from scanwright.features.folds import Fold, deal, require_apart, strata_of_numbers
from scanwright.features.preparation import Preparation, Reduction
from scanwright.features.recipe import Recipe
from scanwright.features.samples import Samples
from scanwright.types import Array, Floats, Ints

INNER_FOLDS = 4
MOST_CASES = 1500
"""Of more cases, hyper-parameters are chosen on so many of them: the time of a kernel machine grows with the square."""


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
    samples: Samples, folds: Sequence[Fold], recipes: Sequence[Recipe], *, inner: int = INNER_FOLDS, seed: int = 0
) -> Judged:
    """Judge recipes on outer folds, given as indices of the cases learned from and of those judged.

    Raises PolicyError if a patient is on both sides of a fold, UsageError if a case is judged twice, or recipes are of
    different targets, and as `fit`.
    """
    require_apart(folds, samples.patients)
    shape = (len(samples), samples.num_classes) if samples.num_classes else (len(samples),)
    predictions = np.full(shape, np.nan)
    choices = []
    for number, (learned, judged) in enumerate(folds):
        choice, model = fit_chosen(samples.take(learned), recipes, inner=inner, seed=seed + number)
        predictions[judged] = model.predict(samples.features[judged])
        choices.append(choice)
    return Judged(predictions, tuple(choices))


def fit_chosen(
    samples: Samples, recipes: Sequence[Recipe], *, inner: int = INNER_FOLDS, seed: int = 0
) -> tuple[Choice, ClassicalModel]:
    """Choose a recipe by cross-validation on these cases, and fit it to all of them. Raises as `choose` and `fit`."""
    choice = choose(samples, recipes, inner=inner, seed=seed)
    return choice, fit(samples, choice.recipe)


def choose(samples: Samples, recipes: Sequence[Recipe], *, inner: int = INNER_FOLDS, seed: int = 0) -> Choice:
    """The recipe with the best mean score over inner folds by patient, of at most MOST_CASES cases; of equal ones the first.

    One recipe, or fewer than two patients: the first recipe, without scores. Raises UsageError if there is no recipe, or
    they are of different targets.
    """
    if len({recipe.target for recipe in recipes}) != 1:
        raise UsageError("recipes of one target are compared, and at least one", found=f"{len(recipes)} recipes")
    samples = some_of(samples, seed=seed)
    strata, variance = strata_of(samples), variance_of(samples.target)
    folds = deal(strata, samples.patients, folds=inner, seed=seed) if len(recipes) > 1 else []
    found: list[list[float]] = [[] for _ in recipes]
    for learned, judged in folds:
        values = _scores(samples.take(learned), samples.take(judged), recipes, variance=variance)
        for scores, value in zip(found, values, strict=True):
            scores += [] if value is None else [value]
    means = tuple(float(np.mean(scores)) if scores else None for scores in found)
    best = max(range(len(recipes)), key=lambda number: (_or_least(means[number]), -number))
    return Choice(recipes[best], means)


def strata_of(samples: Samples) -> Ints:
    """What folds are stratified by: the class, or the third of the range that a number lies in."""
    return np.asarray(samples.target if samples.num_classes else strata_of_numbers(samples.target))


def some_of(samples: Samples, *, seed: int) -> Samples:
    """About MOST_CASES of more cases, whole patients, each stratum in its proportion."""
    parts = round(len(samples) / MOST_CASES)
    if parts < 2:
        return samples
    (_, chosen), *_ = deal(strata_of(samples), samples.patients, folds=parts, seed=seed)
    return samples.take(chosen)


def _scores(learned: Samples, judged: Samples, recipes: Sequence[Recipe], *, variance: float) -> list[float | None]:
    """The score of each recipe on one fold, errors held against this variance: a fold may be too small to have one.

    Recipes that prepare features alike share the preparation.
    """
    prepared: dict[tuple[Reduction, int], Preparation] = {}
    found = []
    for recipe in recipes:
        kind = recipe.reduction, recipe.components
        if kind not in prepared:
            prepared[kind] = prepare(learned.features, learned.target, recipe)
        model = fit(learned, recipe, probabilities=False, preparation=prepared[kind])
        found.append(score(model.decide(judged.features), judged.target, recipe, variance=variance))
    return found


def score(decisions_NK: Floats, target_N: Array, recipe: Recipe, *, variance: float | None = None) -> float | None:
    """How well answers rank or meet the target, without a unit, the larger the better; None where that is not defined.

    Classes: the mean area under the ROC curve of each class against the rest, of those with cases on both sides. Numbers: R²,
    1 less the mean squared error over the variance of these cases, or over the one given; None where that is 0.
    """
    if recipe.target == "number":
        spread = variance_of(target_N) if variance is None else variance
        error = float(np.mean((decisions_NK[:, 0] - target_N) ** 2)) if len(target_N) else 0.0
        return 1 - error / spread if spread > 0 and len(target_N) else None
    areas = [
        float(placements(column, target_N == code)[target_N == code].mean())
        for code, column in enumerate(decisions_NK.T)
        if 0 < np.count_nonzero(target_N == code) < len(target_N)
    ]
    return float(np.mean(areas)) if areas else None


def variance_of(target_N: Array) -> float:
    """The variance of a target, in its unit squared; exactly 0.0 where all cases are alike, or there is none."""
    return float(np.var(target_N)) if len(target_N) and np.ptp(target_N) > 0 else 0.0


def _or_least(value: float | None) -> float:
    return -np.inf if value is None else value

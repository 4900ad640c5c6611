"""Classical models on a table of features: fitted by scikit-learn, kept as arrays and plain data, answered by NumPy alone.

A model is never stored as an object: `to_arrays` and `settings` are what a package holds, `from_arrays` makes of them a
model that answers the same. Several classes with a support vector machine: one machine for each class against the rest,
each with a sigmoid, and the chances made to add up to 1. Several numbers: a model for each.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from pydantic import ValidationError

from scanwright.errors import IntegrityError, UsageError
from scanwright.features import answers
from scanwright.features.folds import deal
from scanwright.features.learners import Arrays, learn
from scanwright.features.platt import fit_sigmoid
from scanwright.features.preparation import Preparation, fit_preparation
from scanwright.features.recipe import Recipe
from scanwright.features.samples import Samples
from scanwright.features.stored import MACHINES, check_parts
from scanwright.types import JSON, Array, Floats, Ints

SIGMOID_FOLDS = 5


@dataclass(frozen=True, eq=False, slots=True)
class ClassicalModel:
    """A fitted model of F named features.

    classes: (K,) the codes that were learned, of `num_classes` in all; empty for numbers. parts: the model's arrays
    (`learners`); just "share" (K,) or "number" () where there was one class, or no column that varies: then every
    case gets the same answer. For numbers also "center" and "spread", between which the target was scaled.
    """

    recipe: Recipe
    names: tuple[str, ...]
    num_classes: int
    preparation: Preparation
    classes: Ints
    parts: Mapping[str, Array]

    @property
    def is_constant(self) -> bool:
        """Whether every case gets the same answer."""
        return "share" in self.parts or "number" in self.parts

    def predict(self, features_NF: Floats) -> Floats:
        """Probabilities (N, num_classes) that add up to 1 in each row, or numbers (N,).

        features_NF: in the order of `names`, NaN where not known. A class that was not among the training cases has 0.
        """
        prepared = self.preparation.apply(features_NF)
        if self.recipe.target == "number":
            return self._numbers(prepared)
        if self.is_constant:
            shares = np.tile(self.parts["share"], (len(prepared), 1))
        elif self.recipe.family in MACHINES and "platt" not in self.parts:
            raise UsageError("this model was fitted without probabilities", hint="Ask `decide`, or fit it with them.")
        else:
            shares = answers.probabilities(self.parts, self.recipe.family, prepared)
        found = np.zeros((len(prepared), self.num_classes))
        found[:, self.classes] = shares
        return found

    def decide(self, features_NF: Floats) -> Floats:
        """What ranks cases: (N, num_classes), the larger the likelier; numbers (N, 1). Needs no sigmoid."""
        if self.recipe.target == "number":
            return self.predict(features_NF)[:, None]
        if self.is_constant or self.recipe.family not in MACHINES:
            return self.predict(features_NF)
        values = answers.decisions(self.parts, self.recipe.family, self.preparation.apply(features_NF))
        found = np.full((len(values), self.num_classes), values.min(initial=0.0))
        found[:, self.classes] = np.concatenate([-values, values], axis=1) if values.shape[1] == 1 else values
        return found

    def _numbers(self, prepared_NR: Floats) -> Floats:
        if self.is_constant:
            return np.full(len(prepared_NR), float(self.parts["number"]))
        scaled = answers.decisions(self.parts, self.recipe.family, prepared_NR)[:, 0]
        return np.asarray(scaled * float(self.parts["spread"]) + float(self.parts["center"]))

    def settings(self) -> JSON:
        """What belongs to the arrays, as plain data."""
        return {
            "recipe": self.recipe.model_dump(mode="json"),
            "names": list(self.names),
            "num_classes": self.num_classes,
        }

    def to_arrays(self) -> dict[str, Array]:
        """Everything that was fitted, by name: "preparation.*", "model.*" and "classes"."""
        return {
            **{f"preparation.{name}": part for name, part in self.preparation.to_arrays().items()},
            **{f"model.{name}": np.array(part, order="C") for name, part in self.parts.items()},
            "classes": self.classes,
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Array], settings: JSON) -> Self:
        """The model again. Raises IntegrityError if arrays and settings are not those of one model."""
        try:
            recipe = Recipe.model_validate(settings["recipe"])
            names, num_classes = tuple(str(name) for name in settings["names"]), int(settings["num_classes"])
            classes = np.asarray(arrays["classes"]).astype(np.int64, casting="safe")
        except (KeyError, TypeError, ValueError, ValidationError) as error:
            raise IntegrityError("a stored model lacks a part", found=str(error).splitlines()[0]) from error
        preparation = Preparation.from_arrays(_under(arrays, "preparation"))
        numeric = recipe.target == "number"
        sound = preparation.columns == len(names) and classes.ndim == 1 and numeric == (not len(classes))
        sound = sound and bool((np.diff(classes) > 0).all())
        if not sound or (len(classes) and not 0 <= classes[0] <= classes[-1] < num_classes):
            raise IntegrityError("the parts of a stored model do not fit together", found="classes or feature names")
        parts = _under(arrays, "model")
        check_parts(parts, recipe, features=preparation.outputs, classes=len(classes))
        return cls(recipe, names, num_classes, preparation, classes, parts)


def _under(arrays: Mapping[str, Array], prefix: str) -> dict[str, Array]:
    start = prefix + "."
    return {name.removeprefix(start): part for name, part in arrays.items() if name.startswith(start)}


def fit(
    samples: Samples, recipe: Recipe, *, probabilities: bool = True, preparation: Preparation | None = None
) -> ClassicalModel:
    """Fit a model to all of these cases.

    The sigmoids of support vector machines are fitted on the answers of up to five machines that did not see the case's
    patient. probabilities: False leaves them out, where only `decide` is asked. preparation: the one of this recipe and
    these very cases, where it was fitted before.

    Raises UsageError if there is no case, or the recipe is for another kind of target.
    """
    if not len(samples) or (recipe.target == "classes") != (samples.num_classes > 0):
        found = f"{len(samples)} cases, {samples.num_classes} classes"
        raise UsageError(
            "nothing that this recipe could learn from", expected=f"cases with {recipe.target}", found=found
        )
    if recipe.target == "number":
        preparation, parts = _fitted(samples.features, samples.target, recipe, preparation)
        return ClassicalModel(recipe, samples.names, 0, preparation, np.zeros(0, dtype=np.int64), parts)
    classes, codes = np.unique(samples.target, return_inverse=True)
    preparation, parts = _fitted(samples.features, codes, recipe, preparation)
    if probabilities and recipe.family in MACHINES and "share" not in parts:
        parts["platt"] = _sigmoids(samples.features, codes, recipe, samples.patients, outputs=len(parts["intercepts"]))
    return ClassicalModel(recipe, samples.names, samples.num_classes, preparation, classes, parts)


def prepare(features_NF: Floats, target_N: Array, recipe: Recipe) -> Preparation:
    """The preparation that a recipe asks for, fitted on these cases."""
    return fit_preparation(
        features_NF,
        target_N,
        reduction=recipe.reduction,
        components=recipe.components,
        numeric=recipe.target == "number",
    )


def _fitted(
    features_NF: Floats, target_N: Array, recipe: Recipe, preparation: Preparation | None = None
) -> tuple[Preparation, Arrays]:
    """Preparation and model of cases whose codes are 0, 1, … without a gap."""
    numeric = recipe.target == "number"
    center, spread = (float(target_N.mean()), float(target_N.std())) if numeric else (0.0, 0.0)
    preparation = preparation or prepare(features_NF, target_N, recipe)
    varies = preparation.outputs > 0
    if numeric:
        if not varies or spread <= 0:
            return preparation, {"number": np.array(center)}
        parts = learn(preparation.apply(features_NF), (target_N - center) / spread, recipe)
        return preparation, {**parts, "center": np.array(center), "spread": np.array(spread)}
    counts = np.bincount(target_N)
    if not varies or len(counts) < 2:
        return preparation, {"share": counts / counts.sum()}
    return preparation, learn(preparation.apply(features_NF), target_N, recipe)


def _sigmoids(
    features_NF: Floats, codes_N: Ints, recipe: Recipe, patients: Sequence[Hashable], *, outputs: int
) -> Floats:
    """(K', 2) slope and offset for each machine, on decision values of machines fitted without the case's patient."""
    values = np.full((len(codes_N), outputs), np.nan)
    for learned, judged in deal(codes_N, patients, folds=SIGMOID_FOLDS, seed=recipe.seed):
        present, codes = np.unique(codes_N[learned], return_inverse=True)
        preparation, parts = _fitted(features_NF[learned], codes, recipe)
        if "share" in parts:
            continue
        found = answers.decisions(parts, recipe.family, preparation.apply(features_NF[judged]))
        if outputs == 1:
            values[judged] = found
        elif found.shape[1] == 1:  # two of several classes were there: the second against the first
            values[np.ix_(judged, present)] = np.concatenate([-found, found], axis=1)
        else:
            values[np.ix_(judged, present)] = found
    sigmoids = []
    for number, column in enumerate(values.T):
        known = ~np.isnan(column)
        sigmoids.append(fit_sigmoid(column[known], (codes_N == (1 if outputs == 1 else number))[known]))
    return np.array(sigmoids)

"""Are these the arrays of a model? Asked before any of them is used: they come from a file.

With arrays that pass, `answers` ends, stays inside its arrays, and gives finite numbers for finite features.
"""

from collections.abc import Mapping

import numpy as np

from scanwright.errors import IntegrityError
from scanwright.features.recipe import Recipe
from scanwright.types import Array

Parts = Mapping[str, Array]

MACHINES = ("svm-linear", "svm-rbf")
TREES = ("forest", "boosting")


def check_parts(parts: Parts, recipe: Recipe, *, features: int, classes: int) -> None:
    """Raise IntegrityError unless these are the arrays of a model of so many prepared features and learned classes.

    classes: 0 for a model of numbers.
    """
    wrong = [name for name, part in parts.items() if part.dtype.kind not in "fi" or not np.isfinite(part).all()]
    if wrong:
        raise IntegrityError(
            "a stored model has a part that is not finite numbers", found=wrong[0], where=recipe.family
        )
    try:
        sound = _fit(parts, recipe, features, classes)
    except KeyError as error:
        raise IntegrityError("a stored model lacks a part", expected=str(error), where=recipe.family) from error
    if not sound:
        raise IntegrityError("the parts of a stored model do not fit together", where=recipe.family)


def _fit(parts: Parts, recipe: Recipe, features: int, classes: int) -> bool:
    if not classes:
        if "number" in parts:
            return parts["number"].shape == ()
        scaled = parts["center"].shape == parts["spread"].shape == ()
        return scaled and _family_fits(parts, recipe, features, 1)
    if "share" in parts:
        return parts["share"].shape == (classes,)
    outputs = 1 if classes == 2 and recipe.family != "forest" else classes
    sigmoids = recipe.family not in MACHINES or parts["platt"].shape == (outputs, 2)
    return sigmoids and classes > 1 and _family_fits(parts, recipe, features, outputs)


def _family_fits(parts: Parts, recipe: Recipe, features: int, outputs: int) -> bool:
    if recipe.family in TREES:
        width = outputs if recipe.family == "forest" else 1
        grown = recipe.family == "forest" or _rounds_fit(parts, outputs)
        return grown and _trees_fit(parts, features, width)
    if parts["intercepts"].shape != (outputs,):
        return False
    if recipe.family != "svm-rbf":
        return parts["weights"].shape == (outputs, features)
    vectors = parts["vectors"]
    kernel = vectors.ndim == 2 and vectors.shape[1] == features and parts["gamma"].shape == ()
    return kernel and parts["dual"].shape == (outputs, len(vectors))


def _rounds_fit(parts: Parts, outputs: int) -> bool:
    """A tree for each output in every round."""
    scalars = parts["base"].shape == (outputs,) and parts["rate"].shape == ()
    return scalars and (parts["starts"].size - 1) % outputs == 0


def _trees_fit(parts: Parts, features: int, width: int) -> bool:
    """Whether every walk from a root moves on to higher nodes of its own tree, and so to a leaf."""
    starts, left, right, feature = (parts[name] for name in ("starts", "left", "right", "feature"))
    nodes = left.size
    if any(part.dtype.kind != "i" or part.ndim != 1 for part in (starts, left, right, feature)):
        return False
    if len(starts) < 2 or starts[0] != 0 or starts[-1] != nodes or (np.diff(starts) <= 0).any():
        return False
    if right.shape != (nodes,) or feature.shape != (nodes,) or parts["threshold"].shape != (nodes,):
        return False
    sizes = np.repeat(np.diff(starts), np.diff(starts))
    own = np.arange(nodes) - np.repeat(starts[:-1], np.diff(starts))
    leaf = (left == -1) & (right == -1)
    onward = (left > own) & (right > own) & (left < sizes) & (right < sizes)
    named = (feature >= 0) & (feature < features)
    return parts["value"].shape == (nodes, width) and bool(((leaf | onward) & named).all())

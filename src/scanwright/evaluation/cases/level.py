"""Models that give all their cases nearly the same probabilities, and so hardly tell them apart."""

from collections import defaultdict
from collections.abc import Iterable

import numpy as np
from scipy.special import logit

from scanwright.evaluation.cases.judged import ClassifiedCase
from scanwright.types import Bools, Floats

LEVEL = 0.1
"""Log odds within which probabilities are nearly the same: 0.5 and 0.525, 0.1 and 0.109."""
LEAST = 1e-6
"""Probabilities nearer to 0 or 1 are taken as this."""


def level_folds(rows: Iterable[ClassifiedCase]) -> dict[int, int]:
    """The folds in which the probabilities of every class lie within LEVEL of each other, with their numbers of cases.

    rows: as the models answered, not calibrated, which spreads them. A fold of one case, and a case of no fold, says nothing.
    """
    chances: defaultdict[int, list[tuple[float, ...]]] = defaultdict(list)
    for row in rows:
        if row.fold is not None:
            chances[row.fold].append(row.probabilities)
    return {fold: len(of) for fold, of in sorted(chances.items()) if level_columns(np.array(of)).all()}


def level_caveats(rows: Iterable[ClassifiedCase]) -> tuple[str, ...]:
    """What must be said of models that are level. rows: as of `level_folds`."""
    return tuple(level_text(fold, number) for fold, number in level_folds(rows).items())


def level_text(fold: int, num_cases: int) -> str:
    """What must be said of a fold whose model is level."""
    told = f"the probabilities of its {num_cases} cases, before calibration, are nearly the same"
    return f"The model of fold {fold} hardly tells the cases apart: {told}."


def level_columns(chances_NK: Floats) -> Bools:
    """(K,) whether the probabilities of a class lie within LEVEL of each other; of fewer than two cases none do."""
    if len(chances_NK) < 2:
        return np.zeros(chances_NK.shape[1], bool)
    return np.asarray(np.ptp(logit(np.clip(chances_NK, LEAST, 1 - LEAST)), axis=0) < LEVEL)

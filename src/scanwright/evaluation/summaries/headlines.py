"""The headline of a kind of problem in many draws of its patients: one number a draw, without the tables around it.

counts (D, P): how often each patient is in a draw, patients in the order in which their first cases stand. A row of ones gives
the headline as metrics.json has it. What is not defined in a draw is NaN.
"""

from collections.abc import Hashable, Sequence

import numpy as np

from scanwright.evaluation.boxes.detection_precision import RankedBoxes
from scanwright.evaluation.boxes.matched import MatchedCase
from scanwright.evaluation.classes.answers import Answers
from scanwright.evaluation.classes.confusion import mean_defined
from scanwright.evaluation.classes.ranked import Ranking
from scanwright.evaluation.intervals.bootstrap import number_patients, totals_by_patient
from scanwright.evaluation.numbers.regression import NAMES, from_sums, terms_of
from scanwright.types import Floats


def means_drawn(scores: Sequence[float | None], patients: Sequence[Hashable], counts: Floats) -> Floats:
    """The mean (D,) of the cases' scores, those that are not defined left out."""
    values = np.array([np.nan if score is None else score for score in scores], float)
    defined = np.isfinite(values)
    weights = counts[:, number_patients(patients, len(values))]
    number = weights @ defined
    found: Floats = np.divide(
        weights @ np.where(defined, values, 0.0), number, out=np.full(len(counts), np.nan), where=number > 0
    )
    return found


def aurocs_drawn(answers: Answers, counts: Floats) -> Floats:
    """The AUROC (D,) of the positive class, else the mean over the classes that have cases on both sides."""
    views = [answers.view(k) for k in ([1] if answers.is_binary else range(answers.num_classes))]
    areas = [_area(Ranking.of(view), counts) for view in views if view.is_ranked]
    return mean_defined(np.stack(areas, axis=1), axis=1) if areas else np.full(len(counts), np.nan)


def _area(ranking: Ranking, counts: Floats) -> Floats:
    """Positive cases above each negative one, ties half, as a share (D,) of all such pairs."""
    found, false = ranking.cumulate(counts)
    above = (np.concatenate([np.zeros((len(counts), 1)), found[:, :-1]], axis=1) + found) / 2
    pairs = found[:, -1] * false[:, -1]
    won = (np.diff(false, axis=1, prepend=0.0) * above).sum(axis=1)
    area: Floats = np.divide(won, pairs, out=np.full(len(counts), np.nan), where=pairs > 0)
    return area


def precisions_drawn(cases: Sequence[MatchedCase], counts: Floats, *, num_classes: int) -> Floats:
    """The average precision (D,) at an IoU of 0.5, in the mean over the classes that have a true box."""
    owners = number_patients([case.patient for case in cases], len(cases))
    ranked = [RankedBoxes.of(cases, owners, code=code, size=0, strays=()) for code in range(num_classes)]
    return mean_defined(np.stack([one.average_precision(counts)[:, 0] for one in ranked], axis=1), axis=1)


def numbers_drawn(
    predicted: Floats, truth: Floats, patients: Sequence[Hashable], counts: Floats, *, metric: str
) -> Floats:
    """A measure (D,) of regression.NAMES in the mean over quantities, from predicted and true values (N, Q), NaN "not known".

    NaN everywhere for one that is none of them, or that hangs on ranks.
    """
    names = NAMES[:-1]
    if metric not in names:
        return np.full(len(counts), np.nan)
    totals = totals_by_patient(terms_of(predicted, truth), number_patients(patients, len(truth)))
    sums = np.tensordot(counts, totals, axes=1)  # (D, Q, 9)
    return mean_defined(from_sums(sums)[..., names.index(metric)], axis=1)

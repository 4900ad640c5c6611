"""What follows from a confusion matrix: shares of right answers, F1, MCC, kappa.

Every function takes counts (..., K, K), `[truth, decision]`, with any axes before: one matrix, or thousands of resampled
ones at once. Counts may be fractions. Two classes: 0 is negative and 1 positive.

"Not defined" is NaN, and it follows one rule: what has no denominator has no value. So a sensitivity without positive cases,
a precision without positive decisions and a negative predictive value without negative ones are not defined, nor is the MCC
where all cases or all decisions are of one class. (scikit-learn gives a 0 for each of them.) A model that never calls a class
does not hide by that: its sensitivity and its F1 are 0 there. Means over classes leave out what is not defined.
"""

import numpy as np

from scanwright.types import Floats, Ints

SHARES = ("accuracy", "sensitivity", "specificity", "precision", "npv")
"""Measures that are a number of cases over another."""
BINARY = (*SHARES, "balanced_accuracy", "f1", "mcc", "kappa")
"""The measures of a positive and a negative class, in the order of `binary_measures`."""
QUADRATIC_KAPPA = "quadratic_kappa"
"""What kappa is called where a disagreement counts as the square of its distance in grades."""


def confusion_terms(truth: Ints, decisions: Ints, num_classes: int) -> Floats:
    """Each case's own confusion matrix (N, K * K), one 1 and zeros otherwise, from codes (N,); their sum is the matrix."""
    terms = np.zeros((len(truth), num_classes * num_classes))
    terms[np.arange(len(truth)), truth * num_classes + decisions] = 1.0
    return terms


def confusion_matrix(truth: Ints, decisions: Ints, num_classes: int) -> Ints:
    """Cases (K, K) by true code (rows) and decided code (columns), from codes (N,)."""
    places = np.bincount(truth * num_classes + decisions, minlength=num_classes**2)
    return places.reshape(num_classes, num_classes)


def one_against_rest(counts: Floats) -> Floats:
    """Each class in turn as the positive one: (..., K, K) to (..., K, 2, 2)."""
    hit = np.diagonal(counts, axis1=-2, axis2=-1)
    missed, false = counts.sum(axis=-1) - hit, counts.sum(axis=-2) - hit
    rest = counts.sum(axis=(-2, -1))[..., None] - hit - missed - false
    return np.stack([np.stack([rest, false], axis=-1), np.stack([missed, hit], axis=-1)], axis=-2)


def binary_shares(counts: Floats) -> tuple[Floats, Floats]:
    """Numerators and denominators (..., 5) of SHARES, from counts (..., 2, 2)."""
    tn, fp, fn, tp = (counts[..., i, j] for i in (0, 1) for j in (0, 1))
    parts = np.stack([tp + tn, tp, tn, tp, tn], axis=-1)
    wholes = np.stack([tn + fp + fn + tp, tp + fn, tn + fp, tp + fp, tn + fn], axis=-1)
    return parts, wholes


def binary_measures(counts: Floats) -> Floats:
    """The measures BINARY (..., 9) of counts (..., 2, 2)."""
    fp, fn, tp = counts[..., 0, 1], counts[..., 1, 0], counts[..., 1, 1]
    shares = ratio(*binary_shares(counts))
    sensitivity, specificity = shares[..., 1], shares[..., 2]
    both = (sensitivity + specificity) / 2
    f1 = ratio(2 * tp, 2 * tp + fp + fn)
    return np.concatenate([shares, np.stack([both, f1, mcc(counts), kappa(counts)], axis=-1)], axis=-1)


def balanced_accuracy(counts: Floats) -> Floats:
    """Mean over the classes that occur of the share of their cases decided rightly, in [0, 1]; under two of them: NaN."""
    cases = counts.sum(axis=-1)
    shares = ratio(np.diagonal(counts, axis1=-2, axis2=-1), cases)
    return np.where((cases > 0).sum(axis=-1) >= 2, mean_defined(shares), np.nan)


def accuracy(counts: Floats) -> Floats:
    """Share of the cases decided rightly, in [0, 1]. No case: NaN."""
    return ratio(np.trace(counts, axis1=-2, axis2=-1), counts.sum(axis=(-2, -1)))


def mcc(counts: Floats) -> Floats:
    """Matthews' correlation of decision and truth in [-1, 1], for K classes as R_K. Either all of one class: NaN.

    Sources: Matthews 1975, Biochim Biophys Acta 405:442; Gorodkin 2004, Comput Biol Chem 28:367.
    """
    total = counts.sum(axis=(-2, -1))
    cases, decided = counts.sum(axis=-1), counts.sum(axis=-2)
    shared = np.trace(counts, axis1=-2, axis2=-1) * total - (cases * decided).sum(axis=-1)
    spread = (total**2 - (cases**2).sum(axis=-1)) * (total**2 - (decided**2).sum(axis=-1))
    return ratio(shared, np.sqrt(np.maximum(spread, 0.0)))


def kappa(counts: Floats, *, quadratic: bool = False) -> Floats:
    """Cohen's kappa in [-1, 1]: agreement beyond what the frequencies of classes give. Nothing to disagree on: NaN.

    quadratic: a disagreement counts as the square of the distance of the grades (Cohen 1968, Psychol Bull 70:213), else all
    count the same (Cohen 1960, Educ Psychol Meas 20:37).
    """
    grades = np.arange(counts.shape[-1])
    weight = (grades[:, None] - grades[None]) ** 2 if quadratic else grades[:, None] != grades[None]
    chance = counts.sum(axis=-1)[..., :, None] * counts.sum(axis=-2)[..., None, :]
    seen = (counts * weight).sum(axis=(-2, -1)) * counts.sum(axis=(-2, -1))
    return 1 - ratio(seen, (chance * weight).sum(axis=(-2, -1)))


def grade_error(counts: Floats) -> Floats:
    """Mean distance of decision and truth in grades, 0 to K - 1. No case: NaN."""
    grades = np.arange(counts.shape[-1])
    distance = np.abs(grades[:, None] - grades[None])
    return ratio((counts * distance).sum(axis=(-2, -1)), counts.sum(axis=(-2, -1)))


def ratio(part: Floats, whole: Floats) -> Floats:
    """part / whole, NaN where the whole is 0."""
    found: Floats = np.divide(part, whole, out=np.full(np.shape(whole), np.nan), where=np.asarray(whole) > 0)
    return found


def mean_defined(values: Floats, *, axis: int = -1) -> Floats:
    """Mean over an axis of what is defined, NaN where nothing is."""
    defined = np.isfinite(values)
    return ratio(np.where(defined, values, 0.0).sum(axis=axis), defined.sum(axis=axis))

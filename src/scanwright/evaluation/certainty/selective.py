"""What it is worth to answer the surest cases alone: the risk-coverage curve, the area under it, and a threshold for a
stated risk.

Cases are ordered by how sure the model is of them. Answering the surest share c of them has a risk: their mean error. The area
under that curve (AURC; Geifman, Uziel & El-Yaniv 2019, ICLR) is the mean of the risks of the 1, 2, … n surest cases; what the
best possible order of the same errors would have is taken off it for the excess (E-AURC), 0 where every error is less sure
than every right answer. Cases that the model is equally sure of come in any order: each has the mean error of them all.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from scanwright.evaluation.intervals.bootstrap import Estimate, number_patients, totals_by_patient
from scanwright.evaluation.intervals.proportion import share_interval
from scanwright.evaluation.intervals.statistics import MIN_PATIENTS, bootstrap_means
from scanwright.types import Floats

SHARES = (0.5, 0.8, 0.9, 1.0)
"""Of cases, whose risk is told."""
MOST_POINTS = 101


@dataclass(frozen=True, kw_only=True, slots=True)
class Curve:
    """shares (n,): of cases answered, the surest first; risks (n,): their mean error; sure (n,): how sure the last of
    them is.
    """

    shares: Floats
    risks: Floats
    sure: Floats

    @property
    def area(self) -> float:
        """AURC."""
        return float(self.risks.mean())


@dataclass(frozen=True, kw_only=True, slots=True)
class Selected:
    """The surest cases: those that are at least `sure`, their share of all, and their error."""

    share: float
    sure: float
    risk: Estimate


def risk_curve(sure: Floats, errors: Floats) -> Curve | None:
    """From how sure the model is of each case and its error, (N,) each, NaN for an error that is not known; None
    without one.
    """
    known = np.isfinite(errors) & np.isfinite(sure)
    if not known.any():
        return None
    sure, errors = sure[known], errors[known]
    order = np.argsort(-sure, kind="stable")
    ranked, place = np.unique(-sure[order], return_inverse=True)
    evened = (np.bincount(place, weights=errors[order]) / np.bincount(place))[place]
    counts = np.arange(1, len(sure) + 1)
    return Curve(shares=counts / len(sure), risks=np.cumsum(evened) / counts, sure=-ranked[place])


def excess_area(curve: Curve, errors: Floats) -> float:
    """AURC less that of the best order of the same errors: 0 and more."""
    best = np.sort(errors[np.isfinite(errors)])
    return max(0.0, curve.area - float((np.cumsum(best) / np.arange(1, len(best) + 1)).mean()))


def surest(
    sure: Floats, errors: Floats, patients: Sequence[Hashable], share: float, *, is_share: bool = True, seed: int = 0
) -> Selected | None:
    """The surest cases that are at least so large a share of all, ties included, and their error with its interval by patient.

    is_share: errors are 0, 1 or shares between (Wilson); else any numbers (BCa). None without a known error.
    """
    known = np.flatnonzero(np.isfinite(errors) & np.isfinite(sure))
    if not len(known):
        return None
    ranked = np.sort(sure[known])[::-1]
    limit = float(ranked[min(len(ranked), max(1, int(np.ceil(share * len(ranked) - 1e-9)))) - 1])
    chosen = known[sure[known] >= limit]
    owners = [patients[k] for k in chosen]
    risk = mean_error(errors[chosen], owners, is_share=is_share, seed=seed)
    return Selected(share=len(chosen) / len(known), sure=limit, risk=risk)


def mean_error(errors: Floats, patients: Sequence[Hashable], *, is_share: bool = True, seed: int = 0) -> Estimate:
    """The mean of errors (N,) with its interval by patient; not defined without any."""
    if not len(errors):
        return Estimate(value=None, interval=None, n=0, n_defined=0)
    if not is_share:
        (reach,) = bootstrap_means(errors[:, None], list(patients), seed=seed, samples=2_000)
        return Estimate(value=float(errors.mean()), interval=reach, n=len(errors), n_defined=len(errors))
    owners = number_patients(list(patients), len(errors))
    parts, wholes = totals_by_patient(np.stack([errors, np.ones(len(errors))], axis=1), owners).T
    reach = share_interval(parts, wholes, fewest=MIN_PATIENTS)
    return Estimate(value=float(errors.mean()), interval=reach, n=len(errors), n_defined=len(errors))


def threshold_for(sure: Floats, errors: Floats, risk: float) -> float | None:
    """How sure the model has to be to answer, so that the error of what it answers is at most `risk`: the least such limit.

    One more case is counted as wrong than was, so that few cases are not trusted: (sum of errors + 1) / (n + 1) <= risk, of
    errors in [0, 1]. None where no limit keeps that: then nothing is sure enough.
    """
    known = np.isfinite(errors) & np.isfinite(sure)
    values, wrong = sure[known], errors[known]
    order = np.argsort(-values, kind="stable")
    counts = np.arange(1, len(values) + 1)
    held = (np.cumsum(wrong[order]) + 1) / (counts + 1) <= risk
    last = np.append(np.diff(values[order]) < 0, True)[: len(values)]  # of equals only all together
    places = np.flatnonzero(held & last)
    return float(values[order][places[-1]]) if len(places) else None


def thinned(curve: Curve) -> list[tuple[float, float]]:
    """Shares and risks at up to MOST_POINTS places, the first and the last among them."""
    places = np.unique(np.linspace(0, len(curve.shares) - 1, MOST_POINTS).round().astype(int))
    return [(float(curve.shares[k]), float(curve.risks[k])) for k in places]

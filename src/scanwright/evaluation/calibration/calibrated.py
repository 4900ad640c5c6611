"""What a calibration was worth: the same cases with the probabilities as a model gives them, and as they are told.

Of two classes of the positive one, of several exclusive ones of the most probable class, of labels of all labels together.
"""

from dataclasses import dataclass

import numpy as np

from scanwright.evaluation.classes.answers import Answers, View
from scanwright.evaluation.classes.classification import measure_answers
from scanwright.evaluation.classes.reliability import (
    Bin,
    binary_log_loss,
    calibration_error,
    debiased_error,
    error_by_chance,
    log_loss_terms,
    reliability_curve,
    top_view,
)
from scanwright.evaluation.intervals.bootstrap import Estimate
from scanwright.evaluation.intervals.statistics import bootstrap_means
from scanwright.types import JSON, Floats

SAMPLES = 2_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """How far probabilities hold: ece and rms (debiased) in [0, 1]; by_chance: mean and 95th percentile of the ece of a
    calibrated model that gives these probabilities; brier and log loss as metrics.json has them; the reliability curve.
    """

    ece: float | None
    rms: float | None
    by_chance: tuple[float, float] | None
    brier: float | None
    log_loss: float | None
    curve: list[Bin]

    def to_json(self) -> dict[str, JSON]:
        """For metrics.json."""
        return {
            "ece": self.ece,
            "ece_by_chance": None if self.by_chance is None else list(self.by_chance),
            "rms_debiased": self.rms,
            "brier": self.brier,
            "log_loss": self.log_loss,
            "curve": [
                {
                    "predicted": one.predicted,
                    "observed": one.observed,
                    "ci95": None if one.interval is None else list(one.interval),
                    "cases": one.cases,
                }
                for one in self.curve
            ],
        }


def held(answers: Answers, *, seed: int = 0) -> Held:
    """How far the probabilities of these cases hold."""
    view = asked_of(answers)
    overall = measure_answers(answers, samples=0)[0]
    return Held(
        ece=calibration_error(view.scores, view.positive),
        rms=debiased_error(view.scores, view.positive),
        by_chance=error_by_chance(view.scores, seed=seed),
        brier=overall["brier"].value,
        log_loss=overall["log_loss"].value,
        curve=reliability_curve(view.scores, view.positive, view.owners.tolist()) if len(view.scores) else [],
    )


def asked_of(answers: Answers) -> View:
    """The probabilities that are asked whether they hold, with whether they came true."""
    if answers.is_binary:
        return answers.view(1)
    if answers.choice != "several":
        return top_view(answers)
    views = [answers.view(k) for k in range(answers.num_classes)]
    return View(
        scores=np.concatenate([one.scores for one in views]),
        positive=np.concatenate([one.positive for one in views]),
        decided=np.concatenate([one.decided for one in views]),
        owners=np.concatenate([one.owners for one in views]),
    )


def gain(before: Answers, after: Answers, *, seed: int = 0) -> dict[str, Estimate]:
    """By how much log loss and Brier score are lower after than before, case by case, with intervals by patient."""
    terms = np.stack([_terms(before)[k] - _terms(after)[k] for k in (0, 1)], axis=1)
    defined = np.isfinite(terms).all(axis=1)
    reaches = bootstrap_means(terms, before.owners.tolist(), seed=seed, samples=SAMPLES)
    return {
        name: Estimate(
            value=float(terms[defined, k].mean()) if defined.any() else None,
            interval=reaches[k],
            n=len(terms),
            n_defined=int(defined.sum()),
        )
        for k, name in enumerate(("log_loss", "brier"))
    }


def _terms(answers: Answers) -> tuple[Floats, Floats]:
    """Log loss and Brier score of each case (N,); of labels the means of those that are known, NaN without one."""
    truth, chances = answers.indicators, answers.probabilities
    squares = (chances - truth) ** 2
    if answers.choice != "several":
        return log_loss_terms(chances, truth), squares[:, 1] if answers.is_binary else squares.sum(axis=1)
    number = answers.known.sum(axis=1)

    def mean(of: Floats) -> Floats:
        total = (of * answers.known).sum(axis=1)
        found: Floats = np.divide(total, number, out=np.full(len(total), np.nan), where=number > 0)
        return found

    return mean(binary_log_loss(chances, truth)), mean(squares)

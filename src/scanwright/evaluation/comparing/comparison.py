"""Whether two models differ on the same cases. The patient is the unit, as everywhere.

AUROCs are compared by DeLong's covariance of the two (1988, Biometrics 44:837), added up by patient; accuracies and errors by
flipping the sign of each patient's differences (statistics.py). McNemar's exact test (1947, Psychometrika 12:153) is given
beside that if every patient has one case. Of 1,000 simulated pairs of models (normal scores that share half of their noise)
DeLong's interval held the true difference, and p was under 0.05, in

    cases       true AUROCs      held       p < 0.05
    60 + 60     0.8,  0.8        96.8 %     3.2 %
    60 + 60     0.85, 0.75       96.5 %     65.4 %
    15 + 15     0.8,  0.8        96.2 %     3.8 %
    15 + 15     0.97, 0.97       99.9 %     0.1 %
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import binomtest, norm

from scanwright.errors import UsageError
from scanwright.evaluation.classes.answers import Answers
from scanwright.evaluation.classes.discrimination import auroc_moved
from scanwright.evaluation.classes.ranking import MIN_EACH
from scanwright.evaluation.intervals.bootstrap import Interval
from scanwright.evaluation.intervals.inverted import inverted_interval
from scanwright.evaluation.intervals.statistics import SAMPLES, PairedDifference, holm, paired_difference
from scanwright.types import Floats

NO_SPREAD = 1e-12
"""An error below this is that of rounding."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AurocDifference:
    """First less second AUROC, of the positive class or in the mean over classes, in [-1, 1].

    value: None without a class that has positive and negative cases. interval (95 %) and p (two-sided): None under 5
    patients on either side of such a class; p also if the difference has no spread and is not 0, and 1 if it is 0.
    p_plain: the same without the strays of `ranking.influence`, as DeLong has it; of few cases that are ranked nearly without a
    fault it claims too much.
    """

    value: float | None
    interval: Interval | None
    p: float | None
    p_plain: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """First less second model. accuracy: its interval is of the differences that its permutation test would not reject, as the
    bootstrap of a few cases that differ, all one way, leaves out 0 where no test does. p_mcnemar: exact, two-sided; None if a
    patient has several cases or labels.
    """

    auroc: AurocDifference
    accuracy: PairedDifference
    p_mcnemar: float | None


def compare_answers(first: Answers, second: Answers, *, seed: int = 0, samples: int = SAMPLES) -> Comparison:
    """Two models on the same cases in the same order. Accuracy: a case's share of right labels if there are several.

    Raises UsageError if truth, patients or kind differ.
    """
    same = first.choice == second.choice and first.known.shape == second.known.shape
    if not same or not all(np.array_equal(getattr(first, f), getattr(second, f)) for f in ("truth", "known", "owners")):
        raise UsageError("models are compared on the same cases, in the same order")
    right, others = first.right_share(), second.right_share()
    accuracy = paired_difference(right.tolist(), others.tolist(), first.owners.tolist(), seed=seed, samples=samples)
    belongs = inverted_interval(right - others, first.owners, seed=seed, samples=samples)
    alone = len(first) == first.num_patients and first.choice != "several"
    return Comparison(
        auroc=compare_auroc(first, second),
        accuracy=replace(accuracy, ci95=None if accuracy.ci95 is None else belongs),
        p_mcnemar=mcnemar(int((right > others).sum()), int((right < others).sum())) if alone else None,
    )


def compare_auroc(
    first: Answers, second: Answers, *, classes: Sequence[int] | None = None, level: float = 0.95
) -> AurocDifference:
    """Paired DeLong on the same cases; answers as `compare_answers` takes them. classes: of which areas are averaged; None: of
    two the positive one, else all. level: of the interval.
    """
    every = (1,) if first.is_binary else range(first.num_classes)
    ranked = [k for k in (every if classes is None else classes) if first.view(k).is_ranked]
    if not ranked:
        return AurocDifference(value=None, interval=None, p=None)
    views = [answers.view(k) for answers in (first, second) for k in ranked]
    weights = np.repeat([1.0, -1.0], len(ranked)) / len(ranked)
    value, moved = auroc_moved(views, weights, first.num_patients)
    if min(view.fewest_patients for view in views) < MIN_EACH:
        return AurocDifference(value=value, interval=None, p=None)
    error = float(np.linalg.norm(moved))
    reach = float(norm.ppf((1 + level) / 2)) * error
    return AurocDifference(
        value=value,
        interval=(max(-1.0, value - reach), min(1.0, value + reach)),
        p=_normal_p(value, error),
        p_plain=_normal_p(value, float(np.linalg.norm(moved[: first.num_patients]))),
    )


def _normal_p(value: float, error: float) -> float | None:
    if error > NO_SPREAD:
        return 2 * float(norm.sf(abs(value) / error))
    return 1.0 if abs(value) < NO_SPREAD else None


def compare_errors(
    first: Floats,
    second: Floats,
    truth: Floats,
    patients: Sequence[Hashable],
    *,
    seed: int = 0,
    samples: int = SAMPLES,
) -> PairedDifference:
    """First less second absolute error of two regressions on the same cases (N,), in the quantity's unit; lower is better.

    Cases whose truth is NaN are left out. Raises UsageError if the numbers are not of the same cases.
    """
    if not len(first) == len(second) == len(truth):
        found = f"{len(first)}, {len(second)} and {len(truth)}"
        raise UsageError("models are compared on the same cases, in the same order", found=found)
    errors, others = np.abs(np.asarray(first) - truth), np.abs(np.asarray(second) - truth)
    return paired_difference(errors.tolist(), others.tolist(), patients, seed=seed, samples=samples)


def mcnemar(only_first: int, only_second: int) -> float:
    """The exact two-sided p of McNemar's test, from the cases that one model alone had right; 1 if there is none."""
    total = only_first + only_second
    return float(binomtest(only_first, total).pvalue) if total else 1.0


def compare_with_best(
    models: Mapping[str, Answers], best: str, *, seed: int = 0, samples: int = SAMPLES
) -> dict[str, Comparison]:
    """Each other model against one (the other less the best), p-values corrected for their number by Holm (1979).

    Each kind of test is a family of its own. Raises UsageError if the best is none of the models, or cases differ.
    """
    if best not in models:
        raise UsageError("no such model", expected=", ".join(models), found=best)
    found = {
        name: compare_answers(answers, models[best], seed=seed, samples=samples)
        for name, answers in models.items()
        if name != best
    }
    auroc = holm([one.auroc.p for one in found.values()])
    permuted = holm([one.accuracy.p_permutation for one in found.values()])
    wilcoxon = holm([one.accuracy.p_wilcoxon for one in found.values()])
    mcnemars = holm([one.p_mcnemar for one in found.values()])
    return {
        name: Comparison(
            auroc=replace(one.auroc, p=auroc[k]),
            accuracy=replace(one.accuracy, p_permutation=permuted[k], p_wilcoxon=wilcoxon[k]),
            p_mcnemar=mcnemars[k],
        )
        for k, (name, one) in enumerate(found.items())
    }

"""Labels that a quick model which has not seen them disagrees with, the most suspicious first.

    suspicious-class     warning   classes: the model is as sure of another class as of three quarters of the cases that are
                                   labelled so, gives it at least LEAST_OTHER, and the label less than LEAST_SHARE
    suspicious-number    warning   quantities: the distance between value and answer is far outside that of the other cases, and
                                   over half a standard deviation of the values
    suspicious-mask      warning   masks: the overlap with the answer, in regions that the model answers well, is far below that
                                   of the other cases, by LEAST_DROP at least, though the answer is as sure as usual and of a
                                   size that labels have

Classes after confident learning (Northcutt et al. 2021, J Artif Intell Res 70:1373, section 3.1), which takes the mean of a
class's probabilities where a quartile stands here: of a good model half of all wrong labels would lie below the mean.
Nothing is said where the model is no good (see `enough`), or of fewer than LEAST_CASES cases. A suspicion is no proof: the case
may be a rare one. So this is never more than a warning, and it ranks.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from scanwright.dataset.cases import Classes, Fault, Quantities
from scanwright.features.fixed import features_of
from scanwright.gate.cohort import Cohort
from scanwright.gate.doubt.coarse import Coarse
from scanwright.gate.doubt.quick import FOLDS, class_probabilities, folds_of, mask_answers, number_answers
from scanwright.gate.outliers import in_spreads
from scanwright.problem.segmentation import Segmentation
from scanwright.protocols import IGNORE
from scanwright.runtime import generator
from scanwright.types import Array, Bools, Floats, Ints

LEAST_CASES = 20
LEAST_SHARE, LEAST_OTHER = 0.2, 0.5
MOST_JUDGED = 400
ENOUGH_AUC, ENOUGH_DICE = 0.7, 0.5
FAR = 3.5
"""Robust standard deviations (1.4826 times the median distance from the median): Iglewicz and Hoaglin 1993."""
FAR_OVERLAP, LEAST_DROP = 5.0, 0.15
"""Overlaps have a long lower tail: at 3.5 and 0.1 a case is named in every third clean cohort of 46, so in none of six."""
SHOWN = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Suspect:
    """One case: what it is labelled as, what the model says, and a score by which suspects are ranked, highest first."""

    case: str
    labelled: str
    answered: str
    score: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Suspicious:
    """What the quick model found. quality: of the model out of fold (mean AUC, median Dice, R2), None if none was made.

    enough: whether the model is good enough for its doubts to count. judged: of how many cases.
    """

    measure: str = ""
    quality: float | None = None
    enough: bool = False
    judged: int = 0
    suspects: tuple[Suspect, ...] = ()
    faults: tuple[Fault, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        rows = [[one.case, one.labelled, one.answered, round(one.score, 4)] for one in self.suspects]
        quality = None if self.quality is None else round(self.quality, 4)
        return {
            "measure": self.measure,
            "quality": quality,
            "enough": self.enough,
            "judged": self.judged,
            "suspects": rows,
        }


def find(cohort: Cohort, samples: Mapping[str, Coarse], *, seed: int = 0) -> Suspicious:
    """Cross-validate a quick model by patient, and rank the labelled cases by its disagreement.

    Over MOST_JUDGED cases a sample of so many is judged. The result does not depend on the order of cases. Detection is not
    judged.
    """
    names = [case.id for case in cohort.cases if case.is_labelled and case.id in samples]
    shapes = {samples[name].image.shape for name in names}
    kind = cohort.dataset.task.kind
    if len(names) < LEAST_CASES or len(shapes) > 1 or kind == "detection":
        return Suspicious()
    if len(names) > MOST_JUDGED and kind == "segmentation":
        names = sorted(generator(seed, len(names)).permutation(names)[:MOST_JUDGED].tolist())
    if len({cohort.by_id[name].patient for name in names}) < FOLDS:
        return Suspicious()
    judge = {"segmentation": _masks, "classification": _classes, "regression": _numbers, "anomaly": _classes}[kind]
    return judge(cohort, samples, names, seed)


def _classes(cohort: Cohort, samples: Mapping[str, Coarse], names: list[str], seed: int) -> Suspicious:
    """Classes of which one is right, or several: then each is judged alone."""
    task = cohort.dataset.task
    given = [_classes_of(cohort, name) for name in names]
    seen = [features_of(samples[name].image) for name in names]
    features = [np.stack(kind) for kind in zip(*seen, strict=True)]
    patients = [cohort.by_id[name].patient for name in names]
    suspects: list[Suspect] = []
    qualities: list[float] = []
    for options in [task.classes] if task.choice != "several" else [(f"not {one}", one) for one in task.classes]:
        codes = np.array([_code(classes, options) for classes in given])
        counts = np.bincount(codes[codes >= 0], minlength=len(options))
        often = (codes >= 0) & (counts[codes] >= FOLDS)  # the others' classes are too rare to be learned in each fold
        rows = np.flatnonzero(often)
        if len(np.unique(codes[rows])) < 2:
            continue
        home = folds_of(codes[rows], [patients[row] for row in rows], seed=seed)
        shares = class_probabilities([kind[rows] for kind in features], codes[rows], home)
        qualities.append(mean_auc(shares, codes[rows]))
        doubted, other = confident_learning(shares, codes[rows])
        if qualities[-1] >= ENOUGH_AUC:
            suspects += [
                Suspect(
                    case=names[rows[at]],
                    labelled=f"{options[codes[rows[at]]]} ({shares[at, codes[rows[at]]]:.2f})",
                    answered=f"{options[other[at]]} ({shares[at, other[at]]:.2f})",
                    score=float(shares[at, other[at]] - shares[at, codes[rows[at]]]),
                )
                for at in np.flatnonzero(doubted)
            ]
    if not qualities:
        return Suspicious(measure="AUC", judged=len(names))
    return _told(suspects, "suspicious-class", "AUC", max(qualities), ENOUGH_AUC, len(names))


def _classes_of(cohort: Cohort, name: str) -> Classes:
    target = cohort.by_id[name].target
    return target if isinstance(target, Classes) else Classes(names=())


def _code(classes: Classes, options: tuple[str, ...]) -> int:
    """The place of a case's class among the options; -1 where it is not known."""
    if len(options) == 2 and options[0] == f"not {options[1]}":
        said = classes.says(options[1])
        return -1 if said is None else int(said)
    return options.index(classes.names[0])


def confident_learning(shares_NK: Floats, given_N: Ints) -> tuple[Bools, Ints]:
    """Which labels are doubted, and the class that the model prefers in each case.

    A class counts as confident where its probability is at least the lower quartile of its probabilities over the cases that
    are labelled so; the preferred one is the most probable of these.
    """
    classes = range(shares_NK.shape[1])
    limits = np.array([np.quantile(shares_NK[given_N == k, k], 0.25) if (given_N == k).any() else 2.0 for k in classes])
    confident = np.where(shares_NK >= limits, shares_NK, -1.0)
    preferred = confident.argmax(axis=1)
    own = shares_NK[np.arange(len(given_N)), given_N]
    best = confident.max(axis=1)
    doubted = (best >= LEAST_OTHER) & (preferred != given_N) & (own < LEAST_SHARE)
    return doubted, preferred


def mean_auc(shares_NK: Floats, given_N: Ints) -> float:
    """Area under the ROC curve of each class against all others, mean over the classes that are there."""
    areas = []
    for k in np.unique(given_N):
        ours, theirs = shares_NK[given_N == k, k], shares_NK[given_N != k, k]
        ranks = np.searchsorted(np.sort(theirs), ours, "left") + np.searchsorted(np.sort(theirs), ours, "right")
        areas.append(float(ranks.mean()) / 2 / len(theirs))
    return float(np.mean(areas))


def _numbers(cohort: Cohort, samples: Mapping[str, Coarse], names: list[str], seed: int) -> Suspicious:
    task = cohort.dataset.task
    features = np.stack([np.concatenate(features_of(samples[name].image)) for name in names])
    patients = [cohort.by_id[name].patient for name in names]
    suspects: list[Suspect] = []
    qualities: list[float] = []
    for at, quantity in enumerate(task.quantities):
        targets = [cohort.by_id[name].target for name in names]
        values = np.array([_number(target, at) for target in targets])
        known = np.isfinite(values)
        if known.sum() < LEAST_CASES or values[known].std() == 0:
            continue
        home = folds_of([0] * int(known.sum()), [one for one, ok in zip(patients, known, strict=True) if ok], seed=seed)
        truth = values[known]
        answers = number_answers(features[known], truth, home)
        qualities.append(float(1 - np.square(truth - answers).sum() / np.square(truth - truth.mean()).sum()))
        if qualities[-1] <= 0:
            continue
        distance = robust_distance(truth - answers)
        large = np.abs(truth - answers) > truth.std() / 2
        for row in np.flatnonzero((np.abs(distance) > FAR) & large):
            name = names[np.flatnonzero(known)[row]]
            said = f"{quantity} {answers[row]:.3g}"
            suspects.append(
                Suspect(
                    case=name, labelled=f"{quantity} {truth[row]:.3g}", answered=said, score=abs(float(distance[row]))
                )
            )
    if not qualities:
        return Suspicious(measure="R²", judged=len(names))
    return _told(suspects, "suspicious-number", "R²", max(qualities), 0.0, len(names))


def _number(target: object, at: int) -> float:
    value = target.numbers[at] if isinstance(target, Quantities) else None
    return np.nan if value is None else float(value)


def robust_distance(values: Floats) -> Floats:
    """How many robust standard deviations each value lies from the median; zeros where over half are equal."""
    is_spread = np.median(np.abs(values - np.median(values))) > 0
    return in_spreads(values) if is_spread else np.zeros_like(values)


def _masks(cohort: Cohort, samples: Mapping[str, Coarse], names: list[str], seed: int) -> Suspicious:
    task = cohort.dataset.task
    images = np.stack([samples[name].image for name in names])
    codes = np.stack([code for name in names if (code := samples[name].codes) is not None])
    known = np.array([np.count_nonzero((code > 0) & (code != IGNORE)) for code in codes])
    home = folds_of((known > 0).astype(int), [cohort.by_id[name].patient for name in names], seed=seed)
    answers, sureness = mask_answers(images, codes, home, seed=seed)
    problem = Segmentation(task)
    members = {r.name: [problem.codes[value] for value in r.values if value in problem.codes] for r in task.regions}
    overlap = np.array(
        [[dice(truth, answer, held) for held in members.values()] for truth, answer in zip(codes, answers, strict=True)]
    )
    kept = _well_answered(overlap)
    overlap, regions = overlap[:, kept], [name for name, keeps in zip(members, kept, strict=True) if keeps]
    mean = np.array([row[np.isfinite(row)].mean() if np.isfinite(row).any() else np.nan for row in overlap])
    judged = np.isfinite(mean)
    if judged.sum() < LEAST_CASES:
        return Suspicious(measure="Dice", judged=len(names))
    quality = float(np.median(mean[judged]))
    distance = np.zeros(len(names))
    distance[judged] = robust_distance(mean[judged])
    usual = np.quantile(sureness[judged], 0.05)
    sizes = np.array([np.count_nonzero(answer) for answer in answers])
    plausible = (sureness >= usual) & (sizes >= np.quantile(known[known > 0], 0.05) / 2)
    suspects = [
        Suspect(
            case=names[at],
            labelled=_worst_region(overlap[at], regions),
            answered=f"overlap {mean[at]:.2f}, others {quality:.2f}",
            score=-float(distance[at]),
        )
        for at in np.flatnonzero((distance < -FAR_OVERLAP) & (mean < quality - LEAST_DROP) & plausible)
    ]
    return _told(suspects, "suspicious-mask", "Dice", quality, ENOUGH_DICE, len(names))


def _well_answered(overlap: Floats) -> Bools:
    """Which regions (columns) the model answers well in half of the cases: doubts about others are its own. All if none."""
    known = np.isfinite(overlap)
    middle = np.array([np.median(column[ok]) if ok.any() else 0 for column, ok in zip(overlap.T, known.T, strict=True)])
    well = middle >= ENOUGH_DICE
    return well if well.any() else np.ones_like(well)


def dice(truth: Array, answer: Array, codes: list[int]) -> float:
    """Overlap of a region's codes; NaN where both are empty."""
    one, other = np.isin(truth, codes), np.isin(answer, codes)
    total = np.count_nonzero(one) + np.count_nonzero(other)
    return 2 * np.count_nonzero(one & other) / total if total else float("nan")


def _worst_region(row: Floats, regions: list[str]) -> str:
    return regions[int(np.nanargmin(row))]


def _told(suspects: list[Suspect], code: str, measure: str, quality: float, enough: float, judged: int) -> Suspicious:
    ranked = sorted(suspects, key=lambda one: (-one.score, one.case)) if quality >= enough else []
    if not ranked:
        return Suspicious(measure=measure, quality=quality, enough=quality >= enough, judged=judged)
    first = ranked[0]
    fault = Fault(
        code=code,
        severity="warning",
        cases=tuple(dict.fromkeys(one.case for one in ranked))[:SHOWN],
        found=f"{len(ranked)} of {judged} labels that a quick model which has not seen them disagrees with ({measure} of the "
        f"model {quality:.2f}), first {first.case}: labelled {first.labelled}, answered {first.answered}",
        action="Look at these cases first; correct the label, or leave it if the case is a rare one.",
        numbers={"suspects": float(len(ranked)), "judged": float(judged), "quality": quality},
    )
    return Suspicious(
        measure=measure, quality=quality, enough=True, judged=judged, suspects=tuple(ranked), faults=(fault,)
    )

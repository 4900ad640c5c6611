"""Whether two models find boxes differently well in the same cases. The patient is the unit, as everywhere.

The interval of a difference of average precisions lies between percentiles of draws of the patients, the same for both models.
Among them are two more patients, each with half the true boxes of the mean one and found by one model alone
(`matched.Stray`), so that two models without a fault are not proven equal by few cases.

p is that of a permutation test: if the models do not differ, then what they found in a patient could as well be exchanged.
Whole patients are exchanged, the ranks of boxes with them and not their scores, which two models may have on different scales.

Of 200 simulated pairs of models on one class (normal scores, partly shared; 400 draws) the interval held the true difference,
and p was under 0.05, in

    patients    lesions each    AP50 of the two    held       p < 0.05
    10          2               0.76  0.76         99.0 %     5.5 %
    20          2               0.76  0.76         97.5 %     5.0 %
    20          2               0.97  0.97         100  %     3.0 %
    40          1.5             0.99  0.99         100  %     0.5 %
    50          1.5             0.43  0.43         94.0 %     6.0 %
    72          4               0.6   0.6          97.0 %     4.5 %
    72          4               0.6   0.67         96.5 %     44.5 %
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from scanwright.errors import UsageError
from scanwright.evaluation.boxes.box_matching import COCO_MOST
from scanwright.evaluation.boxes.detected import DetectedCase
from scanwright.evaluation.boxes.detection_measures import SAMPLES
from scanwright.evaluation.boxes.detection_precision import RankedBoxes, in_blocks
from scanwright.evaluation.boxes.matched import MatchedCase, Stray, match_cases
from scanwright.evaluation.classes.confusion import mean_defined
from scanwright.evaluation.intervals.bootstrap import Interval, draw_counts, number_patients, percentile_interval
from scanwright.evaluation.intervals.statistics import EXACT_PATIENTS, MIN_PATIENTS, MIN_TESTED, holm
from scanwright.runtime import generator
from scanwright.types import Floats, Ints

AT_50 = slice(1)  # the first of COCO_LIMITS
FOUND = Stray(true=0.5, hits=0.5, false=0.0)
MISSED = Stray(true=0.5, hits=0.0, false=0.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class PrecisionDifference:
    """First less second average precision at an IoU of 0.5, of a class or in the mean over classes, in [-1, 1].

    value: None without a true box. interval (95 %): None under 5 patients with a true box of a class that occurs. wide: the
    same at the level that was asked for. p (two-sided): None under 3.
    """

    value: float | None
    interval: Interval | None
    p: float | None
    wide: Interval | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class DetectionComparison:
    """First less second model: mean over the classes that occur, and each class by its code."""

    map50: PrecisionDifference
    by_class: tuple[PrecisionDifference, ...]


def compare_detections(
    first: Sequence[DetectedCase],
    second: Sequence[DetectedCase],
    *,
    num_classes: int,
    most: int = COCO_MOST,
    seed: int = 0,
    samples: int = SAMPLES,
    level: float = 0.95,
) -> DetectionComparison:
    """Two models on the same cases in the same order. most: found boxes of an image and class that are looked at. level: of
    `PrecisionDifference.wide`.

    Up to 13 patients the permutation test takes all exchanges; above, `samples` random ones, and p = (1 + as extreme) /
    (1 + samples), as in statistics.py.
    Raises UsageError if cases, patients or true boxes differ, without cases, or if a box is of no class.
    """
    if len(first) != len(second) or not all(map(_is_same, first, second)):
        raise UsageError("models are compared on the same cases, in the same order")
    one, other = (match_cases(rows, num_classes=num_classes, most=most) for rows in (first, second))
    owners = number_patients([row.patient for row in first], len(first))
    size = int(owners.max()) + 1
    plain, rival = _rank(one, owners, num_classes), _rank(other, owners, num_classes)
    value = _differences(plain, rival, np.ones((1, size)), np.ones((1, size)))[0]
    drawn = _drawn(
        _rank(one, owners, num_classes, strays=(FOUND, MISSED)),
        _rank(other, owners, num_classes, strays=(MISSED, FOUND)),
        draw_counts(size + 2, seed=seed, samples=samples),
    )
    permuted = _permuted(plain, rival, _exchanges(size, seed=seed, samples=samples))
    patients = [int(np.count_nonzero(ranked.true)) for ranked in plain]
    fewest = [*patients, min((number for number in patients if number), default=0)]
    found = [
        _difference(
            value[k],
            drawn[:, k],
            permuted[:, k],
            fewest=fewest[k],
            num_patients=size,
            exact=size <= EXACT_PATIENTS,
            level=level,
        )
        for k in range(num_classes + 1)
    ]
    return DetectionComparison(map50=found[-1], by_class=tuple(found[:-1]))


def compare_detections_with_best(
    models: Mapping[str, Sequence[DetectedCase]],
    best: str,
    *,
    num_classes: int,
    most: int = COCO_MOST,
    seed: int = 0,
    samples: int = SAMPLES,
) -> dict[str, DetectionComparison]:
    """Each other model against one (the other less the best), p-values corrected for their number by Holm (1979).

    The mean and each class are a family of their own. Raises UsageError if the best is none of the models, or cases differ.
    """
    if best not in models:
        raise UsageError("no such model", expected=", ".join(models), found=best)
    found = {
        name: compare_detections(rows, models[best], num_classes=num_classes, most=most, seed=seed, samples=samples)
        for name, rows in models.items()
        if name != best
    }
    means = holm([one.map50.p for one in found.values()])
    classes = [holm([one.by_class[code].p for one in found.values()]) for code in range(num_classes)]
    return {
        name: DetectionComparison(
            map50=replace(one.map50, p=means[k]),
            by_class=tuple(replace(part, p=ps[k]) for part, ps in zip(one.by_class, classes, strict=True)),
        )
        for k, (name, one) in enumerate(found.items())
    }


def _is_same(first: DetectedCase, second: DetectedCase) -> bool:
    arrays = ("true", "true_codes", "ignored")
    return (first.case, first.patient) == (second.case, second.patient) and all(
        np.array_equal(getattr(first, name), getattr(second, name)) for name in arrays
    )


def _rank(
    cases: Sequence[MatchedCase], owners: Ints, num_classes: int, *, strays: Sequence[Stray] = ()
) -> list[RankedBoxes]:
    return [RankedBoxes.of(cases, owners, code=code, strays=strays) for code in range(num_classes)]


def _differences(first: Sequence[RankedBoxes], second: Sequence[RankedBoxes], counts: Floats, others: Floats) -> Floats:
    """First less second AP50 of each class, and the mean over those that occur, (draws, K + 1).

    counts, others (draws, P): weights of the patients for the first and for the second model.
    """
    columns = [
        one.average_precision(counts, limits=AT_50)[:, 0] - other.average_precision(others, limits=AT_50)[:, 0]
        for one, other in zip(first, second, strict=True)
    ]
    each = np.stack(columns, axis=1)
    return np.concatenate([each, mean_defined(each)[:, None]], axis=1)


def _drawn(first: Sequence[RankedBoxes], second: Sequence[RankedBoxes], draws: Iterable[Floats]) -> Floats:
    """The differences in draws of the patients, the same for both models, (draws, K + 1)."""
    blocks = in_blocks(draws, entries=max(len(ranked.owners) for ranked in (*first, *second)))
    nothing = np.empty((0, len(first) + 1))
    return np.concatenate([nothing, *(_differences(first, second, counts, counts) for counts in blocks)])


def _permuted(first: Sequence[RankedBoxes], second: Sequence[RankedBoxes], kept: Floats) -> Floats:
    """The differences after some patients were exchanged, (rows, K + 1); kept (rows, P): 1 for those that were not, else 0."""
    pooled = [_pool(one, other) for one, other in zip(first, second, strict=True)]
    entries = max(len(ranked.owners) for ranked in pooled)
    blocks = ((np.concatenate([k, 1 - k], axis=1), 1 - k) for k in in_blocks([kept], entries=entries))
    return np.concatenate([
        _differences(pooled, pooled, own, np.concatenate([lost, 1 - lost], axis=1)) for own, lost in blocks
    ])  # fmt: skip


def _pool(first: RankedBoxes, second: RankedBoxes) -> RankedBoxes:
    """The boxes of both models in one order, by their rank among those of their own model; the second has its own patients."""
    order = np.argsort(np.concatenate([np.arange(len(one.owners)) for one in (first, second)]), kind="stable")
    return RankedBoxes(
        owners=np.concatenate([first.owners, len(first.true) + second.owners])[order],
        weights=np.concatenate([first.weights, second.weights])[order],
        hit=np.concatenate([first.hit, second.hit], axis=1)[:, order],
        neither=np.concatenate([first.neither, second.neither], axis=1)[:, order],
        true=np.concatenate([first.true, second.true]),
        hits_among=np.concatenate([first.hits_among, second.hits_among]),
    )


def _exchanges(num_patients: int, *, seed: int, samples: int) -> Floats:
    """Which patients each model keeps, (rows, P), 1 or 0: every way where they are few, else random ones."""
    if num_patients <= EXACT_PATIENTS:
        return (np.arange(2**num_patients)[:, None] >> np.arange(num_patients) & 1).astype(float)
    return generator(seed, 1).integers(2, size=(samples, num_patients)).astype(float)


def _difference(
    value: float, drawn: Floats, permuted: Floats, *, fewest: int, num_patients: int, exact: bool, level: float
) -> PrecisionDifference:
    if not np.isfinite(value):
        return PrecisionDifference(value=None, interval=None, p=None)
    extreme = int(np.count_nonzero(np.abs(permuted) >= abs(value) - 1e-12))
    enough = fewest >= MIN_PATIENTS and len(drawn) > 0
    interval, wide = (
        percentile_interval(drawn, float(value), num_patients=num_patients, level=one) if enough else None
        for one in (0.95, level)
    )
    return PrecisionDifference(
        value=float(value),
        interval=interval,
        wide=wide,
        p=None if fewest < MIN_TESTED else (extreme + (not exact)) / (len(permuted) + (not exact)),
    )

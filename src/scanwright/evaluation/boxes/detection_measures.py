"""Every measure of found boxes on a set of cases, with 95 % intervals by patient.

    overall        of each class    what
    map50 map75    ap50 ap75        average precision at an IoU of 0.5, of 0.75 (detection_precision.py)
    map5095        ap5095           its mean over ten limits, 0.5 to 0.95
    ar1 ar10 ar100 the same         share found, in the mean over these limits, by so many boxes an image
    froc           froc             mean sensitivity at seven rates of false positives (froc.py)
    sensitivity_at_0.125fp … _8fp   sensitivity at each of these rates
    map5095_small  ap5095_small     of boxes of a size alone, also ar100_small; likewise for each group (box_sizes.py)
                   sensitivity precision f1                       at the threshold of the class
                   true_boxes hits misses false_positives         numbers of boxes there, without intervals

Overall is the mean over the classes that occur. "n" counts cases, "n_defined" those with a true box of the class (precision:
with a found one that is a hit or a false positive).

Sensitivity and precision are shares and have Wilson's interval (proportion.py). All else is resampled: the interval lies
between percentiles of draws of patients, among them one that is found by halves (`matched.Stray`): else few cases without an
error would be proof that there are none. Of 400 simulated studies of one class (400 draws; normal scores, and some
patients harder than others) this many held the true value, and this many made by BCa without such a patient:

    patients    lesions each    true AP50    AP50     BCa       true FROC    FROC     BCa
    10          2               0.76         97.5 %   94.0 %    0.75         97.2 %   94.0 %
    20          2               0.97         96.2 %   81.0 %    0.97         96.2 %   87.5 %
    40          1.5             0.99         98.5 %   48.0 %    0.99         98.5 %   46.8 %
    50          1.5             0.43         96.2 %   96.0 %    0.51         95.5 %   95.2 %
    72          4               0.07         95.0 %   93.8 %    0.10         95.0 %   92.0 %
    72          12              0.64         92.0 %   93.2 %    0.38         93.8 %   94.2 %
    200         3               0.94         94.2 %   94.5 %    0.94         94.8 %   94.8 %
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scanwright.evaluation.boxes.detected import Thresholds, thresholds_by_class
from scanwright.evaluation.boxes.detection_columns import FIRSTS, columns_of
from scanwright.evaluation.boxes.detection_operating import f1_of, totals_at
from scanwright.evaluation.boxes.detection_precision import RankedBoxes, in_blocks
from scanwright.evaluation.boxes.froc import RankedLesions
from scanwright.evaluation.boxes.matched import BY_HALVES, MatchedCase
from scanwright.evaluation.classes.confusion import mean_defined
from scanwright.evaluation.intervals.bootstrap import (
    Estimate,
    Measures,
    draw_counts,
    number_patients,
    percentile_interval,
    totals_by_patient,
)
from scanwright.evaluation.intervals.proportion import share_interval
from scanwright.evaluation.intervals.statistics import MIN_PATIENTS
from scanwright.files import finite_or_none
from scanwright.types import Bools, Floats, Ints

SAMPLES = 2_000
"""Draws: each sums up all found boxes anew."""
LIMIT_75 = 5  # the place of 0.75 among COCO_LIMITS
COUNTED = ("true_boxes", "hits", "misses", "false_positives")


def measure_detections(
    cases: Sequence[MatchedCase],
    *,
    num_classes: int,
    thresholds: Thresholds | None = None,
    size_names: Sequence[str] = (),
    seed: int = 0,
    samples: int = SAMPLES,
) -> tuple[Measures, list[Measures]]:
    """All measures of all classes together, and of each class.

    thresholds: None for those that the cases hold. size_names: as many as there are groups of sizes in the matching.
    samples: draws of the bootstrap; 0 for values without intervals. Intervals are None under 5 patients with a true box of a
    class (and size) that occurs, of a precision under 5 with a found one. The same arguments give the same numbers.

    72 images with 100 found boxes of each of three classes, with groups of sizes, take 0.8 s for 1,000 draws on one core.
    Raises UsageError as `thresholds_by_class` does.
    """
    columns = columns_of(size_names)
    owners = number_patients([case.patient for case in cases], len(cases))
    each = thresholds_by_class(cases, thresholds, num_classes)
    scores = [
        _ClassScores.of(cases, owners, code=code, num_sizes=1 + len(size_names), thresholds=own)
        for code, own in enumerate(each)
    ]
    size = int(owners.max()) + 1
    value = _values(scores, np.append(np.ones(size), 0.0)[None])[0]
    blocks = in_blocks(
        draw_counts(size + 1, seed=seed, samples=samples), entries=max(one.num_entries for one in scores)
    )
    drawn = np.concatenate([np.empty((0, *value.shape)), *(_values(scores, counts) for counts in blocks)])
    overall: Measures = {}
    by_class: list[Measures] = [{} for _ in scores]
    for place, column in enumerate(columns):
        there = np.stack([one.has_true[column.size] for one in scores])  # (K, N)
        patients = [len(np.unique(owners[row])) for row in there]
        for found, one, draws, row, few in zip(by_class, value, drawn.swapaxes(0, 1), there, patients, strict=True):
            found[column.of_class] = _estimate(one[place], draws[:, place], row, fewest=few, num_patients=size)
        if column.overall is not None:
            mean, means = float(mean_defined(value[:, place])), mean_defined(drawn[:, :, place])
            few = min((number for number in patients if number), default=0)
            anywhere = np.logical_or.reduce(there)
            overall[column.overall] = _estimate(mean, means, anywhere, fewest=few, num_patients=size)
    for found, one in zip(by_class, scores, strict=True):
        f1 = found.pop("f1")  # stands after what it is made of
        found |= _shares(one, owners, with_interval=samples > 0) | {"f1": f1} | _numbers(one)
    return overall, by_class


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _ClassScores:
    """What the measures of one class are made of, patients' weights apart; with a stray patient, the last.

    has_true (G, N): whether a case has a true box that counts, of all sizes and of each group. totals (N, 3): hits, misses and
    false positives at the threshold; None without one.
    """

    by_size: tuple[RankedBoxes, ...]
    lesions: RankedLesions
    has_true: Bools
    totals: Floats | None
    by_patient: Floats | None

    @classmethod
    def of(
        cls,
        cases: Sequence[MatchedCase],
        owners: Ints,
        *,
        code: int,
        num_sizes: int,
        thresholds: Sequence[float] | None,
    ) -> "_ClassScores":
        totals = None if thresholds is None else totals_at(cases, thresholds, code=code)
        return cls(
            by_size=tuple(
                RankedBoxes.of(cases, owners, code=code, size=size, strays=(BY_HALVES,)) for size in range(num_sizes)
            ),
            lesions=RankedLesions.of(cases, owners, code=code, strays=(BY_HALVES,)),
            has_true=np.array(
                [[case.classes[code].by_size[g].num_true > 0 for case in cases] for g in range(num_sizes)]
            ),
            totals=totals,
            by_patient=None if totals is None else _with_stray(totals_by_patient(totals, owners)),
        )

    @property
    def num_entries(self) -> int:
        """The most numbers that one draw needs at once."""
        return max(len(self.by_size[0].owners), len(self.lesions.false_owners), len(self.lesions.lesion_owners))

    def values(self, counts: Floats) -> Floats:
        """The columns of `columns_of` (draws, M), NaN for "not defined"; counts (draws, P + 1)."""
        whole = self.by_size[0]
        precision, sensitivity = whole.average_precision(counts), self.lesions.sensitivity_at(counts)
        found = [precision[:, 0], precision.mean(axis=1), precision[:, LIMIT_75]]
        found += [sensitivity.mean(axis=1), *sensitivity.T, *whole.recall(counts).T]
        for ranked in self.by_size[1:]:
            found += [ranked.average_precision(counts).mean(axis=1), ranked.recall(counts)[:, FIRSTS.index(100)]]
        undefined = np.full(len(counts), np.nan)
        found.append(undefined if self.by_patient is None else f1_of(counts @ self.by_patient))
        return np.stack(found, axis=1)


def _with_stray(totals_P3: Floats) -> Floats:
    """Totals with those of the stray patient, the last."""
    true = totals_P3[:, :2].sum(axis=1)
    mean = float(true.sum()) / max(int(np.count_nonzero(true)), 1)
    stray = BY_HALVES.hits, BY_HALVES.true - BY_HALVES.hits, BY_HALVES.false
    return np.concatenate([totals_P3, mean * np.array([stray])])


def _values(scores: Sequence[_ClassScores], counts: Floats) -> Floats:
    return np.stack([one.values(counts) for one in scores], axis=1)


def _estimate(value: float, drawn: Floats, has_true: Bools, *, fewest: int, num_patients: int) -> Estimate:
    """A value with the interval of its draws. has_true (N,): cases that it is of."""
    is_defined = bool(np.isfinite(value))
    enough = is_defined and len(drawn) > 0 and fewest >= MIN_PATIENTS
    return Estimate(
        value=finite_or_none(value),
        interval=percentile_interval(drawn, float(value), num_patients=num_patients) if enough else None,
        n=len(has_true),
        n_defined=int(has_true.sum()) if is_defined else 0,
    )


def _shares(scores: _ClassScores, owners: Ints, *, with_interval: bool) -> Measures:
    """Sensitivity and precision at the threshold. A precision of nothing found is 0 if there was something to find."""
    cases = len(owners)
    if scores.totals is None:
        return dict.fromkeys(("sensitivity", "precision"), Estimate(value=None, interval=None, n=cases, n_defined=0))
    hits, misses, false = scores.totals.T
    found = {}
    for name, of in (("sensitivity", hits + misses), ("precision", hits + false)):
        by_patient = totals_by_patient(np.stack([hits, of], axis=1), owners)
        reach = share_interval(*by_patient.T, fewest=MIN_PATIENTS) if with_interval else None
        nothing = 0.0 if name == "precision" and misses.any() else None
        value = float(hits.sum() / of.sum()) if of.any() else nothing
        found[name] = Estimate(value=value, interval=reach, n=cases, n_defined=int(np.count_nonzero(of)))
    return found


def _numbers(scores: _ClassScores) -> Measures:
    """COUNTED: how many boxes of all cases; those that a threshold makes are None without one."""
    cases = len(scores.has_true[0])
    true = int(scores.by_size[0].true[:-1].sum())
    counts = [None] * 3 if scores.totals is None else scores.totals.sum(axis=0).tolist()
    return {
        name: Estimate(value=value, interval=None, n=cases, n_defined=0 if value is None else cases)
        for name, value in zip(COUNTED, (true, *counts), strict=True)
    }

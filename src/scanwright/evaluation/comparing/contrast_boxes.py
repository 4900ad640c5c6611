"""Average precision of found boxes as a measure to be compared, of one class or in the mean over those that occur.

The permutation test of detection_comparison.py decides: it exchanges what the two models found, whole patients at a time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from scanwright.evaluation.boxes.detected import DetectedCase
from scanwright.evaluation.boxes.detection_precision import RankedBoxes, in_blocks
from scanwright.evaluation.boxes.matched import match_cases
from scanwright.evaluation.classes.confusion import mean_defined
from scanwright.evaluation.comparing.contrast import PERMUTATION, Better, Contrast
from scanwright.evaluation.comparing.detection_comparison import AT_50, DetectionComparison, compare_detections
from scanwright.evaluation.intervals.bootstrap import number_patients
from scanwright.types import Bools, Floats, Ints

DRAWS = 2_000
"""Exchanges, and draws of the patients: as many as the intervals of detection_measures.py rest on."""


class Found:
    """What models found in the same cases, matched once for all measures. rows: of each model, in the same order."""

    def __init__(self, rows: Mapping[str, Sequence[DetectedCase]], *, num_classes: int) -> None:
        self.rows, self.num_classes = rows, num_classes
        self.first = next(iter(rows.values()))
        self.owners = number_patients([row.patient for row in self.first], len(self.first))
        self._compared: dict[tuple[str, str, float, int, int], DetectionComparison] = {}

    @cached_property
    def ranked(self) -> dict[str, list[RankedBoxes]]:
        """The boxes of each class by model; every case counts as a patient, so that weights are of cases."""
        cases = np.arange(len(self.first))
        return {
            name: [RankedBoxes.of(matched, cases, code=code) for code in range(self.num_classes)]
            for name, rows in self.rows.items()
            for matched in [match_cases(rows, num_classes=self.num_classes)]
        }

    def compared(self, first: str, second: str, *, level: float, seed: int, samples: int) -> DetectionComparison:
        """Two models in every class; what was compared once is remembered."""
        key = (first, second, level, seed, samples)
        if key not in self._compared:
            self._compared[key] = compare_detections(
                self.rows[first],
                self.rows[second],
                num_classes=self.num_classes,
                seed=seed,
                samples=min(samples, DRAWS),
                level=level,
            )
        return self._compared[key]


@dataclass(frozen=True, eq=False)
class Precisions:
    """AP50 of one class, by its code, or of all that occur (mAP50)."""

    found: Found
    code: int | None = None
    part: str = ""
    better: Better = "higher"

    @property
    def metric(self) -> str:
        """The name in metrics.json."""
        return "map50" if self.code is None else "ap50"

    @property
    def models(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(self.found.rows)

    @property
    def owners(self) -> Ints:
        """The patient of each case."""
        return self.found.owners

    @property
    def codes(self) -> Sequence[int]:
        """The classes that it is of."""
        return range(self.found.num_classes) if self.code is None else (self.code,)

    @property
    def counted(self) -> Bools:
        """Cases with a true box, without which no precision is defined."""
        ranked = next(iter(self.found.ranked.values()))
        there: Bools = np.any([ranked[code].true > 0 for code in self.codes], axis=0)
        return there

    @property
    def sides(self) -> Ints:
        """Cases with true boxes stay apart from those without."""
        return self.counted.astype(int)

    def values(self, weights_DN: Floats) -> Floats:
        """(D, M)."""
        return np.stack([self._of(ranked, weights_DN) for ranked in self.found.ranked.values()], axis=1)

    def _of(self, ranked: Sequence[RankedBoxes], weights_DN: Floats) -> Floats:
        entries = max(len(one.owners) for one in ranked) or 1
        parts = [
            mean_defined(
                np.stack([ranked[code].average_precision(block, limits=AT_50)[:, 0] for code in self.codes], axis=1)
            )
            for block in in_blocks([weights_DN], entries=entries)
        ]
        return np.concatenate(parts)

    def errors(self, weights_DN: Floats) -> None:
        """None: precision at a recall is no sum over patients."""

    def pair(self, first: str, second: str, *, level: float, seed: int, samples: int) -> Contrast:
        """First less second."""
        compared = self.found.compared(first, second, level=level, seed=seed, samples=samples)
        one = compared.map50 if self.code is None else compared.by_class[self.code]
        return Contrast(
            value=one.value,
            interval=one.interval,
            wide=one.wide,
            p={PERMUTATION: one.p},
            n=len(self.owners),
            n_patients=len(np.unique(self.owners)),
        )

"""By what models that find boxes are compared, and how their judged cases are kept."""

from collections.abc import Mapping, Sequence
from typing import Any

from scanwright.evaluation.boxes.detected import DetectedCase, count_boxes
from scanwright.evaluation.comparing.contrast import Measurable, Measured
from scanwright.evaluation.comparing.contrast_boxes import Found, Precisions
from scanwright.evaluation.comparing.contrast_means import CaseMeans, case_means
from scanwright.evaluation.summaries.kept_rows import detected_from_plain, detected_to_plain
from scanwright.types import JSON


class ComparedBoxes:
    """Mixed into a problem whose rows are `DetectedCase`."""

    truths: tuple[str, ...] = ("true", "true_codes", "ignored")
    """What of a row holds the truth."""

    @property
    def parts(self) -> tuple[str, ...]:
        """The classes."""
        raise NotImplementedError

    def kept(self, row: DetectedCase) -> dict[str, JSON]:
        """A row as plain data."""
        return detected_to_plain(row)

    def row_of(self, data: Mapping[str, Any]) -> DetectedCase:
        """The same back."""
        return detected_from_plain(data)

    def measurable(self, rows: Mapping[str, Sequence[DetectedCase]]) -> Measurable:
        """mAP50; then of each class AP50, and by the scores from which on boxes are told the share found and the false ones."""
        found = Found(rows, num_classes=len(self.parts))
        several = len(self.parts) > 1
        measures: list[Measured] = [Precisions(found)]
        for code, name in enumerate(self.parts):
            part = name if several else ""
            measures += [Precisions(found, code, part=part)] if several else []
            measures += _told(rows, code, part=part)
        return Measurable.of_rows(found.first, measures)


def _told(rows: Mapping[str, Sequence[DetectedCase]], code: int, *, part: str) -> list[CaseMeans]:
    """What boxes that are told are worth; [] where some row has no score from which on they are."""
    if not all(row.thresholds for of in rows.values() for row in of):
        return []
    counts = {name: [count_boxes(row, code, threshold=row.thresholds[code]) for row in of] for name, of in rows.items()}
    first = next(iter(rows.values()))
    patients, true = [row.patient for row in first], [one.true for one in next(iter(counts.values()))]
    shares = {name: [one.hits / one.true if one.true else None for one in of] for name, of in counts.items()}
    false = {name: [float(one.false_positives) for one in of] for name, of in counts.items()}
    return [
        case_means("sensitivity", shares, patients, better="higher", part=part, is_ranked=False, sizes=true),
        case_means("false_positives", false, patients, better="lower", part=part),
    ]

"""By what models that estimate quantities are compared, and how their judged cases are kept."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from scanwright.dataset.task import Task
from scanwright.evaluation.cases.judged import MeasuredCase
from scanwright.evaluation.comparing.contrast import Measurable
from scanwright.evaluation.comparing.contrast_means import CaseMeans, case_means
from scanwright.evaluation.summaries.kept_rows import measured_from_plain, measured_to_plain
from scanwright.types import JSON, Floats


class ComparedNumbers:
    """Mixed into a problem whose rows are `MeasuredCase`."""

    task: Task
    truths: tuple[str, ...] = ("truth",)
    """What of a row holds the truth."""

    def kept(self, row: MeasuredCase) -> dict[str, JSON]:
        """A row as plain data."""
        return measured_to_plain(row)

    def row_of(self, data: Mapping[str, Any]) -> MeasuredCase:
        """The same back."""
        return measured_from_plain(data)

    def measurable(self, rows: Mapping[str, Sequence[MeasuredCase]]) -> Measurable:
        """The mean absolute error and the bias of each quantity. Of several quantities, which may have different units, first
        the share of their variance that is explained (R²), in the mean over quantities.
        """
        first = next(iter(rows.values()))
        patients = [row.patient for row in first]
        truth = _table([row.truth for row in first])
        errors = {name: _table([row.predicted for row in of]) - truth for name, of in rows.items()}
        several = len(self.task.quantities) > 1
        measures = [_explained(errors, truth, patients)] if several else []
        for place, quantity in enumerate(self.task.quantities):
            part = quantity if several else ""
            absolute = {name: np.abs(of[:, place]) for name, of in errors.items()}
            signed = {name: of[:, place] for name, of in errors.items()}
            measures.append(case_means("mae", absolute, patients, better="lower", part=part))
            measures.append(case_means("bias", signed, patients, better="zero", part=part))
        return Measurable.of_rows(first, measures)


def _explained(errors: Mapping[str, Floats], truth: Floats, patients: Sequence[str]) -> CaseMeans:
    """R² as a mean over cases: 1 less the squared errors in variances of the truth. As it is defined where all is known."""
    variance = np.nanvar(truth, axis=0)
    varied = variance > 0
    scores = {
        name: 1 - np.square(of[:, varied] / np.sqrt(variance[varied])).mean(axis=1)
        if varied.any()
        else of[:, 0] * np.nan
        for name, of in errors.items()
    }
    return case_means("r2", scores, patients, better="higher")


def _table(rows: Sequence[Sequence[float | None]]) -> Floats:
    return np.array([[np.nan if value is None else value for value in row] for row in rows], np.float64)

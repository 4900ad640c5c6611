"""A judged case of a model that learns what is normal: by what such models are compared, and how it is kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scanwright.evaluation.cases.judged import ClassifiedCase, answers_of
from scanwright.evaluation.comparing.contrast import Measurable
from scanwright.evaluation.label_maps.lesions import Lesions
from scanwright.evaluation.summaries.kept_rows import (
    classified_parts,
    classified_to_plain,
    lesions_from_plain,
    lesions_to_plain,
)
from scanwright.problem.classes.compared import class_measures
from scanwright.problem.label_maps.compared import lesion_measures
from scanwright.types import JSON


@dataclass(frozen=True, kw_only=True, slots=True)
class AnomalyCase(ClassifiedCase):
    """A case with what was found in it, where somebody has outlined what there is."""

    lesions: Mapping[str, Lesions]


class ComparedNormal:
    """Mixed into a problem whose rows are `AnomalyCase`."""

    truths: tuple[str, ...] = ("truth",)
    """What of a row holds the truth."""

    def kept(self, row: AnomalyCase) -> dict[str, JSON]:
        """A row as plain data."""
        return {**classified_to_plain(row), **lesions_to_plain(row.lesions)}

    def row_of(self, data: Mapping[str, Any]) -> AnomalyCase:
        """The same back."""
        return AnomalyCase(**classified_parts(data), lesions=lesions_from_plain(data))

    def measurable(self, rows: Mapping[str, Sequence[AnomalyCase]]) -> Measurable:
        """As of two classes, without what asks for probabilities; then findings."""
        first = next(iter(rows.values()))
        answers = {name: answers_of(of, choice="one") for name, of in rows.items()}
        lesions = {name: [row.lesions for row in of] for name, of in rows.items()}
        measures = class_measures(answers, (), probable=False)
        measures += lesion_measures(lesions, [row.patient for row in first])
        return Measurable.of_rows(first, measures)

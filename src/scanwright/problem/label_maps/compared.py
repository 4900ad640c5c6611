"""By what models of label maps are compared, and how their judged cases are kept."""

from collections.abc import Mapping, Sequence
from typing import Any

from scanwright.evaluation.comparing.contrast import Better, Measurable
from scanwright.evaluation.comparing.contrast_means import CaseMeans, case_means
from scanwright.evaluation.label_maps.evaluate import CaseRow, region_means
from scanwright.evaluation.label_maps.lesions import Lesions
from scanwright.evaluation.summaries.kept_rows import scored_from_plain, scored_to_plain
from scanwright.report.notation import metric
from scanwright.types import JSON

COMPARED = ("dice", "nsd", "hd95", "volume_error", "area_error", "sensitivity", "precision")
"""The measures by their names without a unit; the others say what one of these says."""
OF_PARTS = ("dice", "nsd", "hd95")


class ComparedMaps:
    """Mixed into a problem whose rows are `CaseRow`."""

    primary: str

    @property
    def parts(self) -> tuple[str, ...]:
        """The regions."""
        raise NotImplementedError

    truths: tuple[str, ...] = ()
    """What of a row holds the truth: nothing; a label map is known by its hash."""

    def kept(self, row: CaseRow) -> dict[str, JSON]:
        """A row as plain data."""
        return scored_to_plain(row)

    def row_of(self, data: Mapping[str, Any]) -> CaseRow:
        """The same back."""
        return scored_from_plain(data)

    def measurable(self, rows: Mapping[str, Sequence[CaseRow]]) -> Measurable:
        """The primary measure over all regions, then others over all of them, then regions one by one, and findings."""
        first = next(iter(rows.values()))
        patients = [row.patient for row in first]
        known = list(dict.fromkeys(name for row in first for scores in row.metrics.values() for name in scores))
        names = sorted((name for name in known if metric(name).stem in COMPARED), key=lambda name: name != self.primary)
        measures = [_over_regions(name, rows, self.parts, patients) for name in names]
        if len(self.parts) > 1:
            measures += [
                _of_region(name, part, rows, patients)
                for name in names
                if metric(name).stem in OF_PARTS
                for part in self.parts
            ]
        measures += lesion_measures({name: [row.lesions for row in of] for name, of in rows.items()}, patients)
        return Measurable.of_rows(first, measures)


def _over_regions(
    name: str, rows: Mapping[str, Sequence[CaseRow]], parts: Sequence[str], patients: Sequence[str]
) -> CaseMeans:
    scores = {model: region_means(of, regions=parts, measures=[name])[:, 0] for model, of in rows.items()}
    return case_means(name, scores, patients, better=better_of(name))


def _of_region(name: str, part: str, rows: Mapping[str, Sequence[CaseRow]], patients: Sequence[str]) -> CaseMeans:
    scores = {model: [row.metrics.get(part, {}).get(name) for row in of] for model, of in rows.items()}
    return case_means(name, scores, patients, better=better_of(name), part=part)


def better_of(name: str) -> Better:
    """Where the best value of a measure lies."""
    found = metric(name).better
    assert found != "none", "measures without a direction are not compared"
    return found


def lesion_measures(lesions: Mapping[str, Sequence[Mapping[str, Lesions]]], patients: Sequence[str]) -> list[CaseMeans]:
    """Findings of all kinds one by one: the share that is found, and false ones in a case; [] where none were judged."""
    first = next(iter(lesions.values()))
    if not any(first):
        return []
    true = [sum(len(one.true_sizes) for one in row.values()) for row in first]
    found = {
        model: [
            sum(one.hits for one in row.values()) / size if size else None for row, size in zip(of, true, strict=True)
        ]
        for model, of in lesions.items()
    }
    false = {
        model: [sum(one.false for one in row.values()) if row else None for row in of] for model, of in lesions.items()
    }
    return [
        case_means("lesion_sensitivity", found, patients, better="higher", is_ranked=False, sizes=true),
        case_means("false_lesions_per_case", false, patients, better="lower"),
    ]

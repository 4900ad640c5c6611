"""What a measurement report says, group by group, as highdicom's templates.

A region's group refers to its segment and shares its tracking identifiers, finding and site. Answers about the whole image
(classification, regression) have groups of their own. Source: DICOM PS3.16 TID 1411, 1501, 1419 and 4019.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pydicom.dataset import Dataset
from pydicom.sr.coding import Code as PydicomCode

from scanwright.io.dicom.derived.codes import SIDES, SNOMED, STRUCTURE, Code, label_of, private_code
from scanwright.io.dicom.derived.provenance import MANUFACTURER, Model, derived_uid
from scanwright.io.dicom.derived.seg import Segment, Segmentation
from scanwright.io.dicom.derived.sr import (
    ATTENUATION,
    LONG_AXIS,
    MEAN,
    MR_SIGNAL,
    PERPENDICULAR_AXIS,
    PROBABILITY,
    STANDARD_DEVIATION,
    SUV,
    UNITS,
    VOLUME,
)
from scanwright.io.dicom.elements import text

CONCLUSIONS = {
    "present": Code("52101004", SNOMED, "Present"),
    "absent": Code("272519000", SNOMED, "Absent"),
    "positive": Code("10828004", SNOMED, "Positive"),
    "negative": Code("260385009", SNOMED, "Negative"),
}


@dataclass(frozen=True, slots=True)
class RegionMeasures:
    """What was measured of one segment; None is "not measured" (a mean of no voxel).

    longest_mm, perpendicular_mm: the longest diameter in a slice, and the longest at right angles to it there. mean,
    deviation: of the image's values inside; unit: theirs, a key of `sr.UNITS` ("HU", "SUVbw", "arbitrary", "1").
    """

    segment: int
    volume_mm3: float
    longest_mm: float | None = None
    perpendicular_mm: float | None = None
    mean: float | None = None
    deviation: float | None = None
    unit: str = "arbitrary"


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer about the whole image. unit: "probability", or a key of `sr.UNITS` for a number of another kind.

    conclusion: what follows ("present", "absent", a grade …), "" for none.
    """

    name: str
    value: float
    unit: str = "probability"
    conclusion: str = ""


def region_groups(
    regions: Sequence[RegionMeasures], segmentation: Segmentation | None, model: Model, source: Dataset
) -> Iterator[Any]:
    """TID 1411 groups: what was measured of each region. source: a header of the series that was measured."""
    from highdicom import sr

    for region in regions:
        assert segmentation is not None
        segment = segmentation.segment(region.segment)
        referenced = sr.ReferencedSegment(
            sop_class_uid=segmentation.sop_class,
            sop_instance_uid=segmentation.instance,
            segment_number=segment.number,
            source_series=sr.SourceSeriesForSegmentation(text(source, "SeriesInstanceUID")),
        )
        yield sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
            tracking_identifier=sr.TrackingIdentifier(
                uid=segment.tracking_uid or derived_uid("tracking", segmentation.instance, segment.number),
                identifier=segment.tracking_id or label_of(segment.label),
            ),
            referenced_segment=referenced,
            finding_type=concept(segment.type or private_code(segment.label)),
            finding_category=None if segment.category is None else concept(segment.category),
            finding_sites=_sites(segment),
            algorithm_id=_algorithm(model),
            measurements=[*_measurements(region, text(source, "Modality"))],
        )


def _measurements(region: RegionMeasures, modality: str) -> Iterator[Any]:
    intensity = MR_SIGNAL if modality == "MR" else private_code("Intensity")
    quantity = {"HU": ATTENUATION, "SUVbw": SUV}.get(region.unit, intensity)
    listed: list[tuple[Code, float | None, str, Code | None]] = [
        (VOLUME, region.volume_mm3, "mm3", None),
        (VOLUME, region.volume_mm3 / 1000, "ml", None),
        (LONG_AXIS, region.longest_mm, "mm", None),
        (PERPENDICULAR_AXIS, region.perpendicular_mm, "mm", None),
        (quantity, region.mean, region.unit, MEAN),
        (quantity, region.deviation, region.unit, STANDARD_DEVIATION),
    ]
    for name, value, unit, derivation in listed:
        if value is not None:
            yield _measurement(name, value, UNITS[unit], derivation)


def answer_groups(answers: Sequence[Answer], model: Model, about: Sequence[Any]) -> Iterator[Any]:
    """TID 1501 groups: each answer as a number, and as a coded conclusion where there is one."""
    from highdicom import sr

    for position, answer in enumerate(answers):
        question, probable = private_code(answer.name), answer.unit == "probability"
        unit = UNITS["1" if probable else answer.unit]
        conclusion = CONCLUSIONS.get(answer.conclusion.lower()) or private_code(answer.conclusion)
        evaluation = sr.QualitativeEvaluation(name=concept(question), value=concept(conclusion))
        yield sr.MeasurementsAndQualitativeEvaluations(
            tracking_identifier=sr.TrackingIdentifier(
                uid=derived_uid("answer", position, *about), identifier=label_of(answer.name)
            ),
            finding_type=concept(question),
            algorithm_id=_algorithm(model),
            measurements=[_measurement(PROBABILITY if probable else question, answer.value, unit, None)],
            qualitative_evaluations=[evaluation] if answer.conclusion else None,
        )


def _measurement(name: Code, value: float, unit: Code, derivation: Code | None) -> Any:
    from highdicom import sr

    return sr.Measurement(
        name=concept(name),
        value=float(value),
        unit=concept(unit),
        derivation=None if derivation is None else concept(derivation),
    )


def _sites(segment: Segment) -> list[Any] | None:
    """Where a finding is: a lesion's site, or a structure itself; with side and position."""
    from highdicom import sr

    structure = segment.category is not None and segment.category.value == STRUCTURE.value
    site, modifiers = (segment.type, segment.modifiers) if structure else (segment.site, segment.site_modifiers)
    if site is None:
        return None
    sides = {code.value for code in SIDES.values()}
    laterality = next((code for code in modifiers if code.value in sides), None)
    position = next((code for code in modifiers if code.value not in sides), None)
    return [
        sr.FindingSite(
            anatomic_location=concept(site),
            laterality=None if laterality is None else concept(laterality),
            topographical_modifier=None if position is None else concept(position),
        )
    ]


def _algorithm(model: Model) -> Any:
    from highdicom import sr

    return sr.AlgorithmIdentification(
        name=label_of(model.name),
        version=label_of(model.version),
        parameters=[f"package={model.hash or 'none'}"],
        manufacturer=MANUFACTURER,
    )


def concept(code: Code) -> PydicomCode:
    """A code as highdicom takes it."""
    return PydicomCode(code.value, code.scheme, code.meaning)

"""What a measurement report says of regions and of the whole image, group by group, as highdicom's templates.

A region's group refers to its segment and shares its tracking identifiers, finding and site. Answers about the whole image
(classification, regression) have groups of their own. Source: DICOM PS3.16 TID 1411, 1501, 1419 and 4019.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pydicom.dataset import Dataset

from scanwright.io.dicom.derived.codes import SNOMED, Code, codes_of, private_code
from scanwright.io.dicom.derived.provenance import Model, derived_uid
from scanwright.io.dicom.derived.seg import Segment, Segmentation
from scanwright.io.dicom.derived.sr import LONG_AXIS, MEAN, PERPENDICULAR_AXIS, PROBABILITY, STANDARD_DEVIATION, VOLUME
from scanwright.io.dicom.derived.sr_concepts import AREA, BURDEN, CONFIDENCE, CUT, FOUND, NO, WITH_FINDINGS, YES
from scanwright.io.dicom.derived.sr_content import (
    algorithm,
    concept,
    evaluation,
    grey_value,
    measurement,
    sites_of,
    tracking,
)
from scanwright.io.dicom.elements import text

CONCLUSIONS = {
    "present": Code("52101004", SNOMED, "Present"),
    "absent": Code("272519000", SNOMED, "Absent"),
    "positive": Code("10828004", SNOMED, "Positive"),
    "negative": Code("260385009", SNOMED, "Negative"),
}
SURE = {"probability": PROBABILITY, "confidence": CONFIDENCE}


@dataclass(frozen=True, slots=True)
class RegionMeasures:
    """What was measured of one segment; None is "not measured" (a mean of no voxel).

    size: in unit_of_size, "mm3" of a volume (told in ml too), "mm2" of a single slice, "px" of an image without a scale; None
    of a region that was not found, of which that is told and no number.
    longest, perpendicular: the longest diameter in a slice, and the longest at right angles to it there, in mm or pixels. mean,
    deviation: of the image's values inside; unit: theirs, a key of `sr.UNITS` ("HU", "SUVbw", "arbitrary", "1").
    with_findings: its size with findings that a label map cuts out of it. burden: the share of that which findings take, in
    [0, 1]. cut: whether it reaches the image's border. is_sum: whether it is all findings of a kind, so
    that its type is no finding's.
    """

    segment: int
    size: float | None
    longest: float | None = None
    perpendicular: float | None = None
    mean: float | None = None
    deviation: float | None = None
    unit: str = "arbitrary"
    unit_of_size: str = "mm3"
    with_findings: float | None = None
    burden: float | None = None
    cut: bool = False
    is_sum: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class RegionSize:
    """A region that has no segment. size, unit_of_size, cut: as of RegionMeasures."""

    name: str
    size: float | None
    unit_of_size: str = "mm3"
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer about the whole image. unit: "probability", "confidence" (which is none, and in [0, 1] too), or a key of
    `sr.UNITS` for a number of another kind.

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
    for region in regions:
        assert segmentation is not None
        segment = segmentation.segment(region.segment)
        yield segment_group(
            segment,
            segmentation,
            model,
            source,
            measurements=[*_measurements(region, text(source, "Modality"))],
            evaluations=[*_extent(region)],
            finding=private_code(f"{segment.label}: all together") if region.is_sum else None,
        )


def size_groups(
    sizes: Sequence[RegionSize], model: Model | None, about: Sequence[Any], *, within: str = ""
) -> Iterator[Any]:
    """TID 1501 groups: the size of each region. model: that found them. about: what their identifiers follow from. within: as
    for `codes.codes_of`.
    """
    from highdicom import sr

    for position, region in enumerate(sizes):
        assert model is not None
        coded = codes_of(region.name, within=within)
        yield sr.MeasurementsAndQualitativeEvaluations(
            tracking_identifier=tracking(region.name, derived_uid("region", position, *about)),
            finding_type=concept(coded.type),
            finding_category=concept(coded.category),
            finding_sites=sites_of(coded),
            algorithm_id=algorithm(model),
            measurements=[measurement(*size) for size in sizes_of(region.size, region.unit_of_size)] or None,
            qualitative_evaluations=[*_extent(region)] or None,
        )


def _extent(region: RegionMeasures | RegionSize) -> Iterator[Any]:
    """That a region was not found, and that the border of the image cuts it; of what is not true nothing is said."""
    if region.size is None:
        yield evaluation(FOUND, NO)
    if region.cut:
        yield evaluation(CUT, YES)


def sizes_of(size: float | None, unit: str) -> list[tuple[Code, float, str]]:
    """A size as it is told: a volume in mm³ and in ml, an area once; [] of what was not found. unit: as of
    `RegionMeasures.unit_of_size`.
    """
    if size is None:
        return []
    return [(VOLUME, size, "mm3"), (VOLUME, size / 1000, "ml")] if unit == "mm3" else [(AREA, size, unit)]


def segment_group(
    segment: Segment,
    segmentation: Segmentation,
    model: Model,
    source: Dataset,
    *,
    measurements: Sequence[Any],
    evaluations: Sequence[Any],
    finding: Code | None = None,
) -> Any:
    """A TID 1411 group of one segment, with its finding, site and tracking identifiers. source: as for `region_groups`.

    finding: its type, where it is another than the segment's.
    """
    from highdicom import sr

    return sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=tracking(
            segment.tracking_id or segment.label,
            segment.tracking_uid or derived_uid("tracking", segmentation.instance, segment.number),
        ),
        referenced_segment=sr.ReferencedSegment(
            sop_class_uid=segmentation.sop_class,
            sop_instance_uid=segmentation.instance,
            segment_number=segment.number,
            source_series=sr.SourceSeriesForSegmentation(text(source, "SeriesInstanceUID")),
        ),
        finding_type=concept(finding or segment.type or private_code(segment.label)),
        finding_category=None if segment.category is None else concept(segment.category),
        finding_sites=sites_of(segment),
        algorithm_id=algorithm(model),
        measurements=measurements,
        qualitative_evaluations=evaluations or None,
    )


def _measurements(region: RegionMeasures, modality: str) -> Iterator[Any]:
    quantity = grey_value(region.unit, modality)
    burden = None if region.burden is None else 100 * region.burden
    length = "px" if region.unit_of_size == "px" else "mm"
    listed: list[tuple[Code, float | None, str, Code | None]] = [
        *((*size, None) for size in sizes_of(region.size, region.unit_of_size)),
        (LONG_AXIS, region.longest, length, None),
        (PERPENDICULAR_AXIS, region.perpendicular, length, None),
        (quantity, region.mean, region.unit, MEAN),
        (quantity, region.deviation, region.unit, STANDARD_DEVIATION),
        (WITH_FINDINGS, region.with_findings, region.unit_of_size, None),
        (BURDEN, burden, "%", None),
    ]
    for name, value, unit, derivation in listed:
        if value is not None:
            yield measurement(name, value, unit, derivation)


def answer_groups(answers: Sequence[Answer], model: Model, about: Sequence[Any]) -> Iterator[Any]:
    """TID 1501 groups: each answer as a number, and as a coded conclusion where there is one."""
    from highdicom import sr

    for position, answer in enumerate(answers):
        question = private_code(answer.name)
        name, unit = (SURE[answer.unit], "1") if answer.unit in SURE else (question, answer.unit)
        conclusion = CONCLUSIONS.get(answer.conclusion.lower()) or private_code(answer.conclusion)
        yield sr.MeasurementsAndQualitativeEvaluations(
            tracking_identifier=tracking(answer.name, derived_uid("answer", position, *about)),
            finding_type=concept(question),
            algorithm_id=algorithm(model),
            measurements=[measurement(name, answer.value, unit)],
            qualitative_evaluations=[evaluation(question, conclusion)] if answer.conclusion else None,
        )

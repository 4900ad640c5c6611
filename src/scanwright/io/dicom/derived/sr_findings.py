"""Findings in a measurement report: a group each, with what the report of a study says of it.

TID 1411 wants something that a group is of. That is a segment: each finding has one of its own, in a segmentation that lies
beside the one of the regions, and the two share tracking identifiers. It is another object because a finding is a part of a
region that has a segment already ("tumour"): in one object the two would overlap, which a label map cannot hold, and who
reads the regions back would read every finding as a further region. Contours (TID 1410) would state the outline a second time,
slice by slice.

What a prior study had and this one has not lies nowhere in this image: its group (TID 1501) has no segment.
Source: DICOM PS3.16 TID 1411, 1501 and 1419.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pydicom.dataset import Dataset

from scanwright.io.dicom.derived.codes import Code, codes_of, finding_codes, private_code
from scanwright.io.dicom.derived.provenance import Model, derived_uid
from scanwright.io.dicom.derived.seg import Segmentation
from scanwright.io.dicom.derived.sr import LONG_AXIS, MEAN, PERPENDICULAR_AXIS, STANDARD_DEVIATION
from scanwright.io.dicom.derived.sr_concepts import (
    AXIS_BEFORE,
    CHANGE,
    CHANGES,
    CONFIDENCE,
    CUT,
    GROWTH,
    MAXIMUM,
    MINIMUM,
    NEXT_TO,
    OUTSIDE,
    REACHES,
    SHARE,
    SIZE_BEFORE,
    SIZE_GROWTH,
    YES,
)
from scanwright.io.dicom.derived.sr_content import (
    algorithm,
    concept,
    evaluation,
    grey_value,
    measurement,
    sites_of,
    tracking,
)
from scanwright.io.dicom.derived.sr_groups import segment_group, sizes_of
from scanwright.io.dicom.elements import text


@dataclass(frozen=True, kw_only=True, slots=True)
class FindingMeasures:
    """One finding. segment: its number in the segmentation of the findings; kind and region are that segment's type and site.

    size: in unit_of_size, "mm3" (told in ml too), "mm2" or "px". longest, perpendicular: in unit_of_length, "mm" or "px".
    mean, deviation, low, high: of the image's values inside, in `unit`, a key of `sr.UNITS`. share_of_region: in [0, 1].
    confidence: in [0, 1]. crosses: names of further regions that it reaches into. touches: tracking identifiers of findings
    next to it. outside: whether it lies outside all regions. cut: whether it reaches the image's border.
    change: a key of CHANGES, "" without a prior study; before, size_before: the long axis and the size then; growth,
    size_growth: 0.2 is a fifth more.
    None: not known.
    """

    segment: int
    size: float
    longest: float
    perpendicular: float
    mean: float
    deviation: float
    low: float
    high: float
    unit_of_size: str = "mm3"
    unit_of_length: str = "mm"
    unit: str = "arbitrary"
    share_of_region: float | None = None
    confidence: float | None = None
    crosses: tuple[str, ...] = ()
    touches: tuple[str, ...] = ()
    outside: bool = False
    cut: bool = False
    change: str = ""
    before: float | None = None
    size_before: float | None = None
    growth: float | None = None
    size_growth: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class GoneFinding:
    """A finding that the prior study had and this one has not. region: where it lay, "" outside all. before, size_before: its
    long axis and its size, in the units of FindingMeasures; None: not known, since the border of that study's image cut it.
    """

    kind: str
    region: str
    before: float | None = None
    size_before: float | None = None
    unit_of_size: str = "mm3"
    unit_of_length: str = "mm"


def finding_groups(
    findings: Sequence[FindingMeasures], segmentation: Segmentation | None, model: Model, source: Dataset
) -> Iterator[Any]:
    """TID 1411 groups. segmentation: of the findings. source: a header of the series that was measured."""
    for finding in findings:
        assert segmentation is not None
        yield segment_group(
            segmentation.segment(finding.segment),
            segmentation,
            model,
            source,
            measurements=[*_measurements(finding, text(source, "Modality"))],
            evaluations=[*_evaluations(finding)],
        )


def gone_groups(gone: Sequence[GoneFinding], model: Model, about: Sequence[Any], *, within: str = "") -> Iterator[Any]:
    """TID 1501 groups of what is resolved. about: what their identifiers follow from. within: as for `codes.codes_of`."""
    from highdicom import sr

    for position, finding in enumerate(gone, start=1):
        coded = finding_codes(finding.kind, finding.region, within=within)
        yield sr.MeasurementsAndQualitativeEvaluations(
            tracking_identifier=tracking(f"{finding.kind}, resolved {position}", derived_uid("gone", position, *about)),
            finding_type=concept(coded.type),
            finding_category=concept(coded.category),
            finding_sites=sites_of(coded),
            algorithm_id=algorithm(model),
            measurements=[*_before(finding)] or None,
            qualitative_evaluations=[evaluation(CHANGE, CHANGES["resolved"])],
        )


def _before(finding: FindingMeasures | GoneFinding) -> Iterator[Any]:
    """What was measured in the prior study."""
    if finding.before is not None:
        yield measurement(AXIS_BEFORE, finding.before, finding.unit_of_length)
    for _, size, unit in sizes_of(finding.size_before, finding.unit_of_size):
        yield measurement(SIZE_BEFORE, size, unit)


def _measurements(finding: FindingMeasures, modality: str) -> Iterator[Any]:
    quantity, length = grey_value(finding.unit, modality), finding.unit_of_length
    yield from (measurement(*size) for size in sizes_of(finding.size, finding.unit_of_size))
    listed: list[tuple[Code, float | None, str, Code | None]] = [
        (LONG_AXIS, finding.longest, length, None),
        (PERPENDICULAR_AXIS, finding.perpendicular, length, None),
        (quantity, finding.mean, finding.unit, MEAN),
        (quantity, finding.deviation, finding.unit, STANDARD_DEVIATION),
        (quantity, finding.low, finding.unit, MINIMUM),
        (quantity, finding.high, finding.unit, MAXIMUM),
        (SHARE, _percent(finding.share_of_region), "%", None),
        (CONFIDENCE, finding.confidence, "1", None),
        (GROWTH, _percent(finding.growth), "%", None),
        (SIZE_GROWTH, _percent(finding.size_growth), "%", None),
    ]
    for name, value, unit, derivation in listed:
        if value is not None:
            yield measurement(name, value, unit, derivation)
    yield from _before(finding)


def _evaluations(finding: FindingMeasures) -> Iterator[Any]:
    """What is true of it; of what is not true nothing is said."""
    yield from placed(finding.crosses, outside=finding.outside)
    for other in finding.touches:
        yield evaluation(NEXT_TO, private_code(other))
    if finding.cut:
        yield evaluation(CUT, YES)
    if finding.change:
        yield evaluation(CHANGE, CHANGES[finding.change])


def placed(crosses: Sequence[str], *, outside: bool) -> Iterator[Any]:
    """Where a finding lies beyond its site: the further regions that it reaches into, and that it lies outside all."""
    for region in crosses:
        yield evaluation(REACHES, _named(region))
    if outside:
        yield evaluation(OUTSIDE, YES)


def _named(region: str) -> Code:
    """A region as one code: its own, or where side or position would be lost, a code that carries the name."""
    coded = codes_of(region)
    return coded.type if not coded.modifiers and coded.site is None else private_code(region)


def _percent(share: float | None) -> float | None:
    return None if share is None else round(100 * share, 6)

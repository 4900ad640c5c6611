"""Measurement reports out: DICOM SR (TID 1500) by highdicom. Comprehensive SR, and Comprehensive 3D SR for boxes in space.

The observer is a device: the model, its package's hash as serial number; its version stands in each group's algorithm. A
report is complete, preliminary and unverified: no person saw it. Source: DICOM PS3.16 TID 1500, 1002 and 1004.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset

from scanwright.errors import InputError, UsageError
from scanwright.io.dicom.derived.codes import SNOMED, Code, label_of
from scanwright.io.dicom.derived.provenance import (
    CHARACTER_SET,
    MANUFACTURER,
    Model,
    allowed_by_sources,
    derived_uid,
    equipment,
    private_scheme,
    require_highdicom,
    require_sources,
    save,
    series_number_of,
    study_of,
)
from scanwright.io.dicom.derived.seg import Segmentation
from scanwright.io.dicom.derived.sr import UNITS, PriorStudy, Report, read_measurements
from scanwright.io.dicom.derived.sr_boxes import BoxMeasures, box_groups, is_flat
from scanwright.io.dicom.derived.sr_content import comment, comparison, concept
from scanwright.io.dicom.derived.sr_findings import FindingMeasures, GoneFinding, finding_groups, gone_groups
from scanwright.io.dicom.derived.sr_groups import (
    SURE,
    Answer,
    RegionMeasures,
    RegionSize,
    answer_groups,
    region_groups,
    size_groups,
)
from scanwright.io.dicom.elements import text
from scanwright.io.dicom.volumes import Stack

PROCEDURES = {
    "CT": Code("25045-6", "LN", "CT unspecified body region"),
    "MR": Code("25056-3", "LN", "MRI unspecified body region"),
    "PT": Code("44136-0", "LN", "PET unspecified body region"),
    "CR": Code("43468-8", "LN", "XR unspecified body region"),
    "DX": Code("43468-8", "LN", "XR unspecified body region"),
}
ANY_PROCEDURE = Code("363679005", SNOMED, "Imaging procedure")


def write_measurements(
    path: Path,
    *,
    regions: Sequence[RegionMeasures] = (),
    findings: Sequence[FindingMeasures] = (),
    gone: Sequence[GoneFinding] = (),
    boxes: Sequence[BoxMeasures] = (),
    sizes: Sequence[RegionSize] = (),
    answers: Sequence[Answer] = (),
    segmentation: Segmentation | None = None,
    marked: Segmentation | None = None,
    stack: Stack | None = None,
    sources: Sequence[Dataset],
    model: Model,
    sizes_by: Model | None = None,
    within: str = "",
    series_number: int = 902,
    description: str = "Measurements",
    comments: Sequence[str] = (),
    prior: PriorStudy | None = None,
    made: datetime | None = None,
) -> Report:
    """Write a measurement report in one atomic step; read it back and return that.

    segmentation, marked: what the segments of the regions and of the findings are of, as `read_segmentation` and
    `write_segmentation` return it. stack: the image that boxes lie in. sources: headers of the images that were measured.
    sizes_by: the model that found the regions of `sizes`, which have no segments. within: the structure that the study is about
    (`codes.codes_of`). comments: texts on the report as a whole, for people. prior: the study that it compares with. made: the
    moment that the report states; now by default.
    Raises UsageError (highdicom absent, regions without a segmentation, boxes without a stack, an unknown unit), InputError
    (nothing to report, a number that is not finite, a segmentation of another study), ResourceError.
    """
    require_highdicom()
    require_sources(sources)
    content = (*regions, *findings, *gone, *boxes, *sizes, *answers)
    segmentations = [one for one in (segmentation, marked) if one is not None]
    _require_places(regions, segmentation, "regions need the segmentation")
    _require_places(findings, marked, "findings need the segmentation")
    _require_places(boxes, stack, "boxes need the image")
    _require_places(sizes, sizes_by, "sizes of regions need the model")
    _require_content(content, segmentations, sources)
    head, first = study_of(sources[0]), sources[0]
    about = [head.SOPInstanceUID, segmentation.instance if segmentation else "", model.name, model.version, model.hash]
    said = [[repr(one) for one in content], *([marked.instance] if marked else []), *about]
    said += [[*comments], repr(prior)] if comments or prior else []
    with allowed_by_sources("a report"):
        groups = [
            *region_groups(regions, segmentation, model, first),
            *finding_groups(findings, marked, model, first),
            *gone_groups(gone, model, said, within=within),
            *box_groups(boxes, stack, model, first, said, within=within),
            *size_groups(sizes, sizes_by, said, within=within),
            *answer_groups(answers, model, said),
        ]
        in_space = bool(boxes) and stack is not None and not is_flat(stack)
        dataset = _made(
            groups,
            sources,
            segmentations,
            model,
            said,
            number=series_number,
            description=description,
            in_space=in_space,
            remarks=[*comparison(prior), *map(comment, comments)],
        )
    save(dataset, path, made)
    return read_measurements(path)


def _require_places(things: Sequence[object], places: object | None, needed: str) -> None:
    if things and places is None:
        raise UsageError(f"{needed} that they are of")


def _require_content(content: Sequence[Any], segmentations: Sequence[Segmentation], sources: Sequence[Dataset]) -> None:
    if not content:
        raise InputError("nothing to report", expected="regions, findings, boxes or answers", found="none")
    for one in segmentations:
        if one.study != text(sources[0], "StudyInstanceUID"):
            raise InputError("the segmentation is of another study than the images", where=one.path)
    if not all(map(math.isfinite, _numbers(content))):
        raise InputError("a measured value that is not finite", expected="a number, or None where nothing was measured")
    if unknown := sorted(set(_units(content)) - UNITS.keys() - SURE.keys()):
        raise UsageError("an unknown unit", expected=", ".join(UNITS), found=unknown[0])


def _numbers(content: Sequence[Any]) -> Iterator[float]:
    """Every number that is to be told."""
    for one in content:
        for value in (getattr(one, field.name) for field in fields(one)):
            several = value if isinstance(value, tuple) else (value,)
            yield from (number for number in several if isinstance(number, float))


def _units(content: Sequence[Any]) -> Iterator[str]:
    """Every unit that is named; "probability" is that of an answer alone."""
    for one in content:
        yield from (getattr(one, field.name) for field in fields(one) if field.name.startswith("unit"))


def _made(
    groups: Sequence[Any],
    sources: Sequence[Dataset],
    segmentations: Sequence[Segmentation],
    model: Model,
    about: Sequence[Any],
    *,
    number: int,
    description: str,
    in_space: bool,
    remarks: Sequence[Any],
) -> Any:
    """The report as highdicom makes it."""
    from highdicom import sr

    device = sr.DeviceObserverIdentifyingAttributes(
        uid=derived_uid("model", model.name, model.version, model.hash),
        name=label_of(model.name),
        manufacturer_name=MANUFACTURER,
        model_name=label_of(f"{model.name} {model.version}"),
        serial_number=model.hash or "none",
    )
    observer = sr.ObserverContext(
        observer_type=sr.CodedConcept("121007", "DCM", "Device"), observer_identifying_attributes=device
    )
    content = sr.MeasurementReport(
        observation_context=sr.ObservationContext(observer_device_context=observer),
        procedure_reported=concept(PROCEDURES.get(text(sources[0], "Modality"), ANY_PROCEDURE)),
        imaging_measurements=groups,
    )
    content[0].ContentSequence.extend(remarks)
    evidence = [study_of(source) for source in sources]
    kind = sr.Comprehensive3DSR if in_space else sr.ComprehensiveSR  # older readers know the plain one alone
    return kind(
        evidence=[*evidence, *map(_as_evidence, segmentations)],
        content=content[0],
        series_instance_uid=derived_uid("sr series", *about),
        series_number=series_number_of(number),
        sop_instance_uid=derived_uid("sr", *about),
        instance_number=1,
        is_complete=True,
        series_description=label_of(description),
        specific_character_set=CHARACTER_SET,
        coding_schemes=[private_scheme()],
        **equipment(model),
    )


def _as_evidence(segmentation: Segmentation) -> Dataset:
    dataset = Dataset()
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = segmentation.study, segmentation.series
    dataset.SOPInstanceUID, dataset.SOPClassUID = segmentation.instance, segmentation.sop_class
    return dataset

"""Measurement reports out: DICOM SR (Comprehensive SR, TID 1500) by highdicom.

The observer is a device: the model, its package's hash as serial number; its version stands in each group's algorithm. A
report is complete, preliminary and unverified: no person saw it. Source: DICOM PS3.16 TID 1500, 1002 and 1004.
"""

import math
from collections.abc import Sequence
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
from scanwright.io.dicom.derived.sr import UNITS, Report, read_measurements
from scanwright.io.dicom.derived.sr_groups import Answer, RegionMeasures, answer_groups, concept, region_groups
from scanwright.io.dicom.elements import text

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
    answers: Sequence[Answer] = (),
    segmentation: Segmentation | None = None,
    sources: Sequence[Dataset],
    model: Model,
    series_number: int = 902,
    description: str = "Measurements",
    made: datetime | None = None,
) -> Report:
    """Write a measurement report in one atomic step; read it back and return that.

    segmentation: what the regions' segments are of, as `read_segmentation` and `write_segmentation` return it. sources:
    headers of the images that were measured. made: the moment that the report states; now by default.
    Raises UsageError (highdicom absent, regions without a segmentation, an unknown unit), InputError (nothing to report, a
    number that is not finite, a segmentation of another study), ResourceError.
    """
    require_highdicom()
    require_sources(sources)
    _require_content(regions, answers, segmentation, sources)
    head = study_of(sources[0])
    about = [head.SOPInstanceUID, segmentation.instance if segmentation else "", model.name, model.version, model.hash]
    said = [[repr(one) for one in (*regions, *answers)], *about]
    with allowed_by_sources("a report"):
        groups = [*region_groups(regions, segmentation, model, sources[0]), *answer_groups(answers, model, said)]
        dataset = _made(groups, sources, segmentation, model, said, number=series_number, description=description)
    save(dataset, path, made)
    return read_measurements(path)


def _require_content(
    regions: Sequence[RegionMeasures],
    answers: Sequence[Answer],
    segmentation: Segmentation | None,
    sources: Sequence[Dataset],
) -> None:
    if not regions and not answers:
        raise InputError("nothing to report", expected="regions or answers", found="none")
    if regions and segmentation is None:
        raise UsageError("measures of regions need the segmentation that they are of")
    if segmentation is not None and segmentation.study != text(sources[0], "StudyInstanceUID"):
        raise InputError("the segmentation is of another study than the images", where=segmentation.path)
    measured = [value for one in regions for value in (one.volume_mm3, one.longest_mm, one.perpendicular_mm)]
    measured += [value for one in regions for value in (one.mean, one.deviation)] + [one.value for one in answers]
    if any(value is not None and not math.isfinite(value) for value in measured):
        raise InputError("a measured value that is not finite", expected="a number, or None where nothing was measured")
    units = {one.unit for one in regions} | {one.unit for one in answers if one.unit != "probability"}
    if unknown := sorted(units - UNITS.keys()):
        raise UsageError("an unknown unit", expected=", ".join(UNITS), found=unknown[0])


def _made(
    groups: Sequence[Any],
    sources: Sequence[Dataset],
    segmentation: Segmentation | None,
    model: Model,
    about: Sequence[Any],
    *,
    number: int,
    description: str,
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
    evidence = [study_of(source) for source in sources]
    return sr.ComprehensiveSR(
        evidence=[*evidence, *([_as_evidence(segmentation)] if segmentation else [])],
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

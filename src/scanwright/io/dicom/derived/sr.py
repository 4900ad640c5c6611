"""Measurement reports (DICOM SR, template TID 1500) as plain values, read with pydicom alone.

    report = read_measurements(path)
    report.groups[0].value(VOLUME, unit=UNITS["mm3"])           1234.5, or None
    report.groups[0].tracking_uid                               the same as in the segmentation that it refers to

Reads reports of other makers too (dcmqi, highdicom): what a group has that is not named here is passed over.
Source: DICOM PS3.16 TID 1500, 1411, 1410, 1501, 1419, 300, 4019, 1002 and 1004; PS3.3 C.17.3.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from pydicom.dataset import Dataset

from scanwright.errors import InputError
from scanwright.io.dicom.derived.codes import SNOMED, Code
from scanwright.io.dicom.derived.seg_read import code_of
from scanwright.io.dicom.elements import item, items, number, numbers, text, whole
from scanwright.io.dicom.intake import kind_of, open_instance
from scanwright.io.guard import as_unreadable

EXPECTED = "a DICOM measurement report"
REPORTS = MappingProxyType(
    {
        "1.2.840.10008.5.1.4.1.1.88.22": "Enhanced SR",
        "1.2.840.10008.5.1.4.1.1.88.33": "Comprehensive SR",
        "1.2.840.10008.5.1.4.1.1.88.34": "Comprehensive 3D SR",
    }
)

VOLUME = Code("118565006", SNOMED, "Volume")
LONG_AXIS = Code("103339001", SNOMED, "Long Axis")
PERPENDICULAR_AXIS = Code("131189007", SNOMED, "Perpendicular Axis")
MEAN = Code("373098007", SNOMED, "Mean")
STANDARD_DEVIATION = Code("386136009", SNOMED, "Standard Deviation")
PROBABILITY = Code("122157", "DCM", "Probability")
ATTENUATION = Code("112031", "DCM", "Attenuation Coefficient")
SUV = Code("126401", "DCM", "SUVbw")
MR_SIGNAL = Code("110852", "DCM", "MR signal intensity")
UNITS = MappingProxyType(
    {
        "mm": Code("mm", "UCUM", "millimeter"),
        "mm2": Code("mm2", "UCUM", "square millimeter"),
        "mm3": Code("mm3", "UCUM", "cubic millimeter"),
        "cm": Code("cm", "UCUM", "centimeter"),
        "ml": Code("ml", "UCUM", "milliliter"),
        "l": Code("L", "UCUM", "liter"),
        "g": Code("g", "UCUM", "gram"),
        "kg": Code("kg", "UCUM", "kilogram"),
        "years": Code("a", "UCUM", "year"),
        "%": Code("%", "UCUM", "Percent"),
        "px": Code("{pixels}", "UCUM", "pixels"),
        "1": Code("1", "UCUM", "no units"),
        "HU": Code("[hnsf'U]", "UCUM", "Hounsfield unit"),
        "SUVbw": Code("g/ml{SUVbw}", "UCUM", "Standardized Uptake Value body weight"),
        "arbitrary": Code("[arb'U]", "UCUM", "arbitrary unit"),
    }
)

# Concept names, by code value: those of DCM, and both generations of SNOMED codes (SCT, and SRT in older reports).
IMAGING_MEASUREMENTS, MEASUREMENT_GROUP = "126010", "125007"
TRACKING_ID, TRACKING_UID = "112039", "112040"
FINDING, FINDING_CATEGORIES = "121071", ("276214006", "C0449619", "G-C1E3")
FINDING_SITES, LATERALITIES, TOPOGRAPHIES = ("363698007", "G-C0E3"), ("272741003", "G-C171"), ("106233006", "G-A1F8")
AXES = MappingProxyType({"SCOORD": 2, "SCOORD3D": 3})
GEOMETRIC_PURPOSE = "130400"
REFERENCED_SEGMENT, SOURCE_SERIES, DERIVATION = ("121191", "121214"), "121232", "121401"
ALGORITHM, ALGORITHM_VERSION, ALGORITHM_PARAMETERS = "111001", "111003", "111002"
OWN = (FINDING, *FINDING_CATEGORIES, *FINDING_SITES, GEOMETRIC_PURPOSE)
"""Coded attributes of a group itself, which are no answers."""
COMMENT = Code("121106", "DCM", "Comment")
COMPARISON = Code("18834-2", "LN", "Radiology Comparison study")
STUDY_UID, SERIES_UID = Code("110180", "DCM", "Study Instance UID"), Code("112002", "DCM", "Series Instance UID")
STUDY_DATE = Code("111060", "DCM", "Study Date")
DEVICE_UID, DEVICE_NAME, DEVICE_MAKER, DEVICE_MODEL, DEVICE_SERIAL = "121012", "121013", "121014", "121015", "121016"


@dataclass(frozen=True, slots=True)
class MeasuredValue:
    """One number. derivation: mean, standard deviation …; None for the thing itself."""

    name: Code
    value: float
    unit: Code
    derivation: Code | None = None


@dataclass(frozen=True, slots=True)
class Shape:
    """A place that is drawn. graphic: "POINT", "POLYLINE", "POLYGON" …, as the standard has them.

    points: (column, row) on the image `instance`, where 0, 0 is the outer corner of its first pixel; or (x, y, z), in mm of the
    patient's space (LPS), in the frame of reference `space`. frame: counted from 1 in a multi-frame image, else None.
    """

    graphic: str
    points: tuple[tuple[float, ...], ...]
    instance: str = ""
    frame: int | None = None
    space: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """What was measured of one region or finding, or answered about the whole image. Absent texts are "".

    segment: its number in the segmentation with the instance UID `segmentation`; None for what has none. shapes: where it is
    drawn by coordinates; several that belong together, as the faces of a box.
    """

    tracking_id: str
    tracking_uid: str
    finding: Code | None
    category: Code | None = None
    site: Code | None = None
    site_modifiers: tuple[Code, ...] = ()
    segment: int | None = None
    segmentation: str = ""
    source_series: str = ""
    values: tuple[MeasuredValue, ...] = ()
    answers: tuple[tuple[Code, Code], ...] = ()
    algorithm: str = ""
    algorithm_version: str = ""
    algorithm_parameters: tuple[str, ...] = ()
    shapes: tuple[Shape, ...] = ()

    def answered(self, name: Code) -> tuple[Code, ...]:
        """The coded answers to the question of that name; () where it is not asked."""
        return tuple(
            answer for asked, answer in self.answers if (asked.value, asked.scheme) == (name.value, name.scheme)
        )

    def value(self, name: Code, *, unit: Code | None = None, derivation: Code | None = None) -> float | None:
        """The first number of that name, unit (any by default) and derivation; None if there is none."""
        wanted = (name.value, name.scheme), derivation and derivation.value
        for one in self.values:
            found = (one.name.value, one.name.scheme), one.derivation and one.derivation.value
            if found == wanted and (unit is None or one.unit.value == unit.value):
                return one.value
        return None


@dataclass(frozen=True, slots=True)
class PriorStudy:
    """The study and the series that a report compares with. date: as DICOM has it; what is not known is ""."""

    study: str
    series: str = ""
    date: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """A measurement report. device_…: the observer, where that is a device. evidence: UIDs of the instances behind it.

    comments: texts on the report as a whole. prior: the study that it compares with, None where it names none.
    """

    groups: tuple[Group, ...]
    device_name: str = ""
    device_maker: str = ""
    device_model: str = ""
    device_serial: str = ""
    device_uid: str = ""
    study: str = ""
    series: str = ""
    instance: str = ""
    evidence: tuple[str, ...] = ()
    comments: tuple[str, ...] = ()
    prior: PriorStudy | None = None


def read_measurements(path: Path) -> Report:
    """The measurement groups of a report.

    Raises InputError if it is no structured report or has no imaging measurements, UnreadableFile if it is damaged.
    """
    header = open_instance(path).dataset
    if text(header, "SOPClassUID") not in REPORTS:
        raise InputError("not a measurement report", where=path, expected=EXPECTED, found=kind_of(header))
    with as_unreadable(path, expected=EXPECTED):
        contents = _children(header, IMAGING_MEASUREMENTS)
        if not contents:
            raise InputError("a report without imaging measurements", where=path, expected="TID 1500", found="another")
        groups = tuple(_group(one) for content in contents for one in _children(content, MEASUREMENT_GROUP))
        return Report(
            groups=groups,
            device_name=_text(header, DEVICE_NAME),
            device_maker=_text(header, DEVICE_MAKER),
            device_model=_text(header, DEVICE_MODEL),
            device_serial=_text(header, DEVICE_SERIAL),
            device_uid=_text(header, DEVICE_UID),
            study=text(header, "StudyInstanceUID"),
            series=text(header, "SeriesInstanceUID"),
            instance=text(header, "SOPInstanceUID"),
            evidence=tuple(_evidence(header)),
            comments=tuple(text(one, "TextValue") for one in _children(header, COMMENT.value)),
            prior=_prior(header),
        )


def _prior(header: Dataset) -> PriorStudy | None:
    for part in _children(header, COMPARISON.value):
        if study := _text(part, STUDY_UID.value):
            return PriorStudy(study, _text(part, SERIES_UID.value), _text(part, STUDY_DATE.value))
    return None


def _group(group: Dataset) -> Group:
    segment = next(iter(_children(group, *REFERENCED_SEGMENT)), Dataset())
    site = next(iter(_children(group, *FINDING_SITES)), Dataset())
    referenced = item(segment, "ReferencedSOPSequence")
    modifiers = [_coded(one) for one in _children(site, *LATERALITIES, *TOPOGRAPHIES)]
    return Group(
        tracking_id=_text(group, TRACKING_ID),
        tracking_uid=_text(group, TRACKING_UID),
        finding=_code(group, FINDING),
        category=_code(group, *FINDING_CATEGORIES),
        site=_coded(site),
        site_modifiers=tuple(code for code in modifiers if code is not None),
        segment=whole(referenced, "ReferencedSegmentNumber"),
        segmentation=text(referenced, "ReferencedSOPInstanceUID"),
        source_series=_text(group, SOURCE_SERIES),
        values=tuple(_values(group)),
        answers=tuple(_answers(group)),
        algorithm=_text(group, ALGORITHM),
        algorithm_version=_text(group, ALGORITHM_VERSION),
        algorithm_parameters=tuple(text(one, "TextValue") for one in _children(group, ALGORITHM_PARAMETERS)),
        shapes=tuple(_shapes(group)),
    )


def _values(group: Dataset) -> Iterator[MeasuredValue]:
    for one in items(group, "ContentSequence"):
        measured, name = item(one, "MeasuredValueSequence"), code_of(item(one, "ConceptNameCodeSequence"))
        exact = number(measured, "FloatingPointValue")
        found = number(measured, "NumericValue") if exact is None else exact
        unit = code_of(item(measured, "MeasurementUnitsCodeSequence"))
        if text(one, "ValueType") == "NUM" and name and unit and found is not None:
            yield MeasuredValue(name, found, unit, _code(one, DERIVATION))


def _answers(group: Dataset) -> Iterator[tuple[Code, Code]]:
    """Coded questions and answers: contained codes that are none of the group's own attributes."""
    for one in items(group, "ContentSequence"):
        name, answer = code_of(item(one, "ConceptNameCodeSequence")), _coded(one)
        contained = text(one, "RelationshipType") == "CONTAINS" and text(one, "ValueType") == "CODE"
        if contained and name and answer and name.value not in OWN:
            yield name, answer


def _shapes(group: Dataset) -> Iterator[Shape]:
    for one in items(group, "ContentSequence"):
        axes = AXES.get(text(one, "ValueType"))
        if axes is not None:
            flat = numbers(one, "GraphicData")
            image = item(next(iter(items(one, "ContentSequence")), Dataset()), "ReferencedSOPSequence")
            yield Shape(
                graphic=text(one, "GraphicType"),
                points=tuple(zip(*(flat[axis::axes] for axis in range(axes)), strict=False)),
                instance=text(image, "ReferencedSOPInstanceUID"),
                frame=whole(image, "ReferencedFrameNumber"),
                space=text(one, "ReferencedFrameOfReferenceUID"),
            )


def _evidence(header: Dataset) -> Iterator[str]:
    for sequence in ("CurrentRequestedProcedureEvidenceSequence", "PertinentOtherEvidenceSequence"):
        for study in items(header, sequence):
            for series in items(study, "ReferencedSeriesSequence"):
                for one in items(series, "ReferencedSOPSequence"):
                    yield text(one, "ReferencedSOPInstanceUID")


def _children(parent: Dataset, *names: str) -> list[Dataset]:
    """The content items directly below that have one of these concept names (code values)."""
    return [
        one
        for one in items(parent, "ContentSequence")
        if text(item(one, "ConceptNameCodeSequence"), "CodeValue") in names
    ]


def _coded(content: Dataset) -> Code | None:
    return code_of(item(content, "ConceptCodeSequence"))


def _code(parent: Dataset, *names: str) -> Code | None:
    return next((_coded(one) for one in _children(parent, *names)), None)


def _text(parent: Dataset, name: str) -> str:
    """The text, UID or date of the first content item of that name."""
    found = next(iter(_children(parent, name)), Dataset())
    return text(found, "TextValue") or text(found, "UID") or text(found, "Date")

"""DICOM SEG in: binary, fractional and label map, of any transfer syntax that images are read in.

Read by these rules:

    frames      as many as the header says; one where it says nothing. Functional groups beyond that are noted
    bits        a frame of single bits need not begin at a byte
    RLE         of single bits: runs over whole bytes of eight pixels, as dcmqi's liver_rle has them
    labels      a label map's background segment (0 or PixelPaddingValue) is no segment of ours
    slides      are read frame by frame; they have no slices to be put on a grid

Source: DICOM PS3.3 A.51, C.8.20 and C.7.6.17.3 (order of tiles in TILED_FULL); PS3.5 8.1.1, annex G.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset

from scanwright.errors import InputError, UnreadableFile
from scanwright.io.dicom.derived.codes import Code
from scanwright.io.dicom.derived.seg import Frame, Frames, Kind, Segment, Segmentation, Source
from scanwright.io.dicom.elements import Elements, item, items, number, text, whole
from scanwright.io.dicom.encoded import RLE, Encoded, read_encoded
from scanwright.io.dicom.frame import FrameHeader, frame_headers
from scanwright.io.dicom.intake import Instance, kind_of, open_instance
from scanwright.io.dicom.pixels import PixelFrames
from scanwright.io.dicom.place import read_place
from scanwright.io.guard import as_unreadable
from scanwright.types import Array

BINARY_OR_FRACTIONAL, LABEL_MAP = "1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"
KINDS: dict[str, Kind] = {"BINARY": "binary", "FRACTIONAL": "fractional", "LABELMAP": "labelmap"}
EXPECTED = "a DICOM segmentation"


def is_segmentation(dataset: Dataset) -> bool:
    """Whether a header is that of a segmentation in pixels (binary, fractional or label map; not of surfaces)."""
    return text(dataset, "SOPClassUID") in (BINARY_OR_FRACTIONAL, LABEL_MAP)


def read_segmentation(path: Path) -> Segmentation:
    """A segmentation: segments, frames and their places; pixels are decoded when they are asked for.

    Raises InputError if it is no segmentation or of an unknown kind, UnreadableFile if it is damaged or contradicts
    itself, GeometryError for planes that make no sense.
    """
    instance = open_instance(path)
    header = instance.dataset
    if not is_segmentation(header):
        raise InputError("not a DICOM segmentation", where=path, expected=EXPECTED, found=kind_of(header))
    kind = KINDS.get(text(header, "SegmentationType"))
    if kind is None:
        raise InputError("an unknown type of segmentation", where=path, expected=" ".join(KINDS), found="another")
    encoded = read_encoded(instance)
    with as_unreadable(path, expected=EXPECTED):
        return _assembled(instance, encoded, kind)


def _assembled(instance: Instance, encoded: Encoded, kind: Kind) -> Segmentation:
    header, path = instance.dataset, instance.path
    background = whole(header, "PixelPaddingValue") or 0
    listed = tuple(_segment(one, path) for one in items(header, "SegmentSequence"))
    segments = tuple(one for one in listed if kind != "labelmap" or one.number != background)
    if len({one.number for one in segments}) < len(segments):
        raise UnreadableFile("two segments of one number", where=path, expected="a number each")
    frames, notes = _frames(instance, encoded.stored.frames, kind, segments)
    measures = frame_headers(header, 1)[0].group("PixelMeasuresSequence")
    _require_cells(encoded, kind)
    return Segmentation(
        path=path,
        kind=kind,
        rows=encoded.stored.rows,
        columns=encoded.stored.columns,
        segments=segments,
        frames=frames,
        stored=stored_frames(encoded),
        maximum=_maximum(header, path) if kind == "fractional" else 1,
        meaning=text(header, "SegmentationFractionalType") if kind == "fractional" else "",
        slice_step=_positive(measures, "SpacingBetweenSlices"),
        thickness=_positive(measures, "SliceThickness"),
        background=background,
        tiled="TotalPixelMatrixColumns" in header,
        study=text(header, "StudyInstanceUID"),
        series=text(header, "SeriesInstanceUID"),
        instance=text(header, "SOPInstanceUID"),
        sop_class=text(header, "SOPClassUID"),
        frame_of_reference=text(header, "FrameOfReferenceUID"),
        source_series=tuple(text(one, "SeriesInstanceUID") for one in items(header, "ReferencedSeriesSequence")),
        source_instances=tuple(
            text(one, "ReferencedSOPInstanceUID")
            for series in items(header, "ReferencedSeriesSequence")
            for one in items(series, "ReferencedInstanceSequence")
        ),
        notes=(*instance.notes, *notes),
    )


def stored_frames(encoded: Encoded) -> Frames:
    """The frames of a file, each (rows, columns) of whole numbers, decoded when it is asked for."""
    stored = encoded.stored
    if encoded.syntax != RLE or stored.allocated != 1:
        frames = PixelFrames(encoded)
        return lambda number: np.asarray(frames.decode(number)[0][:, :, 0])
    pixels = stored.rows * stored.columns
    octets = replace(stored, rows=1, columns=-(-pixels // 8), allocated=8, stored=8, high=7)
    packed = PixelFrames(replace(encoded, stored=octets))

    def unpacked(number: int) -> Array:
        bits = np.unpackbits(packed.decode(number)[0].ravel(), bitorder="little", count=pixels)
        return bits.reshape(stored.rows, stored.columns)

    return unpacked


def code_of(dataset: Dataset) -> Code | None:
    """The coded concept of a code sequence item, or None if it has none."""
    value = next(filter(None, (text(dataset, name) for name in ("CodeValue", "LongCodeValue", "URNCodeValue"))), "")
    return Code(value, text(dataset, "CodingSchemeDesignator"), text(dataset, "CodeMeaning")) if value else None


def _codes(dataset: Dataset, sequence: str) -> tuple[Code, ...]:
    return tuple(code for one in items(dataset, sequence) if (code := code_of(one)) is not None)


def _segment(header: Dataset, path: Path) -> Segment:
    found = whole(header, "SegmentNumber")
    if found is None or not 0 <= found <= 65535:
        raise UnreadableFile("a segment without a number", where=path, expected="1 to 65535", found=found)
    kind, site = item(header, "SegmentedPropertyTypeCodeSequence"), item(header, "AnatomicRegionSequence")
    algorithm = item(header, "SegmentationAlgorithmIdentificationSequence")
    return Segment(
        number=found,
        label=text(header, "SegmentLabel"),
        category=code_of(item(header, "SegmentedPropertyCategoryCodeSequence")),
        type=code_of(kind),
        modifiers=_codes(kind, "SegmentedPropertyTypeModifierCodeSequence"),
        site=code_of(site),
        site_modifiers=_codes(site, "AnatomicRegionModifierSequence"),
        algorithm_type=text(header, "SegmentAlgorithmType"),
        algorithm=text(header, "SegmentAlgorithmName") or text(algorithm, "AlgorithmName"),
        algorithm_version=text(algorithm, "AlgorithmVersion"),
        tracking_id=text(header, "TrackingID"),
        tracking_uid=text(header, "TrackingUID"),
    )


def _frames(
    instance: Instance, count: int, kind: Kind, segments: tuple[Segment, ...]
) -> tuple[tuple[Frame, ...], tuple[str, ...]]:
    """The frames, and notes on what was decided."""
    header, path = instance.dataset, instance.path
    described = len(items(header, "PerFrameFunctionalGroupsSequence"))
    full = text(header, "DimensionOrganizationType") == "TILED_FULL"
    if described < count and not full:
        raise UnreadableFile("frames that are not described", where=path, expected=count, found=described)
    numbers = [one.number for one in segments]
    frames = []
    for index, own in enumerate(frame_headers(header, count)):
        segment = 0
        if kind != "labelmap":
            segment = numbers[index * len(numbers) // count] if full else _segment_number(own)
            if segment not in numbers:
                raise UnreadableFile(
                    "a frame of a segment that is not described", where=path, expected=numbers[:8], found=segment
                )
        frames.append(Frame(segment, read_place(own, where=path), _sources(own)))
    notes = (f"{described} frames described, {count} there",) if described > count else ()
    return tuple(frames), notes


def _segment_number(frame: FrameHeader) -> int:
    return whole(frame.group("SegmentIdentificationSequence"), "ReferencedSegmentNumber") or 0


def _sources(frame: FrameHeader) -> tuple[Source, ...]:
    return tuple(
        Source(text(one, "ReferencedSOPInstanceUID"), whole(one, "ReferencedFrameNumber"))
        for one in items(frame.group("DerivationImageSequence"), "SourceImageSequence")
    )


def _maximum(header: Dataset, path: Path) -> int:
    found = whole(header, "MaximumFractionalValue")
    if not found or not 1 <= found <= 255:
        raise UnreadableFile(
            "fractions of nothing", where=path, expected="MaximumFractionalValue 1 to 255", found=found
        )
    return found


def _positive(dataset: Elements, name: str) -> float | None:
    found = number(dataset, name)
    return found if found is not None and found > 0 else None


def _require_cells(encoded: Encoded, kind: Kind) -> None:
    """Raise UnreadableFile if the pixels are not of a form that this kind has."""
    stored = encoded.stored
    allowed = {"binary": (1,), "fractional": (1, 8), "labelmap": (8, 16)}[kind]
    if stored.samples != 1 or stored.is_float or stored.allocated not in allowed:
        raise UnreadableFile(
            f"pixels that a {kind} segmentation cannot have",
            where=encoded.path,
            expected=f"one sample of {' or '.join(map(str, allowed))} bits",
            found=f"{stored.samples} of {stored.allocated}",
        )

"""What a series is stacked from: one slice for each frame of its files, or for each tile of a mosaic.

A slice knows where it lies, which pixels of which file it is, what their numbers mean, and the labels that keep volumes of
one series apart. The header it came from is let go.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from scanwright.errors import UnreadableFile
from scanwright.io.dicom.elements import Elements, items, number, stated, text
from scanwright.io.dicom.encoded import Encoded, Stored, read_encoded
from scanwright.io.dicom.frame import RESCALE, FrameHeader, Label, frame_headers
from scanwright.io.dicom.intake import Instance
from scanwright.io.dicom.mosaic import read_mosaic
from scanwright.io.dicom.pixels import cleaned
from scanwright.io.dicom.place import PixelSize, Place, frame_offsets, has_colour_flow, read_pixel_size, read_place
from scanwright.io.dicom.suv import Uptake, in_suv, read_uptake
from scanwright.io.dicom.values import Scale, is_grey, read_scale, turning
from scanwright.io.guard import as_unreadable

UNITS = ("HU", "HU_MOD", "MGML", "Z_EFF", "ED", "EDW", "PCT", "GY", "SUV", "GML", "BQML", "CNTS", "PROPCPS")
"""Rescale types, table types and PET units (PS3.3 C.11.1.1.2, C.8.9.1.1.3) in which dark and bright mean something."""

CAPTURES = "1.2.840.10008.5.1.4.1.1.7"  # secondary capture, and its multi-frame kin


@dataclass(frozen=True, slots=True)
class Window:
    """The part of a frame that a slice is: its first row and column, and how many of each."""

    row: int
    column: int
    rows: int
    columns: int


@dataclass(frozen=True, slots=True, eq=False)
class Slice:
    """One slice of a volume, or one picture.

    encoded, frame, window: its pixels. place: None where the header gives none (projections, ultrasound, captures);
    pixel_size then says how large a pixel is. spacing, thickness: distance to the next slice, and thickness, in mm, as the
    header has them (a sign of the spacing is a direction: PS3.3 C.8.4.15). grey: one number a pixel that means itself.
    turning: where a large number is dark, what values are turned around by (see `values`), else None. padding: stored
    numbers, from and to, that mean nothing. uptake: of PET, what `with_units` makes the scale to SUV of, None after that.
    instance: SOP instance UID. number: instance number, -1 if none. capture: whether it is a picture of a screen or a report.
    """

    encoded: Encoded
    frame: int
    window: Window
    scale: Scale
    uptake: Uptake | None
    place: Place | None
    pixel_size: PixelSize
    spacing: float | None
    thickness: float | None
    grey: bool
    turning: float | None
    padding: tuple[float, float] | None
    instance: str
    number: int
    labels: dict[str, Label] = field(default_factory=dict)
    capture: bool = False

    @property
    def is_part(self) -> bool:
        """Whether it is a part of a frame, as a tile of a mosaic is."""
        stored = self.encoded.stored
        return (self.window.rows, self.window.columns) != (stored.rows, stored.columns)

    @property
    def path(self) -> Path:
        """The file that the slice lies in."""
        return self.encoded.path


def read_slices(instance: Instance) -> list[Slice]:
    """The slices of one object, in the order of its frames.

    Raises InputError or UnreadableFile (no pixels, or pixels that are not read; functional groups of another number than
    the frames), GeometryError (a plane or a mosaic that makes no sense).
    """
    encoded = read_encoded(instance)
    frames = frame_headers(instance.header, encoded.stored.frames)
    _require_groups(instance, frames)
    return [one for index, frame in enumerate(frames) for one in _of_frame(instance, encoded, frame, index)]


def _require_groups(instance: Instance, frames: Sequence[FrameHeader]) -> None:
    """Raise UnreadableFile unless each frame has its functional groups, where any has (PS3.3 C.7.6.16), and its own rescale,
    where any has.
    """
    groups = len(items(instance.header, "PerFrameFunctionalGroupsSequence"))
    scales = sum(RESCALE in frame.own for frame in frames)
    for name, found in (("functional groups", groups), ("rescales", scales)):
        if found not in (0, len(frames)):
            raise UnreadableFile(f"{name} for some frames only", where=instance.path, expected=len(frames), found=found)


def _of_frame(instance: Instance, encoded: Encoded, frame: FrameHeader, index: int) -> Iterator[Slice]:
    header = instance.header
    measures = frame.group("PixelMeasuresSequence")
    scale = read_scale(frame.scaled_by, where=instance.path)
    uptake = read_uptake(header) if text(header, "Modality") == "PT" else None
    labels = frame.labels()
    if has_colour_flow(header):
        labels = {"colour Doppler": "yes", **labels}
    for window, place in _parts(instance, encoded, frame, index):
        if place is None and encoded.stored.frames > 1:
            labels = {**labels, "frame": float(index + 1)}
        yield Slice(
            encoded=encoded,
            frame=index,
            window=window,
            scale=scale,
            uptake=uptake,
            place=place,
            pixel_size=PixelSize(None) if place is not None else read_pixel_size(header),
            spacing=abs(number(measures, "SpacingBetweenSlices") or 0) or None,
            thickness=_positive(number(measures, "SliceThickness")),
            grey=is_grey(header),
            turning=_turning(instance, encoded.stored, scale, frame),
            padding=_padding(header, encoded.stored, instance.path),
            instance=text(header, "SOPInstanceUID"),
            number=int(number(header, "InstanceNumber") or -1),
            labels=labels,
            capture=text(header, "SOPClassUID").startswith(CAPTURES)
            or "SCREEN SAVE" in text(header, "ImageType").upper(),
        )


def _parts(
    instance: Instance, encoded: Encoded, frame: FrameHeader, index: int
) -> Iterator[tuple[Window, Place | None]]:
    """The frame as a whole, or the tiles of a mosaic."""
    stored, header = encoded.stored, instance.header
    place = read_place(frame, where=instance.path)
    mosaic = read_mosaic(header, rows=stored.rows, columns=stored.columns, where=instance.path)
    if mosaic is not None and place is not None:
        for tile in range(mosaic.tiles):
            yield Window(*mosaic.corner(tile), mosaic.rows, mosaic.columns), mosaic.place(place, tile)
        return
    if place is not None and not frame.is_enhanced and stored.frames > 1:
        offsets = frame_offsets(header, stored.frames, where=instance.path)
        place = place.moved(normal_mm=offsets[index]) if offsets else None
    yield Window(0, 0, stored.rows, stored.columns), place


def _positive(found: float | None) -> float | None:
    return found if found is not None and found > 0 else None


def with_units(slices: Sequence[Slice]) -> list[Slice]:
    """The slices of one whole series, those of PET with scales to SUV, or with the doubt why not; others as they are."""
    pet = [(one.scale, one.uptake) for one in slices if one.uptake is not None and not _is_page(one)]
    if not pet:
        return list(slices)
    found = iter(in_suv([scale for scale, _ in pet], [uptake for _, uptake in pet]))
    return [
        one if one.uptake is None or _is_page(one) else replace(one, scale=next(found), uptake=None) for one in slices
    ]


def _is_page(one: Slice) -> bool:
    """Whether a slice is no measurement of the tracer: a report or a capture among the slices of PET."""
    return one.capture or not one.grey


def _turning(instance: Instance, stored: Stored, scale: Scale, frame: FrameHeader) -> float | None:
    """What MONOCHROME1 is turned around by; None for others, and for numbers with a unit.

    How an image is shown changes no unit (PS3.3 C.7.6.3.1.2: after the VOI transformation, so after the modality's too). A
    rescaled CT that names no unit is in Hounsfield units (C.8.2.1), by slope 1 too. Raises UnreadableFile for floats, which
    have no range and are MONOCHROME2 by definition (C.7.6.24), and for a table that cannot be read.
    """
    if stored.photometric != "MONOCHROME1":
        return None
    if stored.is_float:
        raise UnreadableFile(
            "floating-point pixels of which large ones are dark", where=instance.path, expected="MONOCHROME2"
        )
    rescaled = scale.table or any(text(frame.scaled_by, name) for name in ("RescaleSlope", "RescaleIntercept"))
    if scale.unit.upper() in UNITS or (text(instance.header, "Modality") == "CT" and rescaled):
        return None
    with as_unreadable(instance.path, expected="a table of the modality's values"):
        return turning(stored, scale, instance.dataset)


def _padding(header: Elements, stored: Stored, path: Path) -> tuple[float, float] | None:
    """Stored numbers from and to, the smaller first, as `PixelFrames` gives them.

    Writers take the wrong VR: 63536 is -2000 where pixels have a sign. What the stored bits cannot hold is masked as they are.
    """
    one = stated(header, "PixelPaddingValue", where=path)
    ends = (*one, *(stated(header, "PixelPaddingRangeLimit", where=path) or one)) if one else ()
    span = 1 << max(stored.allocated, 8)
    if not ends or not all(-span // 2 <= end < span for end in ends):
        return None
    if stored.is_float:
        return min(ends), max(ends)
    cells = cleaned(
        np.array([int(end) % span for end in ends], f"u{span.bit_length() // 8}").view(stored.dtype), stored
    )
    return float(cells.min()), float(cells.max())

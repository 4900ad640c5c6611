"""Where a frame lies: position and directions in patient space, or at least the size of a pixel.

DICOM gives points in LPS millimetres; all that leaves this module is RAS+.
Sources: DICOM PS3.3 C.7.6.2 (image plane), 10.7 (pixel spacing: calibrated, at the detector, nominal), C.8.5.5 (ultrasound
regions), C.8.8.3 (offsets of a dose grid).
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from scanwright.doubt import Doubt
from scanwright.errors import GeometryError
from scanwright.io.dicom.elements import Elements, items, number, stated, text, vector, whole
from scanwright.io.dicom.frame import FrameHeader
from scanwright.types import Floats

LPS_TO_RAS = np.array((-1.0, -1.0, 1.0))
RIGHT_ANGLE = 1e-3  # largest cosine between rows and columns, and largest error of their length
PROJECTIONS = ("CR", "DX", "MG", "IO", "PX", "RG", "RF", "XA")
CENTIMETRES = 3  # unit code of ultrasound regions
TISSUE, COLOUR_FLOW = 1, 2  # their data types
PLANE = 1  # a 2-D image, among their spatial formats
UNREADABLE_SIZE = Doubt("unreadable-pixel-size", "a pixel size that cannot be read: lengths in pixels")
AT_DETECTOR = Doubt("pixel-size-at-detector", "pixel size at the detector: lengths in the patient are smaller")
OF_FILM = Doubt("pixel-size-of-film", "pixel size of the scanned film: not calibrated")
SEVERAL_SIZES = Doubt("several-pixel-sizes", "ultrasound regions of different pixel sizes: lengths in pixels")


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """Where a frame lies, in RAS+ mm.

    origin: centre of its first pixel. right, down: unit vectors in which column and row numbers grow. spacing: between
    neighbouring columns, and between neighbouring rows.
    """

    origin: Floats
    right: Floats
    down: Floats
    spacing: tuple[float, float]

    @property
    def normal(self) -> Floats:
        """Unit vector at right angles to the frame; right, down and normal are right-handed."""
        return np.asarray(np.cross(self.right, self.down))

    def moved(self, *, columns: float = 0, rows: float = 0, normal_mm: float = 0) -> "Place":
        """The place whose first pixel lies some columns and rows further, and some millimetres along the normal."""
        across, along = columns * self.spacing[0], rows * self.spacing[1]
        shift = across * self.right + along * self.down + normal_mm * self.normal
        return replace(self, origin=self.origin + shift)


@dataclass(frozen=True, slots=True)
class PixelSize:
    """The size of a pixel where a frame has no place. spacing: columns, rows, in mm; None if nothing says it.

    notes: what is not as good as a calibration.
    """

    spacing: tuple[float, float] | None
    notes: tuple[str, ...] = ()


def read_place(frame: FrameHeader, *, where: Path) -> Place | None:
    """The place that a header gives, or None if it gives none.

    Raises UnreadableFile for a position, directions or pixel spacing that are there but cannot be read, GeometryError if
    one of position and directions is there without the other, if directions are no unit vectors at right angles, or if a
    place comes without pixel spacing.
    """
    position = stated(frame.group("PlanePositionSequence"), "ImagePositionPatient", 3, where=where)
    directions = stated(frame.group("PlaneOrientationSequence"), "ImageOrientationPatient", 6, where=where)
    if not position and not directions:
        return None
    if not (position and directions) and text(frame.header, "Modality") in PROJECTIONS:
        return None  # which have no place, though some devices write half of one
    if not position or not directions:
        raise GeometryError(
            "half of an image plane",
            where=where,
            expected="a position and the directions of rows and columns",
            found="no position" if directions else "no directions",
        )
    spacing = stated(frame.group("PixelMeasuresSequence"), "PixelSpacing", 2, where=where)
    if not spacing or min(spacing) <= 0:
        raise GeometryError(
            "an image plane without pixel spacing",
            where=where,
            expected="two sizes in mm",
            found=" ".join(f"{one:g}" for one in spacing) or "none",
        )
    right, down = np.array(directions[:3]), np.array(directions[3:])
    lengths = np.linalg.norm(right), np.linalg.norm(down)
    if max(abs(length - 1) for length in lengths) > RIGHT_ANGLE or abs(right @ down) > RIGHT_ANGLE:
        raise GeometryError(
            "directions of rows and columns that make no plane",
            where=where,
            expected="two unit vectors at right angles",
            found=" ".join(f"{one:g}" for one in directions),
        )
    return Place(
        origin=np.array(position) * LPS_TO_RAS,
        right=right / lengths[0] * LPS_TO_RAS,
        down=down / lengths[1] * LPS_TO_RAS,
        spacing=(spacing[1], spacing[0]),  # the header names the distance between rows first
    )


def frame_offsets(header: Elements, frames: int, *, where: Path) -> tuple[float, ...]:
    """How far along the normal each frame of a dose grid lies from the first, in mm; empty if nothing says it.

    Raises UnreadableFile for offsets that cannot be read, or of another number than the frames.
    """
    offsets = stated(header, "GridFrameOffsetVector", frames, where=where)
    return tuple(one - offsets[0] for one in offsets)


def read_pixel_size(header: Elements) -> PixelSize:
    """The size of a pixel of a projection, an ultrasound image or a capture.

    In this order: the regions of an ultrasound image, if all that show tissue agree; calibrated spacing; spacing at the
    detector, divided by the magnification where that is known; nominal spacing of a scanned film. Sizes that differ for
    parts of an image are no size of the image.
    """
    if items(header, "SequenceOfUltrasoundRegions"):
        return _of_regions(header)
    if text(header, "PixelSpacing") and vector(header, "PixelSpacing", 2) is None:
        return PixelSize(None, (UNREADABLE_SIZE,))
    calibrated = _spacing(header, "PixelSpacing")
    if calibrated is not None:
        return PixelSize(calibrated)
    detector = _spacing(header, "ImagerPixelSpacing")
    if detector is not None:
        magnification = number(header, "EstimatedRadiographicMagnificationFactor")
        if magnification is not None and magnification > 0:
            across, along = detector
            return PixelSize((across / magnification, along / magnification))
        return PixelSize(detector, (AT_DETECTOR,))
    nominal = _spacing(header, "NominalScannedPixelSpacing")
    if nominal is not None:
        return PixelSize(nominal, (OF_FILM,))
    return PixelSize(None)


def has_colour_flow(header: Elements) -> bool:
    """Whether an ultrasound image shows colour Doppler."""
    regions = items(header, "SequenceOfUltrasoundRegions")
    return whole(header, "UltrasoundColorDataPresent") == 1 or any(
        whole(region, "RegionDataType") == COLOUR_FLOW for region in regions
    )


def _of_regions(header: Elements) -> PixelSize:
    planes = [
        region
        for region in items(header, "SequenceOfUltrasoundRegions")
        if whole(region, "RegionSpatialFormat") == PLANE and whole(region, "RegionDataType") in (TISSUE, COLOUR_FLOW)
    ]
    sizes = {size for region in planes if (size := _of_region(region)) is not None}
    if len(sizes) == 1:
        return PixelSize(sizes.pop())
    if len(sizes) > 1:
        return PixelSize(None, (SEVERAL_SIZES,))
    return PixelSize(None)


def _of_region(region: Elements) -> tuple[float, float] | None:
    units = whole(region, "PhysicalUnitsXDirection"), whole(region, "PhysicalUnitsYDirection")
    across, along = number(region, "PhysicalDeltaX"), number(region, "PhysicalDeltaY")
    if units != (CENTIMETRES, CENTIMETRES) or not across or not along:
        return None
    return round(abs(across) * 10, 6), round(abs(along) * 10, 6)


def _spacing(header: Elements, name: str) -> tuple[float, float] | None:
    found = vector(header, name, 2)
    return (found[1], found[0]) if found is not None and min(found) > 0 else None

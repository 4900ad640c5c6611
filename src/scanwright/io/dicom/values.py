"""From stored numbers to the values that an image means: Hounsfield units, SUV, colours.

    scale = read_scale(header, where=path)        slope and intercept, or a table
    values = scaled(cells, scale, header)         numbers as the scanner means them
    colours = in_rgb(cells, photometric, header)  (rows, columns, 3) uint8

Values are never windowed unless it is asked for (`windowed`). Dark and bright are as people see them: MONOCHROME1, where a
large number is dark, is turned around unless the numbers have a unit. Source: DICOM PS3.3 C.7.6.3 (photometric
interpretation), C.11.1 (modality LUT), C.11.2 (VOI LUT), C.7.9 (palette colour).
"""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut, apply_voi_lut, convert_color_space

from scanwright.errors import InputError
from scanwright.io.dicom.elements import Elements, item, items, stated, text, whole
from scanwright.io.dicom.encoded import Stored
from scanwright.types import Array

GREY = ("MONOCHROME1", "MONOCHROME2")
WIDEST = 1e30  # beyond every window
SMALLEST = (np.int16, np.uint16, np.int32)


@dataclass(frozen=True, slots=True)
class Scale:
    """What stored numbers become: slope * stored + intercept; or a table of the header, where `table` is True.

    unit: of the result, as the header names it, "" where it does not. doubt: why the unit is not the one that is expected
    of such an image, "" where it is; who reads values must refuse them then.
    """

    slope: float = 1.0
    intercept: float = 0.0
    table: bool = False
    unit: str = ""
    doubt: str = ""

    @property
    def is_plain(self) -> bool:
        """Whether whole numbers stay whole: slope 1 and a whole intercept."""
        return not self.table and self.slope == 1 and self.intercept == int(self.intercept)


def read_scale(header: Elements, *, where: Path) -> Scale:
    """The modality's scale in a header, or in one frame's functional groups. Slope 0 or none means as stored.

    Raises UnreadableFile for a slope, an intercept or a dose's scaling that is there but is not one number.
    """
    if items(header, "ModalityLUTSequence"):
        return Scale(table=True, unit=text(item(header, "ModalityLUTSequence"), "ModalityLUTType"))
    (dose,) = stated(header, "DoseGridScaling", where=where) or (0.0,)
    if dose:
        return Scale(dose, 0.0, unit=text(header, "DoseUnits"))
    (slope,) = stated(header, "RescaleSlope", where=where) or (0.0,)
    (intercept,) = stated(header, "RescaleIntercept", where=where) or (0.0,)
    return Scale(slope or 1.0, intercept, unit=text(header, "RescaleType") or text(header, "Units"))


def scaled(cells: Array, scale: Scale, header: Dataset) -> Array:
    """The values of stored numbers, in any shape; the array itself where nothing changes.

    Whole numbers scaled by whole numbers stay whole, in the same type if they fit; all else is float32, or float64 for
    numbers of more than 16 bits. header: holds the table where the scale is one.
    Raises OverflowError if a value is beyond the type that it would be given in: it would wrap around, or be infinite.
    """
    if scale.table:
        return np.asarray(apply_modality_lut(cells, header))
    if (scale.slope, scale.intercept) == (1, 0):
        return cells
    if cells.dtype.kind in "iu" and scale.is_plain:
        return _shifted(cells, int(scale.intercept))
    kind = np.float32 if cells.dtype.itemsize <= 2 or cells.dtype == np.float32 else np.float64
    if not math.isfinite(scale.slope):  # of SUV, a product
        raise _beyond(scale.slope, scale.intercept)
    try:
        with np.errstate(over="raise"):
            result = np.multiply(cells, scale.slope, dtype=kind)
            result += scale.intercept
    except FloatingPointError as error:
        raise _beyond(scale.slope, scale.intercept) from error
    return result


def _shifted(cells: Array, offset: int) -> Array:
    """Whole numbers plus a whole number, in the smallest of int16, uint16, int32 and int64 that holds all of them.

    Written over `cells` where the type is as wide: numbers wrap around and back, so the result is exact. Raises
    OverflowError if none of them does.
    """
    low, high = (int(cells.min()) + offset, int(cells.max()) + offset) if cells.size else (0, 0)
    fitting = (
        np.dtype(kind) for kind in (*SMALLEST, np.int64) if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max
    )
    dtype = next(fitting, None)
    if dtype is None:
        raise _beyond(1, offset)
    moved = np.array(offset).astype(dtype)
    if dtype.itemsize != cells.dtype.itemsize:
        return np.add(cells, moved, dtype=dtype, casting="unsafe")
    same = cells.view(dtype)
    return np.add(same, moved, out=same if same.flags.writeable else None)


def _beyond(slope: float, intercept: float) -> OverflowError:
    return OverflowError(f"values that no number type here holds: slope {slope:g}, intercept {intercept:g}")


def is_grey(header: Elements) -> bool:
    """Whether a pixel is one value that means itself: neither colour nor an index into a palette."""
    photometric = text(header, "PhotometricInterpretation") or "MONOCHROME2"
    return photometric in GREY and (whole(header, "SamplesPerPixel") or 1) == 1


def turning(stored: Stored, scale: Scale, header: Dataset) -> float:
    """The lowest and the highest value that a header allows, added: MONOCHROME1 is turned around by taking values from it.

    stored: says which numbers are allowed, and is not of floats. header: holds the table where the scale is one.
    """
    bits = stored.stored
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if stored.signed else (0, (1 << bits) - 1)
    if scale.table:
        entries, first, _ = item(header, "ModalityLUTSequence").LUTDescriptor
        last = first + (entries or 1 << 16) - 1
        low, high = (min(max(end, first), last) for end in (low, high))  # beyond the table its ends count
        allowed = scaled(np.arange(low, high + 1, dtype=stored.dtype), scale, header)
        return float(allowed.min()) + float(allowed.max())
    return scale.slope * (low + high) + 2 * scale.intercept


def brightened(values: Array, ends: float) -> Array:
    """MONOCHROME1 turned around: `ends`, the lowest and the highest value added, less each value.

    Grey values keep their range. PS3.3 C.7.6.3.1.2: the smallest is white, after all other steps. Raises OverflowError for
    whole numbers of which int64 does not hold one.
    """
    if values.dtype.kind == "f":
        return ends - values
    if values.dtype == np.uint64 and values.size and int(values.max()) > np.iinfo(np.int64).max:
        raise _beyond(-1, ends)
    return _shifted(-values.astype(np.int64), int(ends))


def in_rgb(cells: Array, photometric: str, header: Dataset, *, where: Path) -> Array:
    """Colours, (rows, columns, 3) uint8, from RGB, YBR_FULL or an index into a palette.

    Palettes and colours of 16 bits keep their upper eight. Raises InputError for a colour space that is not read.
    """
    if photometric == "PALETTE COLOR":
        colours = np.asarray(apply_color_lut(cells[..., 0], header))[..., :3]
        return colours if colours.dtype == np.uint8 else (colours >> 8).astype(np.uint8)
    if cells.dtype != np.uint8:
        bits = whole(header, "BitsStored") or 16
        cells = (cells >> max(bits - 8, 0)).astype(np.uint8)
    if photometric == "RGB":
        return cells
    if photometric in ("YBR_FULL", "YBR_FULL_422"):
        return np.asarray(convert_color_space(cells, "YBR_FULL", "RGB"))
    raise InputError(
        "a colour space that is not read",
        where=where,
        expected="RGB, YBR_FULL, YBR_RCT, YBR_ICT or a palette",
        found=photometric,
        hint="Convert the file to RGB.",
    )


def windowed(values: Array, header: Dataset) -> Array:
    """Values as the header's first window or VOI table shows them, float32; unchanged where it has none."""
    return np.asarray(apply_voi_lut(values, header)).astype(np.float32)


def window_ends(header: Dataset) -> float | None:
    """The lowest and the highest value that `windowed` can give, added; None where the header has no window or table.

    A table's values begin at 0 and have the bits that its descriptor states (PS3.3 C.11.2.1.1).
    """
    table = item(header, "VOILUTSequence")
    if "LUTDescriptor" in table and "LUTData" in table:
        return float((1 << int(table.LUTDescriptor[2])) - 1)
    if "WindowCenter" not in header or "WindowWidth" not in header:
        return None
    with np.errstate(over="ignore"):  # of a sigmoid
        return float(windowed(np.array((-WIDEST, WIDEST)), header).sum())

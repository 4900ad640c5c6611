"""What a header says of its pixels, checked before anything is allocated or decoded.

Source: DICOM PS3.3 C.7.6.3 (image pixels), PS3.5 section 8 and annex A (transfer syntaxes).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.uid import UID

from scanwright.errors import InputError, UnreadableFile
from scanwright.io.dicom import jpeg
from scanwright.io.dicom.elements import Elements, stated, text, value_of
from scanwright.io.dicom.intake import DEFLATED, EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE, Instance, kind_of
from scanwright.io.dicom.walk import UNDEFINED, Pixels
from scanwright.io.guard import COPY_HINT, checked_bytes, truncated

NATIVE = (IMPLICIT_LITTLE, EXPLICIT_LITTLE, EXPLICIT_BIG, DEFLATED)
RLE = "1.2.840.10008.1.2.5"
JPEG_LS = ("1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81")
JPEG_2000 = ("1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91")
HTJ2K = ("1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.4.202", "1.2.840.10008.1.2.4.203")
DECODED = frozenset((*NATIVE, RLE, *JPEG_LS, *JPEG_2000, *HTJ2K, *jpeg.SYNTAXES))
"""Every transfer syntax whose pixels are read here."""

FLOAT_TAGS = {0x7FE00008: 32, 0x7FE00009: 64}
MAX_FRAMES = 1 << 17
OVERLAYS = range(0x6000, 0x6020, 2)
COUNTS = (
    *("Rows", "Columns", "NumberOfFrames", "SamplesPerPixel", "PlanarConfiguration"),
    *("BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation"),
)
SAMPLES = {
    **dict.fromkeys(("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR"), 1),
    **dict.fromkeys(("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_RCT", "YBR_ICT"), 3),
}
"""Samples a pixel of a photometric interpretation (PS3.3 C.7.6.3.1.2)."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What a header says of its pixels. samples: 1 grey or palette, 3 colour. planar: colours lie plane by plane.

    allocated, stored, high: bits of a cell, bits used, and the highest used. is_float: IEEE numbers, not integers.
    overlays: a mask of the bits of a cell in which overlays lie.
    """

    rows: int
    columns: int
    frames: int
    samples: int
    allocated: int
    stored: int
    high: int
    signed: bool
    planar: bool
    photometric: str
    is_float: bool = False
    overlays: int = 0

    @property
    def dtype(self) -> np.dtype[Any]:
        """The number type of a cell in this machine's byte order; uint8 for single bits."""
        kind = "f" if self.is_float else "i" if self.signed else "u"
        return np.dtype(f"{kind}{max(self.allocated, 8) // 8}")

    @property
    def frame_bits(self) -> int:
        """Bits of one uncompressed frame."""
        shared = self.photometric == "YBR_FULL_422"  # two pixels share their colour
        return self.rows * self.columns * (2 if shared else self.samples) * self.allocated


@dataclass(frozen=True, slots=True)
class Encoded:
    """Where and how the pixels of one file lie: all that decoding them needs, so that the header can be let go."""

    path: Path
    syntax: str
    pixels: Pixels
    stored: Stored


def read_encoded(instance: Instance) -> Encoded:
    """What a header says of its pixels, checked.

    Raises InputError (no pixels, cells or a transfer syntax that are not read) or UnreadableFile (sizes that make no sense,
    fewer bytes than they promise).
    """
    if instance.pixels is None:
        raise InputError(
            "no pixels in this DICOM file", where=instance.path, found=kind_of(instance.header), hint=COPY_HINT
        )
    if instance.syntax not in DECODED:
        raise undecodable(instance.path, instance.syntax)
    encoded = Encoded(instance.path, instance.syntax, instance.pixels, _read_stored(instance, instance.pixels))
    _require_length(encoded)
    return encoded


def _read_stored(instance: Instance, pixels: Pixels) -> Stored:
    is_float = pixels.tag in FLOAT_TAGS
    said = {name: _count(instance, name) for name in COUNTS}
    needed = ("Rows", "Columns", *(() if is_float else ("BitsAllocated", "PixelRepresentation")))
    missing = next((name for name in needed if said[name] is None), "")
    if missing:
        raise UnreadableFile(
            "a DICOM image without its size or kind of numbers",
            where=instance.path,
            expected=" ".join(needed),
            found=f"no {missing}",
        )
    allocated = FLOAT_TAGS.get(pixels.tag, said["BitsAllocated"] or 0)
    bits = allocated if is_float else _default(said["BitsStored"], allocated)
    high = _default(said["HighBit"], bits - 1)
    result = Stored(
        rows=said["Rows"] or 0,
        columns=said["Columns"] or 0,
        frames=_default(said["NumberOfFrames"], 1),
        samples=_default(said["SamplesPerPixel"], 1),
        allocated=allocated,
        stored=bits,
        high=high if bits - 1 <= high < allocated else bits - 1,
        signed=said["PixelRepresentation"] == 1,
        planar=said["PlanarConfiguration"] == 1,
        photometric=text(instance.header, "PhotometricInterpretation") or "MONOCHROME2",
        is_float=is_float,
        overlays=0 if is_float else _overlay_bits(instance.header),
    )
    _check(result, instance.path)
    return result


def _overlay_bits(header: Elements) -> int:
    """The bits of a cell in which overlays lie, as a mask: old scanners put them above the grey value (PS3.3 C.9.2)."""
    positions = {value_of(header, group << 16 | 0x0102) for group in OVERLAYS}
    return sum(1 << position for position in positions if isinstance(position, int) and 0 < position < 64)


def _default(found: int | None, otherwise: int) -> int:
    return otherwise if found is None else found


def undecodable(path: Path, syntax: str) -> InputError:
    """The error for a transfer syntax that no decoder here knows."""
    return InputError(
        "pixels in a transfer syntax that is not decoded here",
        where=path,
        expected="uncompressed, RLE, JPEG, JPEG-LS, JPEG 2000 or HTJ2K",
        found=UID(syntax).name,
        hint="Convert the file to another transfer syntax, such as Explicit VR Little Endian.",
    )


def _count(instance: Instance, name: str) -> int | None:
    """A whole number that says how pixels lie, or None where it is absent. Raises UnreadableFile for anything else."""
    found = stated(instance.header, name, where=instance.path)
    if not found:
        return None
    if found[0] != int(found[0]):
        raise UnreadableFile(f"{name} is no whole number", where=instance.path, found=found[0])
    return int(found[0])


def _check(stored: Stored, path: Path) -> None:
    if stored.allocated not in (1, 8, 16, 32, 64):
        raise InputError(
            "a size of pixel cells that is not read",
            where=path,
            expected="1, 8, 16, 32 or 64 bits",
            found=stored.allocated,
        )
    if not 1 <= stored.stored <= stored.allocated:
        raise UnreadableFile(
            "an impossible number of bits stored",
            where=path,
            expected=f"1 to {stored.allocated}",
            found=stored.stored,
        )
    if stored.samples not in (1, 3):
        raise InputError(
            "a number of samples a pixel that is not read", where=path, expected="1 or 3", found=stored.samples
        )
    samples = SAMPLES.get(stored.photometric, stored.samples)
    if stored.samples != samples:
        raise UnreadableFile(
            "samples a pixel that do not fit the photometric interpretation",
            where=path,
            expected=f"{samples} for {stored.photometric}",
            found=stored.samples,
        )
    if not 1 <= stored.frames <= MAX_FRAMES:
        raise UnreadableFile(
            "an impossible number of frames", where=path, expected=f"1 to {MAX_FRAMES}", found=stored.frames
        )
    checked_bytes(path, (stored.rows, stored.columns, stored.frames, stored.samples), stored.dtype)


def _require_length(encoded: Encoded) -> None:
    """Raise UnreadableFile if uncompressed pixels are fewer or more than the header promises, or compressed ones are not in
    fragments.

    A byte may follow to make their number even (PS3.5 8.1.1); zeros of less than half a frame are some writers' padding.
    More is another frame, or colour under a header that knows of none.
    """
    if encoded.syntax not in NATIVE:
        if encoded.pixels.length != UNDEFINED:
            raise UnreadableFile(
                "compressed pixels that are not encapsulated", where=encoded.path, expected="fragments", found="bytes"
            )
        return
    needed, found = -(-encoded.stored.frame_bits * encoded.stored.frames // 8), encoded.pixels.length
    if found < needed:
        raise truncated(encoded.path, needed, str(found))
    if found - needed > 1 and not _is_zeros(encoded, needed):
        raise UnreadableFile(
            "more pixels than the header says",
            where=encoded.path,
            expected=f"{needed} bytes",
            found=found,
            hint="Correct size, frames, samples or photometric interpretation in the header.",
        )


def _is_zeros(encoded: Encoded, needed: int) -> bool:
    """Whether less than half a frame of zeros follows the pixels; False for a deflated file, which is not inflated for it."""
    extra = encoded.pixels.length - needed
    if encoded.syntax == DEFLATED or extra * 16 >= encoded.stored.frame_bits:
        return False
    with encoded.path.open("rb") as stream:
        stream.seek(encoded.pixels.value + needed)
        return not any(stream.read(extra))

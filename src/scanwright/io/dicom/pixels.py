"""Stored pixel values, frame by frame: bytes or codestreams in, whole numbers (or floats) out.

    frames = PixelFrames(read_encoded(open_instance(path)))
    cells, photometric = frames.decode(0)     (rows, columns, samples), the number type that the header states
    frames.decode_into(0, block[k])           the same for one grey frame, into memory that is there

Bits beyond `BitsStored` in which the header has overlays are masked away, negative numbers are extended. Values are as
stored: no rescale, no window, no colour. Source: DICOM PS3.5 section 8.
"""

import struct
from io import BytesIO

import numpy as np
from pydicom.encaps import generate_fragments, generate_frames, parse_basic_offsets
from pydicom.pixels.utils import expand_ybr422
from pydicom.uid import UID

from scanwright.errors import UnreadableFile
from scanwright.io.dicom import rle
from scanwright.io.dicom.codecs import by_pixel, decode_frame
from scanwright.io.dicom.encoded import NATIVE, RLE, Encoded, Stored
from scanwright.io.dicom.intake import DEFLATED, EXPLICIT_BIG, open_instance, pixel_bytes, value_at
from scanwright.io.guard import as_unreadable, truncated
from scanwright.types import Array

CODESTREAMS = (b"\xff\xd8\xff", b"\xff\x4f\xff\x51")  # JPEG and JPEG-LS, JPEG 2000


class PixelFrames:
    """The frames of one object, each read and decoded when it is asked for.

    Raises UnreadableFile for damaged or missing pixels.
    """

    def __init__(self, encoded: Encoded) -> None:
        self.encoded = encoded
        self.stored = encoded.stored
        self._inflated = pixel_bytes(open_instance(encoded.path)) if encoded.syntax == DEFLATED else None
        self._streams = [] if encoded.syntax in NATIVE else self._split()

    def decode(self, number: int) -> tuple[Array, str]:
        """One frame: (rows, columns, samples) in `stored.dtype`, and the photometric interpretation that it now has."""
        with as_unreadable(self.encoded.path, expected=f"pixels in {UID(self.encoded.syntax).name}"):
            if self._streams:
                frame, photometric = decode_frame(self._streams[number], self.encoded)
            else:
                frame, photometric = self._plain(number)
            self._require_bits(frame)
            return cleaned(frame, self.stored), photometric

    def decode_into(self, number: int, out: Array) -> None:
        """One grey frame into `out`, (rows, columns) of `stored.dtype`, contiguous; without a copy if it is stored so."""
        stored = self.stored
        size = stored.frame_bits // 8
        if self._streams or self._inflated is not None or stored.allocated == 1 or stored.samples > 1 or self._swapped:
            out[...] = self.decode(number)[0][..., 0]
            return
        with self.encoded.path.open("rb", buffering=0) as stream:
            stream.seek(self.encoded.pixels.value + number * size)
            if stream.readinto(memoryview(out).cast("B")) != size:  # type: ignore[arg-type]
                raise truncated(self.encoded.path, size, "less")
        if stored.stored < stored.allocated:
            self._require_bits(out)
            out[...] = cleaned(out, stored)

    def _require_bits(self, frame: Array) -> None:
        """Raise UnreadableFile if numbers need bits above the highest of the header, which would be cut off.

        There may be zeros, the sign's bit again, and overlays where the header says so. A codestream's precision may be
        larger than the bits stored: what it holds must not be.
        """
        stored = self.stored
        if stored.is_float or stored.allocated == 1 or stored.high == stored.allocated - 1:
            return
        cells = frame.view(f"u{frame.dtype.itemsize}")
        above = (1 << stored.allocated) - (2 << stored.high) & ~stored.overlays
        extra = cells & cells.dtype.type(above)
        if not extra.any():
            return
        negative = cells & cells.dtype.type(1 << stored.high) != 0
        if not (stored.signed and ((extra == 0) | ((extra == above) & negative)).all()):
            raise UnreadableFile(
                "pixels that need more bits than the header says",
                where=self.encoded.path,
                expected=f"{stored.stored} bits",
                found=f"values from {frame.min()} to {frame.max()}",
            )

    @property
    def _swapped(self) -> bool:
        return self.encoded.syntax == EXPLICIT_BIG

    def _split(self) -> list[bytes]:
        """The encoded frames. Raises UnreadableFile if there are fewer or more than the header says."""
        with as_unreadable(self.encoded.path, expected="encapsulated pixels"):
            value = value_at(self.encoded.path, self.encoded.pixels)
            frames: list[bytes] = []
            found = self._begun(value)
            if found <= self.stored.frames:
                frames = list(generate_frames(value, number_of_frames=self.stored.frames))
                found = len(frames)
        if found > self.stored.frames:
            raise UnreadableFile(
                "more frames than the header says", where=self.encoded.path, expected=self.stored.frames, found=found
            )
        if found < self.stored.frames:
            raise truncated(self.encoded.path, self.stored.frames, f"{found} frames")
        return frames

    def _begun(self, value: bytes) -> int:
        """How many fragments begin a frame: without a table of offsets, all fragments of one frame are joined."""
        stored = self.stored
        start = struct.pack("<2I", stored.samples * stored.allocated // 8, rle.HEADER_BYTES)
        starts = (start,) if self.encoded.syntax == RLE else CODESTREAMS
        fragments = BytesIO(value)
        parse_basic_offsets(fragments)
        return sum(one.startswith(starts) for one in generate_fragments(fragments))

    def _bytes(self, first: int, count: int) -> bytes | bytearray:
        """Bytes `first` to `first + count` of the uncompressed pixels."""
        if self._inflated is not None:
            return self._inflated[first : first + count]
        with self.encoded.path.open("rb") as stream:
            stream.seek(self.encoded.pixels.value + first)
            return stream.read(count)

    def _plain(self, number: int) -> tuple[Array, str]:
        """One uncompressed frame; frames of single bits need not begin at a byte."""
        stored = self.stored
        if stored.allocated == 1:
            first = number * stored.frame_bits
            block = self._bytes(first // 8, -(-(first % 8 + stored.frame_bits) // 8))
            bits = unpacked(block, first % 8, stored.frame_bits)
            return bits.reshape(stored.rows, stored.columns, stored.samples), stored.photometric
        size = stored.frame_bits // 8
        dtype = stored.dtype.newbyteorder(">" if self._swapped else "<")
        cells = np.frombuffer(self._bytes(number * size, size), dtype)
        if self._swapped and stored.allocated == 8 and self.encoded.pixels.vr == "OW":  # bytes written as words
            cells = cells.view("u2").byteswap().view(stored.dtype)
        if stored.photometric == "YBR_FULL_422":
            full = np.frombuffer(expand_ybr422(cells.tobytes(), 8), np.uint8)
            return full.reshape(stored.rows, stored.columns, 3), "YBR_FULL"
        return by_pixel(cells, stored, planar=stored.planar).astype(stored.dtype, copy=False), stored.photometric


def unpacked(value: bytes | bytearray, first: int, count: int) -> Array:
    """`count` single bits from bit `first` on, as uint8; the lowest bit of a byte comes first (PS3.5 8.1.1)."""
    block = np.frombuffer(value, np.uint8, -(-(first + count) // 8) - first // 8, first // 8)
    return np.unpackbits(block, bitorder="little")[first % 8 : first % 8 + count]


def cleaned(frame: Array, stored: Stored) -> Array:
    """Only the stored bits, with the sign that they have."""
    if stored.is_float or stored.allocated == 1 or stored.stored == stored.allocated:
        return frame
    up, down = stored.allocated - 1 - stored.high, stored.allocated - stored.stored
    return np.asarray((frame << up) >> down)

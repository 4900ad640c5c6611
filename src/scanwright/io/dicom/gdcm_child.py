"""The child process that decodes JPEG by GDCM; `jpeg` asks it, nobody else runs this.

A request is one frame's JPEG stream and, in the header, syntax, rows, columns, samples and the precision of the stream.
The answer is its samples in rows, colour by pixel, little endian, one byte each up to 8 bits of precision and else two.
GDCM converts no colours here: chroma is brought to full resolution and otherwise left as it is in the stream.
"""

import os
import re
from typing import Any

from scanwright.io.confine import Answer, Header, serve

PIXEL_DATA = (0x7FE0, 0x0010)
DAMAGE = re.compile(r"Corrupt JPEG data[^\n]*|Premature end[^\n]*")
# Said of good streams too: GDCM tries its 16-bit decoder first, and many 12-bit encoders write a scan header like that.
HARMLESS = ("Unsupported JPEG data precision 12", "Invalid SOS parameters for sequential JPEG")
PRINTED_BYTES = 32 << 10


def load() -> Answer:
    """Load GDCM and make it quiet. Raises ImportError if python-gdcm is not installed."""
    import gdcm

    for quiet in (gdcm.Trace.DebugOff, gdcm.Trace.WarningOff, gdcm.Trace.ErrorOff):
        quiet()
    printed = _printed()

    def answer(header: Header, body: bytearray) -> tuple[Header, bytes]:
        pixels = _decoded(gdcm, header, body)
        said = _read_all(printed)
        # One warning alone is none to GDCM, and what follows the damage is made up: so one is enough here.
        if DAMAGE.search(said) or len(pixels) != header["bytes"]:
            raise ValueError(_reason(said))
        return {}, pixels

    return answer


def _decoded(gdcm: Any, header: Header, body: bytearray) -> bytes:
    """The samples as GDCM gives them, or nothing. As pydicom asks it, except for the number format: cells of 8 or 16 bits
    for the stream's own precision, all bits stored. What the DICOM header says of bits is often something else, and GDCM
    then fails; with fewer than 8 bits stored it aborts.
    """
    samples, bits = header["samples"], 8 if header["precision"] <= 8 else 16
    image = gdcm.Image()
    image.SetNumberOfDimensions(2)
    image.SetDimensions((header["columns"], header["rows"], 1))
    image.SetDataElement(_element(gdcm, body))
    interpretation = gdcm.PhotometricInterpretation.GetPIType("MONOCHROME2" if samples == 1 else "YBR_FULL")
    image.SetPhotometricInterpretation(gdcm.PhotometricInterpretation(interpretation))
    image.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.GetTSType(header["syntax"])))
    image.SetPixelFormat(gdcm.PixelFormat(samples, bits, bits, bits - 1, 0))
    # The wrapper makes text of bytes, as far as they are UTF-8; this takes it back exactly.
    pixels: bytes = (image.GetBuffer() or "").encode("utf-8", "surrogateescape")
    return pixels


def _element(gdcm: Any, body: bytearray) -> Any:
    fragment = gdcm.Fragment()
    fragment.SetByteStringValue(bytes(body))
    fragments = gdcm.SequenceOfFragments.New()
    fragments.AddFragment(fragment)
    element = gdcm.DataElement(gdcm.Tag(*PIXEL_DATA))
    element.SetValue(fragments.__ref__())
    return element


def _reason(said: str) -> str:
    found = [line.strip() for line in said.splitlines() if line.strip() and line.strip() not in HARMLESS]
    return found[-1] if found else "the JPEG stream is damaged or cut"


def _printed() -> int:
    """Catch what the JPEG library prints: that is the only place where it says that data are damaged."""
    reading, writing = os.pipe()
    os.dup2(writing, 2)
    for end in (reading, writing):
        os.set_blocking(end, False)
    return reading


def _read_all(printed: int) -> str:
    try:
        return os.read(printed, PRINTED_BYTES).decode("ascii", "replace")
    except BlockingIOError:
        return ""


if __name__ == "__main__":
    serve(load)

"""The one door for DICOM files: structure and sizes are checked before pydicom sees them, and pixels stay on the disk.

    instance = open_instance(path)                  header only, whatever the file's size
    instance.header                                 its elements, decoded one by one (see `elements`)
    instance.dataset                                the same as a pydicom data set
    pixel_bytes(instance)                           the pixel value as it is stored

A deflated file is inflated up to its pixels for the header, and as far as the header promises for these. A file without
preamble or file meta information is read if its first element looks like a data set's. Nothing here decodes pixels.
Source: DICOM PS3.10 section 7 (file format).
"""

import functools
import io
import re
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path

from pydicom import config
from pydicom.charset import convert_encodings
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filereader import read_dataset
from pydicom.multival import MultiValue
from pydicom.uid import UID

from scanwright.errors import InputError, UnreadableFile
from scanwright.io.dicom.elements import Elements, text
from scanwright.io.dicom.header import Header
from scanwright.io.dicom.walk import (
    BIG,
    EXPLICIT,
    IMPLICIT,
    UNDEFINED,
    Encoding,
    Malformed,
    Pixels,
    Walked,
    guess,
    walk,
)
from scanwright.io.guard import COPY_HINT, as_unreadable, beginning, require_file, truncated

EXPECTED = "a DICOM file"
FIRST_BYTES = 64 << 10  # holds the header of nearly every single-frame file
MAX_HEADER_BYTES = 1 << 30
INFLATED_FREE = 8 << 20  # what a deflated header may grow to whatever its packed size
INFLATED_RATIO = 50
UNKNOWN_SIZE = 1 << 62  # of what is not inflated yet
PIECE_BYTES = 1 << 20
META_BYTES = 1 << 10  # hold the class of the object, which stands at the beginning

# Scanners write values that the standard forbids (too long, letters in numbers); they are read as far as they make sense.
config.settings.reading_validation_mode = config.IGNORE

IMPLICIT_LITTLE, EXPLICIT_LITTLE = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
DEFLATED, EXPLICIT_BIG = "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2"
ENCODINGS = {IMPLICIT_LITTLE: IMPLICIT, EXPLICIT_BIG: BIG}


class Instance:
    """One DICOM object: its header, and where its pixels lie.

    header: its elements, decoded when they are asked for. syntax: the transfer syntax UID, guessed where the file has none
    (noted). pixels: None if the object has none; of a deflated file, where they lie once it is inflated. packed: where the
    deflated data begin, None in other files.
    """

    def __init__(
        self,
        path: Path,
        data: bytes,
        walked: Walked,
        encoding: Encoding,
        *,
        start: int,
        syntax: str,
        notes: tuple[str, ...] = (),
        packed: int | None = None,
    ) -> None:
        self.path = path
        self.syntax = syntax
        self.pixels = walked.pixels
        self.notes = notes
        self.packed = packed
        self._head = data[start : walked.pixels.start if walked.pixels else None]
        self._encoding = encoding
        self.header = Header(data, walked.index, encoding, lambda: self.dataset)

    @functools.cached_property
    def dataset(self) -> Dataset:
        """All elements but the pixels as pydicom reads them, with the transfer syntax as file meta information."""
        return _parsed(self._head, self._encoding, EXPLICIT_LITTLE if self.syntax == DEFLATED else self.syntax)


def looks_like_dicom(path: Path) -> bool:
    """Whether a file has DICOM's mark, or begins as a data set without it does. Raises nothing: unreadable is no."""
    block = beginning(path, 132)
    return block[128:132] == b"DICM" or _bare(block)


def sop_class_of(path: Path) -> str:
    """The SOP class that a file's first bytes name, whatever the rest of it is; "" if they name none. Raises nothing."""
    found = re.search(rb"\x02\x00\x02\x00UI..([0-9.]+)", beginning(path, META_BYTES), re.DOTALL)
    return found[1].decode("ascii") if found else ""


def open_instance(path: Path) -> Instance:
    """Check a file's structure, then read its header.

    Raises InputError if there is no such file, UnreadableFile if it is not DICOM, cut, malformed or over a limit.
    """
    size = require_file(path)
    with as_unreadable(path, expected=EXPECTED):
        try:
            return _open(path, size)
        except Malformed as error:
            raise UnreadableFile(
                f"malformed DICOM: {error}", where=path, expected=error.expected, found=error.found, hint=COPY_HINT
            ) from error


def pixel_bytes(instance: Instance) -> bytes | bytearray:
    """The pixel value as stored: plain pixels, or the fragments of encapsulated ones with their item tags.

    Raises UnreadableFile if the file has become shorter or its deflated data are damaged, InputError if it has no pixels.
    """
    if instance.pixels is None:
        raise InputError("no pixels in this DICOM file", where=instance.path, found=kind_of(instance.header))
    if instance.packed is not None:
        return _inflated_value(instance.path, instance.packed, instance.pixels)
    return value_at(instance.path, instance.pixels)


def value_at(path: Path, pixels: Pixels) -> bytes:
    """The bytes of a file's pixel value, whose place is known. Raises UnreadableFile if they are not there (any more)."""
    with path.open("rb") as stream:
        stream.seek(pixels.value)
        if pixels.length == UNDEFINED:
            return stream.read()
        value = stream.read(pixels.length)
    if len(value) < pixels.length:
        raise truncated(path, pixels.length, str(len(value)))
    return value


def kind_of(header: Elements) -> str:
    """What an object is, in words: its SOP class's name, else its modality, else "an object without a class"."""
    uid = text(header, "SOPClassUID")
    return (UID(uid).name if uid else "") or text(header, "Modality") or "an object without a class"


def _open(path: Path, size: int) -> Instance:
    with path.open("rb") as stream:
        data = stream.read(FIRST_BYTES)
        start = 132 if data[128:132] == b"DICM" else 0
        if not start and not _bare(data):
            raise UnreadableFile(
                "not a DICOM file", where=path, expected=EXPECTED, found="other bytes" if any(data) else "zeros"
            )
        meta_end, syntax = _file_meta(data, start)
        notes = () if syntax else ("no transfer syntax in the file: taken from its first element",)
        if syntax == DEFLATED:
            head, walked = _inflated_header(path, data + stream.read(), meta_end)
            return Instance(path, head, walked, EXPLICIT, start=0, syntax=syntax, notes=notes, packed=meta_end)
        encoding = ENCODINGS.get(syntax, EXPLICIT) if syntax else guess(data, meta_end)
        walked = walk(data, meta_end, encoding, size=size)
        while walked.pixels is None and len(data) < size:
            if len(data) > MAX_HEADER_BYTES:
                raise Malformed(
                    "the header is too large", expected=f"at most {MAX_HEADER_BYTES >> 20} MiB", found="more"
                )
            data += stream.read(len(data) * 3)
            walked = walk(data, meta_end, encoding, size=size)
    guessed = {IMPLICIT: IMPLICIT_LITTLE, BIG: EXPLICIT_BIG}.get(encoding, EXPLICIT_LITTLE)
    return Instance(path, data, walked, encoding, start=meta_end, syntax=syntax or guessed, notes=notes)


def _bare(data: bytes) -> bool:
    """Whether bytes begin as a data set without preamble does: group 0002 or 0008 with a plausible length."""
    if len(data) < 16 or data[:2] not in (b"\2\0", b"\x08\0", b"\0\x08"):
        return False
    encoding = guess(data, 0)
    if encoding.explicit:
        return True
    return int.from_bytes(data[2:4], "little") <= 0x0060 and int.from_bytes(data[4:8], "little") <= 64


def _file_meta(data: bytes, start: int) -> tuple[int, str]:
    """Where the file meta information (group 0002, always explicit little endian) ends, and the transfer syntax in it."""
    position, syntax = start, ""
    while data[position : position + 2] == b"\2\0" and position + 12 <= len(data):
        long = data[position + 4 : position + 6] in (b"OB", b"UN", b"UT", b"OW", b"SQ")
        where, width = (position + 8, 4) if long else (position + 6, 2)
        length, value = int.from_bytes(data[where : where + width], "little"), where + width
        if value + length > len(data):
            raise Malformed("the file meta information does not end", expected="at most 64 KiB", found="more")
        if data[position + 2 : position + 4] == b"\x10\0":
            syntax = data[value : value + length].decode("latin-1").strip("\0 ")
        position = value + length
    return position, syntax


def _inflated_header(path: Path, data: bytes, start: int) -> tuple[bytes, Walked]:
    """A deflated data set up to its pixels, which stay packed, and what the walk saw of it.

    Raises UnreadableFile if a header grows beyond a few MiB and 50 times the whole packed size, Malformed if it is damaged.
    """
    limit = INFLATED_FREE + INFLATED_RATIO * (len(data) - start)
    result, looked = bytearray(), 0
    for piece in _pieces(data[start:]):
        result += piece
        if len(result) > limit:
            raise UnreadableFile(
                "a deflated header that grows beyond all measure",
                where=path,
                expected=f"at most {limit >> 20} MiB",
                found="more",
            )
        if len(result) >= 4 * looked:
            looked, head = len(result), bytes(result)
            walked = walk(head, 0, EXPLICIT, size=UNKNOWN_SIZE)
            if walked.pixels is not None:
                return head, walked
    return bytes(result), walk(bytes(result), 0, EXPLICIT)


def _inflated_value(path: Path, start: int, pixels: Pixels) -> bytearray:
    """The pixel value of a deflated file, no more than its length. Raises UnreadableFile if it is damaged or cut."""
    value, before = bytearray(), pixels.value
    with as_unreadable(path, expected="deflated pixels"):
        for piece in _pieces(path.read_bytes()[start:]):
            value += piece[before:]
            before = max(0, before - len(piece))
            if len(value) >= pixels.length:
                break
    if len(value) < pixels.length:
        raise truncated(path, pixels.length, str(len(value)))
    del value[pixels.length :]
    return value


def _pieces(packed: bytes) -> Iterator[bytes]:
    """A raw deflate stream, inflated by pieces, the first ones small. Raises Malformed if it is damaged."""
    inflater, size = zlib.decompressobj(wbits=-zlib.MAX_WBITS), FIRST_BYTES
    try:
        while packed and not inflater.eof:
            yield inflater.decompress(packed, size)
            packed, size = inflater.unconsumed_tail, PIECE_BYTES
    except zlib.error as error:
        raise Malformed("the deflated data are damaged", expected="a deflate stream", found=str(error)) from error


def _parsed(head: bytes, encoding: Encoding, syntax: str) -> Dataset:
    """The header by pydicom, its encoding given by us: what a file lacks or says wrongly of itself is decided already."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of character sets that it does not know
        dataset = read_dataset(io.BytesIO(head), not encoding.explicit, encoding.little)
        sets = _character_sets(dataset)
    dataset.set_original_encoding(not encoding.explicit, encoding.little, sets)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = UID(syntax)
    return dataset


def _character_sets(dataset: Dataset) -> list[str]:
    """Python's names of the character sets; Latin-1, which decodes any byte, in place of what is unknown."""
    named = dataset.get("SpecificCharacterSet") or "ISO_IR 6"
    try:
        return list(convert_encodings(list(named) if isinstance(named, MultiValue) else str(named)))
    except LookupError:
        return ["iso8859"]

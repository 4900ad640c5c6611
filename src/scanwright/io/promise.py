"""The text headers of MetaImage and NRRD, read before ITK sees the file: what they promise, and where the voxels lie.

Voxels are read here too, from raw bytes, gzip or zlib. ITK would fill a damaged compressed file with whatever was in
memory and say nothing; here its checksum decides. Voxels lie in the file itself or in one of a plain name beside it: a
header can send nobody to another place.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from scanwright.errors import GeometryError, InputError, UnreadableFile
from scanwright.io.guard import (
    Inflated,
    as_unreadable,
    checked_bytes,
    read_exactly,
    require_end,
    require_file,
)
from scanwright.types import Array

HEADER_BYTES = 1 << 20
PADDING_BYTES = 4096
META_TYPES = {
    "MET_UCHAR": "u1", "MET_CHAR": "i1", "MET_USHORT": "u2", "MET_SHORT": "i2", "MET_UINT": "u4", "MET_INT": "i4",
    "MET_ULONG_LONG": "u8", "MET_LONG_LONG": "i8", "MET_FLOAT": "f4", "MET_DOUBLE": "f8",
}  # fmt: skip
NRRD_TYPES = {
    "uchar": "u1", "unsigned char": "u1", "uint8": "u1", "uint8_t": "u1",
    "signed char": "i1", "int8": "i1", "int8_t": "i1",
    "short": "i2", "short int": "i2", "signed short": "i2", "signed short int": "i2", "int16": "i2", "int16_t": "i2",
    "ushort": "u2", "unsigned short": "u2", "unsigned short int": "u2", "uint16": "u2", "uint16_t": "u2",
    "int": "i4", "signed int": "i4", "int32": "i4", "int32_t": "i4",
    "uint": "u4", "unsigned int": "u4", "uint32": "u4", "uint32_t": "u4",
    "longlong": "i8", "long long": "i8", "long long int": "i8", "int64": "i8", "int64_t": "i8",
    "ulonglong": "u8", "unsigned long long": "u8", "unsigned long long int": "u8", "uint64": "u8", "uint64_t": "u8",
    "float": "f4", "double": "f8",
}  # fmt: skip
NRRD_IMAGE_KINDS = ("domain", "space", "time", "none", "???")
META_GEOMETRY = ("transformmatrix", "rotation", "orientation", "offset", "position", "origin", "elementspacing")
NRRD_GEOMETRY = ("space directions", "space origin")


@dataclass(frozen=True, slots=True)
class Promise:
    """What a text header says of its voxels.

    sizes: in the file's order, the fastest first. channel_axis: which of them counts the values of a voxel, if one does.
    offset: bytes before the voxels, -1 for voxels at the very end. fields: keys in lower case, NRRD's own key:=value
    pairs with theirs.
    """

    sizes: tuple[int, ...]
    channel_axis: int | None
    stored: np.dtype[Any]
    packed: bool
    voxel_file: Path
    offset: int
    fields: dict[str, str]

    @property
    def dtype(self) -> np.dtype[Any]:
        """The number type in this machine's byte order."""
        return self.stored.newbyteorder("=")


def format_of(path: Path) -> str:
    """The format that the suffix promises, for messages."""
    return "an NRRD image" if is_nrrd(path) else "a MetaImage"


def is_nrrd(path: Path) -> bool:
    """Whether the suffix is NRRD's."""
    return path.suffix.lower() in (".nrrd", ".nhdr")


def read_promise(path: Path) -> Promise:
    """Read and check the text header alone.

    Raises UnreadableFile (another format, impossible sizes, over the limits), InputError (an encoding or number type that
    is not read, voxels in another place), GeometryError (positions that are not finite).
    """
    require_file(path)
    with path.open("rb") as stream:
        block = stream.read(HEADER_BYTES)
    with as_unreadable(path, expected=format_of(path)):
        promise = _nrrd(block, path) if is_nrrd(path) else _meta(block, path)
        checked_bytes(path, promise.sizes, promise.stored)
        _check_finite(promise, path)
    return promise


def read_voxels(promise: Promise) -> Array:
    """All values, (C, I, J, …) with C = 1 where there is no channel axis, in this machine's byte order.

    Raises UnreadableFile if there are fewer or many more than promised, or the compressed data are damaged.
    """
    path = promise.voxel_file
    count = checked_bytes(path, promise.sizes, promise.stored)
    with as_unreadable(path, expected="voxels"), _at_voxels(promise, count) as stream:
        stored = read_exactly(stream, count, path).view(promise.stored)
        require_end(stream, path, allowed=0 if promise.packed else PADDING_BYTES)
    array = stored.reshape(promise.sizes, order="F").astype(promise.dtype, copy=False)
    return array[None] if promise.channel_axis is None else np.moveaxis(array, promise.channel_axis, 0)


@contextmanager
def _at_voxels(promise: Promise, count: int) -> Iterator[IO[bytes]]:
    size = require_file(promise.voxel_file)
    with promise.voxel_file.open("rb") as raw:
        raw.seek(max(size - count, 0) if promise.offset < 0 else promise.offset)
        yield Inflated(raw) if promise.packed else raw  # type: ignore[misc]


def _meta(block: bytes, path: Path) -> Promise:
    fields, length = _meta_fields(block)
    if "ndims" not in fields or "elementdatafile" not in fields:
        raise UnreadableFile(
            "not a MetaImage", where=path, expected="NDims and ElementDataFile", found="a header without"
        )
    if fields.get("binarydata", "true").lower() == "false":
        raise InputError("voxels written as text are not read", where=path, hint="Save the image as binary .mha.")
    channels = _whole(fields.get("elementnumberofchannels", "1"), path)
    sizes = _sizes(fields.get("dimsize", ""), fields["ndims"], path)
    swapped = "true" in (
        fields.get("binarydatabyteordermsb", "").lower(),
        fields.get("elementbyteordermsb", "").lower(),
    )
    place = fields["elementdatafile"]
    local = place.upper() == "LOCAL"
    return Promise(
        sizes=(channels, *sizes) if channels != 1 else sizes,
        channel_axis=0 if channels != 1 else None,
        stored=_number_type(META_TYPES, fields.get("elementtype", ""), path).newbyteorder(">" if swapped else "<"),
        packed=fields.get("compresseddata", "false").lower() == "true",
        voxel_file=path if local else _beside(path, place),
        offset=length if local else _whole(fields.get("headersize", "0"), path),
        fields=fields,
    )


def _meta_fields(block: bytes) -> tuple[dict[str, str], int]:
    """Keys and values, and the length of the header: by definition it ends after the line of ElementDataFile."""
    fields: dict[str, str] = {}
    length = 0
    for line in block.split(b"\n"):
        key, mark, value = line.decode("latin-1").partition("=")
        if not mark:
            break
        length += len(line) + 1
        fields[key.strip().lower()] = value.strip()
        if key.strip().lower() == "elementdatafile":
            break
    return fields, length


def _nrrd(block: bytes, path: Path) -> Promise:
    if not block.startswith(b"NRRD000"):
        raise UnreadableFile(
            "not an NRRD file", where=path, expected="a file that begins with NRRD", found="other bytes"
        )
    end = re.search(rb"\r?\n\r?\n", block)
    fields = _nrrd_fields(block[: end.start()] if end else block)
    place = fields.get("data file", fields.get("datafile"))
    if place is None and end is None:
        raise UnreadableFile("the header does not end", where=path, expected="an empty line after it", found="none")
    encoding, skip = (
        fields.get("encoding", "").lower(),
        _whole(fields.get("byte skip", fields.get("byteskip", "0")), path),
    )
    packed = encoding in ("gzip", "gz")
    if (
        encoding not in ("raw", "gzip", "gz")
        or fields.get("line skip", fields.get("lineskip", "0")) != "0"
        or (packed and skip)
    ):
        raise InputError(
            "an NRRD encoding that is not read", where=path, expected="raw or gzip", found=encoding or "none"
        )
    sizes = _sizes(fields.get("sizes", ""), fields.get("dimension", ""), path)
    start = end.end() if place is None and end else 0
    return Promise(
        sizes=sizes,
        channel_axis=_nrrd_channel_axis(fields, len(sizes), path),
        stored=_number_type(NRRD_TYPES, fields.get("type", "").lower(), path).newbyteorder(_nrrd_order(fields)),
        packed=packed,
        voxel_file=path if place is None else _beside(path, place),
        offset=start + skip if skip >= 0 else -1,
        fields=fields,
    )


def _nrrd_fields(header: bytes) -> dict[str, str]:
    fields: dict[str, str] = {}
    for line in header.decode("utf-8", "replace").splitlines()[1:]:
        own, described = line.partition(":="), line.partition(":")
        if line.startswith("#") or not described[1]:
            continue
        if own[1] and len(own[0]) == len(described[0]):
            fields[own[0]] = own[2]
        else:
            fields[described[0].strip().lower()] = described[2].strip()
    return fields


def _nrrd_order(fields: dict[str, str]) -> Any:
    return ">" if fields.get("endian", "little").lower() == "big" else "<"


def _nrrd_channel_axis(fields: dict[str, str], dims: int, path: Path) -> int | None:
    """The one axis that is not space or time, by its kind or by having no direction."""
    kinds = fields.get("kinds", "").lower().split()
    directions = re.findall(r"none|\([^)]*\)", fields.get("space directions", "").lower())
    axes = {axis for axis, kind in enumerate(kinds) if kind not in NRRD_IMAGE_KINDS}
    axes |= {axis for axis, direction in enumerate(directions) if direction == "none"}
    if len(axes) > 1 or any(axis >= dims for axis in axes):
        raise InputError("more than one axis beyond space", where=path, found=fields.get("kinds", ""))
    return axes.pop() if axes else None


def _number_type(known: dict[str, str], name: str, path: Path) -> np.dtype[Any]:
    if name not in known:
        error = InputError if name else UnreadableFile
        raise error("not a number type of images", where=path, expected="integers or floats", found=name[:40] or "none")
    return np.dtype(known[name])


def _sizes(text: str, count: str, path: Path) -> tuple[int, ...]:
    sizes = tuple(_whole(word, path) for word in text.split())
    if not sizes or len(sizes) != _whole(count, path):
        raise UnreadableFile(
            "the header gives no sizes, or not one an axis", where=path, expected=f"{count[:9]} sizes", found=text[:80]
        )
    return sizes


def _whole(text: str, path: Path) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise UnreadableFile("the header has text where a number belongs", where=path, found=text[:40]) from error


def _beside(path: Path, name: str) -> Path:
    """The voxel file that a header names: a plain name in the header's own folder, nothing else."""
    if not name or name != Path(name).name or name.upper().startswith("LIST") or re.search(r"[\\/:%\0]", name):
        raise InputError(
            "the header points outside its folder or to several files",
            where=path,
            expected="voxels in the same file, or one file beside it",
            found=name[:80],
            hint="Save the image as one .nrrd, .mha or .nii.gz file.",
        )
    return path.parent / name


def _check_finite(promise: Promise, path: Path) -> None:
    """Refuse NaN and infinity in positions, which ITK reads as 0."""
    for key in NRRD_GEOMETRY if is_nrrd(path) else META_GEOMETRY:
        text = promise.fields.get(key, "")
        if re.search(r"nan|inf", text, re.IGNORECASE):
            raise GeometryError("the header has a position that is not finite", where=path, found=f"{key}: {text[:80]}")

"""NIfTI-1 and NIfTI-2 in one file (.nii, .nii.gz), read by these rules.

    position   sform if its code is positive, else qform if its code is positive, else voxel sizes alone (noted)
    two forms  coded for the same space they must agree, else the file is refused: nobody can know which is right.
               Coded for different spaces (scanner, template) the sform is used, and noted; a mirror image is refused
    unit       metres and micrometres become millimetres; no unit means millimetres, as the format's users mean it
    numbers    slope 0 or not finite means unscaled: the stored type is kept. Scaled: float32, or float64 from 32 bits
    axes       2-D gets one slice. A fourth or fifth axis longer than 1 is refused unless the caller says that it holds
               channels. Colour (RGB24, RGBA32 without transparency) gives three channels

The header is decoded by nibabel; the voxels are read here, once, no further than the header promises. Written files
carry qform and sform with code 1 (scanner), the qform only if the axes are at right angles.
"""

import gzip
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import nibabel as nib
import numpy as np

from scanwright.doubt import Doubt
from scanwright.errors import GeometryError, InputError, UnreadableFile
from scanwright.files import writing
from scanwright.geometry.affine import Affine, as_text, checked_affine, corner_distance, is_rigid
from scanwright.geometry.grid import Grid
from scanwright.geometry.volume import Volume
from scanwright.io.guard import (
    FOURTH_AXIS_HINT,
    as_unreadable,
    checked_bytes,
    opened,
    read_exactly,
    require_end,
    require_file,
)
from scanwright.io.header import Header
from scanwright.types import Array, Shape3

EXPECTED = "a NIfTI image"
SIZES: dict[int, Any] = {348: nib.Nifti1Header, 540: nib.Nifti2Header}
MAGICS = {348: b"n+1\0", 540: b"n+2\0\r\n\x1a\n"}
MM_PER_UNIT = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 0.001}
NUMBERS = ("u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8")
COLOURS = {128: 3, 2304: 4}
MAX_SHORT = 32767  # longest axis that NIfTI-1 can hold
MAX_OFFSET = 1 << 28  # bytes of header extensions
PADDING_BYTES = 4096  # what some writers leave after the voxels
GZIP_LEVEL = 4
NOWHERE = Doubt("no-position", "no position or orientation in the file: axes taken as R, A, S")
TWO_SPACES = Doubt("two-spaces", "qform and sform name different spaces: the sform is used")


@dataclass(frozen=True, slots=True)
class Layout:
    """Where and how the voxels of a file are stored: numbers of type `stored`, axes I, J, K, C (C first for colour)."""

    header: Header
    stored: np.dtype[Any]
    colours: int
    offset: int
    slope: float | None
    intercept: float


def read_header(path: Path, *, as_channels: bool = False) -> Header:
    """Grid, channels and number type of a NIfTI file; its voxels are not touched. Errors as `read`."""
    require_file(path)
    with as_unreadable(path, expected=EXPECTED), opened(path) as stream:
        return _read_layout(stream, path, as_channels)[0].header


def read(path: Path, *, as_channels: bool = False) -> Volume:
    """A NIfTI file as a volume in its own axis order.

    Raises UnreadableFile (not NIfTI, truncated, too large), GeometryError (forms that disagree, singular or not
    finite), InputError (a fourth axis and `as_channels` is False; a number type that is not an image's).
    """
    require_file(path)
    with as_unreadable(path, expected=EXPECTED), opened(path) as stream:
        layout, consumed = _read_layout(stream, path, as_channels)
        head = layout.header
        shape = (layout.colours, *head.grid.shape, head.channels // min(layout.colours, 3))
        count = checked_bytes(path, shape, layout.stored)
        _skip(stream, layout.offset - consumed, path)
        stored = read_exactly(stream, count, path).view(layout.stored)
        require_end(stream, path, allowed=PADDING_BYTES)
        voxels = _channels_first(stored.reshape(shape, order="F"), path)
        return Volume(_scaled(voxels, layout), head.grid, head.notes)


def write(path: Path, volume: Volume) -> None:
    """Write a volume; several channels become the fourth axis. One atomic step; the same volume gives the same bytes.

    Booleans become uint8 and float16 float32; 64-bit integers become the smallest of uint8, int16, uint16, int32 that
    holds them. Raises InputError where none does (nothing ever wraps), ResourceError if the disk is full.
    """
    voxels = storable(volume.voxels, path)
    header = _header_for(volume.grid, voxels)
    with writing(path) as stream:
        if path.suffix.lower() != ".gz":
            _write_to(stream, header, voxels)
            return
        with gzip.GzipFile(filename="", mode="wb", fileobj=stream, compresslevel=GZIP_LEVEL, mtime=0) as packed:
            _write_to(packed, header, voxels)  # type: ignore[arg-type]


def storable(voxels: Array, path: Path) -> Array:
    """Voxels in a number type that every reader of medical images knows; values are never changed.

    Raises InputError for complex numbers, and for integers beyond 32 bits.
    """
    kind, size = voxels.dtype.kind, voxels.dtype.itemsize
    if kind == "b":
        return voxels.astype(np.uint8)
    if kind == "f":
        return voxels.astype(np.float32 if size <= 4 else np.float64, copy=False)
    if kind not in "iu":
        raise InputError("voxels must be whole or real numbers", where=path, found=voxels.dtype.name)
    return voxels if size <= 2 or voxels.dtype == np.int32 else smallest_integers(voxels, path)


def smallest_integers(voxels: Array, path: Path) -> Array:
    """Integers in the smallest of uint8, int16, uint16, int32 that holds them all. Raises InputError if none does."""
    low, high = (int(voxels.min()), int(voxels.max())) if voxels.size else (0, 0)
    for dtype in (np.uint8, np.int16, np.uint16, np.int32):
        if np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max:
            return voxels.astype(dtype, copy=False)
    raise InputError(
        "values too large to be stored",
        where=path,
        expected="whole numbers of at most 32 bits",
        found=f"{low} to {high}",
        hint="Store them as floating point if rounding is acceptable.",
    )


def _read_layout(stream: IO[bytes], path: Path, as_channels: bool) -> tuple[Layout, int]:
    """The decoded header, and how many bytes of the stream it took."""
    block = stream.read(4)
    endianness, size = _recognise(block, path)
    block += stream.read(size - 4)
    magic = block[344:] if size == 348 else block[4:12]
    if magic != MAGICS[size]:
        raise UnreadableFile("not a NIfTI image", where=path, expected=EXPECTED, found=_describe(block))
    header = SIZES[size](binaryblock=block, endianness=endianness, check=False)
    return _interpret(header, path, as_channels), size


def _recognise(start: bytes, path: Path) -> tuple[str, int]:
    """Byte order and header size from the first four bytes."""
    for endianness in "<>":
        if len(start) == 4 and (size := struct.unpack(f"{endianness}i", start)[0]) in SIZES:
            return endianness, size
    raise UnreadableFile(
        "not a NIfTI image", where=path, expected=EXPECTED, found=_describe(start), hint="Is the suffix right?"
    )


def _describe(block: bytes) -> str:
    """What the first bytes of a file that is not NIfTI look like, in words that quote nothing of it."""
    if block[-4:] == b"ni1\0":
        return "a header whose voxels lie in a second file (.hdr and .img)"
    known = {
        b"NRRD": "an NRRD file",
        b"\x89PNG": "a PNG picture",
        b"\xff\xd8\xff": "a JPEG picture",
        b"PK\x03\x04": "a zip archive",
    }
    for magic, name in known.items():
        if block.startswith(magic):
            return name
    return "text" if block and all(32 <= byte < 127 or byte in b"\r\n\t" for byte in block[:64]) else "other bytes"


def _interpret(header: Any, path: Path, as_channels: bool) -> Layout:
    shape, channels = _split_axes(header, path, as_channels)
    code = int(header["datatype"])
    colours = COLOURS.get(code, 1)
    stored = np.dtype("u1") if colours > 1 else header.get_data_dtype()
    if f"{stored.kind}{stored.itemsize}" not in NUMBERS:
        raise InputError("not a number type of images", where=path, expected="integers or floats", found=stored.name)
    grid, notes = _read_grid(header, shape, path)
    slope, intercept = _read_scale(header)
    dtype = stored.newbyteorder("=") if slope is None else _scaled_type(stored)
    head = Header(grid, channels * min(colours, 3), dtype, notes)
    return Layout(head, stored, colours, _voxel_offset(header, path), slope, intercept)


def _scaled_type(stored: np.dtype[Any]) -> np.dtype[Any]:
    """The floating type that holds scaled values without loss worth speaking of."""
    exact = stored.itemsize <= 2 or stored == np.float32
    return np.dtype(np.float32 if exact else np.float64)


def _voxel_offset(header: Any, path: Path) -> int:
    """Where the voxels begin. Some writers leave 0 and mean "after the header"."""
    least, offset = int(header["sizeof_hdr"]) + 4, float(header["vox_offset"])
    if offset == 0:
        return least
    if not least <= offset <= MAX_OFFSET:
        raise UnreadableFile("the header gives an impossible voxel offset", where=path, found=f"{offset:g}")
    return int(offset)


def _split_axes(header: Any, path: Path, as_channels: bool) -> tuple[Shape3, int]:
    """The three spatial lengths, and how many channels the further axes make."""
    dims = [int(value) for value in header["dim"]]
    if not 1 <= dims[0] <= 7:
        raise UnreadableFile(
            "the header gives an impossible number of axes", where=path, expected="1 to 7", found=dims[0]
        )
    sizes = (dims[1 : 1 + dims[0]] + [1] * 7)[:7]
    checked_bytes(path, sizes, np.uint8)
    i, j, k, *further = sizes
    long = [size for size in further if size > 1]
    if long and not as_channels:
        raise InputError(
            "the image has more than three axes",
            where=path,
            expected="one volume",
            found=" x ".join(map(str, sizes[: dims[0]])),
            hint=FOURTH_AXIS_HINT,
        )
    if len(long) > 1:
        raise InputError("more than one axis beyond space", where=path, found=" x ".join(map(str, sizes[: dims[0]])))
    return (i, j, k), long[0] if long else 1


def _read_scale(header: Any) -> tuple[float | None, float]:
    """Slope and intercept; slope None where the stored numbers are the values."""
    slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
    if not np.isfinite(slope) or slope == 0 or not np.isfinite(intercept) or (slope, intercept) == (1, 0):
        return None, 0.0
    return slope, intercept


def _read_grid(header: Any, shape: Shape3, path: Path) -> tuple[Grid, tuple[str, ...]]:
    scale = MM_PER_UNIT.get(int(header["xyzt_units"]) & 7)
    if scale is None:
        raise GeometryError(
            "unknown unit of length in the header", where=path, found=f"code {int(header['xyzt_units']) & 7}"
        )
    try:
        affine, notes = _choose_form(header, shape)
        return Grid(shape, np.diag((scale, scale, scale, 1.0)) @ affine), notes
    except GeometryError as error:
        error.where = path
        raise


def _choose_form(header: Any, shape: Shape3) -> tuple[Affine, tuple[str, ...]]:
    scode, qcode = int(header["sform_code"]), int(header["qform_code"])
    sform = checked_affine(header.get_sform()) if scode > 0 else None
    qform = checked_affine(_qform(header)) if qcode > 0 else None
    if sform is not None and qform is not None:
        return sform, _compare_forms(sform, qform, shape, same_space=scode == qcode)
    if sform is not None:
        return sform, ()
    if qform is not None:
        return qform, ()
    steps = np.abs(np.asarray(header["pixdim"][1:4], dtype=np.float64))
    return checked_affine(np.diag((*steps, 1.0))), (NOWHERE,)


def _qform(header: Any) -> Affine:
    """The qform, with a stored zero voxel size refused by the affine's own check rather than by nibabel."""
    try:
        return np.asarray(header.get_qform(), dtype=np.float64)
    except Exception as error:
        raise GeometryError("the qform cannot be read", found=str(error)) from error


def _compare_forms(sform: Affine, qform: Affine, shape: Shape3, *, same_space: bool) -> tuple[str, ...]:
    """Notes on two forms that may both be used. Raises GeometryError where they contradict each other."""
    apart = corner_distance(sform, qform, shape)
    # quaternions in float32 lose up to 6e-4 rad near half a turn: a thousandth of the longest axis is rounding
    if apart <= 0.01 + 0.001 * max(shape):
        return ()
    mirrored = np.linalg.det(sform[:3, :3]) * np.linalg.det(qform[:3, :3]) < 0
    if same_space or mirrored:
        raise GeometryError(
            "the header gives two positions that contradict each other",
            expected=f"qform = sform ({as_text(sform[:3])})",
            found=f"qform {as_text(qform[:3])}, {apart:.2g} voxels apart" + (" and mirrored" if mirrored else ""),
            hint="Find out which is right and write it to both (nibabel: set_sform and set_qform).",
        )
    return (TWO_SPACES,)


def _skip(stream: IO[bytes], count: int, path: Path) -> None:
    """Pass over header extensions."""
    if count > 0:
        read_exactly(stream, count, path)


def _channels_first(stored: Array, path: Path) -> Array:
    """(colours, I, J, K, C) as (C, I, J, K). Transparent RGBA is refused."""
    if stored.shape[0] == 4:
        if (stored[3] != 255).any():
            raise InputError("the image has transparent voxels", where=path, expected="RGB or opaque RGBA")
        stored = stored[:3]
    return np.moveaxis(stored, -1, 1).reshape(-1, *stored.shape[1:4])


def _scaled(voxels: Array, layout: Layout) -> Array:
    if layout.slope is None:
        return voxels.astype(layout.header.dtype, copy=False)
    scaled = voxels.astype(layout.header.dtype)
    scaled *= layout.slope
    scaled += layout.intercept
    return scaled


def _header_for(grid: Grid, voxels: Array) -> Any:
    shape = grid.shape if len(voxels) == 1 else (*grid.shape, len(voxels))
    header = SIZES[348 if max(shape) <= MAX_SHORT else 540]()
    header.set_data_dtype(voxels.dtype)
    header.set_data_shape(shape)
    header.set_zooms((*grid.spacing, 1.0)[: len(shape)])
    header.set_sform(grid.affine, code=1)
    if is_rigid(grid.affine):
        header.set_qform(grid.affine, code=1)
    header.set_xyzt_units("mm" if grid.unit == "mm" else "unknown")
    header["scl_slope"], header["scl_inter"] = 1.0, 0.0
    header["vox_offset"] = int(header["sizeof_hdr"]) + 4
    header["descrip"] = b"Scanwright"
    return header


def _write_to(stream: IO[bytes], header: Any, voxels: Array) -> None:
    """Header, no extensions, then the voxels slice by slice, first index fastest."""
    stream.write(header.binaryblock + bytes(4))
    for channel in voxels:
        for slice_JI in channel.transpose(2, 1, 0):
            stream.write(np.ascontiguousarray(slice_JI, dtype=header.get_data_dtype()).tobytes())

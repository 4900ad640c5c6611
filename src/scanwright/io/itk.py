"""MetaImage (.mha, .mhd) and NRRD (.nrrd, .nhdr, .seg.nrrd) through SimpleITK, turned from ITK's LPS to RAS.

Both formats begin with a short text header. It is read here first, so that sizes are checked before ITK allocates, and
so that a header cannot send ITK to another place: the voxels lie in the same file, or in one of a plain name beside it.

In a segmentation of 3D Slicer (.seg.nrrd) each segment has a label value and a layer. One layer is read as it is.
Several layers are painted into one label map if no voxel lies in two of them; segments that share a value across layers
are numbered 1, 2, … in the file's order (noted). Overlapping segments cannot be held by one label map and are refused.
"""

import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from scanwright.errors import GeometryError, InputError, ResourceError, UnreadableFile, UsageError
from scanwright.files import as_resource_error
from scanwright.geometry.affine import flip_lps_ras, is_rigid, spacing_of
from scanwright.geometry.grid import Grid
from scanwright.geometry.volume import Volume
from scanwright.io.guard import DEFLATE_RATIO, FOURTH_AXIS_HINT, as_unreadable, checked_bytes, require_file
from scanwright.io.header import Header
from scanwright.io.nifti import storable
from scanwright.types import Array, Ints

INSTALL = 'pip install "scanwright[itk]"'
HEADER_BYTES = 1 << 20
META_TYPES = {
    "MET_UCHAR": "u1", "MET_CHAR": "i1", "MET_USHORT": "u2", "MET_SHORT": "i2", "MET_UINT": "u4", "MET_INT": "i4",
    "MET_ULONG": "u8", "MET_LONG": "i8", "MET_ULONG_LONG": "u8", "MET_LONG_LONG": "i8", "MET_FLOAT": "f4", "MET_DOUBLE":
    "f8",
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


@dataclass(frozen=True, slots=True)
class Promise:
    """What a text header says of its voxels. fields: keys in lower case, NRRD's key:=value pairs as they are."""

    sizes: tuple[int, ...]
    channels: int
    dtype: np.dtype[Any]
    packed: bool
    voxel_file: Path
    fields: dict[str, str]


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment of a .seg.nrrd file: its name, its label value, and the layer that holds it."""

    name: str
    value: int
    layer: int


def read_header(path: Path, *, as_channels: bool = False) -> Header:
    """Grid, channels and number type; voxels are not read. Errors as `read`."""
    promise = _checked_promise(path)
    sitk = simple_itk()
    with as_unreadable(path, expected=_format_of(path)):
        reader = sitk.ImageFileReader()
        reader.SetFileName(str(path))
        reader.ReadImageInformation()
        channels = reader.GetNumberOfComponents()
        grid, extra = _grid_of(reader, path)
    return Header(grid, _join_channels(channels, extra, as_channels, path), promise.dtype, _notes(promise))


def read(path: Path, *, as_channels: bool = False) -> Volume:
    """A MetaImage or NRRD file as a volume in its own axis order.

    Raises UnreadableFile (another format, truncated, too large), GeometryError, InputError (a fourth axis and
    `as_channels` is False; voxels in another folder), UsageError with the install line if SimpleITK is absent.
    """
    promise = _checked_promise(path)
    sitk = simple_itk()
    with as_unreadable(path, expected=_format_of(path)):
        image = sitk.ReadImage(str(path))
        grid, extra = _grid_of(image, path)
        _join_channels(image.GetNumberOfComponentsPerPixel(), extra, as_channels, path)
        voxels = _channels_first(sitk.GetArrayFromImage(image), image.GetNumberOfComponentsPerPixel() > 1, grid.shape)
    return Volume(voxels, grid, _notes(promise))


def read_label(path: Path) -> Volume:
    """A label map; the layers of a .seg.nrrd are painted into one. Overlapping segments: InputError, else as `read`."""
    segments = read_segments(path)
    volume = read(path, as_channels=True)
    if volume.channels == 1 or not segments:
        return volume
    labels, notes = _paint_layers(volume.voxels, segments, path)
    return Volume(labels[None], volume.grid, (*volume.notes, *notes))


def read_segments(path: Path) -> tuple[Segment, ...]:
    """Names, values and layers of the segments of a .seg.nrrd, in the file's order; empty for any other file."""
    fields = read_promise(path).fields
    count = len([key for key in fields if re.fullmatch(r"Segment\d+_ID", key)])
    return tuple(
        Segment(
            name=fields.get(f"Segment{number}_Name", f"Segment {number + 1}"),
            value=_whole(fields.get(f"Segment{number}_LabelValue", str(number + 1)), path),
            layer=_whole(fields.get(f"Segment{number}_Layer", "0"), path),
        )
        for number in range(count)
    )


def write(path: Path, volume: Volume) -> None:
    """Write a volume, compressed; several channels become a vector image. Number types as in `nifti.write`.

    Raises GeometryError if the axes are not at right angles or the unit is "px", ResourceError if the disk is full.
    """
    if volume.grid.unit != "mm" or not is_rigid(volume.grid.affine):
        raise GeometryError(
            "this format holds only grids in millimetres with axes at right angles",
            where=path,
            found=repr(volume.grid),
            hint="Write .nii.gz instead.",
        )
    sitk = simple_itk()
    image = sitk.GetImageFromArray(_itk_order(storable(volume.voxels, path)), isVector=volume.channels > 1)
    affine = flip_lps_ras(volume.grid.affine)
    spacing = np.array(spacing_of(affine))
    image.SetSpacing(spacing.tolist())
    image.SetOrigin(affine[:3, 3].tolist())
    image.SetDirection((affine[:3, :3] / spacing).ravel().tolist())
    _write_whole(sitk, image, path)


def _write_whole(sitk: Any, image: Any, path: Path) -> None:
    """Let ITK write in a folder beside `path`, flush and rename over it: alone, ITK leaves half a file if it fails."""
    with as_resource_error(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".writing-", dir=path.parent) as folder:
            aside = Path(folder) / path.name
            try:
                sitk.WriteImage(image, str(aside), useCompression=True)
            except RuntimeError as error:
                hint = "Is the disk full or the folder read-only?"
                raise ResourceError("cannot write here", where=path, found=_first_words(error), hint=hint) from error
            with aside.open("rb") as stream:
                os.fsync(stream.fileno())
            aside.replace(path)


def _first_words(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def simple_itk() -> Any:
    """The SimpleITK module. Raises UsageError with the install line where it is absent."""
    try:
        import SimpleITK
    except ImportError as error:
        raise UsageError("MetaImage and NRRD files need SimpleITK", hint=f"Install it: {INSTALL}") from error
    sitk: Any = SimpleITK
    sitk.ProcessObject.GlobalWarningDisplayOff()  # what matters is raised; the rest would go to standard error
    return sitk


def read_promise(path: Path) -> Promise:
    """Read and check the text header alone. Raises UnreadableFile or InputError."""
    require_file(path)
    with path.open("rb") as stream:
        block = stream.read(HEADER_BYTES)
    with as_unreadable(path, expected=_format_of(path)):
        return _nrrd_promise(block, path) if path.suffix.lower() in (".nrrd", ".nhdr") else _meta_promise(block, path)


def _checked_promise(path: Path) -> Promise:
    """The header's promise, held against the size of the file that has the voxels."""
    promise = read_promise(path)
    needed = checked_bytes(path, (*promise.sizes, promise.channels), promise.dtype)
    stored = require_file(promise.voxel_file) * (DEFLATE_RATIO if promise.packed else 1)
    if stored < needed:
        raise UnreadableFile(
            "the file is truncated",
            where=promise.voxel_file,
            expected=f"{needed} bytes of voxels",
            found=f"{require_file(promise.voxel_file)} bytes in the file",
            hint="Copy it again from its source, or exclude the case.",
        )
    return promise


def _meta_promise(block: bytes, path: Path) -> Promise:
    fields: dict[str, str] = {}
    for line in block.split(b"\n"):
        key, mark, value = line.decode("latin-1").partition("=")
        if not mark:
            break
        fields[key.strip().lower()] = value.strip()
        if key.strip().lower() == "elementdatafile":  # the last line of the header by definition
            break
    if "ndims" not in fields or "elementdatafile" not in fields:
        raise UnreadableFile(
            "not a MetaImage", where=path, expected="a header with NDims and ElementDataFile", found="none"
        )
    dtype = META_TYPES.get(fields.get("elementtype", ""))
    if dtype is None:
        raise InputError("not a number type of images", where=path, found=fields.get("elementtype", "none"))
    place = fields["elementdatafile"]
    return Promise(
        sizes=_sizes(fields.get("dimsize", ""), fields["ndims"], path),
        channels=_whole(fields.get("elementnumberofchannels", "1"), path),
        dtype=np.dtype(dtype),
        packed=fields.get("compresseddata", "false").lower() == "true",
        voxel_file=path if place.upper() == "LOCAL" else _beside(path, place),
        fields=fields,
    )


def _nrrd_promise(block: bytes, path: Path) -> Promise:
    if not block.startswith(b"NRRD000"):
        raise UnreadableFile(
            "not an NRRD file", where=path, expected="a file that begins with NRRD", found="other bytes"
        )
    header = re.split(rb"\r?\n\r?\n", block, maxsplit=1)[0].decode("utf-8", "replace")
    fields: dict[str, str] = {}
    for line in header.splitlines()[1:]:
        if line.startswith("#"):
            continue
        if ":=" in line:
            key, value = line.split(":=", 1)
            fields[key] = value
        elif ":" in line:
            key, value = line.split(":", 1)
            fields[key.strip().lower()] = value.strip()
    dtype = NRRD_TYPES.get(fields.get("type", "").lower())
    if dtype is None:
        raise InputError("not a number type of images", where=path, found=fields.get("type", "none"))
    place = fields.get("data file", fields.get("datafile"))
    return Promise(
        sizes=_sizes(fields.get("sizes", ""), fields.get("dimension", ""), path),
        channels=1,
        dtype=np.dtype(dtype),
        packed=fields.get("encoding", "raw").lower() not in ("raw", "txt", "text", "ascii", "hex"),
        voxel_file=path if place is None else _beside(path, place),
        fields=fields,
    )


def _sizes(text: str, count: str, path: Path) -> tuple[int, ...]:
    sizes = tuple(_whole(word, path) for word in text.split())
    if not sizes or len(sizes) != _whole(count, path):
        raise UnreadableFile(
            "the header gives no sizes, or not one an axis", where=path, expected=f"{count} sizes", found=text
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


def _grid_of(image: Any, path: Path) -> tuple[Grid, int]:
    """Grid of an ITK image or reader, and the length of a fourth axis (1 if there is none)."""
    sizes = [int(size) for size in image.GetSize()]
    dims = len(sizes)
    if dims > 4:
        raise InputError("the image has more than four axes", where=path, found=" x ".join(map(str, sizes)))
    used = min(dims, 3)
    affine = np.eye(4)
    direction = np.array(image.GetDirection()).reshape(dims, dims)[:used, :used]
    affine[:used, :used] = direction * np.array(image.GetSpacing())[:used]
    affine[:used, 3] = image.GetOrigin()[:used]
    i, j, k, extra = (*sizes, 1, 1)[:4]
    try:
        return Grid((i, j, k), flip_lps_ras(affine)), extra
    except GeometryError as error:
        error.where = path
        raise


def _join_channels(components: int, extra: int, as_channels: bool, path: Path) -> int:
    if extra > 1 and not as_channels:
        raise InputError(
            "the image has more than three axes",
            where=path,
            expected="one volume",
            found=f"{extra} volumes",
            hint=FOURTH_AXIS_HINT,
        )
    if extra > 1 and components > 1:
        raise InputError(
            "both a fourth axis and vector voxels", where=path, found=f"{extra} volumes of {components} values"
        )
    return components * extra


def _channels_first(array: Array, vector: bool, shape: tuple[int, int, int]) -> Array:
    """ITK's array ([T,] K, J, I[, C]) as (C, I, J, K)."""
    values = array.shape[-1] if vector else 1
    i, j, k = shape
    return np.moveaxis(array.reshape(-1, k, j, i, values), 4, 1).reshape(-1, k, j, i).transpose(0, 3, 2, 1)


def _itk_order(voxels_CIJK: Array) -> Array:
    """(C, I, J, K) as ITK's (K, J, I) or (K, J, I, C)."""
    turned = voxels_CIJK.transpose(3, 2, 1, 0)
    return np.ascontiguousarray(turned[..., 0] if turned.shape[-1] == 1 else turned)


def _paint_layers(layers: Array, segments: tuple[Segment, ...], path: Path) -> tuple[Ints, tuple[str, ...]]:
    values = [segment.value for segment in segments]
    shared = len(set(values)) < len(values)
    labels = np.zeros(layers.shape[1:], np.int32)
    for number, segment in enumerate(segments, start=1):
        if not 0 <= segment.layer < len(layers):
            raise UnreadableFile(
                "a segment names a layer that is not there", where=path, found=f"layer {segment.layer}"
            )
        mask = layers[segment.layer] == segment.value
        if labels[mask].any():
            raise InputError(
                "segments of this file overlap",
                where=path,
                expected="each voxel in one segment",
                found=f"{int(np.count_nonzero(labels[mask]))} voxels in two",
                hint="Export it from 3D Slicer as a label map, or each segment as a file of its own.",
            )
        labels[mask] = number if shared else segment.value
    return labels, ("segments of different layers share values: numbered in the file's order",) if shared else ()


def _notes(promise: Promise) -> tuple[str, ...]:
    fields = promise.fields
    placed = {"transformmatrix", "orientation", "rotation", "space", "space dimension"} & fields.keys()
    return () if placed else ("no position or orientation in the file: axes taken as ITK's identity (L, P, S)",)


def _format_of(path: Path) -> str:
    return "an NRRD image" if path.suffix.lower() in (".nrrd", ".nhdr") else "a MetaImage"

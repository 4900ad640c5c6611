"""MetaImage (.mha, .mhd) and NRRD (.nrrd, .nhdr, .seg.nrrd): positions by SimpleITK, turned from ITK's LPS to RAS.

The text header is checked and the voxels are read by `promise`; SimpleITK says where they lie, and writes.

In a segmentation of 3D Slicer (.seg.nrrd) each segment has a label value and a layer. One layer is read as it is. Several
layers are painted into one label map if no voxel lies in two of them; segments that share a value across layers are
numbered 1, 2, … in the file's order (noted). Overlapping segments cannot be held by one label map and are refused.
"""

import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from scanwright.doubt import Doubt
from scanwright.errors import GeometryError, InputError, ResourceError, UnreadableFile, UsageError
from scanwright.files import as_resource_error
from scanwright.geometry.affine import flip_lps_ras, is_rigid, spacing_of
from scanwright.geometry.grid import Grid
from scanwright.geometry.volume import Volume
from scanwright.io.guard import FOURTH_AXIS_HINT, as_unreadable
from scanwright.io.header import Header
from scanwright.io.nifti import storable
from scanwright.io.promise import Promise, format_of, read_promise, read_voxels
from scanwright.types import Array, Ints

NOWHERE = Doubt("no-position-itk", "no position or orientation in the file: axes taken as ITK's identity (L, P, S)")
INSTALL = 'pip install "scanwright[itk]"'


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment of a .seg.nrrd file: its name, its label value, and the layer that holds it."""

    name: str
    value: int
    layer: int


def read_header(path: Path, *, as_channels: bool = False) -> Header:
    """Grid, channels and number type; voxels are not read. Errors as `read`."""
    promise = read_promise(path)
    grid, channels = _read_place(promise, path, as_channels)
    return Header(grid, channels, promise.dtype, _notes(promise))


def read(path: Path, *, as_channels: bool = False) -> Volume:
    """A MetaImage or NRRD file as a volume in its own axis order.

    Raises UnreadableFile (another format, truncated, too large), GeometryError, InputError (a fourth axis and `as_channels`
    is False; voxels in another folder; text or bzip2 encoding), UsageError with the install line if SimpleITK is absent.
    """
    promise = read_promise(path)
    grid, channels = _read_place(promise, path, as_channels)
    voxels = read_voxels(promise)
    voxels = voxels.reshape(len(voxels), *grid.shape, -1, order="F")
    voxels = np.moveaxis(voxels, -1, 0).reshape(channels, *grid.shape)
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


def _read_place(promise: Promise, path: Path, as_channels: bool) -> tuple[Grid, int]:
    """Grid and number of channels, as ITK reads the header."""
    sitk = simple_itk()
    with as_unreadable(path, expected=format_of(path)):
        reader = sitk.ImageFileReader()
        reader.SetFileName(str(path))
        reader.ReadImageInformation()
        grid, extra = _grid_of(reader, path)
        channels = _join_channels(int(reader.GetNumberOfComponents()), extra, as_channels, path)
    if channels * grid.num_voxels != int(np.prod(promise.sizes, dtype=object)):
        found = " x ".join(map(str, promise.sizes))
        raise UnreadableFile(
            "the header contradicts itself", where=path, expected=f"{channels} x {grid.shape}", found=found
        )
    return grid, channels


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
    return () if placed else (NOWHERE,)


def _whole(text: str, path: Path) -> int:
    if not re.fullmatch(r"\d{1,9}", text.strip()):
        raise UnreadableFile("a segment has text where a number belongs", where=path, found=text[:40])
    return int(text)

"""One door to every image: the suffix of a file chooses the reader and the writer; a DICOM series is named by its files, an
image in a NumPy archive by its array and place.

    volume = read_volume(Path("scan.nii.gz"))
    volume = read_volume(DicomVolume(files, "echo 4.6"))
    volume = read_volume(ArrayItem(Path("breastmnist.npz"), "train_images", 17))
    label  = read_label(Path("scan_seg.seg.nrrd"))
    write_volume(Path("out.nii.gz"), label)

A further format is one line in FORMATS. A broken file is an UnreadableFile that names it, whatever a library raised.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from scanwright.errors import InputError
from scanwright.geometry.volume import Volume
from scanwright.io import archive, itk, nifti, raster
from scanwright.io.header import Header
from scanwright.io.source import ArrayItem, DicomLabel, DicomVolume, LabelFiles, LabelSource, Source
from scanwright.types import Array

__all__ = [
    "FORMATS", "SUFFIXES", "Format", "Header", "is_image", "is_picture", "read_grid", "read_label", "read_volume", "stem",
    "suffix_of", "write_label", "write_volume",
]  # fmt: skip


class Reader(Protocol):
    """Reads the voxels of one file."""

    def __call__(self, path: Path, /, *, as_channels: bool = False) -> Volume: ...


class HeaderReader(Protocol):
    """Reads the header of one file."""

    def __call__(self, path: Path, /, *, as_channels: bool = False) -> Header: ...


@dataclass(frozen=True, slots=True)
class Format:
    """How files of one suffix are read and written. `label` is None where a label is read as any image is."""

    name: str
    read: Reader
    header: HeaderReader
    label: Callable[[Path], Volume] | None = None
    write: Callable[[Path, Volume], None] | None = None


_NIFTI = Format("NIfTI", nifti.read, nifti.read_header, write=nifti.write)
_META = Format("MetaImage", itk.read, itk.read_header, write=itk.write)
_META_PAIR = Format("MetaImage header", itk.read, itk.read_header)  # two files: no writing in one step
_NRRD = Format("NRRD", itk.read, itk.read_header, itk.read_label, itk.write)
_NRRD_PAIR = Format("NRRD header", itk.read, itk.read_header, itk.read_label)


def _read_dicom(path: Path, /, *, as_channels: bool = False) -> Volume:
    from scanwright.io.dicom import scan

    return scan.read_file(path)


def _read_dicom_header(path: Path, /, *, as_channels: bool = False) -> Header:
    from scanwright.io.dicom import scan

    return scan.read_file_header(path)


_DICOM = Format("DICOM file", _read_dicom, _read_dicom_header)
_PICTURE = Format("picture", raster.read, raster.read_header, raster.read_label, raster.write)
_PICTURE_IN = Format("picture", raster.read, raster.read_header, raster.read_label)

FORMATS: dict[str, Format] = {
    ".nii": _NIFTI,
    ".nii.gz": _NIFTI,
    ".mha": _META,
    ".mhd": _META_PAIR,
    ".nrrd": _NRRD,
    ".nhdr": _NRRD_PAIR,
    ".seg.nrrd": _NRRD_PAIR,
    ".png": _PICTURE,
    ".tif": _PICTURE,
    ".tiff": _PICTURE,
    ".bmp": _PICTURE_IN,
    ".jpg": _PICTURE_IN,
    ".jpeg": _PICTURE_IN,
    ".dcm": _DICOM,
}
SUFFIXES = tuple(sorted(FORMATS, key=len, reverse=True))  # longest first: .seg.nrrd before .nrrd


def suffix_of(path: Path) -> str | None:
    """The image suffix that a name ends in, in lower case and the longest that fits; None if it is no image's."""
    name = path.name.lower()
    return next((suffix for suffix in SUFFIXES if name.endswith(suffix) and len(name) > len(suffix)), None)


def is_image(path: Path) -> bool:
    """Whether the name is an image's and not hidden. The file is not looked at."""
    return suffix_of(path) is not None and not path.name.startswith(".")


def stem(path: Path) -> str:
    """The name without its image suffix: "a.b" for a.b.nii.gz; the whole name if it has none."""
    return path.name[: len(path.name) - len(suffix_of(path) or "")]


def is_picture(source: Source | LabelSource) -> bool:
    """Whether an image is a picture without a place in space: a PNG, JPEG, TIFF or BMP file, or one slice of an archive.

    Raises UnreadableFile or InputError for an archive that cannot be read.
    """
    if isinstance(source, ArrayItem):
        return archive.read_header(source).grid.shape[2] == 1
    return isinstance(source, Path) and FORMATS.get(suffix_of(source) or "") in (_PICTURE, _PICTURE_IN)


def read_volume(source: Source, *, as_channels: bool = False) -> Volume:
    """Read an image in its own axis order, channels first.

    as_channels: take a fourth axis (or the pages of a TIFF) as channels; otherwise more than one is refused.
    Raises InputError, UnreadableFile, GeometryError or ResourceError; the rules are those of each format's module.
    """
    if isinstance(source, DicomVolume):
        from scanwright.io.dicom import scan

        return scan.read_scan(source)
    if isinstance(source, ArrayItem):
        return archive.read(source)
    return _format_of(source).read(source, as_channels=as_channels)


def read_grid(source: Source | LabelSource, *, as_channels: bool = False) -> Header:
    """Grid, channels and number type of an image without reading its voxels. Errors as `read_volume`."""
    if isinstance(source, Path):
        return _format_of(source).header(source, as_channels=as_channels)
    if isinstance(source, ArrayItem):
        return archive.read_header(source)
    if isinstance(source, LabelFiles):
        return read_grid(source.path)
    from scanwright.io.dicom import scan

    return scan.read_scan_header(source if isinstance(source, DicomVolume) else source.image)


def read_label(source: LabelSource) -> Volume:
    """Read a label map: whole numbers, one channel. Whole numbers stored as floats become integers; values are kept.

    Raises InputError for values that are not whole, several channels, and files of one label map that lie on different grids,
    mark a voxel with different values or hold values that none may; otherwise as `read_volume`.
    """
    if isinstance(source, DicomLabel):
        from scanwright.io.dicom.derived import labels

        return labels.read_dicom_label(source)
    if isinstance(source, LabelFiles):
        return _joined(source)
    chosen = _format_of(source)
    volume = chosen.label(source) if chosen.label else chosen.read(source)
    if volume.channels != 1:
        raise InputError("a label map has one value a voxel", where=source, found=f"{volume.channels} channels")
    return volume.with_voxels(_as_integers(volume.voxels, source))


def write_volume(path: Path, volume: Volume) -> None:
    """Write a volume in the format of the suffix, in one atomic step.

    Raises InputError if the format cannot be written or cannot hold these values or this grid, ResourceError if the
    place cannot be written.
    """
    chosen = _format_of(path)
    if chosen.write is None:
        raise InputError(
            f"{suffix_of(path)} files are read, not written",
            where=path,
            hint="Write .nii.gz, .mha, .nrrd, .png or .tif.",
        )
    chosen.write(path, volume)


def write_label(path: Path, volume: Volume) -> None:
    """Write a label map in the smallest integer type that holds its values. Raises as `write_volume`."""
    labels = _as_integers(volume.voxels, path)
    write_volume(path, volume.with_voxels(nifti.smallest_integers(labels, path)))


def _joined(source: LabelFiles) -> Volume:
    """A label map of several files."""
    joined: Volume | None = None
    for number, path in enumerate(source.files):
        own = read_label(path)
        value = None if source.values is None else source.values[number]
        if value is not None:
            own = own.with_voxels(np.where(own.voxels != 0, value, 0).astype(np.min_scalar_type(value)))
        elif source.kept:
            own = own.with_voxels(_require_kept(own.voxels, source.kept, path))
        if joined is None:
            joined = own
            continue
        if not own.grid.same_space(joined.grid):
            raise InputError(
                "two files of one label map lie on different grids",
                where=path,
                expected=f"{joined.grid!r}, as {source.path.name}",
                found=repr(own.grid),
            )
        voxels = joined.voxels | own.voxels if source.bits else _laid_over(joined.voxels, own.voxels, path)
        if source.values is None:
            _require_apart(joined.voxels, own.voxels, path)
        joined = joined.with_voxels(voxels)
    assert joined is not None
    return joined


def _require_kept(voxels: Array, kept: Sequence[int], path: Path) -> Array:
    """A label map in the smallest type that holds these values. Raises InputError if it has others."""
    strange = np.unique(voxels[~np.isin(voxels, (0, *kept))])
    if strange.size:
        raise InputError(
            "a label value that is not declared",
            where=path,
            expected=", ".join(map(str, (0, *kept))),
            found=", ".join(map(str, strange[:5])),
            hint="Declare the value as a region, or correct the label.",
        )
    return voxels.astype(np.min_scalar_type(max(kept)))


def _laid_over(below: Array, above: Array, path: Path) -> Array:
    """Two label maps as one, in a type that holds both. Raises InputError where they give a voxel two values."""
    below, above = (voxels.astype(np.promote_types(below.dtype, above.dtype)) for voxels in (below, above))
    differing = np.count_nonzero((below != 0) & (above != 0) & (below != above))
    if differing:
        raise InputError(
            "two files of one label map mark the same voxels",
            where=path,
            expected="one value for each voxel",
            found=f"{differing} voxels that an earlier file gives another value",
        )
    return np.where(above != 0, above, below)


def _require_apart(below: Array, above: Array, path: Path) -> None:
    """Raise InputError if two masks of one image share most of the smaller one: then they are not two findings."""
    shared = np.count_nonzero((below != 0) & (above != 0))
    if 2 * shared > min(np.count_nonzero(below), np.count_nonzero(above)):
        raise InputError(
            "two masks of one image mark nearly the same",
            where=path,
            expected="a mask for each finding",
            found=f"{shared} voxels that an earlier file marks too",
            hint="Are they two readers' outlines? Keep one of them, or what both agree on.",
        )


def _as_integers(voxels: Array, path: Path) -> Array:
    if voxels.dtype.kind in "iu":
        return voxels
    if voxels.dtype.kind == "b":
        return voxels.astype(np.uint8)
    whole = np.isfinite(voxels) & (voxels == np.round(voxels)) & (np.abs(voxels) < 2**31)
    if not whole.all():
        odd = voxels[~whole].ravel()[0]
        raise InputError(
            "a label map holds values that are not whole",
            where=path,
            expected="whole numbers",
            found=f"{odd!s} and {np.count_nonzero(~whole) - 1} more",
            hint="Was it resampled with interpolation, or is it an image?",
        )
    return nifti.smallest_integers(voxels.astype(np.int64), path)


def _format_of(path: Path) -> Format:
    suffix = suffix_of(path)
    if suffix is None:
        known = " ".join(sorted(FORMATS))
        raise InputError(
            "not an image format that is read here", where=path, expected=known, found=path.suffix or "no suffix"
        )
    return FORMATS[suffix]

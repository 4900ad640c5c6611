"""Faults planted on purpose in a data set, one at a time, to show and to test what the checks find.

    planted = plant(Path("phantom"), "unknown-value", case="p003_a")

Each is what really happens to folders of scans: a copy cut short, a label of another series, a case saved twice under two
names. It works on an nnU-Net raw folder (imagesTr/CASE_0000.nii.gz, labelsTr/CASE.nii.gz), and changes no other file.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scanwright.errors import InputError, UsageError
from scanwright.files import write_bytes
from scanwright.geometry.grid import Grid
from scanwright.geometry.volume import Volume
from scanwright.io.formats import read_grid, read_volume, write_volume

SHIFT_VOXELS = 6
STRANGE_VALUE = 77


@dataclass(frozen=True, kw_only=True)
class Planted:
    """What was done: the fault's name, the case, the file touched, and what is now wrong, in words.

    cases, files: all that are concerned, where it is a fault of several. codes: of findings, any of which a gate should
    report; empty where it cannot know.
    """

    fault: str
    case: str
    file: Path
    found: str
    cases: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()
    codes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Files:
    """The first channel and the label of one case, and the images of the other cases."""

    image: Path
    label: Path
    others: tuple[Path, ...]


def plant(root: Path, fault: str, *, case: str | None = None) -> Planted:
    """Plant one fault of FAULTS in a case (the first one if not named) and say what was done.

    Raises UsageError if there is no fault of that name, InputError if the case is not there or not fit for the fault.
    """
    if fault not in FAULTS:
        raise UsageError("no such fault", expected=", ".join(FAULTS), found=fault)
    names = sorted(path.name.removesuffix(".nii.gz") for path in (root / "labelsTr").glob("*.nii.gz"))
    case = case or next(iter(names), "")
    images = root / "imagesTr"
    files = Files(
        image=images / f"{case}_0000.nii.gz",
        label=root / "labelsTr" / f"{case}.nii.gz",
        others=tuple(images / f"{name}_0000.nii.gz" for name in names if name != case),
    )
    for path in (files.image, files.label):
        if not path.is_file():
            raise InputError("no such case to plant a fault in", where=path, hint="Name a case of this folder.")
    file, found = FAULTS[fault](files)
    return Planted(fault=fault, case=case, file=file, found=found)


def missing_label(files: Files) -> tuple[Path, str]:
    """The label file is gone."""
    files.label.unlink()
    return files.label, "removed"


def missing_image(files: Files) -> tuple[Path, str]:
    """The image file is gone."""
    files.image.unlink()
    return files.image, "removed"


def truncated(files: Files) -> tuple[Path, str]:
    """The image's compressed stream stops in the middle, as after a full disk or a broken download."""
    data = files.image.read_bytes()
    write_bytes(files.image, data[: len(data) // 2])
    return files.image, f"{len(data) // 2} of {len(data)} bytes"


def not_an_image(files: Files) -> tuple[Path, str]:
    """A text under the image's name, as a download that was refused leaves it."""
    write_bytes(files.image, b"<html><body>403 Forbidden</body></html>\n")
    return files.image, "a text file"


def label_shifted(files: Files) -> tuple[Path, str]:
    """The label says that it lies some voxels off its image."""
    label = read_volume(files.label)
    affine = np.array(label.grid.affine)
    affine[:3, 3] += affine[:3, 0] * SHIFT_VOXELS
    write_volume(files.label, Volume(label.voxels, Grid(label.grid.shape, affine)))
    return files.label, f"{SHIFT_VOXELS} voxels off along i"


def shape_mismatch(files: Files) -> tuple[Path, str]:
    """The label lacks its last slices."""
    label = read_volume(files.label)
    i, j, k = label.shape
    write_volume(files.label, Volume(label.voxels[..., : k - 2], label.grid.crop((0, 0, 0), (i, j, k - 2))))
    return files.label, f"shape ({i}, {j}, {k - 2})"


def nan_voxel(files: Files) -> tuple[Path, str]:
    """One voxel of the image is not a number."""
    image = read_volume(files.image)
    voxels = image.voxels.astype(np.float32)
    voxels[0, 3, 2, 1] = np.nan
    write_volume(files.image, image.with_voxels(voxels))
    return files.image, "NaN at voxel (3, 2, 1)"


def constant_image(files: Files) -> tuple[Path, str]:
    """Every voxel of the image has one value."""
    image = read_volume(files.image)
    write_volume(files.image, image.with_voxels(np.full_like(image.voxels, 17)))
    return files.image, "17 in every voxel"


def duplicated_image(files: Files) -> tuple[Path, str]:
    """The image is another case's, voxel for voxel, at this case's place. Needs another case of the same shape."""
    image = read_volume(files.image)
    other = next((path for path in files.others if read_grid(path).grid.shape == image.shape), None)
    if other is None:
        raise InputError("no other case has an image of this shape", where=files.image, hint="Name another case.")
    write_volume(files.image, image.with_voxels(read_volume(other).voxels))
    return files.image, f"the same voxels as {other.name}"


def empty_label(files: Files) -> tuple[Path, str]:
    """The label is all background."""
    label = read_volume(files.label)
    write_volume(files.label, label.with_voxels(np.zeros_like(label.voxels)))
    return files.label, "0 in every voxel"


def unknown_value(files: Files) -> tuple[Path, str]:
    """Eight voxels of the label have a value that the data set does not declare."""
    label = read_volume(files.label)
    voxels = np.array(label.voxels)
    voxels[0, :2, :2, :2] = STRANGE_VALUE
    write_volume(files.label, label.with_voxels(voxels))
    return files.label, f"{STRANGE_VALUE} in 8 voxels"


FAULTS: Mapping[str, Callable[[Files], tuple[Path, str]]] = {
    "missing-label": missing_label,
    "missing-image": missing_image,
    "truncated": truncated,
    "not-an-image": not_an_image,
    "label-shifted": label_shifted,
    "shape-mismatch": shape_mismatch,
    "nan-voxel": nan_voxel,
    "constant-image": constant_image,
    "duplicated-image": duplicated_image,
    "empty-label": empty_label,
    "unknown-value": unknown_value,
}

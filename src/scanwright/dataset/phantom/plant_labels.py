"""Faults of label maps and of the axes that they lie on, in the voxels: no header gives them away."""

from collections.abc import Callable

import numpy as np
from scipy import ndimage

from scanwright.dataset.phantom.members import Member, Members, read_voxels, write_voxels
from scanwright.dataset.phantom.plant_copies import Done
from scanwright.errors import InputError
from scanwright.geometry.grid import Grid
from scanwright.geometry.volume import Volume
from scanwright.io.formats import read_volume, write_volume
from scanwright.types import Array

SHIFT = 3  # voxels, or hundredths of a picture's side
ISLAND = 5  # voxels along each side


def of_one_label(change: Callable[[Array], Array], words: str) -> Callable[[Members, np.random.Generator], Done]:
    """A fault: the label map of one case changed by `change`."""

    def planted(cohort: Members, rng: np.random.Generator) -> Done:
        member = _labelled(cohort, rng)
        assert member.label is not None
        write_voxels(member.label, change(read_voxels(member.label)))
        return (member.case,), (member.label,), words

    planted.__doc__ = f"One label map: {words}."
    return planted


def shifted(label: Array) -> Array:
    """Moved along both axes of the plane."""
    step = SHIFT if label.shape[2] > 1 else max(SHIFT, SHIFT * label.shape[0] // 100)
    return _moved(label, (step, step, 0))


def half_a_slice(label: Array) -> Array:
    """Moved by half a slice, each structure by itself: as from reading positions as edges."""
    found = np.zeros_like(label)
    for value in np.unique(label[label > 0]):
        there = (label == value).astype(np.float32)
        axis = int(np.argmin(label.shape))
        found[(there + np.roll(there, 1, axis)) / 2 > 0.25] = value
        found[(label == value) & ~((there + np.roll(there, 1, axis)) / 2 > 0.75)] = 0
    return found


def mirrored(label: Array) -> Array:
    """Mirrored along the first axis, left to right, and its image not."""
    return np.ascontiguousarray(label[::-1])


def renumbered(label: Array) -> Array:
    """Each structure under the number of the next one that is there."""
    values = [int(value) for value in np.unique(label) if value]
    found = np.zeros_like(label)
    for value, other in zip(values, [*values[1:], *values[:1]], strict=True):
        found[label == value] = other
    return found


def scattered(label: Array) -> Array:
    """A small piece of the largest structure in a corner that is far from the rest."""
    found = np.array(label)
    value = int(np.argmax(np.bincount(label[label > 0].ravel())))
    corner = tuple(slice(1, 1 + min(ISLAND, size - 1)) if size > 2 else slice(0, 1) for size in label.shape)
    found[corner] = value
    return found


def interpolated(label: Array) -> Array:
    """Resampled as if it were an image: values between those of neighbours at every border."""
    smooth = ndimage.gaussian_filter(label.astype(np.float32), [0.8 if size > 1 else 0 for size in label.shape])
    return np.asarray(np.rint(smooth), label.dtype)


def label_of_another(cohort: Members, rng: np.random.Generator) -> Done:
    """The label map of another patient's case."""
    member = _labelled(cohort, rng)
    assert member.label is not None
    own = read_voxels(member.label)
    for other in cohort.members:
        if other.label is not None and other.patient != member.patient:
            label = read_voxels(other.label)
            if label.shape == own.shape and not np.array_equal(label, own):
                write_voxels(member.label, label)
                return (member.case,), (member.label,), f"the label of {other.case}"
    raise InputError("no other label map of this shape", where=member.label, hint="Draw more subjects.")


def cut(cohort: Members, rng: np.random.Generator) -> Done:
    """The field of view of one case ends in the middle of its largest structure; image and label are cropped."""
    member = _labelled(cohort, rng)
    assert member.label is not None and member.image is not None
    label = read_voxels(member.label)
    value = int(np.argmax(np.bincount(label[label > 0].ravel())))
    axis = 0 if label.shape[2] == 1 else int(np.argmax(label.shape))
    filled = np.flatnonzero((label == value).any(axis=tuple(set(range(3)) - {axis})))
    size = list(label.shape)
    size[axis] = int(filled[len(filled) // 2])
    kept = (size[0], size[1], size[2])
    for path in (member.image, member.label):
        volume = read_volume(path)
        smaller = volume.voxels[:, : kept[0], : kept[1], : kept[2]]
        if path.suffix in (".png", ".dcm"):
            write_voxels(path, smaller[0])
        else:
            write_volume(path, Volume(smaller, volume.grid.crop((0, 0, 0), kept)))
    return (member.case,), (member.image, member.label), f"label {value} cut by the field of view"


def other_axes(cohort: Members, rng: np.random.Generator) -> Done:
    """One case stored in another order of axes, in the same place in space."""
    member = _any(cohort, rng)
    files = tuple(path for path in (member.image, member.label) if path is not None)
    for path in files:
        volume = read_volume(path)
        affine = volume.grid.affine[:, (2, 0, 1, 3)]
        i, j, k = volume.shape
        write_volume(path, Volume(np.ascontiguousarray(volume.voxels.transpose(0, 3, 1, 2)), Grid((k, i, j), affine)))
    return (member.case,), files, "axes in another order"


def other_spacing(cohort: Members, rng: np.random.Generator) -> Done:
    """One case of which every third slice is left: voxels three times as thick."""
    member = _any(cohort, rng)
    files = tuple(path for path in (member.image, member.label) if path is not None)
    for path in files:
        volume = read_volume(path)
        thin = np.ascontiguousarray(volume.voxels[..., ::3])
        affine = np.array(volume.grid.affine)
        affine[:3, 2] *= 3
        i, j, k = thin.shape[1:]
        write_volume(path, Volume(thin, Grid((i, j, k), affine)))
    return (member.case,), files, "slices three times as thick"


def _moved(label: Array, steps: tuple[int, ...]) -> Array:
    """Moved by whole voxels; what leaves is lost."""
    found = np.zeros_like(label)
    ahead = tuple(slice(step, None) for step in steps)
    behind = tuple(slice(None, size - step) for step, size in zip(steps, label.shape, strict=True))
    found[ahead] = label[behind]
    return found


def _any(cohort: Members, rng: np.random.Generator) -> Member:
    return cohort.members[int(rng.integers(len(cohort.members)))]


def _labelled(cohort: Members, rng: np.random.Generator) -> Member:
    """A case whose label holds two structures at least. Raises InputError if there is none."""
    for number in rng.permutation(len(cohort.members)):
        member: Member = cohort.members[int(number)]
        if member.label is not None and len(np.unique(read_voxels(member.label))) > 2:
            return member
    raise InputError("no case has a label of two structures", where=cohort.root, hint="Draw more subjects.")

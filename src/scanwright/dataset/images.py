"""The images of one case as one volume: channels joined on the grid of the first.

one file for all channels    a fourth axis, the pages of a TIFF, or colours, as many as the task has channels
one file for each channel    on the first one's grid, or brought to it by cubic interpolation where both share a patient
                             space: millimetres, a known position, and at least half of the first one's volume covered
DICOM of another frame      registered to the first one (rigid, by mutual information); refused where the pose is unsure
colour where grey is asked   luma (ITU-R BT.601), exactly the grey value where the three channels are equal
grey where colour is asked   three times the same
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from scanwright.dataset.cases import Case
from scanwright.dataset.task import Task
from scanwright.doubt import Doubt
from scanwright.errors import GeometryError, InputError
from scanwright.geometry.grid import Grid
from scanwright.geometry.register import register_rigid
from scanwright.geometry.resample import onto_grid
from scanwright.geometry.volume import Volume
from scanwright.io.formats import read_label, read_volume
from scanwright.io.source import Source, frame_of, place_of
from scanwright.types import Array, Bools

SAME_GRID = 0.05  # voxels; a float32 header moves the far corner of a large volume by up to some hundredths
LEAST_COVER = 0.5
LUMA = (0.299, 0.587, 0.114)
PROBES = 9  # points along each axis at which two grids are compared


def read_case_image(case: Case, task: Task, *, outlined: bool = False) -> Volume:
    """All channels of a case on the grid of its first image, in the task's order. outlined: with the case's outline.

    The number type is that of the files, or float32 where channels are interpolated or of different types.
    Raises InputError or GeometryError if the files do not make up the task's channels, and what reading them raises; and
    what `read_outline` raises.
    """
    image = joined([read_image(image, case, task) for image in case.images], case.images, task)
    return replace(image, outline=read_outline(case, image.grid)) if outlined else image


def read_outline(case: Case, grid: Grid) -> Bools:
    """(I, J, K) what is outlined in a case: all that is not 0 in its label map.

    Raises InputError if there is none or it is empty, GeometryError if it does not lie on the image's grid.
    """
    if case.outline is None:
        raise InputError(
            "nothing says what is outlined in this image",
            where=place_of(case.images[0]),
            expected=f"a mask, such as {case.id}_mask.png",
            hint="Add it, or leave the image out.",
        )
    label, where = read_label(case.outline), place_of(case.outline)
    if not label.grid.same_space(grid, tolerance=SAME_GRID):
        raise GeometryError(
            "an outline lies on its image's grid",
            where=where,
            expected=repr(grid),
            found=repr(label.grid),
            hint="Resample it to its image, the nearest value for each voxel.",
        )
    outline: Bools = label.voxels[0] != 0
    if not outline.any():
        raise InputError(
            "nothing is outlined",
            where=where,
            expected="a mask that is not empty",
            hint="Draw it, or leave the image out.",
        )
    return outline


def read_image(image: Source, case: Case, task: Task) -> Volume:
    """One image of a case with the number of channels that the task wants from it. Raises InputError if it has another."""
    return fitted(read_stored(image, case, task), image, case, task)


def read_stored(image: Source, case: Case, task: Task) -> Volume:
    """One image of a case as it is stored, whatever the task wants from it. Raises what reading it raises."""
    return read_volume(image, as_channels=_wanted(case, task) > 1)


def fitted(stored: Volume, image: Source, case: Case, task: Task) -> Volume:
    """A stored image with the number of channels that the task wants from it. Raises InputError if it has another."""
    return with_channels(stored, _wanted(case, task), where=place_of(image))


def _wanted(case: Case, task: Task) -> int:
    return len(task.channels) if len(case.images) == 1 else 1


def form_of(stored: Volume) -> str:
    """How a picture is stored: "grey, 8 bits", "colour, 16 bits"; "" for what is no picture. Equal channels are grey."""
    if stored.grid.unit != "px":
        return ""
    first, *others = stored.voxels
    colour = "grey" if all(np.array_equal(first, other) for other in others) else "colour"
    bits = 1 if stored.voxels.dtype == np.uint8 and first.max() == 1 else 8 * stored.voxels.dtype.itemsize
    return f"{colour}, {bits} bit{'s' * (bits > 1)}"


def with_channels(volume: Volume, wanted: int, *, where: Path) -> Volume:
    """Grey from colour and colour from grey. Raises InputError for any other number of channels than wanted."""
    if volume.channels == wanted:
        return volume
    if volume.channels == 3 and wanted == 1:
        return volume.with_voxels(_luma(volume))
    if volume.channels == 1 and wanted == 3 and volume.grid.unit == "px":
        return volume.with_voxels(np.repeat(volume.voxels, 3, axis=0))
    raise InputError(
        "the image has another number of channels than the task",
        where=where,
        expected=wanted,
        found=volume.channels,
        hint="Give a file for each channel, or correct the channels of the data set.",
    )


def joined(volumes: Sequence[Volume], sources: Sequence[Source], task: Task) -> Volume:
    """Single-channel volumes as one, on the first one's grid. Raises GeometryError where they share no patient space.

    sources: what they were read from, for their frames of reference and for messages.
    """
    first, *others = volumes
    if len(volumes) == 1:
        return first
    if len(volumes) != len(task.channels):
        where = place_of(sources[0])
        raise InputError("not a file for each channel", where=where, expected=len(task.channels), found=len(volumes))
    parts = [first]
    for other, source in zip(others, sources[1:], strict=True):
        frames = frame_of(sources[0]), frame_of(source)
        fit = on_reference if frames[0] == frames[1] or "" in frames else registered
        parts.append(fit(other, first, where=place_of(source)))
    types = {part.voxels.dtype for part in parts}
    dtype = types.pop() if len(types) == 1 else np.dtype(np.float32)
    voxels = np.concatenate([part.voxels.astype(dtype, copy=False) for part in parts])
    return Volume(voxels, first.grid, tuple(note for part in parts for note in part.notes))


def on_reference(volume: Volume, reference: Volume, *, where: Path) -> Volume:
    """A channel on the reference channel's grid. Raises GeometryError if the two share no patient space."""
    if volume.grid.same_space(reference.grid, tolerance=SAME_GRID):
        return volume
    reason = why_apart(volume, reference)
    if reason is not None:
        raise GeometryError(
            f"this channel cannot be brought to the first one: {reason}",
            where=where,
            expected=repr(reference.grid),
            found=repr(volume.grid),
            hint="Register and resample the channels, or exclude the case.",
        )
    fill = float(volume.voxels.min())
    return onto_grid(volume, reference.grid, order=3, fill=fill)


def registered(volume: Volume, reference: Volume, *, where: Path) -> Volume:
    """A channel of another frame of reference, registered to the reference channel and brought to its grid.

    Raises GeometryError if the pose that was found is not sure, or an image cannot be registered at all.
    """
    try:
        found = register_rigid(reference, volume).checked()
    except GeometryError as error:
        error.where, error.hint = where, "Register the channels with other software, or exclude the case."
        raise
    note = Doubt(
        "channel-registered",
        "registered to the first channel: turned by {degrees:.1f} degrees, moved by {distance:.1f} mm, quality {quality:.2f}",
        degrees=float(found.rotation_degrees),
        distance=float(np.linalg.norm(found.translation_mm)),
        quality=float(found.quality),
    )
    brought = found.bring(volume, reference.grid, fill=float(volume.voxels.min()))
    return replace(brought, notes=(*volume.notes, note))


def why_apart(volume: Volume, reference: Volume) -> str | None:
    """Why two volumes share no patient space, in words; None if they share one."""
    if "px" in (volume.grid.unit, reference.grid.unit):
        return "pictures have no place in space"
    if any("no position" in note for note in (*volume.notes, *reference.notes)):
        return "the file does not say where it lies"
    share = cover(volume.grid, reference.grid)
    return None if share >= LEAST_COVER else f"it covers {share:.0%} of it"


def cover(grid: Grid, reference: Grid) -> float:
    """Which share of the reference's volume lies inside a grid, in [0, 1], probed at 9 x 9 x 9 evenly spread points."""
    lines = [(np.arange(PROBES) + 0.5) / PROBES * size - 0.5 for size in reference.shape]
    indices = grid.indices(reference.points(np.stack(np.meshgrid(*lines, indexing="ij"), axis=-1)))
    inside = (indices >= -0.5) & (indices <= np.array(grid.shape) - 0.5)
    return float(inside.all(axis=-1).mean())


def _luma(volume: Volume) -> Array:
    red, green, blue = volume.voxels
    if np.array_equal(red, green) and np.array_equal(green, blue):
        return volume.voxels[:1]
    grey = sum(weight * channel.astype(np.float32) for weight, channel in zip(LUMA, volume.voxels, strict=True))
    whole = volume.voxels.dtype.kind in "iu"
    return (np.round(grey) if whole else np.asarray(grey)).astype(volume.voxels.dtype)[None]

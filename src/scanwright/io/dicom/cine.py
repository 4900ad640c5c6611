"""Frames of one file as a sequence in time: an ultrasound or cardiac loop, an angiography run.

    for cine in read_cines(Path("loop.dcm")):
        cine.voxels, cine.times_s       (T, C, I, J) and the second of each frame, from the first

A cine's frames lie in one place, one after the other; frames that have places of their own are slices of a volume instead.
Source: DICOM PS3.3 C.7.6.5 (cine), C.7.6.6 (multi-frame, frame increment pointer).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import numpy as np

from scanwright.errors import InputError
from scanwright.geometry.grid import Grid
from scanwright.io.dicom.elements import Elements, number, numbers
from scanwright.io.dicom.intake import open_instance
from scanwright.io.dicom.read import read_stack
from scanwright.io.dicom.series import Series, find_series
from scanwright.io.dicom.volumes import Stack
from scanwright.types import Array, Floats

RATES = ("CineRate", "RecommendedDisplayFrameRate")  # frames a second


@dataclass(frozen=True, slots=True, eq=False)
class Cine:
    """voxels: (T, C, I, J), grey values or uint8 colours. times_s: (T,), ascending from 0; None if nothing says the times.

    grid: of one frame, (I, J, 1). notes: what the reader of a frame has to say.
    """

    voxels: Array
    times_s: Floats | None
    grid: Grid
    notes: tuple[str, ...] = ()


def read_cines(path: Path) -> list[Cine]:
    """The cines of a file: usually one; none if its frames are slices, or it has one frame.

    Raises what `read_stack` raises, and InputError if the file holds no image.
    """
    open_instance(path)  # raises what find_series would only note
    found = find_series([path])
    for skipped in found.skipped:
        raise InputError("no image in this DICOM file", where=path, found=skipped.reason)
    return [read_cine(frames) for series in found.series for frames in cines_of(series)]


def cines_of(series: Series) -> list[tuple[Stack, ...]]:
    """The pictures of a series that are frames of one file and of one kind, in order of time; no single ones."""
    by_file: dict[tuple[Path, tuple[int, ...], bool], list[Stack]] = {}
    for stack in series.volumes:
        one = stack.slices[0]
        if one.place is None and one.encoded.stored.frames > 1:
            by_file.setdefault((one.path, stack.grid.shape, one.grey), []).append(stack)
    ordered = (sorted(frames, key=lambda stack: stack.slices[0].frame) for frames in by_file.values())
    return [tuple(frames) for frames in ordered if len(frames) > 1]


def read_cine(frames: Sequence[Stack]) -> Cine:
    """The voxels and times of frames that `cines_of` has put together. Raises what `read_stack` raises."""
    first = frames[0]
    columns, rows, _ = first.grid.shape
    in_time = Grid((columns, rows, len(frames)), first.grid.affine, first.grid.unit)
    volume = read_stack(Stack("", tuple(stack.slices[0] for stack in frames), in_time, first.notes))
    times = frame_times(open_instance(first.slices[0].path).header, first.slices[0].encoded.stored.frames)
    taken = None if times is None else times[[stack.slices[0].frame for stack in frames]]
    return Cine(np.moveaxis(volume.voxels, 3, 0), taken, first.grid, volume.notes)


def frame_times(header: Elements, frames: int) -> Floats | None:
    """The second of each frame of a file, from the first: by the time of each frame, of all alike, or the rate of display.

    None if the header has none of them, or one that makes no sense.
    """
    steps = numbers(header, "FrameTimeVector")  # ms to each frame from the one before
    if len(steps) == frames and min(steps, default=-1) >= 0:
        return np.array(list(accumulate(steps[1:], initial=0.0))) / 1000
    step = number(header, "FrameTime")
    if step is not None and step > 0:
        return np.arange(frames) * step / 1000
    rate = next((found for name in RATES if (found := number(header, name))), None)
    return None if rate is None or rate <= 0 else np.arange(frames) / rate

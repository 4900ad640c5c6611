"""Voxels of a stack: every frame decoded once, its numbers made values, on the grid that the slices span.

Values are what the scanner means: Hounsfield units, SUV, rescaled MR. Whole numbers stay whole where all slices are scaled
alike by whole numbers, in the type of the file if they fit. MONOCHROME1 without a unit is turned around, so that bright is
dense; Hounsfield units and the like are what they are, however they are shown. Padding that lies below or above all other
values becomes the nearest of those. Colours are RGB.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset

from scanwright.doubt import Doubt
from scanwright.errors import InputError
from scanwright.geometry.volume import Volume
from scanwright.io.dicom.encoded import NATIVE
from scanwright.io.dicom.intake import open_instance
from scanwright.io.dicom.pixels import PixelFrames
from scanwright.io.dicom.slices import Slice
from scanwright.io.dicom.values import brightened, in_rgb, scaled, turning, window_ends, windowed
from scanwright.io.dicom.volumes import Stack
from scanwright.io.guard import as_unreadable, checked_bytes
from scanwright.types import Array

MEANT = "a scale, tables and windows that can be applied"
NOT_TURNED = Doubt("not-turned", "MONOCHROME1, but the numbers have a unit: not turned around")
Numbered = tuple[int, Slice]  # k, and the slice


def read_stack(stack: Stack, *, window: bool = False, threads: int = 1) -> Volume:
    """The voxels of a stack: (1, I, J, K) of values, or (3, I, J, K) uint8 of colours.

    window: grey values as each slice's header says that they should be shown (VOI), float32. threads: files that are
    decoded at a time, where they are compressed.
    Raises UnreadableFile or InputError (pixels that cannot be decoded; values whose unit is in doubt, such as PET without a
    body weight), ResourceError if the volume does not fit into memory.
    """
    first = stack.slices[0]
    notes: tuple[str, ...] = ()
    if not first.grey:
        voxels = _colours(stack, threads=threads)
    elif window:
        voxels = _outward(_one_by_one(stack, _shown, threads=threads))
    else:
        _require_unit(stack)
        _require_one_turning(stack)
        voxels, notes = _values(stack, threads=threads)
    return Volume(voxels, stack.grid, (*stack.notes, *notes))


def _values(stack: Stack, *, threads: int) -> tuple[Array, tuple[str, ...]]:
    """Grey values: in one go where all slices are scaled alike, else slice by slice in float32."""
    first = stack.slices[0]
    padded = any(one.padding is not None for one in stack.slices)
    if first.scale.table or len({(one.scale, one.encoded.stored.dtype) for one in stack.slices}) > 1:
        hidden = np.zeros(_shape(stack), np.bool_) if padded else None
        values = _one_by_one(stack, _meant, threads=threads, hidden=hidden)
    else:
        block = _stored(stack, threads=threads)
        hidden = (
            np.stack([_is_padding(plane, one) for plane, one in zip(block, stack.slices, strict=True)])
            if padded
            else None
        )
        with as_unreadable(first.path, expected=MEANT):
            values = scaled(block, first.scale, Dataset())
    values, notes = (values, ()) if hidden is None else _without_padding(values, hidden)
    if first.encoded.stored.photometric == "MONOCHROME1" and first.turning is None:
        notes += (NOT_TURNED,)
    with as_unreadable(first.path, expected=MEANT):
        values = _turned(values, first)
    return _outward(values), notes


def _stored(stack: Stack, *, threads: int) -> Array:
    """Stored numbers of one type, (K, J, I)."""
    block = _block(stack, stack.slices[0].encoded.stored.dtype)

    def fill(members: Sequence[Numbered]) -> None:
        if any(one.is_part for _, one in members):
            for k, _, cells, _ in decoded(members):
                block[k] = cells[..., 0]
            return
        frames = PixelFrames(members[0][1].encoded)
        for k, one in members:
            frames.decode_into(one.frame, block[k])

    _each_file(stack.slices, fill, threads=threads)
    return block


def _one_by_one(
    stack: Stack,
    meaning: Callable[[Array, Slice, Dataset], Array],
    *,
    threads: int,
    hidden: Array | None = None,
) -> Array:
    """What each slice's numbers mean, (K, J, I) float32. hidden: gets True where the header of a slice calls them padding."""
    block = _block(stack, np.dtype(np.float32))

    def fill(members: Sequence[Numbered]) -> None:
        header = open_instance(members[0][1].path).dataset
        for k, one, cells, _ in decoded(members):
            if hidden is not None:
                hidden[k] = _is_padding(cells[..., 0], one)
            with as_unreadable(one.path, expected=MEANT):
                block[k] = meaning(cells[..., 0], one, header)

    _each_file(stack.slices, fill, threads=threads)
    return block


def _colours(stack: Stack, *, threads: int) -> Array:
    block = _block(stack, np.dtype(np.uint8), samples=3)

    def fill(members: Sequence[Numbered]) -> None:
        header = open_instance(members[0][1].path).dataset
        for k, one, cells, photometric in decoded(members):
            with as_unreadable(one.path, expected=MEANT):
                block[k] = in_rgb(cells, photometric, header, where=one.path)

    _each_file(stack.slices, fill, threads=threads)
    return block.transpose(3, 2, 1, 0)


def decoded(members: Sequence[Numbered]) -> Iterator[tuple[int, Slice, Array, str]]:
    """The pixels of slices that lie in one file, and their photometric interpretation; each frame is decoded once."""
    frames = PixelFrames(members[0][1].encoded)
    last, cells, photometric = -1, np.empty((0, 0, 1)), ""
    for k, one in members:
        if one.frame != last:
            cells, photometric = frames.decode(one.frame)
            last = one.frame
        part = one.window
        yield k, one, cells[part.row : part.row + part.rows, part.column : part.column + part.columns], photometric


def _each_file(slices: Sequence[Slice], fill: Callable[[Sequence[Numbered]], None], *, threads: int) -> None:
    """Give the slices of each file to `fill`, several files at a time if they are compressed."""
    files: dict[Path, list[Numbered]] = defaultdict(list)
    for k, one in enumerate(slices):
        files[one.path].append((k, one))
    groups = [sorted(members, key=lambda member: member[1].frame) for members in files.values()]
    if threads < 2 or len(groups) < 2 or slices[0].encoded.syntax in NATIVE:
        for members in groups:
            fill(members)
        return
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(fill, groups))


def _block(stack: Stack, dtype: np.dtype[np.generic], *, samples: int = 0) -> Array:
    """An empty (K, J, I), or (K, J, I, samples), in the order of the files."""
    shape = (*_shape(stack), *([samples] if samples else []))
    checked_bytes(stack.slices[0].path, shape, dtype)
    return np.empty(shape, dtype)


def _shape(stack: Stack) -> tuple[int, int, int]:
    columns, rows, depth = stack.grid.shape
    return depth, rows, columns


def _outward(block: Array) -> Array:
    return block.transpose(2, 1, 0)[None]


def _meant(cells: Array, one: Slice, header: Dataset) -> Array:
    return scaled(cells, one.scale, header)


def _shown(cells: Array, one: Slice, header: Dataset) -> Array:
    shown = windowed(scaled(cells, one.scale, header), header)
    if one.encoded.stored.photometric != "MONOCHROME1":
        return shown
    ends = window_ends(header)
    return brightened(shown, turning(one.encoded.stored, one.scale, header) if ends is None else ends)


def _turned(values: Array, first: Slice) -> Array:
    return values if first.turning is None else brightened(values, first.turning)


def _require_one_turning(stack: Stack) -> None:
    """Raise InputError if slices of a volume would be turned around differently: they are not comparable then."""
    found = {one.turning for one in stack.slices}
    if len(found) > 1:
        raise InputError(
            "slices of which large numbers are bright in some and dark in others, or dark in another range",
            where=stack.slices[0].path.parent,
            expected="MONOCHROME2, or MONOCHROME1 with one range of numbers, for all slices",
            found=f"{len(found)} kinds",
            hint="Export the series again from its source.",
        )


def _require_unit(stack: Stack) -> None:
    doubt = next((one.scale.doubt for one in stack.slices if one.scale.doubt), "")
    if doubt:
        raise InputError(
            "values that cannot be brought to one unit",
            where=stack.slices[0].path.parent,
            expected="standardised uptake values by body weight",
            found=doubt,
            hint="Complete the headers, or convert the series with the scanner's software.",
        )


def _is_padding(cells: Array, one: Slice) -> Array:
    """Where stored numbers are what the slice's header calls padding."""
    if one.padding is None:
        return np.zeros(cells.shape, np.bool_)
    low, high = one.padding
    return np.asarray((cells >= low) & (cells <= high))


def _without_padding(values: Array, hidden: Array) -> tuple[Array, tuple[str, ...]]:
    """Values in place of padding, if all padding lies on one side of them. Padding amid values may be a value."""
    count = int(np.count_nonzero(hidden))
    if not count or count == values.size:
        return values, ()
    low, high = values.min(), values.max()
    least, most = values.min(where=~hidden, initial=high), values.max(where=~hidden, initial=low)
    under, over = values.max(where=hidden, initial=low) < least, values.min(where=hidden, initial=high) > most
    if not (under or over):
        said = "{number} voxels have the value that the header calls padding, amid others: kept"
        return values, (Doubt("padding-kept", said, number=count),)
    values = values if values.flags.writeable else values.copy()
    values[hidden] = least if under else most
    if under:
        return values, (
            Doubt("padding-lowest", "{number} voxels of padding: given the lowest value of the rest", number=count),
        )
    return values, (
        Doubt("padding-highest", "{number} voxels of padding: given the highest value of the rest", number=count),
    )

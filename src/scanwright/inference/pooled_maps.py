"""Probabilities of members that see different windows, pooled on the grid of the image that they were asked about.

Each group of members (members.py) leaves its blocks of probabilities, which are brought to the image's resolution as they come
and added to one map for each output. So what is held beside one member's own need is a map an output, in float16 where float32
would take much of the memory: rounding a sum of probabilities to float16 moves it by less than 0.0005.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from scanwright.errors import ResourceError
from scanwright.inference.assemble import Assembly
from scanwright.inference.evidence import Look, tempered
from scanwright.inference.members import group_weight, groups_of
from scanwright.inference.predict import Engine, probability_blocks
from scanwright.protocols import Problem
from scanwright.runtime import free_memory_bytes
from scanwright.transform.preprocess import Placement
from scanwright.types import Array, Floats, Shape3

LARGE_SHARE = 4
"""Maps in float32 that would take more than this part of the free memory are held in float16."""
DECODED_SLICES_BYTES = 32 << 20


class AddedMaps(Assembly):
    """As its parent, but blocks are weighted and added to maps (K, D, H, W), a view of those of the image, and not decoded."""

    def __init__(self, problem: Problem, size: Shape3, maps_KDHW: Array, *, weight: float) -> None:
        shape = maps_KDHW.shape[1:]
        super().__init__(problem, size, (shape[0], shape[1], shape[2]))
        self.maps, self.weight = maps_KDHW, weight

    def _decode(self, part: Array) -> None:
        """Add the outputs that are complete now, one after the other."""
        low, high = self.lines.written, self.lines.stop
        for index, one in enumerate(part):
            fine = self._resized(one[None], self.rows.written, self.rows.stop)[0]
            kept = self.maps[index, self.rows.written : self.rows.stop, low:high]
            kept += (self.weight * fine).astype(kept.dtype)


def maps_dtype(outputs: int, shape: Sequence[int]) -> np.dtype[np.floating]:
    """float32, or float16 where that is much of what is free."""
    wanted = 4 * outputs * int(np.prod(shape))
    return np.dtype(np.float16 if wanted > free_memory_bytes() // LARGE_SHARE else np.float32)


def maps_bytes(outputs: int, shape: Sequence[int]) -> int:
    """What the maps of an image take at least: float16."""
    return 2 * outputs * int(np.prod(shape))


def pooled_maps(
    engine: Engine, prepared: Iterator[tuple[Engine, Floats, Placement]], *, shape: Shape3, outside: Sequence[float]
) -> Array:
    """Probabilities (K, I, J, K) of an image on its own grid, by the weights of all members.

    prepared: each group with the image as its plan prepares it, one at a time. outside: the probabilities of a voxel that a
    plan cuts away before its networks see it: what the background has. float32 or float16.
    """
    outputs = engine.problem.outputs
    try:
        maps = np.zeros((outputs, *shape), dtype=maps_dtype(outputs, shape))
    except MemoryError as error:
        raise ResourceError("no memory for the probabilities of this image", found=f"{outputs} x {shape}") from error
    total = sum(group_weight(group) for group in groups_of(engine))
    for group, image, placement in prepared:
        share = group_weight(group) / total
        turned = placement.turn.apply(maps)
        inside = turned[(slice(None), *placement.box)]
        _add_outside(turned, inside, share, outside)
        added = AddedMaps(engine.problem, placement.shape, inside, weight=share)
        for block in probability_blocks(group, image):
            added.add(block)
        assert added.complete
    return maps


def _add_outside(turned: Array, inside: Array, share: float, outside: Sequence[float]) -> None:
    """Give the voxels around the box what lies outside has; nothing where the box is all."""
    if inside.shape == turned.shape:
        return
    for index, chance in enumerate(outside):
        if chance:
            turned[index] += turned.dtype.type(share * chance)
            inside[index] -= inside.dtype.type(share * chance)


def decoded(
    maps_KIJK: Array,
    problem: Problem,
    watched: Sequence[int],
    *,
    slopes: Mapping[int, float] | None = None,
    look: Look | None = None,
) -> tuple[Array, Array | None]:
    """Labels (I, J, K), and the largest probability of the watched outputs, uint8 of 255ths; None where none is watched.

    slopes, look: as of `Assembly`; an image is looked at whole, on its own grid.
    """
    shape = maps_KIJK.shape[1:]
    labels: Array | None = None
    sure = np.zeros(shape, dtype=np.uint8) if watched else None
    step = max(1, DECODED_SLICES_BYTES // (4 * int(np.prod(shape[1:]))))
    for start in range(0, shape[0], step):
        some = slice(start, min(start + step, shape[0]))
        found = problem.decode(np.asarray(one[some], dtype=np.float32) for one in maps_KIJK)
        labels = np.zeros(shape, dtype=found.dtype) if labels is None else labels
        labels[some] = found
        if look is not None:
            for index, one in enumerate(maps_KIJK):
                look.see(index, np.clip(one[some].astype(np.float32), 0, 1), some, slice(0, shape[1]))
        if sure is not None:
            chances = (tempered(maps_KIJK[index, some], (slopes or {}).get(index, 1.0)) for index in watched)
            most = np.max([np.clip(one, 0, 1).astype(np.float32) for one in chances], axis=0)
            sure[some] = np.round(most * 255).astype(np.uint8)
    assert labels is not None
    return labels, sure

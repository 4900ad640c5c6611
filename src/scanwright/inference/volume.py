"""A whole image answered: its memory is weighed first, then it is prepared, and every voxel of its own grid gets a label."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from scanwright.errors import ResourceError
from scanwright.geometry.grid import Grid
from scanwright.geometry.orientation import Reorientation, canonical
from scanwright.geometry.volume import Volume
from scanwright.inference.evidence import Look
from scanwright.inference.members import groups_of, members_of
from scanwright.inference.pooled_maps import decoded, maps_bytes, pooled_maps
from scanwright.inference.predict import Engine, assembled
from scanwright.plan.memory import prediction_bytes, row_bytes, weight_count
from scanwright.protocols import Listener, Problem, Progress
from scanwright.runtime import free_memory_bytes
from scanwright.transform.prepare import require_finite
from scanwright.transform.preprocess import Placement, to_network, whole
from scanwright.types import Array, Floats

SAFE_SHARE = 0.9
LARGE_ROW = 2 << 30


class TooLarge(ResourceError):
    """An image whose prediction does not fit into the memory that is free."""


def predict_surely(
    engine: Engine,
    image: Volume,
    *,
    watched: Sequence[int] = (),
    slopes: Mapping[int, float] | None = None,
    look: Look | None = None,
    where: Path | None = None,
    tell: Listener | None = None,
) -> tuple[Volume, Array | None]:
    """Labels on the image's own grid, and the largest probability of the watched outputs in each voxel, (I, J, K) uint8 of
    255ths. slopes, look: as of `Assembly`. Raises TooLarge, before it begins, if memory would not suffice.
    """
    groups = groups_of(engine)
    if len(groups) > 1:
        maps = predict_maps(engine, image, where=where, tell=tell)
        if look is not None:
            look.begin(in_place(image.grid))
        labels, sure = decoded(maps, engine.problem, watched, slopes=slopes, look=look)
        return Volume(labels[None], image.grid), sure
    fitted = fit_memory(groups[0], whole(image.grid, engine.plan.preprocess), where=where)
    network_input, placement = to_network(image, engine.plan.preprocess)
    require_finite(network_input, where=where)
    progress = None if tell is None else (lambda share: tell(Progress("predict", done=share, total=1.0)))
    if look is not None:
        look.begin(placement)
    labels, sure = assembled(
        fitted, network_input, placement, watched=watched, slopes=slopes, look=look, progress=progress
    )
    return Volume(labels[None], image.grid), sure


def predict_maps(engine: Engine, image: Volume, *, where: Path | None = None, tell: Listener | None = None) -> Array:
    """Probabilities (K, I, J, K) on the image's own grid, float32 or float16, pooled over all members.

    Raises TooLarge, before it begins, if memory would not suffice.
    """
    groups = groups_of(replace(engine, opinions=None))  # windows of several sizes say nothing of each other
    fitted = [
        fit_memory(group, whole(image.grid, group.plan.preprocess), where=where, beside=map_bytes(engine, image.grid))
        for group in groups
    ]

    def prepared() -> Iterator[tuple[Engine, Floats, Placement]]:
        for number, group in enumerate(fitted):
            network_input, placement = to_network(image, group.plan.preprocess)
            require_finite(network_input, where=where)
            yield group, network_input, placement
            if tell is not None:
                tell(Progress("predict", done=number + 1, total=len(fitted)))

    return pooled_maps(engine, prepared(), shape=image.grid.shape, outside=outside_of(engine.problem))


def in_place(grid: Grid) -> Placement:
    """A whole image as it is: in no other order of axes, nothing cut away, at its own resolution."""
    return Placement(grid, Reorientation((0, 1, 2), (False, False, False)), (0, 0, 0), grid.shape, grid.shape)


def outside_of(problem: Problem) -> tuple[float, ...]:
    """The probability of each output where nothing was looked at: what decodes to the background."""
    first = tuple(float(index == 0) for index in range(problem.outputs))
    is_background = int(problem.decode(iter(np.array(first).reshape(-1, 1)))[0]) == 0
    return first if is_background else (0.0,) * problem.outputs


def map_bytes(engine: Engine, grid: Grid) -> int:
    """What maps of an image take beside each group's own need; 0 for a single group, which needs none."""
    return 0 if len(groups_of(engine)) == 1 else maps_bytes(engine.problem.outputs, grid.shape)


def fit_memory(engine: Engine, placement: Placement, *, where: Path | None = None, beside: int = 0) -> Engine:
    """The engine with running sums in float32, or float16 where those are large. Raises TooLarge if it cannot fit.

    placement: of the whole image, from its header, so that nothing has been allocated for it yet. beside: bytes that are held
    besides.
    """
    have = free_memory_bytes()
    half = needs_half(engine, placement)
    need = expected_bytes(engine, placement, half=half) + beside
    if need > SAFE_SHARE * have:
        raise TooLarge(
            "this prediction needs more memory than is free",
            where=where,
            expected=f"{need / 2**30:.1f} GiB for {engine.problem.outputs} outputs on {placement.shape} voxels",
            found=f"{have / 2**30:.1f} GiB free",
            hint="Close other programs, or crop the image.",
        )
    return replace(engine, half=half)


def needs_half(engine: Engine, placement: Placement) -> bool:
    """Whether a row of windows in float32 would be large: over 2 GiB, or over a quarter of what is free."""
    return row_bytes(engine.plan, placement.shape) > min(LARGE_ROW, free_memory_bytes() // 4)


def expected_bytes(engine: Engine, placement: Placement, *, half: bool) -> int:
    """Peak memory of a prediction above its input, from shapes alone. engine: a group, whose members see the same windows."""
    members = members_of(engine)
    others = sum(len(one.networks) * weight_count(one.plan.network) * 4 for one in members[1:])
    need = max(
        prediction_bytes(
            one.plan,
            network_shape=placement.shape,
            case_shape=canonical(placement.grid.affine).permuted(one.plan.preprocess.axes).shape(placement.grid.shape),
            half=half,
            networks=len(one.networks) + len(members) - 1,
        )
        for one in members
    )
    return need + others

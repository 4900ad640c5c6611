"""A whole image answered: its memory is weighed first, then it is prepared, and every voxel of its own grid gets a label."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from scanwright.errors import ResourceError
from scanwright.geometry.orientation import canonical
from scanwright.geometry.volume import Volume
from scanwright.inference.evidence import Look
from scanwright.inference.predict import Engine, assembled
from scanwright.plan.memory import prediction_bytes, row_bytes
from scanwright.protocols import Listener, Progress
from scanwright.runtime import free_memory_bytes
from scanwright.transform.prepare import require_finite
from scanwright.transform.preprocess import Placement, to_network, whole
from scanwright.types import Array

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
    fitted = fit_memory(engine, whole(image.grid, engine.plan.preprocess), where=where)
    network_input, placement = to_network(image, engine.plan.preprocess)
    require_finite(network_input, where=where)
    progress = None if tell is None else (lambda share: tell(Progress("predict", done=share, total=1.0)))
    if look is not None:
        look.begin(placement)
    labels, sure = assembled(
        fitted, network_input, placement, watched=watched, slopes=slopes, look=look, progress=progress
    )
    return Volume(labels[None], image.grid), sure


def fit_memory(engine: Engine, placement: Placement, *, where: Path | None = None) -> Engine:
    """The engine with running sums in float32, or float16 where those are large. Raises TooLarge if it cannot fit.

    placement: of the whole image, from its header, so that nothing has been allocated for it yet.
    """
    have = free_memory_bytes()
    half = needs_half(engine, placement)
    need = expected_bytes(engine, placement, half=half)
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
    """Peak memory of a prediction above its input, from shapes alone."""
    return prediction_bytes(
        engine.plan,
        network_shape=placement.shape,
        case_shape=canonical(placement.grid.affine).permuted(engine.plan.preprocess.axes).shape(placement.grid.shape),
        half=half,
        networks=len(engine.networks),
    )

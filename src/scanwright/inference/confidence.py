"""How sure an engine is of what it finds, without a truth to compare with: the Dice that it expects of its own answer.

For a region with probabilities p and the mask m of voxels where p > 1/2, 2 Σ p m / (Σ m + Σ p): the Dice of the mask with a
truth whose every voxel is drawn with its probability, numerator and denominator each in the mean. It is 1 where every
probability is 0 or 1, and it is only as good as the probabilities: a model that is sure and wrong is not found out by it.
"""

from collections.abc import Iterator

import numpy as np

from scanwright.inference.predict import Engine, probability_blocks
from scanwright.types import Floats


def region_sums(engine: Engine, image_CDHW: Floats, *, regions: int) -> Floats:
    """(regions, 3) float64 sums over a preprocessed image: Σ p m, Σ m and Σ p of each region; addable over slices.

    regions: how many of the engine's outputs, the last ones, are regions; the others are background.
    """
    blocks = np.stack(list(_block_sums(engine, image_CDHW, regions)))
    return np.asarray(blocks.sum(axis=0, dtype=np.float64))


def _block_sums(engine: Engine, image_CDHW: Floats, regions: int) -> Iterator[Floats]:
    for block in probability_blocks(engine, image_CDHW):
        values = block.values[-regions:].float().flatten(1)
        masks = values > 0.5
        yield np.stack([(values * masks).sum(1).numpy(), masks.sum(1).numpy(), values.sum(1).numpy()], axis=1)


def expected_dice(sums: Floats) -> list[float | None]:
    """The expected Dice of each region from its sums, in [0, 1]; None for a region that was not found."""
    return [float(2 * inside / (size + total)) if size else None for inside, size, total in sums]

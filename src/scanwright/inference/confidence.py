"""How sure an engine is of what it finds, without a truth to compare with: the Dice that it expects of its own answer.

For a region with probabilities p and the mask m of voxels where p > 1/2, 2 Σ p m / (Σ m + Σ p): the Dice of the mask with a
truth whose every voxel is drawn with its probability, numerator and denominator each in the mean. It is 1 where every
probability is 0 or 1, and it is only as good as the probabilities: a model that is sure and wrong is not found out by it.
"""

from collections.abc import Iterator

import numpy as np

from scanwright.geometry.volume import Volume
from scanwright.inference.members import groups_of
from scanwright.inference.predict import Engine, probability_blocks
from scanwright.inference.volume import predict_maps
from scanwright.transform.preprocess import to_network
from scanwright.types import Floats


def region_sums(engine: Engine, image_CDHW: Floats, *, regions: int) -> Floats:
    """(regions, 3) float64 sums over a preprocessed image: Σ p m, Σ m and Σ p of each region; addable over slices.

    regions: how many of the engine's outputs, the last ones, are regions; the others are background.
    """
    blocks = np.stack(list(_block_sums(engine, image_CDHW, regions)))
    return np.asarray(blocks.sum(axis=0, dtype=np.float64))


def image_sums(engine: Engine, image: Volume, *, regions: int) -> Floats:
    """The same of an image as it is, by all members of the engine: those that see different windows are pooled on the image's
    own grid, and summed there.
    """
    if len(groups_of(engine)) == 1:
        return region_sums(engine, to_network(image, engine.plan.preprocess)[0], regions=regions)
    return np.array([_sums_of(one.astype(np.float32).ravel()) for one in predict_maps(engine, image)[-regions:]])


def _sums_of(chances_N: Floats) -> tuple[float, float, float]:
    mask = chances_N > 0.5
    return float(chances_N[mask].sum(dtype=np.float64)), float(mask.sum()), float(chances_N.sum(dtype=np.float64))


def _block_sums(engine: Engine, image_CDHW: Floats, regions: int) -> Iterator[Floats]:
    for block in probability_blocks(engine, image_CDHW):
        values = block.values[-regions:].float().flatten(1)
        masks = values > 0.5
        yield np.stack([(values * masks).sum(1).numpy(), masks.sum(1).numpy(), values.sum(1).numpy()], axis=1)


def expected_dice(sums: Floats) -> list[float | None]:
    """The expected Dice of each region from its sums, in [0, 1]; None for a region that was not found."""
    return [float(2 * inside / (size + total)) if size else None for inside, size, total in sums]

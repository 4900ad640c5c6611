"""Radiomic features of a prepared image with its outline, as a classical model reads them, while it learns and after."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from scanwright.errors import InputError
from scanwright.features.radiomic import radiomic_features
from scanwright.geometry.grid import Grid
from scanwright.geometry.volume import Volume
from scanwright.plan.radiomic_plan import RadiomicPlan
from scanwright.types import Array, Floats, Shape3, Triple

PIXEL = (1.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True)
class Outlined:
    """How features of prepared images (C + 1, D, H, W) are made, of which the last channel is the outline.

    spacing: voxel edges along D, H and W in mm; None where images have no scale: sizes are then in pixels.
    """

    settings: RadiomicPlan
    spacing: Triple | None

    def features(self, image_CDHW: Array) -> dict[str, float]:
        """Features by name, NaN where one is not defined; channels by number, as in "channel_1_glcm_contrast"."""
        image = np.ascontiguousarray(image_CDHW, dtype=np.float32)
        channels, depth, height, width = image.shape
        found = _features(image.tobytes(), channels, (depth, height, width), self.settings, self.spacing)
        return {name: np.nan if value is None else value for name, value in found}

    def values(self, images: Sequence[Array] | Array, names: Sequence[str]) -> Floats:
        """(N, F) float64 of prepared images, in the order of the names."""
        return np.array([in_order(self.features(image), names) for image in images], dtype=np.float64)


def in_order(features: dict[str, float], names: Sequence[str]) -> list[float]:
    """Values in the order of the names, NaN for what an image does not have. Raises InputError if it has none of the shape:
    a slice has another than a volume.
    """
    shapes = {name for name in names if name.startswith("shape_")}
    if shapes and not shapes & features.keys():
        one = "shape_area" in shapes
        raise InputError(
            "an outline of another dimension than the model has learned from",
            expected="one slice" if one else "a volume",
            found="a volume" if one else "one slice",
        )
    return [features.get(name, np.nan) for name in names]


@lru_cache(maxsize=1)
def _features(
    image: bytes, channels: int, shape: Shape3, settings: RadiomicPlan, spacing: Triple | None
) -> tuple[tuple[str, float | None], ...]:
    """Kept for the models of the other folds, which read the same of the same image."""
    array = np.frombuffer(image, dtype=np.float32).reshape(channels, *shape).transpose(0, 3, 2, 1)
    edges = (spacing or PIXEL)[::-1]
    grid = Grid.from_spacing(array.shape[1:], edges, unit="px" if spacing is None else "mm")
    names = [f"channel_{number}" for number in range(channels - 1)]
    found = radiomic_features(
        Volume(array[:-1], grid), Volume(array[-1:], grid), settings, channels=names, rgb=settings.colours
    )
    return tuple(found.items())

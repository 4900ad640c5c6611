"""The measures of a region: what each is called, which way is better, how it is defined; and all of them at once.

Names end in the unit: `hd95_mm` and `volume_error_ml` on grids in millimetres, `hd95_px` and `area_error_px` on images
without a physical scale.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from scanwright.evaluation.label_maps import overlap, surface
from scanwright.evaluation.label_maps.overlap import Counts
from scanwright.types import Bools, Unit

MM3_PER_ML = 1000.0
UNITS: tuple[Unit, ...] = ("mm", "px")


@dataclass(frozen=True, slots=True)
class Measure:
    """A measure as a reader meets it. better: where the best value lies ("zero": signed, a bias)."""

    title: str
    better: Literal["higher", "lower", "zero"]
    definition: str


def describe_measures(unit: Unit) -> dict[str, Measure]:
    """Every measure by name, in the order of tables."""
    size, amount = ("volume", "ml") if unit == "mm" else ("area", "px")
    word = size.capitalize()
    return {
        "dice": Measure("Dice", "higher", "2 · shared voxels / (truth + prediction)"),
        "iou": Measure("IoU", "higher", "shared voxels / union"),
        "sensitivity": Measure("Sensitivity", "higher", "share of the truth that was found"),
        "specificity": Measure("Specificity", "higher", "share of the background left alone"),
        "precision": Measure("Precision", "higher", "share of the prediction that is right"),
        f"{size}_error_{amount}": Measure(f"{word} error ({amount})", "lower", f"|predicted - true {size}|"),
        f"{size}_bias_{amount}": Measure(f"{word} bias ({amount})", "zero", f"predicted - true {size}"),
        f"relative_{size}_error": Measure(
            f"Relative {size} error", "lower", f"|predicted - true {size}| / true {size}"
        ),
        f"hd95_{unit}": Measure(
            f"HD95 ({unit})",
            "lower",
            "the larger of the two directed 95th percentiles of distance between border voxels",
        ),
        f"asd_{unit}": Measure(
            f"Surface distance ({unit})", "lower", "mean distance between borders, over the voxels of both (ASSD)"
        ),
        "nsd": Measure(
            "Surface Dice",
            "higher",
            "share of both surfaces within the tolerance, weighted by area (DeepMind's definition)",
        ),
        "nsd_voxel": Measure(
            "Surface Dice (voxels)", "higher", "share of both borders' voxels within the tolerance (MONAI's definition)"
        ),
    }


ERRORS = frozenset(
    name for unit in UNITS for name, measure in describe_measures(unit).items() if measure.better == "lower"
)
"""Measures of which lower is better."""


def has_worst_value(name: str) -> bool:
    """Whether a measure has a worst value, which a structure that was missed or invented gets (Dice: 0).

    Errors have none: no distance to nothing, and no share of nothing, is the largest. They are not defined there, so a mean
    that left such a region out would get better by the failure.

    >>> has_worst_value("dice"), has_worst_value("hd95_mm")
    (True, False)
    """
    return name not in ERRORS


def default_tolerance(spacings: Iterable[Sequence[float]], *, shapes: Iterable[Sequence[int]] = ()) -> float:
    """The tolerance of normalised surface Dice when nobody states one: one voxel, and not under 1 (mm or px).

    The tolerance should be what experts differ by (Nikolov et al. 2021), which the data do not say. What they do say
    is the grid: a border cannot be drawn finer than a voxel, so it is the longest voxel edge (median over the cases,
    so that one coarse scan does not loosen it for all), rounded up to 0.01; and 1 mm where voxels are finer, as the
    Medical Segmentation Decathlon took for the hippocampus (Antonelli et al. 2022, Nat Commun 13:4128). One number
    for a data set: scores of different cases must mean the same.
    shapes: of the same cases; with them, the thickness of single slices does not count.
    """
    grids = list(spacings)
    sizes = list(shapes) or [(2,) * len(spacing) for spacing in grids]
    longest = [
        max(edge for edge, size in zip(spacing, shape, strict=True) if size > 1 or max(shape) == 1)
        for spacing, shape in zip(grids, sizes, strict=True)
    ]
    return max(1.0, math.ceil(100 * float(np.median(longest)) - 1e-3) / 100) if longest else 1.0


def measure_region(
    found: Counts, truth: Bools, prediction: Bools, *, spacing: Sequence[float], unit: Unit, tolerance: float
) -> dict[str, float | None]:
    """All measures of one region, by name and in order; None is "not defined" (rules in overlap.py and surface.py).

    found: counts over the whole image. truth, prediction: bool arrays of one shape, cropped or not.
    """
    size, amount = ("volume", "ml") if unit == "mm" else ("area", "px")
    voxel = float(np.prod(spacing)) / MM3_PER_ML if unit == "mm" else 1.0
    by_voxel = surface.surface_distances(truth, prediction, spacing=spacing, definition="voxel")
    by_area = surface.surface_distances(truth, prediction, spacing=spacing, definition="area")
    return {
        "dice": overlap.dice(found),
        "iou": overlap.iou(found),
        "sensitivity": overlap.sensitivity(found),
        "specificity": overlap.specificity(found),
        "precision": overlap.precision(found),
        f"{size}_error_{amount}": overlap.volume_error(found, voxel_volume=voxel),
        f"{size}_bias_{amount}": overlap.volume_bias(found, voxel_volume=voxel),
        f"relative_{size}_error": overlap.relative_volume_error(found),
        f"hd95_{unit}": surface.hd(by_voxel, 95),
        f"asd_{unit}": surface.asd(by_voxel),
        "nsd": surface.nsd(by_area, tolerance=tolerance),
        "nsd_voxel": surface.nsd(by_voxel, tolerance=tolerance),
    }

"""Truth and prediction drawn over the scan: one PNG on a dark ground, seen as a radiologist sees it.

A volume is shown in three planes, each cut where the structure (or the error) is largest, all to one scale in millimetres,
the patient's right on the viewer's left. A picture (one slice) is shown as it lies in its file. The truth is a thin white
outline; the prediction is a fill and an outline in the structure's colour. Findings may carry their numbers; then the planes
are cut where most of them lies. The legend belongs to whoever shows the picture.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from scanwright.errors import GeometryError
from scanwright.figures.orient import HALO, SIDES, draw_scale, draw_sides
from scanwright.figures.palette import structure_colour
from scanwright.figures.svg import new_figure, to_png
from scanwright.geometry.grid import Grid
from scanwright.geometry.orientation import canonical
from scanwright.types import Array, Bools, Floats

GROUND = "#0b0e12"
WIDTH_PX, MAX_HEIGHT_PX, GAP_PX = 960, 420, 8
LETTERS_PX = 18
"""Room that a number of a finding takes."""
CT_SOFT_TISSUE = (-160.0, 240.0)
"""Window for soft tissue in Hounsfield units: level 40, width 400."""
CT_LUNG = (-1350.0, 150.0)
"""Window for lungs in Hounsfield units: level -600, width 1500."""

AXIAL_CORONAL_SAGITTAL = (2, 1, 0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Plane:
    """One slice as it is displayed: rows run down, columns to the right. width, height: in the grid's unit."""

    image: Array
    truth: Array | None
    prediction: Array
    numbers: Array | None
    width: float
    height: float
    marks: str


def overlay_slices(
    image_CIJK: Array,
    *,
    truth_IJK: Array | None,
    prediction_IJK: Array,
    grid: Grid,
    regions: Mapping[str, Sequence[int]],
    window: tuple[float, float] | None = None,
    focus: Literal["truth", "error"] = "truth",
    zoom: bool = True,
    width_px: int = WIDTH_PX,
    numbers_IJK: Array | None = None,
) -> bytes:
    """Draw the case as PNG, two pixels for a CSS pixel, up to 960 x 420 CSS pixels, or `width_px` x 420.

    image_CIJK: any number type; the first channel is shown, or three channels of a picture (unit "px") as colour.
    truth_IJK, prediction_IJK: label values on the same grid. Without a truth only the prediction is drawn.
    regions: name -> label values whose union is the region; the order gives the colours.
    window: the intensities shown as black and white; else the 0.5 and 99.5 percentiles of what is shown.
    focus: cut where the truth is largest (the prediction if it is empty), or where most voxels are wrong. Nothing
        to be found: the middle slices.
    numbers_IJK: the number of the finding that a voxel belongs to, 0 for none; written beside each that a plane cuts.
    zoom: show the surroundings of small structures only, three times their extent, all planes alike.
    Raises GeometryError if the shapes differ.
    """
    given = {"image": image_CIJK[0], "truth": truth_IJK, "prediction": prediction_IJK, "numbers": numbers_IJK}
    for name, array in given.items():
        if array is not None and array.shape != tuple(grid.shape):
            raise GeometryError(f"the {name} is not on its grid", expected=tuple(grid.shape), found=array.shape)
    turn = canonical(grid.affine)
    spacing = turn.grid(grid).spacing
    image = turn.apply(image_CIJK)
    prediction = turn.apply(prediction_IJK[None])[0]
    truth = None if truth_IJK is None else turn.apply(truth_IJK[None])[0]

    numbers = None if numbers_IJK is None else turn.apply(numbers_IJK[None])[0]
    weights = _weights(truth, prediction, regions, focus) if numbers is None or not numbers.any() else numbers > 0
    cuts = tuple(largest_slice(weights, axis) for axis in range(3))
    shown = _union(truth, prediction, regions) if zoom else np.ones(prediction.shape, dtype=np.bool_)
    box = _box(shown, spacing, cuts)
    channels = image if image.shape[0] == 3 and grid.unit == "px" else image[:1]
    planes = [
        _plane(axis, cuts[axis], box, channels, truth, prediction, numbers, spacing) for axis in _axes(prediction)
    ]
    low, high = window or _window(planes)
    figure = _compose(planes, regions, low, high, unit=grid.unit, width_px=width_px)
    return to_png(figure)


def regions_cut(
    prediction_IJK: Array, *, grid: Grid, regions: Mapping[str, Sequence[int]], numbers_IJK: Array
) -> tuple[str, ...]:
    """The regions that the planes of `overlay_slices` go through, without zoom and truth, in the order of `regions`."""
    turn = canonical(grid.affine)
    prediction, numbers = (turn.apply(array[None])[0] for array in (prediction_IJK, numbers_IJK))
    weights = numbers > 0 if numbers.any() else _foreground(prediction, regions)
    planes = [prediction.take(largest_slice(weights, axis), axis=axis) for axis in _axes(prediction)]
    return tuple(name for name, values in regions.items() if any(region_mask(one, values).any() for one in planes))


def region_mask(labels: Array, values: Sequence[int]) -> Bools:
    """Where a label array has one of the values, as bool of the same shape."""
    return np.isin(labels, np.asarray(values))


def largest_slice(weights: Array, axis: int) -> int:
    """Index along `axis` of the slice with the largest sum; of equals the middle one; nothing anywhere: the middle slice."""
    sums = weights.sum(axis=tuple(other for other in range(weights.ndim) if other != axis))
    best = np.flatnonzero(sums == sums.max())
    return int(best[len(best) // 2])


def _foreground(labels: Array, regions: Mapping[str, Sequence[int]]) -> Bools:
    return region_mask(labels, sorted({value for values in regions.values() for value in values}))


def _union(truth: Array | None, prediction: Array, regions: Mapping[str, Sequence[int]]) -> Bools:
    predicted = _foreground(prediction, regions)
    return predicted if truth is None else predicted | _foreground(truth, regions)


def _weights(truth: Array | None, prediction: Array, regions: Mapping[str, Sequence[int]], focus: str) -> Bools:
    predicted = _foreground(prediction, regions)
    if truth is None:
        return predicted
    if focus == "error":
        wrong = np.zeros(predicted.shape, dtype=np.bool_)
        for values in regions.values():
            wrong |= region_mask(truth, values) != region_mask(prediction, values)
        if wrong.any():
            return wrong
    true = _foreground(truth, regions)
    return true if true.any() else predicted


def _box(mask: Bools, spacing: Sequence[float], cuts: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """Start and stop along each axis: three times the mask's largest extent around its centre, cuts included."""
    if not mask.any():
        return tuple((0, size) for size in mask.shape)
    spans = []
    for axis in range(3):
        hits = np.flatnonzero(mask.any(axis=tuple(other for other in range(3) if other != axis)))
        spans.append((int(hits[0]), int(hits[-1]) + 1))
    extent = 3.0 * max((stop - start) * step for (start, stop), step in zip(spans, spacing, strict=True))
    box = []
    for (start, stop), step, cut, size in zip(spans, spacing, cuts, mask.shape, strict=True):
        middle, half = (start + stop) / 2, extent / step / 2
        first, last = max(0, math.floor(middle - half)), min(size, math.ceil(middle + half))
        box.append((min(first, cut), max(last, cut + 1)))
    return tuple(box)


def _axes(labels: Array) -> tuple[int, ...]:
    """The normals of the planes to show: the thin axis of a picture, else axial, coronal, sagittal."""
    thin = [axis for axis in AXIAL_CORONAL_SAGITTAL if labels.shape[axis] == 1]
    return (thin[0],) if thin else AXIAL_CORONAL_SAGITTAL


def _plane(
    axis: int,
    cut: int,
    box: Sequence[tuple[int, int]],
    image_CXYZ: Array,
    truth: Array | None,
    prediction: Array,
    numbers: Array | None,
    spacing: Sequence[float],
) -> Plane:
    """Cut one plane out of right-anterior-superior arrays. Both axes are turned over: right and top come first."""
    inside = [slice(start, stop) for start, stop in box]
    inside[axis] = slice(cut, cut + 1)

    def show(array: Array) -> Array:
        return np.flip(array[tuple(inside)].squeeze(axis), axis=(0, 1)).T

    across, up = (other for other in range(3) if other != axis)
    return Plane(
        image=np.stack([show(channel) for channel in image_CXYZ], axis=-1),
        truth=None if truth is None else show(truth),
        prediction=show(prediction),
        numbers=None if numbers is None else show(numbers),
        width=(box[across][1] - box[across][0]) * spacing[across],
        height=(box[up][1] - box[up][0]) * spacing[up],
        marks=SIDES[axis],
    )


def _window(planes: Sequence[Plane]) -> tuple[float, float]:
    values = np.concatenate([plane.image[np.isfinite(plane.image)].ravel() for plane in planes]).astype(np.float64)
    low, high = np.percentile(values, (0.5, 99.5)) if values.size else (0.0, 1.0)
    return float(low), float(high if high > low else low + 1.0)


def _compose(
    planes: Sequence[Plane], regions: Mapping[str, Sequence[int]], low: float, high: float, *, unit: str, width_px: int
) -> Figure:
    """Lay the planes in a row at one scale, centred on the tallest."""
    gaps = GAP_PX * (len(planes) - 1)
    widths, tallest = [plane.width for plane in planes], max(plane.height for plane in planes)
    scale = min((width_px - gaps) / sum(widths), MAX_HEIGHT_PX / tallest)
    full_px, height_px = max(round(sum(widths) * scale) + gaps, 1), max(round(tallest * scale), 1)
    figure = new_figure(full_px, height_px)
    figure.patch.set(visible=True, facecolor=GROUND)
    left_px = 0.0
    for number, plane in enumerate(planes):
        size = plane.width * scale / full_px, plane.height * scale / height_px
        axes = figure.add_axes((left_px / full_px, (1 - size[1]) / 2, *size))
        left_px += plane.width * scale + GAP_PX
        _draw_plane(axes, plane, regions, low, high, enlarged=plane.width * scale > plane.image.shape[1])
        _draw_numbers(axes, plane, scale=scale)
        if unit == "mm":
            draw_sides(axes, plane.marks)
            if number == 0:
                draw_scale(axes, plane.width, plane.height, scale=scale)
    return figure


def _draw_plane(
    axes: Axes, plane: Plane, regions: Mapping[str, Sequence[int]], low: float, high: float, *, enlarged: bool
) -> None:
    shown = np.clip((np.nan_to_num(plane.image.astype(np.float64), nan=low) - low) / (high - low), 0.0, 1.0)
    axes.imshow(
        shown if shown.shape[-1] == 3 else shown[..., 0],
        cmap="gray",
        vmin=0.0,
        vmax=1.0,
        extent=(0, plane.width, plane.height, 0),
        interpolation="bicubic" if enlarged else "antialiased",
        aspect="auto",
    )
    for index, values in enumerate(regions.values()):
        _draw_region(axes, region_mask(plane.prediction, values), plane, structure_colour(index))
    if plane.truth is not None:
        for values in regions.values():
            _draw_outline(axes, region_mask(plane.truth, values), plane, "white", 0.9)
    axes.set(xlim=(0, plane.width), ylim=(plane.height, 0))
    axes.axis("off")


def _draw_numbers(axes: Axes, plane: Plane, *, scale: float) -> None:
    """Each number at the upper right corner of its finding, to the left and below where the slice ends.

    scale: CSS pixels for one of the grid's units.
    """
    if plane.numbers is None:
        return
    down, across = plane.height / plane.numbers.shape[0], plane.width / plane.numbers.shape[1]
    for number in (one for one in np.unique(plane.numbers) if one):
        rows, columns = np.nonzero(plane.numbers == number)
        left, right, top = columns.min() * across, (columns.max() + 1) * across, rows.min() * down
        beyond, above = (plane.width - right) * scale < LETTERS_PX, top * scale < LETTERS_PX
        axes.text(
            left if beyond else right,
            top,
            str(number),
            color="white",
            fontsize=9.5,
            fontweight="bold",
            ha="right" if beyond else "left",
            va="top" if above else "bottom",
            path_effects=HALO,
        )


def _draw_region(axes: Axes, mask: Bools, plane: Plane, colour: str) -> None:
    if mask.any():
        axes.contourf(*_padded(mask, plane), levels=[0.5, 1.5], colors=[colour], alpha=0.26)
        _draw_outline(axes, mask, plane, colour, 1.5)


def _draw_outline(axes: Axes, mask: Bools, plane: Plane, colour: str, width_pt: float) -> None:
    if mask.any():
        lines = axes.contour(*_padded(mask, plane), levels=[0.5], colors=[colour], linewidths=width_pt)
        lines.set_path_effects([patheffects.withStroke(linewidth=width_pt + 0.9, foreground="#000000a0")])


def _padded(mask: Bools, plane: Plane) -> tuple[Floats, Floats, Floats]:
    """Voxel centres in the plane's unit and the mask with a rim of nothing, so that outlines at the edge close."""
    rows, columns = mask.shape
    x = (np.arange(-1, columns + 1) + 0.5) * (plane.width / columns)
    y = (np.arange(-1, rows + 1) + 0.5) * (plane.height / rows)
    return x, y, np.pad(mask, 1).astype(np.float32)

"""Boxes drawn over an image: one PNG, seen as a radiologist sees it. What is true is a thin white outline, what was found is in
the colour of its class with its score.

A picture is shown as it lies in its file. A volume is shown in its acquired slices (`axis_of_slices`), up to `most` of them, in
rows of three: those that go through the most boxes, with every box that reaches into the slice, and its number in the file,
counted from 1.
What has a scale in millimetres has a bar of it and the sides of the patient.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from scanwright.figures.orient import HALO, SIDES, draw_scale, draw_sides, write
from scanwright.figures.overlay import GROUND
from scanwright.figures.palette import structure_colour
from scanwright.figures.svg import new_figure, to_png
from scanwright.geometry.diameters import axis_of_slices
from scanwright.geometry.grid import Grid
from scanwright.geometry.orientation import canonical
from scanwright.types import Array, Floats

WIDTH_PX, MAX_HEIGHT_PX, MOST_CUTS, IN_A_ROW = 960, 640, 3, 3
LETTERS_PX = 24
"""Above a box that is nearer to the upper edge its number would be cut: it stands inside."""
SAMPLE = 1 << 16


@dataclass(frozen=True, slots=True)
class Drawn:
    """One box: corners (2, 3) along I, J, K; the place of its class, which gives its colour; its score, None for a true one.

    number: written at it in place of its score, larger; None for the score.
    """

    corners: Floats
    code: int
    score: float | None = None
    number: int | None = None


def boxed(
    image_CIJK: Array,
    *,
    grid: Grid,
    boxes: Sequence[Drawn],
    window: tuple[float, float] | None = None,
    first: Sequence[Drawn] = (),
    most: int = MOST_CUTS,
) -> bytes:
    """Draw a case as PNG, two pixels for a CSS pixel, up to 960 x 640 CSS pixels.

    image_CIJK: any number type; the first channel is shown, or three channels of a picture (unit "px") as colour.
    window: the intensities shown as black and white; else the 0.5 and 99.5 percentiles. first: the boxes that a volume is cut
    through before all others, of which the true ones come first. most: cuts of a volume.
    """
    turn = canonical(grid.affine)
    colour = image_CIJK.shape[0] == 3 and grid.unit == "px"
    image = turn.apply(image_CIJK if colour else image_CIJK[:1])
    spacing = turn.grid(grid).spacing
    placed = [(one, turn.boxes(one.corners[None], grid.shape)[0]) for one in boxes]
    axis = turn.order.index(axis_of_slices(grid))

    def spans(wanted: Sequence[Drawn]) -> list[tuple[float, float]]:
        ends = [turn.boxes(one.corners[None], grid.shape)[0, :, axis] for one in wanted]
        return [(float(low), float(high)) for low, high in ends]

    true = [one for one in boxes if one.score is None]
    cuts = choose_cuts(spans(first), spans(true), spans(boxes), length=image.shape[1 + axis], most=most)
    across, up = (other for other in range(3) if other != axis)
    edges = spacing[across], spacing[up]
    width, height = image.shape[1 + across] * edges[0], image.shape[1 + up] * edges[1]
    columns = min(len(cuts), IN_A_ROW)
    rows = math.ceil(len(cuts) / columns)
    scale = min(WIDTH_PX / (width * columns), MAX_HEIGHT_PX / (height * rows))
    figure = new_figure(max(80, round(width * columns * scale)), max(80, round(height * rows * scale)))
    figure.patch.set(visible=True, facecolor=GROUND)
    for number, cut in enumerate(cuts):
        row, column = divmod(number, columns)
        axes = figure.add_axes((column / columns, 1 - (row + 1) / rows, 1 / columns, 1 / rows))
        _draw_cut(axes, image.take(cut, axis=1 + axis), size=(width, height), window=window)
        reach = [(one, box) for one, box in placed if box[0, axis] < cut + 1 and box[1, axis] > cut]
        flat = [(one, (box[:, [across, up]] * edges)) for one, box in reach]
        _draw_boxes(axes, flat, size=(width, height), scale=scale)
        if grid.unit == "mm":
            draw_sides(axes, SIDES[axis])
            if number == 0:
                draw_scale(axes, width, height, scale=scale)
        if image.shape[1 + axis] > 1:
            write(
                axes, str(image.shape[1 + axis] - cut if turn.flip[axis] else cut + 1), 0.02, 0.98, ha="left", va="top"
            )
    return to_png(figure)


def choose_cuts(*wanted: Sequence[tuple[float, float]], length: int, most: int = MOST_CUTS) -> list[int]:
    """Up to `most` slices, in their order along the axis, through as many spans as they can: of the first list before those
    of the next. A slice lies in the middle of one of them. Without spans: the middle slice.

    >>> choose_cuts([(0, 4), (2, 6), (3, 9), (20, 22)], length=30, most=1)
    [2]
    """
    chosen: list[int] = []
    for spans in wanted:
        left = [one for one in spans if not any(_goes_through(cut, one) for cut in chosen)]
        while left and len(chosen) < most:
            middles = [min(length - 1, max(0, math.floor((low + high) / 2))) for low, high in left]
            best = max(middles, key=lambda cut: sum(_goes_through(cut, one) for one in left))  # of equals the first
            chosen.append(best)
            left = [
                one
                for one, middle in zip(left, middles, strict=True)
                if not _goes_through(best, one) and middle != best
            ]
    return sorted(set(chosen)) or [length // 2]


def _goes_through(cut: int, span: tuple[float, float]) -> bool:
    return span[0] < cut + 1 and span[1] > cut


def _draw_cut(axes: Axes, cut_CAB: Array, *, size: tuple[float, float], window: tuple[float, float] | None) -> None:
    """size: width and height in the grid's unit."""
    shown = np.flip(np.moveaxis(cut_CAB, 0, -1), axis=(0, 1)).swapaxes(0, 1).astype(np.float32)
    values = np.nan_to_num(shown, nan=0.0, posinf=0.0, neginf=0.0)
    flat = values.ravel()
    low, high = window or np.percentile(flat[:: max(1, flat.size // SAMPLE)], (0.5, 99.5))
    scaled = np.clip((values - low) / max(high - low, 1e-9), 0, 1)
    single = scaled if scaled.shape[-1] == 3 else scaled[..., 0]
    axes.imshow(single, cmap="gray", vmin=0, vmax=1, extent=(0, size[0], size[1], 0), aspect="equal")
    axes.set(xlim=(0, size[0]), ylim=(size[1], 0))
    axes.set_axis_off()


def _draw_boxes(axes: Axes, placed: Sequence[tuple[Drawn, Floats]], *, size: tuple[float, float], scale: float) -> None:
    """placed: with corners (2, 2) across and up, in the grid's unit. scale: CSS pixels for one of these."""
    for one, ((first, lower), (last, upper)) in placed:
        left, top = size[0] - last, size[1] - upper
        edge = "white" if one.score is None else structure_colour(one.code)
        width = 1.0 if one.score is None else 2.0
        axes.add_patch(Rectangle((left, top), last - first, upper - lower, fill=False, edgecolor=edge, linewidth=width))
        if one.score is None:
            continue
        inside, beyond = top * scale < LETTERS_PX, (size[0] - left) * scale < LETTERS_PX
        axes.text(
            min(size[0], size[0] - first) if beyond else max(0.0, left),
            max(0.0, top) + 3 / scale if inside else top - 1 / scale,
            f"{one.score:.2f}" if one.number is None else str(one.number),
            color=edge,
            fontsize=7.5 if one.number is None else 13,
            fontweight="normal" if one.number is None else "bold",
            ha="right" if beyond else "left",
            va="top" if inside else "bottom",
            clip_on=True,
            path_effects=HALO,
        )

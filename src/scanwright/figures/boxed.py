"""Boxes drawn over an image: one PNG, seen as a radiologist sees it. What is true is a thin white outline, what was found is in
the colour of its class with its score.

A picture is shown as it lies in its file. A volume is shown in up to `MOST_CUTS` axial cuts, those through the most
telling boxes, with every box that reaches into the cut, and the number of its slice in the file, counted from 1.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from scanwright.figures.overlay import GROUND
from scanwright.figures.palette import structure_colour
from scanwright.figures.svg import new_figure, to_png
from scanwright.geometry.grid import Grid
from scanwright.geometry.orientation import canonical
from scanwright.types import Array, Floats

WIDTH_PX, MAX_HEIGHT_PX, MOST_CUTS = 960, 640, 3
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
) -> bytes:
    """Draw a case as PNG, two pixels for a CSS pixel, up to 960 x 640 CSS pixels.

    image_CIJK: any number type; the first channel is shown, or three channels of a picture (unit "px") as colour.
    window: the intensities shown as black and white; else the 0.5 and 99.5 percentiles. first: the boxes that a volume is cut
    through; else all of them, the true ones first.
    """
    turn = canonical(grid.affine)
    colour = image_CIJK.shape[0] == 3 and grid.unit == "px"
    image = turn.apply(image_CIJK if colour else image_CIJK[:1])
    spacing = turn.grid(grid).spacing
    placed = [(one, turn.boxes(one.corners[None], grid.shape)[0]) for one in boxes]
    wanted = [turn.boxes(one.corners[None], grid.shape)[0] for one in (*first, *_telling(boxes))]
    axis = next((axis for axis in (2, 1, 0) if image.shape[1 + axis] == 1), 2)
    cuts = choose_cuts([(float(box[0, axis]), float(box[1, axis])) for box in wanted], image.shape[1 + axis])
    across, up = (other for other in range(3) if other != axis)
    width, height = image.shape[1 + across] * spacing[across], image.shape[1 + up] * spacing[up]
    scale = min(WIDTH_PX / (width * len(cuts)), MAX_HEIGHT_PX / height)
    figure = new_figure(max(80, round(width * len(cuts) * scale)), max(80, round(height * scale)))
    figure.patch.set(visible=True, facecolor=GROUND)
    for number, cut in enumerate(cuts):
        axes = figure.add_axes((number / len(cuts), 0.0, 1 / len(cuts), 1.0))
        _draw_cut(axes, image.take(cut, axis=1 + axis), aspect=spacing[up] / spacing[across], window=window)
        reach = [(one, box) for one, box in placed if box[0, axis] < cut + 1 and box[1, axis] > cut]
        _draw_boxes(axes, reach, across, up, shape=(image.shape[1 + across], image.shape[1 + up]))
        if image.shape[1 + axis] > 1 and turn.order[axis] == 2:
            _draw_number(axes, image.shape[1 + axis] - cut if turn.flip[axis] else cut + 1)
    return to_png(figure)


def choose_cuts(spans: Sequence[tuple[float, float]], length: int) -> list[int]:
    """Slices through as many of the spans as MOST_CUTS allow, the first spans first, in their order along the axis.

    A span that a chosen slice goes through needs none of its own. Without spans: the middle slice.
    """
    chosen: list[int] = []
    for low, high in spans:
        if len(chosen) == MOST_CUTS:
            break
        if not any(low < cut + 1 and high > cut for cut in chosen):
            chosen.append(min(length - 1, max(0, math.floor((low + high) / 2))))
    return sorted(set(chosen)) or [length // 2]


def _telling(boxes: Sequence[Drawn]) -> list[Drawn]:
    return sorted(boxes, key=lambda one: (one.score is not None, -(one.score or 0.0)))


def _draw_cut(axes: Axes, cut_CAB: Array, *, aspect: float, window: tuple[float, float] | None) -> None:
    shown = np.flip(np.moveaxis(cut_CAB, 0, -1), axis=(0, 1)).swapaxes(0, 1).astype(np.float32)
    values = np.nan_to_num(shown, nan=0.0, posinf=0.0, neginf=0.0)
    flat = values.ravel()
    low, high = window or np.percentile(flat[:: max(1, flat.size // SAMPLE)], (0.5, 99.5))
    scaled = np.clip((values - low) / max(high - low, 1e-9), 0, 1)
    axes.imshow(scaled if scaled.shape[-1] == 3 else scaled[..., 0], cmap="gray", vmin=0, vmax=1, aspect=aspect)
    axes.set_axis_off()


def _draw_boxes(
    axes: Axes, placed: Sequence[tuple[Drawn, Floats]], across: int, up: int, *, shape: tuple[int, int]
) -> None:
    for one, box in placed:
        right, bottom = shape[0] - box[0, across], shape[1] - box[0, up]
        left, top = shape[0] - box[1, across], shape[1] - box[1, up]
        edge = "white" if one.score is None else structure_colour(one.code)
        width = 1.0 if one.score is None else 2.0
        place = (left - 0.5, top - 0.5)  # a pixel's centre is where its number is
        axes.add_patch(Rectangle(place, right - left, bottom - top, fill=False, edgecolor=edge, linewidth=width))
        if one.score is not None:
            axes.text(
                left,
                top - 1,
                f"{one.score:.2f}" if one.number is None else str(one.number),
                color=edge,
                fontsize=7.5 if one.number is None else 13,
                va="bottom",
                clip_on=True,
                path_effects=[patheffects.withStroke(linewidth=1.2, foreground="black")],
            )


def _draw_number(axes: Axes, number: int) -> None:
    """Which slice of the file it is."""
    stroke = [patheffects.withStroke(linewidth=1.2, foreground="black")]
    axes.text(0.02, 0.02, str(number), color="white", fontsize=7.5, transform=axes.transAxes, path_effects=stroke)

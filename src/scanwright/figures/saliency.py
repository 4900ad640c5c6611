"""A saliency map over its scan: the slice with most of it, plain on the left, with the map on the right, and a colour bar.

A narrow drawing, for a column of a page where the image stands already, has the map over the bar; of a volume, whose image
there is another slice, the plain one above it.

A volume is cut across its coarsest axis, so that the slice is one that was acquired (axial where no axis is coarser); the
patient's right lies on the viewer's left. A picture (one slice) is shown as it lies in its file. Colours grow lighter and
more opaque with the map, so that what does not matter stays grey. A map with values below 0 has two colours, blue for what
lowered the score and red for what raised it. The bar ends at the map's largest size: its units mean little.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.text import Text
from PIL import Image

from scanwright.errors import GeometryError
from scanwright.figures.orient import SIDES, draw_scale, draw_sides
from scanwright.figures.overlay import GROUND, largest_slice
from scanwright.figures.plots import shortened
from scanwright.figures.svg import new_figure, to_png
from scanwright.geometry.grid import Grid
from scanwright.geometry.orientation import canonical
from scanwright.types import Array, Floats

SLICE_PX, GAP_PX, BAR_PX, TICKS_PX = 420, 8, 14, 58
TITLE_PX, TITLE_PT = 26, 10.5
NARROW_PX, NARROW_PT, UNDER_PX = 280, 9.0, 20
"""Of a narrow drawing, which a page shows one to one: its width, its title's letters, and the height of the words below."""
Ends = tuple[str, str]
SPEAKS: Ends = ("speaks\nagainst", "speaks\nfor it")
"""What the ends of a bar with two colours are called, the lower one first."""
OPACITY = 0.85
"""Of the largest value; a smaller one has its share of it."""
SIGNED = 1e-3
"""A map is drawn with two colours from this share of its size below 0 on: less is rounding."""
DARKEST = 0.3
"""Share of the colours, from black on, that is not used: a little of the map should not look like a shadow."""
GREY = 0.35
"""What lies under the colours of the bar, between black and white."""


Place = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Slice:
    """What is drawn: image (rows, columns, 1 or 3) in [0, 1], map (rows, columns) in [-1, 1], size in the grid's unit.

    signed: whether the map has values below 0 anywhere, in this slice or another. number, count: which of how many slices (or
    frames) of the file it is, counted from 1.
    """

    image: Floats
    map: Floats
    signed: bool
    width: float
    height: float
    sides: str
    number: int
    count: int


@dataclass(frozen=True, slots=True)
class Layout:
    """Where things lie, in CSS pixels from the upper left: (left, top, width, height).

    slices: the one with the map last. upright: whether the bar stands.
    """

    width: int
    height: int
    slices: tuple[Place, ...]
    bar: Place
    upright: bool


def saliency_overlay(
    image_CIJK: Array,
    saliency_IJK: Array,
    *,
    grid: Grid,
    window: tuple[float, float] | None = None,
    title: str = "",
    ends: Ends = SPEAKS,
    narrow: bool = False,
    limit: float | None = None,
) -> bytes:
    """Draw the map over the image as PNG, two pixels for a CSS pixel, each slice up to 420 x 420 CSS pixels, or 280 x 280.

    image_CIJK: any number type; the first channel is shown, or three channels of a picture (unit "px") as colour.
    saliency_IJK: the map on the same grid; what is not finite counts as 0. All 0: nothing is coloured, the middle slice.
    window: the intensities shown as black and white; else the 0.5 and 99.5 percentiles of the slice.
    title: in a line above, what the map is of. ends: of a map with values below 0. narrow: see the module's docstring.
    limit: of a map in [0, 1] whose values mean something by themselves: the bar goes to 1 whatever the map's largest value is,
    and names this one, which is outlined.
    Raises GeometryError if the shapes differ.
    """
    for name, array in (("image", image_CIJK[0]), ("saliency map", saliency_IJK)):
        if array.shape != tuple(grid.shape):
            raise GeometryError(f"the {name} is not on its grid", expected=tuple(grid.shape), found=array.shape)
    cut = _cut(image_CIJK, saliency_IJK, grid, window, size=None if limit is None else 1.0)
    colours = matplotlib.colormaps["berlin" if cut.signed else "inferno"]
    above = TITLE_PX if title else 0
    layout = _narrow(cut, above, plain=1 not in grid.shape) if narrow else _wide(cut, above)
    figure = new_figure(layout.width, layout.height)
    figure.patch.set(visible=True, facecolor=GROUND)
    if title:
        said, size = (shortened(title), NARROW_PT) if narrow else (title, TITLE_PT)
        left, middle = GAP_PX / layout.width, 1 - above / 2 / layout.height
        figure.text(left, middle, said, color="white", fontsize=size, va="center", ha="left", parse_math=False)
    for number, place in enumerate(layout.slices, start=1):
        axes = _axes(figure, layout, place)
        _draw(axes, cut, cut.map if number == len(layout.slices) else None, colours)
        if grid.unit == "mm":
            draw_sides(axes, cut.sides)
            if number == 1:
                draw_scale(axes, cut.width, cut.height, scale=place[2] / cut.width)
        if cut.count > 1:
            _draw_number(axes, cut)
        if limit is not None and number == len(layout.slices):
            _draw_limit(axes, cut, limit)
    bar = _axes(figure, layout, layout.bar)
    _draw_bar(bar, colours, ends if cut.signed else None, upright=layout.upright, limit=limit)
    return to_png(figure)


def _wide(cut: Slice, above: int) -> Layout:
    """Both slices and the bar in a row."""
    width, height = _size(cut, SLICE_PX)
    margin = min(16.0, 0.2 * height)
    return Layout(
        width=2 * width + 2 * GAP_PX + BAR_PX + TICKS_PX,
        height=height + above,
        slices=((0, above, width, height), (width + GAP_PX, above, width, height)),
        bar=(2 * (width + GAP_PX), above + margin, BAR_PX, height - 2 * margin),
        upright=True,
    )


def _narrow(cut: Slice, above: int, *, plain: bool) -> Layout:
    """One below the other: the plain slice if it is wanted, the one with the map, the bar, and its words."""
    width, height = _size(cut, NARROW_PX)
    left = (NARROW_PX - width) / 2
    tops = [above, above + height + GAP_PX][: 2 if plain else 1]
    below = tops[-1] + height + GAP_PX
    return Layout(
        width=NARROW_PX,
        height=below + BAR_PX + UNDER_PX,
        slices=tuple((left, top, width, height) for top in tops),
        bar=(GAP_PX, below, NARROW_PX - 2 * GAP_PX, BAR_PX),
        upright=False,
    )


def _size(cut: Slice, longest: int) -> tuple[int, int]:
    scale = longest / max(cut.width, cut.height)
    return max(1, round(cut.width * scale)), max(1, round(cut.height * scale))


def _axes(figure: Figure, layout: Layout, place: Place) -> Axes:
    left, top, width, height = place
    bottom = layout.height - top - height
    across, up = layout.width, layout.height
    return figure.add_axes((left / across, bottom / up, width / across, height / up))


def stacked(pictures: Sequence[bytes]) -> bytes:
    """PNG pictures one below the other, as one; a single one as it is."""
    if len(pictures) == 1:
        return pictures[0]
    opened = [Image.open(io.BytesIO(one)).convert("RGB") for one in pictures]
    whole = Image.new("RGB", (max(one.width for one in opened), sum(one.height for one in opened)), GROUND)
    top = 0
    for one in opened:
        whole.paste(one, (0, top))
        top += one.height
    stored = io.BytesIO()
    whole.save(stored, "PNG")
    return stored.getvalue()


def _cut(
    image_CIJK: Array, saliency_IJK: Array, grid: Grid, window: tuple[float, float] | None, *, size: float | None
) -> Slice:
    """The slice with most saliency. Rows run down, columns to the right; both are turned over: right and top come first.

    size: what is drawn as 1; None for the map's largest.
    """
    turn = canonical(grid.affine)
    spacing = turn.grid(grid).spacing
    channels = image_CIJK if image_CIJK.shape[0] == 3 and grid.unit == "px" else image_CIJK[:1]
    image = turn.apply(channels)
    saliency = np.nan_to_num(turn.apply(saliency_IJK[None])[0].astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    thin = [axis for axis in (2, 1, 0) if saliency.shape[axis] == 1]
    axis = thin[0] if thin else max((2, 1, 0), key=lambda k: round(spacing[k], 3))
    index, count = largest_slice(np.abs(saliency), axis), saliency.shape[axis]
    across, up = (other for other in range(3) if other != axis)
    size = float(np.abs(saliency).max()) if size is None else size
    return Slice(
        image=_grey(np.stack([_show(channel, axis, index) for channel in image], axis=-1), window),
        map=_show(saliency, axis, index) / (size or 1.0),
        signed=float(saliency.min()) < -SIGNED * size,
        width=image.shape[1 + across] * spacing[across],
        height=image.shape[1 + up] * spacing[up],
        sides=SIDES[axis],
        number=1 + (count - 1 - index if turn.flip[axis] else index),
        count=count,
    )


def _show(array_XYZ: Array, axis: int, index: int) -> Array:
    flipped: Array = np.flip(array_XYZ.take(index, axis=axis), axis=(0, 1))
    return flipped.T


def _grey(image_YXC: Array, window: tuple[float, float] | None) -> Floats:
    values = image_YXC.astype(np.float64)
    finite = values[np.isfinite(values)]
    low, high = window or (np.percentile(finite, (0.5, 99.5)) if finite.size else (0.0, 1.0))
    shown = np.clip((np.nan_to_num(values, nan=low) - low) / (high - low if high > low else 1.0), 0.0, 1.0)
    return np.asarray(shown)


def _draw(axes: Axes, cut: Slice, map_YX: Floats | None, colours: Colormap) -> None:
    extent = (0, cut.width, cut.height, 0)
    shown = cut.image if cut.image.shape[-1] == 3 else cut.image[..., 0]
    axes.imshow(shown, cmap="gray", vmin=0, vmax=1, extent=extent, interpolation="bicubic", aspect="auto")
    if map_YX is not None:
        painted = _painted(map_YX, colours, signed=cut.signed)
        axes.imshow(painted, extent=extent, interpolation="bilinear", aspect="auto")
    axes.set(xlim=(0, cut.width), ylim=(cut.height, 0))
    axes.axis("off")


def _draw_number(axes: Axes, cut: Slice) -> None:
    """Which slice it is, in the lower left corner, so that it can be found again."""
    axes.annotate(
        f"{cut.number} / {cut.count}",
        (0, 0),
        xycoords="axes fraction",
        xytext=(4, 4),
        textcoords="offset points",
        color="white",
        fontsize=NARROW_PT,
        path_effects=[withStroke(linewidth=2, foreground="black")],
    )


def _draw_limit(axes: Axes, cut: Slice, limit: float) -> None:
    """An outline of what is above the limit."""
    rows, columns = cut.map.shape
    if cut.map.max() > limit:
        x, y = (
            (np.arange(-1, columns + 1) + 0.5) * cut.width / columns,
            (np.arange(-1, rows + 1) + 0.5) * cut.height / rows,
        )
        axes.contour(x, y, np.pad(cut.map, 1), levels=[limit], colors=["white"], linewidths=1.0)
        axes.set(xlim=(0, cut.width), ylim=(cut.height, 0))


def _draw_bar(axes: Axes, colours: Colormap, ends: Ends | None, *, upright: bool, limit: float | None) -> None:
    """The colours over a middling grey, as opaque as in the picture: upright from the largest down, else from the least on.

    ends: what both ends of a map with values below 0 are called; None of one without.
    """
    low = 0.0 if ends is None else -1.0
    values = np.linspace(1.0, low, 256)[:, None] if upright else np.linspace(low, 1.0, 256)[None]
    extent = (0, 1, low, 1) if upright else (low, 1, 0, 1)
    axes.imshow(np.full(values.shape, GREY), cmap="gray", vmin=0, vmax=1, extent=extent, aspect="auto")
    axes.imshow(_painted(values, colours, signed=ends is not None), extent=extent, aspect="auto")
    ticks = {1.0: "most", 0.5: "half", 0.0: "0"} if ends is None else {1.0: ends[1], 0.0: "0", -1.0: ends[0]}
    if limit is not None:
        ticks = {value: f"{value:g}" for value in (1.0, limit, 0.0)}
    axes.set(xticks=[], yticks=[])
    if upright:
        axes.yaxis.tick_right()
        axes.set_yticks(list(ticks), list(ticks.values()))
    else:
        axes.set_xticks(list(ticks), [said.replace("\n", " ") for said in ticks.values()])
        _align_to_ends(axes.get_xticklabels(), list(ticks))
    axes.tick_params(length=0, labelcolor="white", labelsize=8.5)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _align_to_ends(labels: Sequence[Text], places: Sequence[float]) -> None:
    """The outermost words of a lying bar end where it does."""
    for label, place in zip(labels, places, strict=True):
        label.set_horizontalalignment("right" if place == max(places) else "left" if place == min(places) else "center")


def _painted(map_YX: Floats, colours: Colormap, *, signed: bool) -> Floats:
    """A map in [-1, 1] as colours with opacity, (rows, columns, 4). Colours for signed maps are darkest in their middle."""
    strength = np.abs(map_YX).clip(0.0, 1.0)
    places = DARKEST + (1 - DARKEST) * strength
    painted = np.asarray(colours(0.5 + 0.5 * np.sign(map_YX) * places if signed else places))
    painted[..., 3] = OPACITY * strength
    return painted

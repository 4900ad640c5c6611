"""What a slice of a scan carries at its edges: the sides of the patient and a scale bar, white with a dark rim."""

import math

from matplotlib import patheffects
from matplotlib.axes import Axes

HALO = [patheffects.withStroke(linewidth=2.0, foreground="#000000c0")]

SIDES = ("APSI", "RLSI", "RLAP")
"""For each axis of a right-anterior-superior volume: what lies at the left, right, top and bottom of its plane."""


def draw_sides(axes: Axes, sides: str) -> None:
    """Write the four letters of `sides` (left, right, top, bottom) at the edges of a slice."""
    left, right, top, bottom = tuple(sides)
    write(axes, left, 0.02, 0.5, ha="left", va="center")
    write(axes, right, 0.98, 0.5, ha="right", va="center")
    write(axes, top, 0.5, 0.98, ha="center", va="top")
    write(axes, bottom, 0.5, 0.02, ha="center", va="bottom")


def draw_scale(axes: Axes, width_mm: float, height_mm: float, *, scale: float) -> None:
    """Draw a bar of at most three tenths of a slice's width in its lower left corner. scale: CSS pixels for a millimetre."""
    length = nice_length(width_mm * 0.3)
    x, y = 10 / scale, height_mm - 10 / scale
    axes.plot([x, x + length], [y, y], color="white", linewidth=1.8, solid_capstyle="butt", path_effects=HALO)
    write(axes, f"{length:g} mm", x / width_mm, 16 / (height_mm * scale), ha="left", va="bottom")


def nice_length(longest: float) -> float:
    """The largest of 1, 2, 5 times a power of ten that is at most `longest` (> 0), for a scale bar."""
    power = 10.0 ** math.floor(math.log10(longest))
    return max(step * power for step in (1.0, 2.0, 5.0) if step * power <= longest * (1 + 1e-9))


def write(axes: Axes, words: str, x: float, y: float, *, ha: str, va: str) -> None:
    """Words at a place given in shares of the slice, counted from its lower left corner."""
    axes.text(x, y, words, transform=axes.transAxes, ha=ha, va=va, color="white", fontsize=8.5, path_effects=HALO)

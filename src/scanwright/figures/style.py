"""What the panels of classification and regression share: dashes, the paleness of bands, and a note at the upper right."""

from matplotlib.figure import Figure

from scanwright.figures.palette import INK
from scanwright.figures.plots import FONT_PT, PLACEHOLDER, TITLE_PX, WIDTH_PX
from scanwright.figures.svg import CSS_PIXELS_PER_INCH

DASHED = (0, (4, 3))
BAND_ALPHA = 0.16
RIGHT_PX = 12


def write_note(figure: Figure, *, has_title: bool = False) -> None:
    """A placeholder with the gid "note" at the right end of the line that names the y axis, where no curve can cross it."""
    height_px = figure.get_figheight() * CSS_PIXELS_PER_INCH
    figure.text(
        1 - RIGHT_PX / WIDTH_PX, 1 - (11 + TITLE_PX * has_title) / height_px, PLACEHOLDER, ha="right", color=INK,
        fontsize=FONT_PT, gid="note",
    )  # fmt: skip

"""Cases as dots on a plane on which like ones lie near each other. All words come from the caller."""

from collections.abc import Sequence

from scanwright.figures.palette import INK
from scanwright.figures.plots import panel
from scanwright.figures.svg import to_svg
from scanwright.types import Floats

HEIGHT_PX = 340


def embedding_plot(points_N2: Floats, *, colours: Sequence[str], titles: Sequence[str], label: str) -> bytes:
    """A dot for each case, with its tooltip. The axes have no scale: only what lies near what means something."""
    figure, axes, texts = panel(HEIGHT_PX, x_label="", y_label="", left_px=8)
    dots = axes.scatter(
        points_N2[:, 0], points_N2[:, 1], s=16, c=list(colours), edgecolor=INK, linewidth=0.3, alpha=0.8, zorder=3
    )
    dots.set_gid("cases")
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    axes.margins(0.04)
    return to_svg(figure, label=label, texts=texts, titles={"cases": titles})

"""What the features of the fixed transform are called where a person reads them: groups of columns, in words.

A feature's name says what was computed ("channel_0_spots_of_4_at_0.95"); a group's name says what that is, whatever the
place or quantile ("light or dark spots, 12 % wide"). Widths are shares of the image's side: the image is first brought to a
fixed grid, so that its own pixels do not count.

    spots       the width of the disc (of a volume, the ball) that a Laplacian of this Gaussian answers most: 2 sqrt(axes) sigma
                (Lindeberg 1998, IJCV 30:79)
    edges       the full width at half maximum of the Gaussian, within which grey values are averaged; so of unevenness
    direction   of a picture how edges run, counter-clockwise from level; of a volume where it becomes brighter
"""

import math
from collections.abc import Mapping, Sequence

from scanwright.features.fixed import DIRECTIONS, SIDE_2D, SIDE_3D

HALF_MAXIMUM = 2 * math.sqrt(2 * math.log(2))
TOWARDS = (("right", "left"), ("front", "back"), ("head", "feet"))
"""Of the canonical axes R, A and S: where each leads to, and where it comes from."""
TITLES: Mapping[str, str] = {
    "outline_grey": "brightness, place by place",
    "outline_direction": "edges running at {}",
    "grey_values": "how grey values are spread",
    "spots": "{} wide spots, light or dark",
    "edges": "{} wide edges, anywhere",
    "unrest": "unevenness within {}",
}


def grouped(names: Sequence[str], channels: Sequence[str], *, axes: Sequence[int] = (0, 1, 2)) -> dict[str, list[int]]:
    """Columns of features of the fixed transform by what they tell, in words; with several channels the channel before it.

    names: "channel_0_spots_of_2_at_0.95": the channels by number, as a model reads them. channels: their names. axes: which
    of the axes R, A, S each axis of the described image was.
    """
    dims = 3 if any(name.rpartition("_at_")[2].count("_") == 2 for name in names) else 2
    groups: dict[str, list[int]] = {}
    for column, name in enumerate(names):
        _, number, kind = name.rpartition("_at_")[0].split("_", 2)
        before = f"{channels[int(number)]}: " if len(channels) > 1 else ""
        groups.setdefault(before + group_title(kind, dims=dims, axes=axes), []).append(column)
    return groups


def group_title(kind: str, *, dims: int, axes: Sequence[int] = (0, 1, 2)) -> str:
    """A group of features in words.

    >>> group_title("outline_direction_2", dims=2), group_title("spots_of_4", dims=2)
    ('edges running at 45–67.5°', '12 % wide spots, light or dark')
    >>> group_title("outline_direction_0", dims=3, axes=(2, 1, 0)), group_title("unrest_of_4", dims=3)
    ('brighter towards the head', 'unevenness within 29 %')
    """
    what, _, number = kind.rpartition("_")
    if what == "outline_direction":
        if dims == 3:
            return f"brighter towards the {TOWARDS[axes[int(number) // 2]][int(number) % 2]}"
        sector = 180 / DIRECTIONS
        return TITLES[what].format(f"{int(number) * sector:g}–{(int(number) + 1) * sector:g}°")
    word = kind.split("_")[0]
    if word not in ("spots", "edges", "unrest"):
        return TITLES[kind]
    sigma, side = float(number), SIDE_2D if dims == 2 else SIDE_3D
    widths = 2 * math.sqrt(dims) if word == "spots" else HALF_MAXIMUM
    return TITLES[word].format(f"{100 * widths * sigma / side:.0f} %")

"""Names of groups of fixed features are true: edges and spots that are drawn are found under the name that says so."""

import doctest

import numpy as np
import pytest

from scanwright.features import fixed_groups
from scanwright.features.fixed import SCALES, fixed_features
from scanwright.features.fixed_groups import group_title, grouped
from scanwright.features.served import names_of
from scanwright.geometry.grid import Grid
from scanwright.geometry.volume import Volume
from scanwright.types import Array


def test_doctest() -> None:
    assert doctest.testmod(fixed_groups).failed == 0


def strength(found: dict[str, float]) -> dict[str, float]:
    """The sum of the features of each group, by its title."""
    names = list(found)
    return {title: sum(found[names[column]] for column in columns) for title, columns in grouped(names, ["a"]).items()}


@pytest.mark.parametrize("angle", [11, 34, 56, 79, 101, 124, 146, 169])
def test_edges_run_as_their_name_says(angle: int) -> None:
    # Columns to the right and rows downwards, as a picture file has them; the line leads up by `angle`.
    column, row = np.indices((96, 96)) - 47.5
    turned = np.radians(angle)
    across = column * np.sin(turned) + row * np.cos(turned)
    image = np.tanh(across / 3)
    found = strength(fixed_features(Volume(image[None, :, :, None], Grid.of_pixels(96, 96)), ["channel_0"]))
    running = {title: value for title, value in found.items() if title.startswith("edges running")}
    low, high = max(running, key=running.__getitem__).removeprefix("edges running at ").rstrip("°").split("–")
    assert float(low) <= angle <= float(high)


@pytest.mark.parametrize(("axis", "sign", "where"), [(0, 1, "right"), (0, -1, "left"), (1, -1, "back"), (2, 1, "head")])
def test_a_volume_is_brighter_where_the_name_says(axis: int, sign: int, where: str) -> None:
    places = np.indices((32, 32, 32))[axis]  # towards R, A, S
    found = strength(
        fixed_features(Volume(sign * places[None] * 1.0, Grid.from_spacing((32,) * 3, (1, 1, 1))), ["channel_0"])
    )
    towards = {title: value for title, value in found.items() if title.startswith("brighter towards")}
    assert max(towards, key=towards.__getitem__) == f"brighter towards the {where}"


@pytest.mark.parametrize(("dims", "scale"), [(2, scale) for scale in SCALES] + [(3, 1.0), (3, 2.0)])
def test_spots_are_as_wide_as_their_name_says(dims: int, scale: float) -> None:
    # Of discs of many widths the one that answers most at this scale.
    side = 96 if dims == 2 else 32
    widths = np.linspace(0.5, 2, 31) * 2 * np.sqrt(dims) * scale
    answers = [answer(width, dims, side, scale) for width in widths]
    best = widths[int(np.argmax(answers))] / side * 100
    told = float(group_title(f"spots_of_{scale:g}", dims=dims).split(" %")[0])
    assert best == pytest.approx(told, rel=0.25)


def answer(width: float, dims: int, side: int, scale: float) -> float:
    """The largest answer of a Laplacian of a Gaussian to a soft-edged disc or ball in the middle."""
    from scipy import ndimage

    away = np.sqrt(((np.indices((side,) * dims) - (side - 1) / 2) ** 2).sum(axis=0))
    disc: Array = np.clip(width / 2 - away + 0.5, 0, 1)
    return float((-(scale**2) * ndimage.gaussian_laplace(disc, scale)).max())


@pytest.mark.parametrize(("shape", "groups"), [((2, 1, 40, 30), 22), ((2, 8, 20, 20), 20)])
def test_every_feature_has_a_group_and_channels_their_names(shape: tuple[int, ...], groups: int) -> None:
    names = names_of(np.random.default_rng(0).normal(size=shape))
    found = grouped(names, ["t1", "flair"])
    assert sorted(column for columns in found.values() for column in columns) == list(range(len(names)))
    assert len(found) == 2 * groups and all(title.startswith(("t1: ", "flair: ")) for title in found)
    assert max(len(title) for title in grouped(names[: len(names) // 2], ["t1"])) <= 34  # fits beside a note


def test_axes_that_were_turned() -> None:
    assert group_title("outline_direction_0", dims=3, axes=(0, 1, 2)) == "brighter towards the right"
    assert group_title("outline_direction_5", dims=3, axes=(2, 1, 0)) == "brighter towards the left"

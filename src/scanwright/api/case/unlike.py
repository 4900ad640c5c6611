"""What is said of an image that looks otherwise than those of the training: a doubt for each view of it."""

from collections.abc import Callable, Mapping, Sequence

from scanwright.doubt import Doubt
from scanwright.explanation.in_range import GRAIN, LAYOUT
from scanwright.features.looks import NETWORK, TEXTURE

NOISE = 0.5
"""Grain from which on an image whose grain is unusual is called noise: its neighbours have little to do with each other."""


def unlike(view: str, distance: float, reach: float) -> Doubt:
    """That an image is farther from those of the training than `reach` in a view; `distance` may be infinite."""
    if distance == float("inf"):
        return Doubt("other-axes", "an image with other axes or channels than the training images")
    said = _noise if view == GRAIN and distance >= NOISE else UNLIKE[view]
    return said(distance, reach)


def lying(ways: Sequence[str]) -> Doubt:
    """Ways to lie as one value, each of which other languages tell in their words."""
    if not ways:
        return Doubt("turn-none", "in another position")
    told, *others = (WAYS[way] for way in ways)
    for other in others:
        told = Doubt("turn-two", "{first}, {second}", first=told, second=other)
    return told


WAYS: Mapping[str, Doubt] = {
    "head": Doubt("turn-head", "upside down"),
    "back": Doubt("turn-back", "back to front"),
    "left": Doubt("turn-left", "left and right exchanged"),
    "side": Doubt("turn-side", "with its axes exchanged"),
}


def _noise(value: float, reach: float) -> Doubt:
    return Doubt(
        "noise",
        "noise: neighbouring voxels have little to do with each other (grain {value:.2f}, up to {reach:.2f} in training)",
        value=value,
        reach=reach,
    )


def _grainy(value: float, reach: float) -> Doubt:
    return Doubt(
        "grainy",
        "grainier than the training images (grain {value:.2f}, up to {reach:.2f} there)",
        value=value,
        reach=reach,
    )


def _texture(value: float, reach: float) -> Doubt:
    return Doubt(
        "unlike-texture",
        "grey values and texture unlike those of the training images (distance {value:.2f}, up to {reach:.2f} there)",
        value=value,
        reach=reach,
    )


def _layout(value: float, reach: float) -> Doubt:
    return Doubt(
        "unlike-layout",
        "what is bright where is unlike the training images: another part of the body, or another view (distance "
        "{value:.2f}, up to {reach:.2f} there)",
        value=value,
        reach=reach,
    )


def _features(value: float, reach: float) -> Doubt:
    return Doubt(
        "unlike-features",
        "unlike the training images, as the model sees it: another anatomy, or another kind of image (distance "
        "{value:.2f}, up to {reach:.2f} there)",
        value=value,
        reach=reach,
    )


UNLIKE: Mapping[str, Callable[[float, float], Doubt]] = {
    GRAIN: _grainy,
    TEXTURE: _texture,
    LAYOUT: _layout,
    NETWORK: _features,
}

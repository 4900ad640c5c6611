"""Values as the report words them: plan values, sizes, channels, volumes."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from scanwright.dataset.facts import Fingerprint, Spread
from scanwright.dataset.task import Channel
from scanwright.evaluation.intervals.statistics import FEW_PATIENTS, MIN_PATIENTS
from scanwright.report.notation import number
from scanwright.report.results_content import Fact
from scanwright.transform.intensity import Tint
from scanwright.transform.spatial import Warp
from scanwright.types import Triple

UNNAMED = "image"
"""What a channel is called of which nothing is known."""
FEW_FOR_FAILURES = 30
"""Patients below which rare failures are likely not among them."""


def plain(value: Any, *, is_size: bool = False) -> str:
    """A plan value as a person writes it. is_size: numbers in it belong together, as 1×2×2.

    >>> plain((2, 1, 0)), plain([[1, 1, 1], [1, 2, 2]], is_size=True), plain(()), plain({"low": None, "high": 0.5})
    ('2, 1, 0', '1×1×1, 1×2×2', 'none', 'high 0.5')
    """
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {plain(one)}" for key, one in value.items() if one is not None)
    if isinstance(value, Sequence) and not isinstance(value, str):
        together = is_size and all(isinstance(one, (int, float)) for one in value)
        return ("×" if together else ", ").join(plain(one, is_size=is_size) for one in value) or "none"
    return str(value)


def steps_text(planned: int, taken: Sequence[int]) -> str:
    """A planned number of steps, and where the folds ended if that was elsewhere.

    >>> steps_text(671, [671, 671]), steps_text(671, [221]), steps_text(671, [230, 221, 245])
    ('671', '671 (ended at 221)', '671 (ended at 221 to 245)')
    """
    ends = sorted(set(taken))
    if not ends or ends == [planned]:
        return str(planned)
    return f"{planned} (ended at {ends[0]}{f' to {ends[-1]}' if len(ends) > 1 else ''})"


def few_text(num_patients: int, where: str = "") -> str:
    """What must be said of intervals over few patients, "" from 30 on. where: " in the test split", if that must be said.

    The shares are those of `evaluation.intervals.statistics` at five patients, for scores with rare failures and normal ones.
    """
    if num_patients >= FEW_FOR_FAILURES:
        return ""
    only = f"Only {num_patients} patient{'s were' if num_patients != 1 else ' was'} judged{where}"
    if num_patients < MIN_PATIENTS:
        return f"{only}: too few for an interval, which takes {MIN_PATIENTS}."
    if num_patients < FEW_PATIENTS:
        return f"{only}: of intervals over so few, 76 to 92 in 100 hold the true mean, and not 95."
    return f"{only}; the intervals are rough."


def space_facts(found: Fingerprint) -> list[Fact]:
    """Size and place of the images; pictures have neither spacing nor orientation."""
    if found.unit == "px" and found.shape[2].max == 1:
        return [Fact(name="Width × height, px", value=span_text(found.shape[:2], digits=0))]
    return [
        Fact(name="Shape x × y × z", value=span_text(found.shape, digits=0)),
        Fact(name=f"Spacing x × y × z ({found.unit})", value=span_text(found.spacing, digits=2)),
        Fact(name="Orientations", value=", ".join(f"{name}: {count}" for name, count in found.orientations.items())),
    ]


def span_text(spreads: Sequence[Spread], *, digits: int) -> str:
    """Median and range along each axis."""
    return " × ".join(
        f"{one.median:.{digits}f}"
        if one.min == one.max
        else f"{one.median:.{digits}f} ({one.min:.{digits}f} to {one.max:.{digits}f})"
        for one in spreads
    )


def images_text(dimension: int, channels: Sequence[Channel]) -> str:
    """What kind of images a task has: dimension, and the channels by name, but for one of which nothing is known.

    >>> images_text(3, [Channel(name="T1", modality="mr"), Channel(name="T2", modality="mr")])
    '3-D T1, T2 images'
    >>> images_text(2, [Channel(name="image", modality="other")])
    '2-D images'
    """
    names = ", ".join(dict.fromkeys(channel.name for channel in channels if channel.name.lower() != UNNAMED))
    return " ".join(word for word in (f"{dimension}-D", names, "images") if word)


def channel_text(channel: Channel) -> str:
    """A channel's name, with its modality where the name does not say it."""
    return (
        channel.name if channel.modality in ("other", channel.name.lower()) else f"{channel.name} ({channel.modality})"
    )


def volume_text(volume: Spread, unit: str) -> str:
    """A spread of volumes for people."""
    word = "ml" if unit == "mm" else "px"
    return f"{amount(volume.median)} {word} ({amount(volume.min)} to {amount(volume.max)})"


def amount(value: float) -> str:
    """Three digits that count, and all of a large number: 0.0123, 4.56, 78.9, 136 100."""
    return number(value, 0) if abs(value) >= 100 else f"{value:.3g}"


def changes_text(warp: Warp, tint: Tint, sample: int, *, spacing: Triple) -> str:
    """What is changed at random in one sample, in two lines: its shape, and its grey values. "as it is" if nothing is.

    spacing: edges of a voxel in network order; a turn and a change of size are those in space.
    """
    scale = np.diag(spacing)
    physical = scale @ warp.matrix[sample] @ np.linalg.inv(scale)
    sizes = np.linalg.norm(physical, axis=0)
    flips = np.where(np.diag(physical) < 0, -1.0, 1.0)  # a turn is less than a right angle
    turn = np.degrees(np.arccos(np.clip((np.trace(physical / (sizes * flips)) - 1) / 2, -1.0, 1.0)))
    shape = (
        f"turned {turn:.0f}°" if turn >= 0.5 else "",
        f"size ×{1 / np.cbrt(sizes.prod()):.2f}" if np.abs(sizes - 1).max() > 0.005 else "",
        "mirrored" if (flips < 0).any() else "",
        "bent" if warp.bend[sample].any() else "",
    )
    grey = (
        f"contrast ×{tint.contrast[sample]:.2f}" if tint.contrast[sample] != 1 else "",
        f"brightness {tint.brightness[sample]:+.2f}" if tint.brightness[sample] else "",
        f"gamma {tint.gamma[sample]:.2f}" if tint.gamma[sample] != 1 else "",
        f"noise {tint.noise[sample]:.2f}" if tint.noise[sample] else "",
        f"blur {tint.blur[sample]:.1f}" if tint.blur[sample] > 0.1 else "",
        f"coarser ×{tint.low_resolution[sample]:.1f}" if tint.low_resolution[sample] > 1 else "",
    )
    lines = [", ".join(filter(None, words)) for words in (shape, grey)]
    return "\n".join(filter(None, lines)) or "as it is"

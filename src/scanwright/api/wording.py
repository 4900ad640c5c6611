"""Values as the report words them: plan values, sizes, channels, volumes."""

from collections.abc import Mapping, Sequence
from typing import Any

from scanwright.dataset.facts import Fingerprint, Spread
from scanwright.dataset.task import Channel
from scanwright.report.content import Fact
from scanwright.report.notation import number


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

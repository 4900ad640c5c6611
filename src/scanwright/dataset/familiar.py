"""Whether the grey values of an image are of the kind that a model has learned from.

A volume does not always say what made it, and a model of CT answers an MRI as readily as a CT. Three things betray another
scale, judged on the 0.5th and 99.5th percentile of each channel:

    darker than anything that was learned from, by a tenth of the image's own range: a CT's air for a model of MRI
    CT, where the learned images hold values below 0 HU: nothing below 0, so neither air nor fat: an MRI, or a CT that was
        saved without its offset
    CT and colour: brighter than anything that was learned from, by a tenth of the learned range

Values without a unit (MRI, ultrasound, radiographs) are normalised image by image, and another scanner may write ten times as
much: there, brightness says nothing. No rule tells an ultrasound from a radiograph in 8 bits, or T1 from T2.
Measured on the labelled folders, with what fold 0 learns from (tests/dataset/test_real_data.py): silent on every held-out case
of the hippocampus (MRI), sarcomas (CT), chest X-rays and breast ultrasound; not silent on any CT with the statistics of the
MRI, nor on any MRI with those of the CT.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import TypeAdapter, ValidationError

from scanwright.dataset.facts import ChannelPrint
from scanwright.dataset.measures import percentiles_of
from scanwright.doubt import Doubt
from scanwright.errors import IntegrityError
from scanwright.types import Array

MARGIN = 0.1
LEARNED = TypeAdapter(tuple[ChannelPrint, ...])
ABSOLUTE = ("ct", "rgb")
"""Modalities whose numbers mean the same in every image."""


def learned_channels(reference: Mapping[str, Any] | None, *, channels: int, where: Any) -> tuple[ChannelPrint, ...]:
    """The channels of a package's reference statistics; none if it has no such statistics.

    Raises IntegrityError if they are not what this version writes, or not of so many channels.
    """
    message = "reference statistics that do not fit"
    try:
        found = LEARNED.validate_python((reference or {}).get("channels", ()))
    except ValidationError as error:
        place = ".".join(str(part) for part in ("channels", *error.errors()[0]["loc"]))
        raise IntegrityError(message, where=where, expected=error.errors()[0]["msg"], found=place) from error
    if found and len(found) != channels:
        raise IntegrityError(message, where=where, expected=f"{channels} channels", found=f"{len(found)}")
    return found


def unfamiliar(voxels_CIJK: Array, learned: Sequence[ChannelPrint]) -> list[Doubt]:
    """A doubt for each channel whose grey values are unlike those of its own in `learned`, if there are any. Finite voxels."""
    notes = []
    for voxels, channel in zip(voxels_CIJK, learned, strict=bool(learned)):
        low, _, high = percentiles_of(voxels)
        if is_unlike(low, high, channel):
            notes.append(
                Doubt(
                    "unfamiliar-values",
                    "grey values of {channel} unlike those that the model has learned from: {low:.4g} to {high:.4g} here, "
                    "mostly {learned_low:.4g} to {learned_high:.4g} there; the answer means nothing if this is another kind "
                    "of image",
                    channel=channel.name,
                    low=float(low),
                    high=float(high),
                    learned_low=channel.whole.p005,
                    learned_high=channel.whole.p995,
                )
            )
    return notes


def is_unlike(low: float, high: float, learned: ChannelPrint) -> bool:
    """Whether an image's channel between these percentiles is on another scale than the learned ones; see above."""
    whole = learned.whole
    darker = low < whole.min - MARGIN * (high - low)
    brighter = learned.modality in ABSOLUTE and high > whole.max + MARGIN * (whole.max - whole.min)
    unsigned = learned.modality == "ct" and low >= 0 > whole.p005
    return darker or brighter or unsigned

"""Whether an image is of the kind that a package was made for: reasons why not, each as data, with a level.

    values     constant, or of another scale than those that were learned from (`dataset.familiar`)
    voxels     far finer or coarser; view: a far larger or smaller field of view (`dataset.acquired`)
    looks      noise, another texture, another layout, unlike as the network sees it, turned (`explanation.in_range`)

The first two need the reference statistics that every package has; the last needs a member that packages hold since it
was made, without which nothing is said of it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from pathlib import Path

import numpy as np

from scanwright.api.case import slices
from scanwright.api.case.opened import Model
from scanwright.api.case.unlike import lying, unlike
from scanwright.dataset.familiar import unfamiliar
from scanwright.doubt import Doubt, as_data
from scanwright.errors import PolicyError
from scanwright.explanation.in_range import LAYOUT, TURNED, Judged, Level, Look
from scanwright.explanation.reference import Reference
from scanwright.features.looks import look_at
from scanwright.geometry.volume import Volume
from scanwright.runtime import free_memory_bytes
from scanwright.transform.preprocess import to_network, whole
from scanwright.types import JSON

OUTSIDE = Doubt("outside-range", "OUTSIDE THE RANGE that this model was made for: the answer is not to be relied on")
BORDER = Doubt("border-of-range", "on the border of the range that this model was made for")
MOST_SLICES = 9
"""Slices of a volume that a model of single slices is asked about; the median one decides."""
COPIES = 4
"""Of a prepared image, in memory while it is looked at."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an image is not of the kind that a model was made for. level: "border" or "outside"."""

    doubt: Doubt
    level: Level

    def to_json(self) -> dict[str, JSON]:
        """As plain data."""
        return {**as_data(self.doubt), "level": self.level}


@dataclass(frozen=True, slots=True)
class RangeCheck:
    """All reasons, those of what is outside first. score: of the looks, in deviations of held-out cases; None: not
    looked at.

    limit: of the score, for `outside`; None where none is known.
    """

    reasons: tuple[Reason, ...] = ()
    score: float | None = None
    limit: float | None = None
    checked: tuple[str, ...] = field(default=())

    @property
    def level(self) -> Level:
        """The worst of all reasons; inside without any."""
        levels = {reason.level for reason in self.reasons}
        return "outside" if "outside" in levels else "border" if levels else "inside"

    @property
    def headline(self) -> tuple[Doubt, ...]:
        """The level in a sentence, which comes before all that is told of an answer; () inside."""
        return {"outside": (OUTSIDE,), "border": (BORDER,), "inside": ()}[self.level]

    @property
    def doubts(self) -> tuple[Doubt, ...]:
        """The reasons in sentences."""
        return tuple(reason.doubt for reason in self.reasons)

    def to_json(self, *, declined: bool = False) -> dict[str, JSON]:
        """As plain data, for predictions.json. verdict: "answered", "warned" or "declined"."""
        answered = "warned" if self.reasons else "answered"
        finite = self.score is not None and np.isfinite(self.score)
        return {
            "verdict": "declined" if declined else answered,
            "level": self.level,
            "reasons": [reason.to_json() for reason in self.reasons],
            "score": round(self.score, 3) if self.score is not None and finite else None,
            "limit": None if self.limit is None else round(self.limit, 3),
            "checked": list(self.checked),
        }


class OutOfRange(PolicyError):
    """A scan that is declined under `--strict`. check: why."""

    def __init__(self, check: RangeCheck, *, where: Path) -> None:
        super().__init__(
            "outside the range that this model was made for",
            where=where,
            details=[str(reason.doubt) for reason in check.reasons],
            hint="Look at the scan. Without --strict it is answered, with a warning.",
        )
        self.check = check


SEEN_BY_HEADER = ("constant-image", "other-voxels", "other-view")
"""What makes it needless to look at an image as a network would."""
CODES = frozenset(
    {
        *("outside-range", "border-of-range", "constant-image", "unfamiliar-values", "other-voxels", "other-view"),
        *("other-pixels", "other-proportions", "other-axes", "noise", "grainy", "turned"),
        *("unlike-texture", "unlike-layout", "unlike-features"),
    }
)
"""All that is said here, by its code."""


def apart(notes: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What is said of the range, which comes before all else, and the other notes."""
    own = tuple(note for note in notes if isinstance(note, Doubt) and note.code in CODES)
    return own, tuple(note for note in notes if not isinstance(note, Doubt) or note.code not in CODES)


def check_range(model: Model, image: Volume) -> RangeCheck:
    """Why an image is not of the kind that a model was made for, as far as its package can tell. Finite voxels."""
    reasons = [*_of_values(model, image), *_of_grid(model, image)]
    checked = ["values", *(["voxels", "view"] if model.acquired is not None else [])]
    judged, found = None, model.reference
    # Nothing is to be seen in a blank image; and one of other voxels or ten times the body is outside anyway. It would be
    # brought to the model's voxels first: of a whole CT, given to a model of small crops, that takes gigabytes.
    is_told = any(reason.doubt.code in SEEN_BY_HEADER and reason.level == "outside" for reason in reasons)
    if found is not None and not is_told and (looks := _looks(model, image)):
        checked.append("looks")
        judged, of_looks = _of_looks(found, looks, model=model, image=image)
        reasons += of_looks
    ordered = sorted(reasons, key=lambda reason: reason.level != "outside")
    limit = None if found is None else found.bounds.outside.value
    return RangeCheck(tuple(ordered), None if judged is None else judged.score, limit, tuple(checked))


def _of_values(model: Model, image: Volume) -> Iterator[Reason]:
    """Grey values that say nothing, or are on another scale."""
    for place, voxels in enumerate(image.voxels):
        low, high = voxels.min(), voxels.max()
        if low == high:
            name = model.task.channels[place].name
            said = "the image has one value everywhere ({channel}: {value:.4g}): nothing is in it"
            yield Reason(Doubt("constant-image", said, channel=name, value=float(low)), "outside")
    for doubt in unfamiliar(image.voxels, model.learned):
        yield Reason(doubt, "outside")


def _of_grid(model: Model, image: Volume) -> Iterator[Reason]:
    """Voxels and field of view."""
    if model.acquired is None:
        return
    outside = model.acquired.outside(image.grid)
    yield from (Reason(doubt, "outside") for doubt in outside)
    yield from (Reason(doubt, "border") for doubt in model.acquired.border(image.grid) if doubt not in outside)


def _looks(model: Model, image: Volume) -> list[Look]:
    """How the image looks, or of a volume that is answered slice by slice some of its slices. [] where there is no
    memory for it: answering then fails too, and says so.
    """
    plan = model.engine.plan
    axis = slices.axis_across(image.grid, plan.preprocess)
    parts = [image]
    if model.is_flat and image.shape[axis] > 1:
        every = list(slices.slices_of(image, axis=axis))
        places = np.linspace(0, len(every) - 1, min(len(every), MOST_SLICES)).round().astype(int)
        parts = [every[place] for place in places]
    need = 4 * COPIES * image.channels * prod(whole(parts[0].grid, plan.preprocess).shape)
    if need > free_memory_bytes():
        return []
    return [look_of(model, part) for part in parts]


def look_of(model: Model, image: Volume) -> Look:
    """How an image looks, through the eyes of the network that the package's reference is of."""
    assert model.reference is not None
    engine = model.engine
    place = model.package.models.index(model.reference.model)
    prepared, _ = to_network(image, engine.plan.preprocess)
    return look_at(prepared, network=engine.networks[place], plan=engine.plan, device=engine.device.type)


def _of_looks(known: Reference, looks: list[Look], *, model: Model, image: Volume) -> tuple[Judged, list[Reason]]:
    """The judgement of the median slice, or of the one image, and a reason for each view that says so."""
    measured = [known.clouds.measure(look) for look in looks]
    judged = [known.bounds.judge(one) for one in measured]
    place = sorted(range(len(judged)), key=lambda one: judged[one].score)[(len(judged) - 1) // 2]
    own, distances = judged[place], measured[place]
    told = [
        Reason(_doubt(view, distances, known, own.level, look=looks[place], model=model, image=image), own.level)
        for view in own.beyond
        if view != TURNED or _fits_when_turned(distances, known, own)
    ]
    return own, told


def _fits_when_turned(distances: Mapping[str, float], known: Reference, own: Judged) -> bool:
    """Whether an image is a usual one once it is turned. Another anatomy fits a little better in some way as well."""
    if own.beyond == (TURNED,):
        return True
    reach = known.bounds.reach(LAYOUT, own.level)
    return reach is not None and distances[LAYOUT] / distances[TURNED] <= reach


def _doubt(
    view: str,
    distances: Mapping[str, float],
    known: Reference,
    level: Level,
    *,
    look: Look,
    model: Model,
    image: Volume,
) -> Doubt:
    """What one view says, for people."""
    distance, reach = distances[view], known.bounds.reach(view, level) or 0.0
    if view == TURNED:
        turn = known.clouds.best_turn(look)
        axes, is_picture = model.engine.plan.preprocess.axes, image.grid.unit == "px"
        how = lying(() if turn is None else turn[0].ways(axes, is_picture=is_picture))
        return Doubt(
            "turned", "looks like the training images {how}: it may lie otherwise than its header says", how=how
        )
    return unlike(view, distance, reach)

"""What was chosen and fitted out of fold for label maps, as a package carries it: applied to whatever it answers.

chosen.json     {"postprocess": {"steps": [{"region", "action", "least", "of"}], …}, "voxels": {region: {"slope", …}}}
confidence.json {"masks": {"lines": {region: {…}}, "slack", "slack_by_region", "low", …}}

Both hold what was measured as well (settling.py), which nothing here reads.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import get_args

import numpy as np

from scanwright.doubt import Doubt
from scanwright.errors import IntegrityError
from scanwright.evaluation.certainty.mask_quality import LEVEL, LOW_SHARE, Line, Traits, line_from_json
from scanwright.inference.evidence import DOUBT, INSIDE, SIZE, TOTAL, Evidence
from scanwright.inference.postprocess import Action, Step
from scanwright.types import JSON

POSTPROCESS, VOXELS, CONFIDENCE, MASKS = "postprocess", "voxels", "confidence", "masks"
EXPECTED, AGREEMENT = "expected_dice", "agreement"


@dataclass(frozen=True, kw_only=True, slots=True)
class Quality:
    """How the Dice of a mask is predicted; no lines: not at all. slack: what the mean over regions is lowered by for its
    bound. slack_by_region: that of each region of which a prediction is told by itself. low: the predicted mean below which
    the worst few cases lay. None: not known.
    """

    lines: Mapping[str, Line]
    slack: float | None = None
    slack_by_region: Mapping[str, float | None] = field(default_factory=dict)
    low: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class After:
    """steps: post-processing. slopes: of each region, by which log-odds of its voxels are multiplied. quality: None where none
    could be fitted.
    """

    steps: tuple[Step, ...] = ()
    slopes: Mapping[str, float] = field(default_factory=dict)
    quality: Quality | None = None


NOTHING = After()


def after_from_json(chosen: Mapping[str, JSON] | None) -> After:
    """What `settle` chose, as it is or as a package's chosen.json has it, without what it gives under CONFIDENCE. Raises
    IntegrityError for what is none.
    """
    try:
        data = chosen or {}
        steps = tuple(step_of(one) for one in data.get(POSTPROCESS, {}).get("steps", ()))
        slopes = {name: float(one["slope"]) for name, one in data.get(VOXELS, {}).items()}
        if any(not slope > 0 for slope in slopes.values()):
            raise ValueError("a slope of log-odds is above 0")
        return After(steps=steps, slopes=slopes, quality=quality_from_json(data.get(CONFIDENCE)))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise IntegrityError("not a choice of this version", found=str(error)[:160]) from error


def quality_from_json(confidence: Mapping[str, JSON] | None) -> Quality | None:
    """What a package's confidence.json says of masks; None where it says nothing. Raises IntegrityError for what is none."""
    try:
        told = (confidence or {}).get(MASKS)
        return None if told is None else _quality(told)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise IntegrityError("not a confidence of this version", found=str(error)[:160]) from error


def step_json(step: Step) -> dict[str, JSON]:
    """A step as plain data."""
    return {**asdict(step), "of": list(step.of)}


def told_quality(evidence: Evidence, names: Sequence[str], quality: Quality, *, voxel: float) -> dict[str, JSON]:
    """{"expected_dice": {"mean", "low", "regions": {name: {"mean", "low"}}}}: in the mean over the regions that were found the
    Dice that is predicted, and what nine cases in ten are not below, None where that is not known; the same of each region
    of which it is shown to say anything. {} where nothing can be said.
    """
    told = {
        name: dice
        for name, traits in zip(names, traits_of(evidence, voxel=voxel), strict=True)
        if traits is not None and name in quality.lines
        for dice in [quality.lines[name].dice(traits)]
        if dice is not None
    }
    if not told:
        return {}
    mean = sum(told.values()) / len(told)
    regions = {
        name: _told(value, quality.slack_by_region[name])
        for name, value in told.items()
        if name in quality.slack_by_region
    }
    return {EXPECTED: {**_told(mean, quality.slack), "regions": regions}}


def told_agreement(evidence: Evidence, names: Sequence[str]) -> dict[str, JSON]:
    """{"agreement": {name: …}}: the pairwise Dice of several opinions of each region (inference.opinions), of those that
    any of them holds; {} of one opinion alone.
    """
    told = {
        name: round(float(value), 4)
        for name, value in zip(names, evidence.agreement, strict=True)
        if not np.isnan(value)
    }
    return {AGREEMENT: told} if told else {}


def doubts_of_quality(told: Mapping[str, JSON], quality: Quality) -> tuple[Doubt, ...]:
    """That a mask is probably among the worst few."""
    if EXPECTED not in told or quality.low is None or told[EXPECTED]["mean"] >= quality.low:
        return ()
    return (
        Doubt(
            "low-expected-quality",
            "the outlines are probably poor: a Dice of {dice:.2f} is expected of them, less than of {others:.0f} % of the "
            "cases that the model was tested on",
            dice=told[EXPECTED]["mean"],
            others=100 * (1 - LOW_SHARE),
        ),
    )


def traits_of(evidence: Evidence, *, voxel: float) -> list[Traits | None]:
    """What is known of each region's mask; None of a region that was not found. voxel: the size of one."""
    found: list[Traits | None] = []
    for sums, border, agreement in zip(evidence.sums, evidence.border, evidence.agreement, strict=True):
        if not sums[SIZE] or not border:
            found.append(None)
            continue
        dice = 2 * sums[INSIDE] / (sums[SIZE] + sums[TOTAL])
        bits = sums[DOUBT] / border
        found.append(
            Traits(
                expected_dice=float(dice),
                border_bits=float(bits),
                size=float(sums[SIZE]) * voxel,
                agreement=None if np.isnan(agreement) else float(agreement),
            )
        )
    return found


def quality_json(lines: Mapping[str, Line], **further: JSON) -> dict[str, JSON]:
    """Lines, and whatever belongs to them, as plain data."""
    return {"lines": {name: asdict(line) for name, line in lines.items()}, "level": LEVEL, **further}


def _told(value: float, slack: float | None) -> dict[str, JSON]:
    return {"mean": round(value, 4), "low": None if slack is None else round(max(0.0, min(value, value - slack)), 4)}


def step_of(data: Mapping[str, JSON]) -> Step:
    """A step from plain data. Raises KeyError, TypeError or ValueError for what is none."""
    action: Action = data["action"]
    if action not in get_args(Action):
        raise ValueError(f"no step is called {action}")
    return Step(region=str(data["region"]), action=action, least=float(data["least"]), of=tuple(map(str, data["of"])))


def _quality(data: Mapping[str, JSON]) -> Quality:
    return Quality(
        lines={name: line_from_json(line) for name, line in data["lines"].items()},
        slack=data["slack"],
        slack_by_region=dict(data["slack_by_region"]),
        low=data["low"],
    )

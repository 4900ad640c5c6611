"""What a run's package holds to tell images that its model was not made for, and how often it would decline those that
it was.

The clouds are of the training cases of one fold, seen by that fold's network; what is usual is told by cases that it
has not learned from. Of one fold these are often few: then further folds are asked, each by its own network and
training cases. The share of held-out cases that would be declined or warned of is measured with each of them judged by
what the others say, and by the voxel sizes, fields of view and grey values of its fold's training cases alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from scanwright.api.run.answer import Scores, trained_network
from scanwright.api.run.folder import WEIGHTS, Run
from scanwright.api.run.study import MOST_HELD_OUT, MOST_TRAINING, Study
from scanwright.dataset.acquired import Acquired
from scanwright.dataset.facts import CaseFacts, ChannelPrint
from scanwright.dataset.familiar import is_unlike
from scanwright.dataset.fingerprint import fingerprint
from scanwright.dataset.images import read_case_image
from scanwright.dataset.store import Store
from scanwright.evaluation.intervals.proportion import share_interval
from scanwright.explanation.cloud import FEWEST, Cloud
from scanwright.explanation.in_range import (
    GRAIN,
    LAYOUT,
    LEVELS,
    TURNED,
    Bounds,
    Clouds,
    Level,
    Look,
    bounds_of,
    cross_judged,
)
from scanwright.explanation.reference import Reference
from scanwright.explanation.turned import AS_IT_IS, WAYS, Turn, turns_of
from scanwright.features.looks import look_at
from scanwright.files import write_json
from scanwright.protocols import Listener, Progress
from scanwright.transform.preprocess import to_network
from scanwright.types import JSON, Floats

FEW_LOOKED = 30
"""Cases of each kind that are looked at even where the budget is used."""
ENOUGH = 100
"""Held-out cases from which on no further fold is asked: twice what a limit of 2 % needs, so that it is not the largest."""
RANGE = "range"
"""The part of metrics.json."""
TESTS = ("values", "voxels and view", "looks")


@dataclass(frozen=True, slots=True, eq=False)
class FoldSeen:
    """A fold looked through. clouds: of its training cases. names: of held-out cases, and their looks and distances.
    header: the levels of their grey values, and of their voxels and fields of view, by what this fold has learned from.
    """

    fold: int
    trained: int
    clouds: Clouds
    names: tuple[str, ...]
    looks: tuple[Look, ...]
    distances: tuple[Mapping[str, float], ...]
    header: tuple[Mapping[str, Level], ...]


def with_range(
    run: Run,
    study: Study,
    scores: Scores,
    keys: Mapping[str, str],
    *,
    budget_s: float | None = None,
    device: torch.device,
    tell: Listener,
) -> tuple[Scores, Reference | None]:
    """The scores with what was measured of the range, written to metrics.json; and what the package holds of it, None
    where no training cases could be looked at. keys: of prepared cases in the store. budget_s: seconds of the whole
    command, after which few cases more are looked at.
    """
    seen: list[FoldSeen] = []
    for fold in study.plan.training.folds:
        if sum(len(one.names) for one in seen) < ENOUGH:
            tell(Progress("range", note=f"how fold {fold} sees its training cases, and those that were held out"))
            seen.append(fold_seen(run, study, keys, fold, budget_s=budget_s, device=device))
    first = seen[0]
    if not first.clouds.of:
        return scores, None
    bounds = bounds_of([one for part in seen for one in part.distances])
    found = Reference(first.clouds, bounds, f"fold_{first.fold}", recognised(first, bounds, study))
    summary = scores.summary | {RANGE: measured(seen, study, found)}
    write_json(run.path("metrics.json"), summary)
    return replace(scores, summary=summary), found


def fold_seen(
    run: Run,
    study: Study,
    keys: Mapping[str, str],
    fold: int,
    *,
    budget_s: float | None = None,
    device: torch.device,
) -> FoldSeen:
    """The training and held-out cases of a fold, as its network sees them. budget_s: as of `with_range`."""
    parts = study.splits.folds[fold]
    network = trained_network(run.fold(fold) / WEIGHTS, study.plan, device)

    def looks(names: Sequence[str]) -> Iterator[Look]:
        for done, name in enumerate(names):
            if budget_s is not None and done >= FEW_LOOKED and run.elapsed_s > budget_s:
                return
            image = prepared(run, study, keys, name)
            run.beat()
            yield look_at(image, network=network, plan=study.plan, device=device.type)

    trained, held_out = spread(parts.train, MOST_TRAINING), spread(parts.validation, MOST_HELD_OUT)
    own = list(looks(trained))
    clouds = clouds_of(own)
    seen = tuple(looks(held_out)) if clouds.of else ()
    names = tuple(held_out[: len(seen)])
    learned = fingerprint({name: study.facts(name) for name in parts.train}, study.dataset.task)
    acquired = Acquired(learned.unit, learned.spacing, learned.extent, learned.shape)
    header = tuple(header_levels(study.facts(name), acquired, learned.channels) for name in names)
    return FoldSeen(fold, len(own), clouds, names, seen, tuple(clouds.measure(one) for one in seen), header)


def prepared(run: Run, study: Study, keys: Mapping[str, str], name: str) -> Floats:
    """A case as networks take it: from the store, or made anew where it was not trained on."""
    if name in keys:
        return np.asarray(Store(run.store).open(keys[name]).arrays["image"])
    image = read_case_image(study.case(name), study.dataset.task, outlined=study.plan.reads_outlines)
    return to_network(image, study.plan.preprocess)[0]


def spread(names: Sequence[str], most: int) -> list[str]:
    """At most so many names, evenly spread."""
    return list(names[:: max(1, -(-len(names) // most))])


def clouds_of(looks: Sequence[Look]) -> Clouds:
    """A cloud for each view but grain, which is one number; of looks of another length than most, without them."""
    found = {}
    for view in sorted({name for look in looks for name in look.views} - {GRAIN}):
        rows = [look.views[view] for look in looks if view in look.views and np.isfinite(look.views[view]).all()]
        lengths = [len(row) for row in rows]
        usual = max(set(lengths), key=lengths.count, default=0)
        kept = [row for row in rows if len(row) == usual]
        if usual and len(kept) >= FEWEST:
            found[view] = Cloud.of(np.stack(kept))
    return Clouds(found)


def header_levels(facts: CaseFacts, acquired: Acquired, channels: Sequence[ChannelPrint]) -> dict[str, Level]:
    """The levels of a case by its grey values, and by its voxels and field of view."""
    is_odd = any(
        one.min == one.max or is_unlike(one.p005, one.p995, learned)
        for one, learned in zip(facts.channels, channels, strict=True)
    )
    grid: Level = "outside" if acquired.outside(facts) else "border" if acquired.border(facts) else "inside"
    return {TESTS[0]: "outside" if is_odd else "inside", TESTS[1]: grid}


def recognised(seen: FoldSeen, bounds: Bounds, study: Study) -> dict[str, float]:
    """Of held-out images that are turned upside down, back to front, or left and right, the share that is told as
    turned just so.

    Images are turned in their layout, which is what tells it. {} where nothing can turn.
    """
    axes, is_picture = study.plan.preprocess.axes, study.fingerprint.unit == "px"
    turns = [Turn(AS_IT_IS.order, flip) for flip in ((True, False, False), (False, True, False), (False, False, True))]
    found: dict[str, list[bool]] = {}
    for look in seen.looks if LAYOUT in seen.clouds.of else ():
        possible = turns_of(look.cells.shape[-3:])
        for turn in turns:
            way = turn.ways(axes, is_picture=is_picture)
            if turn not in possible or len(way) != 1:
                continue
            as_turned = Look(look.views, turn.apply(look.cells))
            best = seen.clouds.best_turn(as_turned)
            told = bounds.scores({TURNED: 1.0 if best is None else best[1]}).get(TURNED, 0.0)
            is_told = bounds.outside.is_beyond(told) and best is not None and best[0] == turn
            found.setdefault(WAYS[way[0]], []).append(is_told)
    return {name: round(float(np.mean(each)), 4) for name, each in found.items()}


def measured(seen: Sequence[FoldSeen], study: Study, found: Reference) -> dict[str, JSON]:
    """What metrics.json says: of the held-out cases the shares that would be warned of, and declined under `--strict`.

    Each case is judged by limits that the others gave; None where they are too few to give any.
    """
    names = [name for one in seen for name in one.names]
    owners = [study.owners[name] for name in names]
    header = [levels for one in seen for levels in one.header]
    judged = cross_judged([one for part in seen for one in part.distances], owners)
    looks: list[Level] = [one.level for one in judged] if judged else ["inside"] * len(names)
    every = [{**levels, TESTS[2]: look} for levels, look in zip(header, looks, strict=True)]
    worst = [max(levels.values(), key=LEVELS.index) for levels in every]
    border, outside = found.bounds.border, found.bounds.outside
    return {
        "cases": len(names),
        "declined": share_of([level == "outside" for level in worst], owners),
        "warned": share_of([level != "inside" for level in worst], owners),
        "by_test": {
            test: {
                "declined": sum(levels[test] == "outside" for levels in every),
                "warned": sum(levels[test] != "inside" for levels in every),
            }
            for test in TESTS
        },
        "limits": {
            "declined": {"stated": outside.share, "how": outside.how, "cases": outside.cases},
            "warned": {"stated": border.share, "how": border.how, "cases": border.cases},
        },
        "turned": dict(found.recognised),
        "folds": [one.fold for one in seen],
        "training_cases": seen[0].trained,
    }


def share_of(those: Sequence[bool], owners: Sequence[str]) -> dict[str, JSON]:
    """How many of some cases, their share and its interval; None of none."""
    whose = np.unique(list(owners), return_inverse=True)[1]
    parts, wholes = (np.bincount(whose, of).astype(np.float64) for of in (those, [1] * len(those)))
    reach = share_interval(parts, wholes) if len(those) else None
    return {
        "cases": sum(those),
        "share": sum(those) / len(those) if those else None,
        "ci95": None if reach is None else [round(end, 6) for end in reach],
    }

"""A data set in numbers: what the planner may look at. Medians, percentiles and ranges; no case, no name, no path.

Values are rounded to eight significant digits, so that the digest does not hang on the last bit of a sum.
Source of the questions asked: Isensee et al. 2021, Nature Methods 18:203, "dataset fingerprint".
"""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from scanwright.dataset.cases import Boxes, Classes, Quantities, Target
from scanwright.dataset.facts import (
    BoxPrint,
    CaseFacts,
    ChannelPrint,
    ClassPrint,
    Fingerprint,
    Intensity,
    QuantityPrint,
    RegionPrint,
    Spread,
)
from scanwright.dataset.measures import intensity_of, pooled
from scanwright.dataset.task import Region, Task
from scanwright.errors import InputError
from scanwright.files import canonical_json, sha256_bytes
from scanwright.types import Floats

DIGITS = 8
AXES = ("LR", "PA", "IS")
MM3_PER_ML = 1000.0
NO_TARGETS: Mapping[str, Target | None] = {}

Spreads = tuple[Spread, Spread, Spread]


def fingerprint(
    facts: Mapping[str, CaseFacts], task: Task, targets: Mapping[str, Target | None] = NO_TARGETS
) -> Fingerprint:
    """The fingerprint of the cases given, which should be those that may be learned from.

    targets: what is known of whole images, by case; classes and quantities are counted over them. The unit is that of the
    first case by name. Raises InputError if there are no facts at all, or if some cases are in millimetres and some in pixels.
    """
    cases = [facts[name] for name in sorted(facts)]
    if not cases:
        raise InputError("no case to take a fingerprint of", hint="See the faults of the data set.")
    units = Counter(case.unit for case in cases)
    if len(units) > 1:
        found = ", ".join(f"{number} in {unit}" for unit, number in units.items())
        raise InputError(
            "pictures and volumes in one data set", expected="one unit", found=found, hint="Keep one kind."
        )
    shape, spacing = _rows(cases, "shape"), _rows(cases, "spacing")
    body, judged = _rows(cases, "body_shape"), _rows(cases, "foreground_shape")
    found = judged.min(axis=1) > 0
    flat = _flat_axis(shape)
    voxels = shape.prod(axis=1)
    made = Fingerprint(
        num_cases=len(cases),
        num_patients=len({case.patient for case in cases}),
        dimension=3 if flat is None else 2,
        flat_axis=flat,
        unit=cases[0].unit,
        shape=_spreads(shape),
        body_shape=_spreads(body),
        spacing=_spreads(spacing),
        extent=_spreads(shape * spacing),
        body_extent=_spreads(body * spacing),
        foreground_extent=_spreads((judged * spacing)[found]) if found.any() else None,
        voxels=_spread(voxels),
        body_fraction=_spread([case.body_fraction for case in cases]),
        orientations=dict(sorted(Counter(case.orientation for case in cases).items())),
        dtypes=dict(sorted(Counter(case.dtype for case in cases).items())),
        channels=tuple(_channel(cases, task, number) for number in range(len(task.channels))),
        regions=tuple(_region(cases, voxels, region) for region in task.regions),
        background_share=_background(cases, task),
        imbalance=_imbalance(cases, task),
        choice=task.choice if task.has_classes else None,
        classes=_classes([targets.get(name) for name in facts], task),
        quantities=_quantities([targets.get(name) for name in facts], task),
        boxes=_boxes(facts, targets, task),
    )
    return made.model_copy(update={"digest": digest_of(made)})


def digest_of(made: Fingerprint) -> str:
    """SHA-256 of a fingerprint without its own digest, and without what only other kinds of problem have."""
    absent = {name for name in ("choice", "classes", "quantities", "boxes") if not getattr(made, name)}
    return sha256_bytes(canonical_json(made.model_dump(mode="json", exclude={"digest", *absent})))


def canonical_order(orientation: str) -> tuple[int, int, int]:
    """Which file axis runs left-right, posterior-anterior and inferior-superior. "PIR" gives (2, 0, 1)."""
    x, y, z = (next(axis for axis, code in enumerate(orientation) if code in pair) for pair in AXES)
    return x, y, z


def _rows(cases: Sequence[CaseFacts], name: str) -> Floats:
    """(cases, 3) float64 of a triple in canonical order."""
    return np.array(
        [[getattr(case, name)[axis] for axis in canonical_order(case.orientation)] for case in cases], float
    )


def _flat_axis(shape: Floats) -> int | None:
    """The canonical axis along which every case has one slice; the last of them if there are several; None if none."""
    flat = np.flatnonzero((shape == 1).all(axis=0))
    return int(flat[-1]) if flat.size else None


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}") + 0.0


def _spread(values: Sequence[float] | Floats) -> Spread:
    low, p10, median, p90, high = (
        _rounded(float(v)) for v in np.percentile(np.asarray(values, float), (0, 10, 50, 90, 100))
    )
    return Spread(min=low, p10=p10, median=median, p90=p90, max=high)


def _spreads(rows: Floats) -> Spreads:
    x, y, z = (_spread(rows[:, axis]) for axis in range(3))
    return x, y, z


def _channel(cases: Sequence[CaseFacts], task: Task, number: int) -> ChannelPrint:
    """Intensities of one channel. Every case weighs the same in `foreground`: at most SAMPLE voxels of each are pooled."""
    channel = task.channels[number]
    samples = pooled([case.foreground_sample[number] for case in cases if case.foreground_sample])
    whole = [case.channels[number] for case in cases]
    return ChannelPrint(
        name=channel.name,
        modality=channel.modality,
        foreground=_tidy(intensity_of(samples)) if samples.size else None,
        whole=_tidy(
            Intensity(
                min=min(one.min for one in whole),
                max=max(one.max for one in whole),
                **{name: _median(whole, name) for name in ("mean", "std", "p005", "p500", "p995")},
            )
        ),
    )


def _median(whole: Sequence[Intensity], name: str) -> float:
    return float(np.median([getattr(one, name) for one in whole]))


def _tidy(intensity: Intensity) -> Intensity:
    return Intensity(**{name: _rounded(value) for name, value in intensity.model_dump().items()})


def _region(cases: Sequence[CaseFacts], voxels: Floats, region: Region) -> RegionPrint:
    own = [(case, total) for case, total in zip(cases, voxels, strict=True) if case.region_voxels.get(region.name)]
    scale = MM3_PER_ML if cases[0].unit == "mm" else 1.0
    volumes = [case.region_voxels[region.name] * case.voxel_volume / scale for case, _ in own]
    shares = [case.region_voxels[region.name] / float(total) for case, total in own]
    centers = np.array([_canonical_place(case, region.name) for case, _ in own if region.name in case.region_centers])
    pieces = [float(case.region_components[region.name]) for case, _ in own if region.name in case.region_components]
    return RegionPrint(
        name=region.name,
        present=len(own),
        volume=_spread(volumes) if volumes else None,
        share=_spread(shares) if shares else None,
        components=_spread(pieces) if pieces else None,
        center=_spreads(centers) if len(centers) else None,
    )


def _canonical_place(case: CaseFacts, region: str) -> list[float]:
    """A region's centre as shares of the image towards R, A and S."""
    shares = case.region_centers[region]
    axes = canonical_order(case.orientation)
    return [shares[axis] if case.orientation[axis] in "RAS" else 1 - shares[axis] for axis in axes]


def _classes(targets: Sequence[Target | None], task: Task) -> tuple[ClassPrint, ...]:
    """How many cases have each class of a classification; of grades and single classes these add up."""
    if not task.has_classes:
        return ()
    counts = Counter(name for target in targets if isinstance(target, Classes) for name in target.names)
    return tuple(ClassPrint(name=name, cases=counts[name]) for name in task.classes)


def _quantities(targets: Sequence[Target | None], task: Task) -> tuple[QuantityPrint, ...]:
    """Mean and spread of each quantity. Raises InputError for one that is known of no case."""
    rows = [target.numbers for target in targets if isinstance(target, Quantities)]
    if not rows:
        return ()
    found = []
    for place, name in enumerate(task.quantities):
        known = [float(value) for row in rows if (value := row[place]) is not None]
        if not known:
            raise InputError(
                "a quantity that is known of no case", found=name, hint="Fill its column, or leave it out."
            )
        mean, deviation = _rounded(float(np.mean(known))), _rounded(float(np.std(known)))
        found.append(QuantityPrint(name=name, known=len(known), mean=mean, deviation=deviation, spread=_spread(known)))
    return tuple(found)


def _boxes(facts: Mapping[str, CaseFacts], targets: Mapping[str, Target | None], task: Task) -> tuple[BoxPrint, ...]:
    """Number and edges of the boxes of each class, over the cases that were looked through for them."""
    drawn = [
        (facts[name], target.boxes) for name, target in targets.items() if name in facts and isinstance(target, Boxes)
    ]
    if task.kind != "detection" or not drawn:
        return ()
    found = []
    for name in task.classes:
        counts = [sum(box.name == name and not box.ignored for box in boxes) for _, boxes in drawn]
        edges = [
            [box.lengths[axis] * case.spacing[axis] for axis in canonical_order(case.orientation)]
            for case, boxes in drawn
            for box in boxes
            if box.name == name and not box.ignored
        ]
        found.append(
            BoxPrint(
                name=name,
                boxes=sum(counts),
                cases=sum(count > 0 for count in counts),
                each=_spread([float(count) for count in counts]),
                size=_spreads(np.array(edges)) if edges else None,
            )
        )
    return tuple(found)


def _background(cases: Sequence[CaseFacts], task: Task) -> float:
    """Mean share of the judged voxels that are in no region, over labelled cases; 1 if there are none."""
    inside = {value for region in task.regions for value in region.values}
    shares = []
    for case in cases:
        counts = {value: n for value, n in (case.label_counts or {}).items() if value != task.ignore}
        if counts:
            shares.append(sum(n for value, n in counts.items() if value not in inside) / sum(counts.values()))
    return _rounded(float(np.mean(shares))) if shares else 1.0


def _imbalance(cases: Sequence[CaseFacts], task: Task) -> float | None:
    """Voxels of the most frequent region over those of the rarest; None with one region, or if one never occurs."""
    totals = [sum(case.region_voxels.get(region.name, 0) for case in cases) for region in task.regions]
    return _rounded(max(totals) / min(totals)) if len(totals) > 1 and min(totals) else None

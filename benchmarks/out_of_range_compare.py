"""Ways to tell that an image is out of range, held against each other: for benchmarks/out_of_range.py --compare.

Each is fitted to the training cases of the model's fold, and has one limit, which one in fifty of its held-out cases
exceeds.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from scanwright.api.case.in_range import look_of
from scanwright.api.case.opened import Model
from scanwright.api.run.known_cases import target_text
from scanwright.dataset.images import read_case_image
from scanwright.dataset.read import read_dataset
from scanwright.explanation.cloud import Cloud
from scanwright.explanation.in_range import GRAIN, SHARES, Look
from scanwright.explanation.limits import upper_limit
from scanwright.files import read_json
from scanwright.geometry.volume import Volume
from scanwright.types import Floats

IN_RANGE = "in range"
MOST, MOST_OF_SET = 150, 30
"""Training, held-out and in-range images that are looked at, and images of each set that is out of range."""
LEAST = 1e-9
Rows = Mapping[str, Floats]
Distance = Callable[[Rows], Floats]


def compared(model: Model, run: Path, sets: Mapping[str, Sequence[Volume]]) -> dict[str, dict[str, float]]:
    """Of each set the share that each way declines."""
    request, splits = read_json(run / "request.json"), read_json(run / "splits.json")
    dataset = read_dataset(Path(request["data"]))
    cases = {case.id: case for case in dataset.cases}
    fold = splits["folds"][0]

    def some(names: Sequence[str]) -> Sequence[str]:
        return names[:: max(1, -(-len(names) // MOST))]

    def rows(kept: Sequence[str]) -> Rows:
        return as_rows([look_of(model, read_case_image(cases[name], dataset.task)) for name in kept])

    learned = some(fold["train"])
    classes = [target_text(cases[name], dataset.task) for name in learned]
    train, held_out = rows(learned), rows(some(fold["validation"]))
    looks = {}
    for name, images in sets.items():
        varied = [image for image in images if float(np.ptp(image.voxels)) > 0]
        varied = varied[: MOST if name == IN_RANGE else MOST_OF_SET]
        looks[name] = as_rows([look_of(model, image) for image in varied]) if varied else None
    found = {}
    for way, distance in ways_of(train, classes).items():
        limit = upper_limit(np.log(np.maximum(distance(held_out), LEAST)), share=SHARES["outside"])
        found[way] = {
            name: round(float(np.mean([limit.is_beyond(one) for one in np.log(np.maximum(distance(own), LEAST))])), 3)
            for name, own in looks.items()
            if own is not None
        }
        print(way, found[way], flush=True)
    return found


def as_rows(looks: Sequence[Look]) -> Rows:
    """Features of each view, (N, F)."""
    return {view: np.stack([look.views[view] for look in looks]) for view in looks[0].views}


def ways_of(train: Rows, classes: Sequence[str]) -> dict[str, Distance]:
    """Every way that is compared, by its name. classes: of the training cases; relative distances need several of them."""
    views = [view for view in train if view != GRAIN]
    found: dict[str, Distance] = {}
    if "network" in views:
        found["cosine to the nearest, network"] = _on("network", partial(_cosine, train["network"]))
    for view in views:
        rows = train[view]
        found[f"Mahalanobis, {view}"] = _on(view, Cloud.of(rows).distances)
        found[f"five nearest, {view}"] = _on(view, partial(_nearest, rows))
        found[f"each feature, {view}"] = _on(view, partial(_each, rows))
        if len(set(classes)) > 1:
            found[f"relative Mahalanobis, {view}"] = _on(view, partial(_relative, rows, classes))
    for kind in ("Mahalanobis", "five nearest"):
        parts = {view: found[f"{kind}, {view}"] for view in views}
        found[f"largest {kind}, texture and layout"] = _largest([parts["texture"], parts["layout"]], train)
        found[f"largest {kind}, all views"] = _largest(list(parts.values()), train)
    return found


def _on(view: str, distance: Callable[[Floats], Floats]) -> Distance:
    def own(rows: Rows) -> Floats:
        return distance(rows[view])

    return own


def _largest(parts: Sequence[Distance], train: Rows) -> Distance:
    """The largest of several, each by what it is of training cases."""
    usual = [(logs.mean(), logs.std()) for logs in (np.log(np.maximum(part(train), LEAST)) for part in parts)]

    def own(rows: Rows) -> Floats:
        logs = [np.log(np.maximum(part(rows), LEAST)) for part in parts]
        return np.asarray(
            np.exp(np.max([(log - mean) / spread for log, (mean, spread) in zip(logs, usual, strict=True)], axis=0))
        )

    return own


def _cosine(train: Floats, own: Floats) -> Floats:
    one, two = (rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12) for rows in (train, own))
    return np.asarray(1 - (two @ one.T).max(axis=1))


def _standard(train: Floats, own: Floats) -> tuple[Floats, Floats]:
    spread = np.maximum(train.std(axis=0), 1e-6 * np.maximum(1, np.abs(train.mean(axis=0))))
    return (train - train.mean(axis=0)) / spread, (own - train.mean(axis=0)) / spread


def _nearest(train: Floats, own: Floats, count: int = 5) -> Floats:
    one, two = _standard(train, own)
    squares = (two**2).sum(1)[:, None] + (one**2).sum(1) - 2 * two @ one.T
    return np.asarray(np.sqrt(np.maximum(np.sort(squares, axis=1)[:, count - 1], 0)))


def _each(train: Floats, own: Floats) -> Floats:
    return np.asarray(np.sqrt((_standard(train, own)[1] ** 2).mean(axis=1)))


def _relative(train: Floats, classes: Sequence[str], own: Floats) -> Floats:
    """Least squared Mahalanobis distance to a class, of one covariance for all, less that to all cases together, as an
    exponential, to be above 0. Source: Ren et al. 2021, arXiv:2106.09022.
    """
    whose = np.array(classes)
    centers = {name: train[whose == name].mean(axis=0) for name in set(classes)}
    within = Cloud.of(np.concatenate([train[whose == name] - center for name, center in centers.items()]))
    nearest = np.min([within.distances(own - center) ** 2 for center in centers.values()], axis=0)
    return np.asarray(np.exp(np.clip(nearest - Cloud.of(train).distances(own) ** 2, -50, 50)))

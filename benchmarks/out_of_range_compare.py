"""Ways to tell that an image is out of range, held against each other: for benchmarks/out_of_range.py --compare.
 Each is fitted to the training cases of the model's fold, and has one limit, which one in a hundred of its held-out
cases exceeds.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from scanwright.api.case.in_range import look_of
from scanwright.api.case.opened import Model
from scanwright.dataset.images import read_case_image
from scanwright.dataset.read import read_dataset
from scanwright.explanation.cloud import Cloud
from scanwright.explanation.in_range import GRAIN, SHARES, Look
from scanwright.explanation.limits import upper_limit
from scanwright.files import read_json
from scanwright.geometry.volume import Volume
from scanwright.types import Floats

MOST = 300
Rows = Mapping[str, Floats]
Distance = Callable[[Rows], Floats]


def compared(model: Model, run: Path, sets: Mapping[str, Sequence[Volume]]) -> dict[str, dict[str, float]]:
    """Of each set the share that each way declines."""
    request, splits = read_json(run / "request.json"), read_json(run / "splits.json")
    dataset = read_dataset(Path(request["data"] if "data" in request else request["request"]["data"]))
    cases = {case.id: case for case in dataset.cases}
    fold = splits["folds"][0]

    def rows(names: Sequence[str]) -> Rows:
        kept = names[:: max(1, -(-len(names) // MOST))]
        return as_rows([look_of(model, read_case_image(cases[name], dataset.task)) for name in kept])

    train, held_out = rows(fold["train"]), rows(fold["validation"])
    looks = {}
    for name, images in sets.items():
        varied = [image for image in images if float(np.ptp(image.voxels)) > 0][:60]
        looks[name] = as_rows([look_of(model, image) for image in varied]) if varied else None
    found = {}
    for way, distance in ways_of(train).items():
        limit = upper_limit(np.log(np.maximum(distance(held_out), 1e-9)), share=SHARES["outside"])
        found[way] = {
            name: round(float(np.mean([limit.is_beyond(one) for one in np.log(np.maximum(distance(own), 1e-9))])), 3)
            for name, own in looks.items()
            if own is not None
        }
        print(way, found[way], flush=True)
    return found


def as_rows(looks: Sequence[Look]) -> Rows:
    """Features of each view, (N, F)."""
    return {view: np.stack([look.views[view] for look in looks]) for view in looks[0].views}


def ways_of(train: Rows) -> dict[str, Distance]:
    """Every way that is compared, by its name."""
    found: dict[str, Distance] = {
        "cosine to the nearest, network": lambda own: _cosine(train["network"], own["network"])
    }
    clouds = {view: Cloud.of(rows) for view, rows in train.items() if view != GRAIN}
    for view, rows in train.items():
        if view == GRAIN:
            continue
        found[f"Mahalanobis, {view}"] = lambda own, view=view: clouds[view].distances(own[view])
        found[f"five nearest, {view}"] = lambda own, view=view, rows=rows: _nearest(rows, own[view])
        found[f"each feature, {view}"] = lambda own, view=view, rows=rows: _each(rows, own[view])
        found[f"relative Mahalanobis, {view}"] = lambda own, view=view, rows=rows: _relative(
            clouds[view], rows, own[view]
        )
    usual = {}
    for view, cloud in clouds.items():
        logs = np.log(cloud.distances(train[view]))
        usual[view] = (float(logs.mean()), float(logs.std()))
    for name, views in (("texture and layout", ("texture", "layout")), ("all views", tuple(clouds))):
        found[f"largest Mahalanobis, {name}"] = lambda own, views=views: np.exp(
            np.max([(np.log(clouds[v].distances(own[v])) - usual[v][0]) / usual[v][1] for v in views], axis=0)
        )
    return found


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


def _relative(cloud: Cloud, train: Floats, own: Floats) -> Floats:
    """Distance less the distance to a Gaussian of independent features (Ren et al. 2021, arXiv:2106.09022, takes a
    background of all classes; here there is one class, so that what is left of the background is its scale); as an
    exponential, to be above 0.
    """
    return np.asarray(np.exp(np.clip(cloud.distances(own) ** 2 - _each(train, own) ** 2, -50, 50)))

"""Boxes in a whole image: what every network finds in every window, from every side, put together.

Each window answers for the places that lie nearer to its middle than to that of its neighbours, so that a box is told by the
window that sees most around it; along the seams both do. What one network sees from one side is thinned by non-maximum
suppression; what several networks and sides say of one place is fused, its score being the mean over all of them, so that what
only one saw counts less.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from scanwright.geometry.box_fusion import fuse, suppress
from scanwright.geometry.boxes import centres, clip
from scanwright.geometry.volume import Volume
from scanwright.inference.dropout import dropping
from scanwright.inference.members import members_of, shares_of
from scanwright.inference.predict import Engine, View, pad_to_patch, views_of
from scanwright.inference.windows import plan_windows
from scanwright.training.loop import autocast, network_input
from scanwright.transform.prepare import require_finite
from scanwright.transform.preprocess import to_network
from scanwright.types import Floats, Ints, Shape3, three

LEAST_SCORE = 0.01
"""What is less probable is forgotten."""
MOST_KEPT = 1000
"""Boxes of a class in an image or a volume, the most probable ones."""
MOST_CANDIDATES = 1000
MARGIN = 2.0
"""Voxels beyond the middle between two windows for which both answer: what lies there has its middle, by each of them, on the
other's side as easily as on its own, and would be told by neither. What both tell is thinned out."""


@dataclass(frozen=True, slots=True)
class Detections:
    """boxes (N, 2, 3) in voxels, start and end; scores (N,) in [0, 1], the highest first; codes (N,) of classes."""

    boxes: Floats
    scores: Floats
    codes: Ints

    def __len__(self) -> int:
        return len(self.scores)

    def at(self, places: Ints | Floats) -> "Detections":
        """Some of them."""
        return Detections(self.boxes[places], self.scores[places], self.codes[places])


NOTHING = Detections(np.zeros((0, 2, 3)), np.zeros(0), np.zeros(0, dtype=np.int64))


def joined(parts: Sequence[Detections]) -> Detections:
    """All of them, in their order."""
    found = [NOTHING, *parts]
    return Detections(
        np.concatenate([one.boxes for one in found]),
        np.concatenate([one.scores for one in found]),
        np.concatenate([one.codes for one in found]),
    )


def answer_boxes(
    engine: Engine,
    image: Volume,
    *,
    where: Path | None = None,
    progress: Callable[[float], None] | None = None,
) -> Detections:
    """Boxes in an image, in voxels of its own grid: of one member, or of several, each of which sees the image as its own plan
    prepares it and puts its views together, fused by their weights.

    where: named in errors. Raises InputError for an image that cannot be prepared.
    """
    members = members_of(engine)
    found: list[Detections] = []
    for number, member in enumerate(members):
        prepared, placement = to_network(image, member.plan.preprocess)
        require_finite(prepared, where=where)

        def told(done: float, before: int = number) -> None:
            if progress:
                progress((before + done) / len(members))

        own = predict_boxes(member, prepared, progress=told)
        found.append(Detections(placement.boxes_back(own.boxes), own.scores, own.codes))
    return found[0] if len(found) == 1 else put_together(found, shares_of(engine))


def predict_boxes(engine: Engine, image_CDHW: Floats, *, progress: Callable[[float], None] | None = None) -> Detections:
    """Boxes in a preprocessed image, in its voxels and cut at its border. progress: called with the share done."""
    plan = engine.plan
    padded, offset = pad_to_patch(image_CDHW, plan.batch.patch)
    axes = plan_windows(three(padded.shape[1:]), plan.batch.patch, step_share=plan.inference.step_share)
    corners = list(itertools.product(*(axis.starts for axis in axes)))
    views = views_of(engine)
    seen: list[list[Detections]] = [[] for _ in views]
    for number, corner in enumerate(corners, start=1):
        window = padded[(slice(None), *(slice(a, a + size) for a, size in zip(corner, plan.batch.patch, strict=True)))]
        tensor = torch.from_numpy(np.ascontiguousarray(window))[None].to(engine.device)
        own = [
            responsible([int(one) for one in axis.starts], start, size, length)
            for axis, start, size, length in zip(axes, corner, plan.batch.patch, padded.shape[1:], strict=True)
        ]
        for place, view in enumerate(views):
            found = in_window(engine, tensor, view)
            moved = Detections(found.boxes + np.array(corner), found.scores, found.codes)
            middles = centres(moved.boxes)
            inside = np.all(
                [(middles[:, k] >= low) & (middles[:, k] < high) for k, (low, high) in enumerate(own)], axis=0
            )
            seen[place].append(moved.at(np.flatnonzero(inside)))
        if progress:
            progress(number / len(corners))
    of_image = [Detections(one.boxes - np.array(offset), one.scores, one.codes) for one in map(joined, seen)]
    return put_together([within(one, three(image_CDHW.shape[1:])) for one in of_image])


def within(found: Detections, shape: Shape3) -> Detections:
    """Those whose middle lies in the image, cut at its border. An image is grown to a patch by repeating its edges: what is
    found there alone is not in the image, and of an image of one slice a place would be told once for each repeated slice.
    """
    middles = centres(found.boxes)
    inside = found.at(np.flatnonzero(((middles >= 0) & (middles <= np.array(shape))).all(axis=1)))
    return Detections(clip(inside.boxes, shape), inside.scores, inside.codes)


def responsible(starts: Sequence[int], start: int, size: int, length: int) -> tuple[float, float]:
    """From where to where a window answers along one axis: half-way to its neighbours and MARGIN more, and to the ends of the
    image and beyond.
    """
    place = starts.index(start)
    low = -np.inf if place == 0 else (starts[place - 1] + start + size) / 2 - MARGIN
    high = np.inf if place == len(starts) - 1 else (start + starts[place + 1] + size) / 2 + MARGIN
    return float(low), float(high)


@torch.no_grad()
def in_window(engine: Engine, window_1CDHW: Tensor, view: View) -> Detections:
    """What one network finds in one window, turned over as said and back."""
    network, flipped, number = view
    seen = window_1CDHW.flip(flipped) if flipped else window_1CDHW
    with autocast(engine.plan, engine.device), dropping(network, number):
        found = network(network_input(seen, engine.plan))[0]
    found = engine.problem.probabilities(found)[0].cpu()
    candidates = most_probable(found)
    return mirrored(candidates, flipped, three(window_1CDHW.shape[2:])) if flipped else candidates


def most_probable(found_PK9: Tensor) -> Detections:
    """The candidates of one view: of each class the cells that are probable enough, at most MOST_CANDIDATES, thinned out."""
    chances = found_PK9[:, :-9]
    corners = found_PK9[:, -9:-3].reshape(-1, 2, 3).double().numpy()
    flat = chances.flatten()
    scores, places = flat.topk(min(MOST_CANDIDATES, len(flat)))
    kept = scores >= LEAST_SCORE
    cells, codes = np.divmod(places[kept].numpy(), chances.shape[1])
    candidates = Detections(corners[cells], scores[kept].double().numpy(), codes)
    return candidates.at(suppress(candidates.boxes, candidates.scores, candidates.codes))


def mirrored(found: Detections, flipped: tuple[int, ...], shape: Shape3) -> Detections:
    """Boxes of an image that was turned over along these axes of (N, C, D, H, W), in the image as it was."""
    turned = np.array([axis + 2 in flipped for axis in range(3)])
    back = np.where(turned, np.array(shape, dtype=float) - found.boxes[:, ::-1], found.boxes)
    return Detections(back, found.scores, found.codes)


def put_together(seen: Sequence[Detections], shares: Sequence[float] | None = None) -> Detections:
    """What all views, or members, say, the most probable first, at most MOST_KEPT of a class. shares: how much each counts, of
    1 together; None: all alike.
    """
    thinned = [one.at(suppress(one.boxes, one.scores, one.codes)) for one in seen]
    together = joined(thinned)
    if shares is not None and len(thinned) > 1:
        each = np.repeat(np.array(shares), [len(one) for one in thinned])
        together = Detections(*fuse(together.boxes, together.scores, together.codes, shares_N=each))
    elif len(thinned) > 1:
        together = Detections(*fuse(together.boxes, together.scores, together.codes, voters=len(thinned)))
    ordered = together.at(np.argsort(-together.scores, kind="stable"))
    kept = [np.flatnonzero(ordered.codes == code)[:MOST_KEPT] for code in np.unique(ordered.codes)]
    return ordered.at(np.sort(np.concatenate([np.zeros(0, dtype=np.int64), *kept])))

"""Made detections, for tests of evaluation, and the same by pycocotools."""

import contextlib
import io
from collections.abc import Sequence

import numpy as np

from scanwright.evaluation.boxes.detected import DetectedCase


def boxes_at(corners: Sequence[Sequence[float]]) -> np.ndarray:
    """Boxes of a picture (N, 2, 3) from (start i, start j, end i, end j)."""
    flat = np.array(corners, float).reshape(-1, 4)
    return np.stack([np.insert(flat[:, :2], 2, 0, axis=1), np.insert(flat[:, 2:], 2, 1, axis=1)], axis=1)


def made_case(
    number: int,
    rng: np.random.Generator,
    *,
    num_classes: int = 2,
    skill: float = 1.0,
    whole: bool = False,
    digits: int | None = None,
    ignored: float = 0.0,
    true_mean: float = 3.0,
    false_mean: float = 4.0,
    absent: Sequence[int] = (),
    volume: bool = False,
    **words: object,
) -> DetectedCase:
    """A picture or a volume with boxes, most of which are found, some twice, and some that are not there.

    whole: corners are whole numbers, so that IoUs tie. digits: of the scores, so that they do. ignored: share of true boxes.
    absent: classes that are never true.
    """
    num_true, num_false = rng.poisson(true_mean), rng.poisson(false_mean)
    true = _random_boxes(rng, num_true, volume=volume)
    codes = rng.integers(num_classes, size=num_true)
    there = ~np.isin(codes, absent)
    true, codes = true[there], codes[there]
    again = np.flatnonzero(rng.random(2 * len(true)) < 0.65) % max(len(true), 1)
    lengths = (true[again, 1] - true[again, 0])[:, None]
    moved = true[again] + rng.normal(0, 0.12 / skill, (len(again), 2, 3)) * lengths
    if not volume:
        moved[:, 0, 2], moved[:, 1, 2] = 0, 1
    found = np.concatenate([moved, _random_boxes(rng, num_false, volume=volume)])
    found_codes = np.concatenate([codes[again], rng.integers(num_classes, size=num_false)])
    logits = np.concatenate([rng.normal(skill, 1, len(again)), rng.normal(-skill, 1, num_false)])
    scores = 1 / (1 + np.exp(-logits))
    if whole:
        true, found = np.round(true), np.round(found)
    order = rng.permutation(len(found))
    return DetectedCase(
        case=f"c{number}",
        found=np.stack([found.min(axis=1), found.max(axis=1)], axis=1)[order],
        scores=(scores if digits is None else np.round(scores, digits))[order],
        codes=found_codes[order],
        true=true,
        true_codes=codes,
        ignored=rng.random(len(true)) < ignored,
        **{"patient": f"P{number}", **words},
    )


def made_cases(num_cases: int, *, seed: int = 0, **words: object) -> list[DetectedCase]:
    rng = np.random.default_rng(seed)
    return [made_case(k, rng, **words) for k in range(num_cases)]


def _random_boxes(rng: np.random.Generator, count: int, *, volume: bool) -> np.ndarray:
    edges = np.exp(rng.uniform(np.log(4), np.log(260), (count, 3)))
    start = rng.uniform(0, 200, (count, 3))
    boxes = np.stack([start, start + edges], axis=1)
    if not volume:
        boxes[:, 0, 2], boxes[:, 1, 2] = 0, 1
    return boxes


def coco_of(rows: Sequence[DetectedCase], num_classes: int):
    """pycocotools' evaluation of pictures: its object after `accumulate`. Axis i is its x; ids begin at 1, codes too."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    def xywh(box: np.ndarray) -> list[float]:
        return [*box[0, :2].tolist(), *(box[1, :2] - box[0, :2]).tolist()]

    truth = [
        {
            "image_id": k, "category_id": int(code) + 1, "bbox": xywh(box), "iscrowd": int(ignored),
            "area": xywh(box)[2] * xywh(box)[3],
        }
        for k, row in enumerate(rows, start=1)
        for box, code, ignored in zip(row.true, row.true_codes, row.ignored, strict=True)
    ]  # fmt: skip
    found = [
        {"image_id": k, "category_id": int(code) + 1, "bbox": xywh(box), "score": float(score)}
        for k, row in enumerate(rows, start=1)
        for box, code, score in zip(row.found, row.codes, row.scores, strict=True)
    ]
    peer = COCO()
    peer.dataset = {
        "images": [{"id": k} for k in range(1, len(rows) + 1)],
        "categories": [{"id": k, "name": str(k)} for k in range(1, num_classes + 1)],
        "annotations": [{"id": number, **one} for number, one in enumerate(truth, start=1)],
    }
    with contextlib.redirect_stdout(io.StringIO()):
        peer.createIndex()
        answers = COCO()
        answers.dataset = {
            **peer.dataset,
            "annotations": [
                {"id": number, "iscrowd": 0, "area": one["bbox"][2] * one["bbox"][3], **one}
                for number, one in enumerate(found, start=1)
            ],
        }
        answers.createIndex()
        judge = COCOeval(peer, answers, "bbox")
        judge.evaluate()
        judge.accumulate()
    return judge

"""One case from its files to what training reads: image, codes and foreground voxels, as arrays for the store.

Plain functions of plain data without torch, so that worker processes start fast.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from scanwright.dataset.cases import Boxes, Case
from scanwright.dataset.images import read_case_image
from scanwright.dataset.measures import are_finite, num_not_finite
from scanwright.dataset.store import Store
from scanwright.dataset.task import Task
from scanwright.errors import InputError
from scanwright.geometry.boxes import as_boxes
from scanwright.io.formats import read_label
from scanwright.io.source import place_of
from scanwright.plan.plan import PreprocessPlan
from scanwright.protocols import IGNORE
from scanwright.runtime import generator
from scanwright.transform.preprocess import Placement, to_network
from scanwright.types import Array, Floats, Ints

VERSION = 1
"""Part of every store key: raise it when the same plan and files would give other arrays."""

FOREGROUND_VOXELS = 5000


def prepare_case(
    case: Case, task: Task, plan: PreprocessPlan, codes: Mapping[int, int], *, outlined: bool = False
) -> dict[str, Array]:
    """Arrays of one labelled case: "image" (C, D, H, W) float32, "codes" (D, H, W) uint8, "foreground" (n, 4) int32.

    outlined: the image is what is outlined, and the outline one more channel (see `to_network`).
    codes: label value to stored code; without any the target is no label map. Then the image alone is prepared, and where the
    target is boxes, "boxes" (M, 7) float32 (see `boxes_of`).
    foreground: rows of code, d, h, w; up to FOREGROUND_VOXELS drawn from each code.
    Raises InputError if the normalised image is not finite.
    """
    image, placement = to_network(read_case_image(case, task, outlined=outlined), plan)
    require_finite(image, where=place_of(case.images[0]))
    if isinstance(case.target, Boxes):
        return {"image": image, "boxes": boxes_of(case.target, task, placement)}
    if not codes:
        return {"image": image}
    assert case.label is not None
    label = read_label(case.label).voxels[0]
    block = 1 + max(code for code in codes.values() if code != IGNORE)
    first = block * block_of(case, task)
    target = placement.target(encode(label, codes))
    shifted = np.where(target == IGNORE, IGNORE, target + first).astype(np.uint8)
    return {"image": image, "codes": shifted, "foreground": foreground_voxels(shifted, block=block)}


def block_of(case: Case, task: Task) -> int:
    """In which block of codes a case's labels are stored: 0 where every region was looked for, else the one of what was."""
    return 0 if case.judged is None else 1 + task.partial.index(case.judged)


def boxes_of(target: Boxes, task: Task, placement: Placement) -> Floats:
    """(M, 7) float32, a row a box: the place of its class, IGNORE where it is ignored, and its corners, start (D, H, W) and
    end, in voxels of the prepared image.
    """
    codes = [IGNORE if box.ignored else task.classes.index(box.name) for box in target.boxes]
    corners = placement.boxes(as_boxes([box.corners for box in target.boxes]))
    rows = np.concatenate([np.array(codes, dtype=float)[:, None], corners.reshape(-1, 6)], axis=1)
    return rows.astype(np.float32)


def require_finite(image: Array, *, where: Path | None) -> None:
    """Raise InputError for network input with NaN or infinity: one voxel of it would spoil a step, or an answer."""
    if not are_finite(image):
        raise InputError(
            "grey values that are not finite once they are normalised",
            where=where,
            found=f"{num_not_finite(image)} of {image.size} voxels",
            hint="Correct the scan, or leave it out.",
        )


def prepare_into(
    root: Path,
    job: tuple[Case, str],
    *,
    task: Task,
    plan: PreprocessPlan,
    codes: Mapping[int, int],
    outlined: bool = False,
) -> None:
    """Prepare one case and put it into the store at `root` under its key; the work of a worker process."""
    case, key = job
    Store(root).put(key, prepare_case(case, task, plan, codes, outlined=outlined), {"case": case.id})


def encode(label_IJK: Ints, codes: Mapping[int, int]) -> Ints:
    """Label values to codes, uint8, same shape. A value that is not declared is background: the checks have refused it."""
    encoded = np.zeros(label_IJK.shape, dtype=np.uint8)
    for value, code in codes.items():
        if code != 0:
            encoded[label_IJK == value] = code
    return encoded


def foreground_voxels(codes_DHW: Ints, *, block: int = IGNORE) -> Ints:
    """(n, 4) int32 rows of code, d, h, w for every code but background and IGNORE, evenly drawn with a fixed generator.

    block: how many codes there are for each set of regions that was looked for; the first of each is background.
    """
    rows = []
    for code in np.unique(codes_DHW):
        if code == IGNORE or code % block == 0:
            continue
        points = np.argwhere(codes_DHW == code)
        if len(points) > FOREGROUND_VOXELS:
            points = points[generator(int(code)).choice(len(points), FOREGROUND_VOXELS, replace=False)]
        rows.append(np.insert(points, 0, code, axis=1))
    return np.concatenate(rows).astype(np.int32) if rows else np.zeros((0, 4), dtype=np.int32)


def store_key(hashes: Any, plan: PreprocessPlan, codes: Mapping[int, int]) -> dict[str, Any]:
    """Everything that decides a prepared case: what its files hold, how they are prepared, how values are coded."""
    return {
        "version": VERSION,
        "content": hashes,
        "plan": plan.model_dump(mode="json"),
        "codes": sorted(codes.items()),
    }

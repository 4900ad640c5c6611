"""From label maps to boxes: each connected part of a region is one thing that is to be found, and its box says where it is."""

from collections.abc import Sequence

import numpy as np

from scanwright.dataset.cases import Box, Boxes, Case, Dataset, Fault
from scanwright.dataset.task import Region, Task
from scanwright.errors import InputError
from scanwright.geometry.boxes import boxes_of_components
from scanwright.io.formats import read_label
from scanwright.io.source import LabelSource, place_of
from scanwright.types import Bools


def with_instances(dataset: Dataset) -> Dataset:
    """The data set as one of detection: a box around every connected part of every region, and no label maps any more. Where
    some regions are findings, their parts alone are to be found: nobody looks for lungs.

    Parts are connected by faces, edges or corners; regions that overlap give boxes of their own. A case in which not all of
    them were looked for has no target, and neither has one whose label map cannot be read, which becomes a fault. Reads every
    label map.
    """
    wanted = dataset.task.abnormal or tuple(region.name for region in dataset.task.regions)
    regions = tuple(region for region in dataset.task.regions if region.name in wanted)
    task = dataset.task.model_copy(
        update={
            "kind": "detection",
            "classes": wanted,
            "regions": (),
            "region_order": (),
            "findings": None,
            "partial": (),
            "ignore": None,
        }
    )
    cases, faults = [], list(dataset.faults)
    for case in dataset.cases:
        try:
            cases.append(_boxed(case, regions, ignore=dataset.task.ignore))
        except InputError as error:
            faults.append(unread_label(case, error))
            cases.append(case.model_copy(update={"label": None}))
    stated = f"{dataset.stated}; each connected part of a label is one box"
    return dataset.model_copy(
        update={
            "task": Task.model_validate(task.model_dump()),
            "cases": tuple(cases),
            "faults": tuple(faults),
            "stated": stated,
        }
    )


def boxes_of_label(source: LabelSource, regions: Sequence[Region], *, ignore: int | None = None) -> Boxes:
    """A box around every connected part of every region of a label map; parts of what nobody judged are ignored, for every
    region.

    Raises InputError if it cannot be read.
    """
    values = np.asarray(read_label(source).voxels[0])
    found = [box for region in regions for box in _parts(np.isin(values, region.values), region.name)]
    if ignore is not None:
        unjudged = _parts(values == ignore, regions[0].name) if regions else []
        found += [
            box.model_copy(update={"name": region.name, "ignored": True}) for region in regions for box in unjudged
        ]
    return Boxes(boxes=tuple(found))


def _parts(mask_IJK: Bools, name: str) -> list[Box]:
    corners, _ = boxes_of_components(mask_IJK)
    return [
        Box(name=name, start=(start[0], start[1]), end=(end[0], end[1]), slices=(start[2], end[2]))
        for start, end in corners.tolist()
    ]


def _boxed(case: Case, regions: Sequence[Region], *, ignore: int | None) -> Case:
    if case.label is None:
        return case
    known = case.looked_for(region.name for region in regions)
    found = boxes_of_label(case.label, regions, ignore=ignore) if known else None
    return case.model_copy(update={"label": None, "judged": None, "target": found})


def unread_label(case: Case, error: InputError) -> Fault:
    """The fault of a case whose label map cannot be read."""
    return Fault(
        code="unreadable-label",
        severity="error",
        case=case.id,
        file=None if case.label is None else place_of(case.label),
        expected="a label map",
        found=error.message,
        action="Correct the file, or leave the case out.",
    )

"""From label maps to boxes: each connected part of a region is one thing that is to be found, and its box says where it is."""

from collections.abc import Sequence

import numpy as np

from scanwright.dataset import measures
from scanwright.dataset.cases import Box, Boxes, Case, Dataset, Fault
from scanwright.dataset.label_faults import fit_fault, judged_fault, stored_upright, value_fault
from scanwright.dataset.task import Region, Task
from scanwright.errors import InputError
from scanwright.geometry.boxes import boxes_of_components
from scanwright.geometry.volume import Volume
from scanwright.io.formats import read_grid, read_label
from scanwright.io.source import LabelSource, place_of
from scanwright.types import Bools, Ints


def with_instances(dataset: Dataset) -> Dataset:
    """The data set as one of detection: a box around every connected part of every region, and no label maps any more. Where
    some regions are findings, their parts alone are to be found: nobody looks for lungs.

    Parts are connected by faces, edges or corners; regions that overlap give boxes of their own. A case in which not all of
    them were looked for has no target, and neither has one whose label map cannot be read, holds values that nobody declared or
    does not lie on its image, which becomes a fault. Reads every label map, and the header of each image.
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
        if case.label is None:
            cases.append(case)
            continue
        boxes, found = _boxed(case, case.label, regions, dataset.task)
        cases.append(case.model_copy(update={"label": None, "judged": None, "target": boxes}))
        faults += found
    stated = f"{dataset.stated}; each connected part of a label is one box"
    return dataset.model_copy(
        update={
            "task": Task.model_validate(task.model_dump()),
            "cases": tuple(cases),
            "faults": tuple(faults),
            "stated": stated,
        }
    )


def boxes_of_label(values_IJK: Ints, regions: Sequence[Region], *, ignore: int | None = None) -> Boxes:
    """A box around every connected part of every region of a label map; parts of what nobody judged are ignored, for every
    region.
    """
    found = [box for region in regions for box in _parts(np.isin(values_IJK, region.values), region.name)]
    if ignore is not None:
        unjudged = _parts(values_IJK == ignore, regions[0].name) if regions else []
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


def _boxed(case: Case, source: LabelSource, regions: Sequence[Region], task: Task) -> tuple[Boxes | None, list[Fault]]:
    """The boxes of a case's label map, None if it does not hold or not all was looked for, and what is wrong with it."""
    try:
        label = read_label(source)
    except InputError as error:
        return None, [unread_label(case, error)]
    counts = measures.count_values(label.voxels)
    each = (value_fault(counts, task, case), judged_fault(counts, task, case), _unfit(label, case, task))
    faults = [fault for fault in each if fault is not None]
    holds = all(fault.severity != "error" for fault in faults)
    looked_for = case.looked_for(region.name for region in regions)
    return boxes_of_label(label.voxels[0], regions, ignore=task.ignore) if holds and looked_for else None, faults


def _unfit(label: Volume, case: Case, task: Task) -> Fault | None:
    """That a label map does not lie on its image; None too for an image that cannot be read, which is told when it is."""
    try:
        image = read_grid(case.images[0], as_channels=len(task.channels) > 1).grid
        return fit_fault(label.grid, image, case, stored=stored_upright(case))
    except InputError:
        return None


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

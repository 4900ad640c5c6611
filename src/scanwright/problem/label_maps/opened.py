"""A kept answer read again beside its truth, and taken apart: what all that is chosen out of fold is chosen on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from scanwright.dataset.task import Task
from scanwright.errors import IntegrityError
from scanwright.evaluation.label_maps.mask_parts import region_parts
from scanwright.evaluation.label_maps.mask_steps import PartedCase
from scanwright.findings.table import size_of_voxel
from scanwright.inference.evidence import Evidence
from scanwright.io.formats import read_label
from scanwright.problem.label_maps.kept import KeptRow, read_evidence
from scanwright.types import Array, Bools


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Opened:
    """A kept answer beside its truth. sizes: true sizes of regions. voxel: the size of one, in the same unit. positive (V,):
    of the voxels of the evidence's sample, which belong to their region; judged (V,): which somebody judged.
    """

    parted: PartedCase
    sizes: Mapping[str, float]
    voxel: float
    evidence: Evidence | None
    positive: Bools
    judged: Bools


def open_kept(row: KeptRow, task: Task) -> Opened:
    """A kept answer and its truth read again, and taken apart."""
    case = row.kept.case
    assert case.label is not None, "it was judged"
    truth, answer = read_label(case.label), read_label(row.kept.file)
    voxel, _ = size_of_voxel(truth.grid)
    labels, found = truth.voxels[0], answer.voxels[0]
    judged = None if task.ignore is None else labels != task.ignore
    anatomy = [value for region in task.regions if region.name not in task.abnormal for value in region.values]
    background, others = found == 0, np.isin(found, anatomy)
    parts = {
        region.name: region_parts(  # one after the other: masks of a hundred regions would not fit into memory
            np.isin(labels, region.values),
            np.isin(found, region.values),
            background_IJK=background,
            others_IJK=others,
            voxel=voxel,
            judged=judged,
            are_lesions=region.name in task.abnormal,
        )
        for region in task.regions
        if case.judged is None or region.name in case.judged
    }
    evidence = read_evidence(row.kept.file)
    positive, counts = _truth_of_sample(evidence, labels, task, list(parts))
    return Opened(
        parted=PartedCase(case=row.case, patient=row.patient, fold=row.fold, regions=parts),
        sizes={name: one.true * voxel for name, one in parts.items()},
        voxel=voxel,
        evidence=evidence,
        positive=positive,
        judged=counts,
    )


def _truth_of_sample(
    evidence: Evidence | None, labels: Array, task: Task, looked_for: Sequence[str]
) -> tuple[Bools, Bools]:
    """Of each voxel that was drawn, whether it belongs to the region that it was drawn for, and whether that was judged."""
    if evidence is None or evidence.sample is None:
        return np.zeros(0, np.bool_), np.zeros(0, np.bool_)
    sample = evidence.sample
    if sample.voxel.size and sample.voxel.max() >= labels.size:
        raise IntegrityError("kept voxels of another image", expected=f"{labels.size} voxels")
    values = labels.ravel()[sample.voxel]
    positive, judged = np.zeros(len(values), np.bool_), np.zeros(len(values), np.bool_)
    for place, region in enumerate(task.regions):
        mine = sample.region == place
        positive[mine] = np.isin(values[mine], region.values)
        judged[mine] = region.name in looked_for
    return positive, judged if task.ignore is None else judged & (values != task.ignore)

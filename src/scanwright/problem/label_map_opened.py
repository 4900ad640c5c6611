"""A kept answer read again beside its truth, and taken apart: what all that is chosen out of fold is chosen on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from scanwright.dataset.measures import region_masks
from scanwright.dataset.task import Task
from scanwright.errors import IntegrityError
from scanwright.evaluation.mask_parts import region_parts
from scanwright.evaluation.mask_steps import PartedCase
from scanwright.findings.table import size_of_voxel
from scanwright.inference.evidence import Evidence
from scanwright.io.formats import read_label
from scanwright.problem.label_map_kept import KeptRow, read_evidence
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
    true_masks, found_masks = region_masks(labels, task), region_masks(found, task)
    judged = None if task.ignore is None else labels != task.ignore
    anatomy = [mask for name, mask in found_masks.items() if name not in task.abnormal]
    others = np.logical_or.reduce(anatomy) if anatomy else np.zeros(found.shape, np.bool_)
    looked_for = [name for name in true_masks if case.judged is None or name in case.judged]
    parts = {
        name: region_parts(
            true_masks[name],
            found_masks[name],
            background_IJK=found == 0,
            others_IJK=others,
            voxel=voxel,
            judged=judged,
            are_lesions=name in task.abnormal,
        )
        for name in looked_for
    }
    evidence = read_evidence(row.kept.file)
    positive, counts = _truth_of_sample(evidence, labels, task, looked_for)
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

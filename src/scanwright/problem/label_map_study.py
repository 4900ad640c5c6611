"""A label map as the report of a study tells it: every region, every finding, and pictures of the largest."""

import numpy as np

from scanwright.dataset.task import Task
from scanwright.figures.overlay import CT_SOFT_TISSUE, overlay_slices
from scanwright.findings.placing import with_findings
from scanwright.findings.table import StudyTable, study_table
from scanwright.geometry.volume import Volume
from scanwright.report.study_content import KeyImage, StudyPart
from scanwright.types import Array, Bools

MOST_PICTURED = 2
"""Findings with a picture of their own, the largest ones."""
VALUES = {"ct": "HU", "pet": "SUV"}
"""Units of grey values, by modality; of other modalities they have none."""


def measured_table(image: Volume, labels: Volume, task: Task, *, sure: Array | None) -> StudyTable:
    """The table of a study. sure: how sure each voxel's finding is, (I, J, K) uint8 of 255ths; None where nothing says it."""
    masks = masks_of(labels, task)
    findings = {name: masks[name] for name in task.abnormal}
    anatomy = {name: mask for name, mask in masks.items() if name not in findings}
    if task.exclusive and findings:
        anatomy = with_findings(anatomy, np.logical_or.reduce(list(findings.values())), spacing=image.grid.spacing)
    return study_table(
        anatomy,
        findings,
        image=image.voxels[0],
        grid=image.grid,
        confidence=None if sure is None else dict.fromkeys(findings, np.divide(sure, 255, dtype=np.float32)),
    )


def study_part(image: Volume, labels: Volume, task: Task, *, sure: Array | None) -> StudyPart:
    """The table of a study, the whole image with its overlay, and the largest findings close by."""
    table = measured_table(image, labels, task, sure=sure)
    whole = KeyImage(png=_picture(image, labels.voxels[0], task, near=False))
    return StudyPart(
        table=table,
        images=(
            whole,
            *(_close(image, labels, task, table, number) for number in range(min(MOST_PICTURED, len(table.findings)))),
        ),
        unit_of_length=image.grid.unit,
        unit_of_value=VALUES.get(task.channels[0].modality, ""),
    )


def masks_of(labels: Volume, task: Task) -> dict[str, Bools]:
    """Where each region is, (I, J, K), by its name."""
    return {region.name: np.isin(labels.voxels[0], region.values) for region in task.regions}


def _close(image: Volume, labels: Volume, task: Task, table: StudyTable, place: int) -> KeyImage:
    """One finding and what is around it."""
    row = table.findings[place]
    values = next(region.values for region in task.regions if region.name == row.kind)
    alone = np.zeros_like(labels.voxels[0])
    alone[row.around] = np.where(row.mask, values[0], 0)
    return KeyImage(png=_picture(image, alone, task, near=True), finding=row.number, caption=row.region)


def _picture(image: Volume, shown_IJK: Array, task: Task, *, near: bool) -> bytes:
    return overlay_slices(
        image.voxels,
        truth_IJK=None,
        prediction_IJK=shown_IJK,
        grid=image.grid,
        regions={region.name: region.values for region in task.regions},
        window=CT_SOFT_TISSUE if task.channels[0].modality == "ct" else None,
        zoom=near,
    )

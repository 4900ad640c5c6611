"""A label map as the report of a study tells it: every region, every finding, and pictures of the largest."""

from collections.abc import Mapping

import numpy as np

from scanwright.dataset.measures import region_masks
from scanwright.dataset.task import Task
from scanwright.figures.overlay import WIDTH_PX, overlay_slices
from scanwright.figures.palette import structure_colour
from scanwright.findings.placing import with_findings
from scanwright.findings.regions import Regions
from scanwright.findings.table import FindingRow, StudyTable, study_table
from scanwright.geometry.volume import Volume
from scanwright.problem.windows import window_of
from scanwright.report.study_content import KeyImage, StudyPart
from scanwright.types import Array, Bools, Triple

CLOSE_PX = 480
"""Width of a picture of one finding: two stand side by side, and their letters are still read."""
MOST_PICTURED = 2
"""Findings with a picture of their own, the largest ones."""
VALUES = {"ct": "HU", "pet": "SUV"}
"""Units of grey values, by modality; of other modalities they have none."""


def anatomy_of(labels: Volume, task: Task) -> Regions:
    """The regions of a label map that are no findings, with the findings that a map of exclusive values cuts out of them."""
    return Regions(_anatomy(region_masks(labels.voxels[0], task), task, spacing=labels.grid.spacing), labels.grid)


def _anatomy(masks: Mapping[str, Bools], task: Task, *, spacing: Triple) -> dict[str, Bools]:
    findings = [masks[name] for name in task.abnormal]
    anatomy = {name: mask for name, mask in masks.items() if name not in task.abnormal}
    if not task.disjoint or not findings:
        return anatomy
    return with_findings(anatomy, np.logical_or.reduce(findings), spacing=spacing)


def measured_table(
    image: Volume, labels: Volume, task: Task, *, sure: Array | None, regions: Regions | None = None
) -> StudyTable:
    """The table of a study. sure: how sure each voxel's finding is, (I, J, K) uint8 of 255ths; None where nothing says it.
    regions: those that findings lie among, where they are another model's; by default the label map's own.
    """
    masks = region_masks(labels.voxels[0], task)
    findings = {name: masks[name] for name in task.abnormal}
    return study_table(
        _anatomy(masks, task, spacing=image.grid.spacing) if regions is None else regions.masks,
        findings,
        image=image.voxels[0],
        grid=image.grid,
        confidence=None if sure is None else dict.fromkeys(findings, np.divide(sure, 255, dtype=np.float32)),
    )


def study_part(
    image: Volume, labels: Volume, task: Task, *, sure: Array | None, regions: Regions | None = None
) -> StudyPart:
    """The table of a study, the whole image with its overlay, and the largest findings close by. sure, regions: as of
    `measured_table`.
    """
    table = measured_table(image, labels, task, sure=sure, regions=regions)
    masks = region_masks(labels.voxels[0], task)
    drawn = np.isin(labels.voxels[0], [value for region in task.regions for value in region.values])
    window = window_of(image.voxels[0][drawn], task)
    whole = KeyImage(
        png=_picture(image, labels.voxels[0], task, window=window),
        shows="outlines",
        legend=_legend(masks, task),
        window=window,
    )
    return StudyPart(
        table=table,
        looks_for_findings=bool(task.abnormal),
        images=(
            whole,
            *(_close(image, labels, task, table, number) for number in range(min(MOST_PICTURED, len(table.findings)))),
        ),
        unit_of_length=image.grid.unit,
        unit_of_value=VALUES.get(task.channels[0].modality, ""),
    )


def _legend(masks: Mapping[str, Bools], task: Task) -> tuple[tuple[str, str], ...]:
    """The regions that are there, each with the colour of its outline."""
    places = {region.name: place for place, region in enumerate(task.regions)}
    return tuple((name, structure_colour(places[name])) for name, mask in masks.items() if mask.any())


def _close(image: Volume, labels: Volume, task: Task, table: StudyTable, place: int) -> KeyImage:
    """One finding and what is around it."""
    row = table.findings[place]
    values = next(region.values for region in task.regions if region.name == row.kind)
    alone = np.zeros_like(labels.voxels[0])
    alone[row.around] = np.where(row.mask, values[0], 0)
    window = window_of(beside(image.voxels[0], row), task)
    return KeyImage(
        png=_picture(image, alone, task, window=window, near=True),
        finding=row.number,
        shows="outlines",
        caption=row.region,
        window=window,
    )


def beside(image_IJK: Array, row: FindingRow) -> Array:
    """The values around a finding, up to its own extent away from it; none of its own."""
    wide = [
        slice(max(0, 2 * one.start - one.stop), min(size, 2 * one.stop - one.start))
        for one, size in zip(row.around, image_IJK.shape, strict=True)
    ]
    outside = np.ones([one.stop - one.start for one in wide], dtype=np.bool_)
    inner = tuple(slice(one.start - out.start, one.stop - out.start) for one, out in zip(row.around, wide, strict=True))
    outside[inner] = ~row.mask
    found: Array = image_IJK[tuple(wide)][outside]
    return found


def _picture(
    image: Volume, shown_IJK: Array, task: Task, *, window: tuple[float, float] | None, near: bool = False
) -> bytes:
    return overlay_slices(
        image.voxels,
        truth_IJK=None,
        prediction_IJK=shown_IJK,
        grid=image.grid,
        regions={region.name: region.values for region in task.regions},
        window=window,
        zoom=near,
        width_px=CLOSE_PX if near else WIDTH_PX,
    )

"""A label map as the report of a study tells it: every region, every finding, and pictures of the whole and of findings."""

from collections.abc import Mapping

import numpy as np

from scanwright.dataset.measures import region_masks
from scanwright.dataset.task import Task
from scanwright.figures.overlay import WIDTH_PX, overlay_slices, regions_cut
from scanwright.figures.palette import structure_colour
from scanwright.findings.placing import with_findings
from scanwright.findings.regions import Regions
from scanwright.findings.table import FindingRow, StudyTable, study_table
from scanwright.geometry.volume import Volume
from scanwright.problem.windows import window_of
from scanwright.report.study_content import MOST_FINDINGS, KeyImage, StudyPart
from scanwright.types import Array, Bools, Shape3, Triple

CLOSE_PX = 480
"""Width of a picture of one finding: two stand side by side, and their letters are still read."""
MOST_NUMBERED = 2 * MOST_FINDINGS
"""Findings with their number in the picture of the whole, the largest ones."""
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
    """The table of a study, the whole image with its overlay, and a way to draw each finding close by. sure, regions: as of
    `measured_table`.
    """
    table = measured_table(image, labels, task, sure=sure, regions=regions)
    drawn = np.isin(labels.voxels[0], [value for region in task.regions for value in region.values])
    window = window_of(image.voxels[0][drawn], task)
    numbers = _numbers(table, image.grid.shape)
    whole = KeyImage(
        png=_picture(image, labels.voxels[0], task, window=window, numbers=numbers),
        shows="numbered" if numbers.any() else "outlines" if drawn.any() else "image",
        legend=_legend(labels, task, numbers),
        window=window,
    )
    return StudyPart(
        table=table,
        looks_for_findings=bool(task.abnormal),
        with_findings=regions is None and task.disjoint and bool(task.abnormal),
        images=(whole,),
        picture_of=lambda number: _close(image, labels, task, table.findings[number - 1]),
        unit_of_length=image.grid.unit,
        unit_of_value=VALUES.get(task.channels[0].modality, ""),
    )


def _numbers(table: StudyTable, shape: Shape3) -> Array:
    """(I, J, K) the number of the finding that a voxel belongs to, 0 for none; of two the smaller one's."""
    numbers = np.zeros(shape, dtype=np.int64)
    for row in table.findings[:MOST_NUMBERED]:  # the largest first
        numbers[row.around][row.mask] = row.number
    return numbers


def _legend(labels: Volume, task: Task, numbers_IJK: Array) -> tuple[tuple[str, str], ...]:
    """The regions that the picture of the whole cuts through, each with the colour of its outline."""
    places = {region.name: place for place, region in enumerate(task.regions)}
    values = {region.name: region.values for region in task.regions}
    seen = regions_cut(labels.voxels[0], grid=labels.grid, regions=values, numbers_IJK=numbers_IJK)
    return tuple((name, structure_colour(places[name])) for name in seen)


def _close(image: Volume, labels: Volume, task: Task, row: FindingRow) -> KeyImage:
    """One finding and what is around it."""
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
    image: Volume,
    shown_IJK: Array,
    task: Task,
    *,
    window: tuple[float, float] | None,
    near: bool = False,
    numbers: Array | None = None,
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
        numbers_IJK=numbers,
    )

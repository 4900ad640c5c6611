"""A scan read and answered by a model: the current one, and the prior one that it is compared with, in the same way."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from scanwright.api.case import slices
from scanwright.api.case.in_range import OutOfRange, RangeCheck, check_range
from scanwright.api.case.opened import Model
from scanwright.api.case.region_model import RegionModel, of_regions
from scanwright.dataset.cases import Case
from scanwright.dataset.familiar import unfamiliar
from scanwright.dataset.images import read_case_image
from scanwright.dataset.layouts.listing import require_target
from scanwright.dataset.measures import are_finite, num_not_finite
from scanwright.doubt import Doubt
from scanwright.errors import InputError
from scanwright.findings.regions import Regions
from scanwright.geometry.volume import Volume
from scanwright.io.source import files_of, place_of
from scanwright.problem.label_maps.study import anatomy_of
from scanwright.protocols import Listener, Progress, silent
from scanwright.types import Array


@dataclass(frozen=True, slots=True)
class AnsweredScan:
    """A scan with its answer. sure: of each voxel's finding (`Kind.answer_surely`). notes: what people should know of it, the
    first why the model was not made for it. range: the same as data.
    """

    image: Volume
    answer: Any
    sure: Array | None
    notes: tuple[str, ...]
    range: RangeCheck = field(default_factory=RangeCheck)


def answer_scan(
    model: Model, case: Case, *, regions: RegionModel | None = None, strict: bool = False, tell: Listener
) -> AnsweredScan:
    """Read a scan and answer it. regions: a second model, among whose regions what is found is told.

    Raises InputError for a scan that cannot be read, is not finite, or lacks the scale that the model needs; if `strict`,
    OutOfRange for one that the model was not made for; what answering raises.
    """
    where = place_of(case.images[0])
    for path in (path for image in case.images for path in files_of(image)):
        require_target(path)
    image = read_case_image(case, model.task, outlined=model.engine.plan.reads_outlines)
    require_scale(image, model, where=where)
    require_finite(image, where=where)
    check = check_range(model, image)
    if strict and check.level == "outside":
        raise OutOfRange(check, where=where)
    answer, sure = answer_volume(model, image, where=where, tell=tell)
    notes = tuple(dict.fromkeys((*check.doubts, *notes_on(model, image))))  # unfamiliar values are in both
    if regions is None:
        return AnsweredScan(image, answer, sure, notes, check)
    found, doubts = regions_in(image, regions, where=where)
    return AnsweredScan(image, model.problem.among(answer, found), sure, (*notes, *doubts), check)


def regions_in(image: Volume, by: RegionModel, *, where: Path) -> tuple[Regions, tuple[Doubt, ...]]:
    """The regions of an image that another model answers too, and what people should know of them beyond the readers' notes.

    Raises what answering raises.
    """
    every = by.channels == tuple(range(image.channels))
    seen = Volume(image.voxels if every else image.voxels[list(by.channels)], image.grid)
    require_scale(seen, by.model, where=where)
    labels, _ = answer_volume(by.model, seen, where=where, tell=silent)
    notes = (*check_range(by.model, seen).doubts, *notes_on(by.model, seen), *by.model.problem.doubts(labels))
    return anatomy_of(labels, by.model.task), of_regions(dict.fromkeys(notes))


def answer_volume(model: Model, image: Volume, *, where: Path, tell: Listener) -> tuple[Any, Array | None]:
    """Labels on the image's own grid, boxes or numbers, and how sure each voxel's finding is (`Kind.answer_surely`).

    A model that has learned from single slices sees one of them at a time. Raises InputError for a volume where the answers to
    its slices are no answer to it (`Kind.of_slices`), and for one slice where an answer is of whole volumes.
    """
    plan = model.engine.plan.preprocess
    axis = slices.axis_across(image.grid, plan)
    if not model.is_flat or image.shape[axis] == 1:
        if model.problem.sees_whole and model.knows_volumes:
            slices.require_volume(image.grid, where=where)
        return model.problem.answer_surely(model.engine, image, where=where, tell=tell)
    slices.require_slices(image.grid, plan, where=where)
    certain: list[Array] = []

    def answers() -> Iterator[Any]:
        for number, one in enumerate(slices.slices_of(image, axis=axis), start=1):
            answer, sure = model.problem.answer_surely(model.engine, one, where=where)
            certain.extend([] if sure is None else [sure])
            tell(Progress("predict", done=number, total=image.shape[axis]))
            yield answer

    whole = model.problem.of_slices(answers(), image.grid, axis=axis, where=where)
    return whole, np.concatenate(certain, axis=axis) if certain else None


def notes_on(model: Model, image: Volume) -> tuple[str, ...]:
    """What people should know about an answer: notes of the readers, each once, those of a model of single slices, and grey
    values that the model does not know.
    """
    of_slices = slices.notes_of(image.grid, model.engine.plan.preprocess) if model.is_flat else []
    return tuple(dict.fromkeys((*image.notes, *of_slices, *unfamiliar(image.voxels, model.learned))))


def require_finite(image: Volume, *, where: Path) -> None:
    """Raise InputError for NaN or infinite voxels: one of them would turn a whole normalised image into NaN."""
    if not are_finite(image.voxels):
        found = f"{num_not_finite(image.voxels)} of {image.voxels.size} voxels"
        raise InputError("voxels that are NaN or infinite", where=where, found=found, hint="Correct the scan.")


def require_scale(image: Volume, model: Model, *, where: Path) -> None:
    """Raise InputError if the model thinks in millimetres and the image has none: a pixel would be taken for one."""
    spacing = model.engine.plan.preprocess.spacing
    if spacing is not None and image.grid.unit == "px":
        raise InputError(
            "the image has no physical scale, and the model needs one",
            where=where,
            expected="voxel sizes in mm, as in NIfTI",
            found="pixels",
            hint="Give the scan in the format that it came in from the scanner, or as NIfTI with its voxel sizes.",
        )

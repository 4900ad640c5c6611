"""One scan answered: read, answered by a model, measured, and written with all that belongs beside it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from scanwright.api import results, slices
from scanwright.api.coded_findings import doubts_about
from scanwright.api.known_cases import likeness_of
from scanwright.api.opened import Model, content_of
from scanwright.api.output import OutputFormat
from scanwright.api.study_report import Comparison, StudyOptions, followed, write_study
from scanwright.dataset.cases import Case
from scanwright.dataset.familiar import unfamiliar
from scanwright.dataset.images import read_case_image
from scanwright.dataset.layouts.listing import require_target
from scanwright.dataset.measures import are_finite, num_not_finite
from scanwright.doubt import Doubt
from scanwright.errors import InputError, UsageError
from scanwright.files import read_json, write_bytes, write_json
from scanwright.findings.follow_up import FollowUp
from scanwright.findings.table import StudyTable
from scanwright.geometry.volume import Volume
from scanwright.io.source import DicomVolume, Source, files_of, place_of
from scanwright.problem.kind import LABELS
from scanwright.protocols import Listener, Progress
from scanwright.report.study_content import StudyPart
from scanwright.types import Array

EXPLANATION, DRAWN = ".explanation.png", ".found.png"
LEARNED = Doubt("learned-from", "the model has learned from this image: its answer is no test of the model")


@dataclass(frozen=True, slots=True)
class Prediction:
    """One answered scan: its images, where the answer lies, what is in it, and how long it took.

    found: what the kind of problem tells of its answer: {"volumes": …, "unit": …}, or {"probabilities": …, "decision": …}.
    line: found, for people. holds: what the file is called in JSON: "labels", or "answer".
    also: further files: measurement report, overlay and capture of a DICOM answer; an explanation.
    package: the SHA-256 of the package that answered it, as `verify` gives it.
    notes: what the readers had to decide ("no orientation in the file …"), and what the model made of the image.
    """

    case: str
    images: tuple[Source, ...]
    file: Path
    holds: str
    also: tuple[Path, ...]
    found: dict[str, Any]
    line: str
    seconds: float
    package: str
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain data for `--json` and predictions.json."""
        return {
            "case": self.case,
            "images": [str(place_of(image)) for image in self.images],
            self.holds: str(self.file),
            **({"also": [str(path) for path in self.also]} if self.also else {}),
            **self.found,
            "seconds": round(self.seconds, 3),
            "package": self.package,
            "notes": list(self.notes),
        }


def predict_case(
    model: Model,
    case: Case,
    file: Path,
    *,
    format: OutputFormat,
    tell: Listener,
    explain: bool = False,
    report: StudyOptions | None = None,
) -> Prediction:
    """Answer one case and write the answer, in the format of the file's suffix."""
    began, where = time.perf_counter(), place_of(case.images[0])
    for path in (path for image in case.images for path in files_of(image)):
        require_target(path)
    image = read_case_image(case, model.task)
    require_scale(image, model, where=where)
    require_finite(image, where=where)
    answer, sure = answer_volume(model, image, where=where, tell=tell)
    seen = seen_in(model, image, answer, sure, report=report, coded=file.name.endswith(results.SEG))
    also, untold = write_answer(model, case, file, image, answer, seen, format=format)
    found = model.problem.found(answer)
    if format != "labels" and (picture := model.problem.drawn(image, answer)):
        also = (*also, write_picture(file, case, DRAWN, picture))
    explanation = model.problem.explain(model.engine, image, answer) if explain else None
    if explanation is not None:
        also = (*also, write_picture(file, case, EXPLANATION, explanation.png))
        found |= {"explained": list(explanation.parts)}
    if model.problem.holds != LABELS and format != "labels":
        beside, untold = written_beside(model, case, file, found, also, must=format == "dicom")
        also = (*also, *beside)
    likeness = None
    if model.known is not None and format != "labels":  # which `evaluate` asks for, and nobody reads the rest
        likeness = likeness_of(model.known, model.engine, image)
    doubts: tuple[str, ...] = (
        *notes_on(model, image),
        *(of_training(model, case) if format != "labels" else ()),
        *model.problem.doubts(answer),
        *(() if likeness is None else likeness.doubts()),
    )
    notes = (*doubts, *untold)  # a file that is not there is no doubt about the answer
    if report is not None and seen.part is not None:
        picture = None if explanation is None else explanation.png
        pages, undone = write_study(
            model,
            case,
            seen.part,
            base=file,
            options=report,
            compared=seen.compared,
            notes=doubts,
            explanation=picture,
        )
        also, notes = (*also, *pages), (*notes, *undone)
    found |= {} if likeness is None else {"nearest": likeness.to_json()}
    if (
        model.problem.sees_whole
    ):  # people open this file, and `evaluate` judges it: it says what is told, not numbers alone
        write_json(file, {**read_json(file), **found, "notes": list(notes), "package": model.package.digest})
    return Prediction(
        case=case.id,
        images=case.images,
        file=file,
        holds=model.problem.holds,
        also=also,
        found=found,
        line=model.problem.line(found),
        seconds=time.perf_counter() - began,
        package=model.package.digest,
        notes=notes,
    )


@dataclass(frozen=True, slots=True)
class Seen:
    """What an answer says of its image. part: for the page, if one is wanted. table: of regions and findings, where the page or
    a DICOM report tells them. compared: with a prior study.
    """

    part: StudyPart | None
    table: StudyTable | None
    compared: Comparison | None

    @property
    def changes(self) -> tuple[FollowUp, ...]:
        """What became of the prior study's findings."""
        return () if self.compared is None else self.compared.changes


def seen_in(
    model: Model, image: Volume, answer: Any, sure: Array | None, *, report: StudyOptions | None, coded: bool
) -> Seen:
    """The answer measured on its image as far as anybody will read it. coded: whether a DICOM report will."""
    if report is None:
        return Seen(None, model.problem.measured(image, answer, sure=sure) if coded else None, None)
    part = model.problem.study(image, answer, sure=sure)
    return Seen(part, part.table, followed(model, image, part.table, report.prior))


def write_answer(
    model: Model, case: Case, file: Path, image: Volume, answer: Any, seen: Seen, *, format: OutputFormat
) -> tuple[tuple[Path, ...], tuple[str, ...]]:
    """Write an answer into its file; which further files come with it, and what could not be told in them."""
    if not file.name.endswith((results.SEG, results.RTSTRUCT)):
        model.problem.write(file, answer)
        kept = (file.with_name(f"{case.id}{end}") for end in model.problem.beside)
        return tuple(path for path in kept if path.exists()), ()
    written = results.write_dicom(
        file,
        results.dicom_source(case.images[0]),
        image,
        answer,
        task=model.task,
        model=results.model_of(model.package.card, model.package.digest),
        labelmap=format == "dicom-labelmap",
        table=seen.table,
        changes=seen.changes,
    )
    untold = doubts_about(seen.table, image.grid.shape) if file.name.endswith(results.SEG) else ()
    return tuple(written[1:]), untold


def write_picture(file: Path, case: Case, end: str, png: bytes) -> Path:
    """Write a picture beside an answer; its file."""
    shown = file.with_name(f"{case.id}{end}")
    write_bytes(shown, png)
    return shown


def written_beside(
    model: Model, case: Case, file: Path, found: dict[str, Any], also: Sequence[Path], *, must: bool
) -> tuple[tuple[Path, ...], tuple[str, ...]]:
    """A DICOM report beside an answer without outlines to a DICOM image: its files, and why there are none.

    must: raise the UsageError or InputError for a report that cannot be written, without which the answer itself is there.
    """
    source = case.images[0]
    if not isinstance(source, DicomVolume):
        return (), ()
    try:
        made_by = results.model_of(model.package.card, model.package.digest)
        return tuple(results.write_beside(file, source, found, also, made_by, task=model.task)), ()
    except (UsageError, InputError) as error:
        if must:
            raise
        return (), (f"no DICOM report: {error.message}",)


def of_training(model: Model, case: Case) -> tuple[str, ...]:
    """That the model has learned from this very image, whose answer then says nothing of how good it is."""
    if not model.problem.sees_whole or content_of(case, model.task) not in model.learned_from:
        return ()
    return (LEARNED,)


def answer_volume(model: Model, image: Volume, *, where: Path, tell: Listener) -> tuple[Any, Array | None]:
    """Labels on the image's own grid, boxes or numbers, and how sure each voxel's finding is (`Kind.answer_surely`).

    A model that has learned from single slices sees one of them at a time.
    """
    plan = model.engine.plan.preprocess
    axis = slices.axis_across(image.grid, plan)
    if model.problem.holds != LABELS or not model.is_flat or image.shape[axis] == 1:
        return model.problem.answer_surely(model.engine, image, where=where, tell=tell)
    slices.require_slices(image.grid, plan, where=where)
    labels: list[Array] = []
    certain: list[Array] = []
    for one in slices.slices_of(image, axis=axis):
        answer, sure = model.problem.answer_surely(model.engine, one, where=where)
        labels.append(answer.voxels)
        certain += [] if sure is None else [sure]
        tell(Progress("predict", done=len(labels), total=image.shape[axis]))
    together = np.concatenate(certain, axis=axis) if certain else None
    return Volume(np.concatenate(labels, axis=axis + 1), image.grid), together


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

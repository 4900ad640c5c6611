"""The verbs `predict` and `verify`: what is done with a package once it is there."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from scanwright.api import results, slices
from scanwright.api.claims import Answers, require_apart
from scanwright.api.coded_findings import doubts_about
from scanwright.api.known_cases import likeness_of
from scanwright.api.opened import Model, content_of, memory_note, open_model, require_file
from scanwright.api.output import OutputFormat, answer_name, require_format
from scanwright.api.scans import asked_of
from scanwright.api.study_report import REPORTS, StudyOptions, case_of_prior, followed, write_study
from scanwright.dataset.cases import Case
from scanwright.dataset.familiar import unfamiliar
from scanwright.dataset.images import read_case_image
from scanwright.dataset.layouts.listing import require_target
from scanwright.dataset.measures import are_finite, num_not_finite
from scanwright.doubt import Doubt
from scanwright.errors import InputError, ResourceError, UsageError
from scanwright.files import read_json, require_writable, write_bytes, write_json
from scanwright.geometry.volume import Volume
from scanwright.inference.volume import TooLarge
from scanwright.io.source import DicomVolume, Source, files_of, place_of
from scanwright.problem.kind import LABELS
from scanwright.problem.known import MakeKind
from scanwright.protocols import Listener, Progress, silent
from scanwright.runtime import DeviceName
from scanwright.types import Array

SHOWN, EXPLANATION, DRAWN = 20, ".explanation.png", ".found.png"
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


def predict(
    model: str | Path,
    scans: str | Path | Sequence[str | Path],
    *,
    out: str | Path,
    format: OutputFormat = "auto",
    explain: bool = False,
    report: StudyOptions | None = None,
    prior: Sequence[str | Path] = (),
    device: DeviceName = "auto",
    problem: MakeKind | None = None,
    tell: Listener = silent,
) -> list[Prediction]:
    """Answer scans with a package; labels are written on each scan's own grid, classes, quantities and boxes as JSON, and
    beside a DICOM scan as a DICOM report too.

    A model of labels that has learned from single slices answers each slice of a volume by itself.

    scans: files, or folders whose images are all answered. A model with several channels takes the files of one case
    together, named as nnU-Net does (case_0000, case_0001, …) or given in the task's order.
    out: a folder; predictions.json in it says what was written, by which package and with which notes, and only that is ever
    overwritten.
    format: "auto" writes PNG for pictures, DICOM for DICOM with a frame of reference (a segmentation, a measurement report,
    an overlay) and NIfTI for all else. "dicom-labelmap": the segmentation as a label map; "rtstruct": contours instead.
    "labels": PNG for pictures and NIfTI for all else.
    problem: makes the problem of a package whose kind is not one of this package's own.
    explain: draw beside each answer of a whole image where in it lies what the answer rests on (CASE.explanation.png).
    report: write a page for a clinician beside each answer (CASE.report.html, .pdf and .json). prior: an earlier study of the
    same patient, which the report of the one scan that is given compares with.
    Raises IntegrityError, InputError, UsageError or ResourceError (see `scanwright.errors`). A scan that cannot be read, or
    is too large for this machine, does not stop the others: they are answered, then an InputError names those that were not.
    """
    folder = Path(out)
    paths = [Path(scan) for scan in ([scans] if isinstance(scans, (str, Path)) else scans)]
    opened = open_model(model, device=device, problem=problem)
    asked = asked_of(paths, opened.task)
    for line in asked.left_out:
        tell(Progress("predict", note=f"left out: {line}"))
    report = with_prior(opened, report, prior, asked.cases)
    return predict_cases(
        opened, asked.cases, folder, format=format, explain=explain, report=report, refused=asked.refused, tell=tell
    )


def with_prior(
    model: Model, report: StudyOptions | None, prior: Sequence[str | Path], cases: Sequence[Case]
) -> StudyOptions | None:
    """How studies are reported, with the earlier one read. Raises UsageError for a prior study without a report, of several
    scans, or that is none.
    """
    if not prior:
        return report
    if report is None:
        raise UsageError("a prior study is told in the report", where="--prior", hint="Add --report.")
    if len(cases) != 1:
        raise UsageError(
            "a prior study is of one patient", where="--prior", expected="one scan", found=f"{len(cases)} scans"
        )
    return replace(report, prior=case_of_prior(asked_of([Path(one) for one in prior], model.task).cases))


def predict_cases(
    model: Model,
    cases: Sequence[Case],
    folder: Path,
    *,
    format: OutputFormat,
    explain: bool = False,
    report: StudyOptions | None = None,
    refused: Sequence[InputError] = (),
    tell: Listener = silent,
) -> list[Prediction]:
    """Answer every case into a folder. Raises InputError at the end if some could not be read; before, UsageError, and
    InputError if the format cannot hold the answers.

    refused: errors for scans that are no cases because of them; they are raised at the end as well.
    """
    require_format(cases, format, model=model)
    require_explainable(model, explain=explain)
    targets = require_apart([(folder / answer_name(model, case, format), case) for case in cases])
    require_writable(folder)
    answers = Answers(folder)
    answers.claim(targets, beside=(*results.BESIDE, EXPLANATION, DRAWN, *REPORTS, *model.problem.beside))
    if note := memory_note(model, cases):
        tell(Progress("predict", note=note))
    done: list[Prediction] = []
    failed: list[InputError | ResourceError] = list(refused)
    for file, case in targets.items():
        try:
            one = predict_case(
                model,
                case,
                file,
                format=format,
                explain=explain,
                report=report,
                tell=tell if len(cases) == 1 else silent,
            )
            done.append(one)
            answers.note(file, one.to_json())
            for note in one.notes:
                tell(Progress("predict", note=f"{case.id}: {note}"))
        except (InputError, TooLarge) as error:  # the next one may be whole, or smaller
            failed.append(error)
        if len(cases) > 1:
            tell(Progress("predict", done=len(done) + len(failed) - len(refused), total=len(cases)))
    if failed:
        asked = len(cases) + len(refused)
        raise failed[0] if asked == 1 else unanswered(failed, cases=asked, folder=folder)
    return done


def unanswered(failed: Sequence[InputError | ResourceError], *, cases: int, folder: Path) -> InputError:
    """The error for scans that could not be answered while others were. A reason that several share is given once."""
    reasons = Counter(" · ".join(error.lines()) for error in failed)
    lines = [f"{count} times: {reason}" if count > 1 else reason for reason, count in reasons.items()][:SHOWN]
    more = [f"and {len(reasons) - SHOWN} more"] if len(reasons) > SHOWN else []
    others = cases - len(failed)
    return InputError(
        f"{len(failed)} of {cases} scans could not be answered",
        details=[*lines, *more],
        hint=f"The other{f' {others} are' if others > 1 else ' is'} in {folder}." if others else None,
    )


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
    of_dicom = file.name.endswith((results.SEG, results.RTSTRUCT))
    scan = results.dicom_source(case.images[0]) if of_dicom else None
    image = read_case_image(case, model.task)
    require_scale(image, model, where=where)
    require_finite(image, where=where)
    labels, sure = answer_volume(model, image, where=where, tell=tell)
    part = None if report is None else model.problem.study(image, labels, sure=sure)
    table = None if part is None else part.table
    if part is None and file.name.endswith(results.SEG):
        table = model.problem.measured(image, labels, sure=sure)
    compared = None if report is None else followed(model, image, table, report.prior)
    also: tuple[Path, ...] = ()
    untold: tuple[str, ...] = ()
    if scan is not None:
        written = results.write_dicom(
            file,
            scan,
            image,
            labels,
            task=model.task,
            model=results.model_of(model.package.card, model.package.digest),
            labelmap=format == "dicom-labelmap",
            table=table,
            changes=() if compared is None else compared.changes,
        )
        also = tuple(written[1:])
        untold = doubts_about(table, image.grid.shape) if file.name.endswith(results.SEG) else ()
    else:
        model.problem.write(file, labels)
        kept = [file.with_name(f"{case.id}{end}") for end in model.problem.beside]
        also = tuple(path for path in kept if path.exists())
    found = model.problem.found(labels)
    if format != "labels" and (picture := model.problem.drawn(image, labels)):
        also = (*also, file.with_name(f"{case.id}{DRAWN}"))
        write_bytes(also[-1], picture)
    explanation = model.problem.explain(model.engine, image, labels) if explain else None
    if explanation is not None:
        shown = file.with_name(f"{case.id}{EXPLANATION}")
        write_bytes(shown, explanation.png)
        also, found = (*also, shown), found | {"explained": list(explanation.parts)}
    if model.problem.holds != LABELS and format != "labels":
        beside, untold = written_beside(model, case, file, found, also, must=format == "dicom")
        also = (*also, *beside)
    likeness = None
    if model.known is not None and format != "labels":  # which `evaluate` asks for, and nobody reads the rest
        likeness = likeness_of(model.known, model.engine, image)
    known_before = of_training(model, case) if format != "labels" else ()
    notes = (
        *notes_on(model, image),
        *untold,
        *known_before,
        *model.problem.doubts(labels),
        *(() if likeness is None else likeness.doubts()),
    )
    if report is not None and part is not None:
        picture = None if explanation is None else explanation.png
        doubts = [note for note in notes if note not in untold]  # a file that is not there is no doubt about the answer
        pages, undone = write_study(
            model, case, part, base=file, options=report, compared=compared, notes=doubts, explanation=picture
        )
        also, notes = (*also, *pages), (*notes, *undone)
    told = found | ({} if likeness is None else {"nearest": likeness.to_json()})
    if (
        model.problem.sees_whole and format != "labels"
    ):  # people open this file: it says what is told, not numbers alone
        write_json(file, {**read_json(file), **told, "notes": list(notes), "package": model.package.digest})
    return Prediction(
        case=case.id,
        images=case.images,
        file=file,
        holds=model.problem.holds,
        also=also,
        found=told,
        line=model.problem.line(found),
        seconds=time.perf_counter() - began,
        package=model.package.digest,
        notes=notes,
    )


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


def require_explainable(model: Model, *, explain: bool) -> None:
    """Raise UsageError if an explanation is asked of a model whose answers are label maps."""
    if explain and not model.problem.sees_whole:
        raise UsageError(
            "an answer of places shows by itself where it lies",
            where="--explain",
            expected="a model of classes or quantities",
            found=model.package.problem,
        )


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


def verify(model: str | Path) -> dict[str, Any]:
    """Check a package byte by byte without running anything of it. Raises IntegrityError with what is wrong."""
    from scanwright.package.verify import verify as verify_package

    verified = verify_package(require_file(Path(model)))
    return {"package": str(model), "digest": verified.digest, "problem": verified.manifest.problem, "ok": True}

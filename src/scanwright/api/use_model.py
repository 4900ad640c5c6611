"""The verbs `predict` and `verify`: what is done with a package once it is there."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from scanwright.api.answer_record import Answers, is_answered_into
from scanwright.api.case import endings
from scanwright.api.case.answer_case import DRAWN, EXPLANATION, Prediction, predict_case
from scanwright.api.case.declined import Declined, decline, refusal
from scanwright.api.case.given_outlines import with_outlines
from scanwright.api.case.in_range import OutOfRange
from scanwright.api.case.opened import Model, memory_note, open_model, require_file
from scanwright.api.case.output import OutputFormat, answer_name, require_format
from scanwright.api.case.prior_study import case_of_prior
from scanwright.api.case.region_model import RegionModel, open_regions
from scanwright.api.case.scans import asked_of
from scanwright.api.case.study_report import REPORTS, StudyOptions
from scanwright.api.claims import require_apart
from scanwright.api.run.lock import alone
from scanwright.dataset.cases import Case
from scanwright.errors import InputError, ResourceError, UsageError
from scanwright.files import require_writable
from scanwright.inference.members import every_network
from scanwright.inference.volume import TooLarge
from scanwright.io.source import DicomVolume, place_of
from scanwright.problem.kind import LABELS
from scanwright.problem.known import MakeKind
from scanwright.protocols import Listener, Progress, silent
from scanwright.report.study import require_words
from scanwright.runtime import DeviceName

SHOWN = 20
LOCK = ".scanwright.lock"


def predict(
    model: str | Path,
    scans: str | Path | Sequence[str | Path],
    *,
    out: str | Path,
    format: OutputFormat = "auto",
    explain: bool | str = False,
    report: StudyOptions | None = None,
    prior: Sequence[str | Path] = (),
    outlines: str | Path | None = None,
    regions: str | Path | None = None,
    strict: bool = False,
    device: DeviceName = "auto",
    problem: MakeKind | None = None,
    tell: Listener = silent,
) -> list[Prediction]:
    """Answer scans with a package; labels are written on each scan's own grid, classes, quantities and boxes as JSON, and
    beside a DICOM scan as a DICOM report too.

    A model of labels or boxes that has learned from single slices answers each slice of a volume by itself; one that gives one
    answer to a whole image refuses a volume, as one of volumes refuses a single slice.

    scans: files, or folders whose images are all answered. A model with several channels takes the files of one case
    together, named as nnU-Net does (case_0000, case_0001, …) or given in the task's order.
    out: a folder; predictions.json in it says what was written, by which package and with which notes, and only that is ever
    overwritten.
    format: "auto" writes PNG for pictures, DICOM for DICOM with a frame of reference (a segmentation, a measurement report,
    an overlay) and NIfTI for all else. "dicom-labelmap": the segmentation as a label map; "rtstruct": contours instead.
    "labels": PNG for pictures and NIfTI for all else.
    problem: makes the problem of a package whose kind is not one of this package's own.
    explain: draw beside each answer of a whole image where in it lies what the answer rests on (CASE.explanation.png); by the
    method that suits (True, "auto"), or by "grad-cam", "integrated-gradients", "smoothgrad" or "occlusion".
    report: write a page for a clinician beside each answer (CASE.report.html, .pdf and .json). prior: an earlier study of the
    same patient, which the report of the one scan that is given compares with.
    outlines: for a model of radiomic features, the masks of the scans: a folder of files that are called as their scans
    (p01.png or p01_mask.png), or the file of the one scan.
    regions: a second package, a segmentation of anatomy, that answers the same scans: what the first one finds (boxes, or what
    is not normal) is told with the region that it lies in, and with all regions and their sizes.
    strict: do not answer a scan that the model was not made for: another kind of image, voxel size, field of view or
    anatomy, or none at all. predictions.json says why. By default it is answered, and the answer says so first.
    Raises PolicyError at the end if scans were declined, and IntegrityError, InputError, UsageError or ResourceError (see
    `scanwright.errors`). A scan that cannot be read, or
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
        opened,
        with_outlines(asked.cases, None if outlines is None else Path(outlines), opened),
        folder,
        format=format,
        explain=explain,
        report=report,
        regions=None if regions is None else open_regions(regions, beside=opened, device=device),
        strict=strict,
        refused=asked.refused,
        tell=tell,
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
    explain: bool | str = False,
    report: StudyOptions | None = None,
    regions: RegionModel | None = None,
    strict: bool = False,
    refused: Sequence[InputError] = (),
    tell: Listener = silent,
) -> list[Prediction]:
    """Answer every case into a folder. Raises InputError at the end if some could not be read, else PolicyError if some
    were declined; before, UsageError, and InputError if the format cannot hold the answers, or a report has no words or
    templates.

    regions, strict: as of `answer_scan`. refused: errors for scans that are no cases because of them; they are raised at the
    end as well.
    """
    if report is not None:
        require_words(report.language, site=report.site)
    require_format(cases, format, model=model)
    require_explainable(model, explain=explain)
    targets = require_apart([(folder / answer_name(model, case, format), case) for case in cases])
    require_writable(folder)
    labels = model.problem.holds == LABELS
    coded = any(
        isinstance(case.images[0], DicomVolume) and (not labels or file.name.endswith((endings.SEG, endings.RTSTRUCT)))
        for file, case in targets.items()
    )
    beside = (
        *(endings.BESIDE if coded else ()),
        *(() if labels else (DRAWN,)),
        *((EXPLANATION,) if explain else ()),
        *(REPORTS if report is not None else ()),
        *model.problem.beside,
    )
    done: list[Prediction] = []
    declined: list[Declined] = []
    failed: list[InputError | ResourceError] = list(refused)
    if not is_answered_into(folder):  # what is refused finds no lock in its folder either
        Answers(folder).claim(targets, beside=beside)
    with alone(folder / LOCK):
        answers = Answers(folder)
        answers.sweep()
        answers.claim(targets, beside=beside)
        if note := memory_note(model, cases, beside=() if regions is None else (regions.model,)):
            tell(Progress("predict", note=note))
        for file, case in targets.items():
            try:
                one = _answer(
                    answers,
                    model,
                    case,
                    file,
                    format=format,
                    explain=explain,
                    report=report,
                    regions=regions,
                    strict=strict,
                    tell=tell if len(cases) == 1 else silent,
                )
                told = _notes(one, first=not done)
                declined += [one] if isinstance(one, Declined) else []
                done += [one] if isinstance(one, Prediction) else []
            except (InputError, TooLarge) as error:  # the next one may be whole, or smaller
                error.where = error.where or place_of(case.images[0])
                failed.append(error)
                told = [f"{case.id}: not answered; its earlier answer stays"] if case.id in answers.rows else []
            for note in told:
                tell(Progress("predict", note=note))
            if len(cases) > 1:
                ended = len(done) + len(declined) + len(failed) - len(refused)
                tell(Progress("predict", done=ended, total=len(cases)))
    asked = len(cases) + len(refused)
    if failed:
        raise failed[0] if asked == 1 else unanswered(failed, declined, cases=asked, folder=folder)
    if declined:
        raise refusal(declined, cases=asked, folder=folder)
    return done


def _answer(
    answers: Answers,
    model: Model,
    case: Case,
    file: Path,
    *,
    format: OutputFormat,
    explain: bool | str,
    report: StudyOptions | None,
    regions: RegionModel | None,
    strict: bool,
    tell: Listener,
) -> Prediction | Declined:
    """One case answered or declined, and put into its place, whole or not at all."""
    one: Prediction | Declined
    with answers.stage(case) as stage:
        try:
            one = predict_case(
                model,
                case,
                stage / file.name,
                format=format,
                explain=explain,
                report=report,
                regions=regions,
                strict=strict,
                tell=tell,
            )
            staged = [one.file, *one.also]
            one = replace(one, file=file, also=_placed(one.also, file))
        except OutOfRange as error:
            one = decline(model, case, error, file=stage / file.name, report=report)
            staged = [*one.also]
            one = replace(one, also=_placed(one.also, file))
        answers.put(case, one.to_json(), staged)
    return one


def _placed(files: Sequence[Path], answer: Path) -> tuple[Path, ...]:
    """Where files will lie that are written beside an answer."""
    return tuple(answer.with_name(file.name) for file in files)


def _notes(one: Prediction | Declined, *, first: bool) -> list[str]:
    """What is printed of a case. first: whether what holds for all answers of the model is said with it."""
    if isinstance(one, Declined):
        return [f"{one.case}: declined: {'; '.join(one.error.details)}"]
    return [*(f"the model: {note}" for note in one.of_model if first), *(f"{one.case}: {note}" for note in one.notes)]


def unanswered(
    failed: Sequence[InputError | ResourceError], declined: Sequence[Declined] = (), *, cases: int, folder: Path
) -> InputError:
    """The error for scans that could not be answered while others were. A reason that several share is given once.

    declined: those that could be answered, and were not: they are no fault of the input, and are told beside.
    """
    reasons = Counter(" · ".join(error.lines()) for error in failed)
    lines = [f"{count} times: {reason}" if count > 1 else reason for reason, count in reasons.items()][:SHOWN]
    more = [f"and {len(reasons) - SHOWN} more"] if len(reasons) > SHOWN else []
    more += [f"{len(declined)} more were declined: see predictions.json"] if declined else []
    others = cases - len(failed) - len(declined)
    return InputError(
        f"{len(failed)} of {cases} scans could not be answered",
        details=[*lines, *more],
        hint=f"The other{f' {others} are' if others > 1 else ' is'} in {folder}." if others else None,
    )


def require_explainable(model: Model, *, explain: bool | str) -> None:
    """Raise UsageError if an explanation is asked of a model whose answers are label maps, or which sees outlines alone, or by
    a method that it has not.
    """
    if explain and model.engine.plan.reads_outlines:
        raise UsageError(
            "an answer from numbers of what is outlined rests on no place in it",
            where="--explain",
            expected="a model that sees the image",
            hint="What such a model goes by stands in the report of its training.",
        )
    if explain and not model.problem.sees_whole:
        raise UsageError(
            "an answer of places shows by itself where it lies",
            where="--explain",
            expected="a model of classes or quantities",
            found=model.package.problem,
        )
    able = model.problem.methods(every_network(model.engine))
    if isinstance(explain, str) and explain not in ("auto", *able):
        raise UsageError(
            "a model that is not explained so",
            where="--explain-by",
            expected=", ".join(("auto", *able)),
            found=explain,
            hint="Gradients are of networks; of other models it can be told what covering the image does."
            if able
            else None,
        )


def verify(model: str | Path) -> dict[str, Any]:
    """Check a package byte by byte without running anything of it. Raises IntegrityError with what is wrong."""
    from scanwright.package.verify import verify as verify_package

    verified = verify_package(require_file(Path(model)))
    return {"package": str(model), "digest": verified.digest, "problem": verified.manifest.problem, "ok": True}

"""One scan answered: read, answered by a model, measured, and written with all that belongs beside it."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scanwright.api.case import results
from scanwright.api.case.answering import AnsweredScan, answer_scan
from scanwright.api.case.coded_findings import doubts_about
from scanwright.api.case.coded_remarks import NO_REMARKS, Remarks, remarks_on
from scanwright.api.case.likeness import Likeness, likeness_of
from scanwright.api.case.opened import Model, content_of
from scanwright.api.case.output import OutputFormat
from scanwright.api.case.prior_study import Comparison, followed
from scanwright.api.case.region_model import RegionModel, of_regions
from scanwright.api.case.study_report import StudyOptions, model_facts, region_facts, write_study
from scanwright.dataset.cases import Case
from scanwright.dataset.measures import images_hash, voxel_hash
from scanwright.doubt import Doubt
from scanwright.errors import InputError, UsageError
from scanwright.files import read_json, write_bytes, write_json
from scanwright.findings.follow_up import FollowUp
from scanwright.findings.table import StudyTable
from scanwright.geometry.volume import Volume
from scanwright.io.source import DicomVolume, Source, place_of
from scanwright.problem.kind import LABELS, Explanation
from scanwright.problem.number_answers import outside_learned
from scanwright.protocols import Listener
from scanwright.report.study_content import StudyPart
from scanwright.types import Shape3

EXPLANATION, DRAWN = ".explanation.png", ".found.png"
LEARNED = Doubt("learned-from", "the model has learned from this image: its answer is no test of the model")


@dataclass(frozen=True, slots=True)
class Prediction:
    """One answered scan: its images, where the answer lies, what is in it, and how long it took.

    found: what the kind of problem tells of its answer: {"volumes": …, "unit": …}, or {"probabilities": …, "decision": …}.
    line: found, for people. holds: what the file is called in JSON: "labels", or "answer".
    also: further files: measurement report, overlay and capture of a DICOM answer; an explanation.
    package: the SHA-256 of the package that answered it, as `verify` gives it; regions_package: of the one that found the
    regions, "" where there is none.
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
    regions_package: str = ""

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
            **({"regions_package": self.regions_package} if self.regions_package else {}),
            "notes": list(self.notes),
        }


def predict_case(
    model: Model,
    case: Case,
    file: Path,
    *,
    format: OutputFormat,
    tell: Listener,
    explain: bool | str = False,
    report: StudyOptions | None = None,
    regions: RegionModel | None = None,
) -> Prediction:
    """Answer one case and write the answer, in the format of the file's suffix. regions: as of `answer_scan`."""
    began = time.perf_counter()
    scan = answer_scan(model, case, regions=regions, tell=tell)
    image, answer = scan.image, scan.answer
    beside = model.problem.holds != LABELS and format != "labels" and isinstance(case.images[0], DicomVolume)
    coded = beside or file.name.endswith(results.SEG)
    seen = seen_in(model, case, scan, report=report, regions=regions, coded=coded)
    found = model.problem.found(answer)
    explanation = explained(model, image, answer, explain) if explain else None
    likeness = None
    if model.known is not None and format != "labels":  # which `evaluate` asks for, and nobody reads the rest
        likeness = likeness_of(model.known, model.engine, image)
    doubts: tuple[str, ...] = (
        *scan.notes,
        *(learned_from(model, case, image, regions=regions) if format != "labels" else ()),
        *doubts_of(model, answer, found, explanation, likeness),
    )
    remarks = NO_REMARKS
    if coded:
        remarks = remarks_on(
            model_facts(model),
            doubts,
            seen.compared,
            unit=image.grid.unit,
            regions_model=None if regions is None else region_facts(regions),
        )
    also, untold = write_answer(model, case, file, image, answer, seen, format=format, remarks=remarks)
    pictures: tuple[Path, ...] = ()
    if format != "labels" and (drawn := model.problem.drawn(image, answer)):
        pictures = (write_picture(file, case, DRAWN, drawn),)
    if explanation is not None:
        if explanation.png is not None:
            pictures = (*pictures, write_picture(file, case, EXPLANATION, explanation.png))
        found |= {"explained": list(explanation.parts)}
        found |= {"explained_by": explanation.method} if explanation.method else {}
    also = (*also, *pictures)
    if beside:
        written, untold = written_beside(
            model,
            case,
            file,
            found,
            pictures,
            seen,
            regions=regions,
            remarks=remarks,
            shape=image.grid.shape,
            must=format == "dicom",
        )
        also = (*also, *written)
    notes = (*doubts, *untold)  # a file that is not there is no doubt about the answer
    if report is not None and seen.part is not None:
        picture = None if explanation is None else explanation.png
        pages, undone = write_study(
            model,
            case,
            seen.part,
            base=file,
            options=report,
            regions_by=regions,
            compared=seen.compared,
            notes=doubts,
            explanation=picture,
        )
        also, notes = (*also, *pages), (*notes, *undone)
    found |= {} if likeness is None else {"nearest": likeness.to_json()}
    if model.problem.sees_whole:  # people open this file, `evaluate` judges it: it says what is told, not numbers alone
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
        regions_package="" if regions is None else regions.model.package.digest,
    )


def doubts_of(
    model: Model, answer: Any, found: Mapping[str, Any], explanation: Explanation | None, likeness: Likeness | None
) -> tuple[str, ...]:
    """Reasons to doubt what a model answered, by the answer itself and by what it rests on."""
    return (
        *model.problem.doubts(answer),
        *outside_learned(found, model.package.reference or {}),
        *(() if explanation is None else explanation.doubts),
        *(() if likeness is None else likeness.doubts()),
    )


def explained(model: Model, image: Volume, answer: Any, by: bool | str) -> Explanation | None:
    """What an answer rests on, made by a method of that name, or by the one that suits."""
    return model.problem.explain(model.engine, image, answer, method=None if by in (True, "auto") else str(by))


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
        """What became of the prior study's findings, as far as a report may code it: not where that study is in doubt."""
        return () if self.compared is None or self.compared.is_doubtful else self.compared.changes


def seen_in(
    model: Model,
    case: Case,
    scan: AnsweredScan,
    *,
    report: StudyOptions | None,
    regions: RegionModel | None,
    coded: bool,
) -> Seen:
    """The answer measured on its image as far as anybody will read it. coded: whether a DICOM report will."""
    if report is None:
        return Seen(None, model.problem.measured(scan.image, scan.answer, sure=scan.sure) if coded else None, None)
    part = model.problem.study(scan.image, scan.answer, sure=scan.sure)
    return Seen(part, part.table, followed(model, case, scan.image, part.table, report.prior, regions=regions))


def write_answer(
    model: Model,
    case: Case,
    file: Path,
    image: Volume,
    answer: Any,
    seen: Seen,
    *,
    format: OutputFormat,
    remarks: Remarks,
) -> tuple[tuple[Path, ...], tuple[str, ...]]:
    """Write an answer into its file; which further files come with it, and what could not be told in them.

    remarks: what a DICOM report says for people.
    """
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
        remarks=remarks,
    )
    untold = doubts_about(seen.table, image.grid.shape) if file.name.endswith(results.SEG) else ()
    return tuple(written[1:]), untold


def write_picture(file: Path, case: Case, end: str, png: bytes) -> Path:
    """Write a picture beside an answer; its file."""
    shown = file.with_name(f"{case.id}{end}")
    write_bytes(shown, png)
    return shown


def written_beside(
    model: Model,
    case: Case,
    file: Path,
    found: dict[str, Any],
    pictures: Sequence[Path],
    seen: Seen,
    *,
    regions: RegionModel | None,
    remarks: Remarks,
    shape: Shape3,
    must: bool,
) -> tuple[tuple[Path, ...], tuple[str, ...]]:
    """A DICOM report beside an answer that is no label map, to a DICOM image: its files, and what it does not tell, or why
    there is none.

    pictures: those that were drawn. regions: the model that found the regions that are told. remarks: what the report says for
    people. shape: of the image. must: raise the UsageError or InputError for a report that cannot be written, without which
    the answer itself is there.
    """
    source = case.images[0]
    assert isinstance(source, DicomVolume), "others have no report"
    try:
        made_by = results.model_of(model.package.card, model.package.digest)
        written = results.write_beside(
            file,
            source,
            found,
            pictures,
            made_by,
            task=model.task,
            table=seen.table,
            changes=seen.changes,
            regions_by=None if regions is None else results.model_of(regions.package.card, regions.package.digest),
            remarks=remarks,
        )
    except (UsageError, InputError) as error:
        if must:
            raise
        return (), (f"no DICOM report: {error.message}",)
    return tuple(written), doubts_about(seen.table, shape) if results.can_refer_to(source) else ()


def learned_from(model: Model, case: Case, image: Volume, *, regions: RegionModel | None) -> tuple[Doubt, ...]:
    """`of_training`, and the same of the model of regions."""
    own = of_training(model, case, image)
    if regions is None:
        return own
    seen = regions.case_of(case)
    return (*own, *of_regions(of_training(regions.model, seen, image if seen is case else None)))


def of_training(model: Model, case: Case, image: Volume | None) -> tuple[Doubt, ...]:
    """That the model has learned from this very image, whose answer then says nothing of how good it is. image: as it was read,
    None to read it again; of several files, which may have been brought to one grid, each is read again.
    """
    if not model.learned_from:
        return ()
    content = (
        content_of(case, model.task) if image is None or len(case.images) > 1 else images_hash([voxel_hash(image)])
    )
    return (LEARNED,) if content in model.learned_from else ()

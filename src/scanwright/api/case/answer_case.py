"""One scan answered: read, answered by a model, measured, and written with all that belongs beside it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scanwright.api.case import endings, results
from scanwright.api.case.answered_case import AnsweredCase, answered_case
from scanwright.api.case.coded_findings import doubts_about
from scanwright.api.case.coded_remarks import NO_REMARKS, Remarks, remarks_on
from scanwright.api.case.in_range import RangeCheck
from scanwright.api.case.opened import Model
from scanwright.api.case.output import OutputFormat
from scanwright.api.case.region_model import RegionModel
from scanwright.api.case.study_report import StudyOptions, model_facts, region_facts, write_study
from scanwright.api.case.tested import doubts_of_tests
from scanwright.dataset.cases import Case
from scanwright.doubt import Doubt
from scanwright.errors import InputError, UsageError
from scanwright.files import read_json, write_bytes, write_json
from scanwright.io.source import DicomVolume, Source, place_of
from scanwright.problem.kind import LABELS
from scanwright.protocols import Listener
from scanwright.types import JSON

EXPLANATION, DRAWN = ".explanation.png", ".found.png"


@dataclass(frozen=True, slots=True)
class Prediction:
    """One answered scan: its images, where the answer lies, what is in it, and how long it took.

    found: what the kind of problem tells of its answer: {"volumes": …, "unit": …}, or {"probabilities": …, "decision": …}.
    line: found, for people. holds: what the file is called in JSON: "labels", or "answer".
    also: further files: measurement report, overlay and capture of a DICOM answer; an explanation.
    package: the SHA-256 of the package that answered it, as `verify` gives it; regions_package: of the one that found the
    regions, "" where there is none.
    notes: what the readers had to decide ("no orientation in the file …"), and what the model made of the image.
    range: whether the model was made for such a scan, and why not. of_model: what its tests give to doubt in every answer.
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
    range: RangeCheck = field(default_factory=RangeCheck)
    of_model: tuple[Doubt, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain data for `--json` and predictions.json."""
        return {
            "case": self.case,
            "images": [str(place_of(image)) for image in self.images],
            self.holds: str(self.file),
            **({"also": [str(path) for path in self.also]} if self.also else {}),
            **self.found,
            "range": self.range.to_json(),
            "seconds": round(self.seconds, 3),
            "package": self.package,
            **({"regions_package": self.regions_package} if self.regions_package else {}),
            "notes": list(self.notes),
            **of_tests(self.of_model),
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
    strict: bool = False,
) -> Prediction:
    """Answer one case and write the answer, in the format of the file's suffix. regions, strict: as of `answer_scan`."""
    began = time.perf_counter()
    alone = format == "labels"
    beside = model.problem.holds != LABELS and not alone and isinstance(case.images[0], DicomVolume)
    coded = beside or file.name.endswith(endings.SEG)
    one = answered_case(
        model,
        case,
        regions=regions,
        explain=explain,
        report=report,
        coded=coded,
        alone=alone,
        strict=strict,
        tell=tell,
    )
    remarks = remarks_of(one) if coded else NO_REMARKS
    also, untold = write_answer(one, file, format=format, remarks=remarks)
    pictures = write_pictures(one, file, alone=alone)
    also = (*also, *pictures)
    if beside:
        written, untold = write_beside(one, file, pictures, remarks=remarks, must=format == "dicom")
        also = (*also, *written)
    notes = (*one.doubts, *untold)  # a file that is not there is no doubt about the answer
    of_model = doubts_of_tests(model_facts(model))
    if report is not None:
        pages, undone = write_page(one, file, report)
        also, notes = (*also, *pages), (*notes, *undone)
    found = one.told()
    check = one.scan.range
    told = {
        **found,
        "range": check.to_json(),
        "notes": list(notes),
        **of_tests(of_model),
        "package": model.package.digest,
    }
    if model.problem.sees_whole:  # people open this file, `evaluate` judges it: it says what is told, not numbers alone
        write_json(file, {**read_json(file), **told})
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
        of_model=of_model,
        regions_package="" if regions is None else regions.package.digest,
        range=check,
    )


def of_tests(doubts: Sequence[Doubt]) -> dict[str, JSON]:
    """What the tests of a model give to doubt in each of its answers, beside the notes of one; {} of nothing."""
    return {"notes_on_model": [str(doubt) for doubt in doubts]} if doubts else {}


def remarks_of(one: AnsweredCase) -> Remarks:
    """What a DICOM report says of an answer for people."""
    return remarks_on(
        model_facts(one.model),
        (*one.certain.said, *one.doubts),
        one.compared,
        unit=one.scan.image.grid.unit,
        regions_model=None if one.regions is None else region_facts(one.regions),
        decided=str(one.found.get("decision", "")),
    )


def write_answer(
    one: AnsweredCase, file: Path, *, format: OutputFormat, remarks: Remarks
) -> tuple[tuple[Path, ...], tuple[str, ...]]:
    """Write an answer into its file; which further files come with it, and what could not be told in them."""
    model, case, scan = one.model, one.case, one.scan
    if not file.name.endswith((endings.SEG, endings.RTSTRUCT)):
        model.problem.write(file, scan.answer)
        model.problem.keep(file, scan.sure)
        kept = (file.with_name(f"{case.id}{end}") for end in model.problem.beside)
        return tuple(path for path in kept if path.exists()), ()
    written = results.write_dicom(
        file,
        results.dicom_source(case.images[0]),
        scan.image,
        scan.answer,
        task=model.task,
        model=results.model_of(model.package.card, model.package.digest),
        labelmap=format == "dicom-labelmap",
        table=one.table,
        changes=one.changes,
        remarks=remarks,
    )
    untold = doubts_about(one.table, scan.image.grid.shape) if file.name.endswith(endings.SEG) else ()
    return tuple(written[1:]), untold


def write_pictures(one: AnsweredCase, file: Path, *, alone: bool) -> tuple[Path, ...]:
    """Write pictures of what was found, not where the answer alone is read, and of what it rests on; their files."""
    drawn = None if alone else one.model.problem.drawn(one.scan.image, one.scan.answer)
    explanation = None if one.explanation is None else one.explanation.png
    files = []
    for end, png in ((DRAWN, drawn), (EXPLANATION, explanation)):
        if png:
            files.append(file.with_name(f"{one.case.id}{end}"))
            write_bytes(files[-1], png)
    return tuple(files)


def write_beside(
    one: AnsweredCase, file: Path, pictures: Sequence[Path], *, remarks: Remarks, must: bool
) -> tuple[tuple[Path, ...], tuple[str, ...]]:
    """A DICOM report beside an answer that is no label map, to a DICOM image: its files, and what it does not tell, or why
    there is none.

    pictures: those that were drawn. must: raise the UsageError or InputError for a report that cannot be written, without
    which the answer itself is there.
    """
    source, by = one.case.images[0], one.regions
    assert isinstance(source, DicomVolume), "others have no report"
    try:
        written = results.write_beside(
            file,
            source,
            one.told(),
            pictures,
            results.model_of(one.model.package.card, one.model.package.digest),
            task=one.model.task,
            table=one.table,
            changes=one.changes,
            regions_by=None if by is None else results.model_of(by.package.card, by.package.digest),
            remarks=remarks,
        )
    except (UsageError, InputError) as error:
        if must:
            raise
        return (), (f"no DICOM report: {error.message}",)
    shape = one.scan.image.grid.shape
    return tuple(written), doubts_about(one.table, shape) if results.can_refer_to(source) else ()


def write_page(one: AnsweredCase, file: Path, options: StudyOptions) -> tuple[tuple[Path, ...], tuple[str, ...]]:
    """Write the report for a clinician beside an answer: its files, and what could not be done."""
    assert one.part is not None, "answered_case makes it wherever a report is asked for"
    return write_study(
        one.model,
        one.case,
        one.part,
        base=file,
        options=options,
        regions_by=one.regions,
        compared=one.compared,
        notes=one.doubts,
        explanation=None if one.explanation is None else one.explanation.png,
    )

"""The report of a study, for a clinician: what a package says of one case, as a page, as PDF, and as JSON.

CASE.report.html, CASE.report.pdf (where WeasyPrint is installed) and CASE.report.json lie beside the answer. Nothing of the
patient is in them unless it was asked for. A prior study is answered by the same model, brought to the space of the current
one by rigid registration, and its findings are paired with those of now.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from scanwright.api.case.in_range import apart
from scanwright.api.case.opened import Model
from scanwright.api.case.prior_study import Comparison
from scanwright.api.case.region_model import RegionModel
from scanwright.api.case.scan_header import scan_header
from scanwright.api.case.tested import doubts_of_tests, on_what_tested
from scanwright.dataset.cases import Case
from scanwright.errors import UsageError
from scanwright.files import write_bytes, write_json
from scanwright.report.model_facts import ModelFacts
from scanwright.report.study import build_study, study_pdf
from scanwright.report.study_content import (
    KeyImage,
    StudyContent,
    StudyPart,
    finding_lines,
    region_lines,
    worth_a_picture,
)

REPORTS = PAGE, PDF, DATA = ".report.html", ".report.pdf", ".report.json"
OF_PATIENT = {"PatientName": "name", "PatientID": "id", "PatientBirthDate": "birth_date", "PatientSex": "sex"}
OF_STUDY = {"StudyDate": "date", "AccessionNumber": "accession", "StudyDescription": "description"}
OF_SERIES = {"Modality": "modality", "SeriesDescription": "series"}


@dataclass(frozen=True, kw_only=True, slots=True)
class StudyOptions:
    """How a study is reported. site: a folder with templates of one's own. patient: whether headers' patient facts are told.

    prior: the same patient's earlier study, as a case; None: without one.
    """

    language: str = "en"
    site: Path | None = None
    patient: bool = False
    prior: Case | None = None


def write_study(
    model: Model,
    case: Case,
    part: StudyPart,
    *,
    base: Path,
    options: StudyOptions,
    regions_by: RegionModel | None = None,
    compared: Comparison | None = None,
    notes: Sequence[str] = (),
    explanation: bytes | None = None,
) -> tuple[tuple[Path, ...], tuple[str, ...]]:
    """Write a study's report beside `base`, whose name without suffix is the case's; the files, and what could not be done.

    part: what the answer says of the image. regions_by: which other model found its regions. compared: with the prior study
    (`prior_study.followed`). notes: reasons to doubt. explanation: a picture of what the answer rests on.
    Raises UsageError and InputError for a language or a template that cannot be used.
    """
    known = compared or Comparison()
    content = study_content(
        model,
        case,
        part,
        options=options,
        regions_by=regions_by,
        compared=known,
        notes=notes,
        explanation=explanation,
    )
    page = build_study(content, language=options.language, site=options.site)
    files = [base.with_name(f"{case.id}{end}") for end in (PAGE, PDF, DATA)]
    write_bytes(files[0], page.encode())
    write_json(files[2], content.to_json())
    try:
        write_bytes(files[1], study_pdf(page))
    except UsageError as error:
        return (files[0], files[2]), (*known.mismatches, *known.doubts, f"no PDF: {error.message}. {error.hint}")
    return tuple(files), (*known.mismatches, *known.doubts)


def write_declined(
    model: Model, case: Case, reasons: Sequence[str], *, base: Path, options: StudyOptions
) -> tuple[Path, ...]:
    """Write the report of a scan that was declined, with the reasons and no answer; its files. Else as `write_study`."""
    header, facts = scan_header(case), model_facts(model)
    content = StudyContent(
        title=model.task.name,
        created=datetime.now(UTC).astimezone(),
        model=facts,
        study=header.chosen(OF_SERIES | OF_STUDY if options.patient else OF_SERIES) or {"file": case.id},
        patient=header.chosen(OF_PATIENT) if options.patient else {},
        warnings=tuple(reasons),
        declined=True,
        unit_of_size="",
    )
    page = build_study(content, language=options.language, site=options.site)
    files = [base.with_name(f"{case.id}{end}") for end in (PAGE, DATA, PDF)]
    write_bytes(files[0], page.encode())
    write_json(files[1], content.to_json())
    try:
        write_bytes(files[2], study_pdf(page))
    except UsageError:  # whoever answers says what to install
        return tuple(files[:2])
    return tuple(files)


def study_content(
    model: Model,
    case: Case,
    part: StudyPart,
    *,
    options: StudyOptions,
    regions_by: RegionModel | None = None,
    compared: Comparison,
    notes: Sequence[str] = (),
    explanation: bytes | None = None,
) -> StudyContent:
    """Everything that the report says. regions_by, compared, notes, explanation: as of `write_study`."""
    table, header = part.table, scan_header(case)
    regions = part.regions if table is None else table.regions
    lines = part.findings if table is None else finding_lines(table, compared.changes)
    shown, facts = part.images, model_facts(model)
    if explanation is not None and not any(image.shows == "distance" for image in shown):  # which explains by itself
        shown = (*shown, KeyImage(png=explanation, shows="explanation"))
    of_range, others = apart(notes)
    close = () if part.picture_of is None else tuple(part.picture_of(number) for number in worth_a_picture(lines))
    return StudyContent(
        title=model.task.name,
        created=datetime.now(UTC).astimezone(),
        model=facts,
        regions_model=None if regions_by is None else region_facts(regions_by),
        study=header.chosen(OF_SERIES | OF_STUDY if options.patient else OF_SERIES) or {"file": case.id},
        patient=header.chosen(OF_PATIENT) if options.patient else {},
        prior={} if options.prior is None else _of_prior(options.prior, patient=options.patient),
        days_since_prior=compared.days,
        answers=part.answers,
        certain=part.certain,
        are_counts=part.are_counts,
        images=(*shown, *close),
        regions=region_lines(regions, () if compared.before is None else compared.before.regions),
        findings=tuple(line.numbered(header.numbers) for line in lines),
        looks_for_findings=part.looks_for_findings,
        expected_dice=part.expected_dice,
        with_findings=part.with_findings,
        has_regions=bool(regions),
        warnings=(*of_range, *compared.mismatches, *doubts_of_tests(facts), *others, *compared.doubts),
        unit_of_size=part.unit_of_size if table is None else table.unit_of_size,
        unit_of_length=part.unit_of_length,
        unit_of_value=part.unit_of_value,
    )


def _of_prior(prior: Case, *, patient: bool) -> dict[str, str]:
    """What is told of a prior study; its file where the header says nothing."""
    return scan_header(prior).chosen(OF_STUDY if patient else OF_SERIES) or {"file": prior.id}


def model_facts(model: Model) -> ModelFacts:
    """Which model answered, and what it was tested on."""
    card = model.package.card
    return ModelFacts(
        name=str(card.get("name") or model.task.name),
        version=str(card.get("versions", {}).get("scanwright", "")),
        digest=model.package.digest,
        kind=model.task.kind,
        parts=tuple(model.problem.parts),
        tested_on=on_what_tested(model.package.metrics or {}),
    )


def region_facts(by: RegionModel) -> ModelFacts:
    """The same of a model of regions that stands beside another one: nothing of findings, of which it tells none here."""
    tested = on_what_tested(by.package.metrics or {}, findings=False, of=by.names)
    return replace(model_facts(by.model), parts=by.names, tested_on=tested)

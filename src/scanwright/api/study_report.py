"""The report of a study, for a clinician: what a package says of one case, as a page, as PDF, and as JSON.

CASE.report.html, CASE.report.pdf (where WeasyPrint is installed) and CASE.report.json lie beside the answer. Nothing of the
patient is in them unless it was asked for. A prior study is answered by the same model, brought to the space of the current
one by rigid registration, and its findings are paired with those of now.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from scanwright.api.opened import Model
from scanwright.dataset.cases import Case
from scanwright.dataset.images import read_case_image
from scanwright.doubt import Doubt
from scanwright.errors import GeometryError, UsageError
from scanwright.files import write_bytes, write_json
from scanwright.findings.follow_up import FollowUp, follow_up
from scanwright.findings.table import FindingRow, StudyTable
from scanwright.geometry.affine import Affine, to_indices, to_points
from scanwright.geometry.register import LEAST_QUALITY, register_rigid
from scanwright.geometry.volume import Volume
from scanwright.io.source import DicomVolume, place_of
from scanwright.report.notation import number
from scanwright.report.study import build_study, study_pdf
from scanwright.report.study_content import (
    KeyImage,
    ModelFacts,
    StudyContent,
    StudyPart,
    finding_lines,
    region_lines,
)
from scanwright.types import Array

REPORTS = PAGE, PDF, DATA = ".report.html", ".report.pdf", ".report.json"
OF_PATIENT = {"PatientName": "name", "PatientID": "id", "PatientBirthDate": "birth_date", "PatientSex": "sex"}
OF_STUDY = {"StudyDate": "date", "AccessionNumber": "accession", "StudyDescription": "description"}
OF_SERIES = {"Modality": "modality", "SeriesDescription": "series"}
DATES = ("birth_date", "date")
POOR_FIT = Doubt(
    "prior-fits-poorly", "the prior study fits the current one poorly: look at both before believing changes"
)
NO_OUTLINES = Doubt("prior-without-outlines", "the prior study is not compared: this model draws no outlines")


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
    compared: "Comparison | None" = None,
    notes: Sequence[str] = (),
    explanation: bytes | None = None,
) -> tuple[tuple[Path, ...], tuple[str, ...]]:
    """Write a study's report beside `base`, whose name without suffix is the case's; the files, and what could not be done.

    part: what the answer says of the image. compared: with the prior study (`followed`). notes: reasons to doubt.
    explanation: a picture of what the answer rests on.
    Raises UsageError and InputError for a language or a template that cannot be used.
    """
    known = compared or Comparison()
    content = study_content(
        model,
        case,
        part,
        options=options,
        warnings=(*notes, *known.doubts),
        changes=known.changes,
        before=known.before,
        explanation=explanation,
    )
    page = build_study(content, language=options.language, site=options.site)
    files = [base.with_name(f"{case.id}{end}") for end in (PAGE, PDF, DATA)]
    write_bytes(files[0], page.encode())
    write_json(files[2], content.to_json())
    try:
        write_bytes(files[1], study_pdf(page))
    except UsageError as error:
        return (files[0], files[2]), (*known.doubts, f"no PDF: {error.message}. {error.hint}")
    return tuple(files), known.doubts


def study_content(
    model: Model,
    case: Case,
    part: StudyPart,
    *,
    options: StudyOptions,
    warnings: Sequence[str] = (),
    changes: Sequence[FollowUp] = (),
    before: StudyTable | None = None,
    explanation: bytes | None = None,
) -> StudyContent:
    """Everything that the report says."""
    table = part.table
    lines = part.findings if table is None else finding_lines(table, changes)
    shown = part.images if explanation is None else (*part.images, KeyImage(png=explanation, shows="explanation"))
    return StudyContent(
        title=model.task.name,
        created=datetime.now(UTC).astimezone(),
        model=model_facts(model),
        study=headers(case, OF_SERIES | OF_STUDY if options.patient else OF_SERIES) or {"file": case.id},
        patient=headers(case, OF_PATIENT) if options.patient else {},
        prior={}
        if options.prior is None
        else headers(options.prior, OF_STUDY if options.patient else OF_SERIES) or {"file": options.prior.id},
        answers=part.answers,
        are_counts=part.are_counts,
        images=shown,
        regions=() if table is None else region_lines(table, before),
        findings=lines,
        has_regions=table is not None and bool(table.regions),
        warnings=tuple(warnings),
        unit_of_size="" if table is None else table.unit_of_size,
        unit_of_length=part.unit_of_length,
        unit_of_value=part.unit_of_value,
    )


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


def on_what_tested(metrics: Mapping[str, Any]) -> dict[str, str]:
    """What metrics.json says of cases set apart, or else of those of the folds, as `ModelFacts` has it; {} of none."""
    judged = metrics.get("test", metrics)
    if not judged:
        return {}
    how = ("apart", "fold", "folds")[min(2, len(judged["by_fold"]))]
    counts = {"how": how, "cases": str(judged["cases"]), "patients": str(judged["patients"])}
    return counts | headline_text(metrics["primary"], judged["overall"].get(metrics["primary"]))


def headline_text(metric: str, value: Mapping[str, Any] | None) -> dict[str, str]:
    """A metric of metrics.json with its interval, as text; {} where it is not defined."""
    if value is None or value["mean"] is None:
        return {}
    reach = value["ci95"]
    interval = {} if reach is None else {"interval": f"{number(reach[0], 3)}–{number(reach[1], 3)}"}
    return {"metric": metric, "value": number(value["mean"], 3)} | interval


def headers(case: Case, wanted: Mapping[str, str]) -> dict[str, str]:
    """What the headers of a DICOM case say under these keywords, by our names; {} of any other file."""
    source = case.images[0]
    if not isinstance(source, DicomVolume):
        return {}
    from scanwright.io.dicom.intake import open_instance
    from scanwright.io.dicom.scan import find_stack

    header = open_instance(find_stack(source).slices[0].path).dataset
    found = {name: str(header.get(keyword, "") or "") for keyword, name in wanted.items()}
    return {name: dated(text) if name in DATES else text for name, text in found.items() if text}


def dated(text: str) -> str:
    """A DICOM date as people write it.

    >>> dated("19610203"), dated("1961")
    ('1961-02-03', '1961')
    """
    return f"{text[:4]}-{text[4:6]}-{text[6:]}" if len(text) == 8 and text.isdigit() else text


@dataclass(frozen=True, slots=True)
class Comparison:
    """A study beside a prior one. changes: what became of the findings. before: the prior study's table. doubts: about both."""

    changes: tuple[FollowUp, ...] = ()
    before: StudyTable | None = None
    doubts: tuple[str, ...] = ()


def followed(model: Model, image: Volume, table: StudyTable | None, prior: Case | None) -> Comparison:
    """What became of the findings of a prior study; nothing where there is none. table: of the current one."""
    if prior is None:
        return Comparison()
    if table is None:
        return Comparison(doubts=(NO_OUTLINES,))
    earlier = read_case_image(prior, model.task)
    answer, sure = model.problem.answer_surely(model.engine, earlier, where=place_of(prior.images[0]))
    before = model.problem.measured(earlier, answer, sure=sure)
    assert before is not None
    try:
        found = register_rigid(Volume(image.voxels[:1], image.grid), Volume(earlier.voxels[:1], earlier.grid))
    except GeometryError as error:
        reason = error.message  # a Doubt itself, so that it is told in other languages too
        doubt = Doubt("prior-not-aligned", "the prior study is not compared: {reason}", reason=reason)
        return Comparison(doubts=(doubt,))
    doubts = () if found.quality >= LEAST_QUALITY else (POOR_FIT,)
    moved = [brought(row, found.affine) for row in before.findings]
    shared = overlaps(table.findings, before.findings, image, earlier, found.affine)
    return Comparison(follow_up(table.findings, moved, shared), before, doubts)


def brought(row: FindingRow, affine: Affine) -> FindingRow:
    """A finding of the prior study with its centre in the space of the current one. affine: from current to prior space."""
    x, y, z = to_indices(affine, row.center).tolist()
    return replace(row, center=(x, y, z))


def overlaps(
    now: Sequence[FindingRow], before: Sequence[FindingRow], image: Volume, earlier: Volume, affine: Affine
) -> Array:
    """(now, before): how many voxels of each current finding lie in each earlier one, once brought to its space."""
    numbered = np.zeros(earlier.grid.shape, dtype=np.int32)
    for place, row in enumerate(before, start=1):
        numbered[row.around][row.mask] = place
    shared = np.zeros((len(now), len(before)))
    for place, row in enumerate(now):
        voxels = np.argwhere(row.mask) + [one.start for one in row.around]
        there = np.rint(earlier.grid.indices(to_points(affine, image.grid.points(voxels)))).astype(int)
        inside = ((there >= 0) & (there < earlier.grid.shape)).all(axis=1)
        hit = numbered[tuple(there[inside].T)]
        shared[place] = np.bincount(hit, minlength=len(before) + 1)[1:]
    return shared


def case_of_prior(cases: Sequence[Case]) -> Case:
    """The one case that a prior study is. Raises UsageError for none or several."""
    if len(cases) != 1:
        raise UsageError("a prior study is one scan", where="--prior", expected="one", found=len(cases))
    return cases[0]

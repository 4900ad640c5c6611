"""All that is said of one scan that a package has answered, before any of it is written."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scanwright.api.case.answering import AnsweredScan, answer_scan
from scanwright.api.case.likeness import Likeness, likeness_of
from scanwright.api.case.opened import Model, content_of
from scanwright.api.case.prior_study import Comparison, followed
from scanwright.api.case.region_model import RegionModel, of_regions
from scanwright.api.case.study_report import StudyOptions
from scanwright.dataset.cases import Case
from scanwright.dataset.measures import images_hash, voxel_hash
from scanwright.doubt import Doubt
from scanwright.findings.follow_up import FollowUp
from scanwright.findings.table import StudyTable
from scanwright.geometry.volume import Volume
from scanwright.problem.certain import NOT_TOLD, Certain
from scanwright.problem.kind import Explanation
from scanwright.problem.numbers.answers import outside_learned
from scanwright.protocols import Listener
from scanwright.report.study_content import StudyPart
from scanwright.types import JSON

LEARNED = Doubt("learned-from", "the model has learned from this image: its answer is no test of the model")


@dataclass(frozen=True, kw_only=True, slots=True)
class AnsweredCase:
    """A case, the models that answered it, and what is said of it.

    found: as `Kind.found` gives it. doubts: what people should know, first whether the model was made for the scan.
    part: for the page, if one is wanted. table: of regions and findings, where the page or a DICOM report tells them.
    compared: with a prior study.
    """

    model: Model
    regions: RegionModel | None
    case: Case
    scan: AnsweredScan
    found: Mapping[str, JSON]
    doubts: tuple[str, ...]
    explanation: Explanation | None
    likeness: Likeness | None
    part: StudyPart | None
    table: StudyTable | None
    compared: Comparison | None
    certain: Certain = NOT_TOLD

    @property
    def changes(self) -> tuple[FollowUp, ...]:
        """What became of the prior study's findings, as far as a DICOM report may code it."""
        return () if self.compared is None else self.compared.codable

    def told(self) -> dict[str, JSON]:
        """found, with what it rests on and which training cases are near, as plain data."""
        told = dict(self.found) | self.certain.to_json()
        if self.explanation is not None:
            told["explained"] = list(self.explanation.parts)
            told |= {"explained_by": self.explanation.method} if self.explanation.method else {}
        if self.likeness is not None:
            told["nearest"] = self.likeness.to_json()
        return told


def answered_case(
    model: Model,
    case: Case,
    *,
    regions: RegionModel | None,
    explain: bool | str,
    report: StudyOptions | None,
    coded: bool,
    alone: bool,
    strict: bool = False,
    tell: Listener,
) -> AnsweredCase:
    """Answer a case, and measure the answer as far as anybody will read it. regions: as of `answer_scan`.

    coded: whether a DICOM report will tell of it. alone: only the answer itself will be read, as `evaluate` does. strict: raise
    OutOfRange for a scan that the model was not made for.
    """
    scan = answer_scan(model, case, regions=regions, strict=strict, tell=tell)
    image, answer = scan.image, scan.answer
    part = None if report is None else model.problem.study(image, answer, sure=scan.sure)
    table = None if part is None else part.table
    if part is None and coded:
        table = model.problem.measured(image, answer, sure=scan.sure)
    compared = None if report is None else followed(model, case, image, table, report.prior, regions=regions)
    found = model.problem.found(answer)
    certain = model.problem.certain(answer, scan.sure)
    explanation = explained(model, image, answer, explain) if explain else None
    likeness = None if model.known is None or alone else likeness_of(model.known, model.engine, image)
    return AnsweredCase(
        model=model,
        regions=regions,
        case=case,
        scan=scan,
        found=found,
        doubts=(
            *scan.range.headline,
            *scan.notes,
            *(() if alone else learned_from(model, case, image, regions=regions)),
            *model.problem.doubts(answer),
            *certain.doubts,
            *outside_learned(found, model.package.reference or {}),
            *(() if explanation is None else explanation.doubts),
            *(() if likeness is None or model.knows_its_range else likeness.doubts()),
        ),
        explanation=explanation,
        likeness=likeness,
        part=part,
        table=table,
        compared=compared,
        certain=certain,
    )


def explained(model: Model, image: Volume, answer: Any, by: bool | str) -> Explanation | None:
    """What an answer rests on, made by a method of that name, or by the one that suits."""
    return model.problem.explain(model.engine, image, answer, method=None if by in (True, "auto") else str(by))


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

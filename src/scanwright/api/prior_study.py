"""A prior study beside the current one: whether the two belong together, and what became of the prior one's findings.

It is answered by the same model as the current one is, in the same way, and brought to the space of the current one by rigid
registration; its findings are paired with those of now.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from scanwright.api.answering import AnsweredScan, answer_scan
from scanwright.api.opened import Model
from scanwright.api.region_model import RegionModel
from scanwright.api.scan_header import ScanHeader, scan_header
from scanwright.dataset.cases import Case
from scanwright.doubt import Doubt
from scanwright.errors import GeometryError, UsageError
from scanwright.findings.follow_up import FollowUp, follow_up
from scanwright.findings.table import FindingRow, StudyTable
from scanwright.geometry.affine import Affine, to_indices, to_points
from scanwright.geometry.register import LEAST_QUALITY, register_rigid
from scanwright.geometry.volume import Volume
from scanwright.protocols import silent
from scanwright.types import Array

POOR_FIT = Doubt(
    "prior-fits-poorly", "the prior study fits the current one poorly: look at both before believing changes"
)
NO_OUTLINES = Doubt("prior-without-outlines", "the prior study is not compared: this model draws no outlines")
OTHER_ID = Doubt("prior-other-id", "the prior study has another patient ID: make sure that both are of one patient")
OTHER_BIRTH = Doubt(
    "prior-other-birth-date", "the prior study has another date of birth: make sure that both are of one patient"
)
LATER = Doubt("prior-is-later", "the prior study was made after the current one: changes are told the wrong way round")


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """A study beside a prior one. changes: what became of the findings. before: the prior study's table. doubts: about both.

    mismatches: reasons to doubt that it is a prior study of this patient. days: from the prior study to the current one; None
    where a date is not known.
    """

    changes: tuple[FollowUp, ...] = ()
    before: StudyTable | None = None
    doubts: tuple[str, ...] = ()
    mismatches: tuple[Doubt, ...] = ()
    days: int | None = None


def followed(
    model: Model,
    case: Case,
    image: Volume,
    table: StudyTable | None,
    prior: Case | None,
    *,
    regions: RegionModel | None = None,
) -> Comparison:
    """What became of the findings of a prior study; nothing where there is none.

    case, image: the current study, and table: what was found in it, None without outlines. regions: as of `answer_scan`.
    Raises what reading and answering the prior study raise.
    """
    if prior is None:
        return Comparison()
    now, then = scan_header(case), scan_header(prior)
    days = days_between(then, now)
    known = Comparison(mismatches=mismatches(now, then, days=days), days=days)
    if table is None:
        return replace(known, doubts=(NO_OUTLINES,))
    earlier = answer_scan(model, prior, regions=regions, tell=silent)
    own = tuple(Doubt("of-prior", "of the prior study: {doubt}", doubt=note) for note in earlier.notes)
    found = compared(model, image, table, earlier)
    return replace(found, doubts=(*found.doubts, *own), mismatches=known.mismatches, days=days)


def compared(model: Model, image: Volume, table: StudyTable, earlier: AnsweredScan) -> Comparison:
    """The findings of an earlier scan paired with those of now; a doubt where the two images cannot be aligned."""
    before = model.problem.measured(earlier.image, earlier.answer, sure=earlier.sure)
    assert before is not None
    moving = earlier.image
    try:
        found = register_rigid(Volume(image.voxels[:1], image.grid), Volume(moving.voxels[:1], moving.grid))
    except GeometryError as error:
        reason = error.message  # a Doubt itself, so that it is told in other languages too
        doubt = Doubt("prior-not-aligned", "the prior study is not compared: {reason}", reason=reason)
        return Comparison(doubts=(doubt,))
    moved = [brought(row, found.affine) for row in before.findings]
    shared = overlaps(table.findings, before.findings, image, moving, found.affine)
    return Comparison(
        changes=follow_up(table.findings, moved, shared),
        before=before,
        doubts=() if found.quality >= LEAST_QUALITY else (POOR_FIT,),
    )


def days_between(then: ScanHeader, now: ScanHeader) -> int | None:
    """Days from one study to another, negative where the first is the later one; None where a date is not known."""
    if then.study_date is None or now.study_date is None:
        return None
    return (now.study_date - then.study_date).days


def mismatches(now: ScanHeader, then: ScanHeader, *, days: int | None) -> tuple[Doubt, ...]:
    """Reasons to doubt that a study is a prior one of this patient. What a header does not say is no reason.

    The doubts do not tell what the headers say, which is the patient's.
    """
    found = [
        doubt
        for keyword, doubt in (("PatientID", OTHER_ID), ("PatientBirthDate", OTHER_BIRTH))
        if now.text(keyword) and then.text(keyword) and now.text(keyword) != then.text(keyword)
    ]
    return (*found, *([LATER] if days is not None and days < 0 else []))


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

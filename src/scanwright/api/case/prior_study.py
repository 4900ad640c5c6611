"""A prior study beside the current one: whether the two belong together, and what became of the prior one's findings.

It is answered by the same model as the current one is, in the same way, and brought to the space of the current one by rigid
registration; its findings are paired with those of now.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from scanwright.api.case.answering import AnsweredScan, answer_scan
from scanwright.api.case.opened import Model
from scanwright.api.case.region_model import RegionModel
from scanwright.api.case.scan_header import ScanHeader, scan_header
from scanwright.dataset.cases import Case
from scanwright.doubt import Doubt
from scanwright.errors import GeometryError, UsageError
from scanwright.findings.follow_up import FollowUp, follow_up
from scanwright.findings.table import FindingRow, StudyTable
from scanwright.geometry.affine import Affine, to_indices, to_points
from scanwright.geometry.diameters import axis_of_slices, edge_in_plane
from scanwright.geometry.grid import Grid
from scanwright.geometry.register import LEAST_QUALITY, register_rigid
from scanwright.geometry.volume import Volume
from scanwright.protocols import silent
from scanwright.types import Array

POOR_FIT = Doubt(
    "prior-fits-poorly", "the prior study fits the current one poorly: look at both before believing changes"
)
OTHER_PLANE = Doubt(
    "prior-other-plane",
    "the prior study has its slices in another direction: diameters are not compared, changes are by volume",
)
MOST_TILTED = 30.0
"""Degrees between the slices of two studies up to which diameters in them are compared."""
NO_OUTLINES = Doubt("prior-without-outlines", "the prior study is not compared: this model draws no outlines")
OTHER_ID = Doubt("prior-other-id", "the prior study has another patient ID: make sure that both are of one patient")
OTHER_BIRTH = Doubt(
    "prior-other-birth-date", "the prior study has another date of birth: make sure that both are of one patient"
)
SAME = Doubt(
    "prior-same-image", "the prior study is the same image as the current one: it cannot tell what has changed"
)
LATER = Doubt("prior-is-later", "the prior study was made after the current one: changes are told the wrong way round")


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """A study beside a prior one. changes: what became of the findings. before: the prior study's table. doubts: about both.

    mismatches: reasons to doubt that it is a prior study of this patient. days: from the prior study to the current one; None
    where a date is not known. header: of the prior study.
    """

    changes: tuple[FollowUp, ...] = ()
    before: StudyTable | None = None
    doubts: tuple[str, ...] = ()
    mismatches: tuple[Doubt, ...] = ()
    days: int | None = None
    header: ScanHeader = field(default_factory=ScanHeader)

    @property
    def is_doubtful(self) -> bool:
        """Whether it may be no prior study of this patient, or does not fit the current one: its changes are to be doubted."""
        return bool(self.mismatches) or POOR_FIT in self.doubts

    @property
    def codable(self) -> tuple[FollowUp, ...]:
        """The changes as far as a DICOM report may code them: none where the prior study is in doubt."""
        return () if self.is_doubtful else self.changes


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
    known = Comparison(mismatches=mismatches(now, then, days=days), days=days, header=then)
    if table is None:
        return replace(known, doubts=(NO_OUTLINES,))
    earlier = answer_scan(model, prior, regions=regions, tell=silent)
    own = tuple(Doubt("of-prior", "of the prior study: {doubt}", doubt=note) for note in earlier.notes)
    if is_same(image, earlier.image):
        known = replace(known, mismatches=(*known.mismatches, SAME))
    found = compared(model, image, table, earlier)
    return replace(known, changes=found.changes, before=found.before, doubts=(*found.doubts, *own))


def is_same(image: Volume, other: Volume) -> bool:
    """Whether two studies are one image, voxel by voxel, wherever it is said to lie."""
    return bool(np.array_equal(image.voxels, other.voxels, equal_nan=True))


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
    back = np.linalg.inv(found.affine)
    changes = follow_up(
        table.findings,
        [brought(row, found.affine) for row in before.findings],
        overlaps(table.findings, before.findings, image, moving, found.affine),
        covered=(
            [is_covered(row, image.grid, moving.grid, found.affine) for row in table.findings],
            [is_covered(row, moving.grid, image.grid, back) for row in before.findings],
        ),
        voxels=(edge_in_plane(image.grid), edge_in_plane(moving.grid)),
        longest_edges=(max(image.grid.spacing), max(moving.grid.spacing)),
        in_one_plane=(is_one := in_one_plane(image.grid, moving.grid, found.affine)),
    )
    poor = () if found.quality >= LEAST_QUALITY else (POOR_FIT,)
    planes = () if is_one or not before.findings else (OTHER_PLANE,)
    return Comparison(changes=changes, before=before, doubts=(*poor, *planes, *doubts_about_covering(changes)))


def in_one_plane(grid: Grid, other: Grid, affine: Affine) -> bool:
    """Whether diameters in two studies are measured in planes that differ by MOST_TILTED at most. affine: from the space of
    the first to that of the second.
    """
    first, second = (one.affine[:3, axis_of_slices(one)] for one in (grid, other))
    turned = affine[:3, :3] @ first
    share = abs(turned @ second) / (np.linalg.norm(turned) * np.linalg.norm(second))
    return bool(share >= np.cos(np.radians(MOST_TILTED)))


def doubts_about_covering(changes: Sequence[FollowUp]) -> tuple[Doubt, ...]:
    """That findings of one study lie where the other does not reach, where that is so."""
    number = sum(one.change in ("not covered before", "not covered now") for one in changes)
    if not number:
        return ()
    sentence = "findings not wholly covered by the other study, told neither as new nor as resolved: {number}"
    return (Doubt("prior-not-covering", sentence, number=number),)


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
        there = indices_there(row, image.grid, earlier.grid, affine)
        inside = ((there >= 0) & (there < earlier.grid.shape)).all(axis=1)
        hit = numbered[tuple(there[inside].T)]
        shared[place] = np.bincount(hit, minlength=len(before) + 1)[1:]
    return shared


def is_covered(row: FindingRow, grid: Grid, other: Grid, affine: Affine) -> bool:
    """Whether a finding lies wholly in the image of the other study. grid, other: of its own study and of the other one.

    affine: from the space of the first to that of the second.
    """
    there = indices_there(row, grid, other, affine)
    return bool(((there >= 0) & (there < other.shape)).all())


def indices_there(row: FindingRow, grid: Grid, other: Grid, affine: Affine) -> Array:
    """(voxels, 3): the nearest indices of a finding's voxels on another study's grid, which may lie beyond it; the rest as of
    `is_covered`.
    """
    voxels = np.argwhere(row.mask) + [one.start for one in row.around]
    return np.asarray(np.rint(other.indices(to_points(affine, grid.points(voxels)))).astype(int))


def case_of_prior(cases: Sequence[Case]) -> Case:
    """The one case that a prior study is. Raises UsageError for none or several."""
    if len(cases) != 1:
        raise UsageError("a prior study is one scan", where="--prior", expected="one", found=len(cases))
    return cases[0]

"""The whole gate: what is kept of each case while it is read, and everything that all of them show together."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from scanwright.dataset.cases import Boxes, Case, Fault
from scanwright.dataset.task import Task
from scanwright.figures.overlay import CT_SOFT_TISSUE
from scanwright.figures.thumbnail import thumbnail
from scanwright.gate import leakage, modality
from scanwright.gate.cohort import Cohort
from scanwright.gate.comparison import distribution, separable
from scanwright.gate.comparison.distribution import Distribution
from scanwright.gate.comparison.separable import Separable
from scanwright.gate.doubt import suspicious
from scanwright.gate.doubt.coarse import Coarse, coarse
from scanwright.gate.doubt.suspicious import Suspicious
from scanwright.gate.labels import integrity, shape
from scanwright.gate.labels.integrity import Integrity
from scanwright.gate.labels.shape import LabelShape
from scanwright.gate.leakage import Leaks
from scanwright.gate.likeness import duplicates
from scanwright.gate.likeness.duplicates import Duplicates, Signature
from scanwright.gate.marks import burned_in
from scanwright.gate.marks.burned_in import BurnedIn, PictureMarks
from scanwright.gate.modality import Modalities
from scanwright.gate.shortcut import shortcuts
from scanwright.gate.shortcut.shortcuts import Hunt, Traits
from scanwright.geometry.volume import Volume
from scanwright.types import JSON

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Glance:
    """What is kept of one case. picture: it as a small JPEG, with what it is labelled as; the others: see their modules.

    sample: kept where labels are to be judged by a quick model.
    """

    picture: bytes
    signature: Signature
    traits: Traits
    modalities: tuple[str, ...] = ()
    label_shape: LabelShape | None = None
    marks: PictureMarks | None = None
    sample: Coarse | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Survey:
    """What the cases show together, question by question. suspicious: null where it was not asked."""

    leakage: Leaks
    duplicates: Duplicates
    integrity: Integrity
    distribution: Distribution
    separable: Separable
    shortcuts: Hunt
    burned_in: BurnedIn
    modalities: Modalities
    suspicious: Suspicious | None = None

    @property
    def faults(self) -> tuple[Fault, ...]:
        """All findings."""
        parts = (
            self.leakage,
            self.duplicates,
            self.integrity,
            self.distribution,
            self.separable,
            self.shortcuts,
            self.burned_in,
            self.modalities,
        )
        found = tuple(fault for part in parts for fault in part.faults)
        return found if self.suspicious is None else found + self.suspicious.faults

    def to_json(self) -> JSON:
        """Everything that was measured, as plain data; the findings are listed with all others."""
        return {
            "leakage": self.leakage.to_json(),
            "duplicates": self.duplicates.to_json(),
            "integrity": self.integrity.to_json(),
            "distribution": self.distribution.to_json(),
            "separable": self.separable.to_json(),
            "shortcuts": self.shortcuts.to_json(),
            "burned_in": self.burned_in.to_json(),
            "modalities": self.modalities.to_json(),
            "suspicious": None if self.suspicious is None else self.suspicious.to_json(),
        }


def glance(case: Case, volume: Volume, label: Volume | None, task: Task, *, judge_labels: bool = False) -> Glance:
    """Everything that the gate wants to know of one case; `dataset.checks.check` calls it as `see`.

    judge_labels: keep what a quick model needs as well.
    """
    return Glance(
        picture=picture_of(case, volume, label, task),
        signature=duplicates.glance(volume),
        traits=shortcuts.glance(case, volume, label, task),
        modalities=modality.glance(case),
        label_shape=shape.glance(case, volume, label, task),
        marks=burned_in.glance(case, volume, label, task),
        sample=coarse(volume, label, task) if judge_labels and case.is_labelled else None,
    )


def picture_of(case: Case, volume: Volume, label: Volume | None, task: Task) -> bytes:
    """A case as a thumbnail, with its regions or boxes."""
    boxes = [(box.start, box.end) for box in case.target.boxes] if isinstance(case.target, Boxes) else []
    return thumbnail(
        volume.voxels,
        grid=volume.grid,
        label_IJK=None if label is None else label.voxels[0],
        regions={region.name: region.values for region in task.regions},
        boxes=boxes,
        window=CT_SOFT_TISSUE if task.channels[0].modality == "ct" else None,
    )


def survey(cohort: Cohort, glances: Mapping[str, Glance], *, judge_labels: bool = False) -> Survey:
    """Hold the cases against each other, their split and their labels."""
    traits = {name: one.traits for name, one in glances.items()}
    signatures = {name: one.signature for name, one in glances.items()}
    written = burned_in.find(cohort, {name: one.marks for name, one in glances.items()})
    copies = duplicates.find(cohort, signatures)
    shapes = known({name: one.label_shape for name, one in glances.items()})
    samples = known({name: one.sample for name, one in glances.items()})
    return Survey(
        leakage=leakage.find(cohort, signatures),
        duplicates=copies,
        integrity=integrity.find(cohort, shapes, copies=[group.cases for group in copies.groups]),
        distribution=distribution.find(cohort),
        separable=separable.find(cohort, traits),
        shortcuts=shortcuts.find(cohort, traits, marks=written.marked if written.looked_at else None),
        burned_in=written,
        modalities=modality.find(cohort, {name: one.modalities for name, one in glances.items()}),
        suspicious=suspicious.find(cohort, samples) if judge_labels else None,
    )


def known(values: Mapping[str, T | None]) -> dict[str, T]:
    """Those that are there."""
    return {name: value for name, value in values.items() if value is not None}

"""The whole gate: what is kept of each case while it is read, and everything that all of them show together."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scanwright.dataset.cases import Boxes, Case, Fault
from scanwright.dataset.task import Task
from scanwright.figures.overlay import CT_SOFT_TISSUE
from scanwright.figures.thumbnail import thumbnail
from scanwright.gate.cohort import Cohort
from scanwright.geometry.volume import Volume


@dataclass(frozen=True, kw_only=True, slots=True)
class Glance:
    """What is kept of one case. picture: it as a small JPEG, with what it is labelled as."""

    picture: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Survey:
    """What the cases show together."""

    faults: tuple[Fault, ...]

    def to_json(self) -> dict[str, Any]:
        """Its numbers as plain data."""
        return {}


def glance(case: Case, volume: Volume, label: Volume | None, task: Task) -> Glance:
    """Everything that the gate wants to know of one case, to be given to `dataset.checks.check` as `see`."""
    return Glance(picture=picture_of(case, volume, label, task))


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


def survey(cohort: Cohort, glances: Mapping[str, Glance]) -> Survey:
    """Hold the cases against each other, their split and their labels."""
    return Survey(faults=())

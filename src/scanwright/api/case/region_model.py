"""A second model beside one that finds things: a segmentation of anatomy, whose regions its findings are told by.

Both see the same image, each as it has learned to; what the second one finds wrong itself is not told.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from scanwright.api.case.opened import Model, open_model
from scanwright.dataset.cases import Case
from scanwright.dataset.task import Modality, Task
from scanwright.doubt import Doubt
from scanwright.errors import UsageError
from scanwright.package.load import Package
from scanwright.problem.kind import LABELS
from scanwright.runtime import DeviceName

WHERE = "--regions"


@dataclass(frozen=True)
class RegionModel:
    """A model of regions. channels: the places of its channels among those of the model that it stands beside."""

    model: Model
    channels: tuple[int, ...]

    @property
    def package(self) -> Package:
        """What it was opened from."""
        return self.model.package

    def case_of(self, case: Case) -> Case:
        """A case of the other model as this one sees it, where each channel lies in a file of its own; else the case itself."""
        if len(case.images) == 1:
            return case
        return case.model_copy(update={"images": tuple(case.images[place] for place in self.channels)})

    @property
    def names(self) -> tuple[str, ...]:
        """Its regions of anatomy, in their order."""
        return anatomy_in(self.model.task)


def open_regions(path: str | Path, *, beside: Model, device: DeviceName = "auto") -> RegionModel:
    """Open a package of regions for what another model finds.

    Raises what `open_model` raises; UsageError for a package without regions of anatomy or with channels that the other model
    has not, and where the other model finds nothing that could lie in a region.
    """
    if not beside.problem.takes_regions:
        raise UsageError(
            "an answer that is not told by another model's regions",
            where=WHERE,
            expected="a model of boxes, or of what is not normal",
            found=beside.package.problem,
        )
    opened = open_model(path, device=device)
    regions = anatomy_in(opened.task) if opened.problem.holds == LABELS else ()
    if not regions:
        raise UsageError(
            "a package that names no regions",
            where=path,
            expected="a segmentation with regions of anatomy",
            found=f"{opened.package.problem}: {', '.join(opened.problem.parts)}",
        )
    return RegionModel(opened, channels_among(opened.task, beside.task, where=path))


def of_regions(notes: Iterable[str]) -> tuple[Doubt, ...]:
    """What people should know of a model of regions, told beside what another one found."""
    return tuple(Doubt("of-regions", "of the regions: {doubt}", doubt=note) for note in notes)


def anatomy_in(task: Task) -> tuple[str, ...]:
    """The regions of a task that are no findings."""
    return tuple(region.name for region in task.regions if region.name not in task.abnormal)


def channels_among(task: Task, other: Task, *, where: str | Path) -> tuple[int, ...]:
    """The place of each of the task's channels among those of another task: by name, or the only one of both.

    Raises UsageError for a channel that the other task has not, or has in another modality.
    """
    alone = len(task.channels) == len(other.channels) == 1
    places = []
    for channel in task.channels:
        same = (
            place
            for place, one in enumerate(other.channels)
            if (alone or one.name.lower() == channel.name.lower()) and _may_be_one(one.modality, channel.modality)
        )
        places.append(next(same, None))
    found = tuple(place for place in places if place is not None)
    if len(found) < len(places):
        raise UsageError(
            "a package of regions with other channels", where=where, expected=_listed(other), found=_listed(task)
        )
    return found


def _may_be_one(modality: Modality, other: Modality) -> bool:
    """Whether both may name one kind of image: the same, or one that says nothing."""
    return modality == other or "other" in (modality, other)


def _listed(task: Task) -> str:
    return ", ".join(f"{channel.name} ({channel.modality})" for channel in task.channels)

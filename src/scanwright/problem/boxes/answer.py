"""An answer that is boxes, and which of them are told."""

from dataclasses import dataclass

import numpy as np

from scanwright.dataset.task import Task
from scanwright.evaluation.boxes.detection_operating import DEFAULT_SCORE
from scanwright.findings.regions import Place, Regions
from scanwright.inference.boxes import Detections
from scanwright.problem.boxes.choice import Limits, told
from scanwright.types import Floats, Triple, Unit


@dataclass(frozen=True, slots=True)
class BoxAnswer:
    """What was found in one image: boxes in voxels along I, J, K of its own grid. spacing: edges of a voxel, in `unit`.

    regions: those that the boxes lie among, None where none are known.
    """

    found: Detections
    spacing: Triple
    unit: Unit
    regions: Regions | None = None

    def place_of(self, place: int) -> Place | None:
        """Where a box lies among the regions; None where none are known."""
        return None if self.regions is None else self.regions.place_of(self.found.boxes[place])


class TellsBoxes:
    """Mixed into a problem of one task whose answer is boxes: which of them are told."""

    task: Task
    name: str
    stated: Limits
    """The score of each class from which on its boxes are told, where it was settled; () else."""

    @property
    def parts(self) -> tuple[str, ...]:
        """The classes."""
        return self.task.classes

    @property
    def thresholds(self) -> Limits:
        """The same, and DEFAULT_SCORE where nobody has said which boxes are told."""
        return self.stated or (DEFAULT_SCORE,) * len(self.parts)

    def told_places(self, answer: BoxAnswer) -> list[int]:
        """Places of the boxes that are told, the most probable first."""
        there = told(answer.found.scores, answer.found.codes, self.thresholds)
        places: list[int] = np.flatnonzero(there).tolist()
        return places


def edges_of(answer: BoxAnswer, place: int) -> Floats:
    """(3,) lengths of a box along I, J and K, in the answer's unit."""
    start, end = answer.found.boxes[place]
    lengths: Floats = (end - start) * np.array(answer.spacing)
    return lengths

"""Boxes as people see them: drawn over the image, and as lines of a study's table."""

import math
from collections import Counter

import numpy as np

from scanwright.figures.boxed import Drawn, boxed
from scanwright.figures.palette import structure_colour
from scanwright.findings.regions import Place
from scanwright.geometry.diameters import axis_of_slices
from scanwright.geometry.grid import Grid
from scanwright.geometry.lying import OUTSIDE
from scanwright.geometry.volume import Volume
from scanwright.problem.boxes.answer import BoxAnswer, TellsBoxes, edges_of
from scanwright.problem.windows import around_boxes, window_of
from scanwright.report.study_content import MOST_FINDINGS, FindingLine, KeyImage, StudyPart
from scanwright.types import Array

MOST_CUTS = 6
"""Cuts of a volume in a picture of what was found."""


class ShowsBoxes(TellsBoxes):
    """Mixed into a problem whose answers are boxes."""

    def study(self, image: Volume, answer: BoxAnswer, *, sure: Array | None) -> StudyPart:
        """The boxes that are told, the regions that they lie among, and a picture of them."""
        counts = Counter(self.parts[int(answer.found.codes[place])] for place in self.told_places(answer))
        return StudyPart(
            answers={name: str(counts[name]) for name in self.parts},
            are_counts=True,
            looks_for_findings=True,
            findings=tuple(
                self._line(answer, place, number, grid=image.grid)
                for number, place in enumerate(self.told_places(answer), start=1)
            ),
            regions=() if answer.regions is None else answer.regions.rows,
            unit_of_size="" if answer.regions is None else answer.regions.unit_of_size,
            images=(
                KeyImage(
                    png=self.drawn(image, answer, numbered=True),
                    shows="boxes" if self.told_places(answer) else "image",
                    legend=self._legend(answer),
                ),
            ),
            unit_of_length=answer.unit,
        )

    def drawn(self, image: Volume, answer: BoxAnswer, *, numbered: bool = False) -> bytes:
        """The boxes that are told, over the image, with their scores. numbered: with their numbers in the table instead."""
        found = answer.found
        boxes = [
            Drawn(found.boxes[k], int(found.codes[k]), float(found.scores[k]), number if numbered else None)
            for number, k in enumerate(self.told_places(answer), start=1)
        ]
        window = window_of(around_boxes(image.voxels[0], [one.corners for one in boxes]), self.task)
        first = boxes[:MOST_FINDINGS]
        return boxed(image.voxels, grid=image.grid, boxes=boxes, window=window, first=first, most=MOST_CUTS)

    def _legend(self, answer: BoxAnswer) -> tuple[tuple[str, str], ...]:
        codes = sorted({int(answer.found.codes[place]) for place in self.told_places(answer)})
        return tuple((self.parts[code], structure_colour(code)) for code in codes)

    def _line(self, answer: BoxAnswer, place: int, number: int, *, grid: Grid) -> FindingLine:
        across, has_slices = axis_of_slices(grid), 1 not in grid.shape
        edges = edges_of(answer, place)
        shorter, longer = sorted(np.delete(edges, across).tolist())
        low, high = answer.found.boxes[place, :, across].tolist()
        lies = answer.place_of(place) or Place(OUTSIDE)
        return FindingLine(
            number=number,
            kind=self.parts[int(answer.found.codes[place])],
            region=lies.region,
            crosses=lies.crosses,
            longest=longer,
            perpendicular=shorter,
            depth=float(edges[across]) if has_slices else None,
            slices=(min(grid.shape[across], math.floor(low) + 1), max(1, math.ceil(high))) if has_slices else None,
            axis=across + 1,
            confidence=float(answer.found.scores[place]),
        )

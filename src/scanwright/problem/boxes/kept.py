"""Boxes as files and as what is told of a case: plain data."""

from pathlib import Path

import numpy as np

from scanwright.dataset.cases import Case
from scanwright.errors import InputError
from scanwright.files import read_json, write_json
from scanwright.geometry.boxes import as_boxes
from scanwright.inference.boxes import NOTHING, Detections
from scanwright.problem.boxes.answer import BoxAnswer, TellsBoxes, edges_of
from scanwright.types import JSON

SUFFIX = ".json"
DIGITS = 3


class KeepsBoxes(TellsBoxes):
    """Mixed into a problem whose answers are boxes."""

    def file_name(self, case: Case) -> str:
        """The file, within a folder, in which a case's answer is kept."""
        return f"{case.id}{SUFFIX}"

    def write(self, file: Path, answer: BoxAnswer) -> None:
        """Keep an answer: every box with its class, score and corners, what a voxel measures, and, where it was settled, from
        which score on the boxes of a class are told; where regions are known, these, and where among them each box lies.
        """
        limits = dict(zip(self.parts, self.stated, strict=False))
        write_json(
            file,
            {
                "problem": self.name,
                "spacing": list(answer.spacing),
                "unit": answer.unit,
                **({"thresholds": limits} if limits else {}),
                **_regions_of(answer),
                "boxes": [self._box(answer, place, digits=6) for place in range(len(answer.found))],
            },
        )

    def read(self, file: Path) -> BoxAnswer:
        """An answer that was kept. Raises InputError for a file that is none of this problem."""
        kept = read_json(file)
        try:
            rows = kept["boxes"]
            found = Detections(
                as_boxes([(row["start"], row["end"]) for row in rows]),
                np.array([float(row["score"]) for row in rows]),
                np.array([self.parts.index(row["class"]) for row in rows], dtype=np.int64),
            )
            spacing = (float(kept["spacing"][0]), float(kept["spacing"][1]), float(kept["spacing"][2]))
            return BoxAnswer(found if rows else NOTHING, spacing, kept["unit"])
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise InputError("not an answer to this problem", where=file, expected=", ".join(self.parts)) from error

    def found(self, answer: BoxAnswer) -> dict[str, JSON]:
        """The boxes that are told, each with its edges: {"boxes": [{"class", "score", "start", "end", "size", "unit"}]}; where
        regions are known, each also with "region" and "crosses", and {"regions": …} as `Regions.to_json` gives them.
        """
        return {
            "boxes": [
                self._box(answer, place, digits=DIGITS)
                | {"size": [round(float(edge), DIGITS) for edge in edges_of(answer, place)], "unit": answer.unit}
                for place in self.told_places(answer)
            ],
            **_regions_of(answer),
        }

    def _box(self, answer: BoxAnswer, place: int, *, digits: int) -> dict[str, JSON]:
        start, end = answer.found.boxes[place].tolist()
        lies = answer.place_of(place)
        return {
            "class": self.parts[int(answer.found.codes[place])],
            "score": round(float(answer.found.scores[place]), 6),
            "start": [round(one, digits) for one in start],
            "end": [round(one, digits) for one in end],
            **({} if lies is None else {"region": lies.region, "crosses": list(lies.crosses)}),
        }


def _regions_of(answer: BoxAnswer) -> dict[str, JSON]:
    """The regions of the image as plain data; {} where none are known."""
    return {} if answer.regions is None else {"regions": answer.regions.to_json()}

"""Opinions on label maps: the probability of each output in each voxel, on the image's own grid.

They are kept in steps of 1/1023, compressed: most voxels are sure, and a step moves no probability by more than 0.0005. What is
read back is what is pooled, judged and chosen by, of single members as of ensembles, so that all rows of a table are alike.
"""

import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from scanwright.dataset.cases import Case
from scanwright.dataset.task import Task
from scanwright.errors import InputError
from scanwright.evaluation.label_maps.evaluate import CaseRow
from scanwright.evaluation.members.ballots import Ballots, LabelBallots, VoxelVotes, voxel_votes
from scanwright.files import write_bytes
from scanwright.geometry.grid import Grid
from scanwright.geometry.volume import Volume
from scanwright.inference.pooled_maps import decoded
from scanwright.inference.predict import Engine
from scanwright.inference.volume import predict_maps
from scanwright.io.formats import read_label
from scanwright.problem.pooling import OpinionsOf
from scanwright.types import Array, three

STEPS = 1023


@dataclass(frozen=True, slots=True)
class ProbabilityMaps:
    """steps: (K, I, J, K) uint16, probabilities in STEPS. grid: the image's."""

    steps: Array
    grid: Grid

    @property
    def maps(self) -> Array:
        """The probabilities, float32."""
        return np.asarray(self.steps.astype(np.float32) / STEPS)


class LabelMapPooling:
    """Mixed into kinds whose answers are label maps."""

    task: Task

    def opinion(self, engine: Engine, image: Volume, *, where: Path | None = None) -> ProbabilityMaps:
        """The probabilities of all outputs. Raises TooLarge, before it begins, if memory would not suffice."""
        maps = predict_maps(engine, image, where=where)
        steps = np.empty(maps.shape, dtype=np.uint16)
        for place, one in enumerate(maps):  # one output at a time, so that no second copy of all is made
            steps[place] = np.rint(np.clip(one.astype(np.float32), 0, 1) * STEPS)
        return ProbabilityMaps(steps, image.grid)

    def opinion_file(self, case: Case) -> str:
        """An archive of arrays."""
        return f"{case.id}.npz"

    def keep_opinion(self, file: Path, opinion: ProbabilityMaps) -> None:
        """Keep the probabilities, compressed, with their grid."""
        stream = io.BytesIO()
        unit = np.array(opinion.grid.unit)
        np.savez_compressed(stream, steps=opinion.steps, affine=opinion.grid.affine, unit=unit)
        write_bytes(file, stream.getvalue())

    def kept_opinion(self, file: Path) -> ProbabilityMaps:
        """Probabilities that were kept. Raises InputError for a file that holds none."""
        try:
            with np.load(file, allow_pickle=False) as kept:
                steps, affine, unit = kept["steps"], kept["affine"], str(kept["unit"])
            return ProbabilityMaps(steps, Grid(three(steps.shape[1:]), affine, "mm" if unit == "mm" else "px"))
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise InputError("not the probabilities of a label map", where=file, found=str(error)[:120]) from error

    def pool(self: Any, opinions: Sequence[ProbabilityMaps], weights: Sequence[float]) -> Volume:
        """The labels of the weighted mean."""
        total = sum(weights)
        mean = np.zeros(opinions[0].steps.shape, dtype=np.float32)
        for one, weight in zip(opinions, weights, strict=True):
            mean += np.float32(weight / total) * one.maps
        labels, _ = decoded(mean, self, ())
        return Volume(labels[None], opinions[0].grid)

    def ballots(self, cases: Sequence[Case], opinions_of: OpinionsOf) -> Ballots:
        """Ranked by Dice; of each case only the voxels that members dispute are held."""
        return LabelBallots([self._votes(case, opinions_of(case)) for case in cases])

    def headline(self: Any, rows: Sequence[CaseRow]) -> float | None:
        """Dice, over the regions of a case and then over cases."""
        scores = [score for row in rows if (score := self.case_score(row)) is not None]
        return float(np.mean(scores)) if scores else None

    def _votes(self, case: Case, opinions: Sequence[ProbabilityMaps]) -> VoxelVotes:
        assert case.label is not None
        label = read_label(case.label).voxels[0]
        regions = self.task.regions
        valid = np.ones(label.shape, dtype=bool) if self.task.ignore is None else label != self.task.ignore
        return voxel_votes(
            [one.maps for one in opinions],
            np.stack([np.isin(label, region.values) for region in regions]),
            exclusive=self.task.exclusive,
            valid=valid,
            judged=np.array([case.judged is None or region.name in case.judged for region in regions]),
        )

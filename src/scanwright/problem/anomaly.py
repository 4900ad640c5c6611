"""Anomaly: only what is normal is learned, and whatever lies far from it is told, with where it lies.

An answer says of the whole image how probable it is that it is abnormal, as a classification of two classes would, and of each
voxel how far it lies beyond what is normal. The threshold is calibrated on normal images alone, whatever is known of others:
these are judged, and teach nothing.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from torch import Tensor

from scanwright.dataset.cases import Case, Classes
from scanwright.dataset.classes import ABNORMAL, NORMAL
from scanwright.dataset.facts import CaseFacts
from scanwright.dataset.task import Region, Task
from scanwright.errors import InputError
from scanwright.evaluation.judged import ClassifiedCase
from scanwright.evaluation.lesions import Lesions
from scanwright.figures.overlay import CT_SOFT_TISSUE
from scanwright.figures.saliency import saliency_overlay
from scanwright.geometry.volume import Volume
from scanwright.inference.normal import predict_excess
from scanwright.inference.predict import Engine
from scanwright.inference.whole import predict_whole
from scanwright.io.formats import read_label, write_label
from scanwright.plan.plan import Plan
from scanwright.problem import class_told
from scanwright.problem.class_answers import ClassAnswers
from scanwright.problem.kind import Explanation
from scanwright.problem.label_map_lesions import FINDINGS, lesion_results, lesion_summary, lesions_of
from scanwright.problem.label_map_study import study_part
from scanwright.protocols import Listener
from scanwright.report.content import CasePicture, Difference, ResultSet, Wording
from scanwright.report.study_content import StudyPart
from scanwright.training.losses import classes as losses
from scanwright.transform.prepare import require_finite
from scanwright.transform.preprocess import to_network
from scanwright.types import JSON, Array, Bools, Floats, Unit

MAPS = (".anomaly.png", ".anomaly.nii.gz")
"""What the files with the map of a picture and of a volume end in."""
AT_LIMIT, PER_SPREAD = 128, 16
"""A map is kept in bytes: this is the threshold, and above it is abnormal; one spread is so many."""
WORDING = replace(
    class_told.WORDING,
    kind="Anomaly detection",
    pictures="Cases whose truth was held most and least probable, and one in the middle; below each, how far each place lies "
    "from what is normal.",
)
NOTE = (
    "Only normal cases were learned from. A case is told as abnormal if it exceeds what normal cases reach at most; that limit "
    "was calibrated on normal training cases alone, and no abnormal case had a part in it."
)


@dataclass(frozen=True, slots=True)
class AnomalyAnswer:
    """chances (2,): of normal and of abnormal. grades: (1, I, J, K) uint8 on the image's grid, above AT_LIMIT is abnormal."""

    chances: Floats
    grades: Volume

    @property
    def mask(self) -> Bools:
        """(I, J, K): where it is abnormal."""
        return np.asarray(self.grades.voxels[0] > AT_LIMIT)

    @property
    def excess(self) -> Floats:
        """(I, J, K): by how many spreads each voxel lies beyond what is normal."""
        return (self.grades.voxels[0].astype(np.float32) - AT_LIMIT) / PER_SPREAD

    @property
    def labels(self) -> Volume:
        """1 where it is abnormal."""
        return Volume(self.mask[None].astype(np.uint8), self.grades.grid)


@dataclass(frozen=True, kw_only=True, slots=True)
class AnomalyCase(ClassifiedCase):
    """A case with what was found in it, where somebody has outlined what there is."""

    lesions: Mapping[str, Lesions]

    @property
    def metrics(self) -> Mapping[str, float]:
        """None of voxels."""
        return {}


class Anomaly(ClassAnswers):
    """A Kind (see `scanwright.problem.kind`) bound to one task."""

    name = "anomaly"
    sees_whole = True
    gives_boxes = False
    learns_normal = True
    beside = MAPS
    outputs = 2
    losses = tuple(losses.ONE)
    codes: dict[int, int] = {}  # noqa: RUF012  # never written to

    def __init__(self, task: Task) -> None:
        self.task = task

    @cached_property
    def as_masks(self) -> Task:
        """The task of the maps: one finding, and no anatomy."""
        regions = (Region(name=ABNORMAL, values=(1,)),)
        return Task(name=self.task.name, channels=self.task.channels, regions=regions, findings=(ABNORMAL,))

    @property
    def wording(self) -> Wording:
        """What this kind is called on the page."""
        return WORDING

    def learns(self, case: Case) -> bool:
        """What is normal alone."""
        return isinstance(case.target, Classes) and case.target.names == (NORMAL,)

    def settled(self, chosen: Mapping[str, JSON] | None) -> "Anomaly":
        """This problem: nothing is chosen on answers."""
        return self

    def settle(
        self, rows: Sequence[ClassifiedCase], test: Sequence[ClassifiedCase], plan: Plan
    ) -> tuple[list[ClassifiedCase], list[ClassifiedCase], None]:
        """The rows as they are: a choice on them would learn from what is abnormal."""
        return list(rows), list(test), None

    def encode(self, target: object) -> Floats:
        """(2,) float32: 1 for what is true."""
        names = target.names if isinstance(target, Classes) else ()
        return np.array([name in names for name in self.task.classes], dtype=np.float32)

    def loss(
        self, outputs: Sequence[Tensor], target: Tensor, *, name: str = "", class_weights: Sequence[float] = ()
    ) -> Tensor:
        """Not asked of a model that is fitted."""
        raise NotImplementedError("a model of what is normal is fitted, and not trained")

    def agreement(self, logits: Tensor, target: Tensor) -> Tensor:
        """Not asked of a model that is fitted."""
        raise NotImplementedError("a model of what is normal is fitted, and not trained")

    def decode(self, probabilities: Iterable[Array]) -> Array:
        """1 where abnormal is the more probable."""
        return np.asarray(np.stack(list(probabilities)).argmax(0), dtype=np.int64)

    def probabilities(self, logits: Tensor) -> Tensor:
        """(N, 2): one half at the limit, and more the more spreads beyond it."""
        return logits.float().softmax(1)

    def answer(
        self, engine: Engine, image: Volume, *, where: Path | None = None, tell: Listener | None = None
    ) -> AnomalyAnswer:
        """How probably the image is abnormal, and where. Raises InputError for an image that cannot be prepared."""
        network_input, placement = to_network(image, engine.plan.preprocess)
        require_finite(network_input, where=where)
        excess = predict_excess(engine, network_input, placement)
        grades = np.clip(np.ceil(AT_LIMIT + PER_SPREAD * excess), 0, 255).astype(np.uint8)
        return AnomalyAnswer(predict_whole(engine, network_input), Volume(grades[None], image.grid))

    def answer_surely(
        self, engine: Engine, image: Volume, *, where: Path | None = None, tell: Listener | None = None
    ) -> tuple[AnomalyAnswer, None]:
        """The answer, which says by itself how far each voxel lies beyond the limit."""
        return self.answer(engine, image, where=where, tell=tell), None

    def found(self, answer: AnomalyAnswer) -> dict[str, JSON]:
        """As a classification, and how much of the image is abnormal: {"abnormal_share"}."""
        return super().found(answer.chances) | {"abnormal_share": round(float(answer.mask.mean()), 6)}

    def line(self, found: Mapping[str, JSON]) -> str:
        """What is decided, and how much of the image is abnormal."""
        return f"{super().line(found)}, {100 * found['abnormal_share']:.3g} % of the image"

    def told(self, answer: AnomalyAnswer) -> dict[str, str]:
        """What is decided, and both probabilities."""
        found = self.found(answer)
        return {"": found["decision"]} | {name: f"{chance:.2f}" for name, chance in found["probabilities"].items()}

    def doubts(self, answer: AnomalyAnswer) -> tuple[str, ...]:
        """That the probability lies near one half; and that an image as a whole is unusual, with no place that is."""
        abnormal = answer.chances[1] > answer.chances[0]
        diffuse = ("unusual as a whole, and in no place by itself",) if abnormal and not answer.mask.any() else ()
        return (*super().doubts(answer.chances), *diffuse)

    def explain(self, engine: Engine, image: Volume, answer: AnomalyAnswer) -> Explanation:
        """How far each place lies from what is normal; half of the colours is the limit."""
        window = CT_SOFT_TISSUE if self.task.channels[0].modality == "ct" else None
        shown = 1 / (1 + np.exp(-answer.excess))
        png = saliency_overlay(
            image.voxels, shown, grid=image.grid, window=window, title="distance from what is normal"
        )
        return Explanation(png, (ABNORMAL,))

    def study(self, image: Volume, answer: AnomalyAnswer, *, sure: Array | None) -> StudyPart:
        """What is decided, and every part that is abnormal, measured."""
        grade = np.rint(255 / (1 + np.exp(-answer.excess))).astype(np.uint8)
        part = study_part(image, answer.labels, self.as_masks, sure=grade)
        return replace(part, answers=self.told(answer))

    def write(self, file: Path, answer: AnomalyAnswer) -> None:
        """Keep an answer: its probabilities, and its map in a file beside it."""
        super().write(file, answer.chances)
        write_label(_map_of(file, volume=answer.grades.grid.unit == "mm" or answer.grades.shape[2] > 1), answer.grades)

    def read(self, file: Path) -> AnomalyAnswer:
        """An answer that was kept. Raises InputError for a file that is none, or has no map beside it."""
        there = [path for volume in (False, True) if (path := _map_of(file, volume=volume)).exists()]
        if not there:
            raise InputError("no map beside an answer", where=file, expected=" or ".join(MAPS))
        return AnomalyAnswer(super().read(file), read_label(there[0]))

    def row(
        self, case: Case, answer: AnomalyAnswer, *, fold: int | None, yardstick: float | None = None
    ) -> AnomalyCase:
        """An answer beside what is true, and its findings against what was outlined."""
        found = super().row(case, answer.chances, fold=fold)
        return AnomalyCase(
            case=found.case,
            patient=found.patient,
            fold=fold,
            groups=found.groups,
            probabilities=found.probabilities,
            truth=found.truth,
            decision=found.decision,
            lesions={} if case.label is None else self._lesions(read_label(case.label), answer),
        )

    def _lesions(self, label: Volume, answer: AnomalyAnswer) -> Mapping[str, Lesions]:
        values = [value for region in self.task.regions for value in region.values]
        truth = np.isin(label.voxels, values).astype(np.uint8)
        return lesions_of(Volume(truth, label.grid), answer.labels, self.as_masks)

    def summary(
        self,
        rows: Sequence[AnomalyCase],
        test: Sequence[AnomalyCase],
        *,
        seed: int,
        yardstick: float | None = None,
    ) -> dict[str, JSON]:
        """metrics.json: of cases as of a classification, and of findings where some were outlined."""
        found = super().summary(rows, test, seed=seed)
        parts = [(found, rows or test), *([(found["test"], test)] if "test" in found else [])]
        for part, judged in parts:
            outlined = [row for row in judged if row.lesions]
            if outlined:
                part[FINDINGS] = lesion_summary(outlined, self.as_masks, seed=seed)
        return found

    def results(
        self,
        name: str,
        summary: Mapping[str, JSON],
        rows: Sequence[AnomalyCase],
        *,
        facts: Mapping[str, CaseFacts],
        unit: Unit,
        note: str,
    ) -> tuple[ResultSet, ...]:
        """One set of cases as the page shows it, and its findings."""
        whole = class_told.result_set(name, summary, rows, self.task, note=f"{note} {NOTE}")
        return (whole, *lesion_results(name, summary))

    def pictures(
        self, rows: Sequence[AnomalyCase], *, case_of: Callable[[str], Case], answer_of: Callable[[str], AnomalyAnswer]
    ) -> tuple[CasePicture, ...]:
        """Cases that were told rightly and surely, hardly, and wrongly."""
        return class_told.pictures(rows, self.task, case_of=case_of)

    def compare(
        self, rows: Mapping[str, Sequence[AnomalyCase]], best: str, *, seed: int
    ) -> dict[str, tuple[Difference, ...]]:
        """Differences of AUROC and accuracy."""
        return class_told.differences(rows, best, self.task, seed=seed)


def _map_of(file: Path, *, volume: bool) -> Path:
    """The file of the map beside an answer."""
    return file.with_name(f"{file.name.removesuffix('.json')}{MAPS[volume]}")

"""Anomaly: only what is normal is learned, and whatever lies far from it is told, with where it lies.

An answer says of the whole image, and of each voxel, how far it lies beyond what is normal: a score from 0 to 1, one half at
the limit. It ranks images as the probabilities of a classification of two classes do, and is judged as these are, but it is
the probability of nothing. The limit is calibrated on normal images alone, whatever is known of others: these are judged, and
teach nothing.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

import numpy as np
from torch import Tensor

from scanwright.dataset.cases import Case, Classes
from scanwright.dataset.classes import ABNORMAL, NORMAL
from scanwright.dataset.facts import CaseFacts
from scanwright.dataset.task import Region, Task
from scanwright.doubt import Doubt
from scanwright.errors import InputError
from scanwright.evaluation.cases.judged import ClassifiedCase, cases_to_csv
from scanwright.evaluation.cases.level import level_caveats
from scanwright.evaluation.label_maps.lesions import Lesions, lesion_columns
from scanwright.evaluation.members.ballots import Ballots
from scanwright.figures.overlay import CT_SOFT_TISSUE
from scanwright.figures.saliency import saliency_overlay
from scanwright.files import read_json, write_json
from scanwright.findings.regions import Regions
from scanwright.findings.table import StudyTable
from scanwright.geometry.grid import Grid
from scanwright.geometry.volume import Volume
from scanwright.inference.normal import answer_normal
from scanwright.inference.predict import Engine
from scanwright.io.formats import read_label, write_label
from scanwright.plan.plan import Plan
from scanwright.problem.classes import told as class_told
from scanwright.problem.classification import Classification
from scanwright.problem.kind import Explanation
from scanwright.problem.label_maps.lesions import FINDINGS, lesion_results, lesion_summary, lesions_of
from scanwright.problem.label_maps.study import measured_table, study_part
from scanwright.problem.near import is_near
from scanwright.problem.normals.answer import AT_LIMIT, LIMIT, PER_SPREAD, AnomalyAnswer
from scanwright.problem.normals.compared import AnomalyCase, ComparedNormal
from scanwright.problem.one_answer import OneAnswer
from scanwright.problem.pooling import OpinionsOf
from scanwright.problem.shown_by_itself import ShownByItself
from scanwright.problem.whole.pooling import WholePooling, weighted_mean
from scanwright.protocols import Listener
from scanwright.report.results_content import CasePicture, Difference, ResultSet
from scanwright.report.study_content import DECISION, KeyImage, StudyPart
from scanwright.training.losses import classes as losses
from scanwright.types import JSON, Array, Floats, Unit

MAPS = (".anomaly.png", ".anomaly.nii.gz")
"""What the files with the map of a picture and of a volume end in."""
SCORE = "score"
"""Under which name an answer tells, and keeps, that of the whole image."""
WORDING = replace(
    class_told.WORDING,
    kind="Anomaly detection",
    learned="normal cases",
    pictures="Cases whose score lies farthest on the right and on the wrong side of the limit, and one in the middle.",
    explained="Below each, how far each place lies from what is normal.",
    ranked_by="how far the score lies on the right side of the limit",
)
NOTE = (
    "Only normal cases were learned from. A case is told as abnormal if it exceeds what normal cases reach at most; that limit "
    "was calibrated on normal training cases alone, and no abnormal case had a part in it. The score is one half there; "
    "it ranks cases, and is no probability."
)


UNJUDGED = 2
"""In a map of what is abnormal, which is 1, what nobody judged."""
TITLE = "distance from what is normal"
FITTED = "a model of what is normal is fitted, and not trained"


class Anomaly(ComparedNormal, WholePooling, OneAnswer, ShownByItself):
    """A Kind (see `scanwright.problem.kind`) bound to one task. Of whole images it tells as a classification does."""

    name = "anomaly"
    primary = "auroc"
    sees_whole = True
    gives_boxes = False
    learns_normal = True
    holds = "answer"
    beside: tuple[str, ...] = MAPS
    takes_regions = True
    outputs = 2
    losses = tuple(losses.ONE)
    codes: Mapping[int, int] = MappingProxyType({})
    wording = WORDING

    def __init__(self, task: Task) -> None:
        self.task, self.whole = task, Classification(task)
        regions = (Region(name=ABNORMAL, values=(1,)),)
        self.as_masks = Task(
            name=task.name, channels=task.channels, regions=regions, findings=(ABNORMAL,), ignore=UNJUDGED
        )

    @property
    def parts(self) -> tuple[str, ...]:
        """Normal and abnormal."""
        return self.task.classes

    def learns(self, case: Case) -> bool:
        """What is normal alone."""
        return isinstance(case.target, Classes) and case.target.names == (NORMAL,)

    def planned(self, plan: Plan) -> Self:
        """This problem: nothing of it hangs on the plan."""
        return self

    def settled(self, chosen: Mapping[str, JSON] | None) -> Self:
        """This problem: nothing is chosen on answers."""
        return self

    def settle(
        self, rows: Sequence[AnomalyCase], test: Sequence[AnomalyCase], plan: Plan
    ) -> tuple[list[AnomalyCase], list[AnomalyCase], None]:
        """The rows as they are: a choice on them would learn from what is abnormal."""
        return list(rows), list(test), None

    def encode(self, target: object) -> Floats:
        """(2,) float32: 1 for what is true."""
        return self.whole.encode(target)

    def loss(
        self, outputs: Sequence[Tensor], target: Tensor, *, name: str = "", class_weights: Sequence[float] = ()
    ) -> Tensor:
        """Not asked of a model that is fitted."""
        raise NotImplementedError(FITTED)

    def agreement(self, logits: Tensor, target: Tensor) -> Tensor:
        """Not asked of a model that is fitted."""
        raise NotImplementedError(FITTED)

    def sketch(self, image: Tensor, target: Tensor, answer: Array, *, grid: Grid) -> None:
        """None: nothing is seen while a model is fitted."""

    def decode(self, probabilities: Iterable[Array]) -> Array:
        """1 where abnormal is the more probable."""
        return np.asarray(np.stack(list(probabilities)).argmax(0), dtype=np.int64)

    def probabilities(self, logits: Tensor) -> Tensor:
        """(N, 2): one half at the limit, and more the more spreads beyond it."""
        return logits.float().softmax(1)

    def answer(
        self, engine: Engine, image: Volume, *, where: Path | None = None, tell: Listener | None = None
    ) -> AnomalyAnswer:
        """How far the image lies from what is normal, and where. Raises InputError for an image that cannot be prepared."""
        chances, excess = answer_normal(engine, image, where=where)
        grades = np.clip(np.ceil(AT_LIMIT + PER_SPREAD * excess), 0, 255).astype(np.uint8)
        return AnomalyAnswer(chances, Volume(grades[None], image.grid))

    def answer_surely(
        self, engine: Engine, image: Volume, *, where: Path | None = None, tell: Listener | None = None
    ) -> tuple[AnomalyAnswer, None]:
        """The answer, which says by itself how far each voxel lies beyond the limit."""
        return self.answer(engine, image, where=where, tell=tell), None

    def pool(self, opinions: Sequence[Any], weights: Sequence[float]) -> Any:
        """The mean of scores, and of how far each place lies beyond the limit."""
        grades = weighted_mean([one.grades.voxels for one in opinions], weights)
        mean = Volume(np.ceil(grades - 1e-3).astype(np.uint8), opinions[0].grades.grid)
        return AnomalyAnswer(weighted_mean([one.chances for one in opinions], weights), mean)

    def ballots(self, cases: Sequence[Case], opinions_of: OpinionsOf) -> Ballots:
        """Ranked by AUROC."""
        return self.whole.ballots(cases, lambda case: [one.chances for one in opinions_of(case)])

    def headline(self, rows: Sequence[AnomalyCase]) -> float | None:
        """AUROC."""
        return self.whole.headline(rows)

    def among(self, answer: AnomalyAnswer, regions: Regions) -> AnomalyAnswer:
        """The answer with the regions that what is abnormal lies among."""
        return replace(answer, regions=regions)

    def found(self, answer: AnomalyAnswer) -> dict[str, JSON]:
        """{"score", "limit", "decision", "abnormal_share"}: of the whole image, above which limit it is abnormal, what it is
        told as, and how much of it is abnormal; where regions are known, also {"regions": …}, as `Regions.to_json` gives them.
        """
        return {
            SCORE: float(f"{answer.score:.9g}"),
            "limit": LIMIT,
            "decision": answer.decision,
            "abnormal_share": round(float(answer.mask.mean()), 6),
            **({} if answer.regions is None else {"regions": answer.regions.to_json()}),
        }

    def line(self, found: Mapping[str, JSON]) -> str:
        """What is decided and by which score, and how much of the image is abnormal."""
        share = f"{100 * found['abnormal_share']:.3g} % of the image"
        said = "above the limit" if found["decision"] == ABNORMAL else "not above the limit"
        return f"{said}  (score {found[SCORE]:.3f}, limit {found['limit']:g}), {share}"

    def doubts(self, answer: AnomalyAnswer) -> tuple[Doubt, ...]:
        """That the score lies near the limit; and that an image is unusual as a whole, with no place that is."""
        told = "the score {score:.3g} is near {limit:.3g}, above which an image is told as abnormal"
        near = Doubt("near-limit", told, score=answer.score, limit=LIMIT)
        whole = Doubt("unusual-as-a-whole", "unusual as a whole, and in no place by itself")
        alone = answer.decision == ABNORMAL and not answer.mask.any()
        return (*([near] if is_near(answer.score, LIMIT) else []), *([whole] if alone else []))

    def drawn(self, image: Volume, answer: AnomalyAnswer) -> bytes:
        """How far each place lies from what is normal, with an outline of what is beyond the limit."""
        return self._map(image, answer, title=TITLE)

    def _map(self, image: Volume, answer: AnomalyAnswer, *, title: str = "", narrow: bool = False) -> bytes:
        given: dict[str, Any] = {"grid": image.grid, "window": self._window(), "title": title, "narrow": narrow}
        return saliency_overlay(image.voxels, answer.sure, limit=LIMIT, **given)

    def _window(self) -> tuple[float, float] | None:
        return CT_SOFT_TISSUE if self.task.channels[0].modality == "ct" else None

    def explain(
        self, engine: Engine, image: Volume, answer: AnomalyAnswer, *, method: str | None = None, narrow: bool = False
    ) -> Explanation:
        """The same."""
        return Explanation(
            self._map(image, answer, title=TITLE, narrow=narrow), (ABNORMAL,), f"{TITLE}; outlined beyond the limit"
        )

    def measured(self, image: Volume, answer: AnomalyAnswer, *, sure: Array | None) -> StudyTable:
        """Every part that is abnormal, and the regions that it lies among."""
        return measured_table(image, answer.labels, self.as_masks, sure=_in_255ths(answer.sure), regions=answer.regions)

    def study(self, image: Volume, answer: AnomalyAnswer, *, sure: Array | None) -> StudyPart:
        """What is decided, every part that is abnormal, measured, and the map, which shows what is nearly so as well."""
        sure_of = _in_255ths(answer.sure)
        part = study_part(image, answer.labels, self.as_masks, sure=sure_of, regions=answer.regions)
        outlined = part.images if answer.mask.any() else ()
        seen = KeyImage(png=self._map(image, answer), shows="distance", window=self._window())
        told = {DECISION: answer.decision, SCORE: f"{answer.score:.2f}"}
        return replace(part, answers=told, images=(*outlined, seen))

    def how_decided(self, rows: Sequence[ClassifiedCase]) -> str:
        """By a limit that normal cases alone had a part in."""
        return NOTE

    def caveats(self, rows: Sequence[ClassifiedCase]) -> tuple[str, ...]:
        """Of models that give all their cases nearly the same score."""
        return level_caveats(rows)

    def file_name(self, case: Case) -> str:
        """The file, within a folder, in which a case's answer is kept."""
        return self.whole.file_name(case)

    def write(self, file: Path, answer: AnomalyAnswer) -> None:
        """Keep an answer: its score, and its map in a file beside it."""
        write_json(file, {"problem": self.name, SCORE: answer.score, "limit": LIMIT})
        write_label(_map_of(file, volume=answer.grades.grid.unit == "mm" or answer.grades.shape[2] > 1), answer.grades)

    def read(self, file: Path) -> AnomalyAnswer:
        """An answer that was kept. Raises InputError for a file that is none, or has no map beside it."""
        there = [path for volume in (False, True) if (path := _map_of(file, volume=volume)).exists()]
        if not there:
            raise InputError("no map beside an answer", where=file, expected=" or ".join(MAPS))
        return AnomalyAnswer(self._chances_in(file), read_label(there[0]))

    def _chances_in(self, file: Path) -> Floats:
        """As an answer has them. A file without a score holds both numbers, as those of earlier versions do."""
        kept = read_json(file)
        if not isinstance(kept, dict) or SCORE not in kept:
            return self.whole.read(file)
        score = kept[SCORE]
        if not isinstance(score, (int, float)) or not 0 <= score <= 1:
            raise InputError(
                "not an answer to this problem", where=file, expected="a score from 0 to 1", found=str(score)
            )
        return np.array([1 - score, score], dtype=np.float32)

    def yardstick(self, facts: Iterable[CaseFacts]) -> None:
        """None: answers are measured by nothing that hangs on the images."""

    def row(
        self, case: Case, answer: AnomalyAnswer, *, fold: int | None, yardstick: float | None = None
    ) -> AnomalyCase:
        """An answer beside what is true, and its findings against what was outlined."""
        found = self.whole.row(case, answer.chances, fold=fold)
        label = case.label if case.looked_for(self.task.abnormal) else None
        lesions = {} if label is None else self._lesions(read_label(label), answer)
        return AnomalyCase(**{one.name: getattr(found, one.name) for one in fields(found)}, lesions=lesions)

    def judged(self, case: Case, file: Path, *, yardstick: float | None = None) -> AnomalyCase:
        """What a file and its map tell beside what is true. Raises InputError for a file that is no answer."""
        return self.row(case, self.read(file), fold=None)

    def _lesions(self, label: Volume, answer: AnomalyAnswer) -> Mapping[str, Lesions]:
        values = [value for region in self.task.regions if region.name in self.task.abnormal for value in region.values]
        truth = np.isin(label.voxels, values).astype(np.uint8)
        if self.task.ignore is not None:
            truth[label.voxels == self.task.ignore] = UNJUDGED
        return lesions_of(Volume(truth, label.grid), answer.labels, self.as_masks)

    def summary(
        self, rows: Sequence[AnomalyCase], test: Sequence[AnomalyCase], *, seed: int, yardstick: float | None = None
    ) -> dict[str, JSON]:
        """metrics.json: of cases as of a classification, and of findings where some were outlined."""
        found = self.whole.summary(rows, test, seed=seed) | {"problem": self.name}
        for part, judged in ((found, rows or test), *([(found["test"], test)] if "test" in found else [])):
            if outlined := [row for row in judged if row.lesions]:
                part[FINDINGS] = lesion_summary(outlined, self.as_masks, seed=seed)
        return found

    def compare(
        self, rows: Mapping[str, Sequence[AnomalyCase]], best: str, *, seed: int
    ) -> Mapping[str, Sequence[Difference]]:
        """Differences of AUROC and accuracy."""
        return self.whole.compare(rows, best, seed=seed)

    def table(self, rows: Sequence[AnomalyCase]) -> str:
        """cases.csv: case, patient, fold, group columns, truth, decision, score, and where findings were outlined their numbers
        and burden (`evaluation.label_maps.lesions.lesion_columns`).
        """
        lesions, counts = lesion_columns([row.lesions for row in rows])
        cells = [
            [
                *(class_told.named(code, self.task) for code in (row.truth, row.decision)),
                f"{row.probabilities[1]:.9g}",
                *found,
            ]
            for row, found in zip(rows, counts, strict=True)
        ]
        return cases_to_csv(rows, ["truth", "decision", SCORE, *lesions], cells)

    def case_score(self, row: AnomalyCase) -> float | None:
        """1: the headline is of all cases together, and each counts."""
        return self.whole.case_score(row)

    def headline_drawn(self, rows: Sequence[AnomalyCase], counts: Floats) -> Floats:
        """The headline in draws of the patients."""
        return self.whole.headline_drawn(rows, counts)

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
        whole = class_told.result_set(name, summary, rows, self.task, note=note, probable=False)
        return (whole, *lesion_results(name, summary, rows))

    def pictures(
        self, rows: Sequence[AnomalyCase], *, case_of: Callable[[str], Case], answer_of: Callable[[str], AnomalyAnswer]
    ) -> tuple[CasePicture, ...]:
        """Cases that were told rightly and surely, hardly, and wrongly."""
        return class_told.pictures(rows, self.task, case_of=case_of, probable=False)

    def shortfalls(self, summary: Mapping[str, JSON]) -> str:
        """That no abnormal case was told as such."""
        return self.whole.shortfalls(summary)


def _in_255ths(sure: Floats) -> Array:
    return np.rint(255 * sure).astype(np.uint8)


def _map_of(file: Path, *, volume: bool) -> Path:
    """The file of the map beside an answer."""
    return file.with_name(f"{file.name.removesuffix('.json')}{MAPS[volume]}")

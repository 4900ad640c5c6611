"""Answers that are label maps: how they are made, kept as files, and judged. What segmentation shares with no other kind."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from scanwright.dataset.cases import Case
from scanwright.dataset.facts import CaseFacts
from scanwright.dataset.images import SAME_GRID
from scanwright.dataset.measures import count_values, region_voxels
from scanwright.dataset.task import Task
from scanwright.doubt import Doubt
from scanwright.errors import GeometryError, InputError
from scanwright.evaluation.label_maps.evaluate import CaseRow, evaluate_case, rows_to_csv, summarise
from scanwright.evaluation.label_maps.measures import default_tolerance
from scanwright.evaluation.summaries.headlines import means_drawn
from scanwright.findings.regions import Regions
from scanwright.findings.table import StudyTable, size_of_voxel
from scanwright.geometry.grid import Grid
from scanwright.geometry.volume import Volume
from scanwright.inference.postprocess import Step
from scanwright.inference.predict import Engine
from scanwright.inference.volume import predict_surely
from scanwright.inference.with_evidence import predict_with_evidence
from scanwright.io.formats import is_picture, read_grid, read_label, write_label
from scanwright.plan.plan import Plan
from scanwright.problem.kind import LABELS
from scanwright.problem.label_maps import told as label_map_told
from scanwright.problem.label_maps.after import (
    EXPECTED,
    NOTHING,
    After,
    after_from_json,
    doubts_of_quality,
    quality_from_json,
    told_agreement,
    told_quality,
)
from scanwright.problem.label_maps.compared import ComparedMaps
from scanwright.problem.label_maps.expected import told_of_new
from scanwright.problem.label_maps.gains import gain_results, how_decided, told_results
from scanwright.problem.label_maps.kept import Kept, KeptRow, Masks, processed, write_evidence
from scanwright.problem.label_maps.lesions import FINDINGS, lesion_results, lesion_summary, lesions_of
from scanwright.problem.label_maps.pooling import LabelMapPooling
from scanwright.problem.label_maps.settling import settle_masks
from scanwright.problem.label_maps.study import measured_table, study_part
from scanwright.problem.shown_by_itself import ShownByItself
from scanwright.protocols import Listener
from scanwright.report.notation import size
from scanwright.report.results_content import SEGMENTATION, CasePicture, Difference, ResultSet, Wording
from scanwright.report.study_content import StudyPart
from scanwright.types import JSON, Array, Floats, Unit

MOST_NAMED = 8
"""Unknown label values that an error names."""


class LabelMaps(ComparedMaps, LabelMapPooling, ShownByItself):
    """Mixed into a problem of one task whose answer has a label value for each voxel of the image's own grid.

    after: what is done with an answer of the network, and told of it, as it was chosen out of fold.
    """

    task: Task
    name: str
    primary: str
    holds = LABELS
    beside: tuple[str, ...] = ()
    takes_regions = False
    after: After = NOTHING

    def learns(self, case: Case) -> bool:
        """Every labelled case."""
        return True

    def planned(self, plan: Plan) -> Self:
        """This problem: nothing of it hangs on the plan."""
        return self

    def encode(self, target: object) -> None:
        """None: what is learned is the label map, stored beside the image."""

    def answer(
        self, engine: Engine, image: Volume, *, where: Path | None = None, tell: Listener | None = None
    ) -> Volume:
        """Labels on the image's own grid, as the network gives them, with evidence that out-of-fold choices rest on. Raises
        TooLarge, before it begins, if memory would not suffice.
        """
        told = predict_with_evidence(
            engine, image, regions=self._outputs, exclusive=self.task.exclusive, sampled=True, where=where, tell=tell
        )
        return Masks(told.labels.voxels, told.labels.grid, evidence=told.evidence)

    def answer_surely(
        self, engine: Engine, image: Volume, *, where: Path | None = None, tell: Listener | None = None
    ) -> tuple[Volume, Array | None]:
        """The labels after post-processing, and in each voxel the largest probability of a finding, calibrated; None if the
        task has no findings.
        """
        places = dict(zip((region.name for region in self.task.regions), self._outputs, strict=True))
        slopes = {places[name]: slope for name, slope in self.after.slopes.items() if name in places}
        asked: dict[str, Any] = {
            "watched": [places[name] for name in self.task.abnormal],
            "slopes": slopes,
            "where": where,
            "tell": tell,
        }
        if self.after.quality is None:  # nobody asks what the probabilities say, and hearing them takes time
            labels, sure = predict_surely(engine, image, **asked)
            return processed(labels, self.after.steps, self.task), sure
        told = predict_with_evidence(engine, image, regions=self._outputs, exclusive=self.task.exclusive, **asked)
        answer = Masks(told.labels.voxels, told.labels.grid, evidence=told.evidence)
        return processed(answer, self.after.steps, self.task), told.sure

    @property
    def _outputs(self) -> dict[int, tuple[int, ...]]:
        """The label values of each of the network's outputs that is a region."""
        background = 1 if self.task.exclusive else 0
        return {background + place: region.values for place, region in enumerate(self.task.regions)}

    def of_slices(self, answers: Iterable[Volume], grid: Grid, *, axis: int, where: Path | None = None) -> Volume:
        """The labels of all slices, each in its place."""
        return Volume(np.concatenate([one.voxels for one in answers], axis=axis + 1), grid)

    def among(self, answer: Volume, regions: Regions) -> Volume:
        """The answer as it is: it holds what regions the model knows."""
        return answer

    def drawn(self, image: Volume, answer: Volume) -> None:
        """None: any viewer lays a label map over its image."""

    def measured(self, image: Volume, answer: Volume, *, sure: Array | None) -> StudyTable:
        """Regions and findings, measured (study.py)."""
        return measured_table(image, answer, self.task, sure=sure)

    def study(self, image: Volume, answer: Volume, *, sure: Array | None) -> StudyPart:
        """The same, and pictures of them."""
        told = self._quality(answer).get(EXPECTED)
        part = study_part(image, answer, self.task, sure=sure)
        return part if told is None else replace(part, expected_dice=(told["mean"], told["low"]))

    def file_name(self, case: Case) -> str:
        """Where an answer is kept, within a folder: pictures as PNG, all else as NIfTI."""
        return f"{case.id}{'.png' if is_picture(case.images[0]) else '.nii.gz'}"

    def write(self, file: Path, answer: Volume) -> None:
        """Keep an answer; with what its probabilities said, if voxels were drawn for a calibration."""
        if isinstance(answer, Masks) and answer.evidence is not None and answer.evidence.sample is not None:
            write_evidence(file, answer.evidence)
        write_label(file, answer)

    def read(self, file: Path) -> Volume:
        """An answer that was kept."""
        label = read_label(file)
        return Masks(label.voxels, label.grid, notes=label.notes, file=file)

    def found(self, answer: Volume) -> dict[str, JSON]:
        """The volume of each region in ml, or its pixels where there is no scale: {"volumes", "unit"}; and the Dice that is
        predicted of it, if that was fitted (`after.told_quality`).
        """
        in_mm = answer.grid.unit == "mm"
        each = answer.grid.voxel_volume / 1000 if in_mm else 1.0
        counts = region_voxels(count_values(answer.voxels), self.task)
        volumes = {name: count * each for name, count in counts.items()}
        return {"volumes": volumes, "unit": "ml" if in_mm else "px", **self._quality(answer)}

    def _quality(self, answer: Volume) -> dict[str, JSON]:
        if self.after.quality is None or not isinstance(answer, Masks) or answer.evidence is None:
            return {}
        names, voxel = [region.name for region in self.task.regions], size_of_voxel(answer.grid)[0]
        told = told_quality(answer.evidence, names, self.after.quality, voxel=voxel)
        return told | told_agreement(answer.evidence, names)

    def doubts(self, answer: Volume) -> tuple[Doubt, ...]:
        """That its outlines are probably poor, if that can be told."""
        return () if self.after.quality is None else doubts_of_quality(self._quality(answer), self.after.quality)

    def line(self, found: Mapping[str, JSON]) -> str:
        """Each region with its volume."""
        unit = found["unit"]
        return ", ".join(f"{name} {size(volume, unit)} {unit}" for name, volume in found["volumes"].items())

    def yardstick(self, facts: Iterable[CaseFacts]) -> float | None:
        """What all cases are measured by: the tolerance of normalised surface Dice, for these cases."""
        own = list(facts)
        return default_tolerance([one.spacing for one in own], shapes=[one.shape for one in own])

    def row(self, case: Case, answer: Volume, *, fold: int | None, yardstick: float | None) -> CaseRow:
        """An answer against the case's label. Both lie on the label's grid."""
        assert case.label is not None
        truth = read_label(case.label)
        metrics = evaluate_case(
            np.asarray(truth.voxels[0]),
            np.asarray(answer.voxels[0]),
            regions={region.name: region.values for region in self.task.regions},
            spacing=truth.grid.spacing,
            unit=truth.grid.unit,
            ignore=self.task.ignore,
            tolerance=yardstick,
        )
        judged: dict[str, Any] = {
            "case": case.id,
            "patient": case.patient,
            "fold": fold,
            "groups": case.groups,
            "metrics": {n: found for n, found in metrics.items() if case.judged is None or n in case.judged},
            "lesions": lesions_of(truth, answer, self.task, looked_for=case.judged),
        }
        if isinstance(answer, Masks) and answer.file is not None:
            return KeptRow(**judged, kept=Kept(case=case, file=answer.file, yardstick=yardstick))
        return CaseRow(**judged)

    def _again(self, row: KeptRow, steps: tuple[Step, ...]) -> KeptRow:
        """A case judged again, with these steps done to its kept answer."""
        answer = self.read(row.kept.file)
        done = processed(answer, steps, self.task)
        if done is answer:
            return row
        judged = self.row(row.kept.case, done, fold=row.fold, yardstick=row.kept.yardstick)
        assert isinstance(judged, KeptRow), "it was read from a file"
        return replace(judged, steps=steps)

    def judged(self, case: Case, file: Path, *, yardstick: float | None) -> CaseRow:
        """The label map in a file against the case's. Raises GeometryError if it lies on another grid, and InputError if it
        holds values that the task does not know.
        """
        assert case.label is not None
        label, truth = read_label(file), read_grid(case.label).grid
        apart = label.grid.shape != truth.shape or (
            label.grid.unit == truth.unit and not label.grid.same_space(truth, tolerance=SAME_GRID)
        )
        if apart:
            raise GeometryError(
                "not on the grid of the label", where=file, expected=repr(truth), found=repr(label.grid)
            )
        if unknown := sorted(set(count_values(label.voxels)) - set(self.task.values)):
            raise InputError(
                "a label value that the task does not know",
                where=file,
                expected=", ".join(map(str, self.task.values)),
                found=", ".join(map(str, unknown[:MOST_NAMED])),
            )
        return self.row(case, label, fold=None, yardstick=yardstick)

    def summary(
        self, rows: Sequence[CaseRow], test: Sequence[CaseRow], *, seed: int, yardstick: float | None
    ) -> dict[str, JSON]:
        """metrics.json. If only a test split was judged, it stands for the whole. Findings are judged one by one as well."""
        found = summarise(
            rows or test,
            problem=self.name,
            primary=self.primary,
            regions=[region.name for region in self.task.regions],
            seed=seed,
            tolerance=yardstick,
            test=test if rows else (),
        )
        return found if not self.task.abnormal else self._with_findings(found, rows, test, seed=seed)

    def _with_findings(
        self, found: dict[str, JSON], rows: Sequence[CaseRow], test: Sequence[CaseRow], *, seed: int
    ) -> dict[str, JSON]:
        found |= {FINDINGS: lesion_summary(rows or test, self.task, seed=seed)}
        if "test" in found:
            found["test"] |= {FINDINGS: lesion_summary(test, self.task, seed=seed)}
        return found

    def settle(
        self, rows: Sequence[CaseRow], test: Sequence[CaseRow], plan: Plan
    ) -> tuple[list[CaseRow], list[CaseRow], dict[str, JSON] | None]:
        """Post-processing, temperatures of voxels, and how a mask's quality is predicted (settling.py)."""
        return settle_masks(rows, test, self.task, again=self._again, seed=plan.training.seed)

    def compare(
        self, rows: Mapping[str, Sequence[CaseRow]], best: str, *, seed: int
    ) -> dict[str, tuple[Difference, ...]]:
        """Differences of the headline's measure, averaged over the regions of each case."""
        return label_map_told.differences(rows, best, self.primary, score=self.case_score, seed=seed)

    def settled(self, chosen: Mapping[str, JSON] | None) -> Self:
        """This problem with what was chosen. Raises IntegrityError for a choice of another version."""
        found = copy(self)
        found.after = after_from_json(chosen)
        return found

    def assured(self, confidence: Mapping[str, JSON] | None) -> Self:
        """This problem with how the quality of a mask is predicted. Raises IntegrityError for what another version fitted."""
        told = quality_from_json(confidence)
        if told is None:
            return self
        found = copy(self)
        found.after = replace(self.after, quality=told)
        return found

    def certainty_on(
        self,
        rows: Sequence[CaseRow],
        raw: Sequence[CaseRow] | None,
        opinions: Mapping[str, Floats],
        *,
        told: Mapping[str, Mapping[str, JSON]] | None = None,
    ) -> dict[str, JSON]:
        """The Dice that was told of each mask beside the true one; of a run's test split `settle` has told it."""
        lines = {} if self.after.quality is None else self.after.quality.lines
        found = told_of_new(rows, told or {}, list(lines), seed=0)
        return {EXPECTED: found} if found else {}

    def table(self, rows: Sequence[CaseRow]) -> str:
        """cases.csv."""
        return rows_to_csv(rows, regions=[region.name for region in self.task.regions])

    @property
    def wording(self) -> Wording:
        """What this kind is called on the page."""
        return SEGMENTATION

    @property
    def parts(self) -> tuple[str, ...]:
        """The regions, in the order that gives colours."""
        return tuple(region.name for region in self.task.regions)

    def case_score(self, row: CaseRow) -> float | None:
        """The headline's metric of one case, mean over its regions."""
        return label_map_told.mean_score(row, self.primary)

    def headline_drawn(self, rows: Sequence[CaseRow], counts: Floats) -> Floats:
        """The headline in draws of the patients."""
        return means_drawn([self.case_score(row) for row in rows], [row.patient for row in rows], counts)

    def results(
        self,
        name: str,
        summary: Mapping[str, JSON],
        rows: Sequence[CaseRow],
        *,
        facts: Mapping[str, CaseFacts],
        unit: Unit,
        note: str,
    ) -> tuple[ResultSet, ...]:
        """One set of cases as the page shows it."""
        whole = label_map_told.result_set(name, summary, rows, primary=self.primary, facts=facts, unit=unit, note=note)
        expected = told_results(summary)
        return (whole, *lesion_results(name, summary, rows), *gain_results(summary, rows, unit=unit), *expected)

    def how_decided(self, rows: Sequence[CaseRow]) -> str:
        """What is done after the network; "" where nothing is."""
        first = next(iter(rows), None)
        pictures = isinstance(first, KeptRow) and is_picture(first.kept.file)
        return how_decided(self.after, unit="px" if pictures else "ml")

    def pictures(
        self, rows: Sequence[CaseRow], *, case_of: Callable[[str], Case], answer_of: Callable[[str], Volume]
    ) -> tuple[CasePicture, ...]:
        """The best, the median and the two worst cases."""
        steps = {row.case: row.steps for row in rows if isinstance(row, KeptRow)}
        return label_map_told.pictures(
            rows,
            self.task,
            primary=self.primary,
            case_of=case_of,
            answer_of=lambda name: processed(answer_of(name), steps.get(name, ()), self.task),
        )

    def shortfalls(self, summary: Mapping[str, JSON]) -> str:
        """Which regions were missed or invented, and what that means for the numbers; "" if none was."""
        failed = label_map_told.failures(summary["flags"], summary["cases"])
        return f"{failed}. Distances over all regions leave such cases out." if failed else ""

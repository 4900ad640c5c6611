"""Answers that are label maps: how they are made, kept as files, and judged. What segmentation shares with no other kind."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Self

import numpy as np

from scanwright.dataset.cases import Case
from scanwright.dataset.facts import CaseFacts
from scanwright.dataset.images import SAME_GRID
from scanwright.dataset.measures import count_values, region_voxels
from scanwright.dataset.task import Task
from scanwright.doubt import Doubt
from scanwright.errors import GeometryError, InputError
from scanwright.evaluation.evaluate import CaseRow, evaluate_case, rows_to_csv, summarise
from scanwright.evaluation.headlines import means_drawn
from scanwright.evaluation.measures import default_tolerance
from scanwright.findings.regions import Regions
from scanwright.findings.table import StudyTable
from scanwright.geometry.grid import Grid
from scanwright.geometry.volume import Volume
from scanwright.inference.predict import Engine
from scanwright.inference.volume import predict_surely, predict_volume
from scanwright.io.formats import is_picture, read_grid, read_label, write_label
from scanwright.plan.plan import Plan
from scanwright.problem import label_map_told
from scanwright.problem.kind import LABELS
from scanwright.problem.label_map_lesions import FINDINGS, lesion_results, lesion_summary, lesions_of
from scanwright.problem.label_map_study import measured_table, study_part
from scanwright.problem.shown_by_itself import ShownByItself
from scanwright.protocols import Listener
from scanwright.report.content import SEGMENTATION, CasePicture, Difference, ResultSet, Wording
from scanwright.report.notation import size
from scanwright.report.study_content import StudyPart
from scanwright.types import JSON, Array, Floats, Unit

MOST_NAMED = 8
"""Unknown label values that an error names."""


class LabelMaps(ShownByItself):
    """Mixed into a problem of one task whose answer has a label value for each voxel of the image's own grid."""

    task: Task
    name: str
    primary: str
    holds = LABELS
    beside: tuple[str, ...] = ()
    takes_regions = False

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
        """Labels on the image's own grid. Raises TooLarge, before it begins, if memory would not suffice."""
        return predict_volume(engine, image, where=where, tell=tell)

    def answer_surely(
        self, engine: Engine, image: Volume, *, where: Path | None = None, tell: Listener | None = None
    ) -> tuple[Volume, Array | None]:
        """The same, and in each voxel the largest probability of a finding; None if the task has no findings."""
        names, background = [region.name for region in self.task.regions], 1 if self.task.exclusive else 0
        watched = [background + names.index(name) for name in self.task.abnormal]
        return predict_surely(engine, image, watched=watched, where=where, tell=tell)

    def of_slices(self, answers: Iterable[Volume], grid: Grid, *, axis: int, where: Path | None = None) -> Volume:
        """The labels of all slices, each in its place."""
        return Volume(np.concatenate([one.voxels for one in answers], axis=axis + 1), grid)

    def among(self, answer: Volume, regions: Regions) -> Volume:
        """The answer as it is: it holds what regions the model knows."""
        return answer

    def drawn(self, image: Volume, answer: Volume) -> None:
        """None: any viewer lays a label map over its image."""

    def measured(self, image: Volume, answer: Volume, *, sure: Array | None) -> StudyTable:
        """Regions and findings, measured (label_map_study.py)."""
        return measured_table(image, answer, self.task, sure=sure)

    def study(self, image: Volume, answer: Volume, *, sure: Array | None) -> StudyPart:
        """The same, and pictures of them."""
        return study_part(image, answer, self.task, sure=sure)

    def file_name(self, case: Case) -> str:
        """Where an answer is kept, within a folder: pictures as PNG, all else as NIfTI."""
        return f"{case.id}{'.png' if is_picture(case.images[0]) else '.nii.gz'}"

    def write(self, file: Path, answer: Volume) -> None:
        """Keep an answer."""
        write_label(file, answer)

    def read(self, file: Path) -> Volume:
        """An answer that was kept."""
        return read_label(file)

    def found(self, answer: Volume) -> dict[str, JSON]:
        """The volume of each region in ml, or its pixels where there is no scale: {"volumes", "unit"}."""
        in_mm = answer.grid.unit == "mm"
        each = answer.grid.voxel_volume / 1000 if in_mm else 1.0
        counts = region_voxels(count_values(answer.voxels), self.task)
        return {"volumes": {name: count * each for name, count in counts.items()}, "unit": "ml" if in_mm else "px"}

    def doubts(self, answer: Volume) -> tuple[Doubt, ...]:
        """None: a label map does not say how sure it is."""
        return ()

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
        return CaseRow(
            case=case.id,
            patient=case.patient,
            fold=fold,
            groups=case.groups,
            metrics={name: found for name, found in metrics.items() if case.judged is None or name in case.judged},
            lesions=lesions_of(truth, answer, self.task, looked_for=case.judged),
        )

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
    ) -> tuple[list[CaseRow], list[CaseRow], None]:
        """The rows as they are: nothing is chosen on them."""
        return list(rows), list(test), None

    def compare(
        self, rows: Mapping[str, Sequence[CaseRow]], best: str, *, seed: int
    ) -> dict[str, tuple[Difference, ...]]:
        """Differences of the headline's measure, averaged over the regions of each case."""
        return label_map_told.differences(rows, best, self.primary, score=self.case_score, seed=seed)

    def settled(self, chosen: object) -> Self:
        """This problem: nothing is chosen."""
        return self

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
        return (whole, *lesion_results(name, summary, rows))

    def pictures(
        self, rows: Sequence[CaseRow], *, case_of: Callable[[str], Case], answer_of: Callable[[str], Volume]
    ) -> tuple[CasePicture, ...]:
        """The best, the median and the two worst cases."""
        return label_map_told.pictures(rows, self.task, primary=self.primary, case_of=case_of, answer_of=answer_of)

    def shortfalls(self, summary: Mapping[str, JSON]) -> str:
        """Which regions were missed or invented, and what that means for the numbers; "" if none was."""
        failed = label_map_told.failures(summary["flags"], summary["cases"])
        return f"{failed}. Distances over all regions leave such cases out." if failed else ""

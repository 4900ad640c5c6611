"""Answers that are boxes: how they are made and judged. What detection shares with no other kind."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from scanwright.dataset.cases import Boxes, Case
from scanwright.dataset.facts import CaseFacts
from scanwright.doubt import Doubt
from scanwright.errors import InputError, IntegrityError
from scanwright.evaluation.boxes.box_sizes import usual_groups
from scanwright.evaluation.boxes.detected import DetectedCase, detected_rows_to_csv, usual_froc_rule
from scanwright.evaluation.boxes.detection_operating import DEFAULT_SCORE
from scanwright.evaluation.boxes.matched import match_cases
from scanwright.evaluation.summaries.detection_summary import summarise_detection
from scanwright.evaluation.summaries.headlines import precisions_drawn
from scanwright.evaluation.summaries.summary import CAVEATS
from scanwright.files import read_json
from scanwright.findings.regions import Regions
from scanwright.geometry.boxes import as_boxes
from scanwright.geometry.grid import Grid
from scanwright.geometry.volume import Volume
from scanwright.inference.boxes import MOST_KEPT, Detections, answer_boxes, joined
from scanwright.inference.predict import Engine
from scanwright.plan.plan import Plan
from scanwright.problem.boxes import told as box_told
from scanwright.problem.boxes.answer import BoxAnswer
from scanwright.problem.boxes.choice import limits_from_json, settle, told
from scanwright.problem.boxes.compared import ComparedBoxes
from scanwright.problem.boxes.kept import KeepsBoxes
from scanwright.problem.boxes.pooling import BoxPooling
from scanwright.problem.boxes.shown import ShowsBoxes
from scanwright.problem.near import NEAR, apart
from scanwright.problem.shown_by_itself import ShownByItself
from scanwright.protocols import Listener, Progress
from scanwright.report.results_content import CasePicture, Difference, ResultSet, Wording
from scanwright.types import JSON, Array, Floats, Unit


class BoxAnswers(KeepsBoxes, ShowsBoxes, ComparedBoxes, BoxPooling, ShownByItself):
    """Mixed into a problem of one task whose answer is a number of boxes, each with a class and a score."""

    primary = "map50"
    holds = "boxes"
    beside: tuple[str, ...] = ()
    takes_regions = True

    def learns(self, case: Case) -> bool:
        """Every labelled case."""
        return True

    @property
    def wording(self) -> Wording:
        """What this kind is called on the page."""
        return box_told.WORDING

    def answer(
        self, engine: Engine, image: Volume, *, where: Path | None = None, tell: Listener | None = None
    ) -> BoxAnswer:
        """Every box that is at all probable, also those that are not told. Raises InputError for an image that cannot be
        prepared.
        """

        def progress(share: float) -> None:
            if tell:
                tell(Progress("predict", done=share, total=1))

        found = answer_boxes(engine, image, where=where, progress=progress)
        return BoxAnswer(found, image.grid.spacing, image.grid.unit)

    def answer_surely(
        self, engine: Engine, image: Volume, *, where: Path | None = None, tell: Listener | None = None
    ) -> tuple[BoxAnswer, None]:
        """The answer: each box says itself how sure it is."""
        return self.answer(engine, image, where=where, tell=tell), None

    def of_slices(self, answers: Iterable[BoxAnswer], grid: Grid, *, axis: int, where: Path | None = None) -> BoxAnswer:
        """The boxes of all slices, each in its slice: what several slices show has a box in each of them."""
        step = np.eye(3)[axis]
        moved = [
            Detections(one.found.boxes + k * step, one.found.scores, one.found.codes) for k, one in enumerate(answers)
        ]
        found = joined(moved)
        return BoxAnswer(found.at(np.argsort(-found.scores, kind="stable")), grid.spacing, grid.unit)

    def among(self, answer: BoxAnswer, regions: Regions) -> BoxAnswer:
        """The answer with the regions that its boxes lie among."""
        return replace(answer, regions=regions)

    def measured(self, image: Volume, answer: BoxAnswer, *, sure: Array | None) -> None:
        """None: a box is no outline."""

    def doubts(self, answer: BoxAnswer) -> tuple[Doubt, ...]:
        """That boxes lie near the score from which on they are told (near.py): told as doubtful, or perhaps missed; and that
        as many are told as are kept of a class, so that there may be more.
        """
        there = told(answer.found.scores, answer.found.codes, self.thresholds)
        near = np.abs(apart(answer.found.scores, np.array(self.thresholds)[answer.found.codes])) < NEAR
        unsure, missed = int(np.count_nonzero(near & there)), int(np.count_nonzero(near & ~there))
        hardly = Doubt("boxes-hardly-told", "{number} of the boxes told are hardly above their score", number=unsure)
        below = Doubt(
            "boxes-hardly-missed", "{number} more lie little below the score from which on they are told", number=missed
        )
        most = Doubt(
            "boxes-at-most", "no more than the {number} most probable boxes of a class are told", number=MOST_KEPT
        )
        full = MOST_KEPT in np.bincount(answer.found.codes[there])
        return (*([most] if full else []), *([hardly] if unsure else []), *([below] if missed else []))

    def line(self, found: Mapping[str, JSON]) -> str:
        """How many boxes of each class are told, in each region where regions are known."""
        counts = Counter((box["class"], box.get("region")) for box in found["boxes"])
        names = sorted(counts, key=lambda one: self.parts.index(one[0]))
        return ", ".join(f"{counts[one]} {one[0]}{_said(one[1])}" for one in names) or "nothing"

    def yardstick(self, facts: Iterable[CaseFacts]) -> None:
        """None: boxes are measured by nothing that hangs on the images."""

    def row(self, case: Case, answer: BoxAnswer, *, fold: int | None, yardstick: float | None = None) -> DetectedCase:
        """An answer beside the boxes that are true."""
        assert isinstance(case.target, Boxes)
        known = case.target.boxes
        return DetectedCase(
            case=case.id,
            patient=case.patient,
            fold=fold,
            groups=case.groups,
            found=answer.found.boxes,
            scores=answer.found.scores,
            codes=answer.found.codes,
            true=as_boxes([box.corners for box in known]),
            true_codes=np.array([self.parts.index(box.name) for box in known], dtype=np.int64),
            ignored=np.array([box.ignored for box in known], dtype=np.bool_),
            spacing=answer.spacing,
            unit=answer.unit,
            thresholds=self.thresholds,
        )

    def judged(self, case: Case, file: Path, *, yardstick: float | None = None) -> DetectedCase:
        """The boxes of a file, told from the scores on that it states, beside those that are true.

        Raises InputError for a file that is no answer.
        """
        row, kept = self.row(case, self.read(file), fold=None), read_json(file)
        if "thresholds" not in kept:
            return row
        try:
            return replace(row, thresholds=limits_from_json(kept, self.parts))
        except IntegrityError as error:
            raise InputError(error.message, where=file, expected=error.expected, found=error.found) from error

    def summary(
        self,
        rows: Sequence[DetectedCase],
        test: Sequence[DetectedCase],
        *,
        seed: int,
        yardstick: float | None = None,
    ) -> dict[str, JSON]:
        """metrics.json. If only a test split was judged, it stands for the whole. "caveats": that nothing was told."""
        found = summarise_detection(
            rows or test,
            classes=self.parts,
            primary=self.primary,
            froc_rule=usual_froc_rule([*rows, *test]),
            sizes=usual_groups(row.true for row in (*rows, *test)),
            seed=seed,
            test=test if rows else (),
        )
        for block, judged in ((found, rows or test), *([(found["test"], test)] if "test" in found else [])):
            if said := box_told.silence_text(judged):
                block[CAVEATS] = [said]
        return found

    def settle(
        self, rows: Sequence[DetectedCase], test: Sequence[DetectedCase], plan: Plan
    ) -> tuple[list[DetectedCase], list[DetectedCase], dict[str, JSON] | None]:
        """The score from which on boxes of a class are told, chosen on other folds or patients (choice.py)."""
        judged, tested, chosen = settle(rows, test, num_classes=len(self.parts))
        return judged, tested, None if chosen is None else {"thresholds": dict(zip(self.parts, chosen, strict=True))}

    def how_decided(self, rows: Sequence[DetectedCase]) -> str:
        """From which score on boxes are told, and where that was chosen."""
        if folds := {row.fold for row in rows} - {None}:
            others = "the other folds" if len(folds) > 1 else "other patients of the same fold"
            return f"The score from which on a box is told is chosen on {others}."
        if not self.stated:
            return f"A box is told from the score {DEFAULT_SCORE} on: none was chosen."
        limits = ", ".join(f"{name} from {limit:.3g} on" for name, limit in zip(self.parts, self.stated, strict=True))
        return f"A box is told by its score: {limits}, as was chosen out of fold."

    def compare(
        self, rows: Mapping[str, Sequence[DetectedCase]], best: str, *, seed: int
    ) -> dict[str, tuple[Difference, ...]]:
        """Differences of mAP."""
        return box_told.differences(rows, best, self.task, seed=seed)

    def table(self, rows: Sequence[DetectedCase]) -> str:
        """cases.csv."""
        return detected_rows_to_csv(rows, classes=self.parts)

    def case_score(self, row: DetectedCase) -> float | None:
        """1: the headline is of all cases together, and each counts."""
        return 1.0

    def headline_drawn(self, rows: Sequence[DetectedCase], counts: Floats) -> Floats:
        """The headline in draws of the patients."""
        return precisions_drawn(match_cases(rows, num_classes=len(self.parts)), counts, num_classes=len(self.parts))

    def results(
        self,
        name: str,
        summary: Mapping[str, JSON],
        rows: Sequence[DetectedCase],
        *,
        facts: Mapping[str, CaseFacts],
        unit: Unit,
        note: str,
    ) -> tuple[ResultSet, ...]:
        """One set of cases as the page shows it."""
        return (box_told.result_set(name, summary, rows, self.task, note=note),)

    def pictures(
        self,
        rows: Sequence[DetectedCase],
        *,
        case_of: Callable[[str], Case],
        answer_of: Callable[[str], Any],
    ) -> tuple[CasePicture, ...]:
        """The cases whose boxes agree best and worst with the true ones, drawn."""
        return box_told.pictures(rows, self.task, case_of=case_of)

    def shortfalls(self, summary: Mapping[str, JSON]) -> str:
        """Classes of which nothing was found."""
        missed = [
            name
            for name, block in summary["by_class"].items()
            if block["sensitivity"]["mean"] == 0 and block["sensitivity"]["n_defined"]
        ]
        return f"No box of {', '.join(missed)} was found." if missed else ""


def _said(region: str | None) -> str:
    """A box's region, behind its class."""
    if region is None:
        return ""
    return f" in {region}" if region else " outside all regions"

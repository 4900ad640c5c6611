"""Probabilities of classes as answers: how they are judged, and how a report tells of them."""

from collections.abc import Callable, Mapping, Sequence

from scanwright.dataset.cases import Case, Classes
from scanwright.dataset.facts import CaseFacts
from scanwright.evaluation.judged import ClassifiedCase, classified_to_csv
from scanwright.evaluation.summary import summarise_classification
from scanwright.plan.plan import Plan
from scanwright.problem import class_told
from scanwright.problem.class_decisions import PLAIN, Decision, settle
from scanwright.problem.whole_images import WholeImages
from scanwright.report.content import CasePicture, Difference, ResultSet, Wording
from scanwright.types import JSON, Floats, Unit

CLOSE = 0.2
"""Probabilities that differ by less are told as doubtful."""


class ClassAnswers(WholeImages):
    """Mixed into classification. decision: how probabilities become answers; as they are until something was settled."""

    primary = "auroc"
    decision: Decision = PLAIN

    @property
    def wording(self) -> Wording:
        """What this kind is called on the page."""
        return class_told.WORDING

    def found(self, answer: Floats) -> dict[str, JSON]:
        """The probability of each class, and what is decided: {"probabilities", "decision"}."""
        calibrated = self.decision.calibrated(answer)
        told = self.decision.decide(calibrated, self.task.choice)
        names = self.task.classes
        chances = {name: round(float(value), 6) for name, value in zip(names, calibrated, strict=True)}
        if isinstance(told, int):
            return {"probabilities": chances, "decision": names[told]}
        return {"probabilities": chances, "decision": [name for name, there in zip(names, told, strict=True) if there]}

    def doubts(self, answer: Floats) -> tuple[str, ...]:
        """That another class or grade is nearly as probable, or a label is as likely there as not."""
        calibrated = self.decision.calibrated(answer)
        names = self.task.classes
        if self.task.choice == "several":
            unsure = [name for name, chance in zip(names, calibrated, strict=True) if abs(chance - 0.5) < CLOSE / 2]
            return (f"nearly as likely as not: {', '.join(unsure)}",) if unsure else ()
        first, second = calibrated.argsort()[::-1][:2]
        if calibrated[first] - calibrated[second] >= CLOSE:
            return ()
        return (
            f"{names[second]} ({calibrated[second]:.2f}) is nearly as probable as {names[first]} ({calibrated[first]:.2f})",
        )

    def line(self, found: Mapping[str, JSON]) -> str:
        """What is decided, and every probability."""
        told = found["decision"] if isinstance(found["decision"], str) else ", ".join(found["decision"]) or "nothing"
        return f"{told}  ({', '.join(f'{name} {chance:.3f}' for name, chance in found['probabilities'].items())})"

    def row(self, case: Case, answer: Floats, *, fold: int | None, yardstick: float | None = None) -> ClassifiedCase:
        """An answer, calibrated and decided if that was settled, beside what is true."""
        assert isinstance(case.target, Classes)
        several = self.task.choice == "several"
        calibrated = self.decision.calibrated(answer)
        right = [name in case.target.names for name in self.task.classes]
        return ClassifiedCase(
            case=case.id,
            patient=case.patient,
            fold=fold,
            groups=case.groups,
            probabilities=tuple(float(value) for value in calibrated),
            truth=tuple(right) if several else right.index(True),
            decision=self.decision.decide(calibrated, self.task.choice),
        )

    def summary(
        self,
        rows: Sequence[ClassifiedCase],
        test: Sequence[ClassifiedCase],
        *,
        seed: int,
        yardstick: float | None = None,
    ) -> dict[str, JSON]:
        """metrics.json. If only a test split was judged, it stands for the whole."""
        return summarise_classification(
            rows or test,
            classes=self.task.classes,
            choice=self.task.choice,
            primary=self.primary,
            seed=seed,
            test=test if rows else (),
        )

    def settle(
        self, rows: Sequence[ClassifiedCase], test: Sequence[ClassifiedCase], plan: Plan
    ) -> tuple[list[ClassifiedCase], list[ClassifiedCase], dict[str, JSON] | None]:
        """Probabilities calibrated, and classes decided, by what was chosen on other folds (class_decisions.py)."""
        decided, tested, chosen = settle(rows, test, plan.inference, self.task.choice)
        return decided, tested, None if chosen == PLAIN else chosen.to_json()

    def compare(
        self, rows: Mapping[str, Sequence[ClassifiedCase]], best: str, *, seed: int
    ) -> dict[str, tuple[Difference, ...]]:
        """Differences of AUROC and accuracy."""
        return class_told.differences(rows, best, self.task, seed=seed)

    def table(self, rows: Sequence[ClassifiedCase]) -> str:
        """cases.csv."""
        return classified_to_csv(rows, classes=self.task.classes)

    def case_score(self, row: ClassifiedCase) -> float | None:
        """1: the headline is of all cases together, and each counts."""
        return 1.0

    def results(
        self,
        name: str,
        summary: Mapping[str, JSON],
        rows: Sequence[ClassifiedCase],
        *,
        facts: Mapping[str, CaseFacts],
        unit: Unit,
        note: str,
    ) -> ResultSet:
        """One set of cases as the page shows it."""
        return class_told.result_set(name, summary, rows, self.task, note=note)

    def pictures(
        self,
        rows: Sequence[ClassifiedCase],
        *,
        case_of: Callable[[str], Case],
        answer_of: Callable[[str], Floats],
    ) -> tuple[CasePicture, ...]:
        """Cases that were told rightly and surely, hardly, and wrongly."""
        return class_told.pictures(rows, self.task, case_of=case_of)

    def shortfalls(self, summary: Mapping[str, JSON]) -> str:
        """Classes that were never told."""
        missed = [
            name
            for name, block in summary["by_class"].items()
            if block["sensitivity"]["mean"] == 0 and block["sensitivity"]["n_defined"]
        ]
        return f"No case of {', '.join(missed)} was told as such." if missed else ""

"""Probabilities of classes as answers: how they are judged, and how a report tells of them."""

from collections.abc import Callable, Mapping, Sequence

from scanwright.dataset.cases import Case, Classes
from scanwright.dataset.facts import CaseFacts
from scanwright.evaluation.judged import ClassifiedCase, classified_to_csv
from scanwright.evaluation.summary import summarise_classification
from scanwright.problem import class_told
from scanwright.problem.whole_images import WholeImages
from scanwright.report.content import CasePicture, ResultSet, Wording
from scanwright.types import JSON, Floats, Unit


class ClassAnswers(WholeImages):
    """Mixed into classification."""

    primary = "auroc"

    @property
    def wording(self) -> Wording:
        """What this kind is called on the page."""
        return class_told.WORDING

    def found(self, answer: Floats) -> dict[str, JSON]:
        """The probability of each class, and what is decided: {"probabilities", "decision"}."""
        chances = {name: round(float(value), 6) for name, value in zip(self.task.classes, answer, strict=True)}
        if self.task.choice == "several":
            return {"probabilities": chances, "decision": [name for name, chance in chances.items() if chance > 0.5]}
        return {"probabilities": chances, "decision": self.task.classes[int(answer.argmax())]}

    def line(self, found: Mapping[str, JSON]) -> str:
        """What is decided, and every probability."""
        told = found["decision"] if isinstance(found["decision"], str) else ", ".join(found["decision"]) or "nothing"
        return f"{told}  ({', '.join(f'{name} {chance:.3f}' for name, chance in found['probabilities'].items())})"

    def row(self, case: Case, answer: Floats, *, fold: int | None, yardstick: float | None = None) -> ClassifiedCase:
        """An answer beside what is true; decided is the most probable class or grade, of labels each over one half."""
        assert isinstance(case.target, Classes)
        several = self.task.choice == "several"
        right = [name in case.target.names for name in self.task.classes]
        return ClassifiedCase(
            case=case.id,
            patient=case.patient,
            fold=fold,
            groups=case.groups,
            probabilities=tuple(float(value) for value in answer),
            truth=tuple(right) if several else right.index(True),
            decision=tuple(bool(value > 0.5) for value in answer) if several else int(answer.argmax()),
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

"""Probabilities of classes as answers: how they are judged, and how a report tells of them."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from scanwright.dataset.cases import Case, Classes
from scanwright.dataset.facts import CaseFacts
from scanwright.doubt import Doubt, as_data
from scanwright.errors import InputError
from scanwright.evaluation.calibration.calibration_choice import Choice as Calibrator
from scanwright.evaluation.cases.judged import ClassifiedCase, Codes, answers_of, classified_to_csv
from scanwright.evaluation.cases.level import level_caveats
from scanwright.evaluation.cases.rare import absent_classes, absent_text, rare_classes, rare_text
from scanwright.evaluation.classes.operating import DEFAULT_THRESHOLD
from scanwright.evaluation.summaries.headlines import aurocs_drawn
from scanwright.evaluation.summaries.summary import CAVEATS, summarise_classification
from scanwright.files import read_json
from scanwright.plan.plan import Plan
from scanwright.problem.certain import CERTAINTY, Certain
from scanwright.problem.classes import told as class_told
from scanwright.problem.classes.certain import (
    BETWEEN,
    ClassCertainty,
    certain_class,
    fit_certainty,
    not_sure,
    sure_of_case,
)
from scanwright.problem.classes.certainty import certainty_on_others, certainty_out_of_fold
from scanwright.problem.classes.compared import ComparedClasses
from scanwright.problem.classes.decisions import PLAIN, Decision, settle
from scanwright.problem.classes.points import points_at, points_of
from scanwright.problem.near import is_near
from scanwright.problem.whole.images import MOST_EXPLAINED, WholeImages
from scanwright.problem.whole.pooling import ClassPooling
from scanwright.report.results_content import CasePicture, Difference, ResultSet, Wording
from scanwright.types import JSON, Array, Floats, Unit

CALIBRATED = {
    "temperature": "temperature",
    "platt": "Platt scaling",
    "vector": "vector scaling",
    "isotonic": "isotonic regression",
}
CLOSE = 0.2
"""Probabilities of several classes that differ by less are told as doubtful."""


class ClassAnswers(ComparedClasses, ClassPooling, WholeImages):
    """Mixed into classification. decision: how probabilities become answers; as they are until something was settled."""

    primary = "auroc"
    decision: Decision = PLAIN
    calibrate: Calibrator = "auto"
    trust: ClassCertainty | None = None

    @property
    def wording(self) -> Wording:
        """What this kind is called on the page."""
        return class_told.WORDING

    def found(self, answer: Floats) -> dict[str, JSON]:
        """The probability of each class, and what is decided: {"probabilities", "decision"}; None, with "declined",
        where the answer is not sure enough to be given.
        """
        calibrated = self.decision.calibrated(answer)
        told = self.decision.decide(calibrated, self.task.choice)
        names = self.task.classes
        chances = {name: float(f"{value:.9g}") for name, value in zip(names, calibrated, strict=True)}
        limits = self.limits()
        decided = (
            names[told] if isinstance(told, int) else [name for name, there in zip(names, told, strict=True) if there]
        )
        found = {"probabilities": chances, "decision": decided, **({"thresholds": limits} if limits else {})}
        refused = self.refusal(calibrated, told)
        return found if refused is None else found | {"decision": None, "declined": as_data(refused)}

    def refusal(self, calibrated: Floats, told: int | tuple[bool, ...]) -> Doubt | None:
        """Why the answer is not given; None where it is."""
        return not_sure(self.trust, sure_of_case(np.asarray(calibrated, np.float64), told))

    def certain(self, answer: Floats, sure: Array | None) -> Certain:
        """Entropy, how far opinions differ, and the set of classes that holds the truth as often as is stated."""
        return certain_class(answer, sure, fitted=self.trust, decision=self.decision, task=self.task)

    def told(self, answer: Floats) -> dict[str, str]:
        """What is decided, and every probability."""
        found = self.found(answer)
        named = found["decision"] or ()
        decided = named if isinstance(named, str) else ", ".join(named) or "–"
        return {"": decided} | {name: f"{chance:.2f}" for name, chance in found["probabilities"].items()}

    def limits(self) -> dict[str, float]:
        """From which probability on a class or label is told; empty where the most probable one is."""
        limits = self.decision.limits(self.task.choice, len(self.task.classes))
        return {name: round(limit, 6) for name, limit in zip(self.task.classes[-len(limits) :], limits, strict=False)}

    def explained(self, answer: Floats) -> tuple[int, ...]:
        """What is decided: a class or grade; of several labels those that are told, the most probable first, else that one."""
        calibrated = self.decision.calibrated(answer)
        told = self.decision.decide(calibrated, self.task.choice)
        if isinstance(told, int):
            return (told,)
        there = [place for place in calibrated.argsort()[::-1].tolist() if told[place]]
        return tuple(there[:MOST_EXPLAINED]) or (int(calibrated.argmax()),)

    def doubts(self, answer: Floats) -> tuple[Doubt, ...]:
        """That another class or grade is nearly as probable, or that a probability lies near the threshold that decides."""
        calibrated = self.decision.calibrated(answer)
        names = self.task.classes
        refused = self.refusal(calibrated, self.decision.decide(calibrated, self.task.choice))
        if refused is not None:
            return (refused,)
        if limits := self.limits():
            chances = dict(zip(names, calibrated.tolist(), strict=True))
            near = [
                Doubt(
                    "near-threshold",
                    "{name} {chance:.3g} is near {limit:.3g}, from which on it is told",
                    name=name,
                    chance=chances[name],
                    limit=limit,
                )
                for name, limit in limits.items()
                if is_near(chances[name], limit)
            ]
            return tuple(near)
        first, second = calibrated.argsort()[::-1][:2]
        if calibrated[first] - calibrated[second] >= CLOSE:
            return ()
        return (
            Doubt(
                "nearly-as-probable",
                "{second} ({second_chance:.2f}) is nearly as probable as {first} ({first_chance:.2f})",
                second=names[second],
                second_chance=float(calibrated[second]),
                first=names[first],
                first_chance=float(calibrated[first]),
            ),
        )

    def line(self, found: Mapping[str, JSON]) -> str:
        """What is decided, and every probability."""
        named = found["decision"]
        told = named if isinstance(named, str) else ", ".join(named or ()) or "nothing"
        told = "not sure enough" if named is None else told
        chances = ", ".join(f"{name} {chance:.3f}" for name, chance in found["probabilities"].items())
        return f"{told}  ({chances}){_set_text(found)}"

    def row(self, case: Case, answer: Floats, *, fold: int | None, yardstick: float | None = None) -> ClassifiedCase:
        """An answer, calibrated and decided if that was settled, beside what is true."""
        calibrated = self.decision.calibrated(answer)
        return self._beside(case, calibrated, self.decision.decide(calibrated, self.task.choice), fold=fold)

    def judged(self, case: Case, file: Path, *, yardstick: float | None = None) -> ClassifiedCase:
        """The probabilities and the decision that a file tells beside what is true.

        A file with an answer alone, as a run keeps it, is judged as `row` has it. Raises InputError for a file that is no
        answer.
        """
        told = read_json(file)
        if not isinstance(told, dict) or "probabilities" not in told:
            return self.row(case, self.read(file), fold=None)
        chances = self.numbers_in(file, "probabilities")
        if not ((chances >= 0) & (chances <= 1)).all():
            raise InputError("a probability outside 0 to 1", where=file, expected="numbers from 0 to 1")
        if "declined" in told:  # judged as it would have been told; how many were declined is told beside
            return self._beside(case, chances, self.decision.decide(chances, self.task.choice), fold=None)
        return self._beside(case, chances, self._decided_in(told.get("decision"), where=file), fold=None)

    def _decided_in(self, decision: JSON, *, where: Path) -> Codes:
        """The code of the class that a file tells; of labels a bool each. Raises InputError for what is none of the classes."""
        several = self.task.choice == "several"
        names = decision if several else [decision]
        if not isinstance(names, list) or not all(name in self.task.classes for name in names):
            raise InputError(
                "a decision for none of the classes",
                where=where,
                expected=f"{'a list of some of' if several else 'one of'} {', '.join(self.task.classes)}",
                found=str(decision)[:120],
            )
        return tuple(name in names for name in self.task.classes) if several else self.task.classes.index(names[0])

    def _beside(self, case: Case, chances: Floats, decision: Codes, *, fold: int | None) -> ClassifiedCase:
        assert isinstance(case.target, Classes)
        right = [case.target.says(name) for name in self.task.classes]
        return ClassifiedCase(
            case=case.id,
            patient=case.patient,
            fold=fold,
            groups=case.groups,
            probabilities=tuple(float(value) for value in chances),
            truth=tuple(right) if self.task.choice == "several" else right.index(True),
            decision=decision,
        )

    def summary(
        self,
        rows: Sequence[ClassifiedCase],
        test: Sequence[ClassifiedCase],
        *,
        seed: int,
        yardstick: float | None = None,
    ) -> dict[str, JSON]:
        """metrics.json. If only a test split was judged, it stands for the whole. "caveats": of classes that few have."""
        found = summarise_classification(
            rows or test,
            classes=self.task.classes,
            choice=self.task.choice,
            primary=self.primary,
            seed=seed,
            test=test if rows else (),
        )
        for block, judged in ((found, rows or test), *([(found["test"], test)] if "test" in found else [])):
            rare = rare_classes(judged, classes=self.task.classes, choice=self.task.choice)
            absent = absent_classes(judged, classes=self.task.classes, choice=self.task.choice)
            said = [*([absent_text(absent)] if absent else []), *([rare_text(rare)] if rare else [])]
            if said:
                block[CAVEATS] = said
        return found

    def operating(
        self, rows: Sequence[ClassifiedCase], test: Sequence[ClassifiedCase]
    ) -> tuple[dict[str, JSON], dict[str, JSON]]:
        """What common rules for thresholds are worth, by class or label (points.py)."""
        return points_of(rows, test, self.task, method=self.calibrate)

    def operating_at(self, rows: Sequence[ClassifiedCase], metrics: Mapping[str, JSON]) -> dict[str, JSON]:
        """The same of a package's thresholds, on other cases."""
        return points_at(rows, self.task, metrics)

    def caveats(self, rows: Sequence[ClassifiedCase]) -> tuple[str, ...]:
        """Of models that give all their cases nearly the same probabilities."""
        return level_caveats(rows)

    def settle(
        self, rows: Sequence[ClassifiedCase], test: Sequence[ClassifiedCase], plan: Plan
    ) -> tuple[list[ClassifiedCase], list[ClassifiedCase], dict[str, JSON] | None]:
        """Probabilities calibrated, and classes decided, by what was chosen on other folds (class_decisions.py)."""
        decided, tested, chosen = settle(rows, test, plan.inference, self.task.choice)
        return decided, tested, None if chosen == PLAIN else chosen.to_json()

    def certainty(
        self,
        rows: Sequence[ClassifiedCase],
        raw: Sequence[ClassifiedCase],
        plan: Plan,
        opinions: Mapping[str, Floats],
    ) -> tuple[dict[str, JSON], dict[str, JSON] | None]:
        """Whether probabilities and sets hold, and what the surest answers are worth (certainty.py)."""
        fitted = fit_certainty(rows, plan.inference, self.task)
        found = certainty_out_of_fold(rows, raw, plan.inference, self.task, seed=plan.training.seed)
        return found, None if fitted is None else fitted.to_json()

    def certainty_on(
        self,
        rows: Sequence[ClassifiedCase],
        raw: Sequence[ClassifiedCase] | None,
        opinions: Mapping[str, Floats],
        *,
        told: Mapping[str, Mapping[str, JSON]] | None = None,
    ) -> dict[str, JSON]:
        """The same of other cases, by what the package carries."""
        return certainty_on_others(rows, raw, opinions, fitted=self.trust, decision=self.decision, task=self.task)

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

    def headline_drawn(self, rows: Sequence[ClassifiedCase], counts: Floats) -> Floats:
        """The headline in draws of the patients."""
        return aurocs_drawn(answers_of(rows, choice=self.task.choice), counts)

    def results(
        self,
        name: str,
        summary: Mapping[str, JSON],
        rows: Sequence[ClassifiedCase],
        *,
        facts: Mapping[str, CaseFacts],
        unit: Unit,
        note: str,
    ) -> tuple[ResultSet, ...]:
        """One set of cases as the page shows it."""
        return (class_told.result_set(name, summary, rows, self.task, note=note),)

    def how_decided(self, rows: Sequence[ClassifiedCase]) -> str:
        """What was done with the probabilities of these cases before they were judged, and how they decide."""
        where = "out of fold" if any(row.fold is None for row in rows) else "on the other folds"
        fitted = self.decision.calibration
        said = "Probabilities are as the model gives them."
        if fitted is not None and fitted.kind == "none" and where == "on the other folds":
            said = "Probabilities are calibrated as the other folds choose; the package gives them as its model does."
        elif fitted is not None and fitted.kind != "none":
            said = f"Probabilities are calibrated {where} ({CALIBRATED[fitted.kind]})."
        if not (limits := self.limits()):
            return f"{said} The most probable {'grade' if self.task.choice == 'ordered' else 'class'} is told."
        told = ", ".join(f"{name} from {limit:.3g} on" for name, limit in limits.items())
        if all(limit == DEFAULT_THRESHOLD for limit in limits.values()):
            return f"{said} Told is {told}."
        if where == "out of fold":
            return f"{said} Told is {told}: thresholds of the package, chosen {where}."
        return f"{said} Told is {told}: thresholds of the package; each fold is decided by those chosen {where}."

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


def _set_text(found: Mapping[str, JSON]) -> str:
    """The set of a case, for its line; "" without one."""
    told = found.get(CERTAINTY, {}).get("set")
    if not told:
        return ""
    percent = f"{100 * told['coverage']:.4g} %"
    if "classes" in told:
        return f"  {percent} set: {BETWEEN.join(told['classes'])}"
    present, unclear = (BETWEEN.join(told[key]) or "none" for key in ("present", "open"))
    return f"  {percent}: present {present}, open {unclear}"

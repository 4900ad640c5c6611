"""Quantities as answers: how they are judged, and how a report tells of them."""

import copy
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self

import numpy as np

from scanwright.dataset.cases import Case, Quantities
from scanwright.dataset.facts import CaseFacts
from scanwright.dataset.units import unit_in_name
from scanwright.doubt import Doubt
from scanwright.evaluation.cases.judged import MeasuredCase, measured_to_csv
from scanwright.evaluation.numbers.unexplained import unexplained, unexplained_text
from scanwright.evaluation.summaries.headlines import numbers_drawn
from scanwright.evaluation.summaries.summary import CAVEATS, summarise_regression
from scanwright.plan.plan import Plan, TargetPlan
from scanwright.problem.certain import CERTAINTY, Certain
from scanwright.problem.numbers import told as number_told
from scanwright.problem.numbers.certain import (
    NumberCertainty,
    certain_numbers,
    fit_number_certainty,
    number_certainty_from_json,
)
from scanwright.problem.numbers.certainty import numbers_on_others, numbers_out_of_fold
from scanwright.problem.numbers.compared import ComparedNumbers
from scanwright.problem.numbers.told import said
from scanwright.problem.whole.images import WholeImages
from scanwright.problem.whole.pooling import NumberPooling
from scanwright.report.results_content import CasePicture, Difference, ResultSet, Wording
from scanwright.types import JSON, Array, Floats, Unit

FAR = 3.0
"""Deviations of the training cases beyond which an estimate is doubtful."""


def outside_learned(found: Mapping[str, JSON], reference: Mapping[str, JSON]) -> tuple[Doubt, ...]:
    """That a quantity lies outside all that were learned from, which an estimate within three deviations may do.

    found: what an answer says. reference: the fingerprint of the training cases; one without quantities says nothing.
    """
    spreads = {one["name"]: one["spread"] for one in reference.get("quantities", ())}
    return tuple(
        Doubt(
            "outside-learned",
            "{name} {value:.4g} is outside all that was learned from ({least:.4g} to {most:.4g})",
            name=name,
            value=value,
            least=spreads[name]["min"],
            most=spreads[name]["max"],
        )
        for name, value in found.get("quantities", {}).items()
        if name in spreads and not spreads[name]["min"] <= value <= spreads[name]["max"]
    )


class NumberAnswers(ComparedNumbers, NumberPooling, WholeImages):
    """Mixed into regression. learned: mean and deviation of the training cases, None where nothing was planned for them."""

    learned: TargetPlan | None
    trust: NumberCertainty | None = None

    primary = "r2"

    @property
    def wording(self) -> Wording:
        """What this kind is called on the page."""
        return number_told.WORDING

    @property
    def units(self) -> tuple[str, ...]:
        """The unit of each quantity: as the task states it, else what its name ends in; "" where neither does."""
        stated = self.task.units or ("",) * len(self.task.quantities)
        return tuple(unit or unit_in_name(name) for unit, name in zip(stated, self.task.quantities, strict=True))

    def told(self, answer: Floats) -> dict[str, str]:
        """Each quantity with its unit."""
        numbers = zip(self.task.quantities, answer.tolist(), self.units, strict=True)
        return {name: said(value, unit) for name, value, unit in numbers}

    def found(self, answer: Floats) -> dict[str, JSON]:
        """Each quantity, and its unit where the name states one: {"quantities", "units"}."""
        names = self.task.quantities
        return {
            "quantities": {name: float(f"{value:.6g}") for name, value in zip(names, answer, strict=True)},
            "units": dict(zip(names, self.units, strict=True)),
        }

    def doubts(self, answer: Floats) -> tuple[Doubt, ...]:
        """That a quantity lies far from those that were learned from, by which it was not tested either."""
        known = self.learned
        if known is None:
            return ()
        far = [
            Doubt(
                "far-from-learned",
                "{name} {value:.4g} is far from what was learned from ({center:.4g} with a deviation of {deviation:.4g})",
                name=name,
                value=float(value),
                center=center,
                deviation=scale,
            )
            for name, value, center, scale in zip(self.task.quantities, answer, known.center, known.scale, strict=False)
            if abs(value - center) > FAR * scale
        ]
        return tuple(far)

    def line(self, found: Mapping[str, JSON]) -> str:
        """Each quantity with its number."""
        return ", ".join(f"{name} {value:.4g}" for name, value in found["quantities"].items()) + _reach_text(found)

    def certain(self, answer: Floats, sure: Array | None) -> Certain:
        """The interval of each quantity that holds the truth as often as is stated, and how far opinions differ."""
        names, units = self.task.quantities, self.units
        return certain_numbers(answer, sure, fitted=self.trust, quantities=names, units=units)

    def certainty(
        self, rows: Sequence[MeasuredCase], raw: Sequence[MeasuredCase], plan: Plan, opinions: Mapping[str, Floats]
    ) -> tuple[dict[str, JSON], dict[str, JSON] | None]:
        """Whether intervals hold, and what the surest answers are worth (number_certainty.py)."""
        fitted = fit_number_certainty(rows, opinions, plan.inference)
        seed = plan.training.seed
        found = numbers_out_of_fold(rows, opinions, plan.inference, self.task.quantities, seed=seed)
        return found, None if fitted is None else fitted.to_json()

    def certainty_on(
        self,
        rows: Sequence[MeasuredCase],
        raw: Sequence[MeasuredCase] | None,
        opinions: Mapping[str, Floats],
        *,
        told: Mapping[str, Mapping[str, JSON]] | None = None,
    ) -> dict[str, JSON]:
        """The same of other cases, by what the package carries."""
        return numbers_on_others(rows, opinions, self.trust, self.task.quantities)

    def assured(self, confidence: Mapping[str, JSON] | None) -> Self:
        """This problem with what is known of how sure it is."""
        found = copy.copy(self)
        found.trust = None if confidence is None else number_certainty_from_json(confidence)
        return found

    def row(self, case: Case, answer: Floats, *, fold: int | None, yardstick: float | None = None) -> MeasuredCase:
        """An answer beside the case's quantities."""
        assert isinstance(case.target, Quantities)
        return MeasuredCase(
            case=case.id,
            patient=case.patient,
            fold=fold,
            groups=case.groups,
            predicted=tuple(float(value) for value in answer),
            truth=case.target.numbers,
        )

    def judged(self, case: Case, file: Path, *, yardstick: float | None = None) -> MeasuredCase:
        """The quantities that a file tells beside the case's. Raises InputError for a file that is no answer."""
        return self.row(case, self.read(file), fold=None)

    def summary(
        self, rows: Sequence[MeasuredCase], test: Sequence[MeasuredCase], *, seed: int, yardstick: float | None = None
    ) -> dict[str, JSON]:
        """metrics.json. If only a test split was judged, it stands for the whole. "caveats": of what is not told."""
        found = summarise_regression(
            rows or test,
            quantities=self.task.quantities,
            units=self.units,
            primary=self.primary,
            seed=seed,
            test=test if rows else (),
        )
        for block in (found, *([found["test"]] if "test" in found else [])):
            if names := unexplained(block["by_class"]):
                block[CAVEATS] = [unexplained_text(names, of=len(self.task.quantities))]
        return found

    def settle(
        self, rows: Sequence[MeasuredCase], test: Sequence[MeasuredCase], plan: Plan
    ) -> tuple[list[MeasuredCase], list[MeasuredCase], None]:
        """The rows as they are: nothing is chosen on them."""
        return list(rows), list(test), None

    def compare(
        self, rows: Mapping[str, Sequence[MeasuredCase]], best: str, *, seed: int
    ) -> dict[str, tuple[Difference, ...]]:
        """Differences of the mean absolute error of each quantity."""
        return number_told.differences(rows, best, self.task, seed=seed)

    def settled(self, chosen: object) -> Self:
        """This problem: nothing is chosen."""
        return self

    def table(self, rows: Sequence[MeasuredCase]) -> str:
        """cases.csv."""
        return measured_to_csv(rows, quantities=self.task.quantities)

    def case_score(self, row: MeasuredCase) -> float | None:
        """1 where a quantity is known: the headline is of all those cases together."""
        return 1.0 if any(value is not None for value in row.truth) else None

    def headline_drawn(self, rows: Sequence[MeasuredCase], counts: Floats) -> Floats:
        """The headline in draws of the patients."""
        predicted, truth = (np.array(part, float) for part in ([r.predicted for r in rows], [r.truth for r in rows]))
        return numbers_drawn(predicted, truth, [row.patient for row in rows], counts, metric=self.primary)

    def results(
        self,
        name: str,
        summary: Mapping[str, JSON],
        rows: Sequence[MeasuredCase],
        *,
        facts: Mapping[str, CaseFacts],
        unit: Unit,
        note: str,
    ) -> tuple[ResultSet, ...]:
        """One set of cases as the page shows it."""
        return (number_told.result_set(name, summary, rows, self.task, units=self.units, note=note),)

    def pictures(
        self, rows: Sequence[MeasuredCase], *, case_of: Callable[[str], Case], answer_of: Callable[[str], Floats]
    ) -> tuple[CasePicture, ...]:
        """Cases that were estimated best, in the middle, and worst."""
        return number_told.pictures(rows, self.task, units=self.units, case_of=case_of)

    def shortfalls(self, summary: Mapping[str, JSON]) -> str:
        """Quantities whose truth does not vary, so that nothing was shown of them; of others see `unexplained`."""
        poor = [name for name, block in summary["by_class"].items() if block["r2"]["mean"] is None]
        return f"Of {', '.join(poor)} the model knows no more than the mean of all cases." if poor else ""


def _reach_text(found: Mapping[str, JSON]) -> str:
    """The intervals of a case, for its line; "" without one."""
    told = found.get(CERTAINTY, {}).get("intervals", {})
    reaches = {name: reach for name, reach in told.get("quantities", {}).items() if reach is not None}
    if not reaches:
        return ""
    each = ", ".join(f"{name} {low:.4g} to {high:.4g}" for name, (low, high) in reaches.items())
    return f"  ({100 * told['coverage']:.4g} %: {each})"

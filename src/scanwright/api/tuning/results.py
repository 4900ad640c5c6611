"""Everything that a tuning found, as what writes it and the page take it, and how a gain is told."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scanwright.api.run.asked import Asked
from scanwright.api.run.study import Material
from scanwright.api.run.trials import Tried
from scanwright.api.tuning.default import Base
from scanwright.api.tuning.outer import Compared, headline
from scanwright.plan.plan import Plan
from scanwright.plan.settings import Settings
from scanwright.report.notation import interval, metric, p_value
from scanwright.report.notation import number as as_number
from scanwright.report.results_content import Estimate
from scanwright.runtime import Machine
from scanwright.search.changes import pins
from scanwright.search.gain import NOTHING_BETTER, Verdict
from scanwright.search.parameter import Parameter
from scanwright.search.rungs import Rung
from scanwright.search.study import COMPLETE, VALUES_OF, trials_in
from scanwright.types import JSON

NOTE = (
    "All cases but the outer fold's held-out ones had a part in tuning: of a training with these values, only that fold and a "
    "declared test split are judged by a plan that did not see them."
)


@dataclass(frozen=True, slots=True)
class Said:
    """How the command was given, for the command that follows it. line: as it was typed."""

    asked: Asked
    device: str
    settings: Settings
    line: str
    outer: Material


@dataclass(frozen=True, kw_only=True, slots=True)
class Results:
    """Everything that a tuning found. best: None if no trial reached the top; found: None without two plans to compare."""

    study: Any
    space: Sequence[Parameter]
    rungs: Sequence[Rung]
    said: Said
    base: Base
    best: Any
    best_plan: Plan | None
    default: Tried
    found: Compared | None
    machine: Machine
    budget_s: float
    inner: Material

    @property
    def verdict(self) -> Verdict:
        """What is kept, and why."""
        if self.found is not None:
            return self.found.verdict
        reached = len(trials_in(self.study, (COMPLETE,)))
        reasons = {0: "the budget held no whole trial", 1: "no other trial reached all inner folds"}
        return Verdict(False, f"{reasons.get(reached, NOTHING_BETTER)}: the default is kept")

    @property
    def kept_plan(self) -> Plan:
        """The plan that is kept."""
        return self.best_plan if self.verdict.kept and self.best_plan is not None else self.base.plan


def headline_of(results: Results) -> Estimate:
    """The default plan's score on the outer held-out cases."""
    return headline(results.default.scores.summary, results.default.study.problem.primary)


def values_of(results: Results) -> dict[str, JSON]:
    """The plan values of the best trial, with those that hold its network."""
    assert results.best_plan is not None
    return {**pins(results.best_plan, reshaped=False), **results.best.user_attrs[VALUES_OF]}


def best_values(results: Results) -> dict[str, JSON]:
    """The same, whether they are kept or not; {} where the default is the best."""
    return {} if results.best_plan is None else values_of(results)


def gain_text(differences: Sequence[Mapping[str, Any]], *, called: Callable[[str], str] = str) -> str:
    """What was gained by the metric that decides: "auroc +0.012 [−0.004 … 0.028], p = 0.140", or of each quantity.

    called: what a metric is called.
    """
    if not differences:
        return "nothing to compare"
    first = differences[0]["metric"]
    return "; ".join(_gain_of(one, called(first)) for one in differences if one["metric"] == first)


def _gain_of(one: Mapping[str, Any], metric_name: str) -> str:
    low, high = one["ci95"] or (None, None)
    digits = metric(one["metric"]).digits
    found = Estimate(mean=one["mean"], low=low, high=high, n=one["n"], n_defined=one["n_defined"])
    name = f"{metric_name} of {one['part']}" if one.get("part") else metric_name
    mean = as_number(one["mean"], digits)
    sign = "+" if one["mean"] is not None and one["mean"] > 0 else ""
    reach = f" [{interval(found, digits)}]" if found.low is not None else " (no interval: too few patients)"
    return f"{name} {sign}{mean}{reach}" + (f", {p_value(one['p'])}" if one["p"] is not None else "")

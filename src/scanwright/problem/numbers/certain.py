"""How sure a regression is: intervals that hold the true number, and opinions that differ.

Residuals are those of out-of-fold answers. They are normalised by the deviation between the views of a network where that
makes intervals better on folds that had no say (conformal_interval.py): it is the one spread that is the same of a fold's
model, which answers a case out of fold, and of all of them together.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from scanwright.doubt import Doubt
from scanwright.errors import IntegrityError
from scanwright.evaluation.cases.judged import MeasuredCase
from scanwright.evaluation.certainty.conformal_interval import Residuals, chosen_form, interval_of
from scanwright.evaluation.certainty.opinions import each_opinion, member_spread, view_spread
from scanwright.evaluation.intervals.bootstrap import Interval
from scanwright.plan.plan import InferencePlan
from scanwright.problem.certain import Certain
from scanwright.types import JSON, Floats, Ints

DIGITS = 7


@dataclass(frozen=True, kw_only=True, slots=True)
class NumberCertainty:
    """coverage: that is stated. residuals: of each quantity in the task's order; without cases where none was known."""

    coverage: float
    residuals: tuple[Residuals, ...]

    def to_json(self) -> dict[str, JSON]:
        """confidence.json."""
        return {
            "intervals": {
                "coverage": self.coverage,
                "quantities": [
                    {
                        "form": one.form,
                        "floor": one.floor,
                        "residuals": [[float(f"{value:.{DIGITS}g}") for value in fold] for fold in one.by_fold],
                    }
                    for one in self.residuals
                ],
            }
        }


def number_certainty_from_json(data: Mapping[str, Any]) -> NumberCertainty | None:
    """A package's, None where it holds none of this kind. Raises IntegrityError for what is none."""
    if "intervals" not in data:
        return None
    try:
        held = data["intervals"]
        return NumberCertainty(
            coverage=float(held["coverage"]),
            residuals=tuple(
                Residuals(
                    by_fold=tuple(np.array(fold, dtype=np.float64) for fold in one["residuals"]),
                    form=one["form"],
                    floor=float(one["floor"]),
                )
                for one in held["quantities"]
            ),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise IntegrityError("not a confidence.json of this version", found=str(error)[:160]) from error


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """The cases (n,) of which a quantity is known: places among the rows, numbers, folds, spread between views (None:
    not known).
    """

    places: Ints
    predicted: Floats
    true: Floats
    folds: Ints
    spreads: Floats | None


def known_of(rows: Sequence[MeasuredCase], opinions: Mapping[str, Floats], quantity: int) -> Known:
    """Those of one quantity, by its place. opinions (M, V, Q): of cases, by name."""
    places = [k for k, row in enumerate(rows) if row.truth[quantity] is not None]
    spreads = [_view_spread(opinions.get(rows[k].case), quantity) for k in places]
    return Known(
        places=np.array(places, dtype=int),
        predicted=np.array([rows[k].predicted[quantity] for k in places], dtype=np.float64),
        true=np.array([rows[k].truth[quantity] for k in places], dtype=np.float64),
        folds=np.array([-1 if (fold := rows[k].fold) is None else fold for k in places], dtype=int),
        spreads=np.array(spreads, dtype=np.float64) if spreads and all(one is not None for one in spreads) else None,
    )


def _view_spread(opinions: Floats | None, quantity: int) -> float | None:
    spread = None if opinions is None else view_spread(opinions)
    return None if spread is None else float(spread[quantity])


def has_folds(rows: Sequence[MeasuredCase]) -> bool:
    """Whether each row was answered in a fold, of which there are two."""
    return all(row.fold is not None for row in rows) and len({row.fold for row in rows}) > 1


def fit_number_certainty(
    rows: Sequence[MeasuredCase], opinions: Mapping[str, Floats], plan: InferencePlan
) -> NumberCertainty | None:
    """From out-of-fold rows; None without two folds."""
    if not rows or not has_folds(rows):
        return None
    residuals = []
    for quantity in range(len(rows[0].predicted)):
        known = known_of(rows, opinions, quantity)
        form = chosen_form(known.predicted, known.true, known.folds, known.spreads, plan.coverage)
        spreads = known.spreads if form == "normalised" else None
        residuals.append(Residuals.of(known.predicted - known.true, known.folds, spreads))
    return NumberCertainty(coverage=plan.coverage, residuals=tuple(residuals))


def interval_of_case(fitted: NumberCertainty, quantity: int, answer: float, opinions: Floats | None) -> Interval | None:
    """The interval of one quantity of one case. opinions (M, V, Q): as the models give them."""
    residuals = fitted.residuals[quantity]
    members = np.array([answer]) if opinions is None else opinions.mean(axis=1)[:, quantity].astype(np.float64)
    if len(members) != len(residuals.by_fold):
        members = np.array([answer])
    return interval_of(members, residuals, fitted.coverage, spread=_view_spread(opinions, quantity))


def certain_numbers(
    answer: Floats,
    opinions: Floats | None,
    *,
    fitted: NumberCertainty | None,
    quantities: Sequence[str],
    units: Sequence[str],
) -> Certain:
    """What is told of one case: the interval of each quantity, and how far opinions differ. answer (Q,)."""
    found: dict[str, JSON] = {}
    said: list[Doubt] = []
    spread = None if opinions is None else member_spread(opinions)
    if spread is not None and opinions is not None:
        found["opinions"] = len(each_opinion(opinions))
        found["spread"] = {name: float(f"{value:.6g}") for name, value in zip(quantities, spread, strict=True)}
    if fitted is not None:
        percent = f"{100 * fitted.coverage:.4g}"
        reaches: dict[str, JSON] = {}
        for place, (name, unit) in enumerate(zip(quantities, units, strict=True)):
            reach = interval_of_case(fitted, place, float(answer[place]), opinions)
            reaches[name] = None if reach is None else [float(f"{end:.6g}") for end in reach]
            if reach is not None:
                low, high = (f"{end:.4g}" for end in reach)
                said.append(
                    Doubt(
                        "interval",
                        "{name}: {low} to {high}{unit} at {percent} % coverage",
                        name=name,
                        low=low,
                        high=high,
                        unit=f" {unit}" if unit else "",
                        percent=percent,
                    )
                )
        found["intervals"] = {"coverage": fitted.coverage, "quantities": reaches}
    return Certain(found=found, said=tuple(said))

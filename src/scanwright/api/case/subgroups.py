"""Whether a model is worse in some of its patients, for metrics.json: tests by every group column of the judged cases."""

from collections.abc import Mapping, Sequence

from scanwright.evaluation.cases.grouping import group_columns
from scanwright.evaluation.cases.judged import JudgedCase
from scanwright.evaluation.comparing.contrast import Measured
from scanwright.evaluation.comparing.subgroups import DRAWS, compare_subgroups, subgroups_json
from scanwright.evaluation.summaries.summary import CAVEATS
from scanwright.problem.kind import Kind
from scanwright.report.subgroup_content import SUBGROUPS, said_of
from scanwright.types import JSON

MOST_MEASURES = 16
MANY_CASES = 2_000
"""Above it half as many shuffles do: each takes as long as there are cases."""


def with_subgroups(
    problem: Kind, summary: Mapping[str, JSON], rows: Sequence[JudgedCase], *, seed: int = 0
) -> dict[str, JSON]:
    """A part of metrics.json with "subgroups", and among its caveats by which columns the measure that decides differs.

    rows: that it is of; without groups it stays as it is.
    """
    if not rows or not group_columns(rows):
        return dict(summary)
    measures = tested_measures(problem.measurable({"": rows}).measures)
    draws = DRAWS if len(rows) <= MANY_CASES else DRAWS // 2
    tests = subgroups_json(compare_subgroups(measures, rows, seed=seed, draws=draws))
    found = {**summary, **({SUBGROUPS: tests} if tests else {})}
    said = said_of(found)
    return {**found, CAVEATS: [*summary.get(CAVEATS, ()), *said]} if said else found


def tested_measures(measures: Sequence[Measured]) -> list[Measured]:
    """The first measure, those over all parts, and then of parts: not more than a reader can take in."""
    first, *others = measures
    return [first, *sorted(others, key=lambda one: bool(one.part))][:MOST_MEASURES]

"""The content of metrics.json for all kinds but segmentation: the shape of `evaluate.summarise`, from judged cases.

Measures of segmentation are means over cases; most of these are measures of a set of cases (a sensitivity, an AUROC), and
"mean" holds their value. "n" counts the cases of the set, "n_defined" those that the value is a share or mean of.
"""

from collections.abc import Callable, Sequence

import numpy as np

from scanwright.dataset.task import Choice
from scanwright.errors import UsageError
from scanwright.evaluation.cases.grouping import group_columns, members_by_group
from scanwright.evaluation.cases.judged import ClassifiedCase, MeasuredCase, Row, answers_of
from scanwright.evaluation.classes.classification import measure_answers
from scanwright.evaluation.intervals.bootstrap import Measures
from scanwright.evaluation.intervals.statistics import SAMPLES
from scanwright.evaluation.numbers.regression import measure_numbers
from scanwright.types import JSON

CAVEATS = "caveats"
"""In metrics.json, beside "overall": sentences without which its numbers would be misread; absent where there are none."""
BY_GROUP_AND_CLASS = "by_group_and_class"
CHOSEN_WITHOUT = "chosen_without"
"""In metrics.json, beside "overall", of the best of several models: the primary measure where each fold takes the model that is
best in the other folds."""


def summarise_classification(
    rows: Sequence[ClassifiedCase],
    *,
    classes: Sequence[str],
    choice: Choice,
    primary: str = "auroc",
    problem: str = "classification",
    seed: int = 0,
    samples: int = SAMPLES,
    test: Sequence[ClassifiedCase] = (),
) -> dict[str, JSON]:
    """metrics.json of a classification; measures as classification.py names them, "by_class" each class against the rest.

    {"problem", "primary", "cases", "patients",
     "overall":  {measure: {"mean", "ci95": [low, high] or None, "n", "n_defined"}},
     "by_class": {class: {measure: ...}},
     "by_group": {column: {value: {measure: ...}}},  cases that lack a column under "(not stated)"
     "by_group_and_class": {column: {value: {class: {measure: ...}}}},
     "by_fold":  {"0": {measure: ...}},              without intervals: folds share their training cases
     "test":     the same from "cases" on for the rows of a test split; absent without them}

    Overall, a problem of two classes is measured on the second, the positive one.
    Raises UsageError without rows, if they do not fit the classes, or if `primary` is none of the measures.
    """

    def measure(of: Sequence[ClassifiedCase], draws: int) -> tuple[Measures, dict[str, Measures]]:
        overall, each = measure_answers(answers_of(of, choice=choice), seed=seed, samples=draws)
        return overall, dict(zip(classes, each, strict=True))

    if any(len(row.probabilities) != len(classes) for row in (*rows, *test)):
        raise UsageError("every case needs a probability for each class", expected=f"{len(classes)} classes")
    return summarise_rows(rows, test, measure, {"problem": problem, "primary": primary}, samples=samples)


def summarise_regression(
    rows: Sequence[MeasuredCase],
    *,
    quantities: Sequence[str],
    units: Sequence[str] | None = None,
    primary: str = "mae",
    problem: str = "regression",
    seed: int = 0,
    samples: int = SAMPLES,
    test: Sequence[MeasuredCase] = (),
) -> dict[str, JSON]:
    """metrics.json of a regression: as above, with the quantities under "by_class" and their units under "units".

    units: one for each quantity, "" for none; None: all "". Quantities in different units have no error in common, and then
    "overall" has only measures without a unit.
    Raises UsageError without rows, if they do not fit the quantities, or if `primary` is none of the measures.
    """
    stated = list(units) if units is not None else [""] * len(quantities)
    shapes = {(len(row.predicted), len(row.truth)) for row in (*rows, *test)}
    if len(stated) != len(quantities) or shapes - {(len(quantities),) * 2}:
        raise UsageError(
            "every case and unit needs a place for each quantity", expected=f"{len(quantities)} quantities"
        )

    def measure(of: Sequence[MeasuredCase], draws: int) -> tuple[Measures, dict[str, Measures]]:
        predicted, truth = (np.array(part, float) for part in ([r.predicted for r in of], [r.truth for r in of]))
        patients = [row.patient for row in of]
        overall, each = measure_numbers(predicted, truth, patients, units=stated, seed=seed, samples=draws)
        return overall, dict(zip(quantities, each, strict=True))

    head = {"problem": problem, "primary": primary, "units": dict(zip(quantities, stated, strict=True))}
    return summarise_rows(rows, test, measure, head, samples=samples)


def summarise_rows(
    rows: Sequence[Row],
    test: Sequence[Row],
    measure: Callable[[Sequence[Row], int], tuple[Measures, dict[str, Measures]]],
    head: dict[str, JSON],
    *,
    samples: int,
) -> dict[str, JSON]:
    """metrics.json of judged cases of any kind, in the shape of `summarise_classification`.

    measure: from some of the rows and a number of draws to the measures of all classes together and those of each by name.
    head: what stands first; "primary" in it names a measure of "overall".
    Raises UsageError without rows, or if `primary` is none of the measures.
    """
    if not rows:
        raise UsageError("nothing to summarise", expected="one case at least")

    def tables(of: Sequence[Row]) -> dict[str, JSON]:
        overall, by_class = measure(of, samples)
        folds = sorted({row.fold for row in of if row.fold is not None})
        groups = {
            column: {
                value: measure([of[k] for k in chosen], samples)
                for value, chosen in members_by_group(of, column).items()
            }
            for column in group_columns(of)
        }
        return {
            "cases": len(of),
            "patients": len({row.patient for row in of}),
            "overall": _as_json(overall),
            "by_class": {name: _as_json(found) for name, found in by_class.items()},
            "by_group": {
                column: {value: _as_json(overall) for value, (overall, _) in found.items()}
                for column, found in groups.items()
            },
            BY_GROUP_AND_CLASS: {
                column: {
                    value: {name: _as_json(one) for name, one in each.items()} for value, (_, each) in found.items()
                }
                for column, found in groups.items()
            },
            "by_fold": {str(fold): _as_json(measure([row for row in of if row.fold == fold], 0)[0]) for fold in folds},
        }

    judged = tables(rows)
    if head["primary"] not in judged["overall"]:
        raise UsageError(
            "nothing to summarise by this measure", expected=", ".join(judged["overall"]), found=head["primary"]
        )
    return {**head, **judged, **({"test": tables(test)} if test else {})}


def _as_json(measures: Measures) -> dict[str, JSON]:
    return {name: estimate.as_json() for name, estimate in measures.items()}

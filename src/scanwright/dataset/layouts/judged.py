"""Which regions were looked for in each case: a column of a table beside the scans, such as "liver|tumour".

What was not looked for is not known to be absent: it is neither learned nor scored there. An empty cell: all were.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from scanwright.dataset.cases import Case, Dataset, Fault

BETWEEN = "|"


def with_judged(
    dataset: Dataset, rows: Mapping[str, Sequence[Mapping[str, str]]], column: str, *, table: Path
) -> Dataset:
    """A data set of regions with what was looked for in each case, and the task with each such set; others as they are.

    A name that is no region is a fault, and so is a case in which nothing is left.
    """
    names = [region.name for region in dataset.task.regions]
    if not names:
        return dataset
    cases, faults = [], list(dataset.faults)
    for case in dataset.cases:
        stated = next((row[column] for row in rows.get(case.id, ()) if row[column]), "")
        said = [part.strip() for part in stated.split(BETWEEN) if part.strip()]
        unknown = sorted(set(said) - set(names))
        if unknown:
            faults.append(_fault(case, table, names, unknown))
        judged = tuple(name for name in names if name in said)
        is_whole = not judged or len(judged) == len(names)
        cases.append(case if is_whole else case.model_copy(update={"judged": judged}))
    partial = tuple(dict.fromkeys(case.judged for case in sorted(cases, key=lambda one: one.id) if case.judged))
    task = dataset.task.model_copy(update={"partial": partial})
    return dataset.model_copy(update={"task": task, "cases": tuple(cases), "faults": tuple(faults)})


def _fault(case: Case, table: Path, names: Sequence[str], unknown: Sequence[str]) -> Fault:
    return Fault(
        code="unclear-judged",
        severity="error",
        case=case.id,
        file=table,
        expected=", ".join(names),
        found=", ".join(unknown),
        action=f"Name regions of the data set, with {BETWEEN} between them.",
    )

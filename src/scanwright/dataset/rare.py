"""What too few patients have to be learned and judged by patient: regions, classes of boxes, classes of images."""

from collections.abc import Collection, Iterable, Iterator, Mapping

from scanwright.dataset.cases import Case, Classes, Fault
from scanwright.dataset.task import Task

LEAST_NAMES = 6
"""Of fewer classes that one patient each has, each is told by itself: a small sample of a few grades looks so."""
MOST_SHARED = 0.1
"""Share of the classes that several patients may have where the classes are names all the same."""


def owners_of_classes(cases: Iterable[Case], task: Task) -> dict[str, set[str]]:
    """The patients of whom an image has each class of the task."""
    owners: dict[str, set[str]] = {name: set() for name in task.classes}
    for case in cases:
        for name in case.target.names if isinstance(case.target, Classes) else ():
            owners[name].add(case.patient)
    return owners


def name_patients(owners: Mapping[str, Collection[str]]) -> bool:
    """Whether classes are as good as names: nearly each of them, six at least, is in one patient, and so are most patients.

    owners: the patients that have each class; classes that nobody has do not count.
    """
    found = [len(patients) for patients in owners.values() if patients]
    alone = found.count(1)
    return alone >= LEAST_NAMES and len(found) - alone <= MOST_SHARED * len(found) and 2 * alone > sum(found)


def rare(
    owners: Mapping[str, Collection[str]], *, code: str, what: str, action: str, excuse_one: bool = False
) -> Iterator[Fault]:
    """A warning for each name that no patient has, or only one.

    owners: the patients that have each name. excuse_one: one patient is enough, as where there are but two in all.
    """
    for name, patients in owners.items():
        if not patients or (len(patients) == 1 and not excuse_one):
            yield Fault(
                code=code,
                severity="warning",
                expected=f"every {what} in several patients",
                found=f"{name} in {'one patient' if patients else 'no patient'}",
                action=f"It cannot be learned and judged; {action}.",
            )

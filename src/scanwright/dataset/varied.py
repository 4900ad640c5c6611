"""Whether targets of whole images differ at all: of cases that all say the same nothing is learned, and nothing judged."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

from scanwright.dataset.cases import Case, Classes, Fault, Quantities
from scanwright.dataset.rare import name_patients, owners_of_classes
from scanwright.dataset.task import Task

MEND = "Check that the target is the one that is meant, that --exclude leaves what differs, and that not all of it is set apart"


def nothing_to_learn(cases: Sequence[Case], task: Task) -> Iterator[Fault]:
    """An error where the cases that may be learned from have one class, or one number, or a class each; cases: without those
    set apart.

    Labels of which several may be there differ if one of them is in some cases and not in others. Of several quantities that
    are one number, while another is not, each is a warning. Silent of other kinds, and where nothing is labelled.
    """
    if task.kind == "classification":
        yield from _one_class([case.target for case in cases if isinstance(case.target, Classes)], task)
        yield from _names_alone(owners_of_classes(cases, task), task)
    elif task.kind == "regression":
        yield from _one_number([case.target for case in cases if isinstance(case.target, Quantities)], task)


def _one_class(targets: Sequence[Classes], task: Task) -> Iterator[Fault]:
    if not targets or any(_differ(name, targets) for name in task.classes):
        return
    told = ", ".join(targets[0].names) or "no class"
    what = "label that is in some cases and not in others" if task.choice == "several" else "two classes"
    yield Fault(
        code="nothing-to-learn",
        severity="error",
        expected=f"at least {'one ' if task.choice == 'several' else ''}{what} among the cases to learn from",
        found=f"{told} in all {len(targets)} of them",
        action=f"{MEND}; else add cases of another class.",
    )


def _differ(name: str, targets: Iterable[Classes]) -> bool:
    """Whether a class is in some of the cases and not in others; where it is not known it is in neither."""
    return len({name in target.names for target in targets if name not in target.unknown}) > 1


def _names_alone(owners: Mapping[str, Collection[str]], task: Task) -> Iterator[Fault]:
    if task.choice == "several" or not name_patients(owners):
        return
    alone = [name for name, patients in owners.items() if len(patients) == 1]
    yield Fault(
        code="nothing-to-learn",
        severity="error",
        expected="classes that several patients have",
        found=f"{len(alone)} of {sum(map(bool, owners.values()))} classes in one patient each, such as {', '.join(alone[:4])}",
        action="These seem to be names of cases or free text, of which nothing is learned: name another column as the target. "
        "Numbers are learned with --task regression; classes of few cases can be joined.",
    )


def _one_number(targets: Sequence[Quantities], task: Task) -> Iterator[Fault]:
    known = {
        name: [number for target in targets if (number := target.numbers[place]) is not None]
        for place, name in enumerate(task.quantities)
    }
    alike = {name: numbers for name, numbers in known.items() if numbers and _are_equal(numbers)}
    all_of_them = len(alike) == sum(bool(numbers) for numbers in known.values())
    for name, numbers in alike.items():
        yield Fault(
            code="nothing-to-learn",
            severity="error" if all_of_them else "warning",
            expected="numbers that differ among the cases to learn from",
            found=f"{name} is {numbers[0]:g} in all {len(numbers)} of them",
            action=f"{MEND}; else add cases with other values.",
        )


def _are_equal(numbers: Sequence[float]) -> bool:
    return all(one == other for one, other in pairwise(numbers))

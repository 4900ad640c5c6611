"""Targets that say the same of every case are an error before anything is trained."""

from pathlib import Path

import pytest

from scanwright.dataset.cases import Case, Classes, Quantities, Target
from scanwright.dataset.classes import rare_classes
from scanwright.dataset.task import Channel, Choice, Task
from scanwright.dataset.varied import nothing_to_learn

CHANNELS = (Channel(name="x", modality="xray"),)


def cases_of(*targets: Target) -> list[Case]:
    return [
        Case(id=f"c{k}", images=(Path(f"c{k}.png"),), patient=f"c{k}", target=target)
        for k, target in enumerate(targets)
    ]


def classes(*names: str, unknown: tuple[str, ...] = ()) -> Classes:
    return Classes(names=names, unknown=unknown)


def of_classes(choice: Choice = "one") -> Task:
    return Task(name="t", kind="classification", channels=CHANNELS, classes=("a", "b"), choice=choice)


def of_numbers(*names: str) -> Task:
    return Task(name="t", kind="regression", channels=CHANNELS, quantities=names)


@pytest.mark.parametrize(
    ("task", "targets", "found"),
    [
        (of_classes(), [classes("a")] * 3, "a in all 3 of them"),
        (of_classes("several"), [classes("a"), classes("a", unknown=("b",))], "a in all 2 of them"),
        (of_classes("several"), [classes(), classes()], "no class in all 2 of them"),
        (of_numbers("volume_ml"), [Quantities(numbers=(5.0,))] * 4, "volume_ml is 5 in all 4 of them"),
    ],
)
def test_nothing_to_learn__of_targets_that_say_the_same(task: Task, targets: list[Target], found: str) -> None:
    (fault,) = nothing_to_learn(cases_of(*targets), task)
    assert (fault.code, fault.severity, fault.found) == ("nothing-to-learn", "error", found)
    assert fault.action and "--exclude" in fault.action


@pytest.mark.parametrize(
    ("task", "targets"),
    [
        (of_classes(), [classes("a"), classes("b")]),
        (of_classes("several"), [classes("a"), classes()]),
        (of_numbers("volume_ml"), [Quantities(numbers=(5.0,)), Quantities(numbers=(5.1,))]),
        (of_numbers("volume_ml"), []),
    ],
)
def test_nothing_to_learn__silent_where_targets_differ(task: Task, targets: list[Target]) -> None:
    assert list(nothing_to_learn(cases_of(*targets), task)) == []


def test_nothing_to_learn__one_quantity_of_two_is_a_warning() -> None:
    targets = [Quantities(numbers=(5.0, 1.0)), Quantities(numbers=(5.0, 2.0)), Quantities(numbers=(None, 3.0))]
    (fault,) = nothing_to_learn(cases_of(*targets), of_numbers("a", "b"))
    assert (fault.severity, fault.found) == ("warning", "a is 5 in all 2 of them")


@pytest.mark.parametrize(("shared", "is_told"), [(0, True), (3, True), (20, False)])
def test_nothing_to_learn__of_names_of_cases(shared: int, is_told: bool) -> None:
    """One error in place of a warning for each, where nearly every class is of one patient alone."""
    names = [f"case{place}" for place in range(40)]
    task = Task(name="t", kind="classification", channels=CHANNELS, classes=tuple(names))
    cases = cases_of(*(classes(name) for name in [*names, *names[:shared]]))
    faults = list(nothing_to_learn(cases, task))
    warned = list(rare_classes(cases, task))
    assert [(one.code, one.severity) for one in faults] == [("nothing-to-learn", "error")] * is_told
    assert (len(warned) == 0) is is_told
    if is_told:
        assert faults[0].found == f"{40 - shared} of 40 classes in one patient each, such as " + ", ".join(
            names[shared : shared + 4]
        )


def test_nothing_to_learn__a_few_grades_of_one_case_each_are_warned_of_one_by_one() -> None:
    task = Task(name="t", kind="classification", channels=CHANNELS, classes=tuple("abcd"))
    cases = cases_of(*map(classes, "abcd"))
    assert list(nothing_to_learn(cases, task)) == [] and len(list(rare_classes(cases, task))) == 4

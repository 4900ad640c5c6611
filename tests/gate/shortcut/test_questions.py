"""Each kind of task asks what it is asked for."""

from pathlib import Path

from made_folders import made_facts
from scanwright.dataset.cases import Box, Boxes, Case, Classes, Dataset, Quantities
from scanwright.dataset.task import Channel, Region, Task
from scanwright.gate.cohort import Cohort
from scanwright.gate.shortcut.questions import above_median, questions

CHANNELS = (Channel(name="CT", modality="ct"),)


def asked_of(task, targets, *, test=(), facts=None):
    """By question's name the ids that answer yes."""
    cases = tuple(
        Case(
            id=f"c{k}",
            images=(Path("i"),),
            label=Path("l") if facts else None,
            target=target,
            patient=f"c{k}",
            split="test" if k in test else "train",
        )
        for k, target in enumerate(targets)
    )
    dataset = Dataset(root=Path("root"), layout="made", stated="", task=task, cases=cases)
    known = {case.id: made_facts(case.id, **(facts[k] if facts else {})) for k, case in enumerate(cases)}
    found = questions(Cohort(dataset=dataset, facts=known))
    return {question.name: sorted(case for case, yes in question.yes.items() if yes) for question in found}


def classes(*names):
    return [Classes(names=tuple(name.split())) for name in names]


def task(**extra):
    return Task(name="t", channels=CHANNELS, **extra)


def test_questions__two_classes_are_one_question():
    two = task(kind="classification", classes=("normal", "sick"))
    assert asked_of(two, classes("sick", "normal", "sick")) == {"sick": ["c0", "c2"]}


def test_questions__each_of_more_classes_against_the_rest():
    three = task(kind="classification", classes=("a", "b", "c", "d"))
    assert asked_of(three, classes("a", "b", "c", "a")) == {"a": ["c0", "c3"], "b": ["c1"], "c": ["c2"]}


def test_questions__several_classes_and_none():
    several = task(kind="classification", classes=("a", "b"), choice="several")
    assert asked_of(several, classes("a b", "", "b")) == {"b": ["c0", "c2"], "a": ["c0"]}


def test_questions__a_class_that_is_not_known_of_a_case_is_not_asked_there():
    several = task(kind="classification", classes=("a", "b"), choice="several")
    targets = [*classes("a b", "", "b"), Classes(names=("b",), unknown=("a",))]
    dataset = Dataset(
        root=Path("root"),
        layout="made",
        stated="",
        task=several,
        cases=tuple(
            Case(id=f"c{k}", images=(Path("i"),), target=target, patient=f"c{k}") for k, target in enumerate(targets)
        ),
    )
    found = questions(Cohort(dataset=dataset, facts={case.id: made_facts(case.id) for case in dataset.cases}))
    assert {question.name: len(question.yes) for question in found} == {"b": 4, "a": 3}


def test_questions__grades():
    grades = task(kind="classification", classes=("0", "1", "2"), choice="ordered")
    assert asked_of(grades, classes("0", "1", "2", "2")) == {"a high grade": ["c2", "c3"]}


def test_questions__test_cases_and_cases_without_answer_are_not_asked():
    two = task(kind="classification", classes=("normal", "sick"))
    assert asked_of(two, [*classes("sick", "normal", "sick"), None], test=(0,)) == {"sick": ["c2"]}
    assert asked_of(two, classes("sick", "sick")) == {}


def test_questions__a_region_that_is_there_or_large():
    regions = task(regions=(Region(name="liver", values=(1,)), Region(name="tumour", values=(2,))))
    facts = [{"region_voxels": {"liver": 100 + k, "tumour": 5 * (k > 0)}} for k in range(4)]
    asked = asked_of(regions, [None] * 4, facts=facts)
    assert asked == {"tumour": ["c1", "c2", "c3"], "a large liver": ["c2", "c3"]}


def test_questions__any_region_of_several():
    regions = task(regions=(Region(name="cyst", values=(1,)), Region(name="tumour", values=(2,))))
    facts = [{"region_voxels": {"cyst": int(k == 1), "tumour": int(k == 2)}} for k in range(4)]
    asked = asked_of(regions, [None] * 4, facts=facts)
    assert asked == {"cyst": ["c1"], "tumour": ["c2"], "any region": ["c1", "c2"]}


def test_questions__the_same_answers_are_asked_once():
    """The task's own question stands for the one that comes with it."""
    regions = task(regions=(Region(name="liver", values=(1,)), Region(name="tumour", values=(2,))))
    facts = [{"region_voxels": {"liver": 100 + k, "tumour": 5 * (k > 1)}} for k in range(4)]
    assert asked_of(regions, [None] * 4, facts=facts) == {"tumour": ["c2", "c3"]}


def test_questions__volume_counts_millimetres_and_pictures_their_share():
    liver = task(regions=(Region(name="liver", values=(1,)),))
    facts = [{"region_voxels": {"liver": 100}, "spacing": (1.0, 1.0, float(1 + k))} for k in range(4)]
    assert asked_of(liver, [None] * 4, facts=facts) == {"a large liver": ["c2", "c3"]}
    facts = [{"region_voxels": {"liver": 100}, "shape": (10, 10 * (1 + k), 1), "unit": "px"} for k in range(4)]
    assert asked_of(liver, [None] * 4, facts=facts) == {"a large liver": ["c0", "c1"]}


def test_questions__quantities():
    ages = task(kind="regression", quantities=("age", "weight"))
    targets = [Quantities(numbers=(float(k), None if k else 3.0)) for k in range(4)]
    assert asked_of(ages, targets) == {"a high age": ["c2", "c3"]}


def test_questions__boxes():
    def boxes(*names, ignored=()):
        return Boxes(
            boxes=tuple(Box(name=n, start=(0, 0), end=(1, 1), ignored=k in ignored) for k, n in enumerate(names))
        )

    cells = task(kind="detection", classes=("red", "white"))
    targets = [boxes("red"), boxes("red", "white"), boxes(), boxes("white", ignored=(0,))]
    assert asked_of(cells, targets) == {"red": ["c0", "c1"], "white": ["c1"]}
    targets = [boxes("red"), boxes("white"), boxes(), boxes("red", "red")]
    asked = asked_of(cells, targets)
    assert asked == {"red": ["c0", "c3"], "white": ["c1"], "any box": ["c0", "c1", "c3"], "many boxes": ["c3"]}


def test_above_median__nothing():
    assert above_median({}) == {}
    assert above_median({"a": 1.0, "b": 1.0}) == {"a": False, "b": False}

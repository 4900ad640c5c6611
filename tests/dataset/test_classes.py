import doctest
from pathlib import Path

import pytest

from scanwright.dataset import classes
from scanwright.dataset.cases import Case, Classes, Quantities
from scanwright.dataset.classes import answers_text, in_order, one_spelling, rare_classes, with_spelling
from scanwright.dataset.task import Channel, Task

CHANNELS = (Channel(name="US", modality="us"),)


def cases(*targets):
    return [
        Case(id=f"c{number}", images=(Path("/a.png"),), patient=patient, target=target)
        for number, (patient, target) in enumerate(targets)
    ]


def task(*classes, choice="one"):
    return Task(name="t", kind="classification", channels=CHANNELS, classes=classes, choice=choice)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["malignant", "benign"], ["benign", "malignant"]),
        (["benign", "Normal"], ["Normal", "benign"]),
        (["COVID", "non-COVID"], ["non-COVID", "COVID"]),
        (["Abnormal", "Normal"], ["Normal", "Abnormal"]),
        (["1", "0"], ["0", "1"]),
        (["1_tumour", "0_healthy"], ["0_healthy", "1_tumour"]),
        (["Yes", "No"], ["No", "Yes"]),
        (["disease", "no disease"], ["no disease", "disease"]),
        (["Alzheimer", "controls"], ["controls", "Alzheimer"]),
        (["malignant", "normal, benign"], ["normal, benign", "malignant"]),
        (["noise", "artefact"], ["artefact", "noise"]),
        (["nodule", "mass"], ["mass", "nodule"]),
        (["NORMAL", "Zyste", "abscess"], ["abscess", "NORMAL", "Zyste"]),
        (["10", "9", "1"], ["1", "9", "10"]),
        ([], []),
    ],
)
def test_order(names, expected):
    assert list(in_order(names)) == list(in_order(names[::-1])) == expected


@pytest.mark.parametrize("choice", ["several", "ordered"])
def test_order__where_no_class_is_the_negative_one(choice):
    assert in_order(["mass", "benign", "absent"], choice=choice) == ("absent", "benign", "mass")
    assert in_order(["atrophy", "none"], choice=choice) == ("atrophy", "none")


def test_listed__a_comma_in_a_name_makes_no_two_of_it():
    assert doctest.testmod(classes).failed == 0
    seen = cases(("p", Classes(names=("normal, benign",))), ("q", Classes(names=("malignant",))))
    assert answers_text(seen, task("normal, benign", "malignant")) == "classes “normal, benign” (1), malignant (1)"


def test_spelling__the_most_frequent_or_the_declared():
    names = ["Benign", "benign", "benign ", "benign", "Übel", "übel", "right  lung", "Right lung"]
    found = one_spelling(names)
    assert {found[name] for name in names} == {"benign", "Übel", "Right lung"}
    assert one_spelling(["a", "b"], declared=["A"]) == {"a": "A", "b": "b"}
    assert with_spelling(Classes(names=("a", "A")), {"a": "A", "A": "A"}) == Classes(names=("A",))
    assert with_spelling(Quantities(numbers=(1,)), {}) == Quantities(numbers=(1,))
    assert with_spelling(None, {}) is None


def test_text__classes_and_ranges():
    some = cases(("p", Classes(names=("a",))), ("q", Classes(names=("a", "b"))), ("r", None))
    assert answers_text(some, task("a", "b", choice="several")) == "classes (several at once) a (2), b (1)"
    many = [f"c{number:02d}" for number in range(14)]
    assert answers_text([], task(*many)).endswith("c11 (0) and 2 more")
    wanted = Task(name="t", kind="regression", channels=CHANNELS, quantities=("age", "size"))
    numbers = cases(("p", Quantities(numbers=(40.5, None))), ("q", Quantities(numbers=(7, None))))
    assert answers_text(numbers, wanted) == "age 7 to 40.5, size of no case"


def test_rare__fewer_than_two_patients():
    some = cases(*(("p", Classes(names=("a", "b"))), ("p", Classes(names=("b",))), ("q", Classes(names=("a",)))))
    found = list(rare_classes(some, task("a", "b", "c", choice="several")))
    assert [(fault.code, fault.severity, fault.found) for fault in found] == [
        ("rare-class", "warning", "b in one patient"),
        ("rare-class", "warning", "c in no patient"),
    ]
    assert not list(rare_classes([], task("a", "b")))
    assert not list(rare_classes(some, Task(name="t", kind="regression", channels=CHANNELS, quantities=("age",))))

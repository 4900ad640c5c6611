"""Classes that few patients have."""

import pytest

from scanwright.evaluation.cases.judged import ClassifiedCase
from scanwright.evaluation.cases.rare import absent_classes, absent_text, rare_classes, rare_text, unlearned_text


def rows(choice, truths, *, patients=None):
    several = choice == "several"
    return [
        ClassifiedCase(
            case=f"c{place}",
            patient=f"p{place}" if patients is None else patients[place],
            probabilities=(0.2, 0.3, 0.5),
            truth=tuple(None if one is None else one == place for place in range(3)) if several else one,
            decision=(False, False, True) if several else 2,
        )
        for place, one in enumerate(truths)
    ]


@pytest.mark.parametrize("choice", ["one", "ordered", "several"])
def test_rare__fewer_than_five_patients_and_not_none(choice):
    found = rare_classes(rows(choice, [0] * 5 + [1] * 4), classes=("a", "b", "c"), choice=choice)
    assert found == {"b": 4}
    assert rare_classes(rows(choice, [0] * 5 + [1] * 5), classes=("a", "b", "c"), choice=choice) == {}


def test_rare__patients_are_counted_and_what_is_not_known_is_not():
    owners = ["p0"] * 9 + ["p1"]
    assert rare_classes(rows("one", [0] * 10, patients=owners), classes=("a", "b", "c"), choice="one") == {"a": 2}
    assert rare_classes(rows("several", [0] * 4 + [None] * 3), classes=("a", "b", "c"), choice="several") == {"a": 4}


@pytest.mark.parametrize(
    ("choice", "truths", "found"),
    [
        ("one", [0, 1, 0, 1], ("c",)),
        ("one", [0, 1, 2], ()),
        ("several", [0, 1, None, 0], ("c",)),
        ("several", [None, None], ("a", "b", "c")),
        ("several", [1, 1], ("a", "b", "c")),  # nobody has a and c, everybody has b
    ],
)
def test_absent__nobody_has_it_or_everybody(choice, truths, found):
    assert absent_classes(rows(choice, truths), classes=("a", "b", "c"), choice=choice) == found


def test_texts__name_the_classes():
    assert absent_text(["b", "c"]).startswith("No case, or every case, has b, c: ")
    assert "have b (4), c (1): " in rare_text({"b": 4, "c": 1})
    assert unlearned_text(["b", "c"]).startswith("All cases of b, c lie in one fold")

"""Which names of grades say their order, and which do not."""

import pytest

from scanwright.dataset.grades import order_of_grades


@pytest.mark.parametrize(
    "names",
    [
        ["0", "1", "2", "10"],
        ["-1", "0", "1.5"],
        ["grade 1", "grade 2", "grade 10"],
        ["G1", "G2", "G3"],
        ["T1", "T1a", "T1b", "T2"],
        ["BI-RADS 3", "BI-RADS 4A", "BI-RADS 4B", "BI-RADS 5"],
        ["I", "II", "III", "IV", "V", "IX", "X"],
        ["Stage 0", "stage I", "stage IIA", "stage IIB", "stage III"],
        ["none", "Mild", "moderate", "severe"],
        ["normal", "mild", "very severe"],
        ["low", "medium", "high"],
        ["small", "intermediate", "large"],
        ["very_low", "low", "very_high"],
    ],
)
def test_order_of_grades(names):
    assert order_of_grades(names) == tuple(names)
    assert order_of_grades(names[::-1]) == tuple(names)


@pytest.mark.parametrize(
    "names",
    [
        ["mild", "severe", "other"],  # a word of no series
        ["absent", "none", "mild"],  # two words of one place
        ["1", "01", "2"],
        ["grade 1", "stage 2"],
        ["I", "II", "3"],
        ["luminal A", "luminal B", "HER2"],
        ["x-ray", "ct"],
    ],
)
def test_names_without_an_order(names):
    assert order_of_grades(names) is None

"""Ages in tables become groups by decade; other numbers do not."""

import pytest

from scanwright.dataset.layouts.ages import decade, is_age_column, said_group


@pytest.mark.parametrize("name", ["age", "Age", "patient_age", "age_years", "Age (years)", "age at scan", "AGE"])
def test_columns__that_are_ages(name):
    assert is_age_column(name, ["61", "47.5", "7"])
    assert said_group(name, "61") == "60 to 69"


@pytest.mark.parametrize(
    "name", ["stage", "image", "age_months", "gestational age", "bone_age", "dosage", "page", "brain age"]
)
def test_columns__that_are_none(name):
    assert not is_age_column(name, ["61", "47"])
    assert said_group(name, "61") == "61"


def test_values():
    assert [decade(text) for text in ("0", "9", "10", "061Y", "7,5", "120", "121", "old", "-3", "")] == [
        "0 to 9", "0 to 9", "10 to 19", "60 to 69", "0 to 9", "120 to 129", None, None, None, None,
    ]  # fmt: skip
    assert not is_age_column("age", ["61", "old"]) and not is_age_column("age", ["61", "62"])
    assert said_group("age", "old") == "old"

"""Names of cases and patients from several sources: kept where they can be, never two of one name."""

from pathlib import Path

import numpy as np

from made_folders import made_case
from scanwright.dataset.identities import identify, source_names


def named(found):
    return {key: (one.case, one.patient) for key, one in found.items()}


def test_free_names_stay():
    found = identify({"A": [made_case("a")], "B": [made_case("b", patient="P")]}, same_patients=False)
    assert named(found) == {("A", "a"): ("a", "a"), ("B", "b"): ("b", "P")}


def test_taken_names__the_later_source_goes_before():
    cases = [made_case("s1", patient="P1"), made_case("s2", patient="P1")]
    found = named(identify({"A": cases, "B": cases}, same_patients=False))
    assert found["A", "s1"] == ("s1", "P1")
    assert found["B", "s1"] == ("B_s1", "B_P1") and found["B", "s2"] == ("B_s2", "B_P1")


def test_same_patients__stay_one():
    cases = [made_case("s1", patient="P1")]
    assert named(identify({"A": cases, "B": cases}, same_patients=True))["B", "s1"] == ("B_s1", "P1")


def test_upper_and_lower_case_are_one_name():
    found = named(identify({"A": [made_case("Case")], "B": [made_case("case")]}, same_patients=False))
    assert found["B", "case"] == ("B_case", "B_case")


def test_a_patient_called_like_a_case_is_somebody_else():
    found = named(identify({"A": [made_case("x")], "B": [made_case("y", patient="x")]}, same_patients=False))
    assert found["B", "y"] == ("y", "B_x")


def test_many__no_case_name_twice_and_patients_of_sources_apart():
    rng = np.random.default_rng(0)
    for _ in range(50):
        sources = {
            name: [made_case(f"{c}", patient=f"{rng.integers(4)}") for c in rng.permutation(8)[:5]]
            for name in ("A", "B", "A_1")
        }
        found = identify(sources, same_patients=False)
        ids = [one.case.casefold() for one in found.values()]
        assert len(set(ids)) == len(ids)
        owners = {name: {one.patient for (source, _), one in found.items() if source == name} for name in sources}
        assert not owners["A"] & owners["B"] and not (owners["A"] | owners["B"]) & owners["A_1"]


def test_sources__called_alike_are_numbered(tmp_path):
    for name in ("x/set", "y/set"):
        (tmp_path / name).mkdir(parents=True)
    assert source_names([tmp_path / "x/set", tmp_path / "y/set", Path("z.csv")]) == ["set", "set-2", "z"]

"""Which cases the page about a data set shows."""

from made_folders import made_facts
from scanwright.api.data.page import PICTURES, on_show
from scanwright.dataset.cases import Fault


def facts_of(hashes):
    return {name: made_facts(name).model_copy(update={"image_hashes": (held,)}) for name, held in hashes.items()}


def duplicate(name):
    return Fault(code="duplicate-image", severity="warning", case=name, found="the same voxels")


def test_on_show__both_of_a_pair():
    facts = facts_of({"a": "x", "b": "y", "c": "x", "d": "z", "e": "y"})
    assert on_show([duplicate("c"), duplicate("e")], facts) == ["a", "c", "b", "e"]


def test_on_show__of_many_pairs_whole_ones():
    facts = facts_of({f"{name}{at:02d}": f"{at}" for name in "ab" for at in range(20)})
    shown = on_show([duplicate(f"b{at:02d}") for at in range(20)], facts)
    assert len(shown) == PICTURES
    assert all(shown[at][1:] == shown[at + 1][1:] and shown[at] < shown[at + 1] for at in range(0, PICTURES, 2))


def test_on_show__any_other_finding_names_its_own_cases():
    facts = facts_of({"a": "x", "b": "x"})
    assert on_show([Fault(code="constant-image", severity="error", case="b")], facts) == ["b"]

"""The same label in two cases."""

from label_samples import made_cohort, name_of
from made_folders import made_facts
from scanwright.gate.labels.integrity import find
from scanwright.gate.labels.repeated import repeated


def facts_of(number, *, label="same", image=None, voxels=500):
    name = name_of(number)
    hashes = (image or name,)
    return {name: made_facts(name, label_hash=label, image_hashes=hashes, region_voxels={"small": voxels})}


def test_repeated__two_images():
    cohort = made_cohort(4, facts_of(0) | facts_of(2) | facts_of(3, label="own"))
    assert repeated(cohort) == [(name_of(0), name_of(2))]
    (fault,) = find(cohort, {}).faults
    assert (fault.code, fault.severity, fault.cases) == ("label-repeated", "warning", (name_of(0), name_of(2)))


def test_repeated__one_image_or_next_to_nothing():
    assert repeated(made_cohort(4, facts_of(0, image="one") | facts_of(2, image="one"))) == []
    assert repeated(made_cohort(4, facts_of(0) | facts_of(2)), [(name_of(0), name_of(2))]) == []
    assert repeated(made_cohort(4, facts_of(0, voxels=9) | facts_of(2, voxels=9))) == []

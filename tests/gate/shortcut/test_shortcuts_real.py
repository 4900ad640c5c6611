"""The hunt on the labelled data folders: what is known of them is found, and random splits are not told apart."""

import pytest

from scanwright.dataset.checks import check
from scanwright.dataset.read import read_dataset
from scanwright.gate.cohort import Cohort
from scanwright.gate.comparison import distribution, separable
from scanwright.gate.shortcut import shortcuts

pytestmark = pytest.mark.data
LOOKED_AT: dict[tuple, tuple] = {}


def looked_at(folder, name, kind=None):
    """Read once for all tests of this file: the cohort and the traits of its cases."""
    if (name, kind) not in LOOKED_AT:
        dataset = read_dataset(folder / name, kind=kind)
        checks = check(dataset, see=shortcuts.glance)
        LOOKED_AT[name, kind] = Cohort(dataset=dataset, facts=checks.facts), checks.seen
    return LOOKED_AT[name, kind]


def test_busi__borders_and_sizes_tell_the_class(data_folder):
    """Pictures of BUSI are cut by hand: tumours close, normal breasts wide."""
    hunt = shortcuts.find(*looked_at(data_folder, "ultrasound_breast_busi", "classification"))
    told = {(trail.family, trail.question) for trail in hunt.trails if trail.is_shortcut}
    assert {("border", "malignant"), ("border", "normal"), ("size", "malignant")} <= told
    assert {fault.severity for fault in hunt.faults} == {"warning"}


def test_breastmnist__all_of_one_size_and_a_random_split(data_folder):
    """It was made from BUSI: of what that gives away, the border is left, and little of it."""
    cohort, traits = looked_at(data_folder, "medmnist/breastmnist.npz")
    hunt = shortcuts.find(cohort, traits)
    assert {trail.family for trail in hunt.trails} == {"border"}
    assert all(0.6 < trail.guess.auc < 0.7 for trail in hunt.trails)
    assert not separable.find(cohort, traits).faults and not distribution.find(cohort).faults


def test_blood_cells__nothing_without_the_cells_tells_them(data_folder):
    cohort, traits = looked_at(data_folder, "blood_cells_bccd")
    assert not shortcuts.find(cohort, traits).faults
    assert not separable.find(cohort, traits).faults and not distribution.find(cohort).faults


def test_hippocampus__a_crop_follows_what_it_holds_and_is_no_shortcut(data_folder):
    hunt = shortcuts.find(*looked_at(data_folder, "hippocampus_mri"))
    sizes = [trail for trail in hunt.trails if trail.family == "size"]
    assert all(0.6 < trail.guess.auc < 0.8 and trail.guess.low > 0.5 for trail in sizes) and len(sizes) == 2
    assert not hunt.faults

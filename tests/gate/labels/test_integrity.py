"""Faults planted in one case of a made cohort are found and named, and a clean cohort shows none."""

import json

import numpy as np
import pytest
from scipy import ndimage

from label_samples import TASK, made_case, made_cohort, made_pair, made_shapes, name_of, relabelled
from made_folders import made_facts
from scanwright.dataset.checks import check
from scanwright.dataset.read import read_dataset
from scanwright.dataset.task import Channel, Region, Task
from scanwright.gate.cohort import Cohort
from scanwright.gate.labels.integrity import find
from scanwright.gate.labels.shape import glance
from scanwright.geometry.volume import Volume

NUMBER = 24
ODD = 5


@pytest.fixture(scope="module")
def shapes():
    return made_shapes(NUMBER)


def found_in(shapes, change, *, odd=ODD):
    """The faults of the cohort with one case changed."""
    image, label = change(*made_pair(odd))
    shape = glance(made_case(odd), image, label, TASK)
    return find(made_cohort(NUMBER), {**shapes, name_of(odd): shape}).faults


def codes(faults):
    return {fault.code for fault in faults}


def test_find__a_clean_cohort(shapes):
    found = find(made_cohort(NUMBER), shapes)
    assert found.faults == () and found.judged == NUMBER and len(found.placed) == NUMBER
    assert found.orientations == {"RAS": NUMBER}
    json.dumps(found.to_json(), allow_nan=False)


def test_find__the_order_of_cases_does_not_matter(shapes):
    changed = {**shapes, name_of(ODD): made_shapes(ODD + 1, {ODD: relabelled(lambda label: label[::-1])})[name_of(ODD)]}
    turned = dict(reversed(changed.items()))
    assert find(made_cohort(NUMBER), changed) == find(made_cohort(NUMBER), turned)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("steps", [-2, -1, 1, 2])
def test_find__a_label_moved(shapes, axis, steps):
    by = [steps * (each == axis) for each in range(3)]
    faults = found_in(shapes, relabelled(lambda label: ndimage.shift(label, by, order=0)))
    (fault,) = (one for one in faults if one.code in ("label-shifted", "label-misfit"))
    assert (fault.severity, fault.case, fault.cases) == ("warning", name_of(ODD), (name_of(ODD),))
    assert fault.file is not None and fault.numbers["cases"] == 1
    if abs(steps) == 1:
        assert fault.code == "label-shifted"
        moves = [float(word) for word in fault.found.split(" voxels")[0].split(" / ")]
        assert np.argmax(np.abs(moves)) == axis and moves[axis] == pytest.approx(steps, abs=0.5)


def test_find__half_a_slice(shapes):
    def half(image, label):
        return image.with_voxels(ndimage.shift(image.voxels[0], (0, 0, 0.5), order=3, mode="nearest")), label

    assert codes(found_in(shapes, half)) == {"label-shifted"}


def test_find__left_and_right_swapped(shapes):
    (fault,) = found_in(shapes, relabelled(lambda label: label[::-1]))
    assert (fault.code, fault.case) == ("label-mirrored", name_of(ODD))
    assert "left and right swapped" in fault.found


def test_find__upside_down_with_the_image(shapes):
    def turned(image, label):
        return image.with_voxels(image.voxels[..., ::-1]), label.with_voxels(label.voxels[..., ::-1])

    (fault,) = found_in(shapes, turned)
    assert fault.code == "label-mirrored" and "upside down" in fault.found


def test_find__numbered_in_another_order(shapes):
    (fault,) = (
        one
        for one in found_in(shapes, relabelled(lambda label: np.array([0, 2, 1], np.uint8)[label]))
        if one.code.startswith("label-re")
    )
    assert (fault.code, fault.case) == ("label-renumbered", name_of(ODD))
    assert "small looks like large, large looks like small" in fault.found


def test_find__the_label_of_another_image(shapes):
    def swapped(image, label):
        return image, label.with_voxels(np.roll(made_pair(99)[1].voxels[0], (3, -2, 2), axis=(0, 1, 2)))

    assert "label-misfit" in codes(found_in(shapes, swapped))


def test_find__an_island(shapes):
    def dotted(label):
        label = label.copy()
        label[1:3, 1:3, 1:3] = 1
        return label

    (fault,) = (one for one in found_in(shapes, relabelled(dotted)) if one.code == "label-island")
    assert fault.cases == (name_of(ODD),) and fault.found.startswith("small: ")


def test_find__cut_and_only_touching(shapes):
    def cut(image, label):
        grid = label.grid.crop((0, 0, 0), (26, 30, 11))
        return Volume(image.voxels[..., :11], grid), Volume(label.voxels[..., :11], grid)

    def touching(image, label):
        top = int(np.flatnonzero((label.voxels[0] == 1).any(axis=(0, 1)))[-1]) + 1
        grid = label.grid.crop((0, 0, 0), (26, 30, top))
        return Volume(image.voxels[..., :top], grid), Volume(label.voxels[..., :top], grid)

    (fault,) = (one for one in found_in(shapes, cut) if one.code == "label-cut")
    assert fault.severity == "warning" and "large at the superior face" in fault.found
    (fault,) = (one for one in found_in(shapes, touching) if one.code.startswith(("label-cut", "label-at")))
    assert (fault.code, fault.severity) == ("label-at-border", "note")


def test_find__cut_in_every_case_is_what_the_cohort_is_like():
    def cut(image, label):
        grid = label.grid.crop((0, 0, 0), (26, 30, 11))
        return Volume(image.voxels[..., :11], grid), Volume(label.voxels[..., :11], grid)

    found = find(made_cohort(10), made_shapes(10, dict.fromkeys(range(10), cut)))
    (fault,) = found.faults
    assert (fault.code, fault.severity, len(fault.cases)) == ("label-cut", "note", 10)
    assert ("large", "superior", 10, 10) in found.reaching


def test_find__interpolated(shapes):
    def smoothed(label):
        return np.rint(ndimage.zoom(label[::2, ::2, ::2].astype(float), 2, order=1)).astype(np.uint8)

    faults = found_in(shapes, relabelled(smoothed))
    assert {fault.case for fault in faults if fault.code == "label-interpolated"} == {name_of(ODD)}
    assert not codes(faults) & {"label-shifted", "label-misfit"}


def test_find__several_cases_are_one_finding():
    odd = {number: relabelled(lambda label: label[::-1]) for number in (2, 7)}
    faults = find(made_cohort(NUMBER), made_shapes(NUMBER, odd)).faults
    (fault,) = (one for one in faults if one.code == "label-mirrored")
    assert (fault.case, fault.file, fault.cases) == (None, None, (name_of(2), name_of(7)))


@pytest.mark.parametrize("number", [0, 1, 7])
def test_find__too_few_cases(number):
    changes = {0: relabelled(lambda label: label[::-1])} if number else {}
    assert find(made_cohort(number), made_shapes(number, changes)).faults == ()


def test_find__axes_of_images_without_labels():
    facts = {name_of(3): made_facts(name_of(3), orientation="LPI", spacing=(1.0, 1.0, 9.0))}
    assert codes(find(made_cohort(20, facts), {}).faults) == {"orientation-outlier", "spacing-outlier"}


def test_find__a_slice_among_volumes_is_not_judged_by_its_edges(shapes):
    flat = made_shapes(1, shape=(26, 30, 1))[name_of(0)]
    found = find(made_cohort(NUMBER), {**shapes, name_of(0): flat})
    assert name_of(0) not in found.placed and len(found.placed) == NUMBER - 1


def test_find__pictures_of_one_value():
    task = Task(
        name="t", channels=(Channel(name="US", modality="us"),), regions=(Region(name="lesion", values=(1, 2)),)
    )
    plain = made_shapes(NUMBER, shape=(30, 40, 1), task=task)
    assert find(made_cohort(NUMBER, task=task), plain).faults == ()


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("hippocampus_mri", {"label-shifted": 3}),
        ("ct_sarcoma", {"label-cut": 3}),
        ("xray_lung_covid", {"label-cut": 2}),
        ("ultrasound_breast_busi", {"label-cut": 3}),
    ],
)
def test_find__real_cohorts(data_folder, name, expected):
    """Every label that is cut is cut indeed; at most one hippocampus in a hundred is said to lie off its image."""
    dataset = read_dataset(data_folder / name)
    checks = check(dataset, see=glance)
    found = find(Cohort(dataset=dataset, facts=checks.facts), checks.seen)
    warned = {fault.code: len(fault.cases) for fault in found.faults if fault.severity == "warning"}
    assert warned == expected

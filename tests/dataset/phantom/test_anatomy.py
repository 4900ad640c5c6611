from collections import Counter

import numpy as np
import pytest

from scanwright.dataset.phantom import template
from scanwright.dataset.phantom.anatomy import STRUCTURES, draw_anatomy
from scanwright.dataset.phantom.fields import JACOBIAN_FLOOR

AXES = [np.arange(-h, h + 1, 12, dtype=np.float32) for h in (180, 140, 120)]
POINTS = np.stack(np.meshgrid(*AXES, indexing="ij"))


def test_structures__at_least_eight_with_distinct_values():
    assert len(STRUCTURES) >= 8
    assert sorted(STRUCTURES.values()) == list(range(1, len(STRUCTURES) + 1))


def test_draw_anatomy__same_key_same_body():
    a, b = (draw_anatomy(seed=4, subject=7) for _ in range(2))
    assert np.array_equal(a.deformation(POINTS), b.deformation(POINTS))
    assert a.lesions == b.lesions
    assert a.gas == b.gas


def test_draw_anatomy__subjects_are_deformed_differently():
    maps = [draw_anatomy(seed=0, subject=subject).deformation(POINTS) for subject in range(6)]
    for i, one in enumerate(maps):
        for other in maps[i + 1 :]:
            assert np.linalg.norm(one - other, axis=0).mean() > 5.0  # mm


def test_draw_anatomy__no_subject_of_the_cohort_folds():
    fine = POINTS + 5.0  # between the points that the drawing looked at
    for subject in range(24):
        assert draw_anatomy(seed=0, subject=subject).deformation.determinant(fine).min() > JACOBIAN_FLOOR


def test_draw_anatomy__lesions_vary_lie_in_the_liver_and_do_not_touch():
    bodies = [draw_anatomy(seed=0, subject=subject) for subject in range(60)]
    counts = Counter(len(body.lesions) for body in bodies)
    assert counts[0] >= 5
    assert len(counts) >= 4
    radii = [lesion.radius_mm for body in bodies for lesion in body.lesions]
    assert min(radii) < 9 < 16 < max(radii)
    for body in bodies:
        for number, lesion in enumerate(body.lesions):
            centre = np.reshape(lesion.centre_xyz, (3, 1)).astype(np.float32)
            assert template.liver(centre)[0] < -lesion.radius_mm
            for other in body.lesions[number + 1 :]:
                apart = np.linalg.norm(np.subtract(lesion.centre_xyz, other.centre_xyz))
                assert apart > lesion.radius_mm + other.radius_mm


def test_draw_anatomy__some_have_lost_their_gallbladder():
    kept = [draw_anatomy(seed=0, subject=subject).gallbladder for subject in range(60)]
    assert 0.75 < np.mean(kept) < 0.99


@pytest.mark.parametrize("name", sorted(template.ORGANS))
def test_organs__lie_inside_the_box_that_they_state(name):
    organ = template.ORGANS[name]
    axes = [
        np.arange(low - 60, high + 61, 6, dtype=np.float32) for low, high in zip(organ.low, organ.high, strict=True)
    ]
    points = np.stack(np.meshgrid(*axes, indexing="ij"))
    outside = np.zeros(points.shape[1:], bool)
    for axis in range(3):
        outside |= (points[axis] < organ.low[axis] - 8) | (points[axis] > organ.high[axis] + 8)
    if name in ("liver", "right_psoas", "left_psoas", "aorta", "vena_cava"):
        outside &= np.abs(points[2]) < 110  # endless below, or cut by the wall and the diaphragm
        outside &= template.cavity(points, fat_mm=10) < 0
    assert not (organ.shape(points)[outside] < 0).any()


def test_template__sides_are_the_patients():
    def side(name):
        organ = template.ORGANS[name]
        return (organ.low[0] + organ.high[0]) / 2

    assert min(side(n) for n in ("liver", "gallbladder", "right_kidney", "right_psoas", "vena_cava")) > 0
    assert max(side(n) for n in ("spleen", "stomach", "left_kidney", "left_psoas", "aorta")) < 0

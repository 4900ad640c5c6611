import numpy as np
import pytest

from scanwright.dataset.phantom.fields import JACOBIAN_FLOOR, Deformation, SmoothField, draw_deformation, draw_field
from scanwright.runtime import generator


def box(half=(190.0, 150.0, 130.0), steps=24):
    axes = [np.linspace(-h, h, steps, dtype=np.float32) for h in half]
    return np.stack(np.meshgrid(*axes, indexing="ij"))


def test_smooth_field__one_wave_by_hand():
    field = SmoothField(
        waves=np.array([[np.pi / 10, 0, 0]]),
        phases=np.array([[0.0]]),
        amplitudes=np.array([[2.0]]),
        scale=np.array([3.0]),
    )
    at = np.array([[0, 5, 10], [7, 7, 7], [0, 0, 0]], np.float32)
    assert field(at)[0] == pytest.approx([6, 0, -6], abs=1e-4)
    assert field.jacobian(at)[0, 0] == pytest.approx([0, -6 * np.pi / 10, 0], abs=1e-4)


def test_draw_field__has_the_deviation_asked_for():
    values = draw_field(generator(1), scale=(1.0, 5.0), wavelength_mm=(10.0, 30.0), waves=40)(box())
    assert values.std(axis=(1, 2, 3)) == pytest.approx([1, 5], rel=0.1)


def test_smooth_field__derivative_agrees_with_differences():
    field = draw_field(generator(2), scale=(4.0, 4.0, 4.0), wavelength_mm=(80.0, 200.0))
    at = generator(3).uniform(-100, 100, size=(3, 50)).astype(np.float64)
    for axis in range(3):
        step = np.zeros((3, 1))
        step[axis] = 0.5
        difference = field(at + step) - field(at - step)
        assert field.jacobian(at)[:, axis] == pytest.approx(difference, abs=2e-3)


@pytest.mark.parametrize("bend_mm", [6.0, 40.0])
def test_draw_deformation__never_folds_even_when_asked_to_bend_far(bend_mm):
    for subject in range(6):
        found = draw_deformation(
            generator(subject), size=np.ones(3), bend_mm=(bend_mm,) * 3, tilt_degrees=2, extent_mm=(190, 150, 130)
        )
        assert found.determinant(box()).min() > JACOBIAN_FLOOR


def test_deformation__is_the_plain_scaling_without_bend():
    still = draw_field(generator(0), scale=(0.0, 0.0, 0.0), wavelength_mm=(100.0, 200.0))
    plain = Deformation(turn=np.eye(3), size=np.array((2.0, 1.0, 0.5)), bend=still)
    assert plain(np.array([[4.0], [4.0], [4.0]]))[:, 0] == pytest.approx([2, 4, 8])
    assert plain.determinant(np.zeros((3, 1))) == pytest.approx([1.0])


def test_deformation__determinant_agrees_with_the_volume_of_a_small_cube():
    found = draw_deformation(
        generator(5), size=np.ones(3), bend_mm=(8, 8, 8), tilt_degrees=3, extent_mm=(190, 150, 130)
    )
    start = np.array((30.0, -20.0, 10.0))
    corners = found(np.concatenate([start[:, None], start[:, None] + 0.5 * np.eye(3)], axis=1))
    volume = np.linalg.det((corners[:, 1:] - corners[:, :1]) / 0.5)
    assert found.determinant(start[:, None])[0] == pytest.approx(volume, rel=0.02)

"""Volumes: the shape law, and what a person reads."""

import numpy as np
import pytest

from scanwright.errors import GeometryError
from scanwright.geometry.grid import Grid
from scanwright.geometry.volume import Volume

GRID = Grid.from_spacing((4, 5, 6), (0.5, 0.5, 2.0))


@pytest.mark.parametrize("shape", [(4, 5, 6), (1, 4, 5), (1, 6, 5, 4), (0, 4, 5, 6)])
def test_volume__refuses_another_shape(shape):
    with pytest.raises(GeometryError, match="fill"):
        Volume(np.zeros(shape), GRID)


def test_volume__repr():
    assert repr(Volume(np.zeros((1, 4, 5, 6), np.int16), GRID)) == (
        "Volume 4 x 5 x 6, 0.5 x 0.5 x 2 mm, RAS, origin (0, 0, 0), 1 channel, int16"
    )
    assert "3 channels" in repr(Volume(np.zeros((3, 4, 5, 6), np.int16), GRID))


def test_volume__derived():
    volume = Volume(np.ones((2, 4, 5, 6), np.int16), GRID, ("a note",))
    assert (volume.channels, volume.shape) == (2, (4, 5, 6))
    assert volume.astype(np.float32).voxels.dtype == np.float32
    assert volume.astype(np.int16).voxels is volume.voxels
    label = volume.with_voxels(np.zeros((4, 5, 6), np.uint8))
    assert (label.channels, label.grid, label.notes) == (1, GRID, ("a note",))

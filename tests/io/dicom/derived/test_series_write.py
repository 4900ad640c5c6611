"""A volume written as a series is the same volume when it is read, whatever its axes."""

import numpy as np
import pytest

from dicom_peers import conformance_errors, needs_dciodvfy
from made_series import GRIDS
from scanwright.errors import GeometryError, InputError
from scanwright.geometry.grid import Grid
from scanwright.geometry.orientation import canonical
from scanwright.geometry.volume import Volume
from scanwright.io.dicom.derived.series_write import write_series
from scanwright.io.dicom.read import read_stack
from scanwright.io.dicom.series import files_in, find_series


def read_back(folder):
    (series,) = find_series(files_in(folder)).series
    return read_stack(series.volumes[0])


@pytest.mark.parametrize("name", GRIDS)
@pytest.mark.parametrize(
    ("dtype", "low", "high"), [("uint8", 0, 255), ("int16", -1000, 3000), ("uint16", 0, 65535), ("int32", -5, 32767)]
)
def test_whole_numbers_come_back_exactly(tmp_path, name, dtype, low, high):
    voxels = np.random.default_rng(0).integers(low, high, GRIDS[name].shape, endpoint=True).astype(dtype)
    volume = Volume(voxels[None], GRIDS[name])
    write_series(tmp_path, volume, modality="MR", patient="P1")
    found = read_back(tmp_path).reoriented(canonical(volume.grid.affine))
    wanted = volume.reoriented(canonical(volume.grid.affine))
    assert found.grid.same_space(wanted.grid)
    assert np.array_equal(found.voxels, wanted.voxels)


def test_real_numbers_come_back_within_half_a_step(tmp_path):
    grid = GRIDS["axial"]
    voxels = np.random.default_rng(0).normal(size=(1, *grid.shape)).astype(np.float32)
    write_series(tmp_path, Volume(voxels, grid), modality="CT", patient="P1")
    error = np.abs(read_back(tmp_path).voxels - voxels).max()
    assert error <= 0.51 * np.ptp(voxels) / 65535


def test_slices_against_the_normal_are_turned(tmp_path):
    """k runs downwards: the reader goes by position, so its slices come the other way round, each at its place."""
    grid = Grid((3, 4, 5), np.diag((-1, -1, -2, 1)))
    voxels = np.arange(60, dtype=np.int16).reshape(1, 3, 4, 5)
    write_series(tmp_path, Volume(voxels, grid), modality="CT", patient="P1")
    found = read_back(tmp_path)
    assert found.grid.spacing == pytest.approx((1, 1, 2))
    assert np.array_equal(found.voxels, voxels[..., ::-1])
    assert np.allclose(found.grid.points([0, 0, 0]), grid.points([0, 0, 4]))


def test_the_same_volume_gives_the_same_files(tmp_path):
    volume = Volume(np.arange(60, dtype=np.int16).reshape(1, 3, 4, 5), Grid.from_spacing((3, 4, 5), (1, 1, 2)))
    for name in ("a", "b"):
        write_series(tmp_path / name, volume, modality="CT", patient="P1", description="T1")
    assert [path.read_bytes() for path in files_in(tmp_path / "a")] == [
        path.read_bytes() for path in files_in(tmp_path / "b")
    ]


def test_what_cannot_be_a_series(tmp_path):
    grid = Grid.from_spacing((2, 2, 2), (1, 1, 1))
    sheared = Grid((2, 2, 2), np.array([[1, 0.2, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]]))
    for voxels, where, error in (
        (np.zeros((2, 2, 2, 2)), grid, InputError),
        (np.full((1, 2, 2, 2), np.nan), grid, InputError),
        (np.zeros((1, 2, 2, 2)), sheared, GeometryError),
        (np.zeros((1, 2, 2, 1)), Grid.of_pixels(2, 2), GeometryError),
    ):
        with pytest.raises(error):
            write_series(tmp_path, Volume(voxels, where), modality="CT", patient="P1")


@needs_dciodvfy
@pytest.mark.parametrize("modality", ["CT", "MR"])
def test_dciodvfy_finds_no_error(tmp_path, modality):
    volume = Volume(np.zeros((1, 3, 4, 2), np.int16), Grid.from_spacing((3, 4, 2), (1, 1, 1)))
    write_series(tmp_path, volume, modality=modality, patient="P1")
    assert conformance_errors(files_in(tmp_path)[0]) == []

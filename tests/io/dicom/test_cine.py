"""Frames in time: their order, their seconds, and what is no cine."""

import numpy as np
import pytest

from made_dicom import header, placed, write
from scanwright.errors import InputError
from scanwright.io.dicom.cine import frame_times, read_cines
from scanwright.io.dicom.read import read_stack
from scanwright.io.dicom.series import find_series

FRAMES = np.arange(3 * 4 * 5, dtype=np.uint8).reshape(3, 4, 5)


@pytest.mark.parametrize(
    ("elements", "times"),
    [
        ({"FrameTime": 40.0}, [0, 0.04, 0.08]),
        ({"FrameTimeVector": [0, 30.0, 50.0]}, [0, 0.03, 0.08]),
        ({"FrameTimeVector": [0, 30.0, 50.0], "FrameTime": 40.0}, [0, 0.03, 0.08]),
        ({"FrameTimeVector": [0, 30.0], "FrameTime": 40.0}, [0, 0.04, 0.08]),
        ({"CineRate": 50}, [0, 0.02, 0.04]),
        ({"RecommendedDisplayFrameRate": 10}, [0, 0.1, 0.2]),
        ({"FrameTime": 0.0, "CineRate": 50}, [0, 0.02, 0.04]),
        ({"FrameTime": -1.0}, None),
        ({}, None),
    ],
)
def test_times(elements, times):
    found = frame_times(header(FRAMES, **elements), 3)
    assert found is None if times is None else np.allclose(found, times)


def test_a_grey_cine(tmp_path):
    file = write(tmp_path / "a.dcm", header(FRAMES, Modality="US", FrameTime=40.0, PixelSpacing=[0.2, 0.1]))
    (cine,) = read_cines(file)
    assert np.array_equal(cine.voxels[:, 0], FRAMES.transpose(0, 2, 1))
    assert np.allclose(cine.times_s, [0, 0.04, 0.08])
    assert (cine.grid.shape, cine.grid.spacing[:2]) == ((5, 4, 1), (0.1, 0.2))
    frames = find_series([file]).series[0].volumes
    for turn, stack in enumerate(frames):
        assert np.array_equal(read_stack(stack).voxels[..., 0], cine.voxels[turn])


def test_what_is_no_cine(tmp_path):
    one = write(tmp_path / "a.dcm", header(FRAMES[0], Modality="US", FrameTime=40.0))
    assert read_cines(one) == []
    slices = write(tmp_path / "b.dcm", header(FRAMES[0], **placed((0, 0, 0))))
    assert read_cines(slices) == []
    (tmp_path / "c.txt").write_text("no DICOM")
    with pytest.raises(InputError):
        read_cines(tmp_path / "c.txt")


@pytest.mark.data
def test_real_cines(data_folder):
    colour = data_folder / "dicom" / "pydicom_oddities" / "examples_ybr_color.dcm"
    (cine,) = read_cines(colour)
    assert (cine.voxels.shape, cine.voxels.dtype) == ((30, 3, 320, 240), np.uint8)
    assert cine.times_s is not None
    assert (np.diff(cine.times_s) > 0).all()
    heart = data_folder / "dicom" / "viewer_samples" / "multiframe-test1.dcm"
    (cine,) = read_cines(heart)
    assert cine.voxels.shape == (16, 1, 256, 256)
    assert np.allclose(cine.times_s, np.arange(16) * 0.06947)

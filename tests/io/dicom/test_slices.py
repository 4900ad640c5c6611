"""Frames and tiles to slices: what each carries along."""

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from made_dicom import header, mosaic_header, placed, write
from scanwright.errors import UnreadableFile
from scanwright.io.dicom.intake import open_instance
from scanwright.io.dicom.slices import Window, read_slices
from scanwright.io.dicom.values import Scale

PLANE = np.zeros((4, 6), np.uint16)


def read(tmp_path, made):
    return read_slices(open_instance(write(tmp_path / "a.dcm", made)))


def test_a_plain_slice(tmp_path):
    made = header(
        PLANE,
        **placed((1, 2, 3)),
        RescaleSlope=2,
        RescaleIntercept=-1,
        SliceThickness=4,
        InstanceNumber=7,
        PixelPaddingValue=0,
    )
    (one,) = read(tmp_path, made)
    assert (one.scale, one.thickness, one.number, one.padding) == (Scale(2, -1), 4, 7, (0, 0))
    assert (one.window, one.grey, one.turning, one.frame) == (Window(0, 0, 4, 6), True, None, 0)


def test_tiles_of_a_mosaic(tmp_path):
    found = read(tmp_path, mosaic_header(4))
    assert [(one.window.row, one.window.column) for one in found] == [(0, 0), (0, 3), (2, 0), (2, 3)]
    assert {one.frame for one in found} == {0}


def test_a_dose_grid(tmp_path):
    made = header(
        np.zeros((3, 4, 6), np.uint16),
        Modality="RTDOSE",
        GridFrameOffsetVector=[0, 2.5, 5],
        DoseGridScaling=0.1,
        **placed((0, 0, 10)),
    )
    found = read(tmp_path, made)
    assert [one.place.origin[2] for one in found] == [10, 12.5, 15]
    assert found[0].scale.slope == 0.1


def test_frames_that_share_one_position_have_none(tmp_path):
    """A cine with one image plane: nothing says that its frames lie on top of each other."""
    found = read(tmp_path, header(np.zeros((3, 4, 6), np.uint8), **placed((0, 0, 10))))
    assert [one.place for one in found] == [None] * 3
    assert [one.labels["frame"] for one in found] == [1, 2, 3]


def group(**elements):
    made = Dataset()
    for name, value in elements.items():
        setattr(made, name, Sequence([value]) if isinstance(value, Dataset) else value)
    return made


@pytest.mark.parametrize(
    ("frames", "pixels", "message"),
    [
        ([group(), group()], 3, "functional groups for some frames only"),
        ([group()] * 4, 1, "functional groups for some frames only"),
        ([group(PixelValueTransformationSequence=group(RescaleSlope=2)), group()], 2, "rescales for some frames only"),
    ],
)
def test_groups_for_some_frames_only_are_refused(tmp_path, frames, pixels, message):
    """A frame without its own would have no place, or the scale of none."""
    made = header(np.zeros((pixels, 4, 6), np.uint16), PerFrameFunctionalGroupsSequence=Sequence(frames))
    with pytest.raises(UnreadableFile, match=message) as caught:
        read(tmp_path, made)
    assert caught.value.expected == pixels


def test_monochrome1_and_colour_doppler(tmp_path):
    (one,) = read(tmp_path, header(PLANE, PhotometricInterpretation="MONOCHROME1", UltrasoundColorDataPresent=1))
    assert (one.turning, one.labels["colour Doppler"]) == (65535, "yes")


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        ({"Modality": "CR", "RescaleSlope": 2, "RescaleIntercept": -1}, 2 * 65535 - 2),
        ({"Modality": "CR", "RescaleSlope": 2, "RescaleType": "US"}, 2 * 65535),
        ({"Modality": "MR", "RescaleSlope": 2, "RescaleType": "HU"}, None),
        ({"Modality": "CT", "RescaleSlope": 1, "RescaleIntercept": -1024}, None),
    ],
)
def test_monochrome1_changes_no_unit(tmp_path, elements, expected):
    (one,) = read(tmp_path, header(PLANE, PhotometricInterpretation="MONOCHROME1", **elements))
    assert one.turning == expected


def test_monochrome1_of_floats_is_refused(tmp_path):
    made = header(PLANE, PhotometricInterpretation="MONOCHROME1", BitsAllocated=32)
    del made.PixelData
    made.FloatPixelData = np.zeros((4, 6), np.float32).tobytes()
    with pytest.raises(UnreadableFile, match="large ones are dark"):
        read(tmp_path, made)


@pytest.mark.parametrize(
    ("vr", "value", "elements", "expected"),
    [
        ("US", 63536, {"PixelRepresentation": 1}, -2000),
        ("SS", -2000, {"PixelRepresentation": 1}, -2000),
        ("SS", -2000, {"PixelRepresentation": 0}, 63536),
        ("US", 63536, {"PixelRepresentation": 0, "BitsStored": 12, "HighBit": 11}, 63536 & 0xFFF),
    ],
)
def test_padding_of_another_sign(tmp_path, vr, value, elements, expected):
    """63536 less 65536 is -2000: the sign is the pixels', whatever VR a writer took."""
    made = header(PLANE, **elements)
    made.add_new("PixelPaddingValue", vr, value)
    (one,) = read(tmp_path, made)
    assert one.padding == (expected, expected)

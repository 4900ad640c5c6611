"""Positions, directions and pixel sizes: DICOM's LPS to RAS, and which of several spacings counts."""

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from made_dicom import header, placed
from scanwright.errors import GeometryError, UnreadableFile
from scanwright.io.dicom.frame import frame_headers
from scanwright.io.dicom.place import frame_offsets, has_colour_flow, read_pixel_size, read_place

GREY = np.zeros((2, 2), np.uint8)


def place_of(tmp_path, **elements):
    return read_place(frame_headers(header(GREY, **elements), 1)[0], where=tmp_path)


def test_read_place__axial(tmp_path):
    """LPS (10, 20, 30) is RAS (-10, -20, 30); rows run to the patient's left, columns to the back."""
    place = place_of(tmp_path, **placed((10, 20, 30), spacing=(0.7, 0.5)))
    assert place.origin.tolist() == [-10, -20, 30]
    assert (place.right.tolist(), place.down.tolist()) == ([-1, 0, 0], [0, -1, 0])
    assert place.spacing == (0.5, 0.7)  # the header names the distance between rows first
    assert place.normal.tolist() == [0, 0, 1]


def test_moved(tmp_path):
    place = place_of(tmp_path, **placed((10, 20, 30), spacing=(0.7, 0.5)))
    assert np.allclose(place.moved(columns=2, rows=10, normal_mm=3).origin, [-11, -27, 33])


def test_read_place__none(tmp_path):
    assert place_of(tmp_path) is None


@pytest.mark.parametrize(
    ("elements", "message"),
    [
        (placed((0, 0, 0), directions=(1, 0, 0, 1, 0, 0)), "make no plane"),
        (placed((0, 0, 0), directions=(2, 0, 0, 0, 1, 0)), "make no plane"),
        (placed((0, 0, 0), directions=(0, 0, 0, 0, 0, 0)), "make no plane"),
        (placed((0, 0, 0), spacing=(0, 1)), "without pixel spacing"),
        ({**placed((0, 0, 0)), "PixelSpacing": None}, "without pixel spacing"),
        ({**placed((0, 0, 0)), "ImageOrientationPatient": None}, "half of an image plane"),
        ({**placed((0, 0, 0)), "ImagePositionPatient": None}, "half of an image plane"),
    ],
)
def test_read_place__that_makes_no_sense(tmp_path, elements, message):
    with pytest.raises(GeometryError, match=message):
        place_of(tmp_path, **elements)


@pytest.mark.parametrize("name", ["ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"])
def test_read_place__numbers_that_cannot_be_read(tmp_path, name):
    """Such a slice is refused. Without its place it would be a picture, and missing from its volume."""
    made = header(GREY, **{**placed((0, 0, 0)), name: None})
    made.add_new(name, "LO", "nan\\nan\\nan")
    with pytest.raises(UnreadableFile, match=f"{name} cannot be read"):
        read_place(frame_headers(made, 1)[0], where=tmp_path)


def test_frame_offsets(tmp_path):
    made = header(GREY, GridFrameOffsetVector=[5, 8, 11])
    assert frame_offsets(made, 3, where=tmp_path) == (0, 3, 6)
    assert frame_offsets(header(GREY), 3, where=tmp_path) == ()
    with pytest.raises(UnreadableFile, match="GridFrameOffsetVector"):
        frame_offsets(made, 4, where=tmp_path)


@pytest.mark.parametrize(
    ("elements", "spacing", "note"),
    [
        ({}, None, ""),
        ({"PixelSpacing": [0.2, 0.1], "ImagerPixelSpacing": [0.4, 0.4]}, (0.1, 0.2), ""),
        ({"ImagerPixelSpacing": [0.3, 0.3]}, (0.3, 0.3), "at the detector"),
        ({"ImagerPixelSpacing": [0.3, 0.3], "EstimatedRadiographicMagnificationFactor": 1.5}, (0.2, 0.2), ""),
        ({"NominalScannedPixelSpacing": [0.1, 0.1]}, (0.1, 0.1), "not calibrated"),
        ({"PixelSpacing": [0, 0]}, None, ""),
    ],
)
def test_read_pixel_size__projections(elements, spacing, note):
    found = read_pixel_size(header(GREY, **elements))
    assert found.spacing is None if spacing is None else np.allclose(found.spacing, spacing)
    assert note in " ".join(found.notes)
    assert bool(found.notes) == bool(note)


def test_read_pixel_size__that_cannot_be_read():
    """The detector's spacing does not stand in for a calibrated one that cannot be read."""
    found = read_pixel_size(header(GREY, PixelSpacing=["0.2", "0", "0.200000"], ImagerPixelSpacing=[0.3, 0.3]))
    assert (found.spacing, found.notes) == (None, ("a pixel size that cannot be read: lengths in pixels",))


def region(*, delta=0.02, units=3, kind=1, form=1):
    made = Dataset()
    made.RegionSpatialFormat, made.RegionDataType, made.PhysicalUnitsXDirection, made.PhysicalUnitsYDirection = (
        form,
        kind,
        units,
        units,
    )
    made.PhysicalDeltaX, made.PhysicalDeltaY = delta, -delta
    return made


def with_regions(*regions):
    return header(GREY, SequenceOfUltrasoundRegions=Sequence(regions), PixelSpacing=[9, 9])


def test_read_pixel_size__ultrasound_regions():
    """0.02 cm a pixel are 0.2 mm. A Doppler spectrum (seconds, cm/s) is no plane; two planes of two sizes are no size."""
    spectrum = region(kind=3, form=3, units=4, delta=0.5)
    assert read_pixel_size(with_regions(region(), spectrum)).spacing == (0.2, 0.2)
    assert read_pixel_size(with_regions(region(), region())).spacing == (0.2, 0.2)
    two = read_pixel_size(with_regions(region(), region(delta=0.03)))
    assert (two.spacing, len(two.notes)) == (None, 1)
    assert read_pixel_size(with_regions(spectrum)).spacing is None
    assert read_pixel_size(with_regions(region(units=0))).spacing is None


def test_has_colour_flow():
    assert has_colour_flow(with_regions(region(), region(kind=2)))
    assert has_colour_flow(header(GREY, UltrasoundColorDataPresent=1))
    assert not has_colour_flow(with_regions(region()))
    assert not has_colour_flow(header(GREY))

"""What stored numbers mean: rescaled, looked up, turned around, coloured. Every number worked out by hand."""

from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from made_dicom import header
from scanwright.errors import InputError
from scanwright.io.dicom.pixels import Stored
from scanwright.io.dicom.values import (
    Scale,
    brightened,
    in_rgb,
    is_grey,
    read_scale,
    scaled,
    turning,
    window_ends,
    windowed,
)

GREY = np.zeros((2, 2), np.uint8)
HERE = Path("a.dcm")


def test_read_scale():
    assert read_scale(header(GREY), where=HERE) == Scale()
    assert read_scale(header(GREY, RescaleSlope=2, RescaleIntercept=-1024, RescaleType="HU"), where=HERE) == Scale(
        2, -1024, unit="HU"
    )
    assert read_scale(header(GREY, RescaleSlope=0, RescaleIntercept=-5), where=HERE) == Scale(1, -5)
    assert read_scale(header(GREY, DoseGridScaling="0.5", DoseUnits="GY"), where=HERE) == Scale(0.5, 0, unit="GY")


@pytest.mark.parametrize(
    ("stored", "scale", "expected", "kind"),
    [
        (np.array([0, 4095], np.uint16), Scale(1, -1024), [-1024, 3071], "int16"),
        (np.array([-32768, 100], np.int16), Scale(1, -1024), [-33792, -924], "int32"),
        (np.array([-2000, 100], np.int16), Scale(1, -1024), [-3024, -924], "int16"),
        (np.array([65535], np.uint16), Scale(1, 1), [65536], "int32"),
        (np.array([200], np.uint8), Scale(1, 100), [300], "int16"),
        (np.array([3, 4], np.int16), Scale(0.5, 1), [2.5, 3], "float32"),
        (np.array([1 << 24], np.uint32), Scale(0.5, 0.25), [8388608.25], "float64"),
        (np.array([1.5], np.float32), Scale(2, 1), [4], "float32"),
        (np.array([7], np.int16), Scale(), [7], "int16"),
    ],
)
def test_scaled(stored, scale, expected, kind):
    found = scaled(stored, scale, Dataset())
    assert (found.tolist(), found.dtype.name) == (expected, kind)


@pytest.mark.parametrize(
    ("cells", "scale"),
    [
        (np.array([0, 9], np.int16), Scale(1, 1e30)),
        (np.array([0, 9], np.int16), Scale(1, 1e19)),
        (np.array([0, 9], np.int16), Scale(1, -1e19)),
        (np.array([0, 9], np.int16), Scale(1e300, 0)),
        (np.array([0, 9], np.int16), Scale(2, 1e300)),
        (np.array([0, 9], np.int32), Scale(1e308, 0)),
        (np.array([0, 9], np.float32), Scale(1, 1e39)),
        (np.array([0, 9], np.int16), Scale(np.inf, 0)),
        (np.array([0, (1 << 63) + 1], np.uint64), Scale(1, -1)),
        (np.array([0, np.iinfo(np.int64).max], np.int64), Scale(1, 1)),
    ],
)
def test_scaled__beyond_every_type(cells, scale):
    """Refused, without a warning: such values would wrap around, or be infinite."""
    with pytest.raises(OverflowError, match="no number type"):
        scaled(cells, scale, Dataset())


def test_scaled__the_widest_that_fits():
    found = scaled(np.array([1, 1 << 62], np.uint64), Scale(1, -1), Dataset())
    assert (found.tolist(), found.dtype) == ([0, (1 << 62) - 1], np.int64)
    assert np.isinf(scaled(np.array([np.inf], np.float32), Scale(2, 0), Dataset())).all()  # as it was stored


def test_scaled__leaves_read_only_input_alone():
    stored = np.frombuffer(np.array([5, 6], np.int16).tobytes(), np.int16)
    assert scaled(stored, Scale(1, -2), Dataset()).tolist() == [3, 4]
    assert stored.tolist() == [5, 6]


def test_scaled__by_a_table():
    table = Dataset()
    table.LUTDescriptor, table.LUTData, table.ModalityLUTType = [3, 10, 16], [100, 400, 900], "US"
    made = header(GREY, ModalityLUTSequence=Sequence([table]))
    made["ModalityLUTSequence"][0]["LUTDescriptor"].VR = "US"
    made["ModalityLUTSequence"][0]["LUTData"].VR = "US"
    scale = read_scale(made, where=HERE)
    assert (scale.table, scale.unit, scale.is_plain) == (True, "US", False)
    assert scaled(np.array([9, 10, 11, 12, 13], np.uint16), scale, made).tolist() == [100, 100, 400, 900, 900]


def stored(bits, *, signed=False):
    return Stored(1, 1, 1, 1, 16, bits, bits - 1, signed, False, "MONOCHROME1")


def test_turning():
    """Twelve bits are 0 to 4095. With a slope the ends of the range change places: 100 + 2 * 0 and 100 + 2 * 4095."""
    assert turning(stored(12), Scale(), header(GREY)) == 4095
    assert turning(stored(12, signed=True), Scale(), header(GREY)) == -1
    assert turning(stored(12), Scale(2, 100), header(GREY)) == 8390


def test_turning__by_a_table():
    """The entries are 400, 100 and 900: 100 and 900 change places. Three bits reach the first only, 400."""
    table = Dataset()
    table.LUTDescriptor, table.LUTData = [3, 10, 16], [400, 100, 900]
    made = header(GREY, ModalityLUTSequence=Sequence([table]))
    for name in ("LUTDescriptor", "LUTData"):
        made["ModalityLUTSequence"][0][name].VR = "US"
    assert turning(stored(12), Scale(table=True), made) == 1000
    assert turning(stored(3), Scale(table=True), made) == 800


def test_brightened():
    values = np.array([0, 1, 4095], np.uint16)
    assert brightened(values, 4095).tolist() == [4095, 4094, 0]
    assert brightened(np.array([-2048, 2047], np.int16), -1).tolist() == [2047, -2048]
    assert brightened(np.array([100.0]), 8390).tolist() == [8290]
    assert brightened(values, 4095).dtype == np.int16
    with pytest.raises(OverflowError, match="no number type"):
        brightened(np.array([1 << 63], np.uint64), float(1 << 64))


def test_in_rgb(tmp_path):
    colours = np.array([[[1, 2, 3]]], np.uint8)
    assert in_rgb(colours, "RGB", header(GREY), where=tmp_path) is colours
    grey = np.array([[[77, 128, 128]]], np.uint8)  # no colour: R = G = B = Y
    assert in_rgb(grey, "YBR_FULL", header(GREY), where=tmp_path).tolist() == [[[77, 77, 77]]]
    wide = np.array([[[0x0FF, 0x7FF, 0xFFF]]], np.uint16)
    assert in_rgb(wide, "RGB", header(wide, BitsStored=12), where=tmp_path).tolist() == [[[0x0F, 0x7F, 0xFF]]]
    with pytest.raises(InputError, match="colour space") as caught:
        in_rgb(colours, "YBR_PARTIAL_420", header(GREY), where=tmp_path)
    assert caught.value.found == "YBR_PARTIAL_420"


def test_in_rgb__palette_of_sixteen_bits_keeps_the_upper_eight(tmp_path):
    made = header(GREY, PhotometricInterpretation="PALETTE COLOR")
    for colour, entries in (("Red", [0, 0xFF00]), ("Green", [0, 0x8000]), ("Blue", [0, 0x0100])):
        made.add_new(f"{colour}PaletteColorLookupTableDescriptor", "US", [2, 0, 16])
        made.add_new(f"{colour}PaletteColorLookupTableData", "OW", np.array(entries, "<u2").tobytes())
    assert in_rgb(np.array([[[0], [1]]], np.uint8), "PALETTE COLOR", made, where=tmp_path).tolist() == [
        [[0, 0, 0], [255, 128, 1]]
    ]
    assert not is_grey(made)
    assert is_grey(header(GREY))


def test_windowed():
    """Centre 50, width 100 shows 0 to 99 (PS3.3 C.11.2.1.2.1): half way between is half way between."""
    made = header(GREY, WindowCenter=50, WindowWidth=100)
    shown = windowed(np.array([-10, 0, 99, 200], np.int16), made)
    assert shown.dtype == np.float32
    assert shown[0] == shown[1] < shown[2] == shown[3]
    assert windowed(np.array([3], np.int16), header(GREY)).tolist() == [3]


@pytest.mark.parametrize(
    ("elements", "ends"),
    [
        ({}, None),
        ({"WindowCenter": 50, "WindowWidth": 100}, 255),
        ({"WindowCenter": 50, "WindowWidth": 100, "VOILUTFunction": "SIGMOID"}, 255),
        ({"WindowCenter": 50, "WindowWidth": 100, "RescaleSlope": 2, "RescaleIntercept": 7}, 7 + 2 * 255 + 7),
    ],
)
def test_window_ends(elements, ends):
    assert window_ends(header(GREY, **elements)) == ends


def test_window_ends__of_a_table():
    table = Dataset()
    table.LUTDescriptor, table.LUTData = [3, 10, 12], [100, 400, 900]
    assert window_ends(header(GREY, VOILUTSequence=Sequence([table]))) == 4095

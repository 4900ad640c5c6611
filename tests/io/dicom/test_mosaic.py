"""Siemens mosaics: how many tiles, where each lies. Two by two tiles worked out by hand, real ones against dcm2niix."""

import struct

import numpy as np
import pytest

from made_dicom import header, mosaic_header
from scanwright.errors import GeometryError
from scanwright.io.dicom.frame import frame_headers
from scanwright.io.dicom.mosaic import csa_values, read_mosaic
from scanwright.io.dicom.place import read_place

PIXELS = np.zeros((4, 6), np.uint16)


def csa_block(**tags):
    """A CSA2 header with these texts."""
    block = b"SV10\4\3\2\1" + struct.pack("<II", len(tags), 77)
    for name, texts in tags.items():
        block += struct.pack("<64si4siii", name.encode(), 1, b"FD\0\0", 1, len(texts), 77)
        for text in texts:
            raw = text.encode()
            block += struct.pack("<4i", len(raw), len(raw), 77, len(raw)) + raw.ljust(-(-len(raw) // 4) * 4, b"\0")
    return block


def read(made, tmp_path):
    return read_mosaic(made, rows=4, columns=6, where=tmp_path)


def test_places_by_hand(tmp_path):
    """Three tiles in a picture of two by two: 3 columns and 2 rows each. The picture's middle is every tile's middle: the
    first tile begins 1.5 columns and 1 row further than the picture, and each next one 5 mm higher.
    """
    made = mosaic_header()
    mosaic = read(made, tmp_path)
    assert (mosaic.tiles, mosaic.across, mosaic.rows, mosaic.columns, mosaic.step_mm) == (3, 2, 2, 3, 5)
    assert [mosaic.corner(tile) for tile in range(3)] == [(0, 0), (0, 3), (2, 0)]
    picture = read_place(frame_headers(made, 1)[0], where=tmp_path)
    assert [mosaic.place(picture, tile).origin.tolist() for tile in range(3)] == [
        [-1.5, -1, 0],
        [-1.5, -1, 5],
        [-1.5, -1, 10],
    ]


def test_the_normal_of_the_csa_header_turns_the_order(tmp_path):
    made = mosaic_header(csa=csa_block(SliceNormalVector=["0", "0", "-1"], NumberOfImagesInMosaic=["3"]))
    picture = read_place(frame_headers(made, 1)[0], where=tmp_path)
    assert read(made, tmp_path).place(picture, 2).origin.tolist() == [-1.5, -1, -10]


def test_tiles_from_the_csa_header(tmp_path):
    assert read(mosaic_header(None, csa=csa_block(NumberOfImagesInMosaic=["4"])), tmp_path).tiles == 4


def test_no_mosaic(tmp_path):
    assert read(header(PIXELS), tmp_path) is None


@pytest.mark.parametrize("change", [{"tiles": None}, {"tiles": 0}, {"tiles": 17}, {"SpacingBetweenSlices": None}])
def test_mosaics_that_do_not_say_enough(tmp_path, change):
    with pytest.raises(GeometryError, match="how it is put together"):
        read(mosaic_header(**change), tmp_path)


@pytest.mark.parametrize("cut", [0, 3, 12, 60, 110, 120])
def test_csa_values__cut_or_foreign(cut):
    block = csa_block(SliceNormalVector=["0", "0", "1"])
    assert csa_values(mosaic_header(csa=block[:cut] or b"\0")) == {}
    assert csa_values(mosaic_header(csa=block)) == {"SliceNormalVector": ["0", "0", "1"]}

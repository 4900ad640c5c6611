"""The one door for DICOM files: what is read, what is refused, and that nothing is inflated or allocated on trust."""

import tracemalloc
import zlib

import numpy as np
import pydicom
import pytest

from made_dicom import header, write
from scanwright.errors import InputError, UnreadableFile
from scanwright.io.dicom.intake import DEFLATED, kind_of, looks_like_dicom, open_instance, pixel_bytes

PIXELS = np.arange(20, dtype=np.int16).reshape(4, 5)
SYNTAXES = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2", DEFLATED)


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_open_instance__every_plain_encoding(tmp_path, syntax):
    pixels = PIXELS.astype(">i2") if syntax.endswith("1.2.2") else PIXELS
    instance = open_instance(write(tmp_path / "a.dcm", header(pixels, SeriesDescription="Schädel"), syntax=syntax))
    assert (instance.dataset.Rows, instance.dataset.Columns, instance.syntax) == (4, 5, syntax)
    assert "PixelData" not in instance.dataset
    assert pixel_bytes(instance) == pixels.tobytes()


def test_open_instance__character_sets(tmp_path):
    made = header(PIXELS, SpecificCharacterSet="ISO_IR 192", SeriesDescription="左肺")
    assert open_instance(write(tmp_path / "a.dcm", made)).dataset.SeriesDescription == "左肺"
    raw = (tmp_path / "a.dcm").read_bytes().replace(b"ISO_IR 192", b"ISO_IR 999")
    (tmp_path / "b.dcm").write_bytes(raw)
    assert open_instance(tmp_path / "b.dcm").dataset.SeriesDescription  # some letters, and no exception


def test_open_instance__without_preamble_and_file_meta(tmp_path):
    write(tmp_path / "a.dcm", header(PIXELS))
    raw = (tmp_path / "a.dcm").read_bytes()
    (tmp_path / "bare").write_bytes(raw[raw.index(b"\x08\0\x08\0CS") :])
    instance = open_instance(tmp_path / "bare")
    assert instance.dataset.Rows == 4
    assert instance.notes == ("no transfer syntax in the file: taken from its first element",)
    assert looks_like_dicom(tmp_path / "bare")


def test_looks_like_dicom(tmp_path):
    (tmp_path / "text").write_text("This is a text that is long enough to be looked at, but no more than a text. " * 4)
    (tmp_path / "nothing").touch()
    assert not any(looks_like_dicom(tmp_path / name) for name in ("text", "nothing", "absent", "."))
    assert looks_like_dicom(write(tmp_path / "a.dcm", header(PIXELS)))


@pytest.mark.parametrize("cut", [140, 200, 400, -1, -30])
def test_open_instance__cut(tmp_path, cut):
    write(tmp_path / "a.dcm", header(PIXELS))
    raw = (tmp_path / "a.dcm").read_bytes()
    (tmp_path / "cut.dcm").write_bytes(raw[:cut])
    with pytest.raises(InputError, match=r"malformed|cannot read|no pixels|not a DICOM"):
        pixel_bytes(open_instance(tmp_path / "cut.dcm"))


def test_open_instance__a_header_larger_than_the_first_look(tmp_path):
    made = header(PIXELS, ImageComments="x" * 10_000)
    made.add_new((0x0009, 0x0010), "LO", "MAKER")
    made.add_new((0x0009, 0x1001), "OB", bytes(300_000))
    instance = open_instance(write(tmp_path / "a.dcm", made))
    assert (len(instance.dataset[0x0009, 0x1001].value), instance.dataset.Rows) == (300_000, 4)
    assert pixel_bytes(instance) == PIXELS.tobytes()


def deflated(path, packed_data_set):
    """A deflated file with this data set."""
    write(path, header(PIXELS), syntax=DEFLATED)
    raw = path.read_bytes()
    end = 132 + 12 + int.from_bytes(raw[140:144], "little")
    path.write_bytes(raw[:end] + packed_data_set)
    return path


def packed(data):
    squeezer = zlib.compressobj(9, wbits=-15)
    return squeezer.compress(data) + squeezer.flush()


def test_open_instance__a_deflated_bomb(tmp_path):
    """A megabyte that would become a gigabyte of a private value costs some 60 MB, and is refused."""
    value = bytes(1 << 20)
    squeezer = zlib.compressobj(9, wbits=-15)
    start = b"\x09\0\x01\x10OB\0\0" + (1 << 30).to_bytes(4, "little")
    bomb = squeezer.compress(start) + b"".join(squeezer.compress(value) for _ in range(1024)) + squeezer.flush()
    path = deflated(tmp_path / "bomb.dcm", bomb)
    assert path.stat().st_size < 1.2e6
    tracemalloc.start()
    with pytest.raises(UnreadableFile, match=r"grows beyond|too large"):
        open_instance(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 200e6


def test_open_instance__deflated_pixels_may_be_as_large_as_promised(tmp_path):
    """40 MB of black frames pack to 40 kB: far more than 50 times, and all of it promised by the header."""
    black = np.zeros((80, 512, 512), np.uint16)
    instance = open_instance(write(tmp_path / "black.dcm", header(black), syntax=DEFLATED))
    assert (tmp_path / "black.dcm").stat().st_size < 100_000
    assert len(pixel_bytes(instance)) == black.nbytes


def test_open_instance__deflated_pixels_stay_packed(tmp_path):
    """A file of 100 kB that promises 100 MB, rightly: its header costs next to nothing, its pixels what they take."""
    squeezer = zlib.compressobj(9, wbits=-15)
    made = header(np.zeros((1, 1), np.uint16), Rows=5_000, Columns=10_000)
    made.PixelData = b""
    start = write(tmp_path / "plain.dcm", made).read_bytes()
    start = start[132 + 12 + int.from_bytes(start[140:144], "little") : -4] + (100_000_000).to_bytes(4, "little")
    megabyte = bytes(1_000_000)
    bomb = squeezer.compress(start) + b"".join(squeezer.compress(megabyte) for _ in range(100)) + squeezer.flush()
    path = deflated(tmp_path / "bomb.dcm", bomb)
    tracemalloc.start()
    instance = open_instance(path)
    peak = tracemalloc.get_traced_memory()[1]
    assert (instance.dataset.Rows, instance.pixels.length, peak < 5e6) == (5_000, 100_000_000, True)
    assert len(pixel_bytes(instance)) == 100_000_000
    assert tracemalloc.get_traced_memory()[1] < 150e6
    tracemalloc.stop()


def test_pixel_bytes__of_a_deflated_file_that_is_cut(tmp_path):
    path = write(tmp_path / "a.dcm", header(np.random.default_rng(0).integers(0, 999, (300, 300))), syntax=DEFLATED)
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(UnreadableFile, match="truncated"):
        pixel_bytes(open_instance(path))


def test_open_instance__damaged_deflate_stream(tmp_path):
    with pytest.raises(UnreadableFile, match="damaged"):
        open_instance(deflated(tmp_path / "a.dcm", b"\xff" * 100))


def test_open_instance__no_file_and_no_dicom(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        open_instance(tmp_path / "absent.dcm")
    (tmp_path / "zip.dcm").write_bytes(b"PK\3\4" + bytes(500))
    with pytest.raises(UnreadableFile, match="not a DICOM file"):
        open_instance(tmp_path / "zip.dcm")


def test_pixel_bytes__none(tmp_path):
    made = header(PIXELS)
    del made.PixelData
    with pytest.raises(InputError, match="no pixels"):
        pixel_bytes(open_instance(write(tmp_path / "a.dcm", made)))


def test_kind_of():
    assert kind_of(header(PIXELS)) == "CT Image Storage"
    assert kind_of(pydicom.Dataset()) == "an object without a class"


@pytest.mark.data
def test_open_instance__every_file_of_the_collection(data_folder):
    """Each is read or refused with a reason: nothing else is raised, and no warning."""
    refused = {}
    paths = [
        path for path in (data_folder / "dicom").rglob("*") if path.is_file() and path.suffix not in (".nii", ".gz")
    ]
    for path in paths:
        try:
            str(open_instance(path).dataset)
        except UnreadableFile as error:
            refused[path.name] = error.message
    assert {name for name in refused if refused[name] != "not a DICOM file"} == {
        "MR_truncated.dcm",
        "rtplan_truncated.dcm",
    }
    assert len(paths) - len(refused) > 550

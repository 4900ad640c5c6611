"""JPEG by GDCM in its child: exact against a lossless encoder written here and uncompressed twins, Pillow for colour, hostile
streams.
"""

import io
import random
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.encaps import generate_frames
from scipy import fft

from scanwright.errors import InputError, ResourceError, UnreadableFile
from scanwright.io.dicom.jpeg import BASELINE, LOSSLESS_FIRST_ORDER, decode_jpeg, read_stream
from scanwright.io.sandbox import Sandbox

WHERE = Path("scan.dcm")
DRAW = np.random.default_rng(7)

# Looked for, not loaded: it belongs into the child alone.
pytestmark = pytest.mark.skipif(find_spec("gdcm") is None, reason="python-gdcm is not installed")


def decoded(frame, array, **changes):
    """The frame, told that it holds an array of this shape and type."""
    bits = array.dtype.itemsize * 8
    told = {
        "syntax": LOSSLESS_FIRST_ORDER, "rows": array.shape[0], "columns": array.shape[1],
        "samples": array.shape[2] if array.ndim == 3 else 1, "bits_allocated": bits, "bits_stored": bits,
        "high_bit": bits - 1, "signed": array.dtype.kind == "i", "planar": 0,
        "photometric": "RGB" if array.ndim == 3 else "MONOCHROME2", "where": WHERE,
    }  # fmt: skip
    return decode_jpeg(frame, **{**told, **changes})


def refused(frame, array, **changes):
    with pytest.raises(UnreadableFile) as caught:
        decoded(frame, array, **changes)
    assert caught.value.where == WHERE
    return str(caught.value)


def lossless(samples, precision, *, ids=b"\1\2\3", before=b""):
    """A JPEG lossless stream (T.81 annex H), first-order prediction; every difference category has a code of 5 bits."""
    rows, columns = samples.shape[:2]
    planes = samples.reshape(rows, columns, -1).astype(np.int64) % (1 << precision)
    count = planes.shape[2]
    left = np.concatenate([planes[:, :1], planes[:, :-1]], axis=1)
    left[1:, 0], left[0, 0] = planes[:-1, 0], 1 << (precision - 1)
    differences = ((planes - left + (1 << 15)) % (1 << 16) - (1 << 15)).ravel().tolist()
    bits = "".join(f"{abs(d).bit_length():05b}{_tail(d)}" for d in differences)
    bits += "1" * (-len(bits) % 8)
    data = int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")
    frame = bytes([precision, *rows.to_bytes(2, "big"), *columns.to_bytes(2, "big"), count])
    frame += b"".join(bytes([ids[c], 0x11, 0]) for c in range(count))
    table = bytes([0, 0, 0, 0, 0, 17, *[0] * 11, *range(17)])
    scan = bytes([count]) + b"".join(bytes([ids[c], 0]) for c in range(count)) + bytes([1, 0, 0])
    parts = [before, segment(0xC3, frame), segment(0xC4, table), segment(0xDA, scan), data]
    return b"\xff\xd8" + b"".join(parts) + b"\xff\xd9"


def _tail(difference):
    size = abs(difference).bit_length()
    if size in (0, 16):
        return ""
    return f"{difference if difference > 0 else difference + (1 << size) - 1:0{size}b}"


def segment(marker, content):
    return bytes([0xFF, marker]) + (len(content) + 2).to_bytes(2, "big") + content


JFIF = segment(0xE0, b"JFIF\0\1\2\0\0\1\0\1\0\0")


def adobe(transform):
    return segment(0xEE, b"Adobe\0\x64\0\0\0\0" + bytes([transform]))


def pillow(array, **how):
    stream = io.BytesIO()
    Image.fromarray(array).save(stream, "JPEG", **how)
    return stream.getvalue()


@pytest.mark.parametrize("precision", [2, 5, 7, 8, 9, 10, 12, 15, 16])
def test_lossless__every_precision(precision):
    dtype = np.uint8 if precision <= 8 else np.uint16
    array = DRAW.integers(0, 1 << precision, (13, 17)).astype(dtype)
    found, photometric = decoded(lossless(array, precision), array)
    np.testing.assert_array_equal(found, array)
    assert (found.dtype, found.shape, photometric) == (dtype, (13, 17), "MONOCHROME2")


@pytest.mark.parametrize(("precision", "dtype"), [(8, "i1"), (8, "i2"), (12, "i2"), (16, "i2"), (16, "i4"), (5, "i1")])
def test_lossless__signed_values_of_fewer_bits(precision, dtype):
    half = 1 << (precision - 1)
    array = DRAW.integers(-half, half, (9, 5)).astype(dtype)
    array[0, :2] = (-half, half - 1)
    found, _ = decoded(lossless(array, precision), array)
    np.testing.assert_array_equal(found, array)
    assert found.dtype == np.dtype(dtype)


def test_lossless__fewer_bits_in_larger_cells_than_the_header_says():
    """8 bits in cells of 16, of which 12 are stored: GDCM, told so, refuses; told what the stream says, it decodes."""
    array = DRAW.integers(0, 256, (6, 7)).astype(np.uint16)
    found, _ = decoded(lossless(array, 8), array, bits_stored=12, high_bit=11)
    np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize("precision", [8, 16])
@pytest.mark.parametrize("planar", [0, 1])
def test_lossless__colour_by_pixel(precision, planar):
    array = DRAW.integers(0, 1 << precision, (8, 6, 3)).astype(np.uint8 if precision == 8 else np.uint16)
    found, photometric = decoded(lossless(array, precision), array, planar=planar)
    np.testing.assert_array_equal(found, array)
    assert photometric == "RGB"


@pytest.mark.parametrize(
    ("ids", "before", "said", "meant"),
    [
        (b"\1\2\3", b"", "RGB", "RGB"),
        (b"\1\2\3", b"", "YBR_FULL", "YBR_FULL"),
        (b"\1\2\3", b"", "YBR_FULL_422", "YBR_FULL"),
        (b"RGB", b"", "YBR_FULL", "RGB"),
        (b"\1\2\3", adobe(0), "YBR_FULL", "RGB"),
        (b"\1\2\3", adobe(1), "RGB", "YBR_FULL"),
        (b"\1\2\3", JFIF, "RGB", "RGB"),  # lossless: no business of JFIF's
    ],
)
def test_colour__never_converted_and_named(ids, before, said, meant):
    array = DRAW.integers(0, 256, (4, 5, 3)).astype(np.uint8)
    found, photometric = decoded(lossless(array, 8, ids=ids, before=before), array, photometric=said)
    np.testing.assert_array_equal(found, array)
    assert photometric == meant


def smooth_colour():
    row, column = np.mgrid[0:40, 0:48]
    return np.stack([row * 6, column * 5, (row + column) * 2], axis=-1).astype(np.uint8)


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("said", ["YBR_FULL_422", "RGB"])
def test_baseline__pillow_ybr(subsampling, progressive, said):
    """Pillow writes JFIF: YBR whatever the DICOM header says. Its own decoder, left in YCbCr, gives the same samples."""
    array = smooth_colour()
    frame = pillow(array, quality=90, subsampling=subsampling, progressive=progressive)
    found, photometric = decoded(frame, array, syntax=BASELINE, photometric=said)
    assert photometric == "YBR_FULL"
    assert np.abs(found.astype(int) - ybr_by_pillow(frame)).max() <= 1


def ybr_by_pillow(frame):
    with Image.open(io.BytesIO(frame)) as image:
        image.draft("YCbCr", image.size)
        return np.asarray(image).astype(int)


def test_baseline__pillow_rgb_and_grey():
    array = smooth_colour()
    frame = pillow(array, quality=95, keep_rgb=True)
    found, photometric = decoded(frame, array, syntax=BASELINE, photometric="YBR_FULL_422")
    assert photometric == "RGB" and read_stream(frame, WHERE).colours == "RGB"
    with Image.open(io.BytesIO(frame)) as image:
        assert np.abs(found.astype(int) - np.asarray(image)).max() <= 1
    grey = pillow(array[..., 0], quality=95)
    found, photometric = decoded(grey, array[..., 0], syntax=BASELINE, photometric="MONOCHROME1")
    with Image.open(io.BytesIO(grey)) as image:
        assert np.abs(found.astype(int) - np.asarray(image)).max() <= 1
    assert photometric == "MONOCHROME1"


GREY = DRAW.integers(0, 4096, (64, 64)).astype(np.uint16)
GOOD = lossless(GREY, 12)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"rows": 65}, "65 x 64"),
        ({"columns": 32}, "64 x 32"),
        ({"samples": 3}, "1 in the JPEG stream"),
        ({"bits_allocated": 8}, "12 bits in the JPEG stream"),
        ({"bits_allocated": 1}, "1 bits allocated"),
        ({"rows": 0}, "impossible size"),
    ],
)
def test_refused__a_stream_that_is_not_the_headers(change, words):
    assert words in refused(GOOD, GREY, **change)


def patched(frame, marker, offset, new):
    """The frame with bytes of a segment replaced; offset from the segment's content."""
    at = frame.index(bytes([0xFF, marker])) + 4 + offset
    return frame[:at] + new + frame[at + len(new) :]


def test_refused__its_own_header_says_65500_squared():
    frame = patched(GOOD, 0xC3, 1, b"\xff\xdc\xff\xdc")
    assert "65500 x 65500 in the JPEG stream" in refused(frame, GREY)


def test_refused__both_headers_say_65500_squared():
    """8.6 GB promised by 10 kB. Nobody allocates them, and no child is asked."""
    frame = patched(GOOD, 0xC3, 1, b"\xff\xdc\xff\xdc")
    with Sandbox(Path("never.py")) as never, pytest.raises((UnreadableFile, ResourceError)) as caught:
        decoded(frame, GREY, rows=65500, columns=65500, sandbox=never)
    assert "65500 x 65500" in str(caught.value)


def test_refused__no_fewer_bytes_than_the_flattest_image_needs():
    """A grey image at the coarsest quality of Pillow, chroma halved twice, is still accepted."""
    array = np.full((2000, 2000, 3), 128, np.uint8)
    frame = pillow(array, quality=1, subsampling="4:2:0", progressive=True, optimize=True)
    found, _ = decoded(frame, array, syntax=BASELINE)
    assert (found == 128).all()
    assert "bytes for 2000 x 2000" in refused(frame[:1000] + b"\xff\xd9", array, syntax=BASELINE)


@pytest.mark.parametrize("process", [0xC5, 0xC7, 0xC9, 0xCB, 0xCF])
def test_refused__hierarchical_and_arithmetic(process):
    assert f"process {process - 0xC0}" in refused(GOOD.replace(b"\xff\xc3", bytes([0xFF, process])), GREY)


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (b"", "does not begin as JPEG does"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "does not begin as JPEG does"),
        (b"\xff\xd8", "no frame header"),
        (b"\xff\xd8\xff\xd9", "no frame header"),
        (b"\xff\xd8" + b"\xff" * 1000, "no frame header"),
        (b"\xff\xd8" + b"\xff\xe0\0\0" * 1000, "no frame header"),
        (b"\xff\xd8" + segment(0xC3, b"\x0c\0\x40\0\x40"), "frame header is cut"),
        (b"\xff\xd8" + segment(0xC3, b"\x0c\0\x40\0\x40\xff\1\x11\0"), "frame header is cut"),
        (GOOD[: GOOD.index(b"\xff\xc4")], "cannot decode"),
        (b"\xff\xd8" + segment(0xC3, b"\x0c\0\x40\0\x40\1\1\x11\0") + bytes(500), "cannot decode"),
        (patched(GOOD, 0xC4, 5, b"\xff"), "cannot decode"),
        (patched(GOOD, 0xDA, 3, b"\x09"), "cannot decode"),
    ],
)
def test_refused__broken_headers(frame, words):
    assert words in refused(frame, GREY)


@pytest.mark.parametrize("end", [b"", b"\xff\xd9"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("kind", ["lossless", "baseline"])
def test_refused__truncated(kind, share, end):
    if kind == "lossless":
        array, frame, syntax = GREY, GOOD, LOSSLESS_FIRST_ORDER
    else:
        array, syntax = smooth_colour(), BASELINE
        frame = pillow(array, quality=95)
    start = frame.index(b"\xff\xda") + 14
    cut = frame[: start + int((len(frame) - 2 - start) * share)] + end
    assert "cannot decode" in refused(cut, array, syntax=syntax)
    decoded(frame, array, syntax=syntax)


def test_refused__random_bytes_behind_a_good_header():
    chance = random.Random(3)
    for _ in range(4):
        frame = GOOD[: GOOD.index(b"\xff\xda") + 10] + chance.randbytes(3000) + b"\xff\xd9"
        assert "cannot decode" in refused(frame, GREY)
        assert "begin" in refused(chance.randbytes(5000), GREY)


CHILD = Path(__file__).parents[1] / "sandbox_child.py"


def program(tmp_path, body):
    path = tmp_path / "child.py"
    path.write_text(f"from scanwright.io.confine import serve\nimport ctypes\ndef load():\n    {body}\nserve(load)\n")
    return path


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("return lambda header, body: ctypes.string_at(0)", "was ended by SIGSEGV"),
        ("return lambda header, body: ({}, b'123')", "3 bytes where 8192 were agreed"),
        ("return lambda header, body: ({}, bytes(1 << 40))", "more memory"),
        ("while_ = []\n    return lambda header, body: [while_.append(0) for _ in iter(int, 1)]", ""),
    ],
)
def test_child__crash_nonsense_memory_and_time_are_the_files(tmp_path, body, words):
    with Sandbox(program(tmp_path, body), request_s=3.0, request_cpu_s=0.3, memory_bytes=256 << 20) as sandbox:
        assert words in refused(GOOD, GREY, sandbox=sandbox)


def test_child__no_gdcm(tmp_path):
    with Sandbox(program(tmp_path, "import gdcm_that_is_absent")) as sandbox, pytest.raises(InputError) as caught:
        decoded(GOOD, GREY, sandbox=sandbox)
    assert not isinstance(caught.value, UnreadableFile)
    assert 'pip install "scanwright[gdcm]"' in str(caught.value) and caught.value.where == WHERE


def test_child__cannot_be_started(tmp_path):
    with Sandbox(tmp_path / "nothing.py") as sandbox, pytest.raises(ResourceError, match="does not start"):
        decoded(GOOD, GREY, sandbox=sandbox)


def frames_of(path):
    """The header, and every frame decoded."""
    header = pydicom.dcmread(path)
    count = int(header.get("NumberOfFrames") or 1)
    told = {
        "syntax": str(header.file_meta.TransferSyntaxUID), "rows": header.Rows, "columns": header.Columns,
        "samples": header.SamplesPerPixel, "bits_allocated": header.BitsAllocated, "bits_stored": header.BitsStored,
        "high_bit": header.HighBit, "signed": bool(header.PixelRepresentation), "planar": 0,
        "photometric": header.PhotometricInterpretation, "where": path,
    }  # fmt: skip
    encoded = list(generate_frames(header.PixelData, number_of_frames=count))
    return header, encoded, [decode_jpeg(frame, **told) for frame in encoded]


def one(path):
    _, _, [(pixels, _)] = frames_of(path)
    return pixels


@pytest.fixture(scope="module")
def dicom(data_folder):
    return data_folder / "dicom"


@pytest.mark.data
@pytest.mark.parametrize(
    ("packed", "plain"),
    [
        ("nema_wg04_codecs/CT1_JPLL", "nema_wg04_codecs/CT1_UNC"),
        ("nema_wg04_codecs/MR1_JPLL", "nema_wg04_codecs/MR1_UNC"),
        ("nema_wg04_codecs/NM1_JPLL", "nema_wg04_codecs/NM1_UNC"),
        ("nema_wg04_codecs/RG3_JPLL", "nema_wg04_codecs/RG3_J2KR"),
        ("mr_transfer_syntaxes/In/5", "mr_transfer_syntaxes/In/1"),
        ("mr_transfer_syntaxes/In/6", "mr_transfer_syntaxes/In/1"),
        ("pydicom_oddities/JPEG-LL", "nema_wg04_codecs/NM1_UNC"),
    ],
)
def test_data__lossless_equals_its_twin(dicom, packed, plain):
    twin = pydicom.dcmread(dicom / f"{plain}.dcm").pixel_array
    found = one(dicom / f"{packed}.dcm")
    np.testing.assert_array_equal(found, twin)
    assert found.dtype == twin.dtype


@pytest.mark.data
@pytest.mark.parametrize(
    ("packed", "plain"),
    [("MR1_JPLY", "MR1_UNC"), ("NM1_JPLY", "NM1_UNC"), ("../pydicom_oddities/JPEG-lossy", "NM1_UNC")],
)
def test_data__extended_12_bits_is_its_twin_quantised(dicom, packed, plain):
    """By its frequencies, block by block: each is a whole number of the stream's own quantisation steps (but for rounding
    to grey values: 0.5 a pixel is at most 4 in a coefficient), and less than one step from the twin's. A wrong table,
    order or predictor breaks both. Blocks that touch 0 are cut off there and do not count.
    """
    twin = pydicom.dcmread(dicom / "nema_wg04_codecs" / f"{plain}.dcm").pixel_array
    _, [frame], [(found, _)] = frames_of(dicom / "nema_wg04_codecs" / f"{packed}.dcm")
    assert found.dtype == np.uint16
    table, whole = table_of(frame), blocks(found).min(axis=(2, 3)) > 0
    theirs, ours = (fft.dctn(blocks(image) - 2048.0, axes=(2, 3), norm="ortho")[whole] for image in (twin, found))
    assert whole.mean() > 0.95
    assert np.abs(ours - np.rint(ours / table) * table).max() < 4.001
    assert np.abs((ours - theirs) / table).max() < 0.8  # measured: 0.77


def blocks(image):
    rows, columns = image.shape
    return image.reshape(rows // 8, 8, columns // 8, 8).transpose(0, 2, 1, 3)


def table_of(frame):
    """The one quantisation table of a stream, 8 x 8."""
    at = frame.index(b"\xff\xdb") + 4
    steps = {0: np.frombuffer(frame[at + 1 : at + 65], np.uint8), 1: np.frombuffer(frame[at + 1 : at + 129], ">u2")}
    order = sorted(((r, c) for r in range(8) for c in range(8)), key=_zigzag)
    table = np.zeros((8, 8))
    table[tuple(np.transpose(order))] = steps[frame[at] >> 4]
    return table


def _zigzag(place):
    row, column = place
    return (row + column, row if (row + column) % 2 else column)


@pytest.mark.data
def test_data__baseline_cine_as_pillow(dicom):
    header, encoded, found = frames_of(dicom / "pydicom_oddities/examples_ybr_color.dcm")
    assert len(found) == 30 == int(header.NumberOfFrames) and header.PhotometricInterpretation == "YBR_FULL_422"
    for frame, (pixels, photometric) in zip(encoded, found, strict=True):
        assert (pixels.shape, pixels.dtype, photometric) == ((240, 320, 3), np.uint8, "YBR_FULL")
        assert np.abs(pixels.astype(int) - ybr_by_pillow(frame)).max() <= 1


@pytest.mark.data
def test_data__8_bit_lossless(dicom):
    header, _, [(pixels, photometric)] = frames_of(dicom / "pydicom_oddities/JPGLosslessP14SV1_1s_1f_8b.dcm")
    assert (pixels.shape, pixels.dtype, photometric) == ((768, 1024), np.uint8, "MONOCHROME2")
    assert pixels.min() == 0 and pixels.max() > 200 and header.BitsStored == 8

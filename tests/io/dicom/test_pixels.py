"""Stored pixels, by hand for plain ones, and against a second library or the uncompressed twin for codecs."""

import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate, generate_frames

from made_dicom import header, write
from scanwright.errors import InputError, UnreadableFile
from scanwright.io.dicom.codecs import CODECS
from scanwright.io.dicom.encoded import DECODED, NATIVE, read_encoded
from scanwright.io.dicom.intake import DEFLATED, open_instance
from scanwright.io.dicom.pixels import PixelFrames, unpacked

BIG, J2K = "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.4.90"


def frames_of(path):
    return PixelFrames(read_encoded(open_instance(path)))


@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "u4", "i4"])
@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.1", BIG])
def test_plain__every_integer(tmp_path, dtype, syntax):
    limits = np.iinfo(dtype)
    pixels = np.array([[limits.min, limits.max], [0, 7]], dtype)
    stored = pixels.astype(pixels.dtype.newbyteorder(">")) if syntax == BIG else pixels
    cells, photometric = frames_of(write(tmp_path / "a.dcm", header(stored), syntax=syntax)).decode(0)
    assert (cells.dtype, cells.shape, photometric) == (np.dtype(dtype), (2, 2, 1), "MONOCHROME2")
    assert np.array_equal(cells[..., 0], pixels)


def test_plain__several_frames_and_colour_by_plane(tmp_path):
    pixels = np.arange(2 * 3 * 4 * 3, dtype=np.uint8).reshape(2, 3, 4, 3)
    by_plane = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))
    made = header(pixels, PlanarConfiguration=1)
    made.PixelData = by_plane.tobytes()
    frames = frames_of(write(tmp_path / "a.dcm", made))
    assert np.array_equal(frames.decode(0)[0], pixels[0])
    assert np.array_equal(frames.decode(1)[0], pixels[1])


def test_plain__single_bits_run_on_from_frame_to_frame(tmp_path):
    """Two frames of 3 x 4 bits, the lowest of a byte first: the second frame begins amid the second byte."""
    bits = np.array([1, 0, 0, 1, 1, 0, 1, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 1, 0, 1, 1, 1, 1, 1], np.uint8)
    made = header(np.zeros((2, 3, 4), np.uint8), BitsAllocated=1, BitsStored=1, HighBit=0)
    made.PixelData = np.packbits(bits, bitorder="little").tobytes() + b"\0"
    frames = frames_of(write(tmp_path / "a.dcm", made))
    assert [frames.decode(number)[0].ravel().tolist() for number in range(2)] == bits.reshape(2, 12).tolist()
    assert unpacked(b"\x05\x80", 7, 9).tolist() == [0] * 8 + [1]


def test_cleaned__overlay_bits_and_signs(tmp_path):
    """Twelve bits in sixteen: what stands above them is an overlay, and bit 11 is the sign."""
    pixels = np.array([[0xF123, 0x0FFF], [0x0800, 0x07FF]], np.uint16)
    for signed, expected in ((0, [[0x123, 0xFFF], [0x800, 0x7FF]]), (1, [[0x123, -1], [-2048, 2047]])):
        made = header(pixels, BitsStored=12, HighBit=11, PixelRepresentation=signed)
        with pytest.raises(UnreadableFile, match="more bits than the header says"):
            frames_of(write(tmp_path / "a.dcm", made)).decode(0)
        for overlay in range(4):
            made.add_new((0x6000 + 2 * overlay, 0x0102), "US", 12 + overlay)
        assert frames_of(write(tmp_path / "a.dcm", made)).decode(0)[0][..., 0].tolist() == expected


def test_signs_that_are_extended_or_not(tmp_path):
    """Twelve bits with a sign, -1 and -2048, with zeros or the sign above them: both are read, a mixture of bits is not."""
    for cells, expected in (
        ([0x0FFF, 0x0800], [-1, -2048]),
        ([0xFFFF, 0xF800], [-1, -2048]),
        ([0x0FFF, 0xF800], [-1, -2048]),
    ):
        made = header(np.array([cells], np.uint16), BitsStored=12, HighBit=11, PixelRepresentation=1)
        assert frames_of(write(tmp_path / "a.dcm", made)).decode(0)[0].ravel().tolist() == expected
    made = header(np.array([[0x0802, 0x1802]], np.uint16), BitsStored=12, HighBit=11, PixelRepresentation=1)
    with pytest.raises(UnreadableFile, match="more bits than the header says"):
        frames_of(write(tmp_path / "a.dcm", made)).decode(0)


def test_cleaned__bits_that_end_at_the_top(tmp_path):
    """Twelve bits stored at 4 to 15."""
    made = header(np.array([[0x1230, 0xFFFF]], np.uint16), BitsStored=12, HighBit=15)
    encoded = read_encoded(open_instance(write(tmp_path / "a.dcm", made)))
    assert PixelFrames(encoded).decode(0)[0][..., 0].tolist() == [[0x123, 0xFFF]]


def test_ybr_422_shares_colour_between_two_pixels(tmp_path):
    made = header(np.zeros((1, 2, 3), np.uint8), PhotometricInterpretation="YBR_FULL_422")
    made.PixelData = bytes((10, 20, 128, 130))  # Y1 Y2 Cb Cr
    cells, photometric = frames_of(write(tmp_path / "a.dcm", made)).decode(0)
    assert (cells.tolist(), photometric) == ([[[10, 128, 130], [20, 128, 130]]], "YBR_FULL")


@pytest.mark.parametrize(
    ("elements", "error", "message"),
    [
        ({"Rows": None}, UnreadableFile, "without its size"),
        ({"Rows": 0}, UnreadableFile, "impossible size"),
        ({"Rows": 5}, UnreadableFile, "truncated"),
        ({"Columns": 65535, "Rows": 65535}, UnreadableFile, "truncated"),
        ({"NumberOfFrames": 2}, UnreadableFile, "truncated"),
        ({"PixelRepresentation": None}, UnreadableFile, "kind of numbers"),
        ({"BitsStored": 20}, UnreadableFile, "bits stored"),
        ({"BitsStored": 0}, UnreadableFile, "bits stored"),
        ({"NumberOfFrames": 0}, UnreadableFile, "impossible number of frames"),
        ({"NumberOfFrames": 1 << 20}, UnreadableFile, "impossible number of frames"),
        ({"BitsAllocated": 12}, InputError, "size of pixel cells"),
        ({"SamplesPerPixel": 4}, InputError, "samples a pixel"),
    ],
)
def test_headers_that_make_no_sense(tmp_path, elements, error, message):
    with pytest.raises(error, match=message):
        frames_of(write(tmp_path / "a.dcm", header(np.zeros((4, 5), np.int16), **elements)))


def test_every_syntax_that_is_let_in_has_a_decoder():
    assert set(CODECS) | set(NATIVE) == DECODED


def test_decode_into__is_decode(tmp_path):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 4096, (3, 4, 5)).astype(np.uint16)
    for made, syntax in (
        (header(pixels), "1.2.840.10008.1.2.1"),
        (header(pixels % 1024, BitsStored=10, HighBit=9), "1.2.840.10008.1.2.1"),
        (header(pixels.astype(">u2")), BIG),
        (header(pixels), DEFLATED),
    ):
        frames = frames_of(write(tmp_path / "a.dcm", made, syntax=syntax))
        out = np.empty((4, 5), np.uint16)
        for number in range(3):
            frames.decode_into(number, out)
            assert np.array_equal(out, frames.decode(number)[0][..., 0])


def test_a_syntax_that_nobody_decodes_is_named(tmp_path):
    made = header(np.zeros((4, 5), np.uint8))
    made.PixelData = encapsulate([b"1234"])
    with pytest.raises(InputError, match="not decoded here") as caught:
        frames_of(write(tmp_path / "a.dcm", made, syntax="1.2.840.10008.1.2.4.100"))
    assert "MPEG2" in caught.value.found


def compressed(tmp_path, pixels, syntax, stream, **elements):
    made = header(pixels, **elements)
    made.PixelData = encapsulate([stream])
    made["PixelData"].is_undefined_length = True
    return write(tmp_path / "a.dcm", made, syntax=syntax)


@pytest.mark.parametrize("dtype", ["u1", "u2", "i2"])
@pytest.mark.parametrize("syntax", [J2K, "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.5"])
def test_codecs__lossless_round_trip(tmp_path, dtype, syntax):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 200, (64, 80)).astype(dtype)
    if dtype == "i2":
        pixels -= 100
    write(tmp_path / "plain.dcm", header(pixels))
    dataset = pydicom.dcmread(tmp_path / "plain.dcm")
    dataset.compress(syntax, generate_instance_uid=False)
    dataset.save_as(tmp_path / "a.dcm")
    cells, _ = frames_of(tmp_path / "a.dcm").decode(0)
    assert cells.dtype == np.dtype(dtype)
    assert np.array_equal(cells[..., 0], pixels)


def test_codecs__a_stream_of_another_size_is_refused_before_it_is_decoded(tmp_path):
    write(tmp_path / "plain.dcm", header(np.zeros((64, 80), np.uint16)))
    for syntax in (J2K, "1.2.840.10008.1.2.4.80"):
        dataset = pydicom.dcmread(tmp_path / "plain.dcm")
        dataset.compress(syntax, generate_instance_uid=False)
        dataset.Rows = 4
        dataset.save_as(tmp_path / "a.dcm")
        with pytest.raises(UnreadableFile, match="another size"):
            frames_of(tmp_path / "a.dcm").decode(0)


@pytest.mark.parametrize("syntax", [J2K, "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.5"])
@pytest.mark.parametrize("stream", [b"\0\0", b"no stream", bytes(200), b"\xff\xd8\xff\xf7\0\x0b"])
def test_codecs__damaged_streams(tmp_path, syntax, stream):
    path = compressed(tmp_path, np.zeros((4, 6), np.uint16), syntax, stream)
    with pytest.raises(UnreadableFile):
        frames_of(path).decode(0)


def test_codecs__fewer_frames_than_promised(tmp_path):
    path = compressed(tmp_path, np.zeros((2, 4, 6), np.uint16), J2K, b"one frame only")
    with pytest.raises(UnreadableFile):
        frames_of(path)


TWINS = [
    *[(f"{name}1_{codec}.dcm", f"{name}1_UNC.dcm", 0) for name in ("CT", "MR", "NM") for codec in ("J2KR", "RLE", "JPLL")],
    *[(f"{name}1_JLSL.dcm", f"{name}1_UNC.dcm", 0) for name in ("CT", "MR", "NM")],
    *[(f"{name}1_JLSN.dcm", f"{name}1_UNC.dcm", 4) for name in ("CT", "MR", "NM")],
    ("US1_J2KR.dcm", "US1_UNC.dcm", 0), ("US1_RLE.dcm", "US1_UNC.dcm", 0), ("RG3_J2KR.dcm", "RG3_JPLL.dcm", 0),
]  # fmt: skip
LOSSY = [("CT", "J2KI", 0.025), ("MR", "J2KI", 0.1), ("NM", "J2KI", 0.2), ("MR", "JPLY", 0.03), ("NM", "JPLY", 0.11)]


@pytest.mark.data
@pytest.mark.parametrize(("name", "twin", "most"), TWINS, ids=[one[0] for one in TWINS])
def test_codecs__as_the_uncompressed_twin(data_folder, name, twin, most):
    folder = data_folder / "dicom" / "nema_wg04_codecs"
    ours, theirs = (frames_of(folder / one).decode(0)[0].astype(np.int32) for one in (name, twin))
    assert np.abs(ours - theirs).max() <= most


@pytest.mark.data
@pytest.mark.parametrize(("name", "codec", "share"), LOSSY)
def test_codecs__lossy_ones_stay_close(data_folder, name, codec, share):
    """Mean error, as a share of the image's standard deviation: 2 % to 20 % as these files were compressed."""
    folder = data_folder / "dicom" / "nema_wg04_codecs"
    ours, theirs = (frames_of(folder / f"{name}1_{one}.dcm").decode(0)[0].astype(float) for one in (codec, "UNC"))
    assert np.abs(ours - theirs).mean() < share * theirs.std()


@pytest.mark.parametrize(
    ("pixels", "elements", "extra"),
    [
        (np.zeros((4, 5), np.uint8), {}, bytes(40)),  # red, green and blue under a grey header, all black
        (np.zeros((4, 5), np.uint16), {}, bytes(3 * 40)),  # four frames under a header of one
        (np.zeros((4, 5), np.uint16), {}, b"\0\0\0\1"),
        (np.zeros((2, 4, 5), np.uint16), {}, bytes(20)),
        (np.zeros((2, 4, 3), np.uint8), {"PhotometricInterpretation": "YBR_FULL_422"}, b""),
    ],
)
def test_more_pixels_than_the_header_says(tmp_path, pixels, elements, extra):
    made = header(pixels, **elements)
    made.PixelData += extra
    with pytest.raises(UnreadableFile, match="more pixels than"):
        frames_of(write(tmp_path / "a.dcm", made))


def test_more_pixels__a_few_zeros_are_padding(tmp_path):
    pixels = np.arange(1, 21, dtype=np.uint16).reshape(4, 5)
    made = header(pixels)
    made.PixelData += bytes(18)
    assert np.array_equal(frames_of(write(tmp_path / "a.dcm", made)).decode(0)[0][..., 0], pixels)


@pytest.mark.parametrize(
    ("photometric", "samples"), [("RGB", 1), ("YBR_FULL", 1), ("MONOCHROME2", 3), ("PALETTE COLOR", 3)]
)
def test_samples_that_do_not_fit_the_colours(tmp_path, photometric, samples):
    made = header(np.zeros((4, 5, 3) if samples == 3 else (4, 5), np.uint8), PhotometricInterpretation=photometric)
    with pytest.raises(UnreadableFile, match="photometric interpretation"):
        frames_of(write(tmp_path / "a.dcm", made))


def compressed_twin(tmp_path, pixels, syntax, **elements):
    write(tmp_path / "plain.dcm", header(pixels, **elements))
    dataset = pydicom.dcmread(tmp_path / "plain.dcm")
    dataset.compress(syntax, generate_instance_uid=False)
    return dataset


@pytest.mark.parametrize("table", [True, False])
@pytest.mark.parametrize("said", [1, 2])
@pytest.mark.parametrize("syntax", [J2K, "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.5"])
def test_codecs__more_frames_than_promised(tmp_path, syntax, said, table):
    pixels = np.arange(3 * 64 * 64, dtype=np.uint16).reshape(3, 64, 64)
    dataset = compressed_twin(tmp_path, pixels, syntax)
    dataset.NumberOfFrames = said
    dataset.PixelData = encapsulate(list(generate_frames(dataset.PixelData, number_of_frames=3)), has_bot=table)
    dataset.save_as(tmp_path / "a.dcm")
    with pytest.raises(UnreadableFile, match="more frames") as caught:
        frames_of(tmp_path / "a.dcm")
    assert (caught.value.expected, caught.value.found) == (said, 3)


@pytest.mark.parametrize("frames", [1, 2])
def test_codecs__a_frame_of_several_fragments(tmp_path, frames):
    pixels = np.arange(2 * 64 * 64, dtype=np.uint16).reshape(2, 64, 64)[:frames]
    dataset = compressed_twin(tmp_path, pixels, J2K)
    streams = list(generate_frames(dataset.PixelData, number_of_frames=frames))
    dataset.PixelData = encapsulate(streams, fragments_per_frame=3, has_bot=False)
    dataset.save_as(tmp_path / "a.dcm")
    found = frames_of(tmp_path / "a.dcm")
    assert all(np.array_equal(found.decode(number)[0][..., 0], pixels[number]) for number in range(frames))


@pytest.mark.parametrize("syntax", [J2K, "1.2.840.10008.1.2.4.80"])
def test_codecs__more_bits_than_the_header_says(tmp_path, syntax):
    """A codestream of 12 bits under a header of 10: what fits into 10 is read, 1024 would become 0 and is refused."""
    for most in (1023, 1024):
        pixels = np.zeros((64, 64), np.uint16)
        pixels[5] = most
        dataset = compressed_twin(tmp_path, pixels, syntax, BitsStored=12, HighBit=11)
        dataset.BitsStored, dataset.HighBit = 10, 9
        dataset.save_as(tmp_path / "a.dcm")
        if most == 1023:
            assert np.array_equal(frames_of(tmp_path / "a.dcm").decode(0)[0][..., 0], pixels)
            continue
        with pytest.raises(UnreadableFile, match="need more bits") as caught:
            frames_of(tmp_path / "a.dcm").decode(0)
        assert (caught.value.expected, caught.value.found) == ("10 bits", "values from 0 to 1024")


@pytest.mark.parametrize("syntax", [J2K, "1.2.840.10008.1.2.4.80"])
def test_codecs__more_bits_than_the_header_s_cells(tmp_path, syntax):
    dataset = compressed_twin(tmp_path, np.zeros((64, 64), np.uint16), syntax, BitsStored=12, HighBit=11)
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8, 8, 7
    dataset.save_as(tmp_path / "a.dcm")
    with pytest.raises(UnreadableFile, match="more bits than the header's cells"):
        frames_of(tmp_path / "a.dcm").decode(0)

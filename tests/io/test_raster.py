"""Pictures: the rules one by one, with Pillow and tifffile as writers."""

import struct
import warnings
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageFile

from scanwright.errors import InputError, UnreadableFile
from scanwright.geometry.grid import Grid
from scanwright.geometry.volume import Volume
from scanwright.io import raster

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (6, 9)).astype(np.uint8)  # 6 rows, 9 columns
RGB = RNG.integers(0, 256, (6, 9, 3)).astype(np.uint8)


def saved(path, pixels, mode=None, **options):
    Image.fromarray(pixels, mode).save(path, **options) if mode is None else Image.fromarray(pixels).convert(mode).save(
        path, **options
    )
    return path


def png(width, height, depth, colour, rows):
    """A PNG by hand, for what Pillow does not write."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def check(path, pixels_HWC, dtype=np.uint8):
    """The volume and its header agree with rows and columns as a person sees them."""
    volume, header = raster.read(path), raster.read_header(path)
    np.testing.assert_array_equal(volume.voxels[..., 0].transpose(2, 1, 0), pixels_HWC)
    assert volume.voxels.dtype == dtype == header.dtype
    assert header.grid == volume.grid == Grid.of_pixels(pixels_HWC.shape[1], pixels_HWC.shape[0])
    assert header.channels == volume.channels


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".tiff"])
def test_read__grey_and_colour(tmp_path, suffix):
    check(saved(tmp_path / f"a{suffix}", GREY), GREY[..., None])
    check(saved(tmp_path / f"b{suffix}", RGB), RGB)
    assert raster.read(tmp_path / f"a{suffix}").voxels[0, 7, 2, 0] == GREY[2, 7]  # i is the column, j the row


def test_read__equal_channels_stay_three(tmp_path):
    check(saved(tmp_path / "a.png", np.repeat(GREY[..., None], 3, axis=-1)), np.repeat(GREY[..., None], 3, axis=-1))


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_read__16_bit_grey(tmp_path, suffix):
    deep = RNG.integers(0, 65536, (6, 9)).astype(np.uint16)
    check(saved(tmp_path / f"a{suffix}", deep), deep[..., None], np.uint16)


def test_read__16_bit_colour_is_never_cut(tmp_path):
    deep = RNG.integers(0, 65536, (6, 9, 3)).astype(np.uint16)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in deep)
    (tmp_path / "a.png").write_bytes(png(9, 6, 16, 2, rows))
    with pytest.raises(InputError, match="16-bit colour"):
        raster.read(tmp_path / "a.png")
    tifffile.imwrite(tmp_path / "a.tif", deep, photometric="rgb")
    check(tmp_path / "a.tif", deep, np.uint16)


@pytest.mark.parametrize(
    "options", [{"compression": "tiff_lzw"}, {"compression": "packbits"}, {"compression": "tiff_deflate"}, {}]
)
@pytest.mark.parametrize("pixels", [GREY, RGB, RNG.integers(0, 65536, (6, 9)).astype(np.uint16)])
def test_read__packed_tiff(tmp_path, options, pixels):
    check(saved(tmp_path / "a.tif", pixels, **options), pixels.reshape(6, 9, -1), pixels.dtype)


def test_read__tiff_of_other_kinds(tmp_path):
    real = RNG.normal(size=(6, 9)).astype(np.float32)
    tifffile.imwrite(tmp_path / "a.tif", real)
    check(tmp_path / "a.tif", real[..., None], np.float32)
    tifffile.imwrite(tmp_path / "b.tif", RGB.transpose(2, 0, 1), photometric="rgb", planarconfig="separate")
    check(tmp_path / "b.tif", RGB)
    tifffile.imwrite(tmp_path / "c.tif", GREY, photometric="miniswhite")
    check(tmp_path / "c.tif", 255 - GREY[..., None])
    np.testing.assert_array_equal(raster.read_label(tmp_path / "c.tif").voxels[0, ..., 0].T, GREY)
    tifffile.imwrite(tmp_path / "d.tif", GREY > 99)
    check(tmp_path / "d.tif", (GREY <= 99)[..., None].astype(np.uint8))  # tifffile writes 1 bit with 0 as white
    np.testing.assert_array_equal(raster.read_label(tmp_path / "d.tif").voxels[0, ..., 0].T, GREY > 99)


def test_read_label__packed_one_bit_tiff(tmp_path):
    Image.fromarray(GREY > 99).save(tmp_path / "a.tif", compression="group4")
    bits = raster.read(tmp_path / "a.tif").voxels[0, ..., 0].T
    np.testing.assert_array_equal(bits, GREY > 99)
    with tifffile.TiffFile(tmp_path / "a.tif") as tiff:
        turned = tiff.pages[0].photometric.name == "MINISWHITE"
    np.testing.assert_array_equal(raster.read_label(tmp_path / "a.tif").voxels[0, ..., 0].T, bits ^ turned)


def test_read__turned_tiff_is_refused(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", GREY, extratags=[(274, 3, 1, 6, True)])
    with pytest.raises(InputError, match="upright"):
        raster.read(tmp_path / "a.tif")


def test_read__tiff_palette(tmp_path):
    colours = RNG.integers(0, 256, (3, 256)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", GREY, photometric="palette", colormap=colours << 8)
    check(tmp_path / "a.tif", colours[:, GREY].transpose(1, 2, 0).astype(np.uint8))
    np.testing.assert_array_equal(raster.read_label(tmp_path / "a.tif").voxels[0, ..., 0].T, GREY)


def test_read__pages_only_as_channels(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.stack([GREY, GREY // 2]), photometric="minisblack")
    for reader in (raster.read, raster.read_header):
        with pytest.raises(InputError, match="several pages"):
            reader(tmp_path / "a.tif")
    volume = raster.read(tmp_path / "a.tif", as_channels=True)
    np.testing.assert_array_equal(volume.voxels[1, ..., 0].T, GREY // 2)
    assert raster.read_header(tmp_path / "a.tif", as_channels=True).channels == 2


def test_read__jpeg_upright_and_cmyk(tmp_path):
    smooth = np.linspace(0, 255, 64 * 48).reshape(48, 64).astype(np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    Image.fromarray(smooth).save(tmp_path / "a.jpg", exif=exif, quality=100)
    volume = raster.read(tmp_path / "a.jpg")
    header = raster.read_header(tmp_path / "a.jpg")
    assert volume.shape == (48, 64, 1) == header.grid.shape
    assert header.notes == ("turned upright, as its EXIF tag says",)
    np.testing.assert_allclose(volume.voxels[0, ..., 0].T.astype(int), np.rot90(smooth, -1), atol=4)
    Image.fromarray(np.repeat(smooth[..., None], 3, axis=-1)).convert("CMYK").save(tmp_path / "b.jpg", quality=100)
    np.testing.assert_allclose(raster.read(tmp_path / "b.jpg").voxels[0, ..., 0].T.astype(int), smooth, atol=6)
    header = raster.read_header(tmp_path / "b.jpg")
    assert (header.channels, header.notes) == (3, ())


def test_read__content_counts_more_than_the_suffix_among_pictures(tmp_path):
    Image.fromarray(RGB).save(tmp_path / "a.png", format="JPEG")
    assert raster.read(tmp_path / "a.png").channels == 3


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_read__transparency(tmp_path, suffix):
    opaque = np.dstack([RGB, np.full((6, 9), 255, np.uint8)])
    check(saved(tmp_path / f"a{suffix}", opaque), RGB)
    opaque[2, 3, 3] = 0
    with pytest.raises(InputError, match="transparent"):
        raster.read(saved(tmp_path / f"b{suffix}", opaque))


def test_read__transparency_of_grey(tmp_path):
    Image.fromarray(GREY).convert("LA").save(tmp_path / "a.png")
    check(tmp_path / "a.png", GREY[..., None])


def test_read__palette_and_one_bit(tmp_path):
    picture = Image.fromarray(GREY % 4)
    picture.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255])
    picture.save(tmp_path / "a.png")
    colours = np.array([[0, 0, 0], [255, 0, 0], [0, 255, 0], [0, 0, 255]], np.uint8)
    check(tmp_path / "a.png", colours[GREY % 4])
    np.testing.assert_array_equal(raster.read_label(tmp_path / "a.png").voxels[0, ..., 0].T, GREY % 4)
    saved(tmp_path / "b.png", np.where(GREY > 99, 255, 0).astype(np.uint8), "1")
    check(tmp_path / "b.png", (GREY > 99)[..., None].astype(np.uint8))


def test_read_label__values_are_kept(tmp_path):
    mask = np.where(GREY > 99, 255, 0).astype(np.uint8)
    for name, pixels in (("grey", mask), ("colour", np.repeat(mask[..., None], 3, axis=-1))):
        label = raster.read_label(saved(tmp_path / f"{name}.png", pixels))
        np.testing.assert_array_equal(label.voxels[0, ..., 0].T, mask)
        assert label.channels == 1
    with pytest.raises(InputError, match="JPEG"):
        raster.read_label(saved(tmp_path / "d.jpg", mask))


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif"])
def test_read_label__colours_are_values(tmp_path, suffix):
    """Grey pixels hold what a grey mask would hold; what is written again is the same picture."""
    drawn = np.array([[0, 0, 0], [255, 255, 255], [255, 0, 0], [0, 0, 255], [7, 7, 7]], np.uint8)[GREY % 5]
    label = raster.read_label(saved(tmp_path / f"a{suffix}", drawn))
    values = np.array([0, 255, 0x1FF0000, 0x10000FF, 7])[GREY % 5]
    np.testing.assert_array_equal(label.voxels[0, ..., 0].T, values)
    if suffix != ".bmp":
        raster.write(tmp_path / f"b{suffix}", label)
        np.testing.assert_array_equal(raster.read(tmp_path / f"b{suffix}").voxels[..., 0].T, drawn)


def test_read_label__what_is_transparent_is_not_drawn(tmp_path):
    drawn = np.zeros((*GREY.shape, 4), np.uint8)
    drawn[..., 0], drawn[..., 3] = 255, np.where(GREY > 99, 255, 0)
    label = raster.read_label(saved(tmp_path / "a.png", drawn))
    np.testing.assert_array_equal(label.voxels[0, ..., 0].T, np.where(GREY > 99, 0x1FF0000, 0))
    drawn[0, 0, 3] = 128
    with pytest.raises(InputError, match="transparent"):
        raster.read_label(saved(tmp_path / "b.png", drawn))


def test_read_label__colours_of_16_bits(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", RGB.astype(np.uint16) * 256, photometric="rgb")
    with pytest.raises(InputError, match="more than 8 bits"):
        raster.read_label(tmp_path / "a.tif")


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".tif"])
@pytest.mark.parametrize(
    "content",
    [b"text, not a picture", b"\0" * 500, b"\x89PNG\r\n\x1a\n", b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08\xff\xff"],
)
def test_read__not_a_picture(tmp_path, suffix, content):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(content)
    for reader in (raster.read, raster.read_header, raster.read_label):
        with pytest.raises(UnreadableFile) as caught:
            reader(path)
        assert caught.value.where == path and 2 <= len(caught.value.lines()) <= 3


@pytest.mark.parametrize("after_a_page", [False, True])
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".tif"])
def test_read__truncated(tmp_path, monkeypatch, suffix, after_a_page):
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", after_a_page)  # as WeasyPrint leaves Pillow
    whole = saved(tmp_path / f"a{suffix}", RNG.integers(0, 256, (50, 40)).astype(np.uint8)).read_bytes()
    for length in (20, len(whole) // 2, len(whole) - 300):
        (tmp_path / f"b{suffix}").write_bytes(whole[:length])
        with pytest.raises(UnreadableFile):
            raster.read(tmp_path / f"b{suffix}")


@pytest.mark.parametrize("size", [(20000, 20000), (1 << 30, 1), (0, 5)])
def test_read__bombs(tmp_path, size):
    path = tmp_path / "a.png"
    path.write_bytes(png(*size, 8, 0, bytes(1000)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for reader in (raster.read, raster.read_header):
            with pytest.raises(UnreadableFile):
                reader(path)


def test_read__large_but_allowed_gives_no_bomb_warning(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(png(10000, 10000, 8, 0, b""))
    assert raster.read_header(path).grid.shape == (10000, 10000, 1)


def test_read__tiff_with_a_huge_promise(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", GREY)
    with tifffile.TiffFile(tmp_path / "a.tif", mode="r+") as tiff:
        tiff.pages[0].tags["ImageWidth"].overwrite(100000)
        tiff.pages[0].tags["ImageLength"].overwrite(100000)
    with pytest.raises(UnreadableFile, match="too large"):
        raster.read(tmp_path / "a.tif")


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize(
    ("channels", "dtype", "top"),
    [(1, np.uint8, 255), (1, np.uint16, 60000), (3, np.uint8, 255), (1, np.int64, 300), (1, bool, 1)],
)
def test_write__round_trip(tmp_path, suffix, channels, dtype, top):
    voxels = RNG.integers(0, top + 1, (channels, 9, 6, 1)).astype(dtype)
    raster.write(tmp_path / f"a{suffix}", Volume(voxels, Grid.of_pixels(9, 6)))
    np.testing.assert_array_equal(raster.read(tmp_path / f"a{suffix}").voxels, voxels)
    assert [path.name for path in tmp_path.iterdir()] == [f"a{suffix}"]


def test_write__floats_in_tiff_only(tmp_path):
    volume = Volume(RNG.normal(size=(1, 9, 6, 1)).astype(np.float32), Grid.of_pixels(9, 6))
    raster.write(tmp_path / "a.tif", volume)
    np.testing.assert_array_equal(raster.read(tmp_path / "a.tif").voxels, volume.voxels)
    with pytest.raises(InputError, match="whole numbers"):
        raster.write(tmp_path / "a.png", volume)


@pytest.mark.parametrize(
    ("voxels", "grid"),
    [
        (np.zeros((1, 9, 6, 1), np.uint8), Grid.from_spacing((9, 6, 1), (1.0, 1.0, 1.0))),
        (np.zeros((1, 9, 6, 1), np.uint8), Grid.of_pixels(10, 7).crop((1, 1, 0), (10, 7, 1))),
        (np.zeros((2, 9, 6, 1), np.uint8), Grid.of_pixels(9, 6)),
        (np.full((1, 9, 6, 1), -1), Grid.of_pixels(9, 6)),
        (np.full((1, 9, 6, 1), 65536), Grid.of_pixels(9, 6)),
    ],
)
def test_write__refuses_what_a_picture_cannot_hold(tmp_path, voxels, grid):
    with pytest.raises(InputError):
        raster.write(tmp_path / "a.png", Volume(voxels, grid))
    assert not list(tmp_path.iterdir())

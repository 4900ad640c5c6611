"""The door: suffixes, labels, and one law over every format."""

from pathlib import Path

import numpy as np
import pytest

from scanwright.errors import InputError, ResourceError, UnreadableFile
from scanwright.geometry.grid import Grid
from scanwright.geometry.volume import Volume
from scanwright.io.formats import (
    FORMATS,
    is_image,
    read_grid,
    read_label,
    read_volume,
    stem,
    suffix_of,
    write_label,
    write_volume,
)

GRID = Grid((5, 6, 7), np.array([[0, -3, 0, 10], [2, 0, 0, 20], [0, 0, 4, 30], [0, 0, 0, 1.0]]))
WRITTEN = [suffix for suffix, kind in FORMATS.items() if kind.write]


@pytest.mark.parametrize(
    ("name", "suffix", "rest"),
    [
        ("a.nii.gz", ".nii.gz", "a"),
        ("A.NII.GZ", ".nii.gz", "A"),
        ("a.b.seg.nrrd", ".seg.nrrd", "a.b"),
        ("a.nrrd", ".nrrd", "a"),
        ("x.png.nii", ".nii", "x.png"),
        ("a.JPG", ".jpg", "a"),
        ("a.gz", None, "a.gz"),
        (".nii", None, ".nii"),
        ("readme", None, "readme"),
    ],
)
def test_suffix_and_stem(name, suffix, rest):
    path = Path("some.folder") / name
    assert (suffix_of(path), stem(path), is_image(path)) == (suffix, rest, suffix is not None)


def test_is_image__hidden_files_are_not():
    assert not is_image(Path("._scan.nii.gz"))


def sample(suffix):
    picture = suffix in (".png", ".tif", ".tiff")
    grid = Grid.of_pixels(5, 6) if picture else GRID
    return Volume(np.random.default_rng(0).integers(0, 200, (1, *grid.shape)).astype(np.uint8), grid)


@pytest.mark.parametrize("suffix", WRITTEN)
def test_every_written_format__is_read_back(tmp_path, suffix):
    volume, path = sample(suffix), tmp_path / "deep" / f"a b é{suffix}"
    write_volume(path, volume)
    for again in (read_volume(path), read_label(path)):
        np.testing.assert_array_equal(again.voxels, volume.voxels)
        assert again.grid.same_space(volume.grid)
    header = read_grid(path)
    assert (header.grid, header.channels, header.dtype) == (again.grid, 1, np.uint8)
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", FORMATS)
def test_every_format__text_empty_folder_and_nothing(tmp_path, suffix):
    text, empty, folder = (tmp_path / f"{name}{suffix}" for name in ("text", "empty", "folder"))
    text.write_text("no image, but a few words in a file that has been renamed\n" * 20)
    empty.touch()
    folder.mkdir()
    for path in (text, empty, folder):
        for reader in (read_volume, read_label, read_grid):
            with pytest.raises(UnreadableFile) as caught:
                reader(path)
            assert caught.value.exit_code == 4 and caught.value.where == path and len(caught.value.lines()) <= 3
    with pytest.raises(InputError, match="no such file"):
        read_volume(tmp_path / f"absent{suffix}")


@pytest.mark.parametrize("suffix", WRITTEN)
def test_every_written_format__no_place_to_write(tmp_path, suffix):
    (tmp_path / "file").touch()
    with pytest.raises(ResourceError):
        write_volume(tmp_path / "file" / f"a{suffix}", sample(suffix))


def test_unknown_suffix(tmp_path):
    for call in (lambda path: read_volume(path), lambda path: write_volume(path, sample(".nii"))):
        with pytest.raises(InputError, match="not an image format"):
            call(tmp_path / "a.txt")
    with pytest.raises(InputError, match="read, not written"):
        write_volume(tmp_path / "a.jpg", sample(".png"))


@pytest.mark.parametrize(
    ("values", "dtype"), [([0, 1, 4], np.float32), ([0, 1, 4], np.float64), ([0, -1, 70000], np.float64)]
)
def test_read_label__whole_floats_become_integers(tmp_path, values, dtype):
    grid = Grid.from_spacing((3, 1, 1), (1.0, 1.0, 1.0))
    write_volume(tmp_path / "a.nii.gz", Volume(np.array(values, dtype).reshape(1, 3, 1, 1), grid))
    label = read_label(tmp_path / "a.nii.gz")
    assert label.voxels.dtype.kind in "iu"
    np.testing.assert_array_equal(label.voxels.ravel(), values)


@pytest.mark.parametrize("odd", [0.5, np.nan, np.inf, 1e12])
def test_read_label__refuses_what_is_not_whole(tmp_path, odd):
    grid = Grid.from_spacing((3, 1, 1), (1.0, 1.0, 1.0))
    write_volume(tmp_path / "a.nii.gz", Volume(np.array([0, 1, odd]).reshape(1, 3, 1, 1), grid))
    with pytest.raises(InputError, match="not whole"):
        read_label(tmp_path / "a.nii.gz")


def test_read_label__one_channel_only(tmp_path):
    write_volume(tmp_path / "a.mha", Volume(np.zeros((2, 5, 6, 7), np.uint8), GRID))
    with pytest.raises(InputError, match="one value a voxel"):
        read_label(tmp_path / "a.mha")


def test_write_label__smallest_type(tmp_path):
    write_label(tmp_path / "a.nii.gz", Volume(np.full((1, 5, 6, 7), 3, np.int32), GRID))
    assert read_grid(tmp_path / "a.nii.gz").dtype == np.uint8
    write_label(tmp_path / "a.nii.gz", Volume(np.full((1, 5, 6, 7), 300.0), GRID))
    assert read_grid(tmp_path / "a.nii.gz").dtype == np.int16


@pytest.mark.data
@pytest.mark.parametrize(
    ("folder", "shape"),
    [
        ("xray_lung_covid/images", 3),
        ("ultrasound_breast_busi/masks", 3),
        ("blood_cells_bccd/JPEGImages", 3),
        ("ct_sarcoma/labelsTr", 3),
    ],
)
def test_real_files__header_and_voxels_agree(data_folder, folder, shape):
    paths = sorted(path for path in (data_folder / folder).iterdir() if is_image(path))[:8]
    assert paths
    for path in paths:
        volume, header = read_volume(path), read_grid(path)
        assert (header.grid, header.channels, header.dtype) == (volume.grid, volume.channels, volume.voxels.dtype)
        assert len(volume.shape) == shape

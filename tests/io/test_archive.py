"""NumPy archives: what lies where, and that a file cannot promise more than it holds."""

import io
import zipfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from scanwright.dataset.cases import Case
from scanwright.errors import InputError, UnreadableFile
from scanwright.io import archive
from scanwright.io.formats import is_picture, read_grid, read_volume
from scanwright.io.source import ArrayItem, files_of, frame_of, place_of


def saved(folder, name="set.npz", **arrays):
    path = folder / name
    np.savez_compressed(path, **arrays)
    return path


def header(shape, descr="|u1"):
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": descr, "fortran_order": False, "shape": shape})
    return stream.getvalue()


def with_member(folder, data, *, name="images.npy", packing=zipfile.ZIP_DEFLATED):
    path = folder / "made.npz"
    with zipfile.ZipFile(path, "w", packing) as packed:
        packed.writestr(name, data)
    return path


def test_grey_pictures_lie_as_a_png_does(tmp_path):
    rows = np.random.default_rng(0).integers(0, 255, (3, 5, 7), np.uint8)
    path = saved(tmp_path, images=rows)
    for number in range(3):
        Image.fromarray(rows[number]).save(tmp_path / "one.png")
        item = ArrayItem(path, "images", number)
        found, expected = read_volume(item), read_volume(tmp_path / "one.png")
        assert np.array_equal(found.voxels, expected.voxels)
        assert found.grid == expected.grid == read_grid(item).grid
        assert found.voxels.base is None or found.voxels.base.size == rows[0].size


@pytest.mark.parametrize(
    ("shape", "voxels", "there", "here"),
    [
        ((2, 5, 7), (1, 7, 5, 1), (1, 2, 3), (0, 3, 2, 0)),
        ((2, 5, 7, 3), (3, 7, 5, 1), (1, 2, 3, 1), (1, 3, 2, 0)),
        ((2, 5, 7, 1), (1, 7, 5, 1), (1, 2, 3, 0), (0, 3, 2, 0)),
        ((2, 4, 5, 7), (1, 7, 5, 4), (1, 1, 2, 3), (0, 3, 2, 1)),
    ],
)
@pytest.mark.parametrize("dtype", ["u1", ">i2", "f4"])
def test_shapes_and_number_types(tmp_path, shape, voxels, there, here, dtype):
    values = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    item = ArrayItem(saved(tmp_path, a=np.asfortranarray(values)), "a", 1)
    found, said = read_volume(item), read_grid(item)
    assert (found.voxels.shape, said.channels, found.grid, found.grid.unit) == (voxels, voxels[0], said.grid, "px")
    assert said.dtype == found.voxels.dtype == np.dtype(dtype).newbyteorder("=")
    assert found.voxels[here] == values[there]
    assert is_picture(item) is (voxels[3] == 1)


def test_headers_are_read_without_the_values(tmp_path):
    path = saved(tmp_path, images=np.zeros((4, 3, 2), np.uint8), labels=np.zeros((4, 1), np.int64))
    found = archive.read_headers(path)
    assert {key: (one.shape, one.dtype.name, one.nbytes) for key, one in found.items()} == {
        "images": ((4, 3, 2), "uint8", 24),
        "labels": ((4, 1), "int64", 32),
    }


def test_an_item_is_a_source_among_others(tmp_path):
    item = ArrayItem(tmp_path / "a.npz", "images", 3)
    assert (place_of(item), files_of(item), frame_of(item)) == (tmp_path / "a.npz", (tmp_path / "a.npz",), "")
    case = Case(id="x", images=(item,), patient="x")
    assert Case.model_validate_json(case.model_dump_json()) == case


@pytest.mark.parametrize(
    ("key", "index", "message"),
    [
        ("absent", 0, "no such array"),
        ("images", 4, "no such image"),
        ("images", -1, "no such image"),
        ("flat", 0, "holds no images"),
    ],
)
def test_what_is_not_there(tmp_path, key, index, message):
    path = saved(tmp_path, images=np.zeros((4, 3, 2), np.uint8), flat=np.zeros((4, 3)))
    for door in (read_volume, read_grid):
        with pytest.raises(InputError, match=message):
            door(ArrayItem(path, key, index))


def test_python_objects_are_never_unpickled(tmp_path):
    path = tmp_path / "objects.npz"
    np.savez(path, images=np.array([{"a": 1}, None, "x"], dtype=object))
    with pytest.raises(UnreadableFile, match="Python objects"):
        archive.read_headers(path)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (header((1 << 19, 1 << 19, 1 << 19)), "too large"),
        (header((1 << 21, 2, 2)), "impossible size"),
        (header((-4, 2, 2)) + bytes(16), "impossible size"),
        (header((100, 2, 2)) + bytes(16), "contradicts itself"),
        (header((4, 2, 2)) + bytes(17), "contradicts itself"),
        (b"no array at all", "cannot read"),
        (b"", "cannot read"),
    ],
)
def test_promises_are_held_against_the_archive(tmp_path, data, message):
    path = with_member(tmp_path, data)
    for read in (archive.read_headers, lambda path: archive.read_array(path, "images")):
        with pytest.raises(UnreadableFile, match=message):
            read(path)


def test_a_directory_that_lies_about_its_sizes(tmp_path):
    """What is unpacked ends where the header says, whatever the deflated stream would give."""
    path = with_member(tmp_path, header((4, 2, 2)) + bytes(16))
    data = path.read_bytes()
    promised = len(header((4, 2, 2))) + 16
    path.write_bytes(data.replace(promised.to_bytes(4, "little"), (promised + 9).to_bytes(4, "little")))
    with pytest.raises(UnreadableFile):
        archive.read_array(path, "images")


@pytest.mark.parametrize("packing", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_ways_of_packing_are_refused(tmp_path, packing):
    path = with_member(tmp_path, header((4, 2, 2)) + bytes(16), packing=packing)
    with pytest.raises(UnreadableFile, match="not packed as NumPy does"):
        archive.read_headers(path)


def test_too_many_arrays(tmp_path):
    path = saved(tmp_path, **{f"a{number}": np.zeros(1) for number in range(archive.MAX_ARRAYS + 1)})
    with pytest.raises(UnreadableFile, match="too many arrays"):
        archive.read_headers(path)


def test_a_flipped_byte_is_noticed(tmp_path):
    rows = np.random.default_rng(0).integers(0, 255, (3, 50, 70), np.uint8)
    path = saved(tmp_path, images=rows)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 255
    path.write_bytes(data)
    with pytest.raises(UnreadableFile):
        read_volume(ArrayItem(path, "images", 0))


def test_no_archive_and_an_empty_one(tmp_path):
    (tmp_path / "a.npz").write_bytes(b"PK but no zip")
    with pytest.raises(UnreadableFile, match="cannot read"):
        archive.read_headers(tmp_path / "a.npz")
    with pytest.raises(InputError, match="no such file"):
        archive.read_array(tmp_path / "b.npz", "x")
    assert archive.is_archive(tmp_path / "A.NPZ")
    assert not archive.is_archive(tmp_path / "._a.npz")


def test_memory__bounded_and_read_anew_when_the_file_changes(tmp_path):
    kept = archive.Kept(limit=100)
    paths = [saved(tmp_path, f"{n}.npz", images=np.full((1, 5, 10), n, np.uint8)) for n in range(3)]
    for path in paths:
        kept.array((path, 0, 0, "images"))
    assert [place[0].name for place in kept.arrays] == ["1.npz", "2.npz"]
    large = saved(tmp_path, "large.npz", images=np.zeros((1, 50, 10), np.uint8))
    kept.array((large, 0, 0, "images"))
    assert [place[0].name for place in kept.arrays] == ["large.npz"]
    item = ArrayItem(paths[0], "images", 0)
    assert read_volume(item).voxels.max() == 0
    saved(tmp_path, "0.npz", images=np.full((2, 6, 11), 9, np.uint8))
    assert read_volume(item).voxels.max() == 9


def test_memory__threads_get_the_same_array(tmp_path):
    path = saved(tmp_path, images=np.random.default_rng(1).integers(0, 255, (64, 8, 8), np.uint8))
    with ThreadPoolExecutor(8) as pool:
        arrays = list(pool.map(lambda _: archive.read_array(path, "images"), range(64)))
    assert all(array is arrays[0] for array in arrays)
    assert not arrays[0].flags.writeable

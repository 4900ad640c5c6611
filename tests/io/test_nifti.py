"""NIfTI: nibabel and SimpleITK as oracles, the rules one by one, hostile files."""

import gzip
from itertools import permutations, product

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk

from scanwright.errors import GeometryError, InputError, ScanwrightError, UnreadableFile
from scanwright.geometry.grid import Grid
from scanwright.geometry.volume import Volume
from scanwright.io import nifti

GRID = Grid((5, 6, 7), np.array([[0, -3, 0, 10], [2, 0, 0, 20], [0, 0, 4, 30], [0, 0, 0, 1.0]]))
VOXELS = np.random.default_rng(0).integers(-900, 3000, (1, 5, 6, 7)).astype(np.int16)


def save(path, array, *, affine=GRID.affine, sform=1, qform=1, kind=nib.Nifti1Image, slope=None, **fields):
    """A file as nibabel writes it, with header fields set afterwards in the bytes."""
    image = kind(array, affine)
    image.set_sform(affine, code=sform)
    image.set_qform(affine, code=qform)
    if slope:
        image.header.set_slope_inter(*slope)
    nib.save(image, path)
    for name, value in fields.items():
        patch(path, name, value)
    return path


def patch(path, name, value):
    header = nib.Nifti1Header(path.read_bytes()[:348], check=False)
    header[name] = value
    path.write_bytes(header.binaryblock + path.read_bytes()[348:])


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int16, np.uint16, np.int32, np.float32, np.float64])
def test_round_trip__and_what_nibabel_reads(tmp_path, suffix, dtype):
    volume = Volume(VOXELS.clip(0, 100).astype(dtype), GRID)
    nifti.write(tmp_path / f"a{suffix}", volume)
    again = nifti.read(tmp_path / f"a{suffix}")
    theirs = nib.load(tmp_path / f"a{suffix}")
    np.testing.assert_array_equal(again.voxels, volume.voxels)
    np.testing.assert_array_equal(np.asarray(theirs.dataobj), volume.voxels[0])
    assert again.voxels.dtype == dtype == theirs.get_data_dtype()
    assert again.grid == GRID and again.notes == ()
    np.testing.assert_allclose(theirs.affine, GRID.affine)
    assert (int(theirs.header["sform_code"]), int(theirs.header["qform_code"])) == (1, 1)
    np.testing.assert_allclose(theirs.get_qform(), GRID.affine, atol=1e-5)
    assert theirs.header.get_xyzt_units()[0] == "mm"


@pytest.mark.parametrize(("order", "signs"), list(product(permutations(range(3)), product((1, -1), repeat=3))))
def test_round_trip__all_48_orientations_with_simple_itk(tmp_path, order, signs):
    affine = np.eye(4)
    affine[:3, :3] = 0
    for column, (row, sign, step) in enumerate(zip(order, signs, (1.0, 2.0, 3.0), strict=True)):
        affine[row, column] = sign * step
    affine[:3, 3] = (-7.5, 11.25, 3.0)
    path = tmp_path / "a.nii"
    nifti.write(path, Volume(VOXELS, Grid((5, 6, 7), affine)))
    assert nifti.read(path).grid == Grid((5, 6, 7), affine)
    itk = sitk.ReadImage(str(path))
    where = np.array(itk.TransformContinuousIndexToPhysicalPoint((1.0, 2.0, 3.0))) * (-1, -1, 1)
    np.testing.assert_allclose(where, (affine @ (1, 2, 3, 1))[:3], atol=1e-4)
    assert itk.GetPixel(1, 2, 3) == VOXELS[0, 1, 2, 3]


def test_read__as_nibabel_big_endian_and_nifti2(tmp_path):
    swapped = nib.Nifti1Image(VOXELS[0], GRID.affine, header=nib.Nifti1Header(endianness=">"))
    nib.save(swapped, tmp_path / "big.nii")
    save(tmp_path / "two.nii.gz", VOXELS[0], kind=nib.Nifti2Image)
    for name in ("big.nii", "two.nii.gz"):
        volume = nifti.read(tmp_path / name)
        np.testing.assert_array_equal(volume.voxels, VOXELS)
        assert volume.voxels.dtype.isnative and volume.grid.same_space(GRID)


def test_read__int64_is_exact(tmp_path):
    array = np.full((2, 2, 2), 2**60 + 1, np.int64)
    nib.save(nib.Nifti1Image(array, np.eye(4), dtype=np.int64), tmp_path / "a.nii")
    np.testing.assert_array_equal(nifti.read(tmp_path / "a.nii").voxels[0], array)


@pytest.mark.parametrize(
    ("dtype", "expected"), [(np.int16, np.float32), (np.uint8, np.float32), (np.int32, np.float64)]
)
def test_read__scaled_as_nibabel(tmp_path, dtype, expected):
    path = save(tmp_path / "a.nii", VOXELS[0].clip(0, 200).astype(dtype), scl_slope=0.5, scl_inter=-1024)
    volume = nifti.read(path)
    assert volume.voxels.dtype == expected == nifti.read_header(path).dtype
    np.testing.assert_allclose(volume.voxels[0], nib.load(path).get_fdata(), rtol=1e-6)


@pytest.mark.parametrize("slope", [0, np.nan, np.inf])
def test_read__no_slope_means_unscaled(tmp_path, slope):
    volume = nifti.read(save(tmp_path / "a.nii", VOXELS[0], scl_slope=slope, scl_inter=5))
    assert volume.voxels.dtype == np.int16
    np.testing.assert_array_equal(volume.voxels, VOXELS)


@pytest.mark.parametrize(("code", "scale"), [(0, 1.0), (1, 1000.0), (2, 1.0), (3, 0.001), (2 | 8, 1.0)])
def test_read__units_become_millimetres(tmp_path, code, scale):
    grid = nifti.read(save(tmp_path / "a.nii", VOXELS[0], xyzt_units=code)).grid
    np.testing.assert_allclose(grid.affine[:3], GRID.affine[:3] * scale)


def test_read__unknown_unit(tmp_path):
    with pytest.raises(GeometryError, match="unit"):
        nifti.read(save(tmp_path / "a.nii", VOXELS[0], xyzt_units=5))


def test_read__which_form(tmp_path):
    other = GRID.affine.copy()
    other[:3, 3] += 100
    path = save(tmp_path / "a.nii", VOXELS[0])
    for code, axis in ((0, "srow_x"), (0, "srow_x")):
        patch(path, "sform_code", code)
        patch(path, axis, [9, 9, 9, 9])
    assert nifti.read(path).grid.same_space(GRID)
    patch(path, "qform_code", 0)
    alone = nifti.read(path)
    np.testing.assert_array_equal(alone.grid.affine, np.diag([2, 3, 4, 1.0]))
    assert "no position" in alone.notes[0]


def test_read__forms_that_disagree(tmp_path):
    path = save(tmp_path / "a.nii", VOXELS[0])
    patch(path, "srow_z", [0, 0, 4, 31])  # 1 mm apart, a voxel of 2 mm
    with pytest.raises(GeometryError, match="contradict") as caught:
        nifti.read(path)
    assert caught.value.where == path
    patch(path, "sform_code", 4)  # another space: template against scanner
    assert nifti.read(path).grid.origin_xyz == (10, 20, 31)
    assert "different spaces" in nifti.read(path).notes[0]
    patch(path, "srow_z", [0, 0, -4, 31])
    with pytest.raises(GeometryError, match="mirrored"):
        nifti.read(path)


def test_read__rounding_of_a_quaternion_is_no_conflict(tmp_path):
    path = save(tmp_path / "a.nii", VOXELS[0])
    patch(path, "srow_z", [0, 0, 4, 30.01])
    assert nifti.read(path).notes == ()


@pytest.mark.parametrize(
    "fields",
    [
        {"srow_x": [np.nan, 0, 0, 0]},
        {"srow_x": [0, 0, 0, 0]},
        {"srow_y": [np.inf, 0, 0, 0]},
        {"sform_code": 0, "quatern_b": np.nan},
        {"sform_code": 0, "quatern_b": 5},
        {"sform_code": 0, "pixdim": [1, 0, 1, 1, 1, 1, 1, 1]},
        {"sform_code": 0, "pixdim": [1, -1, 1, 1, 1, 1, 1, 1]},
        {"sform_code": 0, "qform_code": 0, "pixdim": [1, np.nan, 1, 1, 1, 1, 1, 1]},
        {"sform_code": 0, "qform_code": 0, "pixdim": [1, 0, 1, 1, 1, 1, 1, 1]},
    ],
)
def test_read__impossible_geometry(tmp_path, fields):
    path = save(tmp_path / "a.nii", VOXELS[0], **fields)
    for reader in (nifti.read, nifti.read_header):
        with pytest.raises(GeometryError) as caught:
            reader(path)
        assert caught.value.where == path


def test_read__2d_and_trailing_single_axes(tmp_path):
    assert nifti.read(save(tmp_path / "a.nii", VOXELS[0, :, :, 0])).shape == (5, 6, 1)
    assert nifti.read(save(tmp_path / "b.nii", VOXELS[0, ..., None, None])).voxels.shape == (1, 5, 6, 7)


@pytest.mark.parametrize("axes", [(4,), (1, 4)])
def test_read__channels_only_when_declared(tmp_path, axes):
    array = np.stack([VOXELS[0] + n for n in range(4)], axis=-1)
    path = save(tmp_path / "a.nii.gz", array.reshape(5, 6, 7, *axes))
    with pytest.raises(InputError, match="more than three axes"):
        nifti.read(path)
    with pytest.raises(InputError, match="more than three axes"):
        nifti.read_header(path)
    volume = nifti.read(path, as_channels=True)
    np.testing.assert_array_equal(volume.voxels, np.moveaxis(array, -1, 0))
    assert nifti.read_header(path, as_channels=True).channels == 4


def test_read__two_further_axes_are_refused(tmp_path):
    with pytest.raises(InputError, match="beyond space"):
        nifti.read(save(tmp_path / "a.nii", np.zeros((2, 2, 2, 3, 4), np.uint8)), as_channels=True)


def test_read__colour(tmp_path):
    colours = np.random.default_rng(0).integers(0, 255, (5, 6, 7, 4)).astype(np.uint8)
    rgb = np.ascontiguousarray(colours[..., :3]).view([("R", "u1"), ("G", "u1"), ("B", "u1")])[..., 0]
    volume = nifti.read(save(tmp_path / "a.nii", rgb))
    np.testing.assert_array_equal(volume.voxels, np.moveaxis(colours[..., :3], -1, 0))
    for alpha, refused in ((255, False), (7, True)):
        colours[..., 3] = alpha
        rgba = colours.view([("R", "u1"), ("G", "u1"), ("B", "u1"), ("A", "u1")])[..., 0]
        path = save(tmp_path / "b.nii", rgba)
        if refused:
            with pytest.raises(InputError, match="transparent"):
                nifti.read(path)
        else:
            assert nifti.read(path).channels == 3 == nifti.read_header(path).channels


def test_read__complex_is_no_image(tmp_path):
    with pytest.raises(InputError, match="number type"):
        nifti.read(save(tmp_path / "a.nii", np.zeros((2, 2, 2), np.complex64)))


def test_read__extensions_are_passed_over(tmp_path):
    image = nib.Nifti1Image(VOXELS[0], GRID.affine)
    image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"x" * 5000))
    nib.save(image, tmp_path / "a.nii.gz")
    np.testing.assert_array_equal(nifti.read(tmp_path / "a.nii.gz").voxels, VOXELS)


HOSTILE = {
    "text": b"this is a text file, and not a short one" * 20,
    "text in gzip": gzip.compress(b"this is a text file" * 100),
    "half a gzip header": b"\x1f\x8b\x08",
    "gzip of nothing": gzip.compress(b""),
    "a picture": b"\x89PNG\r\n\x1a\n" + bytes(600),
    "zeros": bytes(1000),
    "only a size": (348).to_bytes(4, "little"),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_read__not_nifti(tmp_path, name, suffix):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(HOSTILE[name])
    for reader in (nifti.read, nifti.read_header):
        with pytest.raises(UnreadableFile) as caught:
            reader(path)
        assert caught.value.where == path and 2 <= len(caught.value.lines()) <= 3


@pytest.mark.parametrize(
    "fields",
    [
        {"dim": [3, -5, 6, 7, 1, 1, 1, 1]},
        {"dim": [3, 0, 6, 7, 1, 1, 1, 1]},
        {"dim": [3, 32767, 32767, 32767, 1, 1, 1, 1]},
        {"dim": [7, 32767, 32767, 32767, 32767, 32767, 32767, 32767]},
        {"dim": [0, 5, 6, 7, 1, 1, 1, 1]},
        {"dim": [9, 5, 6, 7, 1, 1, 1, 1]},
        {"dim": [3, 5, 6, 8, 1, 1, 1, 1]},
        {"dim": [3, 2000, 2000, 1000, 1, 1, 1, 1]},
        {"vox_offset": 1e30},
        {"vox_offset": -1},
        {"vox_offset": np.nan},
        {"vox_offset": 100000},
        {"datatype": 9999},
        {"magic": b"ni1"},
        {"magic": b""},
    ],
)
def test_read__hostile_header(tmp_path, fields):
    path = save(tmp_path / "a.nii", VOXELS[0], **fields)
    packed = tmp_path / "b.nii.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    for file in (path, packed):
        with pytest.raises(UnreadableFile) as caught:
            nifti.read(file)
        assert caught.value.where == file


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_read__truncated_anywhere(tmp_path, suffix):
    whole = save(tmp_path / f"whole{suffix}", VOXELS[0]).read_bytes()
    path = tmp_path / f"part{suffix}"
    for length in (1, 3, 10, 100, 347, 351, len(whole) // 2, len(whole) - 9, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(UnreadableFile):
            nifti.read(path)


def test_read__any_flipped_byte_is_read_or_refused_in_our_words(tmp_path):
    whole = save(tmp_path / "whole.nii", VOXELS[0]).read_bytes()
    path, rng = tmp_path / "a.nii", np.random.default_rng(0)
    for position in range(348):
        broken = bytearray(whole)
        broken[position] = rng.integers(256)
        path.write_bytes(broken)
        try:
            nifti.read(path, as_channels=True)
        except ScanwrightError as error:
            assert error.exit_code == 4


def test_read__bomb(tmp_path):
    block = nib.Nifti1Image(np.zeros((4, 4, 4), np.uint8), np.eye(4)).to_bytes()
    path = tmp_path / "bomb.nii.gz"
    path.write_bytes(gzip.compress(block + bytes(100 << 20), compresslevel=1))
    with pytest.raises(UnreadableFile, match="goes on"):
        nifti.read(path)


def test_write__same_volume_same_bytes(tmp_path):
    for name in ("a", "b"):
        nifti.write(tmp_path / f"{name}.nii.gz", Volume(VOXELS, GRID))
    assert (tmp_path / "a.nii.gz").read_bytes() == (tmp_path / "b.nii.gz").read_bytes()
    assert len(list(tmp_path.iterdir())) == 2


def test_write__sheared_grid_has_no_qform(tmp_path):
    affine = np.eye(4)
    affine[0, 2] = 0.3
    nifti.write(tmp_path / "a.nii", Volume(VOXELS, Grid((5, 6, 7), affine)))
    assert int(nib.load(tmp_path / "a.nii").header["qform_code"]) == 0
    assert nifti.read(tmp_path / "a.nii").grid.same_space(Grid((5, 6, 7), affine))


def test_write__channels_and_long_axes(tmp_path):
    both = np.concatenate([VOXELS, VOXELS + 1])
    nifti.write(tmp_path / "a.nii", Volume(both, GRID))
    np.testing.assert_array_equal(nifti.read(tmp_path / "a.nii", as_channels=True).voxels, both)
    long = Volume(np.zeros((1, 40000, 1, 2), np.uint8), Grid.from_spacing((40000, 1, 2), (1.0, 1.0, 1.0)))
    nifti.write(tmp_path / "b.nii.gz", long)
    assert isinstance(nib.load(tmp_path / "b.nii.gz"), nib.Nifti2Image)
    assert nifti.read(tmp_path / "b.nii.gz").shape == (40000, 1, 2)


@pytest.mark.parametrize(
    ("values", "dtype", "stored"),
    [
        ([0, 1], bool, np.uint8),
        ([0, 255], np.int64, np.uint8),
        ([-1, 255], np.int64, np.int16),
        ([0, 65535], np.uint64, np.uint16),
        ([-1, 65535], np.int64, np.int32),
        ([0, 2**31 - 1], np.uint32, np.int32),
        ([0, 70000], np.int32, np.int32),
        ([0, 1.5], np.float16, np.float32),
    ],
)
def test_write__number_types(tmp_path, values, dtype, stored):
    volume = Volume(np.array(values, dtype).reshape(1, 2, 1, 1), Grid.from_spacing((2, 1, 1), (1.0, 1.0, 1.0)))
    nifti.write(tmp_path / "a.nii", volume)
    again = nifti.read(tmp_path / "a.nii")
    assert again.voxels.dtype == stored
    np.testing.assert_array_equal(again.voxels.ravel(), np.array(values))


@pytest.mark.parametrize(("values", "dtype"), [([0, 2**31], np.int64), ([0, 2**63], np.uint64), ([0, 1j], complex)])
def test_write__never_wraps(tmp_path, values, dtype):
    volume = Volume(np.array(values, dtype).reshape(1, 2, 1, 1), Grid.from_spacing((2, 1, 1), (1.0, 1.0, 1.0)))
    with pytest.raises(InputError):
        nifti.write(tmp_path / "a.nii", volume)
    assert not list(tmp_path.iterdir())


@pytest.mark.data
@pytest.mark.parametrize("folder", ["hippocampus_mri/imagesTr", "hippocampus_mri/labelsTr", "ct_sarcoma/imagesTr"])
def test_read__real_files_as_nibabel(data_folder, folder):
    for path in sorted((data_folder / folder).glob("*.nii.gz"))[:12]:
        volume, theirs = nifti.read(path), nib.load(path)
        np.testing.assert_array_equal(volume.voxels[0], np.asarray(theirs.dataobj))
        np.testing.assert_allclose(volume.grid.affine, theirs.affine)
        assert nifti.read_header(path).grid == volume.grid

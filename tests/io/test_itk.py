"""MetaImage and NRRD: SimpleITK as writer, one patient space for all formats, segments, hostile headers."""

import gzip
from itertools import permutations, product

import numpy as np
import pytest
import SimpleITK as sitk

from scanwright.errors import GeometryError, InputError, ScanwrightError, UnreadableFile, UsageError
from scanwright.geometry.grid import Grid
from scanwright.geometry.volume import Volume
from scanwright.io import itk, nifti

VOXELS = np.random.default_rng(0).integers(-900, 3000, (1, 5, 6, 7)).astype(np.int16)
GRID = Grid((5, 6, 7), np.array([[0, -3, 0, 10], [2, 0, 0, 20], [0, 0, 4, 30], [0, 0, 0, 1.0]]))
ORIENTATIONS = list(product(permutations(range(3)), product((1, -1), repeat=3)))


def oriented(order, signs):
    affine = np.eye(4)
    affine[:3, :3] = 0
    for column, (row, sign, step) in enumerate(zip(order, signs, (1.0, 2.0, 3.0), strict=True)):
        affine[row, column] = sign * step
    affine[:3, 3] = (-7.5, 11.25, 3.0)
    return Grid((5, 6, 7), affine)


@pytest.mark.parametrize("suffix", [".mha", ".nrrd"])
@pytest.mark.parametrize(("order", "signs"), ORIENTATIONS)
def test_round_trip__all_48_orientations(tmp_path, suffix, order, signs):
    volume = Volume(VOXELS, oriented(order, signs))
    itk.write(tmp_path / f"a{suffix}", volume)
    again = itk.read(tmp_path / f"a{suffix}")
    np.testing.assert_array_equal(again.voxels, VOXELS)
    assert again.voxels.dtype == np.int16 and again.notes == ()
    np.testing.assert_allclose(again.grid.affine, volume.grid.affine, atol=1e-9)
    header = itk.read_header(tmp_path / f"a{suffix}")
    assert (header.grid, header.channels, header.dtype) == (again.grid, 1, np.int16)


@pytest.mark.parametrize("turn", [(0.0, 0.0, 0.0), (0.3, -0.2, 0.9)])
@pytest.mark.parametrize("suffix", [".nii.gz", ".mha", ".mhd", ".nrrd", ".nhdr"])
def test_read__one_patient_space_whoever_wrote_it(tmp_path, suffix, turn):
    image = sitk.GetImageFromArray(VOXELS[0].transpose(2, 1, 0))
    image.SetSpacing((0.7, 1.1, 2.5))
    image.SetOrigin((-100.25, 50.5, 12.0))
    rotation = sitk.Euler3DTransform()
    rotation.SetRotation(*turn)
    image.SetDirection(rotation.GetMatrix())
    path = tmp_path / f"a{suffix}"
    sitk.WriteImage(image, str(path))
    volume = nifti.read(path) if suffix == ".nii.gz" else itk.read(path)
    np.testing.assert_array_equal(volume.voxels, VOXELS)
    for index in ((0, 0, 0), (4, 5, 6), (1, 3, 2)):
        x, y, z = image.TransformIndexToPhysicalPoint(index)
        np.testing.assert_allclose(volume.grid.points(np.array(index)), (-x, -y, z), atol=1e-4)


@pytest.mark.parametrize("suffix", [".mha", ".nrrd"])
@pytest.mark.parametrize(
    "pixel",
    [
        sitk.sitkUInt8,
        sitk.sitkInt8,
        sitk.sitkUInt16,
        sitk.sitkInt32,
        sitk.sitkUInt64,
        sitk.sitkFloat32,
        sitk.sitkFloat64,
    ],
)
@pytest.mark.parametrize("packed", [True, False])
def test_read__number_types(tmp_path, suffix, pixel, packed):
    image = sitk.Cast(sitk.GetImageFromArray(np.arange(24).reshape(2, 3, 4).astype(np.int16)), pixel)
    sitk.WriteImage(image, str(tmp_path / f"a{suffix}"), useCompression=packed)
    volume = itk.read(tmp_path / f"a{suffix}")
    np.testing.assert_array_equal(volume.voxels[0], np.arange(24).reshape(2, 3, 4).transpose(2, 1, 0))
    assert (
        volume.voxels.dtype == sitk.GetArrayViewFromImage(image).dtype == itk.read_header(tmp_path / f"a{suffix}").dtype
    )


@pytest.mark.parametrize("suffix", [".mha", ".nrrd"])
def test_channels__vector_voxels(tmp_path, suffix):
    both = np.concatenate([VOXELS, VOXELS + 1, VOXELS + 2])
    itk.write(tmp_path / f"a{suffix}", Volume(both, GRID))
    np.testing.assert_array_equal(itk.read(tmp_path / f"a{suffix}").voxels, both)
    assert itk.read_header(tmp_path / f"a{suffix}").channels == 3


def test_channels__fourth_axis_only_when_declared(tmp_path):
    array = np.arange(2 * 7 * 6 * 5).reshape(2, 7, 6, 5).astype(np.int16)
    image = sitk.GetImageFromArray(array, isVector=False)
    sitk.WriteImage(image, str(tmp_path / "a.mha"))
    for reader in (itk.read, itk.read_header):
        with pytest.raises(InputError, match="more than three axes"):
            reader(tmp_path / "a.mha")
    volume = itk.read(tmp_path / "a.mha", as_channels=True)
    np.testing.assert_array_equal(volume.voxels, array.transpose(0, 3, 2, 1))
    assert itk.read_header(tmp_path / "a.mha", as_channels=True).channels == 2


def test_read__2d(tmp_path):
    image = sitk.GetImageFromArray(np.arange(12, dtype=np.uint8).reshape(3, 4))
    image.SetSpacing((0.5, 0.25))
    sitk.WriteImage(image, str(tmp_path / "a.mha"))
    volume = itk.read(tmp_path / "a.mha")
    assert volume.shape == (4, 3, 1) and volume.grid.spacing == (0.5, 0.25, 1)
    assert volume.voxels[0, 1, 2, 0] == 9


def test_read__no_position_is_noted(tmp_path):
    (tmp_path / "a.nrrd").write_bytes(
        b"NRRD0004\ntype: uint8\ndimension: 3\nsizes: 2 2 2\nencoding: raw\n\n" + bytes(range(8))
    )
    volume = itk.read(tmp_path / "a.nrrd")
    assert "no position" in volume.notes[0]
    assert volume.voxels[0, 1, 0, 0] == 1


def segmentation(path, layers, segments):
    """A file as 3D Slicer writes it: layers (L, I, J, K) and (value, layer) for each segment."""
    many = len(layers) > 1
    lines = [
        "NRRD0004", "type: uint8", f"dimension: {4 if many else 3}", "space: left-posterior-superior",
        "sizes: " + " ".join(map(str, (len(layers), *layers[0].shape) if many else layers[0].shape)),
        "space directions: " + ("none " if many else "") + "(1,0,0) (0,1,0) (0,0,2)",
        "kinds: " + ("list " if many else "") + "domain domain domain", "encoding: gzip", "space origin: (1,2,3)",
    ]  # fmt: skip
    for number, (value, layer) in enumerate(segments):
        lines += [f"Segment{number}_ID:=s{number}", f"Segment{number}_Name:=part {number}"]
        lines += [f"Segment{number}_LabelValue:={value}", f"Segment{number}_Layer:={layer}"]
    data = np.stack(layers).astype(np.uint8).tobytes("F")
    path.write_bytes(("\n".join(lines) + "\n\n").encode() + gzip.compress(data))
    return path


def test_read_label__one_layer(tmp_path):
    labels = np.random.default_rng(0).integers(0, 3, (4, 5, 6))
    path = segmentation(tmp_path / "a.seg.nrrd", [labels], [(1, 0), (2, 0)])
    np.testing.assert_array_equal(itk.read_label(path).voxels[0], labels)
    assert itk.read_label(path).grid.origin_xyz == (-1, -2, 3)
    assert [(s.name, s.value, s.layer) for s in itk.read_segments(path)] == [("part 0", 1, 0), ("part 1", 2, 0)]


def test_read_label__layers(tmp_path):
    first, second = np.zeros((4, 5, 6), int), np.zeros((4, 5, 6), int)
    first[0], second[2] = 1, 1
    path = segmentation(tmp_path / "a.seg.nrrd", [first, second], [(1, 0), (1, 1)])
    label = itk.read_label(path)
    np.testing.assert_array_equal(label.voxels[0], first + 2 * second)
    assert "numbered" in label.notes[0]
    path = segmentation(tmp_path / "b.seg.nrrd", [first, second * 5], [(1, 0), (5, 1)])
    np.testing.assert_array_equal(itk.read_label(path).voxels[0], first + 5 * second)
    second[0, 0, 0] = 1
    with pytest.raises(InputError, match="overlap") as caught:
        itk.read_label(segmentation(tmp_path / "c.seg.nrrd", [first, second], [(1, 0), (1, 1)]))
    assert caught.value.found == "1 voxels in two"


@pytest.mark.parametrize(("unit", "shear"), [("px", 0.0), ("mm", 0.3)])
def test_write__refuses_what_the_format_cannot_hold(tmp_path, unit, shear):
    affine = np.eye(4)
    affine[0, 2] = shear
    with pytest.raises(GeometryError, match="right angles"):
        itk.write(tmp_path / "a.mha", Volume(VOXELS, Grid((5, 6, 7), affine, unit)))
    assert not list(tmp_path.iterdir())


META = """ObjectType = Image
NDims = 3
BinaryData = True
BinaryDataByteOrderMSB = False
CompressedData = False
TransformMatrix = 1 0 0 0 1 0 0 0 1
Offset = 0 0 0
ElementSpacing = 1 1 1
DimSize = 2 3 4
ElementType = MET_UCHAR
ElementDataFile = LOCAL
"""
NRRD = "NRRD0004\ntype: uint8\ndimension: 3\nsizes: 2 3 4\nencoding: raw\n"
NRRD += "space: RAS\nspace directions: (1,0,0) (0,1,0) (0,0,1)\nspace origin: (0,0,0)\n"


def test_samples__are_good(tmp_path):
    (tmp_path / "a.mha").write_bytes(META.encode() + bytes(24))
    (tmp_path / "a.nrrd").write_bytes(NRRD.encode() + b"\n" + bytes(24))
    assert itk.read(tmp_path / "a.mha").shape == itk.read(tmp_path / "a.nrrd").shape == (2, 3, 4)
    assert itk.read(tmp_path / "a.mha").grid.orientation == "LPS"
    assert itk.read(tmp_path / "a.nrrd").grid.orientation == "RAS"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("LOCAL", "../secret.raw"),
        ("LOCAL", "/etc/passwd"),
        ("LOCAL", "LIST"),
        ("LOCAL", "slice%03d.raw 1 4 1"),
        ("LOCAL", "C:\\secret.raw"),
        ("LOCAL", ".."),
        ("LOCAL", "absent.raw"),
        ("2 3 4", "-2 3 4"),
        ("2 3 4", "0 3 4"),
        ("2 3 4", "2 3"),
        ("2 3 4", "2 3 many"),
        ("2 3 4", "1000000 1000000 1000000"),
        ("2 3 4", "99999999999999999999 1 1"),
        ("2 3 4", "2 3 5"),
        ("MET_UCHAR", "MET_STRING"),
        ("NDims = 3", "NDims = x"),
        ("1 0 0 0 1 0 0 0 1", "0 0 0 0 0 0 0 0 0"),
        ("1 0 0 0 1 0 0 0 1", "nan 0 0 0 1 0 0 0 1"),
        ("ElementSpacing = 1 1 1", "ElementSpacing = 0 1 1"),
        ("ElementSpacing = 1 1 1", "ElementSpacing = nan 1 1"),
        ("Offset = 0 0 0", "Offset = nan 0 0"),
        ("CompressedData = False", "CompressedData = True"),
    ],
)
def test_read__hostile_meta_header(tmp_path, old, new):
    path = tmp_path / "folder" / "a.mha"
    path.parent.mkdir()
    (tmp_path / "secret.raw").write_bytes(bytes(24))
    path.write_bytes(META.replace(old, new).encode() + bytes(24))
    with pytest.raises(InputError) as caught:
        itk.read(path)
    assert len(caught.value.lines()) <= 3


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("encoding: raw", "encoding: raw\ndata file: ../secret.raw"),
        ("encoding: raw", "encoding: raw\ndatafile: /etc/passwd"),
        ("encoding: raw", "encoding: raw\ndata file: LIST"),
        ("encoding: raw", "encoding: raw\ndata file: s%03d.raw 1 4 1"),
        ("encoding: raw", "encoding: raw\nData File: ../secret.raw"),
        ("encoding: raw", "encoding: gzip"),
        ("encoding: raw", "encoding: whatever"),
        ("encoding: raw", "encoding: raw\nbyte skip: 3"),
        ("encoding: raw", "encoding: raw\nline skip: 1"),
        ("encoding: raw", "encoding: ascii"),
        ("sizes: 2 3 4", "sizes: 2 -3 4"),
        ("sizes: 2 3 4", "sizes: 2 3"),
        ("sizes: 2 3 4", "sizes: 100000 100000 100000"),
        ("sizes: 2 3 4", "sizes: 2 3 5"),
        ("type: uint8", "type: block"),
        ("(0,0,1)", "(0,1,0)"),
        ("(0,0,1)", "(nan,0,1)"),
        ("(0,0,1)", "(0,0,0)"),
        ("space origin: (0,0,0)", "space origin: (nan,0,0)"),
    ],
)
def test_read__hostile_nrrd_header(tmp_path, old, new):
    path = tmp_path / "folder" / "a.nrrd"
    path.parent.mkdir()
    (tmp_path / "secret.raw").write_bytes(bytes(24))
    path.write_bytes(NRRD.replace(old, new).encode() + b"\n" + bytes(24))
    with pytest.raises(InputError) as caught:
        itk.read(path)
    assert len(caught.value.lines()) <= 3


@pytest.mark.parametrize("suffix", [".mha", ".mhd", ".nrrd", ".nhdr"])
@pytest.mark.parametrize(
    "content", [b"text", b"\0" * 1000, b"NRRD0004\n", b"NDims = 3\n", b"ElementDataFile = LOCAL\n"]
)
def test_read__another_format(tmp_path, suffix, content):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(content)
    for reader in (itk.read, itk.read_header):
        with pytest.raises((UnreadableFile, InputError)) as caught:
            reader(path)
        assert caught.value.where == path


@pytest.mark.parametrize("suffix", [".mha", ".nrrd"])
@pytest.mark.parametrize("packed", [True, False])
def test_read__truncated(tmp_path, suffix, packed):
    sitk.WriteImage(
        sitk.GetImageFromArray(np.random.default_rng(0).integers(0, 99, (9, 9, 9)).astype(np.uint8)),
        str(tmp_path / f"a{suffix}"),
        packed,
    )
    whole = (tmp_path / f"a{suffix}").read_bytes()
    for length in (5, 100, len(whole) // 2, len(whole) - 100):
        (tmp_path / f"b{suffix}").write_bytes(whole[:length])
        with pytest.raises(UnreadableFile):
            itk.read(tmp_path / f"b{suffix}")


@pytest.mark.parametrize(("suffix", "text"), [(".mha", META), (".nrrd", NRRD + "\n")])
def test_read__any_changed_byte_is_read_or_refused_in_our_words(tmp_path, suffix, text):
    rng, path = np.random.default_rng(0), tmp_path / f"a{suffix}"
    for position in range(len(text)):
        broken = bytearray(text.encode() + bytes(24))
        broken[position] = rng.integers(32, 127)
        path.write_bytes(broken)
        try:
            itk.read(path, as_channels=True)
        except ScanwrightError as error:
            assert error.exit_code == 4


def test_simple_itk__absent(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "SimpleITK", None)
    with pytest.raises(UsageError, match=r"pip install"):
        itk.simple_itk()

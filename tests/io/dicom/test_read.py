"""Voxels of stacks: values and axes worked out by hand, and real series equal to dcm2niix's and IBSI's files."""

import numpy as np
import pydicom
import pytest

from made_dicom import PET, header, mosaic_header, placed, slices, write
from scanwright.errors import InputError, UnreadableFile
from scanwright.geometry.orientation import canonical
from scanwright.io import nifti
from scanwright.io.dicom.intake import open_instance
from scanwright.io.dicom.read import read_stack
from scanwright.io.dicom.series import NO_UID, files_in, find_series
from scanwright.io.dicom.slices import read_slices
from scanwright.io.dicom.volumes import to_volumes


def volume_of(paths, **more):
    stacks, refused = to_volumes([one for path in paths for one in read_slices(open_instance(path))])
    assert (len(stacks), refused) == (1, [])
    return read_stack(stacks[0], **more)


@pytest.mark.parametrize(
    "elements",
    [
        {"RescaleIntercept": "1E30"},
        {"RescaleIntercept": "1E19"},
        {"RescaleSlope": ["1", "1", "2"], "RescaleIntercept": "1E300"},  # slice by slice
        {"RescaleSlope": "1E300"},
        {"RescaleIntercept": "1E19", "PhotometricInterpretation": "MONOCHROME1"},
    ],
)
def test_values_that_no_number_holds_are_refused(tmp_path, elements):
    paths = slices(tmp_path, [0, 1, 2], **{"RescaleSlope": 1, "Modality": "OT", **elements})
    with pytest.raises(UnreadableFile) as caught:
        volume_of(paths)
    assert caught.value.found.startswith("values that no number type here holds")


def test_axes(tmp_path):
    """i is the column, j the row, k the slice by position, whatever the order of the files."""
    pixels = np.arange(3 * 4 * 5, dtype=np.int16).reshape(3, 4, 5)
    volume = volume_of(slices(tmp_path, [20, 0, 10], pixels=pixels))
    assert (volume.shape, volume.voxels.dtype) == ((5, 4, 3), np.int16)
    assert volume.voxels[0, 3, 2].tolist() == [pixels[1, 2, 3], pixels[2, 2, 3], pixels[0, 2, 3]]


def test_hounsfield_units_stay_whole(tmp_path):
    pixels = np.array([[[0, 1024], [2000, 4095]]], np.uint16)
    volume = volume_of(slices(tmp_path, [0], pixels=pixels, RescaleSlope=1, RescaleIntercept=-1024))
    assert (volume.voxels[0, :, :, 0].T.tolist(), volume.voxels.dtype) == ([[-1024, 0], [976, 3071]], np.int16)


def test_a_slope_of_its_own_for_each_slice(tmp_path):
    volume = volume_of(slices(tmp_path, [0, 1, 2], RescaleSlope=[1.0, 0.5, 0.25], RescaleIntercept=1))
    assert (volume.voxels[0, 0, 0].tolist(), volume.voxels.dtype) == ([1, 1.5, 1.5], np.float32)


def test_monochrome1_is_turned_around(tmp_path):
    pixels = np.array([[[0, 4095]]], np.uint16)
    volume = volume_of(
        slices(tmp_path, [0], pixels=pixels, BitsStored=12, HighBit=11, PhotometricInterpretation="MONOCHROME1")
    )
    assert volume.voxels.ravel().tolist() == [4095, 0]


@pytest.mark.parametrize(
    "kinds",
    [
        {"PhotometricInterpretation": ["MONOCHROME1", "MONOCHROME2", "MONOCHROME1"]},
        {"PhotometricInterpretation": ["MONOCHROME1"] * 3, "BitsStored": [10, 12, 12], "HighBit": [9, 11, 11]},
    ],
)
def test_monochrome1_in_some_slices_or_of_two_ranges_is_refused(tmp_path, kinds):
    paths = slices(tmp_path, [0, 1, 2], pixels=np.full((3, 2, 2), 5, np.uint16), **kinds)
    with pytest.raises(InputError, match="dark in"):
        volume_of(paths)
    assert volume_of(paths, window=True).shape == (2, 2, 3)  # each as its own header says


def test_monochrome1_in_hounsfield_units_is_not_turned(tmp_path):
    pixels = np.array([[[0, 4095]]], np.uint16)
    values = {"RescaleSlope": 1, "RescaleIntercept": -1024, "PhotometricInterpretation": "MONOCHROME1"}
    volume = volume_of(slices(tmp_path, [0], pixels=pixels, **values))
    assert volume.voxels.ravel().tolist() == [-1024, 3071]
    assert volume.notes[-1:] == ("MONOCHROME1, but the numbers have a unit: not turned around",)


def test_monochrome1_of_a_ct_that_is_stored_in_hounsfield_units(tmp_path):
    pixels = np.array([[[-1000, 40]]], np.int16)
    values = {"RescaleSlope": 1, "RescaleIntercept": 0, "PhotometricInterpretation": "MONOCHROME1"}
    assert volume_of(slices(tmp_path, [0], pixels=pixels, **values)).voxels.ravel().tolist() == [-1000, 40]


@pytest.mark.parametrize("kind", ["LOG_E REL", "OD", "UNSPECIFIED", "us", None])
def test_monochrome1_in_no_unit_is_turned_whatever_it_is_called(tmp_path, kind):
    pixels = np.array([[[0, 4095]]], np.uint16)
    about = {"Modality": "CR", "BitsStored": 12, "HighBit": 11, "PhotometricInterpretation": "MONOCHROME1"}
    values = {"RescaleSlope": 1, "RescaleIntercept": 0, "RescaleType": kind}
    assert volume_of(slices(tmp_path, [0], pixels=pixels, **about, **values)).voxels.ravel().tolist() == [4095, 0]


@pytest.mark.parametrize(
    ("padding", "expected", "note"),
    [
        (-2000, [-3, 5, 7], "2 voxels of padding: given the lowest"),
        (5, [-2000, 5, 7, -3], "amid others: kept"),
        (None, None, ""),
    ],
)
def test_padding(tmp_path, padding, expected, note):
    pixels = np.array([[[-2000, -3], [5, 7], [-2000, 5]]], np.int16)
    volume = volume_of(slices(tmp_path, [0], pixels=pixels, PixelPaddingValue=padding))
    assert set(volume.voxels.ravel().tolist()) == set(expected or [-2000, -3, 5, 7])
    assert note in " ".join(volume.notes)


@pytest.mark.parametrize(
    "each",
    [
        {"RescaleSlope": [1, 2, 3]},
        {"PixelPaddingValue": [-2000, -2001, -2002]},
        {"RescaleSlope": [0.1, 0.3, 0.7], "RescaleIntercept": 0.3},
    ],
)
def test_padding_where_slices_differ(tmp_path, each):
    """Each slice by its own header: what it calls padding gets the lowest value of the rest, scaled by 1 in the first."""
    padding = each.get("PixelPaddingValue", [-2000] * 3)
    pixels = np.array([[[one, 5], [6, 7]] for one in padding], np.int16)
    volume = volume_of(slices(tmp_path, [0, 1, 2], pixels=pixels, **{"PixelPaddingValue": -2000, **each}))
    assert "3 voxels of padding: given the lowest" in volume.notes[0]
    least = 5 * each.get("RescaleSlope", [1])[0] + each.get("RescaleIntercept", 0)
    assert volume.voxels[0, 0, 0] == pytest.approx([least] * 3)


def test_a_range_of_padding_after_rescaling(tmp_path):
    """Stored 0 to 24 is padding, -1024 to -1000 after rescaling; the lowest value besides is 1000 - 1024."""
    pixels = np.array([[[0, 24, 1000, 3000]]], np.uint16)
    volume = volume_of(
        slices(
            tmp_path,
            [0],
            pixels=pixels,
            RescaleIntercept=-1024,
            RescaleSlope=1,
            PixelPaddingValue=0,
            PixelPaddingRangeLimit=24,
        )
    )
    assert volume.voxels.ravel().tolist() == [-24, -24, -24, 1976]


def test_colour(tmp_path):
    pixels = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    volume = volume_of([write(tmp_path / "a.dcm", header(pixels))])
    assert (volume.voxels.shape, volume.voxels.dtype) == ((3, 3, 2, 1), np.uint8)
    assert volume.voxels[:, 2, 1, 0].tolist() == pixels[1, 2].tolist()


def test_a_mosaic_is_cut_into_its_tiles(tmp_path):
    made = mosaic_header(3)
    pixels = np.arange(24, dtype=np.uint16).reshape(4, 6)
    made.PixelData = pixels.tobytes()
    volume = volume_of([write(tmp_path / "a.dcm", made)])
    assert volume.shape == (3, 2, 3)
    assert [volume.voxels[0, :, :, k].T.tolist() for k in range(3)] == [
        pixels[:2, :3].tolist(), pixels[:2, 3:].tolist(), pixels[2:, :3].tolist(),
    ]  # fmt: skip


def test_pet_without_a_weight_is_refused(tmp_path):
    made = header(np.ones((2, 2), np.uint16), SOPClassUID=PET, Modality="PT", Units="BQML", **placed((0, 0, 0)))
    with pytest.raises(InputError, match="one unit") as caught:
        volume_of([write(tmp_path / "a.dcm", made)])
    assert caught.value.found == "no body weight"


def test_window(tmp_path):
    pixels = np.array([[[-500, 0, 40, 500]]], np.int16)
    paths = slices(tmp_path, [0], pixels=pixels, WindowCenter=40, WindowWidth=80)
    shown = volume_of(paths, window=True).voxels.ravel()
    assert shown[0] == shown[1] < shown[2] < shown[3]


@pytest.mark.parametrize("threads", [1, 3])
def test_threads_change_nothing(tmp_path, threads):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 1000, (6, 64, 64)).astype(np.int16)
    for path in slices(tmp_path, [0, 1, 2, 3, 4, 5], pixels=pixels):
        dataset = pydicom.dcmread(path)
        dataset.compress("1.2.840.10008.1.2.4.90", generate_instance_uid=False)
        dataset.save_as(path)
    volume = volume_of(files_in(tmp_path), threads=threads)
    assert np.array_equal(volume.voxels[0], pixels.transpose(2, 1, 0))


def alike(stacks, reference):
    """Largest difference of voxels and of affines to a reference file whose last axis is time, both in canonical axes."""
    theirs = nifti.read(reference, as_channels=True)
    theirs = theirs.reoriented(canonical(theirs.grid.affine))
    ours = [read_stack(one) for one in stacks]
    ours = [one.reoriented(canonical(one.grid.affine)) for one in ours]
    assert (theirs.channels, theirs.shape) == (len(ours), ours[0].shape)
    voxels = max(np.abs(one.voxels[0].astype(float) - theirs.voxels[turn]).max() for turn, one in enumerate(ours))
    return voxels, np.abs(ours[0].grid.affine - theirs.grid.affine).max()


STS = "sts_003_ct_mr_pet_rtstruct"
SERIES = [
    *[(f"{STS}/{kind}/image", f"{STS}/reference_nifti/{kind}_image.nii.gz") for kind in ("CT", "MR_T1", "PET")],
    *[
        (f"mr_siemens_mosaic_ge_epi/In/20180918Si/mr_000{number}", f"mr_siemens_mosaic_ge_epi/Ref/EPI_PE={way}_{number}.nii")
        for number, way in ((3, "AP"), (4, "PA"), (5, "RL"), (6, "LR"))
    ],
    ("mr_siemens_mosaic_ge_epi/In/20180918GE", "mr_siemens_mosaic_ge_epi/Ref/DCM2NIIX_regression_test_4.nii"),
]  # fmt: skip


@pytest.mark.data
@pytest.mark.parametrize(("folder", "reference"), SERIES, ids=[one[0].split("/", 1)[1] for one in SERIES])
def test_real_series_are_the_reference(data_folder, folder, reference):
    (series,) = find_series(files_in(data_folder / "dicom" / folder)).series
    voxels, affine = alike(series.volumes, data_folder / "dicom" / reference)
    assert (voxels, affine < 1e-4) == (0, True)


@pytest.mark.data
@pytest.mark.parametrize("number", range(1, 10))
def test_nine_encodings_of_one_mosaic(data_folder, number):
    folder = data_folder / "dicom" / "mr_transfer_syntaxes"
    (series,) = find_series([folder / "In" / f"{number}.dcm"]).series
    voxels, affine = alike(series.volumes, folder / "Ref" / f"{number}.nii")
    assert (voxels, affine < 1e-4) == (0, True)


@pytest.mark.data
def test_the_model_s_answer_lies_on_the_ct(data_folder):
    """Twenty JPEG 2000 slices without a series UID, a part of a scan: the grid of the segmentation made from it."""
    folder = data_folder / "dicom" / "ct_siemens_jpeg2000_lossless"
    found = find_series(folder.glob("CT*"))
    (series,) = found.series
    assert [one.grid.shape for one in series.volumes] == [(512, 512, 20)]
    assert (found.skipped, series.notes) == ((), (NO_UID,))


def test_window__monochrome1_is_turned_about_the_window_s_own_range(tmp_path):
    """Slices of one value each stay different: 65535 less what MONOCHROME2 shows."""
    pixels = np.stack([np.full((2, 2), value, np.uint16) for value in (100, 150, 200)])
    plain, turned = (
        volume_of(
            slices(
                tmp_path / kind,
                [0, 1, 2],
                pixels=pixels,
                WindowCenter=150,
                WindowWidth=400,
                PhotometricInterpretation=kind,
            ),
            window=True,
        ).voxels[0, 0, 0]
        for kind in ("MONOCHROME2", "MONOCHROME1")
    )
    assert np.allclose(plain + turned, 65535)
    assert turned[0] > turned[1] > turned[2]

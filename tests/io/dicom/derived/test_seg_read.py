"""Every segmentation in the data folder, beside highdicom's and dcmqi's reading; and files that are none or broken."""

import warnings
from pathlib import Path

import highdicom
import numpy as np
import pydicom
import pytest
from pydicom.dataset import FileMetaDataset
from pydicom.sr.codedict import codes
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    RLELossless,
    generate_uid,
)

from dicom_peers import needs_dcmqi, read_by_dcmqi
from made_series import axial, slice_header, write_series
from scanwright.errors import GeometryError, InputError, UnreadableFile
from scanwright.geometry.affine import corner_indices, flip_lps_ras
from scanwright.geometry.grid import Grid
from scanwright.io.dicom.derived.seg_grid import own_grid, segment_mask
from scanwright.io.dicom.derived.seg_read import read_segmentation
from scanwright.io.dicom.intake import open_instance

PLACED = (
    "pydicom_oddities/liver.dcm",
    "pydicom_oddities/liver_1frame.dcm",
    "pydicom_oddities/liver_j2k.dcm",
    "pydicom_oddities/liver_nonbyte_aligned.dcm",
    "seg_sr_dcmqi/segmentations/23x38x3/seg/label.seg",
    "seg_sr_dcmqi/segmentations/24x38x3/seg/label.seg",
    "seg_sr_dcmqi/segmentations/liver.dcm",
    "seg_sr_dcmqi/segmentations/partial_overlaps.dcm",
    "seg_sr_dcmqi/sr-example/seg.dcm",
    "seg_sr_highdicom/seg_image_ct_binary.dcm",
    "seg_sr_highdicom/seg_image_ct_binary_fractional.dcm",
    "seg_sr_highdicom/seg_image_ct_binary_overlap.dcm",
    "seg_sr_highdicom/seg_image_ct_binary_single_frame.dcm",
    "seg_sr_highdicom/seg_image_ct_true_fractional.dcm",
)
OTHERS = (
    "seg_sr_highdicom/seg_image_cr_binary.dcm",
    *(f"seg_sr_highdicom/seg_image_sm_{name}.dcm" for name in ("control", "control_labelmap", "dots", "numbers")),
    "seg_sr_highdicom/seg_image_sm_control_labelmap_palette_color.dcm",
    "seg_sr_highdicom/seg_image_sm_dots_tiled_full.dcm",
)


def by_highdicom(path: Path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return highdicom.seg.segread(path)


def segment_numbers(path: Path) -> list[int]:
    """The segment of each frame, from pydicom's header alone."""
    header = pydicom.dcmread(path, stop_before_pixels=True)
    shared = header.SharedFunctionalGroupsSequence[0]
    found = []
    for frame in header.PerFrameFunctionalGroupsSequence:
        group = frame if "SegmentIdentificationSequence" in frame else shared
        found.append(int(group.SegmentIdentificationSequence[0].ReferencedSegmentNumber))
    return found


@pytest.mark.data
@pytest.mark.parametrize("name", [*PLACED, *OTHERS])
def test_frames_as_highdicom_reads_them(data_folder, name) -> None:
    path = data_folder / "dicom" / name
    found, expected = read_segmentation(path), by_highdicom(path)
    stored = expected.get_stored_frames()
    assert len(found.frames) == len(stored)
    assert all(np.array_equal(found.stored(index), frame) for index, frame in enumerate(stored))
    described = {int(one.SegmentNumber): one for one in expected.SegmentSequence if one.SegmentNumber > 0}
    assert {one.number: one.label for one in found.segments} == {n: str(d.SegmentLabel) for n, d in described.items()}
    for one in found.segments:
        kind = described[one.number].SegmentedPropertyTypeCodeSequence[0]
        assert one.type is not None and (one.type.value, one.type.meaning) == (kind.CodeValue, kind.CodeMeaning)
        assert one.tracking_uid == str(described[one.number].get("TrackingUID", ""))
    if found.kind == "labelmap":
        assert {frame.segment for frame in found.frames} == {0}
    elif not name.endswith("tiled_full.dcm"):
        assert [frame.segment for frame in found.frames] == segment_numbers(path)[: len(stored)]


@pytest.mark.data
@pytest.mark.parametrize("name", PLACED)
def test_masks_and_geometry_as_highdicom_reads_them(data_folder, name) -> None:
    path = data_folder / "dicom" / name
    found, expected = read_segmentation(path), by_highdicom(path)
    for number in [one.number for one in found.segments]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            volume = expected.get_volume(
                segment_numbers=[number], combine_segments=False, rescale_fractional=True, allow_missing_positions=True
            )
        array = np.squeeze(volume.array, axis=-1).transpose(2, 1, 0)  # (slice, row, column) to (column, row, slice)
        grid = Grid(array.shape, flip_lps_ras(volume.affine)[:, [2, 1, 0, 3]])
        mask = segment_mask(found, number, grid)
        assert np.allclose(mask, array, atol=1e-6)
        assert mask.sum() > 0 or not (array > 0).any()
        own = own_grid(found)
        assert np.allclose(np.sort(grid.points(corner_indices(grid.shape)), axis=0)[0], _lowest(own), atol=1e-4)


def _lowest(grid: Grid):
    return np.sort(grid.points(corner_indices(grid.shape)), axis=0)[0]


@needs_dcmqi
@pytest.mark.data
@pytest.mark.parametrize(
    "name", ["pydicom_oddities/liver_nonbyte_aligned.dcm", "seg_sr_dcmqi/segmentations/partial_overlaps.dcm",
             "seg_sr_dcmqi/segmentations/23x38x3/seg/label.seg"]
)  # fmt: skip
def test_masks_and_affine_as_dcmqi_reads_them(data_folder, tmp_path, name) -> None:
    found = read_segmentation(data_folder / "dicom" / name)
    converted, _ = read_by_dcmqi(data_folder / "dicom" / name, tmp_path / "dcmqi")
    assert converted.keys() == {one.number for one in found.segments}
    for number, (mask, affine) in converted.items():
        assert np.array_equal(segment_mask(found, number, Grid(mask.shape, affine)), mask)
        assert np.allclose(own_grid(found).affine, affine, atol=1e-4)


@pytest.mark.data
def test_four_encodings_of_one_liver_are_the_same(data_folder) -> None:
    folder = data_folder / "dicom" / "pydicom_oddities"
    plain = read_segmentation(folder / "liver.dcm")
    grid, mask = own_grid(plain), segment_mask(plain, 1, own_grid(plain))
    for name in ("liver_rle", "liver_j2k"):  # the first is beyond pydicom 3.0.2 and highdicom 0.28.2
        assert np.array_equal(segment_mask(read_segmentation(folder / f"{name}.dcm"), 1, grid), mask)
    smaller = read_segmentation(folder / "liver_nonbyte_aligned.dcm")
    assert np.array_equal(segment_mask(smaller, 1, own_grid(smaller)), mask[:510, :510])


@pytest.mark.data
def test_oddities_are_noted_and_slides_have_no_grid(data_folder) -> None:
    one = read_segmentation(data_folder / "dicom/pydicom_oddities/liver_1frame.dcm")
    assert one.notes == ("3 frames described, 1 there",)
    slide = read_segmentation(data_folder / "dicom" / OTHERS[1])
    for ask in (lambda: own_grid(slide), lambda: segment_mask(slide, 1, axial())):
        with pytest.raises(GeometryError, match="slide"):
            ask()


@pytest.mark.data
@pytest.mark.parametrize("name", ["pydicom_oddities/CT_small.dcm", "seg_sr_dcmqi/sr-example/sr.dcm"])
def test_what_is_no_segmentation_is_refused(data_folder, name) -> None:
    with pytest.raises(InputError, match="not a DICOM segmentation"):
        read_segmentation(data_folder / "dicom" / name)


# What highdicom writes of drawn masks, in each kind and transfer syntax, on a source of ours.

SYNTAXES = {
    "binary": (ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEG2000Lossless),
    "fractional": (ExplicitVRLittleEndian, RLELossless, JPEG2000Lossless),
    "labelmap": (ExplicitVRLittleEndian, RLELossless, JPEG2000Lossless),
}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    grid = axial((37, 33, 4))  # odd, and large enough for highdicom's JPEG 2000
    paths = write_series(tmp_path_factory.mktemp("source"), grid)
    return grid, [open_instance(path).dataset for path in paths], np.random.default_rng(3)


def written(path: Path, sources, pixels, kind: str, syntax, *, count: int) -> Path:
    segments = [
        highdicom.seg.SegmentDescription(
            number, f"segment {number}", codes.SCT.Tissue, codes.SCT.Liver, "MANUAL",
            tracking_id=f"t{number}", tracking_uid=generate_uid(),
        )
        for number in range(1, count + 1)
    ]  # fmt: skip
    later = (
        syntax == RLELossless
    )  # through highdicom it goes to GDCM 3.2.6, which aborts the process on frames this small
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = highdicom.seg.Segmentation(
            sources, pixels, kind.upper(), segments, generate_uid(), 5, generate_uid(), 1, "maker", "model", "1", "2",
            transfer_syntax_uid=ExplicitVRLittleEndian if later else syntax, max_fractional_value=200,
        )  # fmt: skip
        made.save_as(path)
        if later:
            again = pydicom.dcmread(path)
            again.compress(RLELossless, encoding_plugin="pydicom", generate_instance_uid=False)
            again.save_as(path)
    return path


@pytest.mark.parametrize(("kind", "syntax"), [(kind, syntax) for kind, listed in SYNTAXES.items() for syntax in listed])
def test_every_kind_and_transfer_syntax(drawn, tmp_path, kind, syntax) -> None:
    grid, sources, draw = drawn
    if kind == "fractional":
        shares = np.round(draw.random((4, 33, 37, 2)) * 200) / 200
        path = written(tmp_path / "made.dcm", sources, shares, kind, syntax, count=2)
        expected = [shares[..., 0].transpose(2, 1, 0), shares[..., 1].transpose(2, 1, 0)]
    else:
        labels = draw.integers(0, 3, (4, 33, 37)).astype(np.uint8)
        path = written(tmp_path / "made.dcm", sources, labels, kind, syntax, count=2)
        expected = [(labels == number).transpose(2, 1, 0) for number in (1, 2)]
    found = read_segmentation(path)
    assert (found.kind, [one.number for one in found.segments]) == (kind, [1, 2])
    for number, mask in enumerate(expected, start=1):
        assert np.allclose(segment_mask(found, number, grid), mask, atol=1e-6)
    assert np.allclose(own_grid(found).affine, grid.affine, atol=1e-6)
    uids = [str(source.SOPInstanceUID) for source in sources]
    assert {one.instance for frame in found.frames for one in frame.sources} == set(uids)
    assert found.source_series == (str(sources[0].SeriesInstanceUID),)


def test_deflated(drawn, tmp_path) -> None:
    grid, sources, draw = drawn
    mask = (draw.random((4, 33, 37)) < 0.5).astype(np.uint8)
    path = written(tmp_path / "plain.dcm", sources, mask, "binary", ExplicitVRLittleEndian, count=1)
    dataset = pydicom.dcmread(path)
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    dataset.save_as(tmp_path / "deflated.dcm")
    found = read_segmentation(tmp_path / "deflated.dcm")
    assert np.array_equal(segment_mask(found, 1, grid), mask.transpose(2, 1, 0) > 0)


def spoiled(path: Path, fault: str) -> Path:
    dataset = pydicom.dcmread(path)
    if fault == "frames":
        dataset.NumberOfFrames = 100
    elif fault == "groups":
        del dataset.PerFrameFunctionalGroupsSequence[-1]
    elif fault == "segment":
        dataset.PerFrameFunctionalGroupsSequence[0].SegmentIdentificationSequence[0].ReferencedSegmentNumber = 9
    elif fault == "cells":
        dataset.BitsAllocated = dataset.BitsStored = 8
        dataset.HighBit, dataset.PixelData = 7, dataset.PixelData * 8
    elif fault == "kind":
        dataset.SegmentationType = "SURFACE"
    elif fault == "number":
        del dataset.SegmentSequence[0].SegmentNumber
    elif fault == "twice":
        dataset.SegmentSequence[1].SegmentNumber = 1
    elif fault == "rows":
        dataset.Rows = 60000
    dataset.save_as(path)
    return path


@pytest.mark.parametrize("fault", ["frames", "groups", "segment", "cells", "kind", "number", "twice", "rows"])
def test_planted_faults_are_refused(drawn, tmp_path, fault) -> None:
    _, sources, _ = drawn
    labels = np.ones((4, 33, 37), np.uint8)
    labels[:, 0] = 2
    path = written(tmp_path / "made.dcm", sources, labels, "binary", ExplicitVRLittleEndian, count=2)
    with pytest.raises(InputError if fault == "kind" else UnreadableFile):
        read_segmentation(spoiled(path, fault))


def test_no_patient_text_in_errors(drawn, tmp_path) -> None:
    header = slice_header(axial(), 0)
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    header.save_as(tmp_path / "slice.dcm", enforce_file_format=True)
    assert isinstance(header.file_meta, FileMetaDataset)
    with pytest.raises(InputError) as caught:
        read_segmentation(tmp_path / "slice.dcm")
    assert "Phantom" not in str(caught.value) and "CT Image Storage" in str(caught.value)

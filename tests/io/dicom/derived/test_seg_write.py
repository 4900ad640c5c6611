"""Masks out as DICOM SEG, and back by our reader, highdicom's and dcmqi's; dciodvfy finds no error."""

import importlib.util
import json
import warnings
from copy import deepcopy
from datetime import datetime
from itertools import pairwise

import highdicom
import numpy as np
import pydicom
import pytest

from dicom_peers import conformance_errors, needs_dciodvfy, needs_dcmqi, read_by_dcmqi
from made_series import GRIDS, axial, oblique, write_enhanced, write_picture, write_series
from scanwright.errors import GeometryError, InputError, ResourceError, UsageError
from scanwright.geometry.grid import Grid
from scanwright.io.dicom.derived.provenance import Model
from scanwright.io.dicom.derived.seg_grid import own_grid, segment_mask
from scanwright.io.dicom.derived.seg_read import read_segmentation
from scanwright.io.dicom.derived.seg_write import write_segmentation
from scanwright.io.dicom.intake import open_instance

MODEL = Model("liver net", "1.2.0", "ab" * 32)
NAMES = ("left kidney", "kidney tumour", "area 51", "Anterior")


def headers(paths):
    return [open_instance(path).dataset for path in paths]


def drawn(grid: Grid, *, overlap: bool, seed: int = 0) -> dict[str, np.ndarray]:
    """Four regions: the third is empty, the slice k = 1 of the first, and where asked for two overlap."""
    draw = np.random.default_rng(seed)
    labels = draw.integers(0, 5, grid.shape)
    masks = {name: labels == number for number, name in enumerate(NAMES, start=1)}
    masks["left kidney"][:, :, 1] = False
    masks["area 51"][:] = False
    if overlap:
        masks["kidney tumour"] = masks["kidney tumour"] | masks["left kidney"]
    return masks


@pytest.fixture(scope="module")
def series(tmp_path_factory):
    """Sources on each grid: name -> (grid, headers)."""
    folder = tmp_path_factory.mktemp("sources")
    return {
        name: (grid, headers(write_series(folder / name, grid, modality="MR" if name == "sagittal" else "CT")))
        for name, grid in GRIDS.items()
    }


@pytest.mark.parametrize("name", GRIDS)
@pytest.mark.parametrize(("kind", "overlap"), [("binary", False), ("binary", True), ("labelmap", False)])
def test_round_trip(series, tmp_path, name, kind, overlap) -> None:
    grid, sources = series[name]
    masks = drawn(grid, overlap=overlap)
    path = tmp_path / "made.dcm"
    found = write_segmentation(path, masks, grid=grid, sources=sources, model=MODEL, kind=kind, within="Hippocampus")
    assert found.kind == kind and [one.label for one in found.segments] == list(masks)
    for number, mask in enumerate(masks.values(), start=1):
        assert np.array_equal(segment_mask(found, number, grid), mask)
    own = own_grid(found)
    assert own.shape == grid.shape and np.abs(own.affine - grid.affine).max() < 1e-9
    assert found.frame_of_reference == sources[0].FrameOfReferenceUID
    assert (found.study, found.source_series) == (sources[0].StudyInstanceUID, (sources[0].SeriesInstanceUID,))
    for frame in found.frames:
        k = round(float(grid.indices(frame.place.origin)[2]))
        assert [one.instance for one in frame.sources] == [sources[k].SOPInstanceUID]
    if kind == "binary":
        expected = {
            (number, k) for number, mask in enumerate(masks.values(), 1) for k in np.flatnonzero(mask.any((0, 1)))
        }
        assert len(found.frames) == len(expected)


@pytest.mark.parametrize("name", GRIDS)
@pytest.mark.parametrize("kind", ["binary", "labelmap"])
def test_highdicom_reads_the_same(series, tmp_path, name, kind) -> None:
    grid, sources = series[name]
    masks = drawn(grid, overlap=kind == "binary")
    write_segmentation(tmp_path / "made.dcm", masks, grid=grid, sources=sources, model=MODEL, kind=kind)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = highdicom.seg.segread(tmp_path / "made.dcm")
        uids = [source.SOPInstanceUID for source in sources]
        pixels = found.get_pixels_by_source_instance(uids, assert_missing_frames_are_empty=True)
    assert np.array_equal(pixels.transpose(2, 1, 0, 3) > 0, np.stack(list(masks.values()), axis=-1))
    assert str(found.SegmentsOverlap) == ("YES" if kind == "binary" else "NO")


@needs_dcmqi
@pytest.mark.parametrize("name", GRIDS)
def test_dcmqi_reads_the_same(series, tmp_path, name) -> None:
    grid, sources = series[name]
    masks = drawn(grid, overlap=True)
    write_segmentation(tmp_path / "made.dcm", masks, grid=grid, sources=sources, model=MODEL, within="Hippocampus")
    found, about = read_by_dcmqi(tmp_path / "made.dcm", tmp_path / "dcmqi")
    assert found.keys() == {1, 2, 3, 4}
    for number, mask in enumerate(masks.values(), start=1):
        assert np.array_equal(found[number][0], mask)
        assert np.abs(found[number][1] - grid.affine).max() < 1e-4
    segments = [one for group in json.loads(about)["segmentAttributes"] for one in group]
    assert [one["SegmentLabel"] for one in segments] == list(masks)
    kinds = [one["SegmentedPropertyTypeCodeSequence"]["CodeMeaning"] for one in segments]
    assert kinds == ["Kidney", "Neoplasm", "area 51", "Hippocampus"]


@needs_dciodvfy
@pytest.mark.parametrize("name", GRIDS)
@pytest.mark.parametrize("empty", [False, True])
def test_dciodvfy_finds_no_error(series, tmp_path, name, empty) -> None:
    grid, sources = series[name]
    masks = {region: mask & (not empty) for region, mask in drawn(grid, overlap=True).items()}
    colours = {"left kidney": (200, 30, 30)}
    write_segmentation(tmp_path / "made.dcm", masks, grid=grid, sources=sources, model=MODEL, colours=colours)
    assert conformance_errors(tmp_path / "made.dcm") == []


def test_what_a_segment_says(series, tmp_path) -> None:
    grid, sources = series["axial"]
    masks = drawn(grid, overlap=False)
    path = tmp_path / "made.dcm"
    found = write_segmentation(path, masks, grid=grid, sources=sources, model=MODEL, within="Hippocampus")
    kidney, tumour, area, front = found.segments
    assert (kidney.type.value, [one.meaning for one in kidney.modifiers]) == ("64033007", ["Left"])
    assert (tumour.category.value, tumour.type.value, tumour.site.value) == ("49755003", "108369006", "64033007")
    assert (area.type.scheme, area.type.meaning) == ("99SCANWRIGHT", "area 51")
    assert (front.type.value, [one.meaning for one in front.modifiers]) == ("5366008", ["Anterior"])
    assert {one.algorithm_type for one in found.segments} == {"AUTOMATIC"}
    assert {(one.algorithm, one.algorithm_version) for one in found.segments} == {("liver net", "1.2.0")}
    assert [one.tracking_id for one in found.segments] == list(masks)
    assert len({one.tracking_uid for one in found.segments}) == 4
    header = pydicom.dcmread(path, stop_before_pixels=True)
    assert (header.ManufacturerModelName, header.SoftwareVersions) == ("liver net", "1.2.0")
    assert header.DeviceSerialNumber == MODEL.hash
    algorithm = header.SegmentSequence[0].SegmentationAlgorithmIdentificationSequence[0]
    assert algorithm.AlgorithmParameters == f"package={MODEL.hash}"
    assert (str(header.PatientName), header.SpecificCharacterSet) == ("Phantom^Müller", "ISO_IR 192")
    assert header.ContentDescription.startswith("Research use")


def test_identifiers_follow_from_the_content(series, tmp_path) -> None:
    grid, sources = series["axial"]
    masks = drawn(grid, overlap=False)
    moment = datetime(2026, 3, 4, 5, 6, 7)

    def written(name, masks, model=MODEL):
        return write_segmentation(tmp_path / name, masks, grid=grid, sources=sources, model=model, made=moment)

    first, again = written("a.dcm", masks), written("b.dcm", masks)
    assert first.instance == again.instance and first.instance.startswith("2.25.")
    assert [one.tracking_uid for one in first.segments] == [one.tracking_uid for one in again.segments]
    assert (tmp_path / "a.dcm").read_bytes() == (tmp_path / "b.dcm").read_bytes()
    masks["left kidney"][0, 0, 0] ^= True
    other, newer = written("c.dcm", masks), written("d.dcm", masks, Model("liver net", "1.2.1", MODEL.hash))
    uids = [first.instance, other.instance, newer.instance]
    assert len(set(uids)) == 3 and all(len(uid) <= 64 and pydicom.uid.UID(uid).is_valid for uid in uids)


@pytest.mark.parametrize("kind", ["binary", "labelmap"])
def test_nothing_found_is_a_result(series, tmp_path, kind) -> None:
    grid, sources = series["oblique"]
    masks = {"liver": np.zeros(grid.shape, bool), "spleen": np.zeros(grid.shape, bool)}
    found = write_segmentation(tmp_path / "made.dcm", masks, grid=grid, sources=sources, model=MODEL, kind=kind)
    assert len(found.frames) == (2 if kind == "binary" else 1)
    assert not segment_mask(found, 1, grid).any() and not segment_mask(found, 2, grid).any()
    header = pydicom.dcmread(tmp_path / "made.dcm", stop_before_pixels=True)
    assert {one.ReferencedSOPInstanceUID for one in header.SourceImageSequence} == {s.SOPInstanceUID for s in sources}


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("order", [[0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [2, 0, 4, 1, 3]])
def test_multi_frame_source(tmp_path, order, own) -> None:
    grid = oblique()
    source = headers([write_enhanced(tmp_path / "source.dcm", grid, modality="MR", order=order, own=own)])
    masks = drawn(grid, overlap=True)
    found = write_segmentation(tmp_path / "made.dcm", masks, grid=grid, sources=source, model=MODEL)
    for number, mask in enumerate(masks.values(), start=1):
        assert np.array_equal(segment_mask(found, number, grid), mask)
    assert np.abs(own_grid(found).affine - grid.affine).max() < 1e-9
    for frame in found.frames:
        k = round(float(grid.indices(frame.place.origin)[2]))
        assert [one.frame for one in frame.sources] == [order.index(k) + 1]


def test_multi_frame_source__nothing_found(tmp_path) -> None:
    source = headers([write_enhanced(tmp_path / "source.dcm", axial())])
    masks = {"liver": np.zeros(axial().shape, bool)}
    found = write_segmentation(tmp_path / "made.dcm", masks, grid=axial(), sources=source, model=MODEL)
    assert len(found.frames) == 1 and found.frames[0].sources[0].frame == 3
    assert not segment_mask(found, 1, axial()).any()


@needs_dciodvfy
def test_multi_frame_source__conforms(tmp_path) -> None:
    source = headers([write_enhanced(tmp_path / "source.dcm", axial())])
    write_segmentation(tmp_path / "made.dcm", drawn(axial(), overlap=True), grid=axial(), sources=source, model=MODEL)
    assert conformance_errors(tmp_path / "made.dcm") == []


@needs_dciodvfy
def test_radiograph(tmp_path) -> None:
    sources = headers([write_picture(tmp_path / "picture.dcm", 33, 21)])
    grid = Grid((33, 21, 1), np.diag((-1.0, -1.0, 1.0, 1.0)), "px")
    masks = {"lungs": np.random.default_rng(1).random(grid.shape) < 0.5}
    found = write_segmentation(tmp_path / "made.dcm", masks, grid=grid, sources=sources, model=MODEL)
    assert own_grid(found) == grid and np.array_equal(segment_mask(found, 1, grid), masks["lungs"])
    assert conformance_errors(tmp_path / "made.dcm") == []


def test_many_regions_need_sixteen_bits(tmp_path) -> None:
    grid = axial((20, 15, 1))
    sources = headers(write_series(tmp_path / "source", grid))
    labels = np.random.default_rng(2).integers(0, 258, grid.shape)
    masks = {f"region {number}": labels == number for number in range(1, 258)}
    found = write_segmentation(tmp_path / "made.dcm", masks, grid=grid, sources=sources, model=MODEL, kind="labelmap")
    assert len(found.segments) == 257
    assert all(
        np.array_equal(segment_mask(found, number, grid), labels == number) for number in (1, 150, 255, 256, 257)
    )


def test_label_map_of_overlapping_regions_is_refused(series, tmp_path) -> None:
    grid, sources = series["axial"]
    with pytest.raises(UsageError, match="overlap") as caught:
        write_segmentation(
            tmp_path / "made.dcm", drawn(grid, overlap=True), grid=grid, sources=sources, model=MODEL, kind="labelmap"
        )
    assert caught.value.found == "left kidney and kidney tumour"
    assert list(tmp_path.iterdir()) == []


def _affine(grid: Grid, *, shift=(0, 0, 0), scale=(1, 1, 1)) -> Grid:
    affine = grid.affine @ np.diag((*scale, 1.0))
    affine[:3, 3] += shift
    return Grid(grid.shape, affine)


@pytest.mark.parametrize("fault", ["order", "shifted", "spacing", "fewer", "mask", "numbers", "flipped"])
def test_another_grid_is_refused(series, tmp_path, fault) -> None:
    grid, sources = series["axial"]
    masks = {"liver": np.ones(grid.shape, bool)}
    if fault == "order":
        sources = sources[::-1]
    elif fault == "fewer":
        sources = sources[:-1]
    elif fault == "mask":
        masks = {"liver": np.ones((5, 7, 4), bool)}
    elif fault == "numbers":
        masks = {"liver": np.ones(grid.shape, np.uint8)}
    else:
        changes = {
            "shifted": {"shift": (0.2, 0, 0)},
            "spacing": {"scale": (1.05, 1, 1)},
            "flipped": {"scale": (-1, 1, 1)},
        }
        grid = _affine(grid, **changes[fault])
    with pytest.raises(GeometryError) as caught:
        write_segmentation(tmp_path / "made.dcm", masks, grid=grid, sources=sources, model=MODEL)
    assert caught.value.expected and caught.value.found
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("fault", ["none", "twice", "two series", "no identifier", "no region"])
def test_sources_that_do_not_belong_together(series, tmp_path, fault) -> None:
    grid, sources = series["axial"]
    masks = {} if fault == "no region" else {"liver": np.ones(grid.shape, bool)}
    changed = deepcopy(sources)
    if fault == "two series":
        changed[1].SeriesInstanceUID = "1.2.3"
    elif fault == "no identifier":
        changed[1].SOPInstanceUID = "../../etc/passwd"
    changed = {"none": [], "twice": [changed[0], *changed[:-1]]}.get(fault, changed)
    with pytest.raises(InputError):
        write_segmentation(tmp_path / "made.dcm", masks, grid=grid, sources=changed, model=MODEL)
    assert list(tmp_path.iterdir()) == []


@needs_dciodvfy
def test_a_careless_source_still_gives_a_valid_result(tmp_path) -> None:
    # What scanners and anonymisers leave behind: no patient at all, a sex and dates that the standard does not know.
    grid = axial()
    sources = headers(write_series(tmp_path / "source", grid))
    for source in sources:
        for name in (
            "PatientID",
            "PatientName",
            "PatientBirthDate",
            "AccessionNumber",
            "StudyID",
            "ReferringPhysicianName",
        ):
            delattr(source, name)
        source.PatientSex, source.StudyDate, source.StudyTime = "unknown", "2024-03-05", "noon"
        source.PatientAge = "old"
    found = write_segmentation(
        tmp_path / "made.dcm", drawn(grid, overlap=False), grid=grid, sources=sources, model=MODEL
    )
    assert len(found.segments) == 4 and conformance_errors(tmp_path / "made.dcm") == []


def test_names_from_anywhere(series, tmp_path) -> None:
    grid, sources = series["axial"]
    names = ["患者の肝臓", "a\\b", "x" * 200, "../../up", "two\nlines"]
    masks = {name: np.zeros(grid.shape, bool) for name in names}
    masks["a\\b"][0] = True
    found = write_segmentation(tmp_path / "made.dcm", masks, grid=grid, sources=sources, model=MODEL)
    assert [one.label for one in found.segments] == ["患者の肝臓", "a b", "x" * 64, "../../up", "two lines"]
    assert [file.name for file in tmp_path.iterdir()] == ["made.dcm"]


def test_uneven_as_far_as_a_series_may_be(tmp_path) -> None:
    grid = axial()
    sources = headers(write_series(tmp_path / "source", grid))
    sources[2].ImagePositionPatient = [
        *sources[2].ImagePositionPatient[:2],
        float(sources[2].ImagePositionPatient[2]) + 0.02,
    ]
    masks = drawn(grid, overlap=False)
    found = write_segmentation(tmp_path / "made.dcm", masks, grid=grid, sources=sources, model=MODEL)
    assert np.array_equal(segment_mask(found, 1, grid), masks["left kidney"])
    heights = sorted({round(float(frame.place.origin[2]), 6) for frame in found.frames})
    assert [round(b - a, 6) for a, b in pairwise(heights)] == [2.5, 2.52, 2.48]  # the source's own numbers


def test_without_highdicom_the_install_line_is_given(series, tmp_path, monkeypatch) -> None:
    grid, sources = series["axial"]
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match="highdicom") as caught:
        write_segmentation(
            tmp_path / "x.dcm", {"liver": np.ones(grid.shape, bool)}, grid=grid, sources=sources, model=MODEL
        )
    assert caught.value.hint == 'pip install "scanwright[dicom]"'


def test_a_place_that_cannot_be_written(series, tmp_path) -> None:
    grid, sources = series["axial"]
    (tmp_path / "file").write_text("")
    with pytest.raises(ResourceError):
        write_segmentation(
            tmp_path / "file" / "made.dcm", drawn(grid, overlap=False), grid=grid, sources=sources, model=MODEL
        )


@pytest.mark.data
def test_beside_a_real_series(data_folder, tmp_path) -> None:
    folder = data_folder / "dicom/seg_sr_dcmqi/segmentations"
    given = read_segmentation(folder / "23x38x3/seg/label.seg")
    grid = own_grid(given)
    sources = headers(sorted((folder / "23x38x3/image").glob("*.dcm")))
    sources.sort(key=lambda one: grid.indices(np.array(one.ImagePositionPatient, float) * (-1, -1, 1))[2])
    mask = segment_mask(given, 1, grid)
    found = write_segmentation(tmp_path / "made.dcm", {"liver": mask}, grid=grid, sources=sources, model=MODEL)
    assert np.array_equal(segment_mask(found, 1, grid), mask)

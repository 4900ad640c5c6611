"""Boxes in measurement reports: corners worked out by hand on an image and in space, read back by us and by highdicom."""

import warnings

import highdicom
import numpy as np
import pydicom
import pytest

from dicom_peers import conformance_errors, needs_dciodvfy
from made_series import axial, oblique, write_enhanced, write_picture, write_series
from scanwright.errors import InputError, UsageError
from scanwright.geometry.grid import Grid
from scanwright.io.dicom.derived.codes import private_code
from scanwright.io.dicom.derived.provenance import Model
from scanwright.io.dicom.derived.sr import PROBABILITY, UNITS, VOLUME
from scanwright.io.dicom.derived.sr_boxes import BoxMeasures, faces, rectangle
from scanwright.io.dicom.derived.sr_concepts import (
    CONFIDENCE,
    CUT,
    DEPTH,
    FOUND,
    HEIGHT,
    NO,
    OUTSIDE,
    REACHES,
    WIDTH,
    YES,
)
from scanwright.io.dicom.derived.sr_groups import Answer, RegionSize
from scanwright.io.dicom.derived.sr_write import write_measurements
from scanwright.io.dicom.intake import open_instance
from scanwright.io.dicom.series import files_in, find_series

MODEL = Model("nodule net", "1.2.0", "ab" * 32)
BOXES = (
    BoxMeasures(name="left lung nodule", score=0.875, start=(1.0, 2.5, 1.0), end=(4.0, 5.0, 3.0)),
    BoxMeasures(name="shadow", score=0.5, start=(0.0, 0.0, 0.25), end=(1.5, 2.0, 4.0)),
)


def stack_of(path):
    (series,) = find_series(files_in(path) if path.is_dir() else [path]).series
    return series.volumes[0]


def written(folder, path, boxes=BOXES, **more):
    stack = stack_of(path)
    sources = [open_instance(one).dataset for one in dict.fromkeys(one.path for one in stack.slices)]
    found = write_measurements(folder / "sr.dcm", boxes=boxes, stack=stack, sources=sources, model=MODEL, **more)
    return found, sources


@pytest.fixture(scope="module")
def on_picture(tmp_path_factory):
    folder = tmp_path_factory.mktemp("picture")
    return folder / "sr.dcm", *written(folder, write_picture(folder / "picture.dcm", 20, 10))


@pytest.fixture(scope="module")
def in_volume(tmp_path_factory):
    folder = tmp_path_factory.mktemp("volume")
    write_series(folder / "ct", axial())
    return folder / "sr.dcm", *written(folder, folder / "ct", answers=[Answer("shadow", 1, unit="1")])


def test_rectangle__columns_and_rows_are_voxels_from_the_outer_corner():
    """A box round the pixel in the second column and third row: its outer edges are 1 to 2 and 2 to 3."""
    box = BoxMeasures(name="a", score=1.0, start=(1.0, 2.0, 0.0), end=(2.0, 3.0, 1.0))
    assert rectangle(box).tolist() == [[1, 2], [2, 2], [2, 3], [1, 3], [1, 2]]


def test_faces__a_box_round_one_voxel_worked_by_hand():
    """Voxels of 2 x 3 x 4 mm, the first one's centre at (10, 20, 30) in RAS, columns to the left and rows to the back, as a
    scanner has them: in LPS i and j run along x and y. The voxel (1, 2, 0) has its centre at (-10 + 2, -20 + 6, 30) there.
    """
    affine = np.array([[-2.0, 0, 0, 10], [0, -3.0, 0, 20], [0, 0, 4.0, 30], [0, 0, 0, 1]])
    box = BoxMeasures(name="a", score=1.0, start=(1.0, 2.0, 0.0), end=(2.0, 3.0, 1.0))
    found = faces(box, Grid((5, 5, 5), affine, "mm"))
    assert found.shape == (6, 5, 3)
    assert found.min(axis=(0, 1)).tolist() == [-9, -15.5, 28] and found.max(axis=(0, 1)).tolist() == [-7, -12.5, 32]
    assert found[0].tolist() == [[-9, -15.5, 28], [-7, -15.5, 28], [-7, -12.5, 28], [-9, -12.5, 28], [-9, -15.5, 28]]
    assert all(len({tuple(corner) for corner in face.tolist()}) == 4 for face in found)


def test_faces__bound_the_box_on_an_oblique_grid():
    """Corners that are indices again are the box's own; each corner belongs to three faces."""
    grid = oblique()
    back = grid.indices(faces(BOXES[1], grid).reshape(-1, 3) * (-1, -1, 1)) + 0.5
    assert back.min(axis=0).tolist() == pytest.approx([0, 0, 0.25])
    assert back.max(axis=0).tolist() == pytest.approx([1.5, 2, 4])
    corners, count = np.unique(back.reshape(6, 5, 3)[:, :4].reshape(-1, 3).round(6), axis=0, return_counts=True)
    assert len(corners) == 8 and set(count.tolist()) == {3}


def test_on_a_picture__rectangle_score_and_edges(on_picture):
    _, found, (source,) = on_picture
    nodule, shadow = found.groups
    (shape,) = nodule.shapes
    assert shape.graphic == "POLYLINE" and shape.points == ((1, 2.5), (4, 2.5), (4, 5), (1, 5), (1, 2.5))
    assert (shape.instance, shape.frame, shape.space) == (source.SOPInstanceUID, None, "")
    assert (nodule.tracking_id, shadow.tracking_id) == ("left lung nodule 1", "shadow 2")
    assert (nodule.finding.meaning, nodule.site.meaning) == ("Nodule", "Lung")
    assert [one.meaning for one in nodule.site_modifiers] == ["Left"]
    assert shadow.finding == private_code("shadow") and shadow.site is None
    assert (nodule.value(CONFIDENCE), shadow.value(CONFIDENCE)) == (0.875, 0.5)
    assert nodule.value(PROBABILITY) is None  # a score is not the chance that the box is right
    assert nodule.value(WIDTH, unit=UNITS["px"]) == 3.0 and nodule.value(HEIGHT, unit=UNITS["px"]) == 2.5
    assert nodule.value(DEPTH) is None and nodule.answers == ()


def test_in_a_volume__six_faces_and_edges_in_mm(in_volume):
    """Voxels of 0.9 x 0.7 x 2.5 mm; the first one's centre at (-12.5, 30.25, -7.125) in RAS."""
    _, found, sources = in_volume
    nodule, shadow, count = found.groups
    assert len(nodule.shapes) == 6 and {one.graphic for one in nodule.shapes} == {"POLYGON"}
    assert {one.space for one in nodule.shapes} == {sources[0].FrameOfReferenceUID}
    points = np.array([one.points for one in nodule.shapes])
    low, high = points.min(axis=(0, 1)), points.max(axis=(0, 1))
    assert low == pytest.approx([12.5 + 0.5 * 0.9, -30.25 + 2 * 0.7, -7.125 + 0.5 * 2.5], abs=1e-5)
    assert high == pytest.approx([12.5 + 3.5 * 0.9, -30.25 + 4.5 * 0.7, -7.125 + 2.5 * 2.5], abs=1e-5)
    edges = [nodule.value(name, unit=UNITS["mm"]) for name in (WIDTH, HEIGHT, DEPTH)]
    assert edges == pytest.approx([2.7, 1.75, 5.0])
    assert shadow.value(DEPTH) == pytest.approx(3.75 * 2.5)
    assert nodule.source_series == sources[0].SeriesInstanceUID
    assert count.values[0].value == 1 and count.shapes == ()


def test_in_a_volume__depth_is_across_the_acquired_slices(tmp_path):
    """Images reformatted across coarse slices: their rows are those slices, as the page tells."""
    write_series(tmp_path / "mr", Grid((6, 5, 4), np.diag([-0.8, -6.5, 0.8, 1.0])))
    found, _ = written(tmp_path, tmp_path / "mr")
    edges = [found.groups[0].value(name, unit=UNITS["mm"]) for name in (WIDTH, HEIGHT, DEPTH)]
    assert edges == pytest.approx([3 * 0.8, 2 * 0.8, 2.5 * 6.5])


def test_region__is_the_site_of_a_box_and_has_a_size_by_the_model_that_found_it(tmp_path):
    write_series(tmp_path / "ct", axial())
    edges = {"score": 0.5, "start": (1.0, 1.0, 1.0), "end": (3.0, 3.0, 3.0)}
    boxes = [
        BoxMeasures(name="nodule", region="left upper lobe of lung", crosses=("heart", "zone 7"), **edges),
        BoxMeasures(name="nodule", region="", **edges),
        BoxMeasures(name="nodule", **edges),
    ]
    sizes = [RegionSize(name="heart", size=1500.0, cut=True), RegionSize(name="zone 7", size=None)]
    anatomist = Model("lobes", "1.3.0", "cd" * 32)
    found, _ = written(tmp_path, tmp_path / "ct", boxes, sizes=sizes, sizes_by=anatomist)
    within, outside, unknown, heart, zone = found.groups
    assert within.site is not None and len(within.answered(REACHES)) == 2
    assert [answer.meaning for _, answer in within.answers] == ["Heart", "zone 7"]
    assert outside.answered(OUTSIDE) == (YES,) and outside.site is None and unknown.answers == ()
    assert (heart.finding.meaning, heart.value(VOLUME), heart.value(VOLUME, unit=UNITS["ml"])) == ("Heart", 1500.0, 1.5)
    assert heart.answered(CUT) == (YES,) and (zone.values, zone.answered(FOUND)) == ((), (NO,))
    with pytest.raises(UsageError, match="sizes of regions need the model"):
        written(tmp_path, tmp_path / "ct", boxes, sizes=sizes)


def test_a_frame_of_several_is_named(tmp_path):
    """One frame of a loop is a picture of its own: its number stands beside the rectangle."""
    path = write_enhanced(tmp_path / "one.dcm", axial(), modality="CT")
    (series,) = find_series([path]).series
    whole = series.volumes[0]
    third = type(whole)(name="", slices=(whole.slices[2],), grid=axial((7, 5, 1)))
    sources = [open_instance(path).dataset]
    found = write_measurements(tmp_path / "sr.dcm", boxes=BOXES[:1], stack=third, sources=sources, model=MODEL)
    (shape,) = found.groups[0].shapes
    assert (shape.frame, shape.instance) == (3, sources[0].SOPInstanceUID)


def test_highdicom_reads_the_same(on_picture, in_volume):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        flat = highdicom.sr.srread(on_picture[0])
        (nodule, _) = flat.content.get_planar_roi_measurement_groups()
        space = highdicom.sr.srread(in_volume[0])
        (solid, _) = space.content.get_volumetric_roi_measurement_groups()
    assert isinstance(flat, highdicom.sr.ComprehensiveSR) and isinstance(space, highdicom.sr.Comprehensive3DSR)
    assert nodule.roi.value.tolist() == [[1, 2.5], [4, 2.5], [4, 5], [1, 5], [1, 2.5]]
    assert nodule[0].ContentTemplateSequence[0].TemplateIdentifier == "1410"
    assert [one.value for one in nodule.get_measurements()] == [0.875, 3.0, 2.5]
    assert solid.reference_type.value == "121231" and len(solid.roi.graphic_data) == 6
    assert solid.finding_sites[0].laterality.meaning == "Left"


@needs_dciodvfy
def test_dciodvfy_finds_no_error(on_picture, in_volume):
    assert conformance_errors(on_picture[0]) == [] and conformance_errors(in_volume[0]) == []


def test_planted_faults(tmp_path):
    paths = write_series(tmp_path / "ct", axial())
    with pytest.raises(UsageError, match="boxes need the image"):
        write_measurements(
            tmp_path / "sr.dcm", boxes=BOXES, sources=[open_instance(one).dataset for one in paths], model=MODEL
        )
    with pytest.raises(InputError, match="not finite"):
        written(tmp_path, tmp_path / "ct", [BoxMeasures(name="a", score=0.5, start=(0, 0, 0), end=(1, 1, np.inf))])
    for path in paths:
        header = pydicom.dcmread(path)
        del header.FrameOfReferenceUID
        header.save_as(path)
    with pytest.raises(InputError, match="no DICOM box can refer"):
        written(tmp_path, tmp_path / "ct")
    assert not (tmp_path / "sr.dcm").exists()

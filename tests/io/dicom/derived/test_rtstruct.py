"""RT structure sets: contours read as they stand, placed on grids of any direction, written and read back.

Laws: what is written and read back is the same mask, voxel for voxel. Oracles: reference masks of the IBSI, filled from the
same contours by another program; dciodvfy where it is installed (Debian: dicom3tools).
"""

import shutil
import subprocess
from datetime import datetime

import matplotlib.path
import nibabel as nib
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from scanwright.errors import GeometryError, InputError, ScanwrightError
from scanwright.geometry.affine import flip_lps_ras, spacing_of
from scanwright.geometry.grid import Grid
from scanwright.io.dicom.derived.provenance import Model
from scanwright.io.dicom.derived.rtstruct import RT_STRUCTURE_SET, read_structures
from scanwright.io.dicom.derived.rtstruct_masks import place_structure, structure_mask
from scanwright.io.dicom.derived.rtstruct_writing import as_decimals, write_structures
from scanwright.io.dicom.intake import open_instance

MODEL = Model("Sarcoma net", "1.2.0", "ab" * 32)
NOON = datetime(2026, 3, 4, 12, 0, 0)
FRAME = "2.25.1"
CT, ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.2.1"
SARCOMA = "dicom/sts_003_ct_mr_pet_rtstruct"


def turned(*angles):
    matrix = np.eye(3)
    for axis, angle in enumerate(angles):
        a, b = [other for other in range(3) if other != axis]
        turn = np.eye(3)
        turn[a, a] = turn[b, b] = np.cos(angle)
        turn[a, b], turn[b, a] = -np.sin(angle), np.sin(angle)
        matrix = matrix @ turn
    return matrix


def grid_of(directions, spacing, origin, shape=(14, 11, 6)):
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = directions * np.array(spacing), origin
    return Grid(shape, affine)


AXIAL = grid_of(np.diag((-1.0, -1.0, 1.0)), (0.9, 0.7, 2.5), (12.25, 30.5, -1007.3))
GRIDS = {
    "axial": AXIAL,
    "downwards": grid_of(np.diag((-1.0, -1.0, -1.0)), (0.9, 0.7, 2.5), (12.25, 30.5, 900.0)),
    "sagittal": grid_of(np.array([[0, 0, -1.0], [-1, 0, 0], [0, -1, 0]]), (0.5, 0.8, 1.2), (40.1, 80.5, 60.0)),
    "coronal": grid_of(np.array([[-1.0, 0, 0], [0, 0, -1], [0, -1, 0]]), (1.1, 1.1, 3.0), (40.1, 80.5, 60.0)),
    "oblique": grid_of(turned(0.35, -0.2, 0.6) @ np.diag((-1.0, -1.0, 1.0)), (0.75, 0.6, 1.9), (3.1, -20.5, 11.0)),
}


def decimals(values):
    return [f"{value:.10g}" for value in np.asarray(values, float).ravel() + 0.0]


def source(grid, k, **changes):
    """The header of a CT slice, as a scanner writes it."""
    lps, (across, along, step) = flip_lps_ras(grid.affine), spacing_of(grid.affine)
    made = Dataset()
    made.SpecificCharacterSet, made.Modality, made.SOPClassUID = "ISO_IR 100", "CT", UID(CT)
    made.SOPInstanceUID, made.StudyInstanceUID, made.SeriesInstanceUID = (
        UID(f"2.25.10{k}"),
        UID("2.25.8"),
        UID("2.25.9"),
    )
    made.FrameOfReferenceUID = UID(FRAME)
    made.PatientName, made.PatientID, made.StudyID, made.StudyDate = "Phantom^Müller", "P1", "S1", "20240305"
    made.Columns, made.Rows = grid.shape[:2]
    made.PixelSpacing, made.SliceThickness = decimals((along, across)), f"{step:.6g}"
    made.ImagePositionPatient = decimals((lps @ (0, 0, k, 1))[:3])
    made.ImageOrientationPatient = decimals((*(lps[:3, 0] / across), *(lps[:3, 1] / along)))
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def sources(grid, **changes):
    return [source(grid, k, **changes) for k in range(grid.shape[2])]


def box(k, low=(2, 2), high=(6, 5), grid=AXIAL):
    """A rectangle of whole voxels on slice k (which may lie between two), as points in RAS+ mm."""
    (i0, j0), (i1, j1) = np.array(low) - 0.5, np.array(high) + 0.5
    return grid.points(np.array([(i0, j0, k), (i1, j0, k), (i1, j1, k), (i0, j1, k)]))


def save(path, contours, *, kinds=(), syntax=ExplicitVRLittleEndian, change=None):
    """A structure set of one structure, as an older planning system writes it: points (n, 3) in RAS+ mm."""
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = syntax
    made.SOPClassUID, made.SOPInstanceUID, made.StudyInstanceUID = UID(RT_STRUCTURE_SET), UID("2.25.5"), UID("2.25.8")
    made.Modality, made.StructureSetLabel = "RTSTRUCT", "PLAN"
    roi, shape, seen = Dataset(), Dataset(), Dataset()
    roi.ROINumber, roi.ROIName, roi.ReferencedFrameOfReferenceUID = 7, "Tumour", UID(FRAME)
    shape.ReferencedROINumber, shape.ROIDisplayColor = 7, [255, 128, 0]
    seen.ObservationNumber, seen.ReferencedROINumber, seen.RTROIInterpretedType = 1, 7, "GTV"
    shape.ContourSequence = []
    for number, points in enumerate(contours):
        contour = Dataset()
        contour.ContourGeometricType = kinds[number] if kinds else "CLOSED_PLANAR"
        contour.NumberOfContourPoints = len(points)
        contour.ContourData = decimals(points * (-1, -1, 1))
        shape.ContourSequence.append(contour)
    made.StructureSetROISequence, made.ROIContourSequence, made.RTROIObservationsSequence = [roi], [shape], [seen]
    if change:
        change(made)
    made.save_as(path, enforce_file_format=True)
    return path


def placed(path, contours, *, grid=AXIAL, kinds=(), **options):
    return place_structure(read_structures(save(path / "rs.dcm", contours, kinds=kinds)), "Tumour", grid, **options)


def expected_box(ks, low=(2, 2), high=(6, 5), grid=AXIAL):
    mask = np.zeros(grid.shape, bool)
    for k in ks:
        mask[low[0] : high[0] + 1, low[1] : high[1] + 1, k] = True
    return mask


def masks_for(grid):
    """Noise, thin noise (single voxels), a shell with a hole in every slice, one voxel in a corner, nothing."""
    rng = np.random.default_rng(4)
    shell, corner = np.zeros(grid.shape, bool), np.zeros(grid.shape, bool)
    shell[1:12, 1:10] = True
    shell[4:9, 3:7] = False
    shell[6, 5] = True
    corner[-1, -1, -1] = True
    return {
        "noise": rng.random(grid.shape) < 0.6,
        "Läsion 患": rng.random(grid.shape) < 0.08,
        "shell": shell,
        "corner": corner,
        "nothing": np.zeros(grid.shape, bool),
    }


# Reading


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_what_a_file_says(tmp_path, syntax):
    found = read_structures(
        save(tmp_path / "rs.dcm", [box(1), box(2)[:1]], kinds=["CLOSED_PLANAR", "POINT"], syntax=syntax)
    )
    assert (found.label, found.study, found.series, found.notes) == ("PLAN", "2.25.8", {}, ())
    one = found.find("Tumour")
    assert found.find(7) is one
    assert (one.number, one.interpreted, one.colour, one.frame) == (7, "GTV", (255, 128, 0), FRAME)
    assert [(contour.kind, len(contour.points_xyz)) for contour in one.contours] == [("CLOSED_PLANAR", 4), ("POINT", 1)]
    np.testing.assert_allclose(one.contours[0].points_xyz, box(1), atol=1e-6)


def test_a_structure_of_another_name(tmp_path):
    found = read_structures(save(tmp_path / "rs.dcm", [box(1)]))
    with pytest.raises(InputError, match="no such structure") as caught:
        found.find("Lung")
    assert caught.value.details == ("7 Tumour",)
    with pytest.raises(InputError, match="no such structure"):
        found.find(1)


def test_two_structures_of_one_name_are_told_apart_by_number(tmp_path):
    def double(made):
        other = Dataset()
        other.ROINumber, other.ROIName = 8, "Tumour"
        made.StructureSetROISequence.append(other)

    found = read_structures(save(tmp_path / "rs.dcm", [box(1)], change=double))
    with pytest.raises(InputError, match="several structures of this name"):
        found.find("Tumour")
    assert found.find(8).contours == ()
    assert place_structure(found, 8, AXIAL).notes == ("the structure has no contours: its mask is empty",)


def damage(name, value, *, sequence="ContourSequence"):
    def change(made):
        shape = made.ROIContourSequence[0]
        setattr(shape.ContourSequence[0] if sequence == "ContourSequence" else getattr(made, sequence)[0], name, value)

    return change


def same_number(made):
    made.StructureSetROISequence = [made.StructureSetROISequence[0]] * 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (damage("ContourData", ["1", "2"]), "contour data are no points"),
        (damage("NumberOfContourPoints", 5), "a contour has lost points"),
        (damage("SOPClassUID", UID(CT), sequence="StructureSetROISequence"), None),
        (damage("ROINumber", None, sequence="StructureSetROISequence"), "a structure without a number"),
        (same_number, "an ROI number is used twice"),
        (lambda made: setattr(made, "SOPClassUID", UID(CT)), "not a structure set"),
    ],
)
def test_damaged_files_are_refused_with_the_reason(tmp_path, change, message):
    path = save(tmp_path / "rs.dcm", [box(1)], change=change)
    if message is None:
        assert len(read_structures(path).structures) == 1
        return
    with pytest.raises(InputError, match=message):
        read_structures(path)


@pytest.mark.parametrize("text", [b"nan", b"inf", b"1,5", b"x", b"", b"1e308"])
def test_contour_data_that_are_no_numbers(tmp_path, text):
    path = save(tmp_path / "rs.dcm", [np.array([(-12345.0, 0.5, 1.5)])])
    path.write_bytes(path.read_bytes().replace(b"12345", text.ljust(5)))
    with pytest.raises(InputError, match="contour data are no"):
        read_structures(path)


def test_a_contour_that_is_too_long_for_explicit_vr(tmp_path):
    """Over 64 KiB pydicom writes it as UN; it is read all the same."""
    angles = np.linspace(0, 2 * np.pi, 5000, endpoint=False)
    ring = AXIAL.points(np.stack([7 + 4 * np.cos(angles), 5 + 4 * np.sin(angles), np.full(5000, 2.0)], axis=1))
    with pytest.warns(UserWarning, match="exceeds the size of 64 kByte"):
        path = save(tmp_path / "rs.dcm", [ring])
    np.testing.assert_allclose(read_structures(path).find(7).contours[0].points_xyz, ring, atol=1e-6)


def test_contours_of_no_structure_are_noted(tmp_path):
    def rename(made):
        made.StructureSetROISequence[0].ROINumber = 1

    found = read_structures(save(tmp_path / "rs.dcm", [box(1)], change=rename))
    assert found.notes == ("1 sets of contours belong to no structure: left out",)


# Placing


@pytest.mark.parametrize("name", GRIDS)
def test_contours_on_their_slices(tmp_path, name):
    grid = GRIDS[name]
    found = placed(tmp_path, [box(k, grid=grid) for k in (1, 2, 3)], grid=grid, frame=FRAME)
    assert (found.mask_IJK == expected_box((1, 2, 3), grid=grid)).all()
    assert found.notes == ()
    assert found.mask_IJK.flags.c_contiguous and found.mask_IJK.dtype == np.bool_


def test_a_tilted_gantry_is_a_sheared_grid(tmp_path):
    affine = AXIAL.affine.copy()
    affine[1, 2] = 0.8
    sheared = Grid(AXIAL.shape, affine)
    contours = [box(k, grid=sheared) for k in (1, 2)]
    assert (placed(tmp_path, contours, grid=sheared).mask_IJK == expected_box((1, 2))).all()


@pytest.mark.parametrize("kind", ["CLOSED_PLANAR", "CLOSEDPLANAR_XOR"])
def test_an_inner_contour_is_a_hole_and_one_in_it_an_island(tmp_path, kind):
    contours = [box(2, (1, 1), (9, 9)), box(2, (3, 3), (7, 7)), box(2, (5, 5), (5, 5))]
    found = placed(tmp_path, contours, kinds=[kind] * 3)
    expected = expected_box([2], (1, 1), (9, 9)) ^ expected_box([2], (3, 3), (7, 7)) ^ expected_box([2], (5, 5), (5, 5))
    assert (found.mask_IJK == expected).all()
    assert found.notes == ()


def test_a_contour_that_is_there_twice_counts_once_but_not_where_the_file_says_exclusive_or(tmp_path):
    again = np.roll(box(2), 1, axis=0)
    found = placed(tmp_path, [box(2), again])
    assert (found.mask_IJK == expected_box([2])).all()
    assert found.notes == ("1 contours that are there twice: counted once",)
    found = placed(tmp_path, [box(2), again], kinds=["CLOSEDPLANAR_XOR"] * 2)
    assert not found.mask_IJK.any()
    assert found.notes == ("the contours enclose no voxel's centre: the mask is empty",)


def test_contours_that_cross_are_noted(tmp_path):
    found = placed(tmp_path, [box(2), box(2, (4, 4), (9, 9))])
    assert (found.mask_IJK == expected_box([2]) ^ expected_box([2], (4, 4), (9, 9))).all()
    assert found.notes == ("1 slices with contours that cross: what lies in two of them is left out",)


def test_contours_between_slices_go_to_the_nearest_and_half_way_to_the_lower(tmp_path):
    found = placed(tmp_path, [box(0.6), box(2.4)])
    assert (found.mask_IJK == expected_box((1, 2))).all()
    assert found.notes == ("2 contours between slices: put on the nearest",)
    jitter = (1e-5, -1e-5, 0)
    found = placed(tmp_path, [box(k + 0.5 + shift) for k, shift in zip((0, 1, 2), jitter, strict=True)])
    assert (found.mask_IJK == expected_box((0, 1, 2))).all()


def test_of_contours_closer_than_slices_the_nearest_plane_counts(tmp_path):
    """Planes at 0.65, 1, 1.35: the middle one is the slice's, with both its contours; no exclusive-or across planes."""
    contours = [box(0.65), box(1.0), box(1.0, (8, 2), (9, 3)), box(1.35)]
    found = placed(tmp_path, contours)
    assert (found.mask_IJK == expected_box([1]) | expected_box([1], (8, 2), (9, 3))).all()
    assert found.notes == ("2 contours between slices that have one nearer: left out",)


def test_slices_without_contours_are_noted_and_stripes_refused(tmp_path):
    found = placed(tmp_path, [box(0), box(1), box(4)])
    assert (found.mask_IJK == expected_box((0, 1, 4))).all()
    assert found.notes == ("2 slices without contours between others: left empty",)
    with pytest.raises(GeometryError, match="further apart than the slices"):
        placed(tmp_path, [box(0), box(2), box(4)])
    found = placed(tmp_path, [box(0), box(2), box(4)], sparse="keep")
    assert (found.mask_IJK == expected_box((0, 2, 4))).all()
    assert found.notes == ("2 slices without contours between others: left empty",)


def test_what_lies_beyond_the_grid_is_clipped_and_noted(tmp_path):
    found = placed(tmp_path, [box(4), box(5), box(6), box(5, (-3, 8), (3, 12)), box(4, (20, 2), (22, 4))])
    assert (found.mask_IJK == expected_box((4, 5)) | expected_box([5], (0, 8), (3, 10))).all()
    assert found.notes == (
        "1 contours beyond the first or last slice: left out",
        "1 contours beside their slice: left out",
        "1 contours reach beyond their slice: clipped",
    )


@pytest.mark.parametrize("contour", [box(9), box(-4), box(2, (30, 2), (33, 4)), box(2, (2, -9), (4, -5))])
def test_a_structure_wholly_beyond_the_grid_is_refused(tmp_path, contour):
    with pytest.raises(GeometryError, match="outside the image"):
        placed(tmp_path, [contour])


def test_contours_across_the_slices_are_refused_and_a_slight_tilt_is_not(tmp_path):
    """A rectangle over four rows, tilted by 0.2 and by 0.3 slices from end to end."""
    with pytest.raises(GeometryError, match="does not lie along the slices"):
        placed(tmp_path, [box(2, grid=GRIDS["sagittal"])])
    for tilt, fine in ((0.2, True), (0.3, False)):
        points = box(2) + np.outer((0, 0, tilt, tilt), AXIAL.affine[:3, 2])
        if fine:
            assert (placed(tmp_path, [points]).mask_IJK == expected_box([2])).all()
        else:
            with pytest.raises(GeometryError, match="does not lie along the slices"):
                placed(tmp_path, [points])


def test_points_and_open_contours_are_kept_apart(tmp_path):
    kinds = ["CLOSED_PLANAR", "POINT", "OPEN_PLANAR", "CLOSED_PLANAR"]
    found = placed(tmp_path, [box(2), box(3)[:1], box(4), box(3)[:2]], kinds=kinds)
    assert (found.mask_IJK == expected_box([2])).all()
    assert found.notes == (
        "1 contours of type POINT: they enclose nothing and are left out",
        "1 contours of type OPEN_PLANAR: they enclose nothing and are left out",
        "1 contours of fewer than three points: left out",
    )
    with pytest.raises(InputError, match="encloses nothing") as caught:
        placed(tmp_path, [box(3)[:1]], kinds=["POINT"])
    assert caught.value.found == "1 POINT"


def test_another_space_is_refused(tmp_path):
    with pytest.raises(GeometryError, match="another frame of reference"):
        placed(tmp_path, [box(2)], frame="2.25.77")
    with pytest.raises(GeometryError, match="in millimetres"):
        placed(tmp_path, [box(2)], grid=Grid(AXIAL.shape, AXIAL.affine, "px"))


# Writing


@pytest.mark.parametrize("name", GRIDS)
def test_what_is_written_is_read_back(tmp_path, name):
    grid = GRIDS[name]
    masks = masks_for(grid)
    again = write_structures(
        tmp_path / "rs.dcm",
        masks,
        grid=grid,
        sources=sources(grid),
        model=MODEL,
        colours={"noise": (1, 2, 3)},
        interpreted={"shell": "ORGAN"},
        made=NOON,
    )
    assert [one.name for one in again.structures] == list(masks)
    assert (again.find("noise").colour, again.find("shell").interpreted) == ((1, 2, 3), "ORGAN")
    assert (again.study, again.frame) == ("2.25.8", FRAME)
    assert again.series == {"2.25.9": tuple(f"2.25.10{k}" for k in range(6))}
    for region, mask in masks.items():
        found = place_structure(again, region, grid, frame=FRAME, sparse="keep")
        assert (found.mask_IJK == mask).all(), region
        assert (structure_mask(again, again.find(region).number, grid) == mask).all()
        for contour in again.find(region).contours:
            indices = grid.indices(contour.points_xyz)
            assert contour.instance == f"2.25.10{round(float(indices[:, 2].mean()))}"
            assert abs(indices[0] - indices[-1])[0] > 0.9  # told apart by readers that look at x and y alone


def test_contours_as_another_library_fills_them(tmp_path):
    """Each contour for itself, united: no reader needs to know of holes."""
    masks = masks_for(AXIAL)
    again = write_structures(tmp_path / "rs.dcm", masks, grid=AXIAL, sources=sources(AXIAL), model=MODEL)
    points = np.stack(np.meshgrid(*map(np.arange, AXIAL.shape[:2]), indexing="ij"), axis=-1).reshape(-1, 2)
    for region in ("noise", "shell"):
        theirs = np.zeros(AXIAL.shape, bool)
        for contour in again.find(region).contours:
            indices = AXIAL.indices(contour.points_xyz)
            polygon = matplotlib.path.Path(np.vstack([indices[:, :2], indices[:1, :2]]))
            k = round(float(indices[0, 2]))
            theirs[:, :, k] |= polygon.contains_points(points).reshape(AXIAL.shape[:2])
        assert (theirs == masks[region]).all()


def test_the_file_itself(tmp_path):
    """Patient and study of the source; UTF-8; numbers within 16 characters; the same masks give the same file."""
    for name in ("a", "b"):
        arguments = {"grid": GRIDS["oblique"], "sources": sources(GRIDS["oblique"]), "model": MODEL, "made": NOON}
        write_structures(tmp_path / f"{name}.dcm", masks_for(GRIDS["oblique"]), **arguments)
    assert (tmp_path / "a.dcm").read_bytes() == (tmp_path / "b.dcm").read_bytes()
    assert [path.name for path in tmp_path.iterdir() if path.name[0] == "."] == []
    made = pydicom.dcmread(tmp_path / "a.dcm")
    assert made.file_meta.TransferSyntaxUID == ImplicitVRLittleEndian
    assert (str(made.PatientName), made.PatientID, made.StudyID) == ("Phantom^Müller", "P1", "S1")
    assert (made.Modality, made.StructureSetDate, made.Manufacturer) == ("RTSTRUCT", "20260304", "Scanwright")
    (algorithm,) = made.StructureSetROISequence[0].ROIDerivationAlgorithmIdentificationSequence
    assert (algorithm.AlgorithmName, algorithm.AlgorithmVersion) == ("Sarcoma net", "1.2.0")
    for shape in made.ROIContourSequence[:4]:
        for contour in shape.ContourSequence:
            raw = contour.get_item("ContourData").value
            assert contour.NumberOfContourPoints * 3 == len(raw.split(b"\\"))
            assert max(map(len, raw.strip().split(b"\\"))) <= 16
    assert "ContourSequence" not in made.ROIContourSequence[4]


def test_frames_of_a_multi_frame_image_are_named(tmp_path):
    """Frame f of the file is slice 5 - f of the grid."""
    head = source(AXIAL, 0, SOPClassUID=UID(ENHANCED_CT), NumberOfFrames=6)
    slices = [source(AXIAL, 5 - frame) for frame in range(6)]
    shared, orientation, measures = Dataset(), Dataset(), Dataset()
    orientation.ImageOrientationPatient, measures.PixelSpacing = head.ImageOrientationPatient, head.PixelSpacing
    shared.PlaneOrientationSequence, shared.PixelMeasuresSequence = [orientation], [measures]
    frames = []
    for one in slices:
        frame, position = Dataset(), Dataset()
        position.ImagePositionPatient = one.ImagePositionPatient
        frame.PlanePositionSequence = [position]
        frames.append(frame)
    head.SharedFunctionalGroupsSequence, head.PerFrameFunctionalGroupsSequence = [shared], frames
    for name in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"):
        delattr(head, name)
    mask = expected_box([1])
    again = write_structures(tmp_path / "rs.dcm", {"a": mask}, grid=AXIAL, sources=[head], model=MODEL)
    assert (structure_mask(again, "a", AXIAL) == mask).all()
    (contour,) = pydicom.dcmread(tmp_path / "rs.dcm").ROIContourSequence[0].ContourSequence
    (image,) = contour.ContourImageSequence
    assert (image.ReferencedSOPInstanceUID, image.ReferencedFrameNumber) == ("2.25.100", 5)


MASK = expected_box([1])


@pytest.mark.parametrize(
    ("masks", "given", "error", "message"),
    [
        ({}, sources(AXIAL), InputError, "without structures"),
        ({"a" * 65: MASK}, sources(AXIAL), InputError, "a name that DICOM cannot hold"),
        ({"a\\b": MASK}, sources(AXIAL), InputError, "a name that DICOM cannot hold"),
        ({" ": MASK}, sources(AXIAL), InputError, "a name that DICOM cannot hold"),
        ({"a": MASK[:3]}, sources(AXIAL), GeometryError, "does not fill its grid"),
        ({"a": MASK.astype(np.uint8)}, sources(AXIAL), GeometryError, "does not fill its grid"),
        ({"a": MASK}, [], InputError, "needs the images"),
        ({"a": MASK}, sources(AXIAL)[:-1], GeometryError, "not on the grid"),
        ({"a": MASK}, sources(AXIAL)[::-1], GeometryError, "not on the grid"),
        ({"a": MASK}, sources(GRIDS["oblique"]), GeometryError, "not on the grid"),
        ({"a": MASK}, sources(AXIAL, FrameOfReferenceUID=""), GeometryError, "no patient space"),
    ],
)
def test_what_cannot_be_written(tmp_path, masks, given, error, message):
    with pytest.raises(error, match=message):
        write_structures(tmp_path / "rs.dcm", masks, grid=AXIAL, sources=given, model=MODEL)
    assert list(tmp_path.iterdir()) == []


def test_an_interpreted_type_that_is_none(tmp_path):
    with pytest.raises(InputError, match="interpreted type"):
        write_structures(
            tmp_path / "rs.dcm",
            {"a": MASK},
            grid=AXIAL,
            sources=sources(AXIAL),
            model=MODEL,
            interpreted={"a": "a tumour of the leg"},
        )


def test_decimals_by_hand():
    assert as_decimals(np.array([-0.0000001, 100.0, -99999999.123456])) == ["0", "100", "-99999999.123456"]
    assert max(map(len, as_decimals(np.array([-99999999.999999, 1 / 3])))) == 16
    with pytest.raises(GeometryError, match="too far away"):
        as_decimals(np.array([1e8]))


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dciodvfy is absent (Debian: dicom3tools)")
@pytest.mark.parametrize("name", ["axial", "oblique"])
def test_dciodvfy_finds_no_error(tmp_path, name):
    grid = GRIDS[name]
    write_structures(tmp_path / "rs.dcm", masks_for(grid), grid=grid, sources=sources(grid), model=MODEL)
    for options in ([], ["-new"]):
        said = subprocess.run(["dciodvfy", *options, tmp_path / "rs.dcm"], capture_output=True, text=True, check=False)
        assert "Error" not in said.stderr + said.stdout, said.stderr
        assert "RTStructureSet" in said.stderr + said.stdout


# Real data


def reference(folder, modality):
    image = nib.load(folder / SARCOMA / "reference_nifti" / f"{modality}_mask.nii.gz")
    return np.asarray(image.dataobj) > 0, Grid(image.shape, image.affine)


@pytest.mark.data
@pytest.mark.parametrize(("modality", "voxels"), [("CT", 25693), ("MR_T1", 25693), ("PET", 817)])
def test_sarcoma_against_its_reference_mask(data_folder, modality, voxels):
    """Not one voxel differs: the reference took voxels by their centre, too."""
    mask, grid = reference(data_folder, modality)
    found = read_structures(data_folder / SARCOMA / modality / "mask" / "RS.dcm")
    made = place_structure(found, f"GTV_Mass_{modality}", grid)
    assert mask.sum() == voxels
    assert (made.mask_IJK == mask).all()
    assert made.notes == ()


@pytest.mark.data
@pytest.mark.parametrize("modality", ["CT", "MR_T1", "PET"])
def test_sarcoma_written_and_read_back(data_folder, tmp_path, modality):
    mask, grid = reference(data_folder, modality)
    headers = [open_instance(path).dataset for path in sorted((data_folder / SARCOMA / modality / "image").iterdir())]
    headers.sort(key=lambda header: float(header.ImagePositionPatient[2]))
    again = write_structures(tmp_path / "rs.dcm", {"GTV": mask}, grid=grid, sources=headers, model=MODEL)
    assert (structure_mask(again, "GTV", grid) == mask).all()
    heights = {str(header.SOPInstanceUID): float(header.ImagePositionPatient[2]) for header in headers}
    for contour in again.find(1).contours:
        np.testing.assert_allclose(contour.points_xyz[:, 2], heights[contour.instance], atol=1e-4)
    theirs = read_structures(data_folder / SARCOMA / modality / "mask" / "RS.dcm")
    assert (again.study, again.frame, again.series.keys()) == (theirs.study, theirs.frame, theirs.series.keys())


@pytest.mark.data
def test_no_other_file_of_the_folder_is_a_structure_set(data_folder):
    for path in sorted((data_folder / "dicom" / "pydicom_oddities").rglob("*.dcm")):
        try:
            read_structures(path)
        except ScanwrightError:
            continue
        assert "rtstruct" in path.name.lower()

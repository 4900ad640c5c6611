"""DICOM series made of a grid and voxels, for tests: what a scanner would have written, without a scanner.

`write_series` writes one classic CT or MR instance a slice, `write_enhanced` one multi-frame instance. The k-th slice has
i as column and j as row; positions and directions are turned from RAS+ to DICOM's LPS+.
"""

from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian
from pydicom.valuerep import format_number_as_ds

from scanwright.geometry.affine import flip_lps_ras, spacing_of
from scanwright.geometry.grid import Grid
from scanwright.io.dicom.derived.provenance import derived_uid

CLASSES = {"CT": "1.2.840.10008.5.1.4.1.1.2", "MR": "1.2.840.10008.5.1.4.1.1.4"}
ENHANCED = {"CT": "1.2.840.10008.5.1.4.1.1.2.1", "MR": "1.2.840.10008.5.1.4.1.1.4.1"}


def axial(shape=(7, 5, 4), spacing=(0.9, 0.7, 2.5), origin=(-12.5, 30.25, -7.125)) -> Grid:
    """Columns to the left, rows to the back, slices upwards: an ordinary CT."""
    affine = np.diag((-spacing[0], -spacing[1], spacing[2], 1.0))
    affine[:3, 3] = origin
    return Grid(shape, affine)


def sagittal(shape=(6, 9, 5), spacing=(0.5, 0.8, 1.2), origin=(40.0, 80.5, 60.0)) -> Grid:
    """Columns to the back, rows downwards, slices to the right: an ordinary sagittal MR."""
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1] = (0, -spacing[0], 0), (0, 0, -spacing[1])
    affine[:3, 2], affine[:3, 3] = (spacing[2], 0, 0), origin
    return Grid(shape, affine)


def oblique(shape=(8, 6, 5), spacing=(0.75, 0.6, 1.9), origin=(3.0, -20.5, 11.0)) -> Grid:
    """An axial stack turned about all three axes."""
    a, b, c = 0.35, -0.2, 0.6
    x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    y = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    affine = np.eye(4)
    affine[:3, :3] = x @ y @ z @ np.diag((-spacing[0], -spacing[1], spacing[2]))
    affine[:3, 3] = origin
    return Grid(shape, affine)


GRIDS = {"axial": axial(), "sagittal": sagittal(), "oblique": oblique()}


def write_series(folder: Path, grid: Grid, voxels=None, *, modality="CT", name="series", patient="P1") -> list[Path]:
    """One file a slice, in the order of k; voxels (I, J, K) int16, zeros by default. CT in Hounsfield units, MR as is."""
    voxels = np.zeros(grid.shape, np.int16) if voxels is None else np.asarray(voxels, dtype=np.int16)
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for k in range(grid.shape[2]):
        dataset = slice_header(grid, k, modality=modality, name=name, patient=patient)
        pixels = voxels[:, :, k].T
        if modality == "CT":
            pixels = pixels.astype(np.int32) + 1024
            dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = "-1024", "1", "HU"
        dataset.PixelData = np.ascontiguousarray(pixels.astype("<i2" if modality == "MR" else "<u2")).tobytes()
        dataset["PixelData"].VR = "OW"
        paths.append(folder / f"{grid.shape[2] - k:04d}.dcm")  # names that run against the slices
        dataset.save_as(paths[-1], enforce_file_format=True)
    return paths


def slice_header(grid: Grid, k: int, *, modality="CT", name="series", patient="P1") -> Dataset:
    """The header of the k-th slice, all but its pixels."""
    dataset = _common(modality, name=name, patient=patient, sop_class=CLASSES[modality], instance=k)
    lps, (across, along, step) = flip_lps_ras(grid.affine), spacing_of(grid.affine)
    dataset.InstanceNumber = k + 1
    dataset.ImagePositionPatient = _ds(lps @ (0, 0, k, 1))[:3]
    dataset.ImageOrientationPatient = _ds((*(lps[:3, 0] / across), *(lps[:3, 1] / along)))
    dataset.PixelSpacing, dataset.SliceThickness = _ds((along, across)), _ds((step,))[0]
    _pixels(dataset, grid, signed=modality == "MR")
    if modality == "MR":
        dataset.ScanningSequence, dataset.SequenceVariant, dataset.ScanOptions = "GR", "NONE", ""
        dataset.MRAcquisitionType, dataset.EchoTime, dataset.RepetitionTime, dataset.EchoTrainLength = "3D", 3, 9, 1
    else:
        dataset.KVP, dataset.AcquisitionNumber = 120, 1
    return dataset


def write_enhanced(
    path: Path, grid: Grid, voxels=None, *, modality="CT", order=None, name="enhanced", own=False
) -> Path:
    """One multi-frame file. order: the k of each frame; own: planes stated by every frame instead of once for all."""
    voxels = np.zeros(grid.shape, np.int16) if voxels is None else np.asarray(voxels, dtype=np.int16)
    order = list(range(grid.shape[2])) if order is None else list(order)
    dataset = _common(modality, name=name, patient="P1", sop_class=ENHANCED[modality], instance=0)
    lps, (across, along, step) = flip_lps_ras(grid.affine), spacing_of(grid.affine)
    _pixels(dataset, grid, signed=True)
    dataset.InstanceNumber, dataset.NumberOfFrames = 1, len(order)
    orientation, measures, shared = Dataset(), Dataset(), Dataset()
    orientation.ImageOrientationPatient = _ds((*(lps[:3, 0] / across), *(lps[:3, 1] / along)))
    measures.PixelSpacing, measures.SliceThickness = _ds((along, across)), _ds((step,))[0]
    planes = {"PlaneOrientationSequence": [orientation], "PixelMeasuresSequence": [measures]}
    frames = []
    for index, k in enumerate(order):
        frame, position, content = Dataset(), Dataset(), Dataset()
        position.ImagePositionPatient = _ds(lps @ (0, 0, k, 1))[:3]
        content.DimensionIndexValues = [index + 1]
        frame.PlanePositionSequence, frame.FrameContentSequence = [position], [content]
        frames.append(frame)
    for item in frames if own else [shared]:
        for keyword, value in planes.items():
            setattr(item, keyword, value)
    dataset.SharedFunctionalGroupsSequence, dataset.PerFrameFunctionalGroupsSequence = [shared], frames
    stacked = np.stack([voxels[:, :, k].T for k in order])
    dataset.PixelData = np.ascontiguousarray(stacked.astype("<i2")).tobytes()
    dataset["PixelData"].VR = "OW"
    dataset.save_as(path, enforce_file_format=True)
    return path


def write_picture(path: Path, columns: int, rows: int) -> Path:
    """A radiograph without a place."""
    dataset = _common("CR", name="picture", patient="P1", sop_class="1.2.840.10008.5.1.4.1.1.1", instance=0)
    del dataset.FrameOfReferenceUID
    dataset.InstanceNumber, dataset.BodyPartExamined, dataset.ViewPosition = 1, "CHEST", "PA"
    _pixels(dataset, Grid((columns, rows, 1), np.eye(4)), signed=False)
    dataset.PixelData = bytes(2 * columns * rows)
    dataset["PixelData"].VR = "OW"
    dataset.save_as(path, enforce_file_format=True)
    return path


def _common(modality: str, *, name: str, patient: str, sop_class: str, instance: int) -> Dataset:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID, dataset.SOPInstanceUID = UID(sop_class), derived_uid(name, patient, instance)
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.SpecificCharacterSet, dataset.ImageType = "ISO_IR 100", ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = derived_uid("study", patient), derived_uid(name, patient)
    dataset.FrameOfReferenceUID, dataset.PositionReferenceIndicator = derived_uid("frame", patient), ""
    dataset.PatientName, dataset.PatientID, dataset.PatientSex = "Phantom^Müller", patient, "O"
    dataset.PatientBirthDate, dataset.StudyDate, dataset.StudyTime = "19700102", "20240305", "101112"
    dataset.AccessionNumber, dataset.StudyID, dataset.ReferringPhysicianName = "A1", "S1", ""
    dataset.Modality, dataset.Manufacturer, dataset.SeriesNumber = modality, "Scanwright tests", 3
    dataset.SeriesDescription, dataset.PatientPosition = name, "HFS"
    return dataset


def _pixels(dataset: Dataset, grid: Grid, *, signed: bool) -> None:
    dataset.Columns, dataset.Rows = grid.shape[:2]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 16, 15
    dataset.PixelRepresentation = int(signed)


def _ds(values) -> list[str]:
    return [format_number_as_ds(float(value) + 0.0) for value in values]

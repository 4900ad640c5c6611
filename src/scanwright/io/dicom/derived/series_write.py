"""A volume as a DICOM series: one CT or MR image a slice, so that scans from elsewhere can be sent to a PACS or a viewer.

Slices are written along k in the volume's own axes. Numbers that are not whole, or of more than 16 bits, are stored in 16
with slope and intercept: the largest error is half a step of 1/65535 of the range. No patient is invented: name and birth
date stay empty, and PatientID is what the caller says. Source: DICOM PS3.3 A.3 (CT), A.4 (MR), C.7.6.2 (image plane).
"""

from pathlib import Path
from typing import Literal

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian
from pydicom.valuerep import format_number_as_ds

from scanwright.errors import GeometryError, InputError
from scanwright.files import sha256_bytes, writing
from scanwright.geometry.affine import is_rigid
from scanwright.geometry.volume import Volume
from scanwright.io.dicom.derived.provenance import CHARACTER_SET, MANUFACTURER, derived_uid
from scanwright.io.dicom.place import LPS_TO_RAS
from scanwright.types import Array

CLASSES = {"CT": "1.2.840.10008.5.1.4.1.1.2", "MR": "1.2.840.10008.5.1.4.1.1.4"}
MAX_STORED = 65535


def write_series(
    folder: Path,
    volume: Volume,
    *,
    modality: Literal["CT", "MR"],
    patient: str,
    description: str = "",
    study: str = "",
) -> list[Dataset]:
    """Write a volume of one channel into a folder, a file a slice; the headers in the order of k.

    study: what tells studies of a patient apart. Identifiers follow from patient, study, description and voxels: the same
    volume gives the same files. Raises InputError (several channels, values that are not finite), GeometryError (pixels
    instead of millimetres, axes that are not at right angles), ResourceError (the place to write).
    """
    if volume.channels != 1 or not np.isfinite(volume.voxels).all():
        raise InputError("a series holds one finite value a voxel", where=folder, found=repr(volume))
    if volume.grid.unit != "mm" or not is_rigid(volume.grid.affine):
        raise GeometryError(
            "a grid that slices of a series cannot have",
            where=folder,
            expected="mm, right angles",
            found=repr(volume.grid),
        )
    stored, slope, intercept = _as_stored(volume.voxels[0])
    content = sha256_bytes(np.ascontiguousarray(stored).tobytes())
    uids = {
        "StudyInstanceUID": derived_uid("study", patient, study),
        "SeriesInstanceUID": derived_uid("series", patient, study, description, content),
        "FrameOfReferenceUID": derived_uid("frame", patient, study),
    }
    headers = []
    for k in range(volume.shape[2]):
        header = _header(volume, k, modality, stored.dtype)
        header.SOPInstanceUID = header.file_meta.MediaStorageSOPInstanceUID = UID(derived_uid(uids, k))
        header.PatientID, header.SeriesDescription = patient, description
        header.RescaleSlope, header.RescaleIntercept = _number(slope), _number(intercept)
        for name, uid in uids.items():
            setattr(header, name, UID(uid))
        header.PixelData = np.ascontiguousarray(stored[:, :, k].T).tobytes() + b"\0" * (stored[:, :, k].nbytes % 2)
        header["PixelData"].VR = "OW"
        with writing(folder / f"{k + 1:04d}.dcm") as stream:
            header.save_as(stream, enforce_file_format=True)
        del header.PixelData
        headers.append(header)
    return headers


def _as_stored(voxels: Array) -> tuple[Array, float, float]:
    """Voxels in 16 bits or less, with slope and intercept. Whole numbers that fit are kept as they are."""
    low, high = (float(voxels.min()), float(voxels.max())) if voxels.size else (0.0, 0.0)
    whole = voxels.dtype.kind in "iub" or bool((voxels == np.round(voxels)).all())
    if whole and low >= 0 and high <= MAX_STORED:
        return voxels.astype("<u2"), 1.0, 0.0
    if whole and low >= -32768 and high <= 32767:
        return voxels.astype("<i2"), 1.0, 0.0
    slope = float(_number((high - low) / MAX_STORED)) or 1.0
    steps = np.clip(np.round((voxels.astype(np.float64) - low) / slope), 0, MAX_STORED)
    return steps.astype("<u2"), slope, low


def _number(value: float) -> str:
    """A number in the 16 characters that DICOM has for it."""
    return str(format_number_as_ds(float(value)))


def _header(volume: Volume, k: int, modality: str, stored: np.dtype[np.generic]) -> Dataset:
    """The k-th slice without identifiers and pixels."""
    affine, (across, along, step) = volume.grid.affine, volume.grid.spacing
    right, down = affine[:3, 0] / across * LPS_TO_RAS, affine[:3, 1] / along * LPS_TO_RAS
    header = Dataset()
    header.file_meta = FileMetaDataset()
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    header.file_meta.MediaStorageSOPClassUID = header.SOPClassUID = UID(CLASSES[modality])
    header.SpecificCharacterSet = CHARACTER_SET
    header.ImageType = ["DERIVED", "SECONDARY", "AXIAL" if modality == "CT" else "OTHER"]
    header.Modality, header.Manufacturer = modality, MANUFACTURER
    for name in (
        "PatientName",
        "PatientBirthDate",
        "PatientSex",
        "StudyDate",
        "StudyTime",
        "AccessionNumber",
        "StudyID",
    ):
        setattr(header, name, "")
    header.ReferringPhysicianName = header.PositionReferenceIndicator = header.Laterality = header.PatientPosition = ""
    header.SeriesNumber, header.InstanceNumber = 1, k + 1
    header.ImagePositionPatient = [_number(one) for one in affine[:3] @ (0, 0, k, 1) * LPS_TO_RAS]
    header.ImageOrientationPatient = [_number(one) for one in (*right, *down)]
    header.PixelSpacing, header.SliceThickness = [_number(along), _number(across)], _number(step)
    header.Rows, header.Columns = volume.shape[1], volume.shape[0]
    header.SamplesPerPixel, header.PhotometricInterpretation = 1, "MONOCHROME2"
    header.BitsAllocated, header.BitsStored, header.HighBit = 16, 16, 15
    header.PixelRepresentation = int(stored.kind == "i")
    if modality == "MR":
        header.ScanningSequence, header.SequenceVariant, header.ScanOptions = "RM", "NONE", ""
        header.MRAcquisitionType, header.EchoTime, header.EchoTrainLength, header.RepetitionTime = "3D", "", "", ""
    else:
        header.KVP, header.AcquisitionNumber = "", ""
    return header

"""A grey picture of 8 bits as one DICOM object: a digital radiograph or an ultrasound image without a place in space.

No patient is invented: name and birth date stay empty, and PatientID is what the caller says. Source: DICOM PS3.3 A.26
(digital X-ray), A.6 (ultrasound), C.8.11 and C.8.5.5 (regions of an ultrasound image).
"""

from pathlib import Path
from typing import Literal

import numpy as np
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import UID, ExplicitVRLittleEndian
from pydicom.valuerep import format_number_as_ds

from scanwright.errors import InputError
from scanwright.files import sha256_bytes, writing
from scanwright.io.dicom.derived.provenance import CHARACTER_SET, MANUFACTURER, derived_uid
from scanwright.types import Array

CLASSES = {"DX": "1.2.840.10008.5.1.4.1.1.1.1", "US": "1.2.840.10008.5.1.4.1.1.6.1"}
TISSUE, CENTIMETRES, TWO_DIMENSIONAL = 1, 3, 1  # codes of PS3.3 C.8.5.5.1


def write_picture(
    path: Path,
    pixels: Array,
    *,
    modality: Literal["DX", "US"],
    patient: str,
    study: str = "",
    pixel_mm: float | None = None,
    sex: str = "",
    age: int | None = None,
    site: str = "",
    has_text: bool = False,
) -> Dataset:
    """Write a picture (rows, columns), uint8, black at 0, in one atomic step; its header without pixels.

    pixel_mm: the side of a pixel; for DX at the detector. study: what tells studies of a patient apart. sex: M, F or O. age:
    years. has_text: Burned In Annotation. Identifiers follow from patient, study and pixels: the same call gives the same
    bytes. Raises InputError (another form of array), ResourceError (the place to write).
    """
    if pixels.ndim != 2 or pixels.dtype != np.uint8 or 0 in pixels.shape:
        raise InputError("not a grey picture", expected="uint8 (rows, columns)", found=f"{pixels.dtype} {pixels.shape}")
    content = sha256_bytes(np.ascontiguousarray(pixels).tobytes())
    header = _header(modality, has_text=has_text)
    header.StudyInstanceUID = UID(derived_uid("study", patient, study))
    header.SeriesInstanceUID = UID(derived_uid("picture series", modality, patient, study, content))
    header.SOPInstanceUID = UID(derived_uid("picture", modality, patient, study, content))
    header.file_meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID
    header.PatientID, header.PatientSex, header.InstitutionName = patient, sex, site
    header.PatientAge = "" if age is None else f"{age:03d}Y"
    header.Rows, header.Columns = pixels.shape
    if pixel_mm is not None:
        _add_spacing(header, modality, pixel_mm)
    header.PixelData = np.ascontiguousarray(pixels).tobytes() + b"\0" * (pixels.size % 2)
    header["PixelData"].VR = "OB"
    with writing(path) as stream:
        header.save_as(stream, enforce_file_format=True)
    del header.PixelData
    return header


def rewrite_picture(path: Path, pixels: Array) -> None:
    """Put other pixels (rows, columns), uint8, into an object that `write_picture` wrote; all else is kept, UIDs as well.

    Raises InputError (another form of array, not such an object), ResourceError.
    """
    dataset = dcmread(path)
    if pixels.ndim != 2 or pixels.dtype != np.uint8 or dataset.get("BitsAllocated") != 8:
        raise InputError("not a grey picture of 8 bits", where=path, found=f"{pixels.dtype} {pixels.shape}")
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.PixelData = np.ascontiguousarray(pixels).tobytes() + b"\0" * (pixels.size % 2)
    with writing(path) as stream:
        dataset.save_as(stream, enforce_file_format=True)


def _header(modality: str, *, has_text: bool) -> Dataset:
    """What does not depend on patient and pixels."""
    header = Dataset()
    header.file_meta = FileMetaDataset()
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    header.file_meta.MediaStorageSOPClassUID = header.SOPClassUID = UID(CLASSES[modality])
    header.SpecificCharacterSet, header.Modality, header.Manufacturer = CHARACTER_SET, modality, MANUFACTURER
    for name in ("PatientName", "PatientBirthDate", "StudyDate", "StudyTime", "AccessionNumber", "StudyID"):
        setattr(header, name, "")
    header.ReferringPhysicianName, header.SeriesNumber, header.InstanceNumber = "", 1, 1
    header.BurnedInAnnotation, header.LossyImageCompression = "YES" if has_text else "NO", "00"
    header.SamplesPerPixel, header.PhotometricInterpretation, header.PixelRepresentation = 1, "MONOCHROME2", 0
    header.BitsAllocated, header.BitsStored, header.HighBit = 8, 8, 7
    if modality == "US":
        header.ImageType = ["DERIVED", "SECONDARY", "ABDOMINAL", "0001"]
        return header
    header.ImageType = ["DERIVED", "PRIMARY"]
    header.PresentationIntentType, header.PixelIntensityRelationship = "FOR PRESENTATION", "LOG"
    header.PixelIntensityRelationshipSign, header.PresentationLUTShape = -1, "IDENTITY"
    header.RescaleIntercept, header.RescaleSlope, header.RescaleType = "0", "1", "US"
    header.WindowCenter, header.WindowWidth, header.PatientOrientation = "128", "256", ["L", "F"]
    header.BodyPartExamined, header.ViewPosition, header.ImageLaterality = "CHEST", "PA", "U"
    return header


def _add_spacing(header: Dataset, modality: str, pixel_mm: float) -> None:
    """How large a pixel is: at the detector (DX), or along both axes of the one region of an ultrasound image."""
    if modality == "DX":
        header.ImagerPixelSpacing = [str(format_number_as_ds(float(pixel_mm)))] * 2
        return
    region = Dataset()
    region.RegionSpatialFormat, region.RegionDataType, region.RegionFlags = TWO_DIMENSIONAL, TISSUE, 0
    region.RegionLocationMinX0 = region.RegionLocationMinY0 = 0
    region.RegionLocationMaxX1, region.RegionLocationMaxY1 = int(header.Columns) - 1, int(header.Rows) - 1
    region.PhysicalUnitsXDirection = region.PhysicalUnitsYDirection = CENTIMETRES
    region.PhysicalDeltaX = region.PhysicalDeltaY = pixel_mm / 10
    header.SequenceOfUltrasoundRegions = Items([region])

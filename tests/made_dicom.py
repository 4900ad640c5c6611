"""Small DICOM files with exactly the elements that a test asks for."""

from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

CT, MR, PET = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.5.1.4.1.1.128"
ENHANCED_MR = "1.2.840.10008.5.1.4.1.1.4.1"
DR, US, CAPTURE = "1.2.840.10008.5.1.4.1.1.1.1", "1.2.840.10008.5.1.4.1.1.6.1", "1.2.840.10008.5.1.4.1.1.7"
AXIAL = (1, 0, 0, 0, 1, 0)


def header(pixels: np.ndarray, **elements: Any) -> Dataset:
    """A CT slice's header with these pixels: (rows, columns), (frames, rows, columns) or colour with a last axis of 3."""
    samples = 3 if pixels.shape[-1] == 3 and pixels.ndim > 2 else 1
    rows, columns = pixels.shape[-3:-1] if samples == 3 else pixels.shape[-2:]
    bits = pixels.dtype.itemsize * 8
    made = Dataset()
    values = {
        "SOPClassUID": CT, "SOPInstanceUID": "1.2.3.4", "Modality": "CT", "PatientID": "P1", "PatientName": "Nobody",
        "StudyInstanceUID": "1.2.3", "SeriesInstanceUID": "1.2.3.1", "SeriesNumber": 1, "InstanceNumber": 1,
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"], "SamplesPerPixel": samples, "Rows": rows, "Columns": columns,
        "PhotometricInterpretation": "RGB" if samples == 3 else "MONOCHROME2", "BitsAllocated": bits, "BitsStored": bits,
        "HighBit": bits - 1, "PixelRepresentation": int(pixels.dtype.kind == "i"),
    }  # fmt: skip
    if samples == 3:
        values["PlanarConfiguration"] = 0
    if pixels.ndim - (samples == 3) == 3:
        values["NumberOfFrames"] = len(pixels)
    for name, value in {**values, **elements}.items():
        if value is not None:
            setattr(made, name, value)
    made.PixelData = pixels.tobytes() + b"\0" * (pixels.nbytes % 2)
    made["PixelData"].VR = "OW" if bits > 8 else "OB"
    return made


def placed(
    position: tuple[float, float, float], *, directions=AXIAL, spacing=(0.5, 0.5), **elements: Any
) -> dict[str, Any]:
    """The elements of an image plane; `position` in LPS mm."""
    return {
        "ImagePositionPatient": list(position), "ImageOrientationPatient": list(directions),
        "PixelSpacing": list(spacing), **elements,
    }  # fmt: skip


def mosaic_header(tiles: int | None = 3, *, csa: bytes | None = None, **elements: Any) -> Dataset:
    """A Siemens mosaic of 4 x 6 pixels, 2 x 2 tiles of which some are filled; `csa`: its private image header."""
    made = header(
        np.zeros((4, 6), np.uint16),
        **{
            "ImageType": ["ORIGINAL", "PRIMARY", "M", "MOSAIC"], "SpacingBetweenSlices": 5,
            **placed((0, 0, 0), spacing=(1, 1)), **elements,
        },
    )  # fmt: skip
    made.add_new((0x0019, 0x0010), "LO", "SIEMENS MR HEADER")
    if tiles is not None:
        made.add_new((0x0019, 0x100A), "US", tiles)
    if csa is not None:
        made.add_new((0x0029, 0x0010), "LO", "SIEMENS CSA HEADER")
        made.add_new((0x0029, 0x1010), "OB", csa)
    return made


def write(path: Path, made: Dataset, *, syntax: str = ExplicitVRLittleEndian) -> Path:
    """Write a data set as a DICOM file."""
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = UID(syntax)
    made.file_meta.MediaStorageSOPClassUID = made.get("SOPClassUID", CT)
    made.file_meta.MediaStorageSOPInstanceUID = made.get("SOPInstanceUID", "1.2.3.4")
    path.parent.mkdir(parents=True, exist_ok=True)
    made.save_as(
        path,
        enforce_file_format=True,
        implicit_vr=syntax == "1.2.840.10008.1.2",
        little_endian=syntax != "1.2.840.10008.1.2.2",
    )
    return path


def slices(
    folder: Path, heights: list[float], *, pixels: np.ndarray | None = None, shift: float = 0, **elements: Any
) -> list[Path]:
    """A CT series with one slice at each height (mm, LPS z); slice n is filled with n unless pixels (n, rows, columns) are
    given. shift: how far each slice lies to the back of the one before, mm.
    """
    made = []
    for number, z in enumerate(heights):
        plane = np.full((4, 5), number, np.int16) if pixels is None else pixels[number]
        own = {
            name: value[number] if isinstance(value, list) and name in EACH else value
            for name, value in elements.items()
        }
        values = {
            **placed((0, shift * number, z)), "SOPInstanceUID": f"1.2.3.4.{number + 1}", "InstanceNumber": number + 1, **own,
        }  # fmt: skip
        made.append(write(folder / f"{len(list(folder.glob('*'))):03d}.dcm", header(plane, **values)))
    return made


EACH = (
    "InstanceNumber",
    "EchoTime",
    "AcquisitionNumber",
    "RescaleSlope",
    "PhotometricInterpretation",
    "BitsStored",
    "HighBit",
    "PixelPaddingValue",
    "Modality",
    "FrameOfReferenceUID",
    "PatientID",
    "StudyInstanceUID",
    "SOPInstanceUID",
)

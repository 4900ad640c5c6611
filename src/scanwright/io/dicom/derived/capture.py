"""Overlays as secondary captures: colour pictures beside the images, for viewers that show no segmentation.

One picture becomes a Secondary Capture Image, several one Multi-frame True Color Secondary Capture with a page a picture.
They belong to the patient and study of their sources, refer to them, and say that they are derived and for research use.
Needs pydicom alone. Source: DICOM PS3.3 A.8.1, A.8.5, C.8.6 and C.7.6.12 (derivation).
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence as Items
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRLittleEndian

from scanwright.errors import InputError
from scanwright.files import sha256_bytes
from scanwright.io.dicom.derived.codes import Code, label_of
from scanwright.io.dicom.derived.provenance import (
    RESEARCH,
    Model,
    as_item,
    derived_uid,
    equipment,
    quietly,
    require_sources,
    save,
    series_number_of,
    study_of,
)
from scanwright.io.dicom.elements import text
from scanwright.types import Array

ONE_PICTURE, PAGES = "1.2.840.10008.5.1.4.1.1.7", "1.2.840.10008.5.1.4.1.1.7.4"
SOURCE_IMAGE = Code("121322", "DCM", "Source image for image processing operation")
MAX_SIDE = 65535
MAX_BYTES = 0xFFFFFFFE  # of uncompressed pixels in one object
PAGE_NUMBERS = Tag(0x0018, 0x2001)


def write_capture(
    path: Path,
    pictures: Array,
    *,
    sources: Sequence[Dataset],
    model: Model,
    has_text: bool = False,
    series_number: int = 903,
    description: str = "Overlay",
    made: datetime | None = None,
) -> str:
    """Write pictures (N, rows, columns, 3) or (rows, columns, 3), uint8 RGB, in one atomic step; the SOP instance UID.

    sources: headers of the images that the pictures show. has_text: whether words are drawn into them (Burned In
    Annotation; a source that has them makes it so, too). made: the moment that the object states; now by default.
    Raises InputError (no pictures, another form of array, sources that do not belong together), ResourceError.
    """
    require_sources(sources)
    pages = np.asarray(pictures)[None] if np.ndim(pictures) == 3 else np.asarray(pictures)
    _require_pictures(pages)
    head = study_of(sources[0])
    about = [
        head.SOPInstanceUID,
        model.name,
        model.version,
        model.hash,
        sha256_bytes(np.ascontiguousarray(pages).tobytes()),
    ]
    with quietly():
        dataset = _made(pages, sources, model, about, has_text=has_text)
        dataset.SeriesNumber, dataset.SeriesDescription = series_number_of(series_number), label_of(description)
    save(dataset, path, made or datetime.now())
    return str(dataset.SOPInstanceUID)


def _require_pictures(pages: Array) -> None:
    if pages.ndim != 4 or pages.shape[-1] != 3 or pages.dtype != np.uint8 or 0 in pages.shape:
        raise InputError(
            "not colour pictures", expected="uint8 (N, rows, columns, 3)", found=f"{pages.dtype} {pages.shape}"
        )
    if max(pages.shape[1:3]) > MAX_SIDE or pages.size > MAX_BYTES:
        raise InputError("pictures too large for one DICOM object", expected="less than 4 GiB", found=str(pages.shape))


def _made(pages: Array, sources: Sequence[Dataset], model: Model, about: list[str], *, has_text: bool) -> Dataset:
    head = study_of(sources[0])
    dataset = study_of(sources[0])
    del dataset.SOPClassUID, dataset.SOPInstanceUID, dataset.SeriesInstanceUID
    if "FrameOfReferenceUID" in dataset:
        del dataset.FrameOfReferenceUID
    dataset.SOPClassUID = PAGES if len(pages) > 1 else ONE_PICTURE
    dataset.SOPInstanceUID, dataset.SeriesInstanceUID = derived_uid("capture", *about), derived_uid("captures", *about)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.Modality, dataset.ConversionType, dataset.InstanceNumber = "OT", "SYN", 1
    made_by = equipment(model)
    dataset.Manufacturer, dataset.ManufacturerModelName = made_by["manufacturer"], made_by["manufacturer_model_name"]
    dataset.SoftwareVersions, dataset.DeviceSerialNumber = made_by["software_versions"], made_by["device_serial_number"]
    dataset.ContentDate = dataset.InstanceCreationDate = dataset.DateOfSecondaryCapture = ""
    dataset.ContentTime = dataset.InstanceCreationTime = dataset.TimeOfSecondaryCapture = ""
    dataset.ImageType, dataset.PatientOrientation, dataset.Laterality = ["DERIVED", "SECONDARY"], None, ""
    dataset.DerivationDescription = f"Overlay by {label_of(model.name)} {label_of(model.version)}. {RESEARCH}."
    written = has_text or any(text(source, "BurnedInAnnotation") == "YES" for source in sources)
    dataset.BurnedInAnnotation = "YES" if written else "NO"
    dataset.SourceImageSequence = Items(map(_reference, sources))
    series = Dataset()
    series.SeriesInstanceUID, series.ReferencedInstanceSequence = head.SeriesInstanceUID, Items(map(_plain, sources))
    dataset.ReferencedSeriesSequence = Items([series])
    _copy_loss(sources, dataset)
    _add_pixels(dataset, pages)
    return dataset


def _plain(source: Dataset) -> Dataset:
    reference = Dataset()
    reference.ReferencedSOPClassUID = text(source, "SOPClassUID")
    reference.ReferencedSOPInstanceUID = text(source, "SOPInstanceUID")
    return reference


def _reference(source: Dataset) -> Dataset:
    reference = _plain(source)
    reference.PurposeOfReferenceCodeSequence = Items([as_item(SOURCE_IMAGE)])
    return reference


def _copy_loss(sources: Sequence[Dataset], dataset: Dataset) -> None:
    """What was lost once stays lost: a lossily compressed source is said to be one."""
    lossy = [one for one in sources if text(one, "LossyImageCompression") == "01"]
    dataset.LossyImageCompression = "01" if lossy else "00"
    for name in ("LossyImageCompressionRatio", "LossyImageCompressionMethod"):
        for source in lossy[:1]:
            if name in source:
                setattr(dataset, name, source[name].value)


def _add_pixels(dataset: Dataset, pages: Array) -> None:
    count, rows, columns, _ = pages.shape
    dataset.Rows, dataset.Columns = rows, columns
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PlanarConfiguration = 3, "RGB", 0
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 8, 8, 7, 0
    if count > 1:
        dataset.NumberOfFrames = count
        dataset.FrameIncrementPointer = PAGE_NUMBERS
        dataset.PageNumberVector = list(range(1, count + 1))
    data = np.ascontiguousarray(pages).tobytes()
    dataset.PixelData = data + bytes(len(data) % 2)
    dataset["PixelData"].VR = "OB"

"""What every DICOM result says of where it comes from: the model, the study that it belongs to, and identifiers.

A result carries the patient and study of its source, so that a PACS files it beside the images. Values that the standard
does not allow are left out rather than passed on: a scanner's mistake must not make our object invalid. Text is UTF-8.
Identifiers follow from the content (UUID-derived, PS3.5 B.2): the same result of the same series has the same UIDs, and
no value of the source ever becomes part of a path.
"""

import importlib.util
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from warnings import catch_warnings, simplefilter

from pydicom.dataset import Dataset
from pydicom.uid import UID

from scanwright.errors import InputError, ScanwrightError, UsageError
from scanwright.files import canonical_json, sha256_bytes, writing
from scanwright.io.dicom.derived.codes import PRIVATE, Code, label_of
from scanwright.io.dicom.elements import text, value

MANUFACTURER = "Scanwright"
RESEARCH = "Research use: not a certified medical device"
INSTALL_LINE = 'pip install "scanwright[dicom]"'
CHARACTER_SET = "ISO_IR 192"
MAX_SERIES_NUMBER = 2**31 - 1

PATIENT = ("PatientName", "PatientID", "PatientBirthDate", "PatientSex")
STUDY = ("AccessionNumber", "StudyID", "StudyDate", "StudyTime", "ReferringPhysicianName")
PERSONS = ("PatientName", "ReferringPhysicianName")
KEPT = (
    "PatientAge",
    "PatientSize",
    "PatientWeight",
    "StudyDescription",
    "PatientIdentityRemoved",
    "DeidentificationMethod",
)
UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID")
SHAPES = {
    "Time": r"([01]\d|2[0-3])([0-5]\d([0-5]\d(\.\d{1,6})?)?)?",
    "PatientAge": r"\d{3}[DWMY]",
}
NUMBER = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"
LENGTHS = {"AccessionNumber": 16, "StudyID": 16}


@dataclass(frozen=True, slots=True)
class Model:
    """Which model made a result. hash: SHA-256 of its package, 64 hexadecimal digits, or "" where there is none yet."""

    name: str
    version: str
    hash: str = ""


def require_highdicom() -> None:
    """Raise UsageError, with the line that installs it, where highdicom is absent."""
    if importlib.util.find_spec("highdicom") is None:
        raise UsageError("writing DICOM SEG and SR needs highdicom", hint=INSTALL_LINE)


@contextmanager
def quietly() -> Iterator[None]:
    """Without the warnings of libraries about values that we have taken from a source as they are."""
    with catch_warnings():
        simplefilter("ignore")
        yield


@contextmanager
def allowed_by_sources(what: str) -> Iterator[None]:
    """For work of highdicom: whatever it raises becomes an InputError, that the sources do not allow `what`."""
    try:
        with quietly():
            yield
    except ScanwrightError:
        raise
    except Exception as error:
        found = " ".join(str(error).split())[:200]
        raise InputError(f"the source images do not allow {what}", found=found) from error


def save(dataset: Dataset, path: Path, made: datetime | None) -> None:
    """Write a result in one atomic step, stamped (`stamp`). Raises ResourceError."""
    with quietly():
        stamp(dataset, made)
        with writing(path) as stream:
            dataset.save_as(stream, enforce_file_format=True)


def series_number_of(number: int) -> int:
    """The nearest number that the standard allows."""
    return min(max(number, 1), MAX_SERIES_NUMBER)


def derived_uid(*parts: Any) -> str:
    """A UID that follows from `parts` (JSON values): 2.25. and a version 8 UUID out of their SHA-256."""
    digits = int(sha256_bytes(canonical_json(list(parts)))[:32], 16)
    digits = digits & ~(0xF << 76) | 8 << 76
    return f"2.25.{digits & ~(3 << 62) | 2 << 62}"


def require_sources(sources: Sequence[Dataset]) -> None:
    """Check that source headers are of one series and have what a result must refer to. Raises InputError."""
    if not sources:
        raise InputError("a DICOM result needs the images that it was made from", found="no source")
    for name in UIDS:
        found = {text(source, name) for source in sources}
        if any(not _is_uid(uid) for uid in found):
            raise InputError(
                "a source image without a valid identifier", expected=name, found="none or a malformed one"
            )
        if name in UIDS[:2] and len(found) > 1:
            raise InputError("the source images are not of one series", expected=f"one {name}", found=len(found))
    if len({text(source, "SOPInstanceUID") for source in sources}) < len(sources):
        raise InputError("a source image is given twice", expected="each instance once")


def study_of(source: Dataset) -> Dataset:
    """The patient, study and identifiers of a source as a new data set: what has to be there is, if only empty.

    A value of a form that the standard forbids (a date with letters, a sex that it does not know) is left empty.
    """
    kept = Dataset()
    kept.SpecificCharacterSet = CHARACTER_SET
    for name in (*PATIENT, *STUDY):
        setattr(kept, name, _valid(name, str(value(source, name) or "") if name in PERSONS else text(source, name)))
    for name in KEPT:
        if found := _valid(name, text(source, name)):
            setattr(kept, name, found.split("\\") if name == "DeidentificationMethod" else found)
    for name in (*UIDS, "FrameOfReferenceUID"):
        if _is_uid(text(source, name)):
            setattr(kept, name, text(source, name))
    return kept


def equipment(model: Model) -> dict[str, Any]:
    """Manufacturer, model name, version and serial number (the package's hash) as highdicom's arguments."""
    return {
        "manufacturer": MANUFACTURER,
        "manufacturer_model_name": label_of(model.name),
        "software_versions": label_of(model.version),
        "device_serial_number": label_of(model.hash or "none"),
    }


def private_scheme() -> Any:
    """What our own codes are, as highdicom takes it."""
    from highdicom.coding_schemes import CodingSchemeIdentificationItem

    return CodingSchemeIdentificationItem(PRIVATE, name="Scanwright: names of regions and answers, as given")


def as_item(code: Code) -> Dataset:
    """A code as an item of a code sequence."""
    made = Dataset()
    made.CodeValue, made.CodingSchemeDesignator, made.CodeMeaning = code.value, code.scheme, code.meaning
    return made


def stamp(dataset: Dataset, made: datetime | None) -> None:
    """Set the moments of making to `made`, or leave those that are there."""
    if made is None:
        return
    date, time = made.strftime("%Y%m%d"), made.strftime("%H%M%S")
    for name in ("ContentDate", "InstanceCreationDate", "DateOfSecondaryCapture"):
        if name in dataset:
            setattr(dataset, name, date)
    for name in ("ContentTime", "InstanceCreationTime", "TimeOfSecondaryCapture"):
        if name in dataset:
            setattr(dataset, name, time)
    for one in dataset.get("ContributingEquipmentSequence", ()):
        if "ContributionDateTime" in one:
            one.ContributionDateTime = date + time


def _is_uid(found: str) -> bool:
    return bool(found) and UID(found, 0).is_valid


def _is_date(found: str) -> bool:
    try:
        return len(found) == 8 and bool(datetime.strptime(found, "%Y%m%d"))
    except ValueError:
        return False


def _valid(name: str, found: str) -> str:
    """What was found if its form is the standard's, else ""."""
    if name == "PatientSex":
        return found if found in ("M", "F", "O") else ""
    if name.endswith("Date"):
        return found if _is_date(found) else ""
    if name in PERSONS:  # up to three ways of writing it
        groups = found.split("=")
        return found if len(groups) <= 3 and max(map(len, groups)) <= 64 and "\\" not in found else ""
    if name == "PatientIdentityRemoved":
        return found if found in ("YES", "NO") else ""
    if name in ("PatientSize", "PatientWeight"):
        return found if re.fullmatch(NUMBER, found) and len(found) <= 16 else ""
    shape = next((shape for end, shape in SHAPES.items() if name.endswith(end)), None)
    if shape:
        return found if re.fullmatch(shape, found) else ""
    return found if len(found) <= LENGTHS.get(name, 64) and ("\\" not in found or name in KEPT[-1:]) else ""

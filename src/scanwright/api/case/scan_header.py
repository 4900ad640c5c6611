"""What the header of a scan says for its report: whose study it is, when it was made, and the numbers of its images."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from scanwright.dataset.cases import Case
from scanwright.io.source import DicomVolume

TOLD = (
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex"),
    *(
        "StudyInstanceUID",
        "SeriesInstanceUID",
        "StudyDate",
        "AccessionNumber",
        "StudyDescription",
        "Modality",
        "SeriesDescription",
    ),
)
DATES = ("PatientBirthDate", "StudyDate")


@dataclass(frozen=True, slots=True)
class ScanHeader:
    """values: texts by keyword, those that are not empty. numbers: of its slices' images, along the third axis; () where slices
    are no images of their own, or images have no numbers that tell them apart. Nothing is known of an image that is no DICOM.
    """

    values: Mapping[str, str] = field(default_factory=dict)
    numbers: tuple[int, ...] = ()

    def text(self, keyword: str) -> str:
        """A value, "" where there is none."""
        return self.values.get(keyword, "")

    def chosen(self, wanted: Mapping[str, str]) -> dict[str, str]:
        """The values of these keywords, under the names that are given for them; dates as people write them."""
        found = {keyword: self.text(keyword) for keyword in wanted}
        return {wanted[key]: dated(text) if key in DATES else text for key, text in found.items() if text}

    @property
    def study_date(self) -> date | None:
        """The day of the study; None where nothing says it."""
        try:
            return datetime.strptime(self.text("StudyDate"), "%Y%m%d").date()
        except ValueError:
            return None


def scan_header(case: Case) -> ScanHeader:
    """The header of a case's first image."""
    source = case.images[0]
    if not isinstance(source, DicomVolume):
        return ScanHeader()
    from scanwright.io.dicom.elements import text
    from scanwright.io.dicom.intake import open_instance
    from scanwright.io.dicom.scan import find_stack

    slices = find_stack(source).slices
    header = open_instance(slices[0].path).dataset
    found = {keyword: text(header, keyword) for keyword in TOLD}
    numbers = tuple(one.number for one in slices)
    are_told_apart = len(set(numbers)) == len(numbers) and min(numbers) >= 0
    return ScanHeader({keyword: said for keyword, said in found.items() if said}, numbers if are_told_apart else ())


def dated(text: str) -> str:
    """A DICOM date as people write it.

    >>> dated("19610203"), dated("1961")
    ('1961-02-03', '1961')
    """
    return f"{text[:4]}-{text[4:6]}-{text[6:]}" if len(text) == 8 and text.isdigit() else text

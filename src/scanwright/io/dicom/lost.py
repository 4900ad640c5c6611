"""Files that cannot be read, and whether they may have been part of what lies beside them.

A slice that is lost at the end of a volume leaves no gap that could be seen. So what may have been one counts as one; what lies
beside DICOM as a matter of course (a readme, a checksum, a lock file, an icon) does not.
"""

import re
from collections.abc import Set
from dataclasses import dataclass
from pathlib import Path

from pydicom.uid import UID

from scanwright.io.dicom.elements import text, whole
from scanwright.io.dicom.intake import Instance, looks_like_dicom, sop_class_of
from scanwright.io.guard import beginning

NO_SLICES = tuple(
    f"1.2.840.10008.5.1.4.1.1.{kind}" for kind in ("66", "67", "88.", "11.", "9.", "104.", "481.3", "481.5")
)
"""SOP classes: segmentations, registrations, mappings, reports, presentations, waveforms, documents, RT structures, plans."""
SUFFIXES = (".dcm", ".dicom", ".dic", ".ima")
LOOKED_AT = 1 << 20  # a file that begins with so many zeros is taken to have no others


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that is part of no volume, and why.

    damaged: it is DICOM, or should be, and cannot be read: it may have been a slice or a label of what is here.
    sop_class: of a damaged file, where its first bytes still say it, else "".
    """

    path: Path
    reason: str
    damaged: bool = False
    sop_class: str = ""

    @property
    def may_be_a_slice(self) -> bool:
        """Whether it may have been a slice of a volume: not if it says that it was a label, a plan or a report."""
        return self.damaged and not self.sop_class.startswith(NO_SLICES)


def lacks_pixels(instance: Instance) -> bool:
    """Whether an object without pixels is an image that has lost them: by its class, by its rows, or as it is of no class.

    A file may end exactly where its pixels would begin, or they were taken out.
    """
    sop_class = text(instance.header, "SOPClassUID") or sop_class_of(instance.path)
    if sop_class.startswith(NO_SLICES):
        return False
    return not sop_class or "Image Storage" in UID(sop_class).name or whole(instance.header, "Rows") is not None


def should_be_dicom(path: Path, names: Set[tuple[Path, str]]) -> bool:
    """Whether a file that cannot be read is DICOM: by its mark or suffix, by a name as its neighbours have, or as one that was
    never filled.

    names: folders and patterns (`pattern_of`) of the files that can be read.
    """
    if path.suffix.lower() in SUFFIXES or looks_like_dicom(path):
        return True
    if not is_named_by_scanner(path) or not path.is_file():
        return False
    numbered = any(letter.isdigit() for letter in path.name)
    if not path.stat().st_size:
        return numbered  # and no lock file or icon
    return (numbered and pattern_of(path) in names) or not any(beginning(path, LOOKED_AT))


def pattern_of(path: Path) -> tuple[Path, str]:
    """Where a file lies, and its name with any number in place of its numbers: IM0001 and IM0002 are named alike."""
    return path.parent, re.sub(r"\d+", "0", path.name.casefold())


def is_named_by_scanner(path: Path) -> bool:
    """Whether a name is such as scanners and archives give: a suffix of DICOM, none, or a UID."""
    suffix = path.suffix.lower()
    return suffix in ("", *SUFFIXES) or suffix[1:].isdigit()

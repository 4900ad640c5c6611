"""DICOMDIR: the list of a medium's files. It is only held against what is there; nothing is opened by a name in it.

A copy of a CD that lost files at the end of a series has no gap that could be seen; the list knows. Source: DICOM PS3.10 annex
8 (file ID), PS3.3 F.3 (basic directory).
"""

from dataclasses import dataclass
from pathlib import Path

from scanwright.io.dicom.elements import items, words
from scanwright.io.dicom.intake import open_instance

NOT_WHOLE_HINT = "Copy the folder again, or remove the DICOMDIR if the files were left out on purpose."


@dataclass(frozen=True, slots=True)
class Directory:
    """A DICOMDIR: how many files it names, and which of them are not there (as written in it, parts joined by slashes)."""

    path: Path
    named: int
    missing: tuple[str, ...]


def read_directories(folder: Path) -> list[Directory]:
    """Every DICOMDIR at or below a folder, held against the files beside it. Upper and lower case are alike.

    Raises UnreadableFile if one of them cannot be read.
    """
    return [_read(path) for path in sorted(folder.rglob("*")) if path.name.upper() == "DICOMDIR" and path.is_file()]


def _read(path: Path) -> Directory:
    root = path.parent
    there = {"/".join(file.relative_to(root).parts).lower() for file in root.rglob("*") if file.is_file()}
    bare = {name.removesuffix(".dcm") for name in there}
    named = [
        "/".join(parts)
        for record in items(open_instance(path).dataset, "DirectoryRecordSequence")
        if (parts := words(record, "ReferencedFileID"))
    ]
    missing = tuple(name for name in named if name.lower() not in there and name.lower() not in bare)
    return Directory(path, len(named), missing)

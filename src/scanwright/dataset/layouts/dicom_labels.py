"""What is drawn on the series of a DICOM folder, and what of it becomes which region (structures.py)."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from scanwright.dataset.cases import Fault
from scanwright.dataset.declare import Declaration
from scanwright.dataset.layouts.structures import named_regions, regions_of, values_apart, values_of_bits
from scanwright.dataset.task import Region
from scanwright.errors import InputError
from scanwright.io.source import DicomLabel, DicomVolume

if TYPE_CHECKING:
    from scanwright.io.dicom.derived.labels import Outline


def find_outlines(paths: Iterable[Path], root: Path) -> tuple[list["Outline"], list[Fault]]:
    """The segmentations and structure sets among files, and an error for each that is one and cannot be read: what it draws
    would be background.
    """
    from scanwright.io.dicom.derived.labels import read_outline

    found: list[Outline] = []
    faults: list[Fault] = []
    for path in paths:
        try:
            outline = read_outline(path)
        except InputError as error:
            if error.message != "not a DICOM file":
                faults.append(_unreadable(path, error, root))
            continue
        if outline is not None and outline.names:
            found.append(outline)
    return found, faults


def regions_and_labels(
    cases: Mapping[str, tuple[DicomVolume, Sequence["Outline"]]], declared: Declaration, *, where: Path
) -> tuple[list[Region], dict[str, DicomLabel]]:
    """The regions of a data set, and the label of each case that has any of them.

    cases: for each its first image and what is drawn on it. Raises InputError if nothing that is wanted is drawn anywhere,
    or too many regions overlap.
    """
    names = sorted({name for _, drawn in cases.values() for one in drawn for name in one.names})
    wanted = regions_of(names, declared, where)
    drawn_on = {
        case: drawing
        for case, drawing in cases.items()
        if any(name in wanted for one in drawing[1] for name in one.names)
    }

    def labels(values: Mapping[str, int], *, bits: bool) -> dict[str, DicomLabel]:
        return {
            case: DicomLabel(tuple(one.path for one in drawn), image, tuple(values.items()), bits=bits)
            for case, (image, drawn) in drawn_on.items()
        }

    values = values_apart(wanted)
    apart = labels(values, bits=False)
    if len(set(values.values())) < 2 or not any(_overlap(label) for label in apart.values()):
        return named_regions(wanted, values, bits=False), apart
    values = values_of_bits(wanted, where)
    return named_regions(wanted, values, bits=True), labels(values, bits=True)


def _overlap(label: DicomLabel) -> bool:
    """Whether regions of a label overlap; what cannot be read is left to the checks."""
    from scanwright.io.dicom.derived.labels import overlaps

    try:
        return overlaps(label)
    except InputError:
        return False


def _unreadable(path: Path, error: InputError, root: Path) -> Fault:
    place = path.relative_to(root) if path.is_relative_to(root) else path
    return Fault(
        code="unreadable-label",
        severity="error",
        file=path,
        expected=str(error.expected or ""),
        found=f"{place}: {error.message}{f' ({error.found})' if error.found else ''}",
        action="Copy it again, or remove it if it holds no label of this data set.",
    )

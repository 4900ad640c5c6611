"""What is drawn on the series of a DICOM folder, and what of it becomes which region.

A region is a name that segments or structures bear, or several names by "structures" in scanwright.json. Where regions share
a voxel anywhere, every region gets a bit of the label's value (1, 2, 4 …); else a value (1, 2, 3 …).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

from scanwright.dataset.cases import Fault
from scanwright.dataset.declare import FILE_NAME, Declaration
from scanwright.dataset.task import Region
from scanwright.errors import InputError
from scanwright.io.source import DicomLabel, DicomVolume

if TYPE_CHECKING:
    from scanwright.io.dicom.derived.labels import Outline

MAX_OVERLAPPING = 7  # regions with a bit each: 127 label values
MAX_REGIONS = 64


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
    wanted = _wanted(names, declared, where)
    plain = {region: turn + 1 for turn, region in enumerate(dict.fromkeys(wanted.values()))}
    labels = {
        case: DicomLabel(
            files=tuple(one.path for one in drawn),
            image=image,
            values=tuple((name, plain[region]) for name, region in wanted.items()),
        )
        for case, (image, drawn) in cases.items()
        if any(name in wanted for one in drawn for name in one.names)
    }
    if len(plain) < 2 or not any(_overlap(label) for label in labels.values()):
        return [Region(name=name, values=(value,)) for name, value in plain.items()], labels
    if len(plain) > MAX_OVERLAPPING:
        raise InputError(
            "too many regions that overlap",
            where=where,
            expected=f"at most {MAX_OVERLAPPING}",
            found=", ".join(plain),
            hint=f'Choose some by "structures" in {FILE_NAME}.',
        )
    bits = {region: 1 << turn for turn, region in enumerate(plain)}
    every = range(1, 1 << len(plain))
    regions = [Region(name=name, values=tuple(value for value in every if value & bit)) for name, bit in bits.items()]
    values = tuple((name, bits[region]) for name, region in wanted.items())
    return regions, {
        case: DicomLabel(files=label.files, image=label.image, values=values, bits=True)
        for case, label in labels.items()
    }


def _wanted(names: Sequence[str], declared: Declaration, where: Path) -> dict[str, str]:
    """The region that each name of a segment or structure stands for."""
    if declared.structures is None:
        wanted = {name: name for name in names}
    else:
        wanted = {
            name: region
            for (region, patterns), name in product(declared.structures.items(), names)
            if any(re.fullmatch(pattern, name, re.IGNORECASE) for pattern in patterns)
        }
    if not wanted or len(set(wanted.values())) > MAX_REGIONS:
        raise InputError(
            "no structure of these names" if not wanted else "too many structures",
            where=where,
            expected=f'1 to {MAX_REGIONS} by "structures" in {FILE_NAME}',
            found=", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "") or "none",
        )
    return wanted


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

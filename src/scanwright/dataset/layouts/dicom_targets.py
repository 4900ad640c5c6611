"""The label of each case of a DICOM folder: the file that a table names, else what is drawn on the case's series."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from scanwright.dataset.cases import Fault
from scanwright.dataset.declare import Declaration
from scanwright.dataset.infer import infer_regions
from scanwright.dataset.layouts.dicom_labels import find_outlines, regions_and_labels
from scanwright.dataset.layouts.dicom_series import SHOWN, Chosen, drawn_on
from scanwright.dataset.layouts.structures import unmatched_patterns
from scanwright.dataset.task import Region
from scanwright.errors import InputError
from scanwright.io.formats import is_image
from scanwright.io.source import LabelSource

if TYPE_CHECKING:
    from scanwright.io.dicom.derived.labels import Outline


def targets(
    cases: Sequence[Chosen], outlines: Sequence["Outline"], declared: Declaration, *, where: Path
) -> tuple[Sequence[Region], Mapping[str, LabelSource], list[Fault]]:
    """The regions of a data set, the label of each case that has one, and labels that cannot be read.

    outlines: what lies in the folder; a table may name others. Regions are the names of segments and structures; of image
    files their values. Raises InputError where some labels are DICOM and others image files, no label of a table can be
    read, or nothing that is wanted is drawn anywhere.
    """
    named = {case.name: case.label for case in cases if case.label is not None}
    files = {name: path for name, path in named.items() if is_image(path) and path.suffix.lower() != ".dcm"}
    if files and len(files) < len(named):
        raise InputError(
            "labels of two kinds",
            where=where,
            expected="DICOM SEG or RTSTRUCT for every case, or image files for every case",
            found=f"{len(files)} image files, {len(named) - len(files)} others",
        )
    if files:
        return infer_regions(files.values()) if declared.regions is None else (), files, []
    elsewhere, faults = find_outlines(sorted(set(named.values()) - {one.path for one in outlines}), where)
    known = {one.path: one for one in (*outlines, *elsewhere)}
    if named and not known:
        raise InputError(
            "no label of the table can be read", where=where, details=[one.line() for one in faults[:SHOWN]]
        )

    def drawn(case: Chosen) -> list["Outline"]:
        if not named:
            return drawn_on(case.channels, outlines)
        return [known[path] for name, path in named.items() if name == case.name and path in known]

    regions, labels = regions_and_labels(
        {case.name: (case.channels[0].image, drawn(case)) for case in cases}, declared, where=where
    )
    faults += unmatched_patterns((name for case in cases for one in drawn(case) for name in one.names), declared)
    faults += [_of_another(case.name, one.path) for case in cases for one in drawn(case) if _is_of_another(case, one)]
    return regions, labels, faults


def _is_of_another(case: Chosen, outline: "Outline") -> bool:
    """Whether a label names the series that it was drawn on, and none of them is the case's."""
    return bool(outline.series) and not drawn_on(case.channels, [outline])


def _of_another(case: str, label: Path) -> Fault:
    return Fault(
        code="other-series",
        severity="warning",
        case=case,
        file=label,
        expected="a label drawn on a series of this case",
        found="one that refers to another series",
        action="Look whether the row of the table is right.",
    )

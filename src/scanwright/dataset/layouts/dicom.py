"""A folder of DICOM files as they come from a scanner or a PACS: series as images, SEG and RTSTRUCT as labels.

Every file below the folder is looked at; names of files and folders mean nothing. Without a word from the user, a case is a
series that a segmentation or structure set was drawn on. With "series" in scanwright.json the channels of a case are chosen
by rules, from one study (or one patient, with "case_of"), or by a table.

Patients are told apart by PatientID, of which only a hash is kept. Site, scanner, sex and age (by decade) become groups.
Source: DICOM PS3.3 A.51 (segmentation), A.19 (structure set), C.7.1 to C.7.3 (patient, study, series).
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from scanwright.dataset.cases import Case, Dataset, Fault
from scanwright.dataset.declare import FILE_NAME, Declaration, make_task
from scanwright.dataset.layouts import image_mask
from scanwright.dataset.layouts.dicom_labels import find_outlines
from scanwright.dataset.layouts.dicom_listing import damaged, left_out, patient_code
from scanwright.dataset.layouts.dicom_series import (
    MODALITIES,
    SHOWN,
    Candidate,
    Choice,
    Chosen,
    by_drawings,
    by_rules,
    candidates_of,
)
from scanwright.dataset.layouts.dicom_table import by_table
from scanwright.dataset.layouts.dicom_targets import targets
from scanwright.dataset.layouts.pairing import missing_label
from scanwright.dataset.task import Channel, modality_of
from scanwright.errors import InputError
from scanwright.io.formats import is_image
from scanwright.io.source import LabelSource

if TYPE_CHECKING:
    from scanwright.io.dicom.derived.labels import Outline
    from scanwright.io.dicom.series import Found

NAME = "dicom"
LOOKED_FOR = "DICOM files anywhere below it: images, with SEG or RTSTRUCT drawn on them"

LOOKED_AT = 1000  # files that are opened before a folder is called something else
OUTNUMBERED = 2  # images of other formats for each of DICOM


def detect(root: Path) -> str | None:
    """Why a folder is one of DICOM, whatever else lies between: images of other formats are not more than twice as many.

    A patient's CD has a viewer beside the scans, a study often the same scans converted. A folder of single DICOM images with
    a mask file for each is none.
    """
    if root.is_file():
        return None
    files = [path for path in root.rglob("*") if not path.name.startswith(".") and path.is_file()]
    unknown = [path for path in files if not is_image(path) or path.suffix.lower() == ".dcm"]
    if not unknown:
        return None
    from scanwright.io.dicom.intake import looks_like_dicom
    from scanwright.io.dicom.lost import is_named_by_scanner

    looked = sorted(unknown, key=lambda path: not is_named_by_scanner(path))[:LOOKED_AT]
    found = sum(looks_like_dicom(path) for path in looked)
    ours, others = found / len(looked) * len(unknown), len(files) - len(unknown)
    if not found or others > OUTNUMBERED * ours or (others >= ours and _holds_masks(root)):
        return None
    return f"{found} of {len(looked)} files looked at are DICOM"


def _holds_masks(root: Path) -> bool:
    """Whether images and masks are paired here by their names, or could be in more ways than one."""
    try:
        return image_mask.detect(root) is not None
    except InputError:
        return True


def read(root: Path, declared: Declaration) -> Dataset:
    """Read the folder. Raises InputError if no image is found, nothing is drawn on any, or a rule cannot be kept."""
    from scanwright.io.dicom.series import files_in, find_series

    found = find_series(files_in(root))
    candidates = candidates_of(found.series)
    if not candidates:
        raise InputError(
            "no image in these DICOM files", where=root, details=[*damaged(found, root), *left_out(found)][:SHOWN]
        )
    outlines, faults = find_outlines((one.path for one in found.skipped if not one.damaged), root)
    choice = _choose(candidates, outlines, declared, root)
    cases = choice.cases
    regions, labels, unreadable = targets(cases, outlines, declared, where=root)
    faults += [*unreadable, *choice.faults]
    faults += [missing_label(case.name, case.channels[0].image.path) for case in cases if case.name not in labels]
    faults += [fault for case in cases for fault in _frame_faults(case)]
    faults += _directory_faults(root)
    faults += _series_faults(found, {one.series.uid for case in cases for one in case.channels}, outlines)
    faults += _damaged_faults(found, root)
    task = make_task(
        declared,
        name=root.name,
        channels=_channels(cases[0], choice.channels),
        regions=regions,
        source=FILE_NAME if declared.structures is not None else "names of segments",
        where=root,
    )
    used = sum(len(case.channels) for case in cases)
    return Dataset(
        root=root,
        layout=NAME,
        stated=f"DICOM folder, {used} of {len(candidates)} volumes used",
        task=task,
        cases=tuple(_case(case, labels.get(case.name)) for case in cases),
        faults=tuple(faults),
        patients_from="PatientID, kept as a hash",
    )


def _choose(
    candidates: Sequence[Candidate], outlines: Sequence["Outline"], declared: Declaration, root: Path
) -> Choice:
    """The cases: as a table of the user's says, by rules, or each series that something is drawn on."""
    if isinstance(declared.series, str):
        return by_table(candidates, declared.series, root)
    if declared.series:
        return by_rules(candidates, outlines, declared.series, root, case_of=declared.case_of)
    return by_drawings(candidates, outlines, root)


def _channels(case: Chosen, names: Sequence[str]) -> list[Channel]:
    """Channels by the names given, else by their modality; colours of a single series are channels of their own."""
    if len(case.channels) == 1 and not case.channels[0].stack.slices[0].grey:
        return [Channel(name=name, modality="rgb") for name in ("red", "green", "blue")]
    channels = []
    for given, one in zip(names, case.channels, strict=True):
        kind = one.series.about.get("Modality", "")
        name = given or kind or "image"
        channels.append(Channel(name=name, modality=MODALITIES.get(kind) or modality_of(name)))
    return channels


def _case(case: Chosen, label: LabelSource | None) -> Case:
    about = case.channels[0].series.about
    return Case(
        id=case.name,
        images=tuple(one.image for one in case.channels),
        label=label,
        patient=patient_code(about) or case.name,
        groups=_groups(about),
    )


def _groups(about: Mapping[str, str]) -> dict[str, str]:
    """What tables by group are made of; only what the header has."""
    age = re.fullmatch(r"0*(\d+)Y", about.get("PatientAge", ""))
    scanner = " ".join(filter(None, (about.get("Manufacturer", ""), about.get("ManufacturerModelName", ""))))
    found = {
        "site": about.get("InstitutionName", ""),
        "scanner": scanner,
        "sex": about.get("PatientSex", ""),
        "age": f"{int(age[1]) // 10 * 10} to {int(age[1]) // 10 * 10 + 9}" if age else "",
    }
    return {name: text for name, text in found.items() if text}


def _frame_faults(case: Chosen) -> list[Fault]:
    """Channels of another frame of reference than the first, which have to be registered to it."""
    first = case.channels[0].image.frame
    return [
        Fault(
            code="other-frame",
            severity="warning",
            case=case.name,
            file=one.image.path,
            expected="channels of one frame of reference",
            found=f"{one.line()}; it will be registered to the first channel",
            action="Look at the registration before you rely on it.",
        )
        for one in case.channels[1:]
        if one.image.frame != first
    ]


def _directory_faults(root: Path) -> list[Fault]:
    """Files that a DICOMDIR names and that are not there: a copy that is not whole, even where no gap shows it."""
    from scanwright.io.dicom.directory import NOT_WHOLE_HINT, read_directories

    return [
        Fault(
            code="missing-files",
            severity="error",
            file=one.path,
            expected=f"the {one.named} files that it names",
            found=f"{len(one.missing)} are not here, such as {one.missing[0]}",
            action=NOT_WHOLE_HINT,
        )
        for one in read_directories(root)
        if one.missing
    ]


def _series_faults(found: "Found", used: set[str], outlines: Sequence["Outline"]) -> list[Fault]:
    """What was refused, and how many files were left out: errors for series that something is drawn on."""
    referred = {uid for one in outlines for uid in one.series}
    faults = []
    for series in found.series:
        for refused in series.refused:
            error = refused.error
            faults.append(
                Fault(
                    code="refused-series",
                    severity="error" if series.uid in referred or series.uid in used else "warning",
                    file=error.where if isinstance(error.where, Path) else None,
                    expected=str(error.expected or ""),
                    found=f"{error.message}{f': {error.found}' if error.found else ''}",
                    action=error.hint or "Leave it out, or copy it again.",
                )
            )
        faults += [Fault(code="reader-note", severity="note", found=note) for note in series.notes]
    faults += [Fault(code="left-out", severity="note", found=line) for line in left_out(found, outlines)]
    return faults


def _damaged_faults(found: "Found", root: Path) -> list[Fault]:
    """Files that cannot be read, each an error: nobody knows which slice or label they may be."""
    return [
        Fault(
            code="unreadable-file",
            severity="error",
            file=one.path,
            found=line,
            action="Copy it again, or remove it if it belongs to no case.",
        )
        for one, line in zip((one for one in found.skipped if one.damaged), damaged(found, root), strict=True)
    ]

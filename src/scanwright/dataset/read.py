"""From a folder to a Dataset: which layout it is, what it holds, whose scans they are.

A layout is a module with NAME, LOOKED_FOR, detect(root) and read(root, declared); a further one is a file in layouts/
and a line in LAYOUTS below. Explicit lists (dataset.json, a table) outrank folder names; of these DICOM comes first, then
images with masks, then folders of classes.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from scanwright.dataset.cases import Case, Dataset
from scanwright.dataset.classes import answers_text
from scanwright.dataset.declare import FILE_NAME, Declaration, read_declaration
from scanwright.dataset.instances import with_instances
from scanwright.dataset.layouts import (
    bids,
    box_table,
    class_folders,
    coco,
    decathlon,
    dicom,
    dicom_listing,
    image_mask,
    images,
    medmnist,
    nnunet,
    table,
    target_table,
    voc,
    yolo,
)
from scanwright.dataset.layouts.column_targets import OF_GRADES, columns_that_answer, with_targets
from scanwright.dataset.layouts.delimited import read_table, why_unreadable
from scanwright.dataset.layouts.dicom_listing import SeriesList
from scanwright.dataset.layouts.finding_folder import with_findings, without_findings
from scanwright.dataset.layouts.listing import tables_in
from scanwright.dataset.layouts.sidecar import with_declared
from scanwright.dataset.layouts.unread import CONVERT, counted, passed_over, unread_files
from scanwright.dataset.normals import with_normals
from scanwright.dataset.task import Kind, Task
from scanwright.errors import InputError, UsageError
from scanwright.files import is_plain_name
from scanwright.io.archive import is_archive


class Layout(Protocol):
    """One way of laying out a data set. `detect` says in words why a folder is one, or None; `read` reads it."""

    NAME: str
    LOOKED_FOR: str

    def detect(self, root: Path) -> str | None: ...  # noqa: D102
    def read(self, root: Path, declared: Declaration) -> Dataset: ...  # noqa: D102


LAYOUTS: Mapping[str, Layout] = {
    module.NAME: module
    for module in (
        nnunet,
        decathlon,
        table,
        bids,
        medmnist,
        class_folders,
        voc,
        yolo,
        coco,
        box_table,
        image_mask,
        dicom,
    )
}
ALONE: Mapping[str, Layout] = {images.NAME: images}
"""Layouts of what is no data set unless it is asked for as one of normal images."""
READERS: Mapping[str, Layout] = {**LAYOUTS, **ALONE}
BY_FOLDER_NAMES = (class_folders.NAME, voc.NAME, yolo.NAME, coco.NAME, box_table.NAME, image_mask.NAME, dicom.NAME)
"""Give way to all others; among themselves the last one that fits is taken. Boxes beside masks are no detection task unless
that is asked for, and then go before boxes around masks; where the same boxes were exported in several forms, COCO's says
most."""
OF_BOXES = (voc.NAME, yolo.NAME, coco.NAME, box_table.NAME)
OF_WHOLE_IMAGES = (medmnist.NAME, class_folders.NAME)
ANSWERED: Mapping[Kind, frozenset[str]] = {
    "segmentation": frozenset(LAYOUTS) - {*OF_BOXES, *OF_WHOLE_IMAGES},
    "classification": frozenset(LAYOUTS) - {*OF_BOXES},
    "regression": frozenset(LAYOUTS) - {*OF_BOXES},
    "detection": frozenset(LAYOUTS) - {*OF_WHOLE_IMAGES},
    "anomaly": frozenset(READERS) - {*OF_BOXES},
}
"""The layouts that can answer what is wanted: where it is known, the others are not looked at."""
WITH_OWN_TABLES = (table.NAME, bids.NAME)
TO_GIVE: Mapping[Kind, str] = {
    "segmentation": "Add a label map for each image, such as masks/p01.png beside images/p01.png",
    "classification": f'Name the column of a table in {FILE_NAME} ("target")',
    "regression": f'Name the column of a table in {FILE_NAME} ("target")',
    "detection": "Add the boxes as COCO, Pascal VOC or YOLO files, or as a table, beside the images, or a label map for each",
    "anomaly": "Give a folder of normal images",
}
"""What to do where a data set does not hold what is wanted."""


def read_dataset(
    root: Path,
    layout: str | None = None,
    *,
    kind: Kind | None = None,
    answers: Task | None = None,
    target: Sequence[str] = (),
) -> Dataset:
    """Read a data folder (or a table or archive) in whichever layout it is.

    layout: a name in LAYOUTS to skip detection; else scanwright.json's "layout"; else what detects itself. kind: what is
    wanted of it, instead of scanwright.json's "kind". answers: a task whose classes, and whether an image has one or several
    of them, hold where scanwright.json does not say. target: columns of a table that are taken where it names none.
    Files that lack a partner become faults of the Dataset. Raises InputError if the folder is missing, empty or not
    understood, or fits two layouts, or names a case as no file can be named, or does not hold what is wanted; UsageError if
    there is no layout of that name.
    """
    root = Path(root).absolute()
    _require_content(root)
    declared = read_declaration(root if root.is_dir() else root.parent)
    if kind is not None:
        declared = declared.model_copy(update={"kind": kind})
    if answers is not None and answers.classes and declared.classes is None:
        choice = declared.choice or answers.choice
        declared = declared.model_copy(update={"classes": answers.classes, "choice": choice})
    if target and not declared.target:
        declared = declared.model_copy(update={"target": tuple(target)})
    name, reason = _chosen(root, layout or declared.layout, kind=declared.kind, target=declared.target)
    wanted = declared
    if declared.kind == "anomaly":  # what is there is read as it is, and says what is normal
        declared = declared.model_copy(update={"kind": None})
    found = READERS[name].read(root, without_findings(declared))
    if not found.cases:
        details = [fault.line() for fault in found.faults[:5]]
        raise InputError("no case in this data set", where=root, found=f"layout {name}: {reason}", details=details)
    found = with_findings(found, declared, where=root if root.is_dir() else root.parent)
    found = with_targets(with_declared(found, declared, tables=name not in WITH_OWN_TABLES), declared)
    if declared.kind == "detection" and found.task.kind == "segmentation":
        found = with_instances(found)
    if wanted.kind == "anomaly":
        found = with_normals(found, declared)
    _require_kind(found, wanted.kind)
    return _told(found, root)


def read_listed(root: Path) -> Dataset:
    """The images that a table lists, whatever it says of them: its columns of plain numbers are quantities, if it has some.

    Raises InputError if there is no such table, or there are several, or what lists cases names one twice.
    """
    root = Path(root).absolute()
    _require_content(root)
    declared = read_declaration(root if root.is_dir() else root.parent)
    return _told(with_declared(target_table.read_listed(root, declared, name=table.NAME), declared, tables=False), root)


def _told(found: Dataset, root: Path) -> Dataset:
    """A data set with its cases in order, what it holds in words, and faults of files that were passed over."""
    cases = tuple(sorted(found.cases, key=lambda case: case.id))
    _require_plain_names(cases, root)
    parts = (_counted(cases), answers_text(cases, found.task), _channels(found.task))
    stated = f"{found.stated}: {'; '.join(part for part in parts if part)}"
    faults = (*found.faults, *passed_over(found.root))
    return found.model_copy(update={"cases": cases, "stated": stated, "faults": faults})


def columns_like(root: Path, task: Task) -> tuple[str, ...]:
    """The columns of the one table beside or in a data set that hold what a task answers; () if there is none, or several."""
    found = set()
    for path in [root] if root.is_file() else tables_in(root):
        with suppress(InputError):
            found.add(columns_that_answer(read_table(path), task))
    told = found - {()}
    return told.pop() if len(told) == 1 else ()


def list_series(root: Path, layout: str | None = None, *, kind: Kind | None = None) -> SeriesList:
    """What a folder of DICOM holds, volume by volume, whether or not it is a data set; nothing for any other layout.

    Errors as `read_dataset`, but for those of the DICOM layout itself.
    """
    root = Path(root).absolute()
    _require_content(root)
    declared = read_declaration(root if root.is_dir() else root.parent)
    name, _ = _chosen(root, layout or declared.layout, kind=kind or declared.kind)
    return dicom_listing.list_series(root) if name == dicom.NAME else SeriesList()


def _require_content(root: Path) -> None:
    if not root.exists():
        raise InputError("no such file or folder", where=root, hint="Check the path of the data.")
    try:
        is_empty = root.is_dir() and all(path.name.startswith(".") for path in root.iterdir())
    except PermissionError as error:
        raise InputError(
            "no permission to look into this folder", where=root, hint="Change its permissions."
        ) from error
    if is_empty:
        raise InputError("the folder is empty", where=root, hint="Give the folder that holds the images and labels.")


def _require_kind(found: Dataset, kind: Kind | None) -> None:
    """Raise InputError if the data set does not answer what is asked of it."""
    if kind is not None and found.task.kind != kind:
        raise InputError(
            "the data set does not hold what is wanted",
            where=found.root,
            expected=kind,
            found=f"{found.task.kind} ({found.stated})",
            hint=f'{TO_GIVE[kind]}, or leave --task and "kind" out.',
        )


def _require_plain_names(cases: tuple[Case, ...], root: Path) -> None:
    """Raise InputError for a case whose name could not be that of a file: answers are written under it."""
    odd = [case.id for case in cases if not is_plain_name(case.id)]
    if odd:
        raise InputError(
            "a case name that cannot be a file name",
            where=root,
            expected="letters, digits and signs, without slashes and not beginning with a dot",
            found=repr(odd[0]) + (f" and {len(odd) - 1} more" if len(odd) > 1 else ""),
            hint="Rename it in the table or dataset.json.",
        )


def _chosen(root: Path, name: str | None, *, kind: Kind | None = None, target: Sequence[str] = ()) -> tuple[str, str]:
    """The layout's name and why it was taken. kind, target: what is wanted, where that is known."""
    if name is not None:
        if name not in READERS:
            raise UsageError("no such layout", found=name, expected=f"one of {', '.join(READERS)}")
        return name, "as asked for"
    reasons = {key: reason for key, module in LAYOUTS.items() if (reason := module.detect(root)) is not None}
    if (not reasons or (target and table.NAME not in reasons)) and (
        why := target_table.detect(root, kind=kind, grades=kind in OF_GRADES, target=target)
    ) is not None:  # a column that is asked for, of numbers or by its name, or one of grades
        reasons[table.NAME] = why
    if kind == "anomaly" and not reasons and (why := images.detect(root)) is not None:
        reasons = {images.NAME: why}
    if set(reasons) <= {table.NAME} and (kind == "detection" or (kind is None and not target)):
        box_table.require_no_near_miss(root, sure=kind is None)
    if kind is not None:
        reasons = {key: why for key, why in reasons.items() if key in ANSWERED[kind]} or reasons
    if kind == "detection":
        reasons = {key: why for key, why in reasons.items() if key in OF_BOXES} or reasons
    explicit = [key for key in reasons if key not in BY_FOLDER_NAMES]
    if not reasons:
        raise _not_understood(root, kind)
    if len(explicit) > 1:
        raise InputError(
            "the folder fits several layouts",
            where=root,
            details=[f"{key}: {reasons[key]}" for key in explicit],
            hint=f'Choose one with --layout {"|".join(explicit)}, or "layout" in scanwright.json.',
        )
    chosen = (explicit or list(reasons)[::-1])[0]
    return chosen, reasons[chosen]


def _not_understood(root: Path, kind: Kind | None) -> InputError:
    """The error that says what lies there, what it lacks, what was looked for, and a folder inside that would do.

    First, where there are such, tables that list images and lack little, and files that cannot be read.
    """
    near = target_table.near_misses(root, kind=kind) if root.is_dir() or not is_archive(root) else []
    empty = class_folders.near_misses(root)
    name_it = f'Name the column in {FILE_NAME} beside the images: {{"target": "…"}}.' if near else None
    if root.is_file():
        expected = f"{table.LOOKED_FOR}; or {medmnist.LOOKED_FOR}"
        hint = name_it or "Give a folder."
        return InputError("this file is not a data set", where=root, expected=expected, details=near, hint=hint)
    entries = sorted(path.name + ("/" if path.is_dir() else "") for path in root.iterdir() if path.name[0] != ".")
    shown = ", ".join(entries[:8]) + (f" and {len(entries) - 8} more" if len(entries) > 8 else "")
    inside = [
        path.name for path in sorted(root.iterdir()) if (path.is_dir() or is_archive(path)) and _is_understood(path)
    ]
    return InputError(
        "no data set recognised here",
        where=root,
        found=shown,
        details=[
            *near,
            *empty,
            *(f"cannot be read: {line}" for line in why_unreadable(tables_in(root))),
            *([f"not read: {counted(unread)}. {CONVERT}"] if (unread := unread_files(root)) else []),
            *(f"looked for {key}: {module.LOOKED_FOR}" for key, module in LAYOUTS.items()),
        ],
        hint=f"Did you mean {root / inside[0]}?"
        if inside
        else name_it
        or ("Add the images that are missing. " if empty else "") + "Arrange the files so, or say which with --layout.",
    )


def _is_understood(folder: Path) -> bool:
    try:
        return any(module.detect(folder) for module in LAYOUTS.values())
    except (InputError, PermissionError):
        return False


def _channels(task: Task) -> str:
    """Which channels go in and as what they will be normalised: "channels T1 and CT, taken as mr and ct"."""
    names = " and ".join(channel.name for channel in task.channels)
    taken = " and ".join(channel.modality for channel in task.channels)
    return f"channel{'s' * (len(task.channels) > 1)} {names}, taken as {taken}"


def _counted(cases: tuple[Case, ...]) -> str:
    """How many cases, of how many patients, with how many set apart; in words."""
    test = sum(case.split == "test" for case in cases)
    unlabelled = sum(not case.is_labelled for case in cases)
    patients = len({case.patient for case in cases})
    parts = [f"{len(cases)} case{'s' * (len(cases) != 1)} of {patients} patient{'s' * (patients != 1)}"]
    parts += [f"{test} set apart for testing"] if test else []
    parts += [f"{unlabelled} without a label"] if unlabelled else []
    return ", ".join(parts)

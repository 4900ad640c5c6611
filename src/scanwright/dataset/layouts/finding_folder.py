"""Masks of findings in a folder of their own, beside label maps of anatomy: "finding_folder" in scanwright.json.

    findings/p01__nodule.png     CASE__NAME or CASE_NAME; a number at the end says nothing (p01_nodule_2.png)
    findings/p01/nodule.png      a folder that is called as the case
    nodules/p01.png              a mask that has no name is called as the folder

Anatomy and findings become one task of regions that overlap. The label map keeps its values, and each structure gets a bit
above them: over 1, 2 and 3 the first is 4, the next 8, so that 6 is the first in the region of 2. A structure that is not
drawn in a case is not there: unlike a region, a lesion is not expected in everybody. "structures" chooses and joins names.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from scanwright.dataset.cases import Case, Dataset, Fault
from scanwright.dataset.declare import FILE_NAME, Declaration
from scanwright.dataset.layouts.listing import folders_in, images_in
from scanwright.dataset.layouts.names import SEPARATOR, without_number
from scanwright.dataset.layouts.several_masks import name_of, spellings
from scanwright.dataset.layouts.structures import regions_of, unmatched_patterns, values_of_bits
from scanwright.dataset.task import Region, Task, as_input_error
from scanwright.errors import InputError
from scanwright.io.formats import stem
from scanwright.io.source import LabelFiles

Drawn = Mapping[str, Sequence[tuple[str, Path]]]
"""The masks of each case, each with the name of what it shows."""


def with_findings(dataset: Dataset, declared: Declaration, *, where: Path) -> Dataset:
    """The data set with the masks of "finding_folder" joined to its label maps; as it is where none is declared.

    where: the folder of scanwright.json. Masks of a case without a label map are not read, as the case is not learned from. A
    mask of no case is an error among the faults. Raises InputError if the folder holds no mask of any case, if label maps are
    not of one file each or have an ignore value, or if the names do not fit: too many, none that is wanted, or one of a region.
    """
    if declared.finding_folder is None:
        return dataset
    folder, task = where / declared.finding_folder, dataset.task
    _require_label_maps(dataset, folder)
    found = list(_masks_in(folder))
    drawn, strays = _by_case(found, {case.id for case in dataset.cases})
    if not drawn:
        raise _nothing_fits(folder, strays)
    spelled = spellings(name for masks in drawn.values() for name, _ in masks)
    drawn = {
        case: [(spelled.get(name.lower(), folder.name), path) for name, path in masks] for case, masks in drawn.items()
    }
    wanted = regions_of(sorted({name for masks in drawn.values() for name, _ in masks}), declared, folder)
    _require_new_names(wanted.values(), task, folder)
    held = [value for value in task.values if value != 0]
    bits = values_of_bits(wanted, folder, above=held)
    return dataset.model_copy(
        update={
            "stated": f"{dataset.stated}, findings in {declared.finding_folder}/",
            "task": _joint_task(task, {wanted[name]: bit for name, bit in bits.items()}, declared, where=where),
            "cases": tuple(_with_masks(case, drawn.get(case.id, ()), bits, held) for case in dataset.cases),
            "faults": (
                *dataset.faults,
                *strays,
                *unmatched_patterns((name for masks in drawn.values() for name, _ in masks), declared),
                *_told(dataset.cases, drawn, wanted, declared),
            ),
        }
    )


def without_findings(declared: Declaration) -> Declaration:
    """What a layout is told of the task: where findings have a folder of their own, only label maps and their regions."""
    return declared if declared.finding_folder is None else declared.model_copy(update={"findings": None})


def _masks_in(folder: Path) -> Iterator[tuple[str | None, Path]]:
    """Every mask with the folder that it lies in, None for the folder itself. Raises InputError if there is none."""
    own = images_in(folder)
    deeper = [(inner.name, path) for inner in folders_in(folder) for path in images_in(inner)]
    if not own and not deeper:
        raise InputError(
            "the declared folder has no image files", where=folder, hint=f'Correct "finding_folder" in {FILE_NAME}.'
        )
    yield from ((None, path) for path in own)
    yield from deeper


def _by_case(
    found: Iterable[tuple[str | None, Path]], ids: set[str]
) -> tuple[dict[str, list[tuple[str, Path]]], list[Fault]]:
    """The masks of each case, and a fault for each that is of none."""
    drawn: dict[str, list[tuple[str, Path]]] = defaultdict(list)
    strays: list[Fault] = []
    for inner, path in found:
        split = _split(stem(path), ids) if inner is None else (inner, name_of(path)) if inner in ids else None
        if split is None:
            strays.append(_stray(path, inner))
        else:
            drawn[split[0]].append((split[1], path))
    return dict(drawn), strays


def _split(name: str, ids: set[str]) -> tuple[str, str] | None:
    """A mask's name as (case, what it shows without its number); of several cases that it could begin with the longest.

    None if it begins with none.
    """
    if name in ids:
        return name, ""
    for mark in reversed(list(re.finditer(rf"{SEPARATOR}+", name))):
        if name[: mark.start()] in ids:
            return name[: mark.start()], without_number(name[mark.end() :])
    return None


def _with_masks(case: Case, masks: Iterable[tuple[str, Path]], bits: Mapping[str, int], held: Sequence[int]) -> Case:
    """A case whose label is its label map and these masks. Without masks too: its values must not reach into the bits."""
    if not isinstance(case.label, Path):
        return case
    wanted = [(path, bits[name]) for name, path in masks if name in bits]
    label = LabelFiles(
        (case.label, *(path for path, _ in wanted)),
        (None, *(bit for _, bit in wanted)),
        bits=True,
        kept=tuple(held),
    )
    return case.model_copy(update={"label": label})


def _joint_task(task: Task, bits: Mapping[str, int], declared: Declaration, *, where: Path) -> Task:
    """The task with a further region for each structure. Raises InputError if scanwright.json names findings that are none."""
    held = task.values
    above = [0]
    for bit in bits.values():
        above += [value | bit for value in above]
    regions = [
        *((region.name, [value | bit for bit in above for value in region.values]) for region in task.regions),
        *((name, [value | some for some in above if some & bit for value in held]) for name, bit in bits.items()),
    ]
    findings = (*task.abnormal, *bits) if declared.findings is None else declared.findings
    fields: dict[str, Any] = {
        "regions": tuple(Region(name=name, values=tuple(sorted(values))) for name, values in regions),
        "region_order": (*task.region_order, *bits.values()),
        "findings": findings,
        "source": FILE_NAME,
    }
    try:
        return Task.model_validate(task.model_dump() | fields)
    except ValidationError as error:
        raise as_input_error(error, message="labels that make no sense together", where=where / FILE_NAME) from error


def _told(cases: Sequence[Case], drawn: Drawn, wanted: Mapping[str, str], declared: Declaration) -> Iterator[Fault]:
    """A note on how many cases show each structure, and a warning for what is declared and drawn nowhere."""
    labelled = [case.id for case in cases if case.label is not None]
    names = dict.fromkeys(wanted.values())
    counts = {
        region: sum(any(wanted.get(name) == region for name, _ in drawn.get(case, ())) for case in labelled)
        for region in names
    }
    shown = ", ".join(f"{region} in {number}" for region, number in counts.items())
    yield Fault(
        code="finding-masks",
        severity="note",
        found=f"of {len(labelled)} cases masks show {shown}; where there is none, nothing is taken to be there",
    )
    if nowhere := [region for region in declared.structures or () if region not in names]:
        yield Fault(
            code="missing-structure",
            severity="warning",
            expected=f"masks of {', '.join(nowhere)}",
            found="none in any case",
            action=f'Correct the patterns of "structures" in {FILE_NAME}, or leave it out.',
        )


def _stray(path: Path, inner: str | None) -> Fault:
    """A mask of no case."""
    return Fault(
        code="missing-image",
        severity="error",
        case=inner or re.split(r"__", stem(path))[0],
        file=path,
        expected="an image with whose name the mask's begins" if inner is None else "an image called as the folder",
        found="none",
        action="Add the image, or remove the mask.",
    )


def _nothing_fits(folder: Path, strays: Sequence[Fault]) -> InputError:
    names = [fault.file.name for fault in strays[:3] if fault.file is not None]
    return InputError(
        "no mask of findings belongs to a case",
        where=folder,
        expected="CASE__NAME or CASE_NAME, or a folder called as the case",
        found=", ".join(names),
        hint="Rename the masks after their images.",
    )


def _require_label_maps(dataset: Dataset, folder: Path) -> None:
    """Raise InputError unless every label is a label map of one file, without an ignore value."""
    if dataset.task.kind != "segmentation":
        message = "a folder of findings goes with label maps"
        raise InputError(message, where=folder, expected="segmentation", found=dataset.task.kind)
    parted = [case.id for case in dataset.cases if case.label is not None and not isinstance(case.label, Path)]
    if parted:
        raise InputError(
            "a folder of findings goes with label maps of one file each",
            where=folder,
            found=f"a label in several parts, as that of {parted[0]}",
            hint="Put the findings among the other masks of each case, or save its regions as one label map.",
        )
    if dataset.task.ignore is not None:
        raise InputError(
            "a folder of findings does not go with an ignore value",
            where=folder,
            found=f"ignore {dataset.task.ignore}",
            hint="Save the findings in the label maps, or leave out the cases that nobody judged in full.",
        )


def _require_new_names(names: Iterable[str], task: Task, folder: Path) -> None:
    """Raise InputError if a structure is called as a region of the label map: they would be one."""
    taken = {region.name.lower() for region in task.regions}
    if both := sorted({name for name in names if name.lower() in taken}):
        raise InputError(
            "masks of findings that are called as regions of the label map",
            where=folder,
            found=", ".join(both),
            hint=f'Call them otherwise by "structures" in {FILE_NAME}.',
        )

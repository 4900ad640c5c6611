"""Everything that is held against groups and splits: numbers and words by measure and case.

numbers   each channel's mean, spread and median; spacing, voxels and extent along x, y and z (canonical order; pictures: voxels
          alone); each region's volume in ml where it is there (pictures: share of the picture); quantities; number of boxes
words     the class, or each of several; whether each region, or a box of each class, is there; axis order; number type
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from statistics import median
from typing import TypeVar

from scanwright.dataset.cases import Boxes, Case, Classes, Quantities
from scanwright.dataset.facts import CaseFacts
from scanwright.dataset.fingerprint import canonical_order
from scanwright.dataset.task import Task
from scanwright.gate.cohort import Cohort
from scanwright.gate.shortcut.questions import box_counts, volume_of

Numbers = Mapping[str, Mapping[str, float]]
Words = Mapping[str, Mapping[str, str]]
Owner = TypeVar("Owner", str, tuple[str, str])


def numbers_of(cohort: Cohort) -> Numbers:
    """By measure the number of each case that has one."""
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for case in cohort.cases:
        facts = cohort.facts[case.id]
        for name, number in {**_image(facts, cohort.dataset.task), **_answer(case, facts, cohort.dataset.task)}.items():
            found[name][case.id] = number
    return found


def words_of(cohort: Cohort) -> Words:
    """By measure the word of each case that has one."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for case in cohort.cases:
        facts = cohort.facts[case.id]
        found["axis order"][case.id], found["number type"][case.id] = facts.orientation, facts.dtype
        for name, word in _stated(case, facts, cohort.dataset.task).items():
            found[name][case.id] = word
    return found


def is_answer(measure: str, task: Task) -> bool:
    """Whether a measure is of what the task asks for, and not of how the image was made."""
    answers = {"class", "boxes", *task.classes, *task.quantities, *(f"boxes of {name}" for name in task.classes)}
    sizes = ("present", "volume (ml)", "share of the picture")
    return measure in answers | {f"{region.name} {size}" for region in task.regions for size in sizes}


def number_of_each(by_case: Mapping[str, float], owners: Mapping[str, Owner]) -> dict[Owner, float]:
    """For each patient the median of its cases, so that many scans of one weigh no more than one; patients sorted."""
    rows: dict[Owner, list[float]] = defaultdict(list)
    for case, number in by_case.items():
        rows[owners[case]].append(number)
    return {owner: float(median(rows[owner])) for owner in sorted(rows)}


def word_of_each(by_case: Mapping[str, str], owners: Mapping[str, Owner]) -> dict[Owner, str]:
    """For each patient the most frequent word of its cases, of equals the first by name; patients sorted."""
    rows: dict[Owner, Counter[str]] = defaultdict(Counter)
    for case, word in by_case.items():
        rows[owners[case]][word] += 1
    return {owner: min(rows[owner], key=lambda word: (-rows[owner][word], word)) for owner in sorted(rows)}


def _image(facts: CaseFacts, task: Task) -> dict[str, float]:
    found = {}
    for channel, levels in zip(task.channels, facts.channels, strict=True):
        found[f"{channel.name} mean"], found[f"{channel.name} spread"] = levels.mean, levels.std
        found[f"{channel.name} median"] = levels.p500
    for name, axis in zip("xyz", canonical_order(facts.orientation), strict=True):
        found[f"voxels {name}"] = float(facts.shape[axis])
        if facts.unit == "mm":
            found[f"spacing {name} (mm)"] = facts.spacing[axis]
            found[f"extent {name} (mm)"] = facts.shape[axis] * facts.spacing[axis]
    return found


def _answer(case: Case, facts: CaseFacts, task: Task) -> dict[str, float]:
    unit = "volume (ml)" if facts.unit == "mm" else "share of the picture"
    found = {f"{name} {unit}": volume_of(facts, name) for name, voxels in facts.region_voxels.items() if voxels}
    if isinstance(case.target, Quantities):
        known = zip(task.quantities, case.target.numbers, strict=True)
        found |= {name: number for name, number in known if number is not None}
    if isinstance(case.target, Boxes):
        found["boxes"] = float(box_counts(case).total())
    return found


def _stated(case: Case, facts: CaseFacts, task: Task) -> dict[str, str]:
    if isinstance(case.target, Classes):
        if task.choice == "several":
            return {name: "yes" if there else "no" for name, there in case.target.known(task.classes).items()}
        return {"class": case.target.names[0]} if case.target.names else {}
    if isinstance(case.target, Boxes):
        counts = box_counts(case)
        return {f"boxes of {name}": "yes" if counts[name] else "no" for name in task.classes}
    return {f"{name} present": "yes" if voxels else "no" for name, voxels in facts.region_voxels.items()}

"""Which cases of a data set are normal: those are learned from, and all others only judged.

label maps     a case is normal if nothing of what is wrong is outlined in it: no finding, or, where no region is
               called a finding, no region at all. Anatomy stays in the label maps. Where nothing is outlined, but not
               everything that is wrong was looked for, or not everywhere (ignore), nothing is known
classes        those that are called normal (healthy, no finding, negative …), of two the one that is called negative
               or benign, or those that scanwright.json names: {"normal": ["normal", "scar"]}
several labels a case without any of them; where one is not known, and none is there, nothing is known
images alone   all are taken to be normal
"""

from collections.abc import Sequence

import numpy as np

from scanwright.dataset.cases import Case, Classes, Dataset
from scanwright.dataset.classes import ABNORMAL, NORMAL, NORMAL_OR_NOT, called_normal
from scanwright.dataset.declare import FILE_NAME, Declaration
from scanwright.dataset.instances import unread_label
from scanwright.dataset.task import Task
from scanwright.errors import InputError
from scanwright.io.formats import read_label


def with_normals(dataset: Dataset, declared: Declaration) -> Dataset:
    """The data set with two classes, normal and abnormal. Label maps stay, to tell what was outlined from what was not.

    Reads every label map; one that cannot be read becomes a fault. Raises InputError if nothing says what is normal.
    """
    kind = dataset.task.kind
    if kind == "segmentation":
        return _of_label_maps(dataset)
    if kind == "classification":
        return _of_classes(dataset, declared)
    raise InputError(
        "nothing says which of these images are normal",
        where=dataset.root,
        expected="images alone, label maps, or classes",
        found=f"{kind}: {dataset.stated}",
        hint="Give a folder of normal images, or one that has classes or label maps.",
    )


def _of_classes(dataset: Dataset, declared: Declaration) -> Dataset:
    task = dataset.task
    normal = set(declared.normal) or set(called_normal(task.classes, choice=task.choice))
    unknown = normal - set(task.classes)
    if unknown or (not normal and task.choice != "several"):
        raise InputError(
            "no class is called normal" if not unknown else "a class that is not there is called normal",
            where=dataset.root,
            expected="a class such as normal, healthy or negative",
            found=", ".join(sorted(unknown) or task.classes[:8]),
            hint=f'Name them in {FILE_NAME}: {{"normal": ["…"]}}.',
        )
    cases = []
    for case in dataset.cases:
        told = case.target if isinstance(case.target, Classes) else Classes(names=(), unknown=task.classes)
        wrong, unknown_wrong = set(told.names) - normal, set(told.unknown) - normal
        said = None if unknown_wrong and not wrong else _said(not wrong)
        cases.append(case.model_copy(update={"target": said}))
    called = ", ".join(sorted(normal)) or "none of the labels"
    return _renewed(dataset, _two(task), cases, stated=f"normal: {called}")


def _of_label_maps(dataset: Dataset) -> Dataset:
    task = dataset.task
    wrong = task.abnormal or tuple(region.name for region in task.regions)
    values = sorted({value for region in task.regions if region.name in wrong for value in region.values})
    cases, faults = [], list(dataset.faults)
    for case in dataset.cases:
        try:
            cases.append(_looked_at(case, values, ignore=task.ignore, known=case.looked_for(wrong)))
        except InputError as error:
            faults.append(unread_label(case, error))
            cases.append(case.model_copy(update={"label": None}))
    unknown = sum(
        case.label is not None and not made.is_labelled for case, made in zip(dataset.cases, cases, strict=True)
    )
    stated = f"normal: without {', '.join(wrong)}" + (f"; {unknown} not looked through" if unknown else "")
    made = _renewed(dataset, _two(task, findings=wrong), cases, stated=stated)
    return made.model_copy(update={"faults": tuple(faults)})


def _looked_at(case: Case, values: Sequence[int], *, ignore: int | None, known: bool) -> Case:
    """With what the label map says. known: whether what it lacks is absent, where it is not ignored."""
    if case.label is None:
        return case
    label = read_label(case.label).voxels[0]
    there = bool(np.isin(label, values).any())
    if not there and not (known and (ignore is None or not (label == ignore).any())):
        return case.model_copy(update={"label": None})
    return case.model_copy(update={"target": _said(not there)})


def _said(is_normal: bool) -> Classes:
    return Classes(names=(NORMAL if is_normal else ABNORMAL,))


def _two(task: Task, *, findings: tuple[str, ...] | None = None) -> Task:
    """The task as one of telling what is not normal. findings: its regions that are not."""
    return Task(
        name=task.name,
        kind="anomaly",
        channels=task.channels,
        regions=task.regions,
        findings=findings,
        partial=task.partial,
        classes=NORMAL_OR_NOT,
        ignore=task.ignore,
        source=task.source,
    )


def _renewed(dataset: Dataset, task: Task, cases: Sequence[Case], *, stated: str) -> Dataset:
    return dataset.model_copy(update={"task": task, "cases": tuple(cases), "stated": f"{dataset.stated}; {stated}"})

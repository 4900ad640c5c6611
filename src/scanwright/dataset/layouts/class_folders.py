"""A folder for each class, its images inside; perhaps below train/, val/ and test/ (words: sides.py), perhaps by patient.

    CLASS/image.png          TRAIN_OR_TEST/CLASS/image.png          CLASS/PATIENT/image.png, at any depth below the class

test/ is a declared test split; val/ is not, since validation cases come from the folds. The folder below the class is the
patient, where there is one; one that is called by a number alone counts within its class. Every image is a case. Names of
folders of images and labels are no classes, nor are names of patients; a mask beside its image ("benign (1)_mask.png") is no
image, but the image's outline. Which class is the first: `dataset.classes`.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from scanwright.dataset.cases import Case, Classes, Dataset, Fault, Side
from scanwright.dataset.classes import in_order, one_spelling
from scanwright.dataset.declare import FILE_NAME, Declaration, make_class_task, require_order
from scanwright.dataset.infer import infer_channels
from scanwright.dataset.layouts.image_mask import IMAGE_FOLDERS, LABEL_FOLDERS
from scanwright.dataset.layouts.listing import folders_in, images_in
from scanwright.dataset.layouts.names import label_case
from scanwright.dataset.layouts.pairing import label_of, left_out
from scanwright.dataset.layouts.sidecar import is_patient_name
from scanwright.dataset.layouts.sides import word_of
from scanwright.errors import InputError
from scanwright.io.formats import stem

NAME = "class-folders"
LOOKED_FOR = "a folder of images for each class, two at least; or these in train/, val/ and test/"

NO_CLASSES = frozenset({*IMAGE_FOLDERS, *LABEL_FOLDERS, "imagests", "labelsts", "images_ts", "labels_ts", "findings"})
OF_DATA_SETS = (
    "dataset.json",
    "dataset_description.json",
    "imagesTr",
    FILE_NAME,
)  # a folder of data sets has no classes
SIDES = ("train", "validation", "test")
DEEPEST = 5  # folders below a class


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """An image in a class's folder. inside: the folders between the class's and the image. masks: those beside it."""

    path: Path
    name: str
    side: str
    inside: tuple[str, ...]
    masks: tuple[Path, ...] = ()


def detect(root: Path) -> str | None:
    """Why the folder holds one folder for each class, or None."""
    folders = _class_folders(root)
    names = list(one_spelling(folder.name for _, folder in folders).values())
    classes = in_order(names)
    if len(classes) < 2 or all(is_patient_name(name) or _is_dated_side(name) for name in classes):
        return None
    if any((folder / mark).exists() for _, folder in folders for mark in OF_DATA_SETS):
        return None
    # As many folders as images are cases rather than classes.
    images = sum(1 for _, folder in folders for _ in _images_below(folder))
    if images < 2 * len(classes):
        return None
    shown = ", ".join(classes[:6]) + (f" and {len(classes) - 6} more" if len(classes) > 6 else "")
    return f"a folder for each class: {shown}"


def near_misses(root: Path) -> list[str]:
    """Why a folder is no folder of classes all the same, a line: all but one of what could be its classes are empty."""
    folders = _class_folders(root) if root.is_dir() else []
    empty = [fault.found.removeprefix("none in ") for fault in _empty(root, folders)]
    if len({folder.name for _, folder in folders}) != 1 or not empty:
        return []
    name = folders[0][1].relative_to(root)
    return [f"{name} holds images, but {', '.join(empty[:6])} none: {LOOKED_FOR}"]


def _is_dated_side(name: str) -> bool:
    """Whether a name is that of a side with a year, as COCO has them: train2017."""
    return name.rstrip("0123456789") != "" and word_of(name.rstrip("0123456789")) is not None


def read(root: Path, declared: Declaration) -> Dataset:
    """Read the folder. Raises InputError if there are not two classes, one of them is not declared, or they are declared as
    grades and nothing says their order.
    """
    folders = _class_folders(root)
    items, masks = _items(folders, declared)
    if len({item.name for item in items}) < 2:
        found = ", ".join(sorted({item.name for item in items})) or "none"
        raise InputError("fewer than two class folders", where=root, expected=LOOKED_FOR, found=found)
    cases = [_case(item, name) for item, name in zip(items, _ids(items), strict=True)]
    classes = in_order((item.name for item in items), choice=declared.choice or "one")
    require_order(declared, classes, where=root)
    task = make_class_task(
        declared,
        kind="classification",
        name=root.name,
        channels=declared.channels or infer_channels([item.path for item in items], folder=root.name),
        classes=classes,
        source="folder names",
        where=root,
    )
    by_folder = any(item.inside for item in items)
    return Dataset(
        root=root,
        layout=NAME,
        stated="a folder for each class",
        task=task,
        cases=tuple(cases),
        faults=(*_left_out(masks, _strays(root, folders)), *_empty(root, folders)),
        **({"patients_from": "folders below the class folders"} if by_folder else {}),
    )


def _class_folders(root: Path) -> list[tuple[str, Path]]:
    """(name of the side's folder or "", class folder), for the root itself or for its folders train, val and test."""
    sides = [folder for folder in folders_in(root) if word_of(folder.name) in SIDES]
    below = [(side.name, folder) for side in sides for folder in _holding(side)]
    return below or [("", folder) for folder in _holding(root)]


def _holding(folder: Path) -> list[Path]:
    """Folders inside that hold images at some depth and could be classes by their names."""
    could = [
        inner
        for inner in folders_in(folder)
        if inner.name.lower() not in NO_CLASSES and word_of(inner.name) not in SIDES
    ]
    return [inner for inner in could if next(_images_below(inner), None) is not None]


def _images_below(folder: Path, depth: int = 0) -> Iterator[tuple[Path, tuple[str, ...]]]:
    """Images and the folders that they lie in below `folder`; folders of labels are left out."""
    yield from ((path, ()) for path in images_in(folder))
    if depth < DEEPEST:
        for inner in folders_in(folder):
            if inner.name.lower() not in LABEL_FOLDERS:
                yield from ((path, (inner.name, *inside)) for path, inside in _images_below(inner, depth + 1))


def _items(folders: Sequence[tuple[str, Path]], declared: Declaration) -> tuple[list[Item], list[Path]]:
    """The images of all classes, and masks beside them. A class is spelled as the folder with most of its images."""
    listed = [(side, folder, list(_images_below(folder))) for side, folder in folders]
    spelling = one_spelling((folder.name for _, folder, found in listed for _ in found), declared=declared.classes)
    items: list[Item] = []
    masks: list[Path] = []
    for side, folder, found in listed:
        there = {(path.parent, stem(path)) for path, _ in found}
        beside: dict[tuple[Path, str], list[Path]] = defaultdict(list)
        for path, _ in found:
            masked = label_case(stem(path))
            if masked and (path.parent, masked) in there:
                beside[path.parent, masked].append(path)
        own = {path for paths in beside.values() for path in paths}
        items += [
            Item(
                path=path,
                name=spelling[folder.name],
                side=side,
                inside=inside,
                masks=tuple(beside[path.parent, stem(path)]),
            )
            for path, inside in found
            if path not in own
        ]
        masks += [path for path, _ in found if path in own]
    return items, masks


def _case(item: Item, name: str) -> Case:
    split: Side = "test" if word_of(item.side) == "test" else "train"
    return Case(
        id=name,
        images=(item.path,),
        target=Classes(names=(item.name,)),
        outline=label_of(item.masks),
        patient=_patient(item, name),
        split=split,
    )


def _patient(item: Item, case: str) -> str:
    """The folder below the class's; images that lie in none are each a patient's own."""
    named = next((name for name in item.inside if name.lower() not in IMAGE_FOLDERS), None)
    if named is None:
        return case
    return f"{item.name} {named}" if named.isdecimal() else named


Naming = Callable[[Item], Iterable[str]]
NAMINGS: tuple[Naming, ...] = (
    lambda item: (stem(item.path),),
    lambda item: (item.name, stem(item.path)),
    lambda item: (item.name, *item.inside, stem(item.path)),
    lambda item: (item.side, item.name, *item.inside, stem(item.path)),
    lambda item: (item.side, item.name, *item.inside, item.path.name),
)
"""Ways to call a case, the shortest first; the last one differs wherever files do."""


def _ids(items: Sequence[Item]) -> list[str]:
    """A name for each image, all in the first of the ways above in which no two are the same."""
    for naming in NAMINGS:
        names = ["_".join(part for part in naming(item) if part) for item in items]
        if len({name.casefold() for name in names}) == len(names):
            return names
    return names


def _strays(root: Path, folders: Sequence[tuple[str, Path]]) -> list[Path]:
    """Images beside the class folders: they belong to no class."""
    return [path for folder in sorted({root, *(folder.parent for _, folder in folders)}) for path in images_in(folder)]


def _left_out(masks: Sequence[Path], strays: Sequence[Path]) -> Iterator[Fault]:
    for files, what, action in (
        (masks, "masks beside their images", "They are read as outlines by a model of radiomic features."),
        (strays, "images in no class's folder", "Move them into a class's folder if they belong to one."),
    ):
        if files:
            yield left_out(files, what, action=action)


def _empty(root: Path, folders: Sequence[tuple[str, Path]]) -> Iterator[Fault]:
    """A note for each folder beside the classes that has no image in it, and could have been a class."""
    parents: dict[Path, set[Path]] = defaultdict(set)
    for _, folder in folders:
        parents[folder.parent].add(folder)
    for parent, known in parents.items():
        for folder in folders_in(parent):
            if folder not in known and folder.name.lower() not in NO_CLASSES and word_of(folder.name) not in SIDES:
                yield Fault(
                    code="left-out",
                    severity="note",
                    file=folder,
                    expected="images in every class's folder",
                    found=f"none in {folder.relative_to(root)}",
                    action="Add its images if it is a class.",
                )

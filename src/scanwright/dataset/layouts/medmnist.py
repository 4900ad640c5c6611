"""MedMNIST's archives, and others made like them: one .npz of pictures or volumes with their classes.

    train_images, val_images, test_images      (N, H, W), (N, H, W, 3) or (N, D, H, W)      see io.archive
    train_labels, val_labels, test_labels      (N, 1): a class; (N, K) of 0 and 1: several at once

test is a declared test split; val is not, since validation cases come from the folds. A case is called by its array and its
place in it: train_00017. The archive says nothing of patients. Names of classes are known by the archive's name
(breastmnist.npz, pathmnist_64.npz); else they are "class 0", "class 1" …, unless scanwright.json declares them, then in the
order of their codes.

DATA may be the archive itself, or a folder with exactly one.
Source: Yang et al. 2023, Scientific Data 10:41; names of classes as in the package medmnist, info.py.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from scanwright.dataset.cases import Case, Classes, Dataset, Side
from scanwright.dataset.classes import in_order
from scanwright.dataset.declare import FILE_NAME, Declaration, make_class_task
from scanwright.dataset.infer import infer_channels
from scanwright.dataset.task import Channel, Choice, Modality
from scanwright.errors import InputError
from scanwright.io import archive
from scanwright.io.source import ArrayItem
from scanwright.types import Array

NAME = "medmnist"
LOOKED_FOR = "one .npz with train_images and train_labels"

SIDES: dict[str, Side] = {"train": "train", "val": "train", "test": "test"}
MAX_CLASSES = 1000

ORGANS = (
    *(
        "bladder",
        "femur-left",
        "femur-right",
        "heart",
        "kidney-left",
        "kidney-right",
        "liver",
        "lung-left",
        "lung-right",
    ),
    *("pancreas", "spleen"),
)
CLASSES: dict[str, tuple[str, ...]] = {
    "pathmnist": (
        *("adipose", "background", "debris", "lymphocytes", "mucus", "smooth muscle", "normal colon mucosa"),
        *("cancer-associated stroma", "colorectal adenocarcinoma epithelium"),
    ),
    "chestmnist": (
        *("atelectasis", "cardiomegaly", "effusion", "infiltration", "mass", "nodule", "pneumonia", "pneumothorax"),
        *("consolidation", "edema", "emphysema", "fibrosis", "pleural", "hernia"),
    ),
    "dermamnist": (
        *("actinic keratoses and intraepithelial carcinoma", "basal cell carcinoma", "benign keratosis-like lesions"),
        *("dermatofibroma", "melanoma", "melanocytic nevi", "vascular lesions"),
    ),
    "octmnist": ("choroidal neovascularization", "diabetic macular edema", "drusen", "normal"),
    "pneumoniamnist": ("normal", "pneumonia"),
    "retinamnist": ("grade 0", "grade 1", "grade 2", "grade 3", "grade 4"),
    "breastmnist": ("malignant", "normal, benign"),
    "bloodmnist": (
        *("basophil", "eosinophil", "erythroblast", "immature granulocytes", "lymphocyte", "monocyte", "neutrophil"),
        "platelet",
    ),
    "tissuemnist": (
        *("collecting duct, connecting tubule", "distal convoluted tubule", "glomerular endothelial cells"),
        *(
            "interstitial endothelial cells",
            "leukocytes",
            "podocytes",
            "proximal tubule segments",
            "thick ascending limb",
        ),
    ),
    **dict.fromkeys(("organamnist", "organcmnist", "organsmnist"), ORGANS),
    "organmnist3d": (
        *(
            "liver",
            "kidney-right",
            "kidney-left",
            "femur-right",
            "femur-left",
            "bladder",
            "heart",
            "lung-right",
            "lung-left",
        ),
        *("spleen", "pancreas"),
    ),
    "nodulemnist3d": ("benign", "malignant"),
    "adrenalmnist3d": ("normal", "hyperplasia"),
    "fracturemnist3d": ("buckle rib fracture", "nondisplaced rib fracture", "displaced rib fracture"),
    "vesselmnist3d": ("vessel", "aneurysm"),
    "synapsemnist3d": ("inhibitory synapse", "excitatory synapse"),
}
ORDERED = ("retinamnist",)
MODALITIES: dict[str, Modality] = {
    "breastmnist": "us",
    "pneumoniamnist": "xray",
    "chestmnist": "xray",
    "vesselmnist3d": "mr",
}
"""Of grey pictures. Those made of CT hold a window in 8 bits and no Hounsfield units, so they are not taken as CT."""


def detect(root: Path) -> str | None:
    """Why the file, or the only archive in the folder, is one of these; None if it is none or cannot be read."""
    path = _archive(root)
    if path is None:
        return None
    try:
        keys = archive.read_headers(path)
    except InputError:
        return None
    return f"{path.name} with {', '.join(keys)}" if _sides(list(keys)) else None


def read(root: Path, declared: Declaration) -> Dataset:
    """Read the archive's labels. Raises InputError if it has not the arrays named above, or they do not fit each other."""
    path = _archive(root)
    if path is None:
        raise InputError(
            "no NumPy archive, or several", where=root, expected=LOOKED_FOR, hint="Give the archive itself."
        )
    sides = _sides(list(archive.read_headers(path)))
    if not sides:
        raise InputError("not an archive of images and labels", where=path, expected=LOOKED_FOR)
    codes = {side: _codes(path, side) for side in sides}
    flag = re.sub(r"_\d+$", "", path.stem.lower())
    several = {array.shape[1] > 1 for array in codes.values()}
    if len(several) > 1:
        raise InputError(
            "labels of different shapes", where=path, expected="one class each, or the same classes in all"
        )
    choice: Choice = "several" if True in several else "ordered" if flag in ORDERED else "one"
    names = _names(list(codes.values()), flag, declared, several=choice == "several", where=path)
    cases = [
        case for side, array in codes.items() for case in _cases(path, side, array, names, several=choice == "several")
    ]
    found = in_order(names) if choice == "one" and len(names) == 2 else names
    task = make_class_task(
        declared,
        kind="classification",
        name=path.stem,
        channels=declared.channels or _channels(cases, flag),
        classes=found,
        choice=choice,
        source=path.name,
        where=path.parent,
    )
    return Dataset(
        root=path.parent,
        layout=NAME,
        stated=f"MedMNIST archive {path.name}",
        task=task,
        cases=tuple(cases),
        patients_from="nowhere: the archive names no patients, so every case counts as one of its own",
    )


def scans(path: Path) -> tuple[tuple[Case, ...], tuple[str, ...]]:
    """The images of an archive that a model is to answer, without what is known of them, and in words those left out.

    They are its test images; where it has none, all of it. Raises InputError if it holds none of the arrays named above.
    """
    there = archive.read_headers(path)
    found = {side: there[f"{side}_images"].shape for side in SIDES if f"{side}_images" in there}
    if not found or not all(found.values()):
        keys = ", ".join(list(there)[:8]) or "no array"
        raise InputError(
            "no images of this name in the archive", where=path, expected="an array test_images", found=keys
        )
    tested = {side: shape for side, shape in found.items() if SIDES[side] == "test"}
    names = {side: _case_names(side, shape[0]) for side, shape in (tested or found).items()}
    others = [f"{found[side][0]} of {side}_images" for side in found if side not in names]
    return (
        tuple(
            Case(id=name, images=(ArrayItem(path, f"{side}_images", index),), patient=name)
            for side, own in names.items()
            for index, name in enumerate(own)
        ),
        (f"{path.name}: {' and '.join(others)}, which are there to be learned from",) if others else (),
    )


def _archive(root: Path) -> Path | None:
    """The file itself, or the folder's only archive."""
    if root.is_file():
        return root if archive.is_archive(root) else None
    found = [path for path in root.iterdir() if archive.is_archive(path) and path.is_file()]
    return found[0] if len(found) == 1 else None


def _sides(keys: Sequence[str]) -> list[str]:
    return [side for side in SIDES if f"{side}_images" in keys and f"{side}_labels" in keys]


def _codes(path: Path, side: str) -> Array:
    """Labels (N, K) of one side, as many as it has images. Raises InputError for anything but whole numbers from 0."""
    labels = archive.read_array(path, f"{side}_labels")
    images = archive.read_headers(path)[f"{side}_images"].shape
    codes = labels[:, None] if labels.ndim == 1 else labels
    whole = codes.dtype.kind in "uib" or (codes.dtype.kind == "f" and bool((codes == np.round(codes)).all()))
    if codes.ndim != 2 or not whole or (codes < 0).any() or not codes.shape[1]:
        raise InputError(
            f"the array {side}_labels holds no classes",
            where=path,
            expected="whole numbers from 0, shape (N, 1) or (N, K)",
            found=f"{labels.dtype} of shape {labels.shape}",
        )
    if len(codes) != (images[0] if images else 0):
        found = f"{len(codes)} labels of {images[0] if images else 0} images"
        raise InputError(
            "images and labels that do not fit", where=path, expected="one label for each image", found=found
        )
    return codes.astype(np.int64)


def _names(codes: Sequence[Array], flag: str, declared: Declaration, *, several: bool, where: Path) -> tuple[str, ...]:
    """The name of each code.

    Raises InputError for more codes than declared classes, and where several classes are told by anything but 0 and 1.
    """
    highest = max((int(array.max()) for array in codes if array.size), default=0)
    if several and highest > 1:
        expected = "0 or 1 for each class"
        raise InputError("labels of several classes hold numbers", where=where, expected=expected, found=highest)
    number = codes[0].shape[1] if several else highest + 1
    if number > MAX_CLASSES:
        raise InputError("too many classes", where=where, expected=f"at most {MAX_CLASSES}", found=number)
    known = declared.classes or CLASSES.get(flag, ())
    if declared.classes and len(known) < number:
        raise InputError(
            "more classes than are declared",
            where=where.parent / FILE_NAME,
            expected=f"{number} in the order of their codes",
            found=", ".join(known),
            hint='Correct "classes", or leave it out.',
        )
    return known if len(known) >= number else tuple(f"class {code}" for code in range(number))


def _cases(path: Path, side: str, codes: Array, names: Sequence[str], *, several: bool) -> list[Case]:
    cases = []
    for index, (row, name) in enumerate(zip(codes.tolist(), _case_names(side, len(codes)), strict=True)):
        own = tuple(name for name, flag in zip(names, row, strict=False) if flag) if several else (names[row[0]],)
        item = ArrayItem(path, f"{side}_images", index)
        cases.append(Case(id=name, images=(item,), target=Classes(names=own), patient=name, split=SIDES[side]))
    return cases


def _case_names(side: str, count: int) -> list[str]:
    """What the images of one array are called, by their places.

    >>> _case_names("test", 2)
    ['test_00000', 'test_00001']
    """
    width = max(5, len(str(count - 1)))
    return [f"{side}_{index:0{width}d}" for index in range(count)]


def _channels(cases: Sequence[Case], flag: str) -> tuple[Channel, ...]:
    found = infer_channels([case.images[0] for case in cases], folder=flag)
    modality = MODALITIES.get(flag)
    return found if len(found) > 1 or modality is None else (Channel(name=modality.upper(), modality=modality),)

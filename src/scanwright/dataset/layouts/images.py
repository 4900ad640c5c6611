"""Images and nothing else: a folder of scans, or one with a folder of images in it, none of them labelled.

    p01.nii.gz, p02.nii.gz …          images/p01.png, images/p02.png …          at any depth below

Only normal images can be told apart from others so (`--task anomaly`): every one is taken to be normal. Every file is a case of
one channel, or a picture in colours; the folder below the first is the patient, where there is one.
"""

from collections.abc import Iterator
from pathlib import Path

from scanwright.dataset.cases import Case, Classes, Dataset
from scanwright.dataset.classes import NORMAL, NORMAL_OR_NOT
from scanwright.dataset.declare import Declaration, make_class_task
from scanwright.dataset.infer import infer_channels
from scanwright.dataset.layouts.image_mask import IMAGE_FOLDERS
from scanwright.dataset.layouts.listing import folders_in, folders_named, images_in
from scanwright.errors import InputError
from scanwright.io.formats import stem

NAME = "images"
LOOKED_FOR = "images, for --task anomaly"
DEEPEST = 5


def detect(root: Path) -> str | None:
    """Why the folder can be read so, or None: it holds two images at least."""
    count = sum(1 for _ in _below(_home(root)))
    return f"{count} images without labels" if count > 1 else None


def read(root: Path, declared: Declaration) -> Dataset:
    """Every image as a normal case. Raises InputError if there is none."""
    home = _home(root)
    found = sorted(_below(home))
    if not found:
        raise InputError("no images here", where=root, expected=LOOKED_FOR)
    cases = [
        Case(
            id="_".join([*path.relative_to(home).parent.parts, stem(path)]),
            images=(path,),
            target=Classes(names=(NORMAL,)),
            patient="/".join(path.relative_to(home).parent.parts) or stem(path),
        )
        for path in found
    ]
    task = make_class_task(
        declared,
        kind="classification",
        name=root.name,
        channels=declared.channels or infer_channels([case.images[0] for case in cases], folder=root.name),
        classes=NORMAL_OR_NOT,
        source="images without labels",
        where=root,
    )
    nested = any(path.parent != home for path in found)
    return Dataset(
        root=root,
        layout=NAME,
        stated="images, all taken to be normal",
        task=task,
        cases=tuple(cases),
        **({"patients_from": "folders below the images"} if nested else {}),
    )


def _home(root: Path) -> Path:
    inside = folders_named(root, IMAGE_FOLDERS)
    return inside[0] if len(inside) == 1 and not images_in(root) else root


def _below(folder: Path, depth: int = 0) -> Iterator[Path]:
    yield from images_in(folder)
    if depth < DEEPEST:
        for inner in folders_in(folder):
            yield from _below(inner, depth + 1)

"""The Medical Segmentation Decathlon's folder: dataset.json with a list "training" of image and label files.

Several channels lie along the fourth axis of one file (BRATS, prostate); the task's channels say how many. "test" lists
images without labels and is left alone; entries of "test" that have a label are a declared test split.
Source: medicaldecathlon.com; Antonelli et al. 2022, Nature Communications 13:4128.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from scanwright.dataset.cases import Case, Dataset, Fault, Side
from scanwright.dataset.declare import Declaration, make_task
from scanwright.dataset.layouts.datasetjson import FILE_NAME, channels_of, labels_of, read_dataset_json
from scanwright.dataset.layouts.listing import images_in, resolved
from scanwright.dataset.layouts.pairing import Found, make_cases
from scanwright.errors import InputError
from scanwright.io.formats import stem
from scanwright.types import JSON

NAME = "decathlon"
LOOKED_FOR = 'dataset.json with a list "training" of {"image", "label"}'


def detect(root: Path) -> str | None:
    """Why the folder is one of the Decathlon's: dataset.json lists pairs of files, and at least one image is there."""
    description = read_dataset_json(root)
    listed = description.get("training") if description else None
    if not isinstance(listed, list) or not listed:
        return None
    pairs = [entry for entry in listed if isinstance(entry, dict) and isinstance(entry.get("image"), str)]
    if not any(resolved(entry["image"], beside=root / FILE_NAME).is_file() for entry in pairs):
        return None
    return f'{FILE_NAME} with a list "training" of {len(pairs)} pairs'


def read(root: Path, declared: Declaration) -> Dataset:
    """Read the folder. Raises InputError if dataset.json is malformed or names one image twice."""
    where = root / FILE_NAME
    description = read_dataset_json(root)
    if description is None:
        raise InputError("no dataset.json", where=root, expected=LOOKED_FOR)
    pairs = _list(description, "training", where=where)
    if not pairs:
        raise InputError(
            'no list "training"', where=where, expected=LOOKED_FOR, found=", ".join(description) or "nothing"
        )
    train, faults = _cases(pairs, where=where, split="train")
    listed_tests = [
        entry for entry in _list(description, "test", where=where) if isinstance(entry, dict) and "label" in entry
    ]
    test, test_faults = _cases(listed_tests, where=where, split="test")
    regions, order, ignore = labels_of(description, where=where)
    task = make_task(
        declared,
        name=str(description.get("name") or root.name),
        channels=channels_of(description, where=where),
        regions=regions,
        region_order=order,
        ignore=ignore,
        source=FILE_NAME,
        where=where,
    )
    listed = {resolved(entry["label"], beside=where) for entry in (*pairs, *listed_tests)}
    return Dataset(
        root=root,
        layout=NAME,
        stated="Medical Segmentation Decathlon folder",
        task=task,
        cases=(*train, *test),
        faults=(*faults, *test_faults, *_unlisted(root, listed)),
    )


def _list(description: Mapping[str, JSON], key: str, *, where: Path) -> list[JSON]:
    """The list under a key; none if it is not there. Raises InputError for anything but a list."""
    listed = description.get(key) or []
    if not isinstance(listed, list):
        raise InputError(f'"{key}" is no list', where=where, expected=LOOKED_FOR, found=type(listed).__name__)
    return listed


def _cases(listed: Sequence[JSON], *, where: Path, split: Side) -> tuple[list[Case], list[Fault]]:
    found: dict[str, Found] = {}
    for entry in listed:
        if not isinstance(entry, dict) or not all(isinstance(entry.get(key), str) for key in ("image", "label")):
            expected = '{"image": …, "label": …}'
            raise InputError("an entry of the list is malformed", where=where, expected=expected, found=entry)
        image, label = (resolved(entry[key], beside=where) for key in ("image", "label"))
        name = stem(image)
        if name in found:
            hint = "List every case once."
            raise InputError("an image is listed twice", where=where, found=entry["image"], hint=hint)
        images = {"0000": image} if image.is_file() else {}
        found[name] = Found(
            images=images,
            labels=[label] if label.is_file() else [],
            promised=image,
            listed={"0000": entry["image"]},
            listed_label=entry["label"],
        )
    return make_cases(found, channels=["0000"], split=split)


def _unlisted(root: Path, listed: set[Path]) -> list[Fault]:
    """A note if labelsTr holds files that dataset.json does not list."""
    others = [path for path in images_in(root / "labelsTr") if path not in listed]
    if not others:
        return []
    found = f"{len(others)} that {'is' if len(others) == 1 else 'are'} not listed, such as {others[0].name}"
    action = 'Add to "training" what belongs to it.'
    return [
        Fault(
            code="unlisted-files", severity="note", file=others[0], expected="listed files", found=found, action=action
        )
    ]

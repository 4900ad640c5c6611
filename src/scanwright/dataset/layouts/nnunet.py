"""nnU-Net's raw folder: imagesTr/CASE_0000.nii.gz, labelsTr/CASE.nii.gz, dataset.json.

Also: imagesTs with labelsTs as a declared test split; "dataset" in dataset.json, an explicit list of files; a
    dataset.json of version 1; no dataset.json at all (channels are then numbered and labels inferred).
Source: nnU-Net v2, documentation/dataset_format.md.
"""

import re
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from scanwright.dataset.cases import Case, Dataset, Fault, Side
from scanwright.dataset.declare import Declaration, make_task
from scanwright.dataset.infer import infer_channels, infer_regions
from scanwright.dataset.layouts.datasetjson import FILE_NAME, channels_of, labels_of, read_dataset_json
from scanwright.dataset.layouts.listing import images_in, resolved
from scanwright.dataset.layouts.pairing import Found, common_channels, make_cases
from scanwright.dataset.task import Region
from scanwright.errors import InputError
from scanwright.io.formats import stem
from scanwright.types import JSON

NAME = "nnunet"
LOOKED_FOR = "imagesTr/CASE_0000.nii.gz with labelsTr/CASE.nii.gz"

CHANNEL_SUFFIX = re.compile(r"^(?P<case>.+)_(?P<channel>\d{4})$")


def detect(root: Path) -> str | None:
    """Why the folder is an nnU-Net raw folder: numbered channel files in imagesTr, or an explicit list in
    dataset.json.
    """
    images = images_in(root / "imagesTr")
    numbered = [match for path in images if (match := CHANNEL_SUFFIX.match(stem(path)))]
    if images and len(numbered) == len(images) and any(match["channel"] == "0000" for match in numbered):
        return f"imagesTr with {len(images)} files that end in a channel number"
    description = read_dataset_json(root)
    if description is not None and isinstance(description.get("dataset"), dict):
        return f'{FILE_NAME} with an explicit list "dataset"'
    return None


def read(root: Path, declared: Declaration) -> Dataset:
    """Read the folder. Raises InputError if there is no image, or dataset.json contradicts itself; files without a partner
    become faults.
    """
    description = read_dataset_json(root)
    listed = description.get("dataset") if description else None
    ending = str((description or {}).get("file_ending", ""))
    if isinstance(listed, dict):
        found = _listed(listed, where=root / FILE_NAME)
    else:
        found = _on_disk(root / "imagesTr", root / "labelsTr", ending)
        if not any(parts.images for parts in found.values()):
            raise InputError("no image in imagesTr", where=root, expected=LOOKED_FOR, found=_content(root, ending))
    where = root / FILE_NAME
    channels = channels_of(description, where=where) if description else None
    keys = [f"{number:04d}" for number in range(len(channels))] if channels else common_channels(found.values())
    cases, faults = make_cases(found, channels=keys)
    test, test_faults = _test_cases(root, keys, {case.id for case in cases}, ending)
    cases += test
    if channels is None:
        names = [f"channel {int(key)}" for key in keys] if len(keys) > 1 else []
        channels = infer_channels([case.images[0] for case in cases], names=names, folder=root.name)
    regions, order, ignore = _labels(description, cases, declared, where=where)
    task = make_task(
        declared,
        name=str((description or {}).get("name") or root.name),
        channels=channels,
        regions=regions,
        region_order=order,
        ignore=ignore,
        source=FILE_NAME if description else "label values",
        where=where,
    )
    return Dataset(
        root=root,
        layout=NAME,
        stated="nnU-Net raw folder" + ("" if description else " without dataset.json"),
        task=task,
        cases=tuple(cases),
        faults=(*faults, *test_faults),
    )


def _content(root: Path, ending: str) -> str:
    """What lies in imagesTr, where no image for training does; in words."""
    if not (root / "imagesTr").is_dir():
        return "no folder imagesTr"
    others = images_in(root / "imagesTr")
    return f"{others[0].name}, which does not end in {ending}" if others else "no image file"


def _labels(
    description: Mapping[str, JSON] | None, cases: list[Case], declared: Declaration, *, where: Path
) -> tuple[tuple[Region, ...], tuple[int, ...], int | None]:
    if description is not None:
        return labels_of(description, where=where)
    if declared.regions is not None:
        return (), (), None
    return infer_regions(case.label for case in cases if case.label is not None), (), None


def _on_disk(images: Path, labels: Path, ending: str) -> dict[str, Found]:
    """Cases by name: channel files CASE_0000, CASE_0001 …, and labels CASE; files of another ending are left alone."""
    found: dict[str, Found] = defaultdict(Found)
    for path in (path for path in images_in(images) if path.name.endswith(ending)):
        match = CHANNEL_SUFFIX.match(stem(path))
        name, channel = (match["case"], match["channel"]) if match else (stem(path), "0000")
        found[name].add_image(channel, path)
    for path in (path for path in images_in(labels) if path.name.endswith(ending)):
        found[stem(path)].labels.append(path)
    return found


def _listed(listed: Mapping[str, JSON], *, where: Path) -> dict[str, Found]:
    """Cases of the explicit form {"CASE": {"images": [path, …], "label": path}}; missing files become faults later."""
    found: dict[str, Found] = {}
    for name, entry in listed.items():
        images, label = (entry.get("images"), entry.get("label")) if isinstance(entry, dict) else (None, None)
        if not isinstance(images, list) or not all(isinstance(text, str) for text in [*images, label]):
            expected = '{"images": […], "label": …}'
            raise InputError('an entry of "dataset" is malformed', where=where, expected=expected, found=name)
        paths = {f"{number:04d}": resolved(text, beside=where) for number, text in enumerate(images)}
        target = resolved(str(label), beside=where)
        found[name] = Found(
            images={key: path for key, path in paths.items() if path.is_file()},
            labels=[target] if target.is_file() else [],
            promised=next(iter(paths.values()), target),
            listed={f"{number:04d}": str(text) for number, text in enumerate(images)},
            listed_label=str(label),
        )
    return found


def _test_cases(root: Path, keys: list[str], taken: set[str], ending: str) -> tuple[list[Case], list[Fault]]:
    """Cases of imagesTs, if labelsTs has labels for them: the declared test split. Unlabelled test images are not
    cases.
    """
    found = _on_disk(root / "imagesTs", root / "labelsTs", ending)
    labelled = {name: parts for name, parts in found.items() if parts.labels}
    side: Side = "test"
    if not any(parts.images for parts in labelled.values()):
        return [], []
    renamed = {f"{name}_test" if name in taken else name: parts for name, parts in labelled.items()}
    return make_cases(renamed, channels=keys, split=side)

"""dataset.json as nnU-Net (versions 1 and 2) and the Medical Segmentation Decathlon write it: channels and labels.

Sources: nnU-Net documentation/dataset_format.md and region_based_training.md; medicaldecathlon.com dataset.json files.

    channels  "channel_names": {"0": "CT"}  or  "modality": {"0": "MRI"}, also a list or a single word
    labels    {"background": 0, "tumour": 1}  or  {"0": "background", "1": "tumour"}  or, for regions,
              {"background": 0, "whole": [1, 2, 3], "core": [2, 3], "ignore": 4} with "regions_class_order": [1, 2]
"""

from collections.abc import Mapping
from pathlib import Path

from scanwright.dataset.declare import regions_of
from scanwright.dataset.task import Channel, Region, modality_of
from scanwright.errors import InputError
from scanwright.files import read_json
from scanwright.types import JSON

FILE_NAME = "dataset.json"


def read_dataset_json(root: Path) -> dict[str, JSON] | None:
    """The folder's dataset.json; None if there is none. Raises InputError if it is not a JSON object."""
    path = root / FILE_NAME
    if not path.is_file():
        return None
    value = read_json(path)
    if not isinstance(value, dict):
        raise InputError("not a data set description", where=path, expected="a JSON object", found=type(value).__name__)
    return value


def channels_of(description: Mapping[str, JSON], *, where: Path) -> tuple[Channel, ...]:
    """The declared channels in the order of their numbers. Raises InputError if they are not numbered 0, 1, 2 …"""
    declared = description.get("channel_names", description.get("modality"))
    if isinstance(declared, str):
        declared = [declared]
    if isinstance(declared, list):
        declared = {str(number): name for number, name in enumerate(declared)}
    if not isinstance(declared, dict) or not declared:
        raise InputError('no channels: "channel_names" (or "modality") is missing', where=where)
    if sorted(declared, key=str) != sorted(map(str, range(len(declared)))):
        raise InputError("channels are not numbered from 0", where=where, expected="0, 1, …", found=list(declared))
    names = [str(declared[str(number)]) for number in range(len(declared))]
    return tuple(Channel(name=name, modality=modality_of(name)) for name in names)


def labels_of(
    description: Mapping[str, JSON], *, where: Path
) -> tuple[tuple[Region, ...], tuple[int, ...], int | None]:
    """Regions, region order and ignore value as declared.

    Without "regions_class_order" nested regions are put in painting order here, larger first.
    Raises InputError if "labels" is missing or a value is not a whole number.
    """
    labels = description.get("labels")
    if not isinstance(labels, dict) or not labels:
        raise InputError('no labels: "labels" is missing or empty', where=where)
    named: dict[str, list[int]] = {}
    for key, value in labels.items():
        name, values = (str(value), [key]) if isinstance(value, str) and _is_whole(key) else (key, value)
        listed = values if isinstance(values, list) else [values]
        if not all(_is_whole(item) for item in listed):
            found = f"{key}: {value}"
            raise InputError("a label is not a whole number", where=where, expected="name: number", found=found)
        named[name] = [int(item) for item in listed]
    order = description.get("regions_class_order") or ()
    regions, ignore = regions_of(named, where=where, ordered=bool(order))
    return regions, _checked_order(order, regions, where=where), ignore


def _checked_order(order: JSON, regions: tuple[Region, ...], *, where: Path) -> tuple[int, ...]:
    """nnU-Net's regions_class_order; only meaningful where regions are unions, ignored where every region is one
    value.
    """
    if not order or all(len(region.values) == 1 for region in regions):
        return ()
    if not isinstance(order, list) or len(order) != len(regions) or not all(_is_whole(value) for value in order):
        raise InputError(
            '"regions_class_order" does not fit the labels',
            where=where,
            expected=f"{len(regions)} whole numbers, one for each of {', '.join(region.name for region in regions)}",
            found=order,
        )
    return tuple(int(value) for value in order)


def _is_whole(value: JSON) -> bool:
    if isinstance(value, bool):
        return False
    return (
        isinstance(value, int)
        or (isinstance(value, float) and value.is_integer())
        or (isinstance(value, str) and value.strip().lstrip("-").isdigit())
    )

"""The verbs `data version` and `data diff`: a data set as hashes, and what differs between two of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from scanwright.api.data.looking import look_through
from scanwright.dataset.cases import Dataset
from scanwright.dataset.difference import Difference, Overlap, compare
from scanwright.dataset.manifest import Manifest, read_manifest, write_manifest
from scanwright.dataset.task import Kind, Task
from scanwright.errors import InputError
from scanwright.io.formats import read_label
from scanwright.protocols import Listener, silent
from scanwright.types import Array


@dataclass(frozen=True, slots=True)
class Compared:
    """Two versions and what differs."""

    old: Manifest
    new: Manifest
    difference: Difference

    @property
    def same(self) -> bool:
        """Whether nothing differs but names, groups, layout and format."""
        return not self.difference.of_content

    def to_json(self) -> dict[str, Any]:
        """Plain data for `--json`."""
        sides = {
            side: {"name": one.name, "layout": one.layout, "cases": len(one.cases), "digest": one.digest}
            for side, one in (("old", self.old), ("new", self.new))
        }
        return {**sides, "same_content": self.same, **self.difference.to_json()}


def version(
    data: str | Path,
    out: str | Path,
    *,
    layout: str | None = None,
    task: Kind | None = None,
    tell: Listener = silent,
) -> Manifest:
    """Write what a data set holds, as hashes, to a JSON file; the same data give the same bytes.

    Cases that cannot be read are in it, with the reason. Raises InputError if the folder is not understood, ResourceError if
    the file cannot be written.
    """
    made = look_through(data, layout=layout, task=task, tell=tell).manifest
    write_manifest(Path(out), made)
    return made


def diff(old: str | Path, new: str | Path, *, tell: Listener = silent) -> Compared:
    """What differs between two data sets, each a folder (or table, archive) or a version that was written of one.

    Where both are at hand, labels that changed are measured: Dice and voxels, of each region.
    Raises InputError if one of them is not understood.
    """
    before, after = (_side(Path(one), tell) for one in (old, new))

    def measure(name: str, other: str) -> Mapping[str, Overlap] | None:
        if before[1] is None or after[1] is None:
            return None
        return overlaps_of(before[1], name, after[1], other)

    return Compared(before[0], after[0], compare(before[0], after[0], measure=measure))


def overlaps_of(old: Dataset, name: str, new: Dataset, other: str) -> dict[str, Overlap] | None:
    """How the regions of one case's two labels overlap, by name; None if they lie on different grids or one is missing."""
    pair = []
    for dataset, wanted in ((old, name), (new, other)):
        case = next(case for case in dataset.cases if case.id == wanted)
        if case.label is None:
            return None
        pair.append(masks_by_name(read_label(case.label).voxels[0], dataset.task))
    before, after = pair
    shapes = {mask.shape for masks in pair for mask in masks.values()}
    if len(shapes) != 1:
        return None
    nothing = np.zeros(shapes.pop(), dtype=np.bool_)
    return {
        region: overlap(before.get(region, nothing), after.get(region, nothing)) for region in sorted({*before, *after})
    }


def overlap(one: Array, other: Array) -> Overlap:
    """Dice and number of differing voxels of two masks; Dice is None if both are empty."""
    sizes = int(np.count_nonzero(one)) + int(np.count_nonzero(other))
    changed = int(np.count_nonzero(one != other))
    return Overlap(dice=(sizes - changed) / sizes if sizes else None, changed=changed)


def masks_by_name(label_IJK: Array, task: Task) -> dict[str, Array]:
    """Each region of a label as bool, same shape."""
    return {region.name: np.isin(label_IJK, region.values) for region in task.regions}


def _side(path: Path, tell: Listener) -> tuple[Manifest, Dataset | None]:
    """A version from its file, or made of a data set."""
    if path.is_file() and path.suffix.lower() == ".json":
        return read_manifest(path), None
    if not path.exists():
        raise InputError("no such data set or version", where=path, hint="Check the path.")
    looked = look_through(path, tell=tell)
    return looked.manifest, looked.dataset

"""Pictures and volumes with structure at all scales, and a cohort of cases for them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from scipy import ndimage

from made_folders import made_facts
from scanwright.dataset.cases import Case, Dataset, Side
from scanwright.dataset.split import Fold, Splits
from scanwright.dataset.task import Channel, Region, Task
from scanwright.gate.cohort import Cohort
from scanwright.geometry.grid import Grid
from scanwright.geometry.volume import Volume
from scanwright.types import Array

TASK = Task(name="t", channels=(Channel(name="US", modality="us"),), regions=(Region(name="a", values=(1,)),))


def blobs(seed: int, shape: tuple[int, ...] = (120, 100)) -> Array:
    """Smooth noise of several scales, 0 to 255, float64."""
    rng = np.random.default_rng(seed)
    total = sum(width * ndimage.gaussian_filter(rng.normal(size=shape), width) for width in (1.5, 3, 6, 12))
    return np.asarray(255 * (total - total.min()) / (total.max() - total.min()))


def volume_of(array: Array) -> Volume:
    """A picture (I, J), a volume (I, J, K) or channels of one (C, I, J, K), on a canonical grid."""
    voxels = array[None, :, :, None] if array.ndim == 2 else array[None] if array.ndim == 3 else array
    return Volume(voxels, Grid(voxels.shape[1:], np.eye(4), "mm"))


def cohort_of(
    names: Sequence[str],
    *,
    patients: Mapping[str, str] | None = None,
    groups: Mapping[str, dict[str, str]] | None = None,
    hashes: Mapping[str, str] | None = None,
    sides: Mapping[str, Side] | None = None,
    folds: Sequence[Fold] = (),
    is_given: bool = True,
) -> Cohort:
    cases = tuple(
        Case(
            id=name,
            images=(Path(name),),
            patient=(patients or {}).get(name, name),
            groups=(groups or {}).get(name, {}),
            split=(sides or {}).get(name, "train"),
        )
        for name in names
    )
    return Cohort(
        dataset=Dataset(root=Path("root"), layout="made", stated="", task=TASK, cases=cases),
        facts={name: made_facts(name, image_hashes=((hashes or {}).get(name, name),)) for name in names},
        splits=Splits(folds=tuple(folds), source="s") if folds else None,
        is_given=is_given,
    )

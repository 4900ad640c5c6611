"""Made cohorts of labelled images for tests of the gate: two parts of an ellipsoid, one above and in front of the other."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from made_folders import made_facts
from scanwright.dataset.cases import Case, Dataset
from scanwright.dataset.facts import CaseFacts
from scanwright.dataset.task import Channel, Region, Task
from scanwright.gate.cohort import Cohort
from scanwright.gate.labels.shape import LabelShape, glance
from scanwright.geometry.grid import Grid
from scanwright.geometry.volume import Volume
from scanwright.types import Array

SHAPE = (26, 30, 24)
Change = Callable[[Volume, Volume], tuple[Volume, Volume]]
TASK = Task(
    name="made",
    channels=(Channel(name="MRI", modality="mr"),),
    regions=(Region(name="small", values=(1,)), Region(name="large", values=(2,))),
)


def made_pair(seed: int, *, shape: tuple[int, int, int] = SHAPE) -> tuple[Volume, Volume]:
    """An image in noise and its label, axes R, A, S: `large` on the left, `small` on the right and above it."""
    rng = np.random.default_rng(seed)
    points = np.stack(np.meshgrid(*(np.arange(size) + 0.5 for size in shape), indexing="ij"), axis=-1) / shape
    flat = np.array([size > 1 for size in shape])
    label = np.zeros(shape, np.uint8)
    for value, middle, radius in ((2, (0.4, 0.45, 0.45), 0.26), (1, (0.68, 0.6, 0.7), 0.16)):
        away = (points - middle - rng.normal(0, 0.015, 3)) / (radius * rng.normal(1, 0.05, 3))
        label[((away * flat) ** 2).sum(axis=-1) < 1] = value
    grey = np.array([0.0, 60.0, 120.0])[label] + rng.normal(0, 6, shape) + 20 * points[..., 1]
    grid = Grid.from_spacing(shape, (1.0, 1.0, 1.5))
    scale = rng.uniform(0.5, 50)
    return Volume((scale * grey)[None].astype(np.float32), grid), Volume(label[None], grid)


def made_shapes(
    number: int, changes: Mapping[int, Change] | None = None, *, shape: tuple[int, int, int] = SHAPE, task: Task = TASK
) -> dict[str, LabelShape]:
    """Glances of so many cases, some of them changed."""
    shapes = {}
    for seed in range(number):
        image, label = made_pair(seed, shape=shape)
        if changes and seed in changes:
            image, label = changes[seed](image, label)
        found = glance(made_case(seed), image, label, task)
        assert found is not None
        shapes[name_of(seed)] = found
    return shapes


def name_of(number: int) -> str:
    return f"c{number:02d}"


def made_case(number: int) -> Case:
    name = name_of(number)
    return Case(id=name, images=(Path(f"{name}.nii.gz"),), label=Path(f"{name}_label.nii.gz"), patient=f"p{name}")


def made_cohort(number: int, facts: Mapping[str, CaseFacts] | None = None, *, task: Task = TASK) -> Cohort:
    cases = tuple(made_case(seed) for seed in range(number))
    dataset = Dataset(root=Path("root"), layout="made", stated="", task=task, cases=cases)
    own = {case.id: made_facts(case.id) for case in cases}
    return Cohort(dataset=dataset, facts={**own, **(facts or {})})


def relabelled(change: Callable[[Array], Array]) -> Change:
    """A change of the label's (I, J, K) voxels alone."""
    return lambda image, label: (image, label.with_voxels(np.ascontiguousarray(change(label.voxels[0]))))

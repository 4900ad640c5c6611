"""Which faults of a label the gate finds when they are planted in one case of a clean cohort, and what it says of the others.

    python benchmarks/planted_labels.py ../shared/data -o benchmarks/results/planted_labels.json [--times 20]

A cohort is read once. Then one fault is planted in one case (image or label changed in memory), that case is looked at again,
and the whole cohort is held against each other. Found: the case is named by a warning that the clean cohort does not give it;
`right` only counts the warning that is meant. False alarms are the cases that the clean cohort's warnings name.

A move is in the voxels that edges are seen in: those of the file, unless the label is longer than 64 of them.
"""

import argparse
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from record import write_result
from scipy import ndimage

from scanwright.dataset.cases import Case
from scanwright.dataset.checks import check
from scanwright.dataset.phantom.cohort import write_cohort
from scanwright.dataset.read import read_dataset
from scanwright.dataset.task import Task
from scanwright.gate.cohort import Cohort
from scanwright.gate.labels.integrity import find
from scanwright.gate.labels.shape import LabelShape, glance
from scanwright.geometry.orientation import canonical
from scanwright.geometry.volume import Volume
from scanwright.runtime import generator
from scanwright.types import Array

Pair = tuple[Volume, Volume]
CODES = {
    "label-shifted", "label-misfit", "label-mirrored", "label-renumbered", "label-island", "label-cut", "label-interpolated",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Bed:
    """Where a fault is planted: one case, another one, the steps in which edges are seen, and chance."""

    image: Volume
    label: Volume
    other: Volume
    step: tuple[int, ...]
    rng: np.random.Generator

    def patient(self, array: Array) -> Array:
        """A view of (..., I, J, K) in patient axes."""
        return canonical(self.label.grid.affine).apply(array)

    def relabelled(self, change: Callable[[Array], Array]) -> Pair:
        """The case with a label changed in patient axes."""
        turn = canonical(self.label.grid.affine)
        return self.image, self.label.with_voxels(
            np.ascontiguousarray(turn.invert(change(turn.apply(self.label.voxels[0]))))
        )


def moved(steps: int) -> Callable[[Bed], Pair]:
    """The label moved along one axis, towards either side; what leaves the image is lost."""

    def plant(bed: Bed) -> Pair:
        axes = [axis for axis, size in enumerate(bed.patient(bed.label.voxels[0]).shape) if size > 1]
        axis, sign = int(bed.rng.choice(axes)), int(bed.rng.choice((-1, 1)))
        return bed.relabelled(lambda label: ndimage.shift(label, _along(axis, sign * steps * bed.step[axis]), order=0))

    return plant


def half_slice(bed: Bed) -> Pair:
    """The image moved by half a voxel under its label, by cubic interpolation, along the last axis of the patient."""
    axis = max(axis for axis, size in enumerate(bed.patient(bed.label.voxels[0]).shape) if size > 1)
    turn, by = canonical(bed.image.grid.affine), _along(axis, 0.5 * bed.step[axis] * int(bed.rng.choice((-1, 1))))
    channels = [
        turn.invert(ndimage.shift(turn.apply(each).astype(np.float32), by, order=3, mode="nearest"))
        for each in bed.image.voxels
    ]
    return bed.image.with_voxels(np.stack(channels)), bed.label


def _along(axis: int, by: float) -> list[float]:
    return [by if each == axis else 0.0 for each in range(3)]


def mirrored(axis: int) -> Callable[[Bed], Pair]:
    """The label flipped along an axis of the patient."""
    return lambda bed: bed.relabelled(lambda label: np.flip(label, axis))


def both_mirrored(bed: Bed) -> Pair:
    """Image and label flipped from left to right: a header that is wrong."""
    turn = canonical(bed.image.grid.affine)
    image = np.ascontiguousarray(turn.invert(np.flip(turn.apply(bed.image.voxels), 1)))
    return bed.image.with_voxels(image), bed.relabelled(lambda label: np.flip(label, 0))[1]


def renumbered(bed: Bed) -> Pair:
    """Two of the label's values swapped."""
    held = [value for value in np.unique(bed.label.voxels) if value]
    one, two = bed.rng.choice(held, 2, replace=False)
    label = bed.label.voxels[0]
    return bed.image, bed.label.with_voxels(np.where(label == one, two, np.where(label == two, one, label)))


def neighbours(bed: Bed) -> Pair:
    """Another case's label, stretched to this image."""
    other = canonical(bed.other.grid.affine).apply(bed.other.voxels[0])

    def stretched(label: Array) -> Array:
        places = [
            ((np.arange(new) + 0.5) * old / new).astype(int) for new, old in zip(label.shape, other.shape, strict=True)
        ]
        return np.asarray(other[np.ix_(*places)])

    return bed.relabelled(stretched)


def island(bed: Bed) -> Pair:
    """A small block of one part's value, a third of the part's diagonal or more away from it where there is room."""

    def scattered(label: Array) -> Array:
        value = bed.rng.choice([value for value in np.unique(label) if value])
        mask = label == value
        size = [max(1, min(2 * step, side)) for step, side in zip(bed.step, label.shape, strict=True)]
        far = ndimage.distance_transform_edt(~mask) / np.linalg.norm(np.ptp(np.argwhere(mask), axis=0) + 1)
        inner = far[tuple(slice(0, side - each + 1) for side, each in zip(label.shape, size, strict=True))]
        places = np.argwhere(inner >= min(1 / 3, float(inner.max())))
        start = places[bed.rng.integers(len(places))]
        changed = label.copy()
        changed[tuple(slice(a, a + each) for a, each in zip(start, size, strict=True))] = value
        return changed

    return bed.relabelled(scattered)


def cut(bed: Bed) -> Pair:
    """Image and label end in the middle of the label, along one axis of the file."""
    mask = bed.label.voxels[0] > 0
    axis = int(bed.rng.choice([axis for axis, size in enumerate(mask.shape) if size > 1]))
    filled = np.flatnonzero(mask.any(axis=tuple(other for other in range(3) if other != axis)))
    middle = int(filled[0] + filled[-1]) // 2 + 1
    stop = tuple(middle if each == axis else size for each, size in enumerate(mask.shape))
    inside = (slice(None), *(slice(0, end) for end in stop))
    grid = bed.label.grid.crop((0, 0, 0), (stop[0], stop[1], stop[2]))
    return Volume(bed.image.voxels[inside], grid), Volume(bed.label.voxels[inside], grid)


def interpolated(bed: Bed) -> Pair:
    """The label's values brought to half the resolution and back by linear interpolation."""
    label = bed.label.voxels[0].astype(np.float32)
    small = [max(1, round(size / 2 / step)) for size, step in zip(label.shape, bed.step, strict=True)]
    coarse = ndimage.zoom(
        label,
        [new / size for new, size in zip(small, label.shape, strict=True)],
        order=1,
        grid_mode=True,
        mode="nearest",
    )
    back = ndimage.zoom(
        coarse,
        [size / new for size, new in zip(label.shape, coarse.shape, strict=True)],
        order=1,
        grid_mode=True,
        mode="nearest",
    )
    return bed.image, bed.label.with_voxels(np.rint(back).astype(bed.label.voxels.dtype))


FAULTS: Mapping[str, tuple[Callable[[Bed], Pair], tuple[str, ...]]] = {
    "half a slice": (half_slice, ("label-shifted", "label-misfit")),
    "moved by 1": (moved(1), ("label-shifted", "label-misfit")),
    "moved by 2": (moved(2), ("label-shifted", "label-misfit")),
    "moved by 3": (moved(3), ("label-shifted", "label-misfit")),
    "left and right swapped": (mirrored(0), ("label-mirrored", "label-misfit", "label-renumbered")),
    "the same, with the image": (both_mirrored, ("label-mirrored", "label-renumbered")),
    "front and back swapped": (mirrored(1), ("label-mirrored", "label-misfit", "label-renumbered")),
    "two values swapped": (renumbered, ("label-renumbered", "label-mirrored")),
    "another case's label": (neighbours, ("label-misfit", "label-shifted")),
    "an island": (island, ("label-island",)),
    "cut in the middle": (cut, ("label-cut",)),
    "interpolated": (interpolated, ("label-interpolated",)),
}
SEVERAL_VALUES = ("two values swapped", "interpolated")


def keep(case: Case, image: Volume, label: Volume | None, task: Task) -> Pair | None:
    return None if label is None else (image, label)


def warned(cohort: Cohort, shapes: Mapping[str, LabelShape]) -> dict[str, set[str]]:
    """The codes of warnings by case."""
    found: dict[str, set[str]] = {}
    for fault in find(cohort, shapes).faults:
        for case in fault.cases if fault.severity == "warning" and fault.code in CODES else ():
            found.setdefault(case, set()).add(fault.code)
    return found


def study(folder: Path, times: int) -> dict[str, Any]:
    """Plant every fault `times` times in the cohort of a folder."""
    dataset = read_dataset(folder)
    checks = check(dataset, see=keep)
    cohort = Cohort(dataset=dataset, facts=checks.facts)
    task, pairs = dataset.task, {name: pair for name, pair in checks.seen.items() if (pair[1].voxels > 0).any()}
    began = time.process_time()
    shapes = {
        name: shape for name, pair in pairs.items() if (shape := glance(cohort.by_id[name], pair[0], pair[1], task))
    }
    glanced = (time.process_time() - began) / len(shapes)
    began = time.process_time()
    clean = warned(cohort, shapes)
    seconds = time.process_time() - began
    rows = {}
    for number, (fault, (plant, codes)) in enumerate(FAULTS.items()):
        if fault in SEVERAL_VALUES and len(task.values) < 3:
            continue
        found = right = 0
        said: Counter[str] = Counter()
        for time_ in range(times):
            rng = generator(number, time_)
            name, other = (str(each) for each in rng.choice(sorted(shapes), 2, replace=False))
            image, label = plant(
                Bed(
                    image=pairs[name][0],
                    label=pairs[name][1],
                    other=pairs[other][1],
                    step=shapes[name].step,
                    rng=rng,
                )
            )
            shape = glance(cohort.by_id[name], image, label, task)
            new = warned(cohort, {**shapes, name: shape} if shape else shapes).get(name, set()) - clean.get(name, set())
            found += bool(new)
            right += bool(new & set(codes))
            said.update(new)
        rows[fault] = {"planted": times, "found": found, "right": right, "codes": dict(said)}
        print(f"  {fault:26} found {found / times:5.2f}  as such {right / times:5.2f}  {dict(said)}", flush=True)
    return {
        "cases": len(shapes),
        "false_alarms": {name: sorted(codes) for name, codes in clean.items()},
        "glance_cpu_ms": round(1000 * glanced, 1),
        "find_cpu_s": round(seconds, 2),
        "faults": rows,
    }


def cohorts(data: Path, work: Path) -> Iterator[tuple[str, Path]]:
    yield from (
        (name, data / name) for name in ("hippocampus_mri", "xray_lung_covid", "ultrasound_breast_busi", "ct_sarcoma")
    )
    for modality in ("mr", "ct"):
        write_cohort(work / modality, modality=modality, subjects=32, seed=3)
        yield f"phantom {modality}", work / modality


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("-o", "--output", type=Path)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--only", nargs="*", help="names of cohorts")
    options = parser.parse_args()
    results = {}
    with tempfile.TemporaryDirectory() as work:
        for name, folder in cohorts(options.data, Path(work)):
            if not options.only or name in options.only:
                print(name, flush=True)
                results[name] = study(folder, options.times)
                print(f"  clean: {results[name]['false_alarms']}", flush=True)
    if options.output:
        write_result(options.output, results)


if __name__ == "__main__":
    main()

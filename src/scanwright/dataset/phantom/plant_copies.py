"""Faults of who is who: a patient on two sides of a split, a scan that is there twice, openly or in disguise.

A function takes the cohort and random numbers, changes files, and says which cases and files it touched and what is now wrong.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from scipy import ndimage

from scanwright.dataset.phantom.members import (
    Member,
    Members,
    class_of,
    copy_truth,
    open_cohort,
    read_voxels,
    write_voxels,
)
from scanwright.dataset.phantom.pixels import as_jpeg, levels_of
from scanwright.errors import InputError
from scanwright.io.formats import read_grid, read_volume, write_volume
from scanwright.types import Array

Change = Callable[[Array, np.random.Generator], Array]
Done = tuple[tuple[str, ...], tuple[Path, ...], str]
TEST_SHARE = 0.25


def patient_leak(cohort: Members, rng: np.random.Generator) -> Done:
    """A declared test split, and one patient who has a scan on either side of it."""
    twice = _scanned_twice(cohort)
    file = _split(cohort, rng, apart={twice[1].case: "test", twice[0].case: "train"})
    return (twice[0].case, twice[1].case), (file,), f"patient {twice[0].patient} in training and test"


def renamed_patient(cohort: Members, rng: np.random.Generator) -> Done:
    """The same with the second scan under another patient's name: only the images could tell."""
    twice = _scanned_twice(cohort)
    cohort.write_rows(
        [{**one.row, "patient": "p999"} if one.case == twice[1].case else dict(one.row) for one in cohort.members]
    )
    file = _split(open_cohort(cohort.root), rng, apart={twice[1].case: "test", twice[0].case: "train"})
    return (twice[0].case, twice[1].case), (file,), f"a scan of {twice[0].patient} in the test split as p999"


def exact_duplicate(cohort: Members, rng: np.random.Generator) -> Done:
    """One case's image and truth under another case's name and patient."""
    source, target = _pair(cohort, rng)
    return _copied(cohort, source, target, lambda voxels, _: voxels, rng, "the same voxels")


def duplicate_with_another_truth(cohort: Members, rng: np.random.Generator) -> Done:
    """One case's voxels in another case, which keeps its header and truth: one of the two must be wrong."""
    source, target = _pair(cohort, rng, same_class=False, same_shape=True)
    assert source.image is not None and target.image is not None
    write_voxels(target.image, read_voxels(source.image))
    return (source.case, target.case), (target.image,), f"the voxels of {source.case} with the truth of {target.case}"


def duplicate_across_split(cohort: Members, rng: np.random.Generator) -> Done:
    """A copy of a training case, its grey levels changed, in a declared test split under another patient's name."""
    source, target = _pair(cohort, rng)
    cases, files, found = _copied(cohort, source, target, gamma, rng, "grey levels changed")
    file = _split(open_cohort(cohort.root), rng, apart={source.case: "train", target.case: "test"})
    return cases, (*files, file), f"{found}, on two sides of the split"


def near_duplicate(change: Change, words: str) -> Callable[[Members, np.random.Generator], Done]:
    """A fault: one case's image in another case, changed by `change`, with its truth changed likewise where it must be."""

    def planted(cohort: Members, rng: np.random.Generator) -> Done:
        source, target = _pair(cohort, rng)
        return _copied(cohort, source, target, change, rng, words)

    planted.__doc__ = f"One case's image in another case, {words}."
    return planted


def gamma(voxels: Array, rng: np.random.Generator) -> Array:
    """Grey levels bent by a power."""
    low, high = levels_of(voxels)
    bent = np.clip((voxels.astype(float) - low) / (high - low), 0, 1) ** 0.8 * (high - low) + low
    return np.asarray(np.rint(bent), voxels.dtype)


def noisy(voxels: Array, rng: np.random.Generator) -> Array:
    """Noise of 2 % of the range, as another reconstruction would have it."""
    low, high = levels_of(voxels)
    loud = voxels + rng.normal(scale=0.02 * (high - low), size=voxels.shape)
    info = np.iinfo(voxels.dtype)
    return np.asarray(np.clip(np.rint(loud), info.min, info.max), voxels.dtype)


def flipped(voxels: Array, rng: np.random.Generator) -> Array:
    """Mirrored along the first axis."""
    return np.ascontiguousarray(voxels[::-1])


def cropped(voxels: Array, rng: np.random.Generator) -> Array:
    """The middle nine tenths, brought back to the first size."""
    edges = [round(0.05 * size) for size in voxels.shape[:2]]
    inner = voxels[edges[0] : voxels.shape[0] - edges[0], edges[1] : voxels.shape[1] - edges[1]]
    return _to_shape(inner, voxels.shape)


def resized(voxels: Array, rng: np.random.Generator) -> Array:
    """Down to half and up again: what a screenshot or a web page does."""
    half = _to_shape(voxels, (voxels.shape[0] // 2, voxels.shape[1] // 2, voxels.shape[2]))
    return _to_shape(half, voxels.shape)


def jpeg(voxels: Array, rng: np.random.Generator) -> Array:
    """Saved as JPEG of quality 50."""
    return as_jpeg(voxels, quality=50)


def _to_shape(voxels: Array, shape: tuple[int, ...]) -> Array:
    factors = [wanted / size for wanted, size in zip(shape, voxels.shape, strict=True)]
    order = 0 if len(np.unique(voxels)) <= 12 else 1  # a label keeps its values
    return np.asarray(ndimage.zoom(voxels, factors, order=order, mode="nearest", grid_mode=True))


def _copied(
    cohort: Members, source: Member, target: Member, change: Change, rng: np.random.Generator, words: str
) -> Done:
    files = _copy_image(source, target, change, rng)
    copy_truth(cohort, source, target)
    if target.label is not None:
        if change in (flipped, cropped):
            write_voxels(target.label, change(read_voxels(target.label), rng))
        files = (*files, target.label)
    return (source.case, target.case), files, f"the image of {source.case} in {target.case}, {words}"


def _copy_image(source: Member, target: Member, change: Change, rng: np.random.Generator) -> tuple[Path, ...]:
    """Lay a changed copy of one image, header and all, over another; of a DICOM picture only the pixels."""
    assert source.image is not None and target.image is not None
    if target.image.suffix == ".dcm":
        write_voxels(target.image, change(read_voxels(source.image), rng))
    else:
        volume = read_volume(source.image)
        write_volume(target.image, volume.with_voxels(change(volume.voxels[0], rng)[None]))
    return (target.image,)


def _pair(
    cohort: Members, rng: np.random.Generator, *, same_class: bool = True, same_shape: bool = False
) -> tuple[Member, Member]:
    """Two cases of two patients; of one class or of two, where there are classes. Raises InputError if there are none."""
    order = [cohort.members[number] for number in rng.permutation(len(cohort.members))]
    for source in order:
        for target in order:
            fits = cohort.task != "classification" or (class_of(source) == class_of(target)) == same_class
            if source.patient != target.patient and fits and (not same_shape or _shape(source) == _shape(target)):
                return source, target
    raise InputError("no two cases fit for this fault", where=cohort.root, hint="Draw more subjects.")


def _shape(member: Member) -> tuple[int, ...]:
    assert member.image is not None
    return read_grid(member.image).grid.shape


def _scanned_twice(cohort: Members) -> tuple[Member, Member]:
    """Both scans of a patient who has two. Raises InputError if nobody has."""
    by_patient: dict[str, list[Member]] = {}
    for one in cohort.members:
        by_patient.setdefault(one.patient, []).append(one)
    found = next((scans for scans in by_patient.values() if len(scans) > 1), None)
    if found is None:
        raise InputError("nobody was scanned twice", where=cohort.root, hint="Draw 6 subjects at least.")
    return found[0], found[1]


def _split(cohort: Members, rng: np.random.Generator, *, apart: Mapping[str, str]) -> Path:
    """Add a column "split" by patient to cases.csv, but for the cases that `apart` puts on a side; the file."""
    patients = sorted({one.patient for one in cohort.members})
    test = {str(name) for name in rng.choice(patients, size=max(1, round(TEST_SHARE * len(patients))), replace=False)}
    sides = {one.case: apart.get(one.case) or ("test" if one.patient in test else "train") for one in cohort.members}
    return cohort.write_rows([{**one.row, "split": sides[one.case]} for one in cohort.members])

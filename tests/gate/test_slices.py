"""Slices of one scan in cases of several patients: told by their names and by how alike neighbours are."""

import numpy as np
import pytest
from scipy import ndimage

from alike_pictures import blobs, cohort_of, volume_of
from scanwright.dataset.split import Fold
from scanwright.gate.leakage import find
from scanwright.gate.likeness.signature import Signature, glance


def scans(number: int, *, length: int = 12, far: int = 1):
    """Slices of smooth volumes, called scan00_slice_000 and so on, every `far`-th of them."""
    seen = {}
    for scan in range(number):
        voxels = ndimage.gaussian_filter(np.random.default_rng(scan).normal(size=(64, 64, length * far)), (3, 3, 4))
        for index in range(length):
            seen[f"scan{scan:02d}_slice_{index:03d}"] = glance(volume_of(voxels[:, :, index * far]))
    return seen


def test_find__slices_of_one_scan_on_two_sides() -> None:
    seen = scans(4)
    names = sorted(seen)
    fold = Fold(train=tuple(names[0::2]), validation=tuple(names[1::2]))
    leaks = find(cohort_of(names, folds=[fold]), seen)
    (fault,) = leaks.faults
    assert (fault.code, fault.severity, len(fault.cases)) == ("slices-on-two-sides", "error", 48)
    assert [len(cases) for cases in leaks.together] == [12] * 4


def test_find__slices_of_one_scan_where_the_split_is_ours() -> None:
    seen = scans(3)
    (fault,) = find(cohort_of(sorted(seen), is_given=False), seen).faults
    assert (fault.code, fault.severity, fault.numbers["scans"]) == ("slices-of-one-scan", "warning", 3)
    patients = {name: name[:6] for name in seen}
    assert find(cohort_of(sorted(seen), patients=patients, is_given=False), seen).faults == ()


def test_find__numbered_pictures_of_many_patients_are_no_slices() -> None:
    seen = {f"{kind}_{index:03d}": glance(volume_of(blobs(100 * len(kind) + index))) for kind in ("benign", "normal")
            for index in range(20)}  # fmt: skip
    names = sorted(seen)
    fold = Fold(train=tuple(names[0::2]), validation=tuple(names[1::2]))
    assert find(cohort_of(names, folds=[fold]), seen).faults == ()


def test_find__order_does_not_matter() -> None:
    seen = scans(2)
    forward, backward = cohort_of(sorted(seen)), cohort_of(sorted(seen)[::-1])
    assert find(forward, seen) == find(backward, dict(reversed(seen.items())))


@pytest.mark.data
def test_find__classes_of_pictures_are_no_scans(data_folder) -> None:
    from PIL import Image

    files = sorted((data_folder / "ultrasound_breast_busi" / "images").glob("*.png"))
    seen = {file.stem: glance(volume_of(np.asarray(Image.open(file).convert("L")))) for file in files}
    assert find(cohort_of(sorted(seen)), seen).faults == ()


def made(scans: int, slices: int, *, alike: bool, seed: int) -> dict[str, Signature]:
    """Pictures called scan_slice: within a scan each a little changed from the one before, or each its own."""
    rng = np.random.default_rng(seed)
    found = {}
    for scan in range(scans):
        picture = rng.normal(size=(8, 8))
        for number in range(slices):
            picture = picture + rng.normal(scale=0.3, size=(8, 8)) if alike else rng.normal(size=(8, 8))
            grey = np.clip(np.kron(picture, np.ones((8, 8))) * 30 + 128, 0, 255).astype(np.uint8)
            found[f"scan{scan}_slice_{number:03d}"] = Signature(grey, is_small=False, is_blank=False)
    return found


@pytest.mark.parametrize("seed", range(5))
def test_find__slices_that_change_little_by_little(seed: int) -> None:
    seen = made(5, 12, alike=True, seed=seed)
    names = list(seen)
    leaks = find(cohort_of(names), seen)
    assert [len(scan) for scan in leaks.together] == [12] * 5
    (fault,) = find(cohort_of(names, folds=[Fold(train=tuple(names[::2]), validation=tuple(names[1::2]))]), seen).faults
    assert (fault.code, fault.severity, fault.policy) == ("slices-on-two-sides", "error", True)
    (fault,) = find(cohort_of(names, folds=[Fold(train=tuple(names[:36]), validation=tuple(names[36:]))]), seen).faults
    assert (fault.code, fault.severity) == ("slices-of-one-scan", "warning")


@pytest.mark.parametrize("seed", range(5))
def test_find__numbers_alone_prove_nothing(seed: int) -> None:
    seen = made(5, 12, alike=False, seed=seed)
    assert find(cohort_of(list(seen)), seen).faults == ()

"""Images that are nearly the same in two cases."""

import io
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from alike_pictures import blobs, cohort_of, volume_of
from scanwright.dataset.cases import Classes
from scanwright.dataset.split import Fold
from scanwright.gate.cohort import Cohort
from scanwright.gate.likeness.alike import alike
from scanwright.gate.likeness.duplicates import find, glance

CHANGES = {
    "flip x": lambda a: a[::-1],
    "flip y": lambda a: a[:, ::-1],
    "flip both": lambda a: a[::-1, ::-1],
    "crop": lambda a: a[3 : 3 + int(0.85 * a.shape[0]), -int(0.8 * a.shape[1]) :],
    "gamma": lambda a: 255 * (a / 255) ** 0.5,
    "linear": lambda a: 0.7 * a + 30,
    "inverted": lambda a: 255 - a,
    "smaller": lambda a: ndimage.zoom(a, 0.6, order=1),
    "larger": lambda a: ndimage.zoom(a, 1.4, order=1),
    "jpeg": lambda a: compressed(a, 40),
    "all": lambda a: compressed(ndimage.zoom(255 * (a[::-1][:100, 5:] / 255) ** 1.5, 0.8, order=1), 60),
}


def compressed(picture: np.ndarray, quality: int) -> np.ndarray:
    stored = io.BytesIO()
    Image.fromarray(np.round(picture).clip(0, 255).astype(np.uint8)).save(stored, "JPEG", quality=quality)
    return np.asarray(Image.open(stored))


def signatures_of(number: int = 12, **extra: np.ndarray):
    pictures = {f"p{index:02d}": blobs(index) for index in range(number)} | extra
    return {name: glance(volume_of(picture)) for name, picture in pictures.items()}


@pytest.mark.parametrize("change", CHANGES)
def test_alike__each_change_is_seen_through(change: str) -> None:
    for source in (1, 4, 9):
        (pair,) = alike(signatures_of(copy=CHANGES[change](blobs(source))))
        assert {pair.source, pair.copy} == {f"p{source:02d}", "copy"}
        assert pair.is_inverted == (change == "inverted")
        assert pair.flipped == ("x" in change or change in ("flip both", "all"), change in ("flip y", "flip both"))


def test_alike__no_copies() -> None:
    assert alike(signatures_of(60)) == []


def test_alike__pictures_of_one_layout_are_not_the_same() -> None:
    layout = ndimage.gaussian_filter(blobs(100), 8)
    pictures = {f"p{index:02d}": 4 * layout + 0.5 * blobs(index) for index in range(40)}
    pictures["copy"] = pictures["p07"][8:115, ::-1]
    (pair,) = alike({name: glance(volume_of(picture)) for name, picture in pictures.items()})
    assert {pair.source, pair.copy} == {"p07", "copy"}


def test_alike__order_does_not_matter() -> None:
    seen = signatures_of(20, copy=CHANGES["all"](blobs(3)), other=CHANGES["crop"](blobs(5)))
    assert alike(seen) == alike(dict(reversed(seen.items()))) and len(alike(seen)) == 2


def test_alike__volumes() -> None:
    volumes = {f"v{index}": blobs(index, (40, 36, 30)) for index in range(6)}
    volumes["copy"] = ndimage.zoom(np.sqrt(volumes["v2"][3:, ::-1, :27]), 0.8, order=1)
    (pair,) = alike({name: glance(volume_of(voxels)) for name, voxels in volumes.items()})
    assert {pair.source, pair.copy} == {"v2", "copy"} and pair.flipped == (False, True, False)


def test_alike__blank_and_odd_images() -> None:
    odd = {"a": np.zeros((30, 30)), "b": np.ones((90, 90)), "c": np.ones((1, 1)), "d": np.arange(4.0)[None]}
    assert alike(signatures_of(3, **odd)) == []
    assert alike({}) == [] and alike(signatures_of(1)) == []


FOLD = Fold(train=tuple(f"p{index:02d}" for index in range(12)), validation=("copy",))


def test_find__on_two_sides_of_a_given_split() -> None:
    seen = signatures_of(copy=CHANGES["crop"](blobs(4))[::-1])
    found = find(cohort_of(list(seen), folds=[FOLD]), seen)
    (fault,) = found.faults
    assert (fault.code, fault.severity, fault.policy, fault.cases) == ("near-duplicate", "error", True, ("copy", "p04"))
    assert "copy (validation) and p04 (train) of fold 0" in fault.found and "cropped, flipped along x" in fault.found
    assert found.together == (("copy", "p04"),)
    assert found.to_json()["groups"][0]["pairs"][0]["score"] > 0.9


def test_find__where_the_split_is_ours_it_is_a_warning() -> None:
    seen = signatures_of(copy=CHANGES["jpeg"](blobs(4)))
    for cohort in (cohort_of(list(seen)), cohort_of(list(seen), folds=[FOLD], is_given=False)):
        (fault,) = find(cohort, seen).faults
        assert (fault.severity, fault.policy, fault.cases) == ("warning", False, ("copy", "p04"))
        assert "re-encoded" in fault.found


def test_find__a_declared_test_split_is_given() -> None:
    seen = signatures_of(copy=CHANGES["jpeg"](blobs(4)))
    (fault,) = find(cohort_of(list(seen), sides={"copy": "test"}, is_given=False), seen).faults
    assert fault.severity == "error" and "copy (test) and p04 (train) of the data set's own split" in fault.found


def test_find__of_one_patient_it_is_a_note() -> None:
    seen = signatures_of(copy=CHANGES["jpeg"](blobs(4)), other=CHANGES["smaller"](blobs(6)))
    patients = {"copy": "p04", "other": "p06"}
    found = find(cohort_of(list(seen), patients=patients, folds=[FOLD]), seen)
    (fault,) = found.faults
    assert (fault.severity, fault.cases) == ("note", ("copy", "other", "p04", "p06"))
    assert found.together == ()


@pytest.mark.parametrize("where", ["on two sides", "on one side", "of one patient"])
def test_find__two_classes(where: str) -> None:
    """One picture under two classes is said as such, whatever else is said of it."""
    seen = signatures_of(copy=CHANGES["jpeg"](blobs(4)), other=CHANGES["flip x"](blobs(6)))
    folds = [FOLD] if where == "on two sides" else []
    patients = {"copy": "p04", "other": "p06"} if where == "of one patient" else {}
    for classes, differ in ({"copy": ("A",), "p04": ("B",)}, True), ({"copy": ("A",), "p04": ("A",)}, False):
        found = find(classified(cohort_of(list(seen), folds=folds, patients=patients), classes), seen)
        (fault,) = [fault for fault in found.faults if "copy" in fault.cases]
        assert ("; the classes differ: copy (A) and p04 (B)" in fault.found) == differ
        assert ("Find out which class is right." in fault.action) == differ
        assert fault.numbers.get("pairs_of_two_classes", 0) == differ


def test_find__several_pairs_of_two_classes_and_classes_that_nobody_knows() -> None:
    seen = signatures_of(copy=CHANGES["jpeg"](blobs(4)), other=CHANGES["flip x"](blobs(6)))
    cohort = cohort_of(list(seen))
    (both,) = find(classified(cohort, {"copy": ("A", "B"), "p04": (), "other": ("B",), "p06": ("A",)}), seen).faults
    assert "; the classes differ: 2 pairs, such as " in both.found and both.numbers["pairs_of_two_classes"] == 2
    same = {"copy": ("A", "B"), "p04": ("B", "A"), "other": ("A",)}
    (none,) = find(classified(cohort, same), seen).faults
    assert "differ" not in none.found, "the order says nothing, and p06 is not classified"


def test_find__a_class_that_is_not_known_contradicts_nothing() -> None:
    seen = signatures_of(copy=CHANGES["jpeg"](blobs(4)))
    cohort = classified(cohort_of(list(seen)), {"copy": ("A",), "p04": ("A", "B")})
    assert "differ" in find(cohort, seen).faults[0].found
    unsure = {"copy": Classes(names=("A",), unknown=("B",))}
    cases = tuple(case.model_copy(update={"target": unsure.get(case.id, case.target)}) for case in cohort.dataset.cases)
    cohort = replace(cohort, dataset=cohort.dataset.model_copy(update={"cases": cases}))
    assert "differ" not in find(cohort, seen).faults[0].found


def classified(cohort: Cohort, classes: Mapping[str, tuple[str, ...]]) -> Cohort:
    """The cohort with some of its cases filed under classes."""
    cases = tuple(
        case.model_copy(update={"target": Classes(names=classes[case.id])}) if case.id in classes else case
        for case in cohort.dataset.cases
    )
    return replace(cohort, dataset=cohort.dataset.model_copy(update={"cases": cases}))


def test_find__same_voxels_are_not_said_again() -> None:
    seen = signatures_of(copy=blobs(4))
    assert find(cohort_of(list(seen), hashes={"copy": "p04"}), seen).faults == ()


def test_find__many_groups_on_two_sides() -> None:
    copies = {f"q{index:02d}": CHANGES["jpeg"](blobs(index)) for index in range(24)}
    seen = signatures_of(24, **copies)
    folds = [Fold(train=tuple(name for name in seen if name[0] == "p"), validation=tuple(copies))]
    faults = find(cohort_of(list(seen), folds=folds), seen).faults
    assert len(faults) == 21 and faults[-1].found.startswith("4 more such groups") and len(faults[-1].cases) == 8


def test_find__cases_without_a_signature() -> None:
    assert find(cohort_of(["a", "b"]), {}).num_compared == 0


@pytest.mark.data
def test_alike__crops_that_all_look_alike(data_folder) -> None:
    from scanwright.io.formats import read_volume

    files = sorted((data_folder / "hippocampus_mri" / "imagesTr").glob("*.nii.gz"))[:80]
    seen = {file.name: glance(read_volume(file)) for file in files}
    assert alike(seen) == []


@pytest.mark.data
def test_alike__busi(data_folder) -> None:
    files = sorted((data_folder / "ultrasound_breast_busi" / "images").glob("*.png"))
    seen = {file.stem: glance(volume_of(np.asarray(Image.open(file).convert("L")))) for file in files}
    pairs = {frozenset((pair.source, pair.copy)) for pair in alike(seen)}
    assert len(pairs) == 17
    assert {frozenset(("normal_040", "normal_046")), frozenset(("malignant_004", "malignant_005"))} <= pairs

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from fakes import task
from scanwright.dataset.cases import Case
from scanwright.dataset.store import Store
from scanwright.plan.plan import ChannelNormalization, PreprocessPlan
from scanwright.protocols import IGNORE
from scanwright.transform.prepare import (
    FOREGROUND_VOXELS,
    encode,
    foreground_voxels,
    prepare_case,
    prepare_into,
    store_key,
)

PLAN = PreprocessPlan(
    axes=(2, 1, 0),
    spacing=(1.0, 1.0, 1.0),
    long_side=None,
    crop_to_nonzero=False,
    normalization=(ChannelNormalization(scheme="zscore"),),
    image_order=3,
)
CODES = {0: 0, 4: 1, 7: 2, 9: IGNORE}


def case_in(folder: Path, *, spacing: float = 1.0) -> tuple[Case, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    image = rng.normal(100, 20, (6, 7, 8)).astype(np.float32)
    label = rng.choice([0, 4, 7, 9], (6, 7, 8)).astype(np.uint8)
    affine = np.diag([spacing, spacing, spacing, 1.0])
    for name, voxels in (("image", image), ("label", label)):
        nib.save(nib.Nifti1Image(voxels, affine), folder / f"{name}.nii.gz")
    case = Case(id="a", images=(folder / "image.nii.gz",), label=folder / "label.nii.gz", patient="a")
    return case, image, label


def test_prepare_case__image_codes_and_foreground_by_hand(tmp_path: Path) -> None:
    case, image, label = case_in(tmp_path)
    made = prepare_case(case, task(2), PLAN, CODES)
    assert {name: (array.dtype.name, array.shape) for name, array in made.items()} == {
        "image": ("float32", (1, 8, 7, 6)),
        "codes": ("uint8", (8, 7, 6)),
        "foreground": ("int32", (int(np.isin(label, [4, 7]).sum()), 4)),
    }
    assert np.abs(made["image"][0] - ((image - image.mean()) / image.std()).transpose(2, 1, 0)).max() < 1e-4
    turned = label.transpose(2, 1, 0)
    assert all((made["codes"][turned == value] == code).all() for value, code in CODES.items())
    assert all(made["codes"][d, h, w] == code for code, d, h, w in made["foreground"])


def test_prepare_case__image_and_codes_stay_aligned_when_resampled(tmp_path: Path) -> None:
    made = prepare_case(case_in(tmp_path, spacing=1.6)[0], task(2), PLAN, CODES)
    assert made["image"].shape[1:] == made["codes"].shape == (13, 11, 10)
    assert set(np.unique(made["codes"])) == {0, 1, 2, IGNORE}


def test_prepare_into__is_in_the_store_under_its_key(tmp_path: Path) -> None:
    case, _, _ = case_in(tmp_path)
    key = Store.key(store_key({"images": ["x"]}, PLAN, CODES))
    prepare_into(tmp_path / "store", (case, key), task=task(2), plan=PLAN, codes=CODES)
    entry = Store(tmp_path / "store").open(key)
    assert entry.info == {"case": "a"}
    assert np.array_equal(entry.arrays["codes"], prepare_case(case, task(2), PLAN, CODES)["codes"])


def test_encode__undeclared_values_are_background() -> None:
    label = np.array([0, 4, 7, 9, 5], dtype=np.int32).reshape(5, 1, 1)
    assert encode(label, CODES).ravel().tolist() == [0, 1, 2, IGNORE, 0]
    assert encode(label, CODES).dtype == np.uint8


def test_foreground_voxels__at_most_so_many_of_a_code_evenly_drawn_and_repeatable() -> None:
    codes = np.zeros((40, 30, 30), dtype=np.uint8)
    codes[:20] = 1
    codes[20, 0, :3] = 2
    codes[21:30] = IGNORE
    rows = foreground_voxels(codes)
    assert [(rows[:, 0] == code).sum() for code in (1, 2, IGNORE)] == [FOREGROUND_VOXELS, 3, 0]
    assert rows[rows[:, 0] == 2, 1:].tolist() == [[20, 0, 0], [20, 0, 1], [20, 0, 2]]
    drawn = rows[rows[:, 0] == 1, 1:]
    assert len(np.unique(drawn, axis=0)) == FOREGROUND_VOXELS
    assert drawn.mean(axis=0) == pytest.approx([9.5, 14.5, 14.5], abs=0.5)
    assert np.array_equal(foreground_voxels(codes), rows)


def test_foreground_voxels__none_gives_an_empty_table() -> None:
    assert foreground_voxels(np.zeros((2, 2, 2), dtype=np.uint8)).shape == (0, 4)


def test_store_key__changes_with_whatever_decides_the_arrays() -> None:
    keys = [
        Store.key(store_key(content, plan, codes))
        for content, plan, codes in (
            ("a", PLAN, CODES),
            ("b", PLAN, CODES),
            ("a", PLAN.model_copy(update={"image_order": 1}), CODES),
            ("a", PLAN, {**CODES, 7: 1}),
        )
    ]
    assert len(set(keys)) == 4
    assert Store.key(store_key("a", PLAN, dict(reversed(CODES.items())))) == keys[0]

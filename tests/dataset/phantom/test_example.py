from collections import Counter

import numpy as np
import pytest
from PIL import Image

from scanwright.dataset.phantom.cohort import draw_scan, draw_scans
from scanwright.dataset.phantom.example import FINDINGS, PICTURES, draw_example, finding_of
from scanwright.dataset.phantom.measure import measure

# 5th to 95th percentile over real cases, from benchmarks/phantom_realism.py; docs/design/0002-phantom.md has the table.
REAL = {
    "xray": {
        "cnr": (0.35, 2.15),
        "texture": (0.06, 0.25),
        "noise": (0.00, 0.01),
        "edge_voxels": (1.90, 5.94),
        "bias": (0.01, 0.15),
        "slope": (-3.36, -2.48),
    },
    "us": {
        "cnr": (0.64, 2.96),
        "texture": (0.09, 0.25),
        "noise": (0.00, 0.02),
        "edge_voxels": (1.53, 4.09),
        "bias": (0.01, 0.14),
        "slope": (-4.04, -2.30),
    },
}


REAL_SETS = {"xray": ("xray_lung_covid", "labels", "*.png"), "us": ("ultrasound_breast_busi", "masks", "[bm]*.png")}


@pytest.fixture(scope="module")
def examples():
    """{modality: the first twelve subjects' pictures}."""
    scans = [draw_scan(seed=0, subject=subject) for subject in range(12)]
    return {modality: [draw_example(scan, modality=modality, seed=0) for scan in scans] for modality in PICTURES}


def values_of(rows, name):
    listed = [getattr(row, name) for row in rows]
    return np.concatenate([list(v.values()) if isinstance(v, dict) else [v] for v in listed])


def pixels(example):
    return example.images[0].voxels[0]


@pytest.mark.parametrize("modality", PICTURES)
def test_pictures__look_like_the_real_sets_in_numbers(examples, modality):
    rows = [measure(pixels(one), one.label.voxels[0].astype(np.int32)) for one in examples[modality]]
    for name, (low, high) in REAL[modality].items():
        below, above = 0.1 * abs(low) + 0.005, 0.1 * abs(high) + 0.005
        assert low - below <= np.median(values_of(rows, name)) <= high + above, name


@pytest.mark.data
@pytest.mark.parametrize("modality", PICTURES)
def test_pictures__the_ranges_above_are_those_of_the_real_sets(data_folder, modality):
    """Every sixth case is measured again, at about 256 pixels: its median must lie inside the range that is written above."""
    name, folder, pattern = REAL_SETS[modality]
    rows = []
    for path in sorted((data_folder / name / folder).glob(pattern))[::6]:
        image = Image.open(data_folder / name / "images" / path.name).convert("L")
        step = max(1, max(image.size) // 256)
        label = np.asarray(Image.open(path).convert("L"))[::step, ::step]
        small = np.asarray(image.resize(label.shape[::-1], Image.Resampling.BOX))
        rows.append(measure(small[:, :, None], np.where(label == 255, 1, label).astype(np.int32)[:, :, None]))
    for measured, (low, high) in REAL[modality].items():
        assert low - 0.005 <= np.median(values_of(rows, measured)) <= high + 0.005, measured


@pytest.mark.parametrize("modality", PICTURES)
def test_pictures__of_8_bits_with_every_region_somewhere(examples, modality):
    for one in examples[modality]:
        assert pixels(one).dtype == np.uint8
        assert pixels(one).shape == one.label.voxels[0].shape == (256, 256, 1)
        assert pixels(one).max() > 200
    seen = set().union(*(np.unique(one.label.voxels) for one in examples[modality]))
    assert seen == {0, *examples[modality][0].regions.values()}


@pytest.mark.parametrize("modality", PICTURES)
def test_pictures__truths_agree_with_the_label(examples, modality):
    for one in examples[modality]:
        mask = one.label.voxels[0, :, :, 0] == one.regions["lesion"]
        assert (one.finding == "normal") <= (not mask.any())
        assert one.burden == pytest.approx(mask.sum() * one.pixel_mm**2 / 100, abs=1e-3)
        covered = np.zeros_like(mask)
        for left, top, right, bottom in one.boxes:
            assert mask[left:right, top:bottom].any(axis=0).all() or mask[left:right, top:bottom].any(axis=1).all()
            covered[left:right, top:bottom] = True
        assert (mask & ~covered).sum() < 12 * 4  # specks alone have no box


def test_lesions__are_seen_in_most_who_have_them(examples):
    for modality in PICTURES:
        ill = [one for one in examples[modality] if one.finding != "normal"]
        assert np.mean([one.burden > 0 for one in ill]) > 0.8


def test_radiograph__lungs_are_dark_and_the_liver_is_bright(examples):
    for one in examples["xray"]:
        label, image = one.label.voxels[0], pixels(one)
        for lung in ("right_lung", "left_lung"):
            assert np.median(image[label == one.regions[lung]]) < np.median(image[label == one.regions["heart"]])
        columns = [np.argwhere(label == one.regions[name])[:, 0].mean() for name in ("right_lung", "left_lung")]
        assert columns[0] < 128 < columns[1]  # the patient's right is on the left of the picture


def test_sonogram__cysts_are_black_and_brighten_what_is_behind(examples):
    cysts = [one for one in examples["us"] if one.finding == "benign" and one.burden > 3]
    assert cysts
    for one in cysts:
        label, image = one.label.voxels[0], pixels(one).astype(float)
        inside, liver = image[label == one.regions["lesion"]], image[label == one.regions["liver"]]
        assert np.median(inside) < 0.6 * np.median(liver)


@pytest.mark.parametrize("modality", ["mr", "ct", "xray", "us"])
def test_draw_example__same_key_same_example_and_another_seed_another(modality):
    scan = draw_scan(seed=0, subject=2)
    first, again, other = (draw_example(scan, modality=modality, seed=seed) for seed in (0, 0, 1))
    assert np.array_equal(pixels(first), pixels(again))
    assert np.array_equal(first.label.voxels, again.label.voxels)
    assert not np.array_equal(pixels(first), pixels(other))


def test_findings__one_of_each_in_every_three_and_the_same_at_both_visits():
    found = [finding_of(subject, seed=3) for subject in range(30)]
    assert Counter(found) == dict.fromkeys(FINDINGS, 10)
    scans = draw_scans(seed=0, subjects=6)[-2:]
    both = [draw_example(scan, modality="ct", seed=0) for scan in scans]
    assert both[0].finding == both[1].finding
    assert both[0].burden > 0 or both[0].finding == "normal"


def test_volumes__malignant_and_benign_differ_in_ct():
    levels = {"benign": [], "malignant": []}
    for subject in range(12):
        one = draw_example(draw_scan(seed=0, subject=subject), modality="ct", seed=0)
        inside = pixels(one)[one.label.voxels[0] == one.regions["lesion"]]
        assert (one.finding == "normal") == (inside.size == 0)
        if inside.size:
            levels[one.finding].append(np.median(inside))
    assert (
        np.median(levels["benign"]) < np.median(levels["malignant"]) - 10
    )  # fluid and soft tissue, in Hounsfield units

import csv

import nibabel
import numpy as np
import pytest

from scanwright.dataset.phantom.anatomy import STRUCTURES
from scanwright.dataset.phantom.cohort import DEFAULT_SHAPE, draw_scan, render, scene_of, write_cohort
from scanwright.dataset.phantom.measure import measure, threshold_dice
from scanwright.errors import UsageError
from scanwright.files import read_json, sha256_file

SMALL = {"subjects": 6, "shape": (28, 24, 16)}

# 5th to 95th percentile over real cases, from benchmarks/phantom_realism.py; docs/design/0002-phantom.md has the table.
REAL_MR = {
    "cnr": (0.20, 1.05),
    "texture": (0.10, 0.16),
    "noise": (0.02, 0.05),
    "edge_voxels": (1.01, 1.32),
    "bias": (0.05, 0.44),
}
REAL_CT = {
    "cnr": (0.05, 1.59),
    "texture": (0.01, 0.08),
    "noise": (0.01, 0.02),
    "edge_voxels": (1.06, 1.38),
    "bias": (0.00, 0.29),
}
REAL_CNR = (0.05, 2.96)  # over all four real sets


def read(folder, scan):
    image = np.asarray(nibabel.load(folder / "imagesTr" / f"{scan.case}_0000.nii.gz").dataobj)
    return image, np.asarray(nibabel.load(folder / "labelsTr" / f"{scan.case}.nii.gz").dataobj)


@pytest.fixture(scope="module")
def cohorts():
    """{modality: [(image, label), …]} of the first subjects of the default cohort, as they would be written."""
    found = {}
    for modality in ("mr", "ct"):
        scans = [render(draw_scan(seed=0, subject=subject), modality=modality, seed=0) for subject in range(12)]
        found[modality] = [(images[0].voxels[0], label.voxels[0]) for images, label in scans]
    return found


def values_of(rows, name):
    listed = [getattr(row, name) for row in rows]
    return np.concatenate([list(v.values()) if isinstance(v, dict) else [v] for v in listed])


@pytest.mark.parametrize(("modality", "real", "air"), [("mr", REAL_MR, None), ("ct", REAL_CT, -500)])
def test_cohort__looks_like_the_real_sets_in_numbers(cohorts, modality, real, air):
    rows = [measure(image, label, air=air) for image, label in cohorts[modality]]
    for name, (low, high) in real.items():
        assert low * 0.9 - 0.005 <= np.median(values_of(rows, name)) <= high * 1.1 + 0.005, name
    inside = [REAL_CNR[0] <= cnr <= REAL_CNR[1] for cnr in values_of(rows, "cnr")]
    assert np.mean(inside) > 0.9


@pytest.mark.parametrize("modality", ["mr", "ct"])
def test_cohort__thresholding_stays_far_under_its_bound(cohorts, modality):
    pairs = cohorts[modality]
    found = threshold_dice(pairs[:8], pairs[8:], values=tuple(STRUCTURES.values()))
    assert np.nanmean(list(found.values())) < 0.4  # the bound is 0.6
    assert max(found.values()) < 0.75


def test_cohort__every_label_is_in_most_scans_and_none_is_undeclared(cohorts):
    present = np.array([np.bincount(label.ravel(), minlength=11) > 0 for _, label in cohorts["mr"]])
    assert present.shape[1] == 11
    for name, value in STRUCTURES.items():
        assert present[:, value].mean() > (0.5 if name == "lesion" else 0.8), name
    assert not present[:, STRUCTURES["lesion"]].all()


@pytest.mark.data
def test_cohort__the_ranges_above_are_those_of_the_real_sets(data_folder):
    """Every twelfth case is measured again: its median must lie inside the range that is written above."""
    for folder, channel, real, air in (("hippocampus_mri", "", REAL_MR, None), ("ct_sarcoma", "_0000", REAL_CT, -500)):
        rows = []
        for path in sorted((data_folder / folder / "labelsTr").glob("*.nii.gz"))[::12]:
            image = nibabel.load(data_folder / folder / "imagesTr" / path.name.replace(".nii.gz", f"{channel}.nii.gz"))
            rows.append(measure(np.asarray(image.dataobj), np.asarray(nibabel.load(path).dataobj), air=air))
        for name, (low, high) in real.items():
            assert low - 0.005 <= np.median(values_of(rows, name)) <= high + 0.005, (folder, name)


def test_write_cohort__same_settings_same_bytes(tmp_path):
    write_cohort(tmp_path / "a", **SMALL)
    write_cohort(tmp_path / "b", **SMALL)
    files = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*") if path.is_file())
    assert len(files) == 7 * 2 + 3
    for file in files:
        assert sha256_file(tmp_path / "a" / file) == sha256_file(tmp_path / "b" / file), file


def test_write_cohort__another_seed_another_cohort(tmp_path):
    (first, *_), (other, *_) = (write_cohort(tmp_path / str(seed), seed=seed, **SMALL) for seed in (0, 1))
    assert not np.array_equal(read(tmp_path / "0", first)[1], read(tmp_path / "1", other)[1])


def test_write_cohort__a_run_cut_short_goes_on(tmp_path):
    write_cohort(tmp_path, **SMALL)
    label = tmp_path / "labelsTr" / "p002_a.nii.gz"
    before, kept = sha256_file(label), (tmp_path / "labelsTr" / "p001_a.nii.gz").stat().st_mtime_ns
    label.unlink()
    (tmp_path / "dataset.json").unlink()
    write_cohort(tmp_path, **SMALL)
    assert sha256_file(label) == before
    assert (tmp_path / "labelsTr" / "p001_a.nii.gz").stat().st_mtime_ns == kept
    assert (tmp_path / "dataset.json").is_file()


def test_write_cohort__refuses_a_folder_with_something_else(tmp_path):
    (tmp_path / "thesis.txt").write_text("do not touch")
    with pytest.raises(UsageError, match="already holds something else"):
        write_cohort(tmp_path, **SMALL)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"modality": "pet"}, "modality"),
        ({"channels": 3}, "channels"),
        ({"modality": "ct", "channels": 2}, "channels"),
        ({"subjects": 0}, "cohort"),
        ({"shape": (4, 4, 4)}, "shape"),
    ],
)
def test_write_cohort__impossible_settings(tmp_path, wrong, message):
    with pytest.raises(UsageError, match=message):
        write_cohort(tmp_path / "x", **{**SMALL, **wrong})
    assert not (tmp_path / "x").exists()


def test_write_cohort__tables_and_two_channels_and_nested_regions(tmp_path):
    scans = write_cohort(tmp_path, channels=2, nested=True, **SMALL)
    description = read_json(tmp_path / "dataset.json")
    assert description["channel_names"] == {"0": "T1", "1": "T2"}
    assert description["labels"]["liver"] == [1, 10]
    assert description["numTraining"] == len(scans) == 7
    rows = list(csv.DictReader((tmp_path / "cases.csv").read_text().splitlines()))
    assert [row["case"] for row in rows] == [scan.case for scan in scans]
    assert [row["patient"] for row in rows][-2:] == ["p005", "p005"]
    assert len(list((tmp_path / "imagesTr").iterdir())) == 14


def test_write_cohort__the_data_set_reader_understands_it(tmp_path):
    from scanwright.dataset.read import read_dataset

    write_cohort(tmp_path, nested=True, **SMALL)
    dataset = read_dataset(tmp_path)
    assert dataset.layout == "nnunet"
    assert dataset.faults == ()
    assert {region.name: region.values for region in dataset.task.regions}["liver"] == (1, 10)
    assert not dataset.task.exclusive
    assert [case.patient for case in dataset.cases][-2:] == ["p005", "p005"]
    assert {case.groups["site"] for case in dataset.cases} == {"A", "B"}


def test_write_cohort__image_and_label_share_a_grid_and_types_are_small(tmp_path):
    for scan in write_cohort(tmp_path, modality="ct", **SMALL):
        image = nibabel.load(tmp_path / "imagesTr" / f"{scan.case}_0000.nii.gz")
        label = nibabel.load(tmp_path / "labelsTr" / f"{scan.case}.nii.gz")
        assert image.shape == label.shape == scan.grid.shape
        assert np.allclose(image.affine, scan.grid.affine, atol=1e-3)
        assert np.allclose(image.affine, label.affine)
        assert (image.get_data_dtype(), label.get_data_dtype()) == (np.int16, np.uint8)


def test_draw_scan__sites_and_protocols_differ():
    scans = [draw_scan(seed=0, subject=subject) for subject in range(24)]
    assert {scan.grid.orientation for scan in scans} == {"RAS", "LPS"}
    assert {scan.grid.shape for scan in scans} > {DEFAULT_SHAPE}
    assert max(scan.grid.spacing[2] for scan in scans) > 7
    assert any(np.abs(scan.grid.affine[2, 1]) > 0.1 for scan in scans)  # oblique
    assert all(scan.grid.orientation == ("RAS" if scan.site == "A" else "LPS") for scan in scans)


def test_draw_scan__unvaried_scans_share_one_grid():
    grids = {draw_scan(seed=0, subject=subject, varied=False).grid for subject in range(5)}
    assert len(grids) == 1
    assert grids.pop().spacing == pytest.approx((330 / 54, 6.1, 176 / 29))


def test_draw_scan__a_follow_up_shows_the_same_body_in_another_scan():
    first, second = (draw_scan(seed=0, subject=5, visit=visit) for visit in (0, 1))
    assert (first.patient, first.sex, first.age + 1) == (second.patient, second.sex, second.age)
    assert first.grid != second.grid

    def liver_ml(scan):
        return (scene_of(scan, seed=0).labels() == 1).sum() * scan.grid.voxel_volume / 1000

    assert liver_ml(first) == pytest.approx(liver_ml(second), rel=0.06)


def test_scene_of__left_and_right_are_the_patients_in_every_orientation():
    for subject in (0, 1, 4, 5):
        scan = draw_scan(seed=0, subject=subject)
        labels = scene_of(scan, seed=0).labels()
        liver, spleen = (
            scan.grid.points(np.argwhere(labels == STRUCTURES[n])).mean(axis=0) for n in ("liver", "spleen")
        )
        assert liver[0] > spleen[0] + 60

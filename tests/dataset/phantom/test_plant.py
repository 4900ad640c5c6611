import csv
import shutil

import numpy as np
import pytest

from scanwright.dataset.checks import check
from scanwright.dataset.phantom.faults import FAULTS
from scanwright.dataset.phantom.layout import write_examples
from scanwright.dataset.phantom.members import class_of, open_cohort, read_voxels
from scanwright.dataset.phantom.plant import KINDS, plant_in
from scanwright.dataset.read import read_dataset
from scanwright.errors import InputError, UsageError
from scanwright.files import sha256_file
from scanwright.io.formats import read_grid

COHORTS = {
    "mr volumes": {"modality": "mr", "task": "segmentation"},
    "ct classes": {"modality": "ct", "task": "classification"},
    "us masks": {"modality": "us", "task": "segmentation"},
    "us classes": {"modality": "us", "task": "classification"},
    "us boxes": {"modality": "us", "task": "detection"},
    "us dicom": {"modality": "us", "task": "regression", "format": "dicom"},
}
REFUSED = {
    "mr volumes": {"class-flipped", "class-of-one", "burned-in-by-answer", "burned-in-text"},
    "us boxes": {"near-duplicate-flip", "near-duplicate-crop", "shortcut-size"},
}
WRONG = {"duplicate-other-truth", "label-interpolated"}  # in a way that single cases show; all others can be read


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """{name: a clean cohort}, written once."""
    root = tmp_path_factory.mktemp("cohorts")
    for name, asked in COHORTS.items():
        write_examples(root / name, subjects=12, size=96, **asked)
    return {name: root / name for name in COHORTS}


@pytest.fixture
def copy_of(written, tmp_path):
    def copied(name, *, to="data"):
        return shutil.copytree(written[name], tmp_path / to)

    return copied


def hashes(folder):
    return {path: sha256_file(path) for path in folder.rglob("*") if path.is_file()}


def test_kinds__more_than_thirty_and_none_is_called_as_a_fault_of_one_file():
    assert len(KINDS) > 30
    assert not set(KINDS) & set(FAULTS)
    assert all(kind.codes for name, kind in KINDS.items() if name != "renamed-patient")


@pytest.mark.parametrize("name", COHORTS)
@pytest.mark.parametrize("fault", KINDS)
def test_plant_in__says_what_it_did_and_leaves_a_readable_data_set(copy_of, name, fault):
    folder = copy_of(name)
    before = hashes(folder)
    try:
        planted = plant_in(folder, fault)
    except UsageError as error:
        assert KINDS[fault].needs not in ("rows", "images")
        assert "cannot bear" in str(error)
        assert hashes(folder) == before
        return
    assert fault not in REFUSED.get(name, ())
    after = hashes(folder)
    changed = {path for path in after if before.get(path) != after[path]}
    assert changed
    assert set(planted.files) <= changed | {planted.file}
    assert changed <= {*planted.files, folder / "cases.csv", folder / "boxes.json"}
    known = {one.case for one in open_cohort(folder).members}
    assert planted.cases and set(planted.cases) <= known
    assert planted.codes == KINDS[fault].codes
    errors = {fault.code for fault in check(read_dataset(folder)).errors}
    assert not errors or fault in WRONG


@pytest.mark.parametrize("fault", ["near-duplicate-noise", "label-of-another", "shortcut-mark", "patient-leak"])
def test_plant_in__same_seed_same_bytes(copy_of, fault):
    one, other = copy_of("us masks", to="one"), copy_of("us masks", to="other")
    assert plant_in(one, fault, seed=5).cases == plant_in(other, fault, seed=5).cases
    assert [*hashes(one).values()] == [*hashes(other).values()]


def test_patient_leak__is_one_patient_on_two_sides_and_nobody_else(copy_of):
    folder = copy_of("us masks")
    planted = plant_in(folder, "patient-leak")
    cases = {case.id: case for case in read_dataset(folder).cases}
    sides = {cases[name].split for name in planted.cases}
    assert sides == {"train", "test"}
    assert len({cases[name].patient for name in planted.cases}) == 1
    by_patient = {}
    for case in cases.values():
        by_patient.setdefault(case.patient, set()).add(case.split)
    assert sum(len(found) > 1 for found in by_patient.values()) == 1


def test_renamed_patient__no_name_gives_it_away(copy_of):
    planted = plant_in(copy := copy_of("us masks"), "renamed-patient")
    cases = {case.id: case for case in read_dataset(copy).cases}
    assert {cases[name].split for name in planted.cases} == {"train", "test"}
    assert len({cases[name].patient for name in planted.cases}) == 2


def test_exact_duplicate__is_found_by_the_checks(copy_of):
    for name in COHORTS:
        folder = copy_of(name, to=name)
        planted = plant_in(folder, "exact-duplicate")
        found = [fault for fault in check(read_dataset(folder)).faults if fault.code == "duplicate-image"]
        assert len(found) == 1, name
        assert {found[0].case, *found[0].cases} & set(planted.cases)


def test_near_duplicates__are_other_voxels_of_the_same_picture(copy_of):
    for fault in (name for name in KINDS if name.startswith("near-duplicate")):
        folder = copy_of("us classes", to=fault)
        cohort = open_cohort(folder)
        planted = plant_in(folder, fault)
        source, copied = (read_voxels(one.image) for case in planted.cases for one in cohort.named([case]))
        assert not np.array_equal(source, copied), fault
        like = copied[::-1] if fault.endswith("flip") else copied
        if not fault.endswith("crop"):
            assert np.corrcoef(source.ravel(), like.ravel())[0, 1] > 0.95, fault


def test_label_moved__stays_the_same_label_elsewhere(copy_of):
    folder = copy_of("mr volumes")
    before = {one.case: read_voxels(one.label) for one in open_cohort(folder).members}
    planted = plant_in(folder, "label-moved")
    after = read_voxels(planted.file)
    old = before[planted.case]
    assert np.array_equal(after[3:, 3:], old[:-3, :-3])
    assert read_grid(planted.file).grid.same_space(read_grid(folder / "imagesTr" / f"{planted.case}_0000.nii.gz").grid)


def test_label_half_slice__moves_the_border_by_less_than_a_voxel(copy_of):
    folder = copy_of("mr volumes")
    before = {one.case: read_voxels(one.label) for one in open_cohort(folder).members}
    planted = plant_in(folder, "label-half-slice")
    differ = (read_voxels(planted.file) != before[planted.case]).mean()
    assert 0 < differ < 0.1


def test_class_flipped__the_named_cases_and_no_other(copy_of):
    for name in ("us classes", "ct classes"):
        folder = copy_of(name, to=name)
        before = {one.case: class_of(one) for one in open_cohort(folder).members}
        planted = plant_in(folder, "class-flipped")
        after = {one.case: class_of(one) for one in open_cohort(folder).members}
        assert {case for case in before if before[case] != after[case]} == set(planted.cases)


def test_shortcuts__in_all_cases_of_one_answer_and_in_no_other(copy_of):
    folder = copy_of("us classes")
    malignant = {one.case for one in open_cohort(folder).members if class_of(one) == "malignant"}
    assert set(plant_in(folder, "shortcut-size").cases) == malignant
    sizes = {one.case: read_voxels(one.image).shape[0] for one in open_cohort(folder).members}
    assert {case for case, size in sizes.items() if size > 96} == malignant


def test_outliers__one_case_stands_alone(copy_of):
    folder = copy_of("mr volumes")
    axes = plant_in(folder, "orientation-outlier")
    facts = check(read_dataset(folder)).facts
    own = facts[axes.case].orientation
    assert sum(fact.orientation == own for fact in facts.values()) == 1
    thick = plant_in(folder, "spacing-outlier", seed=1)
    facts = check(read_dataset(folder)).facts
    assert max(facts[thick.case].spacing) == max(max(fact.spacing) for fact in facts.values())


def test_burned_in__a_word_in_the_picture(copy_of):
    folder = copy_of("us classes")
    before = {one.case: read_voxels(one.image) for one in open_cohort(folder).members}
    planted = plant_in(folder, "burned-in-text")
    for one in open_cohort(folder).named(planted.cases):
        changed = np.argwhere(read_voxels(one.image) != before[one.case])
        assert len(changed) > 30
        assert changed[:, 1].max() < 24  # in the uppermost quarter


def test_plant_in__a_fault_of_one_file_where_there_are_such_files(copy_of):
    assert plant_in(copy_of("mr volumes"), "nan-voxel").fault == "nan-voxel"
    with pytest.raises(UsageError, match="cannot bear"):
        plant_in(copy_of("us masks", to="flat"), "nan-voxel")


def test_plant_in__no_such_fault_or_cohort(tmp_path, copy_of):
    with pytest.raises(UsageError, match="no such fault"):
        plant_in(copy_of("us masks"), "gremlins")
    with pytest.raises(InputError, match="not a cohort"):
        plant_in(tmp_path, "exact-duplicate")


def test_plant_in__too_small_a_cohort(tmp_path):
    write_examples(tmp_path, modality="us", subjects=2, size=96)
    with pytest.raises(InputError, match="nobody was scanned twice"):
        plant_in(tmp_path, "patient-leak")


def test_patient_leak__in_a_folder_of_series(tmp_path):
    pytest.importorskip("highdicom")
    write_examples(tmp_path, modality="ct", task="classification", format="dicom", subjects=6)
    planted = plant_in(tmp_path, "patient-leak")
    rows = {row["case"]: row for row in csv.DictReader((tmp_path / "cases.csv").read_text().splitlines())}
    assert {rows[case]["split"] for case in planted.cases} == {"train", "test"}
    with pytest.raises(UsageError, match="cannot bear"):
        plant_in(tmp_path, "shortcut-mark")

"""The four labelled data folders, read untouched: what each README promises is what is found."""

import time
from collections import Counter
from types import SimpleNamespace

import pytest

from plan_samples import FOLDERS, kept_fingerprint
from scanwright.dataset.checks import check, raise_if_errors
from scanwright.dataset.familiar import is_unlike
from scanwright.dataset.fingerprint import fingerprint
from scanwright.dataset.read import read_dataset
from scanwright.dataset.split import make_splits, read_splits
from scanwright.errors import InputError

pytestmark = pytest.mark.data
STUDIES: dict[str, SimpleNamespace] = {}


def study(folder, name):
    """Read and checked once for all tests of this file."""
    if name not in STUDIES:
        dataset = read_dataset(folder / name)
        began = time.process_time()
        checks = check(dataset)
        raise_if_errors(checks)
        seconds = time.process_time() - began
        STUDIES[name] = SimpleNamespace(
            dataset=dataset, checks=checks, seconds=seconds, print=fingerprint(checks.facts, dataset.task)
        )
    return STUDIES[name]


def test_hippocampus(data_folder):
    found = study(data_folder, "hippocampus_mri")
    assert (found.dataset.layout, len(found.dataset.cases)) == ("decathlon", 260)
    assert [(region.name, region.values) for region in found.dataset.task.regions] == [
        ("Anterior", (1,)),
        ("Posterior", (2,)),
    ]
    assert found.checks.faults == ()
    made = found.print
    assert [axis.median for axis in made.shape] == [35, 50, 36]
    assert [(axis.min, axis.max) for axis in made.shape] == [(31, 43), (40, 59), (24, 47)]
    assert all((axis.min, axis.max) == (1, 1) for axis in made.spacing)
    assert set(made.dtypes) == {"uint8", "float32"}
    assert made.channels[0].modality == "mr"
    assert all(facts.label_counts.keys() == {0, 1, 2} for facts in found.checks.facts.values())
    assert found.seconds < 6


def test_hippocampus__the_given_split_and_our_own(data_folder):
    found = study(data_folder, "hippocampus_mri")
    given = read_splits(found.dataset.root / "splits_5fold.json", found.dataset.cases)
    assert [len(fold.validation) for fold in given.folds] == [52] * 5
    ours = make_splits(found.dataset.cases, facts=found.checks.facts)
    assert [len(fold.validation) for fold in ours.folds] == [52] * 5


def test_sarcoma(data_folder):
    found = study(data_folder, "ct_sarcoma")
    assert (found.dataset.layout, len(found.dataset.cases)) == ("nnunet", 29)
    assert found.checks.faults == ()
    made = found.print
    assert made.channels[0].modality == "ct"
    assert [axis.median for axis in made.spacing] == pytest.approx([1.9531, 1.9531, 3.27], abs=1e-4)
    (tumour,) = made.regions
    assert (tumour.name, tumour.present) == ("tumour", 29)
    assert [round(tumour.volume.min), round(tumour.volume.median), round(tumour.volume.max)] == [29, 360, 2363]
    assert found.dataset.cases[0].groups == {"source": "nifti"}


def test_lungs(data_folder):
    found = study(data_folder, "xray_lung_covid")
    assert (found.dataset.layout, len(found.dataset.cases)) == ("image-mask", 44)
    assert found.dataset.stated.endswith("44 cases of 37 patients; channel XRAY, taken as xray")
    assert found.dataset.patients_from == "column patient_id of metadata.csv"
    assert found.dataset.cases[0].groups["finding"] == "ARDS"
    assert found.checks.faults == ()
    made = found.print
    assert (made.dimension, made.unit, made.channels[0].modality) == (2, "px", "xray")
    assert [region.present for region in made.regions] == [43, 43, 44]  # two pictures lack one lung's outline
    assert [region.values for region in found.dataset.task.regions] == [(1,), (2,), (3,)]


def test_lungs__no_patient_is_parted(data_folder):
    found = study(data_folder, "xray_lung_covid")
    patient = {case.id: case.patient for case in found.dataset.cases}
    splits = make_splits(found.dataset.cases, facts=found.checks.facts)
    for fold in splits.folds:
        assert not {patient[name] for name in fold.train} & {patient[name] for name in fold.validation}
        assert 8 <= len(fold.validation) <= 10


def test_breast(data_folder):
    found = study(data_folder, "ultrasound_breast_busi")
    assert (found.dataset.layout, len(found.dataset.cases)) == ("image-mask", 148)
    mixed, *empty = sorted(found.checks.faults, key=lambda fault: fault.code != "mixed-pictures")
    assert (mixed.code, mixed.cases) == (
        "mixed-pictures",
        ("benign_006", "benign_013"),
    )  # stored otherwise than all others
    assert {(fault.code, fault.severity) for fault in empty} == {("empty-label", "warning")} and len(empty) == 50
    assert all(fault.case.startswith("normal_") for fault in empty)
    made = found.print
    assert [(channel.name, channel.modality) for channel in made.channels] == [("US", "us")]
    assert (made.regions[0].present, found.dataset.task.values) == (98, (0, 255))
    assert {case.groups["class"] for case in found.dataset.cases} == {"benign", "malignant", "normal"}
    splits = make_splits(found.dataset.cases, facts=found.checks.facts)
    normal = [sum(name.startswith("normal") for name in fold.validation) for fold in splits.folds]
    assert normal == [10] * 5


def test_blood_cells(data_folder):
    """Counts as in its README, less the two boxes without an area, which are red cells."""
    found = study(data_folder, "blood_cells_bccd")
    assert (found.dataset.layout, len(found.dataset.cases), len(found.dataset.test)) == ("voc", 364, 72)
    assert found.dataset.task.classes == ("Platelets", "RBC", "WBC")
    held = Counter(box.name for case in found.dataset.cases for box in case.target.boxes)
    assert held == {"RBC": 4155 - 2, "WBC": 372, "Platelets": 361}
    assert [(fault.code, fault.severity, fault.case) for fault in found.checks.faults] == [
        ("empty-box", "warning", "BloodImage_00338"),
        ("empty-box", "warning", "BloodImage_00343"),
    ]
    assert found.dataset.stated.startswith("Pascal VOC folder with 4886 boxes of 3 classes: 364 cases")
    made = found.print
    assert ([axis.median for axis in made.shape], made.unit, made.regions) == ([640, 480, 1], "px", ())
    assert [channel.name for channel in made.channels] == ["red", "green", "blue"]


def test_breast__classes_of_the_table(data_folder):
    dataset = read_dataset(data_folder / "ultrasound_breast_busi", kind="classification")
    assert (dataset.layout, dataset.task.kind, dataset.task.choice) == ("image-mask", "classification", "one")
    assert dataset.task.classes == ("benign", "malignant", "normal")
    assert "targets from column class of labels.csv: 148 cases" in dataset.stated
    assert "classes benign (48), malignant (50), normal (50)" in dataset.stated
    assert all(case.id.startswith(case.target.names[0]) and case.label is None for case in dataset.cases)
    assert all("class" not in case.groups for case in dataset.cases)
    assert [fault.code for fault in check(dataset).faults] == ["mixed-pictures"]


def test_lungs__findings_of_the_table(data_folder):
    """Some pictures show COVID-19 and ARDS at once."""
    dataset = read_dataset(data_folder / "xray_lung_covid", kind="classification")
    assert (dataset.task.choice, dataset.task.classes) == (
        "several",
        ("ARDS", "COVID-19", "Klebsiella", "Legionella", "Pneumocystis", "Streptococcus"),
    )
    assert sum(case.target.names == ("COVID-19", "ARDS") for case in dataset.cases) == 6
    assert len({case.patient for case in dataset.cases}) == 37
    assert [fault.found for fault in check(dataset).faults] == ["Klebsiella in one patient"]


def test_breast__as_it_is_published(data_folder, tmp_path):
    """A folder for each class, images and masks side by side."""
    source = data_folder / "ultrasound_breast_busi"
    for path in sorted((source / "images").iterdir()):
        kind, number = path.stem.split("_")
        (tmp_path / kind).mkdir(exist_ok=True)
        (tmp_path / kind / f"{kind} ({int(number)}).png").symlink_to(path)
        (tmp_path / kind / f"{kind} ({int(number)})_mask.png").symlink_to(source / "masks" / path.name)
    dataset = read_dataset(tmp_path)
    assert (dataset.layout, len(dataset.cases)) == ("class-folders", 148)
    assert "classes benign (48), malignant (50), normal (50)" in dataset.stated
    assert [fault.code for fault in check(dataset).faults] == ["mixed-pictures", "left-out"]


@pytest.mark.parametrize("name", FOLDERS)
def test_values_of_labels_are_believed(data_folder, name):
    """Also where nothing declares them: no mixed scales, no grey levels."""
    dataset = read_dataset(data_folder / name)
    inferred = dataset.task.model_copy(update={"source": "label values"})
    looked_at = dataset.model_copy(update={"task": inferred, "cases": dataset.cases[::8]})
    assert {fault.code for fault in check(looked_at).faults} <= {"empty-label"}


@pytest.mark.parametrize("name", ["medmnist", "."])
def test_folders_of_other_kinds_are_refused_with_what_was_looked_for(data_folder, name):
    with pytest.raises(InputError, match="looked for nnunet"):
        read_dataset(data_folder / name)


@pytest.mark.parametrize("name", FOLDERS)
def test_the_fingerprints_that_plans_are_kept_for(data_folder, name):
    """tests/golden/plans are made of these."""
    found = study(data_folder, name)
    facts = {case.id: found.checks.facts[case.id] for case in found.dataset.train}
    assert fingerprint(facts, found.dataset.task).model_dump() == kept_fingerprint(name).model_dump()


def test_grey_values__held_out_cases_are_familiar_and_another_modality_is_not(data_folder):
    """With what fold 0 learns from: no note on its other cases; one on every MRI for a model of CT, and the reverse."""
    learned, seen = {}, {}
    for name in FOLDERS:
        found = study(data_folder, name)
        fold = make_splits(found.dataset.cases, facts=found.checks.facts).folds[0]
        facts = {case: found.checks.facts[case] for case in fold.train}
        learned[name] = fingerprint(facts, found.dataset.task).channels[0]
        seen[name] = [found.checks.facts[case].channels[0] for case in fold.validation]
    for name in FOLDERS:
        assert not any(is_unlike(one.p005, one.p995, learned[name]) for one in seen[name])
    for model, images in (("ct_sarcoma", "hippocampus_mri"), ("hippocampus_mri", "ct_sarcoma")):
        assert all(is_unlike(one.p005, one.p995, learned[model]) for one in seen[images])

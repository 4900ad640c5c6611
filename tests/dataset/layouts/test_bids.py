"""BIDS folders: sessions, suffixes, derivatives and participants."""

from pathlib import Path

import numpy as np
import pytest

from made_folders import ball, write_json, write_nifti, write_text
from scanwright.dataset.cases import Classes, Quantities
from scanwright.dataset.checks import check
from scanwright.dataset.declare import Declaration
from scanwright.dataset.layouts import bids
from scanwright.dataset.read import read_dataset
from scanwright.errors import InputError

PEOPLE = """participant_id	age	group	sex
sub-01	63.5	patient	F
sub-02	12	control	M
sub-03	n/a	patient	n/a
sub-04	40	control	F
sub-05	50	patient	M
"""


def made(root, *names, people=PEOPLE):
    """A raw data set of the names given: "sub-01_ses-1_T1w" lies in sub-01/ses-1/anat."""
    write_json(root / "dataset_description.json", {"Name": "made", "BIDSVersion": "1.8.0"})
    if people:
        write_text(root / "participants.tsv", people)
    for number, name in enumerate(names):
        write_nifti(place(root, name), ball(number)[0])
    return root


def place(root, name):
    folders = [part for part in name.split("_") if part.startswith(("sub-", "ses-"))]
    return root.joinpath(*folders, "anat", f"{name}.nii.gz")


def labelled(root, *names, pipeline="manual", values=(1,)):
    for number, name in enumerate(names):
        write_nifti(place(root / "derivatives" / pipeline, name), ball(number, values=values)[1])
    return root


FOUR = [f"sub-0{number}_T1w" for number in range(1, 5)]
MASKS = [f"sub-0{number}_label-lesion_mask" for number in range(1, 5)]


def test_masks_of_derivatives(tmp_path):
    root = labelled(made(tmp_path, *FOUR), *MASKS)
    assert bids.detect(root) == "dataset_description.json of BIDS 1.8.0, 4 participants"
    dataset = read_dataset(root)
    assert (dataset.layout, dataset.task.kind, [region.name for region in dataset.task.regions]) == (
        "bids",
        "segmentation",
        ["lesion"],
    )
    assert [(channel.name, channel.modality) for channel in dataset.task.channels] == [("T1w", "mr")]
    assert [(case.id, case.patient, case.groups) for case in dataset.cases] == [
        ("sub-01", "sub-01", {"age": "60 to 69", "group": "patient", "sex": "F"}),
        ("sub-02", "sub-02", {"age": "10 to 19", "group": "control", "sex": "M"}),
        ("sub-03", "sub-03", {"group": "patient"}),
        ("sub-04", "sub-04", {"age": "40 to 49", "group": "control", "sex": "F"}),
    ]
    assert dataset.cases[0].label == root / "derivatives/manual/sub-01/anat/sub-01_label-lesion_mask.nii.gz"
    assert (dataset.faults, dataset.patients_from) == ((), "folders sub-…")
    assert dataset.stated.startswith("BIDS folder, labels mask from derivatives/: 4 cases of 4 patients")
    assert not check(dataset).errors


def test_sessions_channels_and_runs(tmp_path):
    names = [
        f"sub-0{n}_ses-{s}_{what}" for n in (1, 2) for s in ("pre", "post") for what in ("T1w", "FLAIR", "acq-fast_T1w")
    ]
    root = labelled(
        made(tmp_path, *names, "sub-01_ses-pre_run-2_T1w", "sub-02_ses-post_T2w"),
        *(f"sub-0{n}_ses-{s}_space-orig_dseg" for n in (1, 2) for s in ("pre", "post")),
        values=(1, 2),
    )
    write_nifti(root / "sub-01/ses-pre/anat/odd name.nii.gz", ball(3)[0])
    write_text(root / "derivatives/manual/dseg.tsv", "index\tname\n0\tBackground\n1\tgrey\n2\twhite\n")
    dataset = read_dataset(root)
    assert [case.id for case in dataset.cases] == [
        "sub-01_ses-post", "sub-01_ses-pre", "sub-02_ses-post", "sub-02_ses-pre",
    ]  # fmt: skip
    assert [channel.name for channel in dataset.task.channels] == ["FLAIR", "T1w", "acq-fast T1w"]
    assert len({case.patient for case in dataset.cases}) == 2
    assert [(region.name, region.values) for region in dataset.task.regions] == [("grey", (1,)), ("white", (2,))]
    assert dataset.task.source == "dseg.tsv"
    assert [(fault.code, fault.severity, fault.found) for fault in dataset.faults] == [
        ("left-out", "note", "1 repeated runs, such as sub-01_ses-pre_run-2_T1w.nii.gz"),
        ("left-out", "note", "1 files not called as BIDS does, such as odd name.nii.gz"),
        ("unused-channel", "warning", "T2w in 1 of 4 sessions"),
    ]


def test_runs_that_are_numbered_everywhere(tmp_path):
    root = labelled(made(tmp_path, "sub-01_run-02_T1w", "sub-01_run-01_T1w", "sub-02_run-1_T1w"), *MASKS[:2])
    assert [case.images[0].name for case in read_dataset(root).cases] == [
        "sub-01_run-01_T1w.nii.gz",
        "sub-02_run-1_T1w.nii.gz",
    ]


def test_a_time_axis_is_no_channel_unless_it_is_declared(tmp_path):
    root = labelled(made(tmp_path, *FOUR), *MASKS)
    for number in range(1, 5):
        path = root / f"sub-0{number}/func/sub-0{number}_task-rest_bold.nii.gz"
        write_nifti(path, np.zeros((4, 4, 4, 3), np.float32))
    dataset = read_dataset(root)
    assert [channel.name for channel in dataset.task.channels] == ["T1w"]
    assert [fault.found for fault in dataset.faults] == ["task-rest_bold in 4 of 4 sessions"]
    write_json(root / "scanwright.json", {"channels": ["T1w", "task-rest bold"]})
    assert [len(case.images) for case in read_dataset(root).cases] == [2] * 4


def test_declared_channels(tmp_path):
    root = labelled(
        made(tmp_path, *(f"sub-0{n}_{what}" for n in (1, 2) for what in ("T1w", "T2w", "FLAIR"))), *MASKS[:2]
    )
    write_json(root / "scanwright.json", {"channels": ["FLAIR", "T1w"]})
    assert [path.name[7:10] for path in read_dataset(root).cases[0].images] == ["FLA", "T1w"]


def test_a_session_without_a_channel_or_label(tmp_path):
    root = made(tmp_path, *FOUR[:3], "sub-04_T2w", *(f"sub-0{n}_FLAIR" for n in (1, 2)))
    dataset = read_dataset(labelled(root, *MASKS[:2]))
    assert [channel.name for channel in dataset.task.channels] == ["T1w"]
    assert [(fault.code, fault.case) for fault in dataset.faults] == [
        ("unused-channel", None),
        ("unused-channel", None),
        ("missing-label", "sub-03"),
        ("missing-channel", "sub-04"),
    ]


def test_which_labels__own_grid_and_maps_first(tmp_path):
    root = labelled(made(tmp_path, *FOUR[:2]), *(f"sub-0{n}_desc-brain_mask" for n in (1, 2)), pipeline="fmriprep")
    assert read_dataset(root).cases[0].label is not None
    labelled(root, *(f"sub-0{n}_space-MNI152NLin2009cAsym_dseg" for n in (1, 2)), pipeline="fmriprep")
    assert Path(read_dataset(root).cases[0].label).name == "sub-01_desc-brain_mask.nii.gz"
    labelled(root, *MASKS[:2])
    assert Path(read_dataset(root).cases[0].label).name == "sub-01_label-lesion_mask.nii.gz"
    labelled(root, *(f"sub-0{n}_dseg" for n in (1, 2)), pipeline="fmriprep", values=(1, 2, 3))
    assert len(read_dataset(root).task.regions) == 3
    write_json(root / "scanwright.json", {"layout": "bids", "label_folder": "derivatives/manual"})
    assert [region.name for region in read_dataset(root).task.regions] == ["lesion"]


def test_several_masks_of_a_session(tmp_path):
    root = labelled(made(tmp_path, *FOUR[:2]), *MASKS[:2], "sub-01_label-core_mask")
    assert [(fault.code, fault.case) for fault in read_dataset(root).faults] == [("several-labels", "sub-01")]


@pytest.mark.parametrize("sessions", [False, True])
def test_a_target_of_the_participants(tmp_path, sessions):
    names = [f"sub-0{n}_ses-{s}_T1w" for n in range(1, 5) for s in (1, 2)] if sessions else FOUR
    root = made(tmp_path, *names)
    write_json(root / "scanwright.json", {"target": "group"})
    dataset = read_dataset(root)
    assert (dataset.task.kind, dataset.task.classes) == ("classification", ("control", "patient"))
    assert [case.target for case in dataset.cases][-1] == Classes(names=("control",))
    assert (dataset.cases[0].groups, dataset.faults) == ({"age": "60 to 69", "sex": "F"}, ())
    assert "BIDS folder, targets from column group of participants.tsv: " in dataset.stated


def test_the_age_of_the_participants(tmp_path):
    root = made(tmp_path, *FOUR)
    write_json(root / "scanwright.json", {"kind": "regression", "target": "age"})
    dataset = read_dataset(root)
    assert dataset.cases[0].target == Quantities(numbers=(63.5,))
    assert [(fault.code, fault.case) for fault in dataset.faults] == [("missing-label", "sub-03")]


def test_neither_labels_nor_a_target(tmp_path):
    with pytest.raises(InputError, match="neither labels nor a target"):
        read_dataset(made(tmp_path, *FOUR, people=""))
    with pytest.raises(InputError, match="no table says what each image shows"):
        read_dataset(tmp_path, kind="classification")


def test_no_images(tmp_path):
    root = made(tmp_path)
    (root / "sub-01").mkdir()
    with pytest.raises(InputError, match="no image in any participant's folder"):
        read_dataset(root)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"Name": "x"}'])
def test_what_is_none(tmp_path, text):
    root = made(tmp_path, *FOUR)
    write_text(root / "dataset_description.json", text)
    assert bids.detect(root) is None
    assert bids.detect(root / "participants.tsv") is None


@pytest.mark.parametrize("name", ["T1w", "sub-01", "sub-01_T1w_x-1", "sub-01__T1w", "_sub-01_odd_T1w"])
def test_names_that_say_nothing(name):
    assert bids.parsed(Path(f"{name}.nii.gz")) is None


def test_no_participants_file_is_needed(tmp_path):
    root = labelled(made(tmp_path, *FOUR[:2], people=""), *MASKS[:2])
    assert bids.read(root, Declaration()).cases[0].groups == {}
    write_text(root / "participants.tsv", "id\tx\n1\t2\n")
    assert bids.read(root, Declaration()).cases[0].groups == {}


def test_a_participants_file_that_cannot_be_read(tmp_path):
    root = labelled(made(tmp_path, *FOUR[:2], people="participant_id\tsex\nsub-01\tF\t1\n"), *MASKS[:2])
    dataset = bids.read(root, Declaration())
    assert [(fault.code, fault.severity, fault.found) for fault in dataset.faults] == [
        ("unusable-table", "warning", "rows with more cells than the first line has columns: line 2")
    ]
    assert {case.patient for case in dataset.cases} == {"sub-01", "sub-02"}

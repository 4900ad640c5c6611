import pytest

from made_folders import ball, nnunet_folder, write_json, write_nifti
from scanwright.dataset.declare import Declaration
from scanwright.dataset.layouts import nnunet
from scanwright.errors import InputError

NOTHING = Declaration()


def test_two_channels(tmp_path):
    root = nnunet_folder(tmp_path, cases=3, channels=("CT", "PET"))
    assert nnunet.detect(root) == "imagesTr with 6 files that end in a channel number"
    dataset = nnunet.read(root, NOTHING)
    assert [case.id for case in dataset.cases] == ["p00", "p01", "p02"]
    assert [path.name for path in dataset.cases[1].images] == ["p01_0000.nii.gz", "p01_0001.nii.gz"]
    assert dataset.cases[1].label == root / "labelsTr" / "p01.nii.gz"
    assert [(channel.name, channel.modality) for channel in dataset.task.channels] == [("CT", "ct"), ("PET", "pet")]
    assert [region.name for region in dataset.task.regions] == ["liver", "tumour"]
    assert dataset.task.source == "dataset.json"
    assert dataset.faults == ()


def test_regions_that_overlap_and_an_ignore_label(tmp_path):
    labels = {"background": 0, "whole": [1, 2], "core": [2], "ignore": 3}
    root = nnunet_folder(tmp_path, labels=labels, regions_class_order=[1, 2])
    task = nnunet.read(root, NOTHING).task
    assert (task.exclusive, task.ignore, task.region_order, task.values) == (False, 3, (1, 2), (0, 1, 2, 3))


def test_missing_files_become_faults(tmp_path):
    root = nnunet_folder(tmp_path, cases=4, channels=("CT", "PET"))
    (root / "labelsTr/p00.nii.gz").unlink()
    (root / "imagesTr/p01_0001.nii.gz").unlink()
    (root / "imagesTr/p02_0000.nii.gz").unlink()
    (root / "imagesTr/p02_0001.nii.gz").unlink()
    dataset = nnunet.read(root, NOTHING)
    assert [(fault.code, fault.case, fault.severity) for fault in dataset.faults] == [
        ("missing-label", "p00", "error"),
        ("missing-channel", "p01", "error"),
        ("missing-image", "p02", "error"),
    ]
    assert "found no 0001" in dataset.faults[1].line()
    assert [(case.id, case.label is None) for case in dataset.cases] == [("p00", True), ("p03", False)]


def test_a_channel_that_is_not_declared_is_named(tmp_path):
    root = nnunet_folder(tmp_path, cases=3)
    write_nifti(root / "imagesTr/p01_0001.nii.gz", ball(50)[0])
    dataset = nnunet.read(root, NOTHING)
    assert [(fault.code, fault.case, fault.severity) for fault in dataset.faults] == [
        ("unused-channel", "p01", "warning")
    ]
    assert "expected channels 0000, found p01_0001.nii.gz" in dataset.faults[0].line()
    assert [len(case.images) for case in dataset.cases] == [1, 1, 1]


def test_labelled_test_images_are_a_declared_test_split(tmp_path):
    root = nnunet_folder(tmp_path, cases=2)
    for name, labelled in (("t1", True), ("t2", False), ("p00", True)):
        image, label = ball(50)
        write_nifti(root / f"imagesTs/{name}_0000.nii.gz", image)
        if labelled:
            write_nifti(root / f"labelsTs/{name}.nii.gz", label)
    dataset = nnunet.read(root, NOTHING)
    assert [(case.id, case.split) for case in dataset.cases] == [
        ("p00", "train"),
        ("p01", "train"),
        ("p00_test", "test"),
        ("t1", "test"),
    ]
    assert dataset.faults == ()


def test_an_explicit_list_of_files(tmp_path):
    root = nnunet_folder(tmp_path / "files", cases=2)
    listed = {
        f"case {number}": {
            "images": [f"../files/imagesTr/p0{number}_0000.nii.gz"],
            "label": f"../files/labelsTr/p0{number}.nii.gz",
        }
        for number in (0, 1, 7)
    }
    (tmp_path / "list").mkdir()
    labels = {"background": 0, "liver": 1, "tumour": 2}
    write_json(tmp_path / "list/dataset.json", {"channel_names": {"0": "CT"}, "labels": labels, "dataset": listed})
    assert nnunet.detect(tmp_path / "list") == 'dataset.json with an explicit list "dataset"'
    with pytest.raises(InputError, match="malformed"):
        nnunet._listed({"a": {"images": "x.nii.gz"}}, where=tmp_path)
    dataset = nnunet.read(tmp_path / "list", NOTHING)
    assert [case.id for case in dataset.cases] == ["case 0", "case 1"]
    assert dataset.cases[1].label.resolve() == root / "labelsTr/p01.nii.gz"
    assert [(fault.code, fault.case) for fault in dataset.faults] == [("missing-files", "case 7")]


def test_without_dataset_json(tmp_path):
    root = nnunet_folder(tmp_path, cases=2, channels=("a", "b"))
    (root / "dataset.json").unlink()
    dataset = nnunet.read(root, NOTHING)
    assert [channel.name for channel in dataset.task.channels] == ["channel 0", "channel 1"]
    assert [region.name for region in dataset.task.regions] == ["label 1", "label 2"]
    assert dataset.task.source == "label values"


def test_files_of_another_ending_are_left_alone(tmp_path):
    root = nnunet_folder(tmp_path, cases=2)
    image, label = ball(1)
    write_nifti(root / "imagesTr/p00_0000.nii", image)
    write_nifti(root / "labelsTr/p00.nii", label)
    (root / "imagesTr/._p00_0000.nii.gz").write_bytes(b"shadow")
    assert nnunet.read(root, NOTHING).faults == ()
    nnunet_folder(root, cases=2, file_ending="")
    assert [(fault.code, fault.case) for fault in nnunet.read(root, NOTHING).faults] == [
        ("ambiguous-files", "p00"),
        ("several-labels", "p00"),
    ]


@pytest.mark.parametrize("names", [["hippocampus_001"], ["a_0001"], ["a_0000", "b"]])
def test_other_names_are_not_nnunet(tmp_path, names):
    for name in names:
        write_nifti(tmp_path / f"imagesTr/{name}.nii.gz", ball(0)[0])
    assert nnunet.detect(tmp_path) is None


def test_read__a_folder_without_images(tmp_path):
    with pytest.raises(InputError, match="no image in imagesTr") as raised:
        nnunet.read(tmp_path, NOTHING)
    assert raised.value.where == tmp_path
    assert (raised.value.expected, raised.value.found) == (nnunet.LOOKED_FOR, "no folder imagesTr")
    root = nnunet_folder(tmp_path / "other", cases=1, file_ending=".mha")
    with pytest.raises(InputError, match=r"which does not end in \.mha"):
        nnunet.read(root, NOTHING)

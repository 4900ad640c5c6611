import pytest

from made_folders import ball, decathlon_folder, nnunet_folder, write_nifti
from scanwright.dataset.declare import Declaration
from scanwright.dataset.layouts import decathlon, nnunet
from scanwright.errors import InputError

NOTHING = Declaration()


def test_a_list_of_pairs(tmp_path):
    root = decathlon_folder(tmp_path, cases=3)
    assert decathlon.detect(root) == 'dataset.json with a list "training" of 3 pairs'
    assert nnunet.detect(root) is None
    dataset = decathlon.read(root, NOTHING)
    assert [case.id for case in dataset.cases] == ["mr_000", "mr_001", "mr_002"]
    assert dataset.cases[0].images == (root / "imagesTr/mr_000.nii.gz",)
    assert [(channel.name, channel.modality) for channel in dataset.task.channels] == [("MRI", "mr")]
    assert [(region.name, region.values) for region in dataset.task.regions] == [
        ("Anterior", (1,)),
        ("Posterior", (2,)),
    ]
    assert dataset.faults == ()
    assert all(case.split == "train" for case in dataset.cases)


def test_labelled_entries_of_test_are_a_declared_test_split(tmp_path):
    root = decathlon_folder(tmp_path, cases=3)
    image, label = ball(9)
    write_nifti(root / "imagesTs/mr_900.nii.gz", image)
    write_nifti(root / "labelsTs/mr_900.nii.gz", label)
    decathlon_folder(root, test=[{"image": "imagesTs/mr_900.nii.gz", "label": "labelsTs/mr_900.nii.gz"}, "x.nii.gz"])
    assert [case.id for case in decathlon.read(root, NOTHING).test] == ["mr_900"]


def test_missing_and_unlisted_files(tmp_path):
    root = decathlon_folder(tmp_path, cases=4)
    (root / "imagesTr/mr_000.nii.gz").unlink()
    (root / "labelsTr/mr_001.nii.gz").unlink()
    (root / "imagesTr/mr_002.nii.gz").unlink()
    (root / "labelsTr/mr_002.nii.gz").unlink()
    write_nifti(root / "labelsTr/mr_100.nii.gz", ball(0)[1])
    dataset = decathlon.read(root, NOTHING)
    assert [(fault.code, fault.severity, fault.case) for fault in dataset.faults] == [
        ("missing-image", "error", "mr_000"),
        ("missing-label", "error", "mr_001"),
        ("missing-files", "error", "mr_002"),
        ("unlisted-files", "note", None),
    ]
    assert "mr_100.nii.gz" in dataset.faults[-1].line()
    assert [case.id for case in dataset.cases] == ["mr_001", "mr_003"]


@pytest.mark.parametrize(
    ("training", "words"),
    [
        ([{"image": "imagesTr/mr_000.nii.gz", "label": "labelsTr/mr_000.nii.gz"}] * 2, "listed twice"),
        ([{"image": "imagesTr/mr_000.nii.gz"}], "malformed"),
        ([{"image": "a\0b.nii.gz", "label": "labelsTr/mr_000.nii.gz"}], "not a path"),
    ],
)
def test_a_malformed_list(tmp_path, training, words):
    root = decathlon_folder(tmp_path, training=training)
    with pytest.raises(InputError, match=words):
        decathlon.read(root, NOTHING)


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ({"training": []}, 'no list "training"'),
        ({"training": "x"}, '"training" is no list'),
        ({"test": {"a": 1}}, '"test" is no list'),
    ],
)
def test_lists_that_are_none(tmp_path, extra, words):
    with pytest.raises(InputError, match=words):
        decathlon.read(decathlon_folder(tmp_path, **extra), NOTHING)


def test_what_is_no_decathlon_folder(tmp_path):
    assert decathlon.detect(nnunet_folder(tmp_path / "nnunet")) is None
    assert decathlon.detect(decathlon_folder(tmp_path / "empty", training=[])) is None
    assert (
        decathlon.detect(decathlon_folder(tmp_path / "gone", training=[{"image": "x.nii.gz", "label": "y.nii.gz"}]))
        is None
    )
    with pytest.raises(InputError, match="no dataset"):
        decathlon.read(tmp_path, NOTHING)
    with pytest.raises(InputError, match='no list "training"') as raised:
        decathlon.read(nnunet_folder(tmp_path / "forced"), NOTHING)
    assert raised.value.exit_code == 4

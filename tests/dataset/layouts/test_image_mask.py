import numpy as np
import pytest

from made_folders import ball, picture, picture_folder, write_json, write_nifti, write_png
from scanwright.dataset.declare import Declaration
from scanwright.dataset.layouts import image_mask
from scanwright.errors import InputError

NOTHING = Declaration()


def ids_and_labels(dataset):
    return [(case.id, [path.name for path in case.images], case.label and case.label.name) for case in dataset.cases]


@pytest.mark.parametrize(
    ("images", "masks", "suffix"),
    [
        ("images", "masks", ""),
        ("Images", "Labels", "_mask"),
        ("imgs", "segmentations", "-seg"),
        ("scans", "annotations", "_label"),
        ("image", "gt", "_gt"),
    ],
)
def test_two_folders(tmp_path, images, masks, suffix):
    root = picture_folder(tmp_path, cases=3, images=images, masks=masks, suffix=suffix)
    assert image_mask.detect(root) == f"folders {images} + {masks}"
    dataset = image_mask.read(root, NOTHING)
    assert ids_and_labels(dataset) == [(f"p0{n}", [f"p0{n}.png"], f"p0{n}{suffix}.png") for n in range(3)]
    assert [(region.name, region.values) for region in dataset.task.regions] == [("foreground", (255,))]
    assert dataset.faults == ()
    assert "3 cases" not in dataset.stated
    assert dataset.stated == f"images in {images}/, masks in {masks}/"


def test_the_folders_name_gives_the_modality(tmp_path):
    assert image_mask.read(picture_folder(tmp_path / "chest_xray"), NOTHING).task.channels[0].modality == "xray"
    assert image_mask.read(picture_folder(tmp_path / "things"), NOTHING).task.channels[0].modality == "other"


def test_missing_pairs_and_a_second_mask(tmp_path):
    root = picture_folder(tmp_path, cases=4, suffix="_mask")
    (root / "masks/p00_mask.png").unlink()
    (root / "images/p01.png").unlink()
    write_png(root / "masks/p02_seg.png", picture(2)[1])
    dataset = image_mask.read(root, NOTHING)
    assert [(fault.code, fault.case) for fault in dataset.faults] == [
        ("missing-label", "p00"),
        ("missing-image", "p01"),
        ("several-labels", "p02"),
    ]
    assert "p02_mask.png, p02_seg.png" in dataset.faults[2].line()


def test_several_channels_in_the_image_folder(tmp_path):
    for number in range(3):
        for channel in ("t1", "t2"):
            write_nifti(tmp_path / f"images/p{number}_{channel}.nii.gz", ball(number)[0])
        write_nifti(tmp_path / f"labels/p{number}.nii.gz", ball(number)[1])
    (tmp_path / "images/p1_t2.nii.gz").unlink()
    dataset = image_mask.read(tmp_path, NOTHING)
    assert [(channel.name, channel.modality) for channel in dataset.task.channels] == [("t1", "mr"), ("t2", "mr")]
    assert [case.id for case in dataset.cases] == ["p0", "p2"]
    assert [(fault.code, fault.case) for fault in dataset.faults] == [("missing-channel", "p1")]


def test_declared_channels_find_their_files(tmp_path):
    for channel in ("ct", "pet"):
        write_nifti(tmp_path / f"p1/p1_{channel}.nii.gz", ball(0)[0])
    write_nifti(tmp_path / "p1/p1_seg.nii.gz", ball(0)[1])
    declared = Declaration(channels=("PET", "CT"))
    assert [path.name for path in image_mask.read(tmp_path, declared).cases[0].images] == [
        "p1_pet.nii.gz",
        "p1_ct.nii.gz",
    ]


def test_a_declared_folder_elsewhere(tmp_path):
    root = picture_folder(tmp_path / "a", cases=2)
    declared = Declaration(image_folder=str(root / "images"), label_folder="../a/masks")
    (tmp_path / "b").mkdir()
    assert image_mask.read(tmp_path / "b", declared).stated == "images in ../a/images/, masks in ../a/masks/"


def test_train_and_test_folders(tmp_path):
    picture_folder(tmp_path / "train", cases=3)
    picture_folder(tmp_path / "val", cases=1)
    picture_folder(tmp_path / "test", cases=2)
    dataset = image_mask.read(tmp_path, NOTHING)
    assert {case.id: case.split for case in dataset.cases} == {
        "test_p00": "test",
        "test_p01": "test",
        "train_p00": "train",
        "train_p01": "train",
        "train_p02": "train",
        "val_p00": "train",
    }


def test_train_and_test_folders__names_that_differ_stay(tmp_path):
    picture_folder(tmp_path / "train", cases=1)
    write_png(tmp_path / "test/images/q.png", picture(5)[0])
    write_png(tmp_path / "test/masks/q.png", picture(5)[1])
    dataset = image_mask.read(tmp_path, NOTHING)
    assert {case.id: case.split for case in dataset.cases} == {"p00": "train", "q": "test"}


def test_side_by_side(tmp_path):
    for number in range(3):
        image, label = ball(number, values=(1, 2))
        write_nifti(tmp_path / f"p{number}.nii.gz", image)
        write_nifti(tmp_path / f"p{number}_mask.nii.gz", label)
    assert image_mask.detect(tmp_path) == "images and masks side by side"
    dataset = image_mask.read(tmp_path, NOTHING)
    assert ids_and_labels(dataset)[1] == ("p1", ["p1.nii.gz"], "p1_mask.nii.gz")
    assert [region.name for region in dataset.task.regions] == ["label 1", "label 2"]


def test_side_by_side__names_that_end_like_channels(tmp_path):
    for number in range(3):
        write_nifti(tmp_path / f"scan_000{number}.nii.gz", ball(number)[0])
        write_nifti(tmp_path / f"scan_000{number}_mask.nii.gz", ball(number)[1])
    dataset = image_mask.read(tmp_path, NOTHING)
    assert [case.id for case in dataset.cases] == ["scan_0000", "scan_0001", "scan_0002"]
    assert (len(dataset.task.channels), dataset.faults) == (1, ())


def test_case_folders__channels_of_brats(tmp_path):
    for number in range(2):
        folder = tmp_path / f"BraTS_{number:03d}"
        for channel in ("flair", "t1", "t1ce", "t2"):
            write_nifti(folder / f"{folder.name}_{channel}.nii.gz", ball(number)[0])
        write_nifti(folder / f"{folder.name}_seg.nii.gz", ball(number, values=(1, 2, 4))[1])
    assert image_mask.detect(tmp_path) == "a folder for each case"
    dataset = image_mask.read(tmp_path, NOTHING)
    assert [channel.name for channel in dataset.task.channels] == ["flair", "t1", "t1ce", "t2"]
    assert [region.values for region in dataset.task.regions] == [(1,), (2,), (4,)]
    assert dataset.cases[1].id == "BraTS_001"
    assert dataset.cases[1].images[2].name == "BraTS_001_t1ce.nii.gz"


def test_case_folders__image_and_mask(tmp_path):
    for number in range(3):
        write_nifti(tmp_path / f"case_{number}/image.nii.gz", ball(number)[0])
        write_nifti(tmp_path / f"case_{number}/mask.nii.gz", ball(number)[1])
    write_nifti(tmp_path / "case_2/other.nii.gz", ball(7)[0])
    dataset = image_mask.read(tmp_path, NOTHING)
    assert ids_and_labels(dataset)[0] == ("case_0", ["image.nii.gz"], "mask.nii.gz")
    assert [(fault.code, fault.case) for fault in dataset.faults] == [("ambiguous-files", "case_2")]


def test_two_folders_that_could_hold_the_masks(tmp_path):
    root = picture_folder(tmp_path)
    picture_folder(root, masks="labels")
    with pytest.raises(InputError) as raised:
        image_mask.detect(root)
    assert "labels, masks" in str(raised.value)
    assert "scanwright.json" in raised.value.hint
    write_json(root / "scanwright.json", {"image_folder": "images", "label_folder": "labels"})
    assert image_mask.detect(root) == "folders images + labels"


@pytest.mark.parametrize(("folders", "words"), [({"image_folder": "images"}, "only one"), (
    {"image_folder": "images", "label_folder": "nowhere"}, "no image files")])  # fmt: skip
def test_declared_folders_that_do_not_do(tmp_path, folders, words):
    root = picture_folder(tmp_path)
    with pytest.raises(InputError, match=words):
        image_mask.read(root, Declaration(**folders))


def test_no_label_fits_any_image(tmp_path):
    write_png(tmp_path / "images/a.png", picture(0)[0])
    write_png(tmp_path / "masks/b.png", picture(0)[1])
    with pytest.raises(InputError) as raised:
        image_mask.read(tmp_path, NOTHING)
    assert "no image has a label" in str(raised.value)
    assert "missing-image b" in str(raised.value)


def test_folders_of_other_things(tmp_path):
    assert image_mask.detect(tmp_path) is None
    write_png(tmp_path / "a/one.png", np.zeros((4, 4), np.uint8))
    write_png(tmp_path / "b/two.png", np.zeros((4, 4), np.uint8))
    assert image_mask.detect(tmp_path) is None

"""Folders of classes, tidy and as people make them."""

import numpy as np
import pytest
from PIL import Image

from made_folders import ball, nnunet_folder, picture, write_json, write_nifti, write_png, write_text
from scanwright.dataset.cases import Classes
from scanwright.dataset.checks import check
from scanwright.dataset.declare import Declaration
from scanwright.dataset.layouts import class_folders
from scanwright.dataset.read import read_dataset
from scanwright.errors import InputError


def pictures(root, *places):
    for number, place in enumerate(places):
        write_png(root / place, picture(number)[0])
    return root


def two_classes(root, names=("malignant", "benign"), count=3):
    return pictures(root, *(f"{name}/{name[0]}{number}.png" for name in names for number in range(count)))


def test_two_classes(tmp_path):
    root = two_classes(tmp_path / "us_breast")
    assert class_folders.detect(root) == "a folder for each class: benign, malignant"
    dataset = read_dataset(root)
    assert (dataset.layout, dataset.task.kind, dataset.task.choice) == ("class-folders", "classification", "one")
    assert dataset.task.classes == ("benign", "malignant")
    assert [(case.id, case.target, case.patient, case.split) for case in dataset.cases][2:4] == [
        ("b2", Classes(names=("benign",)), "b2", "train"),
        ("m0", Classes(names=("malignant",)), "m0", "train"),
    ]
    assert dataset.stated == (
        "a folder for each class: 6 cases of 6 patients; classes benign (3), malignant (3); channel US, taken as us"
    )
    assert dataset.faults == ()
    assert not check(dataset).faults


def test_train_val_and_test(tmp_path):
    places = [
        f"{side}/{name}/{number}.jpeg"
        for side in ("Train", "valid", "TEST")
        for name in ("a", "B")
        for number in (1, 2)
    ]
    for number, place in enumerate(places):
        path = tmp_path / place
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture(number)[0]).save(path)
    dataset = read_dataset(tmp_path)
    assert (dataset.task.classes, len(dataset.cases)) == (("a", "B"), 12)
    assert {case.id: case.split for case in dataset.cases}["TEST_a_1"] == "test"
    assert sum(case.split == "test" for case in dataset.cases) == 4
    assert "Train_B_2" in {case.id for case in dataset.cases}


def test_stems_that_repeat_take_the_class(tmp_path):
    dataset = read_dataset(pictures(tmp_path, "0/1.png", "0/2.png", "1/1.png", "1/3.png"))
    assert [case.id for case in dataset.cases] == ["0_1", "0_2", "1_1", "1_3"]
    assert dataset.task.classes == ("0", "1")


def test_the_same_name_in_two_formats(tmp_path):
    dataset = read_dataset(pictures(tmp_path, "a/x.png", "a/x.PNG.png", "a/x.bmp", "b/y.TIF", "b/z.tiff"))
    assert [case.id for case in dataset.cases] == ["a_x.PNG.png", "a_x.bmp", "a_x.png", "b_y.TIF", "b_z.tiff"]


def test_folders_below_the_class_are_patients(tmp_path):
    root = pictures(
        tmp_path,
        *("covid/Frau Müller/scan 1.png", "covid/Frau Müller/ses-2/scan 1.png", "covid/7/1.png", "covid/lone.png"),
        *("healthy/7/1.png", "healthy/images/2.png"),
    )
    dataset = read_dataset(root)
    assert dataset.patients_from == "folders below the class folders"
    assert {case.id: case.patient for case in dataset.cases} == {
        "covid_Frau Müller_scan 1": "Frau Müller",
        "covid_Frau Müller_ses-2_scan 1": "Frau Müller",
        "covid_7_1": "covid 7",
        "covid_lone": "covid_lone",
        "healthy_7_1": "healthy 7",
        "healthy_images_2": "healthy_images_2",
    }
    assert dataset.task.classes == ("healthy", "covid")


def test_images_and_masks_in_every_class(tmp_path):
    folders = [f"{name}/{kind}/{name}" for name in ("COVID", "Normal") for kind in ("images", "masks")]
    places = [f"{folder}-{number}.png" for folder in folders for number in (1, 2)]
    dataset = read_dataset(pictures(tmp_path, *places))
    assert [case.id for case in dataset.cases] == ["COVID-1", "COVID-2", "Normal-1", "Normal-2"]
    assert all(case.images[0].parent.name == "images" for case in dataset.cases)


@pytest.mark.parametrize("count", [2, 30])
def test_masks_beside_the_images__as_busi_is_published(tmp_path, count):
    for name in ("benign", "malignant", "normal"):
        for number in range(1, count + 1):
            image, mask = picture(number)
            write_png(tmp_path / name / f"{name} ({number}).png", image)
            write_png(tmp_path / name / f"{name} ({number})_mask.png", mask)
    write_png(tmp_path / "benign" / "benign (1)_mask_1.png", mask)
    dataset = read_dataset(tmp_path)
    assert (dataset.layout, len(dataset.cases)) == ("class-folders", 3 * count)
    assert dataset.task.classes == ("benign", "malignant", "normal")
    (note,) = dataset.faults
    assert (note.code, note.severity) == ("left-out", "note")
    assert note.found == f"{3 * count + 1} masks beside their images, such as benign (1)_mask.png"


def test_a_mask_without_its_image_is_an_image(tmp_path):
    root = pictures(tmp_path, "yes/c_mask.png", "yes/d.png", "no/b.png", "no/e.png")
    dataset = class_folders.read(root, Declaration())
    assert sorted(case.id for case in dataset.cases) == ["b", "c_mask", "d", "e"]
    assert dataset.faults == ()


def test_messy_folders(tmp_path):
    root = two_classes(tmp_path)
    pictures(root, "BENIGN/x.png", "stray.png")
    (root / "malignant" / "Thumbs.db").write_bytes(b"?")
    (root / "malignant" / "._m0.png").write_bytes(b"?")
    write_text(root / "malignant" / "notes.txt", "none")
    write_text(root / "README.md", "classes")
    (root / "__MACOSX" / "benign").mkdir(parents=True)
    (root / "unsure").mkdir()
    dataset = read_dataset(root)
    assert (dataset.task.classes, len(dataset.cases)) == (("benign", "malignant"), 7)
    assert [fault.found for fault in dataset.faults] == [
        "1 images in no class's folder, such as stray.png",
        "none in __MACOSX",
        "none in unsure",
    ]


def test_declared_classes(tmp_path):
    root = two_classes(tmp_path, names=("Mild", "severe", "moderate"))
    write_json(root / "scanwright.json", {"classes": ["mild", "moderate", "severe"], "choice": "ordered"})
    dataset = read_dataset(root)
    assert (dataset.task.classes, dataset.task.choice) == (("mild", "moderate", "severe"), "ordered")
    write_json(root / "scanwright.json", {"classes": ["mild", "severe"]})
    with pytest.raises(InputError, match="classes that are not declared"):
        read_dataset(root)


def test_patients_of_a_table_and_test_cases_of_the_declaration(tmp_path):
    root = two_classes(tmp_path)
    write_text(
        root / "patients.csv", "file,patient_id\n" + "".join(f"{n}{k}.png,P{k}\n" for n in "bm" for k in range(3))
    )
    write_json(root / "scanwright.json", {"test": ["m2"]})
    dataset = read_dataset(root)
    assert len({case.patient for case in dataset.cases}) == 3
    assert [case.id for case in dataset.test] == ["m2"]


def test_volumes(tmp_path):
    for number in range(4):
        write_nifti(tmp_path / ("control", "stroke")[number % 2] / f"v{number}.nii.gz", ball(number)[0])
    assert read_dataset(tmp_path).task.classes == ("control", "stroke")


def test_one_image_in_two_classes_is_an_error(tmp_path):
    root = two_classes(tmp_path)
    write_png(root / "malignant" / "copy.png", picture(3)[0])
    (fault,) = check(read_dataset(root)).errors
    assert (fault.code, fault.case) == ("duplicate-image", "copy")
    assert fault.found == "the same voxels as b0, with another label"


def test_a_class_of_one_image_is_rare_and_a_broken_image_is_named(tmp_path):
    root = pictures(tmp_path, "a/1.png", "a/2.png", "a/3.png", "b/4.png")
    (root / "a" / "3.png").write_bytes(b"no picture")
    found = [(fault.code, fault.severity, fault.case) for fault in check(read_dataset(root)).faults]
    assert found == [("unreadable-image", "error", "3"), ("rare-class", "warning", None)]


@pytest.mark.parametrize(
    "places",
    [
        ("images/a.png", "images/b.png", "masks/a.png", "masks/b.png"),
        ("train/images/a.png", "train/images/b.png", "train/masks/a.png", "train/masks/b.png"),
        ("p01/image.png", "p01/mask.png", "p02/image.png", "p02/mask.png"),
        ("Smith/image.png", "Smith/mask.png", "Jones/image.png", "Jones/mask.png"),
    ],
)
def test_images_and_masks_stay_what_they_are(tmp_path, places):
    for number, place in enumerate(places):
        write_png(tmp_path / place, picture(number)[1 if "mask" in place else 0])
    assert read_dataset(tmp_path).layout == "image-mask"


@pytest.mark.parametrize(
    "places",
    [
        ("only/a.png", "only/b.png", "empty"),
        ("p01/t1.png", "p01/t2.png", "p02/t1.png", "p02/t2.png"),
        ("sub-01/a.png", "sub-01/b.png", "sub-02/a.png", "sub-02/b.png"),
        ("one/a.png", "two/a.png", "three/a.png"),
        ("images/a.png", "images/b.png", "scans/a.png", "scans/b.png"),
        ("imagesTr/a.png", "imagesTr/c.png", "imagesTs/b.png", "imagesTs/d.png"),
        ("a.png", "b.png"),
        ("train/a.png", "train/b.png", "test/c.png", "test/d.png"),
    ],
)
def test_folders_without_classes(tmp_path, places):
    for number, place in enumerate(places):
        write_png(tmp_path / place, picture(number)[0]) if place.endswith(".png") else (tmp_path / place).mkdir()
    assert class_folders.detect(tmp_path) is None


def test_a_folder_of_data_sets_has_no_classes(tmp_path):
    nnunet_folder(tmp_path / "one")
    nnunet_folder(tmp_path / "two")
    assert class_folders.detect(tmp_path) is None
    assert read_dataset(tmp_path / "one").layout == "nnunet"


def test_nothing_to_read(tmp_path):
    with pytest.raises(InputError, match="fewer than two class folders"):
        class_folders.read(pictures(tmp_path, "a/x.png"), Declaration())


def test_colour(tmp_path):
    for number in range(4):
        pixels = np.random.default_rng(number).integers(0, 255, (9, 9, 3), np.uint8)
        write_png(tmp_path / ("nevus", "melanoma")[number % 2] / f"{number}.png", pixels)
    assert [channel.name for channel in read_dataset(tmp_path).task.channels] == ["red", "green", "blue"]


def test_segmentation_of_class_folders_is_refused(tmp_path):
    with pytest.raises(InputError, match="does not hold what is wanted"):
        read_dataset(two_classes(tmp_path), kind="segmentation")


def test_an_empty_class__is_named_where_only_one_is_left(tmp_path):
    pictures(tmp_path, "normal/a.png", "normal/b.png")
    (tmp_path / "big").mkdir()
    with pytest.raises(InputError, match="no data set recognised") as caught:
        read_dataset(tmp_path)
    assert any(line.startswith("normal holds images, but big none") for line in caught.value.details)
    assert caught.value.hint.startswith("Add the images that are missing.")


def test_grades__need_an_order(tmp_path):
    root = two_classes(tmp_path, names=("mild", "hot", "severe"))
    write_json(root / "scanwright.json", {"choice": "ordered"})
    with pytest.raises(InputError, match="grades whose order is not known"):
        read_dataset(root)
    write_json(root / "scanwright.json", {"choice": "ordered", "classes": ["hot", "mild", "severe"]})
    assert read_dataset(root).task.classes == ("hot", "mild", "severe")
    root = two_classes(tmp_path / "b", names=("severe", "mild", "normal"))
    write_json(root / "scanwright.json", {"choice": "ordered"})
    assert read_dataset(root).task.classes == ("normal", "mild", "severe")

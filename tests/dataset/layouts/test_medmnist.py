"""Archives of images and classes."""

import numpy as np
import pytest

from made_folders import write_json, write_text
from scanwright.dataset.cases import Classes
from scanwright.dataset.checks import check
from scanwright.dataset.declare import Declaration
from scanwright.dataset.layouts import medmnist
from scanwright.dataset.read import read_dataset
from scanwright.errors import InputError
from scanwright.io.source import ArrayItem


def made(path, labels, *, shape=(8, 8), sides=("train", "val", "test"), **others):
    """An archive in which each side has the labels given."""
    labels = np.asarray(labels)
    arrays = dict(others)
    for number, side in enumerate(sides):
        rng = np.random.default_rng(number)
        arrays[f"{side}_images"] = rng.integers(0, 255, (len(labels), *shape), np.uint8)
        arrays[f"{side}_labels"] = labels
    path.parent.mkdir(exist_ok=True, parents=True)
    np.savez_compressed(path, **arrays)
    return path


def test_the_archive_or_its_folder(tmp_path):
    path = made(tmp_path / "breastmnist.npz", np.array([[0], [1], [1]], np.uint8))
    for given in (path, tmp_path):
        dataset = read_dataset(given)
        assert (dataset.layout, dataset.task.name, dataset.task.choice) == ("medmnist", "breastmnist", "one")
        assert dataset.task.classes == ("normal, benign", "malignant")
        assert [(case.id, case.split) for case in dataset.cases][:4] == [
            ("test_00000", "test"),
            ("test_00001", "test"),
            ("test_00002", "test"),
            ("train_00000", "train"),
        ]
        case = dataset.cases[3]
        assert case.images == (ArrayItem(path, "train_images", 0),)
        assert case.target == Classes(names=("malignant",))
        assert dataset.stated == (
            "MedMNIST archive breastmnist.npz: 9 cases of 9 patients, 3 set apart for testing; classes “normal, benign” (6), "
            "malignant (3); channel US, taken as us"
        )
        assert check(dataset).errors == ()


@pytest.mark.parametrize(
    ("name", "labels", "classes", "choice"),
    [
        ("pneumoniamnist_224", [[0], [1]], ("normal", "pneumonia"), "one"),
        ("octmnist", [[0], [3]], ("choroidal neovascularization", "diabetic macular edema", "drusen", "normal"), "one"),
        ("retinamnist", [[4], [0]], ("grade 0", "grade 1", "grade 2", "grade 3", "grade 4"), "ordered"),
        ("nodulemnist3d", [[0], [1]], ("benign", "malignant"), "one"),
        ("mine", [[2], [0]], ("class 0", "class 1", "class 2"), "one"),
        ("flat", [1, 0], ("class 0", "class 1"), "one"),
        ("octmnist", [[0], [4]], ("class 0", "class 1", "class 2", "class 3", "class 4"), "one"),
        ("mine", [[0, 1], [1, 1]], ("class 0", "class 1"), "several"),
    ],
)
def test_names_of_classes(tmp_path, name, labels, classes, choice):
    task = read_dataset(made(tmp_path / f"{name}.npz", labels)).task
    assert (task.classes, task.choice) == (classes, choice)


@pytest.mark.parametrize("name", medmnist.CLASSES)
def test_names_of_classes__no_two_alike(name):
    names = medmnist.CLASSES[name]
    assert len(set(names)) == len(names) >= 2


def test_several_at_once(tmp_path):
    labels = np.zeros((2, 14), np.uint8)
    labels[1, [0, 13]] = 1
    dataset = read_dataset(made(tmp_path / "chestmnist.npz", labels, sides=("train", "test")))
    assert [case.target.names for case in dataset.cases] == [(), ("atelectasis", "hernia")] * 2
    assert (dataset.task.choice, len(dataset.task.classes)) == ("several", 14)
    assert dataset.task.channels[0].modality == "xray"


def test_declared_names_in_the_order_of_codes(tmp_path):
    path = made(tmp_path / "a.npz", [[0], [1]])
    write_json(tmp_path / "scanwright.json", {"classes": ["ill", "healthy"]})
    dataset = read_dataset(path)
    assert (dataset.task.classes, dataset.cases[0].target.names) == (("ill", "healthy"), ("ill",))
    write_json(tmp_path / "scanwright.json", {"classes": ["ill"]})
    with pytest.raises(InputError, match="more classes than are declared"):
        read_dataset(path)


def test_volumes_and_colour(tmp_path):
    volumes = read_dataset(made(tmp_path / "organmnist3d.npz", [[0], [10]], shape=(8, 9, 10)))
    assert check(volumes).facts["train_00000"].shape == (10, 9, 8)
    assert [channel.modality for channel in volumes.task.channels] == ["other"]
    colour = read_dataset(made(tmp_path / "pathmnist.npz", [[0], [8]], shape=(8, 8, 3)))
    assert [channel.name for channel in colour.task.channels] == ["red", "green", "blue"]
    assert not check(colour).errors


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([[0.5], [1]], "holds no classes"),
        ([[-1], [1]], "holds no classes"),
        ([[[0]], [[1]]], "holds no classes"),
        ([[0, 2], [1, 1]], "several classes hold numbers"),
        ([[0], [5000]], "too many classes"),
    ],
)
def test_labels_that_make_no_sense(tmp_path, labels, message):
    path = made(tmp_path / "a.npz", labels)
    with pytest.raises(InputError, match=message):
        read_dataset(path)


def test_labels_that_do_not_fit_the_images(tmp_path):
    images = np.zeros((3, 8, 8), np.uint8)
    np.savez(tmp_path / "a.npz", train_images=images, train_labels=np.zeros((2, 1)))
    with pytest.raises(InputError, match="do not fit"):
        read_dataset(tmp_path)


def test_labels_of_two_shapes(tmp_path):
    path = made(tmp_path / "a.npz", [[0], [1]], sides=("train",), val_images=np.zeros((1, 8, 8)), val_labels=[[0, 1]])
    with pytest.raises(InputError, match="different shapes"):
        read_dataset(path)


def test_what_is_none(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.zeros(3))
    assert medmnist.detect(tmp_path) is medmnist.detect(tmp_path / "a.npz") is None
    (tmp_path / "a.npz").write_bytes(b"PK")
    assert medmnist.detect(tmp_path) is None
    assert medmnist.detect(write_text(tmp_path / "b.csv", "a,b")) is None
    with pytest.raises(InputError, match="this file is not a data set"):
        read_dataset(tmp_path / "a.npz")


def test_several_archives(tmp_path):
    for name in ("a", "b"):
        made(tmp_path / f"{name}.npz", [[0], [1]])
    with pytest.raises(InputError, match="no data set recognised") as caught:
        read_dataset(tmp_path)
    assert caught.value.hint == f"Did you mean {tmp_path / 'a.npz'}?"
    with pytest.raises(InputError, match="no NumPy archive, or several"):
        medmnist.read(tmp_path, Declaration())


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "counts", "errors"),
    [
        ("breastmnist", {"normal, benign": (456, 114), "malignant": (168, 42)}, {"train_00115"}),
        ("pneumoniamnist", {"normal": (1349, 234), "pneumonia": (3883, 390)}, set()),
    ],
)
def test_the_real_ones(data_folder, name, counts, errors):
    """Of BreastMNIST one picture is in the training part as one class and in the test as the other."""
    dataset = read_dataset(data_folder / "medmnist" / f"{name}.npz")
    for number, side in enumerate((dataset.train, dataset.test)):
        for word, expected in counts.items():
            assert sum(case.target.names == (word,) for case in side) == expected[number]
    assert {fault.case for fault in check(dataset).errors} == errors


def test_scans__those_of_the_test_array_or_all(tmp_path):
    cases, left_out = medmnist.scans(made(tmp_path / "a.npz", [[0], [1], [1]]))
    assert [case.id for case in cases] == ["test_00000", "test_00001", "test_00002"]
    assert cases[2].images == (ArrayItem(tmp_path / "a.npz", "test_images", 2),) and not cases[2].is_labelled
    assert left_out == ("a.npz: 3 of train_images and 3 of val_images, which are there to be learned from",)
    np.savez_compressed(tmp_path / "b.npz", val_images=np.zeros((2, 8, 8), np.uint8))  # labels are not needed
    cases, left_out = medmnist.scans(tmp_path / "b.npz")
    assert [case.id for case in cases] == ["val_00000", "val_00001"] and left_out == ()
    np.savez_compressed(tmp_path / "c.npz", pictures=np.zeros((2, 8, 8), np.uint8))
    with pytest.raises(InputError, match=r"expected an array test_images, found pictures"):
        medmnist.scans(tmp_path / "c.npz")

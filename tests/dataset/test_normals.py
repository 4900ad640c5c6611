"""Which cases are normal, by label maps, by classes, and where there is nothing but images."""

import json

import numpy as np
import pytest
from PIL import Image

from normal_samples import masked_pictures, write_picture
from scanwright.dataset.classes import called_normal
from scanwright.dataset.read import read_dataset
from scanwright.errors import InputError


def told(dataset):
    """{case: normal or abnormal}."""
    return {case.id: None if case.target is None else case.target.names[0] for case in dataset.cases}


def test_label_maps__an_empty_one_is_normal(tmp_path):
    found = read_dataset(masked_pictures(tmp_path, normal=2, abnormal=1), kind="anomaly")
    assert told(found) == {"p00": "normal", "p01": "normal", "p02": "abnormal"}
    assert found.task.kind == "anomaly" and found.task.classes == ("normal", "abnormal")
    assert found.task.abnormal == tuple(region.name for region in found.task.regions)
    assert all(case.label is not None for case in found.cases)
    assert "normal: without" in found.stated


def test_label_maps__anatomy_is_not_abnormal(tmp_path):
    for number, values in enumerate([(1, 1), (1, 2)]):
        mask = np.ones((20, 20), np.uint8)
        mask[5:9, 5:9] = values[1]
        (tmp_path / "masks").mkdir(exist_ok=True)
        Image.fromarray(mask).save(tmp_path / "masks" / f"p{number}.png")
        write_picture(tmp_path / "images" / f"p{number}.png", number)
        Image.open(tmp_path / "images" / f"p{number}.png").crop((0, 0, 20, 20)).save(
            tmp_path / "images" / f"p{number}.png"
        )
    (tmp_path / "scanwright.json").write_text('{"regions": {"breast": 1, "lesion": 2}}')
    found = read_dataset(tmp_path, kind="anomaly")
    assert told(found) == {"p0": "normal", "p1": "abnormal"}
    assert [region.name for region in found.task.regions] == ["breast", "lesion"] and found.task.abnormal == ("lesion",)


def test_label_maps__nothing_is_known_where_it_was_not_looked_for(tmp_path):
    masked_pictures(tmp_path, normal=3, abnormal=2, anatomy=True)
    rows = ["case,annotated", "p00,lower half", "p01,", "p02,lower half|lesion", "p03,lower half", "p04,lesion"]
    (tmp_path / "cases.csv").write_text("\n".join(rows))
    found = read_dataset(tmp_path, kind="anomaly")
    assert told(found) == {"p00": None, "p01": "normal", "p02": "normal", "p03": "abnormal", "p04": "abnormal"}
    assert [case.id for case in found.cases if not case.is_labelled] == ["p00"]


def test_label_maps__nothing_is_known_where_not_everything_was_judged(tmp_path):
    masked_pictures(tmp_path, normal=2, abnormal=1)
    declared = {"regions": {"lesion": 255}, "ignore": 7}
    (tmp_path / "scanwright.json").write_text(json.dumps(declared))
    mask = np.zeros((32, 32), np.uint8)
    mask[:, :5] = 7
    Image.fromarray(mask).save(tmp_path / "masks" / "p00.png")
    found = read_dataset(tmp_path, kind="anomaly")
    assert told(found) == {"p00": None, "p01": "normal", "p02": "abnormal"} and "1 not looked through" in found.stated


def class_folders(root, names):
    """Three pictures of each class."""
    for name in names:
        for number in range(3):
            write_picture(root / name / f"{name}{number}.png", number)
    return root


def test_classes__what_is_called_normal(tmp_path):
    found = read_dataset(class_folders(tmp_path, ["benign", "malignant", "normal"]), kind="anomaly")
    assert list(told(found).values()) == ["abnormal"] * 6 + ["normal"] * 3
    assert not found.task.regions


def test_classes__named_by_hand(tmp_path):
    class_folders(tmp_path, ["cat", "cow", "dog"])
    with pytest.raises(InputError, match="no class is called normal"):
        read_dataset(tmp_path, kind="anomaly")
    (tmp_path / "scanwright.json").write_text('{"normal": ["cat", "dog"]}')
    assert sorted(told(read_dataset(tmp_path, kind="anomaly")).values()) == ["abnormal"] * 3 + ["normal"] * 6
    (tmp_path / "scanwright.json").write_text('{"normal": "fish"}')
    with pytest.raises(InputError, match="not there is called normal"):
        read_dataset(tmp_path, kind="anomaly")


def test_labels__nothing_is_known_where_one_is_not(tmp_path):
    for number in range(4):
        write_picture(tmp_path / f"p{number}.png", number)
    rows = ["image,mass,cyst", "p0.png,0,0", "p1.png,1,", "p2.png,0,", "p3.png,0,1"]
    (tmp_path / "cases.csv").write_text("\n".join(rows))
    (tmp_path / "scanwright.json").write_text('{"kind": "classification", "target": ["mass", "cyst"]}')
    found = read_dataset(tmp_path, kind="anomaly")
    assert list(told(found).values()) == ["normal", "abnormal", None, "abnormal"]


def test_called_normal__of_two_classes_the_negative_one():
    assert called_normal(["malignant", "benign"]) == ("benign",)
    assert called_normal(["benign", "malignant", "cyst"]) == ()
    assert called_normal(["a", "b"], choice="several") == ()
    assert called_normal(["covid", "pneumonia"]) == () == called_normal(["abnormal", "other"])


def test_images_alone__are_normal_and_read_so_only_if_asked_for(tmp_path):
    for number in range(3):
        write_picture(tmp_path / "images" / f"p{number}.png", number)
    with pytest.raises(InputError, match="no data set recognised"):
        read_dataset(tmp_path)
    found = read_dataset(tmp_path, kind="anomaly")
    assert set(told(found).values()) == {"normal"} and found.layout == "images"
    assert found.task.classes == ("normal", "abnormal")


def test_images_alone__a_folder_below_is_the_patient(tmp_path):
    write_picture(tmp_path / "anna" / "one.png", 1)
    write_picture(tmp_path / "anna" / "two.png", 2)
    write_picture(tmp_path / "bea" / "one.png", 3)
    found = read_dataset(tmp_path, "images", kind="anomaly")
    assert {case.id: case.patient for case in found.cases} == {
        "anna_one": "anna",
        "anna_two": "anna",
        "bea_one": "bea",
    }


def test_read__numbers_say_nothing_of_what_is_normal(tmp_path):
    for number in range(4):
        write_picture(tmp_path / "images" / f"p{number}.png", number)
    rows = "\n".join(f"images/p{number}.png,{number * 1.5}" for number in range(4))
    (tmp_path / "cases.csv").write_text(f"image,volume\n{rows}\n")
    (tmp_path / "scanwright.json").write_text('{"target": ["volume"]}')
    with pytest.raises(InputError, match="nothing says which"):
        read_dataset(tmp_path, kind="anomaly")

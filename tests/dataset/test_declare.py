from pathlib import Path

import pytest

from made_folders import write_json, write_text
from scanwright.dataset.declare import Declaration, make_task, read_declaration, regions_of
from scanwright.dataset.task import Channel, Region
from scanwright.errors import InputError

CT = Channel(name="CT", modality="ct")
LIVER = Region(name="liver", values=(1,))


def declared(tmp_path, value):
    write_json(tmp_path / "scanwright.json", value)
    return read_declaration(tmp_path)


def test_no_file_declares_nothing(tmp_path):
    assert read_declaration(tmp_path) == Declaration()


def test_everything_that_can_be_declared(tmp_path):
    found = declared(
        tmp_path,
        {
            "name": "Thigh",
            "layout": "image-mask",
            "channels": ["CT", {"name": "PET", "modality": "other"}],
            "regions": {"whole": [1, 2, 3], "core": [2, 3], "oedema": 1},
            "region_order": [1, 2, 3],
            "ignore": 9,
            "patient": "^(P[0-9]+)_",
            "test": ["P07_a"],
        },
    )
    assert found.channels == (CT, Channel(name="PET", modality="other"))
    assert found.regions == {"whole": (1, 2, 3), "core": (2, 3), "oedema": (1,)}
    task = make_task(found, name="folder", channels=[CT], regions=[LIVER], source="x", where=tmp_path)
    assert (task.name, len(task.channels), task.ignore, task.source) == ("Thigh", 2, 9, "scanwright.json")
    assert [region.name for region in task.regions] == ["whole", "core", "oedema"]
    assert task.region_order == (1, 2, 3)


@pytest.mark.parametrize("value", ["Lung finding", ["Lung finding"]])
def test_a_target_column_or_several(tmp_path, value):
    assert declared(tmp_path, {"target": value}).target == ("Lung finding",)
    assert declared(tmp_path, {"target": ["a", "b"]}).target == ("a", "b")
    assert declared(tmp_path, {}).target == ()


def test_labels_is_another_word_for_regions(tmp_path):
    found = declared(tmp_path, {"labels": {"background": 0, "core": [2], "whole": [1, 2], "ignore": 3}})
    task = make_task(found, name="f", channels=[CT], regions=[], source="x", where=tmp_path)
    assert task.regions == (Region(name="whole", values=(1, 2)), Region(name="core", values=(2,)))
    assert (task.ignore, task.region_order) == (3, (1, 2))


@pytest.mark.parametrize(
    ("value", "word"),
    [
        ({"colour": 1}, "colour"),
        ({"patient": "^P[0-9]+"}, "group in parentheses"),
        ({"patient": "(["}, "not a regular expression"),
        ({"regions": {"liver": "one"}}, "liver"),
        ([1, 2], "valid dictionary"),
    ],
)
def test_a_declaration_that_makes_no_sense(tmp_path, value, word):
    with pytest.raises(InputError) as raised:
        declared(tmp_path, value)
    assert word in str(raised.value)
    assert "scanwright.json" in str(raised.value)


def test_a_declaration_that_is_no_json(tmp_path):
    write_text(tmp_path / "scanwright.json", "{name: 3")
    with pytest.raises(InputError, match="not a JSON file"):
        read_declaration(tmp_path)


def test_without_a_declaration_the_layouts_words_stand(tmp_path):
    task = make_task(
        Declaration(), name="folder", channels=[CT], regions=[LIVER], ignore=4, source="dataset.json", where=tmp_path
    )
    assert (task.name, task.regions, task.ignore, task.source) == ("folder", (LIVER,), 4, "dataset.json")


def test_a_declared_ignore_value_that_is_a_region(tmp_path):
    with pytest.raises(InputError, match="ignore value 1"):
        make_task(Declaration(ignore=1), name="f", channels=[CT], regions=[LIVER], source="x", where=tmp_path)


def test_regions_of__background_must_be_0():
    with pytest.raises(InputError, match="background is not 0"):
        regions_of({"background": [1], "liver": [0]}, where=Path("dataset.json"))


def test_regions_of__nothing_but_background():
    with pytest.raises(InputError, match="no label is declared"):
        regions_of({"background": [0]}, where=Path("dataset.json"))


def test_regions_of__order_given_is_kept():
    labels = {"core": [2], "whole": [1, 2]}
    assert [region.name for region in regions_of(labels, where=Path("x"))[0]] == ["whole", "core"]
    assert [region.name for region in regions_of(labels, where=Path("x"), ordered=True)[0]] == ["core", "whole"]

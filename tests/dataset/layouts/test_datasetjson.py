from pathlib import Path

import pytest

from made_folders import write_json, write_text
from scanwright.dataset.layouts.datasetjson import channels_of, labels_of, read_dataset_json
from scanwright.errors import InputError

HERE = Path("dataset.json")


@pytest.mark.parametrize(
    ("description", "names"),
    [
        ({"channel_names": {"0": "CT"}}, ["CT"]),
        ({"channel_names": {"1": "PET", "0": "CT"}}, ["CT", "PET"]),
        ({"modality": {"0": "FLAIR", "1": "T1w", "2": "t1gd", "3": "T2w"}}, ["FLAIR", "T1w", "t1gd", "T2w"]),
        ({"modality": "MRI"}, ["MRI"]),
        ({"modality": ["T2", "ADC"]}, ["T2", "ADC"]),
    ],
)
def test_channels_of(description, names):
    assert [channel.name for channel in channels_of(description, where=HERE)] == names


@pytest.mark.parametrize(
    "description", [{}, {"channel_names": {}}, {"channel_names": {"1": "CT"}}, {"channel_names": 3}]
)
def test_channels_that_are_not_numbered_from_0(description):
    with pytest.raises(InputError, match="channel"):
        channels_of(description, where=HERE)


def test_labels__name_to_value_and_value_to_name():
    ours = labels_of({"labels": {"background": 0, "liver": 1, "tumour": 2}}, where=HERE)
    theirs = labels_of({"labels": {"0": "background", "1": "liver", "2": "tumour"}}, where=HERE)
    assert ours == theirs
    assert [(region.name, region.values) for region in ours[0]] == [("liver", (1,)), ("tumour", (2,))]
    assert ours[1:] == ((), None)


def test_labels__regions_with_order_and_ignore():
    """The example of nnU-Net's region_based_training.md, with its ignore label."""
    description = {
        "labels": {"background": 0, "whole": [1, 2, 3], "core": [2, 3], "enhancing": 3, "ignore": 4},
        "regions_class_order": [1, 2, 3],
    }
    regions, order, ignore = labels_of(description, where=HERE)
    assert [region.values for region in regions] == [(1, 2, 3), (2, 3), (3,)]
    assert (order, ignore) == ((1, 2, 3), 4)


def test_labels__order_of_plain_labels_has_no_meaning():
    assert labels_of({"labels": {"background": 0, "a": 1}, "regions_class_order": [1, 2, 3]}, where=HERE)[1] == ()


@pytest.mark.parametrize(
    ("description", "words"),
    [
        ({}, "labels"),
        ({"labels": {"background": 0, "liver": 1.5}}, "liver: 1.5"),
        ({"labels": {"background": 0, "liver": "one"}}, "liver: one"),
        ({"labels": {"background": 0, "liver": True}}, "liver: True"),
        ({"labels": {"background": 0}}, "no label is declared"),
        ({"labels": {"background": 0, "a": [1, 2], "b": 2}, "regions_class_order": [1]}, "2 whole numbers"),
    ],
)
def test_labels_that_make_no_sense(description, words):
    with pytest.raises(InputError) as raised:
        labels_of(description, where=HERE)
    assert words in str(raised.value)


def test_read_dataset_json(tmp_path):
    assert read_dataset_json(tmp_path) is None
    write_json(tmp_path / "dataset.json", [1])
    with pytest.raises(InputError, match="a JSON object"):
        read_dataset_json(tmp_path)
    write_text(tmp_path / "dataset.json", "{")
    with pytest.raises(InputError, match="not a JSON file"):
        read_dataset_json(tmp_path)

"""Columns of classes that cannot be meant as they stand."""

import pytest

from made_folders import write_json, write_png, write_text
from made_images import disc
from scanwright.dataset.read import read_dataset
from scanwright.errors import InputError


def folder(root, column, cells, **declared):
    for index in range(len(cells)):
        write_png(root / "images" / f"c{index}.png", disc(index, radius=3.0))
    rows = [f"images/c{index}.png,{cell}" for index, cell in enumerate(cells)]
    write_text(root / "t.csv", "\n".join([f"image,{column}", *rows]) + "\n")
    if declared:
        write_json(root / "scanwright.json", declared)
    return root


def codes(found):
    return [fault.code for fault in found.faults]


@pytest.mark.parametrize("cells", [["0.1", "0.93", "0.5", "0.75"], ["12.5", "7.25", "3.5", "1.5"]])
def test_fractions__are_no_classes(tmp_path, cells):
    with pytest.raises(InputError, match="no classes") as caught:
        read_dataset(folder(tmp_path, "class", cells, kind="classification"))
    assert ("probabilities" in caught.value.hint) is (cells[0] == "0.1")
    assert read_dataset(folder(tmp_path / "b", "class", cells)).task.kind == "regression"


def test_words_beside_numbers__are_told(tmp_path):
    assert codes(read_dataset(folder(tmp_path, "class", ["1", "a", "2", "b"]))) == ["mixed-classes"]
    assert codes(read_dataset(folder(tmp_path / "b", "class", ["1", "3", "2", "1"]))) == []


def test_unknown_separators__are_told(tmp_path):
    several = {"kind": "classification", "choice": "several"}
    assert codes(read_dataset(folder(tmp_path, "class", ["a/b", "a", "b", "a"], **several))) == ["unknown-separator"]
    assert codes(read_dataset(folder(tmp_path / "b", "class", ["a|b", "a", "b", "a"], **several))) == []


@pytest.mark.parametrize(
    ("column", "cells", "declared", "said"),
    [
        ("class", ["a"] * 4, {}, "every image has the same class (a)"),
        ("class", ["a", "b"] * 2, {"kind": "classification", "target": ["diagnosis"]}, "no column diagnosis"),
        ("remark", ["a", "b"] * 2, {}, "no column of a usual name"),
    ],
)
def test_near_misses__say_what_is_missing(tmp_path, column, cells, declared, said):
    with pytest.raises(InputError, match="no data set recognised") as caught:
        read_dataset(folder(tmp_path, column, cells, **declared))
    assert any(said in line for line in caught.value.details)

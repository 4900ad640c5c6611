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


PROBABILITIES, QUANTITIES = ["0.1", "0.93", "0.5", "0.75"], ["12.5", "7.25", "3.5", "1.5"]


@pytest.mark.parametrize("cells", [PROBABILITIES, QUANTITIES])
def test_fractions__are_no_classes(tmp_path, cells):
    with pytest.raises(InputError, match="no classes") as caught:
        read_dataset(folder(tmp_path, "class", cells, kind="classification"))
    assert ("probabilities" in caught.value.hint) is (cells == PROBABILITIES)


def test_probabilities_of_classes__are_no_quantity_unless_that_is_asked_for(tmp_path):
    root = folder(tmp_path, "diagnosis", PROBABILITIES)
    with pytest.raises(InputError, match="no classes") as caught:
        read_dataset(root)
    assert "probabilities" in caught.value.hint and "--task regression" in caught.value.hint
    assert read_dataset(root, kind="regression").task.kind == "regression"
    assert read_dataset(folder(tmp_path / "b", "class", QUANTITIES)).task.kind == "regression"
    assert read_dataset(folder(tmp_path / "c", "value", PROBABILITIES)).task.kind == "regression"


@pytest.mark.parametrize(
    ("cells", "declared", "said"),
    [
        (["benign", "1", "malignant", "0"], {}, [("mixed-classes", "error")]),
        (["1", "a", "2", "b"], {}, [("mixed-classes", "error")]),
        (["12", "inf", "1e400"], {}, [("mixed-classes", "error")]),
        (["3", "4a", "4b", "5"], {}, [("mixed-classes", "warning")]),
        (["benign", "1", "benign", "1"], {"classes": ["benign", "1"]}, []),
        (["1", "3", "2", "1"], {}, []),
    ],
)
def test_words_beside_numbers__are_refused_unless_they_are_declared(tmp_path, cells, declared, said):
    found = read_dataset(folder(tmp_path, "class", cells, **declared))
    assert [(fault.code, fault.severity) for fault in found.faults] == said


def test_unknown_separators__are_told(tmp_path):
    several = {"kind": "classification", "choice": "several"}
    assert codes(read_dataset(folder(tmp_path, "class", ["a/b", "a", "b", "a"], **several))) == ["unknown-separator"]
    assert codes(read_dataset(folder(tmp_path / "b", "class", ["a|b", "a", "b", "a"], **several))) == []


@pytest.mark.parametrize(
    ("cells", "separator", "others"),
    [
        (['"a,b"', "b", "a|c", "a;c", "c"], '"|", as in other cells', "'a,b', 'a;c'"),
        (["a;b", "b", '"a,c"', "c"], '";", as in other cells', "'a,c'"),
        (["a b", "b", "a / b", "a+c", "c"], '"|", ";" or ","', "'a / b', 'a b', 'a+c'"),
    ],
)
def test_separators_of_several_kinds__are_refused_and_all_are_named(tmp_path, cells, separator, others):
    (fault,) = read_dataset(folder(tmp_path, "labels", cells)).faults
    assert (fault.code, fault.severity) == ("unknown-separator", "error")
    assert fault.expected.endswith(f"parted by {separator}") and ", ".join(sorted(fault.found.split(", "))) == others


@pytest.mark.parametrize(
    ("joined", "alone"),
    [
        ("nodule/effusion", ["nodule", "effusion"]),
        ("nodule + effusion", ["nodule", "effusion"]),
        ("Nodule & Effusion", ["nodule", "effusion"]),
        ("nodule and effusion", ["nodule", "effusion"]),
        ("nodule_effusion", ["nodule", "effusion"]),
        ("nodule/effusion", ["nodule", "normal"]),
    ],
)
def test_classes_made_of_others__are_told_whatever_the_choice(tmp_path, joined, alone):
    found = read_dataset(folder(tmp_path, "class", [joined, *alone, "normal"]))
    assert (found.task.choice, codes(found), found.faults[0].found) == ("one", ["unknown-separator"], repr(joined))
    assert found.faults[0].severity == ("error" if "effusion" in alone else "warning")
    classes = [joined, *alone] + ["normal"] * ("normal" not in alone)
    assert codes(read_dataset(folder(tmp_path / "b", "class", [joined, *alone, "normal"], classes=classes))) == []


@pytest.mark.parametrize("joined", ["bright+ring", "bright + ring", "bright/ring", "bright and ring"])
def test_cells_with_a_sign_whose_parts_no_other_has__are_a_class_with_a_warning(tmp_path, joined):
    cells = [joined, "dark"] * 3
    found = read_dataset(folder(tmp_path / "a", "class", cells))
    (fault,) = found.faults
    assert (fault.code, fault.severity, fault.found) == ("unknown-separator", "warning", repr(joined))
    assert set(found.task.classes) == {joined, "dark"}
    assert codes(read_dataset(folder(tmp_path / "b", "class", cells, choice="one"))) == []
    assert codes(read_dataset(folder(tmp_path / "c", "class", cells, classes=[joined, "dark"]))) == []


def test_signs_within_one_class__are_its_own(tmp_path):
    assert codes(read_dataset(folder(tmp_path, "class", ["HER2+/ER-", "benign", "HER2+/ER-", "benign"]))) == []
    assert codes(read_dataset(folder(tmp_path / "b", "class", ["covid-19", "ards", "covid-19", "ards"]))) == []
    assert codes(read_dataset(folder(tmp_path / "c", "class", ["HER2+/ER-", "HER2+/ER+", "HER2-/ER-", "benign"]))) == []


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


@pytest.mark.parametrize(
    "cells",
    [
        ["mass/calc", "mass/cyst", "calc/cyst", "none"],
        ["mass+calc", "mass + cyst", "none", "none"],
        ["mass and calc", "mass and cyst", "none", "none"],
    ],
)
def test_parts_that_several_cells_share__are_classes(tmp_path, cells):
    (fault,) = read_dataset(folder(tmp_path, "class", cells)).faults
    assert (fault.code, fault.severity) == ("unknown-separator", "error")
    assert (
        fault.found == ", ".join(repr(cell) for cell in cells if cell != "none") and '"|", ";" or ","' in fault.expected
    )
    declared = list(dict.fromkeys(cells))
    assert codes(read_dataset(folder(tmp_path / "b", "class", cells, classes=declared))) == []


@pytest.mark.parametrize(
    "cells", [["3+3", "3+4", "4+3", "4+4"], ["tumour with necrosis", "tumour with oedema", "a", "a"]]
)
def test_parts_that_are_no_labels__are_left(tmp_path, cells):
    assert codes(read_dataset(folder(tmp_path, "class", cells))) == []


def test_another_sign_than_that_of_other_cells__is_an_error(tmp_path):
    cells = ["mass|calc", "mass;cyst", '"calc, cyst"', "mass"]
    (fault,) = read_dataset(folder(tmp_path, "labels", cells)).faults
    assert (fault.code, fault.severity) == ("unknown-separator", "error")
    assert "'mass;cyst'" in fault.found and "'calc, cyst'" in fault.found and '"|", as in other cells' in fault.expected


def test_another_sign_in_a_name_whose_parts_no_other_cell_has__is_a_warning(tmp_path):
    cells = ['"effusion, left|nodule"', '"effusion, left"', "nodule", "nodule"]
    found = read_dataset(folder(tmp_path, "labels", cells))
    (fault,) = found.faults
    assert (fault.code, fault.severity, fault.found) == ("unknown-separator", "warning", "'effusion, left'")
    assert set(found.task.classes) == {"effusion, left", "nodule"}


@pytest.mark.parametrize(
    ("cells", "found"),
    [
        (["in situ", "in-situ", "in_situ", "invasive"], "'in situ' and 'in-situ' and 'in_situ'"),
        (["yes", "Y", "no", "no"], "'Y' and 'yes'"),
        (["T1 2", "T12", "HER2-", "HER2+"], None),
        (["benign", "beni\u200bgn", "cyst", "cyst"], "'benign' and 'beni\\u200bgn'"),
    ],
)
def test_one_class_in_two_spellings__is_refused(tmp_path, cells, found):
    faults = read_dataset(folder(tmp_path, "class", cells)).faults
    assert [(one.code, one.severity, one.found) for one in faults] == (
        [("alike-classes", "error", found)] if found else []
    )
    assert codes(read_dataset(folder(tmp_path / "b", "class", cells, classes=list(dict.fromkeys(cells))))) == []


@pytest.mark.parametrize(
    "cells",
    [
        ["L4/L5", "L5/S1", "L4/L5", "L5/S1"],
        ["left", "right", "left+right", "left"],
        ["solid", "cystic", "solid-cystic", "solid"],
    ],
)
def test_choice_one__is_enough_to_say_that_each_cell_is_a_class(tmp_path, cells):
    (fault,) = read_dataset(folder(tmp_path / "a", "class", cells)).faults
    assert fault.severity == "error" and '"choice": "one"' in fault.action
    found = read_dataset(folder(tmp_path / "b", "class", cells, choice="one"))
    assert set(found.task.classes) == set(cells) and {one.severity for one in found.faults} <= {"warning"}


def test_grades_in_roman_numerals__are_no_spellings_of_each_other(tmp_path):
    assert "alike-classes" not in codes(read_dataset(folder(tmp_path, "grade", ["I-II", "III", "IV", "I-II"])))


def test_commas_whose_parts_never_stand_alone__are_doubted(tmp_path):
    cells = ['"carcinoma, NOS"', '"sarcoma, NOS"', "normal", "normal"]
    (fault,) = read_dataset(folder(tmp_path / "a", "diagnosis", cells)).faults
    assert (fault.code, fault.severity) == ("unknown-separator", "warning") and '"choice": "one"' in fault.action
    found = read_dataset(folder(tmp_path / "b", "diagnosis", cells, choice="one"))
    assert set(found.task.classes) == {"carcinoma, NOS", "sarcoma, NOS", "normal"}
    assert codes(read_dataset(folder(tmp_path / "c", "diagnosis", ['"mass, cyst"', "mass", "cyst", "mass"]))) == []


def test_a_unit_in_a_columns_name__makes_fractions_a_quantity(tmp_path):
    cells = ["0.02", "0.5", "0.31", "0.9"]
    for name in ("PDFF (%)", "stiffness_kPa", "ki67"):
        assert read_dataset(folder(tmp_path / name[:4], name, cells, target=name)).task.kind == "regression"


def test_ages_that_are_topped__are_bounds(tmp_path):
    cells = [*(str(20 + 3 * place) for place in range(20)), "90+", "90+"]
    with pytest.raises(InputError, match="bounds"):
        read_dataset(folder(tmp_path, "age", cells, target="age"))


def test_a_class_with_a_slip_in_it__is_a_warning(tmp_path):
    cells = ["malignant"] * 20 + ["benign"] * 20 + ["malignent"] * 2
    (fault,) = read_dataset(folder(tmp_path, "class", cells)).faults
    assert (fault.code, fault.severity) == ("misspelt-class", "warning")
    assert fault.found == "'malignent' (2) beside 'malignant' (20)"
    meant = ["benign", "malignant", "malignent"]
    assert codes(read_dataset(folder(tmp_path / "b", "class", cells, classes=meant))) == []


@pytest.mark.parametrize(
    "cells",
    [
        ["malignant"] * 20 + ["malignent"] * 3,  # too many to be a slip
        ["stage1"] * 20 + ["stage2"],
        ["left"] * 20 + ["lefts"],
        ["hypertension"] * 20 + ["hypotension"],
    ],
)
def test_classes_that_may_be_meant__are_none(tmp_path, cells):
    assert "misspelt-class" not in codes(read_dataset(folder(tmp_path, "class", cells)))

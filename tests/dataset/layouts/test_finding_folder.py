"""Masks of findings in a folder of their own: they lie over the label map, and what is not drawn is not there."""

import numpy as np
import pytest

from made_folders import nnunet_folder, picture, write_json, write_png
from scanwright.dataset.cases import Case
from scanwright.dataset.checks import check
from scanwright.dataset.layouts.structures import values_of_bits
from scanwright.dataset.read import read_dataset
from scanwright.errors import InputError
from scanwright.io.formats import read_grid, read_label, write_label
from scanwright.io.source import LabelFiles, files_of

SIZE = (20, 16)
REGIONS = {"left": 1, "right": 2}


def anatomy():
    """Rows 2 to 9 in two halves: 8 x 6 pixels are 1, 8 x 6 are 2."""
    label = np.zeros(SIZE, np.uint8)
    label[2:10, 2:8], label[2:10, 8:14] = 1, 2
    return label


def mask(rows, columns, *, value=255, size=SIZE):
    drawn = np.zeros(size, np.uint8)
    drawn[rows[0] : rows[1], columns[0] : columns[1]] = value
    return drawn


NODULE = mask((4, 6), (6, 10))  # 2 x 2 pixels in each half
SHADOW = mask((5, 12), (9, 11))  # 5 x 2 in the right one, 2 x 2 below; shares one pixel with the nodule


def folder(root, masks, *, cases=3, **declared):
    """Images, label maps of two regions, and masks under the given names; scanwright.json declares all."""
    for number in range(cases):
        write_png(root / f"images/p{number}.png", picture(number)[0])
        write_png(root / f"labels/p{number}.png", anatomy())
    for name, drawn in masks.items():
        write_png(root / "findings" / f"{name}.png", drawn)
    write_json(root / "scanwright.json", {"finding_folder": "findings", "regions": REGIONS, **declared})
    return root


def rows(case):
    """A case's label as rows and columns of the picture."""
    return read_label(case.label).voxels[0, ..., 0].T


def test_anatomy_and_findings_are_one_task(tmp_path):
    dataset = read_dataset(folder(tmp_path, {"p0__nodule": NODULE, "p0__shadow": SHADOW, "p1__nodule": NODULE}))
    assert {region.name: region.values for region in dataset.task.regions} == {
        "left": (1, 5, 9, 13),
        "right": (2, 6, 10, 14),
        "nodule": (4, 5, 6, 12, 13, 14),
        "shadow": (8, 9, 10, 12, 13, 14),
    }
    assert dataset.task.region_order == (1, 2, 4, 8) and not dataset.task.exclusive
    assert dataset.task.abnormal == ("nodule", "shadow")
    assert dataset.stated.startswith("images in images/, masks in labels/, findings in findings/: 3 cases")
    expected = anatomy() + 4 * (NODULE > 0) + 8 * (SHADOW > 0)
    np.testing.assert_array_equal(rows(dataset.cases[0]), expected)
    np.testing.assert_array_equal(rows(dataset.cases[2]), anatomy())
    assert read_grid(dataset.cases[0].label).grid.shape == (16, 20, 1)
    assert [path.name for path in files_of(dataset.cases[0].label)] == ["p0.png", "p0__nodule.png", "p0__shadow.png"]
    voxels = check(dataset, jobs=1).facts["p0"].region_voxels
    assert voxels == {"left": 48, "right": 48, "nodule": 8, "shadow": 14}


def test_what_is_not_drawn_is_not_there(tmp_path):
    found = check(read_dataset(folder(tmp_path, {"p0__nodule": NODULE, "p1__shadow": SHADOW})), jobs=1)
    (told,) = [fault for fault in found.faults if fault.code in ("finding-masks", "missing-structure")]
    assert (told.severity, told.cases) == ("note", ())
    assert "of 3 cases masks show nodule in 1, shadow in 1" in told.line()
    assert not found.errors and found.facts["p2"].region_voxels["nodule"] == 0


def test_without_a_declaration_the_folder_is_left_alone(tmp_path):
    root = folder(tmp_path, {"p0__nodule": NODULE})
    write_json(root / "scanwright.json", {"regions": REGIONS})
    dataset = read_dataset(root)
    assert [region.name for region in dataset.task.regions] == ["left", "right"]
    assert dataset.cases[0].label == root / "labels/p0.png"


@pytest.mark.parametrize(
    "name", ["p0__nodule", "p0_nodule", "p0-Nodule_2", "p0/nodule", "p0/p0_nodule", "p0/nodule_p0", "p0/nodule (3)"]
)
def test_names_of_masks(tmp_path, name):
    dataset = read_dataset(folder(tmp_path, {name: NODULE, "p1__nodule": NODULE, "p2__nodule": NODULE}))
    assert [region.name for region in dataset.task.regions][2:] == ["nodule"]
    assert np.count_nonzero(rows(dataset.cases[0]) & 4) == 8


def test_names_of_masks__several_of_one_kind_and_none_at_all(tmp_path):
    root = folder(tmp_path, {"p0__nodule_1": NODULE, "p0__nodule_2": SHADOW, "p1": SHADOW, "p2_mask": NODULE})
    dataset = read_dataset(root)
    assert {region.name for region in dataset.task.regions} == {"left", "right", "nodule", "findings"}
    assert check(dataset, jobs=1).facts["p0"].region_voxels["nodule"] == 8 + 14 - 1


def test_names_of_masks__the_longest_case_that_fits(tmp_path):
    root = folder(tmp_path, {"p0_1_nodule": NODULE, "p0_nodule": SHADOW})
    write_png(root / "images/p0_1.png", picture(7)[0])
    write_png(root / "labels/p0_1.png", anatomy())
    found = check(read_dataset(root), jobs=1).facts
    assert (found["p0_1"].region_voxels["nodule"], found["p0"].region_voxels["nodule"]) == (8, 14)


def test_structures_choose_and_join(tmp_path):
    root = folder(
        tmp_path,
        {"p0__nodule": NODULE, "p0__shadow": SHADOW, "p1__tube": SHADOW},
        structures={"opacity": ["nodule", "SHADOW"], "effusion": ["fluid"]},
    )
    dataset = read_dataset(root)
    assert [region.name for region in dataset.task.regions] == ["left", "right", "opacity"]
    np.testing.assert_array_equal(rows(dataset.cases[0]) // 4, (NODULE | SHADOW) > 0)
    np.testing.assert_array_equal(rows(dataset.cases[1]), anatomy())
    unmatched, warned = [fault for fault in dataset.faults if fault.severity == "warning"]
    assert unmatched.code == "unmatched-pattern" and "no pattern matches tube (1)" in unmatched.line()
    assert warned.code == "missing-structure" and "masks of effusion" in warned.line()


def test_structures__a_pattern_that_matches_nothing_while_masks_are_left_over(tmp_path):
    """ "ground_glass" for masks of ground_glass_opacities: cases were taken to have no opacity, without a word."""
    masks = {"p0__shadow_opacities": SHADOW, "p1__shadow_opacities": SHADOW, "p1__nodule": NODULE}
    root = folder(tmp_path, masks, structures={"opacity": ["shadow", "nodule"]})
    (fault,) = [one for one in read_dataset(root).faults if one.code == "unmatched-pattern"]
    assert fault.severity == "warning" and fault.expected == "structures called shadow"
    assert "no pattern matches shadow_opacities (2)" in fault.line()
    for patterns in (["shadow.*", "nodule", "spot"], ["nodule"]):
        root = folder(tmp_path / patterns[0], masks, structures={"opacity": patterns})
        assert not [one for one in read_dataset(root).faults if one.code == "unmatched-pattern"]


def test_structures__that_two_regions_claim(tmp_path):
    root = folder(tmp_path, {"p0__nodule": NODULE}, structures={"opacity": ["nod.*"], "lump": [".*ule"]})
    with pytest.raises(InputError, match="several regions") as caught:
        read_dataset(root)
    assert "nodule (opacity and lump)" in str(caught.value.found)


def test_findings_as_declared(tmp_path):
    root = folder(tmp_path, {"p0__nodule": NODULE, "p0__airways": SHADOW}, findings=["nodule"])
    assert read_dataset(root).task.abnormal == ("nodule",)
    write_json(
        root / "scanwright.json", {"finding_folder": "findings", "regions": {"left": 1, "lesion": 2}, "patient": "(p.)"}
    )
    assert read_dataset(root).task.abnormal == ("lesion", "airways", "nodule")


def test_regions_that_nobody_declared(tmp_path):
    root = folder(tmp_path, {"p0__nodule": NODULE})
    write_json(root / "scanwright.json", {"finding_folder": "findings"})
    task = read_dataset(root).task
    assert [region.name for region in task.regions] == ["label 1", "label 2", "nodule"]
    assert task.source == "scanwright.json" and task.abnormal == ("nodule",)


def test_white_masks_of_one_region(tmp_path):
    root = folder(tmp_path, {"p0__nodule": NODULE}, regions={"lung": 255})
    for number in range(3):
        write_png(root / f"labels/p{number}.png", mask((2, 10), (2, 14)))
    dataset = read_dataset(root)
    assert [region.values for region in dataset.task.regions] == [(255, 511), (256, 511)]
    assert check(dataset, jobs=1).facts["p0"].region_voxels == {"lung": 96, "nodule": 8}


def test_any_layout_of_label_maps(tmp_path):
    root = nnunet_folder(tmp_path, cases=3)
    write_json(root / "scanwright.json", {"finding_folder": "more"})
    label = read_label(root / "labelsTr/p01.nii.gz")
    write_label(root / "more/p01__cyst.nii.gz", label.with_voxels((label.voxels == 2).astype(np.uint8)))
    dataset = read_dataset(root)
    assert [region.name for region in dataset.task.regions] == ["liver", "tumour", "cyst"]
    assert dataset.task.abnormal == ("tumour", "cyst")
    np.testing.assert_array_equal(read_label(dataset.cases[1].label).voxels == 6, label.voxels == 2)


def test_a_folder_called_as_masks_are_and_one_beside_case_folders(tmp_path):
    root = folder(tmp_path / "a", {})
    write_png(root / "masks/p0_nodule.png", NODULE)
    write_json(root / "scanwright.json", {"finding_folder": "masks", "regions": REGIONS})
    assert [region.name for region in read_dataset(root).task.regions] == ["left", "right", "nodule"]
    for number in range(3):
        write_png(tmp_path / f"b/p{number}/image.png", picture(number)[0])
        write_png(tmp_path / f"b/p{number}/mask.png", anatomy())
    write_png(tmp_path / "b/extra/p0_nodule.png", NODULE)
    write_json(tmp_path / "b/scanwright.json", {"finding_folder": "extra", "regions": REGIONS})
    dataset = read_dataset(tmp_path / "b")
    assert [case.id for case in dataset.cases] == ["p0", "p1", "p2"]
    assert np.count_nonzero(rows(dataset.cases[0]) & 4) == 8


def test_a_case_without_a_label_map_stays_one(tmp_path):
    root = folder(tmp_path, {"p0__nodule": NODULE, "p1__nodule": NODULE})
    (root / "labels/p1.png").unlink()
    dataset = read_dataset(root)
    assert dataset.cases[1].label is None
    assert [(fault.code, fault.case) for fault in dataset.faults if fault.severity == "error"] == [
        ("missing-label", "p1")
    ]


def test_a_mask_of_no_case(tmp_path):
    root = folder(tmp_path, {"p0__nodule": NODULE, "p9__nodule": NODULE, "q1/nodule": NODULE})
    strays = [fault for fault in read_dataset(root).faults if fault.severity == "error"]
    assert [(fault.code, fault.case, fault.file.name) for fault in strays] == [
        ("missing-image", "p9", "p9__nodule.png"),
        ("missing-image", "q1", "nodule.png"),
    ]


def test_a_mask_of_another_size_or_not_a_picture(tmp_path):
    root = folder(tmp_path, {"p0__nodule": mask((2, 4), (2, 4), size=(20, 20)), "p1__nodule": NODULE})
    (root / "findings/p1__nodule.png").write_bytes(b"no picture")
    wrong, broken = check(read_dataset(root), jobs=1).errors
    assert (wrong.code, wrong.case, wrong.file.name) == ("unusable-label", "p0", "p0__nodule.png")
    assert "different grids" in wrong.line()
    assert (broken.code, broken.case, broken.file.name) == ("unreadable-label", "p1", "p1__nodule.png")


@pytest.mark.parametrize("value", [3, 4, 200])
def test_a_label_value_that_is_not_declared(tmp_path, value):
    """Above all not taken for a finding: 4 is the first one's bit."""
    root = folder(tmp_path, {"p0__nodule": NODULE})
    write_png(root / "labels/p2.png", mask((0, 1), (0, 1), value=value) + anatomy())
    (fault,) = check(read_dataset(root), jobs=1).errors
    assert (fault.code, fault.case, fault.file.name) == ("unusable-label", "p2", "p2.png")
    assert "0, 1, 2" in fault.line() and str(value) in fault.line()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"finding_folder": "nowhere"}, "no image files"),
        ({"structures": {"x": ["none"]}}, "no structure of these names"),
        ({"findings": ["left", "cyst"]}, "findings that are no regions: cyst"),
        ({"ignore": 9}, "ignore value"),
        ({"structures": {"Left": ["nodule"]}}, "called as regions"),
        (
            {"regions": {"a": 1, "b": 2, "c": 3, "d": 4, "e": 5, "f": 6, "g": 7, "h": 8}},
            "at most 3 over a label map of 8",
        ),
    ],
)
def test_declarations_that_do_not_fit(tmp_path, change, words):
    root = folder(tmp_path, {f"p0__{name}": NODULE for name in ("nodule", "x", "y", "z")}, **change)
    with pytest.raises(InputError) as caught:
        read_dataset(root)
    assert words in " ".join(caught.value.lines())


def test_no_mask_fits_any_case(tmp_path):
    with pytest.raises(InputError, match="belongs to a case"):
        read_dataset(folder(tmp_path, {"nodule_p0": NODULE}))


def test_labels_of_several_files(tmp_path):
    root = folder(tmp_path, {"p0__nodule": NODULE})
    write_png(root / "labels/p0_1.png", mask((12, 14), (2, 4), value=1))
    (root / "labels/p0.png").rename(root / "labels/p0_mask.png")
    (root / "labels/p0_1.png").rename(root / "labels/p0_mask_1.png")
    with pytest.raises(InputError, match="one file each"):
        read_dataset(root)


def test_bits_over_a_label_map(tmp_path):
    assert values_of_bits({"a": "x", "b": "y", "c": "x"}, tmp_path, above=[1, 2, 3]) == {"a": 4, "b": 8, "c": 4}
    assert values_of_bits({"a": "x"}, tmp_path, above=[255]) == {"a": 256}
    assert len(values_of_bits({str(n): str(n) for n in range(5)}, tmp_path, above=[1, 2, 3])) == 5
    with pytest.raises(InputError, match="overlap"):
        values_of_bits({str(n): str(n) for n in range(6)}, tmp_path, above=[1, 2, 3])


def test_a_case_with_masks_travels_as_json(tmp_path):
    case = read_dataset(folder(tmp_path, {"p0__nodule": NODULE})).cases[0]
    assert isinstance(case.label, LabelFiles) and case.label.values == (None, 4)
    assert Case.model_validate_json(case.model_dump_json()) == case


@pytest.mark.data
def test_real_radiographs(tmp_path, data_folder):
    """44 chest X-rays: opacities are in all of them, devices in 15; both lie over lungs and mediastinum."""
    source = data_folder / "xray_lung_covid"
    for name in ("images", "labels", "findings", "metadata.csv"):
        (tmp_path / name).symlink_to(source / name)
    write_json(
        tmp_path / "scanwright.json",
        {
            "finding_folder": "findings",
            "regions": {"right lung": 1, "left lung": 2, "mediastinum": 3},
            "structures": {
                "opacity": ["ground_glass_opacities", "consolidation"],
                "devices": [".*(tube|tubings|line|probes)"],
            },
        },
    )
    dataset = read_dataset(tmp_path)
    assert len(dataset.cases) == 44 and len({case.patient for case in dataset.cases}) == 37
    assert dataset.task.abnormal == ("opacity", "devices")
    assert "opacity in 44, devices in 15" in " ".join(fault.line() for fault in dataset.faults)
    lung = next(region for region in dataset.task.regions if region.name == "right lung")
    for case in dataset.cases[:2]:
        drawn = read_label(case.label).voxels
        own, covered = read_label(case.label.files[0]).voxels, np.isin(drawn, lung.values)
        np.testing.assert_array_equal(covered, own == 1)
        paths = [path for path in case.label.files if "glass" in path.name or "consolidation" in path.name]
        either = np.logical_or.reduce([read_label(path).voxels > 0 for path in paths])
        np.testing.assert_array_equal(drawn & 4 > 0, either)
    with pytest.raises(InputError, match="overlap"):
        write_json(tmp_path / "scanwright.json", {"finding_folder": "findings"})
        read_dataset(tmp_path)

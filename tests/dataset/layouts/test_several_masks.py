"""Several masks of one image: findings are joined, structures become regions, and what contradicts itself is an error."""

import numpy as np
import pytest

from made_folders import ball, picture, picture_folder, write_json, write_nifti, write_png
from scanwright.dataset.checks import check
from scanwright.dataset.read import read_dataset
from scanwright.io.formats import read_label
from scanwright.io.source import LabelFiles


def spot(row, column, *, value=255, size=(20, 16)):
    mask = np.zeros(size, np.uint8)
    mask[row : row + 3, column : column + 3] = value
    return mask


def structure_folder(root, *, cases=4, overlap=False):
    """CASE/ct.nii.gz with CASE/segmentations/NAME.nii.gz of 0 and 1, as TotalSegmentator's data set has it."""
    for number in range(cases):
        image, label = ball(number, values=(1, 2))
        write_nifti(root / f"s{number:04d}/ct.nii.gz", image)
        for value, name in ((1, "liver"), (2, "spleen")):
            mask = label > 0 if overlap and name == "spleen" else label == value
            write_nifti(root / f"s{number:04d}/segmentations/{name}.nii.gz", mask.astype(np.uint8))
    return root


def test_numbered_masks_are_joined(tmp_path):
    root = picture_folder(tmp_path, suffix="_mask")
    write_png(root / "masks/p02_mask_1.png", spot(12, 2))
    dataset = read_dataset(root)
    label = dataset.cases[2].label
    assert label == LabelFiles((root / "masks/p02_mask.png", root / "masks/p02_mask_1.png"))
    np.testing.assert_array_equal(read_label(label).voxels[0, ..., 0].T, np.maximum(picture(2)[1], spot(12, 2)))
    assert [(fault.code, fault.severity, fault.cases) for fault in dataset.faults] == [
        ("joined-labels", "note", ("p02",))
    ]
    assert check(dataset, jobs=1).facts["p02"].region_voxels == {"foreground": 12 + 9}


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        (picture(2)[1], "two readers"),
        (spot(5, 5, value=7), "another value"),
        (spot(2, 2, size=(20, 20)), "different grids"),
    ],
)
def test_numbered_masks_that_do_not_fit(tmp_path, mask, words):
    root = picture_folder(tmp_path, suffix="_mask")
    write_png(root / "masks/p02_mask_1.png", mask)
    (fault,) = check(read_dataset(root), jobs=1).errors
    assert (fault.code, fault.case) == ("unusable-label", "p02")
    assert words in fault.line()


def test_a_folder_of_findings_for_each_image(tmp_path):
    root = picture_folder(tmp_path)
    for number in range(4):
        (root / f"masks/p0{number}.png").unlink()
        for name, mask in ((f"a{number}f", spot(3, 3)), (f"b{number}e", spot(12, 9))):
            write_png(root / f"masks/p0{number}/{name}.png", mask)
    dataset = read_dataset(root)
    assert [region.name for region in dataset.task.regions] == ["foreground"]
    assert check(dataset, jobs=1).facts["p01"].region_voxels == {"foreground": 18}


def test_a_folder_for_each_case_with_images_and_masks(tmp_path):
    for number in range(3):
        write_png(tmp_path / f"c{number}/images/{number}.png", picture(number)[0])
        for place in range(2):
            write_png(tmp_path / f"c{number}/masks/{number}{place}x.png", spot(3 + 9 * place, 3))
    dataset = read_dataset(tmp_path)
    assert [case.id for case in dataset.cases] == ["c0", "c1", "c2"]
    assert check(dataset, jobs=1).facts["c1"].region_voxels == {"foreground": 18}


def test_structures_are_regions(tmp_path):
    dataset = read_dataset(structure_folder(tmp_path))
    assert dataset.layout == "image-mask" and dataset.faults == ()
    assert [(region.name, region.values) for region in dataset.task.regions] == [("liver", (1,)), ("spleen", (2,))]
    np.testing.assert_array_equal(read_label(dataset.cases[1].label).voxels[0], ball(1, values=(1, 2))[1])
    checks = check(dataset, jobs=1)
    assert checks.faults == () and set(checks.facts["s0001"].region_voxels) == {"liver", "spleen"}


def test_structures_that_overlap(tmp_path):
    dataset = read_dataset(structure_folder(tmp_path, overlap=True))
    assert [(region.name, region.values) for region in dataset.task.regions] == [("liver", (1, 3)), ("spleen", (2, 3))]
    voxels = check(dataset, jobs=1).facts["s0000"].region_voxels
    assert voxels["spleen"] == 2 * voxels["liver"]


def test_structures_that_are_wanted(tmp_path):
    root = structure_folder(tmp_path)
    write_json(root / "scanwright.json", {"structures": {"organs": ["liver", "spleen"]}})
    dataset = read_dataset(root)
    assert [(region.name, region.values) for region in dataset.task.regions] == [("organs", (1,))]
    write_json(root / "scanwright.json", {"structures": {"spleen": ["spl.*"]}})
    assert [region.name for region in read_dataset(root).task.regions] == ["spleen"]


def test_a_structure_that_was_not_drawn(tmp_path):
    root = structure_folder(tmp_path)
    (root / "s0002/segmentations/spleen.nii.gz").unlink()
    (fault,) = read_dataset(root).faults
    assert (fault.code, fault.severity, fault.case) == ("missing-structure", "warning", "s0002")


def masks_folder(root, *names_of_cases):
    """images/pNN.png with masks/pNN/NAME.png, a spot for each name at a place of its own."""
    for number, names in enumerate(names_of_cases):
        write_png(root / f"images/p{number:02d}.png", picture(number)[0])
        for place, name in enumerate(names):
            write_png(root / f"masks/p{number:02d}/{name}.png", spot(4 * (place % 4), 4 * (place // 4) + number % 2))
    return root


def regions_in(root):
    return [region.name for region in read_dataset(root).task.regions]


def test_names_of_structures__label_words_numbers_and_cases(tmp_path):
    """A lesion is a structure; its numbered files are one; the case's own name and the spelling say nothing."""
    names = [("p00_Liver", "p00_lesion_1", "p00_lesion_2"), ("liver", "lesion"), ("Liver",), ("LIVER", "lesion (2)")]
    root = masks_folder(tmp_path, *names)
    assert regions_in(root) == ["Liver", "lesion"]
    dataset = read_dataset(root)
    joined, missing = dataset.faults
    assert (joined.code, joined.cases, missing.code, missing.cases) == (
        "joined-labels",
        ("p00",),
        "missing-structure",
        ("p02",),
    )
    assert "p00_lesion_1.png and p00_lesion_2.png" in joined.found
    assert "a file of lesion in each case" in missing.line()
    assert check(dataset, jobs=1).facts["p00"].region_voxels == {"Liver": 9, "lesion": 18}


def test_names_of_structures__the_case_comes_last(tmp_path):
    assert regions_in(masks_folder(tmp_path, *[(f"liver_p{k:02d}", f"spleen_p{k:02d}") for k in range(4)])) == [
        "liver",
        "spleen",
    ]


def test_names_of_structures__a_pattern_that_matches_nothing_while_files_are_left_over(tmp_path):
    root = structure_folder(tmp_path)
    write_json(root / "scanwright.json", {"structures": {"liver": ["liver"], "spleen": ["splen"]}})
    (fault,) = [one for one in read_dataset(root).faults if one.code == "unmatched-pattern"]
    assert "structures called splen" in fault.line() and "no pattern matches spleen (4)" in fault.line()


def test_a_file_beside_the_folder_of_every_case(tmp_path):
    root = masks_folder(tmp_path, *[("kidney", "liver")] * 4)
    for number in range(4):
        write_png(root / f"masks/p{number:02d}.png", spot(2, 2))
    assert {(fault.code, fault.severity) for fault in read_dataset(root).faults} == {("several-labels", "error")}


def test_an_empty_folder_of_masks_is_no_case(tmp_path):
    root = masks_folder(tmp_path, *[("kidney", "liver")] * 4)
    (root / "masks/x").mkdir()
    assert read_dataset(root).faults == ()


def test_names_of_structures__a_rare_one_is_kept(tmp_path):
    root = masks_folder(tmp_path, *[("kidney", "liver", *(["tumour"] * (k % 3 == 0))) for k in range(7)])
    assert regions_in(root) == ["kidney", "liver", "tumour"]


@pytest.mark.parametrize(
    "names",
    [[("1", "2", "3"), ("1", "2"), ("1",)], [("mask_1", "mask_2"), ("mask_1",)], [("a3f", "b7c"), ("d1e", "9f2")]],
)
def test_names_of_findings(tmp_path, names):
    root = masks_folder(tmp_path, *names)
    assert regions_in(root) == ["foreground"]
    voxels = [facts.region_voxels["foreground"] for _, facts in sorted(check(read_dataset(root), jobs=1).facts.items())]
    assert voxels == [9 * len(of_case) for of_case in names]


def test_a_single_case(tmp_path):
    assert regions_in(masks_folder(tmp_path / "a", ("liver", "kidney"))) == ["kidney", "liver"]
    assert regions_in(masks_folder(tmp_path / "b", ("a3f", "b7c"))) == ["foreground"]


def test_a_stray_file_beside_the_folders_of_masks(tmp_path):
    root = masks_folder(tmp_path, *[("kidney", "liver")] * 4)
    write_png(root / "masks/p02.png", spot(2, 2))
    dataset = read_dataset(root)
    assert regions_in(root) == ["kidney", "liver"]
    assert [(fault.code, fault.severity, fault.case) for fault in dataset.faults] == [
        ("several-labels", "error", "p02")
    ]


def test_masks_in_colours(tmp_path):
    root = picture_folder(tmp_path)
    for number in range(4):
        drawn = np.zeros((20, 16, 3), np.uint8)
        drawn[4:8, 5:8], drawn[12:15, 2:5] = (255, 0, 0), (0, 0, 255)
        write_png(root / f"masks/p0{number}.png", drawn)
    assert [region.name for region in read_dataset(root).task.regions] == ["label #0000ff", "label #ff0000"]
    write_json(root / "scanwright.json", {"regions": {"tumour": "#ff0000", "any": ["#FF0000", "#0000ff"]}})
    dataset = read_dataset(root)
    assert check(dataset, jobs=1).facts["p00"].region_voxels == {"tumour": 12, "any": 21}

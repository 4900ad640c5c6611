"""Data sets of every layout put into one folder and added to it: what comes out is what went in, however it was stopped."""

import csv
import json
import shutil
from functools import partial

import nibabel as nib
import numpy as np
import pytest

from commands import at_call, die, killed
from made_boxes import CLASSES, coco_folder, coco_json, draw, voc_folder
from made_folders import (
    ball,
    decathlon_folder,
    nnunet_folder,
    picture,
    picture_folder,
    write_json,
    write_nifti,
    write_png,
    write_text,
)
from made_series import axial, slice_header, write_series
from scanwright.api.grow import append, merge
from scanwright.api.versions import diff
from scanwright.dataset.cases import Boxes, Classes, Quantities
from scanwright.dataset.checks import check
from scanwright.dataset.read import read_dataset
from scanwright.errors import InputError, UsageError
from scanwright.io.dicom.derived.provenance import Model
from scanwright.io.dicom.derived.seg_write import write_segmentation
from scanwright.io.formats import read_label, read_volume


def rows(folder):
    with (folder / "cases.csv").open(newline="") as stream:
        return {row["id"]: row for row in csv.DictReader(stream)}


def half(source, target, names):
    """A copy of an nnU-Net folder with some of its cases."""
    for folder in ("imagesTr", "labelsTr"):
        (target / folder).mkdir(parents=True)
        for file in (source / folder).iterdir():
            if file.name.split("_")[0].split(".")[0] in names:
                shutil.copy(file, target / folder / file.name)
    shutil.copy(source / "dataset.json", target)
    return target


def class_folder(root, classes=("benign", "malignant"), *, seed=0, cases=3):
    for number, name in enumerate(classes):
        for k in range(cases):
            write_png(root / name / f"{name}{k}.png", picture(seed + 10 * number + k)[0])
    return root


def without_source(found):
    return {name: count for name, count in found.groups.items() if name != "source"}


def is_the_same(whole, merged):
    """Nothing differs but the layout and the column `source`."""
    found = diff(whole, merged).difference
    assert not found.of_content and not found.renamed, found.lines()
    assert not without_source(found), found.lines()
    assert all(line.startswith("layout") for line in found.asked), found.lines()


def test_merge__halves_are_the_whole(tmp_path):
    whole = nnunet_folder(tmp_path / "whole", cases=4)
    parts = [half(whole, tmp_path / "a", ("p00", "p02")), half(whole, tmp_path / "b", ("p01", "p03"))]
    made = merge(parts, out=tmp_path / "out")
    assert made.added == {"a": 2, "b": 2} and made.cases == 4 and not made.renamed
    is_the_same(whole, tmp_path / "out")
    assert {name: row["source"] for name, row in rows(tmp_path / "out").items()} == {
        "p00": "a", "p02": "a", "p01": "b", "p03": "b",
    }  # fmt: skip
    assert not check(read_dataset(tmp_path / "out")).errors


def test_merge__files_stay_byte_for_byte(tmp_path):
    whole = decathlon_folder(tmp_path / "a")
    merge([whole], out=tmp_path / "out")
    for file in (whole / "imagesTr").iterdir():
        assert (tmp_path / "out/images" / file.name).read_bytes() == file.read_bytes()
        assert (tmp_path / "out/images" / file.name).stat().st_nlink == 1


def test_merge__linked(tmp_path):
    whole = decathlon_folder(tmp_path / "a")
    merge([whole], out=tmp_path / "out", link=True)
    file = next((whole / "labelsTr").iterdir())
    assert (tmp_path / "out/labels" / file.name).samefile(file)


def test_merge__label_names_alike_and_values_not(tmp_path):
    one = nnunet_folder(tmp_path / "a", cases=2)
    other = tmp_path / "b"
    for number in (7, 8):
        image, label = ball(number, values=(2, 1))
        write_nifti(other / f"imagesTr/q{number}_0000.nii.gz", image)
        write_nifti(other / f"labelsTr/q{number}.nii.gz", label)
    labels = {"background": 0, "tumour": 1, "liver": 2}
    write_json(other / "dataset.json", {"channel_names": {"0": "CT"}, "labels": labels, "file_ending": ".nii.gz"})
    merge([one, other], out=tmp_path / "out")
    task = read_dataset(tmp_path / "out").task
    assert {region.name: region.values for region in task.regions} == {"liver": (1,), "tumour": (2,)}
    was, now = (
        read_label(folder).voxels[0] for folder in (other / "labelsTr/q7.nii.gz", tmp_path / "out/labels/q7.nii.gz")
    )
    assert np.array_equal(was == 2, now == 1) and np.array_equal(was == 1, now == 2)
    header = nib.load(tmp_path / "out/labels/q7.nii.gz")
    assert np.allclose(header.affine, nib.load(other / "labelsTr/q7.nii.gz").affine)


def test_merge__the_same_names_with_other_content(tmp_path):
    one = nnunet_folder(tmp_path / "a", cases=2)
    other = nnunet_folder(tmp_path / "b", cases=2)
    for number in range(2):
        image, label = ball(900 + number, values=(1, 2))
        write_nifti(other / f"imagesTr/p{number:02d}_0000.nii.gz", image)
        write_nifti(other / f"labelsTr/p{number:02d}.nii.gz", label)
    made = merge([one, other], out=tmp_path / "out")
    assert [(o.before, o.after) for o in made.renamed] == [("p00", "b_p00"), ("p01", "b_p01")]
    found = {case.id: case for case in read_dataset(tmp_path / "out").cases}
    assert set(found) == {"p00", "p01", "b_p00", "b_p01"}
    assert len({case.patient for case in found.values()}) == 4
    assert np.array_equal(
        read_volume(found["b_p01"].images[0]).voxels, read_volume(other / "imagesTr/p01_0000.nii.gz").voxels
    )


def test_merge__patients_apart_or_declared_the_same(tmp_path):
    for name, seed in (("a", 0), ("b", 50)):
        for number in range(2):
            pixels, mask = picture(seed + number)
            write_png(tmp_path / name / f"images/{name}{number}.png", pixels)
            write_png(tmp_path / name / f"masks/{name}{number}.png", mask)
        write_text(tmp_path / name / "who.csv", f"id,patient\n{name}0,P1\n{name}1,P1\n")
    merge([tmp_path / "a", tmp_path / "b"], out=tmp_path / "apart")
    assert {row["patient"] for row in rows(tmp_path / "apart").values()} == {"P1", "b_P1"}
    merge([tmp_path / "a", tmp_path / "b"], out=tmp_path / "same", same_patients=True)
    assert {row["patient"] for row in rows(tmp_path / "same").values()} == {"P1"}


def test_merge__what_another_source_has_is_taken_once(tmp_path):
    one = nnunet_folder(tmp_path / "a", cases=3)
    other = half(one, tmp_path / "b", ("p02",))
    made = merge([one, other], out=tmp_path / "out")
    assert [(o.source, o.case, o.same_as) for o in made.repeated] == [("b", "p02", "a: p02")]
    is_the_same(one, tmp_path / "out")


def test_merge__one_image_with_two_answers_is_refused_until_one_is_left_out(tmp_path):
    one = nnunet_folder(tmp_path / "a", cases=3)
    other = half(one, tmp_path / "b", ("p01", "p02"))
    _, label = ball(20, values=(1, 2))
    label[0, 0, 0] = 1
    write_nifti(other / "labelsTr/p02.nii.gz", label)
    with pytest.raises(InputError, match="two answers") as caught:
        merge([one, other], out=tmp_path / "out")
    assert "--exclude 'b:p02'" in str(caught.value) and not (tmp_path / "out").exists()
    assert merge([one, other], out=tmp_path / "out", exclude=["b:p02"]).cases == 3
    with pytest.raises(UsageError, match="no such case"):
        merge([one, other], out=tmp_path / "more", exclude=["b:p07"])


def test_merge__grey_and_colour_are_refused(tmp_path):
    one = picture_folder(tmp_path / "a")
    for number in range(3):
        draw(tmp_path / f"b/images/c{number}.png", number, size=(16, 20))
        write_png(tmp_path / f"b/masks/c{number}.png", picture(number)[1])
    with pytest.raises(UsageError, match="different channels"):
        merge([one, tmp_path / "b"], out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_merge__a_source_with_errors_is_refused(tmp_path):
    one = nnunet_folder(tmp_path / "a")
    (one / "imagesTr/p01_0000.nii.gz").write_bytes(b"cut")
    with pytest.raises(InputError, match="faults"):
        merge([one], out=tmp_path / "out")
    assert merge([one], out=tmp_path / "out", exclude=["p01"]).cases == 3


def test_merge__several_channels_in_one_file_and_in_several(tmp_path):
    one = nnunet_folder(tmp_path / "a", cases=2, channels=("T1", "T2"))
    stacked = tmp_path / "b"
    parts = []
    for number in (5, 6):
        image, label = ball(10 * number, values=(1, 2))
        write_nifti(stacked / f"imagesTr/m{number}.nii.gz", np.stack([image, image[::-1]], axis=-1))
        write_nifti(stacked / f"labelsTr/m{number}.nii.gz", label)
        parts.append({"image": f"imagesTr/m{number}.nii.gz", "label": f"labelsTr/m{number}.nii.gz"})
    labels = {"0": "background", "1": "liver", "2": "tumour"}
    write_json(stacked / "dataset.json", {"modality": {"0": "T2", "1": "T1"}, "labels": labels, "training": parts})
    merge([one, stacked], out=tmp_path / "out")
    (case,) = (case for case in read_dataset(tmp_path / "out").cases if case.id == "m5")
    image, _ = ball(50, values=(1, 2))
    assert np.array_equal(read_volume(case.images[1]).voxels[0], image)  # T2, which the source has first
    assert np.array_equal(read_volume(case.images[0]).voxels[0], image[::-1])


def test_merge__dicom_and_nifti(tmp_path):
    grid, rng = axial(), np.random.default_rng(0)
    mask = np.zeros(grid.shape, np.bool_)
    mask[1:4, 1:3, 1:3] = True
    for patient in ("P1", "P2"):
        voxels = rng.integers(0, 900, grid.shape).astype(np.int16)
        write_series(tmp_path / "d" / patient / "images", grid, voxels, patient=patient)
        sources = [slice_header(grid, k, patient=patient) for k in range(grid.shape[2])]
        write_segmentation(
            tmp_path / "d" / patient / "seg.dcm", {"Liver": mask}, grid=grid, sources=sources, model=Model("test", "1")
        )
    for number in (1, 2):
        volume = rng.normal(0, 1, grid.shape).astype(np.float32)
        write_nifti(tmp_path / f"n/images/n{number}.nii.gz", volume, grid.affine)
        write_nifti(tmp_path / f"n/masks/n{number}.nii.gz", (volume > 1).astype(np.uint8), grid.affine)
    write_json(tmp_path / "n/scanwright.json", {"channels": ["CT"], "regions": {"liver": 1}})
    assert merge([tmp_path / "d", tmp_path / "n"], out=tmp_path / "out").cases == 4
    found = {case.id: case for case in read_dataset(tmp_path / "out").cases}
    for case in read_dataset(tmp_path / "d").cases:
        for was, now in (
            (read_volume(case.images[0]), read_volume(found[case.id].images[0])),
            (read_label(case.label), read_label(found[case.id].label)),
        ):
            assert np.array_equal(was.voxels, now.voxels) and was.grid.same_space(now.grid, tolerance=0.01)
        assert found[case.id].patient == case.patient
    assert not check(read_dataset(tmp_path / "out")).errors


def test_merge__class_folders_and_a_table_of_classes(tmp_path):
    one = class_folder(tmp_path / "a")
    for k in range(4):
        write_png(tmp_path / f"b/images/t{k}.png", picture(80 + k)[0])
    cells = "".join(f"images/t{k}.png,{('Benign', 'normal')[k % 2]},S{k // 2}\n" for k in range(4))
    write_text(tmp_path / "b/labels.csv", "image,class,patient\n" + cells)
    made = merge([one, tmp_path / "b"], out=tmp_path / "out")
    found = read_dataset(tmp_path / "out")
    assert set(found.task.classes) == {"benign", "malignant", "normal"} and len(found.cases) == 10
    assert {case.id: case.target for case in found.cases}["t0"] == Classes(names=("benign",))
    assert made.notes == ("the source gives the class away: malignant in a only, normal in b only",)


def test_merge__several_classes_with_commas_and_none(tmp_path):
    for name, start in (("a", 0), ("b", 20)):
        cells = ["effusion, left|nodule", "effusion, left", "No finding|", "nodule"]
        lines = [f'i{start + k}.png,"{cell}"' for k, cell in enumerate(cells)]
        for k in range(4):
            write_png(tmp_path / name / f"i{start + k}.png", picture(start + k)[0])
        write_text(tmp_path / name / "t.csv", "image,finding\n" + "\n".join(lines) + "\n")
    merge([tmp_path / "a", tmp_path / "b"], out=tmp_path / "out")
    found = read_dataset(tmp_path / "out")
    assert found.task.choice == "several" and set(found.task.classes) == {"effusion, left", "nodule"}
    told = {case.id: set(case.target.names) for case in found.cases}
    assert told["i21"] == {"effusion, left"} and told["i22"] == set()


def test_merge__quantities(tmp_path):
    for name, column, start in (("a", "age", 0), ("b", "bmi", 20)):
        for k in range(4):
            write_png(tmp_path / name / f"i{start + k}.png", picture(start + k)[0])
        cells = "".join(f"i{start + k}.png,{20.5 + k}\n" for k in range(4))
        write_text(tmp_path / name / "t.csv", f"image,{column}\n{cells}")
        write_json(tmp_path / name / "scanwright.json", {"target": column, "kind": "regression"})
    merge([tmp_path / "a", tmp_path / "b"], out=tmp_path / "out")
    found = {case.id: case.target for case in read_dataset(tmp_path / "out").cases}
    assert found["i1"] == Quantities(numbers=(21.5, None)) and found["i20"] == Quantities(numbers=(None, 20.5))


def test_merge__boxes_of_coco_and_voc(tmp_path):
    one = coco_folder(tmp_path / "a")
    scene = {"v0": [("cell", 1, 2, 11, 9)], "v1": [("platelet", 3, 3, 9, 9), ("cell", 20, 5, 30, 15)], "v2": []}
    other = voc_folder(tmp_path / "b", scene, test=())
    for number, name in enumerate(scene):
        draw(other / f"JPEGImages/{name}.png", 70 + number)
    merge([one, other], out=tmp_path / "out")
    found = {case.id: case for case in read_dataset(tmp_path / "out").cases}
    assert len(found) == 7 and found["p03"].split == "test"
    for folder in (one, other):
        for case in read_dataset(folder).cases:
            assert isinstance(case.target, Boxes) and found[case.id].target == case.target
    assert {name: row["source"] for name, row in rows(tmp_path / "out").items()}["v2"] == "b"


def test_merge__splits_and_groups_are_kept(tmp_path):
    one = nnunet_folder(tmp_path / "a", cases=4)
    lines = [
        f"p{k:02d},S{k // 2},{('train', 'test')[k // 2]},{('x', 'y')[k % 2]},{('m', 'f')[k % 2]}" for k in range(4)
    ]
    write_text(one / "who.csv", "\n".join(["id,patient,split,scanner,class", *lines]))
    merge([one], out=tmp_path / "out")
    found = {case.id: case for case in read_dataset(tmp_path / "out").cases}
    assert [found[f"p{k:02d}"].split for k in range(4)] == ["train", "train", "test", "test"]
    assert found["p01"].groups["scanner"] == "y" and found["p01"].groups["class"] == "f"
    assert found["p01"].patient == "S0"


def test_merge__cases_without_a_label_stay_so(tmp_path):
    one = nnunet_folder(tmp_path / "a", cases=3)
    (one / "labelsTr/p01.nii.gz").unlink()
    assert merge([one], out=tmp_path / "out").cases == 3
    assert [case.is_labelled for case in read_dataset(tmp_path / "out").cases] == [True, False, True]


def test_merge__into_a_folder_of_something_else_is_refused(tmp_path):
    one = nnunet_folder(tmp_path / "a")
    write_text(tmp_path / "out/note.txt", "mine")
    with pytest.raises(UsageError, match="not empty"):
        merge([one], out=tmp_path / "out")
    with pytest.raises(UsageError, match="inside the data set"):
        merge([one], out=one / "merged")
    merge([one], out=tmp_path / "good")
    with pytest.raises(UsageError, match="not empty"):
        merge([half(one, tmp_path / "b", ("p00",))], out=tmp_path / "good")
    assert merge([one], out=tmp_path / "good").cases == 4  # the same again


def test_append__adds_and_changes_nothing(tmp_path):
    whole = nnunet_folder(tmp_path / "whole", cases=5)
    merge([half(whole, tmp_path / "a", ("p00", "p01"))], out=tmp_path / "out")
    before = {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in (tmp_path / "out/images").iterdir()}
    made = append(
        tmp_path / "out", [half(whole, tmp_path / "b", ("p01", "p02", "p03")), half(whole, tmp_path / "c", ("p04",))]
    )
    assert made.added == {"b": 2, "c": 1} and made.cases == 5
    assert [one.case for one in made.repeated] == ["p01"]
    assert all((file.read_bytes(), file.stat().st_mtime_ns) == held for file, held in before.items())
    is_the_same(whole, tmp_path / "out")
    assert [one["name"] for one in json.loads((tmp_path / "out/collection.json").read_text())["sources"]] == [
        "a",
        "b",
        "c",
    ]


@pytest.mark.parametrize("tested", ["a", "b"])
def test_append_and_merge__a_case_on_another_side_than_the_one_that_is_there(tmp_path, tested):
    """What is there already keeps its side; that the other source has it on the other one is said, case by case."""
    whole = nnunet_folder(tmp_path / "whole", cases=5)
    parts = [half(whole, tmp_path / "a", ("p00", "p01", "p02")), half(whole, tmp_path / "b", ("p01", "p02", "p03"))]
    other = {"a": "p00", "b": "p03"}[tested]
    write_text(tmp_path / tested / "who.csv", f"case,split\n{other},train\np01,test\np02,train\n")
    merge(parts[:1], out=tmp_path / "out")
    for made, there in ((append(tmp_path / "out", parts[1:]), "out"), (merge(parts, out=tmp_path / "both"), "a")):
        left, kept = ("train", "test") if tested == "a" else ("test", "train")
        assert made.notes == (
            "1 case left out on one side of a split, and kept on the other, which holds: "
            f"p01 of b ({left}) is {there}: p01 ({kept})",
        )
        assert made.notes[0] in made.lines()
        told = {one["case"]: (one["side"], one["side_there"]) for one in made.to_json()["repeated"]}
        assert told == {"p01": (left, kept), "p02": ("train", "train")}
        assert {case.id: case.split for case in read_dataset(made.folder).cases}["p01"] == kept


def test_append__again_adds_nothing(tmp_path):
    whole = nnunet_folder(tmp_path / "whole", cases=4)
    merge([half(whole, tmp_path / "a", ("p00",))], out=tmp_path / "out")
    append(tmp_path / "out", [whole])
    held = (tmp_path / "out/cases.csv").read_bytes()
    assert append(tmp_path / "out", [whole]).added == {"whole": 0}
    assert (tmp_path / "out/cases.csv").read_bytes() == held


def test_append__only_to_what_merge_made(tmp_path):
    whole = nnunet_folder(tmp_path / "whole")
    with pytest.raises(UsageError, match="another layout"):
        append(whole, [nnunet_folder(tmp_path / "b")])


def test_append__never_changes_what_is_asked(tmp_path):
    merge([class_folder(tmp_path / "a")], out=tmp_path / "out")
    held = (tmp_path / "out/scanwright.json").read_bytes()
    with pytest.raises(UsageError, match="what the data set asks"):
        append(tmp_path / "out", [class_folder(tmp_path / "b", ("benign", "normal"), seed=70)])
    made = append(tmp_path / "out", [tmp_path / "b"], mappings=["b:normal=benign"])
    assert made.cases == 12 and (tmp_path / "out/scanwright.json").read_bytes() == held


def test_merge__boxes_of_volumes_are_refused(tmp_path):
    for name in "ab":
        write_nifti(tmp_path / "data" / f"{name}.nii.gz", ball(ord(name))[0])
    write_text(
        tmp_path / "data" / "boxes.csv", "image,class,x0,y0,z0,x1,y1,z1\na,node,1,1,1,4,4,4\nb,node,2,2,2,4,4,4\n"
    )
    with pytest.raises(UsageError, match="boxes of volumes cannot be merged"):
        merge([tmp_path / "data"], out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_append__boxes(tmp_path):
    merge([coco_folder(tmp_path / "a")], out=tmp_path / "out")
    for number, name in enumerate(("n0", "n1")):
        draw(tmp_path / f"b/images/{name}.png", 60 + number)
    scene = {"n0": [("cell", 1, 1, 5, 5)], "n1": []}
    write_json(tmp_path / "b/annotations/instances.json", coco_json(scene, classes=CLASSES))
    append(tmp_path / "out", [tmp_path / "b"], mappings=["b:=platelet"])
    found = {case.id: case for case in read_dataset(tmp_path / "out").cases}
    assert len(found) == 6 and found["n0"].target.boxes[0].end == (5, 5)
    assert {case.id: case.target for case in read_dataset(tmp_path / "a").cases}["p00"] == found["p00"].target


@pytest.mark.parametrize(
    "plant",
    [
        killed("images/.p01", 1),
        killed("labels/p02", 1, whole=True),
        killed("scanwright.json", 1, whole=True),
        killed("cases.csv", 1),
        killed("cases.csv", 1, whole=True),
        killed("collection.json", 2),
    ],
)
def test_merge__killed_and_run_again(tmp_path, scanwright, plant):
    whole = nnunet_folder(tmp_path / "whole", cases=4)
    command = ("data", "merge", whole, "-o", tmp_path / "out")
    assert scanwright(*command, plant=plant).code == -9
    if not (tmp_path / "out/cases.csv").exists():
        with pytest.raises(InputError):  # half of it is no data set
            read_dataset(tmp_path / "out")
    assert scanwright(*command).code == 0
    is_the_same(whole, tmp_path / "out")
    assert not [file for file in (tmp_path / "out").rglob("*") if file.suffix == ".nii" or "_0000" in file.name]


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("at", ["place", "table"])
def test_append__killed_and_run_again(tmp_path, scanwright, number, at):
    whole = nnunet_folder(tmp_path / "whole", cases=5)
    first, rest = half(whole, tmp_path / "a", ("p00", "p01")), half(whole, tmp_path / "b", ("p02", "p03", "p04"))
    merge([first], out=tmp_path / "out")

    command = ("data", "append", tmp_path / "out", rest)
    plant = partial(_kill_append, at, number)
    assert scanwright(*command, plant=plant).code == -9
    held = read_dataset(tmp_path / "out")  # whole at any moment
    assert {"p00", "p01"} <= {case.id for case in held.cases} and not check(held).errors
    assert scanwright(*command).code == 0
    is_the_same(whole, tmp_path / "out")


def _kill_append(at, number):
    """Die at a case's files, or at a table that is written after every case."""
    from scanwright.api import grow

    grow.TABLE_S = 0.0
    if at == "place":
        at_call("scanwright.api.grow", "_place", number, die)
    else:
        killed("cases.csv", number)()


def test_command__says_what_came_of_it(tmp_path, scanwright):
    whole = nnunet_folder(tmp_path / "whole", cases=2)
    ended = scanwright("data", "merge", whole, "-o", tmp_path / "out", "--json")
    assert ended.code == 0
    assert json.loads(ended.out)["added"] == {"whole": 2}
    ended = scanwright("data", "merge", whole, whole, "-o", tmp_path / "more", "--map", "whole:spleen=")
    assert ended.code == 2 and "no such name to map" in ended.err

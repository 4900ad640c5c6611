import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from made_boxes import SCENE, coco_folder, draw, voc_folder, yolo_folder
from made_folders import (
    AFFINE,
    ball,
    decathlon_folder,
    made_task,
    nnunet_folder,
    picture,
    picture_folder,
    write_json,
    write_nifti,
    write_png,
    write_text,
)
from scanwright.dataset import checks as module
from scanwright.dataset.cases import Fault
from scanwright.dataset.checks import Checks, check, condensed, excludes, raise_if_errors
from scanwright.dataset.facts import CaseFacts
from scanwright.dataset.read import read_dataset
from scanwright.errors import DatasetFaults


def image_of(root, number=0, channel=0):
    return root / f"imagesTr/p{number:02d}_{channel:04d}.nii.gz"


def label_of(root, number=0):
    return root / f"labelsTr/p{number:02d}.nii.gz"


def voxels_of(path):
    return np.asarray(nib.load(path).dataobj).copy()


def checked(root):
    return check(read_dataset(root))


def found(result):
    return [(fault.code, fault.severity, fault.case) for fault in result.faults]


def test_a_sound_data_set_has_facts_and_no_faults(tmp_path):
    root = nnunet_folder(tmp_path, cases=3)
    result = checked(root)
    assert result.faults == ()
    assert result.summary() == "no faults"
    raise_if_errors(result)
    facts = result.facts["p01"]
    image, label = voxels_of(image_of(root, 1)), voxels_of(label_of(root, 1))
    assert (facts.shape, facts.spacing, facts.orientation, facts.unit) == ((12, 10, 8), (1.0, 1.0, 2.0), "RAS", "mm")
    assert facts.label_counts == {0: 960 - 48, 1: 24, 2: 24}
    assert facts.region_voxels == {"liver": 24, "tumour": 24}
    assert facts.region_components == {"liver": 1, "tumour": 1}
    assert (facts.foreground_start, facts.foreground_shape) == ((2, 3, 0), (4, 3, 4))
    assert facts.body_shape == (12, 10, 8)
    assert facts.channels[0].mean == pytest.approx(image.mean(dtype=float))
    assert sorted(facts.foreground_sample[0]) == pytest.approx(sorted(image[label > 0].tolist()))
    assert facts.voxel_volume == 2.0
    assert facts.seconds > 0


def test_facts_go_through_json_without_their_sample(tmp_path):
    facts = checked(nnunet_folder(tmp_path, cases=1)).facts["p00"]
    text = facts.model_dump_json()
    assert "foreground_sample" not in text
    again = CaseFacts.model_validate_json(text)
    assert again == facts.model_copy(update={"foreground_sample": ()})


def test_body__a_border_of_zeros(tmp_path):
    root = nnunet_folder(tmp_path, cases=1)
    image = voxels_of(image_of(root))
    image[:6] = 0
    write_nifti(image_of(root), image)
    facts = checked(root).facts["p00"]
    assert (facts.body_start, facts.body_shape, facts.body_fraction) == ((6, 0, 0), (6, 10, 8), 0.5)


def spoil(root, how):
    """Damage case p00 of a folder in one way."""
    image, label = voxels_of(image_of(root)), voxels_of(label_of(root))
    if how == "text":
        write_text(image_of(root), "not an image")
    elif how == "cut image":
        image_of(root).write_bytes(image_of(root).read_bytes()[:-200])
    elif how == "cut label":
        label_of(root).write_bytes(label_of(root).read_bytes()[:-20])
    elif how == "empty file":
        image_of(root).write_bytes(b"")
    elif how == "shape":
        write_nifti(label_of(root), label[:-1])
    elif how == "affine":
        write_nifti(label_of(root), label, AFFINE @ np.diag((-1.0, -1.0, 1.0, 1.0)))
    elif how == "spacing":
        write_nifti(label_of(root), label, np.diag((1.1, 1.0, 2.0, 1.0)))
    elif how == "value":
        label[0, 0, :3] = 7
        write_nifti(label_of(root), label)
    elif how in ("nan", "inf"):
        image[1, 2, 3] = float(how)
        write_nifti(image_of(root), image)
    elif how == "constant":
        write_nifti(image_of(root), image * 0 + 5)
    elif how == "empty label":
        write_nifti(label_of(root), label * 0)
    elif how == "fractions":
        write_nifti(label_of(root), label + 0.5)
    elif how == "4-D":
        write_nifti(image_of(root), np.stack([image, image + 1], axis=-1))
    elif how == "4-D label":
        write_nifti(label_of(root), np.stack([label, label], axis=-1))
    elif how == "singular":
        spoil_affine(image_of(root), np.zeros((3, 4)))
    elif how == "nan affine":
        spoil_affine(image_of(root), np.full((3, 4), np.nan))


def spoil_affine(path, rows):
    """Write rows into the sform of a stored header, which nibabel itself would refuse to write."""
    import gzip

    data = bytearray(gzip.decompress(path.read_bytes()))
    data[280:328] = np.asarray(rows, "<f4").tobytes()
    path.write_bytes(gzip.compress(bytes(data)))


@pytest.mark.parametrize(
    ("how", "code", "severity", "words"),
    [
        ("text", "unreadable-image", "error", "found"),
        ("cut image", "unreadable-image", "error", "p00_0000.nii.gz"),
        ("cut label", "unreadable-label", "error", "p00.nii.gz"),
        ("empty file", "unreadable-image", "error", "empty"),
        ("shape", "shape-mismatch", "error", "expected the image's 12 x 10 x 8, found 11 x 10 x 8"),
        ("affine", "affine-mismatch", "error", "RAS"),
        ("spacing", "affine-mismatch", "error", "1.1 x 1 x 2 mm"),
        ("value", "undeclared-label", "error", "expected label values 0, 1, 2, found 7 (3 voxels)"),
        ("nan", "not-finite", "error", "1 of 960 voxels"),
        ("inf", "not-finite", "error", "1 of 960 voxels"),
        ("constant", "constant-image", "error", "same value"),
        ("empty label", "empty-label", "warning", "only background"),
        ("fractions", "unusable-label", "error", "not whole"),
        ("4-D", "unusable-image", "error", "three axes"),
        ("4-D label", "unusable-label", "error", "three axes"),
        ("singular", "bad-geometry", "error", "p00_0000.nii.gz"),
        ("nan affine", "bad-geometry", "error", "p00_0000.nii.gz"),
    ],
)
def test_each_fault(tmp_path, how, code, severity, words):
    root = nnunet_folder(tmp_path, cases=2)
    spoil(root, how)
    result = checked(root)
    assert found(result) == [(code, severity, "p00")]
    line = result.faults[0].line()
    assert words in line
    assert result.faults[0].action
    assert "p01" in result.facts
    assert ("p00" in result.facts) == (how in ("value", "constant", "empty label"))


def test_all_faults_come_at_once(tmp_path):
    root = nnunet_folder(tmp_path, cases=6)
    for number, how in enumerate(("text", "shape", "value", "nan")):
        other = nnunet_folder(tmp_path / how, cases=1)
        spoil(other, how)
        for theirs, ours in ((image_of(other), image_of(root, number)), (label_of(other), label_of(root, number))):
            ours.write_bytes(theirs.read_bytes())
    label_of(root, 4).unlink()
    result = checked(root)
    assert {(fault.code, fault.case) for fault in result.errors} >= {
        ("unreadable-image", "p00"),
        ("shape-mismatch", "p01"),
        ("undeclared-label", "p02"),
        ("not-finite", "p03"),
        ("missing-label", "p04"),
    }
    with pytest.raises(DatasetFaults) as raised:
        raise_if_errors(result)
    assert raised.value.exit_code == 4
    assert len(raised.value.details) == len(result.errors)
    assert "--exclude p00" in raised.value.hint
    kept = read_dataset(root).without(["p00", "p01", "p02", "p03", "p04"])
    assert check(kept).faults == ()


def test_several_faults_of_one_case(tmp_path):
    root = nnunet_folder(tmp_path, cases=1)
    spoil(root, "nan")
    spoil(root, "value")
    assert found(checked(root)) == [("not-finite", "error", "p00"), ("undeclared-label", "error", "p00")]


def test_float32_rounding_of_an_affine_is_no_mismatch(tmp_path):
    root = nnunet_folder(tmp_path, cases=1)
    label = voxels_of(label_of(root))
    turned = AFFINE.copy()
    turned[0, 3] = 1e-4
    write_nifti(label_of(root), label, turned)
    assert checked(root).faults == ()


def test_a_note_where_a_channel_is_resampled(tmp_path):
    root = nnunet_folder(tmp_path, cases=1, channels=("CT", "PET"))
    coarse = np.diag((2.0, 2.0, 2.0, 1.0))
    coarse[:2, 3] = 0.5
    write_nifti(image_of(root, channel=1), ball(5, shape=(6, 5, 8))[0], coarse)
    result = checked(root)
    assert found(result) == [("other-grid", "note", "p00")]
    assert "it will be resampled to the first channel" in result.faults[0].line()
    assert len(result.facts["p00"].channels) == 2
    coarse[:3, 3] = 400
    write_nifti(image_of(root, channel=1), ball(5, shape=(6, 5, 8))[0], coarse)
    assert found(checked(root)) == [("bad-geometry", "error", "p00")]


def test_one_constant_channel_of_two_is_a_warning(tmp_path):
    root = nnunet_folder(tmp_path, cases=1, channels=("CT", "PET"))
    write_nifti(image_of(root, channel=1), np.full((12, 10, 8), 3.0, np.float32))
    assert found(checked(root)) == [("constant-image", "warning", "p00")]


def test_the_same_image_as_two_channels(tmp_path):
    root = nnunet_folder(tmp_path, cases=1, channels=("CT", "PET"))
    image_of(root, channel=1).write_bytes(image_of(root).read_bytes())
    assert found(checked(root)) == [("same-channel", "warning", "p00")]


SIDES = ", this one in test and that one in train of the data set's own split"


@pytest.mark.parametrize(
    ("same_label", "side", "severity", "words"),
    [
        (True, "labelsTr", "warning", ""),
        (False, "labelsTr", "error", ", with another label"),
        (True, "labelsTs", "error", SIDES),
        (False, "labelsTs", "error", f", with another label{SIDES}"),
    ],
)
def test_duplicates(tmp_path, same_label, side, severity, words):
    """The same voxels, compressed differently, under another name."""
    root = nnunet_folder(tmp_path, cases=2)
    image, label = voxels_of(image_of(root)), voxels_of(label_of(root))
    if not same_label:
        label[0, 0, 0] = 1
    write_nifti(root / f"{side.replace('labels', 'images')}/q_0000.nii.gz", image.astype(np.float32))
    write_nifti(root / side / "q.nii.gz", label)
    result = checked(root)
    assert found(result) == [("duplicate-image", severity, "q")]
    assert result.faults[0].found == f"the same voxels as p00{words}"


@pytest.mark.parametrize("make", [voc_folder, coco_folder, yolo_folder])
def test_boxes__facts_of_the_pictures_and_no_faults(tmp_path, make):
    result = checked(make(tmp_path, test=()))
    assert result.faults == ()
    facts = result.facts["p00"]
    assert (facts.shape, facts.unit, len(facts.channels)) == ((40, 30, 1), "px", 3)
    assert (facts.label_counts, facts.label_hash, facts.region_voxels) == (None, None, {})


def test_boxes__a_class_of_one_patient_or_none(tmp_path):
    scene = {**SCENE, "p01": [*SCENE["p01"], ("blast", 1, 1, 4, 4)], "p03": [("ghost", 1, 1, 4, 4)]}
    result = checked(voc_folder(tmp_path, scene))
    assert found(result) == [("rare-class", "warning", None)] * 2
    assert [fault.found for fault in result.faults] == ["blast in one patient", "ghost in no patient"]


def test_boxes__all_of_them_in_the_test_split(tmp_path):
    result = checked(voc_folder(tmp_path, {name: SCENE[name] if name == "p03" else [] for name in SCENE}))
    assert found(result) == [("nothing-to-learn", "error", None)]


@pytest.mark.parametrize(("same", "severity"), [(True, "warning"), (False, "error")])
def test_boxes__the_same_picture_twice(tmp_path, same, severity):
    root = voc_folder(tmp_path, {**SCENE, "q": SCENE["p00" if same else "p01"]}, test=())
    draw(root / "JPEGImages/q.png", 0)
    assert found(checked(root)) == [("duplicate-image", severity, "q")]


def test_boxes__a_picture_that_cannot_be_read(tmp_path):
    root = yolo_folder(tmp_path, test=())
    write_text(root / "images/train/p01.png", "no picture")
    assert found(checked(root)) == [("unreadable-image", "error", "p01")]


def test_pictures_and_a_decathlon_folder(tmp_path):
    pictures = picture_folder(tmp_path / "a", cases=2)
    write_png(pictures / "masks/p00.png", np.zeros((20, 16), np.uint8))
    result = checked(pictures)
    assert found(result) == [("empty-label", "warning", "p00")]
    assert result.facts["p01"].region_voxels == {"foreground": 12}
    assert (result.facts["p01"].shape, result.facts["p01"].unit) == ((16, 20, 1), "px")
    assert checked(decathlon_folder(tmp_path / "b")).faults == ()


def test_a_case_that_holds_only_ignored_voxels(tmp_path):
    root = nnunet_folder(tmp_path, cases=1, labels={"background": 0, "liver": 1, "ignore": 2})
    write_nifti(label_of(root), np.full((12, 10, 8), 2, np.uint8))
    nothing, fault = checked(root).faults
    assert (fault.code, fault.found) == ("empty-label", "only background and ignored voxels")
    assert (nothing.code, nothing.severity) == ("nothing-to-learn", "error")


def test_a_region_that_one_patient_has_or_nobody(tmp_path):
    labels = {"background": 0, "liver": 1, "tumour": 2, "cyst": 3}
    root = nnunet_folder(tmp_path, cases=3, labels=labels)
    for case in (0, 1):
        write_nifti(label_of(root, case), ball(0, values=(1,))[1])
    rare = [(fault.severity, fault.found) for fault in checked(root).faults if fault.code == "rare-region"]
    assert rare == [("warning", "tumour in one patient"), ("warning", "cyst in no patient")]


def masks(root, *values_of_each):
    """images/p00.png … with masks that hold these values, side by side."""
    picture_folder(root, cases=len(values_of_each))
    for number, values in enumerate(values_of_each):
        mask = np.zeros((20, 16), np.uint8)
        for place, value in enumerate(values):
            mask[4 + 3 * place : 7 + 3 * place, 5:8] = value
        write_png(root / f"masks/p{number:02d}.png", mask)
    return root


def mixed(root):
    return [(fault.severity, fault.found) for fault in checked(root).faults if fault.code == "mixed-values"]


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (([1], [255], [1], [255], []), "1 in 2 files, 255 in 2 files"),
        (([1], [1], [1], [255]), "1 in 3 files, 255 in 1 file"),
        (([1], [2], [255]), "1 in 1 file, 2 in 1 file, 255 in 1 file"),
        (([1, 2], [1, 2], [85, 255]), "1 in 2 files, 2 in 2 files, 85 in 1 file, 255 in 1 file"),
    ],
)
def test_masks_of_two_scales(tmp_path, values, found):
    (severity, words) = mixed(masks(tmp_path, *values))[0]
    assert (severity, words) == ("error", f"{found}, never 255 or 65535 together with a small one")


def test_masks_of_two_scales__stop_the_run_and_say_what_to_do(tmp_path):
    root = masks(tmp_path, [1], [1], [255])
    with pytest.raises(DatasetFaults) as raised:
        raise_if_errors(checked(root))
    assert "in 0 cases" not in raised.value.found
    (line,) = raised.value.details
    assert "(p02.png)" in line and line.endswith('{"regions": {"NAME": [1, 255]}}.')
    write_text(root / "scanwright.json", '{"regions": {"NAME": [1, 255]}}')
    assert checked(root).faults == ()
    assert checked(root).facts["p02"].region_voxels == {"NAME": 9}


@pytest.mark.parametrize(
    "values", [([1], [2], [1], [2]), ([1], [2], [3]), ([128], [255], [128]), ([85], [170], [255]), ([1], [20])]
)
def test_masks_of_one_class_each_may_be_meant_so(tmp_path, values):
    """As benign 1 and malignant 2 are: a warning."""
    ((severity, words),) = mixed(masks(tmp_path, *values))
    assert severity == "warning" and words.endswith("never two in one file")


@pytest.mark.parametrize(
    "values",
    [([255], [255], []), ([1, 2], [1], [2]), ([1, 255], [1], [255]), ([1, 2, 3], [1, 2], [3]), ([1, 2], [3, 4])],
)
def test_masks_of_several_classes(tmp_path, values):
    assert mixed(masks(tmp_path, *values)) == []


def test_masks_of_two_scales__an_ignored_value_is_no_scale(tmp_path):
    root = masks(tmp_path, [1], [1], [255])
    write_text(root / "scanwright.json", '{"regions": {"lesion": 1}, "ignore": 255}')
    assert mixed(root) == []


def interpolated(root, *, cases):
    """A folder in which the first masks were enlarged with smooth borders; the others hold 0 and 40."""
    picture_folder(root, cases=4)
    for number in range(4):
        rng = np.random.default_rng(number)
        large = np.zeros((20, 16), np.uint8)
        large[4 + number : 15, 3:12] = 40
        if number < cases:
            small = Image.fromarray(large).resize((9, 11), Image.Resampling.NEAREST)
            large = np.asarray(small.rotate(20, Image.Resampling.NEAREST).resize((96, 120), Image.Resampling.BILINEAR))
        write_png(root / f"masks/p{number:02d}.png", large)
        write_png(root / f"images/p{number:02d}.png", rng.integers(0, 255, large.shape).astype(np.uint8))
    return root


def test_masks_with_grey_levels(tmp_path):
    result = checked(interpolated(tmp_path, cases=3))
    (fault,) = result.errors
    assert (fault.code, fault.case, fault.file.name) == ("interpolated-label", None, "p00.png")
    assert "up to 40" in fault.found and fault.found.endswith("so in 3 of 4 label files")
    assert "nearest neighbour" in fault.action and "at 20" in fault.action


def test_masks_with_grey_levels__declared_or_not_there(tmp_path):
    assert checked(interpolated(tmp_path / "clean", cases=0)).faults == ()
    root = interpolated(tmp_path / "declared", cases=1)
    write_text(root / "scanwright.json", json.dumps({"regions": {f"depth {value}": value for value in range(1, 41)}}))
    assert checked(root).errors == ()


def test_progress_and_order(tmp_path):
    dataset = read_dataset(nnunet_folder(tmp_path, cases=3))
    seen = []
    result = check(dataset, on_progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert list(result.facts) == ["p00", "p01", "p02"]


def test_worker_processes_find_the_same(tmp_path, monkeypatch):
    root = nnunet_folder(tmp_path, cases=5)
    spoil(root, "value")
    dataset = read_dataset(root)
    alone = check(dataset, jobs=1)
    monkeypatch.setattr(module, "PARALLEL_BYTES", 0)
    together = check(dataset, jobs=2)
    still = {"seconds": 0.0}
    assert together.faults == alone.faults
    assert [facts.model_copy(update=still) for facts in together.facts.values()] == [
        facts.model_copy(update=still) for facts in alone.facts.values()
    ]


def test_raise_if_errors__shows_twenty():
    faults = [Fault(code="missing-label", severity="error", case=f"p{n:02d}") for n in range(51)]
    faults.append(Fault(code="empty-label", severity="warning", case="q"))
    with pytest.raises(DatasetFaults) as raised:
        raise_if_errors(Checks(faults=tuple(faults), facts={}))
    assert len(raised.value.details) == 21
    assert raised.value.details[-1] == "and 31 more, see checks.json"
    assert raised.value.found == "51 errors, 1 warning in 51 cases"


def test_raise_if_errors__what_leaves_cases_out_can_be_copied_whole():
    faults = tuple(Fault(code="missing-label", severity="error", case=f"p{n:02d}") for n in range(12))
    with pytest.raises(DatasetFaults) as raised:
        raise_if_errors(Checks(faults=faults, facts={}))
    assert raised.value.hint.endswith(" ".join(f"--exclude p{n:02d}" for n in range(12)) + ".")
    assert "…" not in raised.value.hint
    assert excludes([f"p{n}" for n in range(51)]).startswith("--exclude for each of 51 cases")


def test_duplicates__a_label_that_is_not_known_is_no_other_one(tmp_path):
    for number, name in enumerate("abc"):
        write_png(tmp_path / f"images/{name}.png", picture(min(number, 1))[0])
    write_json(tmp_path / "scanwright.json", {"target": ["mass", "cyst"]})
    for cells, severity in ("1,0", "error"), ("1,", "warning"):
        rows = f"images/a.png,0,0\nimages/b.png,1,1\nimages/c.png,{cells}\n"
        write_text(tmp_path / "t.csv", f"image,mass,cyst\n{rows}")
        assert ("duplicate-image", severity, "c") in found(checked(tmp_path))


def test_raise_if_errors__a_fault_of_the_whole_data_set():
    with pytest.raises(DatasetFaults, match="Mend the files"):
        raise_if_errors(Checks(faults=(Fault(code="x", severity="error"),), facts={}))


def test_checks_are_json(tmp_path):
    root = nnunet_folder(tmp_path, cases=2)
    spoil(root, "value")
    result = checked(root)
    again = Checks.model_validate(json.loads(result.model_dump_json()))
    assert again.faults == result.faults
    assert made_task().values == (0, 1, 2)


def test_condensed__the_same_of_many_cases_is_one_line():
    empty = [
        Fault(code="empty-label", severity="warning", case=f"p{k}", file=Path(f"p{k}.png"), found="x") for k in range(7)
    ]
    other = Fault(code="rare-region", severity="warning", found="y")
    told = condensed([empty[0], other, *empty[1:]])
    assert [fault.line() for fault in told] == [
        "warning empty-label p0, p1, p2, p3, p4 and 2 more cases: found x",
        "warning rare-region found y",
    ]
    assert condensed([*empty[:3], other]) == [*empty[:3], other]
    assert condensed([]) == []

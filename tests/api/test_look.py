"""Looking at data, and the example of it all."""

import json
from pathlib import Path

import pytest

import scanwright as package
from made_boxes import coco_folder, coco_json, voc_folder, yolo_folder, yolo_line
from made_folders import nnunet_folder, picture, write_json, write_png, write_text
from scanwright.api import look
from scanwright.api.look import inspect, make_phantom
from scanwright.dataset.cases import Fault
from scanwright.dataset.checks import Checks
from scanwright.dataset.read import read_dataset
from scanwright.errors import InputError


def test_inspect__sound(finished):
    told = []
    found = package.inspect(finished.data, tell=told.append)
    assert found.dataset.layout == "nnunet"
    assert (len(found.dataset.cases), found.checks.errors) == (6, ())
    assert found.fingerprint.num_cases == 6
    assert max(one.done for one in told) == max(one.total for one in told) == 6
    plain = found.to_json()
    assert plain == json.loads(json.dumps(plain, allow_nan=False))
    assert list(plain) == [
        "root",
        "layout",
        "stated",
        "task",
        "cases",
        "errors",
        "faults",
        "fingerprint",
        "survey",
        "page",
    ]


def test_inspect__faults_are_listed_not_raised(tmp_path):
    data = nnunet_folder(tmp_path / "data", cases=3)
    write_text(data / "imagesTr/p01_0000.nii.gz", "not an image")
    found = inspect(data)
    assert [(fault.case, fault.code) for fault in found.checks.errors] == [("p01", "unreadable-image")]
    assert found.to_json()["errors"] == 1
    assert inspect(data, exclude=["p01"]).checks.errors == ()


def test_inspect__another_task_of_the_same_folder(tmp_path):
    for number, name in enumerate("abcd"):
        image, mask = picture(number)
        write_png(tmp_path / f"images/{name}.png", image)
        write_png(tmp_path / f"masks/{name}.png", mask)
    write_text(tmp_path / "t.csv", "id,class\na,x\nb,y\nc,x\nd,y\n")
    kinds = [
        inspect(tmp_path, task=task).to_json()["task"]["kind"] for task in (None, "segmentation", "classification")
    ]
    assert kinds == ["segmentation", "segmentation", "classification"]
    assert [fault.code for fault in inspect(tmp_path, task="classification").checks.faults] == ["patients-unknown"]
    assert inspect(tmp_path, task="detection").to_json()["task"]["kind"] == "detection"  # one box a part of a mask


def test_inspect__nothing_readable(tmp_path):
    data = nnunet_folder(tmp_path / "data", cases=1)
    write_text(data / "imagesTr/p00_0000.nii.gz", "not an image")
    found = inspect(data)
    assert found.fingerprint is None
    assert found.to_json()["fingerprint"] is None


def test_inspect__nothing_there(tmp_path):
    with pytest.raises(InputError, match="no such file or folder"):
        inspect(tmp_path / "nothing")


def test_phantom__the_same_again(tmp_path):
    folder = make_phantom(tmp_path / "p", subjects=2)
    before = {path.name: path.read_bytes() for path in folder.rglob("*.nii.gz")}
    assert make_phantom(tmp_path / "p", subjects=2) == folder
    assert {path.name: path.read_bytes() for path in folder.rglob("*.nii.gz")} == before
    assert len(before) == 6


@pytest.mark.parametrize("out", ["demo", "a/b/demo", "."])
def test_demo__where_things_lie(tmp_path, monkeypatch, out):
    """The scans beside the run folder, also when that is the current folder."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    asked = {}

    def train(data, **given):
        asked.update(given, data=data)

    monkeypatch.setattr(look, "train", train)
    monkeypatch.setattr(look, "make_phantom", lambda folder, tell: folder)
    look.demo(out, budget_s=60)
    run = Path.cwd() / out
    assert asked["out"] == Path(f"{run}") == run
    assert asked["data"] == run.with_name(f"{run.name}-data")
    assert (asked["settings"].budget_s, asked["settings"].fold) == (60, 0)


@pytest.mark.parametrize("make", [voc_folder, coco_folder, yolo_folder])
def test_inspect__boxes(scanwright, tmp_path, make):
    data = make(tmp_path / "data")
    ended = scanwright("inspect", data)
    assert ended.code == 0, ended.err
    assert "with 6 boxes of 2 classes: 4 cases of 4 patients, 1 set apart for testing" in ended.out
    assert ended.out.rstrip().endswith("1 note") and "note patients-unknown" in ended.out
    ended = scanwright("inspect", make(data, {"p00": [("cell", 5, 5, 60, 9)]}), "--json")
    plain = json.loads(ended.out)
    assert (ended.code, plain["task"]["kind"], plain["errors"] > 0) == (4, "detection", True)
    assert "box-outside" in {fault["code"] for fault in plain["faults"]}


def as_coco(source, root, scenes):
    """The pictures of a data set in COCO's form: a JSON file and a folder for each side."""
    for side, scene in scenes.items():
        description = coco_json(scene, suffix=".jpg", classes=source.task.classes, size=(640, 480))
        write_json(root / f"annotations/instances_{side}.json", description)
        (root / side).mkdir()
    for case in source.cases:
        (root / case.split / case.images[0].name).symlink_to(case.images[0])
    return root


def as_yolo(source, root, scenes):
    """The pictures of a data set in YOLO's form."""
    classes = source.task.classes
    for side, scene in scenes.items():
        (root / "images" / side).mkdir(parents=True)
        for name, boxes in scene.items():
            lines = [yolo_line(classes.index(kind), corners, size=(640, 480)) for kind, *corners in boxes]
            write_text(root / f"labels/{side}/{name}.txt", "\n".join(lines))
    for case in source.cases:
        (root / "images" / case.split / case.images[0].name).symlink_to(case.images[0])
    write_text(root / "data.yaml", f"train: images/train\ntest: images/test\nnames: [{', '.join(classes)}]\n")
    return root


@pytest.mark.data
def test_inspect__blood_cells_in_three_forms(scanwright, data_folder, tmp_path):
    """What is read of Pascal VOC and written as COCO and YOLO is read again as it was."""
    root = data_folder / "blood_cells_bccd"
    source = read_dataset(root)
    scenes = {
        side: {
            case.id: [(box.name, *box.start, *box.end) for box in case.target.boxes]
            for case in source.cases
            if case.split == side
        }
        for side in ("train", "test")
    }
    expected = [(case.id, case.split, len(case.target.boxes)) for case in source.cases]
    ended = scanwright("inspect", root)
    assert (ended.code, ended.out.count("empty-box"), ended.out.splitlines()[-1]) == (
        5,
        2,
        "1 error, 3 warnings, 2 notes",
    )
    leak = next(line for line in ended.out.splitlines() if line.startswith("error near-duplicate"))
    assert "BloodImage_00386 (train) and BloodImage_00391 (test)" in leak  # the same cells, photographed twice
    for form in (as_coco, as_yolo):
        data = form(source, tmp_path / form.__name__, scenes)
        dataset = read_dataset(data)
        assert [(case.id, case.split, len(case.target.boxes)) for case in dataset.cases] == expected
        for one, other in zip(source.cases, dataset.cases, strict=True):
            for box, again in zip(one.target.boxes, other.target.boxes, strict=True):
                assert box.name == again.name
                assert (*box.start, *box.end) == pytest.approx((*again.start, *again.end), abs=1e-6)
        ended = scanwright("inspect", data)
        assert ended.code == 5, ended.out
        assert "with 4886 boxes of 3 classes: 364 cases of 364 patients, 72 set apart" in ended.out
        assert ended.out.splitlines()[-1] == "1 error, 1 warning, 2 notes"


def test_inspect__nothing_tells_patients_apart(tmp_path):
    root = nnunet_folder(tmp_path / "data", cases=3)
    (note,) = [fault for fault in inspect(root, quick=True).checks.faults if fault.code == "patients-unknown"]
    assert note.severity == "note" and "each of the 3 cases" in note.found
    write_text(root / "cases.csv", "case,patient\np00,A\np01,B\np02,C\n")
    assert "patients-unknown" not in {fault.code for fault in inspect(root, quick=True).checks.faults}


def faults_of(code, severity, number):
    return [Fault(code=code, severity=severity, case=f"c{at}", found=f"thing {at}") for at in range(number)]


def test_fault_lines__the_first_few_of_each_code():
    faults = [*faults_of("bad", "error", 7), *faults_of("odd", "warning", 9), *faults_of("few", "note", 3)]
    lines = look.fault_lines(Checks(faults=tuple(faults), facts={}))
    assert [sum(line.startswith(word) for line in lines) for word in ("error bad", "warning odd", "note few")] == [
        7,
        4,
        3,
    ]
    assert lines[10] == "warning odd 6 more such findings: see the page (--out) or --json"


def test_fault_lines__what_says_the_same_is_one_line():
    same = [fault.model_copy(update={"found": "a thing"}) for fault in faults_of("odd", "warning", 9)]
    (line,) = look.fault_lines(Checks(faults=tuple(same), facts={}))
    assert line.startswith("warning odd c0, c1") and "4 more cases" in line
    assert look.told_summary(Checks(faults=tuple(same), facts={})) == "1 warning"
    assert look.told_summary(Checks(faults=(), facts={})) == "no faults"


@pytest.mark.parametrize(
    ("found", "lines"),
    [
        (
            {"measure": "Dice", "quality": 0.312, "enough": False, "judged": 44},
            ["labels   not doubted: the quick model is too weak for that (Dice 0.31 over 44 cases)"],
        ),
        ({"measure": "Dice", "quality": 0.9, "enough": True, "judged": 44}, []),
        ({"measure": "", "quality": None, "enough": False, "judged": 0}, []),
        (None, []),
    ],
)
def test_doubt_lines(found, lines):
    assert look.doubt_lines({"suspicious": found}) == lines
    assert look.doubt_lines({}) == []

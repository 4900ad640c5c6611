"""How many pictures are written on, and whether that tells the class: made marks, no detector."""

import json
import math
import pickle
from pathlib import Path

import numpy as np
import pytest

from made_folders import made_facts
from scanwright.dataset.cases import Case, Classes, Dataset
from scanwright.dataset.task import Channel, Region, Task
from scanwright.gate.cohort import Cohort
from scanwright.gate.marks import burned_in
from scanwright.gate.marks.burned_in import PictureMarks, find, glance
from scanwright.gate.marks.detector import Mark
from scanwright.geometry.grid import Grid
from scanwright.geometry.volume import Volume

US = Channel(name="US", modality="us")
TASK = Task(name="t", kind="classification", channels=(US,), classes=("benign", "malignant"))
WRITTEN = PictureMarks(size=(100, 80), marks=(Mark("text", (0, 0), (30, 12), 0.9),))
CLEAN = PictureMarks(size=(100, 80), marks=())


def cohort_of(
    classes: dict[str, str], *, patients: dict[str, str] | None = None, groups=None, task: Task = TASK
) -> Cohort:
    cases = tuple(
        Case(
            id=name,
            images=(Path(name),),
            patient=(patients or {}).get(name, name),
            target=Classes(names=tuple(word.split("+"))),
            groups=(groups or {}).get(name, {}),
        )
        for name, word in classes.items()
    )
    dataset = Dataset(root=Path("root"), layout="made", stated="", task=task, cases=cases)
    return Cohort(dataset=dataset, facts={name: made_facts(name) for name in classes})


def picture(voxels, channels: int = 1) -> Volume:
    pixels_YX = np.asarray(voxels)
    return Volume(np.stack([pixels_YX.T[..., None]] * channels), Grid.of_pixels(*pixels_YX.shape[::-1]))


def halves(number: int = 40) -> dict[str, str]:
    return {f"{k:03d}": ("benign", "malignant")[k % 2] for k in range(number)}


def test_find__marks_on_one_class_only() -> None:
    classes = halves()
    found = find(
        cohort_of(classes), {name: WRITTEN if word == "malignant" else CLEAN for name, word in classes.items()}
    )
    text, shortcut = found.faults
    assert (text.code, text.severity, text.policy) == ("burned-in-text", "warning", False)
    assert text.numbers["marked"] == 20 and len(text.cases) == 20
    assert (shortcut.code, shortcut.severity, shortcut.policy) == ("burned-in-marks-by-class", "warning", True)
    assert shortcut.numbers["share"] == 1 and shortcut.numbers["rest_share"] == 0 and shortcut.numbers["p_holm"] < 1e-6
    assert shortcut.cases == tuple(name for name, word in classes.items() if word == "malignant")
    assert shortcut.expected == "text and marks in as many pictures of each class"
    assert shortcut.found == "in 100% of the 20 patients of class malignant, in 0% of the other 20"


def test_find__marks_alike_in_both_classes() -> None:
    classes = halves()
    found = find(cohort_of(classes), {name: WRITTEN if int(name) % 4 < 2 else CLEAN for name in classes})
    assert [fault.code for fault in found.faults] == ["burned-in-text"]
    assert found.associations[0].p == pytest.approx(1)


def test_find__chance_is_not_accused() -> None:
    """Marks on half of the pictures whatever their class: in 200 made cohorts, at most the promised share is accused."""
    accused = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        classes = halves(30)
        marks = {name: WRITTEN if rng.random() < 0.5 else CLEAN for name in classes}
        accused += any(fault.policy for fault in find(cohort_of(classes), marks).faults)
    assert accused <= 10


def test_find__nothing_written() -> None:
    found = find(cohort_of(halves()), dict.fromkeys(halves(), CLEAN))
    assert found.faults == () and found.marked == {} and found.looked_at == 40


def test_find__one_in_a_hundred_is_a_note() -> None:
    classes = halves(100)
    found = find(cohort_of(classes), {name: WRITTEN if name == "007" else CLEAN for name in classes})
    assert [(fault.severity, fault.cases) for fault in found.faults] == [("note", ("007",))]


def test_find__missing_cases_do_not_count() -> None:
    classes = halves()
    marks = {name: WRITTEN for name in list(classes)[:6]} | {"039": None}
    found = find(cohort_of(classes), marks)
    assert found.looked_at == 6 and found.faults[0].numbers["pictures"] == 6
    assert find(cohort_of(classes), {}).faults == ()


def test_find__the_order_of_cases_does_not_matter() -> None:
    classes = halves()
    marks = {name: WRITTEN if word == "malignant" or name < "010" else CLEAN for name, word in classes.items()}
    turned = dict(reversed(marks.items()))
    assert find(cohort_of(classes), marks).faults == find(cohort_of(classes), turned).faults


def test_find__a_patient_counts_once() -> None:
    """Thirty pictures of one patient are no thirty witnesses."""
    classes = {f"{k:02d}": "malignant" if k < 30 else "benign" for k in range(40)}
    patients = {name: "one" if word == "malignant" else name for name, word in classes.items()}
    found = find(
        cohort_of(classes, patients=patients),
        {name: WRITTEN if word == "malignant" else CLEAN for name, word in classes.items()},
    )
    (association,) = found.associations
    assert (association.total + association.rest_total, min(association.total, association.rest_total)) == (11, 1)
    assert not any(fault.policy for fault in found.faults)


def test_find__group_column() -> None:
    classes = halves()
    groups = {name: {"scanner": "A" if int(name) < 15 else "B"} for name in classes}
    found = find(cohort_of(classes, groups=groups), {name: WRITTEN if int(name) < 15 else CLEAN for name in classes})
    assert [(one.column, one.is_shortcut) for one in found.associations] == [("class", False), ("scanner", True)]


def test_find__one_finding_for_a_column() -> None:
    task = TASK.model_copy(update={"classes": ("a", "b", "c")})
    classes = {f"{k:02d}": "abc"[k % 3] for k in range(60)}
    shown = {
        name: WRITTEN if word == "a" or (word == "b" and int(name) % 2) else CLEAN for name, word in classes.items()
    }
    policy = [fault for fault in find(cohort_of(classes, task=task), shown).faults if fault.policy]
    assert len(policy) == 1 and "of class a" in policy[0].found and "of class c" in policy[0].found


def test_find__several_classes_at_once() -> None:
    task = Task(name="t", kind="classification", channels=(US,), classes=("a", "b"), choice="several")
    classes = {f"{k:02d}": ("a", "a+b")[k % 2] for k in range(40)}
    found = find(
        cohort_of(classes, task=task), {name: WRITTEN if "b" in word else CLEAN for name, word in classes.items()}
    )
    assert [(one.column, one.value) for one in found.associations] == [("class b", "yes")]
    assert found.associations[0].is_shortcut


def test_find__empty_and_drawn_labels() -> None:
    task = Task(name="t", channels=(US,), regions=(Region(name="lesion", values=(1,)),))
    cases = tuple(Case(id=f"{k:02d}", images=(Path("i"),), label=Path("l"), patient=f"{k}") for k in range(40))
    facts = {
        case.id: made_facts(case.id).model_copy(update={"region_voxels": {"lesion": 9 * (int(case.id) % 2)}})
        for case in cases
    }
    dataset = Dataset(root=Path("root"), layout="made", stated="", task=task, cases=cases)
    marks = {case.id: WRITTEN if int(case.id) % 2 else CLEAN for case in cases}
    found = find(Cohort(dataset=dataset, facts=facts), marks)
    assert [(one.column, one.value, one.share) for one in found.associations] == [("label", "something drawn", 1)]


def test_to_json__finite_and_plain() -> None:
    classes = halves()
    found = find(
        cohort_of(classes), {name: WRITTEN if word == "malignant" else CLEAN for name, word in classes.items()}
    )
    plain = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert plain["looked_at"] == 40 and plain["marked"]["001"] == 1
    assert all(math.isfinite(one["p_holm"]) for one in plain["associations"])


def test_glance__not_of_volumes_nor_of_ct() -> None:
    case = cohort_of({"a": "benign"}).cases[0]
    volume = Volume(
        np.zeros((1, 80, 70, 3), np.float32), Grid.of_pixels(80, 70).__class__(shape=(80, 70, 3), affine=np.eye(4))
    )
    assert glance(case, volume, None, TASK) is None
    ct = TASK.model_copy(update={"channels": (Channel(name="CT", modality="ct"),)})
    assert glance(case, picture(np.zeros((80, 70))), None, ct) is None


@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("shape", [(1, 1), (5, 300), (64, 64), (100, 130)])
@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "float32", "float64"])
def test_glance__odd_pictures(shape: tuple[int, int], channels: int, dtype: str) -> None:
    case = cohort_of({"a": "benign"}).cases[0]
    for fill in (0, 7):
        seen = glance(case, picture(np.full(shape, fill, dtype), channels), None, TASK)
        assert seen == PictureMarks(size=shape[::-1], marks=())


def test_glance__colour_and_grey_see_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr(burned_in, "detect", lambda picture_YX, *, sure: seen.append(picture_YX) or ())
    case = cohort_of({"a": "benign"}).cases[0]
    pixels = np.random.default_rng(0).integers(0, 255, (70, 90), np.uint8)
    glance(case, picture(pixels, 3), None, TASK)
    glance(case, picture(pixels, 1), None, TASK)
    assert seen[0].shape == (70, 90) and np.allclose(seen[0], seen[1])


def test_glance__only_the_surest_in_photographs(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(burned_in, "detect", lambda picture_YX, *, sure: asked.append(sure) or ())
    case = cohort_of({"a": "benign"}).cases[0]
    colours = TASK.model_copy(update={"channels": tuple(Channel(name=name, modality="rgb") for name in "rgb")})
    for task in (TASK, colours):
        glance(case, picture(np.zeros((70, 90)), 3), None, task)
    assert asked == [burned_in.SURE, burned_in.SURE_IN_COLOUR]


def test_picture_marks__travel_between_processes() -> None:
    assert pickle.loads(pickle.dumps(WRITTEN)) == WRITTEN and len(pickle.dumps(WRITTEN)) < 1000

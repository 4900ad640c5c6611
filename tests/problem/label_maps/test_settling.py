"""What label maps choose out of fold, end to end from kept files: chosen, applied, kept in a package, and told."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit

import fakes
from made_folders import made_case
from scanwright.dataset.task import Channel, Region, Task
from scanwright.errors import IntegrityError
from scanwright.geometry.grid import Grid
from scanwright.geometry.orientation import IDENTITY
from scanwright.geometry.volume import Volume
from scanwright.inference.evidence import Look, region_borders
from scanwright.inference.postprocess import Step
from scanwright.io.formats import read_label, write_label
from scanwright.problem.label_maps.after import after_from_json
from scanwright.problem.label_maps.kept import EVIDENCE, KeptRow, Masks, read_evidence
from scanwright.problem.segmentation import Segmentation
from scanwright.transform.preprocess import whole

SHAPE = (16, 18, 14)
GRID = Grid(SHAPE, np.diag([1.0, 1.0, 1.0, 1.0]))
TASK = Task(
    name="liver",
    channels=(Channel(name="CT", modality="ct"),),
    regions=(Region(name="liver", values=(1,)), Region(name="tumour", values=(2,))),
)


def made(folder: Path, number: int, *, folds: int = 4, evidence: bool = True) -> list[KeptRow]:
    """Judged cases of a ball with a tumour. The worse a case is, the less sure were its probabilities, and all are too sure;
    every answer has a speck of liver far away and a false tumour outside.
    """
    problem, plan = Segmentation(TASK), fakes.plan()
    rows = []
    for place in range(number):
        rng = np.random.default_rng(place)
        i, j, k = np.indices(SHAPE)
        away = np.sqrt((i - 7) ** 2 + (j - 8) ** 2 + (k - 6) ** 2)
        blur = rng.uniform(0.2, 2.0)
        truth = np.zeros(SHAPE, np.uint8)
        truth[away + rng.normal(0, blur, SHAPE) < 5] = 1
        truth[(abs(i - 7) < 2) & (abs(j - 8) < 2) & (abs(k - 6) < 2)] = 2
        odds = (5 - away) / blur
        found = (odds > 0).astype(np.uint8)
        found[truth == 2] = 2
        found[14:16, 0:2, 0:2] = 1
        found[0:2, 14:18, 10:12] = 2
        name = f"c{place}"
        write_label(folder / f"{name}.label.nii.gz", Volume(truth[None], GRID))
        told = None
        if evidence:
            look = Look(outputs=(1, 2), sampled=True)
            look.begin(replace(whole(GRID, plan.preprocess), turn=IDENTITY, start=(0, 0, 0), stop=SHAPE, shape=SHAPE))
            for output, chance in ((1, expit(3 * odds)), (2, np.where(found == 2, 0.95, 0.02))):
                look.see(output, chance.astype(np.float32), slice(0, SHAPE[0]), slice(0, SHAPE[1]))
            told = look.evidence(region_borders(found, [(1,), (2,)]))
        file = folder / f"{name}.nii.gz"
        problem.write(file, Masks(found[None], GRID, evidence=told))
        case = made_case(name, label=folder / f"{name}.label.nii.gz", patient=f"p{place}")
        rows.append(problem.row(case, problem.read(file), fold=place % folds, yardstick=1.0))
    return rows


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[KeptRow]:
    return made(tmp_path_factory.mktemp("kept"), 28)


@pytest.fixture(scope="module")
def settled(rows: list[KeptRow]) -> tuple[list[KeptRow], list[KeptRow], dict]:
    return Segmentation(TASK).settle(rows, rows[:2], fakes.plan())


def test_what_was_planted_is_mended_and_judged_again(rows, settled) -> None:
    judged, tested, chosen = settled
    taken = {(one["region"], one["action"]) for one in chosen["postprocess"]["steps"]}
    assert taken & {("liver", "largest"), ("liver", "least")}
    assert taken & {("tumour", action) for action in ("touch", "least", "largest")}
    for before, after in zip(rows, judged, strict=True):
        assert after.case == before.case and after.steps
        assert after.metrics["tumour"]["dice"] == 1 and after.metrics["liver"]["dice"] > before.metrics["liver"]["dice"]
        assert before.lesions["tumour"].false == 1 and after.lesions["tumour"].false == 0
    assert [row.metrics for row in tested] == [row.metrics for row in judged[:2]]
    gain = chosen["postprocess"]["gain"]
    apart = np.mean(
        [b.metrics["tumour"]["dice"] - a.metrics["tumour"]["dice"] for a, b in zip(rows, judged, strict=True)]
    )
    assert gain["by_class"]["tumour"]["dice_gain"]["mean"] == pytest.approx(apart)
    assert gain["by_class"]["tumour"]["lesion_f1_gain"]["mean"] == pytest.approx(1 - 2 / 3)
    assert gain["by_class"]["tumour"]["fewer_false_lesions"]["mean"] == 1
    assert gain["overall"]["dice_gain"]["ci95"][0] > 0


def test_a_fold_has_no_say_in_its_own_steps(tmp_path: Path) -> None:
    """Specks in one fold alone: the others choose nothing for it."""
    rows = made(tmp_path, 16)
    for row in rows:
        if row.fold:
            label = read_label(row.kept.case.label)
            write_label(row.kept.file, label)
    problem = Segmentation(TASK)
    rows = [problem.row(row.kept.case, problem.read(row.kept.file), fold=row.fold, yardstick=1.0) for row in rows]
    judged, _, chosen = problem.settle(rows, [], fakes.plan())
    assert chosen["postprocess"]["by_fold"]["0"] == []
    assert all(a.metrics == b.metrics for a, b in zip(rows, judged, strict=True) if a.fold == 0)


def test_voxels_that_are_too_sure_are_mended(settled) -> None:
    voxels = settled[2]["voxels"]["liver"]
    assert voxels["slope"] < 0.7 and voxels["ece"]["after"] < voxels["ece"]["before"]
    assert voxels["log_loss_fall"]["ci95"][0] > 0


def test_the_dice_is_predicted(settled) -> None:
    judged, _, chosen = settled
    measured = chosen["confidence"]["masks"]["measured"]
    assert measured["by_class"]["liver"]["pearson"]["mean"] > 0.8
    assert all(set(row.expected) == {"liver", "tumour"} for row in judged)
    folds = {fold: [row for row in judged if row.fold == fold] for fold in range(4)}
    told, true = (
        np.concatenate([np.array(values) - np.mean(values) for values in of])
        for of in (
            [[row.expected["liver"] for row in rows] for rows in folds.values()],
            [[row.metrics["liver"]["dice"] for row in rows] for rows in folds.values()],
        )
    )
    assert measured["by_class"]["liver"]["pearson"]["mean"] == pytest.approx(np.corrcoef(told, true)[0, 1])


def test_a_package_applies_it(rows, settled) -> None:
    """What was chosen comes back from JSON, and is told of a new answer."""
    chosen = json.loads(json.dumps(settled[2]))
    problem = Segmentation(TASK).settled(chosen)
    assert problem.after == after_from_json(settled[2])
    answer = problem.read(rows[0].kept.file)
    told = replace(answer, evidence=read_evidence(rows[0].kept.file))
    found = problem.found(told)
    expected = found["expected_dice"]
    assert set(found) == {"volumes", "unit", "expected_dice"}
    assert set(expected["regions"]) == {"liver"}, "of the tumour, which is always right, no correlation is shown"
    assert expected["low"] <= expected["mean"] <= 1
    assert problem.doubts(answer) == () and "expected_dice" not in problem.found(answer), "nothing is known of it"
    assert Segmentation(TASK).found(told).keys() == {"volumes", "unit"}


def test_what_a_package_told_of_new_cases_is_held_against_the_truth(settled) -> None:
    judged, _, chosen = settled
    problem, told, plain = Segmentation(TASK).settled(chosen), {}, []
    for row in judged:
        answer = replace(problem.read(row.kept.file), evidence=read_evidence(row.kept.file))
        told[row.case] = problem.found(answer)
        plain.append(problem.row(row.kept.case, read_label(row.kept.file), fold=None, yardstick=1.0))
    assert (
        problem.certainty_on(plain, None, {}) == {}
        and Segmentation(TASK).certainty_on(plain, None, {}, told=told) == {}
    )
    found = problem.certainty_on(plain, None, {}, told=told)["expected_dice"]
    expected = [told[row.case]["expected_dice"] for row in plain]
    true = [np.mean([row.metrics[name]["dice"] for name in ("liver", "tumour")]) for row in plain]
    assert found["overall"]["mae"]["mean"] == pytest.approx(
        np.mean([abs(one["mean"] - dice) for one, dice in zip(expected, true, strict=True)])
    )
    assert found["overall"]["coverage"]["mean"] == pytest.approx(
        np.mean([dice >= one["low"] for one, dice in zip(expected, true, strict=True)])
    )
    assert set(found["by_class"]) == {"liver"} and found["cases"]["c0"]["true"] == pytest.approx(true[0])
    summary = problem.summary(plain, [], seed=0, yardstick=1.0) | {"certainty": {"expected_dice": found}}
    *_, shown = problem.results("New", summary, plain, facts={}, unit="mm", note="")
    assert shown.name == "How good the masks were expected to be" and shown.figures[0].panels
    json.dumps(summary, allow_nan=False)


def test_a_poor_answer_is_doubted(rows, settled) -> None:
    problem = Segmentation(TASK).settled(settled[2])
    lowest = min(settled[0], key=lambda row: sum(row.expected.values()))
    evidence = read_evidence(lowest.kept.file)
    poor = replace(evidence, sums=evidence.sums * [[0.6, 1, 1, 3]])
    answer = replace(problem.read(lowest.kept.file), evidence=poor)
    (doubt,) = problem.doubts(answer)
    assert doubt.code == "low-expected-quality" and 0 <= doubt.values["dice"] < 1
    best = max(settled[0], key=lambda row: sum(row.expected.values()))
    assert problem.doubts(replace(answer, evidence=read_evidence(best.kept.file))) == ()


def test_one_fold_chooses_nothing(tmp_path: Path) -> None:
    rows = made(tmp_path, 8, folds=1)
    assert Segmentation(TASK).settle(rows, [], fakes.plan()) == (rows, [], None)
    assert Segmentation(TASK).settle([], rows, fakes.plan()) == ([], rows, None)


def test_without_evidence_masks_are_still_mended(tmp_path: Path) -> None:
    _, _, chosen = Segmentation(TASK).settle(made(tmp_path, 16, evidence=False), [], fakes.plan())
    assert set(chosen) == {"postprocess"}


def test_results_tell_of_it(rows, settled) -> None:
    judged, _, chosen = settled
    problem = Segmentation(TASK)
    summary = problem.summary(judged, [], seed=0, yardstick=1.0) | {"chosen": chosen}
    names = [one.name for one in problem.results("CV", summary, judged, facts={}, unit="mm", note="")]
    assert names[3:] == [
        "What is done after the network, and what it gained",
        "Steps that were tried",
        "Whether the probabilities of voxels hold",
        "How good a mask is expected to be",
    ]
    assert "liver" in problem.settled(chosen).how_decided(judged)


def test_pictures_show_what_was_judged(rows, settled) -> None:
    """The answer that is drawn is the one after the steps of its own fold."""
    problem, row = Segmentation(TASK), settled[0][0]
    drawn = problem._again(replace(rows[0], steps=()), row.steps)
    assert drawn.metrics == row.metrics


def test_evidence_that_is_cut_is_refused(tmp_path: Path) -> None:
    (row,) = made(tmp_path, 1)
    beside = tmp_path / f"c0{EVIDENCE}"
    beside.write_bytes(beside.read_bytes()[:-20])
    with pytest.raises(IntegrityError, match="not whole"):
        read_evidence(row.kept.file)


@pytest.mark.parametrize(
    "chosen",
    [
        {"postprocess": {"steps": [{"region": "a", "action": "dance", "least": 0, "of": []}]}},
        {"postprocess": {"steps": [{"region": "a"}]}},
        {"voxels": {"a": {"slope": -1.0}}},
        {"voxels": {"a": {}}},
        {"confidence": {"masks": {"lines": {"a": {}}}}},
    ],
)
def test_a_choice_of_another_version_is_refused(chosen: dict) -> None:
    with pytest.raises(IntegrityError, match=r"not a (choice|confidence)"):
        Segmentation(TASK).settled(chosen)


def test_nothing_chosen_changes_nothing() -> None:
    problem = Segmentation(TASK).settled(None)
    assert problem.after.steps == () and problem.how_decided([]) == ""
    assert Step(region="liver", action="fill").least == 0

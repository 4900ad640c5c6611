"""Boxes as answers: kept, told, judged and counted."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from made_folders import made_case
from scanwright.dataset.cases import Box, Boxes
from scanwright.dataset.task import Channel, Task
from scanwright.errors import InputError, IntegrityError
from scanwright.evaluation.boxes.detection_operating import DEFAULT_SCORE
from scanwright.findings.regions import Regions
from scanwright.geometry.grid import Grid
from scanwright.geometry.volume import Volume
from scanwright.inference.boxes import MOST_KEPT, Detections
from scanwright.problem.boxes.answer import BoxAnswer
from scanwright.problem.detection import Detection

TASK = Task(name="cells", kind="detection", classes=("red", "white"), channels=(Channel(name="X", modality="rgb"),))


def answer(*boxes):
    """(class, score, x0, y0, x1, y1) each."""
    corners = [[[x, y, 0], [x_end, y_end, 1]] for _, _, x, y, x_end, y_end in boxes]
    found = Detections(
        np.array(corners, dtype=float).reshape(-1, 2, 3),
        np.array([score for _, score, *_ in boxes], dtype=float),
        np.array([TASK.classes.index(name) for name, *_ in boxes], dtype=np.int64),
    )
    return BoxAnswer(found, (1.0, 1.0, 1.0), "px")


SEEN = answer(
    ("red", 0.9, 2, 2, 12, 12),
    ("white", 0.35, 20, 20, 40, 36),
    ("red", 0.25, 30, 2, 40, 12),
    ("white", 0.05, 0, 0, 4, 4),
)


def test_answer__is_kept_and_read_as_it_was(tmp_path):
    problem = Detection(TASK)
    problem.write(tmp_path / "a.json", SEEN)
    again = problem.read(tmp_path / "a.json")
    assert np.allclose(again.found.boxes, SEEN.found.boxes) and again.found.codes.tolist() == [0, 1, 0, 1]
    assert np.allclose(again.found.scores, SEEN.found.scores) and again.unit == "px"
    problem.write(tmp_path / "none.json", answer())
    assert len(problem.read(tmp_path / "none.json").found) == 0
    (tmp_path / "other.json").write_text(
        json.dumps({"boxes": [{"class": "blue", "score": 1, "start": [0] * 3, "end": [1] * 3}]})
    )
    with pytest.raises(InputError, match="not an answer to this problem"):
        problem.read(tmp_path / "other.json")


def test_found__what_lies_above_the_score_of_its_class():
    problem = Detection(TASK)
    told = problem.found(SEEN)
    assert [(box["class"], box["size"]) for box in told["boxes"]] == [("red", [10, 10, 1]), ("white", [20, 16, 1])]
    assert problem.line(told) == "1 red, 1 white" and problem.line({"boxes": []}) == "nothing"
    assert problem.doubts(SEEN) == (
        "1 of the boxes told are hardly above their score",
        "1 more lie little below the score from which on they are told",
    )
    stricter = problem.settled({"thresholds": {"red": 0.2, "white": 0.6}})
    assert [box["class"] for box in stricter.found(SEEN)["boxes"]] == ["red", "red"]
    assert problem.settled(None).thresholds == (DEFAULT_SCORE, DEFAULT_SCORE)
    for wrong in ({}, {"thresholds": {"red": 0.2}}, {"thresholds": {"red": 2.0, "white": 0.1}}):
        with pytest.raises(IntegrityError):
            problem.settled(wrong)


def case(name, *boxes):
    known = tuple(Box(name=kind, start=(x, y), end=(x_end, y_end)) for kind, x, y, x_end, y_end in boxes)
    return made_case(name, label=None, target=Boxes(boxes=known))


def rows():
    """Twelve patients in two folds: red found at 0.8, and a false one at 0.4; white missed in the first fold."""
    problem = Detection(TASK)
    found = []
    for number in range(12):
        known = case(f"c{number}", ("red", 2, 2, 12, 12), ("white", 20, 20, 40, 36))
        seen = answer(
            ("red", 0.8, 2, 3, 12, 12), ("red", 0.4, 30, 30, 39, 39),
            *([("white", 0.7, 20, 20, 40, 35)] if number >= 6 else []),
        )  # fmt: skip
        found.append(problem.row(known, seen, fold=number // 6, yardstick=None))
    return problem, found


def test_settle__scores_are_chosen_on_the_other_folds():
    problem, judged = rows()
    assert all(row.thresholds == (DEFAULT_SCORE,) * 2 for row in judged)
    settled, _, chosen = problem.settle(judged, [], None)
    assert 0.4 < chosen["thresholds"]["red"] <= 0.8
    assert {row.thresholds[1] for row in settled} == {DEFAULT_SCORE}  # white ones were all right, or there were none
    assert problem.settle([], judged[:1], None) == ([], judged[:1], None)


def low(number, *, score=0.07, of=10):
    """One of several patients of one fold, as a short training answers: everything is right, and scores are low."""
    known = case(f"l{number}", ("red", 2, 2, 12, 12))
    step = 0.02 * number / of
    seen = answer(("red", score + step, 2, 3, 12, 12), ("red", score / 2 + step / 4, 30, 30, 39, 39))
    return Detection(TASK).row(known, seen, fold=0, yardstick=None)


def test_settle__one_fold_is_judged_by_what_other_patients_of_it_say():
    """The limit is found where the scores lie, and no case has a say in its own: 0.3 would have told nothing."""
    problem = Detection(TASK)
    judged, test = [low(number) for number in range(10)], [replace(low(3), fold=None)]
    settled, tested, chosen = problem.settle(judged, test, None)
    assert 0.04 < chosen["thresholds"]["red"] < 0.07 and chosen["thresholds"]["white"] == DEFAULT_SCORE
    assert tested[0].thresholds == tuple(chosen["thresholds"].values())
    summary = problem.summary(settled, tested, seed=0)
    assert summary["by_class"]["red"]["f1"]["mean"] == 1.0 == summary["test"]["by_class"]["red"]["f1"]["mean"]
    assert "caveats" not in summary and "caveats" not in summary["test"]
    assert "chosen on other patients of the same fold" in problem.how_decided(settled)
    odd = [*judged[:-1], low(9, score=0.01)]  # one whose hit lies below all others' false ones
    told, _, _ = problem.settle(odd, [], None)
    assert told[-1].thresholds == settled[-1].thresholds
    assert len({row.thresholds for row in told if row.patient == "l0"}) == 1
    (alone,), _, chosen = problem.settle(judged[:1], [], None)
    assert alone.thresholds == (DEFAULT_SCORE, DEFAULT_SCORE) and chosen["thresholds"]["red"] < 0.1


def test_summary__says_that_nothing_was_told():
    problem = Detection(TASK)
    silent, loud = low(1), low(1, score=0.5)
    empty = replace(silent, true=silent.true[:0], true_codes=silent.true_codes[:0], ignored=silent.ignored[:0])
    (said,) = problem.summary([loud], [silent], seed=0)["test"]["caveats"]
    assert said.startswith("No box of any class reached the score from which on it is told, in any of 1 cases")
    assert "caveats" in problem.summary([silent], [], seed=0)
    assert "caveats" not in problem.summary([loud, silent], [], seed=0)
    assert "caveats" not in problem.summary([empty], [], seed=0)  # there was nothing to tell


def test_doubts__nearness_is_of_odds():
    """Where all scores are low, not every box is near the limit."""
    problem = Detection(TASK).settled({"thresholds": {"red": 0.04, "white": 0.6}})
    seen = answer(*(("red", score, 2, 2, 12, 12) for score in (0.09, 0.08, 0.05, 0.03, 0.02, 0.011)))
    assert problem.doubts(seen) == (
        "1 of the boxes told are hardly above their score",
        "1 more lie little below the score from which on they are told",
    )


def test_doubts__as_many_are_told_as_are_kept_of_a_class():
    problem = Detection(TASK).settled({"thresholds": {"red": 0.04, "white": 0.6}})
    many = [("red", 0.9, 2, 2, 12, 12)] * MOST_KEPT
    assert problem.doubts(answer(*many))[0] == "no more than the 1000 most probable boxes of a class are told"
    assert problem.doubts(answer(*many[1:])) == ()
    assert problem.doubts(answer(*[("red", 0.01, 2, 2, 12, 12)] * MOST_KEPT)) == ()  # kept, and not told


def test_summary__boxes_are_judged_together_and_by_class():
    problem, judged = rows()
    settled, _, _ = problem.settle(judged, [], None)
    summary = problem.summary(settled, [], seed=0, yardstick=None)
    assert summary["primary"] == "map50" and summary["by_class"]["red"]["ap50"]["mean"] == pytest.approx(1.0)
    assert summary["by_class"]["white"]["sensitivity"]["mean"] == pytest.approx(0.5)
    assert summary["by_class"]["red"]["false_positives"]["mean"] == 0  # 0.4 lies below what was chosen
    assert (
        summary["overall"]["map5095_small"]["mean"] is not None and summary["overall"]["map5095_large"]["mean"] is None
    )
    json.dumps(summary, allow_nan=False)
    table = problem.table(settled).splitlines()
    assert table[0].startswith("case,patient,fold,true[red],found[red],hits[red]") and len(table) == 13
    (shown,) = problem.results("Cross-validation", summary, settled, facts={}, unit="px", note="")
    assert len(shown.figures) == 2 and shown.cases[0].regions["white"]["sensitivity"] == 0
    assert problem.shortfalls(summary) == ""
    assert problem.compare({"a": settled, "b": settled}, "a", seed=0)["b"][0].estimate.mean == 0


def test_study__boxes_are_lines_and_counts():
    image = Volume(
        np.random.default_rng(0).uniform(0, 255, (3, 48, 40, 1)).astype(np.float32), Grid((48, 40, 1), np.eye(4), "px")
    )
    part = Detection(TASK).study(image, SEEN, sure=None)
    assert part.answers == {"red": "1", "white": "1"} and part.are_counts
    assert [(line.kind, line.longest, line.perpendicular) for line in part.findings] == [
        ("red", 10, 10),
        ("white", 20, 16),
    ]
    (shown,) = part.images
    assert shown.shows == "boxes" and [name for name, _ in shown.legend] == ["red", "white"]
    nothing = Detection(TASK).study(image, answer(), sure=None)
    assert [one.shows for one in nothing.images] == ["image"]
    plain = Detection(TASK).drawn(image, SEEN)  # with scores: the page has the numbers of its table in their place
    assert plain.startswith(b"\x89PNG") and plain != shown.png


def test_among__each_box_is_told_with_its_region():
    grid = Grid((48, 40, 1), np.eye(4), "px")
    upper = np.zeros(grid.shape, dtype=np.bool_)
    upper[:, :24] = True
    problem = Detection(TASK)
    among = problem.among(SEEN, Regions({"upper": upper, "lower": np.zeros_like(upper)}, grid))
    told = problem.found(among)
    assert [(box["region"], box["crosses"]) for box in told["boxes"]] == [("upper", []), ("", ["upper"])]
    assert told["regions"] == {"unit": "px", "sizes": {"upper": 48 * 24, "lower": 0}, "cut": ["upper"]}
    assert problem.line(told) == "1 red in upper, 1 white outside all regions"
    part = problem.study(Volume(np.zeros((3, *grid.shape), dtype=np.float32), grid), among, sure=None)
    assert [(line.region, line.crosses, line.share_of_region) for line in part.findings] == [
        ("upper", (), None),
        ("", ("upper",), None),
    ]
    assert [(row.name, row.size, row.burden) for row in part.regions] == [("upper", 1152, None), ("lower", 0, None)]
    assert part.unit_of_size == "px" and part.table is None


def test_write__boxes_among_regions_are_read_as_ever(tmp_path):
    grid = Grid((48, 40, 1), np.eye(4), "px")
    problem = Detection(TASK)
    problem.write(tmp_path / "a.json", problem.among(SEEN, Regions({"all": np.ones(grid.shape, np.bool_)}, grid)))
    kept = json.loads((tmp_path / "a.json").read_text())
    assert {box["region"] for box in kept["boxes"]} == {"all"} and kept["regions"]["sizes"] == {"all": 1920}
    assert np.allclose(problem.read(tmp_path / "a.json").found.boxes, SEEN.found.boxes)


def test_agreement__counts_true_boxes_that_a_cell_holds():
    problem = Detection(TASK)
    found = torch.zeros(1, 2, 2 + 9)
    found[0, 0, :2] = torch.tensor([3.0, -3])
    found[0, 0, 2:8] = torch.tensor([0.0, 2, 2, 1, 12, 12])
    found[0, 1, 2:8] = torch.tensor([0.0, 30, 30, 1, 40, 40])
    found[0, 1, :2] = torch.tensor([-5.0, -5])
    true = torch.tensor([[[0.0, 0, 2, 3, 1, 12, 12], [1, 0, 30, 30, 1, 40, 40], [-1] * 7, [255, 0, 0, 0, 1, 5, 5]]])
    assert problem.agreement(found, true).tolist() == [[1, 1], [0, 1]]


def test_study__slices_of_a_volume_are_named_and_edges_are_those_in_its_slices():
    task = TASK.model_copy(update={"channels": (Channel(name="CT", modality="ct"),)})
    found = Detections(np.array([[[2.0, 2, 3.2], [12, 8, 7.6]]]), np.array([0.9]), np.array([0]))
    affine = np.diag([2.0, 2.0, 5.0, 1.0])
    image = Volume(np.zeros((1, 20, 20, 10), dtype=np.float32), Grid((20, 20, 10), affine))
    (line,) = Detection(task).study(image, BoxAnswer(found, (2.0, 2.0, 5.0), "mm"), sure=None).findings
    assert (line.longest, line.perpendicular, line.slices) == (20.0, 12.0, (4, 8))
    assert line.depth == pytest.approx(22.0)


def test_study__slices_are_those_that_were_acquired():
    """Sagittal slices of 6.5 mm that follow each other along the file's first axis, which is then the one that is told."""
    task = TASK.model_copy(update={"channels": (Channel(name="T2", modality="mr"),)})
    found = Detections(np.array([[[3.0, 30, 30], [5, 60, 55]]]), np.array([0.9]), np.array([0]))
    image = Volume(np.zeros((1, 20, 100, 100), np.float32), Grid((20, 100, 100), np.diag([6.5, 0.8, 0.8, 1.0])))
    (line,) = Detection(task).study(image, BoxAnswer(found, (6.5, 0.8, 0.8), "mm"), sure=None).findings
    assert (line.longest, line.perpendicular, line.depth) == pytest.approx((24.0, 20.0, 13.0))
    assert (line.slices, line.axis) == ((4, 5), 1)
    assert line.numbered([*range(1, 101)]).image_numbers is None  # which are of slices along the third axis


def test_study__a_picture_whose_one_slice_is_along_another_axis():
    found = Detections(np.array([[[0.0, 2, 3], [1, 12, 9]]]), np.array([0.9]), np.array([0]))
    image = Volume(np.zeros((1, 1, 20, 20), dtype=np.float32), Grid((1, 20, 20), np.eye(4)))
    (line,) = Detection(TASK).study(image, BoxAnswer(found, (1.0, 1.0, 1.0), "mm"), sure=None).findings
    assert (line.longest, line.perpendicular, line.slices, line.depth) == (10.0, 6.0, None, None)


def test_judged__by_the_scores_that_the_file_states(tmp_path):
    case = made_case("c", target=Boxes(boxes=(Box(name="red", start=(2, 2), end=(12, 12)),)))
    settled = Detection(TASK).settled({"thresholds": {"red": 0.2, "white": 0.6}})
    settled.write(tmp_path / "told.json", SEEN)
    assert Detection(TASK).judged(case, tmp_path / "told.json").thresholds == (0.2, 0.6)
    Detection(TASK).settled(None).write(tmp_path / "default.json", SEEN)
    assert json.loads((tmp_path / "default.json").read_text())["thresholds"] == {"red": 0.3, "white": 0.3}
    Detection(TASK).write(tmp_path / "run.json", SEEN)  # nobody has said which are told
    assert "thresholds" not in json.loads((tmp_path / "run.json").read_text())
    assert Detection(TASK).judged(case, tmp_path / "run.json").thresholds == (DEFAULT_SCORE, DEFAULT_SCORE)
    kept = json.loads((tmp_path / "told.json").read_text())
    (tmp_path / "told.json").write_text(json.dumps(kept | {"thresholds": {"red": 0.2}}))
    with pytest.raises(InputError, match="thresholds") as caught:
        Detection(TASK).judged(case, tmp_path / "told.json")
    assert caught.value.where == tmp_path / "told.json"


def test_how_decided__says_where_the_scores_were_chosen():
    _, told = rows()
    elsewhere = [replace(row, fold=None) for row in told]
    assert Detection(TASK).how_decided(elsewhere) == "A box is told from the score 0.3 on: none was chosen."
    assert "on the other folds" in Detection(TASK).how_decided(told)
    assert "on other patients of the same fold" in Detection(TASK).how_decided(told[:1])
    said = Detection(TASK, stated=(0.25, 0.4)).how_decided(elsewhere)
    assert said == "A box is told by its score: red from 0.25 on, white from 0.4 on, as was chosen out of fold."

"""Opinions of every kind: kept, read again, pooled by weight, and weighed against the truth."""

import numpy as np
import pytest

import fakes
from made_folders import AFFINE, made_case, write_nifti
from scanwright.dataset.cases import Box, Boxes, Quantities
from scanwright.dataset.classes import ABNORMAL, NORMAL
from scanwright.dataset.task import Channel, Task
from scanwright.errors import InputError, UsageError
from scanwright.geometry.grid import Grid
from scanwright.geometry.volume import Volume
from scanwright.inference.boxes import Detections
from scanwright.problem.anomaly import Anomaly
from scanwright.problem.boxes.answer import BoxAnswer
from scanwright.problem.classification import Classification
from scanwright.problem.detection import Detection
from scanwright.problem.label_maps.pooling import STEPS, ProbabilityMaps
from scanwright.problem.normals.answer import AnomalyAnswer
from scanwright.problem.pooling import pooling_of
from scanwright.problem.regression import Regression
from scanwright.problem.segmentation import Segmentation

CHANNELS = (Channel(name="x", modality="xray"),)
CASE = made_case("a")


def task(kind, **parts):
    return Task(name="t", kind=kind, channels=CHANNELS, **parts)


KINDS = {
    "segmentation": lambda: Segmentation(fakes.task(2)),
    "classification": lambda: Classification(task("classification", classes=("a", "b"))),
    "regression": lambda: Regression(task("regression", quantities=("volume",))),
    "detection": lambda: Detection(task("detection", classes=("ball",))),
    "anomaly": lambda: Anomaly(task("anomaly", classes=(NORMAL, ABNORMAL))),
}


@pytest.mark.parametrize("kind", KINDS)
def test_kinds__every_one_can_be_pooled(kind):
    assert pooling_of(KINDS[kind]()).name == kind


def test_kinds__one_from_outside_need_not():
    with pytest.raises(UsageError, match="cannot be pooled"):
        pooling_of(object())


def test_masks__kept_in_steps_and_pooled_to_the_most_probable(tmp_path):
    kind = KINDS["segmentation"]()
    chances = np.random.default_rng(0).dirichlet([1, 1, 1], (2, 4, 5, 6)).transpose(0, 4, 1, 2, 3)
    grid = Grid((4, 5, 6), AFFINE)
    said = [ProbabilityMaps(np.rint(one * STEPS).astype(np.uint16), grid) for one in chances]
    kind.keep_opinion(tmp_path / kind.opinion_file(CASE), said[0])
    again = kind.kept_opinion(tmp_path / "a.npz")
    assert np.array_equal(again.steps, said[0].steps) and again.grid.same_space(grid)
    assert np.abs(again.maps - chances[0]).max() <= 0.5 / STEPS + 1e-7
    pooled = kind.pool(said, [1.0, 3.0])
    wanted = 0.25 * said[0].maps + 0.75 * said[1].maps
    assert np.array_equal(pooled.voxels[0], wanted.argmax(0)) and pooled.grid.same_space(grid)
    (tmp_path / "b.npz").write_bytes(b"cut")
    with pytest.raises(InputError):
        kind.kept_opinion(tmp_path / "b.npz")


def test_masks__ballots_are_dice_against_the_label(tmp_path):
    kind = KINDS["segmentation"]()
    label = np.random.default_rng(1).integers(0, 3, (6, 6, 6)).astype(np.uint8)
    case = made_case("a", label=write_nifti(tmp_path / "label.nii.gz", label))
    right = np.stack([(label == k) * STEPS for k in range(3)]).astype(np.uint16)
    grid = Grid((6, 6, 6), AFFINE)
    said = [ProbabilityMaps(right, grid), ProbabilityMaps(np.roll(right, 1, axis=0), grid)]
    held = kind.ballots([case], lambda case: said)
    assert held.score(np.array([1.0, 0.0]), np.array([0])) == pytest.approx(1.0)
    assert held.score(np.array([0.0, 1.0]), np.array([0])) == pytest.approx(0.0)
    assert held.score(np.array([2.0, 1.0]), np.array([0])) == pytest.approx(1.0)


def test_numbers__are_weighted_means(tmp_path):
    kind = KINDS["regression"]()
    assert kind.pool([np.array([1.0]), np.array([4.0])], [2.0, 1.0]).tolist() == [2.0]
    cases = [
        made_case(name, target=Quantities(numbers=(value,))) for name, value in (("a", 1.0), ("b", 3.0), ("c", 5.0))
    ]
    held = kind.ballots(cases, lambda case: [np.array([case.target.numbers[0]]), np.array([3.0])])
    assert held.score(np.array([1.0, 0.0]), np.arange(3)) == pytest.approx(1.0)
    assert held.score(np.array([0.0, 1.0]), np.arange(3)) == pytest.approx(0.0)
    kind.keep_opinion(tmp_path / kind.opinion_file(CASE), np.array([2.5]))
    assert kind.kept_opinion(tmp_path / "a.json").tolist() == [2.5]


def cube(start, score):
    corners = np.array([[[start, start, 0.0], [start + 8, start + 8, 1.0]]])
    return BoxAnswer(Detections(corners, np.array([score]), np.zeros(1, dtype=np.int64)), (1.0, 1.0, 1.0), "px")


def test_boxes__are_fused_by_weight_and_ranked_by_precision():
    kind = KINDS["detection"]()
    both = kind.pool([cube(0.0, 0.8), cube(0.0, 0.4)], [3.0, 1.0])
    assert both.found.scores.tolist() == pytest.approx([0.7]) and len(both.found) == 1
    assert kind.pool([cube(0.0, 0.8)], [5.0]).found.scores.tolist() == [0.8]
    apart = kind.pool([cube(0.0, 0.8), cube(40.0, 0.8)], [1.0, 1.0])
    assert apart.found.scores.tolist() == pytest.approx([0.4, 0.4])
    true = Boxes(boxes=(Box(name="ball", start=(0.0, 0.0), end=(8.0, 8.0)),))
    cases = [made_case(name, target=true) for name in "ab"]
    held = kind.ballots(cases, lambda case: [cube(0.0, 0.9), cube(40.0, 0.5)])
    assert held.score(np.array([1.0, 0.0]), np.arange(2)) == pytest.approx(1.0)
    assert held.score(np.array([0.0, 1.0]), np.arange(2)) == pytest.approx(0.0)


def test_anomaly__scores_and_places_are_means():
    kind, grid = KINDS["anomaly"](), Grid((2, 2, 1), AFFINE)

    def answer(score, grades):
        return AnomalyAnswer(np.array([1 - score, score]), Volume(np.array(grades, np.uint8).reshape(1, 2, 2, 1), grid))

    both = kind.pool([answer(0.8, [128, 130, 0, 0]), answer(0.2, [128, 128, 255, 4])], [1.0, 1.0])
    assert both.score == pytest.approx(0.5) and both.mask.ravel().tolist() == [False, True, False, False]
    assert both.grades.voxels.ravel().tolist() == [128, 129, 128, 2]

"""Classes, labels and grades as a network learns them."""

import json
import math
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
import torch

from made_folders import made_case
from scanwright.dataset.cases import Classes
from scanwright.dataset.task import Channel, Task
from scanwright.errors import InputError
from scanwright.evaluation.calibration.calibration import Calibration
from scanwright.evaluation.cases.judged import ClassifiedCase
from scanwright.evaluation.cases.rare import absent_text, rare_text
from scanwright.files import read_json, write_json
from scanwright.problem.classes import told as class_told
from scanwright.problem.classes.decisions import Decision
from scanwright.problem.classification import LOSSES, Classification
from scanwright.report.content import ReportContent
from scanwright.report.page import build

PLATT = Calibration(kind="platt", slopes=(0.7,), offsets=(-0.3,))
LABELS_PLATT = Calibration(kind="platt", slopes=(0.7, 1.5, 1.0), offsets=(0.1, -0.2, -0.4))
CHOICES = ("one", "several", "ordered")


def task(choice="one", classes=("a", "b", "c")):
    channels = (Channel(name="X", modality="xray"),)
    return Task(name="t", kind="classification", classes=classes, choice=choice, channels=channels)


def right(choice, target, *, sure=12.0):
    """Logits that say the target for certain."""
    if choice == "ordered":
        return torch.tensor([[sure if k < int(row.argmax()) else -sure for k in range(2)] for row in target])
    return sure * (2 * target - 1)


@pytest.mark.parametrize("choice", CHOICES)
def test_loss__falls_to_what_smoothing_leaves_and_is_large_for_the_wrong(choice):
    problem = Classification(task(choice))
    target = torch.eye(3)
    names = problem.losses[:1] if choice == "ordered" else problem.losses  # the outputs of each ordered loss differ
    for name in names:
        assert float(problem.loss([right(choice, target)], target, name=name)) < 1e-3
        assert float(problem.loss([-right(choice, target)], target, name=name)) > 1
    smoothed = Classification(task(choice), smoothing=0.1)
    assert float(smoothed.loss([right(choice, target)], target)) > 0.1


@pytest.mark.parametrize("choice", CHOICES)
def test_loss__what_is_not_known_counts_for_nothing(choice):
    problem = Classification(task(choice))
    unknown = torch.full((2, 3), torch.nan)
    logits = torch.zeros(2, problem.outputs, requires_grad=True)
    loss = problem.loss([logits], unknown)
    loss.backward()
    assert float(loss.detach()) == 0 and torch.count_nonzero(logits.grad) == 0
    assert np.isnan(problem.encode(None)).all() and np.isnan(problem.encode(None)).shape == (3,)


@pytest.mark.parametrize("choice", CHOICES)
def test_probabilities__and_the_decision(choice):
    problem = Classification(task(choice))
    target = torch.eye(3)
    chances = problem.probabilities(right(choice, target))
    assert chances.shape == (3, 3) and torch.allclose(chances, target, atol=1e-3)
    if choice != "several":
        assert torch.allclose(problem.probabilities(torch.randn(5, problem.outputs)).sum(1), torch.ones(5), atol=1e-5)
    (decided,) = {str(problem.decode(iter(row.numpy())).tolist()) for row in chances[1:2]}
    assert decided == ("[0, 1, 0]" if choice == "several" else "1")


def test_probabilities__of_grades_follow_the_planned_loss():
    logits = torch.randn(4, 2)
    ways = [Classification(task("ordered"), loss=name).probabilities(logits) for name in LOSSES["ordered"]]
    assert not torch.allclose(*ways)


def test_agreement__is_the_sensitivity_of_each_class():
    problem = Classification(task())
    target = torch.eye(3)[[0, 0, 1, 2]]
    logits = 5 * torch.eye(3)[[0, 1, 1, 2]]
    assert problem.agreement(logits, target).tolist() == [[1, 2], [1, 1], [1, 1]]


def test_encode__classes_by_name():
    problem = Classification(task("several"))
    assert problem.encode(Classes(names=("a", "c"))).tolist() == [1, 0, 1]
    assert problem.encode(Classes(names=())).tolist() == [0, 0, 0]
    partly = problem.encode(Classes(names=("a",), unknown=("b",)))
    assert np.isnan(partly).tolist() == [False, True, False] and partly[[0, 2]].tolist() == [1, 0]


def test_row__what_is_not_known_of_a_case_is_not_judged():
    problem = Classification(task("several"))
    case = made_case("p", label=None, target=Classes(names=("a",), unknown=("b",)))
    row = problem.row(case, np.array([0.9, 0.8, 0.7]), fold=None)
    assert row.truth == (True, None, False)
    assert class_told.named(row.truth, problem.task) == "a (not known: b)"
    summary = problem.summary([row, replace(row, case="q", patient="q", truth=(False, True, False))], [], seed=0)
    assert [block["sensitivity"]["n_defined"] for block in summary["by_class"].values()] == [1, 1, 0]


def test_doubts__of_what_is_close():
    problem = Classification(task())
    assert problem.doubts(np.array([0.1, 0.5, 0.4], dtype=np.float32)) == (
        "c (0.40) is nearly as probable as b (0.50)",
    )
    assert problem.doubts(np.array([0.1, 0.7, 0.2], dtype=np.float32)) == ()
    labels = Classification(task("several"))
    assert labels.doubts(np.array([0.1, 0.55, 0.9], dtype=np.float32)) == (
        "b 0.55 is near 0.5, from which on it is told",
    )


def test_decided__what_is_found_doubted_and_explained_is_by_the_threshold():
    """The more probable class is not the one that is told; doubts and the explanation are about what is told."""
    problem = Classification(task(classes=("benign", "malignant")), decision=Decision(thresholds=(0.058,)))
    answer = np.array([0.916, 0.084], dtype=np.float32)
    found = problem.found(answer)
    assert found["decision"] == "malignant" and found["thresholds"] == {"malignant": 0.058}
    assert problem.explained(answer) == (1,)
    assert problem.doubts(answer) == ("malignant 0.084 is near 0.058, from which on it is told",)
    assert problem.doubts(np.array([0.5, 0.5], dtype=np.float32)) == ()
    plain = Classification(task(classes=("benign", "malignant")))
    assert plain.explained(answer) == (0,) and plain.found(answer)["thresholds"] == {"malignant": 0.5}
    labels = Classification(task("several"), decision=Decision(thresholds=(0.9, 0.2, 0.3)))
    assert labels.explained(np.array([0.8, 0.25, 0.7])) == (2, 1)  # those that are told, the most probable first
    assert labels.explained(np.array([0.8, 0.1, 0.1])) == (0,)
    assert Classification(task()).found(np.array([0.1, 0.7, 0.2])).keys() == {"probabilities", "decision"}


@pytest.mark.parametrize(
    ("choice", "thresholds", "said"),
    [
        ("one", (), "The most probable class is told."),
        ("ordered", (), "The most probable grade is told."),
        ("several", (0.5, 0.5, 0.5), "Told is a from 0.5 on, b from 0.5 on, c from 0.5 on."),
        ("several", (0.2, 0.5, 0.7), "each fold is decided by those chosen on the other folds."),
    ],
)
def test_how_decided__says_what_was_done_and_nothing_else(choice, thresholds, said):
    rows = [ClassifiedCase(case="a", patient="a", fold=0, probabilities=(1.0, 0.0, 0.0), truth=0, decision=0)]
    told = Classification(task(choice), decision=Decision(thresholds=thresholds)).how_decided(rows)
    assert told.startswith("Probabilities are as the model gives them.") and told.endswith(said)


THREE = (0.42, 0.4, 0.18)
DECIDED = (
    ("one", ("benign", "malignant"), Decision(thresholds=(0.3,), calibration=PLATT), (0.6, 0.4)),
    ("one", ("a", "b", "c"), Decision(calibration=Calibration(kind="temperature", slopes=(2.0,))), THREE),
    ("ordered", ("0", "1", "2"), Decision(calibration=Calibration(kind="temperature", slopes=(0.5,))), THREE),
    ("several", ("a", "b", "c"), Decision(thresholds=(0.2, 0.9, 0.1), calibration=LABELS_PLATT), THREE),
)


@pytest.mark.parametrize(("choice", "classes", "decision", "numbers"), DECIDED)
def test_judged__what_a_file_tells_and_not_the_answer_before_calibration(choice, classes, decision, numbers, tmp_path):
    problem = Classification(task(choice, classes), decision=decision)
    case, answer = made_case("c", target=Classes(names=classes[:1])), np.array(numbers, dtype=np.float32)
    problem.write(tmp_path / "c.json", answer)
    write_json(tmp_path / "c.json", read_json(tmp_path / "c.json") | problem.found(answer))
    row, right = Classification(problem.task).judged(case, tmp_path / "c.json"), problem.row(case, answer, fold=None)
    assert row.decision == right.decision and row.truth == right.truth
    assert row.probabilities == pytest.approx(right.probabilities, abs=1e-8)
    assert row.probabilities != pytest.approx(numbers, abs=0.01)


def test_judged__an_answer_alone_is_decided_by_the_problem(tmp_path):
    problem = Classification(task(classes=("benign", "malignant")))
    problem.write(tmp_path / "c.json", np.array([0.4, 0.6], dtype=np.float32))
    row = problem.judged(made_case("c", target=Classes(names=("benign",))), tmp_path / "c.json")
    assert row.decision == 1 and row.probabilities == pytest.approx((0.4, 0.6))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"decision": "d"}, "none of the classes"),
        ({"decision": None}, "none of the classes"),
        ({"decision": ["a"]}, "none of the classes"),
        ({"probabilities": {"a": 0.5, "b": 0.5}}, "not an answer"),
        ({"probabilities": {"a": "x", "b": 0.5, "c": 0.1}}, "not an answer"),
        ({"probabilities": {"a": 1.5, "b": 0.5, "c": 0.1}}, "outside 0 to 1"),
        ({"probabilities": {"a": math.nan, "b": 0.5, "c": 0.1}}, "outside 0 to 1"),
    ],
)
def test_judged__what_is_no_answer_is_refused(changed, words, tmp_path):
    told = {"probabilities": {"a": 0.5, "b": 0.3, "c": 0.2}, "decision": "a"} | changed
    (tmp_path / "c.json").write_text(json.dumps(told))
    with pytest.raises(InputError, match=words) as caught:
        Classification(task()).judged(made_case("c", target=Classes(names=("a",))), tmp_path / "c.json")
    assert caught.value.where == tmp_path / "c.json"


def test_summary__says_of_which_classes_there_are_few():
    def row(place, truth):
        return ClassifiedCase(
            case=f"c{place}", patient=f"p{place}", fold=place % 2, probabilities=THREE, truth=truth, decision=0
        )

    problem = Classification(task())
    rows = [row(place, truth) for place, truth in enumerate([0] * 6 + [1] * 6 + [2])]
    more = [row(place, 2) for place in range(20, 24)]
    found = problem.summary(rows, rows[:12], seed=0)
    assert found["caveats"] == [rare_text({"c": 1})] and found["test"]["caveats"] == [absent_text(["c"])]
    assert "caveats" not in problem.summary([*rows, *more], [], seed=0)


def test_results__say_which_of_two_classes_is_positive():
    """Sensitivity of both together is that of one of them."""
    rows = [
        ClassifiedCase(
            case=f"c{place}", patient=f"p{place}", fold=0, groups={"site": "AB"[place // 6]}, probabilities=(0.4, 0.6),
            truth=place % 2, decision=1,
        )
        for place in range(12)
    ]  # fmt: skip
    for classes, positive, parts in ((("well", "ill"), "ill", {""}), (("a", "b", "c"), "", {"", "a", "b", "c"})):
        problem = Classification(task(classes=classes))
        chances = (0.4, 0.6, 0.0)[: len(classes)]
        own = [replace(row, probabilities=chances) for row in rows]
        (shown,) = problem.results("C", problem.summary(own, [], seed=0), own, facts={}, unit="px", note="")
        assert shown.positive == positive and {row.part for row in shown.groups} == parts
        page = build(ReportContent(title="T", created=datetime(2026, 1, 2, tzinfo=UTC), results=(shown,)))
        assert ("ill is positive" in page) == bool(positive)

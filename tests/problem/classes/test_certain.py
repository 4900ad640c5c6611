"""How sure a classifier is: fitted out of fold, kept, told of a case, declined, and judged on cases that had no part in it."""

import json
from dataclasses import replace

import numpy as np
import pytest

from plan_samples import PICTURES, planned
from scanwright.dataset.task import Channel, Task
from scanwright.errors import IntegrityError
from scanwright.evaluation.calibration.calibration import Calibration
from scanwright.evaluation.cases.judged import ClassifiedCase
from scanwright.problem.certain import CERTAINTY
from scanwright.problem.certain_told import certainty_figures, certainty_part
from scanwright.problem.classes.certain import certainty_from_json, fit_certainty
from scanwright.problem.classes.decisions import Decision
from scanwright.problem.classification import Classification

SHIFT = Calibration(kind="platt", slopes=(1.0,), offsets=(0.5,))
PLAN = planned(PICTURES, steps=1)
KINDS = [("one", ("n", "p")), ("one", ("a", "b", "c")), ("ordered", ("0", "1", "2")), ("several", ("x", "y", "z"))]


def plan(**changes):
    return PLAN.model_copy(update={"inference": PLAN.inference.model_copy(update=changes)})


def problem(choice, classes):
    return Classification(
        Task(
            name="t",
            kind="classification",
            channels=(Channel(name="image", modality="xray"),),
            classes=classes,
            choice=choice,
        )
    )


def rows(choice, classes, *, number=500, folds=5, seed=0, sharpen=3.0, first=0):
    """Cases of a model that is too sure; of labels a tenth is not known."""
    rng = np.random.default_rng(seed)
    z = rng.normal(0, 1.5, (number, len(classes)))
    found = []
    for k, of in enumerate(z):
        if choice == "several":
            chances = 1 / (1 + np.exp(-sharpen * of))
            right = rng.random(len(of)) < 1 / (1 + np.exp(-of))
            truth = tuple(None if rng.random() < 0.1 else bool(one) for one in right)
            decision = tuple(bool(one) for one in chances >= 0.5)
        else:
            true, said = (np.exp(power * of - (power * of).max()) for power in (1, sharpen))
            truth, chances = int(rng.choice(len(of), p=true / true.sum())), said / said.sum()
            decision = int(chances.argmax())
        found.append(
            ClassifiedCase(
                case=f"c{first + k}",
                patient=f"p{first + k}",
                fold=k % folds if folds else None,
                groups={"site": "ab"[k % 2]},
                probabilities=tuple(float(one) for one in chances),
                truth=truth,
                decision=decision,
            )
        )
    return found


def fitted(choice, classes, **changes):
    """The problem as a package has it, its out-of-fold rows as they are told, and what metrics.json says."""
    kind, raw, how = problem(choice, classes), rows(choice, classes), plan(**changes)
    told, _, chosen = kind.settle(raw, [], how)
    metrics, kept = kind.certainty(told, raw, how, {})
    return kind.settled(chosen).assured(json.loads(json.dumps(kept))), told, metrics


@pytest.mark.parametrize(("choice", "classes"), KINDS)
def test_certainty__holds_out_of_fold_and_on_other_cases(choice, classes):
    kind, _, metrics = fitted(choice, classes)
    raw = rows(choice, classes, folds=0, seed=1, number=400, first=1000)
    told = [replace(row, **as_told(kind, row)) for row in raw]
    for block in (metrics, kind.certainty_on(told, raw, {})):
        held = block["calibration"]
        assert held["after"]["ece"] < 0.6 * held["before"]["ece"]
        assert held["gain"]["log_loss"]["ci95"][0] > 0
        sets = block["sets"]
        assert sets["stated"] == 0.9 and 0.86 < sets["coverage"]["mean"] < 0.95
        assert set(sets["by_class"]) == set(classes) and 1 <= sets["size"] < len(classes)
        if choice != "several":
            assert sets["band"][0] < sets["coverage"]["mean"] < sets["band"][1]
            assert {one["n"] for one in sets["by_group"]["site"].values()} in ({250}, {200})
        surest = block["selective"]["surest"]
        assert [one["asked"] for one in surest] == [0.5, 0.8, 0.9, 1.0]
        assert surest[0]["error"]["mean"] < surest[-1]["error"]["mean"]
        assert block["selective"]["finds_errors"]["confidence"] > 0.55
        assert "declined" not in block
        part = certainty_part({CERTAINTY: block})
        assert "held it in" in part.sentences[0] and len(part.tables) == 3
        assert len(certainty_figures({CERTAINTY: block}, asked="x")) == 2


def as_told(kind, row):
    calibrated = kind.decision.calibrated(np.array(row.probabilities))
    return {
        "probabilities": tuple(calibrated.tolist()),
        "decision": kind.decision.decide(calibrated, kind.task.choice),
    }


@pytest.mark.parametrize(("choice", "classes"), KINDS)
def test_risk__is_kept_on_other_cases_and_a_declined_answer_is_not_told(choice, classes):
    at = 0.12 if choice in ("one", "ordered") else 0.2
    kind, _, metrics = fitted(choice, classes, risk=at)
    declined = metrics["declined"]
    assert 0 < declined["threshold"] < 1 and 0 < declined["declined"] < 500
    assert declined["error"]["mean"] < metrics["selective"]["surest"][-1]["error"]["mean"]
    raw = rows(choice, classes, folds=0, seed=1, number=600, first=1000)
    other = kind.certainty_on([replace(row, **as_told(kind, row)) for row in raw], raw, {})["declined"]
    assert other["error"]["mean"] < at + 0.06 and other["threshold"] == declined["threshold"]
    unsure = np.full(len(classes), 0.5 if choice == "several" else 1 / len(classes))
    sure = np.array([0.001] * (len(classes) - 1) + [0.998 if choice != "several" else 0.001])
    found = kind.found(unsure)
    assert found["decision"] is None and found["declined"]["code"] == "not-sure-enough"
    assert [one.code for one in kind.doubts(unsure)] == ["not-sure-enough"]
    assert kind.line(found).startswith("not sure enough") and kind.told(unsure)[""] == "–"
    assert "declined" not in kind.found(sure) and kind.found(sure)["decision"] is not None
    assert "are declined" in " ".join(certainty_part({CERTAINTY: metrics}).sentences)


def test_risk__that_cannot_be_kept_declines_everything():
    kind, _, metrics = fitted("one", ("n", "p"), risk=0.0001)
    assert metrics["declined"]["threshold"] is None and metrics["declined"]["declined"] == 500
    assert kind.doubts(np.array([0.0001, 0.9999]))[0].code == "never-sure-enough"
    assert "all are declined" in " ".join(certainty_part({CERTAINTY: metrics}).sentences)


def test_no_fold_has_a_say_in_its_own():
    """Lies of one fold change what is said of the others, and not whether its own sets hold the class that is told."""
    kind, raw = problem("one", ("a", "b", "c")), rows("one", ("a", "b", "c"), number=200)
    told = kind.settle(raw, [], PLAN)[0]
    lies = [replace(row, truth=(row.truth + 1) % 3) if row.fold == 0 else row for row in raw]
    again = kind.settle(lies, [], PLAN)[0]
    assert [a.probabilities == b.probabilities for a, b in zip(told, again, strict=True)] == [
        row.fold == 0 for row in raw
    ]


def test_one_fold__nothing_is_fitted():
    kind, raw = problem("one", ("n", "p")), rows("one", ("n", "p"), folds=1, number=40)
    assert kind.certainty(raw, raw, PLAN, {}) == ({}, None)
    alone = kind.assured(None)
    assert "set" not in alone.certain(np.array([0.2, 0.8]), None).found
    assert alone.certainty_on(raw, raw, {}).keys() == {"calibration", "selective"}


def test_certain__tells_of_a_case_how_its_opinions_differ():
    kind, _, _ = fitted("one", ("a", "b", "c"))
    answer = np.array([0.6, 0.3, 0.1])
    one = np.array([[[0.9, 0.05, 0.05]]] * 3 + [[[0.1, 0.8, 0.1]]] * 2, dtype=np.float32)
    certain = kind.certain(answer, one)
    assert certain.found["opinions"] == 5 and certain.found["disagreement"] == 0.4
    assert 0 < certain.found["mutual_information"] < certain.found["entropy"] <= 1
    assert certain.found["set"]["coverage"] == 0.9 and "a" in certain.found["set"]["classes"]
    assert certain.said[0].code == "set-of-classes" and certain.to_json()[CERTAINTY] == certain.found
    assert [(one.code, one.values["number"]) for one in certain.doubts] == [("opinions-differ", 2)]
    assert "90 % set: " in kind.line(kind.found(answer) | certain.to_json())
    near = np.array([0.505, 0.495])  # what decides is a threshold on calibrated probabilities
    shifted = problem("one", ("n", "p"))._with(decision=Decision(calibration=SHIFT))
    opinions = np.array([[[0.48, 0.52]], [[0.53, 0.47]]], dtype=np.float32)
    assert shifted.found(near)["decision"] == "p" and shifted.certain(near, opinions).found["disagreement"] == 0
    alike = kind.certain(answer, np.repeat(answer[None, None], 5, axis=0))
    assert not alike.doubts
    assert alike.found["mutual_information"] == pytest.approx(0, abs=1e-6) and alike.found["disagreement"] == 0


def test_by_class__each_class_is_held():
    _, _, together = fitted("one", ("n", "p"))
    _, _, apart = fitted("one", ("n", "p"), by_class=True, coverage=0.8)
    assert apart["sets"]["stated"] == 0.8 and together["sets"]["stated"] == 0.9
    assert all(abs(one["mean"] - 0.8) < 0.08 for one in apart["sets"]["by_class"].values())


def test_less_than_stated__is_said_of_a_class_and_of_a_group():
    """A rare class that the model hardly knows, and a site whose truth is turned round."""
    rng = np.random.default_rng(0)
    raw = []
    for k in range(600):
        truth = int(rng.random() < 0.15)
        chance = float(np.clip(rng.normal(0.15 + 0.1 * truth, 0.08), 0.01, 0.99))
        site = "b" if k % 10 == 0 else "a"
        raw.append(
            ClassifiedCase(
                case=f"c{k}",
                patient=f"p{k}",
                fold=k % 3,
                groups={"site": site},
                probabilities=(1 - chance, chance),
                truth=1 - truth if site == "b" else truth,
                decision=0,
            )
        )
    kind = problem("one", ("n", "p"))
    told = kind.settle(raw, [], PLAN)[0]
    text = " ".join(certainty_part({CERTAINTY: kind.certainty(told, raw, PLAN, {})[0]}).sentences)
    assert "Of cases of p sets hold the truth less often" in text and "inference.by_class=true" in text
    assert "where site = b" in text and "site = a" not in text


def test_kept__reads_as_it_was_written_and_refuses_other_things():
    told = fitted("several", ("x", "y", "z"), risk=0.3)[1]
    first = fit_certainty(told, plan(risk=0.3).inference, problem("several", ("x", "y", "z")).task)
    again = certainty_from_json(json.loads(json.dumps(first.to_json())))
    assert again.to_json() == first.to_json() and len(again.questions) == 3
    assert certainty_from_json({"intervals": {}}) is None
    with pytest.raises(IntegrityError, match=r"confidence\.json"):
        certainty_from_json({"sets": {"coverage": 0.9}})

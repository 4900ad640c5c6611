"""What is chosen on out-of-fold answers, and that no case has a say in its own decision."""

import numpy as np
import pytest

from plan_samples import PICTURES, planned
from scanwright.errors import IntegrityError
from scanwright.evaluation.cases.judged import ClassifiedCase
from scanwright.problem.classes.decisions import PLAIN, Decision, decision_from_json, settle

INFERENCE = planned(PICTURES, steps=1).inference


def rows(*, folds=2, each=20, shift=0.0, seed=0):
    """Cases whose probabilities are too low by `shift` in log-odds."""
    rng = np.random.default_rng(seed)
    found = []
    for number in range(folds * each):
        truth = number % 2
        chance = 1 / (1 + np.exp(-(rng.normal(3.0 * truth - 1.5) - shift)))
        found.append(
            ClassifiedCase(
                case=f"c{number}",
                patient=f"p{number}",
                fold=number // 2 % folds,
                probabilities=(1 - chance, chance),
                truth=truth,
                decision=int(chance > 0.5),
            )
        )
    return found


def accuracy(of):
    return np.mean([row.truth == row.decision for row in of])


def test_settle__a_shift_of_all_probabilities_is_mended_on_other_folds():
    off = rows(shift=3.0)
    decided, tested, chosen = settle(off, off[:10], INFERENCE, "one")
    assert accuracy(off) < 0.7 < 0.85 < accuracy(decided)
    assert chosen.calibration is not None and chosen.calibration.offsets[0] > 1
    assert [row.case for row in tested] == [row.case for row in off[:10]] and accuracy(tested) > 0.7


def test_settle__a_case_has_no_say_in_its_own_decision():
    judged = rows()
    first = settle(judged, [], INFERENCE, "one")[0]
    turned = [row if row.fold else ClassifiedCase(**{**vars_of(row), "truth": 1 - row.truth}) for row in judged]
    again = settle(turned, [], INFERENCE, "one")[0]
    same = [(a.probabilities, a.decision) == (b.probabilities, b.decision) for a, b in zip(first, again, strict=True)]
    own = [row.fold == 0 for row in judged]
    assert same == own  # fold 0 is decided by fold 1, whose truth stayed


def vars_of(row):
    return {name: getattr(row, name) for name in row.__slots__}


def test_settle__with_one_fold_nothing_is_chosen():
    judged = rows(folds=1)
    decided, _, chosen = settle(judged, [], INFERENCE, "one")
    assert decided == judged and chosen == PLAIN


@pytest.mark.parametrize("kept", [0.8, 0.95])
def test_settle__a_sensitivity_that_is_to_be_kept(kept):
    plan = INFERENCE.model_copy(update={"decide": "sensitivity", "decide_at": kept})
    decided, _, chosen = settle(rows(each=200), [], plan, "one")
    positive = [row for row in decided if row.truth == 1]
    assert np.mean([row.decision for row in positive]) == pytest.approx(kept, abs=0.06)
    assert len(chosen.thresholds) == 1 and chosen.thresholds[0] != 0.5


def test_decision__to_json_and_back():
    chosen = settle(rows(), [], INFERENCE, "one")[2]
    again = decision_from_json(chosen.to_json())
    chances = np.array([0.3, 0.7])
    assert again == chosen and np.array_equal(again.calibrated(chances), chosen.calibrated(chances))


@pytest.mark.parametrize("data", [None, {}, {"calibration": None, "thresholds": []}, {"calibration": {"kind": "x"}}])
def test_decision__what_is_none_is_refused(data):
    with pytest.raises(IntegrityError, match="not a decision"):
        decision_from_json(data)


def test_decide__labels_each_by_its_own_threshold():
    decision = Decision(thresholds=(0.2, 0.9))
    assert decision.decide(np.array([0.3, 0.8]), "several") == (True, False)
    assert PLAIN.decide(np.array([0.3, 0.8]), "several") == (False, True)
    assert PLAIN.decide(np.array([0.2, 0.5, 0.3]), "ordered") == 1

"""Greedy selection: against the published procedure written out, and judged on folds that had no part in it."""

from dataclasses import dataclass

import numpy as np
import pytest

from scanwright.errors import UsageError
from scanwright.evaluation.members.ballots import NumberBallots
from scanwright.evaluation.members.selection import cross_fitted, select


@dataclass
class Table:
    """Scores by the counts that were taken so far."""

    worth: dict[tuple[int, ...], float | None]
    num_members: int
    num_cases: int = 4

    def score(self, weights, places):
        return self.worth.get(tuple(int(one) for one in weights), 0.0)


def test_select__the_best_first_then_what_helps_and_the_best_of_all_rounds():
    table = Table({(1, 0): 0.6, (0, 1): 0.7, (1, 1): 0.9, (0, 2): 0.7, (2, 1): 0.8, (1, 2): 0.85}, 2)
    found = select(table)
    assert found.counts == (1, 1) and found.score == 0.9 and found.weights.tolist() == [0.5, 0.5]


def test_select__a_member_may_be_taken_again():
    table = Table({(1, 0): 0.7, (0, 1): 0.6, (1, 1): 0.8, (2, 1): 0.9, (1, 2): 0.7, (2, 0): 0.7}, 2)
    assert select(table).counts == (2, 1)


def test_select__of_equal_members_the_cheaper_and_no_more_than_needed():
    table = Table({(1, 0): 0.8, (0, 1): 0.8, (1, 1): 0.8, (2, 0): 0.8, (0, 2): 0.8}, 2)
    assert select(table).counts == (1, 0)
    assert select(table, costs=[5.0, 1.0]).counts == (0, 1)


def test_select__scores_that_are_not_defined_are_worse_than_any():
    assert select(Table({(1, 0): None, (0, 1): 0.1}, 2)).counts == (0, 1)
    nothing = Table(dict.fromkeys([(a, b) for a in range(20) for b in range(20)]), 2)
    assert select(nothing).score is None and sum(select(nothing).counts) == 1


def test_select__nothing_to_choose_from():
    with pytest.raises(UsageError):
        select(Table({}, 0))
    with pytest.raises(UsageError):
        select(Table({}, 2), np.array([], dtype=int))


def numbers(*, cases: int = 60, seed: int = 0) -> NumberBallots:
    """Three noisy members of which two complement each other, and one that is wrong."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(0, 1, (cases, 1))
    noise = rng.normal(0, 1, (cases, 1))
    return NumberBallots(np.stack([truth + noise, truth - noise, -truth]), truth)


def test_select__finds_members_that_cancel_each_others_errors():
    found = select(numbers())
    assert found.counts == (1, 1, 0) and found.score == pytest.approx(1.0)


def test_select__is_the_procedure_of_the_source():
    """Written out: forward steps with replacement from nothing, the best of all rounds."""
    rng = np.random.default_rng(4)
    truth = rng.normal(0, 1, (50, 1))
    held = NumberBallots(truth + rng.normal(0, [[[0.6]], [[0.7]], [[0.9]], [[1.4]]], (4, 50, 1)), truth)

    def worth(counts):
        pooled = np.tensordot(np.array(counts) / sum(counts), held.values, axes=1)
        return 1 - ((pooled - truth) ** 2).sum() / ((truth - truth.mean()) ** 2).sum()

    counts, path = np.zeros(4), []
    for _ in range(15):
        step = max(range(4), key=lambda k: worth(counts + np.eye(4)[k]))
        counts = counts + np.eye(4)[step]
        path.append((worth(counts), tuple(counts.astype(int))))
    found = select(held)
    assert found.counts == max(path)[1] and found.score == pytest.approx(max(path)[0])


def test_cross_fitted__no_case_has_a_part_in_the_choice_for_its_fold():
    held = numbers()
    folds = [k % 3 for k in range(60)]
    before = cross_fitted(held, folds)
    own = np.flatnonzero(np.array(folds) == 1)
    held.values[0, own] = 1e6  # whatever stands in fold 1, what is chosen for it stays
    after = cross_fitted(held, folds)
    assert before.by_fold[1] == after.by_fold[1] and before.by_fold[0] != after.by_fold[0]
    assert set(after.by_fold) == {0, 1, 2}


def test_cross_fitted__one_fold_chooses_nothing():
    with pytest.raises(UsageError, match="folds"):
        cross_fitted(numbers(), [0] * 60)

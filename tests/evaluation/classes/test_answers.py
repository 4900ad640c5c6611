"""Answers of a classifier: what they hold, and what is refused."""

import numpy as np
import pytest

from classified_samples import made_answers
from scanwright.errors import UsageError
from scanwright.evaluation.classes.answers import Answers


def test_view__one_class_against_the_rest():
    answers = made_answers(30, 3)
    view = answers.view(2)
    assert np.array_equal(view.positive, answers.truth == 2) and np.array_equal(view.decided, answers.decisions == 2)
    assert np.array_equal(view.scores, answers.probabilities[:, 2]) and view.is_ranked
    assert view.fewest_patients == min(view.positive.sum(), (~view.positive).sum())


def test_view__of_a_label_has_the_cases_that_are_known():
    known = np.array([[True, False], [True, True], [False, True]])
    answers = Answers.of(np.full((3, 2), 0.5), np.eye(3, 2), np.eye(3, 2), "aab", choice="several", known=known)
    assert answers.view(1).owners.tolist() == [0, 1] and answers.view(1).positive.tolist() == [True, False]


def test_view__one_class_only_ranks_nothing():
    view = made_answers(10, missing=(0,)).view(1)
    assert not view.is_ranked and view.fewest_patients == 0


def test_right_share__of_cases_and_of_known_labels():
    one = Answers.of(np.eye(2), [0, 1], [0, 0], "ab")
    assert one.right_share().tolist() == [1.0, 0.0]
    known = np.array([[True, True], [True, False], [False, False]])
    several = Answers.of(np.zeros((3, 2)), np.ones((3, 2)), np.eye(3, 2), "abc", choice="several", known=known)
    found = several.right_share()
    assert found[:2].tolist() == [0.5, 0.0] and np.isnan(found[2])


def test_where__chosen_cases_with_their_patients():
    answers = made_answers(12, cases_each=3)
    chosen = answers.where(answers.owners >= 2)
    assert (len(chosen), chosen.num_patients, chosen.owners.tolist()) == (6, 2, [0, 0, 0, 1, 1, 1])
    assert np.array_equal(chosen.probabilities, answers.probabilities[6:])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (([0.5, 0.5], [1], [1], ["a"]), "column for each class"),
        (([[0.5, 0.5]], [1, 0], [1], ["a"]), "same cases"),
        (([[0.5, 0.5]], [2], [1], ["a"]), "none of the classes"),
        (([[0.5, 0.5]], [0.5], [1], ["a"]), "none of the classes"),
        (([[0.5, 0.5]], [float("nan")], [1], ["a"]), "none of the classes"),
        (([[0.5, 0.6]], [1], [1], ["a"]), "sum to 1"),
        (([[1.5, -0.5]], [1], [1], ["a"]), "outside 0 to 1"),
        (([[float("nan"), 0.5]], [1], [1], ["a"]), "outside 0 to 1"),
        (([[0.5, 0.5]], [1], [1], ["a", "b"]), "needs its patient"),
    ],
)
def test_answers__that_make_no_sense(arguments, words):
    with pytest.raises(UsageError, match=words):
        Answers.of(*arguments)


def test_answers__of_labels_that_make_no_sense():
    with pytest.raises(UsageError, match="known or not"):
        Answers.of(np.zeros((2, 2)), np.ones((2, 2)), np.ones((2, 2)), "ab", choice="several", known=np.ones((2, 3)))
    with pytest.raises(UsageError, match="same cases"):
        Answers.of(np.zeros((2, 2)), [0, 1], [0, 1], "ab", choice="several")

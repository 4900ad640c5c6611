"""Models that give all cases nearly the same probabilities."""

import numpy as np
import pytest

from scanwright.evaluation.cases.judged import ClassifiedCase
from scanwright.evaluation.cases.level import level_columns, level_folds, level_text


def rows(chances, fold=0):
    return [
        ClassifiedCase(case=f"c{k}", patient=f"p{k}", fold=fold, probabilities=(1 - p, p), truth=k % 2, decision=1)
        for k, p in enumerate(chances)
    ]


@pytest.mark.parametrize(
    ("chances", "is_level"),
    [
        ([0.6115, 0.6115, 0.6115], True),
        ([0.610, 0.613, 0.611], True),
        ([0.60, 0.63, 0.61], False),
        ([0.001, 0.002, 0.001], False),  # a rare class is improbable, and still told apart
        ([0.0, 0.0], True),
        ([0.5], False),
    ],
)
def test_level_folds(chances, is_level):
    assert level_folds(rows(chances)) == ({0: len(chances)} if is_level else {})


def test_level_folds__each_fold_by_itself_and_no_test_cases():
    told = [0.2, 0.8]
    assert level_folds([*rows(told), *rows([0.3, 0.3, 0.3], fold=2), *rows([0.5, 0.5], fold=None)]) == {2: 3}


def test_level_folds__one_class_that_is_told_apart_is_enough():
    cases = [
        ClassifiedCase(
            case=f"c{p}", patient=f"c{p}", fold=0, probabilities=(0.5, p), truth=(True, None), decision=(True, True)
        )
        for p in (0.2, 0.8)
    ]
    assert level_folds(cases) == {}


def test_level_columns__each_class_by_itself():
    assert level_columns(np.array([[0.5, 0.2], [0.51, 0.8]])).tolist() == [True, False]
    assert not level_columns(np.array([[0.5, 0.2]])).any() and not level_columns(np.zeros((0, 2))).any()


def test_level_text__names_the_fold():
    assert level_text(1, 15).startswith("The model of fold 1 hardly tells the cases apart")

"""Folds over arrays: patients whole, strata spread, everyone judged once."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanwright.errors import PolicyError, UsageError
from scanwright.features.folds import deal, require_apart, strata_of_numbers


@given(
    st.lists(st.tuples(st.integers(0, 12), st.integers(0, 3)), min_size=1, max_size=60),
    st.integers(2, 6),
    st.integers(0, 5),
)
def test_deal__patients_whole_and_everyone_judged_once(cases: list[tuple[int, int]], folds: int, seed: int) -> None:
    patients, strata = [patient for patient, _ in cases], np.array([stratum for _, stratum in cases])
    found = deal(strata, patients, folds=folds, seed=seed)
    if len(set(patients)) < 2:
        assert found == []
        return
    require_apart(found, patients)
    assert len(found) == min(folds, len(set(patients)))
    assert sorted(np.concatenate([judged for _, judged in found]).tolist()) == list(range(len(cases)))
    for learned, judged in found:
        assert sorted([*learned.tolist(), *judged.tolist()]) == list(range(len(cases)))
        assert len(judged) > 0 and len(learned) > 0


def test_deal__a_rare_class_is_in_every_fold() -> None:
    strata = np.array([1] * 5 + [0] * 95)
    for seed in range(5):
        found = deal(strata, list(range(100)), folds=5, seed=seed)
        assert [Counter(strata[judged].tolist()) for _, judged in found] == [{1: 1, 0: 19}] * 5


def test_deal__same_seed_same_folds_other_seed_others() -> None:
    strata, patients = np.arange(40) % 2, [f"p{case}" for case in range(40)]
    one, same, other = (deal(strata, patients, folds=4, seed=seed) for seed in (1, 1, 2))
    assert all(np.array_equal(a[1], b[1]) for a, b in zip(one, same, strict=True))
    assert any(not np.array_equal(a[1], b[1]) for a, b in zip(one, other, strict=True))


def test_strata_of_numbers__thirds() -> None:
    assert Counter(strata_of_numbers(np.arange(9.0)).tolist()) == {0: 3, 1: 3, 2: 3}


def test_require_apart__says_what_is_wrong() -> None:
    with pytest.raises(PolicyError, match="both sides"):
        require_apart([(np.array([0, 1]), np.array([2]))], ["a", "b", "a"])
    with pytest.raises(UsageError, match="not there"):
        require_apart([(np.array([0]), np.array([3]))], ["a", "b", "c"])
    with pytest.raises(UsageError, match="judged in two"):
        require_apart([(np.array([0]), np.array([1, 1]))], ["a", "b"])

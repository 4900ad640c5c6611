"""Shares of the training patients of each fold."""

from pathlib import Path

from scanwright.dataset.cases import Case, Classes
from scanwright.dataset.shares import share_of, share_of_splits
from scanwright.dataset.split import make_splits


def cases_of(patients=40, each=2):
    return {
        f"c{number}{letter}": Case(
            id=f"c{number}{letter}",
            images=(Path(f"c{number}{letter}.png"),),
            patient=f"P{number}",
            target=Classes(names=("rare" if number % 10 == 0 else "common",)),
        )
        for number in range(patients)
        for letter in "ab"[:each]
    }


def test_shares__are_nested_by_patient_and_by_class():
    cases = cases_of()
    owners = {name: case.patient for case in cases.values() for name in [case.id]}
    splits = make_splits(list(cases.values()), folds=4)
    given = {"cases": cases, "facts": {}, "owners": owners, "seed": 0}
    before = None
    for share in (0.125, 0.25, 0.5, 1.0):
        found = share_of_splits(splits, share, **given)
        for fold, whole in zip(found.folds, splits.folds, strict=True):
            kept = {owners[name] for name in fold.train}
            assert fold.validation == whole.validation and set(fold.train) <= set(whole.train)
            assert {name for name in whole.train if owners[name] in kept} == set(fold.train)
            assert abs(len(kept) - share * 30) <= 1.5
            assert any(cases[name].target.names == ("rare",) for name in fold.train)
        if before is not None:
            pairs = zip(before.folds, found.folds, strict=True)
            assert all(set(less.train) <= set(more.train) for less, more in pairs)
        before = found
    assert before.folds == splits.folds


def test_shares__hang_on_the_seed_and_on_the_fold():
    cases = cases_of(each=1)
    names = sorted(cases)
    given = {"cases": cases, "facts": {}, "owners": {name: cases[name].patient for name in names}}
    drawn = {share_of(names, 0.5, key=(seed, fold), **given) for seed in range(2) for fold in range(2)}
    assert len(drawn) == 4
    assert share_of(names, 0.5, key=(0, 0), **given) == share_of(names, 0.5, key=(0, 0), **given)

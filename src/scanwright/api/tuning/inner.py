"""What tuning may look at: the training part of one outer fold, with folds of its own. It sees nothing else."""

from collections import defaultdict
from dataclasses import replace

from scanwright.api.run.splitting import learnable
from scanwright.api.run.study import Material
from scanwright.dataset.split import make_splits
from scanwright.errors import InputError

INNER_FOLDS = 3


def inner_material(material: Material, *, folds: int, seed: int) -> Material:
    """The cases outside the outer fold's held-out ones and the test split, in inner folds by patient.

    Of a kind that learns from some cases only (what is normal) the others take part too, since they judge; none of them
    shares a patient with what is held out. Raises InputError for cases of fewer than two patients.
    """
    (outer,) = material.folds
    fold = material.splits.folds[outer]
    apart = {material.owners[name] for name in (*fold.validation, *material.splits.test)}
    learned = set(fold.train)
    pool = [
        case
        for case in material.dataset.train
        if case.is_labelled
        and case.id in material.checks.facts
        and (case.id in learned or (not material.problem.learns(case) and material.owners[case.id] not in apart))
    ]
    if len({material.owners[case.id] for case in pool}) < 2:
        raise InputError(
            "too few patients to tune on",
            expected="training cases of two patients beside those that are held out",
            found=f"{len(pool)} cases",
            hint="Add scans of other patients.",
        )
    together = defaultdict(list)
    for case in pool:
        together[material.owners[case.id]].append(case.id)
    made = make_splits(pool, folds=folds, seed=seed, facts=material.checks.facts, together=list(together.values()))
    splits = learnable(made, material.dataset, material.problem)
    held = {*fold.validation, *material.splits.test}
    assert not held & {name for one in splits.folds for name in (*one.train, *one.validation)}, "tuning would peek"
    return replace(material, splits=splits, folds=tuple(range(len(splits.folds))))

"""A learning curve: the model that is kept, trained again on shares of its training patients, judged on the same cases.

None of these models is kept, and nothing is chosen by them. Each takes as many steps as the one that is kept, with the same
network, patch and way to read images: what differs is how many patients it has seen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import torch

from scanwright.api.run.ablate import settings_of, steps_taken
from scanwright.api.run.folder import LEARNING_CURVE, Run
from scanwright.api.run.study import Material, Unplanned
from scanwright.api.run.trials import Tried, train_model
from scanwright.dataset.shares import share_of_splits
from scanwright.dataset.split import Fold, Splits
from scanwright.errors import InputError, UsageError
from scanwright.evaluation.cases.judged import JudgedCase
from scanwright.evaluation.intervals.bootstrap import draw_counts, percentile_interval
from scanwright.evaluation.intervals.learning_curve import Curve, Point, learning_curve
from scanwright.evaluation.intervals.statistics import MIN_PATIENTS
from scanwright.files import write_json
from scanwright.plan.ablation import Ablation
from scanwright.plan.classical_plan import ClassicalPlan
from scanwright.plan.normal_plan import NormalPlan
from scanwright.plan.settings import Settings
from scanwright.problem.kind import Kind
from scanwright.protocols import Listener, Progress
from scanwright.report.enough_section import CurvePart
from scanwright.report.notation import metric
from scanwright.runtime import Machine
from scanwright.types import Floats

LEAST, STEPS = 0.125, 3
"""The smallest share, and how many there are below all patients."""
FEWEST = 8
"""Patients of a fold's smallest share: of fewer, what is learned says more of who they are than of how many."""
SAMPLES = 1000
CLOSE = 1e-6
"""Of a headline, up to which a draw of every patient once agrees with metrics.json."""


def draw_curve(
    run: Run,
    material: Material,
    settings: Settings,
    kept: Tried,
    tried: Mapping[str, Tried],
    *,
    machine: Machine,
    device: torch.device,
    tell: Listener,
) -> CurvePart:
    """Train the kept model on each share, in parts of the run, and draw the curve; writes learning_curve.json.

    No budget counts: it takes about as long again for each share. tried: all models that were, the kept one among them.
    """
    train = partial(train_model, machine=machine, device=device, tell=tell)
    base = next(name for name, one in tried.items() if one.study is kept.study)
    again = settings_again(settings, base, kept)
    found: dict[float, Tried] = {}
    left_out = []
    shares = shares_for(fewest_patients(material.splits, material))
    if not shares:
        left_out.append(f"all shares, as a fold learns from fewer than {2 * FEWEST} patients")
    for place, share in enumerate(shares):
        splits = splits_of(material, share, seed=settings.seed)
        tell(Progress("curve", note=f"{place + 1} of {len(shares)}: {share:g} of the training patients"))
        try:
            found[share] = train(
                run.part(f"{base}-share-{share:g}"), material=replace(material, splits=splits), settings=again
            )
        except (Unplanned, InputError, UsageError) as error:
            left_out.append(f"{share:g} of the patients: {error.message}")
    curve = curve_of({**found, 1.0: kept}, material, seed=settings.seed)
    title = kept.study.plan.network.title
    part = CurvePart(metric=material.problem.primary, model=title, curve=curve, left_out=tuple(left_out))
    write_json(run.path(LEARNING_CURVE), part.to_json())
    return part


def shares_for(patients: int) -> tuple[float, ...]:
    """Three shares of so many training patients, each as far from the next as the last from 1; () of fewer than 16 patients.

    >>> shares_for(400), shares_for(27), shares_for(15)
    ((0.125, 0.25, 0.5), (0.296, 0.444, 0.667), ())
    """
    if patients < 2 * FEWEST:
        return ()
    least = max(LEAST, FEWEST / patients)
    return tuple(round(least ** ((STEPS - step) / STEPS), 3) for step in range(STEPS))


def settings_again(settings: Settings, base: str, kept: Tried) -> Settings:
    """The user's settings with the network, batch and number of steps that the kept model has; `base`: its name."""
    if isinstance(kept.study.plan.network, (ClassicalPlan, NormalPlan)):  # fitted, not in steps
        return settings.model_copy(update={"model": base, "budget_s": None})
    same = Ablation(base, "", {})
    return settings_of(same, settings, base, kept.study.plan, steps=steps_taken(kept))


def splits_of(material: Material, share: float, *, seed: int) -> Splits:
    """The splits with a share of each fold's training patients."""
    facts = material.checks.facts
    return share_of_splits(material.splits, share, cases=material.cases, facts=facts, owners=material.owners, seed=seed)


def fewest_patients(splits: Splits, material: Material) -> int:
    """Patients that the trained fold with the fewest learns from."""
    return min(num_patients(splits.folds[fold], material) for fold in material.folds)


def num_patients(fold: Fold, material: Material) -> int:
    """Patients that a fold learns from; those who share images count as one."""
    return len({material.owners[name] for name in fold.train})


def curve_of(found: Mapping[float, Tried], material: Material, *, seed: int) -> Curve:
    """The curve through models of shares, 1 the last of them, from the rows of the cases that all of them judged."""
    problem = material.problem
    rows = [rows_of(one) for one in found.values()]
    counts = len({row.patient for row in rows[0]})
    drawn = np.concatenate(
        [
            np.stack([problem.headline_drawn(of, draws) for of in rows], axis=1)
            for draws in draw_counts(counts, seed=seed, samples=SAMPLES)
        ]
    )
    values = [headline(one, problem) for one in found.values()]
    told = [float(problem.headline_drawn(of, np.ones((1, counts)))[0]) for of in rows]
    if not agree(values, told):  # a kind of one's own that tells another headline: no draw of it is known
        drawn = np.full_like(drawn, np.nan)
    points = [
        point_of(share, one, value, drawn[:, place], counts)
        for place, ((share, one), value) in enumerate(zip(found.items(), values, strict=True))
    ]
    return learning_curve(
        points,
        drawn,
        by_fold=by_fold(rows, problem),
        num_patients=counts,
        is_error=metric(problem.primary).better == "lower",
        seed=seed,
    )


def rows_of(one: Tried) -> list[JudgedCase]:
    """The rows of the held-out cases, else of the test split, by the names of their cases."""
    return sorted(one.scores.rows or one.scores.test_rows, key=lambda row: row.case)


def headline(one: Tried, problem: Kind) -> float | None:
    """The headline that a model's metrics.json has."""
    value: float | None = one.scores.summary["overall"][problem.primary]["mean"]
    return value


def agree(values: Sequence[float | None], told: Sequence[float]) -> bool:
    """Whether headlines are those of a draw of every patient once."""
    return all(
        not np.isfinite(other) if value is None else abs(value - other) <= CLOSE * max(1.0, abs(value))
        for value, other in zip(values, told, strict=True)
    )


def by_fold(rows: Sequence[Sequence[JudgedCase]], problem: Kind) -> Floats | None:
    """The headline of each fold and share, (K, S), NaN where it is not defined; None of fewer than two folds."""
    folds = sorted({row.fold for row in rows[0] if row.fold is not None})
    if len(folds) < 2:
        return None
    return np.array([[_in_fold(of, fold, problem) for of in rows] for fold in folds])


def _in_fold(rows: Sequence[JudgedCase], fold: int, problem: Kind) -> float:
    own = [row for row in rows if row.fold == fold]
    return float(problem.headline_drawn(own, np.ones((1, len({row.patient for row in own}))))[0])


def point_of(share: float, one: Tried, value: float | None, drawn: Floats, patients: int) -> Point:
    """What a share was worth, and how much a fold learned from in the mean."""
    folds = [one.study.splits.folds[fold] for fold in one.study.folds]
    known = value is not None and patients >= MIN_PATIENTS and np.isfinite(drawn).any()
    return Point(
        share=share,
        cases=float(np.mean([len(fold.train) for fold in folds])),
        patients=float(np.mean([num_patients(fold, one.study) for fold in folds])),
        value=value,
        interval=percentile_interval(drawn, float(value or 0.0), num_patients=patients) if known else None,
    )

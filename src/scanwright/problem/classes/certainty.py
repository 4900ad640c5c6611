"""What the sureness of a classifier is worth on a set of cases, for metrics.json: whether probabilities hold, whether
sets hold the truth, and what it is worth to answer the surest cases alone.
"""

from collections.abc import Hashable, Mapping, Sequence

import numpy as np

from scanwright.dataset.task import Task
from scanwright.evaluation.calibration.calibrated import gain, held
from scanwright.evaluation.cases.grouping import group_columns, members_by_group
from scanwright.evaluation.cases.judged import ClassifiedCase, answers_of
from scanwright.evaluation.certainty.coverage import coverage_band, share_estimate, shares_of
from scanwright.evaluation.certainty.opinions import disagreement, entropy
from scanwright.evaluation.certainty.selective import (
    SHARES,
    excess_area,
    mean_error,
    risk_curve,
    surest,
    thinned,
    threshold_for,
)
from scanwright.evaluation.classes.answers import Answers
from scanwright.evaluation.classes.ranking import placements
from scanwright.evaluation.intervals.bootstrap import Estimate, number_patients, totals_by_patient
from scanwright.evaluation.intervals.proportion import share_interval
from scanwright.evaluation.intervals.statistics import MIN_PATIENTS
from scanwright.plan.plan import InferencePlan
from scanwright.problem.classes.certain import (
    ClassCertainty,
    cross_fitted_sets,
    errors_of,
    folds_of,
    questions_of,
    sets_of_case,
    sure_of,
)
from scanwright.problem.classes.decisions import Decision
from scanwright.types import JSON, Bools, Floats


def certainty_out_of_fold(
    rows: Sequence[ClassifiedCase], raw: Sequence[ClassifiedCase], plan: InferencePlan, task: Task, *, seed: int = 0
) -> dict[str, JSON]:
    """Of out-of-fold rows, each fold judged by what the others say. raw: the same rows as the models gave them.

    {"calibration", "sets", "selective", "declined" where a risk was stated}; {} without two folds.
    """
    folds = folds_of(rows)
    if folds is None:
        return {}
    answers, known = answers_of(rows, choice=task.choice), answers_of(raw, choice=task.choice)
    sets = cross_fitted_sets(answers, folds, plan)
    least = int(len(rows) - max(np.bincount(np.unique(folds, return_inverse=True)[1])))
    found = {
        "calibration": calibration_block(known, answers, seed=seed),
        "sets": sets_block(answers, sets, rows, task, stated=plan.coverage, score=plan.sets, known=least),
        "selective": selective_block(answers, rows, seed=seed),
    }
    if plan.risk is None:
        return found
    sure, errors = sure_of(answers), errors_of(answers)
    answered = np.zeros(len(rows), dtype=bool)
    for fold in set(folds.tolist()):
        limit = threshold_for(sure[folds != fold], errors[folds != fold], plan.risk)
        answered[folds == fold] = limit is not None and sure[folds == fold] >= limit
    whole = threshold_for(sure, errors, plan.risk)
    return found | {"declined": declined_block(answered, errors, rows, risk=plan.risk, threshold=whole)}


def certainty_on_others(
    rows: Sequence[ClassifiedCase],
    raw: Sequence[ClassifiedCase] | None,
    opinions: Mapping[str, Floats],
    *,
    fitted: ClassCertainty | None,
    decision: Decision,
    task: Task,
    seed: int = 0,
) -> dict[str, JSON]:
    """The same of cases that had no part in fitting, by what a package carries. opinions: of cases, by name, as far as known.

    raw: the rows as the models gave them, None where that is not known.
    """
    answers = answers_of(rows, choice=task.choice)
    found: dict[str, JSON] = {}
    if raw is not None:
        found["calibration"] = calibration_block(answers_of(raw, choice=task.choice), answers, seed=seed)
    if fitted is not None:
        each = [
            sets_of_case(fitted, np.array(row.probabilities), opinions.get(row.case), decision, task) for row in rows
        ]
        questions = questions_of(answers)
        sets = [np.array([one[k] for one in each], dtype=bool)[question.known] for k, question in enumerate(questions)]
        least = min(one.cases for one in fitted.questions)
        found["sets"] = sets_block(answers, sets, rows, task, stated=fitted.coverage, score=fitted.score, known=least)
    found["selective"] = selective_block(answers, rows, opinions, seed=seed)
    if fitted is not None and fitted.risk is not None:
        sure = sure_of(answers)
        answered = np.array([not fitted.declines(float(one)) for one in sure])
        found["declined"] = declined_block(
            answered, errors_of(answers), rows, risk=fitted.risk, threshold=fitted.threshold
        )
    return found


def calibration_block(before: Answers, after: Answers, *, seed: int) -> dict[str, JSON]:
    """How far probabilities hold as the model gives them and as they are told, and what that gained, case by case."""
    return {
        "before": held(before, seed=seed).to_json(),
        "after": held(after, seed=seed).to_json(),
        "gain": {name: one.as_json() for name, one in gain(before, after, seed=seed).items()},
    }


def sets_block(
    answers: Answers,
    sets: Sequence[Bools],
    rows: Sequence[ClassifiedCase],
    task: Task,
    *,
    stated: float,
    score: str,
    known: int,
) -> dict[str, JSON]:
    """How often sets held the truth: of all, by class (label) and by group. known: cases that they come from.

    "band": between which shares the coverage lies in 95 % of studies of so many cases if what is stated is kept exactly.
    "size": classes in the mean set; "single": the share of sets of one class. Of labels all sets together.
    """
    patients = [row.patient for row in rows]
    questions = questions_of(answers)
    sizes = np.concatenate([one.sum(axis=1) for one in sets])
    inside = [one[np.arange(len(one)), question.truth] for one, question in zip(sets, questions, strict=True)]
    if answers.choice == "several":
        owners = [[patients[k] for k in np.flatnonzero(question.known)] for question in questions]
        by_class = {
            name: share_estimate(held_, of) for name, held_, of in zip(task.classes, inside, owners, strict=True)
        }
        each = np.full((len(rows), len(questions)), np.nan)
        for k, question in enumerate(questions):
            each[question.known, k] = inside[k]
        overall = _share_of_known(each, patients)
        by_group = dict[str, dict[str, Estimate]]()
    else:
        held_cases = inside[0]
        members = {name: np.flatnonzero(answers.truth == k).tolist() for k, name in enumerate(task.classes)}
        by_class = shares_of(held_cases, patients, {name: places for name, places in members.items() if places})
        overall = share_estimate(held_cases, patients)
        by_group = {
            column: shares_of(held_cases, patients, members_by_group(rows, column)) for column in group_columns(rows)
        }
    band = coverage_band(known=known, new=len(rows), coverage=stated) if answers.choice != "several" else None
    return {
        "stated": stated,
        "score": score,
        "coverage": overall.as_json(),
        "band": None if band is None else list(band),
        "size": float(sizes.mean()) if len(sizes) else None,
        "single": float((sizes == 1).mean()) if len(sizes) else None,
        "by_class": {name: one.as_json() for name, one in by_class.items()},
        "by_group": {
            column: {name: one.as_json() for name, one in found.items()} for column, found in by_group.items()
        },
    }


def _share_of_known(each: Floats, patients: Sequence[Hashable]) -> Estimate:
    """The share of what is known, (N, K) 1 or 0 or NaN, that is 1, with Wilson's interval by patient."""
    there = np.isfinite(each)
    if not there.any():
        return Estimate(value=None, interval=None, n=len(each), n_defined=0)
    sums = np.stack([np.nan_to_num(each).sum(axis=1), there.sum(axis=1)], axis=1)
    parts, wholes = totals_by_patient(sums, number_patients(list(patients), len(each))).T
    reach = share_interval(parts, wholes, fewest=MIN_PATIENTS)
    value = float(parts.sum() / wholes.sum())
    return Estimate(value=value, interval=reach, n=len(each), n_defined=int(there.any(axis=1).sum()))


def selective_block(
    answers: Answers,
    rows: Sequence[ClassifiedCase],
    opinions: Mapping[str, Floats] | None = None,
    *,
    seed: int,
) -> dict[str, JSON]:
    """What it is worth to answer the surest cases alone: area, excess, curve, the risk of shares of them, and how well each
    measure of doubt tells wrong answers from right ones ("finds_errors": AUROC; of labels a case with any wrong one).
    """
    sure, errors = sure_of(answers), errors_of(answers)
    curve = risk_curve(sure, errors)
    if curve is None:
        return {"aurc": None, "excess_aurc": None, "surest": [], "curve": [], "finds_errors": {}}
    patients = [row.patient for row in rows]
    told = []
    for share in SHARES:
        one = surest(sure, errors, patients, share, seed=seed)
        if one is not None:
            told.append({"asked": share, "share": one.share, "sure": one.sure, "error": one.risk.as_json()})
    labels = answers.choice == "several"
    measures = {"confidence": 1 - sure, "entropy": entropy(answers.probabilities, labels=labels)}
    differs = [opinions.get(row.case) for row in rows] if opinions else []
    apart = [None if one is None else disagreement(one, labels=labels) for one in differs]
    if apart and all(one is not None for one in apart):
        measures["mutual_information"] = np.array([one.mutual_information for one in apart if one is not None])
    wrong = errors > 0
    known = np.isfinite(errors)
    return {
        "aurc": curve.area,
        "excess_aurc": excess_area(curve, errors),
        "surest": told,
        "curve": [list(point) for point in thinned(curve)],
        "finds_errors": {name: _area(values[known], wrong[known]) for name, values in measures.items()},
    }


def _area(doubt: Floats, wrong: Bools) -> float | None:
    if not wrong.any() or wrong.all():
        return None
    return float(placements(doubt, wrong)[wrong].mean())


def declined_block(
    answered: Bools, errors: Floats, rows: Sequence[ClassifiedCase], *, risk: float, threshold: float | None
) -> dict[str, JSON]:
    """What was answered where a risk was stated. answered: (N,). threshold: the package's, None where nothing is sure
    enough.
    """
    known = answered & np.isfinite(errors)
    owners = [row.patient for row, there in zip(rows, known, strict=True) if there]
    return {
        "risk": risk,
        "threshold": threshold,
        "declined": int((~answered).sum()),
        "answered": share_estimate(answered, [row.patient for row in rows]).as_json(),
        "error": mean_error(errors[known], owners).as_json(),
    }

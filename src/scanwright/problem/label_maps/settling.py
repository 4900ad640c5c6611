"""What is chosen and fitted on the out-of-fold label maps of a run, strung together: post-processing, the temperatures of
voxels, and how the quality of a mask is predicted; each judged cross-fitted, and then done on all folds for the package.

The kept answers are read once more and taken apart (opened.py). Rows whose answer post-processing changes are judged
again with all measures. With one fold nothing is chosen; a test split is told by what all folds chose, and chooses nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from scanwright.dataset.task import Task
from scanwright.evaluation.calibration.voxel_calibration import Voxels, calibrate_voxels, ece_with
from scanwright.evaluation.intervals.bootstrap import Estimate
from scanwright.evaluation.intervals.statistics import paired_difference
from scanwright.evaluation.label_maps.evaluate import CaseRow
from scanwright.evaluation.label_maps.mask_steps import choose_by_fold, choose_steps, f1_gain
from scanwright.inference.postprocess import Step
from scanwright.problem.label_maps.after import CONFIDENCE, MASKS, POSTPROCESS, VOXELS, step_json
from scanwright.problem.label_maps.expected import fit_quality, quality_of_test
from scanwright.problem.label_maps.kept import KeptRow
from scanwright.problem.label_maps.measured import gain_json, tried_json, voxels_json
from scanwright.problem.label_maps.opened import Opened, open_kept
from scanwright.types import JSON

Again = Callable[[KeptRow, tuple[Step, ...]], KeptRow]
"""Judges a case again, with these steps done to its kept answer."""
Settled = tuple[list[CaseRow], list[CaseRow], dict[str, JSON] | None]


def settle_masks(rows: Sequence[CaseRow], test: Sequence[CaseRow], task: Task, *, again: Again, seed: int) -> Settled:
    """Rows judged cross-fitted, test rows by what all folds chose, and that; the rows as they are, and None, where nothing
    can be chosen: with one fold, or where answers were not kept.
    """
    kept, kept_test = ([row for row in some if isinstance(row, KeptRow)] for some in (rows, test))
    if len(kept) + len(kept_test) < len(rows) + len(test) or len({row.fold for row in kept} - {None}) < 2:
        return list(rows), list(test), None
    opened = [open_kept(row, task) for row in kept]
    names = [region.name for region in task.regions]
    chosen = choose_steps([one.parted for one in opened], regions=names, findings=task.abnormal, seed=seed)
    by_fold = choose_by_fold([one.parted for one in opened], regions=names, findings=task.abnormal, seed=seed)
    judged = [_after(row, by_fold[row.fold or 0], again) for row in kept]
    tested = [_after(row, chosen.steps, again) for row in kept_test]
    found: dict[str, JSON] = {}
    if chosen.tried:
        found[POSTPROCESS] = {
            "steps": [step_json(step) for step in chosen.steps],
            "by_fold": {str(fold): [step_json(step) for step in steps] for fold, steps in by_fold.items()},
            "tried": [tried_json(one, len(kept)) for one in chosen.tried],
            "held": {region: gain_json(gain, len(kept)) for region, gain in chosen.held.items()},
            "gain": _gains(kept, judged, task, seed=seed),
        }
    opened_test = [open_kept(row, task) for row in tested]
    if voxels := _calibrated(opened, opened_test, names, seed=seed):
        found[VOXELS] = voxels
    quality, lines, expected = fit_quality(judged, opened, names, seed=seed)
    of_test, expected_test = quality_of_test(tested, opened_test, lines, names, seed=seed)
    if quality:
        quality["measured"] |= {"test": of_test} if of_test else {}
        found[CONFIDENCE] = {MASKS: quality}
    told = [
        replace(row, expected=dice) for row, dice in zip([*judged, *tested], [*expected, *expected_test], strict=True)
    ]
    return list(told[: len(judged)]), list(told[len(judged) :]), found or None


def _after(row: KeptRow, steps: tuple[Step, ...], again: Again) -> KeptRow:
    return again(row, steps) if steps else row


def _gains(before: Sequence[KeptRow], after: Sequence[KeptRow], task: Task, *, seed: int) -> dict[str, JSON]:
    """What cross-fitted post-processing gained in Dice, in the mean over regions and by region, and in the F1 of lesions."""
    patients = [row.patient for row in before]

    def dice(names: Sequence[str]) -> dict[str, JSON]:
        one, other = ([_mean_dice(row, names) for row in rows] for rows in (after, before))
        apart = paired_difference(one, other, patients, seed=seed)
        gain = Estimate(value=apart.mean, interval=apart.ci95, n=len(patients), n_defined=apart.n)
        return {"dice_gain": gain.as_json()}

    names = [region.name for region in task.regions]
    found: dict[str, JSON] = {"overall": dice(names), "by_class": {name: dice([name]) for name in names}}
    for name in task.abnormal:
        had, has = (np.array([_lesions(row, name) for row in rows], dtype=float) for rows in (before, after))
        f1, reach = f1_gain(had, has, patients, seed=seed)
        gain = Estimate(value=f1, interval=reach, n=len(patients), n_defined=0 if f1 is None else len(patients))
        fewer = Estimate(
            value=float((had[:, 1] - has[:, 1]).mean()),
            interval=None,
            n=len(patients),
            n_defined=len(patients),
        )
        found["by_class"][name] |= {"lesion_f1_gain": gain.as_json(), "fewer_false_lesions": fewer.as_json()}
    return found


def _mean_dice(row: KeptRow, names: Sequence[str]) -> float | None:
    known = [value for name in names if (value := row.metrics.get(name, {}).get("dice")) is not None]
    return sum(known) / len(known) if known else None


def _lesions(row: KeptRow, name: str) -> tuple[int, int, int]:
    """Hits, false and missed lesions."""
    found = row.lesions.get(name)
    return (0, 0, 0) if found is None else (found.hits, found.false, len(found.true_sizes) - found.hits)


def _calibrated(
    opened: Sequence[Opened], test: Sequence[Opened], names: Sequence[str], *, seed: int
) -> dict[str, JSON]:
    """Each region whose voxels can be calibrated, as plain data; with the error on a test split, where there is one."""
    found: dict[str, JSON] = {}
    for number, name in enumerate(names):
        calibration = calibrate_voxels(_voxels(opened, number), seed=seed)
        if calibration is not None:
            found[name] = voxels_json(calibration)
            ece = ece_with(_voxels(test, number), calibration.slope)
            found[name] |= {} if ece is None else {"test": dict(zip(("before", "after"), ece, strict=True))}
    return found


def _voxels(opened: Sequence[Opened], number: int) -> Voxels:
    """The voxels that were drawn for a region, of all cases."""
    sampled = [(place, one, one.evidence.sample) for place, one in enumerate(opened) if one.evidence is not None]
    drawn = [
        (sample.chance[mine], one.positive[mine], sample.near[mine], np.full(int(mine.sum()), place))
        for place, one, sample in sampled
        if sample is not None
        for mine in [(sample.region == number) & one.judged]
    ]
    nothing = (np.zeros(0, np.float32), np.zeros(0, np.bool_), np.zeros(0, np.bool_), np.zeros(0, np.int64))
    chance, positive, near, case = (np.concatenate(parts) for parts in zip(nothing, *drawn, strict=True))
    return Voxels(
        chance=chance,
        positive=positive,
        near=near,
        case=case,
        patients=[one.parted.patient for one in opened],
        folds=[one.parted.fold for one in opened],
    )

"""What is chosen and fitted on the out-of-fold label maps of a run, strung together: post-processing, the temperatures of
voxels, and how the quality of a mask is predicted; each judged cross-fitted, and then done on all folds for the package.

The kept answers are read once more and taken apart (evaluation.mask_parts). Rows whose answer post-processing changes are
judged again with all measures. With one fold nothing is chosen; a test split is told by what all folds chose, and chooses
nothing.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from scanwright.dataset.measures import region_masks
from scanwright.dataset.task import Task
from scanwright.errors import IntegrityError
from scanwright.evaluation.bootstrap import Estimate
from scanwright.evaluation.evaluate import CaseRow
from scanwright.evaluation.mask_parts import region_parts
from scanwright.evaluation.mask_quality import (
    LOW_SHARE,
    Judged,
    Line,
    MaskCase,
    Traits,
    cross_fitted,
    fit_line,
    judge,
    lowest,
)
from scanwright.evaluation.mask_steps import PartedCase, Tried, choose_by_fold, choose_steps, f1_gain
from scanwright.evaluation.reliability import Bin
from scanwright.evaluation.statistics import paired_difference
from scanwright.evaluation.voxel_calibration import VoxelCalibration, Voxels, calibrate_voxels
from scanwright.findings.table import size_of_voxel
from scanwright.inference.evidence import NEAR, Evidence
from scanwright.inference.postprocess import Step
from scanwright.io.formats import read_label
from scanwright.problem.label_map_after import (
    CONFIDENCE,
    MASKS,
    POSTPROCESS,
    VOXELS,
    quality_json,
    step_json,
    traits_of,
)
from scanwright.problem.label_map_kept import KeptRow, read_evidence
from scanwright.types import JSON, Array, Bools

Again = Callable[[KeptRow, tuple[Step, ...]], KeptRow]
"""Judges a case again, with these steps done to its kept answer."""
Settled = tuple[list[CaseRow], list[CaseRow], dict[str, JSON] | None]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Opened:
    """A kept answer beside its truth. sizes: true sizes of regions. voxel: the size of one, in the same unit. positive (V,):
    of the voxels of the evidence's sample, which belong to their region; judged (V,): which somebody judged.
    """

    parted: PartedCase
    sizes: Mapping[str, float]
    voxel: float
    evidence: Evidence | None
    positive: Bools
    judged: Bools


def settle_masks(rows: Sequence[CaseRow], test: Sequence[CaseRow], task: Task, *, again: Again, seed: int) -> Settled:
    """Rows judged cross-fitted, test rows by what all folds chose, and that; the rows as they are, and None, where nothing
    can be chosen: with one fold, or where answers were not kept.
    """
    kept = [row for row in rows if isinstance(row, KeptRow)]
    if len(kept) < len(rows) or len({row.fold for row in kept} - {None}) < 2:
        return list(rows), list(test), None
    opened = [open_kept(row, task) for row in kept]
    names = [region.name for region in task.regions]
    chosen = choose_steps([one.parted for one in opened], regions=names, findings=task.abnormal, seed=seed)
    by_fold = choose_by_fold([one.parted for one in opened], regions=names, findings=task.abnormal, seed=seed)
    judged = [_after(row, by_fold[row.fold or 0], again) for row in kept]
    tested = [_after(row, chosen.steps, again) if isinstance(row, KeptRow) else row for row in test]
    found: dict[str, JSON] = {}
    if chosen.tried:
        found[POSTPROCESS] = {
            "steps": [step_json(step) for step in chosen.steps],
            "by_fold": {str(fold): [step_json(step) for step in steps] for fold, steps in by_fold.items()},
            "tried": [_tried_json(one, len(kept)) for one in chosen.tried],
            "gain": _gains(kept, judged, task, seed=seed),
        }
    if voxels := _calibrated(opened, names, seed=seed):
        found[VOXELS] = {name: _voxels_json(one) for name, one in voxels.items()}
    quality, expected = _quality(judged, opened, names, seed=seed)
    if quality:
        found[CONFIDENCE] = {MASKS: quality}
    told = [replace(row, expected=dice) for row, dice in zip(judged, expected, strict=True)]
    return list(told), list(tested), found or None


def open_kept(row: KeptRow, task: Task) -> Opened:
    """A kept answer and its truth read again, and taken apart."""
    case = row.kept.case
    assert case.label is not None, "it was judged"
    truth, answer = read_label(case.label), read_label(row.kept.file)
    voxel, _ = size_of_voxel(truth.grid)
    labels, found = truth.voxels[0], answer.voxels[0]
    true_masks, found_masks = region_masks(labels, task), region_masks(found, task)
    judged = None if task.ignore is None else labels != task.ignore
    anatomy = [mask for name, mask in found_masks.items() if name not in task.abnormal]
    others = np.logical_or.reduce(anatomy) if anatomy else np.zeros(found.shape, np.bool_)
    looked_for = [name for name in true_masks if case.judged is None or name in case.judged]
    parts = {
        name: region_parts(
            true_masks[name],
            found_masks[name],
            background_IJK=found == 0,
            others_IJK=others,
            voxel=voxel,
            judged=judged,
            are_lesions=name in task.abnormal,
        )
        for name in looked_for
    }
    evidence = read_evidence(row.kept.file)
    positive, counts = _truth_of_sample(evidence, labels, task, looked_for)
    return Opened(
        parted=PartedCase(case=row.case, patient=row.patient, fold=row.fold, regions=parts),
        sizes={name: one.true * voxel for name, one in parts.items()},
        voxel=voxel,
        evidence=evidence,
        positive=positive,
        judged=counts,
    )


def _truth_of_sample(
    evidence: Evidence | None, labels: Array, task: Task, looked_for: Sequence[str]
) -> tuple[Bools, Bools]:
    """Of each voxel that was drawn, whether it belongs to the region that it was drawn for, and whether that was judged."""
    if evidence is None or evidence.sample is None:
        return np.zeros(0, np.bool_), np.zeros(0, np.bool_)
    sample = evidence.sample
    if sample.voxel.size and sample.voxel.max() >= labels.size:
        raise IntegrityError("kept voxels of another image", expected=f"{labels.size} voxels")
    values = labels.ravel()[sample.voxel]
    positive, judged = np.zeros(len(values), np.bool_), np.zeros(len(values), np.bool_)
    for place, region in enumerate(task.regions):
        mine = sample.region == place
        positive[mine] = np.isin(values[mine], region.values)
        judged[mine] = region.name in looked_for
    return positive, judged if task.ignore is None else judged & (values != task.ignore)


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


def _calibrated(opened: Sequence[Opened], names: Sequence[str], *, seed: int) -> dict[str, VoxelCalibration]:
    """Each region whose voxels can be calibrated."""
    drawn = [(place, one, one.evidence.sample) for place, one in enumerate(opened) if one.evidence is not None]
    cases = [(place, one, sample) for place, one, sample in drawn if sample is not None]
    found = {}
    for number, name in enumerate(names):
        mine = [(sample.region == number) & one.judged for _, one, sample in cases]
        if not any(some.any() for some in mine):
            continue
        voxels = Voxels(
            chance=np.concatenate([sample.chance[some] for (_, _, sample), some in zip(cases, mine, strict=True)]),
            positive=np.concatenate([one.positive[some] for (_, one, _), some in zip(cases, mine, strict=True)]),
            near=np.concatenate([sample.near[some] for (_, _, sample), some in zip(cases, mine, strict=True)]),
            case=np.concatenate(
                [np.full(int(some.sum()), place) for (place, _, _), some in zip(cases, mine, strict=True)]
            ),
            patients=[one.parted.patient for one in opened],
            folds=[one.parted.fold for one in opened],
        )
        if (calibration := calibrate_voxels(voxels, seed=seed)) is not None:
            found[name] = calibration
    return found


def _quality(
    rows: Sequence[KeptRow], opened: Sequence[Opened], names: Sequence[str], *, seed: int
) -> tuple[dict[str, JSON], list[dict[str, float]]]:
    """confidence.json of masks, {} where no line could be fitted; and the Dice that was predicted of each row's regions."""
    told: list[dict[str, float]] = [{} for _ in rows]
    known: list[dict[str, MaskCase]] = [{} for _ in rows]
    lines: dict[str, Line] = {}
    by_class: dict[str, Judged] = {}
    for number, name in enumerate(names):
        places, cases = _mask_cases(rows, opened, number, name)
        line, predicted = fit_line(cases), cross_fitted(cases)
        if line is None or not np.isfinite(predicted).any():
            continue
        lines[name], by_class[name] = line, judge(cases, predicted, seed=seed)
        for place, case, dice in zip(places, cases, predicted.tolist(), strict=True):
            if np.isfinite(dice):
                told[place][name], known[place][name] = dice, case
    if not lines:
        return {}, told
    means = [_mean_case(row, cases) for row, cases in zip(rows, known, strict=True) if cases]
    predicted = np.array([sum(one.values()) / len(one) for one in told if one])
    overall = judge(means, predicted, seed=seed)
    quality = quality_json(
        lines,
        slack=overall.slack,
        slack_by_region={name: one.slack for name, one in by_class.items()},
        low=lowest(predicted),
        low_share=LOW_SHARE,
        measured={
            "overall": _judged_json(overall),
            "by_class": {name: _judged_json(one) for name, one in by_class.items()},
        },
    )
    return quality, told


def _mask_cases(
    rows: Sequence[KeptRow], opened: Sequence[Opened], number: int, name: str
) -> tuple[list[int], list[MaskCase]]:
    """The cases in which a region was found and its Dice is defined, with their places."""
    places, cases = [], []
    for place, (row, one) in enumerate(zip(rows, opened, strict=True)):
        dice = row.metrics.get(name, {}).get("dice")
        traits = None if one.evidence is None else traits_of(one.evidence, voxel=one.voxel)[number]
        if dice is None or traits is None:
            continue
        places.append(place)
        cases.append(
            MaskCase(
                case=row.case, patient=row.patient, fold=row.fold, traits=traits, dice=dice, true_size=one.sizes[name]
            )
        )
    return places, cases


def _mean_case(row: KeptRow, regions: Mapping[str, MaskCase]) -> MaskCase:
    """A case's masks in the mean, of the regions whose Dice is predicted."""

    def mean(values: Iterable[float]) -> float:
        return float(np.mean(list(values)))

    every = regions.values()
    return MaskCase(
        case=row.case,
        patient=row.patient,
        fold=row.fold,
        traits=Traits(
            expected_dice=mean(one.traits.expected_dice for one in every),
            border_bits=mean(one.traits.border_bits for one in every),
            size=sum(one.traits.size for one in every),
        ),
        dice=mean(one.dice for one in every),
        true_size=sum(one.true_size for one in every),
    )


def _tried_json(one: Tried, cases: int) -> dict[str, JSON]:
    dice = Estimate(value=one.dice, interval=one.dice_interval, n=cases, n_defined=cases)
    lesions = Estimate(value=one.lesion_f1, interval=one.lesion_f1_interval, n=cases, n_defined=cases)
    return {
        **step_json(one.step),
        "dice_gain": dice.as_json(),
        **({} if one.lesion_f1 is None else {"lesion_f1_gain": lesions.as_json()}),
        "cases": one.cases,
        "taken": one.taken,
    }


def _voxels_json(one: VoxelCalibration) -> dict[str, JSON]:
    gain = Estimate(value=one.gain, interval=one.gain_interval, n=one.cases, n_defined=one.cases)
    return {
        "slope": one.slope,
        "fitted": one.fitted,
        "ece": dict(zip(("before", "after"), one.ece, strict=True)),
        "log_loss": dict(zip(("before", "after"), one.log_loss, strict=True)),
        "log_loss_fall": gain.as_json(),
        "cases": one.cases,
        "voxels": one.voxels,
        "near": NEAR,
        "far": {"given": one.far_given, "true": one.far_true},
        "counts": {name: list(of) for name, of in zip(("before", "after"), one.counts, strict=True)},
        "curves": {name: [_bin_json(b) for b in of] for name, of in zip(("before", "after"), one.curves, strict=True)},
    }


def _bin_json(one: Bin) -> dict[str, JSON]:
    found = asdict(one)
    return {
        "predicted": found["predicted"],
        "observed": found["observed"],
        "ci95": one.interval and list(one.interval),
        "voxels": one.cases,
    }


def _judged_json(one: Judged) -> dict[str, JSON]:
    return {
        "pearson": one.pearson.as_json(),
        "spearman": one.spearman.as_json(),
        "mae": one.mae.as_json(),
        "pearson_alone": one.pearson_alone.as_json(),
        "coverage": one.coverage.as_json(),
        "slack": one.slack,
    }

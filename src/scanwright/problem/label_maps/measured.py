"""What was measured while post-processing, temperatures and predicted quality were chosen, as plain data for metrics.json."""

from scanwright.evaluation.calibration.voxel_calibration import VoxelCalibration
from scanwright.evaluation.certainty.mask_quality import Judged
from scanwright.evaluation.classes.reliability import Bin
from scanwright.evaluation.intervals.bootstrap import Estimate
from scanwright.evaluation.label_maps.mask_steps import Gain, Tried
from scanwright.inference.evidence import NEAR
from scanwright.problem.label_maps.after import step_json
from scanwright.types import JSON

WHEN = ("before", "after")


def tried_json(one: Tried, cases: int) -> dict[str, JSON]:
    """A step that was tried."""
    return {**step_json(one.step), **gain_json(one.gain, cases), "taken": one.taken}


def gain_json(one: Gain, cases: int) -> dict[str, JSON]:
    """What steps gained, of so many cases."""
    dice = Estimate(value=one.dice, interval=one.dice_interval, n=cases, n_defined=cases)
    lesions = Estimate(value=one.lesion_f1, interval=one.lesion_f1_interval, n=cases, n_defined=cases)
    return {
        "dice_gain": dice.as_json(),
        **({} if one.lesion_f1 is None else {"lesion_f1_gain": lesions.as_json()}),
        "cases": one.cases,
    }


def voxels_json(one: VoxelCalibration) -> dict[str, JSON]:
    """The calibration of a region's voxels, and what it is worth."""
    gain = Estimate(value=one.gain, interval=one.gain_interval, n=one.cases, n_defined=one.cases)
    return {
        "slope": one.slope,
        "fitted": one.fitted,
        "ece": dict(zip(WHEN, one.ece, strict=True)),
        "log_loss": dict(zip(WHEN, one.log_loss, strict=True)),
        "log_loss_fall": gain.as_json(),
        "cases": one.cases,
        "voxels": one.voxels,
        "near": NEAR,
        "far": {"given": one.far_given, "true": one.far_true},
        "counts": {name: list(of) for name, of in zip(WHEN, one.counts, strict=True)},
        "curves": {name: [_bin_json(b) for b in of] for name, of in zip(WHEN, one.curves, strict=True)},
    }


def _bin_json(one: Bin) -> dict[str, JSON]:
    reach = None if one.interval is None else list(one.interval)
    return {"predicted": one.predicted, "observed": one.observed, "ci95": reach, "voxels": one.cases}


def judged_json(one: Judged) -> dict[str, JSON]:
    """What predictions of Dice are worth."""
    return {
        "pearson": one.pearson.as_json(),
        "spearman": one.spearman.as_json(),
        "mae": one.mae.as_json(),
        "pearson_alone": one.pearson_alone.as_json(),
        "pearson_agreement": one.pearson_agreement.as_json(),
        "coverage": one.coverage.as_json(),
        "slack": one.slack,
    }

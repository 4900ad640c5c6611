"""Overlap of two masks by counting voxels, and what each score says when there is nothing to count.

"Not defined" is None, never NaN and never a silent 1. The rules, by which mask is empty:

    score                    both empty   truth empty   prediction empty
    dice, iou                None         0             0
    sensitivity              None         None          0
    precision                None         0             0
    specificity              1            below 1       1                 (None only if truth fills everything)
    volume_error             0            > 0           > 0               (always defined)
    relative_volume_error    None         None          1

They are those of Metrics Reloaded (Maier-Hein et al. 2024, Nat Methods 21:195; Reinke et al. 2024, Nat Methods
21:182) and of its reference implementation, among them precision 0 for a structure that was missed: as None it would
leave the mean, and missing would be rewarded. One differs: that implementation gives Dice 1 to two empty masks, "even
if not defined"; here, as in MONAI and nnU-Net, it is None, because a data set with many empty references would
otherwise be carried by them. Correct and false alarms on empty references show in specificity, volume_error and the
count of invented structures.
"""

from dataclasses import dataclass

import numpy as np

from scanwright.errors import GeometryError
from scanwright.types import Bools


@dataclass(frozen=True, slots=True)
class Counts:
    """Voxels that are true and false positives, false and true negatives. Their sum is what was judged."""

    tp: int
    fp: int
    fn: int
    tn: int

    @property
    def truth(self) -> int:
        """Voxels of the reference mask."""
        return self.tp + self.fn

    @property
    def prediction(self) -> int:
        """Voxels of the predicted mask."""
        return self.tp + self.fp


def counts(truth: Bools, prediction: Bools, valid: Bools | None = None) -> Counts:
    """Count agreement of two bool arrays of one shape, with any axes; voxels where `valid` is False are not judged.

    Raises GeometryError if the shapes differ.
    """
    for other in (prediction, valid):
        if other is not None and other.shape != truth.shape:
            raise GeometryError("masks of different shapes cannot be compared", expected=truth.shape, found=other.shape)
    if valid is not None:
        truth, prediction = truth & valid, prediction & valid
    judged = truth.size if valid is None else int(np.count_nonzero(valid))
    tp, in_truth, in_prediction = (int(np.count_nonzero(mask)) for mask in (truth & prediction, truth, prediction))
    return Counts(tp=tp, fp=in_prediction - tp, fn=in_truth - tp, tn=judged - in_truth - in_prediction + tp)


def dice(found: Counts) -> float | None:
    """Twice the shared voxels over the sum of both masks, in [0, 1]; equals F1. Both empty: None."""
    return _ratio(2 * found.tp, found.truth + found.prediction)


def iou(found: Counts) -> float | None:
    """Shared voxels over the union (Jaccard), in [0, 1]. Both empty: None."""
    return _ratio(found.tp, found.tp + found.fp + found.fn)


def sensitivity(found: Counts) -> float | None:
    """Share of the reference that was found (recall), in [0, 1]. Empty reference: None."""
    return _ratio(found.tp, found.truth)


def specificity(found: Counts) -> float | None:
    """Share of the background left alone, in [0, 1]. Reference that fills everything: None.

    Grows with the field of view and is near 1 for any small structure: read it for empty references, not for ranking.
    """
    return _ratio(found.tn, found.tn + found.fp)


def precision(found: Counts) -> float | None:
    """Share of the prediction that is right, in [0, 1]. Both empty: None; only the prediction empty: 0."""
    return 0.0 if found.truth and not found.prediction else _ratio(found.tp, found.prediction)


def volume_bias(found: Counts, *, voxel_volume: float) -> float:
    """Predicted minus true volume, signed, in the unit of `voxel_volume`. Its mean over cases is the bias."""
    return (found.prediction - found.truth) * voxel_volume


def volume_error(found: Counts, *, voxel_volume: float) -> float:
    """Absolute difference of predicted and true volume, in the unit of `voxel_volume`."""
    return abs(volume_bias(found, voxel_volume=voxel_volume))


def relative_volume_error(found: Counts) -> float | None:
    """Absolute difference of volumes over the true volume: 0 or more, 1 if none is predicted. Empty reference: None."""
    return _ratio(abs(found.prediction - found.truth), found.truth)


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None

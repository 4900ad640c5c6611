"""How far a case lies from those that a model was made for, in any features of them: a Gaussian of shrunk covariance.

Few cases have many features here, so that their covariance alone says that most directions never vary. It is shrunk
towards one of independent features, by as much as the cases themselves ask for; what no case has varied by counts as
that. Distances are the root of the mean square over features: about 1 for a usual case, whatever the number of features
is, so that they can be held against those of other models.

Sources: Mahalanobis distance in feature space, Lee et al. 2018, NeurIPS 31:7167; shrinkage, Ledoit and Wolf 2004, J
Multivar Anal 88:365. Cosine to the nearest case, nearest neighbours and each feature by itself were measured against it
(benchmarks/out_of_range.py --compare), and relative distances: none of them declined more of what is out of range at
one share of false alarms.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

from scanwright.types import Array, Bools, Floats

MOST_AXES = 64
"""Directions that are kept, those of the largest spread; the others count as varying alike."""
LEAST = 1e-6
FEWEST = 2


@dataclass(frozen=True, slots=True, eq=False)
class Cloud:
    """center, scale (F,): of each feature. axes (R, F) of unit length, spreads (R,): variances along them, of
    standardised features; rest: the variance along every other direction.
    """

    center: Floats
    scale: Floats
    axes: Floats
    spreads: Floats
    rest: float

    @classmethod
    def of(cls, rows_NF: Floats) -> Self:
        """Fitted to at least FEWEST cases with finite features."""
        from sklearn.covariance import ledoit_wolf_shrinkage  # here, so that nobody else waits for it

        rows = np.asarray(rows_NF, dtype=np.float64)
        center = rows.mean(axis=0)
        scale = rows.std(axis=0)
        # a feature that never varied: any change of it counts, and how much is a convention
        scale = np.where(scale > LEAST * np.maximum(np.abs(center), 1.0), scale, np.maximum(np.abs(center), 1.0) * 0.1)
        standard = (rows - center) / scale
        # of two or three cases it may ask for nothing: then what they do not differ in would count without bound
        shrunk = max(float(ledoit_wolf_shrinkage(standard, assume_centered=True)), 1 / len(rows))
        _, lengths, axes = np.linalg.svd(standard, full_matrices=False)
        variances = lengths**2 / len(rows)
        mean = float(variances.sum()) / rows.shape[1] or 1.0
        kept = min(MOST_AXES, int((variances > LEAST).sum()))
        left = float(variances[kept:].sum()) / max(1, rows.shape[1] - kept)
        spreads = (1 - shrunk) * variances[:kept] + shrunk * mean
        return cls(center, scale, axes[:kept], spreads, max((1 - shrunk) * left + shrunk * mean, LEAST))

    def distances(self, rows_MF: Array) -> Floats:
        """(M,) float64, 0 or more; infinite for features that are not finite."""
        rows = np.atleast_2d(np.asarray(rows_MF, np.float64))
        is_finite: Bools = np.asarray(np.isfinite(rows).all(axis=1))
        standard = (np.where(is_finite[:, None], rows, 0.0) - self.center) / self.scale
        along = standard @ self.axes.T
        beside = np.maximum((standard**2).sum(axis=1) - (along**2).sum(axis=1), 0.0)
        squares = (along**2 / self.spreads).sum(axis=1) + beside / self.rest
        return np.where(is_finite, np.sqrt(squares / standard.shape[1]), np.inf)

    def to_arrays(self) -> dict[str, Array]:
        """For a package, in single precision."""
        parts = {"center": self.center, "scale": self.scale, "axes": self.axes, "spreads": self.spreads}
        kept = {name: np.ascontiguousarray(part, dtype=np.float32) for name, part in parts.items()}
        return {**kept, "rest": np.array([self.rest], dtype=np.float32)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Array]) -> Self:
        """The same again. Raises KeyError or ValueError for arrays that are not those of a cloud."""
        center, scale, axes, spreads = (
            np.asarray(arrays[name], np.float64) for name in ("center", "scale", "axes", "spreads")
        )
        (rest,) = np.asarray(arrays["rest"], np.float64)
        is_one = center.ndim == 1 and scale.shape == center.shape and axes.shape == (len(spreads), len(center))
        if not is_one or not (scale > 0).all() or not (spreads > 0).all() or not rest > 0:
            raise ValueError("arrays that are no cloud")
        return cls(center, scale, axes, spreads, float(rest))

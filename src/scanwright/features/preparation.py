"""What is done to features before a classical model sees them, fitted on training cases only and kept as plain arrays.

    missing values      the column's median
    scale               mean 0 and deviation 1; a column that never varies, or is never known, is left out
    reduction           none, principal components, or the columns that go best with the target one by one

Applying it is NumPy alone, and the same code while fitting and in a package, so that the two cannot differ.
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np

from scanwright.errors import IntegrityError, UsageError
from scanwright.types import Array, Bools, Floats, Ints

Reduction = Literal["none", "pca", "univariate"]

CONSTANT = 1e-10
"""A column whose deviation is under this share of its largest absolute value is rounding noise and counts as constant."""


@dataclass(frozen=True, eq=False, slots=True)
class Preparation:
    """From F columns, NaN where not known, to R numbers.

    kept: (P,) which columns are used, ascending. medians, means, scales: (P,) of those. basis: (P, R), the principal
    components; (P, 0) where there are none, and then R = P.
    """

    columns: int
    kept: Ints
    medians: Floats
    means: Floats
    scales: Floats
    basis: Floats

    @property
    def outputs(self) -> int:
        """R, how many numbers come out; 0 where no column varies."""
        return self.basis.shape[1] or len(self.kept)

    def apply(self, features_NF: Floats) -> Floats:
        """(N, F) features, NaN where not known, to (N, R). Raises UsageError for another number of columns or infinity."""
        features_NF = checked(features_NF)
        if features_NF.shape[1] != self.columns:
            raise UsageError(
                "another number of features than was learned from", expected=self.columns, found=features_NF.shape[1]
            )
        used = features_NF[:, self.kept]
        scaled = (np.where(np.isnan(used), self.medians, used) - self.means) / self.scales
        return scaled @ self.basis if self.basis.shape[1] else scaled

    def by_column(self, weights_KR: Floats) -> Floats:
        """Weights (K, R) of what comes out as weights (K, F) of standardised columns; 0 for columns left out."""
        spread = np.zeros((len(weights_KR), self.columns))
        spread[:, self.kept] = weights_KR @ self.basis.T if self.basis.shape[1] else weights_KR
        return spread

    def to_arrays(self) -> dict[str, Array]:
        """Everything as arrays by name."""
        return {
            "columns": np.array(self.columns, dtype=np.int64),
            "kept": self.kept,
            "medians": self.medians,
            "means": self.means,
            "scales": self.scales,
            "basis": self.basis,
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Array]) -> Self:
        """The preparation that `to_arrays` was called on. Raises IntegrityError if the arrays do not fit together."""
        try:
            columns = int(arrays["columns"])
            kept = np.asarray(arrays["kept"]).astype(np.int64, casting="safe")
            parts = [np.asarray(arrays[name], np.float64) for name in ("medians", "means", "scales", "basis")]
        except (KeyError, TypeError, ValueError) as error:
            raise IntegrityError("a preparation of features lacks a part", found=str(error)) from error
        medians, means, scales, basis = parts
        fits = (
            kept.ndim == 1
            and all(part.shape == kept.shape for part in (medians, means, scales))
            and basis.ndim == 2
            and len(basis) == len(kept)
            and all(np.isfinite(part).all() for part in parts)
            and bool((scales > 0).all())
            and bool((np.diff(kept) > 0).all())
            and (not len(kept) or (kept[0] >= 0 and kept[-1] < columns))
        )
        if not fits:
            raise IntegrityError("the parts of a preparation of features do not fit together")
        return cls(columns, kept, medians, means, scales, basis)


def checked(features_NF: Floats) -> Floats:
    """Features as float64. Raises UsageError if they are not (N, F) or one is infinite; NaN means not known."""
    features_NF = np.asarray(features_NF, np.float64)
    if features_NF.ndim != 2:
        raise UsageError("features are a table", expected="shape (N, F)", found=features_NF.shape)
    if np.isinf(features_NF).any():
        column = int(np.flatnonzero(np.isinf(features_NF).any(axis=0))[0])
        raise UsageError("a feature is infinite", where=f"column {column}", hint="Give NaN where it is not defined.")
    return features_NF


def fit_preparation(
    features_NF: Floats, target_N: Array, *, reduction: Reduction = "none", components: int = 0, numeric: bool = False
) -> Preparation:
    """Medians, means, scales and the reduction of training cases (N, F), N >= 1.

    target_N: codes of classes, or numbers (numeric=True); looked at by reduction "univariate" only, which ranks columns by
    the F statistic of an analysis of variance, or of a regression. components: at most so many remain, also no more than
    columns vary, and than N - 1 for "pca"; 0: as many as that allows.
    """
    features_NF = checked(features_NF)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a column without any known value: its median is NaN
        medians = np.nanmedian(features_NF, axis=0)
    filled = np.where(np.isnan(features_NF), medians, features_NF)
    means, scales = filled.mean(axis=0), filled.std(axis=0)
    varies = np.isfinite(medians) & (scales > CONSTANT * np.abs(filled).max(axis=0, initial=0.0))
    if reduction == "univariate" and components and varies.any():
        varies = _best_columns(filled, target_N, varies, components, numeric=numeric)
    kept = np.flatnonzero(varies)
    scaled = (filled[:, kept] - means[kept]) / scales[kept]
    basis = _components(scaled, components) if reduction == "pca" else np.zeros((len(kept), 0))
    return Preparation(features_NF.shape[1], kept, medians[kept], means[kept], scales[kept], basis)


def _best_columns(filled_NF: Floats, target_N: Array, varies: Bools, components: int, *, numeric: bool) -> Bools:
    """Which of the varying columns have the largest F statistic, in (F,); of equal ones the first."""
    from sklearn.feature_selection import f_classif, f_regression

    places = np.flatnonzero(varies)
    if len(np.unique(target_N)) < 2:
        strength = np.zeros(len(places))
    else:
        with np.errstate(
            divide="ignore", invalid="ignore"
        ):  # a column that is constant within each class is the best one
            strength = (f_regression if numeric else f_classif)(filled_NF[:, places], target_N)[0]
    order = np.argsort(-np.nan_to_num(strength, nan=-1.0), kind="stable")
    best = np.zeros_like(varies)
    best[places[order[:components]]] = True
    return best


def _components(scaled_NP: Floats, components: int) -> Floats:
    """(P, R) directions of largest variance. Source: Jolliffe 2002, Principal Component Analysis, Springer."""
    from sklearn.decomposition import PCA

    most = min(scaled_NP.shape[1], max(len(scaled_NP) - 1, 1))
    number = min(components, most) if components else most
    if not number:
        return np.zeros((scaled_NP.shape[1], 0))
    return np.ascontiguousarray(PCA(number, svd_solver="full").fit(scaled_NP).components_.T)

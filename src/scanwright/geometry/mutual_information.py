"""Mutual information of two images by a joint histogram, and its slope, as pure functions.

One image is counted in whole bins, the other through cubic B-spline windows, so that the measure is smooth where the
second image slides over the first (Mattes et al., IEEE Trans. Med. Imaging 22:120, 2003). The measure that is maximised is
the normalised one, (H(a) + H(b)) / H(a, b), from 1 (independent) to 2 (one follows from the other): unlike plain mutual
information it does not grow by pushing tissue out of the overlap (Studholme et al., Pattern Recognition 32:71, 1999).
"""

from dataclasses import dataclass

import numpy as np

from scanwright.types import Floats, Ints

BINS = 32
FIRST, LAST = 1.0, BINS - 2.0  # where a window of four bins still lies within the histogram, at both ends
EMPTY = 1e-12  # a share below this is an empty cell: its logarithm is cut here


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """The four bins that each value falls into: the first bin (N,), their weights and the weights' slopes (N, 4)."""

    first: Ints
    weights: Floats
    slopes: Floats


def windows_of(positions: Floats) -> Windows:
    """Cubic B-spline windows of positions in bins (N,), each within FIRST and LAST; the weights of each sum to 1."""
    floor = np.minimum(positions.astype(np.int64), int(LAST) - 1)
    t = (positions - floor).astype(np.float64)
    u, t2 = 1 - t, t * t
    u2 = u * u
    inner, outer = 3 * t2 * t - 6 * t2 + 4, 3 * u2 * u - 6 * u2 + 4
    weights = np.stack((u2 * u, inner, outer, t2 * t), axis=1) / 6
    slopes = np.stack((-u2, 3 * t2 - 4 * t, 4 * u - 3 * u2, t2), axis=1) / 2
    return Windows(floor - 1, weights, slopes)


def joint_histogram(bins: Ints, windows: Windows, shares: Floats, *, size: int = BINS) -> Floats:
    """Weighted counts (size, size): row by the first image's bin (N,), column by the second's windows.

    shares: how much each point counts (N,), 0 to 1.
    """
    cells = (bins * size + windows.first)[:, None] + np.arange(4)
    counts = np.bincount(cells.ravel(), (windows.weights * shares[:, None]).ravel(), minlength=size * size)
    return np.asarray(counts, dtype=np.float64).reshape(size, size)


def mutual_information(histogram: Floats) -> float:
    """Mutual information of a joint histogram in nats; 0 for an empty one. Never negative."""
    rows, columns, joint = _entropies(histogram)
    return max(rows + columns - joint, 0.0)


def normalised_mutual_information(histogram: Floats) -> float:
    """(H(a) + H(b)) / H(a, b), 1 to 2; 1 where it is not defined: everything in one cell, or nothing at all."""
    rows, columns, joint = _entropies(histogram)
    return (rows + columns) / joint if joint > EMPTY else 1.0


def slope(histogram: Floats) -> Floats:
    """What one more count in each cell does to the normalised mutual information: its derivative, same shape."""
    total = float(histogram.sum())
    rows, columns, joint = _entropies(histogram)
    if joint <= EMPTY:
        return np.zeros_like(histogram)
    p = histogram / total
    log_rows, log_columns = _log(p.sum(axis=1)), _log(p.sum(axis=0))
    cells = (rows + columns) / joint**2 * (_log(p) + 1) - (log_rows[:, None] + log_columns[None, :] + 2) / joint
    return np.asarray((cells - (p * cells).sum()) / total)


def _entropies(histogram: Floats) -> tuple[float, float, float]:
    """Entropies in nats of the rows, the columns and the cells; zeros for an empty histogram."""
    total = float(histogram.sum())
    if total <= 0:
        return 0.0, 0.0, 0.0
    p = histogram / total
    return _entropy(p.sum(axis=1)), _entropy(p.sum(axis=0)), _entropy(p)


def _entropy(shares: Floats) -> float:
    return -float((shares * _log(shares)).sum())


def _log(shares: Floats) -> Floats:
    return np.asarray(np.log(np.maximum(shares, EMPTY)))

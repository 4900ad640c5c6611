"""What registration looks at: an image at several resolutions, in tones that make bins of a histogram.

Values are cut to the body's range before they are averaged, so that a padding value of -3024 or a metal clip cannot colour
its neighbours; then mapped to histogram bins, air and padding to the first one and the body's percentiles over the rest.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from scanwright.doubt import Doubt
from scanwright.errors import GeometryError
from scanwright.geometry.field import Field
from scanwright.geometry.grid import Grid
from scanwright.geometry.mutual_information import FIRST, LAST
from scanwright.geometry.volume import Volume
from scanwright.types import Array, Bools, Floats, Shape3

MIN_EXTENT_VOXELS = 4  # along each axis: fewer slices hold no turn about an in-plane axis
PROBE_VOXELS = 200_000  # read to find the range of values: percentiles to 0.1 %
SMALLEST_BODY = 0.15  # a smaller share above the threshold is a hot spot, not a body: look again below it
MOST_AIR = 0.2  # of the bins, for what is below the threshold
CURVE_POINTS = 129
PADDING_SHARE = 0.002  # of the voxels at least are padding, where there is any
PADDING_GAP = 0.25  # of the other values' range: no further from them is padding taken to be (-3024 in a CT)
MARGIN_MM = 8.0  # of air around the body that is looked at: the skin is the strongest edge there is
ONE_CHANNEL = Doubt("align-one-channel", "registration takes one channel")
IN_PIXELS = Doubt("align-in-pixels", "registration needs millimetres")
FEW_SLICES = Doubt("align-few-slices", "too few slices to tell how the body is turned")
NOT_FINITE = Doubt("align-not-finite", "the image has no finite value")
ONE_VALUE = Doubt("align-one-value", "the image has one value everywhere: nothing to align")


@dataclass(frozen=True, slots=True, eq=False)
class Tones:
    """How values become bins: cut to `low` .. `high`, then along a rising curve; below `threshold` is air."""

    low: float
    high: float
    threshold: float
    values: Floats
    bins: Floats

    def __call__(self, values: Floats) -> Floats:
        """Positions in bins, FIRST to LAST, of values of any shape."""
        return np.interp(values, self.values, self.bins).astype(np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class _Base:
    """The finest working resolution: block means of the values (0 where unknown), the known share of each, their grid."""

    sums_IJK: Floats
    shares_IJK: Floats
    grid: Grid


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """One resolution. `tones_IJK`: float32 bins; `valid_IJK`: where there is a value; `body_IJK`: body and its margin."""

    tones_IJK: Floats
    valid_IJK: Bools
    body_IJK: Bools
    grid: Grid

    def field(self) -> Field:
        """The tones as a function of the point."""
        return Field.of(self.tones_IJK, self.valid_IJK, self.grid)

    def body_points(self) -> Floats:
        """Centres of the body's voxels, (N, 3), RAS+ mm."""
        return self.grid.points(np.argwhere(self.body_IJK))


def levels_of(volume: Volume, *, name: str, steps_mm: Sequence[float]) -> tuple[Level, ...]:
    """A volume at several resolutions, in the order of `steps_mm`; the smallest step bounds memory.

    Raises GeometryError, with `name` as the place, on several channels, pixels instead of millimetres, fewer than
    MIN_EXTENT_VOXELS slices along an axis, nothing finite, or one value everywhere.
    """
    _check(volume, name=name)
    voxels = volume.voxels[0]
    tones = tones_of(voxels, name=name)
    base = _base(voxels, volume.grid, tones, step_mm=min(steps_mm))
    return tuple(_level(base, tones, step_mm=step) for step in steps_mm)


def tones_of(voxels: Array, *, name: str = "image") -> Tones:
    """The range, the air threshold and the tone curve of an image (I, J, K); values that are not finite count nothing.

    The threshold is Otsu's on the square root of the height above the 1st percentile, up to the 99th; where that finds
    less than SMALLEST_BODY (the hot spots of a PET), it is sought again below. What is under it gets bins by its share,
    at most MOST_AIR of them, the body gets the rest; on each side half way between equal widths and equal counts.

    Raises GeometryError if nothing is finite, or all values are equal.
    """
    sample = _without_padding(_sample(voxels, name=name))
    low, high = np.percentile(sample, (1, 99)).tolist()
    if low == high:  # nearly everything is one value: the range is all there is
        low, high = float(sample.min()), float(sample.max())
    threshold = _threshold(sample, low, high)
    for _ in range(3):
        if (sample > threshold).mean() >= SMALLEST_BODY or threshold <= low:
            break
        threshold = _threshold(sample, low, threshold)
    air, body = sample[sample <= threshold], sample[sample > threshold]
    bins = int(LAST - FIRST)
    dark = max(1, round(bins * min(len(air) / len(sample), MOST_AIR)))
    top = max(float(np.percentile(body, 99)), threshold)
    dark_values, dark_bins = _curve(np.append(air, threshold), low, threshold, dark)
    values, light_bins = _curve(body, threshold, top, bins - dark)
    steps = np.concatenate((dark_bins[:-1], dark + light_bins))
    return Tones(low, top, threshold, np.concatenate((dark_values[:-1], values)), FIRST + steps)


def averaged(values: Floats, grid: Grid, *, step_mm: float) -> tuple[Floats, Grid]:
    """Means (I, J, K) of blocks of whole voxels, about `step_mm` along each axis, and their grid.

    What is left over at the ends is cut equally. An axis that is coarser already, or would keep fewer than
    MIN_EXTENT_VOXELS blocks, keeps its voxels or gets smaller blocks.
    """
    start, shape, factors = _blocks(grid, step_mm)
    part = values[tuple(slice(a, a + n * f) for a, n, f in zip(start, shape, factors, strict=True))]
    for axis, factor in enumerate(factors):
        if factor > 1:
            split = (*part.shape[:axis], shape[axis], factor, *part.shape[axis + 1 :])
            part = part.reshape(split).mean(axis=axis + 1)
    return part, _coarse(grid, step_mm)


def _curve(sample: Floats, low: float, high: float, bins: int) -> tuple[Floats, Floats]:
    """Values from `low` to `high` and their positions, 0 to `bins`: the mean of equal widths and equal counts."""
    shares = np.linspace(0, 1, CURVE_POINTS)
    counts = np.percentile(np.clip(sample, low, high), 100 * shares)
    counts[0], counts[-1] = low, high
    values = low + (high - low) * shares
    ranks = np.interp(values, counts, shares)
    ranks[0], ranks[-1] = 0, 1  # where an end occurs often, its rank is not defined
    return values, bins * (shares + ranks) / 2


def _threshold(sample: Floats, low: float, high: float) -> float:
    """Otsu's threshold on the square root of the values' height above `low`; `low` if all are equal."""
    if high <= low:
        return low
    counts, edges = np.histogram(np.sqrt(np.clip(sample, low, high) - low), 128)
    centres, below = (edges[1:] + edges[:-1]) / 2, np.cumsum(counts)[:-1]
    sums = np.cumsum(counts * centres)
    above, total = below[-1] + counts[-1] - below, sums[-1]
    between = below * above * (sums[:-1] / np.maximum(below, 1) - (total - sums[:-1]) / np.maximum(above, 1)) ** 2
    return float(low + edges[1 + int(between.argmax())] ** 2)


def _check(volume: Volume, *, name: str) -> None:
    if volume.channels != 1:
        raise GeometryError(ONE_CHANNEL, found=f"{volume.channels} channels", where=name)
    if volume.grid.unit != "mm":
        raise GeometryError(IN_PIXELS, found="an image in pixels", where=name)
    if min(volume.shape) < MIN_EXTENT_VOXELS:
        raise GeometryError(
            FEW_SLICES,
            expected=f"at least {MIN_EXTENT_VOXELS} voxels along each axis",
            found=" x ".join(map(str, volume.shape)),
            where=name,
        )


def _sample(voxels: Array, *, name: str) -> Floats:
    """About PROBE_VOXELS finite values, evenly spread; all of them where those are equal."""
    step = max(1, round((voxels.size / PROBE_VOXELS) ** (1 / 3)))
    sample = voxels[::step, ::step, ::step].astype(np.float64).ravel()
    sample = sample[np.isfinite(sample)]
    if sample.size == 0 or sample.min() == sample.max():
        sample = voxels[np.isfinite(voxels)].astype(np.float64)
    if sample.size == 0:
        raise GeometryError(NOT_FINITE, where=name)
    if sample.min() == sample.max():
        raise GeometryError(ONE_VALUE, found=f"{sample[0]:g}", where=name)
    return sample


def _without_padding(sample: Floats) -> Floats:
    """The sample with a filling value (the least or largest, frequent, far from all others) drawn near to the others."""
    for sign in (1, -1):
        heights = sign * sample
        filled = heights == heights.min()
        if PADDING_SHARE < filled.mean() < 1:
            rest = heights[~filled]
            spread = np.percentile(rest, 99) - rest.min()
            sample = sign * np.maximum(heights, rest.min() - PADDING_GAP * spread) if spread > 0 else sample
    return sample


def _blocks(grid: Grid, step_mm: float) -> tuple[Shape3, Shape3, Shape3]:
    """Where blocks start, how many there are, and how many voxels make one, along each axis."""
    sizes, spacings = np.array(grid.shape), np.array(grid.spacing)
    factors = np.clip(np.rint(step_mm / spacings).astype(int), 1, np.maximum(sizes // MIN_EXTENT_VOXELS, 1))
    counts = sizes // factors
    (a, b, c), (d, e, f), (g, h, i) = ((sizes - counts * factors) // 2).tolist(), counts.tolist(), factors.tolist()
    return (a, b, c), (d, e, f), (g, h, i)


def _coarse(grid: Grid, step_mm: float) -> Grid:
    """The grid of the blocks."""
    start, shape, factors = _blocks(grid, step_mm)
    i, j, k = (a + n * f for a, n, f in zip(start, shape, factors, strict=True))
    return grid.crop(start, (i, j, k)).resized(shape)


def _base(voxels: Array, grid: Grid, tones: Tones, *, step_mm: float) -> _Base:
    """The image cut to its range and averaged: a slab at a time, for a float copy of it all could be gigabytes."""
    (start, _, _), (count, _, _), (factor, _, _) = _blocks(grid, step_mm)
    sums, shares = [], []
    for row in range(start, start + count * factor, factor):
        slab = voxels[row : row + factor]
        finite = np.isfinite(slab)
        values = np.where(finite, np.clip(slab, tones.low, tones.high), 0).astype(np.float32).mean(axis=0)[None]
        known = finite.astype(np.float32).mean(axis=0)[None]
        flat = Grid((1, *grid.shape[1:]), grid.affine)
        sums.append(averaged(values, flat, step_mm=step_mm)[0])
        shares.append(averaged(known, flat, step_mm=step_mm)[0])
    return _Base(np.concatenate(sums), np.concatenate(shares), _coarse(grid, step_mm))


def _level(base: _Base, tones: Tones, *, step_mm: float) -> Level:
    """A base at a coarser resolution: tones, where they are known, and the body with its margin."""
    sums, grid = averaged(base.sums_IJK, base.grid, step_mm=step_mm)
    shares = averaged(base.shares_IJK, base.grid, step_mm=step_mm)[0]
    valid = shares >= min(0.5, float(shares.max()))
    values = np.where(valid, sums / np.where(valid, shares, 1), tones.low)
    body = ndimage.binary_fill_holes(values > tones.threshold)
    if not (body & valid).any():
        body = valid
    distance = ndimage.distance_transform_edt(~body, sampling=grid.spacing)
    return Level(tones(values), valid, (distance <= MARGIN_MM) & valid, grid)

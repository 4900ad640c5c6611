"""Numbers of one volume that cost one look at each voxel: intensities, boxes, counts, samples, hashes."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from scipy import ndimage

from scanwright.dataset.facts import Intensity
from scanwright.dataset.task import Task
from scanwright.files import canonical_json, sha256_bytes
from scanwright.geometry.grid import Grid
from scanwright.geometry.volume import Volume
from scanwright.runtime import generator
from scanwright.types import Array, Bools, Floats, Shape3, Triple

SAMPLE = 2000  # foreground voxels kept of each channel of a case; 260 cases pool half a million
PERCENTILE_VOXELS = 1 << 18  # percentiles of larger images are taken from evenly spaced voxels; error under 0.1 %
PIECE = 1 << 20
CENTER_VOXELS = 1 << 20
COMPONENT_BOX = 1 << 22  # regions in a larger box are not labelled: 4 million voxels take 40 ms

LARGEST = float(np.finfo(np.float32).max)  # scanners and tools write the largest float64 for "no data"

Box = tuple[Shape3, Shape3]
NOTHING: Box = ((0, 0, 0), (0, 0, 0))


def count_values(labels: Array) -> dict[int, int]:
    """How many voxels have each value, ascending. Whole numbers only; bincount is some 20 times faster than unique."""
    low, high = (int(labels.min()), int(labels.max())) if labels.size else (0, 0)
    if low >= 0 and high < 1 << 16:
        counts = np.zeros(high + 1, np.int64)
        for piece in _pieces(labels.ravel(order="K")):  # bincount makes 64-bit copies: of one piece, not of the whole
            counts += np.bincount(piece, minlength=high + 1)
        return {int(value): int(counts[value]) for value in np.flatnonzero(counts)}
    values, numbers = np.unique(labels, return_counts=True)
    return dict(zip(values.astype(int).tolist(), numbers.tolist(), strict=True))


def intensity_of(voxels: Array) -> Intensity:
    """Range, mean, standard deviation and percentiles of voxels of any shape, at least one, all finite.

    Range and mean are exact in float64; percentiles as `percentiles_of` gives them.
    """
    values = voxels.ravel(order="K")
    mean = sum(float(piece.sum(dtype=np.float64)) for piece in _pieces(values)) / values.size
    squares = sum(float(np.square(piece - mean, dtype=np.float64).sum()) for piece in _pieces(values))
    p005, p500, p995 = percentiles_of(values)
    return Intensity(
        min=float(values.min()),
        max=float(values.max()),
        mean=mean,
        std=(squares / values.size) ** 0.5,
        p005=p005,
        p500=p500,
        p995=p995,
    )


def percentiles_of(voxels: Array) -> Triple:
    """The 0.5th, 50th and 99.5th percentile of voxels of any shape, at least one.

    Those of more than 2^18 voxels come from an evenly spaced part.
    """
    values = voxels.ravel(order="K")
    low, middle, high = np.percentile(values[:: max(1, values.size // PERCENTILE_VOXELS)], (0.5, 50, 99.5)).tolist()
    return low, middle, high


def box_of(mask: Bools) -> Box:
    """(start, shape) of the smallest box around the True voxels of (I, J, K); shape (0, 0, 0) if there are none."""
    starts, sizes = [], []
    for axis in range(3):
        others = tuple(other for other in range(3) if other != axis)
        filled = np.flatnonzero(mask.any(axis=others))
        if not filled.size:
            return NOTHING
        starts.append(int(filled[0]))
        sizes.append(int(filled[-1] - filled[0] + 1))
    return (starts[0], starts[1], starts[2]), (sizes[0], sizes[1], sizes[2])


def cut_out(array: Array, box: Box) -> Array:
    """The last three axes of an array inside a box; a view."""
    (i, j, k), (ni, nj, nk) = box
    return array[..., i : i + ni, j : j + nj, k : k + nk]


def foreground_of(label: Array, task: Task) -> Bools:
    """(I, J, K) bool: voxels of any region of the task."""
    highest = max(task.values)
    if label.dtype.kind == "u" and highest < 1 << 16:
        table = np.zeros(max(highest, int(label.max(initial=0))) + 1, bool)
        table[sorted({value for region in task.regions for value in region.values})] = True
        return table[label]
    return np.isin(label, [value for region in task.regions for value in region.values])


def region_voxels(counts: Mapping[int, int], task: Task) -> dict[str, int]:
    """How many voxels each region has, from the counts of the label values."""
    return {region.name: sum(counts.get(value, 0) for value in set(region.values)) for region in task.regions}


def region_masks(label: Array, task: Task) -> dict[str, Bools]:
    """Where each region is, in the shape of the label map."""
    return {region.name: np.isin(label, region.values) for region in task.regions}


def region_components(label: Array, box: Box, task: Task) -> dict[str, int]:
    """How many 26-connected pieces each region has; nothing where the box around all regions is too large to be cheap."""
    if not 0 < np.prod(box[1], dtype=float) <= COMPONENT_BOX:
        return {}
    part = cut_out(label, box)
    full = np.ones((3, 3, 3), bool)
    return {name: int(ndimage.label(mask, structure=full)[1]) for name, mask in region_masks(part, task).items()}


def region_centers(label: Array, task: Task) -> dict[str, Triple]:
    """Centre of mass of each region that occurs, as shares of the image along I, J, K: 0 and 1 are the outer faces.

    Large labels are looked at in every second voxel, or third …, so that it costs the same: a share is good to some
    thousandths.
    """
    step = max(1, round((label.size / CENTER_VOXELS) ** (1 / 3)))
    coarse = label[::step, ::step, ::step]
    centers: dict[str, Triple] = {}
    for region in task.regions:
        places = np.nonzero(np.isin(coarse, region.values))
        if places[0].size:
            i, j, k = (float((p.mean() + 0.5) / size) for p, size in zip(places, coarse.shape, strict=True))
            centers[region.name] = (i, j, k)
    return centers


def sample_of(image: Array, mask: Bools, *, channels: int) -> tuple[tuple[float, ...], ...]:
    """For each channel the values of up to SAMPLE voxels inside a mask, the same ones each time."""
    in_slabs = np.count_nonzero(mask, axis=(1, 2))
    ends = np.cumsum(in_slabs)
    ranks = np.arange(min(int(ends[-1]), SAMPLE))
    if ends[-1] > SAMPLE:
        ranks = np.sort(generator(int(ends[-1])).choice(ends[-1], SAMPLE, replace=False))
    slabs = np.searchsorted(ends, ranks, side="right")
    places = np.zeros((2, ranks.size), np.intp)
    for i in np.unique(slabs):  # slab by slab, so that no list of all foreground voxels is made
        chosen = slabs == i
        places[:, chosen] = np.stack(np.nonzero(mask[i]))[:, ranks[chosen] - (ends[i] - in_slabs[i])]
    return tuple(tuple(image[channel][slabs, *places].astype(float).tolist()) for channel in range(channels))


def _pieces(values: Array) -> Iterator[Array]:
    """A flat array in views of up to PIECE values."""
    return (values[start : start + PIECE] for start in range(0, values.size, PIECE))


def voxel_hash(volume: Volume) -> str:
    """SHA-256 of decoded voxels, number type and shape; grid and compression have no part in it."""
    digest = hashlib.sha256(f"{volume.voxels.dtype.str} {volume.voxels.shape}".encode())
    for channel in volume.voxels:
        digest.update(np.ascontiguousarray(channel.T).data)  # files keep I fastest: no copy in most cases
    return digest.hexdigest()


def images_hash(hashes: Sequence[str]) -> str:
    """One SHA-256 of the `voxel_hash` of each image of a case, in their order."""
    return sha256_bytes(canonical_json(list(hashes)))


def grid_hash(*grids: Grid) -> str:
    """SHA-256 of shape, affine and unit of each grid."""
    return sha256_bytes(canonical_json([[list(grid.shape), grid.affine.tolist(), grid.unit] for grid in grids]))


def are_finite(voxels: Array) -> bool:
    """Whether no voxel is NaN, infinite or too large for float32, in which all else is computed.

    Without a temporary array as large as the voxels.
    """
    if voxels.dtype.kind != "f":
        return True
    return float(voxels.min()) >= -LARGEST and float(voxels.max()) <= LARGEST


def num_not_finite(voxels: Array) -> int:
    """How many voxels are NaN, infinite or too large for float32."""
    return int(np.count_nonzero(~(np.abs(voxels.astype(np.float64)) <= LARGEST)))


def pooled(samples: Sequence[Sequence[float]]) -> Floats:
    """Samples of many cases as one float64 array."""
    return np.concatenate([np.asarray(sample, np.float64) for sample in samples]) if samples else np.zeros(0)

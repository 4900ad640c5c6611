"""How real does an image look, in numbers, and how far does thresholding alone get on it.

Contrast-to-noise, noise, texture, sharpness and bias field: the same functions are run over real data sets and over the
phantom, so that the phantom can be held inside the ranges found on the real ones (tests/dataset/phantom/test_cohort.py
does). None of them is an absolute physical measurement: noise includes the finest anatomy and sharpness the smoothness
of organs, on both sides alike. The ranges found, and the script that finds them: docs/design/0002-phantom.md.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy import ndimage

from scanwright.types import Array, Bools, Floats

SHELL_VOXELS = 3  # how far around a structure its neighbourhood reaches
WINDOW_BINS = 160
HAAR_TO_SIGMA = 1 / (2 * 0.6745)  # a sum of four independent values has twice their sigma; 0.6745 is the normal's MAD


@dataclass(frozen=True, kw_only=True)
class Realism:
    """What `measure` finds in one image. All but `cnr` and `texture` are None where the body is under 1000 voxels.

    noise: sigma of the finest in-plane diagonal detail, as a share of `span` (the body's 99th minus 1st percentile).
    edge_voxels: `span` over the 99th percentile of the gradient: over how many voxels the strongest edges rise.
    bias: relative change of the commonest tissue over 100 voxels, from a plane fitted to its log intensity.
    slope: of the power spectrum in the middle slice, as a power of frequency: about 0 for white noise, -2 to -3.5 for images.
    cnr: {label value: |inside - shell| / pooled standard deviation}; the shell is 3 voxels of whatever surrounds it.
    texture: {label value: standard deviation inside, as a share of `span`}.
    """

    noise: float | None
    edge_voxels: float | None
    bias: float | None
    slope: float | None
    cnr: dict[int, float]
    texture: dict[int, float]


def measure(image_IJK: Array, label_IJK: Array, *, air: float | None = None) -> Realism:
    """Measure one channel of one case against its own label map.

    image_IJK, label_IJK: one shape (I, J, K); K may be 1. Labels are whole numbers, 0 is background.
    air: values at or under it are not body (-500 for CT); None takes a tenth of the 99th percentile (for the others).
    """
    image = np.asarray(image_IJK, np.float32)
    body = image > (np.percentile(image, 99) / 10 if air is None else air)
    enough = int(body.sum()) >= 1000
    low, high = np.percentile(image[body], (1, 99)) if enough else (image.min(), image.max())
    span = max(float(high - low), 1e-6)
    clipped = np.clip(image, low - span / 4, high + span / 4)
    return Realism(
        noise=noise_sigma(clipped, body) / span if enough else None,
        edge_voxels=edge_width(clipped, body, span=span) if enough else None,
        bias=bias_slope(image, body) if enough else None,
        slope=spectrum_slope(clipped) if enough else None,
        cnr=contrast_to_noise(image, label_IJK),
        texture={int(v): float(image[label_IJK == v].std()) / span for v in np.unique(label_IJK) if v},
    )


def noise_sigma(image_IJK: Floats, body: Bools) -> float:
    """Sigma of white noise from the finest diagonal Haar detail of each slice (Donoho's median absolute deviation).

    Noise that the scanner has smoothed is underestimated, as it is on real images.
    """
    detail = image_IJK[1:, 1:] - image_IJK[:-1, 1:] - image_IJK[1:, :-1] + image_IJK[:-1, :-1]
    inside = body[1:, 1:] & body[:-1, 1:] & body[1:, :-1] & body[:-1, :-1]
    return float(np.median(np.abs(detail[inside]))) * HAAR_TO_SIGMA


def edge_width(image_IJK: Floats, body: Bools, *, span: float) -> float:
    """Voxels over which the strongest edges of the body would cross `span`; about 1 for a step, larger when blurred."""
    steps = np.hypot(np.gradient(image_IJK, axis=0), np.gradient(image_IJK, axis=1))
    return span / max(2 * float(np.percentile(steps[body], 99)), 1e-6)


def bias_slope(image_IJK: Floats, body: Bools) -> float:
    """Relative change over 100 voxels of the commonest tissue: a plane is fitted to the log of its values.

    The commonest tissue is what lies within a quarter of the histogram's mode. A positive image is needed for the
    number to mean anything; on CT it is close to zero by construction of the scanner.
    """
    values = image_IJK[body]
    counts, edges = np.histogram(values, bins=64, range=tuple(np.percentile(values, (5, 95))))
    mode = float(edges[counts.argmax()] + edges[counts.argmax() + 1]) / 2
    tissue = body & (np.abs(image_IJK - mode) < 0.25 * abs(mode)) & (image_IJK > 0)
    where = np.argwhere(tissue).astype(np.float32)
    if len(where) < 200:
        return 0.0
    design = np.column_stack([where - where.mean(0), np.ones(len(where), np.float32)])
    slope = np.linalg.lstsq(design, np.log(image_IJK[tissue]), rcond=None)[0][:3]
    return float(np.linalg.norm(slope[:2])) * 100  # in plane: a slice axis of few slices fits noise


def spectrum_slope(image_IJK: Floats) -> float | None:
    """The power of frequency that the power spectrum of the middle slice follows, from 0.05 to 0.35 cycles a voxel.

    A line through the logarithms of the mean power in 12 rings of equal width in the logarithm; a Hann window keeps the edges
    out. None for a slice of fewer than 24 voxels along a side. Source: Burgess 1999, J Opt Soc Am A 16:633.
    """
    plane = image_IJK[:, :, image_IJK.shape[2] // 2]
    if min(plane.shape) < 24:
        return None
    window = np.hanning(plane.shape[0])[:, None] * np.hanning(plane.shape[1])
    power = np.abs(np.fft.rfft2((plane - plane.mean()) * window)) ** 2
    reach = np.hypot(np.fft.fftfreq(plane.shape[0])[:, None], np.fft.rfftfreq(plane.shape[1]))
    edges = np.geomspace(0.05, 0.35, 13)
    rings = [power[(reach >= low) & (reach < high)] for low, high in pairwise(edges)]
    kept = [(low * high, ring.mean()) for (low, high), ring in zip(pairwise(edges), rings, strict=True) if ring.size]
    middles, means = np.log(np.array(kept) + 1e-12).T
    return float(np.polyfit(middles / 2, means, 1)[0])


def contrast_to_noise(image_IJK: Array, label_IJK: Array) -> dict[int, float]:
    """|mean inside - mean of the shell| / sqrt of the mean of both variances, for each label value but 0.

    A structure of fewer than 8 voxels is left out.
    """
    found = {}
    for index, box in enumerate(ndimage.find_objects(np.asarray(label_IJK, np.int32)), start=1):
        if box is None:
            continue
        wide = tuple(slice(max(s.start - SHELL_VOXELS, 0), s.stop + SHELL_VOXELS) for s in box)
        inside = np.asarray(label_IJK[wide]) == index
        shell = ndimage.binary_dilation(inside, iterations=SHELL_VOXELS) & ~inside
        if inside.sum() >= 8 and shell.any():
            a, b = image_IJK[wide][inside].astype(float), image_IJK[wide][shell].astype(float)
            found[index] = float(abs(a.mean() - b.mean()) / np.sqrt((a.var() + b.var()) / 2 + 1e-12))
    return found


def threshold_dice(
    train: Sequence[tuple[Array, Array]], held_out: Iterable[tuple[Array, Array]], *, values: Sequence[int]
) -> dict[int, float]:
    """Mean Dice on held-out cases of the best intensity window of each label value, chosen on the training cases.

    Cases are (image, label). Intensities are first standardised over the body (what
    exceeds a tenth of the 99th percentile), as a network's input would be, so that a window can carry over between scans.
    Cases without a structure do not count for it; nan if the training or the held-out ones all lack it.
    """
    train_counts = [_window_counts(image, label, values) for image, label in train]
    held_counts = [_window_counts(image, label, values) for image, label in held_out]
    found = {}
    for number, value in enumerate(values):
        chosen_on = [_dice_of_windows(c, number) for c in train_counts if c[number].any()]
        tried_on = [_dice_of_windows(c, number) for c in held_counts if c[number].any()]
        defined = bool(chosen_on and tried_on)
        window = int(np.mean(chosen_on, axis=0).argmax()) if defined else 0
        found[value] = float(np.mean([dice[window] for dice in tried_on])) if defined else float("nan")
    return found


def _window_counts(image: Array, label: Array, values: Sequence[int]) -> Floats:
    """Histograms (values + 1, WINDOW_BINS) of standardised intensity: inside each structure, and of all voxels."""
    body = image[image > np.percentile(image, 99) / 10]
    levels = np.clip((image - body.mean()) / body.std(), -4, 4)
    masks = [label == value for value in values] + [np.ones(label.shape, bool)]
    return np.array([np.histogram(levels[mask], bins=WINDOW_BINS, range=(-4, 4))[0] for mask in masks], float)


def _dice_of_windows(counts: Floats, number: int) -> Floats:
    """Dice of every window of bins [a, b), flat over a and b, for a structure that is present."""
    inside, chosen = (np.concatenate([[0.0], np.cumsum(counts[row])]) for row in (number, -1))
    hits, claimed = (np.maximum(sums[None, :] - sums[:, None], 0) for sums in (inside, chosen))
    return np.asarray(2 * hits / (claimed + inside[-1])).ravel()

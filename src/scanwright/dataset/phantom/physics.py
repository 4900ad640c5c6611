"""How a scanner shows a scene: one short function a modality.

Numbers are for looks and for difficulty, not for dosimetry: tissue values are typical of 1.5 T gradient echo and of a
portal venous CT; noise, bias and sharpness lie in the ranges measured on real sets (docs/design/0002-phantom.md).
"""

from collections.abc import Mapping

import numpy as np
from scipy import ndimage

from scanwright.dataset.phantom.scene import Scene
from scanwright.types import Floats, Triple

# standard deviation of the point spread, in voxels
MR_BLUR, CT_BLUR = (0.48, 0.62), (0.76, 0.88)
MR_NOISE = (0.014, 0.028)  # fat is 1
CT_NOISE_HU = (7.0, 12.0)

# name: (mean, texture) for T1, T2 (fat is 1), and CT (Hounsfield units)
TISSUES: Mapping[str, tuple[tuple[float, float], tuple[float, float], tuple[float, float]]] = {
    "skin": ((0.45, 0.03), (0.35, 0.03), (40, 8)),
    "fat": ((0.90, 0.08), (0.80, 0.08), (-100, 14)),
    "muscle": ((0.36, 0.05), (0.20, 0.04), (55, 12)),
    "bone": ((0.12, 0.03), (0.08, 0.02), (420, 60)),
    "marrow": ((0.52, 0.09), (0.38, 0.08), (170, 35)),
    "disc": ((0.33, 0.05), (0.40, 0.10), (85, 12)),
    "csf": ((0.14, 0.02), (1.00, 0.05), (12, 5)),
    "cord": ((0.36, 0.03), (0.40, 0.03), (38, 6)),
    "lung": ((0.05, 0.02), (0.06, 0.02), (-830, 40)),
    "liver": ((0.48, 0.055), (0.26, 0.04), (105, 13)),
    "vein": ((0.41, 0.05), (0.30, 0.08), (140, 12)),
    "artery": ((0.34, 0.06), (0.14, 0.05), (150, 12)),
    "lesion": ((0.31, 0.05), (0.50, 0.08), (62, 16)),
    "necrosis": ((0.23, 0.05), (0.72, 0.10), (38, 14)),
    "spleen": ((0.39, 0.045), (0.46, 0.06), (118, 12)),
    "renal_cortex": ((0.46, 0.06), (0.52, 0.07), (145, 18)),
    "renal_medulla": ((0.36, 0.06), (0.62, 0.08), (118, 18)),
    "pancreas": ((0.48, 0.08), (0.34, 0.07), (90, 22)),
    "stomach_wall": ((0.38, 0.05), (0.30, 0.05), (75, 14)),
    "stomach_fluid": ((0.32, 0.10), (0.72, 0.16), (25, 18)),
    "bowel_wall": ((0.38, 0.05), (0.30, 0.05), (70, 14)),
    "bowel_content": ((0.42, 0.14), (0.55, 0.17), (30, 28)),
    "gas": ((0.03, 0.01), (0.03, 0.01), (-900, 30)),
    "bile": ((0.36, 0.06), (0.95, 0.06), (10, 8)),
}
OF_THE_HEAD: Mapping[str, tuple[str, tuple[tuple[float, float], ...]]] = {
    "grey_matter": ("spleen", ((0.44, 0.03), (0.42, 0.04), (38, 4))),
    "white_matter": ("pancreas", ((0.60, 0.03), (0.26, 0.03), (30, 4))),
}
"""Tissues that came later: with each one above, whose share of change it takes, so that no number is drawn more than before."""
CHANNELS: Mapping[str, tuple[str, ...]] = {"mr": ("T1", "T2"), "ct": ("CT",)}


def acquire(
    scene: Scene, rng: np.random.Generator, *, modality: str, spacing: Triple, channels: int = 1
) -> tuple[Floats, ...]:
    """The channels of one scan, float32: Hounsfield units for CT; for MR arbitrary units, another scale each time."""
    if modality == "ct":
        return (ct(scene, rng, spacing=spacing),)
    scale = float(np.exp(rng.uniform(np.log(250), np.log(2500))))
    return tuple(mr(scene, rng, spacing=spacing, weighting=number) * scale for number in range(channels))


def mr(scene: Scene, rng: np.random.Generator, *, spacing: Triple, weighting: int = 0) -> Floats:
    """A magnetic resonance image in arbitrary units, never negative: T1 (weighting 0) or T2 (1).

    Tissue means shift for each scan; coil sensitivity is a smooth bias; noise is Rician (magnitude of a complex value).
    """
    image = scene.mix(_shifted(rng, weighting, relative=0.09), air=0.0, grain=_grain(rng, scene.shape, spacing))
    image = ndimage.gaussian_filter(image, [rng.uniform(*MR_BLUR)] * 3)
    image *= _bias(rng, scene.shape, spacing)
    sigma = rng.uniform(*MR_NOISE)
    real, imaginary = (rng.standard_normal(scene.shape, np.float32) * np.float32(sigma) for _ in range(2))
    return np.asarray(np.hypot(image + real, imaginary), np.float32)


def ct(scene: Scene, rng: np.random.Generator, *, spacing: Triple) -> Floats:
    """Computed tomography in Hounsfield units: noise smoothed by the kernel, shared between neighbours in plane."""
    image = scene.mix(_shifted(rng, 2, relative=0.05), air=-1000.0, grain=_grain(rng, scene.shape, spacing))
    image = ndimage.gaussian_filter(image, [rng.uniform(*CT_BLUR)] * 3)
    noise = ndimage.gaussian_filter(rng.standard_normal(scene.shape, np.float32), (0.55, 0.55, 0.3))
    return np.asarray(image + noise * (rng.uniform(*CT_NOISE_HU) / noise.std()), np.float32)


def _shifted(rng: np.random.Generator, column: int, *, relative: float) -> dict[str, tuple[float, float]]:
    """The tissue table of one scan: every mean moved by a random share of itself (physiology, timing of contrast)."""
    moves = rng.normal(scale=relative, size=len(TISSUES))
    moved = dict(zip(TISSUES, moves.tolist(), strict=True))
    found = {name: (values[column][0] * (1 + moved[name]), values[column][1]) for name, values in TISSUES.items()}
    return found | {
        name: (values[column][0] * (1 + moved[like]), values[column][1]) for name, (like, values) in OF_THE_HEAD.items()
    }


def _grain(rng: np.random.Generator, shape: tuple[int, ...], spacing: Triple) -> Floats:
    """A texture of mean 0 and deviation 1, its grains about 4 mm wide."""
    noise = ndimage.gaussian_filter(rng.standard_normal(shape, np.float32), [4.0 / s for s in spacing])
    return np.asarray(noise / noise.std(), np.float32)


def _bias(rng: np.random.Generator, shape: tuple[int, ...], spacing: Triple) -> Floats:
    """A smooth positive factor around 1: a quadratic of place, up to about 30 % from edge to edge."""
    axes = [(np.arange(n, dtype=np.float32) - (n - 1) / 2) * s / 150 for n, s in zip(shape, spacing, strict=True)]
    x, y, z = np.meshgrid(*axes, indexing="ij", sparse=True)
    a, b, c, d, e, f = rng.normal(scale=(0.09, 0.09, 0.07, 0.05, 0.05, 0.05))
    return np.asarray(np.exp(a * x + b * y + c * z + d * x * x + e * y * y + f * x * y), np.float32)

"""A radiograph of a scene: rays from a point source, Beer and Lambert's law, scatter, photons, a detector's response.

The scene is painted along the rays themselves, so a diverging beam costs no more than a parallel one. Units: mm, and
attenuation per mm at the mean energy of a chest exposure. Sources: Bushberg et al., The Essential Physics of Medical
Imaging, 3rd ed., ch. 3 and 7 (attenuation, scatter); numbers are for looks, not for dosimetry.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from scanwright.dataset.phantom.physics import TISSUES
from scanwright.dataset.phantom.scene import Scene
from scanwright.types import Array, Floats, Triple

WATER_PER_MM = 0.0175  # about 75 keV
BONE_GAIN = {"bone": 2.3, "marrow": 1.6}  # over Hounsfield units of CT: a radiograph's energy is lower, ribs are small
SOURCE_MM, DETECTOR_MM = 1800.0, 180.0  # from the body's middle: the tube behind the patient, the detector before
DEPTH_MM = 236.0  # that the rays are followed through the body
STEPS = 42  # along a ray
PITCH_PX = 2.0  # pixels of the picture for each ray: radiographs are smooth over two to six pixels
PHOTONS = (9e3, 2.4e4)  # that reach an open pixel
SCATTER = (0.35, 0.6)  # scattered over primary photons, behind a grid
SEEN_MM = {"right_lung": 40.0, "left_lung": 40.0, "heart": 15.0}  # along a ray: no lung behind the diaphragm, as drawn
SHARPENED = (0.8, 1.6)  # the gain of fine over coarse contrast that detectors' processing applies
DETAIL = (0.045, 0.07)  # standard deviation of the anatomy too fine to be drawn, in line integrals
DETAIL_SLOPE = -2.0  # of its power over frequency, and of the whole picture's: Burgess 1999, J Opt Soc Am A 16:633
LEAST_MM = 4.0  # of any other structure


@dataclass(frozen=True, kw_only=True, eq=False)
class Beam:
    """Rays through a body. points_xyz: (3, I, J, K), I across to the patient's left, J along the ray, K up.

    step_mm: (I, K), the length of one step. size: rows and columns of the picture, which is square.
    """

    points_xyz: Floats
    step_mm: Floats
    size: int


def beam(*, centre_xyz: Triple, size: int, width_mm: float = 360.0) -> Beam:
    """Rays of a posteroanterior exposure of `width_mm` at the detector, which lies in front of the patient."""
    rays = round(size / PITCH_PX)
    reach = (np.arange(rays, dtype=np.float32) + 0.5) / rays - 0.5
    across, up = np.meshgrid(-reach * width_mm, reach * width_mm, indexing="ij")  # on the detector
    depth = (np.arange(STEPS, dtype=np.float32) + 0.5) / STEPS * DEPTH_MM - DEPTH_MM / 2  # 0 in the body's middle
    share = ((SOURCE_MM + depth) / (SOURCE_MM + DETECTOR_MM)).reshape(1, -1, 1)
    x, z = (plane[:, None, :] * share + middle for plane, middle in ((across, centre_xyz[0]), (up, centre_xyz[2])))
    y = np.broadcast_to(depth.reshape(1, -1, 1) + np.float32(centre_xyz[1]), x.shape)
    length = np.sqrt(across**2 + up**2 + (SOURCE_MM + DETECTOR_MM) ** 2) / (SOURCE_MM + DETECTOR_MM)
    return Beam(points_xyz=np.stack([x, y, z]), step_mm=length * DEPTH_MM / STEPS, size=size)


def attenuation(scene: Scene, rng: np.random.Generator) -> Floats:
    """Attenuation per mm at every point of a scene (I, J, K), float32, from the tissues' Hounsfield units."""
    grain = ndimage.gaussian_filter(rng.standard_normal(scene.shape, np.float32), 0.8)
    tissues = {n: (level * BONE_GAIN.get(n, 1.0), spread) for n, (_, _, (level, spread)) in TISSUES.items()}
    image = scene.mix(tissues, air=-1000.0, grain=grain / grain.std())
    return np.asarray(np.maximum(WATER_PER_MM * (1 + image / 1000), 0), np.float32)


def expose(line_integrals: Floats, rng: np.random.Generator, *, size: int) -> Array:
    """The picture (rows, columns), uint8, bright where much is absorbed, of line integrals (I, K) of attenuation.

    Photons are Poisson; scatter is a wide blur of what comes through, after a grid. The detector answers to the logarithm,
    its processing raises fine contrast, and the darkest and brightest hundredths are cut.
    """
    fine = enlarge(line_integrals, size)
    fine = fine + detail(rng, size) * rng.uniform(*DETAIL) * np.minimum(fine / 2, 1)  # none in air
    primary = np.exp(-fine)
    open_photons = np.exp(rng.uniform(*np.log(PHOTONS)))
    scatter = ndimage.gaussian_filter(primary, size / 12, mode="nearest") * rng.uniform(*SCATTER)
    counts = rng.poisson(open_photons * (primary + scatter)).astype(np.float32)
    counts = ndimage.gaussian_filter(counts, rng.uniform(0.35, 0.52), mode="nearest")
    dense = -np.log(np.maximum(counts, 1) / open_photons)
    gain = rng.uniform(*SHARPENED)
    dense += gain * (dense - ndimage.gaussian_filter(dense, size / 40, mode="nearest"))
    low, high = np.percentile(dense, (3, 99.0))
    scaled = np.clip((dense - low) / max(float(high - low), 1e-6), 0, 1)
    curve = scaled ** rng.uniform(0.85, 1.15)
    return np.asarray(np.rint(rng.uniform(2, 12) + curve * rng.uniform(225, 243)), np.uint8).T[::-1]


def detail(rng: np.random.Generator, size: int) -> Floats:
    """A random pattern (size, size) of mean 0 and deviation 1 whose power falls with frequency: vessels, trabeculae, skin."""
    reach = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size))
    gain = np.maximum(reach, 8 / size) ** (DETAIL_SLOPE / 2)  # coarse anatomy is there already
    gain[reach < 4 / size] = 0
    pattern = np.fft.irfft2(np.fft.rfft2(rng.standard_normal((size, size))) * gain, s=(size, size))
    return np.asarray(pattern / pattern.std(), np.float32)


def silhouettes(scene: Scene, values: Mapping[str, int], *, step_mm: Floats, size: int) -> Array:
    """The label map (rows, columns), uint8: where a ray runs long enough through a structure.

    Structures are painted over each other in the order of `values`.
    """
    found = np.zeros((size, size), np.uint8)
    for name, value in values.items():
        share = np.zeros(scene.shape, np.float32)
        for layer in scene.layers:
            part = share[layer.box]
            part += layer.cover * ((layer.value == value) - part)
        found[enlarge(share.sum(axis=1) * step_mm, size) >= SEEN_MM.get(name, LEAST_MM)] = value
    return found.T[::-1]


def enlarge(plane: Floats, size: int) -> Floats:
    """A plane of rays (I, K) as `size` by `size` pixels, cubic."""
    return np.asarray(ndimage.zoom(plane, size / plane.shape[0], order=3, mode="nearest", grid_mode=True), np.float32)

"""An ultrasound picture (B-mode) of a scene: speckle of scatterers, echoes of borders, attenuation, shadows, enhancement.

The scene is painted along the beams of a curved probe, one row a depth and one column a beam, so that what a beam has lost
on its way is a running sum; the envelope is compressed to decibels and laid on a picture. Sources: Burckhardt 1978, IEEE
Trans. Sonics Ultrason. 25:1 (speckle is Rayleigh: the magnitude of a complex normal value); Cobbold, Foundations of
Biomedical Ultrasound, ch. 1 (attenuation, impedance). Numbers are for looks.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from scanwright.dataset.phantom.scene import Scene
from scanwright.types import Array, Bools, Floats

DEPTHS, BEAMS = 360, 176
RANGE_DB = (52.0, 60.0)  # from black to white
GAIN_DB = (29.0, 36.0)  # of liver over black, at the focus
COMPENSATED_DB = 0.36  # per mm: what time gain compensation gives back, both ways
NOISE_DB = -42.0  # of the receiver below liver, before compensation
PULSE_MM = (0.8, 1.1)  # standard deviation of the pulse along a beam
BEAM_MM = (1.3, 1.8)  # and across it, at the focus
LOOKS = 3  # echoes of different frequencies that are averaged, which scanners do against speckle
SURFACE_DB = 28.0  # of the border between muscle and bone, over liver
TEXTURE_DB = 2.2
NEAR_MM = 14.0  # shallower, everything is bright

# name: (echoes in dB over liver, loss in dB per mm both ways, impedance in Mrayl)
TISSUES: Mapping[str, tuple[float, float, float]] = {
    "skin": (7, 0.5, 1.70),
    "fat": (-5, 0.40, 1.45),
    "muscle": (-3, 0.45, 1.68),
    "bone": (8, 6.0, 6.0),
    "marrow": (-6, 6.0, 4.0),
    "disc": (-6, 0.9, 1.8),
    "csf": (-34, 0.06, 1.52),
    "cord": (-7, 0.4, 1.6),
    "lung": (6, 5.0, 0.4),
    "liver": (0, 0.36, 1.65),
    "vein": (-30, 0.12, 1.60),
    "artery": (-30, 0.12, 1.60),
    "lesion": (-9, 0.48, 1.60),
    "necrosis": (-17, 0.30, 1.57),
    "spleen": (1, 0.36, 1.65),
    "renal_cortex": (-5, 0.36, 1.63),
    "renal_medulla": (-11, 0.34, 1.61),
    "pancreas": (5, 0.38, 1.67),
    "stomach_wall": (-4, 0.40, 1.66),
    "stomach_fluid": (-16, 0.20, 1.54),
    "bowel_wall": (-4, 0.40, 1.66),
    "bowel_content": (3, 1.1, 1.58),
    "gas": (8, 5.0, 0.2),
    "bile": (-38, 0.03, 1.53),
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Fan:
    """The plane of a curved probe in patient space. Depth is counted from the probe's surface.

    skin_xyz: the surface's middle. inward, across: unit vectors. radius_mm: of the surface; a large one is a linear probe.
    half_angle: of the fan, radians. depth_mm: that is shown.
    """

    skin_xyz: Floats
    inward: Floats
    across: Floats
    radius_mm: float
    half_angle: float
    depth_mm: float

    def along_beams(self, depths: int = DEPTHS, beams: int = BEAMS) -> Floats:
        """Points (3, depths, beams, 1) in mm along the beams."""
        reach = self.radius_mm + (np.arange(depths) + 0.5) / depths * self.depth_mm
        angle = ((np.arange(beams) + 0.5) / beams * 2 - 1) * self.half_angle
        return self._points(reach[:, None] * np.cos(angle), reach[:, None] * np.sin(angle))

    def of_picture(self, size: int) -> Floats:
        """Points (3, rows, columns, 1) in mm of a square picture with the whole fan in it, its top row at the probe."""
        down, aside = self._picture(size)
        return self._points(down, aside)

    def beams_of_picture(self, size: int) -> tuple[Floats, Floats]:
        """Where each pixel (rows, columns) lies among DEPTHS and BEAMS, as indices; outside of them it is not in the fan."""
        down, aside = self._picture(size)
        depth = (np.hypot(down, aside) - self.radius_mm) / self.depth_mm * DEPTHS - 0.5
        beam = (np.arctan2(aside, down) / self.half_angle + 1) / 2 * BEAMS - 0.5
        return np.asarray(depth), np.asarray(beam)

    def shown(self, size: int) -> Bools:
        """Which pixels (rows, columns) of a picture lie in the fan."""
        depth, beam = self.beams_of_picture(size)
        return np.asarray(
            (np.abs(depth - (DEPTHS - 1) / 2) <= DEPTHS / 2) & (np.abs(beam - (BEAMS - 1) / 2) <= BEAMS / 2)
        )

    @property
    def width_mm(self) -> float:
        """Millimetres that a picture is wide and high."""
        return max(self._height, 2 * (self.radius_mm + self.depth_mm) * float(np.sin(self.half_angle)))

    @property
    def _height(self) -> float:
        return self.radius_mm * (1 - float(np.cos(self.half_angle))) + self.depth_mm

    def _picture(self, size: int) -> tuple[Floats, Floats]:
        """Distances (rows, columns) of pixels from the centre of the probe's curvature, downwards and aside."""
        steps = (np.arange(size) + 0.5) / size * self.width_mm
        top = self.radius_mm * float(np.cos(self.half_angle)) - (self.width_mm - self._height) / 2
        down, aside = np.meshgrid(top + steps, steps - self.width_mm / 2, indexing="ij")
        return down, aside

    def _points(self, down: Floats, aside: Floats) -> Floats:
        centre = self.skin_xyz - self.radius_mm * self.inward
        parts = centre[:, None, None] + self.inward[:, None, None] * down + self.across[:, None, None] * aside
        return np.asarray(parts[..., None], np.float32)


def insonate(scene: Scene, rng: np.random.Generator, *, fan: Fan, size: int) -> Array:
    """The picture (rows, columns), uint8, of a scene that was painted on `fan.along_beams()`; 0 outside the fan."""
    steps_mm = fan.depth_mm / DEPTHS
    depth_mm = (np.arange(DEPTHS, dtype=np.float32)[:, None] + 0.5) * steps_mm
    grain = ndimage.gaussian_filter(rng.standard_normal(scene.shape, np.float32), (7, 5, 0))
    grain /= grain.std()
    echoes, loss, impedance = (
        scene.mix(_column(number, TEXTURE_DB if number == 0 else 0.0), air=air, grain=grain)[:, :, 0]
        for number, air in ((0, -30.0), (1, 0.2), (2, 1.6))
    )
    border = np.abs(np.gradient(np.log(impedance), axis=0)) / steps_mm
    amplitude = 10 ** (echoes / 20)
    uneven = np.exp(0.5 * grain[:, :, 0] + 0.4 * rng.standard_normal(border.shape, np.float32))
    surface = np.minimum(border, 1) * uneven * 10 ** (SURFACE_DB / 20)
    lost = np.cumsum(loss, axis=0) * steps_mm - COMPENSATED_DB * depth_mm
    lost = ndimage.gaussian_filter1d(lost, 1.2, axis=1)
    near = 6 * np.exp(-depth_mm / NEAR_MM) - 5 * ((depth_mm - 0.5 * fan.depth_mm) / fan.depth_mm) ** 2
    seen = (amplitude + surface) * 10 ** ((near - lost) / 20)
    noise = 10 ** ((NOISE_DB + 0.5 * COMPENSATED_DB * depth_mm) / 20)
    envelope = np.sqrt(sum(_power(seen, noise, rng, fan=fan) for _ in range(LOOKS)) / LOOKS)
    level = (20 * np.log10(np.maximum(envelope, 1e-6)) + rng.uniform(*GAIN_DB)) / rng.uniform(*RANGE_DB)
    return _picture(np.clip(level, 0, 1) * rng.uniform(225, 250), fan=fan, size=size)


def label_in(scene: Scene, *, fan: Fan) -> Array:
    """The label map (rows, columns), uint8, of a scene that was painted on `fan.of_picture(size)`; 0 outside the fan."""
    labels = scene.labels()[:, :, 0]
    return np.asarray(np.where(fan.shown(len(labels)), labels, 0))


def blocked(scene: Scene, *, fan: Fan) -> float:
    """How many dB the beams of a painted scene lose on average beyond soft tissue: high behind ribs, lung and gas."""
    loss = scene.mix(_column(1, 0.0), air=0.2, grain=np.zeros(scene.shape, np.float32))
    return float(np.minimum(np.maximum(loss - 0.6, 0).sum(axis=0) * fan.depth_mm / scene.shape[0], 60).mean())


def _column(number: int, spread: float) -> dict[str, tuple[float, float]]:
    return {name: (row[number], spread) for name, row in TISSUES.items()}


def _power(amplitude: Floats, noise: Floats, rng: np.random.Generator, *, fan: Fan) -> Floats:
    """Squared envelope (depths, beams) of scatterers of these amplitudes, seen through the pulse, and the receiver's noise."""
    along = rng.uniform(*PULSE_MM) / (fan.depth_mm / DEPTHS)
    middle_mm = 2 * fan.half_angle * (fan.radius_mm + fan.depth_mm / 2) / BEAMS
    across = rng.uniform(*BEAM_MM) / middle_mm
    found = np.zeros_like(amplitude)
    for _ in range(2):  # the real and the imaginary part
        scatterers = rng.standard_normal(amplitude.shape, np.float32) * amplitude
        seen = ndimage.gaussian_filter(scatterers, (along, across)) * np.sqrt(2 * np.pi * along * across)
        found += (seen + noise * rng.standard_normal(amplitude.shape, np.float32)) ** 2
    return np.asarray(found)


def _picture(levels: Floats, *, fan: Fan, size: int) -> Array:
    """Beams on a square picture, bilinear."""
    depth, beam = fan.beams_of_picture(size)
    found = ndimage.map_coordinates(levels, (depth, beam), order=1, mode="nearest")
    return np.asarray(np.rint(np.where(fan.shown(size), found, 0)), np.uint8)

"""The one body that every subject is bent from: an upper abdomen as implicit shapes in RAS+ millimetres.

The origin lies in front of the first lumbar vertebra. The patient's right is +x, so liver, gall bladder, vena cava and
the lower kidney are at +x; spleen, stomach and aorta at -x. Not an atlas: proportions are those of an adult, simplified
(no adrenals, no duodenum, no hip). Functions take points (3, …) and return signed distances (…) in mm, negative inside.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from scanwright.dataset.phantom.shapes import blend, column, ellipsoid, tube
from scanwright.types import Floats, Triple

Shape = Callable[[Floats], Floats]


@dataclass(frozen=True, kw_only=True)
class Organ:
    """A shape, two corners of a box that holds it, and by how many mm its surface is roughened."""

    shape: Shape
    low: Triple
    high: Triple
    rough: float = 1.5


def skin(points_xyz: Floats) -> Floats:
    """The trunk's outer surface, an endless column."""
    return column(points_xyz, centre=(0, 0), radii=(152, 104), power=2.4)


def cavity(points_xyz: Floats, *, fat_mm: float) -> Floats:
    """Inside the muscular wall: nearer to the front than to the back, narrower under a thick layer of fat."""
    return column(points_xyz, centre=(0, 17), radii=(138 - fat_mm, 88 - fat_mm / 2), power=2.5)


def dome(points_xyz: Floats) -> Floats:
    """Under the diaphragm: two domes, the right one higher."""
    right = ellipsoid(points_xyz, centre=(62, 5, -20), radii=(76, 84, 104))
    left = ellipsoid(points_xyz, centre=(-62, 5, -20), radii=(76, 84, 94))
    return blend(right, left, width=30)


def liver(points_xyz: Floats) -> Floats:
    """A large right lobe and a flat left one, cut by a lower surface that faces down, back and left."""
    right = ellipsoid(points_xyz, centre=(72, 2, 20), radii=(80, 86, 86), power=2.3)
    left = ellipsoid(points_xyz, centre=(2, 50, 42), radii=(84, 40, 36), tilt=(0, 8, 0))
    below = 10 - 0.5 * points_xyz[0] - 0.45 * points_xyz[1] - 0.75 * points_xyz[2]
    return -blend(-blend(right, left, width=25), -below, width=20)


def stomach(points_xyz: Floats) -> Floats:
    """Fundus under the left dome, body running down and forward, antrum across the midline."""
    fundus = ellipsoid(points_xyz, centre=(-66, -2, 48), radii=(34, 36, 36))
    path = ((-66, 5, 45), (-58, 40, 10), (-28, 56, -14), (10, 48, -8))
    return blend(fundus, tube(points_xyz, path=path, radius=(30, 26, 20, 12)), width=22)


def spleen(points_xyz: Floats) -> Floats:
    """A bean against the left wall, hollowed where the stomach lies."""
    bean = ellipsoid(points_xyz, centre=(-106, -34, 26), radii=(38, 56, 56), tilt=(0, 12, 18))
    return np.asarray(np.maximum(bean, -ellipsoid(points_xyz, centre=(-52, -6, 30), radii=(34, 44, 66))))


def pancreas(points_xyz: Floats) -> Floats:
    """A thick head on the right, the body bent over the spine, the tail towards the spleen."""
    path = ((36, 8, -30), (26, 12, -12), (2, 10, 0), (-24, 2, 6), (-52, -12, 12), (-82, -24, 20))
    return tube(points_xyz, path=path, radius=(16, 17, 12, 13, 13, 10))


def vertebrae(points_xyz: Floats) -> tuple[Floats, Floats, Floats]:
    """Distances to bone, to the column that it forms with its discs, and to the canal. A vertebra every 36 mm."""
    x, y, z = points_xyz
    phase = z / 36 - np.round(z / 36)
    body = column(points_xyz, centre=(0, -50), radii=(23, 17), power=2.3) + 1.5 * np.cos(2 * np.pi * phase)
    disc = (0.5 - np.abs(phase)) * 36 - 4.5  # 9 mm thick
    arch = np.minimum(column(points_xyz, centre=(0, -76), radii=(17, 13)), np.hypot(x, (y + 98) / 4.5) - 4.5)
    arch = np.maximum(arch, np.abs(phase + 0.12) * 36 - 13)
    wings = np.maximum(np.hypot(y + 76, phase * 36) - 6, np.abs(x) - 40)
    bone = np.minimum(np.maximum(body, -disc), np.minimum(arch, wings))
    return bone, body, column(points_xyz, centre=(0, -77), radii=(11, 8.5))


def ribs(points_xyz: Floats, within: Floats, *, every_mm: float) -> Floats:
    """Bars in the wall that fall from back to front; within: the distance to the cavity. None at the midline."""
    x, y, z = points_xyz
    phase = (z + 0.55 * y + 0.06 * np.abs(x)) / every_mm
    bars = (np.hypot((phase - np.round(phase)) * every_mm / 5, (within - 5.5) / 3.5) - 1) * 4
    return np.asarray(np.maximum(bars, np.maximum(-25 - z - 0.2 * np.abs(x), 28 - np.abs(x))))


def hilum(side: float) -> Shape:
    """The hollow of a kidney that faces the spine; side is 1 on the right, -1 on the left."""
    return lambda p: ellipsoid(p, centre=(side * 48, -30, -27 - side * 7), radii=(18, 9, 20))


def _kidney(side: float) -> Organ:
    middle = (side * 68, -36.0, -27 - side * 7)
    return Organ(
        shape=lambda p: ellipsoid(p, centre=middle, radii=(32, 28, 57), tilt=(-12, side * -12, side * 25)),
        low=(middle[0] - 42, middle[1] - 38, middle[2] - 62),
        high=(middle[0] + 42, middle[1] + 38, middle[2] + 62),
        rough=1.0,
    )


def _psoas(side: float) -> Organ:
    path = ((side * 24, -58.0, 10.0), (side * 40, -52.0, -60.0), (side * 52, -44.0, -140.0))
    ends = sorted((side * 17, side * 72))
    return Organ(
        shape=lambda p: tube(p, path=path, radius=(7, 16, 20)), low=(ends[0], -80, -140), high=(ends[1], -24, 17)
    )


def _vessel(path: tuple[Triple, ...], radius: tuple[float, ...]) -> Organ:
    low, high = np.min(path, axis=0) - 12, np.max(path, axis=0) + 12
    return Organ(
        shape=lambda p: tube(p, path=path, radius=radius),
        low=(float(low[0]), float(low[1]), float(low[2])),
        high=(float(high[0]), float(high[1]), float(high[2])),
        rough=0.5,
    )


ORGANS: Mapping[str, Organ] = {
    "heart": Organ(
        shape=lambda p: ellipsoid(p, centre=(-16, 30, 106), radii=(62, 54, 48)), low=(-78, -24, 58), high=(46, 84, 154)
    ),
    "right_psoas": _psoas(1.0),
    "left_psoas": _psoas(-1.0),
    "stomach": Organ(shape=stomach, low=(-108, -40, -35), high=(20, 85, 85)),
    "spleen": Organ(shape=spleen, low=(-144, -90, -32), high=(-64, 24, 86)),
    "liver": Organ(shape=liver, low=(-85, -85, -75), high=(155, 95, 105), rough=2.0),
    "gallbladder": Organ(
        shape=lambda p: ellipsoid(p, centre=(48, 46, -26), radii=(14, 15, 28), tilt=(30, 0, 0)),
        low=(30, 15, -55),
        high=(66, 77, 5),
        rough=0.8,
    ),
    "right_kidney": _kidney(1.0),
    "left_kidney": _kidney(-1.0),
    "vena_cava": _vessel(((20, -22, -200), (22, -22, -30), (24, -14, 40), (20, -4, 110)), (11, 11, 12, 12)),
    "aorta": _vessel(((-6, -22, -200), (-8, -23, -30), (-10, -26, 40), (-16, -32, 110)), (9, 10, 11.5, 12)),
    "pancreas": Organ(shape=pancreas, low=(-92, -40, -48), high=(54, 30, 34), rough=2.5),
}

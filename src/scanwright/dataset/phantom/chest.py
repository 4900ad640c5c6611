"""A chest for radiographs: lungs with vessels and nodules, ribs, clavicles, heart and great vessels over the same spine.

Made of the same implicit shapes, in the same template space as the abdomen (the domes of the diaphragm are shared), and
simplified likewise: no bronchi beyond the main ones, no muscles told apart, arms at the side and out of the picture.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from scanwright.dataset.phantom import template
from scanwright.dataset.phantom.anatomy import Anatomy, Lesion, draw_anatomy
from scanwright.dataset.phantom.fields import draw_deformation
from scanwright.dataset.phantom.scene import Brush, Scene, spine
from scanwright.dataset.phantom.shapes import blend, column, ellipsoid, tube
from scanwright.runtime import generator
from scanwright.types import Floats, Triple

CHEST = {"right_lung": 1, "left_lung": 2, "heart": 3, "lesion": 4}
THORAX = {
    "right_upper_lobe": 1,
    "right_middle_lobe": 2,
    "right_lower_lobe": 3,
    "left_upper_lobe": 4,
    "left_lower_lobe": 5,
    "heart": 6,
    "vertebrae": 7,
    "nodule": 8,
}
"""What is labelled in a CT of the chest."""
CENTRE_MM: Triple = (0.0, 0.0, 165.0)  # of a chest radiograph
EXTENT_MM: Triple = (190.0, 150.0, 350.0)
NODULE_RADII_MM = (9.0, 21.0)
SMALL_RADII_MM = (4.5, 14.0)
"""Of nodules in CT, which shows smaller ones than a radiograph."""
MOST_NODULES = 5
SIDES = (("right_lung", 1.0), ("left_lung", -1.0))


def draw_chest(*, seed: int, subject: int, large: float = 1.0, fat_mm: float = 14.0) -> Anatomy:
    """The chest of one subject, without lesions: a function of (seed, subject), the body's size and its fat layer."""
    body = draw_anatomy(seed=seed, subject=subject, large=large, fat_mm=fat_mm)
    rng = generator(seed, subject, 6)
    size = large * np.exp(rng.normal(scale=(0.04, 0.04, 0.05)))
    bent = draw_deformation(rng, size=size, bend_mm=(4.0, 4.0, 7.0), tilt_degrees=1.5, extent_mm=EXTENT_MM)
    return replace(body, deformation=bent, lesions=())


def draw_thorax(*, seed: int, subject: int, large: float = 1.0, fat_mm: float = 14.0) -> Anatomy:
    """The chest of one subject with none to MOST_NODULES nodules, as a CT shows it."""
    body = draw_chest(seed=seed, subject=subject, large=large, fat_mm=fat_mm)
    rng = generator(seed, subject, 12)
    wanted = int(rng.integers(0, MOST_NODULES + 1))
    nodules = draw_nodules(rng, count=wanted, benign=False, radii_mm=SMALL_RADII_MM)
    return replace(body, lesions=nodules)


def draw_nodules(
    rng: np.random.Generator, *, count: int, benign: bool, radii_mm: tuple[float, float] = NODULE_RADII_MM
) -> tuple[Lesion, ...]:
    """Round masses inside the template's lungs, none touching another; fewer than `count` if there is no room."""
    placed: list[Lesion] = []
    for _ in range(200):
        if len(placed) == count:
            break
        radius = float(np.exp(rng.uniform(*np.log(radii_mm)))) * (0.75 if benign else 1.0)
        side = float(rng.choice((-1, 1)))
        x, y, z = (float(v) for v in rng.uniform((35, -45, 90), (105, 50, 250)) * (side, 1, 1))
        point = np.array([x, y, z], np.float32).reshape(3, 1)
        depth = -float(np.maximum(lung(point, side=side), -template.dome(point)).item())
        clear = -float(-heart(point).item()) > radius
        apart = all(np.linalg.norm(point[:, 0] - one.centre_xyz) > radius + one.radius_mm + 6 for one in placed)
        if depth > radius + 3 and clear and apart:
            placed.append(Lesion(centre_xyz=(x, y, z), radius_mm=radius, benign=benign))
    return tuple(placed)


def paint_chest(anatomy: Anatomy, points_xyz: Floats, *, voxel_mm: float) -> Scene:
    """Lay the chest on points (3, I, J, K), mm in patient space; voxel_mm: over how many mm a surface is spread."""
    brush = Brush(anatomy, points_xyz, voxel_mm)
    for draw in (_wall, _mediastinum, spine, _lungs, _cage, _heart, _airways, _nodules):
        draw(brush, anatomy)
    return Scene(shape=points_xyz.shape[1:], layers=tuple(brush.layers))


def paint_thorax(anatomy: Anatomy, points_xyz: Floats, *, voxel_mm: float) -> Scene:
    """The same chest for CT: lungs by their lobes, and nodules."""
    brush = Brush(anatomy, points_xyz, voxel_mm)
    bones, heart, nodules = (
        partial(draw, value=THORAX[name])
        for draw, name in ((spine, "vertebrae"), (_heart, "heart"), (_nodules, "nodule"))
    )
    for draw in (_wall, _mediastinum, bones, _lobes, _cage, heart, _airways, nodules):
        draw(brush, anatomy)
    return Scene(shape=points_xyz.shape[1:], layers=tuple(brush.layers))


def lobes(points_xyz: Floats, *, side: float) -> dict[str, Floats]:
    """What parts a lung into lobes: below 0 inside each. An oblique fissure falls from back to front; on the right a level one
    parts what lies before it.
    """
    oblique = 0.6 * (points_xyz[2] - 150 + 1.33 * points_xyz[1])  # above 0 before and above it, in mm
    if side < 0:
        return {"left_upper_lobe": -oblique, "left_lower_lobe": oblique}
    level = points_xyz[2] - 150
    return {
        "right_upper_lobe": np.asarray(np.maximum(-oblique, -level)),
        "right_middle_lobe": np.asarray(np.maximum(-oblique, level)),
        "right_lower_lobe": oblique,
    }


def lung(points_xyz: Floats, *, side: float) -> Floats:
    """A lung as it would be without diaphragm and heart; side is 1 on the right, -1 on the left."""
    shell = ellipsoid(points_xyz, centre=(side * 68, -4, 92), radii=(60, 84, 196), tilt=(0, side * 5, 0), power=2.5)
    return np.asarray(np.maximum(shell, 24 - side * points_xyz[0] - 0.04 * np.abs(points_xyz[2] - 150)))


def heart(points_xyz: Floats) -> Floats:
    """The heart, its apex to the left, with the right border beside the spine."""
    left = ellipsoid(points_xyz, centre=(-30, 32, 112), radii=(62, 46, 48), tilt=(0, -28, 0))
    right = ellipsoid(points_xyz, centre=(14, 24, 124), radii=(34, 40, 50))
    return blend(left, right, width=24)


def _wall(brush: Brush, anatomy: Anatomy) -> None:
    """Trunk, shoulders and neck: skin, fat, and muscle for all that is inside."""
    trunk = np.maximum(template.skin(brush.points), brush.points[2] - 300)
    for side in (1.0, -1.0):
        shoulder = ellipsoid(brush.points, centre=(side * 150, -15, 262), radii=(62, 60, 66), power=2.4)
        trunk = blend(trunk, shoulder, width=40)
    skin = blend(trunk, column(brush.points, centre=(0, -12), radii=(58, 60)), width=50)
    brush.lay("skin", skin)
    brush.lay("fat", skin + 2.5)
    brush.lay("muscle", skin + 2.5 + anatomy.fat_mm + 2 * brush.texture[0])


def _mediastinum(brush: Brush, anatomy: Anatomy) -> None:
    """What lies between and under the lungs: fat round the vessels, the organs below the diaphragm, gas in the stomach."""
    brush.lay("liver", np.maximum(brush.dome + 4, brush.cavity))
    box = brush.near((-100, -20, -10), (-20, 60, 75))
    bubble = ellipsoid(
        brush.points[:, *box], centre=(-62, 22, 44), radii=(12 + 50 * anatomy.gas, 24, 9 + 30 * anatomy.gas)
    )
    brush.lay("gas", bubble + 2 * brush.wave(box, 1.0), box=box)


def _lungs(brush: Brush, anatomy: Anatomy) -> None:
    """Both lungs, and vessels in them that are thickest round the hila."""
    threads = np.minimum(*(np.hypot(brush.texture[a], brush.texture[b]) for a, b in ((2, 3), (0, 1))))
    for name, side in SIDES:
        value = CHEST[name]
        shape = np.maximum(lung(brush.points, side=side) + brush.texture[1], -brush.dome)
        brush.lay("lung", shape, value=value)
        away = np.sqrt(((brush.points - np.reshape((side * 34, -8, 165), (3, 1, 1, 1))) ** 2).sum(axis=0))
        width = 0.12 + 0.7 * np.exp(-away / 30)
        brush.lay("vein", np.maximum((threads - width) * 11, shape + 4), value=value)


def _lobes(brush: Brush, anatomy: Anatomy) -> None:
    """Both lungs lobe by lobe, with fissures that wave a little, and vessels as above."""
    threads = np.minimum(*(np.hypot(brush.texture[a], brush.texture[b]) for a, b in ((2, 3), (0, 1))))
    for _, side in SIDES:
        whole = np.maximum(lung(brush.points, side=side) + brush.texture[1], -brush.dome)
        away = np.sqrt(((brush.points - np.reshape((side * 34, -8, 165), (3, 1, 1, 1))) ** 2).sum(axis=0))
        vessels = (threads - (0.12 + 0.5 * np.exp(-away / 30))) * 11
        waved = brush.points + np.stack([0 * brush.texture[0], 0 * brush.texture[0], 4 * brush.texture[0]])
        for name, apart in lobes(waved, side=side).items():
            shape = np.maximum(whole, apart)
            brush.lay("lung", shape, value=THORAX[name])
            brush.lay("vein", np.maximum(vessels, shape + 3), value=THORAX[name])


def _cage(brush: Brush, anatomy: Anatomy) -> None:
    """Ribs round the lungs, clavicles, shoulder blades and the heads of the arms."""
    around = np.minimum(*(lung(brush.points, side=side) for _, side in SIDES))
    ribs = np.maximum(_ribs(brush.points, around, every_mm=anatomy.ribs_mm), brush.points[2] - 285)
    brush.lay("bone", ribs)
    brush.lay("marrow", ribs + 3.5)
    for side in (1.0, -1.0):
        bow = ((side * 14, 52.0, 262.0), (side * 70, 50.0, 278.0), (side * 142, 12.0, 292.0))
        _bone(brush, bow, partial(tube, path=bow, radius=(7.5, 5.5, 6.5)))
        arm = ((side * 168, -12.0, 268.0), (side * 182, -12.0, 120.0))
        _bone(brush, arm, partial(tube, path=arm, radius=(23, 12)))
        blade = (side * 118, -84.0, 212.0)
        plate = partial(ellipsoid, centre=blade, radii=(27, 4, 62), tilt=(8, side * 14, 0))
        _bone(brush, (_off(blade, -70), _off(blade, 70)), plate)


def _ribs(points_xyz: Floats, around: Floats, *, every_mm: float) -> Floats:
    """Ribs that fall from back to front on the shell of the lungs; around: the distance to these. None at the breastbone."""
    x, y, z = points_xyz
    phase = (z + 0.55 * y + 0.08 * np.abs(x)) / every_mm
    bars = (np.hypot((phase - np.round(phase)) * every_mm / 6.5, (around - 5.5) / 4.5) - 1) * 5
    cartilage = np.maximum(y - 35, 0) * 1.5 + 12 - np.abs(x)  # in front they end before the breastbone
    return np.asarray(np.maximum(bars, np.maximum(cartilage, -30 - z)))


def _off(point: Triple, mm: float) -> Triple:
    return point[0] + mm, point[1] + mm, point[2] + mm


def _bone(brush: Brush, corners: tuple[Triple, ...], shape: Callable[[Floats], Floats]) -> None:
    """One bone with its marrow, in the box round `corners`."""
    low, high = np.min(corners, axis=0).tolist(), np.max(corners, axis=0).tolist()
    box = brush.near((low[0], low[1], low[2]), (high[0], high[1], high[2]), margin_mm=40)
    distance = shape(brush.points[:, *box])
    brush.lay("bone", distance, box=box)
    brush.lay("marrow", distance + 2.5, box=box)


def _heart(brush: Brush, anatomy: Anatomy, *, value: int = CHEST["heart"]) -> None:
    """Heart, arch and descending aorta, and the great vein on the right."""
    distance = np.maximum(heart(brush.points) + 2 * brush.texture[0], 2 - brush.dome)
    brush.lay("muscle", distance, value=value)
    brush.lay("vein", distance + 10, value=value)
    arch = (
        (-12.0, 20.0, 150.0),
        (-8.0, 20.0, 195.0),
        (-24.0, -14.0, 204.0),
        (-26.0, -34.0, 180.0),
        (-16.0, -32.0, 60.0),
    )
    for tissue, path, radius in (
        ("artery", arch, (14.0, 14.0, 13.0, 12.0, 11.0)),
        ("vein", ((26.0, 14.0, 130.0), (24.0, 10.0, 240.0)), (11.0, 8.0)),
    ):
        brush.lay(tissue, tube(brush.points, path=path, radius=radius))


def _airways(brush: Brush, anatomy: Anatomy) -> None:
    """Windpipe and main bronchi."""
    for path, radius in (
        (((0.0, -14.0, 360.0), (2.0, -16.0, 186.0)), (9.0, 9.0)),
        (((2.0, -16.0, 186.0), (30.0, -18.0, 164.0)), (7.5, 6.0)),
        (((2.0, -16.0, 186.0), (-34.0, -20.0, 160.0)), (7.0, 5.5)),
    ):
        brush.lay("gas", tube(brush.points, path=path, radius=radius))


def _nodules(brush: Brush, anatomy: Anatomy, *, value: int = CHEST["lesion"]) -> None:
    """Masses of the lung: malignant ones lobulated and soft, benign ones round and calcified in the middle."""
    for one in anatomy.lesions:
        (x, y, z), r = one.centre_xyz, one.radius_mm
        box = brush.near((x - r, y - r, z - r), (x + r, y + r, z + r))
        mass = ellipsoid(brush.points[:, *box], centre=(x, y, z), radii=(r, r, r))
        if not one.benign:
            mass = mass + 0.16 * r * brush.wave(box, x)
        brush.lay("lesion", mass, box=box, value=value)
        if one.benign:
            brush.lay("marrow", mass + 0.4 * r, box=box, value=value)

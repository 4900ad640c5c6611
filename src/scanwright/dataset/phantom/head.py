"""A head for MR: scalp, skull, grey and white matter, ventricles, cerebellum and brainstem, with lesions of the white matter.

Made of the same implicit shapes as the abdomen, in a template whose origin is the middle of the head, and simplified likewise:
no face, no eyes, no deep nuclei; the folds of the cortex are those of a smooth random function.
"""

from dataclasses import replace

import numpy as np

from scanwright.dataset.phantom.anatomy import Anatomy, Lesion, draw_anatomy
from scanwright.dataset.phantom.fields import draw_deformation
from scanwright.dataset.phantom.scene import Brush, Scene
from scanwright.dataset.phantom.shapes import blend, ellipsoid, tube
from scanwright.runtime import generator
from scanwright.types import Floats, Triple

HEAD = {
    "grey_matter": 1,
    "white_matter": 2,
    "ventricles": 3,
    "cerebellum": 4,
    "brainstem": 5,
    "lesion": 6,
}
EXTENT_MM: Triple = (85.0, 105.0, 100.0)
LESION_RADII_MM = (3.5, 11.0)
CORTEX_MM = 6.5
MOST_LESIONS = 5


def draw_head(*, seed: int, subject: int, large: float = 1.0) -> Anatomy:
    """The head of one subject, with none to MOST_LESIONS lesions: a function of (seed, subject) and of its size."""
    body = draw_anatomy(seed=seed, subject=subject, large=large, fat_mm=5.0)
    rng = generator(seed, subject, 11)
    size = large * np.exp(rng.normal(scale=(0.03, 0.03, 0.03)))
    bent = draw_deformation(rng, size=size, bend_mm=(2.0, 2.5, 2.5), tilt_degrees=3.0, extent_mm=EXTENT_MM)
    wanted = int(rng.integers(0, MOST_LESIONS + 1))
    return replace(body, deformation=bent, lesions=draw_white_lesions(rng, wanted=wanted))


def draw_white_lesions(rng: np.random.Generator, *, wanted: int) -> tuple[Lesion, ...]:
    """Lesions in the template's white matter, none touching another; fewer than wanted if there is no room."""
    placed: list[Lesion] = []
    for _ in range(300):
        if len(placed) == wanted:
            break
        radius = float(np.exp(rng.uniform(*np.log(LESION_RADII_MM))))
        x, y, z = (float(v) for v in rng.uniform((-45, -60, -5), (45, 60, 65)))
        point = np.array([x, y, z], np.float32).reshape(3, 1)
        inside = float((cerebrum(point) + CORTEX_MM + radius).item()) < 0 and abs(x) > radius + 3
        clear = float(ventricles(point).item()) > radius + 2
        apart = all(np.linalg.norm(point[:, 0] - one.centre_xyz) > radius + one.radius_mm + 3 for one in placed)
        if inside and clear and apart:
            placed.append(Lesion(centre_xyz=(x, y, z), radius_mm=radius))
    return tuple(placed)


def paint_head(anatomy: Anatomy, points_xyz: Floats, *, voxel_mm: float) -> Scene:
    """Lay the head on points (3, I, J, K), mm in patient space; voxel_mm: over how many mm a surface is spread."""
    brush = Brush(anatomy, points_xyz, voxel_mm)
    for draw in (_shell, _cerebrum, _ventricles, _behind, _lesions):
        draw(brush, anatomy)
    return Scene(shape=points_xyz.shape[1:], layers=tuple(brush.layers))


def cerebrum(points_xyz: Floats) -> Floats:
    """Both hemispheres, parted by the falx."""
    whole = ellipsoid(points_xyz, centre=(0, 2, 24), radii=(65, 82, 62), power=2.2)
    return np.asarray(np.maximum(whole, 1.2 - np.abs(points_xyz[0]) - 0.02 * np.maximum(-points_xyz[2] - 10, 0)))


def ventricles(points_xyz: Floats) -> Floats:
    """The lateral ventricles, bowed from front to back, and the third between them."""
    found = tube(points_xyz, path=((0.0, 2.0, 18.0), (0.0, -8.0, 4.0)), radius=(3.5, 3.0))
    for side in (1.0, -1.0):
        bow = ((side * 10, 34.0, 20.0), (side * 12, 4.0, 32.0), (side * 18, -34.0, 26.0), (side * 26, -40.0, 8.0))
        found = blend(found, tube(points_xyz, path=bow, radius=(5.0, 6.0, 7.5, 5.0)), width=3)
    return np.asarray(found)


def _shell(brush: Brush, anatomy: Anatomy) -> None:
    """Scalp, skull and the fluid inside; below, the neck."""
    head = ellipsoid(brush.points, centre=(0, 0, 8), radii=(80, 98, 98), power=2.3)
    neck = tube(brush.points, path=((0.0, -12.0, -60.0), (0.0, -18.0, -220.0)), radius=(56, 54))
    skin = blend(head, neck, width=30)
    brush.lay("skin", skin)
    brush.lay("fat", skin + 2.0)
    brush.lay("muscle", np.maximum(skin + 6.0, brush.points[2] + 40))
    skull = ellipsoid(brush.points, centre=(0, 0, 14), radii=(73, 90, 78), power=2.3)
    brush.lay("bone", skull)
    brush.lay("marrow", np.maximum(skull + 2.0, -skull - 4.5))
    brush.lay("csf", skull + 5.5)


def _cerebrum(brush: Brush, anatomy: Anatomy) -> None:
    """Cortex, folded, and the white matter under it."""
    folds = 3.2 * brush.texture[0] + 2.2 * brush.texture[2]
    surface = cerebrum(brush.points) + np.maximum(folds, -1.5)
    brush.lay("grey_matter", surface, value=HEAD["grey_matter"])
    brush.lay("white_matter", surface + CORTEX_MM + 1.5 * brush.texture[1], value=HEAD["white_matter"])


def _ventricles(brush: Brush, anatomy: Anatomy) -> None:
    brush.lay("csf", ventricles(brush.points) + 0.8 * brush.texture[3], value=HEAD["ventricles"])


def _behind(brush: Brush, anatomy: Anatomy) -> None:
    """Cerebellum and brainstem."""
    lobes = ellipsoid(brush.points, centre=(0, -48, -34), radii=(48, 30, 25), power=2.3) + 1.5 * brush.texture[2]
    brush.lay("grey_matter", lobes, value=HEAD["cerebellum"])
    brush.lay("white_matter", lobes + 8 + 3 * brush.texture[0], value=HEAD["cerebellum"])
    stem = tube(brush.points, path=((0.0, -8.0, -6.0), (0.0, -18.0, -34.0), (0.0, -26.0, -120.0)), radius=(15, 13, 8))
    brush.lay("white_matter", stem, value=HEAD["brainstem"])


def _lesions(brush: Brush, anatomy: Anatomy) -> None:
    """Round to lobulated; large ones with another core."""
    for one in anatomy.lesions:
        (x, y, z), r = one.centre_xyz, one.radius_mm
        box = brush.near((x - r, y - r, z - r), (x + r, y + r, z + r))
        mass = ellipsoid(brush.points[:, *box], centre=(x, y, z), radii=(r, 0.9 * r, 1.05 * r)) + 0.1 * r * brush.wave(
            box, x
        )
        brush.lay("lesion", mass, box=box, value=HEAD["lesion"])
        if r > 8:
            brush.lay("necrosis", mass + 0.5 * r, box=box, value=HEAD["lesion"])

"""How one subject differs from the template: a smooth deformation, each organ's place and size, fat, gas and lesions.

All of it is drawn once, from (seed, subject), and is then plain data that `scene.paint` lays on any grid.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from scanwright.dataset.phantom import template
from scanwright.dataset.phantom.fields import Deformation, SmoothField, draw_deformation, draw_field
from scanwright.runtime import generator
from scanwright.types import Floats, Triple

STRUCTURES = {
    "liver": 1,
    "spleen": 2,
    "right_kidney": 3,
    "left_kidney": 4,
    "stomach": 5,
    "pancreas": 6,
    "gallbladder": 7,
    "aorta": 8,
    "vertebrae": 9,
    "lesion": 10,
}
EXTENT_MM: Triple = (190.0, 150.0, 130.0)  # half-width of the region that scans may show
LESION_COUNTS = (0.2, 0.3, 0.25, 0.15, 0.1)  # how often a subject has 0, 1, 2, 3, 4 of them
LESION_RADII_MM = (8.0, 26.0)


@dataclass(frozen=True, kw_only=True)
class Lesion:
    """A mass: its centre in the template, and its radius in mm. benign: a round cyst, or in a lung a round granuloma."""

    centre_xyz: Triple
    radius_mm: float
    benign: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class Anatomy:
    """One subject: everything that is drawn once and never again.

    jitter: {organ: (shift in mm, size)}. fat_mm: the layer under the skin. ribs_mm: from one rib to the next. gas: share
    of the stomach that is gas. gallbladder: False after its removal. lesions: often none.
    """

    deformation: Deformation
    texture: SmoothField  # 4 functions: two roughen surfaces, two thread vessels
    coils: SmoothField  # 3 functions: two thread the bowel, one says where it holds gas
    jitter: Mapping[str, tuple[Floats, float]]
    fat_mm: float
    ribs_mm: float
    gas: float
    gallbladder: bool
    lesions: tuple[Lesion, ...]


def draw_anatomy(*, seed: int, subject: int, large: float = 1.0, fat_mm: float = 14.0) -> Anatomy:
    """The anatomy of one subject: a function of (seed, subject) and of two facts, the body's size and its fat layer."""
    rng = generator(seed, subject, 1)
    size = large * np.exp(rng.normal(scale=0.03, size=3))
    anatomy = Anatomy(
        deformation=draw_deformation(rng, size=size, bend_mm=(5.0, 5.0, 7.0), tilt_degrees=2.5, extent_mm=EXTENT_MM),
        texture=draw_field(rng, scale=(1.0,) * 4, wavelength_mm=(28.0, 75.0), waves=24),
        coils=draw_field(rng, scale=(1.0,) * 3, wavelength_mm=(55.0, 100.0), waves=24),
        jitter={
            name: (rng.normal(scale=4.0, size=3).astype(np.float32), float(np.exp(rng.normal(scale=0.07))))
            for name in template.ORGANS
        },
        fat_mm=fat_mm,
        ribs_mm=float(rng.uniform(27, 33)),
        gas=float(rng.uniform(0.0, 0.45)),
        gallbladder=bool(rng.uniform() > 0.1),
        lesions=(),
    )
    wanted = int(rng.choice(len(LESION_COUNTS), p=LESION_COUNTS))
    return replace(anatomy, lesions=draw_lesions(rng, wanted=wanted, fat_mm=fat_mm))


def draw_lesions(rng: np.random.Generator, *, wanted: int, fat_mm: float, benign: bool = False) -> tuple[Lesion, ...]:
    """Lesions well inside the template's liver, none touching another; fewer than wanted in a crowded liver."""
    placed: list[Lesion] = []
    for _ in range(400):  # about one place in eight is inside
        if len(placed) == wanted:
            break
        radius = float(np.exp(rng.uniform(np.log(LESION_RADII_MM[0]), np.log(LESION_RADII_MM[1]))))
        x, y, z = (float(v) for v in rng.uniform((-60, -60, -40), (130, 80, 90)))
        point = np.array([x, y, z], np.float32).reshape(3, 1)
        depth = -max(float(f(point).item()) for f in (template.liver, template.dome))
        to_wall = -float(template.cavity(point, fat_mm=fat_mm).item())
        apart = all(np.linalg.norm(point[:, 0] - p.centre_xyz) > radius + p.radius_mm + 4 for p in placed)
        if depth > radius + 2 and to_wall > radius + 5 and apart:
            placed.append(Lesion(centre_xyz=(x, y, z), radius_mm=radius, benign=benign))
    return tuple(placed)

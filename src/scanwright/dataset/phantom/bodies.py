"""The parts of the body that a cohort may show: what is labelled in each, where it lies, and who draws it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from scanwright.dataset.phantom.anatomy import STRUCTURES, Anatomy, draw_anatomy
from scanwright.dataset.phantom.chest import CENTRE_MM, THORAX, draw_thorax, paint_thorax
from scanwright.dataset.phantom.head import HEAD, draw_head, paint_head
from scanwright.dataset.phantom.scene import Scene, paint
from scanwright.types import Floats, Shape3, Triple

Part = Literal["abdomen", "chest", "head"]


class Paint(Protocol):
    """Lays an anatomy on points (3, I, J, K)."""

    def __call__(self, anatomy: Anatomy, points_xyz: Floats, *, voxel_mm: float) -> Scene:
        """See `scene.paint`."""
        ...


@dataclass(frozen=True, slots=True)
class Body:
    """One part. structures: label values by name. draw: (seed, subject, size, fat in mm) to an anatomy.

    centre_mm: of what is shown, in the template. field_mm: how much is shown along R, A, S. shape: voxels of a scan by default.
    """

    title: str
    structures: Mapping[str, int]
    draw: Callable[[int, int, float, float], Anatomy]
    paint: Paint
    centre_mm: Triple
    field_mm: Triple
    shape: Shape3


BODIES: Mapping[Part, Body] = {
    "abdomen": Body(
        "abdomen",
        STRUCTURES,
        lambda seed, subject, large, fat_mm: draw_anatomy(seed=seed, subject=subject, large=large, fat_mm=fat_mm),
        paint,
        (0.0, -2.0, 0.0),
        (330.0, 244.0, 176.0),
        (54, 40, 29),
    ),
    "chest": Body(
        "chest",
        THORAX,
        lambda seed, subject, large, fat_mm: draw_thorax(seed=seed, subject=subject, large=large, fat_mm=fat_mm),
        paint_thorax,
        (CENTRE_MM[0], -4.0, CENTRE_MM[2]),
        (352.0, 256.0, 288.0),
        (88, 64, 72),
    ),
    "head": Body(
        "head",
        HEAD,
        lambda seed, subject, large, fat_mm: draw_head(seed=seed, subject=subject, large=large),
        paint_head,
        (0.0, 0.0, 10.0),
        (180.0, 216.0, 180.0),
        (60, 72, 60),
    ),
}

"""Where an ultrasound probe is held: on the skin, aimed at a lesion or the liver, where neither rib nor gas is in the way."""

import numpy as np

from scanwright.dataset.phantom import template
from scanwright.dataset.phantom.anatomy import Anatomy
from scanwright.dataset.phantom.fields import Deformation
from scanwright.dataset.phantom.scene import paint
from scanwright.dataset.phantom.ultrasound import Fan, blocked
from scanwright.types import Floats

LIVER_MIDDLE = (55.0, 30.0, 10.0)  # in the template: liver, with gall bladder or kidney behind it
TRIED = 40  # places at most, until one is good
GOOD_DB = 16.0
DEPTHS_MM = (115.0, 160.0)


def hold_probe(anatomy: Anatomy, rng: np.random.Generator, *, radius_mm: float, half_angle: float) -> Fan:
    """A fan through a lesion that can be seen, or through the middle of the liver where there is none."""
    aims = [in_patient(anatomy.deformation, one.centre_xyz) for one in anatomy.lesions]
    aims = aims or [in_patient(anatomy.deformation, LIVER_MIDDLE) + rng.normal(scale=8.0, size=3)]
    best: tuple[float, Fan] | None = None
    for number in range(TRIED):
        aim = aims[number % len(aims)]
        fan = _fan(anatomy, aim, rng, radius_mm=radius_mm, half_angle=half_angle)
        cost = _cost(anatomy, fan, aim)
        if best is None or cost < best[0]:
            best = cost, fan
        if cost < GOOD_DB:
            break
    assert best is not None
    return best[1]


def in_patient(deformation: Deformation, template_xyz: tuple[float, float, float]) -> Floats:
    """The patient's point (3,) that lies at a point of the template, by fixed-point iteration (to about 0.1 mm)."""
    wanted = np.array(template_xyz, np.float32).reshape(3, 1)
    found = wanted.copy()
    for _ in range(12):
        rest = (wanted - deformation.bend(found)) * deformation.size[:, None]
        found = (deformation.turn.T @ rest).astype(np.float32)
    return np.asarray(found[:, 0])


def _fan(anatomy: Anatomy, aim: Floats, rng: np.random.Generator, *, radius_mm: float, half_angle: float) -> Fan:
    """A fan whose middle beam runs to `aim`, from the front or the right."""
    side, height, roll = np.deg2rad((rng.uniform(-15, 80), rng.uniform(-55, 15), rng.uniform(-40, 40)))
    outward = np.array((np.sin(side) * np.cos(height), np.cos(side) * np.cos(height), np.sin(height)))
    level = np.cross(outward, (0.0, 0.0, 1.0))
    level /= np.linalg.norm(level)
    across = np.cos(roll) * level + np.sin(roll) * np.cross(outward, level)
    path = aim[:, None] + outward[:, None] * np.arange(0.0, 220.0, 1.5)
    out = template.skin(anatomy.deformation(path.astype(np.float32))) > 0
    skin = path[:, int(out.argmax()) - 1 if out.any() else -1] + outward * radius_mm * (1 - np.cos(half_angle)) * 0.4
    return Fan(
        skin_xyz=skin,
        inward=-outward,
        across=across,
        radius_mm=radius_mm,
        half_angle=half_angle,
        depth_mm=float(rng.uniform(*DEPTHS_MM)),
    )


def _cost(anatomy: Anatomy, fan: Fan, aim: Floats) -> float:
    """What the beams lose on the way to the aim, and how far it is, in dB."""
    deep = float(np.linalg.norm(aim - fan.skin_xyz))
    way = Fan(**{**fan.__dict__, "depth_mm": deep + 15, "half_angle": fan.half_angle * 0.85})
    scene = paint(anatomy, way.along_beams(40, 20), voxel_mm=4.0)
    return blocked(scene, fan=way) + 0.06 * deep + 0.5 * max(deep - 115, 0)

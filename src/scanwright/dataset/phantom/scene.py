"""An anatomy laid on a grid: a pile of layers, painted from the skin inwards.

A later layer covers an earlier one by the share of each voxel that it fills, so mixed voxels come by themselves. What is
seen need not be labelled (bowel, vena cava, ribs, heart): a network must tell it from what is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from scanwright.dataset.phantom import template
from scanwright.dataset.phantom.anatomy import STRUCTURES, Anatomy, Lesion
from scanwright.dataset.phantom.shapes import column, coverage, ellipsoid
from scanwright.types import Array, Floats, Triple

Box = tuple[slice, slice, slice]
FAR_MM = 99.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Layer:
    """One painted thing: its tissue, its label value (0 is none), and its coverage in a box of the grid."""

    tissue: str
    value: int
    box: Box
    cover: Floats


@dataclass(frozen=True, kw_only=True, eq=False)
class Scene:
    """Layers in painting order, on a grid of `shape`."""

    shape: tuple[int, ...]
    layers: tuple[Layer, ...]

    def labels(self) -> Array:
        """Label values (I, J, K), uint8: the last layer that fills at least half of a voxel."""
        found = np.zeros(self.shape, np.uint8)
        for layer in self.layers:
            found[layer.box][layer.cover >= 0.5] = layer.value
        return found

    def mix(self, tissues: Mapping[str, tuple[float, float]], *, air: float, grain: Floats) -> Floats:
        """Intensities (I, J, K), float32: each voxel the mean of its tissues by coverage.

        tissues: {name: (mean, standard deviation of its texture)}; grain: the texture's pattern (I, J, K), deviation 1.
        """
        image = np.full(self.shape, air, np.float32)
        for layer in self.layers:
            mean, spread = tissues[layer.tissue]
            part = image[layer.box]
            part += layer.cover * (mean + spread * grain[layer.box] - part)
        return image


def paint(anatomy: Anatomy, points_xyz: Floats, *, voxel_mm: float) -> Scene:
    """Lay the anatomy on voxel centres (3, I, J, K), mm in patient space; voxel_mm: cube root of a voxel's volume.

    The points need not be a grid: along the rays of a beam or a probe they give the scene as that device meets it.
    """
    brush = Brush(anatomy, points_xyz, voxel_mm)
    for draw in (_trunk, _chest, _bowel, _stomach, _spleen, _liver, _kidneys, spine, _vessels, _pancreas):
        draw(brush, anatomy)
    return Scene(shape=points_xyz.shape[1:], layers=tuple(brush.layers))


class Brush:
    """Lays layers on one grid. Knows where its voxels lie in the template, and the distances that many organs need."""

    def __init__(self, anatomy: Anatomy, points_xyz: Floats, voxel_mm: float) -> None:
        self.points = anatomy.deformation(points_xyz.astype(np.float32))
        self.texture = anatomy.texture(self.points)
        self.jitter = anatomy.jitter
        self._coils = anatomy.coils
        self.voxel_mm = voxel_mm
        self.layers: list[Layer] = []
        self.cavity = template.cavity(self.points, fat_mm=anatomy.fat_mm)
        self.dome = template.dome(self.points)
        self.liver = np.full(self.dome.shape, FAR_MM, np.float32)

    @cached_property
    def coils(self) -> Floats:
        """The three functions that thread the bowel, at every voxel."""
        return self._coils(self.points)

    def lay(self, tissue: str, distance: Floats, *, box: Box | None = None, value: int = 0) -> None:
        """Paint one layer; a shape that covers nothing leaves none."""
        cover = coverage(distance, voxel_mm=self.voxel_mm)
        if cover.any():
            whole = slice(None), slice(None), slice(None)
            self.layers.append(Layer(tissue=tissue, value=value, box=box or whole, cover=cover))

    def organ(self, name: str) -> tuple[Box, Floats]:
        """An organ's box and its distance there: moved, sized and roughened as this subject's is."""
        organ = template.ORGANS[name]
        box = self.near(organ.low, organ.high)
        shift, size = (np.reshape(part, (-1, 1, 1, 1)) for part in self.jitter[name])
        middle = np.add(organ.low, organ.high, dtype=np.float32).reshape(3, 1, 1, 1) / 2
        local = (self.points[:, *box] - middle - shift) / size.astype(np.float32) + middle
        turn = 2.4 * list(template.ORGANS).index(name)  # each organ has its own mixture of the two roughness functions
        return box, np.asarray(organ.shape(local) * size[0] + organ.rough * self.wave(box, turn))

    def under_diaphragm(self, box: Box, distance: Floats, *, gap_mm: float) -> Floats:
        """The part of a shape that the wall and the diaphragm leave it, with a gap of fat."""
        return np.asarray(np.maximum(distance, np.maximum(self.cavity[box], self.dome[box]) + gap_mm))

    def wave(self, box: Box, turn: float) -> Floats:
        """A roughness of deviation 1; `turn` in radians picks one of a family."""
        return np.asarray(np.cos(turn) * self.texture[0][box] + np.sin(turn) * self.texture[1][box], np.float32)

    def near(self, low: Triple, high: Triple, *, margin_mm: float = 18.0) -> Box:
        """The box of voxels that lie between two corners of the template, found from every third voxel."""
        corners = (np.reshape(corner, (3, 1, 1, 1)) for corner in (low, high))
        start, stop = next(corners) - margin_mm, next(corners) + margin_mm
        coarse = self.points[:, ::3, ::3, ::3]
        inside = np.all((coarse > start) & (coarse < stop), axis=0)
        hits = [np.flatnonzero(inside.any(axis=others)) for others in ((1, 2), (0, 2), (0, 1))]
        i, j, k = (slice(3 * max(h[0] - 1, 0), 3 * (h[-1] + 2)) if h.size else slice(0) for h in hits)
        return i, j, k


def _trunk(brush: Brush, anatomy: Anatomy) -> None:
    """Skin, fat under it (thicker in front), the muscular wall with its ribs, the cavity filled with fat."""
    skin = template.skin(brush.points)
    front = np.clip(brush.points[1] / 100, -0.4, 1)
    ribs = template.ribs(brush.points, brush.cavity, every_mm=anatomy.ribs_mm)
    brush.lay("skin", skin)
    brush.lay("fat", skin + 2.5)
    brush.lay("muscle", skin + 2.5 + anatomy.fat_mm * (0.85 + 0.4 * front) + 1.5 * brush.texture[0])
    brush.lay("fat", brush.cavity)
    brush.lay("bone", ribs)
    brush.lay("marrow", ribs + 3)


def _chest(brush: Brush, anatomy: Anatomy) -> None:
    """Lung bases round the domes of the diaphragm, and the lower part of the heart between them."""
    above = np.maximum(brush.cavity + 1, np.maximum(-brush.dome, 18 - brush.points[2]))
    beside = -column(brush.points, centre=(-4, -5), radii=(26, 72))
    brush.lay("lung", np.maximum(above, beside))
    box, heart = brush.organ("heart")
    heart = np.maximum(heart, 3 - brush.dome[box])
    brush.lay("muscle", heart, box=box)
    brush.lay("vein", np.maximum(heart + 9, 3 * brush.texture[2][box] - 3), box=box)


def _bowel(brush: Brush, anatomy: Anatomy) -> None:
    """Loops of bowel in front and below, some with gas; behind them the psoas."""
    box = brush.near((-140, -40, -140), (140, 110, 25))
    x, y, z = brush.points[:, *box]
    loops = (np.hypot(brush.coils[0][box], brush.coils[1][box]) - 0.95) * 18  # two functions vanish along curves
    room = np.maximum(brush.cavity[box] + 6, np.maximum(z + 12 - 0.2 * y, -12 - y + 0.15 * np.abs(x)))
    brush.lay("bowel_wall", np.maximum(loops, room), box=box)
    brush.lay("bowel_content", np.maximum(loops + 3.5, room), box=box)
    brush.lay("gas", np.maximum(np.maximum(loops + 4.5, room), 40 - y + 25 * brush.coils[2][box]), box=box)
    for name in ("right_psoas", "left_psoas"):
        box, psoas = brush.organ(name)
        brush.lay("muscle", psoas, box=box)


def _stomach(brush: Brush, anatomy: Anatomy) -> None:
    """The stomach with fluid and gas: gas in front, since the patient lies on the back."""
    value = STRUCTURES["stomach"]
    box, stomach = brush.organ("stomach")
    stomach = brush.under_diaphragm(box, stomach, gap_mm=5)
    brush.lay("stomach_wall", stomach, box=box, value=value)
    brush.lay("stomach_fluid", stomach + 4.5, box=box, value=value)
    height = brush.points[1][box]
    if (stomach < 0).any():
        level = np.quantile(height[stomach < 0], 1 - anatomy.gas)
        brush.lay("gas", np.maximum(stomach + 5.5, level - height), box=box, value=value)


def _spleen(brush: Brush, anatomy: Anatomy) -> None:
    box, spleen = brush.organ("spleen")
    brush.lay("spleen", brush.under_diaphragm(box, spleen, gap_mm=3), box=box, value=STRUCTURES["spleen"])


def _liver(brush: Brush, anatomy: Anatomy) -> None:
    """The liver with veins in it, its lesions, and the gall bladder under it."""
    value = STRUCTURES["liver"]
    box, liver = brush.organ("liver")
    brush.liver[box] = liver = brush.under_diaphragm(box, liver, gap_mm=4)
    brush.lay("liver", liver, box=box, value=value)
    veins = (np.hypot(brush.texture[2][box], brush.texture[3][box]) - 0.16) * 11
    brush.lay("vein", np.maximum(veins, liver + 8), box=box, value=value)
    for lesion in anatomy.lesions:
        _lesion(brush, lesion)
    if anatomy.gallbladder:
        box, bladder = brush.organ("gallbladder")
        brush.lay("bile", bladder, box=box, value=STRUCTURES["gallbladder"])


def _lesion(brush: Brush, lesion: Lesion) -> None:
    """A lobulated mass that stays in the liver, with another core when it is large; a benign one is a round cyst."""
    value, (x, y, z), r = STRUCTURES["lesion"], lesion.centre_xyz, lesion.radius_mm
    box = brush.near((x - r, y - r, z - r), (x + r, y + r, z + r))
    if lesion.benign:
        cyst = ellipsoid(brush.points[:, *box], centre=(x, y, z), radii=(r, r, r))
        brush.lay("bile", np.maximum(cyst, brush.liver[box] + 1), box=box, value=value)
        return
    mass = ellipsoid(brush.points[:, *box], centre=(x, y, z), radii=(r, 0.9 * r, 1.05 * r))
    mass = np.maximum(mass + 0.12 * r * brush.wave(box, x), brush.liver[box] + 1)
    brush.lay("lesion", mass, box=box, value=value)
    if r > 13:
        brush.lay("necrosis", mass + 0.55 * r, box=box, value=value)


def _kidneys(brush: Brush, anatomy: Anatomy) -> None:
    """Both kidneys in their fat, with cortex, medulla and an open hilum."""
    for name, side in (("right_kidney", 1.0), ("left_kidney", -1.0)):
        box, whole = brush.organ(name)
        kidney = np.maximum(whole, -template.hilum(side)(brush.points[:, *box]))
        brush.lay("fat", np.maximum(whole - 6, brush.cavity[box]), box=box)
        brush.lay("renal_cortex", kidney, box=box, value=STRUCTURES[name])
        medulla = np.maximum(kidney + 7, 4 * brush.texture[3][box] - 1)
        brush.lay("renal_medulla", medulla, box=box, value=STRUCTURES[name])


def spine(brush: Brush, anatomy: Anatomy, *, value: int = STRUCTURES["vertebrae"]) -> None:
    """Vertebrae (labelled), discs between them, the canal with the cord."""
    box = brush.near((-45, -125, -200), (45, -28, 200))
    bone, body, canal = template.vertebrae(brush.points[:, *box])
    brush.lay("disc", body, box=box)
    brush.lay("bone", bone, box=box, value=value)
    brush.lay("marrow", bone + 2.2, box=box, value=value)
    brush.lay("csf", canal, box=box)
    brush.lay("cord", canal + 4, box=box)


def _vessels(brush: Brush, anatomy: Anatomy) -> None:
    """Aorta before the spine, and the vena cava on its right, which is seen but not labelled."""
    box, cava = brush.organ("vena_cava")
    brush.lay("vein", cava, box=box)
    box, aorta = brush.organ("aorta")
    brush.lay("artery", aorta, box=box, value=STRUCTURES["aorta"])


def _pancreas(brush: Brush, anatomy: Anatomy) -> None:
    box, pancreas = brush.organ("pancreas")
    brush.lay("pancreas", pancreas, box=box, value=STRUCTURES["pancreas"])

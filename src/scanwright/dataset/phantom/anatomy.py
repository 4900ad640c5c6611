"""A made-up upper abdomen in patient space: the organs, how they differ between subjects, and where each one lies.

One template (RAS+ millimetres, the origin in front of the first lumbar vertebra) is bent into each subject by a smooth
deformation; every organ also has its own place and size. The scene is a pile of layers painted from the skin inwards:
a later layer covers an earlier one by the share of each voxel that it fills, so mixed voxels come by themselves.

Not an atlas: proportions are those of an adult, simplified (no adrenals, no duodenum, no hip). The patient's right is
+x, so liver, gall bladder, vena cava and the lower kidney are at +x; spleen, stomach and aorta at -x.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from scanwright.dataset.phantom.fields import Deformation, SmoothField, draw_deformation, draw_field
from scanwright.dataset.phantom.shapes import blend, column, coverage, ellipsoid, tube
from scanwright.runtime import generator
from scanwright.types import Array, Floats, Triple

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
BOX_MM: Triple = (190.0, 150.0, 130.0)  # half-width of the region that scans may show
Box = tuple[slice, slice, slice]
Shape = Callable[[Floats], Floats]


@dataclass(frozen=True, kw_only=True, eq=False)
class Anatomy:
    """One subject: everything that is drawn once and never again.

    lesions: (centre in the template, radius in mm), inside the liver; often none. ribs_mm: from one rib to the next.
    jitter: {organ: (shift in mm, size)}. gas: share of the stomach that is gas. gallbladder: False after its removal.
    """

    deformation: Deformation
    texture: SmoothField  # 4 functions: two roughen surfaces, two thread vessels
    coils: SmoothField  # 3 functions: two thread the bowel, one says where it holds gas
    jitter: Mapping[str, tuple[Floats, float]]
    fat_mm: float
    ribs_mm: float
    gas: float
    gallbladder: bool
    lesions: tuple[tuple[Triple, float], ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Layer:
    """One painted thing: its tissue, its label value (0 is none), and its coverage in a box of the grid."""

    tissue: str
    value: int
    box: Box
    cover: Floats


@dataclass(frozen=True, kw_only=True, eq=False)
class Scene:
    """An anatomy on a grid, as layers in painting order."""

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


def draw_anatomy(*, seed: int, subject: int, large: float = 1.0, fat_mm: float = 14.0) -> Anatomy:
    """The anatomy of one subject: a function of (seed, subject) and of two facts, the body's size and its fat layer."""
    rng = generator(seed, subject, 1)
    names = (*STRUCTURES, "vena_cava", "bowel", "psoas", "heart")
    size = tuple(large * s for s in np.exp(rng.normal(scale=0.03, size=3)))
    anatomy = Anatomy(
        deformation=draw_deformation(rng, size=size, bend_mm=(5.0, 5.0, 7.0), tilt_degrees=2.5, extent_mm=BOX_MM),
        texture=draw_field(rng, scale=(1.0,) * 4, wavelength_mm=(28.0, 75.0), waves=24),
        coils=draw_field(rng, scale=(1.0,) * 3, wavelength_mm=(55.0, 100.0), waves=24),
        jitter={name: (rng.normal(scale=4.0, size=3), float(np.exp(rng.normal(scale=0.07)))) for name in names},
        fat_mm=fat_mm,
        ribs_mm=float(rng.uniform(27, 33)),
        gas=float(rng.uniform(0.0, 0.45)),
        gallbladder=bool(rng.uniform() > 0.1),
        lesions=(),
    )
    return _with_lesions(anatomy, rng)


def paint(anatomy: Anatomy, points_xyz: Floats, *, voxel_mm: float) -> Scene:
    """Lay the anatomy on voxel centres (3, I, J, K) in patient space, mm; voxel_mm: the cube root of a voxel's volume."""
    brush = _Brush(anatomy, points_xyz, voxel_mm)
    for draw in (_trunk, _chest, _hollow_organs, _solid_organs, _kidneys, _spine, _vessels, _pancreas):
        draw(brush, anatomy)
    return Scene(shape=points_xyz.shape[1:], layers=tuple(brush.layers))


class _Brush:
    """Lays layers on one grid. Holds the template points, the distance to the abdominal cavity and to the diaphragm."""

    def __init__(self, anatomy: Anatomy, points_xyz: Floats, voxel_mm: float) -> None:
        self.template = anatomy.deformation(points_xyz.astype(np.float32))
        self.texture = anatomy.texture(self.template)
        self.coils = anatomy.coils(self.template)
        self.jitter = anatomy.jitter
        self.voxel_mm = voxel_mm
        self.layers: list[Layer] = []
        self.whole: Box = tuple(slice(0, n) for n in points_xyz.shape[1:])  # type: ignore[assignment]
        self.skin = column(self.template, centre=(0, 0), radii=(152, 104), power=2.4)
        self.cavity = column(
            self.template, centre=(0, 17), radii=(150 - anatomy.fat_mm - 12, 88 - anatomy.fat_mm / 2), power=2.5
        )
        self.dome = blend(
            ellipsoid(self.template, centre=(62, 5, -20), radii=(76, 84, 104)),
            ellipsoid(self.template, centre=(-62, 5, -20), radii=(76, 84, 94)),
            width=30,
        )

    def near(self, low: Triple, high: Triple) -> Box:
        """The grid box that holds the template points between two corners: every third voxel is looked at."""
        coarse = self.template[:, ::3, ::3, ::3]
        inside = np.ones(coarse.shape[1:], bool)
        for axis in range(3):
            inside &= (coarse[axis] > low[axis]) & (coarse[axis] < high[axis])
        boxes = []
        for axis in range(3):
            hit = np.flatnonzero(inside.any(axis=tuple({0, 1, 2} - {axis})))
            boxes.append(slice(3 * max(int(hit[0]) - 1, 0), 3 * (int(hit[-1]) + 2)) if hit.size else slice(0, 0))
        return boxes[0], boxes[1], boxes[2]

    def organ(self, name: str, shape: Shape, *, low: Triple, high: Triple, rough: float = 1.5) -> tuple[Box, Floats]:
        """Distance to an organ in its box: its own shift and size, its surface roughened by `rough` mm."""
        box = self.near(tuple(v - 18 for v in low), tuple(v + 18 for v in high))  # type: ignore[arg-type]
        shift, size = self.jitter.get(name, (np.zeros(3), 1.0))
        middle = np.add(low, high).astype(np.float32).reshape(3, 1, 1, 1) / 2
        local = (self.template[:, *box] - middle - shift.astype(np.float32).reshape(3, 1, 1, 1)) / size + middle
        turn = 2.4 * len(name) + len(self.layers)  # each organ its own mixture of the two roughness functions
        wave = np.cos(turn) * self.texture[0][box] + np.sin(turn) * self.texture[1][box]
        return box, np.asarray(shape(local) * size + rough * wave)

    def lay(self, tissue: str, distance: Floats, *, box: Box | None = None, value: int = 0) -> None:
        cover = coverage(distance, voxel_mm=self.voxel_mm)
        if cover.size and cover.any():
            self.layers.append(Layer(tissue=tissue, value=value, box=box or self.whole, cover=cover))


def _trunk(brush: _Brush, anatomy: Anatomy) -> None:
    """Skin, fat under it, the muscular wall with ribs in it, the cavity filled with fat."""
    brush.lay("skin", brush.skin)
    brush.lay("fat", brush.skin + 2.5)
    x, y, z = brush.template
    front = np.clip(y / 100, -0.4, 1)  # the fat layer is thicker in front
    wall = brush.skin + 2.5 + anatomy.fat_mm * (0.85 + 0.4 * front) + 1.5 * brush.texture[0]
    brush.lay("muscle", wall)
    brush.lay("fat", brush.cavity)
    phase = (z + 0.55 * y + 0.06 * np.abs(x)) / anatomy.ribs_mm
    across = (phase - np.round(phase)) * anatomy.ribs_mm / 5.0
    depth = (brush.cavity - 5.5) / 3.5
    rib = (np.hypot(across, depth) - 1) * 4.0
    rib = np.maximum(rib, np.maximum(-25 - z - 0.2 * np.abs(x), 28 - np.abs(x)))
    brush.lay("bone", rib)
    brush.lay("marrow", rib + 3.0)


def _chest(brush: _Brush, anatomy: Anatomy) -> None:
    """Lung bases round the domes of the diaphragm, and the lower edge of the heart."""
    height = brush.template[2]
    middle = column(brush.template, centre=(-4, -5), radii=(26, 72))
    lung = np.maximum(np.maximum(brush.cavity + 1, -brush.dome), np.maximum(-middle, 18 - height))
    brush.lay("lung", lung)
    box, heart = brush.organ(
        "heart",
        lambda p: ellipsoid(p, centre=(-16, 30, 106), radii=(62, 54, 48)),
        low=(-78, -24, 58),
        high=(46, 84, 154),
    )
    heart = np.maximum(heart, 3 - brush.dome[box])
    brush.lay("muscle", heart, box=box)
    brush.lay("vein", np.maximum(heart + 9, brush.texture[2][box] * 3 - 3), box=box)


def _hollow_organs(brush: _Brush, anatomy: Anatomy) -> None:
    """Bowel loops, psoas, and the stomach with fluid and (in front, since the patient lies on the back) gas."""
    box = brush.near((-140, -40, -140), (140, 110, 25))
    x, y, z = brush.template[:, *box]
    loops = (np.hypot(brush.coils[0][box], brush.coils[1][box]) - 0.95) * 18
    room = np.maximum(brush.cavity[box] + 6, np.maximum(z + 12 - 0.2 * y, -12 - y + 0.15 * np.abs(x)))
    brush.lay("bowel_wall", np.maximum(loops, room), box=box)
    brush.lay("bowel_content", np.maximum(loops + 3.5, room), box=box)
    brush.lay("gas", np.maximum(np.maximum(loops + 4.5, room), 40 - y + 25 * brush.coils[2][box]), box=box)
    for side in (-1.0, 1.0):
        box, psoas = brush.organ(
            "psoas",
            lambda p, side=side: tube(
                p, path=((side * 24, -58, 10), (side * 40, -52, -60), (side * 52, -44, -140)), radius=(7, 16, 20)
            ),  # type: ignore[misc]
            low=(min(side * 24, side * 72), -80, -140),
            high=(max(side * 24, side * 72), -24, 10),
        )
        brush.lay("muscle", psoas, box=box)
    value = STRUCTURES["stomach"]
    box, stomach = brush.organ("stomach", _stomach, low=(-108, -40, -35), high=(20, 85, 85))
    stomach = np.maximum(np.maximum(stomach, brush.cavity[box] + 5), brush.dome[box] + 5)
    brush.lay("stomach_wall", stomach, box=box, value=value)
    brush.lay("stomach_fluid", stomach + 4.5, box=box, value=value)
    level = np.quantile(brush.template[1][box][stomach < 0], 1 - anatomy.gas) if (stomach < 0).any() else 999.0
    brush.lay("gas", np.maximum(stomach + 5.5, level - brush.template[1][box]), box=box, value=value)


def _stomach(points_xyz: Floats) -> Floats:
    fundus = ellipsoid(points_xyz, centre=(-66, -2, 48), radii=(34, 36, 36))
    body = tube(points_xyz, path=((-66, 5, 45), (-58, 40, 10), (-28, 56, -14), (10, 48, -8)), radius=(30, 26, 20, 12))
    return blend(fundus, body, width=22)


def _liver(points_xyz: Floats) -> Floats:
    right = ellipsoid(points_xyz, centre=(72, 2, 20), radii=(80, 86, 86), power=2.3)
    left = ellipsoid(points_xyz, centre=(2, 50, 42), radii=(84, 40, 36), tilt=(0, 8, 0))
    below = 10 - points_xyz[0] * 0.5 - points_xyz[1] * 0.45 - points_xyz[2] * 0.75  # faces down, back and left
    return -blend(-blend(right, left, width=25), -below, width=20)


def _solid_organs(brush: _Brush, anatomy: Anatomy) -> None:
    """Spleen, pancreas, then liver with its vessels, gall bladder and lesions."""
    box, spleen = brush.organ(
        "spleen",
        lambda p: ellipsoid(p, centre=(-106, -34, 26), radii=(38, 56, 56), tilt=(0, 12, 18)),
        low=(-144, -90, -32),
        high=(-64, 24, 86),
    )
    hollow = ellipsoid(brush.template[:, *box], centre=(-52, -6, 30), radii=(34, 44, 66))
    spleen = np.maximum(np.maximum(spleen, -hollow), np.maximum(brush.cavity[box] + 4, brush.dome[box] + 4))
    brush.lay("spleen", spleen, box=box, value=STRUCTURES["spleen"])
    box, liver = _liver_distance(brush)
    value = STRUCTURES["liver"]
    brush.lay("liver", liver, box=box, value=value)
    threads = (np.hypot(brush.texture[2][box], brush.texture[3][box]) - 0.16) * 11
    brush.lay("vein", np.maximum(threads, liver + 8), box=box, value=value)
    for centre, radius in anatomy.lesions:
        _lesion(brush, centre, radius)
    if anatomy.gallbladder:
        box, bladder = brush.organ(
            "gallbladder",
            lambda p: ellipsoid(p, centre=(48, 46, -26), radii=(14, 15, 28), tilt=(30, 0, 0)),
            low=(30, 15, -55),
            high=(68, 75, 5),
            rough=0.8,
        )
        brush.lay("bile", bladder, box=box, value=STRUCTURES["gallbladder"])


def _pancreas(brush: _Brush, anatomy: Anatomy) -> None:
    """The pancreas, bent over the spine in front of the left kidney."""
    path = ((36, 8, -30), (26, 12, -12), (2, 10, 0), (-24, 2, 6), (-52, -12, 12), (-82, -24, 20))
    box, pancreas = brush.organ(
        "pancreas",
        lambda p: tube(p, path=path, radius=(16, 17, 12, 13, 13, 10)),
        low=(-88, -40, -40),
        high=(48, 20, 34),
        rough=2.5,
    )
    brush.lay("pancreas", pancreas, box=box, value=STRUCTURES["pancreas"])


def _liver_distance(brush: _Brush) -> tuple[Box, Floats]:
    box, liver = brush.organ("liver", _liver, low=(-85, -85, -75), high=(155, 95, 105), rough=2.0)
    return box, np.maximum(np.maximum(liver, brush.cavity[box] + 4), brush.dome[box] + 4)


def _lesion(brush: _Brush, centre: Triple, radius: float) -> None:
    """A lobulated mass with a paler core when it is large; never outside the liver."""
    low, high = tuple(c - radius for c in centre), tuple(c + radius for c in centre)
    box, mass = brush.organ(
        "",
        lambda p: ellipsoid(p, centre=centre, radii=(radius, radius * 0.9, radius * 1.05)),
        low=low,
        high=high,
        rough=radius * 0.12,
    )  # type: ignore[arg-type]
    in_liver = np.zeros(brush.template.shape[1:], np.float32)
    for layer in brush.layers:
        if layer.tissue == "liver":
            in_liver[layer.box] = layer.cover
    mass = np.where(in_liver[box] > 0.99, mass, np.maximum(mass, brush.voxel_mm))
    brush.lay("lesion", mass, box=box, value=STRUCTURES["lesion"])
    if radius > 13:
        brush.lay("necrosis", mass + radius * 0.55, box=box, value=STRUCTURES["lesion"])


def _kidneys(brush: _Brush, anatomy: Anatomy) -> None:
    """Both kidneys in their fat, with cortex, medulla and the fat of the sinus. The right one lies lower."""
    for name, side, height in (("right_kidney", 1.0, -34.0), ("left_kidney", -1.0, -20.0)):
        centre = (side * 68, -36.0, height)
        box, kidney = brush.organ(
            name,
            lambda p, centre=centre, side=side: ellipsoid(
                p, centre=centre, radii=(32, 28, 57), tilt=(-12, side * -12, side * 25)
            ),  # type: ignore[misc]
            low=(centre[0] - 42, centre[1] - 38, height - 62),
            high=(centre[0] + 42, centre[1] + 38, height + 62),
            rough=1.0,
        )
        hilum = ellipsoid(
            brush.template[:, *box], centre=(centre[0] - side * 20, centre[1] + 6, height), radii=(18, 9, 20)
        )
        outside = kidney + 0 * hilum
        kidney = np.maximum(kidney, -hilum)
        value = STRUCTURES[name]
        brush.lay("fat", np.maximum(outside - 6, brush.cavity[box]), box=box)
        brush.lay("renal_cortex", kidney, box=box, value=value)
        brush.lay("renal_medulla", np.maximum(kidney + 7, 4 * brush.texture[3][box] - 1), box=box, value=value)


def _spine(brush: _Brush, anatomy: Anatomy) -> None:
    """Vertebral bodies with discs between, the arch behind, the canal with the cord in it."""
    box = brush.near((-60, -125, -200), (60, -10, 200))
    points, value = brush.template[:, *box], STRUCTURES["vertebrae"]
    x, y, z = points
    phase = z / 36
    to_disc = (0.5 - np.abs(phase - np.round(phase))) * 36 - 4.5  # negative inside a disc, 9 mm thick
    body = column(points, centre=(0, -50), radii=(23, 17), power=2.3) + 1.5 * np.cos(2 * np.pi * phase)
    arch = np.minimum(column(points, centre=(0, -76), radii=(17, 13)), np.hypot(x, (y + 98) / 4.5) - 4.5)
    lamina = np.maximum(arch, np.abs(phase - np.round(phase) + 0.12) * 36 - 13)
    wing = np.maximum(np.hypot(y + 76, (phase - np.round(phase)) * 36) - 6.0, np.abs(x) - 40)
    brush.lay("disc", body, box=box)
    whole = np.minimum(np.maximum(body, -to_disc), np.minimum(lamina, wing))
    brush.lay("bone", whole, box=box, value=value)
    brush.lay("marrow", whole + 2.2, box=box, value=value)
    canal = column(points, centre=(0, -77), radii=(11, 8.5))
    brush.lay("csf", canal, box=box)
    brush.lay("cord", canal + 4.0, box=box)


def _vessels(brush: _Brush, anatomy: Anatomy) -> None:
    """Aorta before the spine on the left, vena cava on its right; the cava is seen but not labelled."""
    box, cava = brush.organ(
        "vena_cava",
        lambda p: tube(
            p, path=((20, -22, -200), (22, -22, -30), (24, -14, 40), (20, -4, 110)), radius=(11, 11, 12, 12)
        ),
        low=(8, -40, -140),
        high=(38, 10, 110),
        rough=0.6,
    )
    brush.lay("vein", cava, box=box)
    box, aorta = brush.organ(
        "aorta",
        lambda p: tube(
            p, path=((-6, -22, -200), (-8, -23, -30), (-10, -26, 40), (-16, -32, 110)), radius=(9, 10, 11.5, 12)
        ),
        low=(-24, -45, -140),
        high=(6, -10, 110),
        rough=0.4,
    )
    brush.lay("artery", aorta, box=box, value=STRUCTURES["aorta"])


def _with_lesions(anatomy: Anatomy, rng: np.random.Generator) -> Anatomy:
    """Draw 0 to 4 lesions well inside the template's liver, none overlapping another."""
    wanted = int(rng.choice(5, p=(0.2, 0.3, 0.25, 0.15, 0.1)))
    placed: list[tuple[Triple, float]] = []
    while len(placed) < wanted:
        radius = float(np.exp(rng.uniform(np.log(6.5), np.log(22))))
        centre = rng.uniform((-60, -60, -40), (130, 80, 90)).astype(np.float32)
        point = centre.reshape(3, 1, 1, 1)
        inside = (
            max(float(_liver(point).item()), float(ellipsoid(point, centre=(62, 5, -20), radii=(76, 84, 104)).item()))
            < -radius - 3
        )
        wall = float(
            column(point, centre=(0, 17), radii=(138 - anatomy.fat_mm, 88 - anatomy.fat_mm / 2), power=2.5).item()
        )
        if (
            inside
            and wall < -radius - 6
            and all(np.linalg.norm(centre - np.array(c)) > radius + r + 4 for c, r in placed)
        ):
            placed.append(((float(centre[0]), float(centre[1]), float(centre[2])), radius))
    return replace(anatomy, lesions=tuple(placed))

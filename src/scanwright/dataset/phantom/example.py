"""One example of a cohort: what a subject's examination shows, with everything that is known to be true of it.

A subject is normal, or has benign or malignant lesions: in the liver (MR, CT, ultrasound) or in the lungs (radiographs).
Findings come in random order in threes, one of each, so that a small cohort is balanced too.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
from scipy import ndimage

from scanwright.dataset.phantom.anatomy import STRUCTURES, Anatomy, draw_lesions
from scanwright.dataset.phantom.chest import CENTRE_MM, CHEST, draw_chest, draw_nodules, paint_chest
from scanwright.dataset.phantom.cohort import Scan, anatomy_of, render
from scanwright.dataset.phantom.probe import hold_probe
from scanwright.dataset.phantom.scene import paint
from scanwright.dataset.phantom.ultrasound import insonate, label_in
from scanwright.dataset.phantom.xray import attenuation, beam, expose, silhouettes
from scanwright.geometry.grid import Grid
from scanwright.geometry.volume import Volume
from scanwright.runtime import generator
from scanwright.types import Array

Modality = Literal["mr", "ct", "xray", "us"]
FINDINGS = ("normal", "benign", "malignant")
PICTURES = ("xray", "us")
PICTURE_SIZE = 256
CHEST_WIDTH_MM = 360.0
SEEN_BY_PROBE = {"liver": 1, "kidney": 2, "gallbladder": 3, "lesion": 4}
OF_ABDOMEN = {1: 1, 3: 2, 4: 2, 7: 3, 10: 4}  # values of STRUCTURES to those of SEEN_BY_PROBE
SURFACE_MM = 3.2  # over which a radiograph's surfaces are spread: about a ray's distance from the next
PROBES = {"A": (60.0, 0.42), "B": (45.0, 0.50)}  # radius in mm and half of the fan's angle, by site


@dataclass(frozen=True, kw_only=True, eq=False)
class Example:
    """One examination and its truth.

    images: a volume for each channel, in mm or (pictures) in pixels. label: uint8, on the same grid. regions: {name: value}.
    finding: one of FINDINGS. pixel_mm: of a picture; 0 for a volume, which knows its spacing.
    """

    scan: Scan
    images: tuple[Volume, ...]
    label: Volume
    regions: Mapping[str, int]
    finding: str
    pixel_mm: float = 0.0

    @cached_property
    def burden(self) -> float:
        """How much lesion the image shows: ml in a volume, square centimetres in a picture; from the label."""
        count = int(np.count_nonzero(self.label.voxels == self.regions["lesion"]))
        if self.pixel_mm:
            return round(count * self.pixel_mm**2 / 100, 3)
        return round(count * self.label.grid.voxel_volume / 1000, 3)

    @cached_property
    def boxes(self) -> tuple[tuple[int, int, int, int], ...]:
        """Boxes (left, top, right, bottom) in pixels round each connected lesion of a picture; specks are left out."""
        mask = self.label.voxels[0, :, :, 0] == self.regions["lesion"]
        parts, _ = ndimage.label(mask)
        found = []
        for number, box in enumerate(ndimage.find_objects(parts), start=1):
            if box is not None and np.count_nonzero(parts[box] == number) >= 12:
                found.append((box[0].start, box[1].start, box[0].stop, box[1].stop))
        return tuple(found)


def finding_of(subject: int, *, seed: int) -> str:
    """What a subject has: of every three subjects one is normal, one has benign and one malignant lesions."""
    return FINDINGS[int(generator(seed, subject // 3, 8).permutation(3)[subject % 3])]


def draw_example(scan: Scan, *, modality: Modality, seed: int, size: int = PICTURE_SIZE) -> Example:
    """Draw one examination: a function of its arguments. size: rows and columns of a picture."""
    finding = finding_of(scan.subject, seed=seed)
    rng = generator(seed, scan.subject, 9, scan.visit)
    if modality == "xray":
        return _radiograph(scan, rng, finding=finding, seed=seed, size=size)
    body = _with_lesions(anatomy_of(scan, seed=seed), scan, finding=finding, seed=seed)
    if modality == "us":
        return _sonogram(scan, rng, body, finding=finding, size=size)
    images, label = render(scan, modality=modality, seed=seed, anatomy=body)
    return Example(scan=scan, images=images, label=label, regions=STRUCTURES, finding=finding)


def _with_lesions(body: Anatomy, scan: Scan, *, finding: str, seed: int) -> Anatomy:
    """The body with one to three lesions of a kind in the liver, or with none; the same at both visits."""
    rng = generator(seed, scan.subject, 10)
    wanted = 0 if finding == "normal" else int(rng.integers(1, 4))
    lesions = draw_lesions(rng, wanted=wanted, fat_mm=body.fat_mm, benign=finding == "benign")
    return replace(body, lesions=tuple(one if one.radius_mm > 11 else replace(one, radius_mm=11.0) for one in lesions))


def _radiograph(scan: Scan, rng: np.random.Generator, *, finding: str, seed: int, size: int) -> Example:
    person, own = generator(seed, scan.subject, 4), generator(seed, scan.subject, 10)
    large = float(person.normal(1.0 if scan.sex == "M" else 0.94, 0.025))
    body = draw_chest(seed=seed, subject=scan.subject, large=large, fat_mm=float(np.clip(person.normal(12, 4), 5, 22)))
    wanted = 0 if finding == "normal" else int(own.integers(1, 4))
    body = replace(body, lesions=draw_nodules(own, count=wanted, benign=finding == "benign"))
    aim = np.add(CENTRE_MM, rng.normal(scale=(5, 0, 6), size=3))
    rays = beam(centre_xyz=(float(aim[0]), float(aim[1]), float(aim[2])), size=size, width_mm=CHEST_WIDTH_MM)
    scene = paint_chest(body, rays.points_xyz, voxel_mm=SURFACE_MM)
    picture = expose(attenuation(scene, rng).sum(axis=1) * rays.step_mm, rng, size=size)
    label = silhouettes(scene, CHEST, step_mm=rays.step_mm, size=size)
    return _example(scan, picture, label, CHEST, finding=finding, pixel_mm=CHEST_WIDTH_MM / size)


def _sonogram(scan: Scan, rng: np.random.Generator, body: Anatomy, *, finding: str, size: int) -> Example:
    radius_mm, half_angle = PROBES[scan.site]
    fan = hold_probe(body, rng, radius_mm=radius_mm, half_angle=half_angle)
    picture = insonate(paint(body, fan.along_beams(), voxel_mm=0.8), rng, fan=fan, size=size)
    whole = label_in(paint(body, fan.of_picture(size), voxel_mm=0.8), fan=fan)
    label = np.zeros_like(whole)
    for value, named in OF_ABDOMEN.items():
        label[whole == value] = named
    return _example(scan, picture, label, SEEN_BY_PROBE, finding=finding, pixel_mm=fan.width_mm / size)


def _example(
    scan: Scan, picture: Array, label: Array, regions: Mapping[str, int], *, finding: str, pixel_mm: float
) -> Example:
    """A picture and its label, both (rows, columns), as an example."""
    image, mask = (
        Volume(np.ascontiguousarray(plane.T)[None, :, :, None], Grid.of_pixels(plane.shape[1], plane.shape[0]))
        for plane in (picture, label)
    )
    return Example(scan=scan, images=(image,), label=mask, regions=regions, finding=finding, pixel_mm=pixel_mm)

"""A cohort of phantom scans on disk, as a hospital would hand it over: an nnU-Net raw folder of NIfTI files.

    write_cohort(Path("phantom"), modality="mr", subjects=24, seed=0)

    phantom/imagesTr/p007_a_0000.nii.gz  labelsTr/p007_a.nii.gz   dataset.json
            cases.csv            case, patient, site, sex, age; p005_a and p005_b are two scans of one patient
            phantom.json         the settings; the same settings give the same bytes, and a run cut short goes on

Two sites that differ: one stores its scans to R, A, S and the other to L, P, S; some scans have thick slices, some a
coarser matrix, some are oblique. MR is in arbitrary units, another scale for each scan. Nothing here is a patient.
"""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from scanwright.dataset.phantom.anatomy import STRUCTURES, Anatomy
from scanwright.dataset.phantom.bodies import BODIES, Part
from scanwright.dataset.phantom.physics import CHANNELS, acquire
from scanwright.dataset.phantom.scene import Scene
from scanwright.dataset.phantom.shapes import rotation
from scanwright.errors import UsageError
from scanwright.files import read_json, write_bytes, write_json
from scanwright.geometry.grid import Grid
from scanwright.geometry.volume import Volume
from scanwright.io.formats import write_volume
from scanwright.runtime import generator
from scanwright.types import Floats, Shape3, Triple

Modality = Literal["mr", "ct"]
FIELD_OF_VIEW_MM: Triple = BODIES["abdomen"].field_mm
DEFAULT_SHAPE: Shape3 = BODIES["abdomen"].shape  # voxels of about 6 mm: minutes on a CPU suffice
NUMBERS = {6: "six", 8: "eight", 10: "ten"}
FOLLOW_UP_EVERY = 6  # every sixth subject is scanned twice


@dataclass(frozen=True, kw_only=True, eq=False)
class Scan:
    """One scan of the cohort before it is rendered. `table_mm` is where the template's origin lies in the scanner."""

    case: str
    patient: str
    subject: int
    visit: int
    site: str
    sex: str
    age: int
    grid: Grid
    table_mm: Floats
    part: Part = "abdomen"


def write_cohort(
    folder: Path,
    *,
    modality: Modality = "mr",
    subjects: int = 24,
    shape: Shape3 | None = None,
    seed: int = 0,
    channels: int = 1,
    nested: bool = False,
    varied: bool = True,
    part: Part = "abdomen",
) -> tuple[Scan, ...]:
    """Write a cohort and return its scans, in the order of their names. About 0.1 s a scan of the default shape.

    part: of the body, one of `bodies.BODIES`; a shape of None is that part's own.

    shape: voxels along R, A, S; the field of view is shared out among them. channels: 2 adds T2 to T1 (MR only).
    nested: declare the liver as a region that holds its lesions. varied: False puts every scan on one RAS grid.

    Raises UsageError if a setting is impossible, or the folder holds anything but this same cohort.
    """
    shape = shape or BODIES[part].shape
    _check(modality=modality, subjects=subjects, shape=shape, channels=channels, liver=part == "abdomen" or not nested)
    settings = {
        "modality": modality, "subjects": subjects, "shape": list(shape), "seed": seed,
        "channels": channels, "nested": nested, "varied": varied, "version": 1,
        **({} if part == "abdomen" else {"part": part}),
    }  # fmt: skip
    claim(folder, settings)
    scans = draw_scans(seed=seed, subjects=subjects, shape=shape, varied=varied, part=part)
    for scan in scans:
        _write_scan(folder, scan, modality=modality, seed=seed, channels=channels)
    _write_tables(folder, scans, modality=modality, channels=channels, nested=nested, part=part)
    return scans


def draw_scans(
    *, seed: int, subjects: int, shape: Shape3 = DEFAULT_SHAPE, varied: bool = True, part: Part = "abdomen"
) -> tuple[Scan, ...]:
    """The scans of a cohort in the order of their names: one a subject, two of every sixth."""
    return tuple(
        draw_scan(seed=seed, subject=subject, visit=visit, shape=shape, varied=varied, part=part)
        for subject in range(subjects)
        for visit in range(2 if subject % FOLLOW_UP_EVERY == FOLLOW_UP_EVERY - 1 else 1)
    )


def draw_scan(
    *,
    seed: int,
    subject: int,
    visit: int = 0,
    shape: Shape3 = DEFAULT_SHAPE,
    varied: bool = True,
    part: Part = "abdomen",
) -> Scan:
    """Who is scanned, where, and on which grid: a function of its arguments."""
    person, scan = generator(seed, subject, 2), generator(seed, subject, 3, visit)
    site = "A" if person.uniform() < 0.6 else "B"
    sex, age = str(person.choice(("F", "M"))), int(person.integers(24, 82))
    body = BODIES[part]
    spacing, extents = np.divide(body.field_mm, shape), np.array(shape)
    codes, tilt, table = "RAS", 0.0, np.zeros(3)
    middle = np.zeros(3) if part == "abdomen" else np.array(body.centre_mm)
    centre = middle.copy()
    if varied:
        codes = "RAS" if site == "A" else "LPS"
        spacing, extents = _protocol(scan, subject + visit, spacing, extents)
        tilt = float(scan.uniform(4, 9)) if subject % 9 == 4 else 0.0
        table = scan.uniform((-25, -40, -600), (25, 10, -200)).round(1)
        centre = np.add(scan.normal(scale=(4, 4, 8)), body.centre_mm)
    return Scan(
        case=f"p{subject:03d}_{'ab'[visit]}",
        patient=f"p{subject:03d}",
        subject=subject,
        visit=visit,
        site=site,
        sex=sex,
        age=age + visit,
        grid=_grid(codes, spacing=spacing, extents=extents, centre=table + centre, tilt=tilt),
        table_mm=table,
        part=part,
    )


def anatomy_of(scan: Scan, *, seed: int) -> Anatomy:
    """The body that a scan shows; the same for both visits of a subject."""
    person = generator(seed, scan.subject, 4)
    large = float(person.normal(1.03 if scan.sex == "M" else 0.96, 0.025))
    fat_mm = float(np.clip(person.normal(13 + (scan.age - scan.visit - 50) / 10, 4), 6, 24))
    return BODIES[scan.part].draw(seed, scan.subject, large, fat_mm)


def scene_of(scan: Scan, *, seed: int, anatomy: Anatomy | None = None) -> Scene:
    """The body on the scan's grid; another one than `anatomy_of` says where `anatomy` is given."""
    ijk = np.indices(scan.grid.shape, dtype=np.float32)
    affine = scan.grid.affine
    offset = (affine[:3, 3] - scan.table_mm).astype(np.float32).reshape(3, 1, 1, 1)
    points = np.tensordot(affine[:3, :3].astype(np.float32), ijk, axes=(1, 0)) + offset
    voxel_mm = float(np.cbrt(scan.grid.voxel_volume))
    return BODIES[scan.part].paint(anatomy or anatomy_of(scan, seed=seed), points, voxel_mm=voxel_mm)


def render(
    scan: Scan, *, modality: Modality, seed: int, channels: int = 1, anatomy: Anatomy | None = None
) -> tuple[tuple[Volume, ...], Volume]:
    """The channels of a scan (int16, one volume each) and its label map (uint8), all on the scan's grid."""
    scene = scene_of(scan, seed=seed, anatomy=anatomy)
    rng = generator(seed, scan.subject, 5, scan.visit)
    images = acquire(scene, rng, modality=modality, spacing=scan.grid.spacing, channels=channels)
    volumes = tuple(Volume(np.rint(image).astype(np.int16)[None], scan.grid) for image in images)
    return volumes, Volume(scene.labels()[None], scan.grid)


def _protocol(rng: np.random.Generator, number: int, spacing: Floats, extents: Floats) -> tuple[Floats, Floats]:
    """Another voxel size for some scans: thick slices for every fifth, another matrix for every seventh."""
    spacing = spacing * float(rng.uniform(0.96, 1.05))
    finer = np.array((0.85, 0.85, 1.6)) if number % 5 == 3 else np.full(3, 1.18) if number % 7 == 5 else np.ones(3)
    return (spacing * finer).round(3), np.maximum(np.rint(extents / finer), 8).astype(int)


def _grid(codes: str, *, spacing: Floats, extents: Floats, centre: Floats, tilt: float) -> Grid:
    """A grid whose axes grow to `codes`, centred on a point, tilted about the patient's left-right axis (degrees)."""
    columns = np.zeros((3, 3))
    shape = []
    for column, code in enumerate(codes):
        axis = next(number for number, pair in enumerate(("RL", "AP", "SI")) if code in pair)
        columns[axis, column] = spacing[axis] * (1 if code in "RAS" else -1)
        shape.append(int(extents[axis]))
    affine = np.eye(4)
    affine[:3, :3] = rotation(tilt, 0, 0).astype(float) @ columns if tilt else columns
    affine[:3, 3] = centre - affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    return Grid((shape[0], shape[1], shape[2]), affine)


def _write_scan(folder: Path, scan: Scan, *, modality: Modality, seed: int, channels: int) -> None:
    label_path = folder / "labelsTr" / f"{scan.case}.nii.gz"
    if label_path.exists():  # written last, and whole: this scan was finished before the run was cut
        return
    images, label = render(scan, modality=modality, seed=seed, channels=channels)
    for number, image in enumerate(images):
        write_volume(folder / "imagesTr" / f"{scan.case}_{number:04d}.nii.gz", image)
    write_volume(label_path, label)


def _write_tables(
    folder: Path, scans: tuple[Scan, ...], *, modality: Modality, channels: int, nested: bool, part: Part
) -> None:
    """dataset.json and cases.csv."""
    body = BODIES[part]
    labels: dict[str, int | list[int]] = {"background": 0, **body.structures}
    if nested:
        labels["liver"] = [STRUCTURES["liver"], STRUCTURES["lesion"]]
    order = {"regions_class_order": list(STRUCTURES.values())} if nested else {}
    names = CHANNELS[modality][:channels]
    description = {
        "name": f"Phantom {body.title}, {modality.upper()}",
        "description": f"Generated {body.title} with {NUMBERS[len(body.structures)]} structures; not a patient",
        "channel_names": {str(number): name for number, name in enumerate(names)},
        "labels": labels,
        **order,
        "numTraining": len(scans),
        "file_ending": ".nii.gz",
    }
    table = io.StringIO()
    rows = [(s.case, s.patient, s.site, s.sex, s.age) for s in scans]
    csv.writer(table, lineterminator="\n").writerows([("case", "patient", "site", "sex", "age"), *rows])
    write_bytes(folder / "cases.csv", table.getvalue().encode())
    write_json(folder / "dataset.json", description)


def claim(folder: Path, settings: Mapping[str, object]) -> None:
    """Mark the folder as this cohort's. Raises UsageError if it holds something else."""
    marker = folder / "phantom.json"
    if marker.is_file() and read_json(marker) == settings:
        return
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(
            "this folder already holds something else",
            where=folder,
            expected="an empty or new folder, or one begun with the same settings",
            hint="Choose another folder.",
        )
    write_json(marker, settings)


def _check(*, modality: str, subjects: int, shape: Shape3, channels: int, liver: bool) -> None:
    if not liver:
        raise UsageError("regions that hold lesions are declared of the abdomen alone", expected="nested=False")
    most = len(CHANNELS.get(modality, ()))
    if not most:
        raise UsageError("no such modality of phantom", expected=" or ".join(CHANNELS), found=modality)
    if not 1 <= channels <= most:
        raise UsageError("not so many channels", expected=f"1 to {most} for {modality}", found=channels)
    if not 1 <= subjects <= 999:
        raise UsageError("not a size of a cohort", expected="1 to 999 subjects", found=subjects)
    if min(shape) < 8 or max(shape) > 512:
        raise UsageError("not a shape of a scan", expected="8 to 512 voxels along each axis", found=shape)

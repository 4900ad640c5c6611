"""A cohort for every task and format, in layouts that are read without conversion.

    segmentation     nifti  nnU-Net raw (cohort.py)              png    images/CASE.png  masks/CASE.png  scanwright.json
    classification   nifti  images/CASE.nii.gz, column class     png    CLASS/PATIENT/CASE.png
    regression       nifti  images/CASE.nii.gz, column           png    images/CASE.png, column lesion_cm2
                            lesion_ml
    detection                                                    png    images/CASE.png  boxes.json (COCO)
    all but detection, dicom   mr, ct     series/CASE/0001.dcm …  seg/CASE.dcm      (class or number: a column)
                               xray, us   images/CASE.dcm  masks/CASE.nii.gz        (masks for segmentation only)

cases.csv beside them has case, patient, site, sex and age. phantom.json holds the settings: a folder with the same ones is
completed, and the same settings give the same bytes.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np

from scanwright.dataset.phantom.cohort import Scan, claim, draw_scans, write_cohort
from scanwright.dataset.phantom.example import PICTURE_SIZE, PICTURES, Example, Modality, draw_example
from scanwright.errors import UsageError
from scanwright.files import write_bytes, write_json
from scanwright.geometry.volume import Volume
from scanwright.io.dicom.derived.picture_write import write_picture
from scanwright.io.dicom.derived.provenance import Model
from scanwright.io.dicom.derived.seg_write import write_segmentation
from scanwright.io.dicom.derived.series_write import write_series
from scanwright.io.formats import read_grid, write_volume

Task = Literal["segmentation", "classification", "regression", "detection"]
Format = Literal["nifti", "png", "dicom"]

TASKS: tuple[Task, ...] = ("segmentation", "classification", "regression", "detection")
FORMATS: Mapping[Modality, tuple[Format, ...]] = {
    "mr": ("nifti", "dicom"),
    "ct": ("nifti", "dicom"),
    "xray": ("png", "dicom"),
    "us": ("png", "dicom"),
}
MAX_SUBJECTS = 999
NAMES = {"mr": "MR", "ct": "CT", "xray": "X-ray", "us": "ultrasound"}
DRAWN_BY = Model("phantom", "1")
MADE = datetime(2024, 1, 1)  # stated in segmentations: the same settings give the same bytes


def write_examples(
    folder: Path,
    *,
    modality: Modality,
    task: Task = "segmentation",
    format: Format | None = None,
    subjects: int = 24,
    seed: int = 0,
    size: int = PICTURE_SIZE,
) -> tuple[Scan, ...]:
    """Write a cohort and return its examinations in the order of their names; 0.1 to 0.5 s each on one core.

    format: the modality's first one if not given. size: rows and columns of pictures, 64 to 1024.
    Raises UsageError if a combination is impossible, or the folder holds anything but this same cohort.
    """
    chosen = require_possible(modality=modality, task=task, format=format, subjects=subjects)
    if not 64 <= size <= 1024:
        raise UsageError("not a size of a picture", expected="64 to 1024 pixels", found=size)
    if (task, chosen) == ("segmentation", "nifti"):
        return write_cohort(folder, modality="ct" if modality == "ct" else "mr", subjects=subjects, seed=seed)
    settings = {"modality": modality, "task": task, "format": chosen, "subjects": subjects, "seed": seed, "size": size}
    claim(folder, {**settings, "version": 1})
    scans = draw_scans(seed=seed, subjects=subjects)
    rows: list[dict[str, Any]] = []
    drawn: list[tuple[str, int, Example]] = []
    for scan in scans:
        example = draw_example(scan, modality=modality, seed=seed, size=size)
        path = _write_images(folder, example, modality=modality, task=task, format=chosen)
        rows.append(_row(example, path, modality=modality, task=task, format=chosen))
        if task == "detection":
            drawn.append((path.name, size, example))
    if task == "detection":
        write_json(folder / "boxes.json", coco(drawn))
    _write_table(folder / "cases.csv", rows)
    stated = _declaration(example, modality=modality, task=task, format=chosen)
    if stated:
        write_json(folder / "scanwright.json", stated)
    return scans


def require_possible(*, modality: str, task: str, format: str | None, subjects: int) -> Format:
    """The format to write. Raises UsageError for what is impossible, saying what is possible."""
    formats = next((found for name, found in FORMATS.items() if name == modality), None)
    if formats is None:
        raise UsageError("no such modality of phantom", expected=" or ".join(FORMATS), found=modality)
    if task not in TASKS:
        raise UsageError("no such task", expected=" or ".join(TASKS), found=task)
    chosen = formats[0] if format is None else next((one for one in formats if one == format), None)
    if chosen is None:
        raise UsageError(f"{NAMES[modality]} is not written so", expected=" or ".join(formats), found=str(format))
    if task == "detection" and chosen != "png":
        hint = "Use --modality xray or us with --format png."
        raise UsageError(
            "boxes are drawn on pictures", expected="xray or us as png", found=f"{modality} as {chosen}", hint=hint
        )
    if not 1 <= subjects <= MAX_SUBJECTS:
        raise UsageError("not a size of a cohort", expected=f"1 to {MAX_SUBJECTS} subjects", found=subjects)
    if task == "classification" and subjects < 3:
        raise UsageError("too few subjects for three classes", expected="3 or more", found=subjects)
    return chosen


def target_column(modality: str, task: str) -> str:
    """The column that holds the truth of a whole image; "" where it is no column."""
    if task == "regression":
        return "lesion_cm2" if modality in PICTURES else "lesion_ml"
    return "class" if task == "classification" else ""


def coco(drawn: Sequence[tuple[str, int, Example]]) -> dict[str, Any]:
    """Boxes of pictures (file name, size, example) as COCO has them; a class is benign or malignant."""
    classes = {"benign": 1, "malignant": 2}
    listed = [(number, box, one.finding) for number, (_, _, one) in enumerate(drawn, start=1) for box in one.boxes]
    return {
        "images": [
            {"id": number, "file_name": name, "width": size, "height": size}
            for number, (name, size, _) in enumerate(drawn, start=1)
        ],
        "annotations": [
            {
                "id": place,
                "image_id": number,
                "category_id": classes[finding],
                "bbox": [left, top, right - left, bottom - top],
                "area": (right - left) * (bottom - top),
                "iscrowd": 0,
            }
            for place, (number, (left, top, right, bottom), finding) in enumerate(listed, start=1)
        ],
        "categories": [{"id": number, "name": name} for name, number in classes.items()],
    }


def _write_images(folder: Path, example: Example, *, modality: Modality, task: Task, format: Format) -> Path:
    """The files of one examination, those that are there are kept; the path of its image (of a series: the folder)."""
    scan, case = example.scan, example.scan.case
    if format == "dicom" and modality not in PICTURES:
        _write_dicom_volume(folder, example, modality="CT" if modality == "ct" else "MR")
        return folder / "series" / case
    suffix = {"nifti": ".nii.gz", "png": ".png", "dicom": ".dcm"}[format]
    is_folders = task == "classification" and format == "png"
    place = folder / example.finding / scan.patient if is_folders else folder / "images"
    image, mask = place / f"{case}{suffix}", folder / "masks" / f"{case}{'.nii.gz' if format == 'dicom' else suffix}"
    if not image.exists():
        if format == "dicom":
            _write_dicom_picture(image, example, modality=modality)
        else:
            write_volume(image, example.images[0])
    if task == "segmentation" and not mask.exists():
        grid = read_grid(image).grid  # DICOM states the size of a pixel, a label must lie on the same grid
        write_volume(mask, Volume(example.label.voxels, grid))
    return image


def _write_dicom_picture(path: Path, example: Example, *, modality: str) -> None:
    scan = example.scan
    write_picture(
        path,
        np.ascontiguousarray(example.images[0].voxels[0, :, :, 0].T),
        modality="DX" if modality == "xray" else "US",
        patient=scan.patient,
        study=scan.case,
        pixel_mm=example.pixel_mm,
        sex=scan.sex,
        age=scan.age,
        site=scan.site,
    )


def _write_dicom_volume(folder: Path, example: Example, *, modality: Literal["CT", "MR"]) -> None:
    scan, label = example.scan, folder / "seg" / f"{example.scan.case}.dcm"
    if label.exists():  # written last
        return
    series = folder / "series" / scan.case
    headers = write_series(series, example.images[0], modality=modality, patient=scan.patient, study=scan.case)
    masks = {name: example.label.voxels[0] == value for name, value in example.regions.items()}
    write_segmentation(label, masks, grid=example.label.grid, sources=headers, model=DRAWN_BY, made=MADE)


def _row(example: Example, path: Path, *, modality: Modality, task: Task, format: Format) -> dict[str, Any]:
    """A line of cases.csv."""
    scan, column = example.scan, target_column(modality, task)
    row: dict[str, Any] = {
        "case": scan.case,
        "patient": scan.patient,
        "site": scan.site,
        "sex": scan.sex,
        "age": scan.age,
    }
    if format == "dicom" and modality not in PICTURES:
        row["series"] = f"series/{scan.case}"
    elif column and not (task == "classification" and format == "png"):
        row["image"] = f"images/{path.name}"
    if column and not (task == "classification" and format == "png"):
        row[column] = example.finding if task == "classification" else example.burden
    return row


def _write_table(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    table = io.StringIO()
    csv.writer(table, lineterminator="\n").writerows([tuple(rows[0]), *(tuple(row.values()) for row in rows)])
    write_bytes(path, table.getvalue().encode())


def _declaration(example: Example, *, modality: Modality, task: Task, format: Format) -> dict[str, Any]:
    """scanwright.json: what the layout cannot say by itself; {} where it says everything."""
    stated: dict[str, Any] = {"name": f"Phantom, {NAMES[modality]}"}
    if format == "dicom" and modality not in PICTURES:
        stated["series"] = "cases.csv"
    else:
        stated["channels"] = [{"name": NAMES[modality], "modality": modality}]
    if task == "segmentation" and modality in PICTURES:
        stated["regions"] = dict(example.regions)
    if column := target_column(modality, task):
        stated["kind"] = task
        if not (task == "classification" and format == "png"):
            stated["target"] = column
    return stated

"""A written cohort, as faults are planted in it: which case has which files, and how their voxels and truths are changed.

Nothing is known of a cohort but its folder: phantom.json says what it is, cases.csv who is in it.
"""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from scanwright.dataset.phantom.anatomy import STRUCTURES
from scanwright.dataset.phantom.example import SEEN_BY_PROBE
from scanwright.errors import InputError
from scanwright.files import read_json, write_bytes, write_json
from scanwright.geometry.grid import Grid
from scanwright.geometry.volume import Volume
from scanwright.io.dicom.derived.picture_write import rewrite_picture
from scanwright.io.formats import is_image, read_volume, stem, write_volume
from scanwright.types import Array

BOXES = "boxes.json"
LABEL_FOLDERS = ("masks", "labelsTr")
LESION = {True: SEEN_BY_PROBE["lesion"], False: STRUCTURES["lesion"]}  # in pictures (CHEST has the same), in volumes


@dataclass(frozen=True, kw_only=True)
class Member:
    """One case: its row of cases.csv, its image (None: a series of DICOM), and its label map, if it has one."""

    case: str
    row: Mapping[str, str]
    image: Path | None
    label: Path | None

    @property
    def patient(self) -> str:
        """Whose scan it is, as cases.csv says."""
        return self.row["patient"]


@dataclass(frozen=True, kw_only=True)
class Members:
    """A cohort of the phantom. is_flat: pictures and not volumes."""

    root: Path
    task: str
    format: str
    is_flat: bool
    members: tuple[Member, ...]

    def named(self, cases: Iterable[str]) -> tuple[Member, ...]:
        """Members by their cases' names, in the cohort's order."""
        wanted = set(cases)
        return tuple(one for one in self.members if one.case in wanted)

    def write_rows(self, rows: Sequence[Mapping[str, str]]) -> Path:
        """Write cases.csv anew; the file."""
        table = io.StringIO()
        csv.writer(table, lineterminator="\n").writerows([tuple(rows[0]), *(tuple(row.values()) for row in rows)])
        write_bytes(self.root / "cases.csv", table.getvalue().encode())
        return self.root / "cases.csv"

    @property
    def positive(self) -> frozenset[str]:
        """Cases of which the answer is "yes": malignant, with a lesion, a burden above the median, with a box."""
        if self.task == "classification":
            return frozenset(one.case for one in self.members if class_of(one) == "malignant")
        if self.task == "detection":
            listed = read_json(self.root / BOXES)
            drawn = {entry["image_id"] for entry in listed["annotations"]}
            return frozenset(Path(entry["file_name"]).stem for entry in listed["images"] if entry["id"] in drawn)
        if self.task == "regression":
            burden = {one.case: float(one.row[burden_column(one)]) for one in self.members}
            middle = float(np.median(list(burden.values())))
            return frozenset(case for case, value in burden.items() if value > middle)
        lesion = LESION[self.is_flat]
        return frozenset(one.case for one in self.members if one.label and (read_voxels(one.label) == lesion).any())


def open_cohort(root: Path) -> Members:
    """The cohort in a folder. Raises InputError if it is none of the phantom's."""
    marker, table = root / "phantom.json", root / "cases.csv"
    if not marker.is_file() or not table.is_file():
        raise InputError("not a cohort of the phantom", where=root, expected="phantom.json and cases.csv in it")
    settings: dict[str, Any] = read_json(marker)
    rows = list(csv.DictReader(io.StringIO(table.read_text(encoding="utf-8"))))
    files = [path for path in sorted(root.rglob("*")) if path.is_file() and is_image(path)]
    labels = {stem(path): path for path in files if path.parent.name in LABEL_FOLDERS}
    images = {stem(path): path for path in files if path.parent.name not in (*LABEL_FOLDERS, "seg")}
    return Members(
        root=root,
        task=settings.get("task", "segmentation"),
        format=settings.get("format", "nifti"),
        is_flat=settings["modality"] in ("xray", "us"),
        members=tuple(
            Member(
                case=row["case"],
                row=row,
                image=images.get(row["case"]) or images.get(f"{row['case']}_0000"),
                label=labels.get(row["case"]),
            )
            for row in rows
        ),
    )


def class_of(member: Member) -> str:
    """The class of a case: its column, or the folder that it lies in (CLASS/PATIENT/CASE.png)."""
    if "class" in member.row or member.image is None:
        return member.row["class"]
    return member.image.parent.parent.name


def burden_column(member: Member) -> str:
    """The column of the number that is to be learned."""
    return "lesion_cm2" if "lesion_cm2" in member.row else "lesion_ml"


def read_voxels(path: Path) -> Array:
    """Voxels (I, J, K) of an image or label of one channel."""
    return np.asarray(read_volume(path).voxels[0])


def write_voxels(path: Path, voxels: Array) -> None:
    """Put other voxels (I, J, K) into a file; their number may differ in pictures only, where no place is at stake."""
    if path.suffix == ".dcm":
        rewrite_picture(path, np.ascontiguousarray(voxels[:, :, 0].T))
    elif path.suffix == ".png":
        write_volume(path, Volume(voxels[None], Grid.of_pixels(voxels.shape[0], voxels.shape[1])))
    else:
        write_volume(path, read_volume(path).with_voxels(voxels[None]))


def copy_truth(cohort: Members, source: Member, target: Member) -> None:
    """Give a case the label, number or boxes of another; their classes have to agree where the folder is the class."""
    if source.label and target.label:
        write_volume(target.label, read_volume(source.label))
    if cohort.task == "regression" or (cohort.task == "classification" and "class" in target.row):
        column = burden_column(target) if cohort.task == "regression" else "class"
        rows = [
            {**one.row, column: source.row[column]} if one.case == target.case else dict(one.row)
            for one in cohort.members
        ]
        cohort.write_rows(rows)
    if cohort.task == "detection":
        listed = read_json(cohort.root / BOXES)
        number = {Path(entry["file_name"]).stem: entry["id"] for entry in listed["images"]}
        kept = [one for one in listed["annotations"] if one["image_id"] != number[target.case]]
        own = [one for one in kept if one["image_id"] == number[source.case]]
        kept += [{**one, "image_id": number[target.case]} for one in own]
        listed["annotations"] = [{**one, "id": place} for place, one in enumerate(kept, start=1)]
        write_json(cohort.root / BOXES, listed)

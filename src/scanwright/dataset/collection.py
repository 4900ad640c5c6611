"""The layout that merging and appending write: a table of cases, their files beside it, and a declaration of what is asked.

    cases.csv         a row a case: id, image (or image_1, image_2 …), label, class or numbers, patient, split, source, groups
    scanwright.json   kind, channels, regions with their label values, classes or quantities
    images/ labels/   a file each, called as the case
    instances.json    for detection: the boxes, as COCO has them
    collection.json   what was put together: each source with its layout and digest

Why this one: it is read by Scanwright as a table (COCO for boxes), opens in a spreadsheet, and holds every kind, patient, side
and group, which no other layout does. A case is there once its row is: files are placed first, each in one step, the table is
renamed over its predecessor, and a file without a row is nobody's. Files are copied byte for byte, or linked; only what is no
single file (DICOM, archives, other channels) and labels whose values change are written anew, without loss.
"""

import csv
import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scanwright.dataset.cases import Boxes, Case, Classes, Quantities
from scanwright.dataset.declare import FILE_NAME as DECLARATION
from scanwright.dataset.layouts import coco, table
from scanwright.dataset.layouts.cells import NOT_KNOWN
from scanwright.dataset.layouts.delimited import read_table
from scanwright.dataset.placing import Placed
from scanwright.dataset.task import Kind, Task
from scanwright.errors import InputError
from scanwright.files import read_json, write_bytes, write_json

TABLE, BOXES, RECORD = "cases.csv", "instances.json", "collection.json"
TARGET = "class"
OWN_COLUMNS = ("id", "image", "label", "patient", "split")

Row = dict[str, str]


@dataclass(kw_only=True)
class Listing:
    """The rows of a collection and, for detection, its boxes: what makes files in the folder cases of it.

    `add` notes a case, `write` makes all that are noted part of the data set. rows: those that are there already.
    pictures: of detection, each case with its image file and that one's width and height in pixels.
    """

    root: Path
    task: Task
    rows: list[Row] = field(default_factory=list)
    pictures: list[tuple[Case, str, tuple[int, int]]] = field(default_factory=list)

    def add(self, case: Case, placed: Placed, *, size: tuple[int, int]) -> None:
        """A case whose files are in their places; it has its joint name, patient, target and groups."""
        self.rows.append(row_of(case, placed, self.task))
        if self.task.kind == "detection":
            self.pictures.append((case, placed.images[0], size))

    def write(self) -> None:
        """Write cases.csv, and the boxes after it, each in one step."""
        columns = list(dict.fromkeys(name for row in self.rows for name in row))
        stream = io.StringIO()
        lines = csv.DictWriter(stream, columns, restval="", lineterminator="\n")
        lines.writeheader()
        lines.writerows(self.rows)
        write_bytes(self.root / TABLE, stream.getvalue().encode())
        if self.task.kind == "detection":
            write_json(self.root / BOXES, self._boxes())

    def _boxes(self) -> dict[str, Any]:
        """The pictures and boxes as COCO has them."""
        numbers = {name: number for number, name in enumerate(self.task.classes, start=1)}
        images: list[dict[str, Any]] = []
        annotations: list[dict[str, Any]] = []
        for number, (case, file, (width, height)) in enumerate(self.pictures, start=1):
            images.append({"id": number, "file_name": file, "width": width, "height": height})
            for box in case.target.boxes if isinstance(case.target, Boxes) else ():
                (x, y), (right, bottom) = box.start, box.end
                annotations.append(
                    {
                        "id": len(annotations) + 1,
                        "image_id": number,
                        "category_id": numbers[box.name],
                        "bbox": [x, y, right - x, bottom - y],
                        "area": (right - x) * (bottom - y),
                        "iscrowd": int(box.ignored),
                    }
                )
        categories = [{"id": number, "name": name} for name, number in numbers.items()]
        return {"images": images, "annotations": annotations, "categories": categories}


def row_of(case: Case, placed: Placed, task: Task) -> Row:
    """A case as its row of the table. The case has its joint name, patient, target and groups (`source` among them)."""
    numbered = {f"image_{number}": file for number, file in enumerate(placed.images, start=1)}
    images = numbered if len(placed.images) > 1 else {"image": placed.images[0]}
    whose = {"patient": case.patient, "split": case.split}
    return {"id": case.id, **images, **_answer_cells(case, placed, task), **whose, **case.groups}


def _answer_cells(case: Case, placed: Placed, task: Task) -> Row:
    if task.kind == "segmentation":
        return {"label": placed.label}
    if isinstance(case.target, Quantities):
        cells = ("" if number is None else repr(number) for number in case.target.numbers)
        return dict(zip(task.quantities, cells, strict=True))
    if isinstance(case.target, Classes):
        several = task.choice == "several"  # a sign at the end, so that a class with a comma is not taken for two
        told = (*case.target.names, *(f"{NOT_KNOWN}{name}" for name in case.target.unknown))
        return {TARGET: "|".join(told) + "|" * several}
    return {}


def read_rows(root: Path) -> list[Row]:
    """The rows of cases.csv as they were written. Raises InputError if it is no table."""
    return [dict(row) for row in read_table(root / TABLE).rows]


def write_declaration(root: Path, task: Task) -> None:
    """Write scanwright.json: everything that the table does not say."""
    answers: dict[str, Any] = {}
    if task.kind == "segmentation":
        answers["regions"] = {region.name: list(region.values) for region in task.regions}
        answers["region_order"] = list(task.region_order)
        answers |= {} if task.ignore is None else {"ignore": task.ignore}
        answers |= {} if task.findings is None else {"findings": list(task.findings)}
    elif task.kind == "regression":
        answers["target"] = list(task.quantities)
    else:
        answers["classes"] = list(task.classes)
        answers |= {"choice": task.choice, "target": TARGET} if task.kind == "classification" else {}
    channels = [channel.model_dump(mode="json") for channel in task.channels]
    layout = layout_of(task.kind)
    write_json(
        root / DECLARATION, {"name": task.name, "kind": task.kind, "layout": layout, "channels": channels, **answers}
    )


def layout_of(kind: Kind) -> str:
    """The layout that reads such a folder."""
    return coco.NAME if kind == "detection" else table.NAME


def read_record(root: Path) -> dict[str, Any] | None:
    """The content of collection.json; None if the folder has none. Raises InputError if it is not an object."""
    path = root / RECORD
    if not path.is_file():
        return None
    found = read_json(path)
    if not isinstance(found, dict):
        raise InputError("not the record of a collection", where=path, expected="a JSON object")
    return found

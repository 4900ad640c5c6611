"""Real data in every layout that is read, through one and the same command, without conversion.

    python benchmarks/layouts.py ../shared/data [-o RESULT.json]

What stands in the folders is taken as it is: Decathlon, images and masks, a table of classes, MedMNIST, Pascal VOC, DICOM. The
same cases are also laid out, by links, as BIDS and a table of paths (hippocampi), class folders (ultrasound), YOLO and COCO
(blood cells). Told for each: the line that says what was recognised, seconds of `inspect --quick`, and how many findings of
which severity.
"""

import argparse
import csv
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from record import write_result

from scanwright.api.look import inspect
from scanwright.dataset.cases import Boxes
from scanwright.dataset.read import read_dataset
from scanwright.dataset.task import Kind
from scanwright.files import write_json

AS_THEY_ARE: tuple[tuple[str, Kind | None], ...] = (
    ("hippocampus_mri", None),
    ("ultrasound_breast_busi", "segmentation"),
    ("ultrasound_breast_busi", "classification"),
    ("medmnist/breastmnist.npz", None),
    ("blood_cells_bccd", None),
    ("xray_lung_covid", None),
    ("dicom/seg_sr_highdicom", None),
)


WIDTH, HEIGHT = 640, 480  # of the pictures of blood cells


def linked(target: Path, source: Path) -> None:
    """A link, its folder made before."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.symlink_to(source.resolve())


def as_bids(data: Path, root: Path) -> Path:
    """Hippocampi as sub-XXX/anat, labels as derivatives."""
    write_json(root / "dataset_description.json", {"Name": "hippocampi", "BIDSVersion": "1.8.0"})
    for image in sorted((data / "hippocampus_mri/imagesTr").glob("*.nii.gz")):
        subject = f"sub-{image.name.split('_')[1].split('.')[0]}"
        label = data / "hippocampus_mri/labelsTr" / image.name
        linked(root / subject / "anat" / f"{subject}_T1w.nii.gz", image)
        linked(root / "derivatives/manual" / subject / "anat" / f"{subject}_dseg.nii.gz", label)
    return root


def as_class_folders(data: Path, root: Path) -> Path:
    """Ultrasound pictures by class."""
    folder = data / "ultrasound_breast_busi"
    for row in csv.DictReader((folder / "labels.csv").open()):
        name = Path(next(iter(row.values()))).stem
        linked(root / name.split("_")[0] / f"{name}.png", folder / "images" / f"{name}.png")
    return root


def as_yolo(data: Path, root: Path) -> Path:
    """Blood cells with a text file of boxes for each picture."""
    found = read_dataset(data / "blood_cells_bccd")
    names = found.task.classes
    for case in found.cases:
        image, target = case.images[0], case.target
        assert isinstance(image, Path) and isinstance(target, Boxes)
        linked(root / "images" / case.split / image.name, image)
        lines = []
        for box in target.boxes:
            (x0, y0), (x1, y1) = box.start, box.end
            middle = f"{(x0 + x1) / 2 / WIDTH} {(y0 + y1) / 2 / HEIGHT}"
            lines.append(f"{names.index(box.name)} {middle} {(x1 - x0) / WIDTH} {(y1 - y0) / HEIGHT}")
        text = root / "labels" / case.split / f"{image.stem}.txt"
        text.parent.mkdir(parents=True, exist_ok=True)
        text.write_text("\n".join(lines) + "\n")
    sides = "train: images/train\nval: images/train\ntest: images/test\n"
    (root / "data.yaml").write_text(f"{sides}nc: {len(names)}\nnames: [{', '.join(names)}]\n")
    return root


def as_coco(data: Path, root: Path) -> Path:
    """Blood cells with one file of boxes for each side of the split."""
    found = read_dataset(data / "blood_cells_bccd")
    codes = {name: code for code, name in enumerate(found.task.classes, start=1)}
    for side in ("train", "test"):
        cases = [case for case in found.cases if case.split == side]
        listed: dict[str, list[dict[str, Any]]] = {
            "images": [],
            "annotations": [],
            "categories": [{"id": code, "name": name} for name, code in codes.items()],
        }
        for number, case in enumerate(cases):
            image, target = case.images[0], case.target
            assert isinstance(image, Path) and isinstance(target, Boxes)
            linked(root / side / image.name, image)
            listed["images"].append({"id": number, "file_name": image.name, "width": WIDTH, "height": HEIGHT})
            for box in target.boxes:
                width, height = (end - start for start, end in zip(box.start, box.end, strict=True))
                entry = {"id": len(listed["annotations"]), "image_id": number, "category_id": codes[box.name]}
                listed["annotations"].append(entry | {"bbox": [*box.start, width, height], "iscrowd": 0})
        write_json(root / side / "_annotations.coco.json", listed)
    return root


def as_table(data: Path, root: Path) -> Path:
    """Paths of hippocampi and labels in a table of their own."""
    folder = (data / "hippocampus_mri").resolve()
    rows = [(image, folder / "labelsTr" / image.name) for image in sorted((folder / "imagesTr").glob("*.nii.gz"))]
    root.mkdir(parents=True)
    with (root / "cases.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([("image", "label"), *rows])
    return root / "cases.csv"


def row_of(name: str, data: Path, kind: Kind | None = None) -> dict[str, Any]:
    """What one command makes of a data set."""
    began = time.perf_counter()
    found = inspect(data, task=kind, quick=True)
    seconds = round(time.perf_counter() - began, 1)
    row = {
        "data": name,
        "layout": found.dataset.layout,
        "stated": found.dataset.stated,
        "seconds": seconds,
        "findings": dict(Counter(fault.severity for fault in found.checks.faults)),
    }
    print(f"{row['data']}: {row['layout']}, {seconds} s, {row['findings']}\n    {row['stated']}", flush=True)
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("-o", "--out", type=Path)
    given = parser.parse_args()
    rows = [row_of(f"{name} {kind or ''}".strip(), given.data / name, kind) for name, kind in AS_THEY_ARE]
    with tempfile.TemporaryDirectory() as folder:
        for lay in (as_bids, as_table, as_class_folders, as_yolo, as_coco):
            rows.append(row_of(lay.__name__, lay(given.data, Path(folder) / lay.__name__)))
    if given.out:
        write_result(given.out, {"rows": rows})


if __name__ == "__main__":
    main()

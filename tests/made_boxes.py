"""Small folders of pictures with boxes, the same scene in each form: Pascal VOC, COCO and YOLO."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from made_folders import write_json, write_png, write_text

WIDTH, HEIGHT = 40, 30
CLASSES = ("cell", "platelet")
Drawing = Sequence[tuple[str, float, float, float, float]]  # class, left, top, right, bottom: corners as a Box has them

SCENE: Mapping[str, Drawing] = {
    "p00": [("cell", 2, 3, 12, 13), ("platelet", 20, 20, 24, 25)],
    "p01": [("cell", 0, 0, 40, 30)],
    "p02": [("cell", 30, 2, 39, 9), ("platelet", 1, 20, 6, 26)],
    "p03": [("platelet", 5, 5, 9, 9)],
}
TEST = ("p03",)


def draw(path: Path, seed: int, *, size: tuple[int, int] = (WIDTH, HEIGHT)) -> Path:
    rng = np.random.default_rng(seed)
    return write_png(path, rng.integers(0, 255, (size[1], size[0], 3)).astype(np.uint8))


def voc_object(name: str, corners: Sequence[Any], *, difficult: int = 0) -> str:
    tags = "".join(
        f"<{tag}>{value}</{tag}>" for tag, value in zip(("xmin", "ymin", "xmax", "ymax"), corners, strict=True)
    )
    return f"<object><name> {name} </name><difficult>{difficult}</difficult><bndbox>{tags}</bndbox></object>"


def voc_xml(objects: Sequence[str], *, size: tuple[int, int] | None = (WIDTH, HEIGHT)) -> str:
    stated = "" if size is None else f"<size><width>{size[0]}</width><height>{size[1]}</height><depth>3</depth></size>"
    return f"<annotation>{stated}{''.join(objects)}</annotation>"


def voc_folder(
    root: Path,
    scene: Mapping[str, Drawing] = SCENE,
    *,
    test: Sequence[str] = TEST,
    folders: tuple[str, str] = ("Annotations", "JPEGImages"),
    suffix: str = ".png",
) -> Path:
    for number, (name, boxes) in enumerate(scene.items()):
        draw(root / folders[1] / f"{name}{suffix}", number)
        objects = [voc_object(kind, (x0 + 1, y0 + 1, x1, y1)) for kind, x0, y0, x1, y1 in boxes]
        write_text(root / folders[0] / f"{name}.xml", voc_xml(objects))
    if test:
        train = [name for name in scene if name not in test]
        write_text(root / "ImageSets/Main/trainval.txt", "\n".join(train) + "\n")
        write_text(root / "ImageSets/Main/train.txt", "\n".join(train[:-1]) + "\n")
        write_text(root / "ImageSets/Main/val.txt", train[-1])
        write_text(root / "ImageSets/Main/test.txt", "\n".join(test) + "\n")
    return root


def coco_json(
    scene: Mapping[str, Drawing],
    *,
    suffix: str = ".png",
    classes: Sequence[str] = CLASSES,
    size: tuple[int, int] = (WIDTH, HEIGHT),
) -> dict[str, Any]:
    drawn = [(number, box) for number, boxes in enumerate(scene.values()) for box in boxes]
    return {
        "info": {},
        "images": [
            {"id": number, "file_name": f"{name}{suffix}", "width": size[0], "height": size[1]}
            for number, name in enumerate(scene)
        ],
        "annotations": [
            {
                "id": place,
                "image_id": number,
                "category_id": classes.index(kind) + 1,
                "bbox": [x0, y0, x1 - x0, y1 - y0],
                "iscrowd": 0,
            }
            for place, (number, (kind, x0, y0, x1, y1)) in enumerate(drawn)
        ],
        "categories": [{"id": number, "name": name} for number, name in enumerate(classes, start=1)],
    }


def coco_folder(root: Path, scene: Mapping[str, Drawing] = SCENE, *, test: Sequence[str] = TEST) -> Path:
    """annotations/instances_train2017.json with train2017/, and the same for test."""
    for number, name in enumerate(scene):
        draw(root / ("test2017" if name in test else "train2017") / f"{name}.png", number)
    for side in ("train", "test"):
        own = {name: boxes for name, boxes in scene.items() if (name in test) == (side == "test")}
        if own:
            write_json(root / f"annotations/instances_{side}2017.json", coco_json(own))
    return root


def yolo_line(number: int, corners: Sequence[float], *, size: tuple[int, int] = (WIDTH, HEIGHT)) -> str:
    x0, y0, x1, y1 = corners
    (w, h) = size
    return f"{number} {(x0 + x1) / 2 / w!r} {(y0 + y1) / 2 / h!r} {(x1 - x0) / w!r} {(y1 - y0) / h!r}"


def yolo_folder(root: Path, scene: Mapping[str, Drawing] = SCENE, *, test: Sequence[str] = TEST) -> Path:
    """data.yaml, images/train with labels/train, and the same for test."""
    for number, (name, boxes) in enumerate(scene.items()):
        side = "test" if name in test else "train"
        draw(root / f"images/{side}/{name}.png", number)
        lines = [yolo_line(CLASSES.index(kind), corners) for kind, *corners in boxes]
        write_text(root / f"labels/{side}/{name}.txt", "\n".join(lines) + "\n")
    sides = "train: images/train\nval: images/train\n" + ("test: images/test\n" if test else "")
    write_text(root / "data.yaml", f"{sides}nc: {len(CLASSES)}\nnames: [{', '.join(CLASSES)}]\n")
    return root

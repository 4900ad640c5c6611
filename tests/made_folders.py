"""Small data folders made for tests: a bright ball in noise and its label, as NIfTI or PNG, in each layout."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from PIL import Image

from scanwright.dataset.cases import Case
from scanwright.dataset.facts import CaseFacts, Intensity
from scanwright.dataset.task import Channel, Region, Task
from scanwright.types import Array

SHAPE = (12, 10, 8)
AFFINE = np.diag((1.0, 1.0, 2.0, 1.0))


def ball(seed: int, *, shape: tuple[int, int, int] = SHAPE, values: Sequence[int] = (1,)) -> tuple[Array, Array]:
    """An image (float32, noise around 100) and a label of boxes side by side along i, one for each value."""
    rng = np.random.default_rng(seed)
    image = rng.normal(100, 5, shape).astype(np.float32)
    label = np.zeros(shape, np.uint8)
    for number, value in enumerate(values):
        label[2 + 2 * number : 4 + 2 * number, 3:6, :4] = value
    image[label > 0] += 50
    return image, label


def write_nifti(path: Path, voxels: Array, affine: Array = AFFINE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = nib.Nifti1Image(voxels, affine)
    picture.set_sform(affine, 1)
    picture.set_qform(None, 0)
    nib.save(picture, path)
    return path


def write_png(path: Path, pixels: Array) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def write_text(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def write_json(path: Path, value: Any) -> Path:
    return write_text(path, json.dumps(value))


def picture(seed: int, *, size: tuple[int, int] = (20, 16), value: int = 255) -> tuple[Array, Array]:
    """Grey pixels (rows, columns) uint8 and a mask of 0 and `value` with 12 pixels."""
    rng = np.random.default_rng(seed)
    mask = np.zeros(size, np.uint8)
    mask[4:8, 5:8] = value
    return (rng.integers(0, 200, size) + (mask > 0) * 40).astype(np.uint8), mask


def nnunet_folder(root: Path, *, cases: int = 4, channels: Sequence[str] = ("CT",), **extra: Any) -> Path:
    """imagesTr, labelsTr and a dataset.json of version 2; labels 1 and 2. `extra` overrides keys of dataset.json."""
    for number in range(cases):
        for channel in range(len(channels)):
            image, label = ball(10 * number + channel, values=(1, 2))
            write_nifti(root / "imagesTr" / f"p{number:02d}_{channel:04d}.nii.gz", image)
        write_nifti(root / "labelsTr" / f"p{number:02d}.nii.gz", label)
    description = {
        "name": "made",
        "channel_names": {str(number): name for number, name in enumerate(channels)},
        "labels": {"background": 0, "liver": 1, "tumour": 2},
        "numTraining": cases,
        "file_ending": ".nii.gz",
    }
    write_json(root / "dataset.json", {**description, **extra})
    return root


def decathlon_folder(root: Path, *, cases: int = 3, **extra: Any) -> Path:
    """A Decathlon folder with one MRI channel and labels 1 and 2."""
    pairs = []
    for number in range(cases):
        image, label = ball(number, values=(1, 2))
        write_nifti(root / f"imagesTr/mr_{number:03d}.nii.gz", image)
        write_nifti(root / f"labelsTr/mr_{number:03d}.nii.gz", label)
        pairs.append({"image": f"./imagesTr/mr_{number:03d}.nii.gz", "label": f"./labelsTr/mr_{number:03d}.nii.gz"})
    description = {
        "name": "Made",
        "modality": {"0": "MRI"},
        "labels": {"0": "background", "1": "Anterior", "2": "Posterior"},
        "training": pairs,
        "test": ["./imagesTs/mr_900.nii.gz"],
    }
    write_json(root / "dataset.json", {**description, **extra})
    return root


def picture_folder(
    root: Path, *, cases: int = 4, images: str = "images", masks: str = "masks", suffix: str = ""
) -> Path:
    """images/p00.png with masks/p00.png (and a suffix to the mask's name)."""
    for number in range(cases):
        pixels, mask = picture(number)
        write_png(root / images / f"p{number:02d}.png", pixels)
        write_png(root / masks / f"p{number:02d}{suffix}.png", mask)
    return root


def made_task(
    *, values: Mapping[str, tuple[int, ...]] | None = None, channels: Sequence[str] = ("CT",), **extra: Any
) -> Task:
    regions = {"liver": (1,), "tumour": (2,)} if values is None else values
    return Task(
        name="made",
        channels=tuple(Channel(name=name, modality="ct") for name in channels),
        regions=tuple(Region(name=name, values=held) for name, held in regions.items()),
        **extra,
    )


def made_case(name: str, *, patient: str | None = None, **extra: Any) -> Case:
    """A case with paths that nothing lies at."""
    fields = {"images": (Path(f"/data/{name}.nii.gz"),), "label": Path(f"/data/{name}_label.nii.gz"), **extra}
    return Case(id=name, patient=patient or name, **fields)


def made_facts(name: str, *, patient: str | None = None, **extra: Any) -> CaseFacts:
    """Facts of a 10 x 20 x 30 case in RAS with 100 voxels of liver; any field can be given."""
    level = Intensity(min=0, max=10, mean=5, std=2, p005=0, p500=5, p995=10)
    fields: dict[str, Any] = {
        "shape": (10, 20, 30),
        "spacing": (1.0, 1.0, 2.0),
        "orientation": "RAS",
        "unit": "mm",
        "dtype": "int16",
        "image_hashes": (name,),
        "label_hash": f"label of {name}",
        "grid_hash": "grid",
        "channels": (level,),
        "body_start": (0, 0, 0),
        "body_shape": (10, 20, 30),
        "body_fraction": 1.0,
        "label_counts": {0: 5900, 1: 100},
        "foreground_start": (1, 1, 1),
        "foreground_shape": (5, 5, 4),
        "region_voxels": {"liver": 100},
        "region_components": {"liver": 1},
        "foreground_sample": ((1.0, 2.0, 3.0),),
    }
    return CaseFacts(id=name, patient=patient or name, **{**fields, **extra})

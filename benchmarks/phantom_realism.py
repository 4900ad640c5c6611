"""The ranges of contrast, noise, texture, sharpness and bias in real data sets, and in the phantom beside them.

    python benchmarks/phantom_realism.py ../shared/data            # the table of docs/design/0002-phantom.md

Each row is one set: 5th, 50th and 95th percentile over its cases (and over structures, for contrast and texture).
"""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import nibabel
import numpy as np
from nibabel.dataobj_images import DataobjImage
from PIL import Image

from scanwright.dataset.phantom.cohort import write_cohort
from scanwright.dataset.phantom.example import Modality
from scanwright.dataset.phantom.layout import write_examples
from scanwright.dataset.phantom.measure import Realism, measure

SINGLE = ("noise", "edge_voxels", "bias", "slope")
PICTURES: tuple[Modality, ...] = ("xray", "us")
Pair = tuple[np.ndarray, np.ndarray]
AIR = {"ct_sarcoma (CT)": -500.0, "phantom ct": -500.0}


def voxels(file: Path) -> np.ndarray:
    image = nibabel.load(file)
    assert isinstance(image, DataobjImage), f"{file} holds no array"
    return np.asarray(image.dataobj)


def nifti_pairs(folder: Path, *, channel: str = "") -> Iterator[Pair]:
    for label in sorted((folder / "labelsTr").glob("*.nii.gz")):
        image = folder / "imagesTr" / label.name.replace(".nii.gz", f"{channel}.nii.gz")
        yield voxels(image), voxels(label).astype(np.int32)


def png_pairs(folder: Path, labels: str, pattern: str) -> Iterator[Pair]:
    """Pictures brought to about 256 pixels by averaging, as a network of this size would see them."""
    for path in sorted((folder / labels).glob(pattern)):
        image = Image.open(folder / "images" / path.name).convert("L")
        step = max(1, max(image.size) // 256)
        label = np.asarray(Image.open(path).convert("L"))[::step, ::step]
        small = np.asarray(image.resize(label.shape[::-1], Image.Resampling.BOX))
        yield small[:, :, None], np.where(label == 255, 1, label).astype(np.int32)[:, :, None]


def row(found: list[Realism]) -> list[np.ndarray]:
    many = [[v for r in found for v in r.cnr.values()], [v for r in found for v in r.texture.values()]]
    single = [[v for r in found if (v := getattr(r, name)) is not None] for name in SINGLE]
    return [np.percentile(values, (5, 50, 95)) for values in (*many, *single)]


def sets(data: Path, work: Path) -> Iterator[tuple[str, Iterator[Pair]]]:
    yield "hippocampus_mri (MR)", nifti_pairs(data / "hippocampus_mri")
    yield "ct_sarcoma (CT)", nifti_pairs(data / "ct_sarcoma", channel="_0000")
    yield "xray_lung_covid", png_pairs(data / "xray_lung_covid", "labels", "*.png")
    yield "ultrasound_breast_busi", png_pairs(data / "ultrasound_breast_busi", "masks", "[bm]*.png")
    for modality in ("mr", "ct"):
        write_cohort(work / modality, modality=modality)
        yield f"phantom {modality}", nifti_pairs(work / modality, channel="_0000")
    for flat in PICTURES:
        write_examples(work / flat, modality=flat)
        yield f"phantom {flat}", png_pairs(work / flat, "masks", "*.png")


def main(data: Path) -> None:
    print(
        f"{'set':24} {'cases':>5} "
        + "".join(f"{h:>20}" for h in ("CNR", "texture", "noise", "edge voxels", "bias/100 vox", "spectrum"))
    )
    with tempfile.TemporaryDirectory() as work:
        for name, pairs in sets(data, Path(work)):
            found = [measure(image, label, air=AIR.get(name)) for image, label in pairs]
            print(f"{name:24} {len(found):5} " + "".join(f"  {a:5.2f} {b:5.2f} {c:5.2f}" for a, b, c in row(found)))


if __name__ == "__main__":
    main(Path(sys.argv[1]))

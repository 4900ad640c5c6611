"""Images that a model was not made for, made of the labelled folders: for benchmarks/out_of_range.py.

Each set is images as a model would be given them. Those that are called "matched" have the grid and the very grey
values (rank by rank) of an image that the model was made for, and other content: only their features can tell them.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.random import Generator
from PIL import Image

from scanwright.geometry.grid import Grid
from scanwright.geometry.resample import resize
from scanwright.geometry.volume import Volume
from scanwright.io.formats import read_volume
from scanwright.types import Array, Floats

Sets = dict[str, list[Volume]]
CROP_MM = (36.0, 50.0, 36.0)
"""As large as the crops of a hippocampus are."""
SIDE = 28


def of_hippocampus(data: Path, likes: Sequence[Volume], rng: Generator) -> tuple[Sets, Sets]:
    """Images for a model of MRI crops of a hippocampus: those that it was not made for, and those that are turned.
    likes: that it was made for, unseen.
    """
    count = len(likes)
    ct = [read_volume(file) for file in sorted((data / "ct_sarcoma/imagesTr").glob("*.nii.gz"))]
    mr = read_volume(data / "dicom/sts_003_ct_mr_pet_rtstruct/reference_nifti/MR_T1_image.nii.gz")
    crops = {
        "CT": [crop(ct[number % len(ct)], rng) for number in range(count)],
        "MRI of a thigh": [crop(mr, rng) for _ in range(count)],
    }
    sets = {"CT as it is": ct, "MRI of a thigh as it is": [mr]}
    for name, blocks in crops.items():
        sets[f"{name}, matching header"] = [
            dressed(b, like, ranked=False) for b, like in zip(blocks, likes, strict=True)
        ]
        sets[f"{name}, matched"] = [dressed(b, like, ranked=True) for b, like in zip(blocks, likes, strict=True)]
    sets |= spoiled(likes, rng, block=8)
    turned = {
        "upside down": [like.with_voxels(np.flip(like.voxels, 3).copy()) for like in likes],
        "back to front": [like.with_voxels(np.flip(like.voxels, 2).copy()) for like in likes],
        "left and right exchanged": [like.with_voxels(np.flip(like.voxels, 1).copy()) for like in likes],
    }
    return sets, turned


def of_chest_radiographs(data: Path, likes: Sequence[Volume], rng: Generator) -> tuple[Sets, Sets]:
    """The same for a model of chest radiographs of 28 x 28 pixels."""
    archive = np.load(data / "medmnist/breastmnist.npz")
    breast = [image for part in ("train", "val", "test") for image in archive[f"{part}_images"]]
    busi = [grey(file) for file in sorted((data / "ultrasound_breast_busi/images").iterdir())]
    cells = [grey(file) for file in sorted((data / "blood_cells_bccd/JPEGImages").iterdir())[:100]]
    ct = [read_volume(file) for file in sorted((data / "ct_sarcoma/imagesTr").glob("*.nii.gz"))]
    brain = [read_volume(file) for file in sorted((data / "hippocampus_mri/imagesTr").glob("*.nii.gz"))[:100]]
    plain = [like.voxels[0, :, :, 0].T for like in likes]
    sets = {
        "ultrasound of a breast, 28 x 28": [picture(image) for image in breast],
        "ultrasound, matched": [picture(matched(a, plain[k % len(plain)])) for k, a in enumerate(breast[:200])],
        "ultrasound of a breast as it is": [picture(image) for image in busi],
        "ultrasound as it is, at 28 x 28": [picture(small(image)) for image in busi],
        "blood cells as they are": [picture(image) for image in cells],
        "blood cells, 28 x 28": [picture(small(image)) for image in cells],
        "CT slices, 28 x 28": [picture(small(middle(one, -200, 400))) for one in ct],
        "MRI of a hippocampus, 28 x 28": [picture(small(middle(one))) for one in brain],
    }
    sets |= spoiled(likes[:100], rng, block=7)
    turned = {
        "upside down": [like.with_voxels(np.flip(like.voxels, 2).copy()) for like in likes[:100]],
        "left and right exchanged": [like.with_voxels(np.flip(like.voxels, 1).copy()) for like in likes[:100]],
    }
    return sets, turned


def spoiled(likes: Sequence[Volume], rng: Generator, *, block: int) -> Sets:
    """Images of which something is left that is no anatomy."""
    return {
        "shuffled voxels": [
            like.with_voxels(rng.permutation(like.voxels.ravel()).reshape(like.voxels.shape)) for like in likes
        ],
        f"shuffled blocks of {block} voxels": [
            like.with_voxels(blocks_shuffled(like.voxels, block, rng)) for like in likes
        ],
        "random phase, same spectrum and grey values": [phase_drawn(like, rng) for like in likes],
        "noise": [like.with_voxels(rng.normal(100, 20, like.voxels.shape).astype(np.float32)) for like in likes],
        "constant": [like.with_voxels(np.full_like(like.voxels, 7)) for like in likes],
    }


def crop(volume: Volume, rng: Generator) -> Floats:
    """A piece of a body of about CROP_MM, most of which is not air."""
    voxels, size = (
        volume.voxels[0],
        [round(length / edge) for length, edge in zip(CROP_MM, volume.grid.spacing, strict=True)],
    )
    inside = voxels > (-300 if voxels.min() < -500 else np.percentile(voxels, 50))
    places, best = np.argwhere(inside), None
    for _ in range(40):
        center = places[rng.integers(len(places))]
        start = [min(max(0, int(c) - s // 2), n - s) for c, s, n in zip(center, size, voxels.shape, strict=True)]
        box = tuple(slice(a, a + s) for a, s in zip(start, size, strict=True))
        share = float(inside[box].mean())
        best = max(best or (share, box), (share, box), key=lambda one: one[0])
        if share > 0.7:
            break
    assert best is not None
    return np.asarray(voxels[best[1]], dtype=np.float32)


def dressed(block: Floats, like: Volume, *, ranked: bool) -> Volume:
    """Other content on the grid of an image, in its range of grey values, or with its very grey values by rank."""
    there = resize(block[None], like.shape, order=1)
    if ranked:
        return Volume(matched(there, like.voxels), like.grid)
    low, high = np.percentile(there, (0.5, 99.5))
    least, most = np.percentile(like.voxels, (0.5, 99.5))
    return Volume(((there - low) / max(float(high - low), 1e-6) * (most - least) + least).astype(np.float32), like.grid)


def matched(values: Array, like: Array) -> Array:
    """Values replaced by those of another image of equal or other size, rank by rank."""
    order, target = np.argsort(values.ravel(), kind="stable"), np.sort(like.ravel())
    found = np.empty(values.size, dtype=like.dtype)
    found[order] = target[np.linspace(0, target.size - 1, values.size).astype(int)]
    return found.reshape(values.shape)


def blocks_shuffled(voxels_CIJK: Array, block: int, rng: Generator) -> Array:
    """Blocks of so many voxels along each axis in another order; what is left at the far ends stays."""
    found = voxels_CIJK.copy()
    steps = [min(block, length) for length in voxels_CIJK.shape[1:]]
    corners = [np.arange(0, length - step + 1, step) for length, step in zip(voxels_CIJK.shape[1:], steps, strict=True)]
    places = np.stack(np.meshgrid(*corners, indexing="ij"), -1).reshape(-1, 3)
    for (i, j, k), (a, b, c) in zip(places, places[rng.permutation(len(places))], strict=True):
        x, y, z = steps
        found[:, i : i + x, j : j + y, k : k + z] = voxels_CIJK[:, a : a + x, b : b + y, c : c + z]
    return found


def phase_drawn(like: Volume, rng: Generator) -> Volume:
    """What an image becomes whose spectrum is kept and whose phases are those of noise, with its grey values by rank."""
    voxels = like.voxels[0].astype(float)
    drawn = np.fft.rfftn(rng.normal(size=voxels.shape))
    made = np.fft.irfftn(np.abs(np.fft.rfftn(voxels)) * np.exp(1j * np.angle(drawn)), s=voxels.shape)
    return like.with_voxels(matched(made, voxels)[None].astype(np.float32))


def grey(file: Path) -> Array:
    """A picture's grey values (rows, columns)."""
    with Image.open(file) as opened:
        return np.asarray(opened.convert("L"))


def small(image: Array) -> Array:
    """A picture brought to 28 x 28 pixels."""
    return np.asarray(Image.fromarray(image).resize((SIDE, SIDE), Image.Resampling.BILINEAR))


def middle(volume: Volume, low: float | None = None, high: float | None = None) -> Array:
    """The middle slice of a volume as a picture of 8 bits."""
    slice_IJ = volume.voxels[0][:, :, volume.shape[2] // 2].astype(float)
    least, most = np.percentile(slice_IJ, (0.5, 99.5)) if low is None or high is None else (low, high)
    return np.array(np.rot90(np.clip((slice_IJ - least) / (most - least) * 255, 0, 255).astype(np.uint8)))


def picture(image: Array) -> Volume:
    """A picture (rows, columns) as it is read from a file."""
    height, width = image.shape
    return Volume(image.T[None, :, :, None].copy(), Grid((width, height, 1), np.diag((-1.0, -1.0, 1.0, 1.0)), "px"))


def pictures_of(archive: Mapping[str, Array], part: str) -> Iterator[Volume]:
    """The images of one part of a MedMNIST archive."""
    yield from (picture(image) for image in archive[f"{part}_images"])

"""Palettes that differ from mask to mask."""

import numpy as np
import pytest
from PIL import Image

from made_folders import picture, picture_folder, write_png
from scanwright.dataset.read import read_dataset

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def palette_mask(path, palette, *, value=1):
    mask = Image.fromarray(np.where(picture(0)[1] > 0, value, 0).astype(np.uint8), "P")
    mask.putpalette([0, 0, 0, *(level for colour in palette for level in colour)])
    mask.save(path)


def folder(root, palettes, *, value=1):
    picture_folder(root, cases=len(palettes))
    for number, palette in enumerate(palettes):
        if palette is not None:
            palette_mask(root / f"masks/p{number:02d}.png", palette, value=value)
    return root


def faults_of(root):
    return [(fault.code, fault.severity, fault.cases) for fault in read_dataset(root).faults]


@pytest.mark.parametrize("palettes", [[(RED,)] * 4, [(RED,), (RED, GREEN), (RED,), (RED, BLUE)]])
def test_one_palette__or_more_that_agree_in_what_is_used(tmp_path, palettes):
    assert faults_of(folder(tmp_path, palettes)) == []


def test_palettes_that_differ(tmp_path):
    root = folder(tmp_path, [(RED,), (RED,), (GREEN,), (RED,)])
    assert faults_of(root) == [("mixed-palettes", "error", ("p02",))]


def test_a_palette_beside_plain_colours_and_grey(tmp_path):
    root = folder(tmp_path, [(RED,), (RED,), (RED,), None])
    assert faults_of(root) == [], "a grey mask holds its values as a palette does its indices"
    drawn = np.zeros((20, 16, 3), np.uint8)
    drawn[4:8, 5:8] = RED
    write_png(root / "masks/p03.png", drawn)
    assert faults_of(root) == [("mixed-palettes", "error", ("p03",))]


def test_the_palette_of_a_second_mask(tmp_path):
    root = folder(tmp_path, [(RED,)] * 4)
    for number in range(4):
        (root / f"masks/p{number:02d}.png").rename(root / f"masks/p{number:02d}_mask.png")
    palette_mask(root / "masks/p02_mask_1.png", (GREEN,))
    assert ("mixed-palettes", "error", ("p02",)) in faults_of(root)

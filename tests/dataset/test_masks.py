"""What masks of a data set show together: scales that differ, and pictures that were turned under them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from made_folders import picture, picture_folder, write_png, write_text
from scanwright.dataset.checks import check
from scanwright.dataset.read import read_dataset

TURNED = 6  # EXIF: to be turned by a quarter before viewing
UPSIDE_DOWN = 3


def faults_of(root, *codes):
    return [fault for fault in check(read_dataset(root)).faults if fault.code in codes]


def jpeg(path: Path, pixels, orientation: int) -> Path:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, exif=exif, quality=95)
    return path


def turned_folder(root, *, orientation, upright):
    """Four pictures, two of them with an EXIF tag; masks upright or on the stored pixels, none with a tag."""
    for number in range(4):
        pixels, mask = picture(number)
        jpeg(root / f"images/p{number:02d}.jpg", pixels, orientation if number < 2 else 1)
        quarter = orientation == TURNED and number < 2 and upright
        write_png(root / f"masks/p{number:02d}.png", np.rot90(mask, -1) if quarter else mask)
    return root


@pytest.mark.parametrize("orientation", [TURNED, UPSIDE_DOWN])
def test_turned_pictures__one_note_for_all(tmp_path, orientation):
    root = turned_folder(tmp_path, orientation=orientation, upright=True)
    (note,) = faults_of(root, "exif-turned", "shape-mismatch")
    assert (note.code, note.severity, note.cases) == ("exif-turned", "note", ("p00", "p01"))
    assert note.numbers == {"pictures": 2.0, "of": 4.0} and note.found.startswith("2 of 4 pictures")
    assert "lie on the upright picture" in note.action and "without the tag" in note.action


def test_turned_pictures__a_mask_on_the_stored_pixels(tmp_path):
    root = turned_folder(tmp_path, orientation=TURNED, upright=False)
    found = faults_of(root, "exif-turned", "shape-mismatch")
    assert [(fault.code, fault.severity, fault.case) for fault in found] == [
        ("shape-mismatch", "error", "p00"),
        ("shape-mismatch", "error", "p01"),
    ]
    assert "stored picture's size" in found[0].found and "EXIF" in found[0].action


def test_turned_pictures__a_mask_of_any_other_size_is_said_as_ever(tmp_path):
    root = turned_folder(tmp_path, orientation=TURNED, upright=True)
    write_png(root / "masks/p00.png", np.ones((5, 4), np.uint8) * 255)
    found = faults_of(root, "exif-turned", "shape-mismatch")
    assert [(fault.code, fault.found, fault.case) for fault in found[:1]] == [("shape-mismatch", "4 x 5 x 1", "p00")]
    assert found[1].cases == ("p01",)


def test_turned_pictures__masks_with_the_tag_and_pictures_without(tmp_path):
    root = turned_folder(tmp_path, orientation=1, upright=True)
    assert faults_of(root, "exif-turned") == []
    exif = Image.Exif()
    exif[0x0112] = UPSIDE_DOWN
    for number in range(4):
        pixels, mask = picture(number)
        jpeg(root / f"images/p{number:02d}.jpg", pixels, UPSIDE_DOWN)
        Image.fromarray(mask).save(root / f"masks/p{number:02d}.png", exif=exif)
    assert faults_of(root, "exif-turned") == []


def bits_folder(root, *, one_bit, suffix="png", value=255):
    """Six masks of `value` and 0, the first ones saved with 1 bit a pixel."""
    picture_folder(root, cases=6)
    for number in range(6):
        mask = Image.fromarray(picture(number, value=value)[1])
        (root / f"masks/p{number:02d}.png").unlink()
        named = root / f"masks/p{number:02d}.{suffix if number < one_bit else 'png'}"
        (mask.convert("1") if number < one_bit else mask).save(named)
    return root


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif"])
def test_one_bit_masks__mean_what_white_means(tmp_path, suffix):
    root = bits_folder(tmp_path, one_bit=2, suffix=suffix)
    dataset = read_dataset(root)
    assert [(region.name, region.values) for region in dataset.task.regions] == [("foreground", (1, 255))]
    result = check(dataset)
    (note,) = [fault for fault in result.faults if fault.severity != "error" or fault.code == "mixed-values"]
    assert (note.code, note.severity) == ("one-bit-masks", "note")
    assert note.found == "1 in 2 files, 255 in 4 files: 1 in masks of 1 bit alone, 255 in the others"
    assert {facts.region_voxels["foreground"] for facts in result.facts.values()} == {12}


def test_one_bit_masks__alone(tmp_path):
    root = bits_folder(tmp_path, one_bit=6)
    assert read_dataset(root).task.regions[0].values == (1,)
    assert faults_of(root, "one-bit-masks", "mixed-values") == []


def test_one_bit_masks__beside_a_one_in_eight_bits(tmp_path):
    """A value of 1 that is no single bit may be a class: the mixture stays an error."""
    root = bits_folder(tmp_path, one_bit=2)
    write_png(root / "masks/p05.png", picture(5, value=1)[1])
    (fault,) = faults_of(root, "one-bit-masks", "mixed-values")
    assert (fault.code, fault.severity) == ("mixed-values", "error")


@pytest.mark.parametrize("values", [(128, 255), (254,)])
def test_one_bit_masks__beside_other_values(tmp_path, values):
    root = bits_folder(tmp_path, one_bit=2)
    for number in range(2, 6):
        mask = picture(number, value=values[-1])[1]
        mask[:2, :2] = values[0]
        write_png(root / f"masks/p{number:02d}.png", mask)
    assert len(read_dataset(root).task.regions) == 1 + len(set(values))
    assert faults_of(root, "one-bit-masks") == []


def test_one_bit_masks__declared_regions_are_no_news(tmp_path):
    root = bits_folder(tmp_path, one_bit=2)
    write_text(root / "scanwright.json", '{"regions": {"cyst": [1, 255]}}')
    assert faults_of(root, "one-bit-masks", "mixed-values") == []

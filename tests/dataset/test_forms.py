"""Pictures that are stored in several forms."""

import numpy as np
import pytest
from PIL import Image

from made_folders import picture, write_text
from scanwright.dataset.checks import check
from scanwright.dataset.read import read_dataset

COLOUR, GREY = "colour, 8 bits", "grey, 8 bits"


def stored(root, forms):
    """Pictures of alternating classes, each in its form."""
    (root / "images").mkdir()
    for number, form in enumerate(forms):
        pixels = picture(number)[0]
        made = {
            "L": lambda pixels=pixels: Image.fromarray(pixels),
            "equal": lambda pixels=pixels: Image.fromarray(pixels).convert("RGB"),
            "RGB": lambda pixels=pixels: Image.fromarray(np.stack([pixels, 255 - pixels, pixels // 2], -1)),
            "16": lambda pixels=pixels: Image.fromarray(pixels.astype(np.uint16) * 257),
            "1": lambda pixels=pixels: Image.fromarray(pixels).convert("1"),
        }[form]()
        made.save(root / f"images/c{number}.png")
    rows = "".join(f"images/c{number}.png,{'ab'[number % 2]}\n" for number in range(len(forms)))
    write_text(root / "t.csv", f"image,class\n{rows}")
    return root


@pytest.mark.parametrize(
    ("forms", "cases", "found"),
    [
        (["L"] * 4 + ["RGB"] * 2, ("c4", "c5"), f"{GREY}: 4 cases (c0, c1, c2 …); {COLOUR}: 2 cases (c4, c5)"),
        (["RGB"] * 5 + ["L"], ("c5",), f"{COLOUR}: 5 cases (c0, c1, c2 …); {GREY}: 1 case (c5)"),
        (["L"] * 4 + ["16"] * 2, ("c4", "c5"), f"{GREY}: 4 cases (c0, c1, c2 …); grey, 16 bits: 2 cases (c4, c5)"),
        (["L"] * 5 + ["1"], ("c5",), f"{GREY}: 5 cases (c0, c1, c2 …); grey, 1 bit: 1 case (c5)"),
    ],
)
def test_mixed_pictures__are_counted_and_named(tmp_path, forms, cases, found):
    faults = [one for one in check(read_dataset(stored(tmp_path, forms))).faults if one.code == "mixed-pictures"]
    assert [(one.severity, one.cases, one.found) for one in faults] == [("warning", cases, found)]
    assert ("read as colour" in faults[0].action) is (forms[0] == "RGB")
    assert ("1 bit as 0 and 1" in faults[0].action) is (forms[-1] == "1")


@pytest.mark.parametrize("forms", [["L"] * 4, ["L", "equal", "L", "equal"], ["RGB"] * 4])
def test_one_form__is_silent(tmp_path, forms):
    assert "mixed-pictures" not in {one.code for one in check(read_dataset(stored(tmp_path, forms))).faults}

"""The confusion matrix panel: numbers, shares and names."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest

from scanwright.figures.matrix import DARKEST, confusion_plot

SVG = "{http://www.w3.org/2000/svg}"


def texts(svg: bytes) -> list[str]:
    return [node.text for node in ET.fromstring(svg).iter(f"{SVG}text")]


def shades(svg: bytes) -> list[float]:
    """How dark each cell is, row by row."""
    cells = [path for path in ET.fromstring(svg).iter(f"{SVG}path") if "f-accent" in path.get("class", "")]
    return [float(cell.get("opacity", 1)) / DARKEST for cell in cells]


def plot(counts, names) -> bytes:
    return confusion_plot(np.array(counts), names, row_label="True", column_label="Decision")


def test_matrix__numbers_and_shares_of_rows():
    svg = plot([[1500, 500], [1, 3]], ["benign", "malignant"])
    found = texts(svg)
    assert {"1\N{THIN SPACE}500", "500", "75 %", "25 %", "1", "3", "True", "Decision"} <= set(found)
    assert found.count("75 %") == 2 and found.count("25 %") == 2
    assert found.count("benign") == found.count("malignant") == 2
    assert shades(svg) == pytest.approx([0.75, 0.25, 0.25, 0.75], abs=1e-3)


def test_matrix__row_without_cases_has_no_shares():
    found = texts(plot([[4, 0], [0, 0]], ["a", "b"]))
    assert found.count("0") == 3 and [word for word in found if "%" in word] == ["100 %", "0 %"]


def test_matrix__many_classes_have_numbers_only_and_upright_names():
    names = [f"a long name {k}" for k in range(9)]
    svg = plot(np.eye(9, dtype=int) * 7, names)
    assert not any("%" in word for word in texts(svg)) and texts(svg).count("7") == 9
    assert svg.count(b"rotate(-90") == 9
    assert svg.count(b"rotate(-90") > plot(np.eye(3, dtype=int), ["a", "b", "c"]).count(b"rotate(-90")


def test_matrix__names_that_matplotlib_would_choke_on():
    svg = plot([[1, 0], [0, 1]], ["$\\frac{$", "<肝脏>" + "x" * 30])
    assert {"$\\frac{$", "<肝脏>" + "x" * 11 + "…"} <= set(texts(svg))

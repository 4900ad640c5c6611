"""What a classical model goes by: falls of a score without a unit, a panel for each part of the answer."""

import re

import pytest

from made_folders import write_png, write_text
from made_images import disc
from scanwright.api.run.goes_by import MOST_PARTS, caption_of, panel_of


@pytest.fixture(scope="module")
def page(tmp_path_factory, scanwright):
    """The report of a model of two quantities, one of them in thousands."""
    folder = tmp_path_factory.mktemp("quantities")
    rows = ["image,radius_px,area_px2"]
    for index in range(24):
        radius = 2.0 + 5.0 * index / 23
        write_png(folder / "data" / "images" / f"c{index:02d}.png", disc(index, radius=radius))
        rows.append(f"images/c{index:02d}.png,{radius:.3f},{1000 * radius**2:.1f}")
    write_text(folder / "data" / "cases.csv", "\n".join(rows) + "\n")
    write_text(folder / "data" / "scanwright.json", '{"target": ["radius_px", "area_px2"]}')
    ended = scanwright("train", folder / "data", "--model", "svm", "--folds", "2", "-o", folder / "run")
    assert ended.code == 0, ended.err
    return (folder / "run" / "report.html").read_text()


def test_quantities_have_a_panel_each_and_falls_no_unit(page):
    panels = re.findall(r"<svg(?:(?!</svg>).)*fall of R² on validation cases.*?</svg>", page, flags=re.DOTALL)
    assert len(panels) == 2 and "radius_px" in panels[0] and "area_px2" in panels[1]
    for panel in panels:
        notes = [float(text) for text in re.findall(r">(-?\d+\.\d{3})<", panel)]
        assert notes and max(map(abs, notes)) < 10 and "-0.000" not in panel
        assert "edges running at" in panel and "wide spots, light or dark" in panel and "direction" not in panel
    assert "R², 1 less the squared error over the variance of these cases" in page


def test_nothing_is_less_than_nothing():
    svg = panel_of({"a": [-0.0001, 0.0], "b": [0.5, 0.4]}, title="", x_label="fall")
    assert b">0.000<" in svg and b"-0.000" not in svg


def test_caption__says_what_is_not_drawn():
    assert f"the first {MOST_PARTS} of 9 are drawn" in caption_of("AUROC", parts=9, runs=True)
    assert "panel" not in caption_of("AUROC", parts=1, runs=False) and "°" not in caption_of("R²", parts=1, runs=False)

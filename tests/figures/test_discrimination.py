"""ROC and precision-recall panels: what is drawn where."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest

from scanwright.figures.discrimination import Banded, Mark, pr_plot, roc_plot

SVG = "{http://www.w3.org/2000/svg}"
LEFT, RIGHT = 33.0, 291.0  # the axis, 44 to 388 CSS pixels, in points


def texts(svg: bytes) -> list[str]:
    return [node.text for node in ET.fromstring(svg).iter(f"{SVG}text")]


def paths(svg: bytes, **attributes: str) -> list[np.ndarray]:
    """Points (N, 2) of the paths that are drawn so."""
    found = [
        p
        for p in ET.fromstring(svg).iter(f"{SVG}path")
        if all(p.get(k.replace("_", "-")) == v for k, v in attributes.items())
    ]
    return [np.array([float(n) for n in p.get("d").split() if n not in "MLCQzZ"]).reshape(-1, 2) for p in found]


def test_roc__curve_band_chance_and_mark():
    curve = Banded(
        x=np.array([0, 0, 0.5, 1]), y=np.array([0, 0.5, 1, 1]), low=np.linspace(0, 0.8, 101), high=np.ones(101)
    )
    svg = roc_plot(
        curve, x_label="1 - spec", y_label="Sens", note="AUROC <0.9>", mark=Mark(x=0.5, y=1.0, title="at 0.3")
    )
    assert {"1 - spec", "Sens", "AUROC <0.9>"} <= set(texts(svg))
    (drawn,) = paths(svg, stroke_width="1.6")
    across = (drawn[:, 0] - LEFT) / (RIGHT - LEFT)
    assert across == pytest.approx([0, 0, 0.5, 1], abs=1e-3)
    assert drawn[1, 1] == pytest.approx((drawn[0, 1] + drawn[2, 1]) / 2, abs=1e-3)
    root = ET.fromstring(svg)
    (mark,) = [use for use in root.iter(f"{SVG}use") if use.find(f"{SVG}title") is not None]
    assert (float(mark.get("x")), float(mark.get("y"))) == pytest.approx(tuple(drawn[2]), abs=1e-3)
    assert svg.count(b"stroke-dasharray") == 1 and svg.count(b'opacity="0.16"') == 1


def test_roc__without_band_or_mark():
    svg = roc_plot(Banded(x=np.array([0.0, 1.0]), y=np.array([0.0, 1.0])), x_label="x", y_label="y")
    assert b'opacity="0.16"' not in svg and b"<title>" not in svg


def test_pr__steps_and_prevalence():
    curve = Banded(x=np.array([0.5, 0.5, 1.0]), y=np.array([1.0, 0.5, 0.5]))
    svg = pr_plot(curve, prevalence=0.25, x_label="Recall", y_label="Precision", note="AP 0.75")
    (drawn,) = paths(svg, stroke_width="1.6")
    assert all(
        (dx == pytest.approx(0, abs=1e-6)) or (dy == pytest.approx(0, abs=1e-6)) for dx, dy in np.diff(drawn, axis=0)
    )
    bottom = next(p for p in paths(svg) if len(p) == 2 and p[0, 1] == p[1, 1] and p[0, 1] > drawn[:, 1].max())
    (chance,) = [p for p in paths(svg, stroke_width="0.9")]
    height = bottom[0, 1] - drawn[0, 1]
    assert (bottom[0, 1] - chance[0, 1]) / height == pytest.approx(0.25, abs=0.01)
    assert "AP 0.75" in texts(svg)

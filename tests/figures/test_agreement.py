"""Scatter and Bland-Altman panels with intervals: what is drawn where."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest

from scanwright.figures.agreement import Level, differences_plot, scatter_plot
from scanwright.figures.plots import Pairs

SVG = "{http://www.w3.org/2000/svg}"


def texts(svg: bytes) -> list[str]:
    return [node.text for node in ET.fromstring(svg).iter(f"{SVG}text")]


def dots(svg: bytes) -> dict[str, tuple[float, float]]:
    uses = [use for use in ET.fromstring(svg).iter(f"{SVG}use") if use.find(f"{SVG}title") is not None]
    return {use.find(f"{SVG}title").text: (float(use.get("x")), float(use.get("y"))) for use in uses}


def heights(svg: bytes, width: str) -> list[float]:
    found = [
        path.get("d").split() for path in ET.fromstring(svg).iter(f"{SVG}path") if path.get("stroke-width") == width
    ]
    return [float(d[2]) for d in found if len(d) == 6 and d[2] == d[5]]


def test_scatter__equal_axes_and_negative_values():
    pairs = Pairs(name="Age", reference=[-5.0, 0.0, 5.0], predicted=[-5.0, 2.5, 5.0], titles=["a", "b", "c"])
    svg = scatter_plot(pairs, x_label="true", y_label="predicted", note="MAE 0.8 years")
    place = dots(svg)
    (ax, ay), (bx, by), (cx, cy) = (place[name] for name in "abc")
    assert bx == pytest.approx((ax + cx) / 2, abs=1e-3)
    assert (ay - by) / (ay - cy) == pytest.approx(0.75, abs=1e-4)
    assert {"Age", "true", "predicted", "MAE 0.8 years"} <= set(texts(svg))


def test_differences__lines_bands_and_numbers():
    pairs = Pairs(name="x", reference=[10, 12, 14], predicted=[9, 12, 15], titles=["-1", "0", "1"])
    limits = [Level(value=-2.0, interval=(-3.0, -1.5)), Level(value=2.0)]
    svg = differences_plot(pairs, Level(value=0.5, interval=(0.0, 1.0)), limits, x_label="mean", y_label="difference")
    place = dots(svg)
    unit = place["0"][1] - place["1"][1]
    expected = [place["0"][1] - value * unit for value in (0.5, -2.0, 2.0)]
    assert heights(svg, "1.1") == pytest.approx(expected, abs=1e-2)
    assert {"+0.50", "−2.00", "+2.00"} <= set(texts(svg))
    bands = [path for path in ET.fromstring(svg).iter(f"{SVG}path") if path.get("opacity") == "0.16"]
    assert len(bands) == 2


def test_differences__interval_past_every_case_is_inside_the_panel():
    pairs = Pairs(name="x", reference=[1.0, 2.0], predicted=[1.0, 2.0])
    svg = differences_plot(pairs, Level(value=0.0, interval=(-50.0, 50.0)), [], x_label="m", y_label="d")
    assert {"−40", "40"} <= set(texts(svg))


def test_nothing_to_draw():
    nothing = Pairs(name="x", reference=[], predicted=[])
    for svg in (
        scatter_plot(nothing, x_label="a", y_label="b"),
        differences_plot(nothing, Level(value=0.0), [], x_label="a", y_label="b"),
    ):
        assert svg.startswith(b"<svg") and b"nan" not in svg and not dots(svg)


def test_many_cases__stay_apart_in_one_panel():
    rng = np.random.default_rng(0)
    pairs = Pairs(
        name="x", reference=rng.normal(size=500), predicted=rng.normal(size=500), titles=[str(k) for k in range(500)]
    )
    assert len(dots(scatter_plot(pairs, x_label="a", y_label="b"))) == 500

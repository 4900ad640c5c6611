"""Reliability diagram and decision curve: what is drawn where."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest

from scanwright.figures.probability import Bin, decision_plot, reliability_plot

SVG = "{http://www.w3.org/2000/svg}"


def texts(svg: bytes) -> list[str]:
    return [node.text for node in ET.fromstring(svg).iter(f"{SVG}text")]


def dots(svg: bytes) -> dict[str, tuple[float, float]]:
    uses = [use for use in ET.fromstring(svg).iter(f"{SVG}use") if use.find(f"{SVG}title") is not None]
    return {use.find(f"{SVG}title").text: (float(use.get("x")), float(use.get("y"))) for use in uses}


def lines(svg: bytes, width: str) -> list[np.ndarray]:
    found = [path for path in ET.fromstring(svg).iter(f"{SVG}path") if path.get("stroke-width") == width]
    return [np.array([float(n) for n in p.get("d").split() if n not in "MLz"]).reshape(-1, 2) for p in found]


def test_reliability__dots_intervals_and_counts():
    bins = [
        Bin(predicted=0.0, observed=0.0, low=0.0, high=0.2, title="a"),
        Bin(predicted=0.5, observed=0.25, low=None, high=None, title="b"),
        Bin(predicted=1.0, observed=1.0, low=0.8, high=1.0, title="c"),
    ]
    svg = reliability_plot(bins, [4, 0, 2, 8], x_label="said", y_label="was", count_label="Cases", note="ECE 0.1")
    place = dots(svg)
    (ax, ay), (bx, by), (cx, cy) = (place[name] for name in "abc")
    assert bx - ax == pytest.approx((cx - ax) / 2, abs=1e-3) and ay - by == pytest.approx((ay - cy) / 4, abs=1e-3)
    intervals = lines(svg, "1.3")
    assert len(intervals) == 2  # the bin in the middle has none
    assert np.ptp(intervals[0][:, 1]) == pytest.approx(0.2 * (ay - cy), abs=1e-3)
    assert {"said", "was", "Cases", "ECE 0.1", "8"} <= set(texts(svg))
    bars = [p for p in ET.fromstring(svg).iter(f"{SVG}path") if p.get("opacity") == "0.55"]
    assert len(bars) == 4


def test_reliability__nothing():
    svg = reliability_plot([], [], x_label="said", y_label="was", count_label="Cases")
    assert svg.startswith(b"<svg") and b"nan" not in svg and not dots(svg)


def test_decision__lines_and_names():
    thresholds = np.array([0.1, 0.5, 0.9])
    svg = decision_plot(
        thresholds, np.array([0.3, 0.2, 0.0]), np.array([0.3, 0.0, -4.0]), (np.zeros(3), np.full(3, 0.4)),
        x_label="threshold", y_label="net benefit", names=("ours <1>", "all", "none"),
    )  # fmt: skip
    assert {"ours <1>", "all", "none", "threshold", "net benefit"} <= set(texts(svg))
    model = next(line for line in lines(svg, "1.6") if len(line) == 3)
    zero = next(line for line in lines(svg, "0.9") if line[0, 1] == line[1, 1])
    assert model[2, 1] == pytest.approx(zero[0, 1], abs=1e-3)
    assert model[1, 1] - zero[0, 1] == pytest.approx(2 / 3 * (model[0, 1] - zero[0, 1]), abs=1e-2)
    assert svg.count(b'opacity="0.16"') == 1


def test_decision__model_that_finds_nothing():
    svg = decision_plot(np.array([0.1, 0.9]), np.zeros(2), np.zeros(2), x_label="t", y_label="b", names=("m", "a", "n"))
    assert svg.startswith(b"<svg") and b"nan" not in svg

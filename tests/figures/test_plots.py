import doctest
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from scanwright.figures import plots
from scanwright.figures.plots import (
    Box,
    Line,
    Pairs,
    agreement_limits,
    agreement_plot,
    bland_altman_plot,
    box_plot,
    curves_png,
    line_plot,
    thin,
    tick_text,
)

SVG = "{http://www.w3.org/2000/svg}"


def dots(svg: bytes) -> dict[str, tuple[float, float]]:
    """Tooltip -> place of every dot."""
    uses = [use for use in ET.fromstring(svg).iter(f"{SVG}use") if use.find(f"{SVG}title") is not None]
    return {use.find(f"{SVG}title").text: (float(use.get("x")), float(use.get("y"))) for use in uses}


def texts(svg: bytes) -> list[str]:
    return [node.text for node in ET.fromstring(svg).iter(f"{SVG}text")]


def lines(svg: bytes) -> list[tuple[float, float, float, float]]:
    """x and y of both ends of every straight line that is drawn as a path of its own."""
    paths = [path.get("d").split() for path in ET.fromstring(svg).iter(f"{SVG}path")]
    return [(float(d[1]), float(d[2]), float(d[4]), float(d[5])) for d in paths if len(d) == 6]


def levels(svg: bytes) -> list[float]:
    """Heights of the horizontal lines across the panel."""
    return [y0 for x0, y0, x1, y1 in lines(svg) if y0 == y1 and x1 - x0 > 100]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (0.25, "0.25"),
        (-3.0, "−3"),
        (9500, "9500"),
        (12000, "12\N{THIN SPACE}000"),
        (2e6, "2e6"),
        (2e-5, "2e−5"),
    ],
)
def test_tick_text(value, text):
    assert tick_text(value) == text


def test_thin__means_of_equal_stretches():
    assert thin(np.array([[0.0, 1, 2, 3], [10.0, 20, 30, 50]]), most=2).tolist() == [[0.5, 2.5], [15.0, 40.0]]


def test_thin__keeps_short_curves_and_drops_what_is_not_finite():
    points = np.array([[0.0, 1, 2], [5.0, np.nan, np.inf]])
    assert thin(points, most=5).tolist() == [[0.0], [5.0]]


def test_line_plot__names_axes_and_events():
    svg = line_plot([Line("a", [(0, 1.0), (10, 2.0)])], x_label="step", y_label="Loss <1>", marks=[(5, "cut")])
    assert {"step", "Loss <1>"} <= set(texts(svg)) and list(dots(svg)) == ["cut"]


@pytest.mark.parametrize("lines", [[], [Line("a", [])], [Line("a", [(1, float("nan"))])], [Line("a", [(3, 2.0)])]])
def test_line_plot__little_or_nothing_to_draw(lines):
    assert line_plot(lines, x_label="step", y_label="loss").startswith(b"<svg")


def test_box_plot__dots_lie_where_their_values_are():
    box = Box(name="liver", values=[0.2, 0.4, 0.8], titles=["a", "b", "c"], note="median 0.4")
    svg = box_plot([box], x_label="Dice", limits=(0, 1))
    (a, _), (b, _), (c, _) = (dots(svg)[name] for name in "abc")
    assert c - b == pytest.approx(2 * (b - a), abs=1e-4)
    assert {"liver", "median 0.4", "Dice"} <= set(texts(svg))


def test_box_plot__quartiles_and_whiskers_by_hand():
    # 0 1 2 3 4 and an outlier: quartiles 1.25 and 3.75, whiskers end at 0 and 4.
    values = [0.0, 1.0, 2.0, 3.0, 4.0, 20.0]
    svg = box_plot([Box(name="x", values=values, titles=[str(int(v)) for v in values])], x_label="mm")
    place = {name: x for name, (x, _) in dots(svg).items()}
    unit = place["1"] - place["0"]
    spans = [path.get("d").split() for path in ET.fromstring(svg).iter(f"{SVG}path")]
    whisker = next(
        d for d in spans if len(d) == 6 and d[2] == d[5] and float(d[1]) == pytest.approx(place["0"], abs=1e-3)
    )
    assert float(whisker[4]) == pytest.approx(place["4"], abs=1e-3)
    corners = [float(d[1]) for d in spans if len(d) > 12]
    assert any(x == pytest.approx(place["0"] + 1.25 * unit, abs=1e-2) for x in corners)


def test_box_plot__names_that_matplotlib_would_choke_on():
    names = ["$\\frac{$", "肝脏", "a" * 60]
    svg = box_plot([Box(name=name, values=[0.5]) for name in names], x_label="Dice")
    assert {"$\\frac{$", "肝脏", "a" * 33 + "…"} <= set(texts(svg))


def test_box_plot__a_panel_of_several_says_what_it_is_of():
    svg = box_plot([Box(name="x", values=[1.0, 2.0])], x_label="fall of R²", title="area & volume")
    assert {"area & volume", "fall of R²"} <= set(texts(svg))


def test_box_plot__a_row_without_values_stays():
    svg = box_plot([Box(name="empty", values=[], note="0 of 3 defined")], x_label="HD95 (mm)", limits=(0, float("inf")))
    assert {"empty", "0 of 3 defined"} <= set(texts(svg)) and not dots(svg)


def test_agreement_plot__equal_sizes_lie_on_the_line():
    pair = Pairs(name="x", reference=[1.0, 3.0], predicted=[1.0, 3.0], titles=["a", "b"])
    svg = agreement_plot([pair], x_label="r", y_label="p")
    x0, y0, x1, y1 = next(ends for ends in lines(svg) if ends[0] != ends[2] and ends[1] != ends[3])
    for x, y in dots(svg).values():
        assert (x - x0) / (x1 - x0) == pytest.approx((y - y0) / (y1 - y0), abs=1e-4)


def test_bland_altman_plot__lines_by_hand():
    # Differences -1, 0, 1, 4: mean 1, standard deviation sqrt(14 / 3).
    pair = Pairs(name="x", reference=[10, 12, 14, 16], predicted=[9, 12, 15, 20], titles=["-1", "0", "1", "4"])
    svg = bland_altman_plot(pair, x_label="mean", y_label="difference")
    place = {int(name): y for name, (_, y) in dots(svg).items()}
    unit = place[0] - place[1]
    half = 1.96 * np.sqrt(14 / 3) * unit
    found = levels(svg)
    for expected in (place[1], place[1] - half, place[1] + half):
        assert min(abs(level - expected) for level in found) < 1e-3
    assert {"x", "mean", "difference", "+1.00", "+5.23", "−3.23"} <= set(texts(svg))  # the lines' numbers, 1.96 · 2.16


def test_bland_altman_plot__no_lines_of_agreement_below_three_or_if_not_wanted():
    few = bland_altman_plot(Pairs(name="x", reference=[1, 2], predicted=[1, 3]), x_label="m", y_label="d")
    assert few.count(b"stroke-dasharray") == 0
    pair = Pairs(name="x", reference=[1, 2, 4], predicted=[1, 3, 8])
    assert bland_altman_plot(pair, x_label="m", y_label="d").count(b"stroke-dasharray") == 2
    assert bland_altman_plot(pair, x_label="m", y_label="d", limits=False).count(b"stroke-dasharray") == 0
    none = bland_altman_plot(Pairs(name="x", reference=[], predicted=[]), x_label="m", y_label="d")
    assert none.startswith(b"<svg") and not dots(none) and b"nan" not in none


def test_bland_altman_plot__equal_differences_have_one_line():
    svg = bland_altman_plot(Pairs(name="x", reference=[1, 2, 4], predicted=[2, 3, 5]), x_label="m", y_label="d")
    assert svg.count(b"stroke-dasharray") == 0 and "+1.00" in texts(svg)
    exact = bland_altman_plot(Pairs(name="x", reference=[1, 2, 4], predicted=[1, 2, 4]), x_label="m", y_label="d")
    assert exact.startswith(b"<svg") and b"nan" not in exact


def test_agreement_limits__by_hand():
    mean, limits = agreement_limits(np.array([-1.0, 0.0, 1.0, 4.0]))
    half = 1.96 * np.sqrt(14 / 3)
    assert mean == 1.0 and limits == pytest.approx((1 - half, 1 + half))
    assert agreement_limits(np.array([1.0, 3.0])) == (2.0, None)
    assert agreement_limits(np.array([2.0, 2.0, 2.0])) == (2.0, None)


def test_examples_in_docstrings():
    failed, tried = doctest.testmod(plots)
    assert tried and not failed


def test_curves_png__a_panel_for_each_course():
    png = curves_png([("loss", [Line("a", [(0, 1.0), (5, 0.5)])]), ("score", [])], x_label="step")
    assert png.startswith(b"\x89PNG") and int.from_bytes(png[16:20], "big") > 1500

"""Differences with intervals, and ranks in draws: names, numbers and tooltips are there."""

import xml.etree.ElementTree as ET

from scanwright.figures.contrasts import Difference, difference_plot, rank_plot


def texts(svg):
    return [element.text for element in ET.fromstring(svg).iter() if element.tag.endswith(("text", "title"))]


def test_differences__with_and_without_intervals() -> None:
    rows = [
        Difference(
            name="a & b − c", value=0.01, interval=(-0.01, 0.03), wide=(-0.02, 0.04), note="c better", is_shown=True
        ),
        Difference(name="few", value=-0.5, interval=None, wide=None),
    ]
    svg = difference_plot(rows, x_label="Dice", margin=0.02)
    assert {"a & b − c", "c better", "a & b − c: 0.010 [−0.010, 0.030]", "few: −0.500", "Dice"} <= set(texts(svg))
    assert svg == difference_plot(rows, x_label="Dice", margin=0.02) != difference_plot(rows, x_label="Dice")


def test_ranks__shares_in_percent() -> None:
    svg = rank_plot(
        ["one", "a name that is much too long for it"], [[0.9, 0.1], [0.1, 0.9]], row_label="Model", column_label="Rank"
    )
    found = texts(svg)
    assert found.count("90 %") == found.count("10 %") == 2 and {"one", "1", "2", "Model", "Rank"} <= set(found)
    assert any(text.endswith("…") for text in found)
    assert "0 %" not in texts(rank_plot(["a", "b"], [[1.0, 0.0], [0.0, 1.0]], row_label="", column_label=""))

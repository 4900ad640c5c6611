"""The forest plot: names, values and tooltips are there."""

import xml.etree.ElementTree as ET

from scanwright.figures.intervals import Interval, interval_plot


def test_interval_plot__rows() -> None:
    rows = [
        Interval(name="border & <corner>", value=0.9, low=0.8, high=0.97, note="0.90", is_marked=True),
        Interval(name="size", value=0.5, low=0.4, high=0.6),
        Interval(name="fall", value=-0.0001, low=-0.25, high=0.1),
    ]
    svg = interval_plot(rows, x_label="AUC", limits=(0, 1), null=0.5, limit=0.665)
    root = ET.fromstring(svg)
    texts = [element.text for element in root.iter() if element.tag.endswith(("text", "title"))]
    assert {"border & <corner>", "size", "0.90", "border & <corner>: 0.900 [0.800, 0.970]"} <= set(texts)
    assert "fall: 0.000 [−0.250, 0.100]" in texts
    assert root.get("aria-label") == "AUC: border & <corner>, size, fall"
    assert svg == interval_plot(rows, x_label="AUC", limits=(0, 1), null=0.5, limit=0.665)

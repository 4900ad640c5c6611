"""A learning curve, drawn."""

import xml.etree.ElementTree as ET

from scanwright.figures.learning import Measured, learning_plot

MEASURED = [
    Measured(cases=50.0 * 2**k, value=0.7 + 0.05 * k, low=0.65 + 0.05 * k, high=0.75 + 0.05 * k) for k in range(3)
]
BEYOND = [Measured(cases=400, value=0.84, low=0.8, high=0.9), Measured(cases=800, value=0.86, low=0.8, high=0.92)]


def titles(svg: bytes) -> list[str]:
    return [one.text or "" for one in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}title")]


def test_plot__has_every_point_with_its_interval():
    fitted = [(50.0, 0.7), (200.0, 0.8), (400.0, 0.84), (800.0, 0.86)]
    svg = learning_plot(MEASURED, fitted=fitted, expected=BEYOND, x_label="training cases", y_label="AUROC")
    told = titles(svg)
    assert len(told) == 5 and "50: 0.700 [0.650, 0.750]" in told and "400: 0.840 [0.800, 0.900]" in told
    assert b"training cases" in svg and svg == learning_plot(
        MEASURED, fitted=fitted, expected=BEYOND, x_label="training cases", y_label="AUROC"
    )


def test_plot__of_measured_points_alone():
    plain = [Measured(cases=10, value=0.5), Measured(cases=20, value=0.6)]
    assert titles(learning_plot(plain, x_label="training cases", y_label="Dice")) == ["10: 0.500", "20: 0.600"]

"""Whether there is enough data, as a section of the page."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np

from scanwright.evaluation.intervals.learning_curve import Point, learning_curve
from scanwright.evaluation.intervals.sample_size import Seen, sample_size
from scanwright.report.content import ReportContent
from scanwright.report.enough_section import CurvePart, SizePart, enough_section
from scanwright.report.page import build

SIZE = SizePart(
    judged="Cross-validation",
    headline=sample_size(
        Seen(metric="dice", basis="mean", value=0.8, interval=(0.76, 0.84), patients=40, cases=44, deviation=0.12)
    ),
    shares=(sample_size(Seen(metric="accuracy", basis="share", value=1.0, interval=None, patients=40, cases=40)),),
)


def curve_part(**changed):
    rng, shares = np.random.default_rng(0), np.array([0.125, 0.25, 0.5, 1.0])
    values = 1 - 0.1 - 0.1 * shares**-0.5
    points = [Point(share=s, cases=80 * s, patients=60 * s, value=v) for s, v in zip(shares, values, strict=True)]
    drawn = values + rng.normal(0, 0.02, (300, 1)) + rng.normal(0, 0.004, (300, 4))
    curve = learning_curve(points, drawn, num_patients=60)
    return CurvePart(
        metric="dice", model="U-Net", curve=replace(curve, **changed), left_out=("0.1 of the patients: few",)
    )


def test_section__tells_the_curve_and_marks_what_is_extrapolated():
    section = enough_section(curve_part(), SIZE)
    said = " ".join(section.said)
    assert "Left out: 0.1 of the patients: few." in said and "extrapolation" in said and "80" in said
    assert "one fold does not show" in section.tables[1].caption
    kinds = [row[-1] for row in section.tables[1].rows]
    assert kinds == ["within the cases"] * 2 + ["extrapolated"] * 2
    assert len(section.figures[0].panels) == 1


def test_section__what_is_withheld_has_its_reason_and_no_number():
    section = enough_section(curve_part(withheld="the curve is level"), SIZE)
    assert "Nothing is expected of more cases than there were: the curve is level." in section.said


def test_section__without_a_curve_it_says_how_to_have_one():
    section = enough_section(None, SIZE)
    assert "--learning-curve" in section.said[0] and not section.figures
    assert section.tables[0].rows[0][:3] == ("Dice", "40", "0.040")
    assert section.tables[0].rows[1][:3] == ("Accuracy", "40", "–")
    assert section.tables[1].head == ("Difference", "correlation 0.5", "correlation 0.8")
    assert enough_section(None, SizePart(judged="Test split")) is None


def test_page__shows_sections_with_their_anchors():
    page = build(ReportContent(title="t", created=datetime.now(UTC), further=(enough_section(curve_part(), SIZE),)))
    assert 'href="#enough"' in page and 'id="enough"' in page and page.count("<svg") == 1
    hostile = replace(enough_section(None, SIZE), said=("<script>",))
    assert "<script>" not in build(ReportContent(title="t", created=datetime.now(UTC), further=(hostile,)))

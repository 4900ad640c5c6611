"""Sub-groups on the page: what differs in words, which groups are small, and what was not tested."""

from dataclasses import replace
from datetime import UTC, datetime

from scanwright.report.content import ReportContent
from scanwright.report.page import build
from scanwright.report.results_content import Estimate, GroupRow, ResultSet
from scanwright.report.subgroup_content import said_of, subgroup_part, with_small


def group(value, *, patients=20, small=False):
    apart = None if small else value - 0.9
    ends = None if small else [apart - 0.02, apart + 0.02]
    return {"value": value, "patients": patients, "fewest": patients, "small": small, "difference": apart, "ci95": ends}


def summary(p=0.001):
    groups = {"A": group(0.91), "GE-750": group(0.7), "C": group(0.5, patients=4, small=True)}
    tested = {
        "metric": "dice",
        "part": "",
        "decides": True,
        "p": p,
        "p_corrected": p,
        "tested": ["A", "GE-750"],
        "worst": "GE-750",
        "groups": groups,
    }
    untested = {**tested, "p": None, "p_corrected": None, "tested": [], "worst": None, "groups": {"F": groups["C"]}}
    columns = {"scanner": [tested, {**tested, "metric": "hd95_mm", "decides": False}], "sex": [untested]}
    return {"subgroups": {"least_patients": 10, "least_each_side": 5, "correction": "Holm", "columns": columns}}


def page(found):
    rows = [GroupRow(group="scanner", value=name, num_cases=4, metrics={"dice": Estimate(mean=0.5)}) for name in "AC"]
    result = ResultSet(
        name="New data",
        overall={"dice": Estimate(mean=0.8)},
        groups=with_small(rows, found),
        subgroups=subgroup_part(found),
    )
    return build(ReportContent(title="t", created=datetime(2026, 1, 1, tzinfo=UTC), results=(result,)))


def test_a_difference__is_said():
    (said,) = said_of(summary())
    assert said.startswith("Dice differs by scanner (p = 0.001, corrected): it is worst in GE-750 (0.7 in 20 patients)")
    assert "−0.2 beside all other groups, 95 % CI −0.22 to −0.18" in said
    text = page(summary())
    assert said in text and "<b>p = 0.001</b>" in text and "Other measures by group" in text
    assert "no test: under two groups are large enough" in text and "too small: F (4 patients)" in text
    assert text.count("small: 4 patients") == 1


def test_no_difference__is_no_proof():
    assert said_of(summary(p=0.3)) == []
    assert "By no column is a difference shown. That is no proof" in page(summary(p=0.3))


def test_no_columns__no_part():
    assert subgroup_part({}) is None and said_of({}) == []
    rows = (GroupRow(group="site", value="A", num_cases=3, metrics={}),)
    assert with_small(rows, {}) == rows == tuple(replace(row, small="") for row in rows)

"""What the report says of the range: how limits were set, and what cannot be told."""

import pytest

from scanwright.api.run.range_told import range_part, turned_text


def metrics(*, how="conformal", stated=0.02, cases=120, turned=None):
    share = {"cases": 2, "share": 2 / cases, "ci95": [0.01, 0.05]}
    limit = {"stated": stated, "how": how, "cases": cases}
    return {
        "range": {
            "cases": cases,
            "training_cases": 300,
            "folds": [0],
            "declined": share,
            "warned": share | {"ci95": None},
            "by_test": {"values": {"declined": 0, "warned": 0}, "looks": {"declined": 2, "warned": 2}},
            "limits": {"declined": limit, "warned": limit | {"stated": 0.05}},
            "turned": turned or {},
        }
    }


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("conformal", "at most 2 % of images like them are declined, at most 5 % warned of."),
        ("few cases", "These are few"),
        ("unknown", "no limit on looks can be set"),
    ],
)
def test_range_part__says_how_limits_were_set(how, words):
    part = range_part(metrics(how=how))
    assert words in part.text[1]
    assert [row.declined for row in part.rows] == [0, 2]
    assert part.declined.low == 0.01 and part.warned.low is None


def test_range_part__none_where_nothing_was_looked_at():
    assert range_part({"overall": {}}) is None


def test_turned_text__says_what_can_hardly_be_told():
    text = turned_text({"upside down": 0.97, "left and right exchanged": 0.04})
    assert "upside down 97 %, left and right exchanged 4 % (this can hardly be told here)." in text
    assert turned_text({}) == ""

"""Whether a tuned plan is kept: only where a whole interval lies on the better side."""

import pytest

from scanwright.report.results_content import Difference, Estimate
from scanwright.search.gain import judged


def difference(metric: str, mean: float, low: float | None, high: float | None, part: str = "") -> Difference:
    return Difference(
        metric=metric, estimate=Estimate(mean=mean, low=low, high=high, n=50, n_defined=50), p=0.5, part=part
    )


@pytest.mark.parametrize(
    ("metric", "low", "high", "kept"),
    [
        ("dice", 0.001, 0.02, True),
        ("dice", -0.001, 0.02, False),
        ("dice", 0.0, 0.02, False),  # 0 is in it
        ("dice", -0.02, -0.001, False),
        ("mae", -3.0, -1.0, True),  # of errors, less is better
        ("mae", 1.0, 3.0, False),
        ("auroc", None, None, False),
    ],
)
def test_judged__by_the_interval(metric: str, low: float | None, high: float | None, kept: bool) -> None:
    verdict = judged([difference(metric, 0.01, low, high), difference("accuracy", 0.9, 0.8, 0.95)])
    assert verdict.kept is kept
    assert len(verdict.headline) == 1 and ("tuned plan is kept" in verdict.reason) is kept


def test_judged__of_several_quantities_none_may_lose() -> None:
    gains = [difference("mae", -2.0, -3.0, -1.0, "length"), difference("mae", 0.1, -0.1, 0.3, "width")]
    assert judged(gains).kept
    assert not judged([gains[0], difference("mae", 2.0, 1.0, 3.0, "width")]).kept


def test_judged__nothing_to_compare() -> None:
    assert not judged([]).kept and "could not be compared" in judged([]).reason

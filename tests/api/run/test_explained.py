"""What a report says of whether its explanations depend on what was learned."""

import pytest

from scanwright.api.run.explained import sanity_text
from scanwright.explanation.sanity import Sanity, Stage


@pytest.mark.parametrize(
    ("correlation", "passed", "said"),
    [
        (0.12, True, "they change (the rank correlation of both is 0.12;"),
        (0.81, False, "they hardly change (the rank correlation of both is 0.81;"),
        (None, True, "nothing of them is left"),
    ],
)
def test_sanity__in_words(correlation: float | None, passed: bool, said: str) -> None:
    stage = Stage(layer="encoder", correlation=correlation, size_correlation=correlation)
    text = sanity_text(Sanity(stages=(stage,), passed=passed), cases=3)
    assert text.startswith("The maps of 3 cases were made again") and said in text
    assert ("not to be trusted" in text) is not passed


def test_sanity__nothing_was_checked() -> None:
    assert sanity_text(Sanity(stages=(), passed=None), cases=0) == ""

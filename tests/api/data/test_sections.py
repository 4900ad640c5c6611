"""What sections of the page about a data set say."""

import pytest

from scanwright.api.data.sections import shortcuts_section
from scanwright.gate.shortcut.guess import Guess
from scanwright.gate.shortcut.shortcuts import Hunt, Trail


def trail(family, question, auc=0.5):
    low = auc - 0.1
    guess = Guess(auc=auc, low=low, high=auc + 0.1, positives=9, negatives=9)
    return Trail(family=family, question=question, guess=guess, limit=0.665, is_answer=True)


@pytest.mark.parametrize(
    ("trails", "words"),
    [
        (
            [trail("file", "WBC"), trail("border", "WBC")],
            "tell 1 answer (WBC) from what no anatomy is in: the file alone (size, format); the image's border alone. "
            "None of these 2 guesses succeeds.",
        ),
        (
            [trail("file", f"class {at}", 0.9 if at < 1 else 0.5) for at in range(7)],
            "tell 7 answers (class 0, class 1, class 2, class 3, class 4, 2 more) from what no anatomy is in: "
            "the file alone (size, format). 1 of these 7 guesses succeeds.",
        ),
        ([trail("file", "a", 0.9), trail("file", "b", 0.9)], "2 of these 2 guesses succeed."),
    ],
)
def test_shortcuts_section__says_what_was_asked(trails, words):
    assert shortcuts_section(Hunt(trails=tuple(trails))).lead.endswith(words)

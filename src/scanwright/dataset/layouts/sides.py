"""Words for the sides of a split, as people write them in tables and split files.

    train       train, training, or empty
    validation  val, valid, validation, dev, tune, tuning
    test        test, testing, holdout, hold-out, external
    a fold      0, 1 …, fold 0, fold_1 …

Upper and lower case, spaces, hyphens and a last word "set" make no difference. Every other word is for a person to explain:
a case that was meant to be set apart and is learned from cannot be unlearned.
"""

import re
from pathlib import Path
from typing import Literal

from scanwright.dataset.cases import Fault

Word = Literal["train", "validation", "test", "fold"]

WORDS: dict[str, Word] = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev", "tune", "tuning"), "validation"),
    **dict.fromkeys(("test", "testing", "holdout", "external"), "test"),
}
UNCLEAR = "unclear-split"
EXPECTED = "train, val, test or the number of a fold"
FOLD = re.compile(r"(?:fold[\s_-]?)?(\d+)", re.IGNORECASE)


def word_of(text: str) -> Word | None:
    """Which side a cell means; None if it is none of the words above.

    >>> word_of("Hold-out"), word_of("test set"), word_of("fold 2"), word_of("tests"), word_of("-1")
    ('test', 'test', 'fold', None, None)
    """
    if not text.strip():
        return "train"
    if FOLD.fullmatch(text.strip()):
        return "fold"
    return WORDS.get(re.sub(r"[\s_-]+", "", text.lower()).removesuffix("set"))


def fold_of(text: str) -> int:
    """The number of a fold, of a cell that means one: 2 of "fold 2"."""
    match = FOLD.fullmatch(text.strip())
    assert match is not None, text
    return int(match.group(1))


def unclear_side(case: str, table: Path, found: str) -> Fault:
    """The fault of a case whose row does not say whether it is set apart."""
    return Fault(
        code=UNCLEAR,
        severity="error",
        case=case,
        file=table,
        expected=EXPECTED,
        found=repr(found),
        action="Write one of these words, or rename the column if it is no split.",
    )

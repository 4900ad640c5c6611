"""Which cases train and which judge: folds by patient, stratified and repeatable, or as a given file says.

A patient is never on two sides. Cases that the data set sets apart ("test") are in no fold.
"""

from scanwright.dataset.task import Frozen


class Fold(Frozen):
    """Case ids of one fold: those learned from, and those it is judged on. No patient is in both. Each sorted."""

    train: tuple[str, ...]
    validation: tuple[str, ...]


class Splits(Frozen):
    """All folds, and the declared test cases. source: how they were made or the file's name. stated: one line for
    people.
    """

    folds: tuple[Fold, ...]
    test: tuple[str, ...] = ()
    source: str
    stated: str = ""

"""Whether two cases lie on two sides of a split that somebody else made."""

from scanwright.gate.cohort import Cohort


def is_given_between(cohort: Cohort, one: str, other: str) -> bool:
    """Whether somebody else drew the line between two sides: a test split always, folds if the cohort's are given.

    Folds that are made here keep together what belongs together.
    """
    return one != other and (cohort.is_given or "test" in (one, other))


def crossing(cohort: Cohort, one: str, other: str) -> tuple[str, str, str] | None:
    """The partition and the side of each, where two cases are set apart by a given split; None where nobody set them apart."""
    for name, sides in cohort.partitions.items():
        a, b = sides.get(one), sides.get(other)
        if a is not None and b is not None and is_given_between(cohort, a, b):
            return name, a, b
    return None

"""Whether two cases lie on two sides of a split that somebody else made."""

from scanwright.gate.cohort import Cohort


def crossing(cohort: Cohort, one: str, other: str) -> tuple[str, str, str] | None:
    """The partition and the side of each, where two cases are set apart by a given split; None where nobody set them apart.

    A test split is always given. Folds are if the cohort's are: those that are made here keep together what belongs together.
    """
    parted = cohort.parted(one, other)
    return parted if parted is not None and (cohort.is_given or "test" in parted[1:]) else None

"""What too few patients have to be learned and judged by patient: regions, classes of boxes, classes of images."""

from collections.abc import Collection, Iterator, Mapping

from scanwright.dataset.cases import Fault


def rare(
    owners: Mapping[str, Collection[str]], *, code: str, what: str, action: str, excuse_one: bool = False
) -> Iterator[Fault]:
    """A warning for each name that no patient has, or only one.

    owners: the patients that have each name. excuse_one: one patient is enough, as where there are but two in all.
    """
    for name, patients in owners.items():
        if not patients or (len(patients) == 1 and not excuse_one):
            yield Fault(
                code=code,
                severity="warning",
                expected=f"every {what} in several patients",
                found=f"{name} in {'one patient' if patients else 'no patient'}",
                action=f"It cannot be learned and judged; {action}.",
            )

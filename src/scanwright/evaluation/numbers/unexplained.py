"""Quantities whose estimates have not been shown to be nearer to the truth than the mean of all cases is."""

from collections.abc import Mapping, Sequence

from scanwright.types import JSON


def unexplained(by_quantity: Mapping[str, Mapping[str, JSON]]) -> tuple[str, ...]:
    """The names of quantities whose R² is not above 0: the low end of its interval where it has one, else its value.

    by_quantity: the measures of each, as metrics.json has them. One of which R² is not defined says nothing.
    """
    found = []
    for name, measures in by_quantity.items():
        told = measures.get("r2", {})
        least = told["ci95"][0] if told.get("ci95") else told.get("mean")
        if least is not None and least <= 0:
            found.append(name)
    return tuple(found)


def unexplained_text(names: Sequence[str], *, of: int) -> str:
    """What must be said of such quantities. of: how many there are in all."""
    hidden = ": what is put together from all quantities hides that" if of > len(names) else ""
    return (
        f"Estimates of {', '.join(names)} are not shown to be any better than telling every case the mean of all (R², or the "
        f"low end of its interval, is not above 0){hidden}."
    )

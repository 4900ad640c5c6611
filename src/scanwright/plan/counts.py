"""Whole numbers of a plan that are at least one, and triples of them in network order (D, H, W)."""

from typing import Annotated

from pydantic import AfterValidator, Field

from scanwright.types import Shape3

Positive = Annotated[int, Field(ge=1)]
Counts = tuple[Positive, Positive, Positive]


def require_odd(kernel: Shape3) -> Shape3:
    """The kernel as it is. Raises ValueError if one of its lengths is even."""
    if any(size % 2 == 0 for size in kernel):
        raise ValueError("a kernel has odd lengths, so that it has a centre")
    return kernel


OddCounts = Annotated[Counts, AfterValidator(require_odd)]

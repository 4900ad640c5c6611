"""What kinds of problem share whose answer is one for a whole image: slices of it, answered one by one, make up none."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from scanwright.errors import InputError
from scanwright.geometry.grid import Grid


class OneAnswer:
    """Mixed into a problem of one task."""

    def of_slices(self, answers: Iterable[Any], grid: Grid, *, axis: int, where: Path | None = None) -> Any:
        """None that could be given: what a model of single slices says of each was never judged as an answer to a volume, and
        the most suspicious of many is so by chance alone. Raises InputError.
        """
        raise InputError(
            "a volume, and the model has learned to answer single slices",
            where=where,
            expected="one slice",
            found=f"{grid.shape[axis]} slices",
            hint="Give the slice that is meant as an image of its own, or use a model that has learned from volumes.",
        )

"""Whether an image was acquired as those that a model has learned from: its voxel size, and how much it shows.

Judged along each axis of the body against the smallest and the largest that was learned from:

    voxels          outside beyond half or twice of it, on the border beyond a quarter more or less
    field of view   in millimetres: outside beyond a third or three times of it, on the border beyond two thirds, or half
                    as much again
    pixels          of pictures without a scale: on the border where a picture has less than half or more than twice the
                    pixels, or other proportions by a third; never outside: a picture may have been taken closer

A model resamples what it is given to its own voxels, so that a little coarser is no reason to decline. The factors are
conventions, no fits: with few training cases their range says little. What they do to images of the same origin is
measured with the rest (`metrics.json`, "range").
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, Self

from pydantic import TypeAdapter, ValidationError

from scanwright.dataset.facts import Spread
from scanwright.dataset.fingerprint import canonical_order
from scanwright.doubt import Doubt
from scanwright.errors import IntegrityError
from scanwright.types import Shape3, Triple, Unit

AXES = (
    Doubt("axis-left-to-right", "left to right"),
    Doubt("axis-back-to-front", "back to front"),
    Doubt("axis-feet-to-head", "feet to head"),
)
SPREADS = TypeAdapter(tuple[Spread, Spread, Spread])
UNITS: TypeAdapter[Unit] = TypeAdapter(Unit)
SPACING, VIEW, PIXELS, PROPORTIONS = (1.25, 2.0), (1.5, 3.0), 2.0, 4 / 3
"""Factors beyond the learned range: to the border, and to the outside."""


class Lies(Protocol):
    """A `Grid`, or the facts of a case."""

    @property
    def shape(self) -> Shape3:
        """Voxels along the file's axes."""
        ...

    @property
    def spacing(self) -> Triple:
        """Their edges, in `unit`."""
        ...

    @property
    def orientation(self) -> str:
        """The closest axes, such as "RAS"."""
        ...

    @property
    def unit(self) -> Unit:
        """Of the edges."""
        ...


@dataclass(frozen=True, slots=True)
class Acquired:
    """How training images were acquired, along x, y and z of the body. unit: of spacing and extent."""

    unit: Unit
    spacing: tuple[Spread, Spread, Spread]
    extent: tuple[Spread, Spread, Spread]
    shape: tuple[Spread, Spread, Spread]

    @classmethod
    def of_reference(cls, reference: Mapping[str, Any] | None, *, where: Any) -> Self | None:
        """Of a package's reference statistics; None if it has none of these.

        Raises IntegrityError if they are not what this version writes.
        """
        names = ("spacing", "extent", "shape")
        if not reference or not all(name in reference for name in (*names, "unit")):
            return None
        try:
            parts = [SPREADS.validate_python(reference[name]) for name in names]
            return cls(UNITS.validate_python(reference["unit"]), *parts)
        except ValidationError as error:
            found = error.errors()[0]["msg"]
            raise IntegrityError("reference statistics that do not fit", where=where, found=found) from error

    def outside(self, grid: Lies) -> list[Doubt]:
        """A doubt for each axis along which an image was acquired quite otherwise."""
        return self._beyond(grid, 1)

    def border(self, grid: Lies) -> list[Doubt]:
        """A doubt for each axis along which it was acquired a little otherwise, those of `outside` among them."""
        return self._beyond(grid, 0)

    def _beyond(self, grid: Lies, level: int) -> list[Doubt]:
        if self.unit == "px" or grid.unit == "px":
            return self._pixels(grid) if self.unit == grid.unit and level == 0 else []
        doubts = []
        for axis, place in enumerate(canonical_order(grid.orientation)):
            if self._is_flat(axis, grid.shape[place]):
                continue  # across single slices there is neither a distance nor an extent
            edge = grid.spacing[place]
            length = grid.shape[place] * edge
            if _is_beyond(edge, self.spacing[axis], SPACING[level]):
                doubts.append(_spacing(axis, edge, self.spacing[axis]))
            if _is_beyond(length, self.extent[axis], VIEW[level]):
                doubts.append(_view(axis, length, self.extent[axis]))
        return doubts

    def _is_flat(self, axis: int, length: int) -> bool:
        return self.shape[axis].max == 1 or length == 1

    def _pixels(self, grid: Lies) -> list[Doubt]:
        """Of a picture: its pixels along the longer side, and its proportions."""
        width, height = (grid.shape[place] for place in canonical_order(grid.orientation)[:2])
        wide, high = self.shape[:2]
        doubts = []
        least, most = max(wide.min, high.min), max(wide.max, high.max)
        if not least / PIXELS <= max(width, height) <= most * PIXELS:
            pixels = (
                "a picture of {width} x {height} pixels, {least:.0f} to {most:.0f} along the longer side in training"
            )
            doubts.append(Doubt("other-pixels", pixels, width=width, height=height, least=least, most=most))
        low, high_ratio = wide.min / high.max, wide.max / high.min
        if not low / PROPORTIONS <= width / height <= high_ratio * PROPORTIONS:
            odd = "a picture of other proportions: {width} x {height} pixels"
            doubts.append(Doubt("other-proportions", odd, width=width, height=height))
        return doubts


def _is_beyond(value: float, learned: Spread, factor: float) -> bool:
    return not learned.min / factor <= value <= learned.max * factor


def _spacing(axis: int, edge: float, learned: Spread) -> Doubt:
    return Doubt(
        "other-voxels",
        "voxels of {edge:.3g} mm {axis}, {least:.3g} to {most:.3g} mm in training",
        edge=edge,
        axis=AXES[axis],
        least=learned.min,
        most=learned.max,
    )


def _view(axis: int, length: float, learned: Spread) -> Doubt:
    return Doubt(
        "other-view",
        "a field of view of {length:.0f} mm {axis}, {least:.0f} to {most:.0f} mm in training",
        length=length,
        axis=AXES[axis],
        least=learned.min,
        most=learned.max,
    )

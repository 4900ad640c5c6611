"""One thing that tuning varies: its range around what is planned, why that range, and what plan values follow from it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from scanwright.plan.plan import Plan

Value: TypeAlias = float | int | str
Point: TypeAlias = Mapping[str, Value]
"""A value for each parameter by name; a conditional one may be absent."""
Change: TypeAlias = Callable[[Any, Plan], dict[str, Any]]
"""A parameter's value, and the plan as it stands, to plan values by dotted name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Condition:
    """A parameter is asked for only where another one has one of these values."""

    name: str
    among: tuple[Value, ...]

    def holds(self, point: Point) -> bool:
        """Whether it does at a point that has the other parameter's value."""
        return point.get(self.name) in self.among


@dataclass(frozen=True, kw_only=True, slots=True)
class Parameter:
    """A parameter with its range: either `choices`, or all numbers from `low` to `high`, on a logarithmic scale with `log`.

    name: of the study; a plan value's own name where it is one. planned: what the default plan has, within the range.
    why: the reason for the range. change: what plan values follow; asked only where the value is not the planned one, so that
    a point of nothing but planned values is the default plan itself. reshapes: the planner decides the network anew.
    """

    name: str
    title: str
    planned: Value
    why: str
    change: Change
    choices: tuple[Value, ...] = ()
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    when: Condition | None = None
    reshapes: bool = False

    def asked(self, point: Point) -> bool:
        """Whether it has a value at a point that holds all parameters before it."""
        return self.when is None or self.when.holds(point)

    @property
    def stated(self) -> str:
        """The range in words: "0.0006 to 0.024, by factors", or "16, 32 or 64"."""
        if self.choices:
            words = [text_of(choice) for choice in self.choices]
            return " or ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else words[0]
        return f"{text_of(self.low)} to {text_of(self.high)}" + (", by factors" if self.log else "")


def text_of(value: Value) -> str:
    """A value as people read it, three digits of a number.

    >>> text_of(0.00612345), text_of(32), text_of("dice_ce"), text_of(1.0)
    ('0.00612', '32', 'dice_ce', '1')
    """
    return f"{value:.3g}" if isinstance(value, float) else str(value)

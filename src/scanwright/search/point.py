"""From a point of the space to plan values, and the plan of it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from scanwright.plan.detector_plan import DetectorPlan
from scanwright.plan.encoder_plan import EncoderPlan
from scanwright.plan.plan import NetworkPlan, Plan
from scanwright.search.changes import pins, scaled
from scanwright.search.parameter import Parameter, Point

MakePlan: TypeAlias = Callable[[Mapping[str, Any]], Plan]
"""Plan values to a plan of this data set. Raises as `plan.make`."""


def planned_point(space: Sequence[Parameter]) -> dict[str, Any]:
    """The default plan as a point of the space."""
    point: dict[str, Any] = {}
    for parameter in space:
        if parameter.asked(point):
            point[parameter.name] = parameter.planned
    return point


def values_at(
    point: Point, space: Sequence[Parameter], base: Plan, *, fixed: Mapping[str, Any], make: MakePlan
) -> dict[str, Any]:
    """The plan values of a point: what holds the default plan, what is set by hand, and what the point changes.

    base: the default plan. make: asked where an image or a patch has another size, from which the network's strides follow.
    Raises what `make` raises.
    """
    moved = [one for one in space if one.name in point and point[one.name] != one.planned]
    reshaping = [one for one in moved if one.reshapes]
    values = {**pins(base, reshaped=bool(reshaping)), **fixed}
    plan = base
    for parameter in reshaping:
        values |= parameter.change(point[parameter.name], base)
    if reshaping:
        values |= _as_wide(make(values), base, fixed)
        plan = make(values)
    for parameter in moved:
        if not parameter.reshapes:
            values |= parameter.change(point[parameter.name], plan)
    return values


def _as_wide(plan: Plan, base: Plan, fixed: Mapping[str, Any]) -> dict[str, Any]:
    """Widths of a network that was planned anew, as wide at the finest level as the default one."""
    network, before = plan.network, base.network
    kinds = NetworkPlan | EncoderPlan | DetectorPlan
    if not isinstance(network, kinds) or not isinstance(before, kinds) or "network.widths" in fixed:
        return {}
    factor = before.widths[0] / network.widths[0]
    values: dict[str, Any] = {}
    if factor != 1:
        values["network.widths"] = [scaled(width, factor) for width in network.widths]
    if isinstance(before, DetectorPlan):
        values["network.neck"] = before.neck
    return values

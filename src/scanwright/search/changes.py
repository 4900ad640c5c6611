"""From a parameter's value to plan values, given the plan as it stands."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from scanwright.dataset.facts import Fingerprint
from scanwright.plan.detector_plan import DetectorPlan
from scanwright.plan.encoder_plan import EncoderPlan
from scanwright.plan.every_kind import NARROWEST
from scanwright.plan.normal_plan import NormalPlan
from scanwright.plan.plan import NetworkPlan, Plan
from scanwright.plan.rules import GRACE, round_up
from scanwright.plan.sections import network_shape
from scanwright.search.parameter import Change, Parameter

STRENGTHS = (
    "scale",
    "elastic_voxels",
    "gamma",
    "contrast",
    "brightness",
    "noise",
    "blur_voxels",
    "shift",
    "warp_share",
)
MOST: Mapping[str, float] = {"scale": 1.0, "shift": 0.4, "warp_share": 1.0}
"""What a plan takes at most."""
PATCHES = (0.75, 1.0, 1.25)
LEAST_WIDTH = 4

WIDTHS = (0.5, 0.75, 1.0, 1.5)
LEAST_WEIGHT, MOST_WEIGHT = 0.01, 100.0


def replaced(parameter: Parameter, **values: Any) -> Parameter:
    """The parameter with other values."""
    return replace(parameter, **values)


def itself(name: str) -> Change:
    """The parameter is a plan value."""
    return lambda value, plan: {name: value}


def network_size(factor: float, plan: Plan) -> dict[str, Any]:
    """So many times the features on every level, in whole groups of eight where there are as many; a detector's neck too."""
    assert isinstance(plan.network, NetworkPlan | EncoderPlan | DetectorPlan)
    values: dict[str, Any] = {"network.widths": [scaled(width, factor) for width in plan.network.widths]}
    if isinstance(plan.network, DetectorPlan):
        values["network.neck"] = scaled(plan.network.neck, factor)
    return values


def network_sizes(plan: Plan) -> tuple[float, ...]:
    """Factors for the width of a network, without those that would make it too narrow."""
    assert isinstance(plan.network, NetworkPlan | EncoderPlan | DetectorPlan)
    finest = plan.network.widths[0]
    return tuple(one for one in WIDTHS if one >= 1 or scaled(finest, one) >= min(finest, NARROWEST))


def scaled(width: int, factor: float) -> int:
    """A number of features times a factor, a multiple of 8 (of 4 below 16).

    >>> scaled(32, 0.75), scaled(24, 0.5), scaled(320, 1.5), scaled(4, 0.5)
    (24, 12, 480, 4)
    """
    step = 8 if width * factor >= 16 else 4
    return max(LEAST_WIDTH, round(width * factor / step) * step)


def network_depth(blocks: int, plan: Plan) -> dict[str, Any]:
    """As many blocks in every stage."""
    assert isinstance(plan.network, EncoderPlan | DetectorPlan)
    return {"network.blocks": [blocks] * len(plan.network.blocks)}


def image_size(factor: float, plan: Plan) -> dict[str, Any]:
    """Images so many times as fine: the longer side of pictures, or the edges of voxels within a slice."""
    spacing = plan.preprocess.spacing
    if spacing is None:
        assert plan.preprocess.long_side is not None
        return {"preprocess.long_side": max(8, round(plan.preprocess.long_side * factor))}
    d, h, w = spacing
    flat = plan.batch.patch[0] == 1
    edges = (d if flat else d / factor, h / factor, w / factor)
    return {"preprocess.spacing": [float(f"{edge:.3g}") for edge in edges]}


def patch_sizes(plan: Plan, fingerprint: Fingerprint) -> tuple[float, ...]:
    """Factors for the patch: larger ones only where it does not hold the whole image already."""
    shape = network_shape(fingerprint, plan.preprocess)
    whole = all(size >= GRACE * length for size, length in zip(plan.batch.patch, shape, strict=True))
    return tuple(
        one for one in PATCHES if (one <= 1 or not whole) and (one == 1 or patch_of(one, plan) != plan.batch.patch)
    )


def patch_size(factor: float, plan: Plan) -> dict[str, Any]:
    """A patch of so many times the edges, rounded as patches are planned."""
    return {"batch.patch": list(patch_of(factor, plan))}


def patch_of(factor: float, plan: Plan) -> tuple[int, ...]:
    """The patch with its edges times a factor; an axis of one voxel stays."""
    return tuple(size if size == 1 else round_up(size * factor) for size in plan.batch.patch)


def augment_strength(factor: float, plan: Plan) -> dict[str, Any]:
    """Every range of a random change times a factor, as far as plans go; mirrored axes and mixtures stay."""
    values: dict[str, Any] = {}
    for name in STRENGTHS:
        have = getattr(plan.augment, name)
        if have:
            values[f"augment.{name}"] = round(min(MOST.get(name, float("inf")), have * factor), 6)
    if any(plan.augment.rotate_deg):
        values["augment.rotate_deg"] = [round(min(180.0, angle * factor), 4) for angle in plan.augment.rotate_deg]
    return values


def class_weights(shares: Sequence[float]) -> Change:
    """Weights by how rare each class is, to a power; the first class, background in label maps, has 1."""

    def change(power: float, plan: Plan) -> dict[str, Any]:
        if power == 0:
            return {"training.class_weights": []}
        raw = [(shares[0] / share) ** power for share in shares]
        return {"training.class_weights": [round(min(MOST_WEIGHT, max(LEAST_WEIGHT, one)), 3) for one in raw]}

    return change


def filter_widths(factor: float, plan: Plan) -> dict[str, Any]:
    """Filters so many times as wide."""
    assert isinstance(plan.network, NormalPlan)
    return {"network.scales": [round(scale * factor, 3) for scale in plan.network.scales]}


def pins(plan: Plan, *, reshaped: bool) -> dict[str, Any]:
    """Plan values that hold the network and batch of a plan, so that it is made again without its budget.

    reshaped: without what follows from the size of an image or a patch.
    """
    network = plan.network
    values = {
        f"network.{name}": value
        for name, value in network.model_dump(mode="json", exclude={"in_channels", "out_channels"}).items()
        if value is not None
    }
    if not isinstance(network, NetworkPlan | EncoderPlan | DetectorPlan):
        return {name: value for name, value in values.items() if name not in FOLLOWING}
    values |= {"batch.size": plan.batch.size}
    if isinstance(network, NetworkPlan):  # its strides divide the patch that it knows, and perhaps no other
        values |= {"batch.patch": list(plan.batch.patch)}
    return {name: value for name, value in values.items() if not (reshaped and name in OF_SIZE)}


FOLLOWING = ("network.features", "network.encoder", "network.radiomic", "network.size", "network.block")
"""Of models without steps, what follows from other values and is planned anew."""
OF_SIZE = (
    *("network.widths", "network.strides", "network.kernels", "network.blocks", "network.levels", "network.neck"),
    *("network.deep_supervision", "batch.patch"),
)
"""Of networks, what follows from the size of an image or a patch."""

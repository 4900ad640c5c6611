"""What an ablation takes away or exchanges, one thing at a time: classifiers of features, and changes made while training."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scanwright.plan.classical_plan import TITLES, ClassicalPlan
from scanwright.plan.plan import AugmentPlan, Plan

CLASSIFIERS = ("svm-linear", "svm-rbf", "linear", "forest", "boosting")
OFF: dict[str, Any] = {
    "warp_share": 0.0,
    "rotate_deg": (0.0, 0.0, 0.0),
    "scale": 0.0,
    "elastic_voxels": 0.0,
    "mirror": (False, False, False),
    "gamma": 0.0,
    "contrast": 0.0,
    "brightness": 0.0,
    "noise": 0.0,
    "blur_voxels": 0.0,
    "low_resolution": 1.0,
    "shift": 0.0,
    "mixup": 0.0,
}
"""Each random change, switched off."""
CALLED = {
    "warp_share": "rotation, scale and bending",
    "rotate_deg": "rotation",
    "scale": "changes of scale",
    "elastic_voxels": "bending",
    "mirror": "mirror images",
    "blur_voxels": "blur",
    "low_resolution": "low resolution",
    "shift": "moves",
}
NO_ENCODERS: Mapping[str, str] = {}
BENDS = ("rotate_deg", "scale", "elastic_voxels")
"""What warp_share says the share of, and switches off together."""


@dataclass(frozen=True, slots=True)
class Ablation:
    """A model that differs from another in one thing. name: of its part of the run. values: set by hand for it.

    reads: the tried network, by name, whose features it reads in place of its own.
    """

    name: str
    title: str
    values: dict[str, Any]
    reads: str = ""


def ablations(plan: Plan, encoders: Mapping[str, str] = NO_ENCODERS) -> tuple[Ablation, ...]:
    """What a planned model is compared with.

    Of a classical model each classifier on the same features, and all of them on what each of `encoders` makes of the images:
    tried networks by name, with what they are called. Of a network itself without each random change that its plan makes,
    answered from the same sides as before.
    """
    if isinstance(plan.network, ClassicalPlan):
        own = plan.network.family
        others = [family for family in CLASSIFIERS if family != own]
        same = [Ablation(family, TITLES[family], {"network.family": family}) for family in others]
        deep = [
            Ablation(
                f"{family}-on-{name}", f"{TITLES[family]}, on features of the {title}", {"network.family": family}, name
            )
            for name, title in encoders.items()
            for family in (own, *others)
        ]
        return (*same, *deep)
    on = [name for name in AugmentPlan.model_fields if getattr(plan.augment, name) != OFF[name]]
    alone = len([name for name in BENDS if name in on]) < 2
    sides = {"inference.mirror": plan.inference.mirror}
    return tuple(
        Ablation(
            f"without-{name.replace('_', '-')}",
            f"without {CALLED.get(name, name)}",
            {f"augment.{name}": OFF[name], **sides},
        )
        for name in on
        if not (alone and name == "warp_share")  # taking its one bend away says the same
    )

"""The network of a plan with its weights, ready to answer: one that was trained, or classical models on their features."""

from collections.abc import Mapping

import torch
from torch import nn

from scanwright.features.outlined import Outlined
from scanwright.features.served import ClassicalNetwork
from scanwright.network.build import build
from scanwright.plan.classical_plan import ClassicalPlan
from scanwright.plan.plan import Plan


def network_with(weights: Mapping[str, torch.Tensor], plan: Plan, device: torch.device) -> nn.Module:
    """The planned network with these weights, on the device, in the planned layout. Raises what torch raises if they differ."""
    from scanwright.network.blocks import kernels_to_layout

    if isinstance(plan.network, ClassicalPlan):
        return ClassicalNetwork.of_weights(
            weights,
            outputs=plan.network.out_channels,
            loss=plan.training.loss,
            center=plan.target.center,
            scale=plan.target.scale,
            encoder=None if plan.network.encoder is None else build(plan.network.encoder).to(device).eval(),
            outlined=outlined_by(plan),
        )
    network = build(plan.network)
    network.load_state_dict(weights)
    network = network.to(device).eval()
    if plan.training.channels_last:
        kernels_to_layout(network)
    return network


def outlined_by(plan: Plan) -> Outlined | None:
    """How features of what is outlined are made, None where the model reads no such features."""
    network = plan.network
    if not isinstance(network, ClassicalPlan) or network.radiomic is None:
        return None
    return Outlined(network.radiomic, plan.preprocess.spacing)

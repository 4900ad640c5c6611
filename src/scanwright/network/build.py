"""From a plan to a network, and how large it is."""

from typing import overload

import torch
from torch import nn

from scanwright.network.detector import Detector
from scanwright.network.normal import NormalModel
from scanwright.network.unet import UNet
from scanwright.network.whole import WholeImage
from scanwright.plan.classical_plan import ClassicalPlan
from scanwright.plan.detector_plan import DetectorPlan
from scanwright.plan.encoder_plan import EncoderPlan
from scanwright.plan.normal_plan import NormalPlan
from scanwright.plan.plan import NetworkPlan

AnyNetworkPlan = NetworkPlan | EncoderPlan | DetectorPlan | NormalPlan
Network = UNet | WholeImage | Detector | NormalModel


@overload
def build(plan: NetworkPlan, *, seed: int = 0) -> UNet: ...
@overload
def build(plan: EncoderPlan, *, seed: int = 0) -> WholeImage: ...
@overload
def build(plan: DetectorPlan, *, seed: int = 0) -> Detector: ...
@overload
def build(plan: NormalPlan, *, seed: int = 0) -> NormalModel: ...
@overload
def build(plan: AnyNetworkPlan | ClassicalPlan, *, seed: int = 0) -> Network: ...
def build(plan: AnyNetworkPlan | ClassicalPlan, *, seed: int = 0) -> Network:
    """The planned network with fresh weights; the same seed gives the same weights on any machine. A model of what is
    normal has none before it is fitted.

    Raises TypeError for the plan of a classical model, which is no network.
    """
    if isinstance(plan, ClassicalPlan):
        raise TypeError("a classical model is fitted, and not built")
    if isinstance(plan, NormalPlan):
        return NormalModel(plan)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if isinstance(plan, EncoderPlan):
            return WholeImage(plan, seed=seed)
        return UNet(plan) if isinstance(plan, NetworkPlan) else Detector(plan)


def num_parameters(network: nn.Module) -> int:
    """Trainable parameters."""
    return sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)

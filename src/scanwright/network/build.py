"""From a plan to a network, and how large it is."""

import torch
from torch import nn

from scanwright.network.unet import UNet
from scanwright.plan.plan import NetworkPlan


def build(plan: NetworkPlan, *, seed: int = 0) -> UNet:
    """The planned network with fresh weights; the same seed gives the same weights on any machine."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return UNet(plan)


def num_parameters(network: nn.Module) -> int:
    """Trainable parameters."""
    return sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)

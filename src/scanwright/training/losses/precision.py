"""The number type in which losses are computed."""

import torch
from torch import Tensor


def single(values: Tensor) -> Tensor:
    """Values as float32: half precision rounds small losses away. float64 stays, so that gradients can be checked."""
    return values if values.dtype == torch.float64 else values.float()

"""Small EncoderPlans of every family, and images for them."""

import torch

from scanwright.plan.encoder_plan import EncoderPlan

FAMILIES = ("resnet", "densenet", "convnext", "efficientnet", "vit")
CONVOLUTIONAL = FAMILIES[:-1]


def encoder_plan(family: str = "resnet", dims: int = 2, **changes: object) -> EncoderPlan:
    """Two stages that halve the image twice; 2 channels in, 3 values out. A vit: 8 voxels an edge, patches of 4."""
    flat, half = dims == 2, (1 if dims == 2 else 2, 2, 2)
    if family == "vit":
        edges = ((1, 4, 4) if flat else (4, 4, 4),)
        stages: dict[str, object] = {"widths": (16,), "strides": edges, "kernels": edges, "blocks": (2,)}
        stages |= {"attention_heads": 2, "image": (1, 8, 8) if flat else (8, 8, 8)}
    else:
        kernel = (1 if flat else 3, 3, 3)
        stages = {"widths": (8, 16), "strides": (half, half), "kernels": (kernel, kernel), "blocks": (1, 2)}
        stages |= {"growth": 4} if family == "densenet" else {}
    plan = {"family": family, "dims": dims, "in_channels": 2, "out_channels": 3, **stages, **changes}
    return EncoderPlan.model_validate(plan)


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    """Standard normal values."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))

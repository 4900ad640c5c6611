"""Stand-ins with known answers: a network that says what it sees, tasks, plans and small cases."""

import numpy as np
import torch
from torch import Tensor, nn

from scanwright.dataset.task import Channel, Region, Task
from scanwright.plan import rules
from scanwright.plan.plan import (
    AugmentPlan,
    BatchPlan,
    ChannelNormalization,
    InferencePlan,
    Plan,
    PreprocessPlan,
    TrainingPlan,
)
from scanwright.training.batches import TrainingCase


def task(num_regions: int = 2, *, nested: bool = False, ignore: int | None = None) -> Task:
    """Exclusive regions 1, 2, …; or nested: the first holds all values, the second all but 1, and so on."""
    values = range(1, num_regions + 1)
    regions = tuple(
        Region(name=f"region {value}", values=tuple(range(value, num_regions + 1)) if nested else (value,))
        for value in values
    )
    return Task(name="fake", channels=(Channel(name="MR", modality="mr"),), regions=regions, ignore=ignore)


def plan(
    *,
    patch: tuple[int, int, int] = (8, 16, 16),
    outputs: int = 3,
    spacing: tuple[float, float, float] | None = (1.0, 1.0, 1.0),
    base: int = 4,
    steps: int = 4,
    batch: int = 2,
    **training: object,
) -> Plan:
    """A small complete plan in float32."""
    flat = patch[0] == 1
    network = rules.network(
        patch, spacing or (1.0, 1.0, 1.0), dims=2 if flat else 3, base=base, fold=(1, 1, 1), channels=1, outputs=outputs
    )
    values = {
        "steps": steps,
        "budget_s": None,
        "reserve_s": None,
        "step_s": None,
        "optimizer": "adamw",
        "learning_rate": 3e-3,
        "weight_decay": 0.01,
        "warmup_share": 0.1,
        "clip_norm": 1.0,
        "ema_decay": 0.9,
        "loss": "dice_ce",
        "class_weights": (),
        "precision": "float32",
        "channels_last": True,
        "threads": 1,
        "checkpoint_every": 2,
        "folds": (0,),
        "seed": 0,
    }
    return Plan(
        problem="segmentation",
        preprocess=PreprocessPlan(
            axes=(2, 1, 0),
            spacing=spacing,
            long_side=None if spacing else 32,
            crop_to_nonzero=False,
            normalization=(ChannelNormalization(scheme="zscore"),),
            image_order=3,
        ),
        network=network,
        batch=BatchPlan(size=batch, patch=patch, foreground_share=0.5),
        augment=AugmentPlan(
            warp_share=1.0, rotate_deg=(10.0, 0.0 if flat else 10.0, 0.0 if flat else 10.0), scale=0.1, elastic_voxels=0.5,
            mirror=(False, False, True), gamma=0.3, contrast=0.1, brightness=0.1, noise=0.1,
            blur_voxels=0.5, low_resolution=1.5,
        ),
        training=TrainingPlan.model_validate({**values, **training}),
        inference=InferencePlan(step_share=0.5, mirror=(False, False, False), batch=2),
        why={},
    )  # fmt: skip


def augment(**ranges: object) -> AugmentPlan:
    """An augmentation that changes nothing, but for the ranges given."""
    off = dict(
        warp_share=1.0, rotate_deg=(0, 0, 0), scale=0, elastic_voxels=0, mirror=(False, False, False), gamma=0, contrast=0,
        brightness=0, noise=0, blur_voxels=0, low_resolution=1,
    )  # fmt: skip
    return AugmentPlan.model_validate({**off, **ranges})


def case(shape: tuple[int, int, int] = (12, 24, 20), *, seed: int = 0, name: str = "a") -> TrainingCase:
    """A bright box (code 1) with a brighter core (code 2) in noise."""
    rng = np.random.default_rng(seed)
    codes = np.zeros(shape, dtype=np.uint8)
    d, h, w = (length // 4 for length in shape)
    codes[d : 3 * d + 1, h : 3 * h, w : 3 * w] = 1
    codes[d : 2 * d + 1, h : 2 * h, w : 2 * w] = 2
    image = codes[None].astype(np.float32) + 0.1 * rng.standard_normal((1, *shape), dtype=np.float32)
    return TrainingCase(name, image, codes, {code: np.argwhere(codes == code) for code in (1, 2)})


class Echo(nn.Module):
    """A network whose logits are high for the class that the (rounded) intensity names; it learned everything already."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.outputs = outputs

    def forward(self, image_NCDHW: Tensor) -> list[Tensor]:
        classes = torch.arange(self.outputs, dtype=torch.float32).view(1, -1, 1, 1, 1)
        return [-20.0 * (image_NCDHW[:, :1] - classes).abs()]

"""What holds for every random change: a function of what was drawn, nothing where its range is nothing, never a NaN."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from fakes import augment
from scanwright.plan.plan import AugmentPlan
from scanwright.transform import intensity, spatial

RANGES: dict[str, Any] = {
    "rotate_deg": (25, 15, 15),
    "scale": 0.3,
    "elastic_voxels": 1.0,
    "mirror": (True, True, True),
    "gamma": 0.5,
    "contrast": 0.4,
    "brightness": 0.4,
    "noise": 0.3,
    "blur_voxels": 1.2,
    "low_resolution": 2.5,
}
PATCHES = [(6, 10, 8), (1, 12, 9)]

every = pytest.mark.parametrize("name", RANGES)
patches = pytest.mark.parametrize("patch", PATCHES, ids=["3-D", "2-D"])


def test_every_range_of_the_plan_is_under_these_laws() -> None:
    elsewhere = {"warp_share", "shift", "mixup"}  # how often, where a block is cut, with what it is mixed
    assert set(RANGES) == set(AugmentPlan.model_fields) - elsewhere


def drawn(plan: AugmentPlan, patch: tuple[int, int, int], seed: int) -> Callable[[], tuple[Tensor, Tensor]]:
    """One batch of two: its parameters are drawn now, and applied whenever the function is called."""
    rng = np.random.default_rng(seed)
    warp = spatial.draw(rng, plan, samples=2, patch=patch, spacing=(2.0, 1.0, 1.0))
    tint = intensity.draw(rng, plan, samples=2)
    block = warp.reach(patch)
    fixed = torch.Generator().manual_seed(0)
    image = torch.randn((2, 2, *block), generator=fixed)
    codes = torch.randint(0, 4, (2, *block), generator=fixed, dtype=torch.uint8)

    def change() -> tuple[Tensor, Tensor]:
        torch.rand(3), np.random.default_rng().random(3)  # what else is drawn meanwhile
        moved, target = spatial.apply(warp, image, codes, patch=patch)
        return intensity.apply(tint, moved), target

    return change


@every
@patches
def test_replayed_it_gives_the_same_bits(name: str, patch: tuple[int, int, int]) -> None:
    for seed in range(4):
        change = drawn(augment(**{name: RANGES[name]}), patch, seed)
        first, again = change(), change()
        assert torch.equal(first[0], again[0]) and torch.equal(first[1], again[1])


@every
@patches
def test_it_changes_some_samples_and_keeps_shape_type_and_codes(name: str, patch: tuple[int, int, int]) -> None:
    still = [drawn(augment(), patch, seed)()[0] for seed in range(8)]
    changes = 0
    for seed in range(8):
        image, codes = drawn(augment(**{name: RANGES[name]}), patch, seed)()
        assert image.shape == (2, 2, *patch) and image.dtype == torch.float32 and bool(torch.isfinite(image).all())
        assert (
            codes.shape == (2, *patch) and codes.dtype == torch.uint8 and set(codes.unique().tolist()) <= {0, 1, 2, 3}
        )
        changes += not torch.equal(image, still[seed])
    assert changes >= 4


@every
def test_it_takes_as_many_random_numbers_whether_on_or_off(name: str) -> None:
    """So that switching one change on does not deal other numbers to the rest."""
    states = []
    for plan in (augment(), augment(**{name: RANGES[name]})):
        rng = np.random.default_rng(3)
        spatial.draw(rng, plan, samples=2, patch=PATCHES[0], spacing=(1, 1, 1))
        intensity.draw(rng, plan, samples=2)
        states.append(rng.random())
    assert states[0] == states[1]


@patches
def test_all_together_are_finite_and_replay(patch: tuple[int, int, int]) -> None:
    for seed in range(6):
        change = drawn(augment(**RANGES), patch, seed)
        image, codes = change()
        assert bool(torch.isfinite(image).all()) and torch.equal(change()[0], image) and torch.equal(change()[1], codes)

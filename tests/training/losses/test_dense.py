import pytest
import torch

from scanwright.protocols import IGNORE
from scanwright.training.losses.dense import (
    binary_cross_entropy,
    cross_entropy,
    deep_supervision_weights,
    exclusive_dice_ce,
    overlapping_dice_ce,
    shrink_codes,
    soft_dice,
)


def one_hot_of(codes: torch.Tensor, classes: int) -> torch.Tensor:
    return torch.nn.functional.one_hot(codes, classes).movedim(-1, 1).float()


def test_soft_dice__by_hand() -> None:
    probabilities = torch.tensor([[[0.5, 1.0, 0.0, 0.0]]])
    truth = torch.tensor([[[1.0, 1.0, 0.0, 0.0]]])
    mask = torch.ones(1, 1, 4)
    assert float(soft_dice(probabilities, truth, mask)) == pytest.approx(1 - 2 * 1.5 / 3.5, abs=1e-4)


def test_soft_dice__perfect_is_zero_disjoint_is_one_absent_costs_nothing() -> None:
    here, there, nothing = (torch.tensor([[values]]) for values in ([1.0, 0.0], [0.0, 1.0], [0.0, 0.0]))
    mask = torch.ones(1, 1, 2)
    assert float(soft_dice(here, here, mask)) == pytest.approx(0.0, abs=1e-4)
    assert float(soft_dice(here, there, mask)) == pytest.approx(1.0, abs=1e-4)
    assert float(soft_dice(nothing, nothing, mask)) == pytest.approx(0.0, abs=1e-4)


def test_soft_dice__equals_monai_with_batch_dice() -> None:
    losses = pytest.importorskip("monai.losses")
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 3, 4, 5, 6, generator=generator)
    codes = torch.randint(0, 3, (2, 4, 5, 6), generator=generator)
    theirs = losses.DiceLoss(softmax=True, batch=True, include_background=False, smooth_nr=1e-5, smooth_dr=1e-5)
    mine = soft_dice(logits.softmax(1)[:, 1:], one_hot_of(codes, 3)[:, 1:], torch.ones(2, 1, 4, 5, 6))
    assert float(mine) == pytest.approx(float(theirs(logits, one_hot_of(codes, 3))), abs=1e-5)


def test_cross_entropy__ignored_voxels_change_neither_value_nor_gradient() -> None:
    logits = torch.randn(1, 3, 2, 2, 2, generator=torch.Generator().manual_seed(0)).requires_grad_()
    codes = torch.tensor([0, 1, 2, IGNORE, IGNORE, 0, 1, 2]).view(1, 2, 2, 2)
    value = cross_entropy(logits, codes, ignore=IGNORE)
    kept = codes.flatten() != IGNORE
    expected = torch.nn.functional.cross_entropy(logits.flatten(2)[0].T[kept], codes.flatten()[kept])
    assert float(value.detach()) == pytest.approx(float(expected.detach()), abs=1e-6)
    value.backward()
    assert float(logits.grad.flatten(2)[0, :, ~kept].abs().max()) == 0.0


def test_exclusive_dice_ce__everything_ignored_gives_zero_with_a_gradient() -> None:
    logits = torch.randn(1, 3, 2, 2, 2, generator=torch.Generator().manual_seed(0)).requires_grad_()
    value = exclusive_dice_ce(logits, torch.full((1, 2, 2, 2), IGNORE), ignore=IGNORE)
    value.backward()
    assert float(value.detach()) == pytest.approx(0.0, abs=1e-4)
    assert bool(torch.isfinite(logits.grad).all())


def test_overlapping_dice_ce__nested_regions_can_both_be_right() -> None:
    regions = torch.tensor([[[1.0, 1, 1, 0]], [[0, 1.0, 0, 0]]]).movedim(0, 1)
    assert float(overlapping_dice_ce((regions * 2 - 1) * 20, regions, torch.ones(1, 1, 4))) < 1e-3


def test_binary_cross_entropy__mean_over_the_mask() -> None:
    logits = torch.zeros(1, 2, 4)
    mask = torch.tensor([[[1.0, 1, 0, 0]]])
    assert float(binary_cross_entropy(logits, torch.ones(1, 2, 4), mask)) == pytest.approx(0.693147, abs=1e-5)


def test_deep_supervision_weights__halve_and_sum_to_one() -> None:
    assert deep_supervision_weights(3) == pytest.approx([4 / 7, 2 / 7, 1 / 7])


def test_shrink_codes__keeps_values_and_ignore() -> None:
    codes = torch.tensor(
        [[0, 0, 2, 2], [0, 0, 2, 2], [IGNORE, IGNORE, 1, 1], [IGNORE, IGNORE, 1, 1]], dtype=torch.uint8
    )
    small = shrink_codes(codes[None, None].expand(1, 2, 4, 4), (1, 2, 2))
    assert small.tolist() == [[[[0, 2], [IGNORE, 1]]]]


def test_cross_entropy__weighted_equals_torch() -> None:
    logits = torch.randn(2, 3, 4, 4, 4, generator=torch.Generator().manual_seed(0))
    codes = torch.randint(0, 3, (2, 4, 4, 4), generator=torch.Generator().manual_seed(1))
    codes[0, 0] = IGNORE
    weights = torch.tensor([1.0, 5.0, 20.0])
    expected = torch.nn.functional.cross_entropy(logits, codes, weights, ignore_index=IGNORE)
    assert float(cross_entropy(logits, codes, ignore=IGNORE, weights=weights)) == pytest.approx(
        float(expected), abs=1e-5
    )

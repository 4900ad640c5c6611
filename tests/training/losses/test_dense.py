import pytest
import torch

from scanwright.protocols import IGNORE
from scanwright.training.losses.dense import (
    binary_cross_entropy,
    boundary,
    cross_entropy,
    deep_supervision_weights,
    exclusive_dice_ce,
    focal_tversky,
    generalised_dice,
    overlapping_dice_ce,
    shrink_codes,
    soft_dice,
    top_k_binary_cross_entropy,
    top_k_cross_entropy,
    tversky,
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


def drawn(classes: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits and codes of a small batch in which the classes have different sizes."""
    generator = torch.Generator().manual_seed(5)
    logits = torch.randn(2, classes, 4, 5, 6, generator=generator)
    return logits, (torch.rand(2, 4, 5, 6, generator=generator) ** 2 * classes).long()


def test_tversky__equals_monai() -> None:
    losses = pytest.importorskip("monai.losses")
    logits, codes = drawn()
    theirs = losses.TverskyLoss(
        softmax=True, batch=True, include_background=False, alpha=0.3, beta=0.7, smooth_nr=1e-5, smooth_dr=1e-5
    )
    mine = tversky(logits.softmax(1)[:, 1:], one_hot_of(codes, 3)[:, 1:], torch.ones(2, 1, 4, 5, 6))
    assert float(mine) == pytest.approx(float(theirs(logits, one_hot_of(codes, 3))), abs=1e-6)


def test_tversky__of_halves_is_dice() -> None:
    logits, codes = drawn()
    given = logits.softmax(1), one_hot_of(codes, 3), torch.ones(2, 1, 4, 5, 6)
    assert float(tversky(*given, missed=0.5, invented=0.5)) == pytest.approx(float(soft_dice(*given)), abs=1e-6)


def test_tversky__a_missed_voxel_costs_more_than_an_invented_one() -> None:
    truth, mask = torch.tensor([[[1.0, 1, 0, 0]]]), torch.ones(1, 1, 4)
    missed = tversky(torch.tensor([[[1.0, 0, 0, 0]]]), truth, mask)
    invented = tversky(torch.tensor([[[1.0, 1, 1, 0]]]), truth, mask)
    assert float(missed) == pytest.approx(1 - 1 / 1.7, abs=1e-4)
    assert float(invented) == pytest.approx(1 - 2 / 2.3, abs=1e-4)


def test_focal_tversky__is_the_power_of_each_class() -> None:
    logits, codes = drawn(2)
    given = logits.softmax(1)[:, 1:], one_hot_of(codes, 2)[:, 1:], torch.ones(2, 1, 4, 5, 6)
    assert float(focal_tversky(*given)) == pytest.approx(float(tversky(*given)) ** 0.75, abs=2e-4)


def test_focal_tversky__the_slope_at_a_perfect_answer_is_finite() -> None:
    truth = torch.tensor([[[1.0, 1, 0, 0]]])
    answer = truth.clone().requires_grad_()
    focal_tversky(answer, truth, torch.ones(1, 1, 4)).backward()
    assert bool(torch.isfinite(answer.grad).all())


def test_generalised_dice__equals_monai() -> None:
    losses = pytest.importorskip("monai.losses")
    logits, codes = drawn()
    theirs = losses.GeneralizedDiceLoss(softmax=True, batch=True, smooth_nr=1e-9, smooth_dr=1e-9)
    mine = generalised_dice(logits.softmax(1), one_hot_of(codes, 3), torch.ones(2, 1, 4, 5, 6))
    assert float(mine) == pytest.approx(float(theirs(logits, one_hot_of(codes, 3))), abs=1e-5)


def test_generalised_dice__a_small_class_weighs_as_much_as_a_large_one() -> None:
    codes = torch.tensor([[0] * 90 + [1] * 10])
    answer = one_hot_of(codes, 2)
    lost_small, lost_large = answer.clone(), answer.clone()
    lost_small[:, :, 95:] = 0.0
    lost_large[:, :, :45] = 0.0
    mask = torch.ones(1, 1, 100)
    # weights 1 / n^2: a class of n voxels, of which a share is found, adds share / n to overlap and (1 + share) / n to sizes
    small, large = (float(generalised_dice(given, answer, mask)) for given in (lost_small, lost_large))
    assert small == pytest.approx(1 - 2 * (1 / 90 + 0.5 / 10) / (2 / 90 + 1.5 / 10), abs=1e-4)
    assert large == pytest.approx(1 - 2 * (0.5 / 90 + 1 / 10) / (1.5 / 90 + 2 / 10), abs=1e-4)


def test_boundary__by_hand() -> None:
    truth = torch.tensor([[[0.0, 0, 0, 1, 1]]])
    # distances to the boundary between the third and the fourth voxel: 2.5, 1.5, 0.5 outside, 0.5, 1.5 inside
    answer = torch.tensor([[[0.2, 0, 0, 1, 0.6]]])
    assert float(boundary(answer, truth, torch.ones(1, 1, 5))) == pytest.approx((0.2 * 2.5 + 0.4 * 1.5) / 5)


def test_boundary__the_same_error_costs_more_further_out() -> None:
    truth = torch.zeros(1, 1, 9, 9)
    truth[..., 3:6, 3:6] = 1.0
    costs = []
    for place in (6, 7, 8):
        answer = truth.clone()
        answer[..., 4, place] = 1.0
        costs.append(float(boundary(answer, truth, torch.ones(1, 1, 9, 9))))
    assert costs == pytest.approx([0.5 / 81, 1.5 / 81, 2.5 / 81])


def test_boundary__a_class_without_a_boundary_has_no_say() -> None:
    answer = torch.rand(1, 2, 4, 4, generator=torch.Generator().manual_seed(0))
    absent_and_full = torch.stack([torch.zeros(4, 4), torch.ones(4, 4)])[None]
    assert float(boundary(answer, absent_and_full, torch.ones(1, 1, 4, 4))) == 0.0


def test_top_k_cross_entropy__is_the_mean_of_the_hardest() -> None:
    logits, codes = drawn()
    codes[0, 0] = IGNORE
    each = torch.nn.functional.cross_entropy(logits, codes, ignore_index=IGNORE, reduction="none")[codes != IGNORE]
    hardest = sorted(each.tolist(), reverse=True)[:21]  # a tenth of 210 voxels
    assert float(top_k_cross_entropy(logits, codes, ignore=IGNORE)) == pytest.approx(sum(hardest) / 21, rel=1e-5)


def test_top_k_cross_entropy__all_of_them_is_cross_entropy() -> None:
    logits, codes = drawn()
    codes[0, 0] = IGNORE
    weights = torch.tensor([1.0, 5.0, 20.0])
    mine = top_k_cross_entropy(logits, codes, ignore=IGNORE, weights=weights, share=1.0)
    assert float(mine) == pytest.approx(float(cross_entropy(logits, codes, ignore=IGNORE, weights=weights)), rel=1e-5)


def test_top_k_binary_cross_entropy__all_of_them_is_binary_cross_entropy() -> None:
    logits, codes = drawn()
    mask = (torch.arange(6) < 4).float().expand(2, 1, 4, 5, 6)
    given = logits, one_hot_of(codes, 3), mask
    assert float(top_k_binary_cross_entropy(*given, share=1.0)) == pytest.approx(
        float(binary_cross_entropy(*given)), rel=1e-5
    )
    assert float(top_k_binary_cross_entropy(*given)) > float(binary_cross_entropy(*given))

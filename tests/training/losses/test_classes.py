"""Losses of classes: laws for all of them, then each against its formula written out, torch or MONAI."""

import itertools
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from scanwright.training.losses.classes import (
    ONE,
    ORDERED,
    SEVERAL,
    ClassLoss,
    asymmetric,
    binary_cross_entropy,
    binary_focal,
    corn,
    corn_probabilities,
    cross_entropy,
    cumulative_link,
    cumulative_link_probabilities,
    focal,
    soft_targets,
)

CASES, CLASSES = 7, 4
KINDS = {"one": ONE, "several": SEVERAL, "ordered": ORDERED}
LOSSES = {f"{kind} {name}": (kind, loss) for kind, losses in KINDS.items() for name, loss in losses.items()}
every = pytest.mark.parametrize(("kind", "loss"), LOSSES.values(), ids=LOSSES)
PROBABILITIES: dict[ClassLoss, Callable[[Tensor], Tensor]] = {
    corn: corn_probabilities,
    cumulative_link: cumulative_link_probabilities,
}


def logits_of(kind: str, *, dtype: torch.dtype = torch.float32, cases: int = CASES) -> Tensor:
    outputs = CLASSES - (kind == "ordered")
    return torch.randn((cases, outputs), generator=torch.Generator().manual_seed(0), dtype=torch.float64).to(dtype)


def targets_of(kind: str, *, unknown: bool = False, soft: bool = False) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    if kind == "several":
        targets = torch.randint(0, 2, (CASES, CLASSES), generator=generator).float()
        targets = 0.9 * targets + 0.05 if soft else targets
        targets[2, 1] = targets[4] = torch.nan if unknown else 1.0
        return targets
    codes = torch.arange(CASES) % CLASSES
    targets = soft_targets(codes, CLASSES, smoothing=0.1 if soft else 0.0)
    targets[4] = torch.nan if unknown else targets[4]
    return targets


def towards(loss: ClassLoss, targets: Tensor) -> Tensor:
    """The direction of logits that answers hard targets rightly."""
    if loss not in ORDERED.values():
        return 2 * targets - 1
    codes, outputs = targets.argmax(1, keepdim=True), torch.arange(CLASSES - 1)
    right = torch.where(codes > outputs, 1.0, -1.0)
    if loss is cumulative_link:  # after the first output: no step before the class, a wide one after it
        right[:, 1:] = torch.where(codes == outputs[1:], 3.0, -1.0)
    return right


@every
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("scale", [0.0, 1.0, 1e4])
def test_value_and_gradient_are_finite(kind: str, loss: ClassLoss, scale: float, dtype: torch.dtype) -> None:
    logits = (scale * logits_of(kind)).to(dtype).requires_grad_()
    value = loss(logits, targets_of(kind, unknown=True), weights=torch.tensor([1.0, 2.0, 5.0, 0.5]))
    value.backward()
    assert value.shape == () and value.dtype == torch.float32 and bool(torch.isfinite(value))
    assert logits.grad is not None and bool(torch.isfinite(logits.grad).all())


@every
@pytest.mark.parametrize("soft", [False, True])
def test_the_gradient_is_that_of_finite_differences(kind: str, loss: ClassLoss, soft: bool) -> None:
    logits = logits_of(kind, dtype=torch.float64).requires_grad_()
    targets = targets_of(kind, unknown=True, soft=soft).double()
    weights = torch.tensor([1.0, 2.0, 5.0, 0.5])
    assert torch.autograd.gradcheck(lambda given: loss(given, targets), logits)
    assert torch.autograd.gradcheck(lambda given: loss(given, targets, weights=weights), logits)


@every
def test_nothing_known_costs_nothing_and_teaches_nothing(kind: str, loss: ClassLoss) -> None:
    logits = logits_of(kind).requires_grad_()
    value = loss(logits, torch.full((CASES, CLASSES), torch.nan), weights=torch.ones(CLASSES))
    value.backward()
    assert float(value.detach()) == 0.0
    assert logits.grad is not None and not logits.grad.any()


@every
def test_a_case_that_is_unknown_might_as_well_be_absent(kind: str, loss: ClassLoss) -> None:
    targets = targets_of(kind, unknown=True)
    present = [index for index in range(CASES) if index != 4]
    whole = loss(logits_of(kind), targets)
    assert float(whole) == pytest.approx(float(loss(logits_of(kind)[present], targets[present])), rel=1e-6)


@every
def test_surer_of_what_is_right_costs_less_and_a_perfect_answer_nothing(kind: str, loss: ClassLoss) -> None:
    targets = targets_of(kind)
    right = towards(loss, targets)
    costs = [float(loss(right * sureness, targets)) for sureness in (-4, -2, -1, 0, 1, 2, 2.9)]
    assert all(later < earlier for earlier, later in itertools.pairwise(costs))
    assert 0 <= float(loss(right * 40, targets)) < 1e-6


@every
def test_weights_of_one_change_nothing_and_others_do(kind: str, loss: ClassLoss) -> None:
    logits, targets = logits_of(kind), targets_of(kind)
    plain = float(loss(logits, targets))
    assert float(loss(logits, targets, weights=torch.ones(CLASSES))) == pytest.approx(plain, rel=1e-6)
    assert float(loss(logits, targets, weights=torch.tensor([1.0, 2.0, 5.0, 0.5]))) != pytest.approx(plain, rel=1e-3)


@pytest.mark.parametrize("loss", [*ONE.values(), *ORDERED.values()])
def test_a_weight_of_two_is_a_case_twice(loss: ClassLoss) -> None:
    kind = "ordered" if loss in ORDERED.values() else "one"
    logits, targets = logits_of(kind), targets_of(kind)
    twice = torch.cat([torch.arange(CASES), torch.nonzero(targets[:, 2])[:, 0]])
    weighted = loss(logits, targets, weights=torch.tensor([1.0, 1.0, 2.0, 1.0]))
    assert float(weighted) == pytest.approx(float(loss(logits[twice], targets[twice])), rel=1e-6)


def test_soft_targets__smoothed_and_unknown() -> None:
    targets = soft_targets(torch.tensor([1, -1, 255]), 4, smoothing=0.2)
    assert targets[0].tolist() == pytest.approx([0.05, 0.85, 0.05, 0.05])
    assert bool(targets[1:].isnan().all())


def test_cross_entropy__equals_torch() -> None:
    logits, codes = logits_of("one"), torch.arange(CASES) % CLASSES
    hard = functional.cross_entropy(logits, codes)
    weights = torch.tensor([1.0, 2.0, 5.0, 0.5])
    weighted = functional.cross_entropy(logits, codes, weights)
    smooth = functional.cross_entropy(logits, codes, label_smoothing=0.3)
    assert float(cross_entropy(logits, soft_targets(codes, CLASSES))) == pytest.approx(float(hard), rel=1e-6)
    assert float(cross_entropy(logits, soft_targets(codes, CLASSES), weights=weights)) == pytest.approx(
        float(weighted), rel=1e-6
    )
    assert float(cross_entropy(logits, soft_targets(codes, CLASSES, smoothing=0.3))) == pytest.approx(
        float(smooth), rel=1e-6
    )


def test_cross_entropy__mixup_is_the_mean_of_two_losses() -> None:
    logits, first, second = logits_of("one"), targets_of("one"), targets_of("one").roll(1, 0)
    mixed = float(cross_entropy(logits, 0.3 * first + 0.7 * second))
    apart = 0.3 * float(cross_entropy(logits, first)) + 0.7 * float(cross_entropy(logits, second))
    assert mixed == pytest.approx(apart, rel=1e-6)


def test_focal__equals_monai() -> None:
    losses = pytest.importorskip("monai.losses")
    logits, targets = logits_of("one"), targets_of("one")
    theirs = losses.FocalLoss(use_softmax=True, gamma=2.0)(logits, targets) * CLASSES  # a mean over entries there
    assert float(focal(logits, targets)) == pytest.approx(float(theirs), rel=1e-5)
    assert float(focal(logits, targets, gamma=0.0)) == pytest.approx(float(cross_entropy(logits, targets)), rel=1e-6)


def test_binary_cross_entropy__equals_torch() -> None:
    logits, targets = logits_of("several"), targets_of("several", soft=True)
    weights = torch.tensor([1.0, 2.0, 5.0, 0.5])
    theirs = functional.binary_cross_entropy_with_logits(logits, targets, pos_weight=weights)
    assert float(binary_cross_entropy(logits, targets, weights=weights)) == pytest.approx(float(theirs), rel=1e-6)


def test_binary_focal__equals_monai() -> None:
    losses = pytest.importorskip("monai.losses")
    logits, targets = logits_of("several"), targets_of("several")
    theirs = losses.FocalLoss(gamma=2.0)(logits, targets)
    assert float(binary_focal(logits, targets)) == pytest.approx(float(theirs), rel=1e-5)


def test_asymmetric__is_its_formula() -> None:
    logits, targets = logits_of("several"), targets_of("several")
    p = torch.sigmoid(logits).double().numpy()
    shifted = np.maximum(p - 0.05, 0)
    expected = -np.where(targets.numpy() == 1, np.log(p), shifted**4 * np.log(1 - shifted)).mean()
    assert float(asymmetric(logits, targets)) == pytest.approx(expected, rel=1e-5)


def test_asymmetric__an_absent_label_below_the_margin_is_silent() -> None:
    logits = torch.tensor([[-4.0, 1.0]]).requires_grad_()
    asymmetric(logits, torch.zeros(1, 2)).backward()
    assert float(logits.grad[0, 0]) == 0.0 and float(logits.grad[0, 1]) > 0.0


def test_corn__is_the_mean_over_conditional_subsets() -> None:
    logits, codes = logits_of("ordered"), np.arange(CASES) % CLASSES
    answers = torch.sigmoid(logits).double().numpy()
    total, asked = 0.0, 0
    for question in range(CLASSES - 1):
        for case in np.flatnonzero(codes >= question):
            above = codes[case] > question
            total -= np.log(answers[case, question] if above else 1 - answers[case, question])
            asked += 1
    mine = corn(logits, soft_targets(torch.from_numpy(codes), CLASSES))
    assert float(mine) == pytest.approx(total / asked, rel=1e-6)


def test_corn_probabilities__are_products_of_conditional_ones() -> None:
    answers = torch.tensor([[0.9, 0.5, 0.2]])
    expected = [0.1, 0.9 * 0.5, 0.9 * 0.5 * 0.8, 0.9 * 0.5 * 0.2]
    assert corn_probabilities(torch.logit(answers))[0].tolist() == pytest.approx(expected, rel=1e-5)


def test_cumulative_link__is_minus_the_log_of_differences_of_sigmoids() -> None:
    logits, codes = logits_of("ordered"), np.arange(CASES) % CLASSES
    given = logits.double().numpy()
    above = given[:, :1] - np.concatenate([np.zeros((CASES, 1)), np.log1p(np.exp(given[:, 1:])).cumsum(1)], axis=1)
    reached = np.concatenate([np.ones((CASES, 1)), 1 / (1 + np.exp(-above)), np.zeros((CASES, 1))], axis=1)
    probabilities = reached[:, :-1] - reached[:, 1:]
    assert np.allclose(cumulative_link_probabilities(logits).numpy(), probabilities, atol=1e-6)
    mine = cumulative_link(logits, soft_targets(torch.from_numpy(codes), CLASSES))
    assert float(mine) == pytest.approx(-np.log(probabilities[np.arange(CASES), codes]).mean(), rel=1e-5)


@pytest.mark.parametrize("loss", ORDERED.values(), ids=ORDERED)
@pytest.mark.parametrize("scale", [0.0, 1.0, 1e4])
def test_ordered_probabilities__sum_to_one_in_each_row(loss: ClassLoss, scale: float) -> None:
    found = PROBABILITIES[loss](scale * logits_of("ordered", dtype=torch.bfloat16, cases=50))
    assert found.dtype == torch.float32 and found.shape == (50, CLASSES)
    assert bool((found >= 0).all()) and torch.allclose(found.sum(1), torch.ones(50), atol=1e-5)


@pytest.mark.parametrize("loss", ORDERED.values(), ids=ORDERED)
def test_ordered__two_classes_are_binary_cross_entropy(loss: ClassLoss) -> None:
    logits = torch.tensor([[0.3], [-1.2], [2.0]])
    targets = soft_targets(torch.tensor([1, 0, 0]), 2)
    expected = functional.binary_cross_entropy_with_logits(logits, targets[:, 1:])
    assert float(loss(logits, targets)) == pytest.approx(float(expected), rel=1e-6)
    assert torch.allclose(PROBABILITIES[loss](logits)[:, 1:], logits.sigmoid())


@pytest.mark.parametrize("loss", ORDERED.values(), ids=ORDERED)
def test_ordered__learns_the_shares_of_classes(loss: ClassLoss) -> None:
    """Free outputs that minimise the loss give the classes' own frequencies: the loss is a proper one."""
    shares = torch.tensor([[0.5, 0.1, 0.3, 0.1]])
    logits = torch.zeros(1, CLASSES - 1, requires_grad=True)
    optimizer = torch.optim.LBFGS([logits], max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        value = loss(logits, shares)
        value.backward()
        return value

    optimizer.step(closure)
    assert torch.allclose(PROBABILITIES[loss](logits.detach()), shares, atol=1e-3)

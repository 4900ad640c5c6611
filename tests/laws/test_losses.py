"""What holds for every loss of masks: finite whatever comes, blind to what is ignored, lower for a better answer."""

import itertools
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from fakes import task
from scanwright.problem.segmentation import Segmentation
from scanwright.protocols import IGNORE
from scanwright.training.losses import dense
from scanwright.training.losses.masks import EXCLUSIVE, OVERLAPPING, ExclusiveLoss, OverlappingLoss
from scanwright.training.losses.precision import single

CLASSES = 3
SIZE = (4, 5, 6)
Loss = Callable[[Tensor, Tensor], Tensor]


def parts(codes: Tensor) -> tuple[Tensor, Tensor]:
    """Codes as 0 and 1 of each class, and the mask of what counts."""
    one_hot, mask = dense.exclusive_parts(codes, CLASSES, ignore=IGNORE)
    return (one_hot * mask).float(), mask.float()


def exclusive(loss: ExclusiveLoss) -> Loss:
    return lambda logits, codes: loss(logits, codes, ignore=IGNORE)


def weighted(loss: ExclusiveLoss) -> Loss:
    return lambda logits, codes: loss(
        logits, codes, ignore=IGNORE, weights=torch.tensor([1.0, 3.0, 9.0]).to(single(logits).dtype)
    )


def overlapping(loss: OverlappingLoss) -> Loss:
    return lambda logits, codes: loss(logits, *parts(codes))


LOSSES: dict[str, Loss] = {
    "soft_dice": lambda logits, codes: dense.soft_dice(single(logits).softmax(1), *parts(codes)),
    "weighted cross_entropy": lambda logits, codes: weighted(dense.cross_entropy)(single(logits), codes),
    "segmentation": lambda logits, codes: Segmentation(task(CLASSES - 1, ignore=9)).loss([logits], codes),
    "nested segmentation": lambda logits, codes: Segmentation(task(CLASSES, nested=True, ignore=9)).loss(
        [logits], codes
    ),
    **{f"exclusive {name}": exclusive(loss) for name, loss in EXCLUSIVE.items()},
    **{f"weighted {name}": weighted(loss) for name, loss in EXCLUSIVE.items()},
    **{f"overlapping {name}": overlapping(loss) for name, loss in OVERLAPPING.items()},
}
every = pytest.mark.parametrize("name", LOSSES)
every_of_classes = pytest.mark.parametrize("name", [name for name in LOSSES if name != "nested segmentation"])


def logits_of(scale: float = 1.0, *, dtype: torch.dtype = torch.float32) -> Tensor:
    drawn = torch.randn((2, CLASSES, *SIZE), generator=torch.Generator().manual_seed(0))
    return (scale * drawn).to(dtype).requires_grad_()


def codes_of() -> Tensor:
    return torch.randint(0, CLASSES, (2, *SIZE), generator=torch.Generator().manual_seed(1))


def gradient(name: str, logits: Tensor, codes: Tensor) -> Tensor:
    value = LOSSES[name](logits, codes)
    assert value.shape == () and bool(torch.isfinite(value))
    value.backward()
    assert logits.grad is not None
    return logits.grad


@every
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("scale", [0.0, 1.0, 1e4])
def test_value_and_gradient_are_finite(name: str, scale: float, dtype: torch.dtype) -> None:
    assert bool(torch.isfinite(gradient(name, logits_of(scale, dtype=dtype), codes_of())).all())


@every
def test_the_gradient_is_that_of_finite_differences(name: str) -> None:
    generator = torch.Generator().manual_seed(2)
    logits = torch.randn((2, CLASSES, 2, 3, 3), generator=generator, dtype=torch.float64).requires_grad_()
    codes = torch.randint(0, CLASSES, (2, 2, 3, 3), generator=generator)
    codes[0, 0, 0] = IGNORE
    assert torch.autograd.gradcheck(lambda given: LOSSES[name](given, codes), logits)


@every
def test_bfloat16_logits_are_computed_in_float32(name: str) -> None:
    rounded = logits_of(3.0, dtype=torch.bfloat16).detach()
    value = LOSSES[name](rounded, codes_of())
    assert value.dtype == torch.float32
    assert float(value) == float(LOSSES[name](rounded.float(), codes_of()))


@every
def test_with_everything_ignored_there_is_nothing_to_learn(name: str) -> None:
    logits = logits_of()
    assert not gradient(name, logits, torch.full_like(codes_of(), IGNORE)).any()
    assert float(LOSSES[name](logits, torch.full_like(codes_of(), IGNORE)).detach()) == pytest.approx(0, abs=1e-4)


@every
def test_ignored_voxels_change_neither_value_nor_gradient(name: str) -> None:
    codes = codes_of()
    codes[:, :2] = IGNORE
    other = logits_of().detach().clone()
    other[:, :, :2] = 7.0
    first, second = logits_of(), other.requires_grad_()
    assert float(LOSSES[name](first, codes).detach()) == pytest.approx(
        float(LOSSES[name](second, codes).detach()), rel=1e-5
    )
    assert torch.allclose(gradient(name, first, codes), gradient(name, second, codes), atol=1e-6)
    assert first.grad is not None and not first.grad[:, :, :2].any()


@every
def test_only_background_is_no_trouble(name: str) -> None:
    assert bool(torch.isfinite(gradient(name, logits_of(), torch.zeros_like(codes_of()))).all())


@every
def test_a_step_down_the_gradient_lowers_it(name: str) -> None:
    logits, codes = logits_of(), codes_of()
    slope = gradient(name, logits, codes)
    before = float(LOSSES[name](logits.detach(), codes))
    assert float(LOSSES[name](logits.detach() - slope / slope.norm() * 0.1, codes)) < before


@every_of_classes
def test_surer_of_what_is_right_costs_less_and_a_perfect_answer_nothing(name: str) -> None:
    right = parts(codes_of())[0] * 2 - 1
    costs = [float(LOSSES[name](right * sureness, codes_of())) for sureness in (-4, -2, -1, 0, 1, 2, 4)]
    assert all(later < earlier for earlier, later in itertools.pairwise(costs))
    assert 0 <= float(LOSSES[name](right * 40, codes_of())) + 1e-6 < 1e-4


@every
def test_which_voxel_comes_first_does_not_matter(name: str) -> None:
    logits, codes = logits_of().detach(), codes_of()
    turned = LOSSES[name](logits.flip(2).transpose(3, 4), codes.flip(1).transpose(2, 3))
    assert float(turned) == pytest.approx(float(LOSSES[name](logits, codes)), rel=1e-5)

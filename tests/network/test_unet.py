import pytest
import torch

from scanwright.network.build import build
from scanwright.plan import rules
from scanwright.plan.plan import NetworkPlan

Shape = tuple[int, int, int]


def drawn(
    patch: Shape, *, spacing: tuple[float, float, float] = (1, 1, 1), fold: Shape = (1, 1, 1), **changes: object
) -> NetworkPlan:
    dims = 2 if patch[0] == 1 else 3
    plan = rules.network(patch, spacing, dims=dims, base=4, fold=fold, channels=2, outputs=3)  # type: ignore[arg-type]
    return NetworkPlan.model_validate(plan.model_dump() | changes)


def noise(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("patch", "options"),
    [
        ((16, 16, 16), {}),
        ((8, 32, 16), {"spacing": (5.0, 1.0, 1.0)}),
        ((16, 16, 16), {"fold": (2, 2, 2)}),
        ((8, 32, 16), {"spacing": (5.0, 1.0, 1.0), "fold": (1, 2, 2)}),
        ((1, 32, 64), {}),
        ((1, 32, 64), {"fold": (1, 2, 2)}),
        ((16, 16, 16), {"residual": True}),
        ((4, 4, 4), {}),
        ((1, 4, 4), {}),
    ],
)
def test_forward__one_answer_the_size_of_the_image(patch: Shape, options: dict[str, object]) -> None:
    network = build(drawn(patch, **options))  # type: ignore[arg-type]
    for training in (True, False):
        (logits,) = network.train(training)(noise(2, 2, *patch))
        assert logits.shape == (2, 3, *patch)


def test_forward__any_size_that_the_strides_divide() -> None:
    network = build(drawn((8, 32, 16), spacing=(5.0, 1.0, 1.0)))
    assert network(noise(1, 2, 2, 64, 32))[0].shape == (1, 3, 2, 64, 32)


@pytest.mark.parametrize("fold", [(1, 1, 1), (2, 2, 2)])
def test_forward__deep_supervision_gives_coarser_answers_while_training_only(fold: Shape) -> None:
    plan = drawn((32, 32, 32), fold=fold, deep_supervision=True)
    network = build(plan)
    sizes = [tuple(logits.shape[2:]) for logits in network.train()(noise(1, 2, 32, 32, 32))]
    assert sizes == [(32, 32, 32), (16, 16, 16), (8, 8, 8)][: len(plan.strides) - 1]
    assert [tuple(logits.shape[2:]) for logits in network.eval()(noise(1, 2, 32, 32, 32))] == [(32, 32, 32)]


def test_forward__deep_supervision_of_a_single_level_is_one_answer() -> None:
    network = build(drawn((4, 4, 4), deep_supervision=True)).train()
    assert [logits.shape for logits in network(noise(1, 2, 4, 4, 4))] == [(1, 3, 4, 4, 4)]


def test_forward__slices_of_a_2d_network_do_not_know_of_each_other() -> None:
    network = build(drawn((1, 16, 16))).eval()
    stack = noise(2, 2, 5, 16, 16)
    together = network(stack)[0]
    assert together.shape == (2, 3, 5, 16, 16)
    for sample in range(2):
        for index in range(5):
            alone = network(stack[sample : sample + 1, :, index : index + 1])[0]
            assert torch.allclose(alone, together[sample : sample + 1, :, index : index + 1], atol=1e-5)


def test_forward__thick_slices_do_not_mix_at_the_first_level() -> None:
    plan = drawn((8, 32, 32), spacing=(5.0, 1.0, 1.0))
    assert plan.kernels[0] == (1, 3, 3) and plan.strides[1] == (1, 2, 2)
    first = build(plan).encoder[0]
    image = noise(1, 2, 8, 32, 32).requires_grad_()
    first.convolutions[0](image)[:, :, 3].sum().backward()  # type: ignore[operator,union-attr]
    touched = image.grad.abs().sum(dim=(0, 1, 3, 4)) > 0  # type: ignore[union-attr]
    assert touched.tolist() == [index == 3 for index in range(8)]


def test_build__same_seed_same_weights_whatever_was_drawn_before() -> None:
    plan = drawn((16, 16, 16))
    first = build(plan, seed=3).state_dict()
    torch.manual_seed(99)
    before = torch.random.get_rng_state()
    second, other = build(plan, seed=3).state_dict(), build(plan, seed=4).state_dict()
    assert torch.equal(torch.random.get_rng_state(), before), (
        "the program's own random numbers go on as if nothing were"
    )
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["encoder.0.convolutions.0.weight"], other["encoder.0.convolutions.0.weight"])


@pytest.mark.parametrize("deep", [False, True])
def test_forward__every_weight_gets_a_gradient(deep: bool) -> None:
    network = build(drawn((16, 16, 16), deep_supervision=deep)).train()
    sum(logits.square().mean() for logits in network(noise(1, 2, 16, 16, 16))).backward()
    assert [name for name, weight in network.named_parameters() if weight.grad is None] == []

import pytest
import torch

from encoder_plans import CONVOLUTIONAL, FAMILIES, encoder_plan, noise
from scanwright.errors import InputError
from scanwright.network.build import build, num_parameters
from scanwright.plan.encoder_plan import EncoderPlan

JOINS = [
    {"join": "mean"},
    {"join": "attention", "hidden": 6},
    {"join": "gru", "hidden": 6},
    {"join": "lstm", "hidden": 6, "bidirectional": True},
]
WAYS = [(family, 2, join) for family in FAMILIES for join in JOINS] + [(family, 3, {}) for family in FAMILIES]


@pytest.mark.parametrize("depth", [1, 5])
@pytest.mark.parametrize(("family", "dims", "join"), WAYS)
def test_forward__one_answer_an_image(family: str, dims: int, join: dict[str, object], depth: int) -> None:
    network = build(encoder_plan(family, dims, **join))
    image = noise(2, 2, depth if dims == 2 else 8, 8, 8)
    for training in (True, False):
        answers = network.train(training)(image)
        assert [answer.shape for answer in answers] == [(2, 3)]
    assert network.features(image).shape == (2, network.num_features)


@pytest.mark.parametrize("family", CONVOLUTIONAL)
@pytest.mark.parametrize("dims", [2, 3])
def test_forward__any_size_from_the_stride_up(family: str, dims: int) -> None:
    plan = encoder_plan(family, dims)
    network = build(plan)
    assert plan.stride == ((1 if dims == 2 else 4), 4, 4)
    for shape in [plan.stride, (5, 6, 7), (4, 9, 4), (6, 17, 31)]:
        assert network(noise(1, 2, *shape))[0].isfinite().all(), shape


@pytest.mark.parametrize(("dims", "size"), [(2, (1, 8, 12)), (2, (1, 4, 4)), (3, (8, 8, 4)), (3, (16, 16, 16))])
def test_forward__a_vit_refuses_another_size(dims: int, size: tuple[int, int, int]) -> None:
    with pytest.raises(InputError, match="images of one size"):
        build(encoder_plan("vit", dims))(noise(1, 2, *size))


@pytest.mark.parametrize("depth", [3])
@pytest.mark.parametrize(("family", "dims", "join"), WAYS)
def test_forward__every_weight_gets_a_gradient(family: str, dims: int, join: dict[str, object], depth: int) -> None:
    network = build(encoder_plan(family, dims, **join)).train()
    network(noise(4, 2, depth if dims == 2 else 8, 8, 8))[0].square().sum().backward()
    still = [name for name, weight in network.named_parameters() if weight.grad is None or not weight.grad.any()]
    assert still == []


@pytest.mark.parametrize(("family", "dims", "join"), WAYS)
def test_forward__bfloat16_comes_near_and_learns(family: str, dims: int, join: dict[str, object]) -> None:
    network = build(encoder_plan(family, dims, **join)).train()
    image = noise(4, 2, 8, 8, 8)
    exact = network(image)[0].detach()
    with torch.autocast("cpu", torch.bfloat16):
        answer = network(image)[0]
    answer.float().square().sum().backward()
    assert torch.allclose(answer.detach().float(), exact, atol=0.05 * float(exact.abs().max()))
    assert all(weight.grad is not None and weight.grad.isfinite().all() for weight in network.parameters())


@pytest.mark.parametrize("family", FAMILIES)
def test_forward__cases_of_a_batch_do_not_know_of_each_other(family: str) -> None:
    network = build(encoder_plan(family, join="gru", hidden=6)).eval()
    images = noise(3, 2, 4, 8, 8)
    together = network(images)[0]
    for index in range(3):
        assert torch.allclose(network(images[index : index + 1])[0][0], together[index], atol=1e-5)


@pytest.mark.parametrize(("join", "ordered"), list(zip(JOINS, [False, False, True, True], strict=True)))
def test_forward__the_order_of_slices_matters_to_a_recurrent_network_only(
    join: dict[str, object], ordered: bool
) -> None:
    network = build(encoder_plan(**join)).eval().requires_grad_(requires_grad=False)
    images = noise(2, 2, 6, 8, 8)
    shuffled = images[:, :, [3, 0, 5, 1, 4, 2]]
    difference = float((network(images)[0] - network(shuffled)[0]).abs().max())
    assert difference > 1e-4 if ordered else difference < 1e-5


@pytest.mark.parametrize("join", JOINS)
def test_features__of_a_single_slice_are_the_slice_s_own(join: dict[str, object]) -> None:
    network = build(encoder_plan(**join)).eval()
    image = noise(2, 2, 1, 8, 8)
    assert torch.allclose(network.features(image), network.feature_map(image).mean((2, 3, 4)), atol=1e-6)


@pytest.mark.parametrize(("family", "dims"), [(family, dims) for family in FAMILIES for dims in (2, 3)])
def test_feature_map__is_coarse_in_space_and_leads_to_the_answer(family: str, dims: int) -> None:
    network = build(encoder_plan(family, dims)).eval()
    image = noise(2, 2, 3 if dims == 2 else 8, 8, 8)
    places = network.feature_map(image)
    assert places.shape == (2, network.num_features, 3 if dims == 2 else 2, 2, 2)
    assert torch.equal(network.answer(places), network(image)[0])
    assert torch.allclose(network.head(network.features(image)), network(image)[0], atol=1e-6)


def test_feature_map__slices_stay_in_their_place() -> None:
    network = build(encoder_plan()).eval()
    image = noise(2, 2, 4, 8, 8)
    places = network.feature_map(image)
    alone = network.feature_map(image[1:, :, 2:3])
    assert torch.allclose(alone[0, :, 0], places[1, :, 2], atol=1e-5)


def test_slice_weights__sum_to_one_and_exist_for_attention_only() -> None:
    image = noise(2, 2, 5, 8, 8)
    weights = build(encoder_plan(join="attention", hidden=6)).eval().slice_weights(image)
    assert weights is not None and weights.shape == (2, 5) and torch.allclose(weights.sum(1), torch.ones(2))
    assert build(encoder_plan()).slice_weights(image) is None


@pytest.mark.parametrize(("family", "dims"), [(family, dims) for family in FAMILIES for dims in (2, 3)])
def test_build__same_seed_same_weights_whatever_was_drawn_before(family: str, dims: int) -> None:
    plan = encoder_plan(family, dims, **({"join": "lstm", "hidden": 5} if dims == 2 else {}))
    first = build(plan, seed=3).state_dict()
    torch.rand(5)
    second, other = build(plan, seed=3).state_dict(), build(plan, seed=4).state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["head.weight"], other["head.weight"])


def test_num_parameters__of_a_residual_network_by_hand() -> None:
    plan = encoder_plan(join="gru", hidden=5, out_channels=2)
    stem = 9 * 2 * 8 + 2 * 8
    first = 2 * (9 * 8 * 8) + 4 * 8
    second = 9 * 8 * 16 + 9 * 16 * 16 + 4 * 16 + 8 * 16  # with the shortcut
    third = 2 * (9 * 16 * 16) + 4 * 16
    join = 3 * 5 * (16 + 5) + 2 * 3 * 5 + (2 * 5 * 16 + 16)
    head = 16 * 2 + 2
    assert num_parameters(build(plan)) == stem + first + second + third + join + head


def test_num_parameters__of_a_transformer_by_hand() -> None:
    plan = encoder_plan("vit", 3, out_channels=2)
    embed, position = 64 * 2 * 16 + 16, 8 * 16
    block = (16 * 48 + 48) + (16 * 16 + 16) + (16 * 64 + 64) + (64 * 16 + 16) + 4 * 16
    assert num_parameters(build(plan)) == embed + position + 2 * block + 2 * 16 + (16 * 2 + 2)


def stripes(count: int, *, dims: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Stripes along H against stripes along W, in noise: (N, 1, D, 8, 8) and the class of each."""
    wave = torch.tensor([1.0, 1.0, -1.0, -1.0]).repeat(2)
    answers = torch.arange(count) % 2
    along = torch.where(answers.view(-1, 1, 1) == 1, wave.view(1, 8, 1), wave.view(1, 1, 8))
    depth = 1 if dims == 2 else 8
    return along[:, None, None].expand(count, 1, depth, 8, 8) + 0.3 * noise(count, 1, depth, 8, 8), answers


@pytest.mark.parametrize(("family", "dims"), [(family, dims) for family in FAMILIES for dims in (2, 3)])
def test_learning__each_family_tells_two_patterns_apart(family: str, dims: int) -> None:
    images, answers = stripes(32, dims=dims)
    network = fitted(encoder_plan(family, dims, in_channels=1, out_channels=2), images[:16], answers[:16])
    right = (network(images[16:])[0].argmax(1) == answers[16:]).float().mean()
    assert right >= 0.9


@pytest.mark.parametrize("join", JOINS[2:])
def test_learning__a_recurrent_network_learns_what_only_the_order_tells(join: dict[str, object]) -> None:
    """Two patterns, one in the first two frames and the other in the last two: which comes first is the class."""
    frames, _ = stripes(2 * 32, dims=2)  # along W, along H, along W, ...
    pairs = frames.reshape(32, 2, 1, 8, 8).repeat_interleave(2, dim=1).transpose(1, 2)  # (N, 1, 4, 8, 8)
    answers = torch.arange(32) % 2
    images = torch.where(answers.view(-1, 1, 1, 1, 1) == 1, pairs.flip(2), pairs)

    def right(**changes: object) -> float:
        plan = encoder_plan(in_channels=1, out_channels=2, **changes)
        found = fitted(plan, images[:16], answers[:16])(images[16:])[0].argmax(1)
        return float((found == answers[16:]).float().mean())

    assert right(**join | {"hidden": 16}) >= 0.9
    assert right() <= 0.75


def fitted(plan: EncoderPlan, images: torch.Tensor, answers: torch.Tensor) -> torch.nn.Module:
    network = build(plan).train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=5e-3)
    for _ in range(40):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(network(images)[0], answers).backward()
        optimizer.step()
    return network.eval()

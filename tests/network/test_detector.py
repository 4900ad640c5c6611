"""The detector: how many places it looks at, where they lie, and that coarse and fine maps fit together."""

import pytest
import torch

from scanwright.errors import IntegrityError
from scanwright.network.build import build
from scanwright.network.detector import PLACES
from scanwright.plan.detector_plan import DetectorPlan
from scanwright.plan.plan import NetworkPlan, Plan


def plan(dims=2, **other):
    flat = dims == 2
    half, kernel = ([1, 2, 2], [1, 3, 3]) if flat else ([2, 2, 2], [3, 3, 3])
    values = {
        "family": "resnet",
        "dims": dims,
        "in_channels": 2,
        "out_channels": 3,
        "widths": [4, 8, 8, 16],
        "strides": [half] * 4,
        "kernels": [kernel] * 4,
        "blocks": [1] * 4,
        "levels": [1, 2],
        "neck": 8,
    }
    return DetectorPlan.model_validate(values | other)


@pytest.mark.parametrize("family", ["resnet", "densenet", "convnext", "efficientnet"])
@pytest.mark.parametrize(("dims", "shape"), [(2, (1, 40, 56)), (3, (24, 32, 40))])
def test_detector__every_family_answers_at_every_place(family, dims, shape):
    made = plan(dims, family=family, **({"growth": 4} if family == "densenet" else {}))
    network = build(made).eval()
    (found,) = network(torch.randn(2, 2, *shape))
    assert found.shape == (2, made.num_points(shape), 3 + PLACES) and found.dtype == torch.float32
    start, end, middle = found[..., 3:6], found[..., 6:9], found[..., 9:]
    assert bool((start < middle).all()) and bool((middle < end).all())  # every box holds its own place
    assert bool((middle > 0).all()) and bool((middle <= torch.tensor(shape) + torch.tensor(made.stride)).all())


def test_detector__places_are_the_middles_of_cells():
    (found,) = build(plan()).eval()(torch.zeros(1, 2, 1, 16, 24))
    middles = found[0, :, -3:]
    fine = middles[: 4 * 6].reshape(4, 6, 3)
    assert torch.equal(fine[:, 0, 1], torch.tensor([2.0, 6, 10, 14])) and torch.equal(
        fine[0, :, 2], torch.arange(2.0, 24, 4)
    )
    coarse = middles[4 * 6 :].reshape(2, 3, 3)
    assert torch.equal(coarse[0, :, 2], torch.tensor([4.0, 12, 20]))
    assert bool((found[0, :, 3] == 0).all()) and bool((found[0, :, 6] == 1).all())  # through the one slice


def test_detector__odd_sizes_are_looked_at_to_their_end():
    made = plan()
    (found,) = build(made).eval()(torch.zeros(1, 2, 1, 45, 37))
    assert found.shape[1] == made.num_points((1, 45, 37)) == 12 * 10 + 6 * 5


def test_detector__slices_are_searched_one_by_one():
    network = build(plan()).eval()
    image = torch.randn(1, 2, 3, 16, 16)
    (whole,) = network(image)
    (middle,) = network(image[:, :, 1:2])
    cells = [16, 4]
    fine = whole[0, : 3 * cells[0]].reshape(3, cells[0], -1)
    assert torch.allclose(fine[1, :, :3], middle[0, : cells[0], :3], atol=1e-5)
    assert bool((fine[2, :, 3] == 2).all()) and bool((fine[2, :, 6] == 3).all()) and bool((fine[2, :, 9] == 2.5).all())


def test_detector__begins_sure_of_nothing_and_learns_in_every_part():
    network = build(plan()).train()
    (found,) = network(torch.randn(2, 2, 1, 32, 32))
    assert float(found[..., :3].detach().sigmoid().mean()) < 0.05
    found[..., : 3 + 6].sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"levels": [2, 1]}, "from fine to coarse"),
        ({"levels": [4]}, "levels are stages from 0 to 3"),
        ({"growth": 4}, "needs growth"),
        ({"widths": [4, 8]}, "one entry a stage"),
        ({"strides": [[2, 2, 2]] * 4}, "in 2 dimensions"),
    ],
)
def test_plan__what_is_no_detector_is_refused(values, said):
    with pytest.raises(ValueError, match=said):
        plan(**values)


def test_plan__is_told_from_other_networks_by_its_levels():
    field = Plan.model_fields["network"]
    from pydantic import TypeAdapter

    adapter = TypeAdapter(field.rebuild_annotation())
    assert isinstance(adapter.validate_python(plan().model_dump(mode="json")), DetectorPlan)
    assert not isinstance(plan(), NetworkPlan) and issubclass(IntegrityError, Exception)

import pytest
from torch import nn

from scanwright.network.build import build, num_parameters
from scanwright.plan import rules


def test_num_parameters__of_a_network_by_hand() -> None:
    """Two levels of one convolution, widths 4 and 8, 2 channels in, 3 out, 3-D."""
    plan = rules.network((8, 8, 8), (1, 1, 1), dims=3, base=4, fold=(1, 1, 1), channels=2, outputs=3)
    assert plan.widths == (4, 8)
    network = build(plan.model_copy(update={"blocks": 1}))
    convolutions = 27 * 2 * 4 + 27 * 4 * 8 + 8 * 8 * 4 + 27 * 8 * 4
    norms, head = 2 * (4 + 8 + 4), 4 * 3 + 3
    assert num_parameters(network) == convolutions + norms + head


@pytest.mark.parametrize("frozen", [0, 1])
def test_num_parameters__counts_what_is_trained(frozen: int) -> None:
    layer = nn.Linear(3, 2)
    layer.bias.requires_grad_(requires_grad=not frozen)
    assert num_parameters(layer) == 8 - 2 * frozen

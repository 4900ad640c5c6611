"""How a model of what is normal is planned."""

import pytest
from pydantic import ValidationError

from normal_samples import plan
from scanwright.plan.normal_plan import features_each
from scanwright.plan.normals import PER_FEATURE, choose_block
from scanwright.plan.plan import _kind_of_network


def test_block__as_few_cells_as_make_enough_samples():
    assert choose_block(1000, 18, axes=2).value == 1
    assert choose_block(40, 18, axes=2).value == 4  # 40 x 4 are under 180, 40 x 16 are not
    assert choose_block(40, 21, axes=3).value == 2  # 40 x 8 = 320
    for cases in (10, 33, 200):
        block = choose_block(cases, 54, axes=3).value
        assert cases * block**3 >= PER_FEATURE * 54


def test_plan__counts_what_it_holds():
    flat = plan(size=(1, 32, 30), cell=4, block=3)
    assert (flat.steps, flat.cells, flat.blocks) == ((1, 4, 4), (1, 8, 8), (1, 3, 3))
    assert flat.features == features_each((1, 32, 30)) * 2 == 12
    assert flat.values_held == 12 * 64 + 144 * 9


def test_plan__is_told_apart_from_other_networks():
    assert _kind_of_network(plan().model_dump()) == "normal"


@pytest.mark.parametrize("wrong", [{"shrink": 0.0}, {"false_alarms": 1.0}, {"scales": ()}, {"scales": (0.0,)}])
def test_plan__refuses_what_cannot_be(wrong):
    with pytest.raises(ValidationError):
        plan(**wrong)

"""What the parts of a label are called in a sentence."""

import pytest

from made_folders import made_task
from scanwright.gate.labels.view import part_names


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ({"liver": (1,), "tumour": (2,)}, ("liver", "tumour")),
        ({"lung": (1, 3), "nodule": (2, 3)}, ("lung alone", "nodule alone", "lung with nodule")),
        ({"whole": (1, 2), "core": (2,)}, ("whole alone", "core")),
        ({"either": (1, 2), "other": (3,)}, ("label 1", "label 2", "other")),
    ],
)
def test_part_names__regions_that_hold_the_value(values, names):
    assert part_names(made_task(values=values)) == names

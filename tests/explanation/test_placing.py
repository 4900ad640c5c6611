from itertools import permutations, product

import numpy as np

from scanwright.explanation.placing import on_case_grid
from scanwright.geometry.grid import Grid
from scanwright.geometry.orientation import Reorientation
from scanwright.transform.preprocess import Placement

GRID = Grid.from_spacing((12, 10, 8), (1.0, 1.5, 3.0))


def placed(turn: Reorientation, *, start: tuple[int, int, int], shape: tuple[int, int, int]) -> Placement:
    stop = tuple(length - 1 for length in turn.shape(GRID.shape))
    return Placement(GRID, turn, start, (stop[0], stop[1], stop[2]), shape)


def test_on_case_grid__every_axis_order_brings_a_point_back_to_its_place() -> None:
    for order, flip in product(permutations(range(3)), product((False, True), repeat=3)):
        turn = Reorientation((order[0], order[1], order[2]), flip)
        case = np.zeros(GRID.shape, np.float32)
        case[5, 4, 3] = 1.0
        inside = turn.apply(case)[1:-1, 1:-1, 1:-1]
        found = on_case_grid(inside, placed(turn, start=(1, 1, 1), shape=inside.shape))
        assert found.dtype == np.float32 and np.array_equal(found, case)


def test_on_case_grid__a_coarse_map_is_linear_inside_the_box_and_nothing_outside() -> None:
    turn = Reorientation((2, 1, 0))
    place = placed(turn, start=(1, 2, 3), shape=(3, 4, 4))
    ramp = np.broadcast_to(np.arange(4, dtype=np.float32), (3, 4, 4))
    found = on_case_grid(ramp, place)
    box = found[3:11, 2:9, 1:7]  # columns of the network are the case's first axis
    expected = ((np.arange(8) + 0.5) * 4 / 8 - 0.5).clip(0, 3)
    assert np.allclose(box, expected[:, None, None], atol=1e-6)
    found[3:11, 2:9, 1:7] = 0
    assert not found.any()

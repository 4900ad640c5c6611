import numpy as np
import pytest
import torch

from fakes import Echo, plan, task
from scanwright.geometry.grid import Grid
from scanwright.geometry.orientation import Reorientation
from scanwright.inference.predict import Engine, last_complete_row, mirrored_axes, predict_labels, probability_slabs
from scanwright.inference.windows import plan_axis
from scanwright.problem.segmentation import Segmentation
from scanwright.transform.preprocess import Placement

CPU = torch.device("cpu")


def labels_of(shape: tuple[int, int, int], *, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 3, shape).astype(np.uint8)


def identity(shape: tuple[int, int, int], network_shape: tuple[int, int, int] | None = None) -> Placement:
    grid = Grid.from_spacing(shape, (1.0, 1.0, 1.0))
    return Placement(grid, Reorientation((0, 1, 2)), (0, 0, 0), shape, network_shape or shape)


def engine(**changes: object) -> Engine:
    return Engine([Echo(3)], plan(**changes), Segmentation(task(2)), CPU)


@pytest.mark.parametrize("shape", [(30, 41, 19), (8, 16, 16), (3, 5, 40), (9, 17, 33)])
@pytest.mark.parametrize("half", [False, True])
def test_predict_labels__what_the_network_says_comes_back_voxel_for_voxel(
    shape: tuple[int, int, int], half: bool
) -> None:
    labels = labels_of(shape)
    made = Engine([Echo(3)], plan(), Segmentation(task(2)), CPU, half=half)
    assert np.array_equal(predict_labels(made, labels[None].astype(np.float32), identity(shape)), labels)


def test_predict_labels__resampled_answer_equals_resampling_the_whole() -> None:
    from scanwright.geometry.resample import resize

    shape, fine = (20, 18, 22), (33, 40, 31)
    image = np.kron(labels_of((5, 6, 11)), np.ones((4, 3, 2)))[None].astype(np.float32)
    made = engine()
    whole = np.concatenate(list(slab.copy() for slab in probability_slabs(made, image)), axis=1)
    assert whole.shape == (3, *shape)
    expected = resize(whole, fine, order=1).argmax(axis=0)
    answer = predict_labels(made, image, identity(fine, shape))
    assert (answer == expected).mean() > 0.9999


def test_predict_labels__two_dimensional_slices() -> None:
    labels = labels_of((1, 40, 52))
    made = engine(patch=(1, 16, 32))
    assert np.array_equal(predict_labels(made, labels[None].astype(np.float32), identity((1, 40, 52))), labels)


def test_probability_slabs__sum_to_one_everywhere() -> None:
    image = labels_of((21, 30, 17))[None].astype(np.float32)
    total = np.concatenate([slab.sum(axis=0) for slab in probability_slabs(engine(), image)])
    assert total.shape == (21, 30, 17)
    assert np.abs(total - 1).max() < 1e-5


def test_windows__mirrored_views_agree_for_a_pointwise_network() -> None:
    image = torch.from_numpy(labels_of((8, 16, 16))[None, None].astype(np.float32))
    made = engine()
    mirrored = made.plan.model_copy(
        update={"inference": made.plan.inference.model_copy(update={"mirror": (False, True, True)})}
    )
    views = Engine(made.networks, mirrored, made.problem, CPU)
    assert torch.allclose(views.windows(image), made.windows(image), atol=1e-6)


def test_mirrored_axes__all_combinations() -> None:
    assert mirrored_axes((True, False, True)) == [(), (2,), (4,), (2, 4)]


def test_plan_axis__covers_every_voxel_and_ends_at_the_border() -> None:
    axis = plan_axis(50, 16, step_share=0.5)
    assert axis.starts[0] == 0 and axis.starts[-1] == 34
    assert max(np.diff(axis.starts)) <= 8
    assert axis.total.min() > 0


@pytest.mark.parametrize(("size", "length"), [(10, 10), (10, 23), (23, 10), (1, 7)])
def test_last_complete_row__is_what_interpolation_can_reach(size: int, length: int) -> None:
    from scanwright.geometry.slabs import rows_reached

    for done in range(1, size + 1):
        rows = last_complete_row(size, length, done)
        assert all(rows_reached(size, length, row, row + 1)[1] <= done for row in range(rows))
        assert rows == length or rows_reached(size, length, rows, rows + 1)[1] > done

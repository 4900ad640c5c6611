import itertools

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from fakes import Echo, plan, task
from scanwright.geometry.grid import Grid
from scanwright.geometry.orientation import Reorientation
from scanwright.geometry.resample import resize
from scanwright.inference.predict import (
    Engine,
    answers,
    mirrored_axes,
    pad_to_patch,
    predict_labels,
    probability_blocks,
)
from scanwright.inference.windows import plan_axis, plan_windows
from scanwright.problem.segmentation import Segmentation
from scanwright.transform.preprocess import Placement
from scanwright.types import Shape3

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


def whole_of(made: Engine, image: np.ndarray) -> np.ndarray:
    """Probabilities (K, D, H, W) put together from their blocks."""
    whole = np.full((made.problem.outputs, *image.shape[1:]), np.nan)
    for block in probability_blocks(made, image):
        rows, lines = block.values.shape[1:3]
        whole[:, block.row : block.row + rows, block.line : block.line + lines] = block.values
    return whole


def test_predict_labels__resampled_answer_equals_resampling_the_whole() -> None:
    shape, fine = (20, 18, 22), (33, 40, 31)
    image = np.kron(labels_of((5, 6, 11)), np.ones((4, 3, 2)))[None].astype(np.float32)
    made = engine()
    whole = whole_of(made, image)
    expected = resize(whole, fine, order=1).argmax(axis=0)
    answer = predict_labels(made, image, identity(fine, shape))
    assert (answer == expected).mean() > 0.9999


def test_predict_labels__two_dimensional_slices() -> None:
    labels = labels_of((1, 40, 52))
    made = engine(patch=(1, 16, 32))
    assert np.array_equal(predict_labels(made, labels[None].astype(np.float32), identity((1, 40, 52))), labels)


def test_probability_blocks__sum_to_one_everywhere() -> None:
    image = labels_of((21, 30, 17))[None].astype(np.float32)
    assert np.abs(whole_of(engine(), image).sum(axis=0) - 1).max() < 1e-5


class Random(nn.Module):
    """A convolution with weights that nobody trained: probabilities that are close to each other, and differ everywhere."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.convolution = nn.Conv3d(1, outputs, 3, padding=1)

    def forward(self, image_NCDHW: Tensor) -> list[Tensor]:
        return [4 * self.convolution(image_NCDHW)]


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize(
    ("shape", "box", "patch", "share", "classes"),
    [
        ((30, 41, 19), (30, 41, 19), (8, 16, 16), 0.5, 20),
        ((30, 41, 19), (44, 60, 31), (8, 16, 16), 0.5, 5),
        ((28, 26, 14), (11, 32, 22), (8, 12, 12), 0.5, 5),
        ((25, 31, 29), (25, 12, 40), (8, 4, 12), 1.0, 2),
        ((40, 20, 21), (33, 20, 21), (16, 8, 8), 0.75, 3),
        ((5, 9, 40), (9, 5, 61), (8, 16, 16), 0.25, 3),
        ((7, 40, 37), (7, 61, 33), (1, 16, 16), 0.5, 4),
    ],
)
def test_predict_labels__as_if_all_probabilities_were_held(
    shape: Shape3, box: Shape3, patch: Shape3, share: float, classes: int, half: bool
) -> None:
    """Sums over the whole volume, interpolated and decoded in one go, give the same labels, voxel for voxel."""
    made = plan(patch=patch, outputs=classes + 1)
    made = made.model_copy(update={"inference": made.inference.model_copy(update={"step_share": share, "batch": 3})})
    one = Engine([Random(classes + 1)], made, Segmentation(task(classes)), CPU, half=half)
    image = np.random.default_rng(0).standard_normal((1, *shape), dtype=np.float32)
    expected = resize(all_at_once(one, image), box, order=1).argmax(axis=0)
    assert len(np.unique(expected)) > classes / 2
    assert np.array_equal(predict_labels(one, image, identity(box, shape)), expected)


def all_at_once(made: Engine, image: np.ndarray) -> np.ndarray:
    """Probabilities (K, D, H, W) from sums of the whole volume, in the order in which windows come."""
    padded, offset = pad_to_patch(image, made.plan.batch.patch)
    axes = plan_windows(padded.shape[1:], made.plan.batch.patch, step_share=made.plan.inference.step_share)
    dtype = torch.float16 if made.half else torch.float32
    sums = torch.zeros((made.problem.outputs, *padded.shape[1:]), dtype=dtype)
    weight = torch.from_numpy(np.einsum("d,h,w->dhw", *(axis.weight for axis in axes)))
    for d in axes[0].starts:
        corners = itertools.product(axes[1].starts, axes[2].starts)
        for (h, w), answer in zip(corners, answers(made, padded, axes, d), strict=True):
            place = tuple(slice(a, a + n) for a, n in zip((d, h, w), weight.shape, strict=True))
            sums[:, *place] += (answer * weight).to(dtype)
    for axis, along in enumerate(axes):
        sums *= torch.from_numpy(1 / along.total).to(dtype).view([-1 if k == axis + 1 else 1 for k in range(4)])
    return sums[:, *(slice(a, a + n) for a, n in zip(offset, image.shape[1:], strict=True))].numpy()


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

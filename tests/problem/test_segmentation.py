from collections.abc import Iterator

import numpy as np
import pytest
import torch

from fakes import task
from scanwright.dataset.task import Channel, Region, Task
from scanwright.errors import InputError
from scanwright.problem.segmentation import Segmentation
from scanwright.protocols import IGNORE


def made(*regions: tuple[int, ...], **extra: object) -> Task:
    return Task(
        name="made",
        channels=(Channel(name="MR", modality="mr"),),
        regions=tuple(Region(name=f"r{index}", values=values) for index, values in enumerate(regions)),
        **extra,  # type: ignore[arg-type]
    )


def codes_of(*values: int) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.uint8).view(1, 1, 1, -1)


def maps(*rows: list[float]) -> Iterator[np.ndarray]:
    return (np.array(row, dtype=np.float32).reshape(1, 1, -1) for row in rows)


def perfect(problem: Segmentation, codes: torch.Tensor, *, certainty: float = 20.0) -> torch.Tensor:
    """Logits that say, with great certainty, what the codes say; IGNORE voxels say nothing in particular."""
    table = np.zeros((256, problem.outputs), dtype=bool)
    table[: len(problem.values)] = problem.membership
    truth = torch.from_numpy(table)[codes.long()].movedim(-1, 1)
    return certainty * (2 * truth.float() - 1)


SCATTERED = made((2, 5), (9,), ignore=7)
"""Values with gaps, one region of two values, an ignore value between them."""


def test_codes__positions_of_the_values_and_ignore_apart() -> None:
    problem = Segmentation(SCATTERED)
    assert problem.codes == {0: 0, 2: 1, 5: 2, 9: 3, 7: IGNORE}
    assert (problem.outputs, problem.losses[0], problem.name, problem.primary) == (
        3, "dice_ce", "segmentation", "dice",
    )  # fmt: skip


def test_membership__exclusive_regions_have_a_background_first() -> None:
    assert Segmentation(SCATTERED).membership.astype(int).tolist() == [[1, 0, 0], [0, 1, 0], [0, 1, 0], [0, 0, 1]]


def test_membership__nested_regions_have_none() -> None:
    problem = Segmentation(task(3, nested=True))
    assert problem.membership.astype(int).tolist() == [[0, 0, 0], [1, 0, 0], [1, 1, 0], [1, 1, 1]]
    assert (problem.outputs, problem.losses[0]) == (3, "dice_bce")


@pytest.mark.parametrize("wanted", [SCATTERED, task(3), task(3, nested=True), task(2, nested=True, ignore=9)])
def test_loss__is_near_zero_for_perfect_logits_and_large_for_wrong_ones(wanted: Task) -> None:
    problem = Segmentation(wanted)
    codes = torch.from_numpy(
        np.random.default_rng(0).choice(sorted(problem.codes.values()), (2, 4, 6, 5)).astype(np.uint8)
    )
    right = perfect(problem, codes)
    assert float(problem.loss([right], codes)) < 1e-3
    assert float(problem.loss([-right], codes)) > 1.5


def test_loss__levels_are_weighted_and_coarse_ones_meet_shrunk_codes() -> None:
    problem = Segmentation(task(2))
    codes = torch.zeros(1, 4, 8, 8, dtype=torch.uint8)
    codes[:, :, 4:], codes[:, :2, :, 4:] = 1, 2
    fine, coarse = perfect(problem, codes), perfect(problem, codes[:, ::2, ::2, ::2])
    assert float(problem.loss([fine, coarse], codes)) < 1e-3
    wrong = float(problem.loss([-fine], codes))
    assert float(problem.loss([-fine, coarse], codes)) == pytest.approx(wrong * 2 / 3, rel=1e-3)


def test_loss__ignored_voxels_have_no_gradient() -> None:
    problem = Segmentation(task(2, ignore=9))
    logits = torch.randn(1, 3, 1, 1, 4, generator=torch.Generator().manual_seed(0)).requires_grad_()
    problem.loss([logits], codes_of(0, 1, IGNORE, 2)).backward()
    assert logits.grad is not None
    assert not logits.grad[..., 2].any() and bool(logits.grad[..., [0, 1, 3]].any())


def test_probabilities__softmax_or_sigmoid_in_float32() -> None:
    logits = torch.tensor([[0.0, 0.0, np.log(2)], [0.0, 0.0, 0.0]]).T.reshape(1, 3, 1, 1, 2).to(torch.bfloat16)
    exclusive = Segmentation(task(2)).probabilities(logits)
    assert exclusive.dtype == torch.float32
    assert exclusive[0, :, 0, 0, 0].tolist() == pytest.approx([0.25, 0.25, 0.5], abs=2e-3)
    nested = Segmentation(task(3, nested=True)).probabilities(logits)
    assert nested[0, :, 0, 0, 0].tolist() == pytest.approx([0.5, 0.5, 2 / 3], abs=2e-3)


def test_agreement__is_dice_by_hand() -> None:
    """Region 1: answered on voxels 1 2 3, true on 1 2 5. Region 2: answered on 4, true on 4; voxel 0 is ignored."""
    problem = Segmentation(task(2, ignore=9))
    truth = codes_of(IGNORE, 1, 1, 0, 2, 1)
    answer = perfect(problem, codes_of(1, 1, 1, 1, 2, 0))
    assert problem.agreement(answer, truth).tolist() == [[4, 6], [2, 2]]


def test_agreement__of_nested_regions_counts_what_they_hold() -> None:
    problem = Segmentation(task(2, nested=True))
    truth, answered = codes_of(0, 1, 2, 2), codes_of(1, 1, 2, 1)
    assert problem.agreement(perfect(problem, answered), truth).tolist() == [[6, 7], [2, 3]]


def test_agreement__of_parts_adds_up_to_that_of_the_whole() -> None:
    problem, rng = Segmentation(SCATTERED), np.random.default_rng(0)
    codes = torch.from_numpy(rng.choice([0, 1, 2, 3, IGNORE], (4, 3, 5, 6)).astype(np.uint8))
    logits = torch.from_numpy(rng.standard_normal((4, 3, 3, 5, 6)).astype(np.float32))
    parts = problem.agreement(logits[:1], codes[:1]) + problem.agreement(logits[1:], codes[1:])
    assert torch.equal(parts, problem.agreement(logits, codes))


def test_decode__writes_the_values_of_the_regions() -> None:
    labels = Segmentation(SCATTERED).decode(maps([0.8, 0.1, 0.2], [0.1, 0.7, 0.3], [0.1, 0.2, 0.5]))
    assert labels.ravel().tolist() == [0, 2, 9] and labels.dtype == np.uint8


def test_decode__ties_go_to_the_earlier_class() -> None:
    labels = Segmentation(task(2)).decode(maps([0.4, 0.2, 1 / 3], [0.4, 0.4, 1 / 3], [0.2, 0.4, 1 / 3]))
    assert labels.ravel().tolist() == [0, 1, 0]


def test_decode__paints_nested_regions_in_their_order() -> None:
    """Whole, then core over it: a core without a whole is painted too; exactly one half is not enough."""
    labels = Segmentation(task(2, nested=True)).decode(maps([0.9, 0.9, 0.1, 0.5], [0.1, 0.8, 0.7, 0.5]))
    assert labels.ravel().tolist() == [1, 2, 2, 0]


def test_decode__the_task_says_what_is_painted() -> None:
    """nnU-Net's regions_class_order of BraTS: whole (1, 2, 3) writes 2, core (1, 3) writes 1, active (3,) writes 3."""
    problem = Segmentation(made((1, 2, 3), (1, 3), (3,), region_order=(2, 1, 3)))
    labels = problem.decode(maps([0.9, 0.9, 0.9], [0.1, 0.9, 0.9], [0.1, 0.1, 0.9]))
    assert labels.ravel().tolist() == [2, 1, 3]


CROSSING = made((1, 2), (2, 3))
"""A without B, both, B without A: neither region holds the other."""


def test_decode__regions_that_cross_are_told_apart() -> None:
    labels = Segmentation(CROSSING).decode(maps([0.9, 0.9, 0.1, 0.1], [0.1, 0.9, 0.9, 0.1]))
    assert labels.ravel().tolist() == [1, 2, 3, 0]


def test_decode__an_order_that_no_value_bears_out_gives_way_to_the_values() -> None:
    """The order says that the whole is written as 2, but 2 lies in the core as well; 1 lies in the whole alone."""
    problem = Segmentation(made((1, 2, 3), (2, 3), (3,), region_order=(2, 1, 3)))
    assert problem.decode(maps([0.9, 0.9, 0.9], [0.1, 0.9, 0.9], [0.1, 0.1, 0.9])).ravel().tolist() == [1, 2, 3]


def test_decode__more_overlapping_regions_than_bits() -> None:
    with pytest.raises(InputError, match="too many regions that overlap"):
        Segmentation(made(*[(1, number) for number in range(2, 70)]))


TASKS = [task(4), task(3, nested=True), CROSSING, made((1, 3), (2, 3)), made((1, 2), (2, 3), (3, 1))]


@pytest.mark.parametrize("wanted", TASKS)
def test_decode__undoes_the_coding(wanted: Task) -> None:
    problem = Segmentation(wanted)
    codes = np.random.default_rng(0).integers(0, len(problem.values), (3, 4, 5))
    probabilities = problem.membership[codes].astype(np.float32)
    labels = problem.decode(probabilities[..., k] for k in range(problem.outputs))
    assert np.array_equal(labels, np.array(problem.values)[codes])


def test_decode__many_classes_need_a_wider_label() -> None:
    labels = Segmentation(made((300,))).decode(maps([0.1], [0.9]))
    assert labels.dtype == np.uint16 and labels.item() == 300
    written = Segmentation(made((1,), region_order=(1000,)))
    assert written.decode(maps([0.1], [0.9])).item() == 1000


def test_decode__does_not_change_the_maps_it_is_given() -> None:
    first = np.full((1, 1, 2), 0.2, dtype=np.float32)
    Segmentation(task(1)).decode(iter([first, np.full((1, 1, 2), 0.8, dtype=np.float32)]))
    assert (first == np.float32(0.2)).all()


def test_segmentation__as_many_values_as_there_are_codes() -> None:
    fits = Segmentation(made(*((value,) for value in range(1, 255))))
    assert max(fits.codes.values()) == IGNORE - 1
    with pytest.raises(InputError, match="cannot be learned"):
        Segmentation(made(*((value,) for value in range(1, 256))))


def test_segmentation__a_negative_label_is_refused_and_a_negative_ignore_is_not() -> None:
    with pytest.raises(InputError, match="none below 0"):
        Segmentation(made((-1,), (2,)))
    assert Segmentation(made((1,), ignore=-1)).codes == {0: 0, 1: 1, -1: IGNORE}


def test_line__small_volumes_are_not_nothing_and_pixels_are_whole() -> None:
    problem = Segmentation(SCATTERED)
    found = {"volumes": {"r0": 1234.5678, "r1": 0.00312}, "unit": "ml"}
    assert problem.line(found) == "r0 1234.57 ml, r1 0.0031 ml"
    assert problem.line({"volumes": {"r0": 113627.0}, "unit": "px"}) == "r0 113\N{NARROW NO-BREAK SPACE}627 px"

import numpy as np
import pytest
import torch

from fakes import case, plan
from scanwright.protocols import IGNORE
from scanwright.training.batches import Batches, TrainingCase, choose_center, cut

CPU = torch.device("cpu")


def test_batch__is_a_function_of_seed_and_step() -> None:
    planned = plan()
    first, again = (Batches([case(), case(seed=1, name="b")], planned, seed=3, device=CPU) for _ in range(2))
    for step in (0, 7):
        one, two = first.batch(step), again.batch(step)
        assert torch.equal(one[0], two[0]) and torch.equal(one[1], two[1])
    assert not torch.equal(first.batch(0)[0], first.batch(1)[0])


def test_batch__shapes_types_and_codes() -> None:
    image, codes = Batches([case()], plan(), seed=0, device=CPU).batch(0)
    assert image.shape == (2, 1, 8, 16, 16) and image.dtype == torch.float32
    assert codes.shape == (2, 8, 16, 16) and codes.dtype == torch.uint8
    assert set(codes.unique().tolist()) <= {0, 1, 2, IGNORE}


def test_batch__a_case_smaller_than_the_patch_is_padded_and_the_padding_ignored() -> None:
    _, codes = Batches([case((4, 10, 10))], plan(), seed=0, device=CPU).batch(0)
    assert float((codes == IGNORE).float().mean()) > 0.3


def test_batches__every_case_is_seen_once_a_round() -> None:
    cases = [case((8, 16, 16), seed=k, name=str(k)) for k in range(5)]
    batches = Batches(cases, plan(), seed=0, device=CPU)
    seen = [one.case for step in range(5) for one in batches._choose_cases(step)]
    assert sorted(seen[:5]) == sorted(seen[5:]) == ["0", "1", "2", "3", "4"]


def test_batches__the_share_of_foreground_patches_holds_over_steps() -> None:
    batches = Batches([case()], plan(), seed=0, device=CPU)
    assert sum(batches._num_foreground(step) for step in range(10)) == 10  # half of 20 samples


def test_choose_center__a_foreground_patch_holds_foreground() -> None:
    big = case((40, 60, 60))
    for seed in range(20):
        center = choose_center(np.random.default_rng(seed), big, plan(), fixed=True)
        _, codes = cut(big, center, (8, 16, 16))
        assert (codes > 0).any()


def test_choose_center__keeps_the_patch_inside() -> None:
    big = case((40, 60, 60))
    for seed in range(20):
        center = choose_center(np.random.default_rng(seed), big, plan(), fixed=False)
        _, codes = cut(big, center, (8, 16, 16))
        assert not (codes == IGNORE).any()


@pytest.mark.parametrize("center", [(0, 0, 0), (11, 23, 19), (6, 12, 10)])
def test_cut__inside_equals_the_case_and_outside_is_ignored(center: tuple[int, int, int]) -> None:
    whole = case()
    image, codes = cut(whole, center, (9, 9, 9))
    for offset in np.ndindex(9, 9, 9):
        source = tuple(c - 4 + o for c, o in zip(center, offset, strict=True))
        inside = all(0 <= s < n for s, n in zip(source, whole.target.shape, strict=True))
        assert codes[offset] == (whole.target[source] if inside else IGNORE)
        nearest = tuple(int(np.clip(s, 0, n - 1)) for s, n in zip(source, whole.target.shape, strict=True))
        assert image[(0, *offset)] == whole.image[(0, *nearest)]


def boxed(shape: tuple[int, int, int], *corners: tuple[float, ...]) -> TrainingCase:
    rows = np.array([(0, *one) for one in corners], dtype=np.float32).reshape(-1, 7)
    image = np.zeros((1, *shape), dtype=np.float32)
    for _, d, h, w, d_end, h_end, w_end in rows.astype(int):
        image[0, d:d_end, h:h_end, w:w_end] = 1
    return TrainingCase("boxed", image, rows, {0: ((rows[:, 1:4] + rows[:, 4:]) / 2).astype(int)} if len(rows) else {})


def test_cut__boxes_are_told_in_voxels_of_the_block() -> None:
    whole = boxed((4, 40, 40), (0, 10, 12, 2, 20, 30))
    image, boxes = cut(whole, (2, 15, 20), (4, 16, 16))
    assert boxes.tolist() == [[0, 0, 3, 0, 2, 13, 18]] and image[0, 0, 3, 0] == 1
    small, padded = cut(whole, (2, 20, 20), (4, 60, 60))
    assert padded.tolist() == [[0, 0, 20, 22, 2, 30, 40]] and small[0, 1, 29, 39] == 1


def test_batch__boxes_of_a_batch_are_filled_up() -> None:
    cases = [boxed((8, 16, 16), (1, 2, 3, 5, 9, 9), (4, 9, 9, 7, 15, 14)), boxed((8, 16, 16))]
    image, boxes = Batches(cases, plan(), seed=0, device=CPU).batch(0)
    assert image.shape == (2, 1, 8, 16, 16) and boxes.shape == (2, 2, 7) and boxes.dtype == torch.float32
    assert sorted(int((one[:, 0] >= 0).sum()) for one in boxes) == [0, 2]
    alone = Batches([boxed((8, 16, 16))], plan(), seed=0, device=CPU).batch(0)[1]
    assert alone.shape == (2, 1, 7) and bool((alone[..., 0] == -1).all())


def test_batch__a_part_around_a_box_holds_it() -> None:
    big = boxed((40, 60, 60), (20, 30, 40, 24, 36, 45))
    for seed in range(10):
        center = choose_center(np.random.default_rng(seed), big, plan(), fixed=True)
        image, boxes = cut(big, center, (8, 16, 16))
        ((_, d, h, w, d_end, h_end, w_end),) = boxes
        assert (
            image.max() == 1 and 0 <= (d + d_end) / 2 <= 8 and 0 <= (h + h_end) / 2 <= 16 and 0 <= (w + w_end) / 2 <= 16
        )

"""Running sums: what they hold, and that their blocks are the sums of all windows, to the last bit."""

from itertools import product

import pytest
import torch

from fakes import plan
from scanwright.inference.sums import RunningSums, largest_overlap, spans
from scanwright.inference.windows import plan_axis, plan_windows
from scanwright.plan.memory import grown_shape, overlap_along


def summed(shape, patch, *, share, dtype, outputs=3):
    """Blocks put together, and the plain way: all windows added to sums of the whole volume."""
    axes = plan_windows(shape, patch, step_share=share)
    rng = torch.Generator().manual_seed(0)
    answers = {corner: torch.rand((outputs, *patch), generator=rng) for corner in product(*(a.starts for a in axes))}
    sums, blocks, whole = RunningSums(outputs, axes, dtype), torch.zeros((outputs, *shape), dtype=dtype), None
    for rows in spans(axes[0]):
        ordered = (answers[rows.start, h, w] for h, w in product(axes[1].starts, axes[2].starts))
        for block in sums.row(rows, ordered):
            values = block.values
            place = slice(block.row, block.row + values.shape[1]), slice(block.line, block.line + values.shape[2])
            assert (blocks[:, *place] == 0).all(), "no voxel leaves twice"
            blocks[:, *place] = values
    whole = torch.zeros_like(blocks)
    for (d, h, w), answer in answers.items():
        place = slice(d, d + patch[0]), slice(h, h + patch[1]), slice(w, w + patch[2])
        whole[:, *place] += (answer * sums.weight).to(dtype)
    for axis, along in enumerate(axes):
        whole *= torch.from_numpy(1 / along.total).to(dtype).view([-1 if k == axis + 1 else 1 for k in range(4)])
    return blocks, whole


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
@pytest.mark.parametrize("share", [0.25, 0.5, 0.75, 1.0])
@pytest.mark.parametrize("shape", [(30, 41, 19), (8, 16, 12), (9, 17, 33), (31, 16, 40)])
def test_blocks__are_the_sums_of_all_windows_bit_for_bit(shape, share, dtype):
    blocks, whole = summed(shape, (8, 16, 12), share=share, dtype=dtype)
    assert torch.equal(blocks, whole)


def test_blocks__many_classes_are_added_some_at_a_time(monkeypatch):
    monkeypatch.setattr("scanwright.inference.sums.WEIGHTED_BYTES", 1)
    blocks, whole = summed((20, 18, 22), (8, 8, 8), share=0.5, dtype=torch.float32, outputs=7)
    assert torch.equal(blocks, whole)


@pytest.mark.parametrize(("share", "rows"), [(0.5, 24), (1.0, 2), (0.75, 14)])
def test_running_sums__hold_an_overlap_and_a_strip(share, rows):
    """600 slices in windows of 48: half a row of windows between rows at half a window's step, and never the volume."""
    axes = plan_windows((600, 64, 48), (48, 48, 48), step_share=share)
    sums = RunningSums(3, axes, torch.float16)
    assert sums.kept.shape == (3, rows, 64, 48)
    assert sums.strip.shape == (3, 48, 48, 48)


def test_largest_overlap__one_window_shares_nothing():
    assert largest_overlap(plan_axis(16, 16, step_share=0.5)) == 0


@pytest.mark.parametrize("share", [0.25, 0.5, 0.6, 0.75, 1.0])
def test_overlap_along__is_what_is_held(share):
    """The plan's arithmetic is never below what inference allocates, and at most a slice above."""
    made = plan(patch=(16, 16, 16))
    made = made.model_copy(update={"inference": made.inference.model_copy(update={"step_share": share})})
    for length in range(1, 120):
        shape = grown_shape(made, (length, 16, 16))
        held = largest_overlap(plan_axis(shape[0], 16, step_share=share))
        assert held <= overlap_along(made, shape) <= held + 1

"""Blocks to labels: any cut into blocks gives what interpolating the whole and then deciding gives."""

import numpy as np
import pytest
import torch

from fakes import task
from scanwright.geometry.resample import resize
from scanwright.geometry.slabs import rows_reached
from scanwright.inference import assemble
from scanwright.inference.assemble import Assembly, last_complete_row
from scanwright.inference.sums import Block
from scanwright.problem.segmentation import Segmentation

SHAPE = (28, 26, 14)
BOXES = {
    "the same grid": SHAPE,
    "finer": (45, 61, 20),
    "coarser, by 2.5 along rows": (11, 32, 22),
    "coarser along lines": (30, 9, 14),
    "one voxel": (1, 1, 1),
}


def smooth(outputs, *, dtype=np.float32):
    rng = np.random.default_rng(0)
    return resize(rng.random((outputs, 6, 6, 5)), SHAPE, order=1).astype(dtype)


def cut(values, rows, lines):
    """Blocks of so many rows and lines, in order."""
    for row in range(0, values.shape[1], rows):
        for line in range(0, values.shape[2], lines):
            yield Block(row, line, torch.from_numpy(values[:, row : row + rows, line : line + lines].copy()))


def assembled(values, box, *, rows, lines):
    problem = Segmentation(task(len(values) - 1))
    assembly = Assembly(problem, SHAPE, box)
    for block in cut(values, rows, lines):
        assembly.add(block)
        block.values.fill_(7)  # the sums overwrite what has left
    assert assembly.complete
    return assembly.labels


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
@pytest.mark.parametrize("box", BOXES.values(), ids=BOXES)
@pytest.mark.parametrize("outputs", [2, 6])
def test_assembly__any_cut_gives_the_whole(box, outputs, dtype):
    values = smooth(outputs, dtype=dtype)
    expected = resize(values, box, order=1).argmax(axis=0)
    for rows, lines in [(28, 26), (4, 26), (1, 13), (5, 7), (9, 1)]:
        assert np.array_equal(assembled(values, box, rows=rows, lines=lines), expected), f"{rows} rows, {lines} lines"


def test_assembly__decodes_some_rows_at_a_time(monkeypatch):
    values = smooth(5)
    whole = assembled(values, (45, 61, 20), rows=28, lines=26)
    monkeypatch.setattr(assemble, "DECODED_BYTES", 1)
    assert np.array_equal(assembled(values, (45, 61, 20), rows=28, lines=26), whole)


def test_assembly__labels_are_small_integers():
    assert assembled(smooth(3), SHAPE, rows=4, lines=4).dtype == np.uint8


@pytest.mark.parametrize(("size", "length"), [(10, 10), (10, 23), (23, 10), (1, 7)])
def test_last_complete_row__is_what_interpolation_can_reach(size, length):
    for done in range(1, size + 1):
        rows = last_complete_row(size, length, done)
        assert all(rows_reached(size, length, row, row + 1)[1] <= done for row in range(rows))
        assert rows == length or rows_reached(size, length, rows, rows + 1)[1] > done

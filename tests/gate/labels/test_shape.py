"""What is kept of one label, and that no label is too strange for it."""

import pickle
import time

import numpy as np
import pytest

from label_samples import SHAPE, TASK, made_case, made_pair
from scanwright.dataset.task import Channel, Region, Task
from scanwright.gate.labels.edges import MOVES
from scanwright.gate.labels.shape import glance
from scanwright.geometry.grid import Grid
from scanwright.geometry.orientation import Reorientation
from scanwright.geometry.volume import Volume


def look(label, image=None, *, task=TASK, unit="mm", affine=None):
    label = np.asarray(label)
    image = np.random.default_rng(0).normal(size=label.shape) if image is None else image
    grid = Grid(label.shape, np.eye(4) if affine is None else affine, unit)
    return glance(made_case(0), Volume(image[None], grid), Volume(label[None], grid), task)


def block(shape=(10, 12, 14), *boxes):
    label = np.zeros(shape, np.uint8)
    for value, box in boxes:
        label[box] = value
    return label


def test_glance__a_part_worked_by_hand():
    shape = look(block((10, 12, 14), (1, np.s_[0:4, 2:6, 5:7]), (2, np.s_[4:8, 2:6, 5:7])))
    small, large = shape.parts[0], shape.parts[1]
    assert (small.voxels, small.volume_share) == (32, 0.5)
    assert small.place == pytest.approx((0.2, 4 / 12, 6 / 14))
    assert small.centre == pytest.approx((0.25, 0.5, 0.5))
    assert [(touch.axis, touch.upper, touch.share) for touch in small.touches] == [(0, False, 1.0)]
    assert large.touches == () and large.islands == ()
    assert shape.steps == (2 * (4 * 2 + 4 * 4) + 4 * 2, 0), "of the second part, its faces to none"
    assert shape.step == (1, 1, 1) and shape.faces[0] == ("left", "right")


def test_glance__an_island():
    shape = look(block((10, 12, 30), (1, np.s_[2:6, 2:6, 2:6]), (1, np.s_[3:5, 3:5, 20:21])))
    (island,) = shape.parts[0].islands
    assert island.share == pytest.approx(4 / 68)
    assert island.gap == pytest.approx(np.hypot(15, 0.5) / np.sqrt(48), rel=0.02)


@pytest.mark.parametrize(("thick", "expected"), [(0, 0), (1, 1), (2, 1), (3, 0)])
def test_glance__parts_that_meet_by_way_of_others(thick, expected):
    """A rod of the third part; at one end, some voxels of the second one lie between it and nothing."""
    regions = tuple(Region(name=name, values=(value,)) for value, name in enumerate("abc", start=1))
    three = Task(name="made", channels=TASK.channels, regions=regions)
    end = (2, np.s_[9 : 9 + thick, 5:6, 5:6])
    shape = look(block((20, 12, 14), (3, np.s_[3:9, 5:6, 5:6]), end), task=three)
    assert shape.steps == (2 + 4 * (6 + thick), expected)


def test_glance__the_axes_of_the_file_do_not_matter():
    image, label = made_pair(1)
    for turn in (Reorientation((2, 0, 1), (True, False, True)), Reorientation((0, 1, 2), (True, True, False))):
        turned = glance(made_case(1), image.reoriented(turn), label.reoriented(turn), TASK)
        plain = glance(made_case(1), image, label, TASK)
        assert turned.parts == plain.parts and turned.steps == plain.steps
        np.testing.assert_array_equal(turned.edges, plain.edges)


def test_glance__edges_of_a_moved_label_are_those_of_a_label_that_is_moved():
    image, label = made_pair(2, shape=(40, 40, 40))
    moved = label.with_voxels(np.roll(label.voxels[0], 1, axis=1))
    there = glance(made_case(2), image, moved, TASK)
    here = glance(made_case(2), image, label, TASK)
    by_one = MOVES.index((0, 1, 0))
    close = np.isfinite(there.edges[0]) & np.isfinite(here.edges[by_one])
    assert close.sum() > 300
    assert np.corrcoef(there.edges[0][close].astype(float), here.edges[by_one][close].astype(float))[0, 1] > 0.999


def test_glance__a_picture():
    label = block((30, 20, 1), (1, np.s_[0:9, 5:9, 0:1]))
    shape = look(label, unit="px", affine=np.diag((-1.0, -1.0, 1.0, 1.0)))
    (touch,) = shape.parts[0].touches
    assert shape.faces[touch.axis][touch.upper] == "left"  # where column 0 is


@pytest.mark.parametrize(
    "label",
    [
        np.ones((1, 1, 1), np.uint8),
        np.ones((1, 7, 1), np.uint8),
        np.ones((2, 2, 2), np.int16),
        np.full((5, 6, 7), 2, np.int32),
        block((200, 3, 1), (1, np.s_[::7, 1:2, :])),
        block((130, 5, 5), (2, np.s_[129:, 4:, 4:])),
    ],
    ids=["voxel", "line", "cube", "full", "dots", "corner"],
)
@pytest.mark.parametrize("image", ["noise", "constant", "wide"])
def test_glance__strange_labels_and_images(label, image):
    rng = np.random.default_rng(0)
    voxels = {
        "noise": rng.normal(size=label.shape),
        "constant": np.full(label.shape, 7, np.int16),
        "wide": rng.choice([-3e38, 3e38], label.shape).astype(np.float32),
    }[image]
    found = look(label, voxels)
    assert found is not None and found.parts and found.edges.shape[0] == len(MOVES)


def test_glance__nothing_to_look_at():
    image, label = made_pair(0)
    assert glance(made_case(0), image, None, TASK) is None
    assert look(np.zeros((5, 5, 5), np.uint8)) is None
    assert look(np.full((5, 5, 5), 9, np.uint8)) is None  # a value of no region
    other = Task(name="t", kind="classification", channels=TASK.channels, classes=("a", "b"))
    assert glance(made_case(0), image, label, other) is None


def test_glance__many_parts_stay_small():
    regions = tuple(Region(name=f"r{value}", values=(value,)) for value in range(1, 120))
    task = Task(name="t", channels=(Channel(name="CT", modality="ct"),), regions=regions)
    label = np.random.default_rng(0).integers(0, 120, (30, 30, 30)).astype(np.uint16)
    assert len(pickle.dumps(look(label, task=task))) < 400_000


def test_glance__a_large_volume_in_bounded_time():
    label = block((256, 256, 200), (1, np.s_[30:220, 30:220, 20:180]), (2, np.s_[90:160, 90:160, 60:120]))
    image = np.random.default_rng(0).integers(0, 1000, label.shape, dtype=np.int16)
    began = time.process_time()
    shape = look(label, image)
    assert time.process_time() - began < 3
    assert shape.step == (3, 3, 3) and shape.parts[1].voxels == 70 * 70 * 60
    assert len(pickle.dumps(shape)) < 60_000


def test_made_pair__holds_both_parts():
    assert all(set(np.unique(made_pair(seed)[1].voxels)) == {0, 1, 2} for seed in range(5)) and SHAPE == (26, 30, 24)


def test_move_text__in_a_patient_and_in_a_picture():
    """X of a picture runs to its left and Y to its top: a label too far left and down is moved by (+, -)."""
    label = block((20, 20, 1), (1, np.s_[5:12, 6:14, :]))
    picture = look(label, unit="px", affine=Grid.of_pixels(20, 20).affine)
    assert picture.move_text((1.0, -2.0, 0.0)) == "-1.0 / +2.0 pixels at least (right / down)"
    assert picture.move_text((1.0, -2.0, 3.0)).endswith("+3.0 pixels at least (right / down / to the last slice)")
    patient = look(label)
    assert patient.move_text((1.0, -2.0, 0.0)) == "+1.0 / -2.0 / +0.0 voxels at least (right / anterior / superior)"

"""Which grey values a picture shows."""

import numpy as np

from scanwright.dataset.task import Channel, Task
from scanwright.figures.overlay import CT_LUNG, CT_SOFT_TISSUE
from scanwright.problem.windows import around_boxes, window_of

CT = Task(name="t", kind="detection", channels=(Channel(name="CT", modality="ct"),), classes=("nodule",))


def test_window__of_a_nodule_is_that_of_the_lung_around_it():
    image = np.full((40, 40, 20), 40.0)
    image[:, :, :15] = -850.0
    nodule = np.array([[10, 10, 5], [14, 14, 8]], float)
    image[10:14, 10:14, 5:8] = 30.0
    assert window_of(around_boxes(image, [nodule]), CT) == CT_LUNG
    liver = np.array([[20, 20, 18], [26, 26, 19]], float)
    assert window_of(around_boxes(image, [liver]), CT) == CT_SOFT_TISSUE


def test_around_boxes__grown_by_their_edges_and_cut_at_the_border():
    image = np.arange(1000.0).reshape(10, 10, 10)
    found = around_boxes(image, [np.array([[0, 4, 4], [2, 6, 5.0]])])
    np.testing.assert_array_equal(found, image[0:4, 2:8, 3:6].ravel())
    assert around_boxes(image, []).size == 0
    assert window_of(around_boxes(image, []), CT) == CT_SOFT_TISSUE

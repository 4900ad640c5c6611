"""Memory of a prediction, weighed before it begins."""

import numpy as np
import pytest
import torch

import fakes
from scanwright.errors import ResourceError
from scanwright.geometry.grid import Grid
from scanwright.inference import volume
from scanwright.inference.predict import Engine
from scanwright.inference.volume import expected_bytes, fit_memory, needs_half
from scanwright.problem.segmentation import Segmentation
from scanwright.transform.preprocess import whole

GIB = 1 << 30


def engine(*, regions=2, patch=(8, 16, 16)):
    task, plan = fakes.task(regions), fakes.plan(outputs=regions + 1, patch=patch)
    return Engine([fakes.Echo(regions + 1)], plan, Segmentation(task), torch.device("cpu"))


def placement(shape):
    return whole(Grid(shape, np.eye(4)), fakes.plan().preprocess)


def test_memory__refused_before_it_begins(monkeypatch):
    one, large = engine(), placement((400, 400, 400))
    need = expected_bytes(one, large, half=needs_half(one, large))
    monkeypatch.setattr(volume, "free_memory_bytes", lambda: int(need * 0.9))
    with pytest.raises(ResourceError, match="more memory than is free") as caught:
        fit_memory(one, large)
    assert f"{need / GIB:.1f} GiB" in caught.value.expected
    monkeypatch.setattr(volume, "free_memory_bytes", lambda: need * 20)
    assert fit_memory(one, large).half is needs_half(one, large)


def test_memory__large_sums_in_half(monkeypatch):
    monkeypatch.setattr(volume, "free_memory_bytes", lambda: 64 * GIB)
    assert not needs_half(engine(), placement((64, 64, 64)))
    many, large = engine(regions=99, patch=(64, 128, 128)), placement((512, 512, 600))
    assert needs_half(many, large)
    assert expected_bytes(many, large, half=True) < expected_bytes(many, large, half=False)


def test_memory__grows_with_the_volume(monkeypatch):
    one = engine()
    sizes = [expected_bytes(one, placement((side, side, side)), half=False) for side in (64, 128, 256, 512)]
    assert sizes == sorted(sizes)
    assert sizes[3] - sizes[2] > 4 * (sizes[2] - sizes[1])

"""Memory asked for beforehand, and where answers lie."""

from pathlib import Path

import numpy as np
import pytest
import torch

import fakes
from made_folders import made_case
from scanwright.api import answer
from scanwright.api.answer import expected_bytes, fit_memory, needs_half, own_answer, prediction_file, trained_network
from scanwright.api.run import Run
from scanwright.errors import IntegrityError, ResourceError
from scanwright.geometry.grid import Grid
from scanwright.inference.predict import Engine
from scanwright.problem.segmentation import Segmentation
from scanwright.transform.preprocess import whole

GIB = 1 << 30


def engine(*, regions=2, patch=(8, 16, 16)):
    task, plan = fakes.task(regions), fakes.plan(outputs=regions + 1, patch=patch)
    return Engine([fakes.Echo(regions + 1)], plan, Segmentation(task), torch.device("cpu"))


def placement(shape):
    return whole(Grid(shape, np.eye(4)), fakes.plan().preprocess)


def test_own_answer__that_was_cut(tmp_path):
    file = tmp_path / "a.nii.gz"
    file.write_bytes(b"\x1f\x8b half of it")
    with pytest.raises(IntegrityError, match="cannot be read") as caught:
        own_answer(file)
    assert "Remove it" in caught.value.hint


def test_memory__refused_before_it_begins(monkeypatch):
    one, large = engine(), placement((400, 400, 400))
    need = expected_bytes(one, large, half=needs_half(one, large))
    monkeypatch.setattr(answer, "free_memory_bytes", lambda: int(need * 0.9))
    with pytest.raises(ResourceError, match="more memory than is free") as caught:
        fit_memory(one, large)
    assert f"{need / GIB:.1f} GiB" in caught.value.expected
    monkeypatch.setattr(answer, "free_memory_bytes", lambda: need * 20)
    assert fit_memory(one, large).half is needs_half(one, large)


def test_memory__large_sums_in_half(monkeypatch):
    monkeypatch.setattr(answer, "free_memory_bytes", lambda: 64 * GIB)
    assert not needs_half(engine(), placement((64, 64, 64)))
    many, large = engine(regions=99, patch=(64, 128, 128)), placement((512, 512, 600))
    assert needs_half(many, large)
    assert expected_bytes(many, large, half=True) < expected_bytes(many, large, half=False)


def test_memory__grows_with_the_volume(monkeypatch):
    one = engine()
    sizes = [expected_bytes(one, placement((side, side, side)), half=False) for side in (64, 128, 256, 512)]
    assert sizes == sorted(sizes)
    assert sizes[3] - sizes[2] > 4 * (sizes[2] - sizes[1])


@pytest.mark.parametrize(
    ("image", "test", "where"),
    [
        ("a.nii.gz", False, "predictions/a.nii.gz"),
        ("a.mha", True, "predictions/test/a.nii.gz"),
        ("a.PNG", False, "predictions/a.png"),
        ("a.jpeg", True, "predictions/test/a.png"),
        ("a.tif", False, "predictions/a.png"),
    ],
)
def test_prediction_file(image, test, where):
    run, case = Run(Path("/run"), ""), made_case("a", images=(Path("/scans") / image,))
    assert prediction_file(run, case, test=test) == Path("/run") / where


@pytest.mark.parametrize("content", [b"", b"half of it", b"\x10\0\0\0\0\0\0\0{}"])
def test_trained_network__a_file_that_is_not_whole(tmp_path, content):
    file = tmp_path / "weights.safetensors"
    file.write_bytes(content)
    with pytest.raises(IntegrityError, match="weights that cannot be read") as caught:
        trained_network(file, fakes.plan(), torch.device("cpu"))
    assert caught.value.where == file
    assert str(tmp_path) in caught.value.hint

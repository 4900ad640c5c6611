from pathlib import Path

import numpy as np
import torch

from fakes import Echo, case, plan, task
from scanwright.api.run.evidence import answer_patch, draw_curves, patch_grid
from scanwright.problem.label_maps.told import values_of
from scanwright.problem.segmentation import Segmentation
from scanwright.protocols import IGNORE


def test_patch_grid__axes_run_where_the_plan_put_them() -> None:
    grid = patch_grid(plan(spacing=(3.0, 1.0, 0.5)))
    assert grid.orientation == "SAR"
    assert grid.spacing == (3.0, 1.0, 0.5)
    assert patch_grid(plan(spacing=None)).unit == "px"


def test_values_of__codes_become_label_values_and_ignored_voxels_background() -> None:
    values = values_of(np.array([0, 1, 2, IGNORE]), Segmentation(task(2, ignore=9)).codes)
    assert values.tolist() == [0, 1, 2, 0]


def test_draw__an_example_and_curves_are_pictures(tmp_path: Path) -> None:
    patch = torch.from_numpy(case().image)[None], torch.from_numpy(case().target)[None]
    planned = plan(patch=(12, 24, 20))
    problem = Segmentation(task(2))
    answer = answer_patch(Echo(3), patch, plan=planned, problem=problem)
    (tmp_path / "example.png").write_bytes(problem.sketch(*patch, answer, grid=patch_grid(planned)))
    lines = [{"event": "checkpoint", "step": k, "loss": 1 / k, "scores": [0.1 * k, None]} for k in range(1, 5)]
    draw_curves(tmp_path / "curves.png", lines, problem.parts)
    for name in ("example.png", "curves.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")

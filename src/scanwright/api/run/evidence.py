"""What can be looked at while training runs: curves of loss and quick score, and the answer to one validation patch."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from scanwright.figures.plots import Line, curves_png
from scanwright.files import write_bytes
from scanwright.geometry.grid import Grid
from scanwright.plan.plan import Plan
from scanwright.protocols import Problem
from scanwright.training.loop import autocast, network_input
from scanwright.types import Array


def draw_curves(file: Path, lines: list[dict[str, Any]], names: Sequence[str]) -> None:
    """curves.png: loss and quick score of each region, class or quantity, from the checkpoint lines of a fold's log."""
    points = [line for line in lines if line["event"] == "checkpoint"]
    loss = tuple((line["step"], line["loss"]) for line in points if line["loss"] is not None)
    scores = [
        Line(
            name,
            tuple((p["step"], p["scores"][k]) for p in points if k < len(p["scores"]) and p["scores"][k] is not None),
        )
        for k, name in enumerate(names)
    ]
    panels = [("loss", [Line("loss", loss)]), ("quick score", [line for line in scores if line.points])]
    write_bytes(file, curves_png([panel for panel in panels if panel[1]], x_label="step"))


@torch.no_grad()
def answer_patch(network: nn.Module, patch: tuple[Tensor, Tensor], *, plan: Plan, problem: Problem) -> Array:
    """The answer of the averaged weights to a validation patch, a batch of one: (K, D, H, W) or (K,) float32."""
    image, _ = patch
    with autocast(plan, image.device):
        logits = network(network_input(image, plan))[0]
    answer: Array = problem.probabilities(logits.float())[0].cpu().numpy()
    return answer


def patch_grid(plan: Plan) -> Grid:
    """A grid for a patch in network order: each axis runs along its canonical direction, the origin anywhere."""
    spacing = plan.preprocess.spacing or (1.0, 1.0, 1.0)
    affine = np.eye(4)
    affine[:3, :3] = 0.0
    for network_axis, axis in enumerate(plan.preprocess.axes):
        affine[axis, network_axis] = spacing[network_axis]
    return Grid(plan.batch.patch, affine, "mm" if plan.preprocess.spacing else "px")

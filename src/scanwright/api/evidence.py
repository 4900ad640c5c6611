"""What can be looked at while training runs: curves of loss and quick score, and the answer to one validation patch."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from scanwright.figures.overlay import overlay_slices
from scanwright.figures.plots import Line, curves_png
from scanwright.files import write_bytes
from scanwright.geometry.grid import Grid
from scanwright.plan.plan import Plan
from scanwright.protocols import IGNORE, Problem
from scanwright.training.loop import autocast, network_input
from scanwright.types import Array


def draw_curves(file: Path, lines: list[dict[str, Any]], names: list[str]) -> None:
    """curves.png: loss and quick score of each region, from the checkpoint lines of a fold's log."""
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
def draw_example(
    file: Path,
    network: nn.Module,
    patch: tuple[Tensor, Tensor],
    *,
    plan: Plan,
    problem: Problem,
    regions: Mapping[str, Sequence[int]],
) -> None:
    """example.png: a validation patch, its truth as an outline and the answer of the averaged weights as colour."""
    image, codes = patch
    with autocast(plan, image.device):
        logits = network(network_input(image, plan))[0]
    probabilities = problem.probabilities(logits)[0].cpu().numpy()
    png = overlay_slices(
        image[0].cpu().numpy(),
        truth_IJK=values_of(codes[0].cpu().numpy(), problem),
        prediction_IJK=problem.decode(iter(probabilities)),
        grid=patch_grid(plan),
        regions=regions,
        zoom=False,
    )
    write_bytes(file, png)


def values_of(codes_DHW: Array, problem: Problem) -> Array:
    """Stored codes as label values; IGNORE as background."""
    table = np.zeros(IGNORE + 1, dtype=np.int64)
    for value, code in problem.codes.items():
        table[code] = 0 if code == IGNORE else value
    return table[codes_DHW]


def patch_grid(plan: Plan) -> Grid:
    """A grid for a patch in network order: each axis runs along its canonical direction, the origin anywhere."""
    spacing = plan.preprocess.spacing or (1.0, 1.0, 1.0)
    affine = np.eye(4)
    affine[:3, :3] = 0.0
    for network_axis, axis in enumerate(plan.preprocess.axes):
        affine[axis, network_axis] = spacing[network_axis]
    return Grid(plan.batch.patch, affine, "mm" if plan.preprocess.spacing else "px")

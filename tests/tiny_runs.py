"""Finished runs of a few steps, without their pages: what ensembles are built of."""

from pathlib import Path
from typing import Any

import torch

from scanwright.api.run import study, telling, trials
from scanwright.api.run.asked import Asked
from scanwright.api.run.folder import open_run
from scanwright.plan.settings import Settings
from scanwright.protocols import silent
from scanwright.runtime import describe_machine

WHOLE = {
    "network.widths": [8, 16],
    "network.blocks": [1, 1],
    "network.strides": [[1, 1, 1], [1, 2, 2]],
    "network.kernels": [[1, 3, 3], [1, 3, 3]],
    "batch.size": 8,
}
"""Of a network that answers whole pictures."""
VOXELS = {
    "batch.patch": [8, 8, 8],
    "network.widths": [4, 8],
    "network.strides": [[1, 1, 1], [2, 2, 2]],
    "network.kernels": [[3, 3, 3], [3, 3, 3]],
}
"""Of a network that answers voxels."""


def tiny_run(
    data: Path,
    folder: Path,
    *,
    values: dict[str, Any] | None = None,
    steps: int = 12,
    seed: int = 0,
    folds: int = 2,
    fold: int | None = None,
    split: Path | None = None,
    model: Any = "cnn",
    task: Any = None,
    exclude: tuple[str, ...] = (),
) -> Path:
    """A run folder with one model; gives the folder."""
    settings = Settings(steps=steps, seed=seed, folds=folds, fold=fold, model=model, values=values or {})
    device = torch.device("cpu")
    machine = describe_machine(device)
    request = {
        "data": str(data.resolve()),
        "layout": None,
        "exclude": list(exclude),
        **({} if task is None else {"task": task}),
        **settings.model_dump(mode="json"),
    }
    with open_run(folder, request, command="tiny", restart=False) as run:
        asked = Asked.of(data, task=task, exclude=exclude, split=split)
        material = study.look(run, asked, settings=settings, machine=machine, tell=silent)
        kept = trials.train_model(
            run, material=material, settings=settings, machine=machine, device=device, tell=silent
        )
        telling.write_package(run, kept.study, kept.scores, None, None)
    return folder

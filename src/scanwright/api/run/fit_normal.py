"""A model of what is normal in place of training: fitted to a fold's normal training cases, and calibrated on them alone."""

import json
from collections.abc import Mapping

import numpy as np
import torch
from safetensors.torch import save

from scanwright.api.run.folder import WEIGHTS, Run
from scanwright.api.run.study import Study
from scanwright.dataset.store import Store
from scanwright.features.normality import fit_normal
from scanwright.files import write_bytes
from scanwright.plan.normal_plan import NormalPlan
from scanwright.protocols import Listener, Progress


def fit_normal_fold(run: Run, study: Study, keys: Mapping[str, str], fold: int, *, tell: Listener) -> None:
    """Fit a fold's model and write its weights and its log. Raises InputError for too few normal cases."""
    plan, names, store = study.plan, study.splits.folds[fold].train, Store(run.store)
    assert isinstance(plan.network, NormalPlan)
    looks = 0

    def seen() -> None:
        nonlocal looks
        looks += 1
        run.beat()
        tell(Progress(f"fit fold {fold}", done=looks, total=2 * len(names)))

    def prepared(place: int) -> torch.Tensor:
        return torch.from_numpy(np.array(store.open(keys[names[place]]).arrays["image"]))

    owners = [study.owners[name] for name in names]
    model = fit_normal(plan.network, prepared, owners, seed=plan.training.seed + fold, beat=seen)
    fitted = {"event": "fitted", "normal_cases": len(names), "limit": float(model.limit)}
    write_bytes(run.fold(fold) / "log.jsonl", (json.dumps(fitted) + "\n").encode())
    write_bytes(run.fold(fold) / WEIGHTS, save({name: part.contiguous() for name, part in model.state_dict().items()}))

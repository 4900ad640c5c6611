"""What is kept of a budget for a model that was fitted already, should it be the one that is kept."""

import time
from collections.abc import Mapping

import numpy as np
import torch

from scanwright.api.run.answer import trained_network
from scanwright.api.run.folder import WEIGHTS, Run
from scanwright.api.run.study import MOST_SHOWN, Study
from scanwright.dataset.store import Store
from scanwright.features.served import outputs_of
from scanwright.inference.predict import pad_to_patch
from scanwright.plan.classical_plan import ClassicalPlan
from scanwright.problem.whole.explained import MOST_COVERED, methods_of


def seconds_to_explain(run: Run, study: Study, keys: Mapping[str, str]) -> float:
    """Seconds for pictures of what a classical model's answers rest on, by what one answer takes on this machine.

    0.0 of networks, whose plan keeps such time, and of models that nothing explains. keys: of prepared cases in the store.
    """
    if not isinstance(study.plan.network, ClassicalPlan):
        return 0.0
    network = trained_network(run.fold(study.plan.training.folds[0]) / WEIGHTS, study.plan, torch.device("cpu"))
    if not methods_of([network]):
        return 0.0
    prepared = Store(run.store).open(next(iter(keys.values()))).arrays["image"]
    image, _ = pad_to_patch(np.array(prepared), study.plan.batch.patch)
    outputs_of([network], torch.from_numpy(image)[None])  # the first one makes what others find ready
    began = time.perf_counter()
    outputs_of([network], torch.from_numpy(image)[None])
    return MOST_SHOWN * (1 + MOST_COVERED[image.shape[1] == 1]) * (time.perf_counter() - began)

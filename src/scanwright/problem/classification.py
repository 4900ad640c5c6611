"""Classification of whole images: one class of several, several labels at once, or grades that have an order.

A target is a row of numbers (K,), one for each class: 1 for the right one and 0 for the others ("one", "ordered"), or 1 and
0 for each label by itself ("several"). NaN is what nobody judged. So shares of classes (mixup, smoothing) need no other form.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from scanwright.dataset.cases import Classes
from scanwright.dataset.task import Task
from scanwright.evaluation.calibration.calibration_choice import Choice as Calibrator
from scanwright.plan.plan import Plan
from scanwright.problem.classes.answers import ClassAnswers
from scanwright.problem.classes.certain import ClassCertainty, certainty_from_json
from scanwright.problem.classes.decisions import PLAIN, Decision, decision_from_json
from scanwright.training.losses import classes as losses
from scanwright.training.losses.names import loss_named
from scanwright.types import JSON, Array, Floats

ORDERED = {"corn": losses.corn_probabilities, "cumulative_link": losses.cumulative_link_probabilities}
LOSSES = {"one": losses.ONE, "several": losses.SEVERAL, "ordered": losses.ORDERED}


class Classification(ClassAnswers):
    """A Kind (see `scanwright.problem.kind`) bound to one task."""

    name = "classification"
    sees_whole = True
    gives_boxes = False
    learns_normal = False
    codes: dict[int, int] = {}  # noqa: RUF012  # never written to

    def __init__(
        self,
        task: Task,
        *,
        loss: str = "",
        smoothing: float = 0.0,
        decision: Decision = PLAIN,
        calibrate: Calibrator = "auto",
        trust: ClassCertainty | None = None,
    ) -> None:
        self.task, self.decision, self.smoothing = task, decision, smoothing
        self.calibrate, self.trust = calibrate, trust
        self.planned_loss = loss or self.losses[0]

    def planned(self, plan: Plan) -> "Classification":
        """The same problem with the plan's smoothing, its calibration, and its loss, which says what outputs for grades
        mean.
        """
        how = plan.training
        return self._with(loss=how.loss, smoothing=how.smoothing, calibrate=plan.inference.calibrate)

    def settled(self, chosen: Mapping[str, JSON] | None) -> "Classification":
        """The same problem with a calibration and a threshold."""
        return self._with(decision=PLAIN if chosen is None else decision_from_json(chosen))

    def assured(self, confidence: Mapping[str, JSON] | None) -> "Classification":
        """The same problem with what is known of how sure it is."""
        return self._with(trust=None if confidence is None else certainty_from_json(confidence))

    def _with(self, **changes: Any) -> "Classification":
        now = {
            "loss": self.planned_loss,
            "smoothing": self.smoothing,
            "decision": self.decision,
            "calibrate": self.calibrate,
            "trust": self.trust,
        }
        return Classification(self.task, **{**now, **changes})

    @property
    def outputs(self) -> int:
        """A logit for each class; of grades one for each step from a grade to the next."""
        return len(self.task.classes) - (1 if self.task.choice == "ordered" else 0)

    @property
    def losses(self) -> tuple[str, ...]:
        """Those of the task's choice."""
        return tuple(LOSSES[self.task.choice])

    def encode(self, target: object) -> Floats:
        """(K,) float32 as above; all NaN where nothing is known."""
        if not isinstance(target, Classes):
            return np.full(len(self.task.classes), np.nan, dtype=np.float32)
        said = [target.says(name) for name in self.task.classes]
        return np.array([np.nan if one is None else one for one in said], dtype=np.float32)

    def loss(
        self, outputs: Sequence[Tensor], target: Tensor, *, name: str = "", class_weights: Sequence[float] = ()
    ) -> Tensor:
        """The named loss of logits (N, K) or (N, K - 1) and targets (N, K), smoothed (Szegedy et al. 2016, CVPR)."""
        even = 0.5 if self.task.choice == "several" else 1 / target.shape[1]
        target = (1 - self.smoothing) * target + self.smoothing * even
        weights = torch.tensor(class_weights, device=target.device) if class_weights else None
        return loss_named(LOSSES[self.task.choice], name or self.planned_loss)(outputs[0], target, weights=weights)

    def probabilities(self, logits: Tensor) -> Tensor:
        """(N, K) in [0, 1]: of classes and grades they sum to 1, of labels each stands for itself."""
        if self.task.choice == "ordered":
            return ORDERED[self.planned_loss](logits)
        return logits.softmax(1) if self.task.choice == "one" else logits.sigmoid()

    def agreement(self, logits: Tensor, target: Tensor) -> Tensor:
        """(K, 2): of each class the cases that have it and are given it, and those that have it (sensitivity)."""
        has = torch.nan_to_num(target)
        chances = self.probabilities(logits)
        if self.task.choice == "several":
            given = (chances > 0.5).to(has.dtype)
        else:
            given = torch.nn.functional.one_hot(chances.argmax(1), chances.shape[1]).to(has.dtype)
        return torch.stack([(has * given).sum(0), has.sum(0)], 1).double()

    def decode(self, probabilities: Iterable[Array]) -> Array:
        """The position of the most probable class; of labels 1 and 0 for each. Ties go to the earlier class."""
        chances = np.stack(list(probabilities))
        found = chances > 0.5 if self.task.choice == "several" else chances.argmax(0)
        return np.asarray(found, dtype=np.int64)

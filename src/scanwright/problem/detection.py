"""Detection: boxes in an image, each with a class and a score, in 2-D and 3-D.

Targets are rows (M, 7): the code of a class, and corners in voxels of the network input (see `training.losses.boxes`). They are
placed when a case is prepared, since they lie on its grid.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from scanwright.dataset.task import Task
from scanwright.evaluation.boxes.detection_operating import DEFAULT_SCORE
from scanwright.figures.boxed import Drawn, boxed
from scanwright.geometry.grid import Grid
from scanwright.inference.boxes import most_probable
from scanwright.plan.plan import Plan
from scanwright.problem.boxes.answers import BoxAnswers
from scanwright.problem.boxes.choice import Limits, limits_from_json
from scanwright.protocols import IGNORE
from scanwright.training.assign import overlaps
from scanwright.training.losses.boxes import BOXES, parted
from scanwright.training.losses.names import loss_named
from scanwright.types import JSON, Array, Floats

HIT = 0.5
MOST_SKETCHED = 60


class Detection(BoxAnswers):
    """A Kind (see `scanwright.problem.kind`) bound to one task. stated: from which score on each class is told, once that was
    settled.
    """

    name = "detection"
    sees_whole = False
    gives_boxes = True
    learns_normal = False
    codes: dict[int, int] = {}  # noqa: RUF012  # never written to

    def __init__(self, task: Task, *, stated: Limits = ()) -> None:
        self.task, self.stated = task, stated

    def planned(self, plan: Plan) -> "Detection":
        """This problem: nothing of it hangs on the plan."""
        return self

    def settled(self, chosen: Mapping[str, JSON] | None) -> "Detection":
        """The same problem with thresholds: DEFAULT_SCORE where none were chosen."""
        limits = (DEFAULT_SCORE,) * len(self.parts) if chosen is None else limits_from_json(chosen, self.parts)
        return Detection(self.task, stated=limits)

    @property
    def outputs(self) -> int:
        """A logit for each class in each cell."""
        return len(self.task.classes)

    @property
    def losses(self) -> tuple[str, ...]:
        """Those of boxes."""
        return tuple(BOXES)

    def encode(self, target: object) -> Floats:
        """(0, 7): what is known is placed on the prepared image, where it lies in the store."""
        return np.zeros((0, 7), dtype=np.float32)

    def loss(
        self, outputs: Sequence[Tensor], target: Tensor, *, name: str = "", class_weights: Sequence[float] = ()
    ) -> Tensor:
        """The named loss of what is found in each cell (N, P, K + 9) and boxes (N, M, 7)."""
        weights = torch.tensor(class_weights, device=target.device) if class_weights else None
        return loss_named(BOXES, name or self.losses[0])(outputs[0], target, weights=weights)

    def probabilities(self, logits: Tensor) -> Tensor:
        """(N, P, K + 9) with a probability in place of each logit; corners and centres stay."""
        return torch.cat([logits[..., :-9].float().sigmoid(), logits[..., -9:].float()], dim=-1)

    def agreement(self, logits: Tensor, target: Tensor) -> Tensor:
        """(K, 2): of each class the true boxes that the most probable cell of that class, of those that overlap them by half,
        holds more probable than not told, and all true boxes: a sensitivity.
        """
        scores, corners, _ = parted(self.probabilities(logits))
        sums = torch.zeros((self.outputs, 2), dtype=torch.float64)
        for chances, places, boxes in zip(scores, corners, target, strict=True):
            for box in boxes[(boxes[:, 0] >= 0) & (boxes[:, 0] != IGNORE)]:
                code = int(box[0])
                near = overlaps(places, box[1:].reshape(1, 2, 3)) >= HIT
                best = chances[near, code].max() if near.any() else torch.zeros(())
                sums[code] += torch.tensor([float(best >= self.thresholds[code]), 1.0], dtype=torch.float64)
        return sums

    def decode(self, probabilities: Iterable[Array]) -> Array:
        """Not asked of boxes: `inference.boxes` puts them together."""
        raise NotImplementedError("boxes are no maps")

    def sketch(self, image: Tensor, target: Tensor, answer: Array, *, grid: Grid) -> bytes:
        """A validation patch while training: its true boxes and those that are told. PNG.

        image (1, C, D, H, W), target (1, M, 7), answer (P, K + 9) with probabilities. grid: of the patch.
        """
        return boxed(
            image[0].cpu().numpy(), grid=grid, boxes=[*_true(target[0]), *self._seen(torch.from_numpy(answer))]
        )

    def _seen(self, found_PK9: Tensor) -> list[Drawn]:
        found = most_probable(found_PK9)
        return [
            Drawn(found.boxes[place], int(code), float(found.scores[place]))
            for place, code in enumerate(found.codes[:MOST_SKETCHED].tolist())
            if found.scores[place] >= self.thresholds[code]
        ]


def _true(boxes_M7: Tensor) -> list[Drawn]:
    rows = boxes_M7[boxes_M7[:, 0] >= 0].double().cpu().numpy()
    return [Drawn(row[1:].reshape(2, 3), int(row[0])) for row in rows]

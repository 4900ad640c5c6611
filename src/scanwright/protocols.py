"""What stages ask of each other when the thing itself lives on a higher floor or differs by kind of problem.

A stage never asks which kind a problem is. It takes a Problem and calls it; the files in `problem/` supply them.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from torch import Tensor

    from scanwright.types import Array, Floats


class Problem(Protocol):
    """What differs between segmentation, classification, regression and detection. Bound to one task."""

    @property
    def name(self) -> str:
        """The kind, as plans and packages name it."""
        ...

    @property
    def primary(self) -> str:
        """Name of the metric that headlines, in [0, 1], higher is better."""
        ...

    @property
    def outputs(self) -> int:
        """Channels of the network's output."""
        ...

    @property
    def losses(self) -> "Sequence[str]":
        """The losses that there are by name; the first is the one that is planned."""
        ...

    @property
    def sees_whole(self) -> bool:
        """Whether an answer is one for the whole image (an encoder gives it), and not of places in it."""
        ...

    @property
    def gives_boxes(self) -> bool:
        """Whether an answer is a number of boxes, which a detector gives."""
        ...

    @property
    def learns_normal(self) -> bool:
        """Whether only what is normal is learned, and what lies far from it is told as abnormal."""
        ...

    @property
    def codes(self) -> Mapping[int, int]:
        """A label file's values to the small codes that are stored and trained on; 0 is background, IGNORE counts not.

        Empty where the target is no label map; `encode` then gives it.
        """
        ...

    def encode(self, target: Any) -> "Floats | None":
        """What is known of a whole image as numbers that the loss takes, (T,) float32, NaN for what is not known.

        target: a case's `target`. None where what is learned is a label map, which is stored beside the image.
        """
        ...

    def loss(
        self, outputs: "Sequence[Tensor]", target: "Tensor", *, name: str = "", class_weights: "Sequence[float]" = ()
    ) -> "Tensor":
        """One scalar from the network's outputs (finest first) and the targets of a batch.

        name: one of `losses`, the first if empty. class_weights: how much each output weighs, as the plan says; empty for all
        alike. outputs: (N, K, D, H, W) and target (N, D, H, W) codes, where IGNORE counts for nothing; of whole images (N, K)
        and (N, T); of boxes (N, P, K + 9) and (N, M, 7), see `network.detector` and `training.losses.boxes`.
        """
        ...

    def probabilities(self, logits: "Tensor") -> "Tensor":
        """Logits to what is averaged over windows and views, same shape: probabilities in [0, 1], or quantities."""
        ...

    def agreement(self, logits: "Tensor", target: "Tensor") -> "Tensor":
        """(K, 2) sums (numerator, denominator) whose ratio is a quick score of each class; addable over batches."""
        ...

    def decode(self, probabilities: "Iterable[Array]") -> "Array":
        """K probability maps of one shape, given one at a time, to a label file's values."""
        ...


IGNORE = 255
"""The code of a voxel that counts for nothing: the task's ignore label, and what lies outside an image."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What long work says while it goes on. stage: one word. done of total, in any unit; total 0 if it is not known.

    left_s: seconds until the stage ends, if known. note: a sentence for people.
    """

    stage: str
    done: float = 0
    total: float = 0
    left_s: float | None = None
    note: str = ""


Listener = Callable[[Progress], None]


def silent(progress: Progress) -> None:
    """A listener that does not listen."""

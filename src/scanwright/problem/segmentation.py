"""Segmentation: what is asked of the network, how it is scored while training, and how its answer becomes labels.

Two cases, decided by the task. Regions that exclude each other are classes of a softmax, background first. Regions that
overlap or nest (whole tumour and its core) are each a sigmoid of their own.

Stored codes: the position of a label value in the task's sorted values; IGNORE where the task says so. A table turns codes
into classes or regions, so that mirrored and interpolated codes are as good as the original.
"""

from collections.abc import Iterable, Sequence
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from scanwright.dataset.task import Task
from scanwright.errors import InputError
from scanwright.figures.overlay import overlay_slices
from scanwright.geometry.grid import Grid
from scanwright.problem.label_maps.answers import LabelMaps
from scanwright.problem.label_maps.told import values_of
from scanwright.protocols import IGNORE
from scanwright.training.losses.dense import deep_supervision_weights, shrink_codes
from scanwright.training.losses.masks import EXCLUSIVE, OVERLAPPING
from scanwright.training.losses.names import loss_named
from scanwright.types import Array

MAX_OVERLAPPING = 64  # regions of one task, a bit each


class Segmentation(LabelMaps):
    """A Kind (see `scanwright.problem.kind`) bound to one task.

    Raises InputError if a region holds a negative value (0, the background, would not be the first code), or if the values
    are more than there are codes beside IGNORE.
    """

    name = "segmentation"
    primary = "dice"
    sees_whole = False
    gives_boxes = False
    learns_normal = False

    def __init__(self, task: Task) -> None:
        self.task = task
        self.values = [value for value in task.values if value != task.ignore]
        if self.values[0] < 0 or len(self.values) > IGNORE:
            raise InputError(
                "label values that cannot be learned",
                expected=f"at most {IGNORE} values, background included, none below 0",
                found=f"{len(self.values)} values from {self.values[0]} to {self.values[-1]}",
                hint="Number the labels from 1, or leave out those that are not wanted (scanwright.json).",
            )
        if len(self.values) * (1 + len(task.partial)) > IGNORE:
            raise InputError(
                "too many sets of regions that were looked for",
                expected=f"at most {IGNORE // len(self.values) - 1} of {len(self.values)} label values",
                found=len(task.partial),
                hint="Look for the same regions in more of the cases, or leave some out.",
            )
        if not task.exclusive and len(task.regions) > MAX_OVERLAPPING:
            raise InputError(
                "too many regions that overlap",
                expected=f"at most {MAX_OVERLAPPING}",
                found=len(task.regions),
                hint="Leave out those that are not wanted (scanwright.json).",
            )

    @property
    def outputs(self) -> int:
        """A channel a region, and one for the background where regions exclude each other."""
        return len(self.task.regions) + (1 if self.task.exclusive else 0)

    @property
    def losses(self) -> tuple[str, ...]:
        """Those of masks that exclude each other, or of masks that may overlap."""
        return tuple(EXCLUSIVE if self.task.exclusive else OVERLAPPING)

    @property
    def codes(self) -> dict[int, int]:
        """Label values to codes: their position in the task's values, IGNORE for the ignore label."""
        ignored = {} if self.task.ignore is None else {self.task.ignore: IGNORE}
        return {value: code for code, value in enumerate(self.values)} | ignored

    @cached_property
    def membership(self) -> Array:
        """(codes, outputs) bool: which outputs a code belongs to."""
        table = np.array([[value in region.values for region in self.task.regions] for value in self.values])
        return np.concatenate([~table.any(axis=1, keepdims=True), table], axis=1) if self.task.exclusive else table

    @cached_property
    def known(self) -> Array:
        """(blocks, outputs) bool: which outputs were looked for in the cases of each block of codes; in the first, all."""
        names = [region.name for region in self.task.regions]
        looked_for = [names, *self.task.partial]
        return np.array([[name in some for name in names] for some in looked_for])

    def loss(
        self, outputs: Sequence[Tensor], target: Tensor, *, name: str = "", class_weights: Sequence[float] = ()
    ) -> Tensor:
        """The named loss of codes (N, D, H, W), summed over deep supervision levels. Overlapping regions take no weights."""
        chosen = name or self.losses[0]
        weights = torch.tensor(class_weights, device=target.device) if class_weights else None
        total = torch.zeros((), device=target.device)
        for weight, logits in zip(deep_supervision_weights(len(outputs)), outputs, strict=True):
            codes = target if logits.shape[2:] == target.shape[1:] else shrink_codes(target, logits.shape[2:])
            total = total + weight * self._loss(logits, codes, weights, chosen)
        return total

    def _loss(self, logits: Tensor, codes: Tensor, weights: Tensor | None, name: str) -> Tensor:
        if self.task.exclusive:
            return loss_named(EXCLUSIVE, name)(logits, self._classes(codes), ignore=IGNORE, weights=weights)
        regions, mask = self._regions(codes)
        return loss_named(OVERLAPPING, name)(logits, regions, mask)

    def probabilities(self, logits: Tensor) -> Tensor:
        """Softmax or sigmoid, float32."""
        return logits.float().softmax(1) if self.task.exclusive else logits.float().sigmoid()

    def agreement(self, logits: Tensor, target: Tensor) -> Tensor:
        """(regions, 2): twice the overlap and the sum of sizes, so that their ratio is Dice."""
        regions, mask = self._regions(target)
        if self.task.exclusive:
            answered = torch.nn.functional.one_hot(logits.argmax(1), self.outputs).movedim(-1, 1)[:, 1:]
            regions = regions[:, 1:]
        else:
            answered = logits > 0
        axes = (0, 2, 3, 4)
        answered, regions = answered * mask, regions * mask
        return torch.stack([2 * (answered * regions).sum(axes), answered.sum(axes) + regions.sum(axes)], 1).double()

    def decode(self, probabilities: Iterable[Array]) -> Array:
        """K probability maps, one at a time, to label values: arg-max, or the value that lies in the regions above one half.

        Where no label value lies in just these regions, they are painted over each other in the task's order. Memory is a few
        maps, whatever K is. Ties go to the earlier class.
        """
        return self._combined(probabilities) if not self.task.exclusive else self._argmax(probabilities)

    def _argmax(self, probabilities: Iterable[Array]) -> Array:
        best: Array | None = None
        labels = np.empty(0)
        for index, probability in enumerate(probabilities):
            if best is None:
                best, labels = probability.copy(), np.zeros(probability.shape, dtype=self.label_dtype)
                continue
            wins = probability > best
            labels[wins] = self.task.region_order[index - 1]
            np.maximum(best, probability, out=best)
        return labels

    def _combined(self, probabilities: Iterable[Array]) -> Array:
        bits: Array | None = None
        for index, probability in zip(range(self.outputs), probabilities, strict=True):
            if bits is None:
                bits = np.zeros(probability.shape, np.uint64)
            bits |= (probability > 0.5).astype(np.uint64) << np.uint64(index)
        if bits is None:
            return np.empty(0)
        found, place = np.unique(bits, return_inverse=True)
        inside = (found[:, None] >> np.arange(self.outputs, dtype=np.uint64)) & np.uint64(1)
        return self._values_of(inside.astype(bool))[place].reshape(bits.shape)

    def _values_of(self, inside: Array) -> Array:
        """Combinations of regions, (n, regions) bool, to label values.

        The painted value, if it lies in just these regions; else the smallest that does; else the painted one all the same.
        """
        painted = np.zeros(len(inside), dtype=self.label_dtype)
        for index, value in enumerate(self.task.region_order):
            painted[inside[:, index]] = value
        exact = {tuple(row): value for row, value in reversed(list(zip(self.membership, self.values, strict=True)))}
        says = {value: tuple(row) for row, value in zip(self.membership, self.values, strict=True)}
        for number, row in enumerate(map(tuple, inside)):
            if says.get(int(painted[number])) != row and row in exact:
                painted[number] = exact[row]
        return painted

    @property
    def label_dtype(self) -> np.dtype[np.unsignedinteger]:
        """The smallest unsigned integers that hold every value, read or written."""
        return np.dtype(np.min_scalar_type(max(*self.task.values, *self.task.region_order)))

    def _classes(self, codes: Tensor) -> Tensor:
        """Codes to class indices, IGNORE kept; (N, *size) int64. Classes exclude each other only where all were looked for."""
        table = torch.full((256,), IGNORE, dtype=torch.int64, device=codes.device)
        table[: len(self.values)] = torch.as_tensor(self.membership.argmax(axis=1), device=codes.device)
        return table[codes.long()]

    def _regions(self, codes: Tensor) -> tuple[Tensor, Tensor]:
        """Codes to (N, outputs, *size) of 0 and 1, and the mask of what counts, (N, 1, *size), or (N, outputs, *size) where
        some regions were not looked for in some cases.
        """
        blocks, count = 1 + len(self.task.partial), len(self.values)
        table = torch.zeros((256, self.outputs), device=codes.device)
        member = torch.as_tensor(self.membership, dtype=torch.float32, device=codes.device)
        table[: blocks * count] = member.repeat(blocks, 1)
        regions = table[codes.long()].movedim(-1, 1)
        if blocks == 1:
            return regions, (codes != IGNORE)[:, None]
        counts = torch.zeros((256, self.outputs), dtype=torch.bool, device=codes.device)
        counts[: blocks * count] = torch.as_tensor(self.known, device=codes.device).repeat_interleave(count, dim=0)
        return regions, counts[codes.long()].movedim(-1, 1)

    def plain(self, codes: Array) -> Array:
        """Stored codes without the block that says what was looked for."""
        return np.where(codes == IGNORE, IGNORE, codes % len(self.values)) if self.task.partial else codes

    def sketch(self, image: Tensor, target: Tensor, answer: Array, *, grid: Grid) -> bytes | None:
        """A validation patch while training: its truth as an outline, and the answer as colour. PNG.

        image (1, C, D, H, W), target: codes (1, D, H, W), answer: probabilities (K, D, H, W). grid: of the patch.
        """
        return overlay_slices(
            image[0].cpu().numpy(),
            truth_IJK=values_of(self.plain(target[0].cpu().numpy()), self.codes),
            prediction_IJK=self.decode(iter(answer)),
            grid=grid,
            regions={region.name: region.values for region in self.task.regions},
            zoom=False,
        )

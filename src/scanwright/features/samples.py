"""What a classical model learns from: features, a target, and whose each case is."""

from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from scanwright.errors import UsageError
from scanwright.features.preparation import checked
from scanwright.types import Array, Floats, Ints


@dataclass(frozen=True, eq=False, slots=True)
class Samples:
    """N cases. features: (N, F) float64, NaN where not known. target: (N,) codes 0 … num_classes - 1, or finite numbers.

    patients: whose each case is; no two folds share one. names: of the F features. num_classes: 0 for numbers.

    Raises UsageError if the lengths differ, a feature is infinite, a code is out of range, or a number is not finite.
    """

    features: Floats
    target: Array
    patients: tuple[Hashable, ...]
    names: tuple[str, ...]
    num_classes: int = 0

    def __post_init__(self) -> None:
        features, target = checked(self.features), np.asarray(self.target)
        cases, columns = features.shape
        if target.shape != (cases,) or len(self.patients) != cases or len(self.names) != columns:
            raise UsageError(
                "features, targets, patients and names must belong together",
                expected=f"{cases} cases with {columns} features",
                found=f"{target.shape} targets, {len(self.patients)} patients, {len(self.names)} names",
            )
        object.__setattr__(self, "features", features)
        object.__setattr__(self, "target", self._checked_target(target))

    def _checked_target(self, target_N: Array) -> Array:
        if not self.num_classes:
            if not np.isfinite(target_N.astype(np.float64)).all():
                raise UsageError("a number to be learned is not finite")
            return target_N.astype(np.float64)
        codes = target_N.astype(np.int64)
        if len(codes) and not 0 <= codes.min() <= codes.max() < self.num_classes:
            found = f"{codes.min()} to {codes.max()}"
            raise UsageError("a code of no class", expected=f"0 to {self.num_classes - 1}", found=found)
        return codes

    def __len__(self) -> int:
        """N, the number of cases."""
        return len(self.target)

    def take(self, cases: Ints) -> Self:
        """The samples of these cases, by index, in this order."""
        indices = np.asarray(cases)
        return replace(
            self,
            features=self.features[indices],
            target=self.target[indices],
            patients=tuple(self.patients[index] for index in indices.tolist()),
        )

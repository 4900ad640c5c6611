"""The data set as the gate looks at it: its cases, their facts, and the sides on which a split puts them."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from scanwright.dataset.cases import Case, Dataset
from scanwright.dataset.facts import CaseFacts
from scanwright.dataset.split import Splits

OWN_SPLIT = "the data set's own split"


@dataclass(frozen=True, kw_only=True)
class Cohort:
    """Cases that could be read whole, with their facts, and how they are split.

    splits: the folds and the test cases. is_given: whether somebody else decided the split (a file, or the data set itself);
    if not, it was or will be made here, and what belongs together can still be kept together.
    """

    dataset: Dataset
    facts: Mapping[str, CaseFacts]
    splits: Splits | None = None
    is_given: bool = False

    @cached_property
    def cases(self) -> tuple[Case, ...]:
        """The cases that have facts, sorted by id."""
        return tuple(case for case in self.dataset.cases if case.id in self.facts)

    @cached_property
    def by_id(self) -> Mapping[str, Case]:
        """The same by their ids."""
        return {case.id: case for case in self.cases}

    @cached_property
    def partitions(self) -> Mapping[str, Mapping[str, str]]:
        """Every way in which cases are set apart: "fold 0" and so on, with the side of each case.

        Sides are "train", "validation" and "test". Where there is no fold, OWN_SPLIT alone.
        """
        apart: dict[str, str] = {case.id: case.split for case in self.cases}
        if self.splits is None or not self.splits.folds:
            named = () if self.splits is None else self.splits.test
            apart |= {name: "test" for name in named if name in apart}
            return {OWN_SPLIT: apart} if "test" in apart.values() else {}
        test = dict.fromkeys([*self.splits.test, *(name for name, side in apart.items() if side == "test")], "test")
        return {
            f"fold {number}": {
                **dict.fromkeys(fold.train, "train"),
                **dict.fromkeys(fold.validation, "validation"),
                **test,
            }
            for number, fold in enumerate(self.splits.folds)
        }

    def parted(self, one: str, other: str) -> tuple[str, str, str] | None:
        """Where two cases lie on two sides: the first such partition and the side of each; None if they never do.

        Cases of which one is in the validation and one in the test part of a fold are on two sides as well.
        """
        for name, sides in self.partitions.items():
            a, b = sides.get(one), sides.get(other)
            if a is not None and b is not None and a != b:
                return name, a, b
        return None

"""One source's labels and targets, said in the names and values of a joint task."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from scanwright.dataset.cases import Boxes, Classes, Quantities, Target
from scanwright.dataset.task import Task
from scanwright.types import Ints


@dataclass(frozen=True, kw_only=True, slots=True)
class Translation:
    """How one source's cases are said in the joint task.

    values: label value to joint value, for every value of the source's task but 0. names: class or quantity to its joint name,
    "" if it is left out. channels: for each joint channel its place among the source's.
    """

    values: Mapping[int, int] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    channels: tuple[int, ...] = (0,)

    @property
    def keeps_values(self) -> bool:
        """Whether a label file can stay as it is."""
        return all(old == new for old, new in self.values.items())


def translated(labels: Ints, values: Mapping[int, int]) -> Ints:
    """A label map in other values, same shape; a value that is not mentioned stays."""
    made = labels.astype(np.int64)
    for old, new in values.items():
        if old != new:
            made[labels == old] = new
    return made


def translated_target(target: Target | None, translation: Translation, *, source: Task, joint: Task) -> Target | None:
    """Classes, numbers or boxes in the names of the joint task; None if nothing of it is left.

    Of several classes (or boxes) that are left out, none is left, and that is an answer; one that excludes all others and is
    left out leaves the case without an answer. Two classes under one name are there where one of them is, and not known where
    one is not known and the other not there. Quantities that the source does not have are unknown.
    """
    names = translation.names
    if isinstance(target, Boxes):
        kept = (box for box in target.boxes if names[box.name])
        return Boxes(boxes=tuple(box.model_copy(update={"name": names[box.name]}) for box in kept))
    if isinstance(target, Classes):
        told, unknown = ({names[name]: None for name in said if names[name]} for said in (target.names, target.unknown))
        unsaid = tuple(name for name in unknown if name not in told)
        is_known = len(unsaid) < len(joint.classes) if joint.choice == "several" else bool(told)
        return Classes(names=tuple(told), unknown=unsaid) if is_known else None
    if isinstance(target, Quantities):
        known = {names[name]: number for name, number in zip(source.quantities, target.numbers, strict=True)}
        numbers = tuple(known.get(name) for name in joint.quantities)
        return Quantities(numbers=numbers) if any(number is not None for number in numbers) else None
    return None

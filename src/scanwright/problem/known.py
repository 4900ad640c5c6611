"""The kinds of problem that this package knows, by the names that tasks, plans and packages carry."""

from collections.abc import Callable, Mapping

from scanwright.dataset.task import Task
from scanwright.problem.classification import Classification
from scanwright.problem.kind import Kind
from scanwright.problem.regression import Regression
from scanwright.problem.segmentation import Segmentation

KINDS: Mapping[str, Callable[[Task], Kind]] = {kind.name: kind for kind in (Segmentation, Classification, Regression)}


def problem_of(task: Task) -> Kind:
    """The problem of a task's kind. Raises KeyError for one that is not known."""
    return KINDS[task.kind](task)

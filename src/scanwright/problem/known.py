"""The kinds of problem that this package knows, by the names that tasks, plans and packages carry."""

from collections.abc import Callable, Mapping

from scanwright.dataset.task import Task
from scanwright.problem.anomaly import Anomaly
from scanwright.problem.classification import Classification
from scanwright.problem.detection import Detection
from scanwright.problem.kind import Kind
from scanwright.problem.regression import Regression
from scanwright.problem.segmentation import Segmentation

MakeKind = Callable[[Task], Kind]
"""What makes a problem of a task: one of KINDS, or a kind from outside this package."""

KINDS: Mapping[str, MakeKind] = {
    kind.name: kind for kind in (Segmentation, Classification, Regression, Detection, Anomaly)
}


def problem_of(task: Task, make: MakeKind | None = None) -> Kind:
    """The problem of a task's kind, or the one that is made of it. Raises KeyError for a kind that is not known."""
    return (make or KINDS[task.kind])(task)

"""ClassicalPlan: a classical model on features of an image, in the place that a network has in the plan."""

from typing import Literal

from scanwright.dataset.task import Frozen
from scanwright.plan.counts import Positive
from scanwright.types import Shape3

Family = Literal["svm", "svm-linear", "svm-rbf", "linear", "forest", "boosting"]
FAMILIES: dict[str, tuple[str, ...]] = {"svm": ("svm-linear", "svm-rbf")}
"""Families of which the better one is taken; the others stand for themselves."""
TITLES: dict[str, str] = {
    "svm": "support vector machine, linear or with a radial kernel",
    "svm-linear": "linear support vector machine",
    "svm-rbf": "support vector machine with a radial kernel",
    "linear": "linear model",
    "forest": "random forest",
    "boosting": "gradient-boosted trees",
}


class ClassicalPlan(Frozen):
    """Which model, on which features.

    family: of which the hyper-parameters are chosen on inner folds of the training cases; "svm" is the better of a linear one
    and one with a radial kernel. features: "fixed", the untrained transform of `features.fixed`.
    """

    features: Literal["fixed"]
    family: Family
    in_channels: Positive
    out_channels: Positive

    @property
    def title(self) -> str:
        """What such a model is called."""
        return TITLES[self.family]

    @property
    def families(self) -> tuple[str, ...]:
        """The families that are tried."""
        return FAMILIES.get(self.family, (self.family,))

    @property
    def stride(self) -> Shape3:
        """Any size can be looked at."""
        return (1, 1, 1)

"""What a classical model is to be: its family, its hyper-parameters, how features are prepared. Plain data."""

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Literal, Self

from pydantic import Field, model_validator

from scanwright.dataset.task import Frozen
from scanwright.features.preparation import Reduction

Target = Literal["classes", "number"]
Family = Literal["svm-linear", "svm-rbf", "linear", "forest", "boosting"]

TREES = 300
DEFAULTS: Mapping[Family, Mapping[str, float]] = {
    "svm-linear": {"C": 1.0, "epsilon": 0.1},
    "svm-rbf": {"C": 1.0, "gamma": 1.0, "epsilon": 0.1},
    "linear": {"C": 1.0},
    "forest": {"trees": TREES, "least_in_leaf": 1},
    "boosting": {"rounds": 100, "depth": 3, "rate": 0.1},
}
GRID: Mapping[Family, Mapping[str, tuple[float, ...]]] = {
    "svm-linear": {"C": (0.1, 0.3, 1.0, 3.0, 10.0, 30.0)},
    "svm-rbf": {"C": (0.3, 1.0, 3.0, 10.0), "gamma": (0.1, 0.3, 1.0, 2.0)},
    "linear": {"C": (0.1, 1.0, 10.0, 100.0, 1000.0)},
    "forest": {"least_in_leaf": (1, 3, 8)},
    "boosting": {"rounds": (50, 150), "depth": (2, 3)},
}
"""What is tried for each family, the simplest model first: of models that do equally well the first one is taken."""


class Recipe(Frozen):
    """One model, as it is to be fitted.

    target: "classes" (a probability each) or "number".
    family: svm-linear, svm-rbf    support vector machines, one against the rest, with Platt's sigmoid; of numbers,
                                   support vector regression (Cortes and Vapnik 1995, Mach Learn 20:273; Drucker et al.
                                   1996, NeurIPS)
            linear                 logistic regression (of more than two classes, multinomial), or ridge regression
            forest                 random forest (Breiman 2001, Mach Learn 45:5)
            boosting               gradient-boosted trees (Friedman 2001, Ann Stat 29:1189)
    parameters: those of DEFAULTS that are to be otherwise. With R the number of prepared features, each of variance 1: C,
        how much an error weighs against the penalty on weights, divided by R where the model is linear (ridge: alpha = R/C);
        gamma, of the kernel exp(-gamma/R |x - y|²). So the same value means the same of ten features and of a thousand.
        epsilon: errors under it do not count, in deviations of the target.
    reduction, components: as `fit_preparation`.
    balanced: each class weighs the same, whatever its frequency. It makes rare classes count, and probabilities other than
        the frequencies that were seen (not those of support vector machines: their sigmoid sees the frequencies).
    """

    target: Target = "classes"
    family: Family
    parameters: dict[str, float] = Field(default_factory=dict)
    reduction: Reduction = "none"
    components: int = Field(default=0, ge=0)
    balanced: bool = False
    seed: int = Field(default=0, ge=0)

    def value(self, name: str) -> float:
        """A hyper-parameter, given or by default."""
        return self.parameters.get(name, DEFAULTS[self.family][name])

    @model_validator(mode="after")
    def _is_sound(self) -> Self:
        unknown = sorted(self.parameters.keys() - DEFAULTS[self.family].keys())
        if unknown:
            known = ", ".join(DEFAULTS[self.family])
            raise ValueError(f"{self.family} has no parameter {', '.join(unknown)}; it has {known}")
        wrong = sorted(name for name, value in self.parameters.items() if value <= 0)
        if wrong:
            raise ValueError(f"parameters must be above 0: {', '.join(wrong)}")
        return self


def candidates(start: Recipe) -> tuple[Recipe, ...]:
    """The recipes of one family's grid, simplest first; parameters that `start` gives stay as they are."""
    return tuple(_filled(start))


def _filled(start: Recipe) -> Iterator[Recipe]:
    free = {name: values for name, values in GRID[start.family].items() if name not in start.parameters}
    for values in product(*free.values()):
        chosen = start.parameters | dict(zip(free, values, strict=True))
        yield start.model_copy(update={"parameters": chosen})

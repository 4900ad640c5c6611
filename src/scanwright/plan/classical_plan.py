"""ClassicalPlan: a classical model on features of an image, in the place that a network has in the plan."""

from typing import Literal, Self

from pydantic import model_validator

from scanwright.dataset.task import Frozen
from scanwright.plan.counts import Positive
from scanwright.plan.encoder_plan import EncoderPlan
from scanwright.plan.radiomic_plan import RadiomicPlan
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
    and one with a radial kernel. features: "fixed", the untrained transform of `features.fixed`; "deep", what `encoder`
    makes of an image before its head, with weights that were learned elsewhere and stay as they are; or "radiomic", those of
    what is outlined in the image, computed as `radiomic` says.
    """

    features: Literal["fixed", "deep", "radiomic"]
    family: Family
    encoder: EncoderPlan | None = None
    radiomic: RadiomicPlan | None = None
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
        """The least size of an image: any, or that of the encoder."""
        return (1, 1, 1) if self.encoder is None else self.encoder.stride

    @model_validator(mode="after")
    def _has_what_it_reads(self) -> Self:
        if (self.features == "deep") is not (self.encoder is not None):
            raise ValueError("deep features are those of an encoder, and others have none")
        if (self.features == "radiomic") is not (self.radiomic is not None):
            raise ValueError("radiomic features are computed as network.radiomic says, and others are not")
        return self

"""The sections of a plan for a classical model on radiomic features of what is outlined, where they differ from `classical`.

Images keep their grey values, and their own resolution as far as they are alike: features mean what IBSI defines.
"""

import math
from typing import Any

from scanwright.dataset.facts import Fingerprint
from scanwright.errors import UsageError
from scanwright.plan import rules
from scanwright.plan.ledger import Ledger
from scanwright.plan.plan import ChannelNormalization, PreprocessPlan
from scanwright.plan.radiomic_plan import THICK, RadiomicPlan, mirp_version, usual_bins
from scanwright.plan.rules import NNUNET, Choice
from scanwright.runtime import Machine
from scanwright.types import Shape3, Triple

IBSI = "Zwanenburg et al. 2020"
WHOLE = (1, 1, 1)
COLOURS = 3


def plan_preprocess(ledger: Ledger, fingerprint: Fingerprint, machine: Machine) -> PreprocessPlan:
    """Grey values as they are, on voxels of one size where there is a scale. Raises UsageError for a side set by hand."""
    axes = ledger.decide("preprocess.axes", rules.choose_axes(fingerprint))
    as_is = tuple(ChannelNormalization(scheme="none") for _ in fingerprint.channels)
    preprocess = ledger.section(
        PreprocessPlan,
        "preprocess",
        {
            "spacing": outlined_spacing(fingerprint, axes),
            "long_side": Choice(None, "pictures keep their pixels", "this package"),
            "crop_to_nonzero": Choice(False, "cut to what is outlined", "this package"),
            "normalization": Choice(as_is, "features are of the grey values themselves", IBSI),
            "image_order": Choice(3, "cubic for images, linear shares for labels", NNUNET),
        },
        axes=axes,
    )
    if preprocess.long_side is not None:
        raise UsageError(
            "every outline would be brought to one size, which is among the features",
            where="--set preprocess.long_side",
            found=preprocess.long_side,
            hint="Leave it out.",
        )
    return preprocess


def outlined_spacing(fingerprint: Fingerprint, axes: Shape3) -> Choice[Triple | None]:
    """Voxels as wide along each axis: of the median volume; of thick slices in the plane only. None without a scale."""
    if fingerprint.unit == "px":
        return Choice(None, "the images have no physical scale", "this package")
    first, *others = (fingerprint.spacing[axis].median for axis in axes)
    if fingerprint.dimension == 2 or is_thick(fingerprint, axes):
        edge = math.sqrt(math.prod(others))
        return Choice((first, rounded(edge), rounded(edge)), "median of the data set, square in the plane", IBSI)
    edge = rounded(math.prod((first, *others)) ** (1 / 3))
    return Choice((edge, edge, edge), "cubes of the median voxel's volume", IBSI)


def is_thick(fingerprint: Fingerprint, axes: Shape3) -> bool:
    """Whether slices are so far apart that textures are described in each."""
    first, *others = (fingerprint.spacing[axis].median for axis in axes)
    return fingerprint.dimension == 3 and first >= THICK * min(others)


def rounded(edge: float) -> float:
    """Three digits."""
    return float(f"{edge:.3g}")


def plan_patch(ledger: Ledger, fingerprint: Fingerprint, preprocess: PreprocessPlan, machine: Machine) -> Shape3:
    """Nothing is filled up: repeated edges would be outlined too. Raises UsageError for a patch set by hand."""
    patch: Shape3 = ledger.decide("batch.patch", Choice(WHOLE, "what is outlined, as it is", "this package"))
    if patch != WHOLE:
        raise UsageError(
            "what is outlined is not filled up",
            where="--set batch.patch",
            expected=WHOLE,
            found=patch,
            hint="Leave it out.",
        )
    return patch


def features(fingerprint: Fingerprint, preprocess: PreprocessPlan) -> dict[str, Choice[Any]]:
    """Which features the model reads, and how they are computed. Raises UsageError where MIRP is absent."""
    first, *_ = fingerprint.channels
    wanted = RadiomicPlan.model_validate(
        {
            **usual_bins(first.modality),
            "by_slice": is_thick(fingerprint, preprocess.axes),
            "library": mirp_version(),
            "colours": [one.modality for one in fingerprint.channels] == COLOURS * ["rgb"],
        }
    )
    return {
        "features": Choice("radiomic", "shape, intensities, texture and colour of what is outlined", IBSI),
        "radiomic": Choice(wanted, "bins by the modality, slices one by one where they are thick", IBSI),
    }

"""How radiomic features are computed: the same for all cases that are compared, and kept with whatever is made of them."""

from importlib.metadata import PackageNotFoundError, version
from typing import Self

from pydantic import Field, model_validator

from scanwright.dataset.task import Frozen, Modality
from scanwright.errors import UsageError

INSTALL = 'pip install "scanwright[radiomics]"'
HOUNSFIELD = (-1000.0, 3000.0)
CT_BIN = 25.0
"""Hounsfield units a bin, as is usual with CT (van Griethuysen et al. 2017, Cancer Res 77:e104)."""
BINS = 32
"""For intensities without a unit, between the smallest and the largest of each region."""
THICK = 2.5
"""Slices so many times as far apart as pixels are described slice by slice: resampled, they would be mostly made up."""


class RadiomicSettings(Frozen):
    """How features are computed; the same for all cases that are compared, and kept with their table.

    spacing: isotropic voxel size that image (cubic) and mask (linear, at least half) are brought to, in the grid's unit;
    in one slice, or by_slice, in the plane only. None: as they are.
    bins: number of equally wide bins between a region's smallest and largest intensity; or bin_width, for intensities with a
    unit (Hounsfield), the first bin beginning at the lower end of intensity_range. One of the two.
    intensity_range: voxels outside it do not belong to the region (IBSI's re-segmentation).
    by_slice: textures in each slice, then averaged: for thick slices. A single slice always is.
    """

    spacing: float | None = Field(default=None, gt=0)
    bins: int | None = Field(default=None, ge=2)
    bin_width: float | None = Field(default=None, gt=0)
    intensity_range: tuple[float, float] | None = None
    by_slice: bool = False

    @model_validator(mode="after")
    def _is_sound(self) -> Self:
        if (self.bins is None) == (self.bin_width is None):
            raise ValueError("give either bins or bin_width")
        if self.bin_width is not None and self.intensity_range is None:
            raise ValueError("bin_width needs an intensity_range, at whose lower end the first bin begins")
        if self.intensity_range is not None and not self.intensity_range[0] < self.intensity_range[1]:
            raise ValueError("an intensity_range goes from a smaller to a larger value")
        return self


def mirp_version() -> str:
    """The library that computes the features, "mirp 2.3". Raises UsageError with the install line where it is absent."""
    try:
        return f"mirp {version('mirp')}"
    except PackageNotFoundError as error:
        raise UsageError("radiomic features need MIRP", hint=f"Install it: {INSTALL}") from error


class RadiomicPlan(RadiomicSettings):
    """The same of a model that reads such features.

    spacing: null, as images come prepared, on voxels of `preprocess.spacing`. library: what computes them. colours: the three
    channels are red, green and blue.
    """

    library: str = Field(default_factory=mirp_version)
    colours: bool = False

    @model_validator(mode="after")
    def _takes_voxels_as_they_are(self) -> Self:
        if self.spacing is not None:
            raise ValueError("no spacing: voxels are brought to preprocess.spacing")
        return self


def usual_bins(modality: Modality) -> dict[str, int | float | tuple[float, float]]:
    """The bins of settings that say none: of CT in Hounsfield units, of all else by the region's own range."""
    return {"bin_width": CT_BIN, "intensity_range": HOUNSFIELD} if modality == "ct" else {"bins": BINS}

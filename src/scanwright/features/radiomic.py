"""Radiomic features of an image and a mask: shape, intensities, texture, and colour where there is any.

Computed by MIRP (Zwanenburg and Löck 2024, JOSS 9:6413), which keeps to the definitions and reference values of the image
biomarker standardisation initiative (IBSI: Zwanenburg et al. 2020, Radiology 295:328). In one slice the shape is `planar`'s.

Names say family and feature: "shape_volume", "intensity_mean", "glcm_contrast" (co-occurrence), "glrlm_" (runs), "glszm_"
(zones), "ngtdm_" (grey tone differences), "ngldm_" (dependences, the GLDM of other software), "colour_" (`colour`).

Of a region of 1,000 voxels or more, Moran's I and Geary's C are estimated from points that MIRP draws by the image's content:
the same for the same image, and nine tenths of the five seconds that a volume of 2,000 voxels takes.
"""

import contextlib
import logging
import re
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from scanwright.errors import GeometryError, UsageError
from scanwright.features.colour import colour_features
from scanwright.features.planar import planar_shape
from scanwright.files import finite_or_none
from scanwright.geometry.affine import is_rigid
from scanwright.geometry.volume import Volume
from scanwright.plan.radiomic_plan import INSTALL, RadiomicSettings, mirp_version
from scanwright.types import JSON, Array, Bools

TEXTURES = ("glcm", "glrlm", "glszm", "ngtdm", "ngldm")
FAMILIES = {
    "morph": "shape",
    "stat": "intensity",
    "cm": "glcm",
    "rlm": "glrlm",
    "szm": "glszm",
    "ngt": "ngtdm",
    "ngl": "ngldm",
}
HOW_COMPUTED = re.compile(r"(_d1)?(_a0\.0)?_(2d|3d)(_[sv]_mrg)?(_fb[ns]_.*)?$")
"""What MIRP adds to a texture's name: distance, dimension, merging and bins, the same in all of one table."""
LUMA = np.array((0.299, 0.587, 0.114))
MARGIN = 8
"""Voxels kept around the mask: what interpolation reaches, at most."""


def radiomic_settings(settings: RadiomicSettings) -> JSON:
    """What is kept with a table: the settings and the library's version."""
    require_mirp()
    return {"features": "radiomic", "library": mirp_version(), **settings.model_dump(mode="json")}


def radiomic_features(
    image: Volume, mask: Volume, settings: RadiomicSettings, *, channels: Sequence[str], rgb: bool = False
) -> dict[str, float | None]:
    """Features by name of the voxels where the mask is not 0; None where a feature is not defined there.

    image: (C, I, J, K), channels named; of several channels each has its intensities and textures, under "channel_name".
    rgb: the three channels are red, green and blue: intensities and textures are of their luma (ITU-R BT.601), and colours
    are described. mask: one channel on the same grid. Voxels that are not finite do not belong to the region.

    Nothing in the region: {}. Raises GeometryError if the grids differ or their axes are not at right angles, UsageError with
    the install line if MIRP is absent.
    """
    _require_one_grid(image, mask)
    region = (mask.voxels[0] != 0) & np.isfinite(image.voxels).all(axis=0)
    planes = {"": np.tensordot(LUMA, image.voxels, axes=1)} if rgb else dict(zip(channels, image.voxels, strict=True))
    spacing = image.grid.spacing
    found: dict[str, float | None] = {}
    if not region.any():
        return found
    flat = image.grid.shape[2] == 1
    if flat:
        found |= planar_shape(region[:, :, 0], image.grid)
    box = _box(region)
    for number, (name, plane) in enumerate(planes.items()):
        families = (*(["morphology"] if number == 0 and not flat else []), "statistics", *TEXTURES)
        measured = _measured(plane[box], region[box], spacing, settings, families, by_slice=flat or settings.by_slice)
        prefix = f"{name}_" if len(planes) > 1 else ""
        found |= {key if key.startswith("shape_") else prefix + key: value for key, value in measured.items()}
    return found | (colour_features(image.voxels[:, region]) if rgb else {})


def _require_one_grid(image: Volume, mask: Volume) -> None:
    if mask.channels != 1 or not image.grid.same_space(mask.grid):
        raise GeometryError(
            "a mask for radiomic features lies on its image's grid",
            expected=repr(image.grid),
            found=repr(mask.grid),
            hint="Resample the mask to its image.",
        )
    if not is_rigid(image.grid.affine):
        raise GeometryError("radiomic features need axes at right angles", found=repr(image.grid))


def _box(region_IJK: Bools) -> tuple[slice, ...]:
    """The region's bounding box with a margin, inside the array."""
    box = []
    for axis, size in enumerate(region_IJK.shape):
        places = np.flatnonzero(region_IJK.any(axis=tuple(other for other in range(3) if other != axis)))
        box.append(slice(max(int(places[0]) - MARGIN, 0), min(int(places[-1]) + 1 + MARGIN, size)))
    return tuple(box)


def _measured(
    plane_IJK: Array,
    region_IJK: Bools,
    spacing: Sequence[float],
    settings: RadiomicSettings,
    families: Sequence[str],
    *,
    by_slice: bool,
) -> dict[str, float | None]:
    """What MIRP finds, under our names. It takes arrays as (K, J, I)."""
    mirp = require_mirp()
    with _quiet():
        image, mask = _as_mirp(np.where(np.isfinite(plane_IJK), plane_IJK, 0), region_IJK, spacing)
        tables = mirp.extract_features(
            image=image,
            mask=mask,
            write_features=False,
            export_features=True,
            by_slice=by_slice,
            new_spacing=settings.spacing,
            resegmentation_intensity_range=None if settings.intensity_range is None else [*settings.intensity_range],
            base_feature_families=list(families),
            base_discretisation_method="fixed_bin_number" if settings.bins else "fixed_bin_size",
            base_discretisation_n_bins=settings.bins,
            base_discretisation_bin_width=settings.bin_width,
        )
    if not tables:
        return {}
    row = tables[0].iloc[0].to_dict()
    return {name: finite_or_none(float(value)) for key, value in row.items() if (name := feature_name(key)) is not None}


def feature_name(key: str) -> str | None:
    """Our name of a column of MIRP's, None for those that describe the image.

    >>> feature_name("cm_contrast_d1_3d_v_mrg_fbn_n32"), feature_name("morph_volume"), feature_name("image_modality")
    ('glcm_contrast', 'shape_volume', None)
    """
    family, _, rest = key.partition("_")
    return f"{FAMILIES[family]}_{HOW_COMPUTED.sub('', rest)}" if family in FAMILIES else None


def _as_mirp(plane_IJK: Array, region_IJK: Bools, spacing: Sequence[float]) -> tuple[Any, Any]:
    from mirp.data_import.import_image import import_image
    from mirp.data_import.import_mask import import_mask

    steps = tuple(float(step) for step in spacing[::-1])
    (image,) = import_image(np.ascontiguousarray(plane_IJK.T, dtype=np.float64), sample_name="case", stack_images="no")
    (mask,) = import_mask(np.ascontiguousarray(region_IJK.T, dtype=np.int64), sample_name="case")
    image.image_spacing = mask.image_spacing = steps
    return image, mask


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """MIRP reports to standard output through the root logger, if nobody else listens there: somebody does."""
    listener = logging.NullHandler()
    logging.getLogger().addHandler(listener)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what is not defined comes back as NaN
            yield
    finally:
        logging.getLogger().removeHandler(listener)


def require_mirp() -> Any:
    """The mirp module. Raises UsageError with the install line where it is absent."""
    try:
        import mirp
    except ImportError as error:
        raise UsageError("radiomic features need MIRP", hint=f"Install it: {INSTALL}") from error
    return mirp

"""What radiomic features are called where a person reads of them: groups of columns, in words."""

from collections.abc import Mapping, Sequence

from scanwright.features.radiomic import TEXTURES

TITLES: Mapping[str, str] = {
    "shape": "shape",
    "intensity": "intensities (first order)",
    **dict.fromkeys(TEXTURES, "texture"),
    "colour": "colour",
}


def radiomic_groups(names: Sequence[str], channels: Sequence[str]) -> dict[str, list[int]]:
    """Columns by what they tell: shape, intensities, texture, colour; of several channels the channel before the latter.

    names: channels by number, as in "channel_1_glcm_contrast". channels: their names.

    >>> radiomic_groups(["shape_area", "channel_0_glcm_contrast", "channel_1_intensity_mean"], ["dwi", "adc"])
    {'shape': [0], 'dwi: texture': [1], 'adc: intensities (first order)': [2]}
    """
    groups: dict[str, list[int]] = {}
    for column, name in enumerate(names):
        before, own = "", name
        if name.startswith("channel_"):
            _, number, own = name.split("_", 2)
            before = f"{channels[int(number)]}: "
        groups.setdefault(before + TITLES[own.partition("_")[0]], []).append(column)
    return groups

"""Colour as numbers: hue, saturation and value, and CIE L*a*b*, of the pixels of a region.

For Doppler ultrasound, endoscopy, microscopy, dermoscopy: wherever what a colour is matters and not how bright a channel is.
Sources: Smith 1978, SIGGRAPH Comput Graph 12:12 (HSV); IEC 61966-2-1:1999 (sRGB, white point D65); CIE 15:2004 (L*a*b*).
"""

import numpy as np

from scanwright.types import Array, Floats

QUANTILES = (0.1, 0.5, 0.9)
LEAST_SATURATION = 0.05
"""Pixels with less have no hue to speak of: that of grey is rounding."""
TO_XYZ = np.array(
    ((0.4124564, 0.3575761, 0.1804375), (0.2126729, 0.7151522, 0.0721750), (0.0193339, 0.1191920, 0.9503041))
)
WHITE = np.array((0.95047, 1.0, 1.08883))


def colour_features(pixels_3N: Array) -> dict[str, float | None]:
    """Statistics of the sRGB colours (3, N) of a region, N >= 1: unsigned whole numbers, or shares of 1.

    Of saturation, value, lightness (L*), a*, b* and chroma: mean, deviation and quantiles. Of hue, which is an angle: mean
    direction as cosine and sine, and how much the hues agree, in [0, 1] (Mardia and Jupp 2000, Directional Statistics), both
    of pixels that have a hue, and their share; None where none has.
    """
    rgb_N3 = as_shares(pixels_3N).T
    hsv, lab = to_hsv(rgb_N3), to_lab(rgb_N3)
    columns = {
        "saturation": hsv[:, 1],
        "value": hsv[:, 2],
        "lightness": lab[:, 0],
        "lab_a": lab[:, 1],
        "lab_b": lab[:, 2],
        "chroma": np.hypot(lab[:, 1], lab[:, 2]),
    }
    found: dict[str, float | None] = {}
    for name, values in columns.items():
        found[f"colour_{name}_mean"] = float(values.mean())
        found[f"colour_{name}_deviation"] = float(values.std())
        for level, value in zip(QUANTILES, np.quantile(values, QUANTILES).tolist(), strict=True):
            found[f"colour_{name}_quantile_{level:g}"] = value
    return found | _of_hue(hsv)


def _of_hue(hsv_N3: Floats) -> dict[str, float | None]:
    coloured = hsv_N3[:, 1] >= LEAST_SATURATION
    share = {"colour_hue_share": float(coloured.mean())}
    if not coloured.any():
        return {**share, "colour_hue_cosine": None, "colour_hue_sine": None, "colour_hue_agreement": None}
    mean = np.exp(2j * np.pi * hsv_N3[coloured, 0]).mean()
    agreement = float(abs(mean))
    return {
        **share,
        "colour_hue_cosine": float(mean.real / agreement) if agreement > 0 else None,
        "colour_hue_sine": float(mean.imag / agreement) if agreement > 0 else None,
        "colour_hue_agreement": agreement,
    }


def as_shares(pixels: Array) -> Floats:
    """Values in [0, 1]: unsigned whole numbers over the largest of their type, others as they are, cut to the range."""
    largest = np.iinfo(pixels.dtype).max if pixels.dtype.kind == "u" else 1.0
    return np.clip(pixels.astype(np.float64) / largest, 0, 1)


def to_hsv(rgb_N3: Floats) -> Floats:
    """(N, 3) hue, saturation and value, each in [0, 1], of (N, 3) red, green, blue in [0, 1]; grey has hue 0."""
    high, low = rgb_N3.max(axis=1), rgb_N3.min(axis=1)
    span = high - low
    red, green, blue = rgb_N3.T
    safe = np.where(span > 0, span, 1)
    hue = np.select(
        [span <= 0, high == red, high == green],
        [0.0, (green - blue) / safe % 6, (blue - red) / safe + 2],
        (red - green) / safe + 4,
    )
    saturation = np.divide(span, high, out=np.zeros_like(high), where=high > 0)
    return np.stack([hue / 6, saturation, high], axis=1)


def to_lab(rgb_N3: Floats) -> Floats:
    """(N, 3) L* in [0, 100], a* and b* of (N, 3) sRGB values in [0, 1]."""
    linear = np.where(rgb_N3 <= 0.04045, rgb_N3 / 12.92, ((rgb_N3 + 0.055) / 1.055) ** 2.4)
    scaled = linear @ TO_XYZ.T / WHITE
    edge = (6 / 29) ** 3
    x, y, z = np.where(scaled > edge, np.cbrt(scaled), scaled / (3 * (6 / 29) ** 2) + 4 / 29).T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1)

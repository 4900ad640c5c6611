"""The planner's rules: one pure function a decision, each giving a value, its reason and its source.

Triples come in canonical order (x, y, z) from the fingerprint and leave in network order (D, H, W). "nnU-Net" is
Isensee et al. 2021, Nat Methods 18:203; "measured" means: compared with its neighbours in docs/design/0004-rules.md.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Generic, Literal, TypeVar

from scanwright.dataset.facts import ChannelPrint, Fingerprint, Spread
from scanwright.plan.plan import ChannelNormalization, NetworkPlan
from scanwright.types import Shape3, Triple, three

T = TypeVar("T")

NNUNET = "nnU-Net, Isensee et al. 2021"
MEASURED = "measured, docs/design/0004-rules.md"
DEFAULT = "a default, not yet compared with its neighbours"

ANISOTROPIC = 3.0
"""Ratio of voxel edges (and of voxel counts) from which a volume counts as thick slices."""

SMALLEST_FEATURE_MAP = 4
UNEVEN = 10.0
GRACE = 0.95
"""A patch this much shorter than an image still counts as the whole of it."""
FINEST_DIAMETER = 10
"""Voxels across the smallest region that coarser edges must leave."""
SMALLEST_WEIGHT = 0.01
COLOUR_RANGES = 1.0, 255.0, 65535.0
"""Largest values of colour as fractions, bytes and 16-bit numbers."""
WIDEST = {2: 512, 3: 320}
Decide = Literal["probable", "youden"]
"""What a plan decides by unless it is set by hand."""


@dataclass(frozen=True, slots=True)
class Choice(Generic[T]):
    """A decided value with its reason and source."""

    value: T
    reason: str
    source: str


def choose_dims(fingerprint: Fingerprint, source: str) -> Choice[Literal[2, 3]]:
    """As many dimensions as the images have."""
    return Choice(2 if fingerprint.dimension == 2 else 3, f"the images are {fingerprint.dimension}-D", source)


def choose_axes(fingerprint: Fingerprint) -> Choice[Shape3]:
    """Network order of the canonical axes: the coarsest first, so that slices lie in H and W; ties keep z, y, x."""
    if fingerprint.flat_axis is not None:
        rest = [axis for axis in (2, 1, 0) if axis != fingerprint.flat_axis]
        return Choice((fingerprint.flat_axis, rest[0], rest[1]), "one slice: its axis comes first", "this package")
    spacing = [axis.median for axis in fingerprint.spacing]
    order = sorted((2, 1, 0), key=lambda axis: -round(spacing[axis], 3))
    named = "xyz"[order[0]]
    return Choice((order[0], order[1], order[2]), f"the coarsest axis ({named}) comes first", NNUNET)


def choose_spacing(fingerprint: Fingerprint, axes: Shape3) -> Choice[Triple | None]:
    """Median voxel edges; with thick slices, the 10th percentile of the slice distance, so that detail is not lost."""
    if fingerprint.unit == "px":
        return Choice(None, "the images have no physical scale", "this package")
    edges = [fingerprint.spacing[axis] for axis in axes]
    shape = [fingerprint.body_shape[axis].median for axis in axes]
    median = [edge.median for edge in edges]
    thick = median[0] / max(median[1:]) > ANISOTROPIC and max(shape[1:]) / shape[0] > ANISOTROPIC
    if thick and fingerprint.dimension == 3:
        first = max(edges[0].p10, max(median[1:]))
        return Choice((first, median[1], median[2]), "median; 10th percentile across the thick slices", NNUNET)
    return Choice((median[0], median[1], median[2]), "median of the data set", NNUNET)


def coarsen(
    native: Choice[Triple | None], fingerprint: Fingerprint, axes: Shape3, *, most_voxels: int
) -> Choice[Triple | None]:
    """Coarser edges where a patch of `most_voxels` would see a small part of the image, and the regions are large enough.

    The finest axes are coarsened first, until the whole median image has `most_voxels`, but never so far that the smallest
    region (10th percentile) would be less than `FINEST_DIAMETER` voxels across. What is small therefore stays as it is.
    """
    if native.value is None or fingerprint.unit != "mm" or fingerprint.dimension == 2:
        return native
    volumes = [region.volume.p10 for region in fingerprint.regions if region.volume]
    extent = [
        (fingerprint.body_extent if choose_crop(fingerprint).value else fingerprint.extent)[axis].median
        for axis in axes
    ]
    smallest_mm = 10 * (6 * min(volumes, default=0.0) / math.pi) ** (1 / 3)  # diameter of a ball of that many ml
    low, high = 0.0, smallest_mm / FINEST_DIAMETER
    if voxels_at(high, native.value, extent) < most_voxels:
        for _ in range(40):
            middle = (low + high) / 2
            low, high = (middle, high) if voxels_at(middle, native.value, extent) > most_voxels else (low, middle)
    edges = coarser(native.value, round(high, 2))
    if edges == native.value:
        return native
    return Choice(edges, "coarser, so that a patch sees more of the image; the regions are large enough", MEASURED)


def voxels_at(edge: float, spacing: Triple, extent: Sequence[float]) -> float:
    """Voxels of an image whose axes are coarsened to at least `edge`."""
    return prod(length / one for length, one in zip(extent, coarser(spacing, edge), strict=True))


def coarser(spacing: Triple, edge: float) -> Triple:
    """Voxel edges of at least `edge`."""
    d, h, w = (max(edge, one) for one in spacing)
    return d, h, w


def choose_long_side(fingerprint: Fingerprint, axes: Shape3, *, most_voxels: int) -> Choice[int | None]:
    """For pictures: one length for the longer side, since without a scale the field of view is the best yardstick."""
    if fingerprint.unit != "px":
        return Choice(None, "the images have a physical scale", "this package")
    median = max(fingerprint.shape[axis].median for axis in axes[1:])
    side = min(median, math.sqrt(most_voxels))
    value = max(32, int(side / 32) * 32)
    return Choice(value, f"median longer side {median:.0f} px, at most {most_voxels} pixels a patch", DEFAULT)


def choose_mirror(fingerprint: Fingerprint, axes: Shape3) -> Choice[tuple[bool, bool, bool]]:
    """Mirror left and right, and only where the data show no side: bodies are symmetric that way, never head to foot.

    A region has a side if its centre lies off the middle by more than half of what it varies by (80 % of the cases).
    """
    sided = [region.name for region in fingerprint.regions if region.center and has_side(region.center[0])]
    known = any(region.center for region in fingerprint.regions)
    if sided or not known:
        return Choice((False, False, False), f"one-sided: {', '.join(sided[:3]) or 'unknown'}", MEASURED)
    wanted = [axis == 0 for axis in axes]
    return Choice((wanted[0], wanted[1], wanted[2]), "no region has a side: left and right are mirrored", MEASURED)


def has_side(place: Spread) -> bool:
    """Whether positions from left (0) to right (1) are off the middle by more than half of their 10-to-90 range."""
    return abs(place.median - 0.5) > 0.5 * (place.p90 - place.p10)


def choose_crop(fingerprint: Fingerprint) -> Choice[bool]:
    """Cut the border of exact zeros where it is more than a tenth of the image; otherwise leave the image whole."""
    share = fingerprint.body_fraction.median
    return Choice(share < 0.9, f"the box of non-zero voxels is {share:.0%} of the image (median)", NNUNET)


def choose_normalization(channel: ChannelPrint, *, body_fraction: float) -> Choice[ChannelNormalization]:
    """By modality: CT by the data set's Hounsfield statistics, colour by its range, pictures by percentile, else z-score."""
    pooled = channel.foreground or channel.whole
    if channel.modality == "ct":
        value = ChannelNormalization(scheme="ct", low=pooled.p005, high=pooled.p995, mean=pooled.mean, std=pooled.std)
        of = "of whole images" if channel.foreground is None else "of the foreground"
        return Choice(value, f"CT: clip to {pooled.p005:.0f} … {pooled.p995:.0f} HU, mean and spread {of}", NNUNET)
    if channel.modality == "rgb":
        high = next((top for top in COLOUR_RANGES if channel.whole.max <= top), channel.whole.max)
        return Choice(ChannelNormalization(scheme="range", low=0, high=high), "colour: one fixed range", NNUNET)
    if channel.modality in ("xray", "us"):
        return Choice(ChannelNormalization(scheme="percentile"), "no unit, burned-in extremes clipped", "this package")
    if body_fraction < 0.75:
        return Choice(ChannelNormalization(scheme="zscore_nonzero"), "no unit, surroundings set to zero", NNUNET)
    return Choice(ChannelNormalization(scheme="zscore"), "no unit: mean 0 and spread 1 in each case", NNUNET)


def choose_class_weights(fingerprint: Fingerprint, *, outputs: int) -> Choice[tuple[float, ...]]:
    """Weights of background and regions in the cross-entropy where the commonest region is ten times the rarest.

    The inverse square root of the share of voxels, background 1. Rare structures then emerge in hundreds of steps, not
    thousands. None where regions overlap (one output fewer than classes) or do not differ that much.
    """
    shares = [region.share.median if region.share else 0.0 for region in fingerprint.regions]
    if outputs != len(shares) + 1 or min(shares) <= 0 or max(shares) < UNEVEN * min(shares):
        return Choice((), "regions are of like size, or overlap", MEASURED)
    inverse = [round((fingerprint.background_share / share) ** 0.5, 2) for share in shares]
    weights = (1.0, *(max(SMALLEST_WEIGHT, weight) for weight in inverse))  # there may be no background at all
    return Choice(weights, f"the commonest region is {max(shares) / min(shares):.0f} times the rarest", MEASURED)


def most_probable(fingerprint: Fingerprint) -> Choice[Decide]:
    """What is most probable is said."""
    return Choice("probable", "what is most probable is said", "this package")


def choose_strides(patch: Shape3, spacing: Triple, *, most_levels: int = 6) -> list[Shape3]:
    """Halve an axis while its feature map stays at least 4 and it is not much coarser than the finest axis."""
    size, edges = [float(length) for length in patch], list(spacing)
    strides: list[Shape3] = [(1, 1, 1)]
    while len(strides) < most_levels:
        usable = [axis for axis in range(3) if size[axis] >= 2 * SMALLEST_FEATURE_MAP]
        if not usable:
            break
        finest = min(edges[axis] for axis in usable)
        halve = [axis in usable and edges[axis] / finest < 2 for axis in range(3)]
        strides.append(three([2 if half else 1 for half in halve]))
        size = [length / 2 if half else length for length, half in zip(size, halve, strict=True)]
        edges = [edge * 2 if half else edge for edge, half in zip(edges, halve, strict=True)]
    return strides


def choose_kernels(strides: Sequence[Shape3], spacing: Triple, *, flat: bool) -> list[Shape3]:
    """3 along an axis once its voxels are at most twice the finest; 1 before that, so that thick slices do not mix early."""
    edges = list(spacing)
    kernels: list[Shape3] = []
    for stride in strides:
        edges = [edge * step for edge, step in zip(edges, stride, strict=True)]
        finest = min(edges[1:] if flat else edges)
        wide = [3 if edge / finest < 2 else 1 for edge in edges]
        kernels.append(three([1, *wide[1:]] if flat else wide))
    return kernels


def choose_patch(shape: Triple, spacing: Triple, *, most_voxels: int, flat: bool) -> Choice[Shape3]:
    """The whole median image if it fits, else a box of equal physical edges, of about `most_voxels`.

    Lengths are rounded up so that they can be halved as often as they are long (to a multiple of 4, 8, 16 or 32), by which a
    patch can grow beyond `most_voxels`: by a sixth as a rule, by half at times.
    """
    if flat:
        edge = math.sqrt(most_voxels)
        size = [1.0, min(shape[1], edge), min(shape[2], edge)]
    else:
        size = _isotropic(shape, spacing, most_voxels=most_voxels)
    rounded = three([1 if flat and axis == 0 else round_up(length) for axis, length in enumerate(size)])
    whole = all(have >= GRACE * want for have, want in zip(rounded, shape, strict=True))
    reason = "the whole median image" if whole else f"equal edges in space, at most {most_voxels} voxels"
    return Choice(rounded, f"{reason} (median {_times(shape)})", NNUNET)


def _isotropic(shape: Triple, spacing: Triple, *, most_voxels: int) -> list[float]:
    """Edge lengths in voxels of the largest box of equal physical edges, cut to the image, with at most `most_voxels`."""
    low, high = 0.0, max(length * edge for length, edge in zip(shape, spacing, strict=True))
    for _ in range(40):
        middle = (low + high) / 2
        size = [min(length, middle / edge) for length, edge in zip(shape, spacing, strict=True)]
        low, high = (middle, high) if prod(size) <= most_voxels else (low, middle)
    return [min(length, low / edge) for length, edge in zip(shape, spacing, strict=True)]


def round_up(length: float) -> int:
    """The next multiple of 32 from 128 on, of 16 from 64 on, of 8 from 12 on, of 4 below, with 5 % of grace downwards."""
    step = 32 if length >= 128 else 16 if length >= 64 else 8 if length >= 12 else 4
    return max(step, math.ceil(length * GRACE / step) * step)


def windows_along(length: int, patch: int, *, step_share: float) -> int:
    """How many windows cover `length` voxels of one axis, at most `step_share` of a patch apart; 1 if a patch does."""
    return 1 if length <= patch else 1 + math.ceil((length - patch) / max(1, int(patch * step_share)))


def num_windows(shape: Shape3, patch: Shape3, *, step_share: float) -> int:
    """How many windows cover an image; one that is smaller than a patch is padded and counts as one."""
    return prod(windows_along(n, p, step_share=step_share) for n, p in zip(shape, patch, strict=True))


def choose_widths(base: int, levels: int, *, dims: Literal[2, 3]) -> list[int]:
    """Twice the features at each level, up to sixteen times the finest and to a limit."""
    return [min(base * 2**level, 16 * base, WIDEST[dims]) for level in range(levels)]


def network(
    patch: Shape3,
    spacing: Triple,
    *,
    dims: Literal[2, 3],
    base: int,
    fold: Shape3,
    channels: int,
    outputs: int,
    strides: Sequence[Shape3] | None = None,
) -> NetworkPlan:
    """The U-Net for a patch: folded at the entrance, then halved level by level, or by the strides given."""
    inner = three([length // step for length, step in zip(patch, fold, strict=True)])
    inner = (1, *inner[1:]) if dims == 2 else inner  # a 2-D network takes slices one by one
    edges: Triple = tuple(edge * step for edge, step in zip(spacing, fold, strict=True))  # type: ignore[assignment]
    if strides is None:
        strides = choose_strides(inner, edges)
        if max(fold) > 1:  # folding is one halving more than a long patch is rounded for
            strides = [stride for level, stride in enumerate(strides) if _divides(strides[: level + 1], inner)]
    return NetworkPlan(
        dims=dims,
        in_channels=channels,
        out_channels=outputs,
        widths=tuple(choose_widths(base, len(strides), dims=dims)),
        strides=tuple(strides),
        kernels=tuple(choose_kernels(strides, edges, flat=dims == 2)),
        blocks=2,
        residual=False,
        fold=fold,
        deep_supervision=False,
    )


def _divides(strides: Sequence[Shape3], size: Shape3) -> bool:
    """Whether a size can be divided by all of the strides, one after the other."""
    return all(length % prod(axis) == 0 for length, axis in zip(size, zip(*strides, strict=True), strict=True))


def _times(shape: Sequence[float]) -> str:
    return " x ".join(f"{length:.0f}" for length in shape)

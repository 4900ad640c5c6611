import math
from math import prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plan_samples import fingerprint, intensity
from scanwright.dataset.facts import ChannelPrint, Fingerprint
from scanwright.plan import rules
from scanwright.plan.rules import Choice

Triple = tuple[float, float, float]
Shape = tuple[int, int, int]


# --- axes and spacing


@pytest.mark.parametrize(("spacing", "axes"), [
    ((1, 1, 1), (2, 1, 0)),
    ((0.7, 0.7, 5), (2, 1, 0)),
    ((5, 0.7, 0.7), (0, 2, 1)),
    ((0.7, 5, 0.7), (1, 2, 0)),
    ((0.70004, 0.7, 0.7), (2, 1, 0)),
])  # fmt: skip
def test_choose_axes__the_coarsest_first_ties_keep_z_y_x(spacing: Triple, axes: Shape) -> None:
    assert rules.choose_axes(fingerprint(spacing=spacing)).value == axes


def test_choose_axes__a_single_slice_comes_first_however_thin() -> None:
    assert rules.choose_axes(fingerprint((1, 80, 90), (0.1, 1, 1))).value == (0, 2, 1)
    assert rules.choose_axes(fingerprint((300, 200, 1), unit="px")).value == (2, 1, 0)


def test_choose_spacing__the_median_in_network_order() -> None:
    found = fingerprint((100, 90, 80), (0.8, 0.9, 1.5))
    assert rules.choose_spacing(found, (2, 1, 0)).value == (1.5, 0.9, 0.8)


@pytest.mark.parametrize(("spacing", "p10", "shape", "first"), [
    ((0.7, 0.7, 5.0), 2.5, (400, 400, 40), 2.5),   # thick: the tenth percentile
    ((0.7, 0.7, 5.0), 0.5, (400, 400, 40), 0.7),   # never finer than within the slice
    ((0.7, 0.7, 2.0), 1.0, (400, 400, 40), 2.0),   # not three times coarser: the median
    ((0.7, 0.7, 5.0), 2.5, (100, 100, 40), 5.0),   # not three times fewer slices: the median
    ((0.7, 0.7, 5.0), 2.5, (100, 100, 1), 5.0),    # a single slice
])  # fmt: skip
def test_choose_spacing__thick_slices(spacing: Triple, p10: float, shape: Triple, first: float) -> None:
    found = fingerprint(shape, spacing, spacing_p10=(spacing[0], spacing[1], p10))
    chosen = rules.choose_spacing(found, (2, 1, 0))
    assert chosen.value == (first, 0.7, 0.7)
    assert ("10th percentile" in chosen.reason) is (first != spacing[2])


def coarsened(found: Fingerprint, *, most_voxels: int = 110_000) -> Choice[Triple | None]:
    return rules.coarsen(rules.choose_spacing(found, (2, 1, 0)), found, (2, 1, 0), most_voxels=most_voxels)


def test_coarsen__until_a_patch_holds_the_image_finest_axes_first() -> None:
    large = fingerprint((100, 100, 50), (1, 1, 3), volume=500.0)  # 100 x 100 x 150 mm, regions 98 mm across
    assert coarsened(large, most_voxels=50 * 50 * 50).value == (3.0, 2.0, 2.0)
    assert coarsened(large, most_voxels=25 * 25 * 37).value == pytest.approx((4.02, 4.02, 4.02), abs=0.02)
    assert "coarser" in coarsened(large).reason


def test_coarsen__small_regions_keep_ten_voxels_across() -> None:
    small = fingerprint((200, 200, 200), volume=4 / 3 * math.pi)  # a ball of 10 mm radius in ml
    assert coarsened(small).value == (2.0, 2.0, 2.0)
    assert coarsened(fingerprint((200, 200, 200), volume=0.1)).value == (1, 1, 1)


def test_coarsen__leaves_what_fits_and_what_has_no_scale() -> None:
    assert coarsened(fingerprint((40, 40, 40), volume=500.0)).value == (1, 1, 1)
    assert coarsened(fingerprint((900, 700, 1), unit="px", volume=500.0)).value is None
    assert coarsened(fingerprint((900, 700, 1), volume=500.0)).value == (1, 1, 1)
    assert coarsened(fingerprint((900, 700, 90), shares=())).value == (1, 1, 1)


def test_choose_spacing_and_long_side__pictures_have_the_one_and_not_the_other() -> None:
    found = fingerprint((1000, 700, 1), unit="px")
    assert rules.choose_spacing(found, (2, 1, 0)).value is None
    assert rules.choose_long_side(found, (2, 1, 0), most_voxels=256 * 256).value == 256
    assert rules.choose_long_side(fingerprint(), (2, 1, 0), most_voxels=256 * 256).value is None


@pytest.mark.parametrize(
    ("shape", "side"), [((150, 100, 1), 128), ((40, 20, 1), 32), ((20, 10, 1), 32), ((256, 9, 1), 256)]
)
def test_choose_long_side__whole_multiples_of_32_of_small_pictures(shape: Triple, side: int) -> None:
    assert rules.choose_long_side(fingerprint(shape, unit="px"), (2, 1, 0), most_voxels=256 * 256).value == side


@pytest.mark.parametrize(("share", "crop"), [(0.89, True), (0.91, False)])
def test_choose_crop__where_a_tenth_can_be_saved(share: float, crop: bool) -> None:
    chosen = rules.choose_crop(fingerprint(body_fraction=share))
    assert chosen.value is crop and f"{share:.0%}" in chosen.reason


# --- intensities


def channel(modality: str, *, foreground: bool = True, highest: float = 200) -> ChannelPrint:
    return ChannelPrint(
        name="c",
        modality=modality,  # type: ignore[arg-type]
        foreground=intensity(p005=-80, p995=220, mean=60, std=25) if foreground else None,
        whole=intensity(p005=-1000, p995=1500, max=highest, mean=-300, std=500),
    )


@pytest.mark.parametrize(("modality", "body", "scheme"), [
    ("ct", 0.3, "ct"), ("mr", 1.0, "zscore"), ("mr", 0.5, "zscore_nonzero"), ("other", 0.74, "zscore_nonzero"),
    ("other", 0.75, "zscore"), ("xray", 0.3, "percentile"), ("us", 1.0, "percentile"), ("rgb", 1.0, "range"),
])  # fmt: skip
def test_choose_normalization__by_modality(modality: str, body: float, scheme: str) -> None:
    assert rules.choose_normalization(channel(modality), body_fraction=body).value.scheme == scheme


def test_choose_normalization__ct_by_the_foreground_or_all_voxels_where_there_is_none() -> None:
    inside = rules.choose_normalization(channel("ct"), body_fraction=1).value
    assert (inside.low, inside.high, inside.mean, inside.std) == (-80, 220, 60, 25)
    whole = rules.choose_normalization(channel("ct", foreground=False), body_fraction=1).value
    assert (whole.low, whole.high, whole.mean, whole.std) == (-1000, 1500, -300, 500)


@pytest.mark.parametrize(("highest", "high"), [(1, 1), (0.99, 1), (255, 255), (180, 255), (256, 65535), (1e6, 1e6)])
def test_choose_normalization__colour_by_the_range_of_its_type(highest: float, high: float) -> None:
    value = rules.choose_normalization(channel("rgb", highest=highest), body_fraction=1).value
    assert (value.low, value.high) == (0, high)


# --- classes


def test_choose_class_weights__by_hand() -> None:
    """Background 0.79, regions 0.2 and 0.01: the square roots of 0.79 / 0.2 and 0.79 / 0.01."""
    found = fingerprint(shares=(0.2, 0.01))
    assert rules.choose_class_weights(found, outputs=3).value == (1.0, 1.99, 8.89)


def test_choose_class_weights__without_any_background_no_weight_is_zero() -> None:
    assert rules.choose_class_weights(fingerprint(shares=(0.95, 0.05)), outputs=3).value == (1.0, 0.01, 0.01)


@pytest.mark.parametrize(("shares", "outputs"), [((0.2, 0.03), 3), ((0.2, 0.01), 2), ((0.01,), 2)])
def test_choose_class_weights__none_for_like_sizes_or_overlapping_regions(
    shares: tuple[float, ...], outputs: int
) -> None:
    assert rules.choose_class_weights(fingerprint(shares=shares), outputs=outputs).value == ()


# --- patch


@pytest.mark.parametrize(("length", "rounded"), [
    (1, 4), (4, 4), (4.2, 4), (4.3, 8), (8.4, 8), (11, 12), (12, 16), (16.8, 16), (17, 24), (50, 48), (51, 56), (63, 64),
    (67, 64), (68, 80), (127, 128), (128, 128), (134, 128), (135, 160), (512, 512),
])  # fmt: skip
def test_round_up__to_what_can_be_halved(length: float, rounded: int) -> None:
    assert rules.round_up(length) == rounded


@given(st.floats(1, 2000))
def test_round_up__never_cuts_more_than_a_twentieth(length: float) -> None:
    assert length * 0.95 <= rules.round_up(length) <= max(length + 4, length * 1.5)


def test_choose_patch__the_whole_median_image_where_it_fits() -> None:
    chosen = rules.choose_patch((35, 47, 35), (1, 1, 1), most_voxels=110_000, flat=False)
    assert chosen.value == (40, 48, 40) and "whole" in chosen.reason


def test_choose_patch__equal_edges_in_space_where_it_does_not() -> None:
    """10 mm slices of 1 mm pixels: a box of about 144 mm has 14 slices of 144 x 144."""
    chosen = rules.choose_patch((100, 400, 400), (10, 1, 1), most_voxels=14 * 144 * 144, flat=False)
    assert chosen.value == (16, 160, 160) and "whole" not in chosen.reason


def test_choose_patch__what_one_axis_does_not_need_goes_to_the_others() -> None:
    thin = rules.choose_patch((8, 400, 400), (1, 1, 1), most_voxels=64**3, flat=False).value
    assert thin == (8, 192, 192), "8 slices leave 181 x 181 of the 262144 voxels"


@pytest.mark.parametrize(
    ("shape", "patch"), [((1, 226, 256), (1, 224, 256)), ((1, 102, 900), (1, 112, 256)), ((1, 20, 9), (1, 24, 12))]
)
def test_choose_patch__flat_images_have_one_slice(shape: Triple, patch: Shape) -> None:
    assert rules.choose_patch(shape, (1, 1, 1), most_voxels=256 * 256, flat=True).value == patch


SIZES = st.tuples(*[st.integers(4, 600)] * 3)
EDGES = st.tuples(*[st.floats(0.3, 8)] * 3)


@given(SIZES, EDGES)
def test_choose_patch__stays_near_the_most_voxels_and_fits_its_network(shape: Shape, spacing: Triple) -> None:
    most = 110_000
    patch = rules.choose_patch(shape, spacing, most_voxels=most, flat=False).value
    assert prod(patch) <= 1.5**3 * most
    for fold in ((1, 1, 1), (2, 2, 2)):
        network = rules.network(patch, spacing, dims=3, base=16, fold=fold, channels=1, outputs=2)
        assert all(size % step == 0 for size, step in zip(patch, network.stride, strict=True))
        assert all(size // step >= 2 for size, step in zip(patch, network.stride, strict=True))


# --- network


def test_choose_strides__equal_edges_halve_together_while_four_remain() -> None:
    assert rules.choose_strides((32, 32, 32), (1, 1, 1)) == [(1, 1, 1)] + [(2, 2, 2)] * 3
    assert rules.choose_strides((32, 16, 8), (1, 1, 1)) == [(1, 1, 1), (2, 2, 2), (2, 2, 1), (2, 1, 1)]


def test_choose_strides__thick_slices_wait() -> None:
    """5 mm slices of 1 mm pixels: 2 mm and 4 mm first, then all; 16 slices can be halved twice."""
    assert rules.choose_strides((16, 64, 64), (5, 1, 1)) == [(1, 1, 1), (1, 2, 2), (1, 2, 2), (2, 2, 2), (2, 2, 2)]


def test_choose_strides__at_most_so_many_levels() -> None:
    assert len(rules.choose_strides((1, 4096, 4096), (1, 1, 1))) == 6
    assert rules.choose_strides((4, 4, 4), (1, 1, 1)) == [(1, 1, 1)]


def test_choose_kernels__thick_slices_do_not_mix_early() -> None:
    strides = rules.choose_strides((16, 64, 64), (5, 1, 1))
    assert rules.choose_kernels(strides, (5, 1, 1), flat=False) == [(1, 3, 3), (1, 3, 3)] + [(3, 3, 3)] * 3


def test_choose_kernels__a_flat_axis_is_never_crossed() -> None:
    strides = rules.choose_strides((1, 64, 64), (0.1, 1, 1))
    assert set(rules.choose_kernels(strides, (0.1, 1, 1), flat=True)) == {(1, 3, 3)}


def test_choose_widths__double_up_to_a_limit() -> None:
    assert rules.choose_widths(32, 6, dims=3) == [32, 64, 128, 256, 320, 320]
    assert rules.choose_widths(32, 6, dims=2) == [32, 64, 128, 256, 512, 512]


def test_network__a_fold_takes_one_halving_from_the_levels() -> None:
    plain = rules.network((32, 32, 32), (1, 1, 1), dims=3, base=16, fold=(1, 1, 1), channels=1, outputs=2)
    folded = rules.network((32, 32, 32), (1, 1, 1), dims=3, base=16, fold=(2, 2, 2), channels=1, outputs=2)
    assert len(folded.strides) == len(plain.strides) - 1 and folded.stride == plain.stride == (8, 8, 8)


def test_network__two_dimensions_do_not_touch_the_slices() -> None:
    network = rules.network((16, 64, 64), (1, 1, 1), dims=2, base=16, fold=(1, 1, 1), channels=1, outputs=2)
    assert network.stride == (1, 16, 16) and set(network.kernels) == {(1, 3, 3)}


# --- windows


@pytest.mark.parametrize(("length", "windows"), [(3, 1), (8, 1), (9, 2), (12, 2), (13, 3), (16, 3), (80, 19)])
def test_windows_along__half_a_patch_apart(length: int, windows: int) -> None:
    assert rules.windows_along(length, 8, step_share=0.5) == windows


def test_num_windows__is_their_product() -> None:
    assert rules.num_windows((4, 4, 4), (8, 8, 8), step_share=0.5) == 1
    assert rules.num_windows((8, 16, 12), (8, 8, 8), step_share=0.5) == 6


def test_choices__say_why_and_whence() -> None:
    found = fingerprint((100, 100, 30), (1, 1, 4), modalities=("ct", "mr", "us", "rgb"))
    choices = [
        rules.choose_axes(found),
        rules.choose_spacing(found, (2, 1, 0)),
        rules.choose_long_side(found, (2, 1, 0), most_voxels=9),
        rules.choose_crop(found),
        rules.choose_class_weights(found, outputs=3),
        rules.choose_patch((9, 9, 9), (1, 1, 1), most_voxels=99, flat=False),
        *(rules.choose_normalization(channel, body_fraction=1) for channel in found.channels),
    ]
    assert all(choice.reason and choice.source for choice in choices)
    assert not any(np.isnan(choice.value) for choice in choices if isinstance(choice.value, float))

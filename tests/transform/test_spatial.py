import math
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from scipy import ndimage

from fakes import augment
from scanwright.protocols import IGNORE
from scanwright.transform.spatial import Warp, _sampling_grid, apply, draw, rotation

UNIT = (1.0, 1.0, 1.0)
WILD = augment(rotate_deg=(30, 20, 20), scale=0.3, elastic_voxels=1.5, mirror=(True, True, True))


@dataclass
class Largest:
    """Stands in for a generator: every uniform number at its upper end, no mirroring, no bending."""

    def uniform(self, low: float, high: float, size: tuple[int, ...]) -> np.ndarray:
        return np.full(size, high)

    def random(self, size: tuple[int, ...]) -> np.ndarray:
        return np.full(size, 0.75)

    def standard_normal(self, size: tuple[int, ...]) -> np.ndarray:
        return np.zeros(size)


def block_of(shape: tuple[int, ...], *, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(seed)
    image = torch.from_numpy(rng.standard_normal((1, 1, *shape)).astype(np.float32))
    return image, torch.from_numpy(rng.integers(0, 5, (1, *shape)).astype(np.uint8))


def still(matrix: np.ndarray) -> Warp:
    return Warp(np.asarray(matrix, dtype=float)[None], np.zeros((1, 3, 5, 5, 5), dtype=np.float32))


@pytest.mark.parametrize("patch", [(4, 6, 8), (5, 7, 9), (1, 8, 7), (12, 12, 1)])
def test_draw__without_ranges_reads_the_centre_of_the_block_voxel_for_voxel(patch: tuple[int, int, int]) -> None:
    warp = draw(np.random.default_rng(0), augment(), samples=1, patch=patch, spacing=(3.0, 0.7, 0.7))
    assert warp.reach(patch) == patch
    grown = tuple(length + 6 if length > 1 else 1 for length in patch)
    for block in (patch, grown):
        image, codes = block_of(block)
        sampled, target = apply(warp, image, codes, patch=patch)
        middle = tuple(slice((b - p) // 2, (b - p) // 2 + p) for b, p in zip(block, patch, strict=True))
        assert torch.allclose(sampled, image[(..., *middle)], atol=1e-5)
        assert torch.equal(target, codes[(..., *middle)])


@pytest.mark.parametrize("patch", [(4, 6, 8), (5, 7, 9)])
def test_draw__mirror_alone_flips_whole_axes(patch: tuple[int, int, int]) -> None:
    image, codes = block_of(patch)
    seen = set()
    for seed in range(40):
        planned = augment(mirror=(True, False, True))
        warp = draw(np.random.default_rng(seed), planned, samples=1, patch=patch, spacing=UNIT)
        flipped = [axis for axis in range(3) if warp.matrix[0, axis, axis] < 0]
        seen.add(tuple(flipped))
        sampled, target = apply(warp, image, codes, patch=patch)
        assert torch.allclose(sampled, image.flip([axis + 2 for axis in flipped]), atol=1e-5)
        assert torch.equal(target, codes.flip([axis + 1 for axis in flipped]))
    assert seen == {(), (0,), (2,), (0, 2)}, "the second axis is never mirrored, the others are at times"


def test_rotation__a_quarter_turn_about_d_by_hand() -> None:
    quarter = rotation(np.array([math.pi / 2, 0, 0]))
    assert np.allclose(quarter, [[1, 0, 0], [0, 0, -1], [0, 1, 0]], atol=1e-12)
    image, codes = block_of((3, 5, 5))
    sampled, target = apply(still(quarter), image, codes, patch=(3, 5, 5))
    for d, h, w in np.ndindex(3, 5, 5):
        # offset (h-2, w-2) is read at (-(w-2), h-2) from the centre
        assert sampled[0, 0, d, h, w] == pytest.approx(float(image[0, 0, d, 4 - w, h]), abs=1e-5)
        assert target[0, d, h, w] == codes[0, d, 4 - w, h]


def test_rotation__is_a_rotation_and_turns_about_w_first() -> None:
    angles = np.array([0.3, -0.7, 1.1])
    whole = rotation(angles)
    assert np.allclose(whole @ whole.T, np.eye(3)) and np.linalg.det(whole) == pytest.approx(1.0)
    single = [rotation(np.where(np.arange(3) == axis, angles, 0)) for axis in range(3)]
    assert np.allclose(whole, single[0] @ single[1] @ single[2])


def test_draw__turns_in_millimetres() -> None:
    """Voxels 1 x 2 x 1 mm: a step of one voxel (1 mm) along W is, after a quarter turn, half a voxel along H."""
    planned = augment(rotate_deg=(90, 0, 0))
    warp = draw(Largest(), planned, samples=1, patch=(5, 5, 5), spacing=(1.0, 2.0, 1.0))  # type: ignore[arg-type]
    assert np.allclose(warp.matrix[0] @ [0, 0, 1], [0, -0.5, 0], atol=1e-12)
    assert np.allclose(warp.matrix[0] @ [0, 1, 0], [0, 0, 2], atol=1e-12)


def test_draw__only_a_share_is_warped() -> None:
    planned = augment(warp_share=0.3, rotate_deg=(30, 20, 20), scale=0.3, elastic_voxels=1.5)
    many = draw(np.random.default_rng(0), planned, samples=600, patch=(5, 5, 5), spacing=UNIT)
    still = (many.matrix == np.eye(3)).all(axis=(1, 2)) & ~many.bend.any(axis=(1, 2, 3, 4))
    assert 0.65 < still.mean() < 0.75
    assert not (many.matrix[~still] == np.eye(3)).all(axis=(1, 2)).any()


def test_draw__scale_is_a_factor_either_way() -> None:
    largest = draw(Largest(), augment(scale=0.25), samples=1, patch=(5, 5, 5), spacing=UNIT)  # type: ignore[arg-type]
    assert np.allclose(largest.matrix[0], np.eye(3) * 1.25)
    many = draw(np.random.default_rng(0), augment(scale=0.25), samples=500, patch=(5, 5, 5), spacing=UNIT)
    factors = many.matrix[:, [0, 1, 2], [0, 1, 2]]
    assert 1 / 1.25 <= factors.min() < 0.82 and 1.22 < factors.max() <= 1.25
    assert abs(np.log(factors).mean()) < 0.02, "as often smaller as larger"


@pytest.mark.parametrize("patch", [(8, 10, 12), (7, 9, 5), (1, 12, 9)])
@pytest.mark.parametrize("seed", range(5))
def test_reach__holds_every_voxel_that_is_read(patch: tuple[int, int, int], seed: int) -> None:
    warp = draw(np.random.default_rng(seed), WILD, samples=3, patch=patch, spacing=(2.0, 1.0, 1.0))
    block = warp.reach(patch)
    assert all(b >= p and (b - p) % 2 == 0 for b, p in zip(block, patch, strict=True))
    read = _sampling_grid(warp, block=block, patch=patch, device=torch.device("cpu"))
    wide = [axis for axis in range(3) if patch[axis] > 1]
    assert all(float(read[..., 2 - axis].abs().max()) <= 1 + 1e-4 for axis in wide)

    larger = tuple(b + 4 if p > 1 else 1 for b, p in zip(block, patch, strict=True))
    image, codes = (torch.cat([whole] * 3) for whole in block_of(larger, seed=seed))
    cut = tuple(slice(2, -2) if p > 1 else slice(None) for p in patch)
    from_larger = apply(warp, image, codes, patch=patch)[0]
    assert torch.allclose(apply(warp, image[(..., *cut)], codes[(..., *cut)], patch=patch)[0], from_larger, atol=1e-4)


def test_apply__agrees_with_scipy() -> None:
    matrix = rotation(np.array([0.2, -0.1, 0.3])) @ np.diag([1.1, 0.9, 1.0])
    patch = (7, 8, 9)
    block = still(matrix).reach(patch)
    image, codes = block_of(block)
    sampled, _ = apply(still(matrix), image, codes, patch=patch)
    middle, own = (np.array(block) - 1) / 2, (np.array(patch) - 1) / 2
    expected = ndimage.affine_transform(
        image[0, 0].numpy(), matrix, offset=middle - matrix @ own, output_shape=patch, order=1, mode="nearest"
    )
    assert np.abs(sampled[0, 0].numpy() - expected).max() < 1e-4


def test_apply__a_bend_of_one_voxel_everywhere_is_a_shift() -> None:
    bend = np.zeros((1, 3, 5, 5, 5), dtype=np.float32)
    bend[0, 2] = 1.0
    warp = Warp(np.eye(3)[None], bend)
    image, codes = block_of(warp.reach((4, 4, 6)))
    sampled, target = apply(warp, image, codes, patch=(4, 4, 6))
    assert warp.reach((4, 4, 6)) == (4, 4, 8)
    assert torch.allclose(sampled, image[..., 2:8], atol=1e-5) and torch.equal(target, codes[..., 2:8])


def test_draw__a_flat_patch_stays_flat_whatever_is_drawn() -> None:
    warp = draw(np.random.default_rng(1), WILD, samples=2, patch=(1, 9, 9), spacing=UNIT)
    assert warp.reach((1, 9, 9))[0] == 1
    assert not warp.bend[:, 0].any()
    image, codes = (torch.cat([whole] * 2) for whole in block_of(warp.reach((1, 9, 9))))
    sampled, target = apply(warp, image, codes, patch=(1, 9, 9))
    assert sampled.shape == (2, 1, 1, 9, 9) and target.shape == (2, 1, 9, 9)
    assert bool(torch.isfinite(sampled).all())


def test_apply__codes_are_never_mixed() -> None:
    codes = torch.full((2, 30, 30, 30), IGNORE, dtype=torch.uint8)
    codes[:, :, :15] = 3
    warp = draw(np.random.default_rng(3), WILD, samples=2, patch=(8, 8, 8), spacing=UNIT)
    _, target = apply(warp, torch.zeros(2, 1, 30, 30, 30), codes, patch=(8, 8, 8))
    assert target.dtype == torch.uint8 and set(target.unique().tolist()) == {3, IGNORE}


def test_draw__consumes_as_many_numbers_whatever_the_ranges() -> None:
    after = []
    for planned in (augment(), WILD):
        rng = np.random.default_rng(5)
        draw(rng, planned, samples=2, patch=(8, 8, 8), spacing=UNIT)
        after.append(rng.random())
    assert after[0] == after[1]


def bright(block: tuple[int, int, int], low: tuple[int, int, int], high: tuple[int, int, int]) -> torch.Tensor:
    """A block of zeros with a box of ones."""
    image = torch.zeros(1, 1, *block)
    image[0, 0, low[0] : high[0], low[1] : high[1], low[2] : high[2]] = 1
    return image


def around(image: torch.Tensor) -> list[float]:
    """Start and end of what is bright."""
    places = torch.nonzero(image[0, 0] > 0.5)
    return [*places.min(dim=0).values.tolist(), *(places.max(dim=0).values + 1).tolist()]


@pytest.mark.parametrize("block", [(1, 44, 46), (12, 44, 46)])
@pytest.mark.parametrize("seed", range(8))
def test_apply__boxes_go_where_their_voxels_go(block: tuple[int, int, int], seed: int) -> None:
    """Mirrored and scaled; of turns only the middle is exact."""
    patch = (block[0], 40, 40)
    ranges = augment(scale=0.3, mirror=(True, True, True), warp_share=1.0)
    warp = draw(np.random.default_rng(seed), ranges, samples=1, patch=patch, spacing=UNIT)
    low, high = (0 if block[0] == 1 else 4, 15, 18), (1 if block[0] == 1 else 9, 27, 25)
    boxes = torch.tensor([[[2.0, *low, *high], [-1.0] * 7]])
    image, moved = apply(warp, bright(block, low, high), boxes, patch=patch)
    assert moved[0, 0, 0] == 2 and moved[0, 1, 0] == -1
    assert torch.allclose(moved[0, 0, 1:], torch.tensor(around(image)).float(), atol=0.75)


def test_apply__a_turned_box_holds_what_was_turned() -> None:
    turned = rotation(np.radians([20.0, 0.0, 0.0]))
    _, moved = apply(
        still(turned), bright((1, 41, 41), (0, 12, 12), (1, 28, 32)), torch.tensor([[[0.0, 0, 12, 12, 1, 28, 32]]]),
        patch=(1, 41, 41),
    )  # fmt: skip
    half = (moved[0, 0, 4:] - moved[0, 0, 1:4]) / 2
    a, b = math.cos(math.radians(20)), math.sin(math.radians(20))
    assert half[1:].tolist() == pytest.approx([math.hypot(8 * a, 10 * b), math.hypot(8 * b, 10 * a)], abs=1e-4)


def test_apply__a_box_at_the_border_is_cut_ignored_or_gone() -> None:
    boxes = torch.tensor([[[0.0, 0, 2, 2, 1, 12, 12], [0.0, 0, 0, 0, 1, 6, 10], [0.0, 0, 0, 0, 1, 4, 4]]])
    _, moved = apply(still(np.eye(3)), torch.zeros(1, 1, 1, 30, 30), boxes, patch=(1, 20, 20))
    assert moved[0, 0].tolist() == [0, 0, 0, 0, 1, 7, 7]  # half of each edge is left, a quarter and more
    assert moved[0, 1, 0] == IGNORE and moved[0, 2, 0] == -1

import numpy as np
import pytest
import torch

from scanwright.explanation.occlusion import covering, occlusion
from toy_networks import Corner

FLAT, DEEP = (1, 24, 20), (12, 16, 20)
every_shape = pytest.mark.parametrize("shape", [FLAT, DEEP], ids=["2-D", "3-D"])


def noise(shape: tuple[int, int, int], *, channels: int = 1) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((channels, *shape)).astype(np.float32)


@every_shape
def test_occlusion__points_to_the_corner_that_the_network_looks_at(shape: tuple[int, int, int]) -> None:
    network = Corner(shape).eval()

    def scores(images: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return network(torch.from_numpy(images))[0][:, 1].numpy()

    found = occlusion(scores, noise(shape))
    assert found.shape == shape and found.dtype == np.float32
    near = tuple(slice(0, length // 4 + length // 8 + 2) for length in shape)  # a block that touches the corner
    assert found[near].max() == found.max() > 0
    assert np.abs(found[near]).sum() > 0.999 * np.abs(found).sum()


@every_shape
def test_occlusion__of_a_sum_is_what_lies_under_the_cover(shape: tuple[int, int, int]) -> None:
    image = np.zeros((1, *shape), np.float32)
    image[0, -1, 10, 10] = 5.0
    found = occlusion(lambda images: images.sum((1, 2, 3, 4)), image, block=(1, 1, 1), fill=[0.0], limit=10**5)
    assert np.array_equal(found, image[0])


def test_occlusion__channels_have_a_cover_each() -> None:
    image = np.zeros((2, *FLAT), np.float32)
    image[0], image[1] = 3.0, -1.0
    image[1, 0, 0, 0] = 7.0
    seen = []

    def scores(images: np.ndarray) -> np.ndarray:
        seen.append(images.copy())
        return images[:, 1, 0, 0, 0]

    found = occlusion(scores, image, limit=30)
    assert np.allclose(np.concatenate(seen)[:, 0], 3.0)
    assert found[0, 0, 0] == pytest.approx(7.0 - image[1].mean(), rel=1e-6) and found[0, -1, -1] == 0.0


@pytest.mark.parametrize("limit", [1, 7, 50, 400])
@pytest.mark.parametrize("shape", [FLAT, DEEP, (40, 200, 180), (1, 1, 1)])
def test_covering__every_voxel_with_no_more_blocks_than_allowed(shape: tuple[int, int, int], limit: int) -> None:
    spans = covering(shape, (1, 3, 5), limit=limit)
    assert np.prod([len(of_axis) for of_axis in spans]) <= limit
    for length, of_axis in zip(shape, spans, strict=True):
        reached = {place for start, stop in of_axis for place in range(start, stop)}
        assert reached == set(range(length))


def test_covering__blocks_overlap_by_half_where_there_are_enough() -> None:
    _, rows, columns = covering((1, 16, 32), (1, 4, 8), limit=400)
    assert rows == [(start, start + 4) for start in range(0, 13, 2)]
    assert columns == [(start, start + 8) for start in range(0, 25, 4)]


@pytest.mark.parametrize("batch", [1, 16])
def test_occlusion__scores_no_more_images_than_promised(batch: int) -> None:
    sizes = []

    def scores(images: np.ndarray) -> np.ndarray:
        sizes.append(len(images))
        return images.mean((1, 2, 3, 4))

    image = noise(DEEP)
    before = image.copy()
    occlusion(scores, image, limit=60, batch=batch)
    assert sum(sizes) <= 61 and max(sizes) <= batch and np.array_equal(image, before)


@pytest.mark.parametrize("wrong", [{"limit": 0}, {"batch": 0}])
def test_occlusion__no_calls_allowed(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        occlusion(lambda images: images.sum((1, 2, 3, 4)), noise(FLAT), **wrong)


def test_occlusion__several_scores_of_the_same_covered_images_are_maps_of_their_own() -> None:
    image, asked = noise(DEEP), []

    def both(images: np.ndarray) -> np.ndarray:
        asked.append(len(images))
        return np.stack([images.mean((1, 2, 3, 4)), images.max((1, 2, 3, 4))], axis=1)

    found = occlusion(both, image, limit=30)
    assert found.shape == (2, *DEEP) and sum(asked) <= 31
    for place in range(2):
        assert np.array_equal(found[place], occlusion(lambda images, at=place: both(images)[:, at], image, limit=30))

import numpy as np
import torch

from scanwright.training.losses.distance_maps import signed_distances


def brute_force(inside: np.ndarray, counted: np.ndarray) -> np.ndarray:
    """Distance from each counted voxel to the nearest counted one of the other side, less a half; negative inside."""
    places = np.argwhere(counted)
    found = np.zeros(inside.shape)
    for place in places:
        others = [other for other in places if inside[tuple(other)] != inside[tuple(place)]]
        nearest = min(np.linalg.norm(other - place) for other in others) - 0.5
        found[tuple(place)] = -nearest if inside[tuple(place)] else nearest
    return found


def test_signed_distances__equal_brute_force_with_ignored_voxels() -> None:
    rng = np.random.default_rng(0)
    inside = rng.random((2, 2, 4, 5, 3)) < np.array([0.2, 0.8])[:, None, None, None]
    counted = rng.random((2, 1, 4, 5, 3)) < 0.7
    found = signed_distances(torch.from_numpy(inside), torch.from_numpy(counted)).numpy()
    for sample, kind in np.ndindex(2, 2):
        expected = brute_force(inside[sample, kind], counted[sample, 0])
        assert np.allclose(found[sample, kind], expected, atol=1e-5)


def test_signed_distances__have_no_gradient_and_a_type_of_their_own() -> None:
    one_hot = torch.tensor([[[0.0, 1.0]]], dtype=torch.float64, requires_grad=True)
    found = signed_distances(one_hot, torch.ones(1, 1, 2))
    assert not found.requires_grad and found.dtype == torch.float32
    assert found.tolist() == [[[0.5, -0.5]]]

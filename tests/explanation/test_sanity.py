import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import Tensor, nn

from scanwright.explanation.gradients import grad_cam, integrated_gradients, output_score, smooth_grad
from scanwright.explanation.sanity import Explain, Sanity, Stage, randomisation_check, rank_correlation, taken_together
from toy_networks import Bumps, bumps, trained_on_bumps

FLAT, DEEP = (1, 24, 24), (10, 12, 14)


@pytest.fixture(scope="module", params=[FLAT, DEEP], ids=["2-D", "3-D"])
def learned(request: pytest.FixtureRequest) -> tuple[Bumps, list[Tensor]]:
    """A network that tells bumps from dips, and images with a bump."""
    images, classes, _ = bumps(12, shape=request.param, seed=0)
    network = trained_on_bumps(request.param, steps=40)
    assert bool((network(images)[0].argmax(1) == classes).all())
    return network, list(images[classes == 1][:4])


def edges(network: nn.Module, image: Tensor) -> np.ndarray:
    """An "explanation" that never looks at the network."""
    return ndimage.gaussian_gradient_magnitude(image[0].numpy(), 1.0)


METHODS: dict[str, Explain] = {
    "grad_cam": lambda network, image: grad_cam(network, image, score=output_score(1), layer="features"),
    "integrated_gradients": lambda network, image: integrated_gradients(
        network, image, score=output_score(1), steps=16
    ),
    "smooth_grad": lambda network, image: smooth_grad(network, image, score=output_score(1), seed=0, samples=8),
}


@pytest.mark.parametrize("name", METHODS)
def test_check__methods_that_depend_on_weights_pass(name: str, learned: tuple[Bumps, list[Tensor]]) -> None:
    network, images = learned
    before = {key: value.clone() for key, value in network.state_dict().items()}
    found = randomisation_check(network, METHODS[name], images, seed=0)
    assert found.passed is True
    assert [stage.layer for stage in found.stages] == ["head", "features.4", "features.1", "features.0"]
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())


def test_check__an_edge_detector_fails(learned: tuple[Bumps, list[Tensor]]) -> None:
    found = randomisation_check(learned[0], edges, learned[1], seed=0)
    assert found.passed is False
    assert [stage.correlation for stage in found.stages] == pytest.approx([1.0] * 4)


def test_check__the_size_of_integrated_gradients_keeps_the_outline_of_the_image(
    learned: tuple[Bumps, list[Tensor]],
) -> None:
    """What Adebayo et al. found: multiplied by the image, a map of sizes survives in part. The signed one does not."""
    last = randomisation_check(learned[0], METHODS["integrated_gradients"], learned[1], seed=0).stages[-1]
    assert abs(last.correlation) < 0.1 and 0.3 < last.size_correlation < 0.7


def test_check__a_map_that_follows_the_network_a_little_fails_too(learned: tuple[Bumps, list[Tensor]]) -> None:
    def mostly_edges(network: nn.Module, image: Tensor) -> np.ndarray:
        map_DHW = METHODS["integrated_gradients"](network, image)
        return edges(network, image) + 0.2 * map_DHW / np.abs(map_DHW).max()

    assert randomisation_check(learned[0], mostly_edges, learned[1], seed=0).passed is False


def test_check__stages_are_bounded_and_end_with_the_first_layer(learned: tuple[Bumps, list[Tensor]]) -> None:
    asked = []

    def explain(network: nn.Module, image: Tensor) -> np.ndarray:
        asked.append(network)
        return METHODS["grad_cam"](network, image)

    found = randomisation_check(learned[0], explain, learned[1], seed=0, stages=2, draws=2)
    assert [stage.layer for stage in found.stages] == ["features.4", "features.0"]
    assert len(asked) == len(learned[1]) * (1 + 2 * 2)


def test_check__the_same_seed_gives_the_same_numbers(learned: tuple[Bumps, list[Tensor]]) -> None:
    first, again, other = (
        randomisation_check(learned[0], METHODS["integrated_gradients"], learned[1], seed=seed, draws=1)
        for seed in (0, 0, 1)
    )
    assert first == again and first != other


def test_check__maps_that_say_nothing_have_no_verdict(learned: tuple[Bumps, list[Tensor]]) -> None:
    found = randomisation_check(learned[0], lambda network, image: np.zeros(image.shape[1:]), learned[1], seed=0)
    assert found.passed is None and found.stages == ()
    assert randomisation_check(nn.Identity(), edges, learned[1], seed=0).passed is None


def test_check__a_map_that_goes_out_with_the_weights_has_changed(learned: tuple[Bumps, list[Tensor]]) -> None:
    network, images = learned

    def explain(given: nn.Module, image: Tensor) -> np.ndarray:
        return edges(given, image) * (given is network)

    found = randomisation_check(network, explain, images, seed=0)
    assert found.passed is True and {stage.correlation for stage in found.stages} == {None}


def test_rank_correlation__of_ranks_not_values() -> None:
    values = np.array([[1.0, 2.0], [3.0, 4.0]])
    assert rank_correlation(values, np.exp(values)) == pytest.approx(1.0)
    assert rank_correlation(values, -values) == pytest.approx(-1.0)
    assert rank_correlation(values, np.ones((2, 2))) is None


def test_taken_together__the_mean_of_the_ends_decides() -> None:
    def check(*ends: float | None) -> list[Sanity]:
        return [
            Sanity(
                stages=(
                    Stage(layer="a", correlation=0.9, size_correlation=0.9),
                    Stage(layer="b", correlation=one, size_correlation=one),
                ),
                passed=None,
            )
            for one in ends
        ]

    assert taken_together(check(0.9, 0.2, 0.1)).passed is True
    found = taken_together(check(0.9, 0.2, None))
    assert found.passed is False and found.stages[-1].correlation == pytest.approx(0.55)
    assert taken_together(check(None)).passed is True  # every map has become the same everywhere
    assert taken_together([Sanity(stages=(), passed=None)]).passed is None and taken_together([]).passed is None

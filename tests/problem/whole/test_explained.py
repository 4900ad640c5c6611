"""What an answer to a whole image rests on, by each method."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from encoder_plans import encoder_plan
from scanwright.dataset.task import Channel, Task
from scanwright.errors import UsageError
from scanwright.explanation.gradients import output_score
from scanwright.explanation.sanity import randomisation_check
from scanwright.features.outlined import Outlined
from scanwright.features.served import ClassicalNetwork
from scanwright.geometry.grid import Grid
from scanwright.geometry.volume import Volume
from scanwright.network.whole import WholeImage
from scanwright.plan.radiomic_plan import RadiomicPlan
from scanwright.problem.classification import Classification
from scanwright.problem.whole.explained import METHODS, MOST_COVERED, map_of, maps_of, method_for, methods_of, told_by


class Brightness(nn.Module):
    """No network of images: its answer is the mean grey value."""

    def forward(self, image):
        mean = image.float().mean((1, 2, 3, 4))
        return [torch.stack([-mean, mean], 1)]


def engine(*networks, depth=1):
    plan = SimpleNamespace(batch=SimpleNamespace(patch=(depth, 8, 8)))
    return SimpleNamespace(networks=networks, plan=plan, device=torch.device("cpu"), weight=1.0, beside=())


def network(dims=2):
    return WholeImage(encoder_plan("resnet", dims, in_channels=1)).eval()


def test_method__what_suits_and_what_models_can_give():
    assert method_for(engine(network()), None) == "smoothgrad"
    assert method_for(engine(network(3), depth=8), None) == "grad-cam"
    assert method_for(engine(Brightness()), None) == "occlusion"
    assert [method_for(engine(network()), one) for one in METHODS] == list(METHODS)
    assert methods_of([network(), Brightness()]) == ("occlusion",)
    with pytest.raises(UsageError, match="cannot be explained so") as refused:
        method_for(engine(Brightness()), "grad-cam")
    assert refused.value.expected == "auto, occlusion"


def test_method__numbers_of_what_is_outlined_have_no_place():
    outlined = Outlined(RadiomicPlan(bins=32, library="mirp"), None)
    asked = engine(ClassicalNetwork((), outputs=2, outlined=outlined))
    image = Volume(np.zeros((1, 8, 8, 1)), Grid.of_pixels(8, 8))
    channels = (Channel(name="x", modality="us"),)
    problem = Classification(Task(name="t", kind="classification", classes=("a", "b"), channels=channels))
    assert problem.methods(asked.networks) == ()
    assert problem.explain(asked, image, np.array([0.4, 0.6])) is None
    assert problem.reproduced(asked, image, np.array([0.4, 0.6])) is None


@pytest.mark.parametrize("method", METHODS)
def test_map__of_several_models_is_the_mean_of_their_maps(method):
    torch.manual_seed(0)
    one, two, image = network(), network(), torch.randn(1, 1, 16, 16)
    maps = [map_of([model], image, output_score(1), method) for model in (one, two)]
    both = map_of([one, two], image, output_score(1), method)
    assert both.shape == (1, 16, 16) and np.ptp(both) > 0
    assert both == pytest.approx(np.mean(maps, axis=0), rel=1e-4, abs=1e-6)


def test_told__colours_say_what_the_method_says():
    classes = Task(name="t", kind="classification", classes=("a", "b"), channels=(Channel(name="x", modality="xray"),))
    assert told_by("grad-cam", ["b"], classes) == "what speaks for b (Grad-CAM)"
    assert told_by("occlusion", ["b"], classes) == "what speaks for and against b (occlusion)"
    assert told_by("smoothgrad", ["b"], classes) == "where a small change of the image moves b most (SmoothGrad)"


def test_reproduced__the_map_that_is_shown_can_be_made_of_other_weights():
    channels = (Channel(name="x", modality="xray"),)
    problem = Classification(Task(name="t", kind="classification", classes=("a", "b", "c"), channels=channels))
    from whole_image_plans import planned, prints

    torch.manual_seed(0)
    made = network()
    asked = engine(made)
    asked.plan = planned(prints((16, 16, 1)))
    image = Volume(np.random.default_rng(0).integers(0, 255, (1, 16, 16, 1)).astype(np.uint8), Grid.of_pixels(16, 16))
    seen, explain = problem.reproduced(asked, image, np.array([0.1, 0.2, 0.7]))
    assert np.array_equal(explain(made, seen), map_of([made], seen, output_score(2), "smoothgrad"))
    assert randomisation_check(made, explain, [seen], seed=0, stages=1, draws=1).stages
    asked.networks = (Brightness(),)
    assert problem.reproduced(asked, image, np.array([0.1, 0.2, 0.7])) is None


@pytest.mark.parametrize(("depth", "most"), [(1, 400), (16, 64)], ids=["picture", "volume"])
def test_occlusion__asks_once_for_all_parts_and_less_often_of_a_volume(depth, most):
    asked = []

    class Counting(Brightness):
        def forward(self, image):
            asked.append(len(image))
            return super().forward(image)

    image = torch.rand(1, depth, 40, 40)
    found = maps_of([Counting()], image, [output_score(0), output_score(1)], "occlusion")
    assert found.shape == (2, depth, 40, 40) and found[0] == pytest.approx(-found[1], abs=1e-6)
    assert MOST_COVERED[depth == 1] == most and most / 4 < sum(asked) <= most + 1

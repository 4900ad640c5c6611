"""One answer to a whole image: filled up as in training, seen by every network from every side, and averaged."""

import itertools

import torch

from scanwright.inference.predict import Engine, mirrored_axes, pad_to_patch
from scanwright.training.loop import autocast, network_input
from scanwright.types import Floats


@torch.no_grad()
def predict_whole(engine: Engine, image_CDHW: Floats) -> Floats:
    """(K,) float32: the mean over networks and mirrored views of what the problem makes of the outputs.

    An image smaller than the planned size is filled up at its edges, as in training; a larger one is seen as it is.
    """
    padded, _ = pad_to_patch(image_CDHW, engine.plan.batch.patch)
    image = torch.from_numpy(padded)[None].to(engine.device)
    answers = []
    for network, axes in itertools.product(engine.networks, mirrored_axes(engine.plan.inference.mirror)):
        with autocast(engine.plan, engine.device):
            logits = network(network_input(image.flip(axes) if axes else image, engine.plan))[0]
        answers.append(engine.problem.probabilities(logits.float())[0])
    mean: Floats = torch.stack(answers).mean(0).cpu().numpy()
    return mean

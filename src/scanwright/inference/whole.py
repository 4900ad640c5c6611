"""One answer to a whole image: filled up as in training, seen by every network from every side, and averaged."""

import itertools
from dataclasses import dataclass

import torch

from scanwright.inference.predict import Engine, mirrored_axes, pad_to_patch
from scanwright.training.loop import autocast, network_input
from scanwright.types import Floats


@torch.no_grad()
def predict_whole(engine: Engine, image_CDHW: Floats) -> Floats:
    """(K,) float32: the mean over networks and mirrored views of what the problem makes of the outputs.

    An image smaller than the planned size is filled up at its edges, as in training; a larger one is seen as it is.
    """
    return opinions_of_whole(engine, image_CDHW).mean


@dataclass(frozen=True, slots=True)
class Opinions:
    """What makes up an answer: each (M, V, K) float32, of M networks seen from V sides; mean (K,) float32."""

    each: Floats
    mean: Floats


@torch.no_grad()
def opinions_of_whole(engine: Engine, image_CDHW: Floats) -> Opinions:
    """The answer of `predict_whole`, and the opinions that it is the mean of."""
    padded, _ = pad_to_patch(image_CDHW, engine.plan.batch.patch)
    image = torch.from_numpy(padded)[None].to(engine.device)
    answers = []
    for network, axes in itertools.product(engine.networks, mirrored_axes(engine.plan.inference.mirror)):
        with autocast(engine.plan, engine.device):
            logits = network(network_input(image.flip(axes) if axes else image, engine.plan))[0]
        answers.append(engine.problem.probabilities(logits.float())[0])
    told = torch.stack(answers)
    each: Floats = told.cpu().numpy().reshape(len(engine.networks), -1, told.shape[1])
    return Opinions(each=each, mean=told.mean(0).cpu().numpy())

"""One answer to a whole image: filled up as in training, seen by every network from every side, and averaged."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from scanwright.geometry.volume import Volume
from scanwright.inference.dropout import dropping
from scanwright.inference.members import members_of, shares_of
from scanwright.inference.predict import Engine, pad_to_patch, views_of
from scanwright.training.loop import autocast, network_input
from scanwright.transform.prepare import require_finite
from scanwright.transform.preprocess import to_network
from scanwright.types import Floats


@dataclass(frozen=True, slots=True)
class Opinions:
    """What makes up an answer: each (M, V, K) float32, of M networks seen from V sides; mean (K,) float32."""

    each: Floats
    mean: Floats


def answer_whole(engine: Engine, image: Volume, *, where: Path | None = None) -> Opinions:
    """The mean over the members by their weights, each of which sees the image as its own plan prepares it, and the opinions
    behind it; of several members those of their networks, each in the mean over its views.

    where: named in errors. Raises InputError for an image that cannot be prepared.
    """
    answers: list[Opinions] = []
    prepared, seen = None, None
    for member in members_of(engine):
        if prepared is None or member.plan.preprocess != seen:
            prepared, seen = to_network(image, member.plan.preprocess)[0], member.plan.preprocess
            require_finite(prepared, where=where)
        answers.append(opinions_of_whole(member, prepared))
    if len(answers) == 1:
        return answers[0]
    means = np.stack([one.mean for one in answers])
    mean: Floats = np.tensordot(np.array(shares_of(engine)), means, axes=1).astype(np.float32)
    return Opinions(np.concatenate([one.each.mean(axis=1, keepdims=True) for one in answers]), mean)


def predict_whole(engine: Engine, image_CDHW: Floats) -> Floats:
    """(K,) float32: the mean over an engine's own networks, mirrored views and draws of dropout of what the problem makes of
    the outputs.

    An image smaller than the planned size is filled up at its edges, as in training; a larger one is seen as it is.
    """
    return opinions_of_whole(engine, image_CDHW).mean


@torch.no_grad()
def opinions_of_whole(engine: Engine, image_CDHW: Floats) -> Opinions:
    """The answer of `predict_whole`, and the opinions that it is the mean of."""
    padded, _ = pad_to_patch(image_CDHW, engine.plan.batch.patch)
    image = torch.from_numpy(padded)[None].to(engine.device)
    answers = []
    for network, axes, number in views_of(engine):
        with autocast(engine.plan, engine.device), dropping(network, number):
            logits = network(network_input(image.flip(axes) if axes else image, engine.plan))[0]
        answers.append(engine.problem.probabilities(logits.float())[0])
    told = torch.stack(answers)
    each: Floats = told.cpu().numpy().reshape(len(engine.networks), -1, told.shape[1])
    return Opinions(each=each, mean=told.mean(0).cpu().numpy())

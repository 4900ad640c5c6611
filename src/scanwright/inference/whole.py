"""One answer to a whole image: filled up as in training, seen by every network from every side, and averaged."""

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


def answer_whole(engine: Engine, image: Volume, *, where: Path | None = None) -> Floats:
    """(K,) float32: the mean over the members by their weights, each of which sees the image as its own plan prepares it.

    where: named in errors. Raises InputError for an image that cannot be prepared.
    """
    answers, prepared, seen = [], None, None
    for member in members_of(engine):
        if prepared is None or member.plan.preprocess != seen:
            prepared, seen = to_network(image, member.plan.preprocess)[0], member.plan.preprocess
            require_finite(prepared, where=where)
        answers.append(predict_whole(member, prepared))
    if len(answers) == 1:
        return answers[0]
    mean: Floats = np.tensordot(np.array(shares_of(engine)), np.stack(answers), axes=1).astype(np.float32)
    return mean


@torch.no_grad()
def predict_whole(engine: Engine, image_CDHW: Floats) -> Floats:
    """(K,) float32: the mean over an engine's own networks, mirrored views and draws of dropout of what the problem makes of
    the outputs.

    An image smaller than the planned size is filled up at its edges, as in training; a larger one is seen as it is.
    """
    padded, _ = pad_to_patch(image_CDHW, engine.plan.batch.patch)
    image = torch.from_numpy(padded)[None].to(engine.device)
    answers = []
    for network, axes, number in views_of(engine):
        with autocast(engine.plan, engine.device), dropping(network, number):
            logits = network(network_input(image.flip(axes) if axes else image, engine.plan))[0]
        answers.append(engine.problem.probabilities(logits.float())[0])
    mean: Floats = torch.stack(answers).mean(0).cpu().numpy()
    return mean

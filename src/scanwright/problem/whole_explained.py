"""Which parts of an image an answer rests on, drawn over it: Grad-CAM, the mean over all networks."""

import numpy as np
import torch
from torch import Tensor

from scanwright.dataset.task import Task
from scanwright.explanation.gradients import Score, grad_cam, output_score
from scanwright.explanation.placing import on_case_grid
from scanwright.figures.overlay import CT_SOFT_TISSUE
from scanwright.figures.saliency import saliency_overlay
from scanwright.geometry.volume import Volume
from scanwright.inference.predict import Engine, pad_to_patch
from scanwright.network.whole import LAST_MAP
from scanwright.transform.preprocess import to_network
from scanwright.types import Floats


def saliency(engine: Engine, image: Volume, score: Score) -> Floats:
    """(I, J, K) float32 on the image's own grid, 0 or more: where the image raises a score of the networks' outputs."""
    network_input, placement = to_network(image, engine.plan.preprocess)
    padded, offset = pad_to_patch(network_input, engine.plan.batch.patch)
    given = torch.from_numpy(padded).to(engine.device)
    maps = [grad_cam(network, given, score=score, layer=LAST_MAP) for network in engine.networks]
    inside = tuple(slice(start, start + length) for start, length in zip(offset, placement.shape, strict=True))
    return on_case_grid(np.mean(maps, axis=0)[inside], placement)


def drawn(engine: Engine, image: Volume, score: Score, task: Task) -> bytes:
    """The same over the image, as PNG: of a volume the slice in which most lies."""
    window = CT_SOFT_TISSUE if task.channels[0].modality == "ct" else None
    return saliency_overlay(image.voxels, saliency(engine, image, score), grid=image.grid, window=window)


def score_of(task: Task, told: int) -> Score:
    """What is explained: the output of a class, label or quantity; of grades how far up the order the answer lies."""
    if task.kind == "classification" and task.choice == "ordered":
        return _sum_of_steps
    return output_score(told)


def _sum_of_steps(outputs: Tensor) -> Tensor:
    return outputs.sum(1)

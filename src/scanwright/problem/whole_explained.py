"""Which parts of an image an answer rests on, drawn over it; the mean over all models.

Of networks Grad-CAM: where the last map raises the answer. Of what has no such map, occlusion: how much the answer falls
where the image is covered.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from scanwright.dataset.task import Task
from scanwright.explanation.gradients import Score, grad_cam, output_score
from scanwright.explanation.occlusion import occlusion
from scanwright.explanation.placing import on_case_grid
from scanwright.features.served import outputs_of
from scanwright.figures.overlay import CT_SOFT_TISSUE
from scanwright.figures.saliency import saliency_overlay, stacked
from scanwright.geometry.volume import Volume
from scanwright.inference.predict import Engine, pad_to_patch
from scanwright.network.whole import LAST_MAP, WholeImage
from scanwright.problem.kind import Explanation
from scanwright.transform.preprocess import to_network
from scanwright.types import Array, Floats

METHODS = {True: "Grad-CAM", False: "occlusion"}
"""What a map is made by, where all models are networks and where they are not."""
LEAST_FALL = 0.01
"""Of a score that covering the image lowers, in log odds or deviations of a quantity: less is nothing to be shown. Gradients
have no unit, and of theirs only 0 is nothing."""


def saliency(engine: Engine, image: Volume, score: Score) -> Floats:
    """(I, J, K) float32 on the image's own grid: where the image raises a score of the outputs; below 0, where it lowers it."""
    network_input, placement = to_network(image, engine.plan.preprocess)
    padded, offset = pad_to_patch(network_input, engine.plan.batch.patch)
    with_maps = [network for network in engine.networks if isinstance(network, WholeImage)]
    shown = torch.from_numpy(padded).to(engine.device)
    maps = [grad_cam(network, shown, score=score, layer=LAST_MAP) for network in with_maps]
    if others := [network for network in engine.networks if not isinstance(network, WholeImage)]:
        maps += len(others) * [_covered(others, padded, score, engine.device)]
    inside = tuple(slice(start, start + length) for start, length in zip(offset, placement.shape, strict=True))
    return on_case_grid(np.mean(maps, axis=0)[inside], placement)


def _covered(networks: Sequence[nn.Module], image_CDHW: Floats, score: Score, device: torch.device) -> Floats:
    """Where covering the image lowers the mean score of the networks, (D, H, W)."""

    @torch.no_grad()
    def scores(images_NCDHW: Array) -> Array:
        outputs = outputs_of(networks, torch.from_numpy(images_NCDHW).to(device))
        found: Array = torch.stack([score(one.float()) for one in outputs]).mean(0).cpu().numpy()
        return found

    return occlusion(scores, image_CDHW)


def explained(engine: Engine, image: Volume, parts: Sequence[tuple[str, Score]], task: Task) -> Explanation:
    """The same over the image, as PNG: of a volume the slice in which most lies. parts: what is explained, by name, one below
    the other, and the score of the outputs that stands for each. A part that nothing changed has no picture.
    """
    window = CT_SOFT_TISSUE if task.channels[0].modality == "ct" else None
    by_gradients = all(isinstance(network, WholeImage) for network in engine.networks)
    maps = {name: saliency(engine, image, score) for name, score in parts}
    told = {name: found for name, found in maps.items() if _is_more(found, than=0.0 if by_gradients else LEAST_FALL)}
    pictures = [
        saliency_overlay(image.voxels, found, grid=image.grid, window=window, title=f"{name} ({METHODS[by_gradients]})")
        for name, found in told.items()
    ]
    unchanged = tuple(name for name in maps if name not in told)
    return Explanation(stacked(pictures) if pictures else None, tuple(told), unchanged)


def _is_more(saliency_IJK: Floats, *, than: float) -> bool:
    return bool(np.abs(np.nan_to_num(saliency_IJK, nan=0.0, posinf=0.0, neginf=0.0)).max() > than)


def score_of(task: Task, told: int) -> Score:
    """What stands for a class, label or quantity: its output; of grades how far up the order the answer lies."""
    if task.kind == "classification" and task.choice == "ordered":
        return _sum_of_steps
    return output_score(told)


def _sum_of_steps(outputs: Tensor) -> Tensor:
    return outputs.sum(1)

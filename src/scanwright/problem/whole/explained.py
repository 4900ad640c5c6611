"""Which parts of an image an answer rests on, drawn over it; the mean over all models.

    grad-cam              networks       where the last map raises the answer: coarse, quick
    integrated-gradients  networks       what each voxel adds to the answer or takes from it
    smoothgrad            networks       where a small change of the image moves the answer most, whichever way
    occlusion             every model    how much the answer falls where the image is covered

"auto" is what PREFERRED says of networks, and occlusion of all other models. A model of what is outlined is explained by none:
it sees numbers, which have no place in the image.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Self, get_args

import numpy as np
import torch
from torch import Tensor, nn

from scanwright.dataset.task import Task
from scanwright.errors import UsageError
from scanwright.explanation.gradients import Score, grad_cam, integrated_gradients, output_score, smooth_grad
from scanwright.explanation.occlusion import occlusion
from scanwright.explanation.placing import on_case_grid
from scanwright.features.served import ClassicalNetwork, outputs_of
from scanwright.figures.overlay import CT_SOFT_TISSUE
from scanwright.figures.saliency import SPEAKS, Ends, saliency_overlay, stacked
from scanwright.geometry.volume import Volume
from scanwright.inference.members import every_network, members_of, shares_of
from scanwright.inference.predict import Engine, pad_to_patch
from scanwright.network.whole import LAST_MAP, WholeImage
from scanwright.problem.kind import Explanation
from scanwright.transform.preprocess import Placement, to_network
from scanwright.types import Array, Floats, Shape3

Method = Literal["grad-cam", "integrated-gradients", "smoothgrad", "occlusion"]
METHODS: tuple[Method, ...] = get_args(Method)
TITLES: dict[Method, str] = {
    "grad-cam": "Grad-CAM",
    "integrated-gradients": "integrated gradients",
    "smoothgrad": "SmoothGrad",
    "occlusion": "occlusion",
}
PREFERRED: dict[bool, Method] = {True: "smoothgrad", False: "grad-cam"}
"""Of networks, where images have one slice and where they have several (docs/design/0007-diagnosis.md, Explanation)."""
MOVES: Ends = ("lowers\nit", "raises\nit")
"""What the ends of a signed map are called where the answer is a quantity, for or against which nothing speaks."""

VIEWS: dict[Method, int] = {"grad-cam": 3, "smoothgrad": 96}
"""About how many answers of a network a map of a preferred method takes as long as: a gradient takes two more."""
MOST_COVERED: dict[bool, int] = {True: 400, False: 64}
"""How many covered images occlusion asks about at most, where images have one slice and where they have several: a volume's
answer takes several times as long, and 400 of it made a picture of a support vector machine take 20 s.
"""
LEAST_FALL = 0.01
"""Of a score that covering the image lowers, in log odds or deviations of a quantity: less is nothing to be shown. Gradients
have no unit, and of theirs only 0 is nothing."""


def methods_of(networks: Sequence[nn.Module]) -> tuple[Method, ...]:
    """What such models can be explained by; () of models that see numbers of what is outlined."""
    if any(isinstance(network, ClassicalNetwork) and network.outlined is not None for network in networks):
        return ()
    return METHODS if all(isinstance(network, WholeImage) for network in networks) else ("occlusion",)


def method_for(engine: Engine, wanted: str | None) -> Method:
    """The method that was asked for, or the one that is preferred. Raises UsageError for one that the models cannot give."""
    able = methods_of(every_network(engine))
    if wanted is None:
        return PREFERRED[engine.plan.batch.patch[0] == 1] if "smoothgrad" in able else "occlusion"
    chosen = next((one for one in able if one == wanted), None)
    if chosen is None:
        raise UsageError(
            "a model that cannot be explained so",
            where="--explain-by",
            expected=", ".join(("auto", *able)),
            found=wanted,
        )
    return chosen


def map_of(networks: Sequence[nn.Module], image_CDHW: Tensor, score: Score, method: Method) -> Floats:
    """What the answers of models to an image, filled up to the planned patch, rest on: (D, H, W), the mean over the models."""
    found: Floats = maps_of(networks, image_CDHW, [score], method)[0]
    return found


def maps_of(networks: Sequence[nn.Module], image_CDHW: Tensor, scores: Sequence[Score], method: Method) -> Floats:
    """The same for each of several scores: (P, D, H, W). Covered images are answered once for all of them."""
    if method == "occlusion":
        return _covered(networks, image_CDHW, scores)
    gradients = GRADIENTS[method]
    maps = [np.mean([gradients(network, image_CDHW, score) for network in networks], axis=0) for score in scores]
    return np.asarray(np.stack(maps), dtype=np.float32)


def _cam(network: nn.Module, image_CDHW: Tensor, score: Score) -> Floats:
    return grad_cam(network, image_CDHW, score=score, layer=LAST_MAP)


def _integrated(network: nn.Module, image_CDHW: Tensor, score: Score) -> Floats:
    return integrated_gradients(network, image_CDHW, score=score)


def _smooth(network: nn.Module, image_CDHW: Tensor, score: Score) -> Floats:
    return smooth_grad(network, image_CDHW, score=score, seed=0)


GRADIENTS: dict[Method, Callable[[nn.Module, Tensor, Score], Floats]] = {
    "grad-cam": _cam,
    "integrated-gradients": _integrated,
    "smoothgrad": _smooth,
}


def _covered(networks: Sequence[nn.Module], image_CDHW: Tensor, scores: Sequence[Score]) -> Floats:
    """Where covering the image lowers the mean of each score over the networks."""

    @torch.no_grad()
    def scored(images_NCDHW: Array) -> Array:
        outputs = outputs_of(networks, torch.from_numpy(images_NCDHW).to(image_CDHW.device))
        found = [torch.stack([score(one.float()) for one in outputs]).mean(0) for score in scores]
        told: Array = torch.stack(found, dim=1).cpu().numpy()
        return told

    return occlusion(scored, image_CDHW.cpu().numpy(), limit=MOST_COVERED[image_CDHW.shape[1] == 1])


@dataclass(frozen=True, slots=True)
class Seen:
    """An image as the models of an engine see it. tensor: (C, D, H, W), filled up to the planned patch."""

    tensor: Tensor
    offset: Shape3
    placement: Placement

    @classmethod
    def by(cls, engine: Engine, image: Volume) -> Self:
        """Raises what preparing raises."""
        prepared, placement = to_network(image, engine.plan.preprocess)
        padded, offset = pad_to_patch(prepared, engine.plan.batch.patch)
        return cls(torch.from_numpy(padded).to(engine.device), offset, placement)

    def on_case(self, map_DHW: Floats) -> Floats:
        """A map on the network's input, without its filled edges, on the image's own grid: (I, J, K) float32."""
        inside = tuple(
            slice(start, start + length) for start, length in zip(self.offset, self.placement.shape, strict=True)
        )
        return on_case_grid(map_DHW[inside], self.placement)


def saliency(engine: Engine, image: Volume, score: Score, method: Method | None = None) -> Floats:
    """(I, J, K) float32 on the image's own grid: what a score of the outputs rests on. Raises UsageError as `method_for`."""
    found: Floats = on_case(engine, image, [score], method_for(engine, method))[0]
    return found


def on_case(engine: Engine, image: Volume, scores: Sequence[Score], method: Method) -> Floats:
    """(P, I, J, K): what each score rests on, the mean over the members by their weights, each as it sees the image."""
    total: Floats | None = None
    for member, share in zip(members_of(engine), shares_of(engine), strict=True):
        seen = Seen.by(member, image)
        made = maps_of(member.networks, seen.tensor, scores, method)
        own = np.stack([seen.on_case(one) for one in made])
        total = (own if share == 1 else share * own) if total is None else total + share * own
    assert total is not None
    return np.asarray(total, dtype=np.float32)


def explanation_of(
    engine: Engine,
    image: Volume,
    parts: Sequence[tuple[str, Score]],
    task: Task,
    *,
    method: Method | None = None,
    narrow: bool = False,
) -> Explanation:
    """The same over the image, as PNG: of a volume the slice in which most lies. parts: what is explained, by name, one below
    the other, and the score of the outputs that stands for each. narrow: as of `saliency_overlay`. A part that nothing
    changed has no picture.
    """
    how = method_for(engine, method)
    made = on_case(engine, image, [score for _, score in parts], how)
    maps = {name: one for (name, _), one in zip(parts, made, strict=True)}
    least = LEAST_FALL if how == "occlusion" else 0.0
    told = {name: found for name, found in maps.items() if _is_more(found, than=least)}
    pictures = [
        saliency_overlay(
            image.voxels,
            found,
            grid=image.grid,
            window=CT_SOFT_TISSUE if task.channels[0].modality == "ct" else None,
            title=f"{name} ({TITLES[how]})",
            ends=MOVES if task.quantities else SPEAKS,
            narrow=narrow,
        )
        for name, found in told.items()
    ]
    return Explanation(
        png=stacked(pictures) if pictures else None,
        parts=tuple(told),
        means=told_by(how, tuple(told), task),
        method=how,
        unchanged=tuple(name for name in maps if name not in told),
    )


def _is_more(saliency_IJK: Floats, *, than: float) -> bool:
    return bool(np.abs(np.nan_to_num(saliency_IJK, nan=0.0, posinf=0.0, neginf=0.0)).max() > than)


def told_by(method: Method, parts: Sequence[str], task: Task) -> str:
    """What the colours of a map mean, in words.

    >>> task = Task.model_construct(quantities=("volume",))
    >>> told_by("grad-cam", ["volume"], task), told_by("occlusion", ["volume"], task)
    ('what raises volume (Grad-CAM)', 'what raises and lowers volume (occlusion)')
    """
    names, verbs = ", ".join(parts), ("speaks for", "speaks for and against")
    if task.quantities:
        verbs = ("raises", "raises and lowers")
    if method == "smoothgrad":
        return f"where a small change of the image moves {names} most ({TITLES[method]})"
    return f"what {verbs[method != 'grad-cam']} {names} ({TITLES[method]})"


def score_of(task: Task, told: int) -> Score:
    """What stands for a class, label or quantity: its output; of grades how far up the order the answer lies."""
    if task.kind == "classification" and task.choice == "ordered":
        return _sum_of_steps
    return output_score(told)


def _sum_of_steps(outputs: Tensor) -> Tensor:
    return outputs.sum(1)

"""A classical model in a network's clothes: it takes the same input, and gives outputs that mean the same.

So it is answered, calibrated, packaged, served and explained like any network. Its weights are the arrays of the fitted
model, and beside them its settings as bytes of JSON.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Self

import numpy as np
import torch
from torch import Tensor, nn

from scanwright.errors import IntegrityError
from scanwright.features.classical import ClassicalModel
from scanwright.features.fixed import fixed_features
from scanwright.files import canonical_json
from scanwright.geometry.grid import Grid
from scanwright.geometry.volume import Volume
from scanwright.types import Array, Floats

SETTINGS = "settings"
LEAST = 1e-6
"""Probabilities below this are taken as this: the logarithm of 0 is no output."""


class ClassicalNetwork(nn.Module):
    """forward: image (N, C, D, H, W) to a list with one tensor (N, outputs): logarithms of probabilities, of which softmax
    gives the probabilities again; of a number its deviation from `center`, over `scale`.
    """

    def __init__(self, model: ClassicalModel, *, center: float = 0.0, scale: float = 1.0) -> None:
        super().__init__()
        self.model, self.center, self.scale = model, center, scale

    def forward(self, image_NCDHW: Tensor) -> list[Tensor]:
        """Images to answers, see the class."""
        found = self.model.predict(features_of(image_NCDHW.float().cpu().numpy(), self.model.names))
        if not self.model.num_classes:
            outputs = ((found - self.center) / self.scale)[:, None]
        else:
            outputs = np.log(np.clip(found, LEAST, 1))
        return [torch.from_numpy(outputs.astype(np.float32)).to(image_NCDHW.device)]

    @classmethod
    def of_weights(cls, weights: Mapping[str, Tensor], *, center: float = 0.0, scale: float = 1.0) -> Self:
        """The model of stored weights. Raises IntegrityError if they are not those of one."""
        arrays = {name: tensor.numpy() for name, tensor in weights.items()}
        try:
            settings = json.loads(arrays.pop(SETTINGS).tobytes())
        except (KeyError, ValueError) as error:
            raise IntegrityError("a stored model lacks its settings", found=str(error)[:80]) from error
        return cls(ClassicalModel.from_arrays(arrays, settings), center=center, scale=scale)


def weights_of(model: ClassicalModel) -> dict[str, Tensor]:
    """Everything of a fitted model as tensors."""
    arrays: dict[str, Array] = {name: np.array(part, order="C") for name, part in model.to_arrays().items()}
    arrays[SETTINGS] = np.frombuffer(canonical_json(model.settings()), dtype=np.uint8).copy()
    return {name: torch.from_numpy(part) for name, part in arrays.items()}


def names_of(image_CDHW: Array) -> tuple[str, ...]:
    """The names of the features of a prepared image (C, D, H, W)."""
    return tuple(_features(image_CDHW))


def features_of(images: Sequence[Array] | Array, names: Sequence[str]) -> Floats:
    """(N, F) float64 of prepared images (C, D, H, W) each, in the order of the names."""
    rows = []
    for image in images:
        found = _features(image)
        rows.append([found[name] for name in names])
    return np.array(rows, dtype=np.float64)


def _features(image_CDHW: Array) -> dict[str, float]:
    """Of an image in network order, whose axes are taken as they lie: the first is the thinnest."""
    channels = [f"channel_{number}" for number in range(image_CDHW.shape[0])]
    depth, height, width = image_CDHW.shape[1:]
    upright = np.ascontiguousarray(image_CDHW.transpose(0, 3, 2, 1))
    return fixed_features(Volume(upright, Grid((width, height, depth), np.eye(4))), channels)

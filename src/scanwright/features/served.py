"""Classical models in a network's clothes: they take the same input, and give outputs that mean the same.

So they are answered, calibrated, packaged, served and explained like any network. Their weights are the arrays of the fitted
models, and beside them their settings as bytes of JSON.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from scanwright.errors import InputError, IntegrityError
from scanwright.features.classical import ClassicalModel
from scanwright.features.deep import HasFeatures, deep_names
from scanwright.features.fixed import fixed_features
from scanwright.features.outlined import Outlined
from scanwright.files import canonical_json
from scanwright.geometry.grid import Grid
from scanwright.geometry.volume import Volume
from scanwright.types import Array, Floats

SETTINGS, ENCODER, DEEP = "settings", "encoder", "deep"
LEAST = 1e-6
"""Probabilities below this are taken as this: the logarithm of 0 is no output."""
CUMULATIVE = "cumulative_link"


class ClassicalNetwork(nn.Module):
    """forward: image (N, C, D, H, W) to a list with one tensor (N, outputs).

    models: one of K classes, whose outputs are logarithms of probabilities, of which softmax gives the probabilities again;
    or the same of grades, whose K - 1 outputs are what the loss that is planned for grades would take; or one of two classes
    for each label, with its logit; or one of a number for each quantity: its deviation from `center`, over `scale`.
    encoder, outlined: the network whose features they read, or how those of what is outlined are made; without either they
    are those of the fixed transform.
    """

    def __init__(
        self,
        models: Sequence[ClassicalModel],
        *,
        outputs: int,
        loss: str = "",
        center: Sequence[float] = (),
        scale: Sequence[float] = (),
        encoder: nn.Module | None = None,
        outlined: Outlined | None = None,
    ) -> None:
        super().__init__()
        self.encoder, self.outlined = encoder, outlined
        self.models, self.outputs, self.loss = tuple(models), outputs, loss
        self.center, self.scale = np.array(center), np.array(scale)

    def forward(self, image_NCDHW: Tensor) -> list[Tensor]:
        """Images to answers, see the class."""
        return [self.told_from(self.read(image_NCDHW)).to(image_NCDHW.device)]

    def told_from(self, features: Floats) -> Tensor:
        """(N, outputs) from the features (N, F) of images, as `read` gives them."""
        found = self._outputs([model.predict(features) for model in self.models])
        return torch.from_numpy(found.astype(np.float32))

    def features(self, image_NCDHW: Tensor) -> Tensor:
        """(N, R) what the first model reads of images: their features, prepared as it learned them."""
        first = self.models[0]
        prepared = first.preparation.apply(self.read(image_NCDHW))
        return torch.from_numpy(prepared).to(image_NCDHW.device)

    def read(self, image_NCDHW: Tensor) -> Floats:
        """(N, F) the features of images that the models are asked about."""
        if self.encoder is not None:
            return encoded(self.encoder, image_NCDHW)[1]
        images, names = image_NCDHW.float().cpu().numpy(), self.models[0].names
        return features_of(images, names) if self.outlined is None else self.outlined.values(images, names)

    def _outputs(self, answers: Sequence[Floats]) -> Floats:
        first = answers[0]
        if first.ndim == 1:
            return np.asarray((np.stack(answers, axis=1) - self.center) / self.scale)
        if first.shape[1] == self.outputs and len(answers) == 1:
            return np.log(np.clip(first, LEAST, 1))
        if len(answers) == 1:
            return steps_of(first, loss=self.loss)
        return _logit(np.stack([chances[:, 1] for chances in answers], axis=1))

    @classmethod
    def of_weights(cls, weights: Mapping[str, Tensor], *, encoder: nn.Module | None = None, **how: Any) -> Self:
        """The models of stored weights. encoder, how: as above; an encoder is given the stored weights that are its own.

        Raises IntegrityError if they are not those of models of one form, RuntimeError (of torch) if the encoder's differ.
        """
        if encoder is not None:
            encoder.load_state_dict(encoder_weights(weights))
        parts: dict[str, dict[str, Array]] = {}
        for name, tensor in weights.items():
            if name.startswith(f"{ENCODER}."):
                continue
            number, _, part = name.partition(".")
            parts.setdefault(number, {})[part] = tensor.numpy()
        if not parts or set(parts) != {str(number) for number in range(len(parts))}:
            raise IntegrityError("stored models are not numbered", found=", ".join(sorted(parts)[:3]))
        models = [_model_of(parts[str(number)]) for number in range(len(parts))]
        if len({(model.names, model.num_classes) for model in models}) > 1:
            raise IntegrityError("stored models of one answer do not fit together")
        return cls(models, encoder=encoder, **how)


def outputs_of(networks: Sequence[nn.Module], image_NCDHW: Tensor) -> list[Tensor]:
    """The outputs (N, K) of each network. Features that classical models share, of no network, are made once."""
    shared: dict[tuple[str, ...], Floats] = {}
    found = []
    for network in networks:
        if not isinstance(network, ClassicalNetwork) or network.encoder is not None:
            found.append(network(image_NCDHW)[0])
            continue
        names = network.models[0].names
        if names not in shared:
            shared[names] = network.read(image_NCDHW)
        found.append(network.told_from(shared[names]).to(image_NCDHW.device))
    return found


def steps_of(shares_NK: Floats, *, loss: str) -> Floats:
    """(N, K - 1) what the loss of grades would take as outputs, from shares of K grades.

    Of CORN the logits that a grade is above k if it is at least k; of a cumulative link the logit that it is above the first,
    and how far the logits fall from each threshold to the next, before softplus.
    """
    above = np.cumsum(shares_NK[:, ::-1], axis=1)[:, ::-1]
    if loss != CUMULATIVE:
        return _logit(above[:, 1:] / np.maximum(above[:, :-1], LEAST))
    logits = _logit(above[:, 1:])
    falls = np.maximum(-np.diff(logits, axis=1), LEAST)
    return np.concatenate([logits[:, :1], falls + np.log(-np.expm1(-falls))], axis=1)


def _logit(chances: Floats) -> Floats:
    kept = np.clip(chances, LEAST, 1 - LEAST)
    return np.asarray(np.log(kept) - np.log1p(-kept))


def _model_of(arrays: dict[str, Array]) -> ClassicalModel:
    try:
        settings = json.loads(arrays.pop(SETTINGS).tobytes())
    except (KeyError, ValueError) as error:
        raise IntegrityError("a stored model lacks its settings", found=str(error)[:80]) from error
    return ClassicalModel.from_arrays(arrays, settings)


def weights_of(models: Sequence[ClassicalModel], encoder: nn.Module | None = None) -> dict[str, Tensor]:
    """Everything of fitted models as tensors, each under its number, and the weights of what they read."""
    state = {} if encoder is None else encoder.state_dict()
    return {f"{ENCODER}.{name}": part.cpu().contiguous() for name, part in state.items()} | {
        f"{number}.{name}": torch.from_numpy(part)
        for number, model in enumerate(models)
        for name, part in {
            **{name: np.array(part, order="C") for name, part in model.to_arrays().items()},
            SETTINGS: np.frombuffer(canonical_json(model.settings()), dtype=np.uint8).copy(),
        }.items()
    }


def encoder_weights(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Of stored weights those of the network whose features the models read."""
    start = f"{ENCODER}."
    return {name.removeprefix(start): part for name, part in weights.items() if name.startswith(start)}


def encoded(encoder: nn.Module, image_NCDHW: Tensor) -> tuple[tuple[str, ...], Floats]:
    """Names and values (N, F) float64 of what a network makes of images before its head."""
    assert isinstance(encoder, HasFeatures), "the plan has such networks only"
    place = next(encoder.parameters()).device
    with torch.inference_mode():
        found = encoder.eval().features(image_NCDHW.float().to(place)).float().cpu().numpy().astype(np.float64)
    return deep_names(DEEP, found.shape[1]), found


def names_of(image_CDHW: Array) -> tuple[str, ...]:
    """The names of the features of a prepared image (C, D, H, W)."""
    return tuple(_features(image_CDHW))


def features_of(images: Sequence[Array] | Array, names: Sequence[str]) -> Floats:
    """(N, F) float64 of prepared images (C, D, H, W) each, in the order of the names.

    Raises InputError for an image that has other features: a slice has others than a volume.
    """
    rows = []
    for image in images:
        found = _features(image)
        if found.keys() != set(names):
            raise InputError(
                "an image of another dimension or with other channels than the model has learned from",
                expected=f"{len(names)} features",
                found=f"{len(found)} features of {' x '.join(map(str, image.shape[1:]))} voxels in {image.shape[0]} channels",
                hint="Give images like those of the training.",
            )
        rows.append([found[name] for name in names])
    return np.array(rows, dtype=np.float64)


def _features(image_CDHW: Array) -> dict[str, float]:
    """Of an image in network order, whose axes are taken as they lie: the first is the thinnest."""
    channels = [f"channel_{number}" for number in range(image_CDHW.shape[0])]
    depth, height, width = image_CDHW.shape[1:]
    upright = np.ascontiguousarray(image_CDHW.transpose(0, 3, 2, 1))
    return fixed_features(Volume(upright, Grid((width, height, depth), np.eye(4))), channels)

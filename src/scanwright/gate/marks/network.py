"""The small network that finds text and marks in a picture, and how a picture is brought to it.

Three scales of plain convolutions, joined again at a quarter of the resolution. It is trained on generated pictures alone
(benchmarks/train_marks.py); its normalisation layers are folded into the convolutions before the weights are kept, so that
nothing of a picture's far parts changes what is said of a near one.
"""

from functools import cache
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from scipy.ndimage import uniform_filter
from torch import Tensor, nn
from torch.nn import functional

from scanwright.types import Array

WEIGHTS = Path(__file__).with_name("marks.safetensors")
STRIDE = 4
"""Pixels of the picture along an edge of one cell of the map."""
MULTIPLE = 16
"""The network takes pictures whose sides are multiples of this."""
WINDOW = 31
"""Pixels along the window over which contrast is made alike."""
LEAST_STD = 0.02
"""Least spread of a window, as a share of the picture's range: what is fainter is not raised further."""


class MarksNetwork(nn.Module):
    """(N, 2, H, W), as `network_input` makes it, to logits (N, 2, H / 4, W / 4): "text or mark", and "text, if either".

    H and W are multiples of 16. normalized: with a BatchNorm behind each convolution, as it is trained.
    """

    def __init__(self, *, normalized: bool = False) -> None:
        super().__init__()
        self.stem = _Layer(2, 16, stride=2, normalized=normalized)
        self.quarter = nn.Sequential(*_stage(16, 32, normalized))
        self.eighth = nn.Sequential(*_stage(32, 48, normalized))
        self.sixteenth = nn.Sequential(*_stage(48, 64, normalized), _Layer(64, 64, dilation=2, normalized=normalized))
        self.to_eighth = nn.Conv2d(64, 48, 1)
        self.at_eighth = _Layer(48, 48, normalized=normalized)
        self.to_quarter = nn.Conv2d(48, 32, 1)
        self.at_quarter = _Layer(32, 32, normalized=normalized)
        self.head = nn.Conv2d(32, 2, 1)

    def forward(self, picture: Tensor) -> Tensor:
        """Logits of the two questions, see the class."""
        quarter = self.quarter(self.stem(picture))
        eighth = self.eighth(quarter)
        joined = self.at_eighth(eighth + _doubled(self.to_eighth(self.sixteenth(eighth))))
        return self.head(self.at_quarter(quarter + _doubled(self.to_quarter(joined))))  # type: ignore[no-any-return]

    def folded(self) -> "MarksNetwork":
        """The same function without normalisation layers, for inference."""
        plain = MarksNetwork().eval()
        own = dict(self.eval().named_modules())
        for name, layer in plain.named_modules():
            twin = own[name]
            if isinstance(layer, _Layer) and isinstance(twin, _Layer):
                fused = (
                    nn.utils.fusion.fuse_conv_bn_eval(twin.convolution, twin.norm) if twin.norm else twin.convolution
                )
                layer.convolution.load_state_dict(fused.state_dict())
            elif isinstance(layer, nn.Conv2d) and not name.endswith("convolution"):
                layer.load_state_dict(twin.state_dict())
        return plain


class _Layer(nn.Module):
    """A 3 x 3 convolution, perhaps a BatchNorm, and ReLU."""

    def __init__(
        self, inputs: int, outputs: int, *, stride: int = 1, dilation: int = 1, normalized: bool = False
    ) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=dilation, dilation=dilation)
        self.norm = nn.BatchNorm2d(outputs) if normalized else None

    def forward(self, features: Tensor) -> Tensor:
        convolved = self.convolution(features)
        return functional.relu(convolved if self.norm is None else self.norm(convolved), inplace=True)


def _stage(inputs: int, outputs: int, normalized: bool) -> tuple[_Layer, _Layer]:
    return _Layer(inputs, outputs, stride=2, normalized=normalized), _Layer(outputs, outputs, normalized=normalized)


def _doubled(features: Tensor) -> Tensor:
    return functional.interpolate(features, scale_factor=2.0, mode="nearest")


def network_input(picture_YX: Array) -> Array:
    """A picture as the network takes it, float32 (2, H, W): brightness about -0.5 to 0.5, and local contrast, about -2 to 2.

    Brightness is relative to the picture's 0.5th and 99.5th percentile, widened by a quarter on either side. H and W are
    the picture's, padded to multiples of 16 by repeating its last row and column. NaN counts as 0.
    """
    pixels = np.nan_to_num(np.asarray(picture_YX, np.float32))
    low, high = np.percentile(pixels, (0.5, 99.5))
    margin = (high - low) / 4
    low, high = max(low - margin, pixels.min()), min(high + margin, pixels.max())
    if high <= low:
        low, high = pixels.min(), pixels.max()
    bright = np.clip((pixels - low) / max(high - low, 1e-12), 0, 1).astype(np.float32)
    mean = uniform_filter(bright, WINDOW, mode="nearest")
    spread = np.sqrt(np.maximum(uniform_filter(bright * bright, WINDOW, mode="nearest") - mean * mean, 0))
    local = np.clip((bright - mean) / (spread + LEAST_STD), -4, 4) / 2
    pad = [(0, -length % MULTIPLE) for length in pixels.shape]
    return np.pad(np.stack([bright - 0.5, local]), [(0, 0), *pad], mode="edge")


@cache
def load_network() -> MarksNetwork:
    """The trained network, once a process. Raises RuntimeError if the file's tensors are not the network's."""
    network = MarksNetwork()
    network.load_state_dict({name: tensor.float() for name, tensor in load_file(WEIGHTS).items()})
    return network.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def probability_maps(picture_YX: Array) -> Array:
    """How likely each cell of 4 x 4 pixels is text or a mark, and text if either: float32 (2, ceil(Y / 4), ceil(X / 4))."""
    height, width = picture_YX.shape
    with torch.inference_mode():
        batch = torch.from_numpy(network_input(picture_YX))[None].contiguous(memory_format=torch.channels_last)
        maps: Array = torch.sigmoid(load_network()(batch))[0].numpy()
    return maps[:, : -(-height // STRIDE), : -(-width // STRIDE)]

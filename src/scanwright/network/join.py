"""How the slices or frames of one image become one answer: their features (N, D, F) to (N, F).

With a single slice every one of these gives that slice's features as they are.
"""

from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional

RECURRENT: dict[str, type[nn.GRU] | type[nn.LSTM]] = {"gru": nn.GRU, "lstm": nn.LSTM}


class MeanJoin(nn.Module):
    """All slices count alike, and their order does not matter."""

    def forward(self, features_NDF: Tensor) -> Tensor:
        """Mean over D."""
        return features_NDF.mean(1)


class AttentionJoin(nn.Module):
    """A weighted mean, each slice's weight decided by its own features; the order does not matter (multiple instances).

    hidden: size of the gate. Source: Ilse et al. 2018, ICML, equation 9 (gated attention).
    """

    def __init__(self, features: int, hidden: int) -> None:
        super().__init__()
        self.content = nn.Linear(features, hidden)
        self.gate = nn.Linear(features, hidden)
        self.score = nn.Linear(hidden, 1, bias=False)

    def weights(self, features_NDF: Tensor) -> Tensor:
        """(N, D) in [0, 1], with sum 1 over D: how much each slice counts."""
        scores = self.score(torch.tanh(self.content(features_NDF)) * torch.sigmoid(self.gate(features_NDF)))
        weights: Tensor = scores[..., 0].softmax(1)
        return weights

    def forward(self, features_NDF: Tensor) -> Tensor:
        """Weighted mean over D."""
        return torch.einsum("nd,ndf->nf", self.weights(features_NDF), features_NDF)


class RecurrentJoin(nn.Module):
    """The mean of the slices, and what a recurrent network adds to it after reading them in order.

    It reads how each slice departs from the mean of its case, brought to unit spread: left as they are, slices tell the cases
    of a small training set apart, and nothing of the order is learned. It adds a linear map of its last state, which says what
    came when, and of the mean of its states, which says how one slice follows another.
    kind: "gru" (Cho et al. 2014, EMNLP) or "lstm" (Hochreiter and Schmidhuber 1997, Neural Comput 9:1735).
    """

    def __init__(self, kind: str, features: int, hidden: int, *, bidirectional: bool) -> None:
        super().__init__()
        directions = 2 if bidirectional else 1
        self.reader = RECURRENT[kind](features, hidden, batch_first=True, bidirectional=bidirectional)
        self.add = nn.Linear(2 * directions * hidden, features)

    def train(self, mode: bool = True) -> Self:
        """Sets the mode, except of the reader: it computes the same in both, and cuDNN gives gradients in training only."""
        super().train(mode)
        self.reader.train()
        return self

    def forward(self, features_NDF: Tensor) -> Tensor:
        """Mean over D plus what the order says; the slice itself where D is 1."""
        mean = features_NDF.mean(1)
        if features_NDF.shape[1] == 1:
            return mean
        departures = functional.layer_norm(features_NDF - mean[:, None], mean.shape[1:])
        states, last = self.reader(departures)  # (N, D, directions * hidden)
        hidden: Tensor = (
            last if isinstance(last, Tensor) else last[0]
        )  # (directions, N, hidden); an LSTM has cells beside
        said = torch.cat([hidden.transpose(0, 1).flatten(1), states.mean(1)], dim=1)
        joined: Tensor = mean + self.add(said)
        return joined


def make_join(kind: str, features: int, *, hidden: int | None, bidirectional: bool) -> nn.Module:
    """The part named by an EncoderPlan's `join`. `hidden` is a number for all but "mean"."""
    if hidden is None:
        return MeanJoin()
    if kind == "attention":
        return AttentionJoin(features, hidden)
    return RecurrentJoin(kind, features, hidden, bidirectional=bidirectional)

"""How the slices or frames of one image become one answer: their features (N, D, F) to (N, F).

With a single slice every one of these gives that slice's features as they are.
"""

from typing import Self

import torch
from torch import Tensor, nn

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

    What it adds is a linear map of its last state, in each direction. (The mean or the maximum of all its states in place of
    the last one did not learn, in as many steps, which of two patterns comes first.)
    kind: "gru" (Cho et al. 2014, EMNLP) or "lstm" (Hochreiter and Schmidhuber 1997, Neural Comput 9:1735).
    """

    def __init__(self, kind: str, features: int, hidden: int, *, bidirectional: bool) -> None:
        super().__init__()
        self.reader = RECURRENT[kind](features, hidden, batch_first=True, bidirectional=bidirectional)
        self.add = nn.Linear(hidden * (2 if bidirectional else 1), features)

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
        _, last = self.reader(features_NDF)
        state: Tensor = (
            last[0] if isinstance(last, tuple) else last
        )  # (directions, N, hidden); an LSTM's cells are left
        joined: Tensor = mean + self.add(state.transpose(0, 1).flatten(1))
        return joined


def make_join(kind: str, features: int, *, hidden: int | None, bidirectional: bool) -> nn.Module:
    """The part named by an EncoderPlan's `join`. `hidden` is a number for all but "mean"."""
    if hidden is None:
        return MeanJoin()
    if kind == "attention":
        return AttentionJoin(features, hidden)
    return RecurrentJoin(kind, features, hidden, bidirectional=bidirectional)

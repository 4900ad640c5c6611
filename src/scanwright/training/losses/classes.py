"""Losses of classes: one class of several, any number of labels, and one class of several that have an order.

Shapes: logits (N, K), for ordered classes (N, K - 1); targets (N, K) in [0, 1]. For one class, ordered or not, a row of
targets sums to 1: one 1 and else 0, or shares, after label smoothing and mixup. For labels each entry is a share of its own.

Unknown is NaN: of one class a row (one NaN makes its row unknown), of labels an entry. It counts for nothing. Nothing known:
0, with a gradient of 0. weights (K,): how much a case counts by its class (the mean is then a weighted one), or how much the
presence of a label counts beside its absence. All are means over what is known, in nats, one scalar, float32.
"""

from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.functional import logsigmoid

from scanwright.training.losses.precision import single

TINY = 1e-12


class ClassLoss(Protocol):
    """A loss of classes."""

    def __call__(self, logits: Tensor, targets: Tensor, *, weights: Tensor | None = None) -> Tensor:
        """logits (N, K) or (N, K - 1), targets (N, K), weights (K,), to a scalar."""
        ...


def soft_targets(codes: Tensor, classes: int, *, smoothing: float = 0.0) -> Tensor:
    """Class codes (N,) as targets (N, K) float32; a code below 0 or from K on is unknown, a row of NaN.

    smoothing: the share in [0, 1) that is spread evenly over all K classes.
    Source: Szegedy et al. 2016, CVPR, section 7 (label smoothing). Mixup is a mean of two such rows: Zhang et al. 2018, ICLR.
    """
    known = (codes >= 0) & (codes < classes)
    hard = functional.one_hot(codes.long().where(known, 0), classes).float()
    return ((1 - smoothing) * hard + smoothing / classes).masked_fill(~known[:, None], torch.nan)


def cross_entropy(logits: Tensor, targets: Tensor, *, weights: Tensor | None = None) -> Tensor:
    """Cross-entropy of one class of several. Its least value is the entropy of the targets, 0 where they are hard."""
    logits = single(logits)
    shares = _weighed(targets.to(logits.dtype), weights)
    return -(shares * logits.log_softmax(1)).sum() / shares.sum().clamp_min(TINY)


def focal(logits: Tensor, targets: Tensor, *, weights: Tensor | None = None, gamma: float = 2.0) -> Tensor:
    """Cross-entropy with each class's term times (1 - its probability) ** gamma: what is easy counts little.

    gamma: 0 is cross-entropy, else at least 1 (below, the slope at a perfect answer is infinite).
    Source: Lin et al. 2017, ICCV (their alpha is `weights`), for several classes by softmax.
    """
    logits = single(logits)
    shares = _weighed(targets.to(logits.dtype), weights)
    logs = logits.log_softmax(1)
    return -(shares * (-logs.expm1()) ** gamma * logs).sum() / shares.sum().clamp_min(TINY)


def binary_cross_entropy(logits: Tensor, targets: Tensor, *, weights: Tensor | None = None) -> Tensor:
    """Binary cross-entropy of labels that do not exclude each other."""
    logits = single(logits)
    return _mean_of_labels(-logsigmoid(logits), -logsigmoid(-logits), targets, weights)


def binary_focal(logits: Tensor, targets: Tensor, *, weights: Tensor | None = None, gamma: float = 2.0) -> Tensor:
    """Binary cross-entropy times (1 - probability of what is so) ** gamma; gamma as for `focal`. Source: Lin et al. 2017."""
    logits = single(logits)
    present = -(torch.sigmoid(-logits) ** gamma) * logsigmoid(logits)
    absent = -(torch.sigmoid(logits) ** gamma) * logsigmoid(-logits)
    return _mean_of_labels(present, absent, targets, weights)


def asymmetric(
    logits: Tensor, targets: Tensor, *, weights: Tensor | None = None, gamma: float = 4.0, margin: float = 0.05
) -> Tensor:
    """Cross-entropy where a label is present; focused, and silent below a margin, where it is absent.

    For labels that are mostly absent. gamma: the focus on absent labels that are believed present. margin: in (0, 1); an
    absent label with a probability up to it costs nothing and has no gradient.
    Source: Ridnik et al. 2021, ICCV (their gamma- and m; gamma+, the focus on present labels, is 0 here).
    """
    logits = single(logits)
    shifted = (torch.sigmoid(logits) - margin).clamp_min(0)
    absent = -(shifted**gamma) * (1 - shifted).log()
    return _mean_of_labels(-logsigmoid(logits), absent, targets, weights)


def corn(logits: Tensor, targets: Tensor, *, weights: Tensor | None = None) -> Tensor:
    """Ordered classes by conditional questions: output k says whether the class is above k, asked of those above k - 1.

    The mean is over the questions that are asked. A case spread over classes by `targets` is asked each by its share.
    Source: Shi, Cao and Raschka 2023, Pattern Anal Appl 26:941 (arXiv:2111.08851).
    """
    logits = single(logits)
    shares = _weighed_cases(targets.to(logits.dtype), weights)
    at_least = shares.flip(1).cumsum(1).flip(1)  # (N, K): share of a case in class k or above
    asked, above = at_least[:, :-1], at_least[:, 1:]
    cost = -(above * logsigmoid(logits) + (asked - above) * logsigmoid(-logits))
    return cost.sum() / asked.sum().clamp_min(TINY)


def corn_probabilities(logits: Tensor) -> Tensor:
    """Class probabilities (N, K) float32, rows summing to 1, of CORN's outputs (N, K - 1).

    The probability of being above k is the product of the conditional ones up to k, so it never rises with k.
    """
    logits = single(logits)
    above = logsigmoid(logits).cumsum(1)
    up_to = functional.pad(above, (1, 0)) + functional.pad(logsigmoid(-logits), (0, 1))
    return up_to.exp()


def cumulative_link(logits: Tensor, targets: Tensor, *, weights: Tensor | None = None) -> Tensor:
    """Minus the log-likelihood of ordered classes under cumulative logits that fall from threshold to threshold.

    The first output is the logit of being above class 0; each further one, through softplus, is the step down to the next.
    Source: McCullagh 1980, J R Stat Soc B 42:109 (the model); the steps keep thresholds in order, as in Vargas et al. 2020,
    Neurocomputing 401:48, but are outputs of their own for each case.
    """
    logits = single(logits)
    shares = _weighed_cases(targets.to(logits.dtype), weights)
    return -(shares * _cumulative_logs(logits)).sum() / shares.sum().clamp_min(TINY)


def cumulative_link_probabilities(logits: Tensor) -> Tensor:
    """Class probabilities (N, K) float32, rows summing to 1, of the outputs (N, K - 1) that `cumulative_link` trains."""
    return _cumulative_logs(single(logits)).exp()


def _cumulative_logs(logits: Tensor) -> Tensor:
    """Log-probabilities (N, K). s(a) - s(b) of two logits a > b is s(a) s(-b) (1 - e^(b - a)), and a - b a softplus."""
    steps = functional.softplus(logits[:, 1:])
    above = logits[:, :1] - functional.pad(steps.cumsum(1), (1, 0))
    widths = functional.pad(logsigmoid(logits[:, 1:]), (1, 1))
    return functional.pad(logsigmoid(above), (1, 0)) + functional.pad(logsigmoid(-above), (0, 1)) + widths


def _weighed(targets: Tensor, weights: Tensor | None) -> Tensor:
    """Targets of one class times the weight of each class; unknown rows are 0."""
    known = targets.where(~targets.isnan().any(1, keepdim=True), 0)
    return known if weights is None else known * weights.to(known)


def _weighed_cases(targets: Tensor, weights: Tensor | None) -> Tensor:
    """Targets of ordered classes, each case times the mean weight of its classes; unknown rows are 0."""
    known = targets.where(~targets.isnan().any(1, keepdim=True), 0)
    return known if weights is None else known * (known @ weights.to(known))[:, None]


def _mean_of_labels(present: Tensor, absent: Tensor, targets: Tensor, weights: Tensor | None) -> Tensor:
    """Mean cost over known labels: `present` where a label is, times its weight, and `absent` where it is not."""
    known = ~targets.isnan()
    shares = targets.to(present.dtype).where(known, 0)
    cost = shares * (present if weights is None else present * weights.to(present)) + (1 - shares) * absent
    return (cost * known).sum() / known.sum().clamp_min(1)


ONE: dict[str, ClassLoss] = {"ce": cross_entropy, "focal": focal}
SEVERAL: dict[str, ClassLoss] = {"bce": binary_cross_entropy, "focal": binary_focal, "asymmetric": asymmetric}
ORDERED: dict[str, ClassLoss] = {"corn": corn, "cumulative_link": cumulative_link}

"""How sure a model is of one case, from its probabilities and from how far the opinions that make it up differ.

Opinions (M, V, K): of M networks, seen from V sides (mirrored views), K numbers each. The opinions of networks are means over
views; of a single network its views are opinions.

Entropies are over their largest value: 0 where one class has all of the probability, 1 where all have the same. Of labels
they are means over the labels. The entropy of the mean opinion is what is not known in all; the mean of the opinions'
entropies is what each of them leaves open (the image does not tell); their difference, the mutual information, is what they
disagree about (more cases would tell) (Houlsby et al. 2011, arXiv:1112.5745; Depeweg et al. 2018, ICML 1184).
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import entr

from scanwright.types import Floats


@dataclass(frozen=True, kw_only=True, slots=True)
class Disagreement:
    """How many opinions there are, and their mutual information, in [0, 1]."""

    opinions: int
    mutual_information: float


def each_opinion(opinions: Floats) -> Floats:
    """(O, K): the networks', or of a single network its views'."""
    each: Floats = opinions.mean(axis=1) if len(opinions) > 1 else opinions[0]
    return each


def entropy(probabilities: Floats, *, labels: bool = False) -> Floats:
    """In [0, 1], (...,), of probabilities (..., K) of exclusive classes, or of labels that each stand for themselves."""
    if labels:
        both: Floats = (entr(probabilities) + entr(1 - probabilities)).mean(axis=-1) / np.log(2)
        return both
    total: Floats = entr(probabilities).sum(axis=-1) / np.log(probabilities.shape[-1])
    return total


def disagreement(opinions: Floats, *, labels: bool = False) -> Disagreement | None:
    """How far opinions (M, V, K) differ; None of a single one."""
    each = each_opinion(opinions).astype(np.float64)
    if len(each) < 2:
        return None
    mean = each.mean(axis=0)
    apart = float(entropy(mean, labels=labels) - entropy(each, labels=labels).mean())
    return Disagreement(opinions=len(each), mutual_information=max(0.0, apart))


def view_spread(opinions: Floats) -> Floats | None:
    """(K,) the deviation between the views of a network, in the mean over networks; None of a single view.

    It is the same whether one network answers, as out of fold, or all of them do, and so what was learned of it out of
    fold holds of the package: the deviation between networks is not to be had out of fold, where one of them answers
    each case.
    """
    if opinions.shape[1] < 2:
        return None
    spread: Floats = opinions.astype(np.float64).std(axis=1, ddof=1).mean(axis=0)
    return spread


def member_spread(opinions: Floats) -> Floats | None:
    """(K,) the deviation between opinions; None of a single one."""
    each = each_opinion(opinions).astype(np.float64)
    return each.std(axis=0, ddof=1) if len(each) > 1 else None

"""Which models are tried on a data set where the user names none: what can learn its target, the quickest first.

The best of them out of fold is kept. A model that is named is the only one; so is a network where values of networks are set
by hand, or where no case is held out that could tell which is best. Where weights come from elsewhere their network is trained
further, and a support vector machine is tried on what it makes of images as it is.
"""

from scanwright.dataset.facts import Fingerprint
from scanwright.plan.classical import learns
from scanwright.plan.encoder_plan import RECURRENT
from scanwright.plan.plan import ModelName
from scanwright.plan.settings import Settings
from scanwright.protocols import Problem

MOST_CASES = 10_000
"""Beyond these, support vector machines take longer than networks: their time grows with the square."""
SECONDS_A_CASE = {2: 0.05, 3: 0.15}
"""What a case adds to the time of a support vector machine over five folds on two cores, by dimension; estimated from a fold of
4,185 pictures, which took 47 s, and from 260 volumes of 60,000 voxels, whose features took 20 s."""
MOST_SHARE = 0.5
"""Of a budget, what a support vector machine may be expected to take; else networks have too little left."""
OF_NETWORKS = ("network.", "training.", "augment.", "batch.size", "inference.mirror")
"""Beginnings of plan values of which a classical model has none, or none that counts. To batch.patch its images are padded."""
FAMILY = "network.family"
"""What every network of whole images has."""


def models_to_try(
    fingerprint: Fingerprint, settings: Settings, problem: Problem, *, held_out: int, own_kind: bool = False
) -> tuple[ModelName, ...]:
    """The models to be tried, the first of them first.

    held_out: cases that will be answered out of fold. own_kind: whether the problem is none of this package's: what its outputs
    mean, and how its answers are compared, only it knows, so that a network alone learns it.
    """
    if settings.model != "auto" or problem.learns_normal:
        return (settings.model,)
    begun = {} if settings.start is None else settings.start.values
    network: ModelName = "cnn-rnn" if begun.get("network.join") in RECURRENT else "cnn"
    reads_weights_alone = settings.start is not None and FAMILY not in begun
    if not problem.sees_whole or not held_out or own_kind or reads_weights_alone:
        return (network,)
    given = [name for name in settings.values if name.startswith(OF_NETWORKS)]
    most_s = None if settings.budget_s is None else settings.budget_s * MOST_SHARE
    needed_s = fingerprint.num_cases * SECONDS_A_CASE[fingerprint.dimension]
    quick = fingerprint.num_cases <= MOST_CASES and (most_s is None or needed_s <= most_s)
    classical = not given and quick and learns(fingerprint, problem.outputs)
    in_order = not given and fingerprint.dimension == 3 and settings.start is None
    return (*(("svm",) if classical else ()), network, *(("cnn-rnn",) if in_order else ()))

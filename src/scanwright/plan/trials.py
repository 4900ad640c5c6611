"""Which models are tried on a data set where the user names none: what can learn its target, the quickest first.

The best of them out of fold is kept. A model that is named is the only one; so is a network where values of networks are set
by hand, where weights come from elsewhere, or where no case is held out that could tell which is best.
"""

from scanwright.dataset.facts import Fingerprint
from scanwright.plan.classical import learns
from scanwright.plan.encoder_plan import RECURRENT
from scanwright.plan.plan import ModelName
from scanwright.plan.settings import Settings
from scanwright.protocols import Problem

MOST_CASES = 10_000
"""Beyond these, support vector machines take longer than networks: their time grows with the square."""
OF_NETWORKS = ("network.", "training.", "augment.", "inference.mirror")
"""Beginnings of plan values of which a classical model has none, or none that counts."""


def models_to_try(
    fingerprint: Fingerprint, settings: Settings, problem: Problem, *, held_out: int
) -> tuple[ModelName, ...]:
    """The models to be tried, the first of them first. held_out: cases that will be answered out of fold."""
    if settings.model != "auto":
        return (settings.model,)
    if settings.start is not None:
        return ("cnn-rnn",) if settings.start.network.get("join") in RECURRENT else ("cnn",)
    if not problem.sees_whole or not held_out:
        return ("cnn",)
    given = [name for name in settings.values if name.startswith(OF_NETWORKS)]
    classical = not given and fingerprint.num_cases <= MOST_CASES and learns(fingerprint, problem.outputs)
    in_order = not given and fingerprint.dimension == 3
    return (*(("svm",) if classical else ()), "cnn", *(("cnn-rnn",) if in_order else ()))

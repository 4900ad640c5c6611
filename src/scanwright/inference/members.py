"""The members of an engine: sources of answers of one plan or of several, whose answers are pooled by weight.

Probabilities are pooled (values of quantities, boxes by fusion), not decisions: what each member holds nearly as probable is
not lost. Members that see the same windows of the same prepared image are a group, averaged window by window with no more
memory than one of them takes; groups are pooled on the image's own grid.
"""

from collections.abc import Sequence
from dataclasses import replace

from torch import nn

from scanwright.errors import UsageError
from scanwright.inference.predict import Engine, sees_alike, views_of


def pooled(members: Sequence[Engine]) -> Engine:
    """One engine of several, by their weights; the problem of the first decides. Raises UsageError without one, or for a
    weight that is not above 0.
    """
    flat = [one for member in members for one in members_of(member)]
    if not flat or any(one.weight <= 0 for one in flat):
        raise UsageError("an ensemble has members, each of a weight above 0", found=[one.weight for one in flat])
    return replace(flat[0], beside=tuple(flat[1:]))


def members_of(engine: Engine) -> tuple[Engine, ...]:
    """Its members, each without others beside it; a lone engine is its own one."""
    return (replace(engine, beside=()), *engine.beside) if engine.beside else (engine,)


def shares_of(engine: Engine) -> list[float]:
    """The weight of each member, as a share of all."""
    weights = [one.weight for one in members_of(engine)]
    return [weight / sum(weights) for weight in weights]


def groups_of(engine: Engine) -> list[Engine]:
    """The members by what they see: each group an engine whose members `beside` see the same windows, with the weight of all
    of them as `group_weight` gives it. A lone engine is its own group.
    """
    found: list[list[Engine]] = []
    for member in members_of(engine):
        home = next((group for group in found if sees_alike(group[0], member)), None)
        if home is None:
            found.append([member])
        else:
            home.append(member)
    return [replace(first, beside=tuple(rest)) for first, *rest in found]


def group_weight(group: Engine) -> float:
    """How much a group counts among groups."""
    return sum(one.weight for one in members_of(group))


def every_network(engine: Engine) -> list[nn.Module]:
    """The networks of all members."""
    return [network for member in members_of(engine) for network in member.networks]


def num_passes(engine: Engine) -> int:
    """How many forward passes an image, or a window of it, takes: networks, mirrored views and draws of dropout."""
    return sum(len(views_of(member)) for member in members_of(engine))

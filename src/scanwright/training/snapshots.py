"""Weights that one training passes through, kept at even places of its last part, and what is made of them.

A snapshot is the raw weights of a step; the moving average beside them has its own file. Taking one reads weights and draws
no random number, so training ends with the same bits whether they are kept or not. What is made of them:

    last             the newest snapshot: the weights that training ended with
    mean_weights     one network whose weights are the mean of several (SWA: Izmailov et al. 2018, UAI)
    greedy_soup      the same, of those that raise a score one after the other (Wortsman et al. 2022, ICML, recipe 1)

and several of them asked together are a snapshot ensemble (Huang et al. 2017, ICLR; Chen et al. 2017, arXiv:1710.03282),
here along one cycle of the learning rate instead of several: a training that is shared by five folds has no time for more.
No network of this package keeps running statistics of its batches, so that mean weights need no pass over the data.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from scanwright.errors import UsageError
from scanwright.training.checkpoint import save_weights
from scanwright.training.schedule import Timetable

FOLDER = "snapshots"
"""Beside the state of a fold."""
LAST_PART = 0.4
"""Of the schedule, over which snapshots are spread: before it weights move so fast that a mean of them is none of a network."""
NEARLY = 1e-9
"""Progress is a sum of shares: the end of a schedule is 1 but for rounding."""

Weights = Mapping[str, Tensor]


def places_of(count: int) -> tuple[float, ...]:
    """The progress in (0, 1] at which each of `count` snapshots is taken; the last one at the end.

    >>> [round(place, 3) for place in places_of(4)]
    [0.7, 0.8, 0.9, 1.0]
    >>> places_of(1), places_of(0)
    ((1.0,), ())
    """
    return tuple(1.0 - LAST_PART * (count - 1 - number) / count for number in range(count))


def due_after(timetable: Timetable, step: int, count: int) -> int | None:
    """The number of the snapshot that is taken once `step` steps are done, None if none; of several that are due the last.

    The same timetable gives the same steps, so that a resumed training takes again what an undisturbed one has taken.
    """
    before, now = (timetable.progress(one) + NEARLY for one in (step - 1, step))
    due = [number for number, place in enumerate(places_of(count)) if before < place <= now]
    return due[-1] if due else None


def save_snapshot(folder: Path, number: int, network: nn.Module) -> None:
    """Keep the weights of a step, beside the state of its fold, in one atomic step."""
    save_weights(folder / FOLDER / f"{number}.safetensors", network)


def snapshots_in(folder: Path) -> list[Path]:
    """The snapshots of a fold, the oldest first; [] where none were kept."""
    return sorted((folder / FOLDER).glob("*.safetensors"), key=lambda file: int(file.stem))


def mean_weights(several: Sequence[Weights]) -> dict[str, Tensor]:
    """The mean of each weight, in its own type; of whole numbers (counters) that of the last.

    Raises UsageError for nothing to average, or for weights of different networks.
    """
    if not several:
        raise UsageError("a mean of no weights")
    last = several[-1]
    if any(
        {name: part.shape for name, part in one.items()} != {n: p.shape for n, p in last.items()} for one in several
    ):
        raise UsageError("weights of different networks have no mean")
    return {
        name: torch.stack([one[name].double() for one in several]).mean(0).to(part.dtype)
        if part.is_floating_point()
        else part.clone()
        for name, part in last.items()
    }


def greedy_soup(
    names: Sequence[str], score: Callable[[tuple[str, ...]], float | None]
) -> tuple[tuple[str, ...], float | None]:
    """Of which weights the mean scores best, found greedily, and its score.

    Weights are tried from the best by themselves down, each is kept if the mean with it scores no worse (recipe 1 of the
    source). score: of the mean of the weights named, higher is better; None, which no score is worse than, where it is not
    defined. Raises UsageError without a name.
    """
    if not names:
        raise UsageError("a soup of no weights")
    alone = {name: score((name,)) for name in names}
    ranked = sorted(names, key=lambda name: -_order(alone[name]))
    kept: tuple[str, ...] = (ranked[0],)
    best = alone[ranked[0]]
    for name in ranked[1:]:
        with_it = score((*kept, name))
        if _order(with_it) >= _order(best):
            kept, best = (*kept, name), with_it
    return kept, best


def _order(score: float | None) -> float:
    return -float("inf") if score is None else score

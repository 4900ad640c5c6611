"""How trials grow: a little of one fold first, three times as much for those that do well, and in the end all folds.

A trial that goes on goes on from its checkpoint, on the one schedule that it was planned with; it is judged by its averaged
weights, which stand in for the end of the schedule. After each rung the best third goes on (asynchronous successive halving:
Li et al. 2020, MLSys; as Optuna has it, so that a trial is compared with all that stood on the rung before it, the default plan
among them).
"""

from dataclasses import dataclass

ETA = 3
"""One in so many trials goes on."""
SHARES = (1 / 9, 1 / 3, 1.0)
"""Of the steps of the first inner fold."""


@dataclass(frozen=True, slots=True)
class Rung:
    """share: of a fold's steps, 1.0 for its end. folds: how many, the first ones. resource: what the pruner counts."""

    resource: int
    share: float
    folds: int

    @property
    def stated(self) -> str:
        """In words: "1/9 of the steps of one fold"."""
        if self.share < 1:
            return f"1/{round(1 / self.share)} of the steps of one fold"
        return "one fold" if self.folds == 1 else f"{self.folds} folds"


def rungs_for(folds: int, *, takes_steps: bool) -> tuple[Rung, ...]:
    """The rungs of trials on so many inner folds; a model that takes no steps is fitted to whole folds at once.

    >>> [rung.stated for rung in rungs_for(3, takes_steps=True)]
    ['1/9 of the steps of one fold', '1/3 of the steps of one fold', 'one fold', '3 folds']
    """
    stages = [(share, 1) for share in (SHARES if takes_steps else (1.0,))]
    stages += [(1.0, folds)] if folds > 1 else []
    return tuple(Rung(ETA**place, share, count) for place, (share, count) in enumerate(stages))

"""What tuning was worth: the default plan and the best one, trained on the whole training part, on cases that no trial saw."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from scanwright.api.run.folder import Run
from scanwright.api.run.study import Material
from scanwright.api.run.trials import Tried, train_model
from scanwright.plan.settings import Settings
from scanwright.protocols import Listener
from scanwright.report.results_content import Difference, Estimate, estimate
from scanwright.runtime import Machine
from scanwright.search.gain import Verdict, judged

DEFAULT, TUNED = "default", "tuned"
"""The parts of the run in which the two lie."""


@dataclass(frozen=True, slots=True)
class Compared:
    """Both plans on the outer held-out cases: the headline of each, tuned less default, and what follows; of a test split that
    the data set declares the same without a verdict, since it chooses nothing.
    """

    estimates: Mapping[str, Estimate]
    differences: tuple[Difference, ...]
    verdict: Verdict
    on_test: Mapping[str, Estimate]
    test_differences: tuple[Difference, ...]


def train_outer(
    run: Run,
    name: str,
    material: Material,
    settings: Settings,
    *,
    machine: Machine,
    device: torch.device,
    tell: Listener,
) -> Tried:
    """Train one of the two on the outer fold's training part, and answer what is held out; what is there is not done again."""
    return train_model(run.part(name), material=material, settings=settings, machine=machine, device=device, tell=tell)


def compared(default: Tried, tuned: Tried, *, seed: int) -> Compared:
    """The two beside each other, paired by patient as the kind of problem compares models."""
    problem = default.study.problem
    both = {DEFAULT: default.scores, TUNED: tuned.scores}
    differences = _between({name: one.rows for name, one in both.items()}, problem.compare, seed)
    tested = {name: one.test_rows for name, one in both.items()}
    test_differences = _between(tested, problem.compare, seed) if all(tested.values()) else ()
    return Compared(
        estimates={name: headline(one.summary, problem.primary) for name, one in both.items()},
        differences=differences,
        verdict=judged(differences),
        on_test={name: headline(one.summary["test"], problem.primary) for name, one in both.items()}
        if test_differences
        else {},
        test_differences=test_differences,
    )


def headline(summary: Mapping[str, Any], primary: str) -> Estimate:
    """The primary metric of a set of cases."""
    return estimate(summary["overall"][primary])


def _between(
    rows: Mapping[str, Sequence[Any]],
    compare: Callable[..., Mapping[str, Sequence[Difference]]],
    seed: int,
) -> tuple[Difference, ...]:
    return tuple(compare(rows, DEFAULT, seed=seed).get(TUNED, ()))

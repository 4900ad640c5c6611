"""The sections of a plan that are decided alike for every kind of network: training, target, inference."""

from collections.abc import Callable, Sequence
from typing import Any

from pydantic import BaseModel

from scanwright.dataset.facts import Fingerprint
from scanwright.errors import UsageError
from scanwright.plan.budget import Pace
from scanwright.plan.ledger import Ledger
from scanwright.plan.plan import AugmentPlan, InferencePlan, Precision, TargetPlan, TrainingPlan
from scanwright.plan.rules import DEFAULT, NNUNET, Choice, Decide
from scanwright.plan.settings import Settings
from scanwright.runtime import Machine

GUO = "Guo et al. 2017, ICML 1321"
SADINLE = "Sadinle et al. 2019, J Am Stat Assoc 114:223"
CHECKPOINTS = 24
FEWEST_BETWEEN = 10
"""Steps between two checkpoints: saving and drawing takes as long as some steps."""
LONGEST_STRETCH_S = 60.0
SNAPSHOTS = 4
NARROWEST = 16
"""Features of a level from which on bfloat16 is safe on a CPU: torch 2.13 has ended processes (memory that was overwritten)
over convolutions of 8 and 12 features in bfloat16 with an odd batch, never of 16.
"""


def plan_training(
    ledger: Ledger,
    settings: Settings,
    machine: Machine,
    recipe: Callable[[int], dict[str, Choice[Any]]],
    *,
    network: BaseModel,
    folds: Sequence[int],
    steps: int,
    pace: Pace | None,
    takes_steps: bool = True,
) -> TrainingPlan:
    """Steps, precision, and the recipe of the kind of network for so many steps."""
    why_steps = f"{pace.step_s:.3f} s a step on this machine" if pace else "--steps" if settings.steps else "default"
    steps = ledger.decide("training.steps", Choice(steps, why_steps, "the budget" if pace else "the command"))
    every = min(steps, max(FEWEST_BETWEEN, steps // CHECKPOINTS))
    if pace:
        every = max(1, min(every, int(LONGEST_STRETCH_S / pace.step_s)))
    training = ledger.section(
        TrainingPlan,
        "training",
        {
            **timing(settings, pace),
            **recipe(steps),
            "precision": choose_precision(network, machine),
            "channels_last": Choice(True, "1.3 to 1.7 times faster with GroupNorm", "measured on two cores"),
            "threads": Choice(machine.threads, "cores of this machine", "this machine"),
            "checkpoint_every": Choice(every, f"{CHECKPOINTS} times, at least once a minute", "this package"),
            "folds": Choice(tuple(folds), "--fold" if settings.fold is not None else "all folds", "the command"),
            "seed": Choice(settings.seed, "--seed", "the command"),
            "start": Choice(
                None if settings.start is None else settings.start.digest,
                "weights begin at random" if settings.start is None else "weights of --from, all that fit",
                "the command",
            ),
            "snapshots": snapshots(takes_steps=takes_steps),
        },
        steps=steps,
    )
    require_cores(training, machine)
    return training


def choose_precision(network: BaseModel, machine: Machine) -> Choice[Precision]:
    """The faster one, but on a CPU never bfloat16 for a network that is narrower than NARROWEST on some level."""
    if not machine.fast_bfloat16:
        return Choice("float32", f"float32 is the faster on {machine.device_name}", "this machine")
    if machine.device == "cpu" and min(getattr(network, "widths", (NARROWEST,))) < NARROWEST:
        return Choice("float32", f"torch fails over fewer than {NARROWEST} features in bfloat16", "this package")
    return Choice("bfloat16", f"bfloat16 is the faster on {machine.device_name}", "this machine")


def snapshots(*, takes_steps: bool) -> Choice[int]:
    """A few of a training that takes steps: they cost disk alone, and are what an ensemble of one training is made of."""
    if not takes_steps:
        return Choice(0, "nothing is trained step by step", DEFAULT)
    return Choice(SNAPSHOTS, "weights kept over the last part of the schedule, for ensembles of one training", DEFAULT)


def timing(settings: Settings, pace: Pace | None) -> dict[str, Choice[float | None]]:
    """The budget, and what was measured to fit it; without a budget nothing was."""
    none = "no budget was given"
    until = none if settings.budget_s is None else "when this model is to be done, in seconds of the whole command"
    reserve_s, step_s = (round(pace.reserve_s, 1), round(pace.step_s, 4)) if pace else (None, None)
    return {
        "budget_s": Choice(settings.budget_s, until, "the command"),
        "reserve_s": Choice(reserve_s, "for answers, evaluation, report and package" if pace else none, "this machine"),
        "step_s": Choice(step_s, "measured before training" if pace else none, "this machine"),
    }


def require_cores(training: TrainingPlan, machine: Machine) -> None:
    """Raise UsageError for more threads than cores: they wait for each other, and hundreds of them end the process."""
    if training.threads > machine.threads:
        raise UsageError(
            "a plan value that cannot be",
            where="training.threads",
            expected=f"at most {machine.threads}, the cores that this process may use",
            found=training.threads,
        )


def plan_target(ledger: Ledger, fingerprint: Fingerprint) -> TargetPlan:
    """Quantities brought to mean 0 and deviation 1 over the training cases; one that does not vary is only centred."""
    found = fingerprint.quantities
    reason = "of the training cases" if found else "the target is no quantity"
    return ledger.section(
        TargetPlan,
        "target",
        {
            "center": Choice(tuple(one.mean for one in found), f"mean {reason}" if found else reason, "the data"),
            "scale": Choice(
                tuple(one.deviation or 1.0 for one in found), f"deviation {reason}" if found else reason, "the data"
            ),
        },
    )


def plan_inference(ledger: Ledger, augment: AugmentPlan, machine: Machine, *, decided: Choice[Decide]) -> InferencePlan:
    """Windows and views, and how classes are decided."""
    return ledger.section(
        InferencePlan,
        "inference",
        {
            "step_share": Choice(0.5, "windows overlap by half", NNUNET),
            "mirror": Choice(augment.mirror, "the axes that training mirrors", NNUNET),
            "batch": Choice(1 if machine.device == "cpu" else 4, f"windows at a time on {machine.device}", DEFAULT),
            "decide": decided,
            "decide_at": Choice(None, "nothing is to be kept at a number", "this package"),
            "dropout_passes": Choice(0, "networks are asked once, with nothing dropped", DEFAULT),
            "calibrate": Choice("auto", "by the log loss of folds that it was not fitted on", GUO),
            "coverage": Choice(0.9, "sets and intervals hold nine truths of ten", DEFAULT),
            "sets": Choice("lac", "the smallest sets", SADINLE),
            "by_class": Choice(False, "over all classes together", DEFAULT),
            "risk": Choice(None, "no answer is declined", "this package"),
        },
    )

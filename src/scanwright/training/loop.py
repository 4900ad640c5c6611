"""The training loop, to be read from top to bottom.

`train` is a generator: it yields an event for every step and every checkpoint, and whoever draws, prints or stops listens.
It validates on a few fixed patches with the problem's own quick score; whole images are scored by a later stage.

Elapsed time is an argument and a part of the state, never read from a wall clock inside: with a fixed number of steps
nothing here depends on time, and a killed and resumed run ends with the same bits as an undisturbed one.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from scanwright.errors import UsageError
from scanwright.network.blocks import kernels_to_layout, to_layout
from scanwright.plan.plan import Plan
from scanwright.protocols import Problem
from scanwright.training.batches import Batches
from scanwright.training.checkpoint import TrainingState, load_state, save_state
from scanwright.training.schedule import Timetable, faded_weights, learning_rate, make_optimizer, set_learning_rate
from scanwright.training.snapshots import due_after, save_snapshot

MOST_BAD_STEPS = 20
PACE_TOLERANCE = 0.04
"""A schedule is refitted when it would miss its end by more than this share of what is left."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step is done. `loss` is null if it or a gradient was not finite and the step was skipped."""

    step: int
    end: int
    loss: float | None
    learning_rate: float


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state is about to be saved. `loss` is the mean since the last one; `scores` each class's quick score (or null).

    skipped: steps so far whose loss or gradients were not finite, and which changed nothing.
    """

    step: int
    end: int
    elapsed_s: float
    loss: float | None
    learning_rate: float
    scores: tuple[float | None, ...]
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class Refit:
    """The rest of the schedule was given another length, because the machine runs at another pace than measured."""

    step: int
    end_before: int
    end: int
    step_s: float


Event = Step | Checkpoint | Refit


def start(network: nn.Module, plan: Plan, *, device: torch.device) -> TrainingState:
    """A fresh state at step 0: the network on its device, an equal average, an optimiser without moments."""
    network = network.to(device)
    if plan.training.channels_last:
        kernels_to_layout(network)
    averaged = deepcopy(network).requires_grad_(requires_grad=False).eval()
    return TrainingState(network, averaged, make_optimizer(network, plan.training), Timetable(plan.training.steps))


def train(
    state: TrainingState,
    batches: Batches,
    problem: Problem,
    plan: Plan,
    *,
    file: Path,
    clock: Callable[[], float],
    budget_s: float | None = None,
    held_out: Sequence[tuple[Tensor, Tensor]] = (),
    should_stop: Callable[[], bool] = lambda: False,
) -> Iterator[Event]:
    """Train from `state.step` to the timetable's end, saving to `file` every `checkpoint_every` steps and at the end.

    Snapshots of the weights are kept beside it, as many as are planned (snapshots.py); they change nothing.

    clock: seconds, only differences count. budget_s: wall time for this loop from now on; the schedule is refitted at
    checkpoints to end inside it. held_out: fixed (image, target) batches for the quick score.
    should_stop: asked after each step; if so, the state is saved and the loop ends early.
    Raises UsageError if the loss stays infinite.
    """
    if file.exists():
        load_state(file, state)
    now = clock()
    began, deadline = now - state.elapsed_s, None if budget_s is None else now + budget_s
    mark_step, mark_s = state.step, state.elapsed_s

    while state.step < state.timetable.end:
        progress = state.timetable.progress(state.step)
        rate = learning_rate(plan.training, progress)
        loss = take_step(state, *batches.batch(state.step), problem=problem, plan=plan, progress=progress)
        state.step += 1

        note_loss(state, loss)
        if state.in_a_row > MOST_BAD_STEPS:
            raise diverged(state.step, plan)
        snapshot = due_after(state.timetable, state.step, plan.training.snapshots)
        if snapshot is not None:
            save_snapshot(file.parent, snapshot, state.network)
        yield Step(state.step, state.timetable.end, loss, rate)

        if state.step % plan.training.checkpoint_every == 0 or state.step >= state.timetable.end:
            scores = quick_scores(state.averaged, held_out, problem=problem, plan=plan)
            state.elapsed_s = clock() - began
            left_s = None if deadline is None else deadline - clock()
            refit = keep_pace(state, left_s, since_step=mark_step, since_s=mark_s)
            if refit:
                yield refit
            mean = sum(state.losses) / len(state.losses) if state.losses else None
            yield Checkpoint(state.step, state.timetable.end, state.elapsed_s, mean, rate, scores, state.skipped)
            state.losses.clear()
            save_state(file, state)  # after its line is in the log: killed in between, both are made again
            mark_step, mark_s = state.step, state.elapsed_s
        elif should_stop():
            state.elapsed_s = clock() - began
            save_state(file, state)
        if should_stop():
            return


def take_step(
    state: TrainingState, image_NCDHW: Tensor, target: Tensor, *, problem: Problem, plan: Plan, progress: float
) -> float | None:
    """Forward, backward, update, average, at a share of the schedule.

    Gives the loss, or null if it or a gradient was not finite and nothing was changed.
    """
    set_learning_rate(state.optimizer, learning_rate(plan.training, progress))
    state.network.train()
    with autocast(plan, image_NCDHW.device):
        outputs = state.network(network_input(image_NCDHW, plan))
    weights = faded_weights(plan.training, progress)
    loss = problem.loss(outputs, target, name=plan.training.loss, class_weights=weights)
    state.optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    norm = nn.utils.clip_grad_norm_(state.network.parameters(), plan.training.clip_norm)
    value = float(loss.detach())
    if not math.isfinite(value) or not bool(torch.isfinite(norm)):
        return None
    state.optimizer.step()
    average(state, plan.training.ema_decay)
    return value


def note_loss(state: TrainingState, loss: float | None) -> None:
    """Keep the loss of a step for the next checkpoint's mean; count a step that was skipped."""
    if loss is None:
        state.skipped += 1
        state.in_a_row += 1
    else:
        state.losses.append(loss)
        state.in_a_row = 0


@torch.no_grad()
def average(state: TrainingState, decay: float) -> None:
    """Move the averaged weights towards the current ones; early on the average forgets faster (Polyak averaging)."""
    share = 1 - min(decay, (1 + state.step) / (10 + state.step))
    targets: list[Tensor] = list(state.averaged.parameters())
    sources: list[Tensor] = list(state.network.parameters())
    torch._foreach_lerp_(targets, sources, share)


def keep_pace(state: TrainingState, left_s: float | None, *, since_step: int, since_s: float) -> Refit | None:
    """Refit the timetable if, at the pace of the last stretch, training would not end with the time that is left."""
    left = state.timetable.end - state.step
    if left_s is None or left <= 0 or state.step == since_step:
        return None
    step_s = (state.elapsed_s - since_s) / (state.step - since_step)
    affordable = max(1, int(left_s / step_s))
    if abs(affordable - left) <= max(PACE_TOLERANCE * left, 2):
        return None
    before = state.timetable.end
    state.timetable = state.timetable.refit(state.step, end=state.step + affordable)
    return Refit(state.step, before, state.timetable.end, step_s)


@torch.no_grad()
def quick_scores(
    network: nn.Module, held_out: Sequence[tuple[Tensor, Tensor]], *, problem: Problem, plan: Plan
) -> tuple[float | None, ...]:
    """The problem's quick score of each class over the held-out patches; null where a class is absent."""
    if not held_out:
        return ()
    total = torch.zeros(())
    for image, target in held_out:
        with autocast(plan, image.device):
            logits = network(network_input(image, plan))[0]
        total = total + problem.agreement(logits.float(), target).cpu()
    return tuple(float(top / bottom) if bottom > 0 else None for top, bottom in total)


def autocast(plan: Plan, device: torch.device) -> torch.autocast:
    """The planned precision for a forward pass."""
    return torch.autocast(device.type, torch.bfloat16, enabled=plan.training.precision == "bfloat16")


def network_input(image_NCDHW: Tensor, plan: Plan) -> Tensor:
    """A batch in the planned memory layout; in 2-D the network folds slices itself."""
    return to_layout(image_NCDHW, channels_last=plan.training.channels_last)


def diverged(step: int, plan: Plan) -> UsageError:
    """The error for a loss that stays infinite."""
    return UsageError(
        "the loss is not finite any more",
        where=f"step {step}",
        found=f"{MOST_BAD_STEPS} steps in a row were skipped",
        hint=f"Lower the learning rate: --set training.learning_rate={plan.training.learning_rate / 3:.2g} --restart",
    )

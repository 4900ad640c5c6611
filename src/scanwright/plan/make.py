"""Task, fingerprint, settings and machine to a Plan. The only maker of plans.

Rules propose, `--set` overrules, and what is decided early is what later rules see. With a budget, candidate networks are
measured on this machine, from large to small, and the first that can take enough steps inside the budget is planned.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from math import prod
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from scanwright.dataset.facts import Fingerprint
from scanwright.errors import ResourceError, UsageError
from scanwright.plan import rules
from scanwright.plan.memory import BASE_BYTES, training_bytes
from scanwright.plan.plan import (
    AugmentPlan,
    BatchPlan,
    ChannelNormalization,
    InferencePlan,
    NetworkPlan,
    Plan,
    PreprocessPlan,
    Settings,
    TrainingPlan,
    Why,
)
from scanwright.plan.rules import MEASURED, NNUNET, Choice
from scanwright.protocols import Problem
from scanwright.runtime import Machine
from scanwright.types import Shape3, Triple

T = TypeVar("T")
Section = TypeVar("Section", bound=BaseModel)

FEWEST_STEPS = 20
DEFAULT_STEPS = 2000
CHECKPOINTS = 24
LONGEST_STRETCH_S = 60.0
USED_SHARE = 0.97
"""Of a budget, what is planned for; the rest is start-up and what no estimate knows."""
MEMORY_SHARE = 0.9
"""Of the free memory, what a training step may be expected to take."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds on this machine: of one training step with its data, and of one window of one view through one network."""

    step_s: float
    window_s: float


@dataclass(frozen=True, slots=True)
class Pace:
    """What a budget turned into: seconds a step, and seconds kept for what comes after training."""

    step_s: float
    reserve_s: float


@dataclass(frozen=True, slots=True)
class Workload:
    """What surrounds the steps: folds to train, cases to answer in all of them, and seconds that other stages take.

    spent_s: used before planning. per_case_s: to read, preprocess or write one case. tail_s: evaluation, report, package.
    """

    folds: int
    cases: int
    answered: int
    spent_s: float
    per_case_s: float
    tail_s: float = 6.0


@dataclass(frozen=True, slots=True)
class Candidate:
    """A network size to consider: features at the finest level, and how many voxels are folded into one at the entrance."""

    base: int
    fold: int
    wanted_steps: int


LADDERS: dict[tuple[str, int], tuple[Candidate, ...]] = {
    ("cpu", 3): (Candidate(24, 1, 4000), Candidate(16, 1, 600), Candidate(16, 2, 0)),
    ("cpu", 2): (Candidate(32, 1, 2500), Candidate(16, 1, 400), Candidate(16, 2, 0)),
    ("cuda", 3): (Candidate(32, 1, 0),),
    ("cuda", 2): (Candidate(32, 1, 0),),
}

MOST_VOXELS = {("cpu", 3): 110_000, ("cpu", 2): 256 * 256, ("cuda", 3): 128**3, ("cuda", 2): 512 * 512}
BATCH = {("cpu", 3): 2, ("cpu", 2): 4, ("cuda", 3): 2, ("cuda", 2): 12}


FOLLOWS = {
    "network.in_channels": "the task's channels",
    "network.out_channels": "the task's regions",
    "training.loss": "the kind of problem",
    "training.folds": "--fold and --folds",
    "training.budget_s": "--budget",
    "training.reserve_s": "--budget",
    "training.step_s": "--budget",
}
"""Plan values that follow from something else, which is where to change them."""


@dataclass(slots=True)
class Ledger:
    """Collects decisions: the rule's choice, or what the user set instead, with the reason for either."""

    given: dict[str, Any]
    why: dict[str, Why] = field(default_factory=dict)

    def decide(self, name: str, choice: Choice[T]) -> T:
        """The value of one plan entry, of the type that the plan has for it.

        Raises UsageError if a value set by hand is of another type, out of its range, or not to be set.
        """
        if name not in self.given:
            self.why[name] = Why(reason=choice.reason, source=choice.source)
            return choice.value
        value: T = checked(name, self.given[name])
        if name in FOLLOWS and value != choice.value:
            raise UsageError(
                "a plan value that follows from another",
                where=f"--set {name}",
                expected=choice.value,
                found=value,
                hint=f"It is decided by {FOLLOWS[name]}.",
            )
        self.why[name] = Why(reason=f"set by hand (the rule: {choice.value})", source="--set")
        return value

    def section(self, model: type[Section], name: str, choices: dict[str, Choice[Any]], **decided: Any) -> Section:
        """A whole section of the plan: what is decided already, and one choice for each other field."""
        values = {key: self.decide(f"{name}.{key}", choice) for key, choice in choices.items()}
        with impossible(name):
            return model.model_validate(decided | values)


def checked(name: str, value: Any) -> Any:
    """A value set by hand as the plan's own type for it (JSON lists become tuples). Raises UsageError if it cannot be."""
    section, key = name.split(".")
    model: Any = Plan.model_fields[section].annotation
    with impossible(name):
        return TypeAdapter(model.model_fields[key].rebuild_annotation()).validate_python(value)


@contextmanager
def impossible(name: str) -> Iterator[None]:
    """Turn what pydantic says about a plan value into a UsageError that names it."""
    try:
        yield
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(
            "a plan value that cannot be",
            where=".".join([name, *(str(part) for part in first["loc"])]),
            expected=first["msg"],
            found=repr(first.get("input")),
        ) from error


def make(
    fingerprint: Fingerprint,
    settings: Settings,
    *,
    problem: Problem,
    folds: Sequence[int],
    machine: Machine,
    workload: Workload,
    cost: Callable[[Plan], Cost],
) -> Plan:
    """Decide everything.

    cost: measures a candidate plan on this machine; called only when there is a budget.
    Raises UsageError for an impossible `--set`, ResourceError if the budget or the memory is too small.
    """
    if settings.budget_s is not None and "training.steps" in settings.values:
        raise UsageError("--budget decides the steps", where="--set training.steps", hint="Give one of the two.")
    ledger = Ledger(dict(settings.values))
    preprocess = plan_preprocess(ledger, fingerprint, machine)
    augment = plan_augment(ledger, fingerprint, preprocess)
    batch = plan_batch(ledger, fingerprint, preprocess, machine)

    def complete(candidate: Candidate, *, steps: int, pace: Pace | None = None) -> Plan:
        trial = Ledger(ledger.given, dict(ledger.why))
        network = plan_network(trial, candidate, fingerprint, preprocess, batch, outputs=problem.outputs)
        training = plan_training(trial, fingerprint, settings, machine, problem, folds=folds, steps=steps, pace=pace)
        inference = plan_inference(trial, augment, machine)
        plan = Plan(
            problem=problem.name,
            preprocess=preprocess,
            network=network,
            batch=batch,
            augment=augment,
            training=training,
            inference=inference,
            why=trial.why,
        )
        require_divisible(plan)
        return plan

    trials = within_memory(LADDERS[machine.device, fingerprint.dimension], complete, machine)
    if settings.budget_s is None:
        return complete(next(trials)[0], steps=settings.steps or DEFAULT_STEPS)
    shape = network_shape(fingerprint, preprocess)
    return fit_budget(trials, complete, settings.budget_s, shape=shape, workload=workload, cost=cost)


def within_memory(
    ladder: Sequence[Candidate], complete: Callable[..., Plan], machine: Machine
) -> Iterator[tuple[Candidate, Plan]]:
    """Candidates whose training step fits in what is free now, each with a plan of one step; completed one at a time.

    Raises ResourceError if none fits. On CUDA all fit: there the device says so itself.
    """
    plan: Plan | None = None
    fits = False
    for candidate in ladder:
        plan = complete(candidate, steps=1)
        if machine.device != "cpu" or training_bytes(plan) + BASE_BYTES <= MEMORY_SHARE * machine.memory_bytes:
            fits = True
            yield candidate, plan
    if plan is not None and not fits:
        raise memory_too_small(plan, machine)


def fit_budget(
    trials: Iterator[tuple[Candidate, Plan]],
    complete: Callable[..., Plan],
    budget_s: float,
    *,
    shape: Triple,
    workload: Workload,
    cost: Callable[[Plan], Cost],
) -> Plan:
    """The largest candidate that can take its wanted number of steps in the budget, with the steps that it can take.

    trials: candidates from large to small, each with a plan of one step. shape: of the median preprocessed image.
    """
    if budget_s - workload.spent_s < workload.tail_s:
        raise budget_too_small(budget_s, workload.spent_s + 2 * workload.tail_s)
    candidate, first = next(trials)
    while True:
        measured = cost(first)
        reserve_s = time_after_training(measured, workload, windows=views_of(first, shape))
        steps = affordable_steps(budget_s, measured, workload, reserve_s=reserve_s)
        smaller = None if steps >= candidate.wanted_steps else next(trials, None)
        if smaller is None:
            break
        candidate, first = smaller
    if steps < FEWEST_STEPS:
        raise budget_too_small(budget_s, smallest_budget(measured, workload, reserve_s=reserve_s))
    return complete(candidate, steps=steps, pace=Pace(measured.step_s, reserve_s))


def views_of(plan: Plan, shape: Triple) -> int:
    """How many windows the network sees, mirrored ones counted, to answer an image of a shape (of the median case)."""
    d, h, w = (round(length) for length in shape)
    windows = rules.num_windows((d, h, w), plan.batch.patch, step_share=plan.inference.step_share)
    return windows * prod(2 if mirrored else 1 for mirrored in plan.inference.mirror)


def time_after_training(cost: Cost, workload: Workload, *, windows: int) -> float:
    """Seconds for answering every case that is judged, and for evaluation, report and package."""
    return workload.tail_s + workload.answered * (cost.window_s * windows + 2 * workload.per_case_s)


def affordable_steps(budget_s: float, cost: Cost, workload: Workload, *, reserve_s: float) -> int:
    """Steps a fold that fit between the other stages; negative if not even those fit."""
    before = workload.spent_s + workload.cases * workload.per_case_s
    return int((USED_SHARE * budget_s - before - reserve_s) / workload.folds / cost.step_s)


def smallest_budget(cost: Cost, workload: Workload, *, reserve_s: float) -> float:
    """The budget in whole seconds in which `affordable_steps` gives FEWEST_STEPS."""
    before = workload.spent_s + workload.cases * workload.per_case_s
    return math.floor((before + reserve_s + FEWEST_STEPS * workload.folds * cost.step_s) / USED_SHARE) + 1


def plan_preprocess(ledger: Ledger, fingerprint: Fingerprint, machine: Machine) -> PreprocessPlan:
    """Axes, spacing, crop, normalisation."""
    axes = ledger.decide("preprocess.axes", rules.choose_axes(fingerprint))
    most = MOST_VOXELS[machine.device, fingerprint.dimension]
    body = fingerprint.body_fraction.median
    channels = [rules.choose_normalization(channel, body_fraction=body) for channel in fingerprint.channels]
    schemes: Choice[tuple[ChannelNormalization, ...]] = Choice(
        tuple(choice.value for choice in channels),
        "; ".join(dict.fromkeys(choice.reason for choice in channels)),
        "; ".join(dict.fromkeys(choice.source for choice in channels)),
    )
    preprocess = ledger.section(
        PreprocessPlan,
        "preprocess",
        {
            "spacing": rules.choose_spacing(fingerprint, axes),
            "long_side": rules.choose_long_side(fingerprint, axes, most_voxels=most),
            "crop_to_nonzero": rules.choose_crop(fingerprint),
            "normalization": schemes,
            "image_order": Choice(3, "cubic for images, linear shares for labels", NNUNET),
        },
        axes=axes,
    )
    if len(preprocess.normalization) != len(channels):
        raise UsageError(
            "a plan value that cannot be",
            where="preprocess.normalization",
            expected=f"one entry for each of {len(channels)} channels",
            found=f"{len(preprocess.normalization)} entries",
        )
    return preprocess


def network_shape(fingerprint: Fingerprint, preprocess: PreprocessPlan) -> Triple:
    """Median shape of the preprocessed image, in voxels, network order."""
    if preprocess.spacing is None:
        shape = [fingerprint.shape[axis].median for axis in preprocess.axes]
        scale = (preprocess.long_side or max(shape[1:])) / max(shape[1:])
        return shape[0], shape[1] * scale, shape[2] * scale
    extent = fingerprint.body_extent if preprocess.crop_to_nonzero else fingerprint.extent
    lengths = [extent[axis].median / edge for axis, edge in zip(preprocess.axes, preprocess.spacing, strict=True)]
    return lengths[0], lengths[1], lengths[2]


def plan_batch(ledger: Ledger, fingerprint: Fingerprint, preprocess: PreprocessPlan, machine: Machine) -> BatchPlan:
    """Patch and batch size."""
    key = machine.device, fingerprint.dimension
    flat = fingerprint.dimension == 2
    spacing = preprocess.spacing or (1.0, 1.0, 1.0)
    shape = network_shape(fingerprint, preprocess)
    patch = ledger.decide("batch.patch", rules.choose_patch(shape, spacing, most_voxels=MOST_VOXELS[key], flat=flat))
    return ledger.section(
        BatchPlan,
        "batch",
        {
            "size": Choice(
                BATCH[key], f"{BATCH[key]} patches on {machine.device}, {fingerprint.dimension}-D", MEASURED
            ),
            "foreground_share": foreground_share(shape, patch),
        },
        patch=patch,
    )


def foreground_share(shape: Triple, patch: Shape3) -> Choice[float]:
    """A third of the patches are centred on foreground, unless a patch holds the whole image anyway."""
    if all(size >= length for size, length in zip(patch, shape, strict=True)):
        return Choice(0.0, "a patch holds the whole median image", "this package")
    return Choice(0.34, "every third patch is centred on a foreground voxel", NNUNET)


def plan_augment(ledger: Ledger, fingerprint: Fingerprint, preprocess: PreprocessPlan) -> AugmentPlan:
    """Light changes: on short schedules heavy ones cost more than they give."""
    spacing = preprocess.spacing or (1.0, 1.0, 1.0)
    thick = spacing[0] / min(spacing[1:]) > rules.ANISOTROPIC
    across = 0.0 if thick or fingerprint.dimension == 2 else 11.5
    light = "light: heavy augmentation did worse on short schedules"
    return ledger.section(
        AugmentPlan,
        "augment",
        {
            "rotate_deg": Choice((11.5, across, across), "within the slice only" if not across else light, MEASURED),
            "scale": Choice(0.16, light, MEASURED),
            "elastic_voxels": Choice(0.0, light, MEASURED),
            "mirror": rules.choose_mirror(fingerprint, preprocess.axes),
            "gamma": Choice(0.3, light, MEASURED),
            "contrast": Choice(0.1, light, MEASURED),
            "brightness": Choice(0.1, light, MEASURED),
            "noise": Choice(0.1, light, MEASURED),
            "blur_voxels": Choice(0.0, light, MEASURED),
            "low_resolution": Choice(1.0, light, MEASURED),
        },
    )


def plan_network(
    ledger: Ledger,
    candidate: Candidate,
    fingerprint: Fingerprint,
    preprocess: PreprocessPlan,
    batch: BatchPlan,
    *,
    outputs: int,
) -> NetworkPlan:
    """The U-Net for the patch, with what the user set in place of single values."""
    shown = f"the images are {fingerprint.dimension}-D"
    dims: Literal[2, 3] = ledger.decide("network.dims", Choice(2 if fingerprint.dimension == 2 else 3, shown, NNUNET))
    cells = candidate.fold
    folded = Choice((cells if dims == 3 else 1, cells, cells), f"{cells} voxels an axis enter as channels", MEASURED)
    fold: Shape3 = ledger.decide("network.fold", folded)
    draw = partial(
        rules.network,
        batch.patch,
        preprocess.spacing or (1.0, 1.0, 1.0),
        dims=dims,
        base=candidate.base,
        fold=fold,
        channels=len(fingerprint.channels),
        outputs=outputs,
    )
    halved = "halved while a feature map stays at least 4 and edges stay within a factor of 2"
    strides = ledger.decide("network.strides", Choice(draw().strides, halved, NNUNET))
    drawn = draw(strides=strides)
    network = ledger.section(
        NetworkPlan,
        "network",
        {
            "in_channels": Choice(drawn.in_channels, "the task's channels", "the task"),
            "out_channels": Choice(drawn.out_channels, "the task's regions, and background if exclusive", "the task"),
            "widths": Choice(drawn.widths, f"{candidate.base} features, doubled at each level", MEASURED),
            "kernels": Choice(drawn.kernels, "3, or 1 across slices while they are thick", NNUNET),
            "blocks": Choice(drawn.blocks, "two convolutions a level", NNUNET),
            "residual": Choice(drawn.residual, "plain blocks: residual ones gave nothing on short schedules", MEASURED),
            "deep_supervision": Choice(drawn.deep_supervision, "gave nothing on short schedules", MEASURED),
        },
        dims=dims,
        fold=fold,
        strides=strides,
    )
    require_levels(network)
    return network


def require_levels(network: NetworkPlan) -> None:
    """Raise UsageError unless widths, strides and kernels speak of the same number of levels."""
    levels = len(network.widths), len(network.strides), len(network.kernels)
    if len(set(levels)) > 1:
        raise UsageError(
            "network.widths, network.strides and network.kernels need one entry a level each",
            found=f"{levels[0]}, {levels[1]} and {levels[2]} entries",
            hint="Set network.strides first: the other two follow, or can be set with as many entries.",
        )


def plan_training(
    ledger: Ledger,
    fingerprint: Fingerprint,
    settings: Settings,
    machine: Machine,
    problem: Problem,
    *,
    folds: Sequence[int],
    steps: int,
    pace: Pace | None,
) -> TrainingPlan:
    """Steps, optimiser, precision."""
    why_steps = f"{pace.step_s:.3f} s a step on this machine" if pace else "--steps" if settings.steps else "default"
    steps = ledger.decide("training.steps", Choice(steps, why_steps, "the budget" if pace else "the command"))
    every = max(1, steps // CHECKPOINTS)
    if pace:
        every = max(1, min(every, int(LONGEST_STRETCH_S / pace.step_s)))
    low = "bfloat16" if machine.fast_bfloat16 else "float32"
    return ledger.section(
        TrainingPlan,
        "training",
        {
            "budget_s": Choice(settings.budget_s, "wall time of the whole command", "the command"),
            "reserve_s": Choice(
                round(pace.reserve_s, 1) if pace else None,
                "for answers, evaluation, report and package",
                "this machine",
            ),
            "step_s": Choice(round(pace.step_s, 4) if pace else None, "measured before training", "this machine"),
            "optimizer": Choice("muon", "orthogonalised momentum: as good as AdamW in half the steps", MEASURED),
            "learning_rate": Choice(3e-3, "peak of one cosine cycle", MEASURED),
            "weight_decay": Choice(0.01, "on kernels only", "Loshchilov and Hutter 2019"),
            "warmup_share": Choice(0.03, "3 % of the steps", MEASURED),
            "clip_norm": Choice(1.0, "gradients are cut to norm 1", MEASURED),
            "ema_decay": Choice(
                round(min(0.999, max(0.9, 1 - 6 / steps)), 5), "averages over about a sixth of the steps", MEASURED
            ),
            "loss": Choice(problem.loss_name, "overlap and per-voxel evidence together", NNUNET),
            "class_weights": rules.choose_class_weights(fingerprint, outputs=problem.outputs),
            "precision": Choice(low, f"{low} is the faster on {machine.device_name}", "this machine"),
            "channels_last": Choice(True, "1.3 to 1.7 times faster with GroupNorm", MEASURED),
            "threads": Choice(machine.threads, "cores of this machine", "this machine"),
            "checkpoint_every": Choice(every, f"{CHECKPOINTS} times, at least once a minute", "this package"),
            "folds": Choice(tuple(folds), "--fold" if settings.fold is not None else "all folds", "the command"),
            "seed": Choice(settings.seed, "--seed", "the command"),
        },
        steps=steps,
    )


def plan_inference(ledger: Ledger, augment: AugmentPlan, machine: Machine) -> InferencePlan:
    """Windows and views."""
    return ledger.section(
        InferencePlan,
        "inference",
        {
            "step_share": Choice(0.5, "windows overlap by half", NNUNET),
            "mirror": Choice(augment.mirror, "the axes that training mirrors", NNUNET),
            "batch": Choice(1 if machine.device == "cpu" else 4, f"windows at a time on {machine.device}", MEASURED),
        },
    )


def require_divisible(plan: Plan) -> None:
    """Raise UsageError if the patch cannot be halved as often as the network does."""
    if any(size % step for size, step in zip(plan.batch.patch, plan.network.stride, strict=True)):
        raise UsageError(
            "the patch does not fit the network",
            where="batch.patch",
            expected=f"lengths divisible by {plan.network.stride}",
            found=plan.batch.patch,
            hint="Set another batch.patch, or network.strides.",
        )


def memory_too_small(plan: Plan, machine: Machine) -> ResourceError:
    """The error for a machine on which not even the smallest network can be trained."""
    need = training_bytes(plan) + BASE_BYTES
    return ResourceError(
        "training needs more memory than is free",
        expected=f"{need / 2**30:.1f} GiB for batches of {plan.batch.size} x {prod(plan.batch.patch)} voxels",
        found=f"{machine.memory_bytes / 2**30:.1f} GiB free",
        hint="Set a smaller batch.patch or batch.size with --set, or close other programs.",
    )


def budget_too_small(budget_s: float, need_s: float) -> ResourceError:
    """The error for a budget in which nothing can be learned."""
    return ResourceError(
        "the budget is too small to train anything",
        expected=f"at least {need_s:.0f} s for this data set on this machine",
        found=f"--budget {budget_s:.0f}s",
        hint="Give more time, train one fold only (--fold 0), or set fewer folds (--folds 3).",
    )

"""Task, fingerprint, settings and machine to a Plan. The only maker of plans.

Rules propose, `--set` overrules, and what is decided early is what later rules see. With a budget, candidate networks are
measured on this machine, from large to small, and the first that can take enough steps inside the budget is planned.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from math import prod
from typing import Any

from pydantic import BaseModel

from scanwright.dataset.facts import Fingerprint
from scanwright.errors import ResourceError, UsageError
from scanwright.plan import classical
from scanwright.plan.budget import Candidate, Cost, Pace, Workload, fit_budget
from scanwright.plan.classical_plan import ClassicalPlan
from scanwright.plan.every_kind import plan_inference, plan_target, plan_training
from scanwright.plan.ledger import Ledger
from scanwright.plan.memory import (
    BASE_BYTES,
    least_answering_bytes,
    least_preparing_bytes,
    least_voxels,
    training_bytes,
)
from scanwright.plan.plan import InferencePlan, NetworkPlan, Plan
from scanwright.plan.ruleset import rules_for
from scanwright.plan.sections import network_shape
from scanwright.plan.settings import Settings
from scanwright.protocols import Problem
from scanwright.runtime import Machine

DEFAULT_STEPS = 2000
MEMORY_SHARE = 0.9
"""Of the free memory, what a training step, or preparing or answering a case, may be expected to take."""
OF_CLASSES, OF_CLASSES_OR_NUMBERS = "classes, labels or grades", "classes, labels, grades or numbers"
TRUSTED: Mapping[str, str] = {
    "inference.calibrate": OF_CLASSES,
    "inference.sets": OF_CLASSES,
    "inference.by_class": OF_CLASSES,
    "inference.risk": OF_CLASSES,
    "inference.coverage": OF_CLASSES_OR_NUMBERS,
}
"""Plan values that say how far answers are trusted, each with the answers that it is of."""


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
    rules = rules_for(problem, settings.model, features=settings.values.get("network.features"))
    begun = begun_values(settings, rules.network, fingerprint, outputs=problem.outputs)
    ledger = Ledger(dict(settings.values), rules.network, begun)
    require_of_network(ledger)
    preprocess = rules.preprocess(ledger, fingerprint, machine)
    augment = rules.augment(ledger, fingerprint, preprocess)
    patch = rules.patch(ledger, fingerprint, preprocess, machine)

    def complete(candidate: Candidate, *, steps: int, pace: Pace | None = None) -> Plan:
        trial = Ledger(ledger.given, ledger.network, ledger.begun, dict(ledger.why), set(ledger.overruled))
        batch = rules.batch(trial, candidate, fingerprint, preprocess, machine, patch=patch)
        network = rules.build(trial, candidate, fingerprint, preprocess, batch, outputs=problem.outputs)
        recipe = partial(rules.recipe, fingerprint, problem)
        training = plan_training(
            trial,
            settings,
            machine,
            recipe,
            network=network,
            folds=folds,
            steps=steps,
            pace=pace,
            takes_steps=rules.takes_steps,
        )
        inference = plan_inference(trial, augment, machine, decided=rules.decision(fingerprint))
        require_decidable(inference, fingerprint)
        plan = Plan(
            problem=problem.name,
            preprocess=preprocess,
            network=network,
            target=plan_target(trial, fingerprint),
            batch=batch,
            augment=augment,
            training=training,
            inference=inference,
            why=trial.why,
        )
        require_heeded(trial.overruled, plan, problem, fingerprint)
        require_divisible(plan)
        require_loss(plan, problem)
        require_class_weights(plan, weighted=rules.weighted(fingerprint, problem.outputs))
        return plan

    def refusal(plan: Plan) -> ResourceError | None:
        answered = workload.answered >= workload.cases
        return training_refusal(plan, machine) or case_refusal(plan, machine, fingerprint, answered=answered)

    trials = within_memory(rules.ladders[machine.device, fingerprint.dimension], complete, refusal)
    if not rules.takes_steps:
        return complete(next(trials)[0], steps=1)
    if settings.budget_s is None:
        return complete(next(trials)[0], steps=settings.steps or DEFAULT_STEPS)
    shape = network_shape(fingerprint, preprocess)
    return fit_budget(trials, complete, settings.budget_s, shape=shape, workload=workload, cost=cost)


def within_memory(
    ladder: Sequence[Candidate], complete: Callable[..., Plan], refusal: Callable[[Plan], ResourceError | None]
) -> Iterator[tuple[Candidate, Plan]]:
    """Candidates that fit in what is free now, each with a plan of one step; completed one at a time.

    refusal: why a plan does not fit, None if it does. Raises that of the last candidate if none fits.
    """
    refused: ResourceError | None = None
    fits = False
    for candidate in ladder:
        plan = complete(candidate, steps=1)
        refused = refusal(plan)
        if refused is None:
            fits = True
            yield candidate, plan
    if refused is not None and not fits:
        raise refused


def begun_values(
    settings: Settings, network: type[BaseModel], fingerprint: Fingerprint, *, outputs: int
) -> dict[str, Any]:
    """Plan values that the network fixes which weights come from. Raises UsageError if it is of another kind."""
    if settings.start is None:
        return {}
    found = settings.start.values
    of_network = {name.removeprefix("network."): value for name, value in found.items() if name.startswith("network.")}
    if network is ClassicalPlan:
        return classical.begun_values(of_network, fingerprint, outputs=outputs)
    if not of_network.keys() <= set(network.model_fields):
        raise UsageError(
            "weights of another kind of network",
            where="--from",
            expected="a network that answers voxels"
            if network is NetworkPlan
            else "a network that answers whole images",
            hint="Begin from a package that answers the same kind of question, or without --from.",
        )
    return dict(found)


def require_of_network(ledger: Ledger) -> None:
    """Raise UsageError for a value set by hand that the kind of network planned does not have."""
    for name in ledger.given:
        section, key = name.split(".")
        if section == "network" and key not in ledger.network.model_fields:
            known = ", ".join(ledger.network.model_fields)
            raise UsageError("not a value of the network that is planned", where=f"--set {name}", expected=known)


def require_heeded(overruled: Collection[str], plan: Plan, problem: Problem, fingerprint: Fingerprint) -> None:
    """Raise UsageError for a value set by hand to another than the rule's that means nothing to the planned model, or says how
    far answers are trusted which this kind of problem does not give.
    """
    classes = fingerprint.choice is not None and not problem.learns_normal
    answered = {OF_CLASSES: classes, OF_CLASSES_OR_NUMBERS: classes or bool(fingerprint.quantities)}
    wanted = dict.fromkeys(classical.idle(plan), "a network") | {
        name: f"a model that answers {of}" for name, of in TRUSTED.items() if not answered[of]
    }
    for name in sorted(wanted.keys() & set(overruled)):
        raise UsageError(
            "a plan value that nothing would heed",
            where=f"--set {name}",
            expected=wanted[name],
            found=f"{problem.name}, {plan.network.title}",
            hint="Leave it out.",
        )


def require_divisible(plan: Plan) -> None:
    """Raise UsageError if the patch cannot be halved as often as a network of voxels does; others take any size."""
    if not isinstance(plan.network, NetworkPlan):
        return
    if any(size % step for size, step in zip(plan.batch.patch, plan.network.stride, strict=True)):
        raise UsageError(
            "the patch does not fit the network",
            where="batch.patch",
            expected=f"lengths divisible by {plan.network.stride}",
            found=plan.batch.patch,
            hint="Set another batch.patch, or network.strides.",
        )


def require_decidable(inference: InferencePlan, fingerprint: Fingerprint) -> None:
    """Raise UsageError for a threshold that is to decide where the most probable of several classes or grades does."""
    labels = fingerprint.choice == "several" or (fingerprint.choice == "one" and len(fingerprint.classes) == 2)
    if inference.decide != "probable" and not labels:
        raise UsageError(
            "no threshold decides here",
            where="--set inference.decide",
            expected="probable, for one of several classes or grades, and for what is no class",
            found=inference.decide,
            hint="Thresholds are of two classes, or of several labels.",
        )


def require_loss(plan: Plan, problem: Problem) -> None:
    """Raise UsageError for a loss that this kind of problem does not have."""
    if plan.training.loss not in problem.losses:
        raise UsageError(
            "a plan value that cannot be",
            where="training.loss",
            expected=", ".join(problem.losses),
            found=plan.training.loss,
        )


def require_class_weights(plan: Plan, *, weighted: tuple[str, ...]) -> None:
    """Raise UsageError unless each of what can be weighted has its weight, or none has. weighted: in words."""
    found, wanted = len(plan.training.class_weights), len(weighted)
    if found not in (0, wanted):
        raise UsageError(
            "a plan value that cannot be",
            where="training.class_weights",
            expected=f"{wanted} weights, {weighted[0]} first, or none"
            if weighted
            else "none: nothing excludes another",
            found=f"{found} weights",
        )


def training_refusal(plan: Plan, machine: Machine) -> ResourceError | None:
    """Why a training step does not fit in memory. On CUDA all fit: there the device says so itself."""
    need = training_bytes(plan) + BASE_BYTES
    if machine.device != "cpu" or need <= MEMORY_SHARE * machine.memory_bytes:
        return None
    return ResourceError(
        "training needs more memory than is free",
        expected=f"{need / 2**30:.1f} GiB for batches of {plan.batch.size} x {prod(plan.batch.patch)} voxels",
        found=f"{machine.memory_bytes / 2**30:.1f} GiB free",
        hint="Set a smaller batch.patch or batch.size with --set, or close other programs.",
    )


def case_refusal(plan: Plan, machine: Machine, fingerprint: Fingerprint, *, answered: bool) -> ResourceError | None:
    """Why the largest case surely does not fit in memory when it is prepared, or answered; both happen beside any device.

    answered: whether every case of the fingerprint will be. Needs are lower bounds, so that no plan is refused that fits.
    """
    most = MEMORY_SHARE * machine.memory_bytes
    what, need = "preparing", least_preparing_bytes(plan, fingerprint)
    if answered and need <= most:
        what, need = "answering", least_answering_bytes(plan, fingerprint)
    if need <= most:
        return None
    spaced = plan.preprocess.spacing is not None and fingerprint.unit == "mm"
    value = "preprocess.spacing" if spaced else "preprocess.long_side"
    smaller = f"a {'coarser' if spaced else 'smaller'} {value}"
    smaller += " or a smaller batch.patch" if what == "answering" else ""
    return ResourceError(
        f"{what} the largest case needs more memory than is free",
        where=f"{value} = {plan.preprocess.spacing if spaced else plan.preprocess.long_side}",
        expected=f"at least {need / 2**30:.1f} GiB for {least_voxels(plan.preprocess, fingerprint):.3g} voxels",
        found=f"{machine.memory_bytes / 2**30:.1f} GiB free",
        hint=f"Set {smaller} with --set, or close other programs.",
    )

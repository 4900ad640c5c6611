"""What training begins from where it does not begin at random: a package of ours, or a file of weights.

Of a package the network is taken over with its weights, so that it is the same but for its head; fold after fold takes the
next of the package's models. A file brings weights alone: those whose name and shape the planned network has.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from scanwright.api.case.opened import require_file
from scanwright.api.case.packaged import listed_members
from scanwright.dataset.cases import Fault
from scanwright.dataset.checks import Checks
from scanwright.dataset.measures import images_hash
from scanwright.errors import IntegrityError, UsageError
from scanwright.files import sha256_file
from scanwright.network.build import Network, build
from scanwright.package.learned import Learned, learned_of
from scanwright.package.load import load
from scanwright.plan.classical_plan import ClassicalPlan
from scanwright.plan.plan import NetworkPlan, Plan, plan_from_json
from scanwright.plan.settings import Start

WEIGHTS_FILE = ".safetensors"
LEAST_SHARE = 0.5
"""Of the planned network's weights, what must be found: with less it would begin at random under another name."""
HEAD = "head."
"""What the names of weights begin with that turn features into an answer."""
OWN = ("in_channels", "out_channels")
"""Values of a network that follow from the task, whatever it begins from."""
CODE, MOST_NAMED = "learned-before", 50
UNKNOWN = Fault(
    code="learned-from-unknown",
    severity="warning",
    expected="weights that say which cases they have learned from",
    found="weights of --from that do not: if cases of this data set are among them, what is measured here is too good",
    action="Begin from the package of the run that made them, where there is one.",
)


@dataclass(frozen=True, slots=True)
class Beginning:
    """start: what plans know of it. models: the weights of each model. learned: the cases that they learned from."""

    start: Start
    models: tuple[Mapping[str, Tensor], ...]
    learned: Learned

    def place(self, fold: int) -> int:
        """Which of the models a fold begins from."""
        return fold % len(self.models)

    def enter(self, network: nn.Module, fold: int, *, all_but_head: bool = False) -> None:
        """Give a fresh network the weights that fit it.

        Raises UsageError if they are less than half of it; with `all_but_head`, if one does not fit that is not of its head.
        """
        weights = self.models[self.place(fold)]
        own = network.state_dict()
        taken = {name: part for name, part in weights.items() if name in own and own[name].shape == part.shape}
        sizes = [own[name].numel() for name in taken]
        short = sum(sizes) < LEAST_SHARE * sum(part.numel() for part in own.values())
        if short or (all_but_head and any(name not in taken and not name.startswith(HEAD) for name in own)):
            raise UsageError(
                "these weights do not fit the planned network",
                where="--from",
                expected=f"most of {len(own)} tensors, by name and shape",
                found=f"{len(taken)} that fit",
                hint="Set network values so that it is the same network, or begin from a package.",
            )
        network.load_state_dict({**own, **taken})


def begun(plan: Plan, fold: int, beginning: Beginning | None) -> Network | None:
    """The network that a fold begins with, all random but for the weights that fit it.

    Of a classical model the network whose features it reads, which needs all its weights but those of the head; None if it
    reads those of no network. Raises UsageError if too few weights fit.
    """
    is_classical = isinstance(plan.network, ClassicalPlan)
    planned = plan.network.encoder if isinstance(plan.network, ClassicalPlan) else plan.network
    if planned is None:
        return None
    network = build(planned, seed=plan.training.seed + fold)
    if beginning is not None:
        beginning.enter(network, fold, all_but_head=is_classical)
    return network


def read_beginning(file: Path) -> Beginning:
    """A package or a .safetensors file. Raises IntegrityError if it is not whole, UsageError for one without a network."""
    require_file(file, what="package or file of weights", expected="a model.swm, or a .safetensors file")
    if file.suffix == WEIGHTS_FILE:
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            return Beginning(Start(digest=sha256_file(file)), (load_file(file),), Learned(complete=False))
        except SafetensorError as error:
            raise IntegrityError("weights that cannot be read", where=file, found=str(error)[:120]) from error
    package = load(file)
    plan = plan_from_json(package.plan, where=file)
    if isinstance(plan.network, ClassicalPlan):
        raise UsageError("a package without a network to begin from", where=file, found=plan.network.title)
    return Beginning(
        Start(digest=package.digest, values=values_of(plan)),
        tuple(package.weights(name) for name in listed_members(package, where=file)[0][1]),
        learned_of(package),
    )


def values_of(plan: Plan) -> dict[str, Any]:
    """The plan values that go with the weights of a network."""
    network = plan.network
    values = {f"network.{name}": value for name, value in network.model_dump(mode="json").items() if name not in OWN}
    if isinstance(network, NetworkPlan):  # its strides divide the patch that it knows, and perhaps no other
        values["batch.patch"] = list(plan.batch.patch)
    return values


def seen_before(checks: Checks, learned: Learned) -> list[Fault]:
    """A fault of policy if cases that are to judge models are among those that the weights have learned from already, and a
    warning if that is not known.
    """
    faults = [] if learned.complete else [UNKNOWN]
    known = sorted(name for name, facts in checks.facts.items() if images_hash(facts.image_hashes) in learned.cases)
    if not known:
        return faults
    return [
        *faults,
        Fault(
            code=CODE,
            severity="error",
            policy=True,
            cases=tuple(known[:MOST_NAMED]),
            numbers={"cases": len(known)},
            expected="cases that the weights of --from have not learned from",
            found=f"{len(known)} of {len(checks.facts)} that they have",
            action="Begin from another package, or leave these cases out.",
        ),
    ]

"""Save and load the state of training: tensors and plain data in one safetensors file, so that it is whole or absent.

Everything that the next step depends on is here, by name: weights, averaged weights, the optimiser's moments, the step, the
timetable, the elapsed time, and the losses that the next line of the log is made of. Random numbers are not: they are a
function of (seed, step).
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from scanwright.errors import IntegrityError
from scanwright.files import write_bytes
from scanwright.training.schedule import Timetable


@dataclass(slots=True)
class TrainingState:
    """What changes from step to step. `averaged` is a second network that holds the moving average of the weights.

    losses: of the steps since the last checkpoint. skipped: steps without finite loss and gradients; in_a_row: of the last.
    """

    network: nn.Module
    averaged: nn.Module
    optimizer: torch.optim.Optimizer
    timetable: Timetable
    step: int = 0
    elapsed_s: float = 0.0
    losses: list[float] = field(default_factory=list)
    skipped: int = 0
    in_a_row: int = 0


def save_state(path: Path, state: TrainingState) -> None:
    """Write the whole state in one atomic step."""
    tensors = {f"network.{name}": value for name, value in state.network.state_dict().items()}
    tensors |= {f"averaged.{name}": value for name, value in state.averaged.state_dict().items()}
    for index, moments in state.optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": value for name, value in moments.items()}
    plain = {
        "step": state.step,
        "elapsed_s": state.elapsed_s,
        "total": state.timetable.total,
        "refits": state.timetable.refits,
        "losses": state.losses,
        "skipped": state.skipped,
        "in_a_row": state.in_a_row,
    }
    write_bytes(path, save({name: value.contiguous() for name, value in tensors.items()}, {"state": json.dumps(plain)}))


def load_state(path: Path, state: TrainingState) -> None:
    """Read a saved state into `state`, in place. Raises IntegrityError if the file is not whole or not of this network."""
    try:
        with safe_open(path, framework="pt") as stored:
            plain = json.loads(stored.metadata()["state"])
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118 (not a mapping)
        losses = [float(loss) for loss in plain["losses"]]
        skipped, in_a_row = int(plain["skipped"]), int(plain["in_a_row"])
        state.network.load_state_dict(_under("network.", tensors))
        state.averaged.load_state_dict(_under("averaged.", tensors))
        _load_moments(state.optimizer, _under("optimizer.", tensors))
    except (SafetensorError, KeyError, RuntimeError, ValueError, TypeError) as error:
        raise IntegrityError(
            "a checkpoint that cannot be read", where=path, found=str(error)[:200], hint="Start again with --restart."
        ) from error
    state.step, state.elapsed_s = int(plain["step"]), float(plain["elapsed_s"])
    state.losses, state.skipped, state.in_a_row = losses, skipped, in_a_row
    refits = tuple((int(step), float(done), int(end)) for step, done, end in plain["refits"])
    state.timetable = Timetable(int(plain["total"]), refits)


def elapsed_of(path: Path) -> float:
    """Seconds that a saved state has been trained for; 0 if there is none or it cannot be read."""
    try:
        with safe_open(path, framework="pt") as stored:
            return float(json.loads(stored.metadata()["state"])["elapsed_s"])
    except (OSError, SafetensorError, KeyError, ValueError, TypeError):
        return 0.0


def save_weights(path: Path, network: nn.Module) -> None:
    """Write a network's weights alone, in one atomic step."""
    write_bytes(path, save({name: value.contiguous().cpu() for name, value in network.state_dict().items()}))


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name[len(prefix) :]: value for name, value in tensors.items() if name.startswith(prefix)}


def _load_moments(optimizer: torch.optim.Optimizer, flat: dict[str, Tensor]) -> None:
    moments: dict[int, dict[str, Any]] = {}
    for name, value in flat.items():
        index, _, key = name.partition(".")
        moments.setdefault(int(index), {})[key] = value
    optimizer.load_state_dict({"state": moments, "param_groups": optimizer.state_dict()["param_groups"]})

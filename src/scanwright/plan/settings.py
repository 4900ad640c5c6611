"""Settings: what the user insists on. Everything else is AUTO, and left to the planner."""

import difflib
import json
from pathlib import Path
from typing import Any

from pydantic import Field

from scanwright.dataset.task import Frozen
from scanwright.errors import InputError, UsageError
from scanwright.files import read_json
from scanwright.plan.plan import ModelName, Plan, section_models


class Start(Frozen):
    """What weights begin from instead of random numbers: the SHA-256 of a package or file, and plan values that go with it.

    values: by dotted name: the network, and the patch of one that answers voxels.
    """

    digest: str
    values: dict[str, Any] = Field(default_factory=dict)


class Settings(Frozen):
    """What the user insists on; everything that is not named here is AUTO and left to the planner.

    budget_s: wall time for the whole command, all folds. steps: steps a fold; excludes budget_s.
    model: what is to learn whole images: "cnn", a network; "cnn-rnn", one of each slice or frame and a
        recurrent one over them; "svm", support vector machines on features; "auto" decides.
    folds: how many; fold: train this one only. values: dotted plan name -> value, from `--set`.
    start: what weights begin from, None for random numbers. caveats: sentences that must be said of what is trained with these
        settings, such as that its values were tuned on the cases that judge it.
    """

    budget_s: float | None = None
    steps: int | None = None
    model: ModelName = "auto"
    folds: int = 5
    fold: int | None = None
    seed: int = 0
    values: dict[str, Any] = Field(default_factory=dict)
    start: Start | None = None
    caveats: tuple[str, ...] = ()


def settable_names(network: type[Frozen] | None = None) -> list[str]:
    """Every dotted name that `--set` takes, e.g. "batch.patch"; of one kind of network, or of both."""
    names = [
        f"{name}.{key}"
        for name in Plan.model_fields
        for model in section_models(name)
        if name != "network" or network in (None, model)
        for key in model.model_fields
    ]
    return list(dict.fromkeys(names))


def parse_set(assignments: list[str]) -> dict[str, Any]:
    """`["batch.size=4", "network.widths=[16,32]"]` to a mapping; values are JSON, or text where they are not JSON.

    Raises UsageError for an unknown name, with the nearest known one, and for an assignment without "=".
    """
    values: dict[str, Any] = {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals:
            raise UsageError("--set takes name=value", found=assignment, hint="For example: --set batch.size=4")
        require_known(name)
        if name in values:
            raise UsageError("a plan value that is set twice", where=f"--set {name}", hint="Give it once.")
        try:
            values[name] = json.loads(text)
        except json.JSONDecodeError:
            values[name] = text
    return values


def read_values(file: Path) -> dict[str, Any]:
    """Plan values from a JSON file: what `tune` wrote (tuned.json), or one object of dotted names to values.

    Raises InputError if it is none, UsageError for an unknown name.
    """
    if not file.is_file():
        raise InputError("no such file of plan values", where=file, hint="Check the path after --plan-values.")
    found = read_json(file)
    values = found.get("values") if isinstance(found, dict) and isinstance(found.get("values"), dict) else found
    if not isinstance(values, dict):
        raise InputError(
            "not a file of plan values", where=file, expected='{"batch.size": 4, …}, or the tuned.json of a tuning'
        )
    for name in values:
        require_known(name)
    return dict(values)


def read_caveats(file: Path) -> tuple[str, ...]:
    """What must be said of a training with the plan values of a file that `read_values` reads: the note of a tuned.json."""
    found = read_json(file)
    note = found.get("note") if isinstance(found, dict) and found.get("values") else None
    return (note,) if isinstance(note, str) else ()


def require_known(name: str) -> None:
    """Raise UsageError, naming the closest plan value, if `name` is not one."""
    known = settable_names()
    if name not in known:
        close = difflib.get_close_matches(name, known, n=3, cutoff=0.4)
        near = f"Did you mean {', '.join(close)}?" if close else f"Known: {', '.join(known[:6])} …"
        raise UsageError("unknown plan value", where=f"--set {name}", hint=near)

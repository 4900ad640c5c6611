"""Write the reference pages that follow from the code: docs/reference/commands.md and docs/reference/plan.md.

    python scripts/reference.py

tests/test_docs.py fails while the pages differ from what this would write.
"""

import inspect
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from typer.testing import CliRunner

from scanwright.cli import app
from scanwright.plan.classical_plan import ClassicalPlan
from scanwright.plan.encoder_plan import EncoderPlan
from scanwright.plan.plan import NetworkPlan, Plan, section_models

ROOT = Path(__file__).resolve().parents[1]
REFERENCE = ROOT / "docs" / "reference"
PLANS = ROOT / "tests" / "golden" / "plans"
MADE = "<!-- Written by scripts/reference.py from the code. -->"


def commands() -> str:
    """What every verb says of itself."""
    names = [command.callback.__name__.replace("_", "-") for command in app.registered_commands if command.callback]
    for group in app.registered_groups:
        inner = group.typer_instance
        assert inner is not None
        names += [f"{inner.info.name} {one.callback.__name__}" for one in inner.registered_commands if one.callback]
    parts = [f"# Commands\n\n{MADE}\n\nExit codes: [errors](errors.md). `--json` prints one object on standard output."]
    for name in names:
        said = (
            CliRunner()
            .invoke(app, [*name.split(), "--help"], env={"COLUMNS": "100", "TERMINAL_WIDTH": "100"}, color=False)
            .output
        )
        parts += [f"## {name}", f"```text\n{said.strip()}\n```"]
    return "\n\n".join(parts) + "\n"


def plan_values() -> str:
    """Every value that `--set` takes, and what the planner decides for four folders of real data."""
    kept = {file.stem: json.loads(file.read_text()) for file in sorted(PLANS.glob("*.json"))}
    said = (
        "Every name here can be given to `--set name=value`; lists are written as JSON. The columns are what the planner",
        "decides for four folders of real data, with 1000 steps, on a laptop of two cores without bfloat16. Reasons stand in",
        "each run's `plan.json`. What was compared: [the rules](../design/0004-rules.md).",
    )
    parts = [f"# Plan values\n\n{MADE}", "\n".join(said)]
    for section in Plan.model_fields:
        for model in section_models(section):
            parts += section_parts(section, model, kept)
    return "\n\n".join(parts) + "\n"


def section_parts(section: str, model: type[BaseModel], plans: Mapping[str, Any]) -> list[str]:
    """A section's heading, what its values mean, and those of plans that have such a section."""
    shown = {name: plan for name, plan in plans.items() if set(plan[section]) <= set(model.model_fields)}
    kind = {NetworkPlan: " of voxels", EncoderPlan: " of whole images", ClassicalPlan: ", a classical model"}
    lines = [f"| {section} | {' | '.join(shown)} |", "| --- |" + " --- |" * len(shown)]
    for key in model.model_fields:
        values = [cell(short(plan[section].get(key))) for plan in shown.values()]
        lines.append(f"| `{section}.{key}` | {' | '.join(values)} |" if shown else f"- `{section}.{key}`")
    meaning = inspect.cleandoc(model.__doc__ or "")
    return [f"## {section}{kind.get(model, '')}", meaning, "\n".join(lines if shown else lines[2:])]


def short(value: Any) -> str:
    """A value as `--set` takes it, long numbers cut."""
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return ", ".join(short({key: one for key, one in entry.items() if one is not None}) for entry in value)
    if isinstance(value, dict):
        return " ".join(f"{key}={short(one)}" for key, one in value.items())
    if isinstance(value, float):
        return f"{value:.5g}"
    if isinstance(value, list):
        return f"[{','.join(short(one) for one in value)}]"
    return value if isinstance(value, str) else json.dumps(value)


def cell(text: str) -> str:
    """Text that can stand in a table."""
    return re.sub(r"\s+", " ", text).replace("|", "\\|")


PAGES = {"commands.md": commands, "plan.md": plan_values}


if __name__ == "__main__":
    for name, page in PAGES.items():
        (REFERENCE / name).write_text(page(), encoding="utf-8")

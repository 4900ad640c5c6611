"""The command line, frozen: every command and option, with its default. Scripts depend on it, so a change is on purpose.

A new option is a new line here and in the changelog; a line that changes or goes needs a reason in docs/design/.
"""

import inspect
import re
from typing import Any, Literal, get_args, get_origin

import pytest
from typer.models import ArgumentInfo, OptionInfo

from scanwright import cli

FROZEN = """
train data: Path
  -o --out: Path (required)
  --budget: str
  --steps: int, at least 1
  --model: auto | cnn | cnn-rnn | svm = auto
  --from: Path
  --folds: int = 5, at least 2, at most 20
  --fold: int
  --split: Path
  --set: str, again and again
  --plan-values: Path
  --exclude: str, again and again
  --waive: str, again and again
  --layout: str
  --task: segmentation | classification | regression | detection | anomaly
  --ablation: bool = False
  --learning-curve: bool = False
  --device: auto | cpu | cuda = auto
  --seed: int = 0
  --restart: bool = False
  --json: bool = False

inspect data: Path
  --layout: str
  --task: segmentation | classification | regression | detection | anomaly
  --exclude: str, again and again
  --split: Path
  --waive: str, again and again
  --quick: bool = False
  -o --out: Path
  --json: bool = False

demo
  -o --out: Path (required)
  --budget: str = 150s
  --device: auto | cpu | cuda = auto
  --json: bool = False

phantom
  -o --out: Path (required)
  --modality: mr | ct | xray | us = mr
  --task: segmentation | classification | regression | detection = segmentation
  --format: nifti | png | dicom
  --subjects: int = 24
  --seed: int = 0
  --fault: str, again and again
  --part: abdomen | chest | head = abdomen
  --json: bool = False

predict model: Path scans: Path, again and again
  -o --out: Path (required)
  --format: auto | nifti | png | dicom | dicom-labelmap | rtstruct = auto
  --explain: bool = False
  --explain-by: auto | grad-cam | integrated-gradients | smoothgrad | occlusion
  --report: bool = False
  --prior: Path, again and again
  --outlines: Path
  --regions: Path
  --strict: bool = False
  --language: str = en
  --patient: bool = False
  --template: Path
  --device: auto | cpu | cuda = auto
  --json: bool = False

evaluate predictions: Path data: Path
  -o --out: Path (required)
  --layout: str
  --task: segmentation | classification | regression | detection | anomaly
  --device: auto | cpu | cuda = auto
  --json: bool = False

ensemble runs: Path, again and again
  -o --out: Path (required)
  --most-passes: int, at least 1
  --most-ms: float
  --most-mb: float
  --device: auto | cpu | cuda = auto
  --json: bool = False

compare models: Path, again and again
  -o --out: Path (required)
  --against: str
  --margin: float
  --common: bool = False
  --on: auto | cross-validation | test = auto
  --seed: int = 0
  --json: bool = False

verify model: Path
  --json: bool = False

features data: Path
  -o --out: Path (required)
  --kind: radiomic | fixed | deep
  --from: Path
  --spacing: float
  --bins: int
  --bin-width: float
  --range: str
  --by-slice: bool = False
  --layout: str
  --exclude: str, again and again
  --device: auto | cpu | cuda = auto
  --json: bool = False

tune data: Path
  -o --out: Path (required)
  --budget: str = 1h
  --steps: int, at least 1
  --trials: int, at least 1
  --jobs: int = 1, at least 1, at most 64
  --storage: str
  --model: auto | cnn | cnn-rnn | svm = auto
  --folds: int = 5, at least 2, at most 20
  --fold: int = 0, at least 0
  --split: Path
  --set: str, again and again
  --exclude: str, again and again
  --waive: str, again and again
  --layout: str
  --task: segmentation | classification | regression | detection | anomaly
  --device: auto | cpu | cuda = auto
  --seed: int = 0
  --restart: bool = False
  --json: bool = False

find-rate data: Path
  -o --out: Path (required)
  --steps: int = 150, at least 20, at most 2000
  --model: auto | cnn | cnn-rnn = auto
  --folds: int = 5, at least 2, at most 20
  --fold: int = 0, at least 0
  --split: Path
  --set: str, again and again
  --exclude: str, again and again
  --waive: str, again and again
  --layout: str
  --task: segmentation | classification | regression | detection | anomaly
  --device: auto | cpu | cuda = auto
  --seed: int = 0
  --restart: bool = False
  --json: bool = False

data version data: Path
  -o --out: Path (required)
  --layout: str
  --task: segmentation | classification | regression | detection | anomaly
  --json: bool = False

data diff old: Path new: Path
  --json: bool = False

data merge sources: Path, again and again
  -o --out: Path (required)
  --map: str, again and again
  --same-patients: bool = False
  --exclude: str, again and again
  --link: bool = False
  --json: bool = False

data append data: Path sources: Path, again and again
  --map: str, again and again
  --same-patients: bool = False
  --exclude: str, again and again
  --link: bool = False
  --json: bool = False

data preview data: Path
  -o --out: Path (required)
  --plan: Path
  --cases: int = 3, at least 1, at most 12
  --samples: int = 5, at least 1, at most 8
  --layout: str
  --task: segmentation | classification | regression | detection | anomaly
  --seed: int = 0
  --json: bool = False

data card data: Path
  -o --out: Path (required)
  --layout: str
  --task: segmentation | classification | regression | detection | anomaly
  --json: bool = False

data pseudo model: Path scans: Path, again and again
  --labelled: Path (required)
  -o --out: Path (required)
  --steps: int (required), at least 1
  --folds: int = 3, at least 2, at most 20
  --confidence: float = 0.9, at least 0, at most 1
  --same-patients: bool = False
  --seed: int = 0
  --device: auto | cpu | cuda = auto
  --json: bool = False
"""

VERBS = {command.callback.__name__.replace("_", "-"): command.callback for command in cli.app.registered_commands}
GROUPS = {group.typer_instance.info.name: group.typer_instance for group in cli.app.registered_groups}
VERBS |= {
    f"{name} {command.callback.__name__}": command.callback
    for name, app in GROUPS.items()
    for command in app.registered_commands
}


def test_command_line__is_this() -> None:
    assert "\n\n".join(spelled(name) for name in VERBS) == FROZEN.strip()


def spelled(name: str) -> str:
    """A command as FROZEN writes it, from the function's own signature."""
    parameters = inspect.signature(VERBS[name]).parameters.values()
    parts = [(one, *get_args(one.annotation)) for one in parameters]
    arguments = [f"{one.name}: {kind(of)}" for one, of, info in parts if isinstance(info, ArgumentInfo)]
    options = [
        f"\n  {' '.join(names(one, info))}: {kind(of)}{default(one)}{limits(info)}"
        for one, of, info in parts
        if isinstance(info, OptionInfo)
    ]
    return " ".join([name, *arguments]) + "".join(options)


def names(parameter: inspect.Parameter, info: OptionInfo) -> list[str]:
    given = [one for one in (info.default, *(info.param_decls or ())) if isinstance(one, str)]  # as Annotated has them
    return given or [f"--{parameter.name}"]


def kind(annotation: Any) -> str:
    held = [one for one in get_args(annotation) if one is not type(None)]
    if get_origin(annotation) is Literal:
        return " | ".join(held)
    if get_origin(annotation) is list:
        return f"{kind(held[0])}, again and again"
    return kind(held[0]) if held else annotation.__name__


def default(parameter: inspect.Parameter) -> str:
    if parameter.default is inspect.Parameter.empty:
        return " (required)"
    return "" if parameter.default is None else f" = {parameter.default}"


def limits(info: OptionInfo) -> str:
    return "".join(f", at {word} {at}" for word, at in (("least", info.min), ("most", info.max)) if at is not None)


@pytest.mark.parametrize("name", VERBS)
def test_help__of_every_command(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.exit_code([*name.split(), "--help"]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    for parameter in inspect.signature(VERBS[name]).parameters.values():
        _, info = get_args(parameter.annotation)
        assert info.help, f"{name} {parameter.name} has no help"
        assert info.help.split()[0] in said.out
        if isinstance(info, OptionInfo):
            assert ", ".join(names(parameter, info)) in said.out
    assert " ".join(inspect.getdoc(VERBS[name]).split()) in " ".join(said.out.split())


@pytest.mark.parametrize("group", ["", *GROUPS])
def test_help__names_every_command(group: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.exit_code([*group.split(), "--help"]) == 0
    inside = [name.removeprefix(f"{group} ") for name in VERBS if name.rpartition(" ")[0] == group]
    shown = re.findall(r"^  (\w[\w-]*)  ", capsys.readouterr().out, re.MULTILINE)
    assert sorted(shown) == sorted([*inside, *(() if group else GROUPS)])


def test_json__wherever_there_is_a_result() -> None:
    assert all("json_" in inspect.signature(verb).parameters for verb in VERBS.values())

"""Arguments and options that several commands share, and how their texts are read."""

import re
from pathlib import Path
from typing import Annotated, Literal

import typer

from scanwright.errors import UsageError


def folder_path(text: str) -> Path:
    """A folder as it was typed. An empty one is a shell variable that is not set, not the folder one is in."""
    if not text.strip():
        raise typer.BadParameter("an empty name; the folder one is in is '.'")
    return Path(text)


Data = Annotated[Path, typer.Argument(help="Folder of scans and labels, a CSV table, or an .npz archive.")]
Out = Annotated[Path, typer.Option("-o", "--out", parser=folder_path, metavar="<path>", help="Folder for the results.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")]
Device = Annotated[Literal["auto", "cpu", "cuda"], typer.Option(help="Where to compute.")]
Layout = Annotated[str | None, typer.Option(help="Read the folder as this layout instead of detecting it.")]
Wanted = Annotated[
    Literal["segmentation", "classification", "regression", "detection", "anomaly"] | None,
    typer.Option("--task", help="What is wanted, where the data could serve several ends."),
]
LANGUAGE = "en"
"""Of a report, where nothing else is asked for."""
Exclude = Annotated[list[str] | None, typer.Option(help="Leave out a case, by name. May be given again.")]
Split = Annotated[Path | None, typer.Option(help="Splits file: nnU-Net's JSON, or a CSV.")]
Waive = Annotated[
    list[str] | None,
    typer.Option(metavar="CODE[:CASE]=REASON", help="Let a finding that a rule forbids pass. May be given again."),
]

Values = Annotated[list[str] | None, typer.Option("--set", help="A plan value: batch.size=4. May be given again.")]
Folds = Annotated[int, typer.Option(min=2, max=20, help="How many folds.")]
Seed = Annotated[int, typer.Option(help="Seed of everything random.")]
Restart = Annotated[bool, typer.Option("--restart", help="Throw an earlier run in this folder away.")]


def parse_duration(text: str) -> float:
    """ "90", "90s", "10m" or "1h30m" to seconds. Raises UsageError for anything else and for nothing."""
    match = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s?)?", text.strip().lower())
    hours, minutes, seconds = match.groups() if match else (None, None, None)
    total = 3600 * int(hours or 0) + 60 * int(minutes or 0) + float(seconds or 0)
    if not match or total <= 0:
        raise UsageError("not a duration", found=f"--budget {text}", expected="for example 90s, 10m or 1h30m")
    return total


def require_report(*, language: str, template: Path | None, patient: bool) -> None:
    """Raise UsageError for an option that says how a report is written, where none was asked for."""
    given = {"--template": template is not None, "--patient": patient, "--language": language != LANGUAGE}
    for option, is_given in given.items():
        if is_given:
            raise UsageError("an option of the report, and no report", where=option, hint="Add --report.")
